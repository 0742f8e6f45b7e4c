import { expect, it } from "vitest";
import { SeededRandom } from "#src/testing/index.js";
import { Ticks } from "#src/ticks.js";

const ticks = new Ticks({ everyMs: 50, startMs: 1000 });
const path = { rttMs: 80, jitterMs: 5, clockErrorMs: 20 };

it("says which tick is under way, and when each begins", () => {
  expect([999, 1000, 1049.9, 1050, 2000].map((ms) => ticks.at(ms))).toEqual([-1, 0, 0, 1, 20]);
  expect(ticks.startOf(20)).toBe(2000);
  expect(ticks.untilNextMs(1010)).toBe(40);
  expect(ticks.untilNextMs(1050)).toBe(50);
});

it("draws between two states that have come, whatever the ways do", () => {
  const random = new SeededRandom(1);
  const delayMs = ticks.delayMs(path);
  for (let i = 0; i < 1000; i++) {
    const nowMs = 5000 + 5000 * random.next();
    // The clock is off by as much as it may be, the way here longer than half by the jitter.
    const believedMs = nowMs + path.clockErrorMs * (2 * random.next() - 1);
    const { tick, part } = ticks.render(believedMs, delayMs);
    expect(part >= 0 && part <= 1).toBe(true);
    const comesMs = ticks.startOf(tick + 1) + path.rttMs / 2 + 2 * path.jitterMs * random.next();
    expect(comesMs).toBeLessThanOrEqual(nowMs + 1e-9);
  }
  expect(ticks.render(1125, 100)).toEqual({ tick: 0, part: 0.5 });
});

it("gives an input to the first tick that it can reach", () => {
  const random = new SeededRandom(2);
  for (let i = 0; i < 1000; i++) {
    const nowMs = 5000 + 5000 * random.next();
    const believedMs = nowMs + path.clockErrorMs * (2 * random.next() - 1);
    const tick = ticks.input(believedMs, path);
    const comesMs = nowMs + path.rttMs / 2 + 2 * path.jitterMs * random.next();
    expect(comesMs).toBeLessThan(ticks.startOf(tick));
    // And not to one much later.
    const spareMs = ticks.startOf(tick) - comesMs;
    expect(spareMs).toBeLessThanOrEqual(50 + 2 * path.clockErrorMs + 2 * path.jitterMs);
  }
});

it("goes back for what a player saw no further than it was told, and never ahead", () => {
  expect(ticks.rewind({ tick: 20, part: 0.5 }, 2100, 200)).toEqual({ tick: 20, part: 0.5 });
  expect(ticks.rewind({ tick: 3, part: 0 }, 2100, 200)).toEqual(ticks.render(1900, 0));
  expect(ticks.rewind({ tick: 900, part: 0 }, 2100, 200)).toEqual(ticks.render(2100, 0));
  for (const nonsense of [Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(ticks.rewind({ tick: nonsense, part: 0 }, 2100, 200)).toEqual(ticks.render(2100, 0));
  }
});

it("refuses ticks that are none", () => {
  for (const everyMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => new Ticks({ everyMs })).toThrow(/ticks of/);
  }
});
