import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { Dispatcher, type DispatcherOptions } from "#src/dispatcher.js";
import type { ChannelDefinition, Delivery } from "#src/protocol.js";

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

const none = new Float64Array(0);

function makeDispatcher(options: Partial<DispatcherOptions<string>> = {}) {
  const released: [string, number][] = [];
  const faults: unknown[] = [];
  const dispatcher = new Dispatcher<string>({
    channels: [channel(0, true), channel(1, false), channel(2, true, "reliable-sequenced")],
    invoke: (handler, origin, message) => handler(origin, message),
    yields: (_origin, message) => message,
    release: (origin, cost) => released.push([origin, cost]),
    onHandlerError: (error) => faults.push(error),
    ...options,
  });
  return { dispatcher, released, faults };
}

describe("messages and their readers", () => {
  it("wait for the first handler, come before newer ones, and are released when taken", async () => {
    const { dispatcher, released } = makeDispatcher();
    const got: unknown[] = [];
    expect(dispatcher.offer(0, "a", 1, none, 10)).toBe(10);
    expect(dispatcher.offer(0, "a", 2, none, 10)).toBe(20);
    dispatcher.receive(0, (_origin, message) => got.push(message));
    // It has a reader now, and what waits is on its way there.
    expect(dispatcher.offer(0, "a", 3, none, 10)).toBe(0);
    expect(released).toEqual([]);
    await Promise.resolve();
    expect(got).toEqual([1, 2, 3]);
    expect(released).toHaveLength(3);
    expect(dispatcher.offer(0, "a", 4, none, 10)).toBe(0);
    expect(got).toEqual([1, 2, 3, 4]);
  });

  it("of an unreliable channel that wait are dropped, oldest first", async () => {
    const { dispatcher } = makeDispatcher();
    for (let i = 0; i < 70; i++) dispatcher.offer(1, "a", i, none, 1);
    const got: unknown[] = [];
    dispatcher.receive(1, (_origin, message) => got.push(message));
    await Promise.resolve();
    expect(got).toEqual(Array.from({ length: 64 }, (_, i) => i + 6));
  });

  it("of a reliable-sequenced channel that wait are replaced by newer ones of the same peer", async () => {
    const { dispatcher, released } = makeDispatcher();
    for (let i = 0; i < 100; i++) {
      for (const origin of ["a", "b"]) expect(dispatcher.offer(2, origin, i, none, 600)).toBe(0);
    }
    dispatcher.offer(2, "c", 7, none, 600);
    expect(dispatcher.hasRoom(2)).toBe(true);
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
    dispatcher.offer(0, "a", 1, none, 10);
    dispatcher.offer(0, "b", 2, none, 10);
    dispatcher.forget("a");
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
    dispatcher.offer(0, "a", 1, none, 10);
    expect(got).toEqual([1]);
    expect(faults).toHaveLength(1);
    expect(released).toEqual([["a", 10]]);
  });

  it("stop reaching a handler that was taken away", () => {
    const { dispatcher } = makeDispatcher();
    const got: unknown[] = [];
    const stop = dispatcher.receive(0, (_origin, message) => got.push(message));
    dispatcher.offer(0, "a", 1, none, 1);
    stop();
    stop();
    dispatcher.offer(0, "a", 2, none, 1);
    expect(got).toEqual([1]);
  });
});

describe("iterating over messages", () => {
  it("yields them in order and releases each when it is read", async () => {
    const { dispatcher, released } = makeDispatcher();
    const messages = dispatcher.messages(0);
    dispatcher.offer(0, "a", 1, none, 5);
    dispatcher.offer(0, "a", 2, none, 5);
    expect(released).toEqual([]);
    expect(await messages.next()).toEqual({ done: false, value: 1 });
    expect(released).toEqual([["a", 5]]);
    const third = messages.next().then(() => messages.next());
    dispatcher.offer(0, "a", 3, none, 5);
    expect(await third).toEqual({ done: false, value: 3 });
  });

  it("drops the oldest, the newest, or ends when it is full, as was asked", async () => {
    const { dispatcher, released } = makeDispatcher();
    const oldest = dispatcher.messages(1, { limit: 2, overflow: "drop-oldest" });
    const newest = dispatcher.messages(1, { limit: 2, overflow: "drop-newest" });
    const close = dispatcher.messages(1, { limit: 2, overflow: "close" });
    for (let i = 0; i < 4; i++) dispatcher.offer(1, "a", i, none, 1);
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
    dispatcher.offer(0, "a", 1, none, 1);
    expect(dispatcher.hasRoom(0)).toBe(true);
    dispatcher.offer(0, "a", 2, none, 1);
    expect(dispatcher.hasRoom(0)).toBe(false);
    await messages.next();
    expect(rooms).toBe(1);
    expect(dispatcher.hasRoom(0)).toBe(true);
  });

  it("ends on its signal, on leaving the loop, and when the dispatcher closes", async () => {
    const { dispatcher, released } = makeDispatcher();
    const abort = new AbortController();
    const aborted = dispatcher.messages(0, { signal: abort.signal }).next();
    abort.abort();
    expect(await aborted).toEqual({ done: true, value: undefined });
    const left = dispatcher.messages(0);
    dispatcher.offer(0, "a", 1, none, 1);
    await left.return!();
    expect(released).toHaveLength(1);
    expect(await left.next()).toEqual({ done: true, value: undefined });
    const open = dispatcher.messages(0);
    dispatcher.offer(0, "a", 2, none, 1);
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
  it("counts against its origin on all reliable channels together, and on no unreliable one", () => {
    const { dispatcher, released } = makeDispatcher({
      channels: [channel(0, true), channel(1, false), channel(2, true)],
    });
    expect(dispatcher.offer(0, "a", 1, none, 10)).toBe(10);
    expect(dispatcher.offer(2, "a", 2, none, 10)).toBe(20);
    expect(dispatcher.offer(2, "b", 2, none, 10)).toBe(10);
    // An unreliable message gives its credit back at once: it must not hold up the peer's other channels.
    expect(dispatcher.offer(1, "a", 3, none, 10)).toBe(0);
    expect(released).toEqual([["a", 10]]);
    dispatcher.receive(1, () => {});
    dispatcher.forget("a");
    expect(dispatcher.offer(0, "a", 4, none, 10)).toBe(10);
    expect(released).toEqual([["a", 10]]);
  });

  it("reaches a reader that came in the turn in which its peer left", () => {
    const { dispatcher } = makeDispatcher();
    const got: unknown[] = [];
    dispatcher.offer(0, "a", 1, none, 10);
    dispatcher.receive(0, (_origin, message) => got.push(message));
    dispatcher.offer(0, "a", 2, none, 10);
    dispatcher.forget("a");
    expect(got).toEqual([1, 2]);
  });

  it("can be read after the end, and the reading ends", async () => {
    const { dispatcher } = makeDispatcher();
    dispatcher.offer(0, "a", 1, none, 10);
    dispatcher.offer(0, "a", 2, none, 10);
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
      if (next < 5) dispatcher.offer(0, "a", next++, none, 10);
    };
    dispatcher.offer(0, "a", 1, none, 10);
    const first = dispatcher.messages(0);
    const second = dispatcher.messages(0);
    const one = first.next();
    await Promise.resolve();
    const got = [(await one).value, (await first.next()).value];
    expect(got).toEqual([1, 2]);
    expect([(await second.next()).value, (await second.next()).value]).toEqual([1, 2]);
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
    dispatcher.offer(0, "a", 1, none, 1);
    expect(calls).toBe(1);
  });

  it("whose promise is rejected are reported like those that throw", async () => {
    const { dispatcher, faults } = makeDispatcher();
    dispatcher.receive(0, async () => {
      await Promise.resolve();
      throw new Error("planted");
    });
    dispatcher.offer(0, "a", 1, none, 1);
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
    dispatcher.offer(0, "a", 1, none, 1);
    expect(dispatcher.hasRoom(0)).toBe(false);
    abort.abort();
    expect(dispatcher.hasRoom(0)).toBe(true);
    expect(rooms).toBe(1);
  });

  it("leave nothing on their signal once they have ended", async () => {
    const { dispatcher } = makeDispatcher();
    const { signal } = new AbortController();
    for (let i = 0; i < 20; i++) await dispatcher.messages(0, { signal }).return!();
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });
});
