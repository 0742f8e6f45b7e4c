/**
 * The golden vectors of a session, docs/session-vectors.json: what a receiver of the regular protocol does over time, for
 * whoever implements it in another language. Made here with forged and recorded datagrams of test/specs/deliveries.yaml; what
 * stands behind a step is what our session did. That it is right is the tests' matter, which look at each trace by itself.
 */
import type { Protocol, Role } from "#src/protocol.js";
import { rebuildAcknowledged, rebuildNumber } from "#src/session/packet-numbers.js";
import { RttEstimator } from "#src/session/rtt.js";
import { Session } from "#src/session/session.js";
import { Pair, SeededRandom } from "#src/testing/index.js";
import type { Writer } from "#src/wire/writer.js";
import { type SenderLimit, senderLimits } from "./limit-vectors.ts";
import { type SenderTrace, senderTraces } from "./loss-vectors.ts";
import { secrets } from "./sealing.ts";
import { specUrl } from "./specs.ts";
import { hexOf, Receiver, TAG, type Trace, TraceWriter } from "./trace-writer.ts";

export interface Rebuilt {
  readonly bits: number;
  readonly truncated: number;
  readonly number: number;
}

export interface SessionVectors {
  readonly format: string;
  readonly about: string;
  readonly spec: string;
  readonly hash: string;
  readonly sessionTag: number;
  /** As much of the protocol as a session needs. */
  readonly model: {
    readonly limits: Partial<Protocol["limits"]>;
    readonly channels: readonly object[];
  };
  readonly packetNumbers: readonly (Rebuilt & { readonly largest: number })[];
  readonly acknowledged: readonly (Rebuilt & { readonly lastSent: number })[];
  readonly roundTrips: readonly {
    readonly rttMs: number;
    readonly ackDelayMs: number;
    readonly reliable: boolean;
    readonly smoothedMs: number;
    readonly variationMs: number;
    readonly probeTimeoutMs: number;
  }[];
  readonly senders: readonly SenderTrace[];
  /** What a sender may send, and what it takes a limit for. */
  readonly limits: readonly SenderLimit[];
  readonly traces: readonly Trace[];
}

/** What a reader of the file has to know of the spec. */
function modelOf({ channels, limits }: Protocol): SessionVectors["model"] {
  const { maxDatagramBytes, sliceBytes, receiveBudgetBytes, maxAckDelayMs } = limits;
  return {
    limits: { maxDatagramBytes, sliceBytes, receiveBudgetBytes, maxAckDelayMs },
    channels: channels.map(
      ({ id, name, delivery, direction, numbered, reliable, fragment, ...sizes }) => {
        const { fixedBytes, maxBytes, maxGapMs } = sizes;
        const kind = { id, name, delivery, direction, numbered, reliable, fragment };
        return { ...kind, fixedBytes, maxBytes, maxGapMs };
      },
    ),
  };
}

export const ONE_WAY = "test/specs/one-way.yaml";
export const SEALED = "test/specs/modes-sealed.yaml";

export const deliveriesProtocol = (): Promise<Protocol> => protocolOf("deliveries");
export const oneWayProtocol = (): Promise<Protocol> => protocolOf("one-way");
export const sealedProtocol = (): Promise<Protocol> => protocolOf("modes-sealed");

async function protocolOf(spec: string): Promise<Protocol> {
  const url = specUrl(spec, "generated/protocol.js");
  return ((await import(url.href)) as { protocol: Protocol }).protocol;
}

/** Round numbers and what lies beside them. */
function around(...values: number[]): number[] {
  return values.flatMap((value) => [value - 1, value, value + 1]).filter((value) => value >= -1);
}

function packetNumbers(): SessionVectors["packetNumbers"] {
  const rows: (Rebuilt & { largest: number })[] = [];
  for (const largest of around(-1, 0, 2 ** 15, 2 ** 16, 3 * 2 ** 15, 2 ** 32, 2 ** 40)) {
    for (const bits of [16, 32]) {
      for (const offset of [
        0,
        1,
        2 ** (bits - 1) - 1,
        2 ** (bits - 1),
        -1,
        -(2 ** (bits - 1)) + 1,
      ]) {
        const truncated = (((largest + 1 + offset) % 2 ** bits) + 2 ** bits) % 2 ** bits;
        rows.push({
          bits,
          largest,
          truncated,
          number: rebuildNumber(truncated, bits, largest + 1),
        });
      }
    }
  }
  return rows;
}

function acknowledged(): SessionVectors["acknowledged"] {
  const rows: (Rebuilt & { lastSent: number })[] = [];
  for (const lastSent of around(0, 2 ** 15, 2 ** 16, 2 ** 17)) {
    if (lastSent < 0) continue;
    for (const offset of [0, -1, -100, 1, 2 ** 15, 2 ** 15 + 1]) {
      const truncated = (lastSent + offset + 2 ** 16) % 2 ** 16;
      const number = rebuildAcknowledged(truncated, 16, lastSent + 2 ** 15);
      rows.push({ bits: 16, lastSent, truncated, number });
    }
  }
  return rows;
}

function roundTrips(maxAckDelayMs: number): SessionVectors["roundTrips"] {
  const rtt = new RttEstimator(maxAckDelayMs);
  const samples: [rttMs: number, ackDelayMs: number, reliable: boolean][] = [
    [50, 0, true],
    [60, 10, true],
    [80, 20, true],
    [90, 40, true],
    [110, 60, false],
    [45, 0, true],
    [200, 0, true],
    [50, 0, true],
    [5, 20, true],
  ];
  return samples.map(([rttMs, ackDelayMs, reliable], i) => {
    rtt.sample(rttMs, ackDelayMs, reliable, 100 * i);
    const { smoothedMs, variationMs } = rtt;
    const probeTimeoutMs = rtt.probeTimeoutMs();
    return { rttMs, ackDelayMs, reliable, smoothedMs, variationMs, probeTimeoutMs };
  });
}

const n = (value: number): string => value.toString(16).padStart(8, "0");
/** A slice of the size that all but the last have. */
const slice = (protocol: Protocol, fill: string): string => fill.repeat(protocol.limits.sliceBytes);

function forgedTraces(protocol: Protocol): Trace[] {
  const start = (role?: Role) => new TraceWriter(protocol, role);
  const event = (number: number, message: number) => ({
    number,
    channel: "event",
    message,
    payload: n(message),
  });
  const spark = (number: number) => ({ number, channel: "spark", payload: n(number) });

  const acks = start()
    .give("one reliable message: acknowledged when maxAckDelayMs ends", event(0, 0))
    .after(100)
    .give("two of them", event(1, 1))
    .after(7)
    .give("with the next that comes after a third of maxAckDelayMs", event(2, 2))
    .after(100)
    .give("a gap: at once, and once more after 5 ms", event(4, 4))
    .after(100)
    .give("what fills it, and is not the largest plus one: at once", event(3, 3))
    .after(100)
    .give("Q: at once", { number: 5 })
    .after(100);
  for (let number = 6; number < 15; number++)
    acks.give("nine reliable ones", event(number, number));
  acks
    .give("the tenth of its kind: at once", event(15, 15))
    .after(100)
    .give("an unreliable message: after 400 ms", spark(16))
    .after(500)
    .give("two unreliable ones", spark(17))
    .after(140)
    .give("with the next that comes after a third of 400 ms", spark(18))
    .after(500);
  for (let number = 19; number < 50; number++) acks.give("31 unreliable ones", spark(number));
  acks.give("the 32nd of its kind: at once", spark(50));
  acks.after(500).give("a pure ack: never", { number: 51, ack: { largest: 0, firstRun: 1 } });

  const numbers = start()
    .give("the first", event(0, 0))
    .give("the same again", event(0, 0))
    .give("65 ahead is not believed alone", event(65, 1))
    .give("but a second one behind it is", event(66, 1))
    .give("64 ahead of the largest is", event(130, 2))
    .give("what was refused may come again: it was not applied", event(65, 3))
    .give("far ahead", { number: 20_000, wide: true })
    .give("and again", { number: 20_001, wide: true })
    .give("1,024 below the largest: too old", event(20_001 - 1024, 4))
    .give("1,023 below it: not", event(20_001 - 1023, 4))
    .give("more than 2^15 ahead: whatever follows", { number: 20_001 + 2 ** 15 + 1, wide: true })
    .give("so is its neighbour", { number: 20_001 + 2 ** 15 + 2, wide: true })
    .give("on to the wrap", { number: 50_000, wide: true })
    .give("on to the wrap, confirmed", { number: 50_001, wide: true })
    .give("close to it", { number: 65_530, wide: true })
    .give("close to it, confirmed", { number: 65_531, wide: true })
    .give("narrow: 65,535", event(65_535, 5))
    .give("narrow: 65,536 is written 0", event(65_536, 6))
    .give("narrow: 65,534, from before", event(65_534, 7))
    .after(100);

  const messages = start()
    .give("16,383 ahead of what is missing", event(0, 16_383))
    .give("16,384 ahead", event(1, 16_384))
    .give("the missing one", event(2, 0))
    .give("now that is in the window", event(3, 16_384))
    .give(
      "a message that has come, in a new datagram: acknowledged, and not handed on",
      event(4, 0),
    )
    .give("sequenced: 16,384 ahead of the highest (-1 here) is 16,383", {
      number: 5,
      channel: "door",
      message: 16_383,
      payload: n(1),
    })
    .give("sequenced: 16,385 ahead of the highest", {
      number: 6,
      channel: "door",
      message: 16_383 + 16_385,
      payload: n(2),
    })
    .give("sequenced: 16,384 ahead of it", {
      number: 7,
      channel: "door",
      message: 16_383 + 16_384,
      payload: n(3),
    })
    .after(100);

  const map = { channel: "map", message: 0 };
  const slices = start()
    .give("the first of two slices", {
      number: 0,
      ...map,
      slice: [0, 2],
      payload: slice(protocol, "ab"),
    })
    .give("another count for the same message", {
      number: 1,
      ...map,
      slice: [0, 3],
      payload: slice(protocol, "ab"),
    })
    .give("a slice that is not the last and not whole", {
      number: 2,
      ...map,
      slice: [0, 2],
      payload: "abab",
    })
    .give("an index as large as the count", { number: 3, ...map, slice: [2, 2], payload: "ab" })
    .give("a count of one", { number: 4, ...map, slice: [0, 1], payload: "ab" })
    .give("more slices than maxBytes admits", { number: 5, ...map, slice: [0, 400], payload: "ab" })
    .give("a slice on a channel that does not fragment", {
      number: 6,
      channel: "spark",
      slice: [0, 2],
      payload: slice(protocol, "ab"),
    })
    .give("the second slice: the message is whole", {
      number: 7,
      ...map,
      slice: [1, 2],
      payload: "cdcd",
    })
    .after(100);

  const refused = start()
    .give("another session tag", { number: 0, channel: "spark", payload: n(0), tag: TAG + 1 })
    .edit("without its last byte", spark(0), (hex) => hex.slice(0, -2))
    .edit("a byte too many", spark(0), (hex) => `${hex}00`)
    .edit("key phase in a plain session", spark(0), (hex) => flags(hex, 0x02))
    .edit("none of A, Q and D", { number: 0 }, (hex) => flags(hex, 0, 0x40))
    .edit("L without A", { number: 0 }, (hex) => flags(hex, 0x01))
    .edit("F without D", { number: 0 }, (hex) => flags(hex, 0x10))
    .edit("M, and no other frame follows", spark(0), (hex) => flags(hex, 0x08))
    .edit("no frame, and a channel that the protocol lacks", { number: 0 }, (hex) => {
      return `0000ff${hex.slice(6)}`;
    })
    .edit(
      "a pure ack, and not wire id 1",
      { number: 0, ack: { largest: 0, firstRun: 1 } },
      (hex) => `000002${hex.slice(6)}`,
    )
    .edit("a channel that the protocol lacks", spark(0), (hex) => `0000ff${hex.slice(6)}`)
    .give("an ack that reaches below number 0", { number: 0, ack: { largest: 0, firstRun: 2 } })
    .edit(
      "an ack block whose length is not in its shortest form",
      {
        number: 0,
        ack: { largest: 3, firstRun: 2 },
      },
      (hex) => `${hex.slice(0, -2)}808100`,
    )
    .give("a payload above maxBytes", {
      number: 0,
      channel: "voice",
      message: 0,
      payload: "00".repeat(90),
    })
    .give("and a good one: nothing of the others was applied", spark(0))
    .after(100);

  const direction = start("client")
    .give("a channel on which only clients send", { number: 0, channel: "cue", payload: n(0) })
    .give("one on which both do", spark(0));

  const limit = start().application("full");
  // Each claims 52 slices and a byte, of which one slice has come.
  for (let i = 0; i < 2; i++) {
    limit.give(
      `the first slice of message ${i}, beyond the channel's part and the pool from 1 on`,
      {
        number: i,
        channel: "map",
        message: i,
        slice: [0, 53],
        payload: slice(protocol, "00"),
      },
    );
  }
  limit
    .give("another channel has a part of its own", event(3, 0))
    .after(100)
    .give("without frames: which limit is asked for", { number: 4, asks: "event" })
    .after(100)
    .give("a pure ack that names a channel", {
      number: 5,
      asks: "event",
      ack: { largest: 0, firstRun: 1 },
    })
    .application("reads")
    .give("asked for once more: it is said", { number: 6, asks: "event" })
    .after(100);

  // What is held beyond the parts of channels is of one pool, 49,152 bytes.
  const pool = start().application("full");
  const chat = (number: number, message: number, bytes = 262) => ({
    number,
    channel: "chat",
    message,
    payload: "00".repeat(bytes),
  });
  pool
    .give("map: 59,033 of its part, 60,071", {
      number: 0,
      ...map,
      slice: [0, 53],
      payload: slice(protocol, "00"),
    })
    .give("map: 47,789 of the pool", {
      number: 1,
      channel: "map",
      message: 1,
      slice: [0, 44],
      payload: slice(protocol, "00"),
    });
  for (let i = 0; i < 16; i++) {
    pool.give("chat: 326 each, of its part, 4,096, and the pool", chat(2 + i, i));
  }
  pool
    .give("243 of the pool are left: too little", chat(18, 16))
    .edit("two messages of a datagram count together: 328", chat(19, 16, 100), (hex) => {
      // With M the first says its length; the second is on the same channel, and its number the next.
      const [head, payload] = [hex.slice(0, 24), hex.slice(24)];
      return `${flags(head, 0x08)}64${payload}90${payload}`;
    })
    .give("one of them alone: 164", chat(20, 16, 100))
    .give("event has its part", event(21, 0))
    .give("of map not even two slices", {
      number: 22,
      channel: "map",
      message: 2,
      slice: [0, 2],
      payload: slice(protocol, "00"),
    })
    .after(100)
    .application("reads")
    .give("what was handed on makes room again", chat(23, 17))
    .after(100);

  const told = start();
  for (let i = 0; i < 4; i++) {
    // 6,000 bytes each: the limit is told when a quarter of the channel's own part was handed on, or alone by a half.
    const count = Math.ceil(6000 / protocol.limits.sliceBytes);
    for (let index = 0; index < count; index++) {
      const last = 6000 - (count - 1) * protocol.limits.sliceBytes;
      told.give(`message ${i}, slice ${index}`, {
        number: i * count + index,
        channel: "map",
        message: i,
        slice: [index, count],
        payload: index + 1 < count ? slice(protocol, "00") : "00".repeat(last),
      });
    }
    told.after(5);
  }

  const voice = (number: number, message: number) => ({
    number,
    channel: "voice",
    message,
    payload: `${n(message)}00`,
  });
  const ordered = start()
    .give("message 0", voice(0, 0))
    .give("message 2 waits for 1, for maxGapMs (60)", voice(2, 2))
    .after(20)
    .give("message 3 waits too", voice(3, 3))
    .after(20)
    .give("message 1 was only overtaken", voice(4, 1))
    .give("message 5 waits for 4", voice(5, 5))
    .after(80)
    .give("message 4 is too late", voice(6, 4))
    .after(100);

  const level = (number: number, message: number, index: number, count: number) => ({
    number,
    channel: "level",
    message,
    slice: [index, count] as const,
    payload: index + 1 < count ? slice(protocol, "11") : "22",
  });
  const door = (number: number, message: number) => ({
    number,
    channel: "door",
    message,
    payload: n(message),
  });
  const sequenced = start()
    .give("message 1 before 0", door(0, 1))
    .give("0 is older than what was handed on", door(1, 0))
    .give("2", door(2, 2))
    .application("full")
    .give("3 waits for room", door(3, 3))
    .give("4 takes its place", door(4, 4))
    .application("reads")
    .give("a slice of 0", level(5, 0, 0, 2))
    .give("a slice of 1: what came of 0 is given up", level(6, 1, 0, 2))
    .give("the other slice of 0 is old", level(7, 0, 1, 2))
    .give("the other slice of 1", level(8, 1, 1, 2))
    .after(100);

  return [
    acks.trace("when a receiver acknowledges"),
    numbers.trace("packet numbers: duplicates, jumps, the window and a wrap"),
    messages.trace("message numbers and their windows"),
    slices.trace("slices, and what is refused of them"),
    refused.trace("what is refused whole"),
    direction.trace("a channel that goes the other way"),
    limit.trace("the receive limit holds"),
    pool.trace("the receive limit: parts and the pool"),
    told.trace("the receive limit is told"),
    ordered.trace("unreliable-ordered: gaps"),
    sequenced.trace("reliable-sequenced: the newest"),
  ];
}

/** Limits that a side is told that sends on no channel with one. */
function nothingLimited(protocol: Protocol): Trace {
  const ack = { largest: 0, firstRun: 1 };
  const report = { channel: "report", payload: n(0) };
  const trace = new TraceWriter(protocol)
    .give("a limit of 0", { number: 0, ack, limit: 0 })
    .give("a limit of 1", { number: 1, ack, limit: 1 })
    .give("a good one behind it", { number: 1, ...report, message: 0 })
    .after(100);
  const { name, role, steps } = trace.trace("a limit where no channel has one");
  return { name, spec: ONE_WAY, model: modelOf(protocol), role, steps };
}

/** Behind a good tag a limit above what was sent is the other side's doing. */
function beyondSent(protocol: Protocol): Trace {
  const ack = { largest: 0, firstRun: 1 };
  const message = { channel: "orderedFixed", message: 0, payload: "00".repeat(16) };
  const trace = new TraceWriter(protocol)
    .give("a message", { number: 0, ...message })
    .after(100)
    .give("a limit of nothing of the first channel", { number: 1, ack, limit: 0 })
    .give("one byte of it, and none was sent", { number: 2, ack, limit: 8 });
  const { name, role, steps } = trace.trace("a sealed session: a limit above what was sent");
  const hex = { client: hexOf(secrets.clientSecret), server: hexOf(secrets.serverSecret) };
  return { name, spec: SEALED, model: modelOf(protocol), secrets: hex, role, steps };
}

/** Flags are the fourth byte of the default layout. */
function flags(hex: string, set: number, clear = 0): string {
  const value = (Number.parseInt(hex.slice(6, 8), 16) | set) & ~clear;
  return hex.slice(0, 6) + value.toString(16).padStart(2, "0") + hex.slice(8);
}

/** A client that sends on every channel over a bad link, and what a server makes of what arrives. */
function recorded(protocol: Protocol, seed: number): Trace {
  const receiver = new TraceWriter(protocol);
  const random = new SeededRandom(seed);
  const client = new Session({
    protocol,
    role: "client",
    tag: TAG,
    nowMs: 0,
    random: () => random.next(),
    sink: { deliver: () => true },
  });
  const server = new Receiver(protocol, "server");
  const { session } = server;
  const pair = new Pair({
    a: client,
    b: {
      handleDatagram: (bytes: Uint8Array, view: DataView, length: number, nowMs: number) => {
        receiver.until(nowMs).hex("recorded", hexOf(bytes.subarray(0, length)));
        return session.handleDatagram(bytes, view, length, nowMs);
      },
      handleTimeout: (nowMs: number) => session.handleTimeout(nowMs),
      pollTransmit: (w: Writer, nowMs: number) => session.pollTransmit(w, nowMs),
      pollDeadline: () => session.pollDeadline(),
    },
    link: { delayMs: 10, jitterMs: 8, loss: 0.15 },
    // The server hears the client's acks of nothing: it sends no messages, and what asks for an ack is lost.
    fromB: { delayMs: 10 },
    seed,
  });
  for (let tick = 0; tick < 12; tick++) {
    for (const { index, name, fixedBytes } of protocol.channels) {
      if (name === "map" && tick > 0) continue;
      const bytes = fixedBytes >= 0 ? fixedBytes : name === "map" || name === "level" ? 2500 : 20;
      const payload = random.fill(new Uint8Array(bytes));
      new DataView(payload.buffer).setUint32(0, tick);
      client.send(index, payload, 0, payload.length);
    }
    pair.run(16);
  }
  pair.runUntil(() => !client.unacknowledged, 5000);
  receiver.until(pair.time.nowMs);
  return receiver.trace(`a session over 15 % loss and jitter, seed ${seed}`);
}

export async function makeSessionVectors(): Promise<SessionVectors> {
  const protocol = await deliveriesProtocol();
  return {
    format: "stardust-session-vectors 1",
    about:
      "What a receiver of the regular protocol does, step by step; docs/wire.md says how to read it. Times are milliseconds.",
    spec: "test/specs/deliveries.yaml",
    hash: protocol.hash,
    sessionTag: TAG,
    model: modelOf(protocol),
    packetNumbers: packetNumbers(),
    acknowledged: acknowledged(),
    roundTrips: roundTrips(protocol.limits.maxAckDelayMs),
    senders: senderTraces(protocol),
    limits: senderLimits(protocol),
    traces: [
      ...forgedTraces(protocol),
      nothingLimited(await oneWayProtocol()),
      beyondSent(await sealedProtocol()),
      recorded(protocol, 1),
    ],
  };
}
