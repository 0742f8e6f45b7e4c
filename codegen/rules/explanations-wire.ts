/** What `stardust explain` says about the header, the zero messages and the limits. Plain data, see explanations.ts. */
import type { Explanation } from "./explanation.ts";

/** A line of the default header, and what somebody made of it. */
const layout = (means: string, fix: string, good: string, bad: string): Explanation => ({
  means,
  fix,
  bad,
  good,
  shows: "header lines",
});

const frames = "- { name: frames, bits: 1, role: frames }";
const sealed = "- { name: ackDelay, type: u8, role: ack-delay, when: [ack] }";
const length = "- { name: length, type: varint, role: length, when: [unsized, more] }";
const more = (line: string, extra: string): string => `${line}\n    ${extra}`;

const header: Readonly<Record<string, Explanation>> = {
  SD1401: layout(
    "A role tells the runtime what a field of the header is for; docs/wire.md#how-a-header-layout-is-read has them all. A field without a role is your own.",
    "correct the role, or leave it out for a field of your own",
    "- { name: ackNow, bits: 1, role: ack-now }",
    "- { name: ackNow, bits: 1, role: ack-nwo }",
  ),
  SD1402: layout(
    "The runtime cannot do without this role in this list.",
    "add a field with it, or begin again with the default layout, which docs/wire.md#the-default-header shows",
    frames,
    "- { name: frames, bits: 1 }",
  ),
  SD1403: layout(
    "Two fields have the same role, and the runtime fills one. Only `reserved` may stand more than once.",
    "remove one of them, or its role",
    "- { name: keyPhase, bits: 1, role: key-phase }",
    "- { name: keyPhase, bits: 1, role: ack }",
  ),
  SD1404: layout(
    "The role belongs in another of the three lists: what is read before a datagram is opened is `clear`, what stands once in it is `sealed`, what stands before each message is `frame`.",
    "move the field",
    sealed,
    more(sealed, "- { name: late, bits: 8, role: wide }"),
  ),
  SD1405: layout(
    "A role has one width, or a choice of a few: flags take `bits: 1`, the others what docs/wire.md#how-a-header-layout-is-read says.",
    "use the width that the message names",
    sealed,
    "- { name: ackDelay, type: u16, role: ack-delay, when: [ack] }",
  ),
  SD1406: layout(
    "Every datagram begins with the channel in three bytes: zeros there tell the connection protocol's apart.",
    "let the field of role `channel` be the first",
    "- { name: channel, type: u24, role: channel }\n    - { name: ack, bits: 1, role: ack }",
    "- { name: tick, type: u8 }\n    - { name: channel, type: u24, role: channel }\n    - { name: ack, bits: 1, role: ack }",
  ),
  SD1407: layout(
    "A field with a role is there exactly when its role says so: under these conditions, no more and no fewer.",
    "write `when` as the message says",
    length,
    "- { name: length, type: varint, role: length, when: [more] }",
  ),
  SD1408: layout(
    "A condition is the name of a one-bit field in front, in the same scope, or (in `frame`) `numbered` or `unsized`.",
    "correct the name",
    "- { name: receiveLimit, type: varint, role: receive-limit, when: [limit] }",
    "- { name: receiveLimit, type: varint, role: receive-limit, when: [limt] }",
  ),
  SD1409: layout(
    "A field is read with what stands in front of it; the flag comes too late.",
    "move the flag in front",
    sealed,
    more(
      sealed,
      "- { name: extra, type: u8, when: [mine] }\n    - { name: mine, bits: 1 }\n    - { name: pad, bits: 7, role: reserved }",
    ),
  ),
  SD1410: layout(
    "Bit fields side by side must fill whole bytes.",
    "add a field of role `reserved` with the bits that are missing",
    "- { name: spare, bits: 4, role: reserved }",
    "- { name: spare, bits: 3, role: reserved }",
  ),
  SD1411: layout(
    "A field is either whole bytes of a `type` or some `bits`.",
    "state one of them",
    frames,
    "- { name: frames, role: frames }",
  ),
  SD1412: layout(
    "Bits that are only sometimes there would move all that follow.",
    "remove `when`, or make it a field of whole bytes",
    "- { name: keyPhase, bits: 1, role: key-phase }",
    "- { name: keyPhase, bits: 1, role: key-phase, when: [ack] }",
  ),
  SD1413: layout(
    "The bits of a frame are one byte in front of it, which the first frame leaves out.",
    "move them to the front",
    length,
    more(length, "- { name: tail, bits: 8, role: reserved }"),
  ),
  SD1414: layout(
    "Behind its bits a frame names its channel: whether it is numbered and sized follows from that.",
    "move the field of role `channel` there",
    "- { name: channel, type: u24, role: channel }\n    - { name: number, type: u16, role: message-number, when: [numbered] }",
    "- { name: number, type: u16, role: message-number, when: [numbered] }\n    - { name: channel, type: u24, role: channel }",
  ),
  SD1415: layout(
    "A packet number of two parts needs a flag of role `wide`, a u16 of role `packet-number-high` with that condition, and right behind it a u16 of role `packet-number`; one of four bytes needs only itself.",
    "write all three parts, or `type: u32` and no others",
    "- { name: high, type: u16, role: packet-number-high, when: [wide] }\n    - { name: number, type: u16, role: packet-number }",
    "- { name: number, type: u16, role: packet-number }",
  ),
  SD1416: layout(
    "A field of your own stands once in a datagram, not in front of each message.",
    "move it to `clear` or `sealed`, or make it a member of the message",
    length,
    more(length, "- { name: tick, type: u8 }"),
  ),
  SD1417: layout(
    "Names of header fields become members of one object: `clear` and `sealed` share one set of names, `frame` has its own.",
    "rename one of them",
    "- { name: limit, bits: 1, role: limit }",
    "- { name: ack, bits: 1, role: limit }",
  ),
  SD1418: {
    means:
      "Fields of your own take so much of each datagram that less than 256 bytes are left for a message.",
    fix: "remove fields, make them smaller, or raise `limits.maxDatagramBytes`",
  },
  SD1419: layout(
    "A condition is a field of one bit that is not `reserved`.",
    "take a flag; `numbered` and `unsized` are known for frames only",
    sealed,
    more(sealed, "- { name: extra, type: u8, when: [numbered] }"),
  ),
  SD1420: layout(
    "Fields of your own are numbers of a fixed width, so that the header's length is known.",
    "use u8, u16, u24, u32, i8, i16, i32, f32 or f64, or a number of `bits`",
    sealed,
    more(sealed, "- { name: tick, type: varint }"),
  ),
  SD1421: layout(
    "Acknowledgements are either ranges or one bit field; two ways to say the same could contradict each other.",
    "remove one of the two fields",
    sealed,
    more(sealed, "- { name: bits, type: u32, role: ack-bits, when: [ack] }"),
  ),
  SD1422: {
    means:
      "The tag of a sealed datagram says that it is the other side's, which a session tag says only to those who see no packets.",
    fix: "remove the field; or write `security: plain`, if the spec says no security and is not to be sealed",
  },
};

const join = (schema: string): string =>
  `zero:\n  join:\n    body: { type: object, properties: { name: ${schema} } }\n`;
const kindOf = (security: string): string => `stardust: 1
protocol: { name: sample }
security: ${security}
channels:
  sample: { id: 0, delivery: reliable, message: { x: u8 } }
`;
/** What the runtime has in the sys of `processing`. */
const pieces = "properties: { pieces: { type: integer, minimum: 0, maximum: 64 } }";
const plainJoin = join("{ type: string, maxLength: 20 }");
const deep = (levels: number): string =>
  `${"{ type: array, maxItems: 1, items: ".repeat(levels)}{ type: boolean }${" }".repeat(levels)}`;
const sys = (more: string, hash = 32): string => `zero:
  join:
    sys:
      type: object
      required: [version, hash${more}]
      properties:
        version: { type: integer, minimum: 0, maximum: 4294967295 }
        hash: { type: string, minLength: 32, maxLength: ${hash} }
        compatible: { type: array, maxItems: 8, items: { type: string, minLength: 32, maxLength: 32 } }
        cookie: { type: string, minLength: 22, maxLength: 64 }
        token: { type: string, minLength: 1, maxLength: 1024 }
        stay: { type: boolean }
        pieces: { type: integer, minimum: 1, maximum: 64 }
        bytes: { type: integer, minimum: 1, maximum: 8192 }
        digest: { type: string, minLength: 43, maxLength: 43 }
        piece: { type: integer, minimum: 1, maximum: 64 }
        data: { type: string, minLength: 2, maxLength: 1500 }
`;

const zero: Readonly<Record<string, Explanation>> = {
  SD1501: {
    means:
      "Zero messages use a small part of JSON Schema: what can be checked in bounded time and has a largest size. There is no `pattern`, `format`, `$ref` or combinator; docs/guide.md#bodies-of-zero-messages lists what there is.",
    fix: "correct the keyword, or check it in `authenticate`",
    bad: join("{ type: string, maxLength: 20, pattern: x }"),
    good: plainJoin,
  },
  SD1502: {
    means:
      "Anybody can send a zero message, so each has a largest size: every schema needs its `type`, strings `maxLength` (or `enum`), arrays `maxItems` and `items`, integers `minimum` and `maximum`.",
    fix: "add the bound that the message names",
    bad: join("{ type: string }"),
    good: plainJoin,
  },
  SD1503: {
    means: "Who sends a zero message is part of the handshake, not of the spec.",
    fix: "write what the message says, or leave `from` out",
    bad: "zero:\n  join: { from: server }\n",
    good: "zero:\n  join: { from: client }\n",
  },
  SD1504: {
    means: "A spec may state `sys` in full, but then with every member that the runtime sends.",
    fix: "leave `sys` out, unless you document it: the default is right",
    bad: "zero:\n  attached: { sys: { type: object } }\n",
    good: "zero:\n  attached: {}\n",
  },
  SD1505: {
    means:
      "This member of `sys` is the runtime's, and must have the runtime's schema, word for word.",
    fix: "leave `sys` out, or write the schema that the message shows",
    bad: sys("", 33),
    good: sys(""),
  },
  SD1506: {
    means:
      "A zero message travels in one datagram, a join whose body does not fit in some more, and the largest that its schema allows is more than that. A character of a string counts as six bytes, since JSON may have to escape it, and as one where its `format` is `ascii` or `base64`; an `enum` counts as its longest value.",
    fix: "lower `maxLength` and `maxItems` in the body, or say `format: ascii` or `base64` of strings that are no text of people's",
    bad: join("{ type: string, maxLength: 2000 }"),
    good: plainJoin,
  },
  SD1507: {
    means:
      "The runtime reads JSON of at most 6 levels and 64 keys from strangers, the envelope counted, and the schema allows more.",
    fix: "flatten the body",
    bad: join(deep(5)),
    good: join(deep(1)),
  },
  SD1508: {
    means:
      "`sys` is the runtime's: requiring what it does not always send would refuse every peer.",
    fix: "leave `sys` out",
    bad: sys(", cookie"),
    good: sys(""),
  },
  SD1509: {
    means: "`required` names a member that `properties` does not have.",
    fix: "correct the name, or add the member",
    bad: "zero:\n  join: { body: { type: object, required: [nam], properties: { name: { type: boolean } } } }\n",
    good: "zero:\n  join: { body: { type: object, required: [name], properties: { name: { type: boolean } } } }\n",
  },
  SD1510: {
    means: "A body has the members that the spec names, no others: unknown ones are dropped.",
    fix: "remove `additionalProperties`",
    bad: "zero:\n  join: { body: { type: object, additionalProperties: true } }\n",
    good: "zero:\n  join: { body: { type: object } }\n",
  },
  SD1511: {
    means: "A value of `enum` or `const` can never occur, because `type` says otherwise.",
    fix: "put text between quotes, or correct the type",
    bad: join("{ type: string, enum: [red, 1] }"),
    good: join('{ type: string, enum: [red, "1"] }'),
  },
  SD1512: {
    means: "Later versions of the runtime may add members to `sys`; older ones ignore them.",
    fix: "remove `additionalProperties`",
    bad: `zero:\n  processing: { sys: { type: object, ${pieces}, additionalProperties: false } }\n`,
    good: `zero:\n  processing: { sys: { type: object, ${pieces} } }\n`,
  },
  SD1513: {
    means:
      "Some members of `sys` belong to one kind of security: `ticket` and `tag` to `plain`, `key` and `identity` to `sealed`. Elsewhere the runtime refuses them.",
    fix: "remove the member; or write `security: plain`, if the spec says no security and is not to be sealed",
    bad: `${sys("")}        key: { type: string, minLength: 43, maxLength: 43 }\n`,
    good: sys(""),
  },
  SD1514: {
    means:
      "A member of `join` that is marked `secret` travels sealed to the server. With `security: plain` nothing is sealed, and whoever is on the path would read it.",
    fix: "leave out `security: plain`; or have a backend check it over HTTPS and issue a connect token (docs/guide.md#connect-tokens), and take the member out",
    bad: `${kindOf("plain")}${join("{ type: string, maxLength: 32, secret: true }")}`,
    good: `${kindOf("sealed")}${join("{ type: string, maxLength: 32, secret: true }")}`,
  },
  SD1515: {
    means:
      "`secret: true` stands on a member of the body of `join` itself: it seals the whole member. What is inside a member, and what a server says, has no such mark.",
    fix: "put the mark on the member of `join` that holds it; send what a server has to keep secret as a message",
    bad: "zero:\n  accept: { body: { type: object, properties: { seat: { type: string, maxLength: 32, secret: true } } } }\n",
    good: "zero:\n  accept: { body: { type: object, properties: { seat: { type: string, maxLength: 32 } } } }\n",
  },
  SD1601: {
    means:
      "Two limits contradict each other: a side must keep the connection alive before the other gives it up (`keepAliveMs` below `idleTimeoutMs`), and the application must decide inside the handshake (`authenticateTimeoutMs` below `handshakeTimeoutMs`); what is tried on a path is larger than what is sent on every one (`maxPathDatagramBytes` above `maxDatagramBytes`).",
    fix: "lower the first or raise the second; mind that the one you did not write has a default",
    bad: "limits: { keepAliveMs: 20000 }\n",
    good: "limits: { keepAliveMs: 20000, idleTimeoutMs: 60000 }\n",
  },
};

export const wireExplanations: Readonly<Record<string, Explanation>> = { ...header, ...zero };
