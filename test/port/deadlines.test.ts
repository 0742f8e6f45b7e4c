import fc from "fast-check";
import { expect, it } from "vitest";
import { Deadlines } from "#src/port/deadlines.js";

it("always knows the earliest deadline, whatever is set, moved and removed", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(20), fc.oneof(fc.nat(50), fc.constant(Infinity)), fc.nat(60))),
      (steps) => {
        const holders = Array.from({ length: 21 }, (_, id) => ({
          id,
          deadlineMs: Infinity,
          heapIndex: -1,
        }));
        const oracle = new Map<number, number>();
        const deadlines = new Deadlines<(typeof holders)[number]>();
        for (const [id, deadline, now] of steps) {
          deadlines.set(holders[id]!, deadline);
          if (deadline === Infinity) oracle.delete(id);
          else oracle.set(id, deadline);
          expect(deadlines.nextMs).toBe(Math.min(Infinity, ...oracle.values()));
          if (now > 45) {
            const due = deadlines.popDue(now - 40);
            const earliest = Math.min(Infinity, ...oracle.values());
            if (earliest > now - 40) {
              expect(due).toBeUndefined();
            } else {
              expect(oracle.get(due!.id)).toBe(earliest);
              oracle.delete(due!.id);
            }
          }
        }
      },
    ),
  );
});
