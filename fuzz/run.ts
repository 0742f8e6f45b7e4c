/**
 * The loop: cases by number, each made from the seed and its number alone, judged, counted. Gives the event loop a turn
 * now and then, so that Ctrl-C and progress work. Worst case: a reader that does not end; `onCase` lets somebody
 * outside see that (hang-detector.ts).
 */

import { SeededRandom } from "#src/testing/random.js";
import { Input } from "./input.ts";
import { hexOf, type Target } from "./target.ts";

/** Cases between two turns of the event loop. */
const TURN = 1000;
/** One case in this many is judged thoroughly: memory and steps. */
const THOROUGH = 64;
/** No input of these sizes may take longer; a case that did is repeated, since the machine has other work too. */
export const MAX_CASE_MS = 100;
const REPEATS = 3;
const MAX_FAILURES = 10;

export interface Failure {
  readonly seed: number;
  readonly case: number;
  readonly spec: string;
  readonly target: string;
  readonly problem: string;
  /** The input, or its first kilobyte. */
  readonly hex: string;
  readonly bytes: number;
}

export interface Tally {
  cases: number;
  accepted: number;
  refused: number;
}

export interface Report {
  readonly seed: number;
  readonly cases: number;
  readonly seconds: number;
  readonly casesPerSecond: number;
  readonly slowestMs: number;
  readonly tallies: ReadonlyMap<string, Tally>;
  readonly failures: readonly Failure[];
  /** All cases have run: it was not stopped, and did not find too many failures. */
  readonly complete: boolean;
}

export interface RunOptions {
  readonly targets: readonly Target[];
  readonly seed: number;
  readonly from?: number;
  /** How many cases. */
  readonly cases: number;
  readonly maxFailures?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number) => void;
  readonly onCase?: (number: number) => void;
}

/** Runs cases `from` to `from + cases - 1`. */
export async function run(options: RunOptions): Promise<Report> {
  const { targets, seed, from = 0, cases, signal, maxFailures = MAX_FAILURES } = options;
  const input = new Input();
  const shares = targets.flatMap((target) => Array<Target>(target.weight).fill(target));
  const tallies = new Map(targets.map((t) => [t, { cases: 0, accepted: 0, refused: 0 }]));
  const failures: Failure[] = [];
  const seen = new Set<string>();
  const started = performance.now();
  // A MalformedError a case: its stack is of no use here, and dear.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  let slowestMs = 0;
  let number = from;
  try {
    for (; number < from + cases; number++) {
      if ((number - from) % TURN === 0) {
        options.onProgress?.(number - from);
        await new Promise((resolve) => setImmediate(resolve));
        if (signal?.aborted) break;
      }
      options.onCase?.(number);
      const random = new SeededRandom(seed, number);
      const target = random.pick(shares);
      const before = performance.now();
      target.make(random, input);
      let verdict = target.check(random, input, random.once(THOROUGH));
      const tookMs = performance.now() - before;
      if (tookMs > slowestMs) slowestMs = tookMs;
      if (tookMs > MAX_CASE_MS && typeof verdict === "string") {
        const least = leastMs(target, input, seed, number);
        if (least > MAX_CASE_MS) verdict = { fault: `takes ${least.toFixed(0)} ms` };
      }
      const tally = tallies.get(target)!;
      tally.cases++;
      if (typeof verdict === "string") {
        tally[verdict]++;
        continue;
      }
      const kind = `${target.spec} ${target.name} ${verdict.fault.replace(/[\d"].*$/, "")}`;
      if (seen.has(kind)) continue;
      seen.add(kind);
      const bytes = input.copy();
      failures.push({
        seed,
        case: number,
        spec: target.spec,
        target: target.name,
        problem: verdict.fault,
        hex: hexOf(bytes.subarray(0, 1024)),
        bytes: bytes.byteLength,
      });
      if (failures.length >= maxFailures) {
        number++;
        break;
      }
    }
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  const seconds = (performance.now() - started) / 1000;
  const done = number - from;
  return {
    seed,
    cases: done,
    seconds,
    casesPerSecond: done / seconds,
    slowestMs,
    tallies: new Map([...tallies].map(([t, tally]) => [`${t.spec} ${t.name}`, tally])),
    failures,
    complete: done === cases && failures.length < maxFailures,
  };
}

/** The least that a few repetitions of one case have taken of both time and the processor. */
function leastMs(t: Target, input: Input, seed: number, number: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < REPEATS; i++) {
    const random = new SeededRandom(seed, number);
    random.u32();
    const before = performance.now();
    const used = process.cpuUsage();
    t.make(random, input);
    t.check(random, input, false);
    const { user, system } = process.cpuUsage(used);
    // Time passes without the processor where others have it; threads beside this one use it without time of ours.
    least = Math.min(least, performance.now() - before, (user + system) / 1000);
  }
  return least;
}
