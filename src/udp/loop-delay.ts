/**
 * How late the timers of a thread fire: what its event loop makes everything wait that comes meanwhile. A timer of its own
 * that keeps nothing alive looks the more often the more the loop has to do, between IDLE_SAMPLES_PER_SECOND and
 * BUSY_SAMPLES_PER_SECOND times a second, so that a server that nobody uses costs nothing, and one that few use little; a loop that
 * stands still for longer than lies between two looks is seen for sure.
 */
import { performance } from "node:perf_hooks";
import { LatencyHistogram } from "../histogram.ts";

const BUSY_SAMPLES_PER_SECOND = 20;
const IDLE_SAMPLES_PER_SECOND = 2;
/** Share of its time that a loop works, from which on it is looked at as often as can be: a look is a wake of its own. */
const BUSY_UTILIZATION = 0.4;

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
    const share = Math.min(1, utilization / BUSY_UTILIZATION);
    this.#schedule(Math.max(IDLE_SAMPLES_PER_SECOND, share * BUSY_SAMPLES_PER_SECOND));
  };

  #schedule(perSecond: number): void {
    const afterMs = 1000 / perSecond;
    this.#dueMs = performance.now() + afterMs;
    this.#timer = setTimeout(this.#sample, afterMs).unref();
  }
}
