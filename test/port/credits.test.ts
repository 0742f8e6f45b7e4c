/** Credits: what is spent is given back, and a writer that was refused is told once. */
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { BudgetShares } from "#src/budget-shares.js";
import {
  type CreditShares,
  Credits,
  type CreditsMemory,
  createCredits,
} from "#src/port/credits.js";

/** One channel that has all of so much; 50 more where its peer has another version. */
function alone(bytes: number): CreditShares {
  const kinds = [new BudgetShares(bytes, [1]), new BudgetShares(bytes + 50, [1])] as const;
  return { places: [0], kinds, count: 1 };
}

function creditsOf(
  bytes: number,
  slots = 1,
  memory: CreditsMemory = createCredits(slots, 1),
): Credits {
  return new Credits(memory, alone(bytes));
}

describe("a credit", () => {
  test("is spent to the last byte and no further, slot by slot", () => {
    const memory = createCredits(3, 1);
    const writer = creditsOf(100, 3, memory);
    const reader = creditsOf(100, 3, structuredClone(memory));
    expect(writer.spend(1, 0, 60)).toBe(true);
    expect(writer.spend(1, 0, 41)).toBe(false);
    expect(writer.spend(1, 0, 40)).toBe(true);
    reader.add(1, 0, 70);
    expect(writer.spentBytes(1)).toBe(30);
    expect(writer.spentBytes(0) + writer.spentBytes(2)).toBe(0);
    writer.reset(1, true);
    expect(writer.spend(1, 0, 150)).toBe(true);
    expect(writer.spend(1, 0, 1)).toBe(false);
  });

  test("tells the side that gives back, once, when what was refused would now be taken", () => {
    const credits = creditsOf(100);
    credits.spend(0, 0, 90);
    expect(credits.add(0, 0, 5)).toBe(false);
    expect(credits.spend(0, 0, 50)).toBe(false);
    expect(credits.add(0, 0, 20)).toBe(false);
    expect(credits.add(0, 0, 20)).toBe(true);
    expect(credits.add(0, 0, 20)).toBe(false);
    credits.spend(0, 0, 1000);
    credits.reset(0, false);
    expect(credits.add(0, 0, 2000)).toBe(false);
  });

  test("given back in the very moment of a refusal is not missed", () => {
    const credits = creditsOf(100);
    credits.spend(0, 0, 100);
    const exchange = Atomics.exchange;
    // An add between the spender's look and its note of what it wants.
    const race = (words: Int32Array, at: number, value: number): number => {
      expect(credits.add(0, 0, 100)).toBe(false);
      return exchange(words, at, value);
    };
    const spy = vi.spyOn(Atomics, "exchange").mockImplementationOnce(race as never);
    try {
      expect(credits.spend(0, 0, 50)).toBe(true);
    } finally {
      spy.mockRestore();
    }
    expect(credits.spentBytes(0)).toBe(50);
    expect(credits.add(0, 0, 50)).toBe(false);
  });

  test("has bits for what is not taken now: refused, and told once when it can be tried again", () => {
    const credits = creditsOf(100, 2);
    expect(credits.isFull(1, 2)).toBe(false);
    expect(credits.setFull(1, 3)).toBe(false);
    expect(credits.isFull(0, 2)).toBe(false);
    expect(credits.isFull(1, 4)).toBe(false);
    // Nobody was refused anything.
    expect(credits.setFull(1, 2)).toBe(false);
    expect(credits.isFull(1, 1)).toBe(false);
    expect(credits.isFull(1, 2)).toBe(true);
    // Want of credit is another thing, and neither hides the other.
    expect(credits.spend(1, 0, 80)).toBe(true);
    expect(credits.spend(1, 0, 80)).toBe(false);
    expect(credits.add(1, 0, 50)).toBe(false);
    expect(credits.setFull(1, 2)).toBe(false);
    expect(credits.setFull(1, 0)).toBe(true);
    expect(credits.add(1, 0, 30)).toBe(true);
    expect(credits.setFull(1, 2)).toBe(false);
    expect(credits.setFull(1, 0)).toBe(false);
    credits.setFull(1, 2);
    credits.isFull(1, 2);
    credits.reset(1, false);
    expect(credits.isFull(1, 2)).toBe(false);
    expect(credits.setFull(1, 0)).toBe(false);
  });

  test("whose bit is cleared in the very moment of a refusal is not missed", () => {
    const credits = creditsOf(100);
    credits.setFull(0, 1);
    const store = Atomics.store;
    const race = (words: Int32Array, at: number, value: number): number => {
      expect(credits.setFull(0, 0)).toBe(false);
      return store(words, at, value);
    };
    const spy = vi.spyOn(Atomics, "store").mockImplementationOnce(race as never);
    try {
      expect(credits.isFull(0, 1)).toBe(false);
    } finally {
      spy.mockRestore();
    }
  });

  test("of a record that was not written comes back", () => {
    const credits = creditsOf(10);
    credits.spend(0, 0, 10);
    credits.refund(0, 0, 10);
    expect(credits.spend(0, 0, 10)).toBe(true);
  });

  test("is held by each channel alone beyond its part, and by a pool that none takes all of", () => {
    const kinds = [
      new BudgetShares(1000, [10, 300, 10]),
      new BudgetShares(1000, [10, 300, 10]),
    ] as const;
    // Channel 1 is of the other direction.
    const credits = new Credits(createCredits(1, 3), { places: [0, -1, 1, 2], kinds, count: 3 });
    const fill = (channel: number): number => {
      let bytes = 0;
      while (credits.spend(0, channel, 1)) bytes++;
      return bytes;
    };
    const first = fill(0);
    expect(first).toBe(83 + Math.floor(750 * 0.75));
    const last = fill(3);
    expect(last).toBeGreaterThan(83);
    // The largest message of one finds room, however much the others hold.
    expect(credits.spend(0, 2, 300)).toBe(true);
    expect(credits.spend(0, 2, 300)).toBe(false);
    // Whoever gives back makes room for those it can; the others are told when theirs comes.
    expect(credits.add(0, 0, first)).toBe(true);
    expect(credits.spend(0, 2, 300)).toBe(true);
    expect(credits.spend(0, 2, 300)).toBe(false);
    expect(credits.add(0, 3, last)).toBe(false);
    expect(credits.add(0, 2, 600)).toBe(true);
    expect(credits.spentBytes(0)).toBe(0);
  });

  test("equals what was spent less what was given back, whatever the order", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -500, max: 500 })), (moves) => {
        const credits = creditsOf(1000);
        let spent = 0;
        for (const move of moves) {
          if (move >= 0) {
            expect(credits.spend(0, 0, move)).toBe(spent + move <= 1000);
            if (spent + move <= 1000) spent += move;
          } else {
            const back = Math.min(spent, -move);
            credits.add(0, 0, back);
            spent -= back;
          }
        }
        expect(credits.spentBytes(0)).toBe(spent);
      }),
    );
  });

  test("has no slot beyond its last", () => {
    const credits = creditsOf(100, 2);
    expect(() => credits.spend(2, 0, 1)).toThrow(RangeError);
  });
});
