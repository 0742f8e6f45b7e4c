/**
 * One clock for all threads of a process: `performance.now()` of each begins when it does, `process.hrtime` is the same for all and
 * never goes back.
 */
const READINGS = 9;

/** `process.hrtime` now, as a number of milliseconds. */
export function processMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** What `processMs` is ahead of this thread's `performance.now()`: of several readings that which was least interrupted. */
export function processAheadMs(): number {
  let bestMs = Number.POSITIVE_INFINITY;
  let aheadMs = 0;
  for (let i = 0; i < READINGS; i++) {
    const beforeMs = performance.now();
    const atMs = processMs();
    const afterMs = performance.now();
    if (afterMs - beforeMs >= bestMs) continue;
    bestMs = afterMs - beforeMs;
    aheadMs = atMs - (beforeMs + afterMs) / 2;
  }
  return aheadMs;
}
