/**
 * Notices a worker that no longer answers, such as one whose systems never return: without it half of all joins would
 * be sent there and time out. It pings each worker at intervals and counts pings without an answer, so that time in
 * which this thread itself stood still counts against no worker. What becomes of a silent worker is the pool's matter.
 */

import { MAX_TIMER_MS } from "../limits.ts";

/** A worker that can be pinged. */
export interface Watched {
  /** Pings that it has not answered. */
  readonly unanswered: number;
  /** Sends one more; the answer sets `unanswered` to 0. */
  ping(): void;
}

/** Pings in the time that a worker may be silent. */
const TURNS = 8;

export class Watchdog<W extends Watched> {
  readonly #timer: NodeJS.Timeout | undefined;

  /** `timeoutMs`: how long a worker may be silent; infinite: for ever. `workers` are those that have started. */
  constructor(timeoutMs: number, workers: () => Iterable<W>, onSilent: (worker: W) => void) {
    const turn = (): void => {
      for (const worker of [...workers()]) {
        if (worker.unanswered >= TURNS) onSilent(worker);
        else worker.ping();
      }
    };
    if (timeoutMs / TURNS > MAX_TIMER_MS) return;
    this.#timer = setInterval(turn, timeoutMs / TURNS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
