/**
 * Every kind of difference between two versions of a protocol, by its id: those that break peers of the other version,
 * and those that do not. Ids are stable. Finding them is breaking.ts's; here is what they mean, each with an example
 * that its test and `stardust explain` both use. Those about members and types are in breaking-table-types.ts.
 */
import {
  type BreakingRow,
  type BreakingRows,
  channels,
  growing,
  hit,
  message,
  newChannel,
  plain,
  version,
} from "./breaking-samples.ts";
import { breakingTypes, harmlessTypes } from "./breaking-table-types.ts";
import { sampleHeader } from "./sample-header.ts";

export interface BreakingRule extends BreakingRow {
  readonly kind: "breaking" | "compatible";
}

/** How a comparison says what it has found. */
export type Report = (
  rule: string,
  word: string,
  olderLine: number,
  newerLine: number,
  message: string,
) => void;

const join = (schema: string): string => `zero:\n  join:\n    body: { type: object, ${schema} }\n`;
const sys = (hint: string): string =>
  `zero:\n  processing:\n    sys: { type: object, properties: { pieces: { type: integer, minimum: 0, maximum: 64 }, hint: { type: ${hint} } } }\n`;
/** A whole header, with room for fields of the sender's own. */
const header = (own: string): string => `${plain}${sampleHeader("", own)}`;

const breaking: BreakingRows = {
  "protocol-renamed": {
    title: "the protocol has another name",
    why: "The name is part of the hash: it says whether two peers speak the same protocol at all.",
    fix: "keep the name; `doc` may say anything",
    before: `stardust: 1\nprotocol: { name: arena }\nsecurity: plain\n${plain}`,
    after: `stardust: 1\nprotocol: { name: arena2 }\nsecurity: plain\n${plain}`,
    instead: `stardust: 1\nprotocol: { name: arena, version: 2 }\nsecurity: plain\n${plain}`,
  },
  "security-changed": {
    title: "the kind of security, or the cipher, differs",
    why: "A sealed peer takes no plain datagrams, and a plain one cannot open sealed ones.",
    fix: "there is no way around: both ends change together",
    before: version(1, plain),
    after: version(2, plain).replace("security: plain", "security: sealed"),
    instead: version(2, plain),
  },
  "limit-changed": {
    title: "a limit that both ends rely on differs",
    why: "One end counts on the other for the size of datagrams and slices, the receive budget, the idle timeout and the delay of acks.",
    fix: "keep the limit; what only one end decides (creditBytes, keepAliveMs, …) may change",
    before: `${message("text: { string: { maxBytes: 3000 } }")}limits: { maxDatagramBytes: 1200 }\n`,
    after: `${message("text: { string: { maxBytes: 3000 } }")}limits: { maxDatagramBytes: 1000 }\n`,
    instead: `${message("text: { string: { maxBytes: 3000 } }")}limits: { maxDatagramBytes: 1200, keepAliveMs: 1000 }\n`,
  },
  "header-changed": {
    title: "the header of datagrams differs",
    why: "Every datagram begins with it: a peer with another layout reads nothing behind it.",
    fix: "keep the layout, also its own fields; send new values in a message",
    before: header(""),
    after: header("    - { name: tick, type: u32 }\n"),
    instead: header("").replace(
      plain,
      `${plain}  tick: { id: 1, delivery: unreliable-sequenced, message: { tick: u32 } }\n`,
    ),
  },
  "channel-removed": {
    title: "a channel is gone",
    why: "An older peer still sends on it and waits for it; a newer one knows no such channel.",
    fix: "keep the channel and mark it `deprecated`; when no old peer is left, remove it and reserve its id",
    before: `${plain}  old: { id: 1, delivery: reliable, direction: both, message: { x: u8 } }\n`,
    after: plain,
    instead: `${plain}  old: { id: 1, delivery: reliable, direction: both, deprecated: { replacedBy: hit }, message: { x: u8 } }\n`,
  },
  "channel-id-changed": {
    title: "a channel has another id",
    why: "On the wire a channel is its id. The other version takes the message for another channel's, or for none.",
    fix: "keep the id; the name may change",
    before: plain,
    after: channels("hit: { id: 5, delivery: reliable, direction: both, message: { who: u16 } }"),
    instead: channels(
      "strike: { id: 0, delivery: reliable, direction: both, message: { who: u16 } }",
    ),
  },
  "channel-delivery-changed": {
    title: "a channel has another delivery mode",
    why: "Both ends must agree on what is numbered, repeated and put in order.",
    fix: newChannel,
    before: plain,
    after: channels("hit: { id: 0, delivery: unreliable, direction: both, message: { who: u16 } }"),
    instead: `${plain}  hitNow: { id: 1, delivery: unreliable, direction: both, message: { who: u16 } }\n`,
  },
  "channel-direction-changed": {
    title: "a channel has another direction",
    why: "A peer drops the whole datagram when a message comes the way its spec forbids, and the messages beside it too.",
    fix: "add a channel for the other direction",
    before: channels(
      "hit: { id: 0, delivery: reliable, direction: client-to-server, message: { who: u16 } }",
    ),
    after: plain,
    instead: `${channels("hit: { id: 0, delivery: reliable, direction: client-to-server, message: { who: u16 } }")}  hitBack: { id: 1, delivery: reliable, direction: server-to-client, message: { who: u16 } }\n`,
  },
  "channel-compress-changed": {
    title: "a channel is compressed in one version only",
    why: "A compressed message has a byte in front that says stored or deflated. A peer without it takes that byte for the message's first.",
    fix: newChannel,
    before: message("text: { string: { maxBytes: 3000 } }"),
    after: hit("compress: true, message: { text: { string: { maxBytes: 3000 } } }"),
    instead: `${message("text: { string: { maxBytes: 3000 } }")}  hitLong: { id: 1, delivery: reliable, direction: both, compress: true, message: { text: { string: { maxBytes: 3000 } } } }\n`,
  },
  "channel-fragment-changed": {
    title: "a channel sends in slices, and the other version does not take them",
    why: "A peer takes slices only on channels that may have them, and a message above a datagram comes in slices.",
    fix: "leave `fragment` on from the first version on where messages may grow, or send what is large on a new channel",
    before: version(1, hit("fragment: false, extensible: true, message: { who: u16 }")),
    after: growing(2, "who: u16, picture: { bytes: { maxBytes: 3000 }, since: 2 }"),
    instead: version(
      2,
      hit(
        "fragment: false, extensible: true, message: { who: u16, icon: { bytes: { maxBytes: 300 }, since: 2 } }",
      ),
    ),
  },
  "zero-member-required": {
    title: "a zero message newly requires a member",
    why: "An older peer does not send it, and is refused.",
    fix: "leave it out of `required`, and treat peers without it well",
    before: join("properties: { name: { type: string, maxLength: 20 } }"),
    after: join(
      "required: [team], properties: { name: { type: string, maxLength: 20 }, team: { type: boolean } }",
    ),
    instead: join("properties: { name: { type: string, maxLength: 20 }, team: { type: boolean } }"),
  },
  "zero-member-not-required": {
    title: "a zero message no longer requires a member",
    why: "A newer peer may leave it out, and an older one refuses the message without it.",
    fix: "keep it in `required`",
    before: join("required: [name], properties: { name: { type: string, maxLength: 20 } }"),
    after: join("properties: { name: { type: string, maxLength: 20 } }"),
    instead: join(
      "required: [name], properties: { name: { type: string, maxLength: 20 }, team: { type: boolean } }",
    ),
  },
  "zero-member-removed": {
    title: "a required member of a zero message is gone",
    why: "A newer peer does not send it, and an older one refuses the message without it.",
    fix: "keep it, and ignore it",
    before: join("required: [name], properties: { name: { type: string, maxLength: 20 } }"),
    after: join("properties: {}"),
    instead: join(
      'required: [name], properties: { name: { type: string, maxLength: 20, description: "Ignored." } }',
    ),
  },
  "zero-member-changed": {
    title: "the schema of a zero message's member differs",
    why: "Each end checks what it gets by its own schema: the stricter one refuses what the other sends.",
    fix: "add an optional member under another name",
    before: join("properties: { name: { type: string, maxLength: 20 } }"),
    after: join("properties: { name: { type: string, maxLength: 40 } }"),
    instead: join(
      "properties: { name: { type: string, maxLength: 20 }, longName: { type: string, maxLength: 40 } }",
    ),
  },
  "zero-message-changed": {
    title: "the connection protocol itself differs",
    why: "The `sys` of the zero messages and who sends them is what lets two strangers begin to talk.",
    fix: "leave `sys` to the generator's defaults; a new member of it must be optional",
    before: sys("string, maxLength: 8"),
    after: sys("integer, minimum: 0, maximum: 9"),
    instead: sys("string, maxLength: 8").replace(
      "hint: {",
      "number: { type: integer, minimum: 0, maximum: 9 }, hint: {",
    ),
  },
  "wire-changed": {
    title: "the wire differs in a way no rule knows",
    why: "The hashes differ and nothing that was found explains it. Nobody can promise that the peers understand each other.",
    fix: "please report it with both specs",
    before: plain,
    after: plain,
  },
};

const harmless: BreakingRows = {
  "version-changed": {
    title: "the version was raised",
    why: "The version is a name for people and for the record; it is not part of the hash.",
    fix: "raise it with every change that you publish",
    before: `stardust: 1\nprotocol: { name: arena, version: 1 }\nsecurity: plain\n${plain}`,
    after: `stardust: 1\nprotocol: { name: arena, version: 2 }\nsecurity: plain\n${plain}`,
  },
  "docs-changed": {
    title: "what is said to people differs",
    why: "`doc`, `why`, `unit` and `deprecated` are not on the wire.",
    fix: "nothing to do",
    before: plain,
    after: message("who: { type: u16, doc: Who was hit. }"),
  },
  "own-limit-changed": {
    title: "a limit that one end decides for itself differs",
    why: "Credit, keep-alive and the handshake's times bind only the end that has them.",
    fix: "nothing to do",
    before: plain,
    after: `${plain}limits: { keepAliveMs: 1000 }\n`,
  },
  "header-field-renamed": {
    title: "a field of your own in the header has another name",
    why: "Fields are on the wire by their place. Make sure that it is a new name and not a new meaning.",
    fix: "rename it in the code",
    before: header("    - { name: tick, type: u32 }\n"),
    after: header("    - { name: step, type: u32 }\n"),
  },
  "channel-added": {
    title: "a channel is new",
    why: "An older peer does not have it. A newer one must not count on an answer there.",
    fix: "nothing to do; think of peers that never send on it",
    before: plain,
    after: `${plain}  miss: { id: 1, delivery: reliable, direction: both, message: { who: u16 } }\n`,
  },
  "channel-bound-changed": {
    title: "`maxBytes` of a channel differs",
    why: "It is room above what the message can take. Both versions' messages take no more than before, and what may grow is given what the receive budget holds.",
    fix: "nothing to do",
    before: hit("maxBytes: 100, message: { who: u16 }"),
    after: hit("maxBytes: 200, message: { who: u16 }"),
  },
  "channel-renamed": {
    title: "a channel has another name",
    why: "On the wire a channel is its id. Code that uses the old name no longer compiles, which is all.",
    fix: "rename it in the code",
    before: plain,
    after: channels(
      "strike: { id: 0, delivery: reliable, direction: both, message: { who: u16 } }",
    ),
  },
  "sending-changed": {
    title: "what only the sender decides differs",
    why: "`priority`, `weight` and `queueBytes` order what one end sends, and `fragment` matters only where a message is above a datagram; the other end does not notice.",
    fix: "nothing to do",
    before: plain,
    after: hit("priority: 3, message: { who: u16 }"),
  },
  "zero-optional-added": {
    title: "a zero message has a new optional member",
    why: "An older peer drops what it does not know, and a newer one does without.",
    fix: "nothing to do",
    before: join("properties: { name: { type: string, maxLength: 20 } }"),
    after: join("properties: { name: { type: string, maxLength: 20 }, team: { type: boolean } }"),
  },
  "zero-optional-removed": {
    title: "an optional member of a zero message is gone",
    why: "An older peer does without it, and a newer one drops it.",
    fix: "nothing to do; do not use the name again for something else",
    before: join("properties: { name: { type: string, maxLength: 20 }, team: { type: boolean } }"),
    after: join("properties: { name: { type: string, maxLength: 20 } }"),
  },
};

function rows(): Record<string, BreakingRule> {
  const all = Object.create(null) as Record<string, BreakingRule>;
  const add = (kind: BreakingRule["kind"], rows: BreakingRows) => {
    for (const [id, row] of Object.entries(rows)) all[id] = { kind, ...row };
  };
  add("breaking", breaking);
  add("breaking", breakingTypes);
  add("compatible", harmless);
  add("compatible", harmlessTypes);
  return all;
}

export const breakingRules: Readonly<Record<string, BreakingRule>> = rows();
