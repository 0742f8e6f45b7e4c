/** Lint rules about channels: delivery, direction, ids, priorities, queues, docs. */
import { Lookup, withInner } from "../model/lookup.ts";
import type { ChannelModel, Model } from "../model/model.ts";
import type { Finding, LintContext, LintRule } from "./lint-rule.ts";
import { entryOf, membersOf, nodeAt, wordsOf } from "./walk.ts";

/** What names that end so are about: the newest value replaces all before it. */
const stateWords: ReadonlySet<string> = new Set(
  (
    "snapshot snapshots position positions transform transforms movement move input inputs pose poses telemetry " +
    "state states velocity aim orientation"
  ).split(" "),
);

/** Messages below this are never deflated; the runtime's MIN_DEFLATE_BYTES. */
const SMALL_BYTES = 64;
/** Messages above this many slices are bulk. */
const BULK_SLICES = 8;
/** An extensible message should leave this part of a datagram free. */
const ROOM_SHARE = 0.1;
/** Ids are looked at for holes only where at most this part of them is missing; else they follow a plan. */
const HOLES_SHARE = 0.5;

export const channelRules: Readonly<Record<string, LintRule>> = {
  "doc-missing": {
    severity: "warning",
    title: "a channel without `doc`",
    why: "The doc of a channel is what people see in the editor, on the protocol page and in Wireshark. It is where a stranger learns who sends this and when.",
    fix: "add `doc: …`, one sentence: who sends it, when, and what it is good for",
    bad: `channels:
  chat:
    id: 0
    delivery: reliable-ordered
    direction: both
    message: { text: { string: { maxBytes: 200 } } }
`,
    good: `channels:
  chat:
    id: 0
    delivery: reliable-ordered
    direction: both
    doc: What players say.
    message: { text: { string: { maxBytes: 200 } } }
`,
    check: ({ model }) =>
      model.channels
        .filter((channel) => (channel.doc ?? "").trim() === "")
        .map((channel) => finding(channel, `channel \`${channel.name}\` has no \`doc\``)),
  },

  "direction-by-default": {
    severity: "warning",
    title: "a channel whose direction is not stated",
    why: "Without `direction` a channel goes both ways, so any client may send on it. A server that forgets this takes snapshots from strangers.",
    fix: "state `direction: client-to-server`, `server-to-client` or `both`",
    bad: `channels:
  snapshot:
    id: 0
    delivery: unreliable-sequenced
    doc: The world.
    message: { tick: u32 }
`,
    good: `channels:
  snapshot:
    id: 0
    delivery: unreliable-sequenced
    direction: server-to-client
    doc: The world.
    message: { tick: u32 }
`,
    check: ({ model, root }) =>
      model.channels
        .filter((c) => !entryOf(nodeAt(root, "channels", c.name), "direction"))
        .map((c) =>
          finding(c, `channel \`${c.name}\` states no \`direction\`: clients may send on it too`),
        ),
  },

  "reliable-state": {
    severity: "warning",
    title: "state on a reliable channel",
    why: "Positions and inputs are replaced by the next ones. On a reliable channel a lost one is sent again although nobody wants it any more, and on an ordered one all newer ones wait for it.",
    fix: "use `delivery: unreliable-sequenced`; keep reliable channels for what happens once",
    bad: `channels:
  positions:
    id: 0
    delivery: reliable-ordered
    direction: server-to-client
    doc: Where a player is, each tick.
    message: { id: u16, x: f32, y: f32 }
`,
    good: `channels:
  positions:
    id: 0
    delivery: unreliable-sequenced
    direction: server-to-client
    doc: Where a player is, each tick.
    message: { id: u16, x: f32, y: f32 }
`,
    check: ({ model }) =>
      model.channels
        .filter((c) => c.reliable && stateWords.has(wordsOf(c.name).at(-1) ?? ""))
        .filter((c) => fractions(model, c) >= 2)
        .map((c) =>
          finding(
            c,
            `channel \`${c.name}\` looks like state, and \`${c.delivery}\` repeats old state`,
          ),
        ),
  },

  "chat-out-of-order": {
    severity: "warning",
    title: "a chat that may lose or shuffle lines",
    why: "People read a chat as a conversation. `reliable` alone delivers each line, but in any order; `unreliable` loses lines.",
    fix: "use `delivery: reliable-ordered`",
    bad: `channels:
  chat:
    id: 0
    delivery: reliable
    direction: both
    doc: What players say.
    message: { text: { string: { maxBytes: 200 } } }
`,
    good: `channels:
  chat:
    id: 0
    delivery: reliable-ordered
    direction: both
    doc: What players say.
    message: { text: { string: { maxBytes: 200 } } }
`,
    check: ({ model }) =>
      model.channels
        .filter((c) => wordsOf(c.name).at(-1) === "chat" && c.delivery !== "reliable-ordered")
        .map((c) => finding(c, `chat on \`${c.delivery}\` may lose lines or their order`)),
  },

  "no-room-to-grow": {
    severity: "warning",
    title: "an extensible message that has hardly room to grow",
    why: "Messages of a channel that does not slice must fit in one datagram. Whoever adds a member to one that nearly fills it cannot: the larger message is refused, and a new channel would break older peers.",
    fix: "bound its lists and texts lower while nobody depends on them, or split it in two channels",
    bad: `channels:
  state:
    id: 0
    delivery: unreliable-sequenced
    direction: server-to-client
    doc: What the server sees.
    extensible: true
    message: { blob: { bytes: { maxBytes: 1100 } } }
`,
    good: `channels:
  state:
    id: 0
    delivery: unreliable-sequenced
    direction: server-to-client
    doc: What the server sees.
    extensible: true
    message: { blob: { bytes: { maxBytes: 800 } } }
`,
    check: ({ model }) => {
      const { sliceBytes } = model.limits;
      return model.channels.flatMap((channel) => {
        const message = Lookup.of(model).struct(channel.message);
        const left = sliceBytes - channel.maxBytes;
        if (channel.fragment || message.extensible === undefined || left >= sliceBytes * ROOM_SHARE)
          return [];
        const what = `a message of \`${channel.name}\` may take ${channel.maxBytes} bytes of the ${sliceBytes} in a datagram`;
        return [finding(channel, `${what}: ${left} are left for members of later versions`)];
      });
    },
  },

  "compress-small": {
    severity: "warning",
    title: "`compress` on a channel of small messages",
    why: "Messages below 64 bytes are never deflated, because they would be no shorter: the byte in front is all that `compress` does for them.",
    fix: "leave `compress` out",
    bad: `channels:
  hit:
    id: 0
    delivery: reliable
    direction: server-to-client
    doc: Who was hit.
    compress: true
    message: { who: u16, by: u16 }
`,
    good: `channels:
  hit:
    id: 0
    delivery: reliable
    direction: server-to-client
    doc: Who was hit.
    message: { who: u16, by: u16 }
`,
    check: ({ model }) =>
      model.channels
        .filter((c) => c.compress && Lookup.of(model).struct(c.message).maxBytes < SMALL_BYTES)
        .map((c) => {
          const { maxBytes } = Lookup.of(model).struct(c.message);
          return finding(
            c,
            `channel \`${c.name}\` is compressed, and its messages take at most ${maxBytes} bytes`,
          );
        }),
  },

  "bulk-in-front": {
    severity: "warning",
    title: "bulk that is sent before small messages",
    why: "Channels with a smaller `priority` number go first. A message of many slices with the same or a smaller number than the game's small ones holds them up while it travels.",
    fix: "give the large channel a larger `priority` number than the small ones, such as 4",
    bad: `channels:
  map:
    id: 0
    delivery: reliable
    direction: server-to-client
    doc: The map, once.
    message: { tiles: { bytes: { maxBytes: 100000 } } }
  tick:
    id: 1
    delivery: unreliable
    direction: server-to-client
    doc: The time.
    message: { tick: u32 }
`,
    good: `channels:
  map:
    id: 0
    delivery: reliable
    direction: server-to-client
    priority: 4
    doc: The map, once.
    message: { tiles: { bytes: { maxBytes: 100000 } } }
  tick:
    id: 1
    delivery: unreliable
    direction: server-to-client
    doc: The time.
    message: { tick: u32 }
`,
    check: ({ model }) => bulkInFront(model),
  },

  "queue-for-one": {
    severity: "warning",
    title: "a queue with room for one message",
    why: "A message and its overhead of 64 bytes must fit `queueBytes`. With room for less than two of the largest, a second `send` before the first is acknowledged fails.",
    fix: "raise `queueBytes` to several messages, or leave it out",
    bad: `channels:
  order:
    id: 0
    delivery: reliable
    direction: client-to-server
    doc: What a player wants.
    queueBytes: 400
    message: { text: { string: { maxBytes: 200 } } }
`,
    good: `channels:
  order:
    id: 0
    delivery: reliable
    direction: client-to-server
    doc: What a player wants.
    queueBytes: 4096
    message: { text: { string: { maxBytes: 200 } } }
`,
    check: ({ model }) =>
      model.channels
        .filter((c) => c.queueBytes < 2 * (c.maxBytes + 64))
        .map((c) =>
          finding(
            c,
            `queueBytes ${c.queueBytes} of \`${c.name}\` holds one message of ${c.maxBytes} bytes (and 64)`,
          ),
        ),
  },

  "id-not-reserved": {
    severity: "warning",
    title: "a hole in the channel ids",
    why: "A hole is usually a channel that was removed. If its id is used again, a peer of an older version takes the new messages for the old ones.",
    fix: "list the id under `reserved: { channels: […] }`",
    bad: `channels:
  input: { id: 0, delivery: unreliable, direction: client-to-server, doc: Keys., message: { keys: u8 } }
  event: { id: 1, delivery: reliable, direction: server-to-client, doc: News., message: { code: u8 } }
  score: { id: 3, delivery: reliable, direction: server-to-client, doc: Points., message: { points: u32 } }
`,
    good: `channels:
  input: { id: 0, delivery: unreliable, direction: client-to-server, doc: Keys., message: { keys: u8 } }
  event: { id: 1, delivery: reliable, direction: server-to-client, doc: News., message: { code: u8 } }
  score: { id: 3, delivery: reliable, direction: server-to-client, doc: Points., message: { points: u32 } }
reserved: { channels: [2] }
`,
    check: (context) => holes(context),
  },
};

function finding(channel: ChannelModel, message: string): Finding {
  return { line: channel.line, word: channel.name, message };
}

/** Numbers with a fraction in a message, those of inner structs too. */
function fractions(model: Model, channel: ChannelModel): number {
  let count = 0;
  for (const { member } of membersOf(model, [channel])) {
    for (const type of withInner(member.type)) {
      if (type.kind === "float" || (type.kind === "quantised" && !type.integer)) count++;
    }
  }
  return count;
}

function bulkInFront(model: Model): Finding[] {
  const { sliceBytes } = model.limits;
  const small = model.channels.filter((c) => c.maxBytes <= sliceBytes);
  return model.channels
    .filter((c) => c.maxBytes > BULK_SLICES * sliceBytes)
    .flatMap((bulk) => {
      const held = small.find((c) => sameWay(c, bulk) && c.priority >= bulk.priority);
      if (held === undefined) return [];
      const why = `priority ${bulk.priority}, and \`${held.name}\` has ${held.priority}`;
      const slices = Math.ceil(bulk.maxBytes / sliceBytes);
      return [
        finding(
          bulk,
          `\`${bulk.name}\` may take ${slices} datagrams and does not stand behind small messages: ${why}`,
        ),
      ];
    });
}

function sameWay(a: ChannelModel, b: ChannelModel): boolean {
  return a.direction === b.direction || a.direction === "both" || b.direction === "both";
}

function holes({ model, spec }: LintContext): Finding[] {
  const used = new Set(model.channels.map((c) => c.id));
  const last = model.channels.at(-1);
  if (last === undefined || last.id > 4 * used.size) return [];
  const missing: number[] = [];
  for (let id = 0; id < last.id; id++) {
    if (!used.has(id) && !spec.reserved.has(id)) missing.push(id);
  }
  if (missing.length === 0 || missing.length > HOLES_SHARE * used.size) return [];
  return missing.map((id) => {
    const next = model.channels.find((c) => c.id > id)!;
    return finding(next, `no channel has id ${id}, and it is not reserved`);
  });
}
