/**
 * Every kind of difference between two versions of a protocol, by its id: those that break peers of the other version,
 * and those that do not. Ids are stable. Finding them is breaking.ts's; here is what they mean, each with an example
 * that its test and `stardust explain` both use.
 */

export interface BreakingRule {
  readonly kind: "breaking" | "compatible";
  readonly title: string;
  readonly why: string;
  /** What to do instead, or besides. */
  readonly fix: string;
  /** Sections of the older spec, of the newer, and, for a breaking change, of one that would not break. */
  readonly before: string;
  readonly after: string;
  readonly instead?: string;
}

/** How a comparison says what it has found. */
export type Report = (
  rule: string,
  word: string,
  olderLine: number,
  newerLine: number,
  message: string,
) => void;

const channels = (text: string): string => `channels:\n  ${text}\n`;
const hit = (rest: string): string =>
  channels(`hit: { id: 0, delivery: reliable, direction: both, ${rest} }`);
const message = (members: string): string => hit(`message: { ${members} }`);
const join = (schema: string): string => `zero:\n  join:\n    body: { type: object, ${schema} }\n`;
const plain = message("who: u16");
/** The old message stays, and a new channel carries the new one. */
const beside = (members: string, other: string): string =>
  `${message(members)}  hit2: { id: 1, delivery: reliable, direction: both, message: { ${other} } }\n`;

const newChannel =
  "leave the old channel as it is and add a new one for the new message; remove the old one when no old peer is left";

const breaking: Readonly<Record<string, Omit<BreakingRule, "kind">>> = {
  "protocol-renamed": {
    title: "the protocol has another name",
    why: "The name is part of the hash: it says whether two peers speak the same protocol at all.",
    fix: "keep the name; `doc` may say anything",
    before: `stardust: 1\nprotocol: { name: arena }\nsecurity: plain\n${plain}`,
    after: `stardust: 1\nprotocol: { name: arena2 }\nsecurity: plain\n${plain}`,
    instead: `stardust: 1\nprotocol: { name: arena, version: 2 }\nsecurity: plain\n${plain}`,
  },
  "security-changed": {
    title: "the kind of security differs",
    why: "A sealed peer takes no plain datagrams, and a plain one cannot open sealed ones.",
    fix: "there is no way around: both ends change together",
    before: plain,
    after: plain,
  },
  "limit-changed": {
    title: "a limit that both ends rely on differs",
    why: "One end counts on the other for the size of datagrams, the receive budget, the idle timeout and the delay of acks.",
    fix: "keep the limit; what only one end decides (creditBytes, keepAliveMs, …) may change",
    before: `${plain}limits: { idleTimeoutMs: 10000 }\n`,
    after: `${plain}limits: { idleTimeoutMs: 20000 }\n`,
    instead: `${plain}limits: { idleTimeoutMs: 10000, keepAliveMs: 1000 }\n`,
  },
  "header-changed": {
    title: "the header of datagrams differs",
    why: "Every datagram begins with it: a peer with another layout reads nothing behind it.",
    fix: "keep the layout, also its own fields; send new values in a message",
    before: plain,
    after: plain,
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
  "channel-fragment-changed": {
    title: "a channel does, or no longer does, send in slices",
    why: "A peer takes slices only on channels that may have them.",
    fix: newChannel,
    before: plain,
    after: hit("fragment: false, message: { who: u16 }"),
    instead: plain,
  },
  "channel-bound-changed": {
    title: "`maxBytes` of a channel differs",
    why: "The receiver sets aside room by it and refuses what is larger.",
    fix: "leave room from the first version on: a `maxBytes` above what the message takes",
    before: hit("maxBytes: 100, message: { who: u16 }"),
    after: hit("maxBytes: 200, message: { who: u16 }"),
    instead: hit("maxBytes: 100, priority: 2, message: { who: u16 }"),
  },
  "member-removed": {
    title: "a member of a message is gone",
    why: "Members follow each other without names: an older peer reads the next member's bytes as the missing one's, or runs out of them.",
    fix: "keep the member, mark it `deprecated` and send zero; or add a new channel",
    before: message("who: u16, damage: u8"),
    after: plain,
    instead: message("who: u16, damage: { type: u8, deprecated: { reason: always 0 } }"),
  },
  "member-added": {
    title: "a message that is frozen has a new member",
    why: "An older peer finds bytes behind the message that it does not know, which it must take for an attack.",
    fix: newChannel,
    before: plain,
    after: message("who: u16, damage: u8"),
    instead: beside("who: u16", "who: u16, damage: u8"),
  },
  "member-moved": {
    title: "members stand in another order",
    why: "The order of the spec is the order of the bytes.",
    fix: "keep the order; the order in which code names members is free",
    before: message("who: u16, where: u32"),
    after: message("where: u32, who: u16"),
    instead: message("who: { type: u16, doc: Who. }, where: u32"),
  },
  "member-type-changed": {
    title: "a member has another type",
    why: "It takes other bytes, and everything behind it moves.",
    fix: newChannel,
    before: plain,
    after: message("who: u32"),
    instead: beside("who: u16", "who: u32"),
  },
  "member-bound-changed": {
    title: "the bound of a member differs",
    why: "The end with the smaller bound refuses what the other sends.",
    fix: "keep the bound, or add a new channel; check smaller bounds in the application",
    before: message("text: { string: { maxBytes: 80 } }"),
    after: message("text: { string: { maxBytes: 200 } }"),
    instead: beside("text: { string: { maxBytes: 80 } }", "text: { string: { maxBytes: 200 } }"),
  },
  "member-range-changed": {
    title: "the range or the steps of a number differ",
    why: "The same bits mean another number to the other end, even where there are as many of them.",
    fix: newChannel,
    before: message("x: { f32: { min: -100, max: 100, bits: 12 } }"),
    after: message("x: { f32: { min: -200, max: 200, bits: 12 } }"),
    instead: beside(
      "x: { f32: { min: -100, max: 100, bits: 12 } }",
      "x: { f32: { min: -200, max: 200, bits: 12 } }",
    ),
  },
  "member-optional-changed": {
    title: "a member became optional, or is no longer",
    why: "An optional member has a presence bit in front, which moves all that follows.",
    fix: newChannel,
    before: plain,
    after: message("who: { type: u16, optional: true }"),
    instead: beside("who: u16", "who: { type: u16, optional: true }"),
  },
  "enum-value-removed": {
    title: "a value of an enum is gone",
    why: "An older peer still sends it, and the newer one refuses the whole message.",
    fix: "keep the value and stop sending it",
    before: message("kind: { enum: { body: 0, head: 1, foot: 2 } }"),
    after: message("kind: { enum: { body: 0, head: 1 } }"),
    instead: message("kind: { enum: { body: 0, head: 1, unusedFoot: 2 } }"),
  },
  "enum-value-added": {
    title: "an enum has a new value",
    why: "An older peer refuses a message with a value it does not know, and one more value may take one more bit.",
    fix: "put spare values in from the first version on, or add a new channel",
    before: message("kind: { enum: { body: 0, head: 1, spare: 2 } }"),
    after: message("kind: { enum: { body: 0, head: 1, spare: 2, foot: 3 } }"),
    instead: message("kind: { enum: { body: 0, head: 1, foot: 2 } }"),
  },
  "enum-value-renumbered": {
    title: "a value of an enum has another number",
    why: "Only the number is on the wire: the other end reads another value.",
    fix: "keep the numbers; the order in the file is free",
    before: message("kind: { enum: { body: 0, head: 1 } }"),
    after: message("kind: { enum: { head: 0, body: 1 } }"),
    instead: message("kind: { enum: { head: 1, body: 0 } }"),
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
    fix: "leave `sys` to the generator's defaults",
    before: plain,
    after: plain,
  },
  "wire-changed": {
    title: "the wire differs in a way no rule knows",
    why: "The hashes differ and nothing that was found explains it. Nobody can promise that the peers understand each other.",
    fix: "please report it with both specs",
    before: plain,
    after: plain,
  },
};

const harmless: Readonly<Record<string, Omit<BreakingRule, "kind">>> = {
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
  "channel-added": {
    title: "a channel is new",
    why: "An older peer does not have it. A newer one must not count on an answer there.",
    fix: "nothing to do; think of peers that never send on it",
    before: plain,
    after: `${plain}  miss: { id: 1, delivery: reliable, direction: both, message: { who: u16 } }\n`,
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
  "member-renamed": {
    title: "a member has another name",
    why: "Members are on the wire by their place. Make sure that it is a new name and not a new meaning.",
    fix: "rename it in the code",
    before: plain,
    after: message("target: u16"),
  },
  "enum-value-renamed": {
    title: "a value of an enum has another name",
    why: "On the wire it is its number. Make sure that it is a new name and not a new meaning.",
    fix: "rename it in the code",
    before: message("kind: { enum: { body: 0, head: 1 } }"),
    after: message("kind: { enum: { torso: 0, head: 1 } }"),
  },
  "sending-changed": {
    title: "what only the sender decides differs",
    why: "`priority`, `weight` and `queueBytes` order what one end sends; the other end does not notice.",
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
  for (const [id, row] of Object.entries(breaking)) all[id] = { kind: "breaking", ...row };
  for (const [id, row] of Object.entries(harmless)) all[id] = { kind: "compatible", ...row };
  return all;
}

export const breakingRules: Readonly<Record<string, BreakingRule>> = rows();
