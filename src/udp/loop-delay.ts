/**
 * How late the timers of a thread fire: what its event loop makes everything wait that comes meanwhile. A timer of its own
 * that keeps nothing alive looks BUSY_SAMPLES_PER_SECOND times a second, and IDLE_SAMPLES_PER_SECOND times while the loop has
 * next to nothing to do, so that a server that nobody uses costs nothing; a loop that stands still for longer than that is
 * seen for sure.
 */
import { performance } from "node:perf_hooks";
import { LatencyHistogram } from "../histogram.ts";

const BUSY_SAMPLES_PER_SECOND = 20;
const IDLE_SAMPLES_PER_SECOND = 2;
/** Share of its time that a loop works: below, it is idle. A sample itself is a tenth of that. */
const IDLE_UTILIZATION = 0.02;

export class LoopDelay {
  readonly histogram: LatencyHistogram = new LatencyHistogram();
  #timer: NodeJS.Timeout | undefined;
  #dueMs = 0;
  #before = performance.eventLoopUtilization();

  start(): void {
    this.#schedule(IDLE_SAMPLES_PER_SECOND);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  readonly #sample = (): void => {
    this.histogram.add(Math.max(0, performance.now() - this.#dueMs));
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#before);
    this.#before = now;
    const isIdle = utilization < IDLE_UTILIZATION;
    this.#schedule(isIdle ? IDLE_SAMPLES_PER_SECOND : BUSY_SAMPLES_PER_SECOND);
  };

  #schedule(perSecond: number): void {
    const afterMs = 1000 / perSecond;
    this.#dueMs = performance.now() + afterMs;
    this.#timer = setTimeout(this.#sample, afterMs).unref();
  }
}
