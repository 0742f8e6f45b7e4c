/**
 * Counts how long things took. Buckets grow with what is counted: four to each doubling, so that a percentile is off by an
 * eighth of its value at most, from a sixteenth of a millisecond to 16 seconds. Counting is a few instructions and makes
 * nothing; memory is BUCKETS numbers, whatever is counted.
 */

/** A count for each range of times that has one; times are milliseconds. */
export interface Histogram {
  readonly count: number;
  readonly sumMs: number;
  readonly maxMs: number;
  /** Of those with a count, the shortest times first: at least `fromMs`, below `toMs`; Infinity: all above. */
  readonly buckets: readonly HistogramBucket[];
}

export interface HistogramBucket {
  readonly fromMs: number;
  readonly toMs: number;
  readonly count: number;
}

/** What is told apart below four of it. */
const UNIT_MS = 1 / 16;
/** The last counts all from 2^18 units on. */
const BUCKETS = 69;

export class LatencyHistogram {
  readonly #counts = new Float64Array(BUCKETS);
  #count = 0;
  #sumMs = 0;
  #maxMs = 0;

  /** `ms`: at least 0. */
  add(ms: number): void {
    this.#counts[bucketOf(ms)]!++;
    this.#count++;
    this.#sumMs += ms;
    if (ms > this.#maxMs) this.#maxMs = ms;
  }

  snapshot(): Histogram {
    const buckets: HistogramBucket[] = [];
    for (const [bucket, count] of this.#counts.entries()) {
      if (count > 0) buckets.push({ fromMs: lowest(bucket), toMs: lowest(bucket + 1), count });
    }
    return { count: this.#count, sumMs: this.#sumMs, maxMs: this.#maxMs, buckets };
  }
}

export const noHistogram: Histogram = { count: 0, sumMs: 0, maxMs: 0, buckets: [] };

/** One of several, as if all had been counted in it. */
export function mergeHistograms(histograms: readonly Histogram[]): Histogram {
  const merged = new Map<number, HistogramBucket>();
  let [count, sumMs, maxMs] = [0, 0, 0];
  for (const histogram of histograms) {
    count += histogram.count;
    sumMs += histogram.sumMs;
    maxMs = Math.max(maxMs, histogram.maxMs);
    for (const bucket of histogram.buckets) {
      const before = merged.get(bucket.fromMs)?.count ?? 0;
      merged.set(bucket.fromMs, { ...bucket, count: before + bucket.count });
    }
  }
  const buckets = [...merged.values()].sort((a, b) => a.fromMs - b.fromMs);
  return { count, sumMs, maxMs, buckets };
}

/**
 * What was counted in `now` and not in `before`, an earlier one of the same; its `maxMs` is no more than the end of the last
 * bucket then.
 */
export function sinceHistogram(now: Histogram, before: Histogram): Histogram {
  const counted = new Map(before.buckets.map(({ fromMs, count }) => [fromMs, count]));
  const buckets = now.buckets
    .map((bucket) => ({ ...bucket, count: bucket.count - (counted.get(bucket.fromMs) ?? 0) }))
    .filter(({ count }) => count > 0);
  const maxMs = Math.min(now.maxMs, buckets.at(-1)?.toMs ?? 0);
  return { count: now.count - before.count, sumMs: now.sumMs - before.sumMs, maxMs, buckets };
}

/** So much of what was counted took no longer than this, milliseconds; `share` from 0 to 1. 0 where nothing was counted. */
export function percentile({ count, maxMs, buckets }: Histogram, share: number): number {
  let left = share * count;
  for (const bucket of buckets) {
    left -= bucket.count;
    if (left <= 1e-9) return Math.min(bucket.toMs, maxMs);
  }
  return maxMs;
}

/** Below four units each has its own; then the two bits behind the first say which of four. */
function bucketOf(ms: number): number {
  const units = Math.floor(ms / UNIT_MS);
  if (units < 4) return units;
  if (units >= 2 ** 18) return BUCKETS - 1;
  const power = 31 - Math.clz32(units);
  return (power - 1) * 4 + ((units >>> (power - 2)) & 3);
}

/** The shortest time of a bucket, milliseconds. */
function lowest(bucket: number): number {
  if (bucket < 4) return bucket * UNIT_MS;
  if (bucket >= BUCKETS) return Number.POSITIVE_INFINITY;
  const power = Math.floor(bucket / 4) + 1;
  return (4 + (bucket % 4)) * 2 ** (power - 2) * UNIT_MS;
}
