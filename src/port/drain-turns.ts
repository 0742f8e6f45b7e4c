/**
 * In what order the ring ends of one thread go on with what they have left lying: one after the other, each from the end of
 * the line, with a turn of the event loop between, so that timers, sockets and joins run however long the lines are. No end is
 * begun with when a turn has used its time up; since one drain is bounded by as much (ring-end.ts), a turn takes twice that
 * at most, and what a single handler takes beyond it.
 */
import { MAX_DRAIN_MS } from "../limits.ts";
import { nowMs } from "../udp/turn.ts";

export class DrainTurns {
  readonly nowMs: () => number;
  readonly #waiting: (() => void)[] = [];
  #immediate: NodeJS.Immediate | undefined;

  /** `clock`: milliseconds that never go back. */
  constructor(clock: () => number) {
    this.nowMs = clock;
  }

  /** Somebody waits for a turn: who comes now has to queue up, too. */
  get isBusy(): boolean {
    return this.#waiting.length > 0;
  }

  /** Calls `run` once, in a later turn of the event loop, behind those that have asked before. */
  ask(run: () => void): void {
    this.#waiting.push(run);
    this.#immediate ??= setImmediate(this.#serve);
  }

  readonly #serve = (): void => {
    this.#immediate = undefined;
    const endMs = this.nowMs() + MAX_DRAIN_MS;
    // Those that ask again meanwhile are for the next turn.
    let left = this.#waiting.length;
    try {
      do this.#waiting.shift()!();
      while (--left > 0 && this.nowMs() < endMs);
    } finally {
      if (this.#waiting.length > 0) this.#immediate ??= setImmediate(this.#serve);
    }
  };
}

/** Those of this thread. */
export const drainTurns: DrainTurns = new DrainTurns(nowMs);
