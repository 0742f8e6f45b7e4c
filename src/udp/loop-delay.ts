/**
 * How late the timers of a thread fire: what its event loop makes everything wait that comes meanwhile. A timer of its own
 * that keeps nothing alive looks SAMPLES_PER_SECOND times a second; a loop that stands still for longer is seen for sure.
 */
import { LatencyHistogram } from "../histogram.ts";

const SAMPLES_PER_SECOND = 20;

export class LoopDelay {
  readonly histogram: LatencyHistogram = new LatencyHistogram();
  #timer: NodeJS.Timeout | undefined;

  start(): void {
    const everyMs = 1000 / SAMPLES_PER_SECOND;
    let dueMs = performance.now() + everyMs;
    this.#timer = setInterval(() => {
      const nowMs = performance.now();
      this.histogram.add(Math.max(0, nowMs - dueMs));
      dueMs = nowMs + everyMs;
    }, everyMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
