/**
 * What `stardust explain` says about each diagnostic of a spec: what it means, what to do, and an example of each kind.
 * Examples are sections of a spec; those about the header are lines of its default layout, and `good` is what stands
 * there by default. A test holds every example against the generator. The header's and the zero messages' are in
 * explanations-wire.ts.
 */
import { builtInList } from "../spec/type-names.ts";
import type { Explanation } from "./explanation.ts";
import { wireExplanations } from "./explanations-wire.ts";

/** A channel with these members. */
const hit = (members: string): string => `channels:
  hit:
    id: 0
    delivery: reliable
    message: { ${members} }
`;
/** A channel with these options beside its id. */
const channel = (options: string): string => `channels:
  hit: { id: 0, ${options} }
`;
const good = hit("who: u16");

const file: Readonly<Record<string, Explanation>> = {
  SD1001: {
    means:
      "The path leads to no file that can be read: there is none, it is a folder, or reading is not allowed.",
    fix: "check the path; without one, `protocol.yaml` of the current folder is read",
    bad: "stardust generate protocl.yaml",
    good: "stardust generate protocol.yaml",
    shows: "command",
  },
  SD1002: {
    means:
      "A spec has at most 1 MiB (1,048,576 bytes), so that no file can keep the generator busy for long.",
    fix: "take generated or pasted data out of the spec",
  },
  SD1003: {
    means: "The bytes of the file are not UTF-8.",
    fix: "save the file as UTF-8 in your editor; a byte order mark is allowed",
  },
  SD1004: {
    means:
      "The text is not YAML 1.2; the message repeats what the parser found, and where. A missing space behind a colon, a bracket that is not closed and tabs are the usual causes.",
    fix: "correct the place; indent with spaces",
    bad: "channels:\n  hit: { id: 0, delivery: reliable, message: { who: u16 }\n",
    good: channel("delivery: reliable, message: { who: u16 }"),
  },
  SD1005: {
    means: "A line `---` or `...` begins a second document in the file.",
    fix: "remove the line and what follows; one spec, one file",
    bad: `${good}---\ntypes: {}\n`,
    good,
  },
  SD1006: {
    means: "YAML's `&name` and `*name` are refused: a few lines of them can become gigabytes.",
    fix: "define a type under `types` and use its name",
    bad: hit("x: &coordinate f32, y: *coordinate"),
    good: `types:\n  Coordinate: f32\n${hit("x: Coordinate, y: Coordinate")}`,
  },
  SD1007: {
    means: "YAML's merge key is refused: it hides what a map contains.",
    fix: "write the members out, or share a struct under `types`",
    bad: hit("<<: { x: f32 }, y: f32"),
    good: hit("x: f32, y: f32"),
  },
  SD1008: {
    means: "YAML tags such as `!!str` make objects of other kinds; a spec needs none.",
    fix: "remove the tag; put text between quotes where it looks like a number",
    bad: hit("x: !!str u8"),
    good: hit("x: u8"),
  },
  SD1009: {
    means: "The same key stands twice in one map. YAML readers disagree about which counts.",
    fix: "remove or rename one of them; the message names the line of the first",
    bad: hit("x: u8, x: u16"),
    good: hit("x: u8, y: u16"),
  },
  SD1010: {
    means: "Maps and lists may be nested 64 levels deep, which is more than any legal spec needs.",
    fix: "name the inner parts under `types`",
    bad: hit(`x: ${"[".repeat(70)}${"]".repeat(70)}`),
    good: hit("x: u8"),
  },
  SD1011: {
    means: "A key is a list, a map, empty, or goes over several lines. Keys of a spec are names.",
    fix: "use a plain name",
    bad: `${good}? [a]\n: 1\n`,
    good,
  },
  SD1012: {
    means: "A line such as `%YAML 1.2` changes how the file is to be read.",
    fix: "remove the line; YAML 1.2 is what is read",
    bad: `%YAML 1.2\n---\nstardust: 1\nprotocol: { name: game }\nsecurity: plain\n${good}`,
    good: `stardust: 1\nprotocol: { name: game }\nsecurity: plain\n${good}`,
  },
};

const structure: Readonly<Record<string, Explanation>> = {
  SD1101: {
    means: "The key means nothing here. Mostly it is misspelt, or one level too deep.",
    fix: "take the key that is suggested, or look it up with your editor's completion",
    bad: channel("delivery: reliable, prioritty: 2, message: { who: u16 }"),
    good: channel("delivery: reliable, priority: 2, message: { who: u16 }"),
  },
  SD1102: {
    means:
      "Something that has no default is missing. A spec needs `stardust`, `protocol` and `channels`; a channel needs `id`, `delivery` and `message`.",
    fix: "add the key",
    bad: "channels:\n  hit: { id: 0, message: { who: u16 } }\n",
    good,
  },
  SD1103: {
    means: "The value is of another kind than is needed: text for a number, a list for a map.",
    fix: "write what the message asks for; mind that `yes` and `no` are text here",
    bad: hit("who: { type: u16, optional: yes }"),
    good: hit("who: { type: u16, optional: true }"),
  },
  SD1104: {
    means: "The number is outside of what is allowed at this place.",
    fix: "choose a number within the bounds that the message names",
    bad: channel("delivery: reliable, priority: 8, message: { who: u16 }"),
    good: channel("delivery: reliable, priority: 7, message: { who: u16 }"),
  },
  SD1105: {
    means:
      "The first key of a spec names the format of the file, and this generator knows format 1. A higher number belongs to a newer generator.",
    fix: "write `stardust: 1`, or update the package",
    bad: `stardust: 2\nprotocol: { name: game }\nsecurity: plain\n${good}`,
    good: `stardust: 1\nprotocol: { name: game }\nsecurity: plain\n${good}`,
  },
  SD1106: {
    means:
      "Names of types and of header fields become identifiers in TypeScript: letters, digits and _, a letter first.",
    fix: "rename it; `doc` may say anything",
    bad: `types:\n  9lives: u8\n${good}`,
    good: `types:\n  NineLives: u8\n${good}`,
  },
  SD1107: {
    means:
      "The name means something to every JavaScript object (`constructor`, `__proto__`, …) or to promises (`then`).",
    fix: "choose another name",
    bad: `channels:\n  then: { id: 0, delivery: reliable, message: { who: u16 } }\n`,
    good: `channels:\n  after: { id: 0, delivery: reliable, message: { who: u16 } }\n`,
  },
  SD1108: {
    means:
      "The word is none of those that may stand here: `plain` or `sealed` for `security`, say, or a type of JSON Schema in the schema of a zero message.",
    fix: "take one of the words that the editor offers",
    bad: `stardust: 1\nprotocol: { name: game }\nsecurity: plane\n${good}`,
    good: `stardust: 1\nprotocol: { name: game }\nsecurity: plain\n${good}`,
  },
  SD1109: {
    means:
      "Names become keys of objects: any text will do, but not none, not more than 64 characters, and no half of a surrogate pair, which has no bytes in UTF-8.",
    fix: "choose another name",
    bad: hit('who: { struct: { "": u8 } }'),
    good: hit("who: { struct: { id: u8 } }"),
  },
  SD1110: {
    means: "What is generated beside the code is listed once each.",
    fix: "remove one of the two",
    bad: `${good}generate: { with: [vectors, vectors] }\n`,
    good: `${good}generate: { with: [vectors] }\n`,
  },
  SD1111: {
    means:
      "In TypeScript `from?` is an optional `from`. Names of a spec may hold any sign, so here it would be a member that is called `from?`.",
    fix: "write `optional: true` behind the type",
    bad: hit("from?: u32"),
    good: hit("from: { type: u32, optional: true }"),
  },
  SD1112: {
    means:
      "A cipher is what the datagrams of a sealed session are encrypted with. Where `security` is `plain` nothing is, and a cipher there would look as if something were.",
    fix: "remove `cipher`, or write `security: sealed`",
    bad: `stardust: 1\nprotocol: { name: game }\nsecurity: plain\ncipher: aes-256-gcm\n${good}`,
    good: `stardust: 1\nprotocol: { name: game }\nsecurity: sealed\ncipher: aes-256-gcm\n${good}`,
  },
};

const channels: Readonly<Record<string, Explanation>> = {
  SD1201: {
    means:
      "Ids run from 0 to 16,777,214: 24 bits on the wire, shifted by one because zero is the connection protocol.",
    fix: "use a smaller id; most protocols count from 0",
    bad: "channels:\n  hit: { id: 16777215, delivery: reliable, message: { who: u16 } }\n",
    good,
  },
  SD1202: {
    means: "Two channels have the same id. The id is how a receiver knows what a message is.",
    fix: "give the newer channel an id that is free and was never used; the message names the other channel and its line",
    bad: `${channel("delivery: reliable, message: { who: u16 }")}  miss: { id: 0, delivery: reliable, message: { who: u16 } }\n`,
    good: `${channel("delivery: reliable, message: { who: u16 }")}  miss: { id: 1, delivery: reliable, message: { who: u16 } }\n`,
  },
  SD1203: {
    means:
      "The delivery mode decides whether messages are repeated, and in which order they arrive.",
    fix: "`unreliable-sequenced` for state, `unreliable-ordered` for streams such as voice, `reliable-ordered` for what must arrive in order, `reliable` for what must arrive, `reliable-sequenced` for settings whose newest value must arrive, `unreliable` for the rest",
    bad: channel("delivery: unrelaible, message: { who: u16 }"),
    good: channel("delivery: unreliable, message: { who: u16 }"),
  },
  SD1204: {
    means: "The direction says who may send on a channel.",
    fix: "`client-to-server`, `server-to-client` or `both`, the default",
    bad: channel("delivery: reliable, direction: server, message: { who: u16 }"),
    good: channel("delivery: reliable, direction: server-to-client, message: { who: u16 }"),
  },
  SD1205: {
    means:
      "`maxBytes` is smaller than the largest message that the members allow, so a message that passes the type checker could be refused.",
    fix: "raise it, leave it out, or bound the members lower",
    bad: channel("delivery: reliable, maxBytes: 3, message: { who: u32 }"),
    good: channel("delivery: reliable, maxBytes: 8, message: { who: u32 }"),
  },
  SD1206: {
    means:
      "A message travels in one datagram unless its channel may `fragment`, as reliable ones do by default, and the largest that the members allow does not fit.",
    fix: "bound strings and lists lower, quantise numbers, or let the channel `fragment`: it then sends large messages in slices, and an unreliable one is lost with any of its slices",
    bad: channel("delivery: unreliable, message: { data: { bytes: { maxBytes: 2000 } } }"),
    good: channel("delivery: unreliable, message: { data: { bytes: { maxBytes: 1000 } } }"),
  },
  SD1207: {
    means:
      "One message must fit into `limits.receiveBudgetBytes` and `limits.creditBytes`, with 64 bytes to spare, and the largest that the members allow does not.",
    fix: "bound the message lower, or raise the budget under `limits` on purpose: it is memory for each peer",
    bad: channel("delivery: reliable, message: { data: { bytes: { maxBytes: 600000 } } }"),
    good: channel("delivery: reliable, message: { data: { bytes: { maxBytes: 60000 } } }"),
  },
  SD1208: {
    means:
      "`queueBytes` has no room for a single message and its 64 bytes of overhead, so the queue would refuse it for ever.",
    fix: "raise it, or leave it out: 65,536 bytes, or two messages if that is more",
    bad: channel("delivery: reliable, queueBytes: 65, message: { who: u16 }"),
    good: channel("delivery: reliable, queueBytes: 4096, message: { who: u16 }"),
  },
  SD1209: {
    means:
      "The id stands under `reserved.channels`: it belonged to a channel that is gone. Peers of an older version would take the new messages for the old ones.",
    fix: "take an id that was never used",
    bad: `${good}reserved: { channels: [0] }\n`,
    good: `${good}reserved: { channels: [1] }\n`,
  },
  SD1210: {
    means: "A protocol without channels has nothing to say.",
    fix: "add a channel",
    bad: "channels: {}\n",
    good,
  },
  SD1211: {
    means: "A message travels in at most 16383 slices.",
    fix: "bound the message lower, and send large data in parts",
    bad: `${channel("delivery: reliable, maxBytes: 19000000, message: { who: u16 }")}limits: { receiveBudgetBytes: 20000000, creditBytes: 20000000 }\n`,
    good: `${channel("delivery: reliable, maxBytes: 18000000, message: { who: u16 }")}limits: { receiveBudgetBytes: 20000000, creditBytes: 20000000 }\n`,
  },
  SD1212: {
    means:
      "`maxAgeMs` drops what nobody wants late, so it is for unreliable channels; `redundancy` sends small messages early again, so it is for reliable ones; `maxGapMs` says how long `unreliable-ordered` waits for what is missing.",
    fix: "leave the option out, or choose a delivery that has it",
    bad: channel("delivery: reliable, maxAgeMs: 100, message: { who: u16 }"),
    good: channel("delivery: unreliable, maxAgeMs: 100, message: { who: u16 }"),
  },
  SD1213: {
    means:
      "What a receiver holds of `reliable-sequenced` channels is bounded by the `maxBytes` of each, not by the receive limit. All of them must fit `limits.receiveBudgetBytes` together, with 64 bytes each, or half of one message could keep another out for ever.",
    fix: "bound the messages lower, use `reliable-ordered` for the larger ones, or raise the budget: it is memory for each peer",
    bad: `${channel("delivery: reliable-sequenced, message: { a: { bytes: { maxBytes: 500000 } } }")}  b: { id: 1, delivery: reliable-sequenced, message: { a: { bytes: { maxBytes: 510000 } } } }
  c: { id: 2, delivery: reliable-sequenced, message: { a: { bytes: { maxBytes: 510000 } } } }\n`,
    good: `${channel("delivery: reliable-sequenced, message: { a: { bytes: { maxBytes: 100000 } } }")}  b: { id: 1, delivery: reliable-sequenced, message: { a: { bytes: { maxBytes: 100000 } } } }\n`,
  },
  SD1214: {
    means:
      "A message between the application's thread and the systems goes through a ring of shared memory, which has room for several of the largest.",
    fix: "bound strings and lists lower, and hand over large data in parts",
    bad: `${channel("delivery: reliable, message: { who: u16 }")}system:\n  chunk: { direction: systems-to-application, message: { a: { bytes: { maxBytes: 2000000 } } } }\n`,
    good: `${channel("delivery: reliable, message: { who: u16 }")}system:\n  chunk: { direction: systems-to-application, message: { a: { bytes: { maxBytes: 100000 } } } }\n`,
  },
  SD1215: {
    means:
      "Whoever asks waits for an answer: request and answer must arrive, each of them. On `reliable`, the default, requests do not wait for each other; on `reliable-ordered` they are heard in order.",
    fix: "leave `delivery` out, or write `reliable-ordered`",
    bad: channel("delivery: unreliable, message: { who: u16 }, response: { ok: bool }"),
    good: channel("message: { who: u16 }, response: { ok: bool }"),
  },
  SD1216: {
    means:
      "`errors` are reasons why a request is declined, so they are for channels with `response`. What became of a request its answer tells, so these have no `notices`.",
    fix: "leave it out, or say what is answered",
    bad: channel("delivery: reliable, message: { who: u16 }, errors: { gone: {} }"),
    good: channel("message: { who: u16 }, response: { ok: bool }, errors: { gone: {} }"),
  },
};

const chain = Array.from({ length: 34 }, (_, i) => `  T${i}: { struct: { x: T${i + 1} } }\n`).join(
  "",
);
const types: Readonly<Record<string, Explanation>> = {
  SD1301: {
    means: "The name is neither built in nor defined under `types`.",
    fix: `correct the name, or define the type under \`types\`; built in are ${builtInList}`,
    bad: hit("who: uint16"),
    good,
  },
  SD1302: {
    means: "A member has one type: either `type: name` or one key such as `list`.",
    fix: "remove all but one, or add the missing one",
    bad: hit("who: { doc: Who was hit. }"),
    good: hit("who: { type: u16, doc: Who was hit. }"),
  },
  SD1303: {
    means:
      "Types are called in TypeScript by their name with a capital (`vec_2` and `vec2` are both `Vec2`); those written in place are called after where they stand (`ChatMessage`, `EventKind`). Here that name is taken, by another type or by the language (`Map`, `Error`).",
    fix: "rename one of the two, or name the inner type under `types`",
    bad: `types:\n  HitMessage: u8\n${good}`,
    good: `types:\n  HitCode: u8\n${good}`,
  },
  SD1304: {
    means: "The name is built in, and cannot mean something else in one spec.",
    fix: "choose another name",
    bad: `types:\n  u8: u16\n${good}`,
    good: `types:\n  Id: u16\n${good}`,
  },
  SD1305: {
    means: "`min` is not below `max`, so there would be no value, or only one.",
    fix: "exchange or correct them; for a constant no member is needed",
    bad: hit("health: { u8: { min: 100, max: 0 } }"),
    good: hit("health: { u8: { min: 0, max: 100 } }"),
  },
  SD1306: {
    means: "A bound of the range is a number that the type does not have.",
    fix: "use a wider type: on the wire only the bits of the range are sent",
    bad: hit("health: { u8: { min: 0, max: 300 } }"),
    good: hit("health: { u16: { min: 0, max: 300 } }"),
  },
  SD1307: {
    means:
      "`max - min` must be a whole number of steps, at most 2^32 - 1 of them, and a step must be above 0.",
    fix: "choose a step that divides the range, or give `bits` instead",
    bad: hit("x: { f32: { min: 0, max: 1, step: 0.3 } }"),
    good: hit("x: { f32: { min: 0, max: 1, step: 0.25 } }"),
  },
  SD1308: {
    means:
      "A float with a range is quantised, and its precision is either a number of `bits` or the size of a `step`.",
    fix: "add one of them, or remove one; without bounds write the bare type (`f32`)",
    bad: hit("x: { f32: { min: -100, max: 100 } }"),
    good: hit("x: { f32: { min: -100, max: 100, bits: 16 } }"),
  },
  SD1309: {
    means: "Two values of an enum have the same number, so a receiver could not tell them apart.",
    fix: "give the newer one a free number",
    bad: hit("kind: { enum: { body: 0, head: 0 } }"),
    good: hit("kind: { enum: { body: 0, head: 1 } }"),
  },
  SD1310: {
    means: "An enum without values has no value to send.",
    fix: "add its values",
    bad: hit("kind: { enum: {} }"),
    good: hit("kind: { enum: { body: 0 } }"),
  },
  SD1311: {
    means: "The type is another name for itself.",
    fix: "define one of the types in the circle",
    bad: `types:\n  Id: Key\n  Key: Id\n${good}`,
    good: `types:\n  Id: Key\n  Key: u16\n${good}`,
  },
  SD1312: {
    means: "Elements that take no bytes would let a few bytes claim a million of them.",
    fix: "give the element a member, or send a number",
    bad: hit("marks: { list: { of: { struct: {} } } }"),
    good: hit("marks: varint"),
  },
  SD1313: {
    means:
      "Structs and lists may lie 32 levels deep in each other, as deep as a generated decoder goes.",
    fix: "flatten the types",
    bad: `types:\n${chain}  T34: u8\n${good}`,
    good: `types:\n  T0: { struct: { x: u8 } }\n${good}`,
  },
  SD1314: {
    means: "No message may take more than 2^30 bytes, and the largest value of this type does.",
    fix: "lower the bounds; those of lists within lists multiply",
    bad: `types:\n  Big: { list: { max: 1048576, of: { bytes: { maxBytes: 1024 } } } }\n${good}`,
    good: `types:\n  Big: { list: { max: 64, of: { bytes: { maxBytes: 1024 } } } }\n${good}`,
  },
  SD1315: {
    means: "A message has members; `message` names a type that has none.",
    fix: "name a struct, or write the members in place",
    bad: `types:\n  Id: u16\n${channel("delivery: reliable, message: Id")}`,
    good: `types:\n  Id: u16\n${channel("delivery: reliable, message: { id: Id }")}`,
  },
  SD1316: {
    means:
      "A value of the type can hold another of the same type. Without a bound a hostile datagram could nest for ever.",
    fix: "say how many may lie in each other: `maxDepth`, from 2 to 64, on one type of the circle",
    bad: `types:\n  Tree: { struct: { children: { list: { of: Tree, max: 4 } } } }\n${good}`,
    good: `types:\n  Tree: { maxDepth: 4, struct: { children: { list: { of: Tree, max: 4 } } } }\n${good}`,
  },
  SD1317: {
    means: "`maxDepth` and `maxBytes` bound a type that can hold itself, and no other.",
    fix: "remove them, or correct the number as the message says",
    bad: `types:\n  Point: { maxDepth: 4, struct: { x: u8 } }\n${good}`,
    good: `types:\n  Point: { struct: { x: u8 } }\n${good}`,
  },
  SD1318: {
    means: "Neighbouring steps of the range are the same number to a 64-bit float.",
    fix: "use fewer bits or a larger step, or send the number as it is",
    bad: hit("x: { f64: { min: 4503599627370496, max: 4503599627370497, bits: 8 } }"),
    good: hit("x: { f64: { min: 0, max: 1, bits: 8 } }"),
  },
  SD1319: {
    means: "Only what has members can grow by members.",
    fix: "put `extensible` beside `struct`, or on a channel that writes its members in place",
    bad: hit("who: { type: u16, extensible: true }"),
    good: channel("delivery: reliable, extensible: true, message: { who: u16 }"),
  },
  SD1320: {
    means:
      "`since` says from which version on a member is there. Readers of older versions skip it, so it needs a struct or message that is `extensible`, and stands at the end, in rising order, up to the protocol's version.",
    fix: "mark the struct `extensible`, move the member to the end, or correct the version",
    bad: hit("who: { type: u16, since: 1 }"),
    good: channel(
      "delivery: reliable, extensible: true, message: { who: { type: u16, since: 1 } }",
    ),
  },
  SD1321: {
    means:
      "A default is what a reader takes for a member that an older writer did not send. It must be a value of the member, and only members with `since` can be missing.",
    fix: "correct the value, add `since`, or remove the default",
    bad: channel(
      "delivery: reliable, extensible: true, message: { who: { type: u8, since: 1, default: 256 } }",
    ),
    good: channel(
      "delivery: reliable, extensible: true, message: { who: { type: u8, since: 1, default: 255 } }",
    ),
  },
  SD1322: {
    means:
      "Each variant of a union has a tag of its own: all are given, or none is and they count from 0.",
    fix: "give each variant a different `tag`, or none a tag",
    bad: hit("what: { union: { damage: { type: u8, tag: 1 }, heal: { type: u8, tag: 1 } } }"),
    good: hit("what: { union: { damage: { type: u8, tag: 1 }, heal: { type: u8, tag: 2 } } }"),
  },
  SD1323: {
    means: "A union without variants has no value.",
    fix: "add a variant, or remove the member",
    bad: hit("what: { union: {} }"),
    good: hit("what: { union: { damage: u8, heal: u8 } }"),
  },
  SD1324: {
    means:
      "Keys of a map must be told apart for certain: floats round, and structs are compared by identity.",
    fix: "use a string, a whole number or an enum as key, or a list of structs",
    bad: hit("scores: { map: { key: bool, value: u8 } }"),
    good: hit("scores: { map: { key: u16, value: u8 } }"),
  },
  SD1325: {
    means: "Whoever writes such a value would have to write another one first, without end.",
    fix: "make a member of the circle optional, or a list",
    bad: `types:\n  Tree: { maxDepth: 4, struct: { child: Tree } }\n${good}`,
    good: `types:\n  Tree: { maxDepth: 4, struct: { child: { type: Tree, optional: true } } }\n${good}`,
  },
  SD1326: {
    means:
      "A quantised number is sent as a step of its range, and every step is a number. For a value that may be unknown a presence bit costs less than a whole float.",
    fix: "make the member `optional`, or send the whole float",
    bad: hit("speed: { f32: { min: 0, max: 100, bits: 10, nan: true } }"),
    good: hit("speed: { f32: { min: 0, max: 100, bits: 10 }, optional: true }"),
  },
};

const missing = (what: string, bad: string, better: string): Explanation => ({
  means: `${what} Stardust's design has it, this version does not. It is refused rather than ignored.`,
  fix: "write it in the way of the good example until it is there",
  bad,
  good: better,
});

/** Codes of what is not yet supported; those of features that are there by now are not asked for. */
const unsupported: Readonly<Record<string, Explanation>> = {
  SD1919: missing(
    "Messages of the application's own in the connection protocol.",
    `zero:\n  leaderboard: {}\n${good}`,
    good,
  ),
  SD1920: missing(
    "Bodies of zero messages other than join and accept.",
    `zero:\n  close: { body: { type: object, properties: { score: { type: boolean } } } }\n${good}`,
    `zero:\n  join: { body: { type: object, properties: { spectator: { type: boolean } } } }\n${good}`,
  ),
};

export const explanations: Readonly<Record<string, Explanation>> = {
  ...file,
  ...structure,
  ...channels,
  ...types,
  ...wireExplanations,
  ...unsupported,
};
