/** How long a datagram may have waited for its thread, as far as can be known from the thread itself. */
import { expect, it } from "vitest";
import { InputAge } from "#src/udp/input-age.js";

/** A loop that is told when it sleeps, and for how long. */
function loop(sockets = 1) {
  let nowMs = 1000;
  let idleMs = 500;
  let looks = 0;
  const input = new InputAge(sockets, nowMs, () => {
    looks++;
    return idleMs;
  });
  return {
    looks: () => looks,
    sleep(ms: number): void {
      nowMs += ms;
      idleMs += ms;
    },
    work(ms: number): void {
      nowMs += ms;
    },
    read: (socket = 0, isAwake = false): number => input.read(socket, nowMs, undefined, isAwake),
    endTurn: (): boolean => input.endTurn(nowMs),
  };
}

it("is nothing where the loop slept until it came", () => {
  const { sleep, read, endTurn } = loop();
  sleep(300);
  expect(read()).toBe(0);
  expect(endTurn()).toBe(false);
  sleep(5000);
  expect(read()).toBe(0);
});

it("is as long as something else ran, whatever was slept before and after", () => {
  const { sleep, work, read, endTurn } = loop();
  endTurn();
  sleep(40);
  work(300);
  expect(read()).toBe(300);
  expect(read()).toBe(300);
  expect(endTurn()).toBe(false);
  sleep(1);
  expect(read()).toBe(0);
});

it("counts what the handler of one before it took", () => {
  const { sleep, work, read, endTurn } = loop();
  endTurn();
  sleep(10);
  expect(read()).toBe(0);
  work(300);
  expect(read()).toBe(300);
  endTurn();
  work(1);
  // The last one's handler may have taken as long.
  expect(read()).toBe(1);
});

it("goes on for what is behind a turn that read all it could, and the turn says so", () => {
  const { work, sleep, read, endTurn } = loop(2);
  endTurn();
  work(300);
  for (let i = 0; i < 32; i++) expect(read(1)).toBe(300);
  expect(endTurn()).toBe(true);
  work(2);
  expect(read(0)).toBe(302);
  for (let i = 0; i < 31; i++) expect(read(1)).toBe(302);
  expect(endTurn()).toBe(false);
  sleep(10);
  expect(read(1)).toBe(0);
});

it("knows by the loop's sleep that a turn is over which nobody has ended", () => {
  const { sleep, work, read, endTurn } = loop();
  endTurn();
  for (let turn = 0; turn < 50; turn++) {
    sleep(10);
    // The handler of the one before it, no more.
    expect(read()).toBe(turn === 0 ? 0 : 1);
    work(1);
  }
  sleep(3);
  work(300);
  expect(read()).toBe(301);
  sleep(10);
  expect(read()).toBe(0);
});

it("is behind after a turn that nobody has ended and that read all it could", () => {
  const { sleep, work, read, endTurn } = loop();
  endTurn();
  work(300);
  for (let i = 0; i < 32; i++) expect(read()).toBe(300);
  // The loop has looked whether it may sleep, and was awake at once.
  sleep(0.001);
  expect(read()).toBeCloseTo(300);
  expect(endTurn()).toBe(false);
});

it("does not go on for ever where more comes than is read", () => {
  const { work, read, endTurn } = loop();
  let worstMs = 0;
  let behind = 0;
  for (let turn = 0; turn < 1000; turn++) {
    work(1);
    for (let i = 0; i < 32; i++) worstMs = Math.max(worstMs, read());
    if (endTurn()) behind++;
  }
  expect(worstMs).toBeLessThanOrEqual(65);
  expect(behind).toBeLessThan(1000);
});

it("asks the loop how long it has slept twice in a turn that is awake, and once for each datagram of one that is not", () => {
  const { looks, sleep, work, read, endTurn } = loop();
  endTurn();
  for (const isAwake of [true, false]) {
    sleep(40);
    work(7);
    const before = looks();
    expect([read(), read(0, isAwake), read(0, isAwake), read(0, isAwake)]).toEqual([7, 7, 7, 7]);
    expect(looks() - before).toBe(isAwake ? 2 : 4);
    endTurn();
  }
  // One that came when the turn was awake, and was the last of it, says nothing of the next one.
  sleep(40);
  expect([read(0, true), read(0, true)]).toEqual([0, 0]);
  endTurn();
  sleep(300);
  expect(read()).toBe(0);
});
