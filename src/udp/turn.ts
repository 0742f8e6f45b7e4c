/**
 * The rhythm of everything that owns a socket: input is taken as it comes, output is built once at the end of the turn
 * (`setImmediate`: a microtask would flush after every datagram), and one timer stands for the next deadline. What is due
 * is done at the end of the turn too, behind the input. Worst case: one call of `run` a turn of the event loop, however
 * often it is woken.
 */
// The global one is found through a getter, each time.
import { performance } from "node:perf_hooks";
import { MAX_TIMER_MS } from "../limits.ts";

/** What the clock of this thread is ahead of its `performance.now()`. */
let aheadMs = 0;

/** Milliseconds on a clock that never goes back; the one clock of the runtime. */
export function nowMs(): number {
  return performance.now() + aheadMs;
}

/** Sets the clock of this thread to another's, before anything has looked at it: so that times mean the same in both. */
export function setClock(ownAheadMs: number): void {
  aheadMs = ownAheadMs;
}

/** What throws in a turn ends a thread, unless somebody has caught it: then the next turn is so much later. */
const AFTER_FAULT_MS = 10;

export class Turn {
  readonly #run: (nowMs: number) => number;
  #immediate: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #stopped = false;
  #unref = false;

  /** `run` does the work due at `nowMs` and returns the time of the next (Infinity: none). */
  constructor(run: (nowMs: number) => number) {
    this.#run = run;
  }

  /** It runs at the end of this turn: the event loop does not sleep before. */
  get isAwake(): boolean {
    return this.#immediate !== undefined;
  }

  /** Something came in or was queued: run at the end of this turn. */
  wake(): void {
    if (this.#stopped || this.#immediate !== undefined) return;
    this.#immediate = setImmediate(this.#onImmediate);
  }

  /** Run at the end of this turn where `atMs` has come, else not later than that. */
  wakeBy(atMs: number, nowMs: number): void {
    if (atMs <= nowMs) this.wake();
    else if (this.#immediate === undefined) this.#schedule(atMs);
  }

  /** Run now. */
  flush(): void {
    if (this.#stopped) return;
    if (this.#immediate !== undefined) clearImmediate(this.#immediate);
    this.#onImmediate();
  }

  /** From now on its timer keeps no process alive. */
  unref(): void {
    this.#unref = true;
    this.#timer?.unref();
  }

  stop(): void {
    this.#stopped = true;
    if (this.#immediate !== undefined) clearImmediate(this.#immediate);
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#immediate = undefined;
    this.#timer = undefined;
  }

  readonly #onImmediate = (): void => {
    this.#immediate = undefined;
    const now = nowMs();
    let atMs = now + AFTER_FAULT_MS;
    try {
      atMs = this.#run(now);
    } finally {
      this.#schedule(atMs);
    }
  };

  /** Not `run` itself: a thread that stood still has datagrams waiting, perhaps the very ack that the timer misses. */
  readonly #onTimer = (): void => {
    this.#timer = undefined;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    this.wake();
  };

  #schedule(atMs: number): void {
    if (this.#stopped) return;
    // A timer that fires too early costs one empty run; replacing it at every turn would cost more.
    if (this.#timer !== undefined && this.#timerAtMs <= atMs) return;
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    if (atMs === Number.POSITIVE_INFINITY) return;
    this.#timerAtMs = atMs;
    const delayMs = Math.min(MAX_TIMER_MS, Math.max(0, Math.ceil(atMs - nowMs())));
    this.#timer = setTimeout(this.#onTimer, delayMs);
    if (this.#unref) this.#timer.unref();
  }
}
