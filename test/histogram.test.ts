import { expect, it } from "vitest";
import {
  LatencyHistogram,
  mergeHistograms,
  noHistogram,
  percentile,
  sinceHistogram,
} from "#src/histogram.js";
import { SeededRandom } from "#src/testing/index.js";

function counted(times: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const ms of times) histogram.add(ms);
  return histogram;
}

it("counts each time in the one bucket that has it", () => {
  const random = new SeededRandom(1);
  const edges = [0, 1 / 16, 0.25, 1, 3.99, 4, 16_383.9, 16_384, 1e9];
  const times = [...edges, ...Array.from({ length: 2000 }, () => 20_000 ** random.next())];
  for (const ms of times) {
    const { count, sumMs, maxMs, buckets } = counted([ms]).snapshot();
    expect({ count, sumMs, maxMs, buckets: buckets.length }).toEqual({
      count: 1,
      sumMs: ms,
      maxMs: ms,
      buckets: 1,
    });
    const { fromMs, toMs } = buckets[0]!;
    expect(fromMs <= ms && ms < toMs).toBe(true);
    // A quarter of what it begins with, or the unit.
    if (toMs < Number.POSITIVE_INFINITY) {
      expect(toMs - fromMs).toBeLessThanOrEqual(Math.max(1 / 16, fromMs / 4));
    }
  }
});

it("says percentiles to a quarter, never above the longest", () => {
  const random = new SeededRandom(2);
  const times = Array.from({ length: 5000 }, () => 5000 ** random.next());
  const sorted = [...times].sort((a, b) => a - b);
  const histogram = counted(times).snapshot();
  for (const share of [0.01, 0.25, 0.5, 0.9, 0.99]) {
    const exact = sorted[Math.ceil(share * times.length) - 1]!;
    expect(percentile(histogram, share)).toBeGreaterThanOrEqual(exact);
    expect(percentile(histogram, share)).toBeLessThanOrEqual(exact * 1.25 + 1 / 16);
  }
  expect(percentile(histogram, 1)).toBe(sorted.at(-1));
  expect(percentile(noHistogram, 0.5)).toBe(0);
});

it("is merged as if one had counted all, and says what came since", () => {
  const [early, late] = [
    [1, 5, 5, 90],
    [2, 5, 30],
  ];
  const both = counted([...early!, ...late!]).snapshot();
  expect(mergeHistograms([counted(early!).snapshot(), counted(late!).snapshot()])).toEqual(both);
  const histogram = counted(early!);
  const before = histogram.snapshot();
  for (const ms of late!) histogram.add(ms);
  const since = sinceHistogram(histogram.snapshot(), before);
  expect(since.buckets).toEqual(counted(late!).snapshot().buckets);
  expect(since).toMatchObject({ count: 3, sumMs: 37 });
  expect(percentile(since, 1)).toBeLessThanOrEqual(32);
  expect(mergeHistograms([])).toEqual(noHistogram);
});
