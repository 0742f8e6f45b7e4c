/** The benchmarks' own parts: what is verified of a message, what is fitted, and that the document has a place for each suite. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const load = async (file: string): Promise<Record<string, unknown>> =>
  await import(new URL(`../bench/net/${file}.js`, import.meta.url).href);

describe("a message of the benchmarks", async () => {
  const message = await load("message");
  const put = message["put"] as (
    view: DataView,
    at: number,
    size: number,
    sequence: number,
    atUs: number,
  ) => void;
  const isGood = message["isGood"] as (view: DataView, at: number, size: number) => boolean;
  const words = message["words"] as (sequence: number, atUs: number) => Record<string, number>;
  const areGood = message["areGood"] as (words: Record<string, number>) => boolean;

  test.each([16, 32, 200])("of %i bytes is good as it was put", (size) => {
    const view = new DataView(new ArrayBuffer(size + 3));
    put(view, 3, size, 0xffff_fffe, 0xffff_ffff);
    expect(isGood(view, 3, size)).toBe(true);
  });

  test("of 32 bytes is bad with any bit changed", () => {
    const view = new DataView(new ArrayBuffer(32));
    put(view, 0, 32, 7, 9);
    for (let bit = 0; bit < 256; bit++) {
      const at = bit >> 3;
      view.setUint8(at, view.getUint8(at) ^ (1 << (bit & 7)));
      expect(isGood(view, 0, 32), `bit ${bit}`).toBe(false);
      view.setUint8(at, view.getUint8(at) ^ (1 << (bit & 7)));
    }
  });

  test("as an object has the same numbers", () => {
    const view = new DataView(new ArrayBuffer(32));
    put(view, 0, 32, 7, 9);
    const bytes = Array.from({ length: 8 }, (_, i) => view.getUint32(4 * i, true));
    expect(Object.values(words(7, 9))).toEqual(bytes);
    expect(areGood(words(7, 9))).toBe(true);
    expect(areGood({ ...words(7, 9), c: 0 })).toBe(false);
  });
});

test("what grows is fitted by the line that it lies on", async () => {
  const { fitted } = (await load("pictures")) as {
    fitted: (points: readonly { x: number; y: number }[], basis: (x: number) => number) => unknown;
  };
  const points = [1, 2, 5, 10].map((x) => ({ x, y: 3 + 4 / x }));
  expect(fitted(points, (x) => 1 / x)).toEqual({
    constant: expect.closeTo(3),
    slope: expect.closeTo(4),
    explained: expect.closeTo(1),
  });
});

test("performance.md has a place for every suite", async () => {
  const { suites } = (await load("suites")) as { suites: Record<string, unknown> };
  const document = readFileSync(new URL("../docs/performance.md", import.meta.url), "utf8");
  expect(Object.keys(suites).length).toBeGreaterThan(9);
  for (const name of Object.keys(suites)) expect(document).toContain(`<!-- measured: ${name} -->`);
});
