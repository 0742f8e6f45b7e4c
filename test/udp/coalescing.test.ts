/**
 * Sockets that rest while many datagrams come, so that they share turns: when that is worth it, on virtual time; what a native socket
 * does meanwhile; and that a server has it rest.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { afterEach, describe, expect, it } from "vitest";
import { Coalescing } from "#src/udp/coalescing.js";
import { DatagramLoop } from "#src/udp/datagram-loop.js";
import { openSocket } from "#src/udp/open-socket.js";
import type { DatagramListener, DatagramSocket } from "#src/udp/socket.js";
import { setClock } from "#src/udp/turn.js";
import { arenaClient, arenaServer, until } from "../support/arena.ts";
import { skipWithoutNative } from "../support/native-sockets.ts";

/** Who sends the datagram of this number. */
type Sender = (number: number) => number;

const SECOND = 1000;

/** Datagrams at a rate, for so long: what was said to each. */
function said(
  perMs: number,
  {
    ms = 1,
    forMs = SECOND,
    connections = 1000,
    from = (i) => i % connections,
  }: { ms?: number; forMs?: number; connections?: number; from?: Sender } = {},
): number[] {
  const coalescing = new Coalescing(ms, 0);
  return Array.from({ length: perMs * forMs }, (_, i) =>
    coalescing.arrived(i / perMs, "192.0.2.1", 1024 + from(i), connections),
  );
}

/** The longest of it. */
const longest = (...of: Parameters<typeof said>): number => Math.max(...said(...of));

describe("a socket rests", () => {
  it("where so many come from many meanwhile that each waits for others", () => {
    expect(said(20).at(-1)).toBe(1);
    expect(said(8).at(-1)).toBe(1);
    expect(said(2, { ms: 5 }).at(-1)).toBe(5);
    expect(said(0.5, { ms: 20 }).at(-1)).toBe(20);
  });

  it("not where few come, in a longer time neither", () => {
    expect(longest(7)).toBe(0);
    expect(longest(1, { ms: 5 })).toBe(0);
    expect(longest(0.1, { ms: 20, forMs: 10 * SECOND })).toBe(0);
  });

  it("not so long that more come than a small buffer of the system holds", () => {
    expect(longest(16, { ms: 20 })).toBe(4);
    expect(longest(20, { ms: 20 })).toBe(3);
    expect(longest(40, { ms: 20 })).toBe(1);
    expect(longest(65, { ms: 20 })).toBe(0);
  });

  it("not before it is known what comes, and not much longer than it does", () => {
    const coalescing = new Coalescing(1, 0);
    const arrived = (atMs: number, port: number): number =>
      coalescing.arrived(atMs, "192.0.2.1", port, 1000);
    const answers = Array.from({ length: 4000 }, (_, i) => arrived(i / 20, i % 1000));
    expect(answers.indexOf(1) / 20).toBe(100);
    // One a millisecond from now on.
    const later = Array.from({ length: 300 }, (_, i) => arrived(200 + i, i));
    expect(later.lastIndexOf(1)).toBeLessThanOrEqual(200);
    expect(later.at(-1)).toBe(0);
  });

  it("though the thread reads nothing for most of the time, for it does something else", () => {
    const coalescing = new Coalescing(1, 0);
    const answers: number[] = [];
    // Ticks of 50 ms, of which 40 are computed; what has come meanwhile is read at once.
    for (let tick = 0; tick < 20; tick++) {
      for (let i = 0; i < 1000; i++) {
        const atMs = tick * 50 + Math.max(40, i / 20);
        answers.push(coalescing.arrived(atMs, "192.0.2.1", i, 1000));
      }
    }
    expect(Math.min(...answers.slice(3000))).toBe(1);
  });

  it("not where a connection sends as often as that", () => {
    expect(longest(20, { connections: 79 })).toBe(0);
    expect(longest(20, { connections: 80 })).toBe(1);
    // Two by turns.
    expect(longest(20, { connections: 2 })).toBe(0);
  });

  it("not where one streams among many that are silent, or play", () => {
    expect(longest(40, { from: () => 7 })).toBe(0);
    expect(longest(40, { from: (i) => (i % 4 === 0 ? i % 1000 : 7) })).toBe(0);
    // One in nine comes from where the one before it did.
    expect(longest(40, { from: (i) => (i % 9 === 0 ? i + 1 : i) % 1000 })).toBe(1);
  });

  it("by addresses, too: whoever shares a port number is somebody else", () => {
    const coalescing = new Coalescing(1, 0);
    let last = 0;
    for (let i = 0; i < 4000; i++) {
      last = coalescing.arrived(i / 20, `192.0.2.${i % 250}`, 9, 1000);
    }
    expect(last).toBe(1);
  });
});

/** A loop whose socket hands out what it is told to, on a clock that is set. */
function loop(canRest: boolean) {
  const rests: number[] = [];
  let handOut: DatagramListener = () => {};
  const socket = {
    ...{ port: 1, address: "192.0.2.9", hasMore: false },
    send: () => {},
    listen: (listener: DatagramListener) => {
      handOut = listener;
    },
    close: async () => {},
    ...(canRest && { rest: (ms: number) => void rests.push(ms) }),
  };
  const nothing = () => undefined;
  const never = () => Number.POSITIVE_INFINITY;
  const datagrams = new DatagramLoop({
    sockets: [socket],
    zero: {
      ...{ handleDatagram: nothing, handleTimeout: nothing, pollDeadline: never },
      ...{ pollEvent: nothing, pollTransmit: nothing },
    },
    user: {
      connections: 1000,
      handleRegular: () => true,
      ...{ handleEvent: nothing, serve: nothing, endTurn: never },
    },
    maxDatagramBytes: 1200,
    coalesceMs: 1,
  });
  datagrams.start();
  let sent = 0;
  /** Twenty a millisecond. */
  const come = (count: number): void => {
    for (let i = 0; i < count; i++) {
      setClock(sent / 20);
      handOut(Uint8Array.of(1, 2, 3, 4), "192.0.2.1", 1024 + (sent++ % 1000));
    }
  };
  return { socket, rests, come, stop: () => datagrams.stop() };
}

describe("a loop", () => {
  afterEach(() => setClock(0));

  it("has a socket rest behind what it has read, not where there is more", async () => {
    const { socket, rests, come, stop } = loop(true);
    come(3000);
    const some = rests.length;
    expect(some).toBeGreaterThan(0);
    socket.hasMore = true;
    come(3000);
    expect(rests).toHaveLength(some);
    socket.hasMore = false;
    come(1);
    expect(rests).toHaveLength(some + 1);
    await stop();
  });

  it("goes on with a socket that cannot rest", async () => {
    const { rests, come, stop } = loop(false);
    come(6000);
    expect(rests).toEqual([]);
    await stop();
  });
});

const open: DatagramSocket[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((socket) => socket.close()));
});

async function nativeSocket(): Promise<DatagramSocket> {
  const socket = await openSocket({ host: "127.0.0.1", port: 0, warn: false, kind: "native" });
  open.push(socket);
  return socket;
}

/** Numbers that come, and a way to send them. */
async function pair() {
  const [sender, target] = [await nativeSocket(), await nativeSocket()];
  const numbers: number[] = [];
  target.listen((bytes) => {
    numbers.push(bytes[0]!);
  });
  const send = (...all: number[]): void => {
    for (const number of all) sender.send(Uint8Array.of(number), target.port, "127.0.0.1");
  };
  return { sender, target, numbers, send };
}

/** The system has been asked at least so often what there is to read. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

// Native sockets are there only where a C compiler is.
describe.skipIf(skipWithoutNative)("a native socket that rests", () => {
  it("hands out nothing, and then all that has come, in its order", async () => {
    const { sender, target, numbers, send } = await pair();
    send(1);
    await until(() => numbers.length === 1);
    const other: number[] = [];
    sender.listen((bytes) => other.push(bytes[0]!));
    target.rest!(100);
    send(2, 3, 4);
    // Who is behind them has been heard, and they have not.
    target.send(Uint8Array.of(9), sender.port, "127.0.0.1");
    await until(() => other.length === 1);
    await turns(20);
    expect(numbers).toEqual([1]);
    await until(() => numbers.length === 4);
    expect(numbers).toEqual([1, 2, 3, 4]);
  });

  it("rests once, however often it is asked to", async () => {
    const { target, numbers, send } = await pair();
    for (let i = 0; i < 100; i++) target.rest!(1);
    send(1);
    await until(() => numbers.length === 1);
    target.rest!(1);
    send(2);
    await until(() => numbers.length === 2);
  });

  it("hands out the rest of what was read in the turn that it was asked in", async () => {
    const { target, numbers, send } = await pair();
    target.listen((bytes) => {
      numbers.push(bytes[0]!);
      target.rest!(1);
    });
    send(1, 2, 3);
    await until(() => numbers.length === 3);
    send(4, 5);
    await until(() => numbers.length === 5);
    expect(numbers).toEqual([1, 2, 3, 4, 5]);
  });

  it("sends meanwhile", async () => {
    const { sender, send, numbers } = await pair();
    sender.rest!(10_000);
    send(1, 2);
    await until(() => numbers.length === 2);
  });

  it("is closed at once, and rests no more when it is", async () => {
    const { target, numbers, send } = await pair();
    target.rest!(1);
    send(1);
    await target.close();
    target.rest!(1);
    await turns(20);
    expect(numbers).toEqual([]);
  });
});

/** Counts how often sockets of a server rest, until `end`. */
function counted() {
  const counts = { rests: 0, ms: new Set<number>() };
  const onTold = (what: unknown): void => {
    if (typeof what !== "number") return;
    counts.rests++;
    counts.ms.add(what);
  };
  subscribe("test:socket", onTold);
  return { counts, end: () => unsubscribe("test:socket", onTold) };
}

const PLAYERS = 120;
/** Of all together: sixteen while a socket rests for 20 ms, each of them once in 150. */
const CHATS_PER_MS = 0.8;
const options = {
  workers: false,
  ports: { count: 1 },
  sockets: "native",
  wrapSocket: new URL("../support/telling-socket.mjs", import.meta.url),
} as const;

/** Players of which each says something in turn, until it is enough: how many messages those were, how many of each were heard. */
async function played(coalesceMs: number, isEnough: (heard: number) => boolean) {
  const server = await arenaServer<{ heard: number }>({
    ...options,
    coalesceMs,
    state: () => ({ heard: 0 }),
  });
  let heard = 0;
  server.receive.chat((peer) => {
    peer.state.heard++;
    heard++;
  });
  const clients = await Promise.all(Array.from({ length: PLAYERS }, () => arenaClient(server)));
  await until(() => server.peers.size === PLAYERS);
  let sent = 0;
  const beganMs = performance.now();
  await until(() => {
    while (sent < (performance.now() - beganMs) * CHATS_PER_MS)
      clients[sent++ % PLAYERS]!.send.chat({ from: 0, text: "here" });
    return isEnough(heard);
  });
  await until(() => heard === sent);
  const each = [...server.peers.values()].map(({ state }) => state.heard);
  return { each, sent };
}

// Native sockets are there only where a C compiler is.
describe.skipIf(skipWithoutNative)("a server on native sockets", () => {
  it("has them rest where many send seldom, and loses nothing by it", async () => {
    const { counts, end } = counted();
    const { each, sent } = await played(20, () => counts.rests >= 10);
    end();
    expect([...counts.ms]).toEqual([20]);
    expect(each.reduce((sum, heard) => sum + heard, 0)).toBe(sent);
    expect(Math.max(...each) - Math.min(...each)).toBeLessThanOrEqual(1);
  });

  it("never has them rest with `coalesceMs: 0`", async () => {
    const { counts, end } = counted();
    await played(0, (heard) => heard >= 300);
    end();
    expect(counts.rests).toBe(0);
  });
});
