/** A bell whose two sides are on one thread: when its work is done, and that no ring is lost. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { createDoorbell, Doorbell } from "#src/port/doorbell.js";
import { DrainTurns } from "#src/port/drain-turns.js";

const opened: Doorbell[] = [];

afterEach(() => {
  for (const bell of opened.splice(0)) bell.close();
});

/** In a millisecond that lasts as long as a test. */
const turns = new DrainTurns(() => 5);
/** How often one comes promptly in it. */
const PROMPTS = 8;

function bells(kind: "always" | "seldom") {
  const memory = createDoorbell(kind);
  const [waiting, ringing] = [new Doorbell(memory, turns), new Doorbell(memory, turns)];
  opened.push(waiting, ringing);
  const state = { work: 0, done: 0, runs: 0 };
  const wait = (most = Number.POSITIVE_INFINITY): void => {
    waiting.wait(
      () => state.work > 0,
      () => {
        state.runs++;
        const now = Math.min(most, state.work);
        state.work -= now;
        state.done += now;
        return state.work > 0;
      },
    );
  };
  const publish = (count = 1): void => {
    state.work += count;
    ringing.ring();
  };
  return { state, wait, publish, waiting, ringing };
}

const later = (): Promise<void> => Promise.resolve();

describe.each(["always", "seldom"] as const)("a bell on one thread, promptly %s", (kind) => {
  it("has its work done behind what is running, once for all rings of it", async () => {
    const { state, wait, publish } = bells(kind);
    wait();
    for (let i = 0; i < 5; i++) publish();
    expect(state.done).toBe(0);
    await later();
    expect(state).toEqual({ work: 0, done: 5, runs: 1 });
    publish();
    await later();
    expect(state).toEqual({ work: 0, done: 6, runs: 2 });
  });

  it("sees work that was there before it waited", async () => {
    const { state, wait, publish } = bells(kind);
    publish(3);
    wait();
    await nextTurn();
    expect(state.done).toBe(3);
  });

  it("sees work that comes while it works", async () => {
    const { state, publish, waiting } = bells(kind);
    let again = 3;
    waiting.wait(
      () => state.work > 0,
      () => {
        state.done += state.work;
        state.work = 0;
        if (again-- > 0) publish();
        return false;
      },
    );
    publish();
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    expect(state.done).toBe(4);
  });

  it("goes on with what is left in turns of the event loop", async () => {
    const { state, wait, publish } = bells(kind);
    wait(2);
    publish(7);
    await later();
    expect(state.done).toBe(2);
    for (let turn = 0; turn < 3; turn++) await nextTurn();
    expect(state).toEqual({ work: 0, done: 7, runs: 4 });
  });

  it("does nothing more once it is closed, on whichever side", async () => {
    const { state, wait, publish, waiting, ringing } = bells(kind);
    wait();
    publish();
    waiting.close();
    await nextTurn();
    expect(state.runs).toBe(0);
    ringing.ringNow();
    ringing.close();
    publish();
    await nextTurn();
    expect(state.runs).toBe(0);
  });
});

it("two that ring each other leave turns to the event loop, where one of them is prompt but seldom", async () => {
  const [a, b] = [bells("always"), bells("seldom")];
  let hops = 0;
  let isOver = false;
  a.waiting.wait(
    () => a.state.work > 0,
    () => {
      a.state.work = 0;
      hops++;
      if (!isOver) b.publish();
      return false;
    },
  );
  b.waiting.wait(
    () => b.state.work > 0,
    () => {
      b.state.work = 0;
      a.publish();
      return false;
    },
  );
  a.publish();
  await nextTurn();
  expect(hops).toBeGreaterThanOrEqual(PROMPTS);
  expect(hops).toBeLessThanOrEqual(PROMPTS + 2);
  const before = hops;
  for (let turn = 0; turn < 10; turn++) await nextTurn();
  expect(hops - before).toBeGreaterThanOrEqual(9);
  expect(hops - before).toBeLessThanOrEqual(11);
  isOver = true;
});
