import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { Dispatcher, type DispatcherOptions } from "#src/dispatcher.js";
import type { ChannelDefinition, Delivery } from "#src/protocol.js";
import { ReceivedMessage } from "#src/received-message.js";
import { SeededRandom } from "#src/testing/random.js";

function channel(
  index: number,
  reliable: boolean,
  delivery: Delivery = reliable ? "reliable-ordered" : "unreliable",
): ChannelDefinition {
  return {
    index,
    name: `c${index}`,
    id: index,
    delivery,
    direction: "both",
    numbered: reliable,
    reliable,
    fragment: reliable,
    compatMaxBytes: 1000,
    maxBytes: 100,
    queueBytes: 500,
    priority: 0,
    weight: 1,
    fixedBytes: -1,
  };
}

/** The first byte of these is no message. */
const MALFORMED = 0xff;

/** A message as it has arrived: its number stands in the first byte, and it costs as many bytes as it has. */
function arrived(n: number, cost: number, user: readonly number[] = []): ReceivedMessage {
  const bytes = new Uint8Array(cost).fill(n, 0, 1);
  const received = new ReceivedMessage();
  const view = new DataView(bytes.buffer);
  received.fill(channel(0, true), bytes, view, 0, cost, Float64Array.from(user));
  return received;
}

function makeDispatcher(options: Partial<DispatcherOptions<string>> = {}) {
  const released: [string, number, number][] = [];
  const faults: unknown[] = [];
  const decoded: number[] = [];
  const dispatcher = new Dispatcher<string>({
    channels: [channel(0, true), channel(1, false), channel(2, true, "reliable-sequenced")],
    userFields: 0,
    cost: (payloadBytes) => payloadBytes,
    decode: (_origin, { bytes, start }) => {
      decoded.push(bytes[start]!);
      return bytes[start] === MALFORMED ? undefined : bytes[start];
    },
    invoke: (handler, origin, message) => handler(origin, message),
    yields: (_origin, message) => message,
    release: (origin, index, cost) => released.push([origin, index, cost]),
    onHandlerError: (error) => faults.push(error),
    ...options,
  });
  return { dispatcher, released, faults, decoded };
}

describe("messages and their readers", () => {
  it("wait for the first handler, come before newer ones, and are released when taken", async () => {
    const { dispatcher, released } = makeDispatcher();
    const got: unknown[] = [];
    dispatcher.offer(0, "a", arrived(1, 10));
    dispatcher.offer(0, "a", arrived(2, 10));
    dispatcher.receive(0, (_origin, message) => got.push(message));
    // It has a reader now, and what waits is on its way there.
    dispatcher.offer(0, "a", arrived(3, 10));
    expect(released).toEqual([]);
    await Promise.resolve();
    expect(got).toEqual([1, 2, 3]);
    expect(released).toHaveLength(3);
    dispatcher.offer(0, "a", arrived(4, 10));
    expect(got).toEqual([1, 2, 3, 4]);
  });

  it("of an unreliable channel that wait are dropped, oldest first", async () => {
    const { dispatcher } = makeDispatcher();
    for (let i = 0; i < 70; i++) dispatcher.offer(1, "a", arrived(i, 1));
    const got: unknown[] = [];
    dispatcher.receive(1, (_origin, message) => got.push(message));
    await Promise.resolve();
    expect(got).toEqual(Array.from({ length: 64 }, (_, i) => i + 6));
  });

  it("of a reliable-sequenced channel that wait are replaced by newer ones of the same peer", async () => {
    const { dispatcher, released } = makeDispatcher();
    for (let i = 0; i < 100; i++) {
      for (const origin of ["a", "b"]) dispatcher.offer(2, origin, arrived(i, 600));
    }
    dispatcher.offer(2, "c", arrived(7, 600));
    expect(dispatcher.hasRoom(2, 1)).toBe(true);
    expect(released).toHaveLength(201);
    const got: unknown[] = [];
    dispatcher.receive(2, (origin, message) => got.push([origin, message]));
    await Promise.resolve();
    expect(got).toEqual([
      ["a", 99],
      ["b", 99],
      ["c", 7],
    ]);
    expect(released).toHaveLength(201);
  });

  it("of a peer that has left are forgotten", async () => {
    const { dispatcher } = makeDispatcher();
    const got: unknown[] = [];
    dispatcher.offer(0, "a", arrived(1, 10));
    dispatcher.offer(0, "b", arrived(2, 10));
    dispatcher.forget("a", 1000);
    dispatcher.receive(0, (origin) => got.push(origin));
    await Promise.resolve();
    expect(got).toEqual(["b"]);
  });

  it("reach every handler even when one throws, and that is reported", () => {
    const { dispatcher, faults, released } = makeDispatcher();
    const got: unknown[] = [];
    dispatcher.receive(0, () => {
      throw new Error("planted");
    });
    dispatcher.receive(0, (_origin, message) => got.push(message));
    dispatcher.offer(0, "a", arrived(1, 10));
    expect(got).toEqual([1]);
    expect(faults).toHaveLength(1);
    expect(released).toEqual([["a", 0, 10]]);
  });

  it("stop reaching a handler that was taken away", () => {
    const { dispatcher } = makeDispatcher();
    const got: unknown[] = [];
    const stop = dispatcher.receive(0, (_origin, message) => got.push(message));
    dispatcher.offer(0, "a", arrived(1, 1));
    stop();
    stop();
    dispatcher.offer(0, "a", arrived(2, 1));
    expect(got).toEqual([1]);
  });
});

describe("iterating over messages", () => {
  it("yields them in order and releases each when it is read", async () => {
    const { dispatcher, released } = makeDispatcher();
    const messages = dispatcher.messages(0);
    dispatcher.offer(0, "a", arrived(1, 5));
    dispatcher.offer(0, "a", arrived(2, 5));
    expect(released).toEqual([]);
    expect(await messages.next()).toEqual({ done: false, value: 1 });
    expect(released).toEqual([["a", 0, 5]]);
    const third = messages.next().then(() => messages.next());
    dispatcher.offer(0, "a", arrived(3, 5));
    expect(await third).toEqual({ done: false, value: 3 });
  });

  it("drops the oldest, the newest, or ends when it is full, as was asked", async () => {
    const { dispatcher, released } = makeDispatcher();
    const oldest = dispatcher.messages(1, { limit: 2, overflow: "drop-oldest" });
    const newest = dispatcher.messages(1, { limit: 2, overflow: "drop-newest" });
    const close = dispatcher.messages(1, { limit: 2, overflow: "close" });
    for (let i = 0; i < 4; i++) dispatcher.offer(1, "a", arrived(i, 1));
    expect([(await oldest.next()).value, (await oldest.next()).value]).toEqual([2, 3]);
    expect([(await newest.next()).value, (await newest.next()).value]).toEqual([0, 1]);
    expect([(await close.next()).value, (await close.next()).value]).toEqual([0, 1]);
    await expect(close.next()).rejects.toMatchObject({ code: "STARDUST_CLOSED" });
    expect(released).toHaveLength(4);
  });

  it("has no room once a waiting reader's limit is reached, and says when it has", async () => {
    const { dispatcher } = makeDispatcher();
    let rooms = 0;
    dispatcher.onRoom = () => rooms++;
    const messages = dispatcher.messages(0, { limit: 2, overflow: "wait" });
    dispatcher.offer(0, "a", arrived(1, 1));
    expect(dispatcher.hasRoom(0, 1)).toBe(true);
    dispatcher.offer(0, "a", arrived(2, 1));
    expect(dispatcher.hasRoom(0, 1)).toBe(false);
    await messages.next();
    expect(rooms).toBe(1);
    expect(dispatcher.hasRoom(0, 1)).toBe(true);
  });

  it("ends on its signal, on leaving the loop, and when the dispatcher closes", async () => {
    const { dispatcher, released } = makeDispatcher();
    const abort = new AbortController();
    const aborted = dispatcher.messages(0, { signal: abort.signal }).next();
    abort.abort();
    expect(await aborted).toEqual({ done: true, value: undefined });
    const left = dispatcher.messages(0);
    dispatcher.offer(0, "a", arrived(1, 1));
    await left.return!();
    expect(released).toHaveLength(1);
    expect(await left.next()).toEqual({ done: true, value: undefined });
    const open = dispatcher.messages(0);
    dispatcher.offer(0, "a", arrived(2, 1));
    dispatcher.close();
    expect((await open.next()).value).toBe(2);
    expect((await open.next()).done).toBe(true);
  });

  it("refuses a limit that is no whole number from 1", () => {
    const { dispatcher } = makeDispatcher();
    expect(() => dispatcher.messages(0, { limit: 0 })).toThrow(/limit/);
  });
});

describe("what waits for a first reader", () => {
  it("keeps its credit on a reliable channel, and gives it back at once on an unreliable one", () => {
    const { dispatcher, released } = makeDispatcher({
      channels: [channel(0, true), channel(1, false), channel(2, true)],
    });
    dispatcher.offer(0, "a", arrived(1, 10));
    dispatcher.offer(2, "a", arrived(2, 10));
    // An unreliable message must not hold up what comes behind it.
    dispatcher.offer(1, "a", arrived(3, 10));
    expect(released).toEqual([["a", 1, 10]]);
    dispatcher.receive(2, () => {});
    dispatcher.forget("a", 1000);
    expect(released).toEqual([
      ["a", 1, 10],
      ["a", 2, 10],
    ]);
  });

  it("reaches a reader that came in the turn in which its peer left", () => {
    const { dispatcher } = makeDispatcher();
    const got: unknown[] = [];
    dispatcher.offer(0, "a", arrived(1, 10));
    dispatcher.receive(0, (_origin, message) => got.push(message));
    dispatcher.offer(0, "a", arrived(2, 10));
    dispatcher.forget("a", 1000);
    expect(got).toEqual([1, 2]);
  });

  it("that an iterator has not yielded yet outlives its peer, where it is little", async () => {
    const { dispatcher } = makeDispatcher({ yields: (origin, message) => [origin, message] });
    const reader = dispatcher.messages(0);
    for (const origin of ["a", "b", "a", "c"]) dispatcher.offer(0, origin, arrived(1, 300));
    expect(["a", "b"].map((origin) => dispatcher.forget(origin, 1000))).toEqual([0, 0]);
    dispatcher.close();
    const got: unknown[] = [];
    for await (const [origin] of {
      [Symbol.asyncIterator]: () => reader as AsyncIterator<unknown[]>,
    })
      got.push(origin);
    expect(got).toEqual(["a", "b", "a", "c"]);
  });

  it.each([1, 2, 3, 4])(
    "of peers that have left stays up to a cost, and goes whole, the first to leave first, seed %i",
    async (seed) => {
      const random = new SeededRandom(seed);
      const below = (n: number): number => Math.floor(random.next() * n);
      const maxCost = 400;
      const { dispatcher } = makeDispatcher({
        yields: (origin, message) => `${origin} ${message}`,
      });
      const stop = new AbortController();
      const readers = [
        dispatcher.messages(0),
        // It ends, and what it holds can be read.
        dispatcher.messages(0, { signal: stop.signal }),
        dispatcher.messages(1, { overflow: "wait" }),
      ];
      // The model: what each reader will yield, and who has left.
      const expected: { origin: string; text: string; id: number }[][] = readers.map(() => []);
      const costs = new Map<number, number>();
      const there: string[] = [];
      const departed: string[] = [];
      let origins = 0;
      const heldOf = (origin: string): number => {
        const ids = new Set(
          expected
            .flat()
            .filter((m) => m.origin === origin)
            .map((m) => m.id),
        );
        return [...ids].reduce((sum, id) => sum + costs.get(id)!, 0);
      };
      for (let step = 0; step < 2000; step++) {
        const what = random.next();
        if (there.length === 0 || what < 0.05) {
          there.push(`p${origins++}`);
        } else if (what < 0.6) {
          const origin = there[below(there.length)]!;
          const channel = below(2);
          const cost = 1 + below(60);
          costs.set(step, cost);
          dispatcher.offer(channel, origin, arrived(step % 200, cost));
          const message = { origin, text: `${origin} ${step % 200}`, id: step };
          if (channel === 1) expected[2]!.push(message);
          else {
            expected[0]!.push(message);
            if (!stop.signal.aborted) expected[1]!.push(message);
          }
        } else if (what < 0.9) {
          const at = below(readers.length);
          const next = expected[at]!.shift();
          if (next !== undefined) {
            expect(await readers[at]!.next()).toEqual({ done: false, value: next.text });
          }
        } else {
          const origin = there.splice(below(there.length), 1)[0]!;
          if (heldOf(origin) > 0) departed.push(origin);
          let total = departed.reduce((sum, one) => sum + heldOf(one), 0);
          const dropped = new Set<number>();
          while (total > maxCost && departed[0] !== origin && heldOf(origin) > 0) {
            const oldest = departed.shift()!;
            total -= heldOf(oldest);
            for (const [i, list] of expected.entries()) {
              for (const m of list) if (m.origin === oldest) dropped.add(m.id);
              expected[i] = list.filter((m) => m.origin !== oldest);
            }
          }
          expect(dispatcher.forget(origin, maxCost)).toBe(dropped.size);
        }
        if (step === 1200) stop.abort();
      }
      for (const [at, list] of expected.entries()) {
        for (const { text } of list) {
          expect(await readers[at]!.next()).toEqual({ done: false, value: text });
        }
      }
    },
  );

  it("can be read after the end, and the reading ends", async () => {
    const { dispatcher } = makeDispatcher();
    dispatcher.offer(0, "a", arrived(1, 10));
    dispatcher.offer(0, "a", arrived(2, 10));
    dispatcher.close();
    const got: unknown[] = [];
    for await (const message of dispatcher.messages(0)) got.push(message);
    expect(got).toEqual([1, 2]);
    for await (const message of dispatcher.messages(0)) got.push(message);
    expect(got).toEqual([1, 2]);
  });

  it("reaches two iterators in the same order, though the first makes room in the middle", async () => {
    const { dispatcher } = makeDispatcher();
    let next = 2;
    dispatcher.onRoom = () => {
      if (next < 5) dispatcher.offer(0, "a", arrived(next++, 10));
    };
    dispatcher.offer(0, "a", arrived(1, 10));
    const first = dispatcher.messages(0);
    const second = dispatcher.messages(0);
    const one = first.next();
    await Promise.resolve();
    const got = [(await one).value, (await first.next()).value];
    expect(got).toEqual([1, 2]);
    expect([(await second.next()).value, (await second.next()).value]).toEqual([1, 2]);
  });
});

describe("what waits, waits as bytes", () => {
  it("and is decoded when it is taken, by whoever takes it; what has a handler, as it comes", async () => {
    const { dispatcher, decoded } = makeDispatcher();
    dispatcher.offer(0, "a", arrived(1, 10));
    expect(decoded).toEqual([]);
    const first = dispatcher.messages(0);
    const second = dispatcher.messages(0);
    await Promise.resolve();
    dispatcher.offer(0, "a", arrived(2, 10));
    expect(decoded).toEqual([]);
    expect([(await first.next()).value, (await first.next()).value]).toEqual([1, 2]);
    expect(decoded).toEqual([1, 2]);
    const awaited = first.next();
    dispatcher.receive(0, () => {});
    dispatcher.offer(0, "a", arrived(3, 10));
    expect(decoded).toEqual([1, 2, 3]);
    expect((await awaited).value).toBe(3);
    for (const n of [1, 2, 3]) expect((await second.next()).value).toBe(n);
    expect(decoded).toEqual([1, 2, 3, 1, 2, 3]);
  });

  it("with the header fields that it came with", async () => {
    const seen: unknown[] = [];
    const { dispatcher } = makeDispatcher({
      userFields: 2,
      invoke: (_handler, origin, message, user) => seen.push([origin, message, ...user]),
    });
    const source = arrived(1, 100, [0.5, -7]);
    dispatcher.offer(0, "a", source);
    source.bytes.fill(9);
    source.user.fill(9);
    dispatcher.offer(0, "b", arrived(2, 1, [3, 4]));
    dispatcher.receive(0, () => {});
    await Promise.resolve();
    expect(seen).toEqual([
      ["a", 1, 0.5, -7],
      ["b", 2, 3, 4],
    ]);
  });

  it("and where it is no message is dropped and released when it would be taken, decoded once", async () => {
    const { dispatcher, decoded, released } = makeDispatcher();
    dispatcher.offer(0, "a", arrived(MALFORMED, 10));
    const readers = [dispatcher.messages(0), dispatcher.messages(0)];
    await Promise.resolve();
    dispatcher.offer(0, "a", arrived(MALFORMED, 20));
    dispatcher.offer(0, "a", arrived(1, 30));
    expect([decoded, released]).toEqual([[], []]);
    for (const reader of readers) expect((await reader.next()).value).toBe(1);
    expect(decoded).toEqual([MALFORMED, MALFORMED, 1, 1]);
    expect(released.map(([, , cost]) => cost)).toEqual([10, 20, 30]);
    // Awaited, it goes on waiting for one that is.
    const awaited = readers[0]!.next();
    dispatcher.offer(0, "a", arrived(MALFORMED, 40));
    dispatcher.offer(0, "a", arrived(2, 50));
    expect((await awaited).value).toBe(2);
    expect((await readers[1]!.next()).value).toBe(2);
    expect(released.map(([, , cost]) => cost)).toEqual([10, 20, 30, 40, 50]);
  });

  it("of an unreliable channel up to its bytes, and drops the oldest", async () => {
    const { dispatcher, released } = makeDispatcher();
    for (let n = 0; n < 9; n++) dispatcher.offer(1, "a", arrived(n, 120));
    const got: unknown[] = [];
    dispatcher.receive(1, (_origin, message) => got.push(message));
    await Promise.resolve();
    expect(got).toEqual([5, 6, 7, 8]);
    expect(released).toHaveLength(9);
  });

  it("at an iterator up to the channel's bytes where nobody is charged, and one message at least", async () => {
    const { dispatcher } = makeDispatcher({ release: undefined });
    const wait = dispatcher.messages(0);
    const oldest = dispatcher.messages(0, { overflow: "drop-oldest" });
    const close = dispatcher.messages(0, { overflow: "close" });
    expect(dispatcher.hasRoom(0, 900)).toBe(true);
    for (let n = 0; n < 4; n++) dispatcher.offer(0, "", arrived(n, 120));
    expect(dispatcher.hasRoom(0, 20)).toBe(true);
    expect(dispatcher.hasRoom(0, 21)).toBe(false);
    dispatcher.offer(0, "", arrived(4, 200));
    for (const n of [2, 3, 4]) expect((await oldest.next()).value).toBe(n);
    for (const n of [0, 1, 2, 3]) expect((await close.next()).value).toBe(n);
    await expect(close.next()).rejects.toThrow(/500 bytes/);
    for (const n of [0, 1, 2, 3, 4]) expect((await wait.next()).value).toBe(n);
    expect(dispatcher.hasRoom(0, 900)).toBe(true);
  });
});

describe("readers", () => {
  it("that are the same function twice are taken away one at a time", () => {
    const { dispatcher } = makeDispatcher();
    let calls = 0;
    const handler = (): void => void calls++;
    const stop = dispatcher.receive(0, handler);
    dispatcher.receive(0, handler);
    stop();
    dispatcher.offer(0, "a", arrived(1, 1));
    expect(calls).toBe(1);
  });

  it("whose promise is rejected are reported like those that throw", async () => {
    const { dispatcher, faults } = makeDispatcher();
    dispatcher.receive(0, async () => {
      await Promise.resolve();
      throw new Error("planted");
    });
    dispatcher.offer(0, "a", arrived(1, 1));
    await new Promise((resolve) => setImmediate(resolve));
    expect(faults).toEqual([expect.objectContaining({ message: "planted" })]);
  });

  it("that end while they were what all waited for make room", () => {
    const { dispatcher } = makeDispatcher();
    let rooms = 0;
    dispatcher.onRoom = () => rooms++;
    const abort = new AbortController();
    dispatcher.messages(0, { limit: 1, overflow: "wait", signal: abort.signal });
    dispatcher.receive(0, () => {});
    dispatcher.offer(0, "a", arrived(1, 1));
    expect(dispatcher.hasRoom(0, 1)).toBe(false);
    abort.abort();
    expect(dispatcher.hasRoom(0, 1)).toBe(true);
    expect(rooms).toBe(1);
  });

  it("leave nothing on their signal once they have ended", async () => {
    const { dispatcher } = makeDispatcher();
    const { signal } = new AbortController();
    for (let i = 0; i < 20; i++) await dispatcher.messages(0, { signal }).return!();
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });
});
