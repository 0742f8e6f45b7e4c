/** Credit on its way back: what follows one another goes back together, and nothing is kept beyond the reading. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BudgetShares } from "#src/budget-shares.js";
import { type CreditShares, Credits, createCredits } from "#src/port/credits.js";
import { ReturnedCredit } from "#src/port/returned-credit.js";

const BYTES = 100_000;
const SLOTS = 4;

/** Two channels with as much each. */
function world(): {
  writer: Credits;
  returned: ReturnedCredit;
  wanted: number[];
  adds: number[];
  /** Slots of peers that have come from another port. */
  moved: Map<number, number>;
} {
  const of = (): BudgetShares => new BudgetShares(2 * BYTES, [BYTES, BYTES]);
  const shares: CreditShares = { places: [0, 1], kinds: [of(), of()], count: 2 };
  const memory = createCredits(SLOTS, 2);
  const reader = new Credits(structuredClone(memory), shares);
  const adds: number[] = [];
  const add = reader.add.bind(reader);
  reader.add = (slot, channel, bytes) => {
    adds.push(bytes);
    return add(slot, channel, bytes);
  };
  const wanted: number[] = [];
  const moved = new Map<number, number>();
  const slotOf = (peer: number): number => moved.get(peer) ?? peer % SLOTS;
  const returned = new ReturnedCredit(reader, slotOf, (peer) => wanted.push(peer));
  return { writer: new Credits(memory, shares), returned, wanted, adds, moved };
}

describe("credit that comes back", () => {
  it("goes back at once where no records are read", () => {
    const { writer, returned } = world();
    writer.spend(1, 0, 500);
    returned.release(1, 0, 200);
    expect(writer.spentBytes(1)).toBe(300);
  });

  it("goes back once for a run of one peer and channel, and with the end of the reading at the latest", () => {
    const { writer, returned, adds } = world();
    writer.spend(1, 0, 300);
    writer.spend(2, 1, 100);
    const more = returned.reading(() => {
      for (let i = 0; i < 3; i++) returned.release(1, 0, 100);
      expect(writer.spentBytes(1)).toBe(300);
      returned.release(2, 1, 100);
      expect(writer.spentBytes(1)).toBe(0);
      return true;
    });
    expect(more).toBe(true);
    expect(writer.spentBytes(2)).toBe(0);
    expect(adds).toEqual([300, 100]);
  });

  it("goes back before the end where much has come together", () => {
    const { writer, returned } = world();
    writer.spend(1, 0, 50_000);
    returned.reading(() => {
      for (let i = 0; i < 500; i++) {
        returned.release(1, 0, 100);
        expect(writer.spentBytes(1)).toBeLessThanOrEqual(50_000 - 100 * (i + 1) + 8192);
      }
      return false;
    });
  });

  it("goes back though what is read throws", () => {
    const { writer, returned } = world();
    writer.spend(1, 0, 100);
    const reading = (): boolean =>
      returned.reading(() => {
        returned.release(1, 0, 100);
        throw new Error("a handler");
      });
    expect(reading).toThrow("a handler");
    expect(writer.spentBytes(1)).toBe(0);
    writer.spend(1, 0, 100);
    returned.release(1, 0, 100);
    expect(writer.spentBytes(1)).toBe(0);
  });

  it("goes to the slot that the peer had when its message was taken, though it leaves before the end", () => {
    const { writer, returned, moved } = world();
    writer.spend(1, 0, 100);
    writer.spend(3, 0, 100);
    moved.set(1, 3);
    returned.reading(() => {
      returned.release(1, 0, 100);
      moved.delete(1);
      return false;
    });
    expect([writer.spentBytes(1), writer.spentBytes(3)]).toEqual([100, 0]);
  });

  it("is told to a peer whose port waits for it, once", () => {
    const { writer, returned, wanted } = world();
    while (writer.spend(3, 0, 1000));
    returned.reading(() => {
      for (let i = 0; i < 100; i++) returned.release(3, 0, 50);
      return false;
    });
    expect(wanted).toEqual([3]);
    expect(writer.spend(3, 0, 1000)).toBe(true);
  });

  it("is all there after any reading, as if each had gone back by itself", () => {
    const release = fc.tuple(fc.nat(3), fc.nat(1), fc.integer({ min: 1, max: 400 }));
    fc.assert(
      fc.property(fc.array(fc.array(release, { maxLength: 30 }), { maxLength: 8 }), (readings) => {
        const { writer, returned } = world();
        for (const readingOf of readings) {
          for (const [peer, channel, cost] of readingOf) writer.spend(peer, channel, cost);
          returned.reading(() => {
            for (const [peer, channel, cost] of readingOf) returned.release(peer, channel, cost);
            return false;
          });
          for (let slot = 0; slot < SLOTS; slot++) expect(writer.spentBytes(slot)).toBe(0);
        }
      }),
    );
  });
});
