/** What a load decides by: the search for a limit, which echoes are right, and what has given way. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EchoCheck } from "#cli/load/echo.js";
import { LimitSearch } from "#cli/load/limit-search.js";
import { emptyTally } from "#cli/load/tally.js";
import { gaveWay, isClean } from "#cli/load/verdict.js";

describe("the search for the limit", () => {
  const search = (first: number, max: number, limit: number): LimitSearch & { steps?: number } => {
    const found = new LimitSearch(first, max);
    let steps = 0;
    for (let peers = found.next; peers !== undefined; peers = found.next) {
      found.tried(peers, peers <= limit);
      if (++steps > 64) throw new Error("does not end");
    }
    return found;
  };

  it("ends within a tenth of any limit, with one that was carried and one that was not", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2000 }),
        fc.integer({ min: 1, max: 50_000 }),
        fc.integer({ min: 0, max: 60_000 }),
        (first, max, limit) => {
          const { carried, failed } = search(first, max, limit);
          if (limit >= max) return carried === max;
          return (
            carried <= limit && failed > limit && failed - carried <= Math.max(1, carried / 10)
          );
        },
      ),
    );
  });

  it("has carried nobody where not even one peer is", () => {
    expect(search(10, 1000, 0)).toMatchObject({ carried: 0, failed: 1 });
  });
});

describe("echoes", () => {
  it("of an ordered channel are right in order, and say how long they took", () => {
    const echo = new EchoCheck(true);
    for (let i = 0; i < 5000; i++) echo.sent(`m${i % 3}`, i);
    const took = Array.from({ length: 5000 }, (_, i) => echo.returned(`m${i % 3}`, i + 7));
    expect(new Set(took)).toEqual(new Set([7]));
    expect(echo.missing).toBe(0);
  });

  it("out of order are wrong where order is promised, and right where it is not", () => {
    for (const ordered of [true, false]) {
      const echo = new EchoCheck(ordered);
      echo.sent("a", 0);
      echo.sent("b", 0);
      expect(echo.returned("b", 1)).toBe(ordered ? "an echo out of order" : 1);
      expect(echo.returned("a", 1)).toBe(1);
      expect(echo.missing).toBe(0);
    }
  });

  it("that come twice, changed, or unasked are wrong, and what is missing stays missing", () => {
    const echo = new EchoCheck(false);
    echo.sent("a", 0);
    echo.sent("b", 0);
    expect(echo.returned("a", 1)).toBe(1);
    expect(echo.returned("a", 1)).toContain("not sent, or a second one");
    expect(echo.returned("c", 1)).toContain("not sent");
    expect(echo.missing).toBe(1);
  });
});

describe("what gave way", () => {
  const before = emptyTally();
  const good = { before, busy: 0.5, p99Ms: 10, latencies: 1000, maxLatencyMs: 100 };
  const now = (counts: object) => ({ ...emptyTally(), sent: 1000, ...counts });

  it.each([
    ["nothing", {}, {}, undefined],
    ["a latency", {}, { p99Ms: 101 }, "latency"],
    ["no latency of a handful", {}, { p99Ms: 101, latencies: 3 }, undefined],
    ["refusals", { refused: 50 }, {}, "refusals"],
    ["a lost peer before a latency", { lost: { "idle-timeout": 1 } }, { p99Ms: 101 }, "peers"],
    ["a join", { failed: { "rejected: full": 1 } }, {}, "joins"],
    ["a promise", { broken: { "an echo out of order": 1 } }, {}, "promises"],
    ["the load, where it is late", { late: 50 }, { p99Ms: 101 }, "load"],
    ["the load, where a busy thread measures a latency", {}, { busy: 0.95, p99Ms: 101 }, "load"],
    ["nothing where a busy thread measures none", {}, { busy: 0.95 }, undefined],
    ["the load, without sockets", { own: { EMFILE: 1 } }, {}, "load"],
  ])("is %s", (_, counts, window, what) => {
    expect(gaveWay({ ...good, now: now(counts), ...window })?.what).toBe(what);
  });

  it("is what has grown, not what was there before", () => {
    const lost = { lost: { "idle-timeout": 3 } };
    expect(gaveWay({ ...good, before: now(lost), now: now({ ...lost, sent: 2000 }) })).toBe(
      undefined,
    );
    expect(isClean(now(lost))).toBe(false);
    expect(isClean(now({}))).toBe(true);
  });
});
