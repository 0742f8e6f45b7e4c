/** Credits: what is spent is given back, and a writer that was refused is told once. */
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { Credits, createCredits } from "#src/port/credits.js";

describe("a credit", () => {
  test("is spent to the last byte and no further, slot by slot", () => {
    const memory = createCredits(3);
    const writer = new Credits(memory);
    const reader = new Credits(structuredClone(memory));
    writer.reset(1, 100);
    expect(writer.spend(1, 60)).toBe(true);
    expect(writer.spend(1, 41)).toBe(false);
    expect(writer.spend(1, 40)).toBe(true);
    expect(writer.spend(0, 1)).toBe(false);
    reader.add(1, 100);
    expect(writer.available(1)).toBe(100);
    expect(writer.available(0) + writer.available(2)).toBe(0);
  });

  test("tells the side that gives back, once, when what was refused would now be taken", () => {
    const memory = createCredits(1);
    const credits = new Credits(memory);
    credits.reset(0, 100);
    credits.spend(0, 90);
    expect(credits.add(0, 5)).toBe(false);
    expect(credits.spend(0, 50)).toBe(false);
    expect(credits.add(0, 20)).toBe(false);
    expect(credits.add(0, 20)).toBe(true);
    expect(credits.add(0, 20)).toBe(false);
    credits.spend(0, 1000);
    credits.reset(0, 0);
    expect(credits.add(0, 2000)).toBe(false);
  });

  test("given back in the very moment of a refusal is not missed", () => {
    const credits = new Credits(createCredits(1));
    const store = Atomics.store;
    // An add between the spender's look and its note of what it wants.
    const race = (words: Int32Array, at: number, value: number): number => {
      expect(credits.add(0, 100)).toBe(false);
      return store(words, at, value);
    };
    const spy = vi.spyOn(Atomics, "store").mockImplementationOnce(race as never);
    try {
      expect(credits.spend(0, 50)).toBe(true);
    } finally {
      spy.mockRestore();
    }
    expect(credits.available(0)).toBe(50);
    expect(credits.add(0, 50)).toBe(false);
  });

  test("has bits for what is not taken now: refused, and told once when it can be tried again", () => {
    const credits = new Credits(createCredits(2));
    credits.reset(1, 100);
    expect(credits.isFull(1, 2)).toBe(false);
    expect(credits.setFull(1, 3)).toBe(false);
    expect(credits.isFull(0, 2)).toBe(false);
    expect(credits.isFull(1, 4)).toBe(false);
    // Nobody was refused anything.
    expect(credits.setFull(1, 2)).toBe(false);
    expect(credits.isFull(1, 1)).toBe(false);
    expect(credits.isFull(1, 2)).toBe(true);
    // Want of credit is another thing, and neither hides the other.
    expect(credits.spend(1, 200)).toBe(false);
    expect(credits.add(1, 50)).toBe(false);
    expect(credits.setFull(1, 2)).toBe(false);
    expect(credits.setFull(1, 0)).toBe(true);
    expect(credits.add(1, 50)).toBe(true);
    expect(credits.setFull(1, 2)).toBe(false);
    expect(credits.setFull(1, 0)).toBe(false);
    credits.setFull(1, 2);
    credits.isFull(1, 2);
    credits.reset(1, 100);
    expect(credits.isFull(1, 2)).toBe(false);
    expect(credits.setFull(1, 0)).toBe(false);
  });

  test("whose bit is cleared in the very moment of a refusal is not missed", () => {
    const credits = new Credits(createCredits(1));
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
    const credits = new Credits(createCredits(1));
    credits.reset(0, 10);
    credits.spend(0, 10);
    credits.refund(0, 10);
    expect(credits.spend(0, 10)).toBe(true);
  });

  test("equals what was given less what was spent, whatever the order", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -500, max: 500 })), (moves) => {
        const credits = new Credits(createCredits(1));
        credits.reset(0, 1000);
        let left = 1000;
        for (const move of moves) {
          if (move < 0) {
            expect(credits.spend(0, -move)).toBe(left >= -move);
            if (left >= -move) left += move;
          } else {
            credits.add(0, move);
            left += move;
          }
        }
        expect(credits.available(0)).toBe(left);
      }),
    );
  });

  test("has bounds: slots that are not there, and amounts that do not fit", () => {
    const credits = new Credits(createCredits(2));
    expect(() => credits.spend(2, 1)).toThrow(RangeError);
    expect(() => credits.reset(0, 2 ** 31)).toThrow(RangeError);
    credits.reset(0, 2 ** 31 - 1);
    expect(() => credits.add(0, 1)).toThrow(RangeError);
  });
});
