/**
 * Two ports of one thread whose handlers are slower than what comes, in virtual time: each drain ends in time, both go on in turn,
 * and the event loop runs between. The clock goes on with each message that is handled, and only then.
 */
import { setImmediate as nextTurn, setTimeout as timer } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { MAX_DRAIN_MS, MAX_DRAIN_RECORDS, MAX_DRAIN_STRIDE } from "#src/limits.js";
import { DrainTurns } from "#src/port/drain-turns.js";
import { createPortMemory } from "#src/port/memory.js";
import { ToApplication } from "#src/port/records-to-application.js";
import { RingEnd } from "#src/port/ring-end.js";
import { handProtocol } from "../support/hand-protocol.ts";

const opened: RingEnd<"application" | "worker">[] = [];

afterEach(() => {
  for (const end of opened.splice(0)) end.close();
});

/** A clock that is set by hand, and counts how often it is looked at. */
function handClock() {
  const clock = { ms: 0, looks: 0 };
  const turns = new DrainTurns(() => {
    clock.looks++;
    return clock.ms;
  });
  return { clock, turns };
}

/** Both ends of a port's rings; `write` has the worker send so many messages, each with its number. */
function port(turns: DrainTurns) {
  const memory = createPortMemory(handProtocol(), 4);
  const application = new RingEnd(memory, "application", turns);
  const worker = new RingEnd(structuredClone(memory), "worker", turns);
  opened.push(application, worker);
  let written = 0;
  const write = (count: number): void => {
    for (let i = 0; i < count; i++) {
      worker.reserve(ToApplication.message, 4)!.u32(written++);
      worker.commit();
    }
  };
  return { application, worker, write };
}

describe("a drain", () => {
  test("ends when its time is up, and takes shorter strides from then on", () => {
    const { clock, turns } = handClock();
    const { application, write } = port(turns);
    write(300);
    const seen: number[] = [];
    const drain = (): number => {
      const before = seen.length;
      const isMore = application.drain((_kind, _bytes, view, start) => {
        clock.ms += 1.5;
        seen.push(view.getUint32(start));
        return true;
      });
      expect(isMore).toBe(seen.length < 300);
      return seen.length - before;
    };
    expect(drain()).toBeLessThanOrEqual(MAX_DRAIN_STRIDE);
    while (drain() > Math.ceil(MAX_DRAIN_MS / 1.5));
    const perDrain = [drain(), drain(), drain(), drain()];
    expect(perDrain).toEqual(perDrain.map(() => Math.ceil(MAX_DRAIN_MS / 1.5)));
    while (seen.length < 300) expect(drain()).toBeGreaterThan(0);
    expect(seen).toEqual(seen.map((_, i) => i));
  });

  test("is back at its longest strides soon after its handlers are fast again", () => {
    const { clock, turns } = handClock();
    const { application, write } = port(turns);
    let handleMs = 20;
    const take = (): boolean => {
      clock.ms += handleMs;
      return true;
    };
    write(100);
    for (let i = 0; i < 8; i++) application.drain(take);
    while (application.drain(take));
    handleMs = 0;
    clock.looks = 0;
    write(MAX_DRAIN_RECORDS + 1);
    expect(application.drain(take)).toBe(true);
    expect(clock.looks).toBeLessThan(MAX_DRAIN_RECORDS / MAX_DRAIN_STRIDE + 6);
    expect(application.drain(take)).toBe(false);
  });

  test("looks at the clock once for a single message", () => {
    const { clock, turns } = handClock();
    const { application, write } = port(turns);
    write(1);
    clock.looks = 0;
    expect(application.drain(() => true)).toBe(false);
    expect(clock.looks).toBe(1);
  });

  test("gives room back while it goes on", () => {
    const { turns } = handClock();
    const { application, worker, write } = port(turns);
    write(64);
    const used = (): number => worker.fill().out.usedBytes;
    const [before, seen] = [used(), [] as number[]];
    application.drain(() => {
      seen.push(used());
      return true;
    });
    expect(seen[0]).toBe(before);
    expect(seen.at(-1)).toBe(before / 4);
    expect(used()).toBe(0);
  });
});

describe("ports of one thread", () => {
  test("go on in turn, each for its time, with a turn of the event loop between", async () => {
    const { clock, turns } = handClock();
    const ports = [port(turns), port(turns), port(turns)];
    const count = 200;
    /** Which port, in which turn of the event loop, at what time. */
    const seen: { index: number; turn: number; ms: number }[] = [];
    let turn = 0;
    for (const [index, { application, write }] of ports.entries()) {
      write(count);
      application.wait(() =>
        application.drain(() => {
          seen.push({ index, turn, ms: clock.ms });
          clock.ms++;
          return true;
        }),
      );
    }
    for (; seen.length < ports.length * count; turn++) await nextTurn();
    const perTurn = new Map<number, number>();
    for (const { turn: at } of seen) perTurn.set(at, (perTurn.get(at) ?? 0) + 1);
    // The first drain of each port does not know yet how slow its handlers are.
    const [, ...later] = [...perTurn.values()].slice(ports.length);
    expect(Math.max(...later)).toBeLessThan(2 * MAX_DRAIN_MS);
    // No port is two drains ahead of another while all have some left.
    for (const upTo of [100, 200, 300, 400, 500]) {
      const done = ports.map(
        (_, i) => seen.slice(0, upTo).filter(({ index }) => index === i).length,
      );
      expect(Math.max(...done) - Math.min(...done)).toBeLessThanOrEqual(2 * MAX_DRAIN_STRIDE);
    }
  });

  test("do not keep timers, or a message at another port, from going on, however much comes", async () => {
    const { clock, turns } = handClock();
    const [busy, other] = [port(turns), port(turns)];
    let isOver = false;
    let handled = 0;
    busy.write(2000);
    busy.application.wait(() =>
      busy.application.drain(() => {
        clock.ms++;
        handled++;
        // What is handled comes again: this ring is never empty.
        if (!isOver) busy.write(1);
        return true;
      }),
    );
    const told = new Promise<void>((resolve) => {
      other.application.wait(() =>
        other.application.drain(() => {
          resolve();
          return true;
        }),
      );
    });
    await nextTurn();
    other.write(1);
    other.worker.ringNow();
    await told;
    const toldAt = handled;
    await timer(0);
    expect(handled).toBeGreaterThan(toldAt);
    isOver = true;
    for (let left = -1; left !== handled; ) {
      left = handled;
      await nextTurn();
    }
    expect(busy.worker.fill().out.usedBytes).toBe(0);
  });

  test("queue up, when they are woken, behind others that wait for a turn", async () => {
    const { turns } = handClock();
    const woken = port(turns);
    let [isOver, isTurn] = [false, false];
    const again = (): void => {
      isTurn = true;
      queueMicrotask(() => {
        isTurn = false;
      });
      if (!isOver) turns.ask(again);
    };
    const told = new Promise<boolean>((resolve) => {
      woken.application.wait(() => {
        resolve(isTurn);
        return woken.application.drain(() => true);
      });
    });
    turns.ask(again);
    woken.write(1);
    woken.worker.ringNow();
    expect(await told).toBe(true);
    isOver = true;
  });

  test("go on after one whose handler throws, and after one that is closed", async () => {
    const { turns } = handClock();
    const order: string[] = [];
    const failures: unknown[] = [];
    const listeners = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.once("uncaughtException", (error) => failures.push(error.message));
    turns.ask(() => {
      order.push("throws");
      throw new Error("planned");
    });
    turns.ask(() => order.push("next"));
    const closed = port(turns);
    closed.write(1);
    closed.application.wait(() => {
      order.push("closed");
      return false;
    });
    closed.application.close();
    for (let i = 0; i < 4; i++) await nextTurn();
    for (const listener of listeners) process.on("uncaughtException", listener);
    expect(failures).toEqual(["planned"]);
    expect(order).toEqual(["throws", "next"]);
  });
});
