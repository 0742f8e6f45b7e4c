/**
 * Rules of docs/wire.md, "Flow control": how much of which channel a receiver holds, and how it says what it has handed on. A
 * channel is filled with what no application can be handed: messages of which a slice is missing, or behind a gap. What the
 * application behind the server reads or leaves shows in its limits alone, and where it reads nothing, some cannot be seen.
 */
import { limitedChannels, readLimit } from "../../codegen/interpret/receive-limit.ts";
import type { FrameValues } from "../../codegen/interpret/write-datagram.ts";
import { payloadFixedBytes, payloadMaxBytes } from "../../codegen/model/channels.ts";
import { Lookup } from "../../codegen/model/lookup.ts";
import type { ChannelModel, Model } from "../../codegen/model/model.ts";
import { OVERHEAD_BYTES, Shares } from "./limit-shares.ts";
import {
  ended,
  frameOf,
  least,
  page,
  REFUSES,
  refused,
  type SessionContext,
  type SessionRule,
} from "./parts.ts";
import { fail, type Outcome, pass, unseen } from "./rule.ts";

const FLOW = page("flow-control");
/** More than so many datagrams or messages are not sent to fill a budget. */
const MAX_DATAGRAMS = 2000;
const MAX_MESSAGES = 10_000;
const MAX_FRAMES = 200;
/** Of a frame's own header, at most; of a datagram's. */
const FRAME_BYTES = 12;
/** Sent before an ack is waited for: a socket's buffer holds them. */
const AT_ONCE = 16;

function rule(
  id: string,
  says: string,
  check: SessionRule["check"],
  level: SessionRule["level"] = "MUST",
  where: string = FLOW,
): SessionRule {
  return { id, level, where, says, alone: true, check };
}

/** Some frames with a cost that nothing can hand on; undefined where no more fits. */
interface Filler {
  readonly channel: ChannelModel;
  /** Of whole datagrams, until less than another message is left of `roomBytes`. */
  datagrams(context: SessionContext, roomBytes: number): FrameValues[][];
  /** One more, beyond what is left. */
  more(context: SessionContext): FrameValues[];
}

/** First slices: each counts as all slices but the last, and a byte. */
function sliceFiller({ limits }: Model, channel: ChannelModel): Filler {
  const { sliceBytes } = limits;
  const largest = Math.ceil(payloadMaxBytes(channel) / sliceBytes);
  const costOf = (count: number): number => (count - 1) * sliceBytes + 1 + OVERHEAD_BYTES;
  const first = (context: SessionContext, count: number): FrameValues[] => [
    frameOf(context, channel, { slice: { index: 0, count }, payload: new Uint8Array(sliceBytes) }),
  ];
  return {
    channel,
    datagrams(context, roomBytes) {
      const all: FrameValues[][] = [];
      for (let left = roomBytes; costOf(2) <= left && all.length <= MAX_DATAGRAMS; ) {
        let count = largest;
        while (costOf(count) > left) count--;
        all.push(first(context, count));
        left -= costOf(count);
      }
      return all;
    },
    more: (context) => first(context, 2),
  };
}

/** Messages behind number 0, which never comes. */
function gapFiller(model: Model, channel: ChannelModel): Filler {
  const fixed = payloadFixedBytes(channel, Lookup.of(model));
  const { sliceBytes } = model.limits;
  const payloadBytes = fixed >= 0 ? fixed : Math.min(payloadMaxBytes(channel), sliceBytes);
  const frame = (context: SessionContext, bytes: number): FrameValues =>
    frameOf(context, channel, { payload: new Uint8Array(bytes) });
  const perDatagram = Math.max(
    1,
    Math.min(MAX_FRAMES, Math.floor(sliceBytes / (payloadBytes + FRAME_BYTES))),
  );
  return {
    channel,
    datagrams(context, roomBytes) {
      context.connection.message(channel.index);
      const all: FrameValues[][] = [];
      const cost = payloadBytes + OVERHEAD_BYTES;
      let left = roomBytes;
      if (roomBytes / cost > MAX_MESSAGES) return Array<FrameValues[]>(MAX_DATAGRAMS + 1);
      while (left >= cost && all.length <= MAX_DATAGRAMS) {
        const count = Math.min(perDatagram, Math.floor(left / cost));
        all.push(Array.from({ length: count }, () => frame(context, payloadBytes)));
        left -= count * cost;
      }
      // To the last byte, where sizes differ.
      if (fixed < 0 && left >= OVERHEAD_BYTES) all.push([frame(context, left - OVERHEAD_BYTES)]);
      return all;
    },
    more: (context) => [frame(context, payloadBytes)],
  };
}

/** The quickest way to fill a channel; undefined where there is none. */
function fillerOf(model: Model, shares: Shares): Filler | undefined {
  const isSliced = (channel: ChannelModel): boolean =>
    channel.fragment && payloadMaxBytes(channel) > model.limits.sliceBytes;
  const bySize = [...shares.channels].sort((a, b) => payloadMaxBytes(b) - payloadMaxBytes(a));
  const sliced = bySize.find(isSliced);
  if (sliced !== undefined) return sliceFiller(model, sliced);
  const ordered = bySize.find(({ delivery }) => delivery === "reliable-ordered");
  return ordered === undefined ? undefined : gapFiller(model, ordered);
}

interface Filled {
  readonly filler: Filler;
  readonly shares: Shares;
}

/** Fills a channel's part and the pool, as far as it goes; what is wrong, if not all is taken. */
async function filled(context: SessionContext): Promise<Filled | Outcome> {
  const { connection, probe } = context;
  const { model } = probe;
  const shares = new Shares(model, "client");
  const filler = fillerOf(model, shares);
  if (filler === undefined) return unseen("clients send nothing that can be held back");
  const room = shares.partOf(filler.channel) + shares.poolBytes;
  const datagrams = filler.datagrams(context, room);
  if (datagrams.length > MAX_DATAGRAMS) return unseen("its budget is too large to be filled");
  for (let i = 0; i < datagrams.length; i += AT_ONCE) {
    const numbers = datagrams.slice(i, i + AT_ONCE).map((frames) => {
      const packetNumber = connection.number();
      connection.send(connection.datagram({ packetNumber }, frames), packetNumber);
      return packetNumber;
    });
    probe.clear();
    const ack = await connection.ask();
    const low = 2 ** model.header.ackBits;
    if (ack === undefined) return fail("nothing is acknowledged any more");
    const missing = numbers.filter((number) => !ack.named.has(number % low));
    if (missing.length > 0) {
      const { name } = filler.channel;
      return fail(`of ${name} it takes less than its part and the pool, ${room} bytes`);
    }
  }
  return { filler, shares };
}

/** Each limit that has come, with its channel. */
function limitsOf({ probe }: SessionContext) {
  return probe.regular.flatMap(({ reading: { receiveLimit, problem } }) => {
    if (receiveLimit === undefined || problem !== undefined) return [];
    return readLimit(probe.model, receiveLimit, "server") ?? [];
  });
}

/** What was handed on of a channel, as was said last. */
function handedOn(context: SessionContext, channel: ChannelModel): number {
  const told = limitsOf(context).filter((limit) => limit.channel === channel);
  return Math.max(0, ...told.map(({ handedOnBytes }) => handedOnBytes));
}

/** Sends least messages of a channel until `bytes` are spent; how many were, undefined where that takes too many. */
async function spend(
  context: SessionContext,
  channel: ChannelModel,
  bytes: number,
): Promise<number | undefined> {
  const { connection, probe } = context;
  const payload = least(probe, channel);
  const cost = payload.length + OVERHEAD_BYTES;
  const count = Math.ceil(bytes / cost);
  if (count > MAX_MESSAGES || payload.length > probe.model.limits.sliceBytes) return undefined;
  const most = Math.floor(probe.model.limits.sliceBytes / (payload.length + FRAME_BYTES));
  const perDatagram = Math.max(1, Math.min(MAX_FRAMES, most));
  let datagrams = 0;
  for (let sent = 0; sent < count; sent += perDatagram) {
    const frames = Array.from({ length: Math.min(perDatagram, count - sent) }, () =>
      frameOf(context, channel, { payload }),
    );
    const packetNumber = connection.number();
    connection.send(connection.datagram({ packetNumber }, frames), packetNumber);
    if (++datagrams % AT_ONCE === 0) await connection.ackOf(packetNumber);
  }
  return count * cost;
}

/** The channel of which a quarter of a part is the fewest messages. */
function cheapest({ probe }: SessionContext, shares: Shares): ChannelModel | undefined {
  const weight = (channel: ChannelModel): number =>
    shares.partOf(channel) / (least(probe, channel).length + OVERHEAD_BYTES);
  return [...shares.channels].sort((a, b) => weight(a) - weight(b))[0];
}

const NO_CHANNEL = unseen("clients send on no channel that has a limit");
const NOT_READ = unseen("what is behind the server reads none of it");

/** Whether the application takes a first message of a channel: where it is asked for in vain, the next change is told. */
async function isRead(context: SessionContext, channel: ChannelModel): Promise<boolean> {
  const { connection, probe } = context;
  await spend(context, channel, 1);
  for (let i = 0; i < 3; i++) {
    await connection.ask(channel);
    if (handedOn(context, channel) > 0) return true;
    await probe.answer(() => handedOn(context, channel) > 0, 50);
  }
  return false;
}

/** A channel is filled by half of its part; what has come of it, where its application reads. */
async function readByHalf(
  context: SessionContext,
): Promise<{ channel: ChannelModel; half: number; toldAlone: number } | Outcome> {
  const { connection, probe } = context;
  const shares = new Shares(probe.model, "client");
  const channel = cheapest(context, shares);
  if (channel === undefined) return NO_CHANNEL;
  if (!(await isRead(context, channel))) return NOT_READ;
  const first = handedOn(context, channel);
  const half = Math.ceil(shares.partOf(channel) / 2);
  if ((await spend(context, channel, half)) === undefined) {
    return unseen("its budget is too large to be read by half");
  }
  await probe.answer(() => handedOn(context, channel) > first);
  const toldAlone = handedOn(context, channel) - first;
  // What was read may be told late: it is asked for, and asked again.
  for (let i = 0; i < 3 && handedOn(context, channel) < half; i++) await connection.ask(channel);
  return handedOn(context, channel) < half ? NOT_READ : { channel, half, toldAlone };
}

/** The number of what the server has sent last, as an ack says it; where nothing has come it is asked. */
async function lastOf({ connection, probe }: SessionContext): Promise<number | undefined> {
  if (probe.regular.length === 0) await connection.ask();
  const last = probe.regular.findLast(({ reading }) => reading.packetNumber !== undefined);
  return last && last.reading.packetNumber! % 2 ** probe.model.header.ackBits;
}

/** With an ack of what the server sent last, for a limit stands beside one. */
async function withLimit(
  context: SessionContext,
  packetNumber: number,
  receiveLimit: number,
): Promise<Uint8Array | undefined> {
  const { connection } = context;
  const largest = await lastOf(context);
  if (largest === undefined) return undefined;
  const ack = { largest, delay: 255, runs: [1] };
  return connection.datagram({ packetNumber, ackNow: true, ack, receiveLimit });
}

/** Datagrams that are dropped whatever came before them. */
export const limitRefusals: readonly SessionRule[] = [
  refused(
    "limit-none",
    "sealed",
    "a limit where the server sends on no channel that has one",
    (context, number) =>
      limitedChannels(context.probe.model, "server").length > 0
        ? undefined
        : withLimit(context, number, 1),
  ),
  refused(
    "asks-unknown",
    "clear",
    "one that asks for the limit of a channel that the spec lacks",
    ({ probe, connection }, packetNumber) => {
      const [channel] = probe.model.channels;
      const ids = new Set(probe.model.channels.map(({ id }) => id));
      const id = [0xff_fffe, 0xff_fffd, 7_777_777].find((free) => !ids.has(free))!;
      return connection.datagram({ packetNumber, ackNow: true, asks: { ...channel!, id } });
    },
  ),
  refused(
    "ack-channel",
    "clear",
    "one with neither frames nor Q that names a channel",
    async (context, packetNumber) => {
      const { probe, connection } = context;
      const asks = probe.model.channels.find(({ id }) => id > 0);
      const largest = await lastOf(context);
      if (asks === undefined || largest === undefined) return undefined;
      return connection.datagram({ packetNumber, ack: { largest, delay: 255, runs: [1] }, asks });
    },
  ),
];

/** Who says more than was sent: behind a seal it is the other side's doing, in a plain session anybody's. */
const beyond: SessionRule = rule(
  "limit-beyond",
  "ends a sealed session for a limit above what was sent; in a plain one takes it for what was sent",
  async (context) => {
    const { connection, probe } = context;
    const { length } = limitedChannels(probe.model, "server");
    if (length === 0) return unseen("the server sends on no channel that has a limit");
    if ((await connection.ask()) === undefined) return fail("nothing is acknowledged");
    const number = connection.number();
    const bytes = await withLimit(context, number, 2 ** 40 * length);
    if (bytes === undefined) return unseen("the server sends nothing");
    connection.send(bytes, number);
    if (probe.model.security === "sealed") return ended(context);
    return (await connection.ackOf(number)) === undefined ? fail("it is not acknowledged") : pass;
  },
);

export const limitRules: readonly SessionRule[] = [
  rule(
    "limit-room",
    "takes reliable messages as far as their channel's part and the pool hold them",
    async (context) => {
      const all = await filled(context);
      return "result" in all ? all : pass;
    },
  ),
  rule(
    "refuse-limit",
    "refuses, and does not acknowledge, a message beyond its channel's part and the pool",
    async (context) => {
      const { connection, probe } = context;
      const all = await filled(context);
      if ("result" in all) return all;
      const number = connection.number();
      const frames = all.filler.more(context);
      connection.send(connection.datagram({ packetNumber: number }, frames), number);
      if (probe.model.security === "sealed") return ended(context);
      probe.clear();
      const ack = await connection.ask();
      if (ack === undefined) return fail("nothing is acknowledged any more");
      return ack.named.has(number) ? fail("it is acknowledged") : pass;
    },
    "MUST",
    REFUSES,
  ),
  rule(
    "limit-apart",
    "takes a message of each other channel, where one has its part and all of the pool",
    async (context) => {
      const { connection, probe } = context;
      const all = await filled(context);
      if ("result" in all) return all;
      const others = all.shares.channels.filter((channel) => channel !== all.filler.channel);
      if (others.length === 0) return unseen("no other channel has a limit");
      for (const channel of others.slice(0, AT_ONCE)) {
        const frame = frameOf(context, channel);
        if (frame.payload.length > probe.model.limits.sliceBytes) continue;
        const number = connection.number();
        const values = { packetNumber: number, ackNow: true };
        connection.send(connection.datagram(values, [frame]), number);
        if ((await connection.ackOf(number)) === undefined) return fail(`not of ${channel.name}`);
      }
      return pass;
    },
  ),
  rule(
    "limit-true",
    "says of no channel that more was handed on than came of it once, or less than before",
    async (context) => {
      const { connection, probe } = context;
      const { channels } = new Shares(probe.model, "client");
      if (channels.length === 0) return NO_CHANNEL;
      const spent = new Map<ChannelModel, number>();
      for (const channel of channels.slice(0, AT_ONCE)) {
        const frame = frameOf(context, channel);
        if (frame.payload.length > probe.model.limits.sliceBytes) continue;
        spent.set(channel, frame.payload.length + OVERHEAD_BYTES);
        // Three times: it counts once.
        for (let time = 0; time < 3; time++) {
          const packetNumber = connection.number();
          connection.send(connection.datagram({ packetNumber }, [frame]), packetNumber);
        }
      }
      for (let time = 0; time < 2; time++) {
        for (const channel of spent.keys()) await connection.ask(channel);
      }
      const limits = limitsOf(context);
      const before = new Map<ChannelModel, number>();
      for (const { channel, handedOnBytes } of limits) {
        const most = spent.get(channel) ?? 0;
        const which = `of ${channel.name} ${handedOnBytes} bytes`;
        if (handedOnBytes > most) return fail(`${which}, and ${most} have come`);
        if (handedOnBytes < (before.get(channel) ?? 0)) return fail(`${which}, more before`);
        before.set(channel, handedOnBytes);
      }
      return limits.some(({ handedOnBytes }) => handedOnBytes > 0) ? pass : NOT_READ;
    },
  ),
  rule(
    "limit-asked",
    "says the limit of a channel whenever that is asked for, once some of it was handed on",
    async (context) => {
      const { connection, probe } = context;
      const shares = new Shares(probe.model, "client");
      const channel = cheapest(context, shares);
      if (channel === undefined) return NO_CHANNEL;
      const frame = frameOf(context, channel);
      if (frame.payload.length > probe.model.limits.sliceBytes)
        return unseen("it fits no datagram");
      const packetNumber = connection.number();
      connection.send(connection.datagram({ packetNumber }, [frame]), packetNumber);
      const answers = [];
      for (let i = 0; i < 5; i++) {
        probe.clear();
        const { reading } = (await connection.ask(channel)) ?? {};
        if (reading === undefined) return fail("nobody answers");
        const limit = reading.receiveLimit;
        const says = limit === undefined ? undefined : readLimit(probe.model, limit, "server");
        answers.push(says?.channel === channel ? says.handedOnBytes : -1);
      }
      const first = answers.findIndex((bytes) => bytes > 0);
      if (first < 0) {
        // Half of a part is told without a question, if any of it is handed on.
        if ((await spend(context, channel, shares.partOf(channel) / 2)) === undefined) {
          return NOT_READ;
        }
        const told = await probe.answer(() => handedOn(context, channel) > 0);
        return told === undefined ? NOT_READ : fail("it is told, and not when it is asked for");
      }
      const silent = answers.slice(first).some((bytes) => bytes <= 0);
      return silent ? fail("it is said once, and not when it is asked for again") : pass;
    },
  ),
  beyond,
  rule(
    "limit-told",
    "says unasked that half of a channel's part was handed on",
    async (context) => {
      const read = await readByHalf(context);
      if ("result" in read) return read;
      const { toldAlone, half, channel } = read;
      if (toldAlone > 0) return pass;
      return fail(`of ${channel.name} ${half} bytes were, and that is said only when one asks`);
    },
    "SHOULD",
  ),
];
