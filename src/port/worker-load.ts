/** How busy a worker is: what its event loop says, between two looks that are some time apart. */
import type { EventLoopUtilization } from "node:perf_hooks";
import type { PortThread } from "./port-thread.ts";

const LOAD_MS = 500;

export class WorkerLoad {
  /** As it was last looked at, and what the next look is compared with. */
  #load = 0;
  #atMs = 0;
  #utilization: EventLoopUtilization | undefined;

  /** 0 to 1. Looks only where some time has passed since the last look; undefined: there is nothing to look at. */
  look(thread: PortThread["performance"] | undefined): number {
    const now = performance.now();
    if (thread === undefined || now - this.#atMs < LOAD_MS) return this.#load;
    this.#atMs = now;
    const seen = thread.eventLoopUtilization();
    if (this.#utilization !== undefined) {
      const { utilization } = thread.eventLoopUtilization(seen, this.#utilization);
      // What was idle while the loop was being entered is counted late, so the difference may lie beside the range.
      this.#load = Math.min(1, Math.max(0, utilization));
    }
    this.#utilization = seen;
    return this.#load;
  }
}
