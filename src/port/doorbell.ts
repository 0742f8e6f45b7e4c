/**
 * Wakes a thread that has nothing to do, in shared memory: one word says whether its owner sleeps. One thread waits,
 * any number may ring. Nothing is carried: what there is to do stands elsewhere (ring.ts), and is published before the
 * bell is rung.
 *
 * No wake-up is lost, because each side writes before it looks: the sleeper says that it sleeps and then looks for
 * work again; the ringer publishes work and then looks whether the other sleeps. Atomics are sequentially
 * consistent, so at least one of them sees the other.
 *
 * A wait keeps no thread alive and has no timeout. Ringing a thread that is awake costs one load. Worst case: one
 * notify (a system call) a turn, and one turn of the event loop between work and its being seen.
 */
import { type DrainTurns, drainTurns } from "./drain-turns.ts";

/** More than a turn of the event loop needs, and little beside what it takes. */
const MAX_PROMPTS = 8;
const PROMPT_WINDOW_MS = 1;

const AWAKE = 0;
const ASLEEP = 1;

/** What both sides are made from; survives structured cloning where they are on different threads. */
export interface DoorbellMemory {
  readonly shared: SharedArrayBuffer;
  /** Who waits, where both sides are on one thread. */
  readonly local?: LocalWaiter | undefined;
}

interface LocalWaiter {
  wake: (() => void) | undefined;
  /** How often in a millisecond he comes at the end of whatever is running, and not in a turn of the event loop. */
  readonly prompts: number;
}

/**
 * Allocates the word of one sleeper. One who is on the thread of those who ring comes at the end of whatever is running: always, or
 * so seldom that two who ring each other leave the event loop its turns.
 */
export function createDoorbell(local?: "always" | "seldom"): DoorbellMemory {
  const shared = new SharedArrayBuffer(4);
  if (local === undefined) return { shared };
  const prompts = local === "always" ? Number.POSITIVE_INFINITY : MAX_PROMPTS;
  return { shared, local: { wake: undefined, prompts } };
}

/** One side of a bell: the thread that waits, or one that rings. */
export class Doorbell {
  readonly #word: Int32Array;
  readonly #local: LocalWaiter | undefined;
  #closed = false;
  #ringing: NodeJS.Immediate | undefined;
  /** A turn has been asked for. */
  #isDue = false;
  /** Of `#wakeHere`, in this millisecond. */
  #prompts = 0;
  #promptsFromMs = Number.NEGATIVE_INFINITY;
  /** A wait is under way. It outlives a `resume`, so that there is never more than one. */
  #waiting = false;
  #hasWork: (() => boolean) | undefined;
  #work: (() => boolean) | undefined;
  readonly #turns: DrainTurns;

  constructor(memory: DoorbellMemory, turns: DrainTurns = drainTurns) {
    this.#word = new Int32Array(memory.shared);
    this.#local = memory.local;
    this.#turns = turns;
  }

  /**
   * Rings at the end of this turn if the other side sleeps: to be called after each record, at the price of a
   * comparison. Rings at most once a turn.
   */
  ring(): void {
    if (this.#ringing !== undefined || this.#closed) return;
    if (this.#local !== undefined) this.ringNow();
    else this.#ringing = setImmediate(this.#ringLate);
  }

  /** Rings now if the other side sleeps: for a flush, and for threads that are about to end. */
  ringNow(): void {
    if (Atomics.load(this.#word, 0) !== ASLEEP) return;
    if (Atomics.compareExchange(this.#word, 0, ASLEEP, AWAKE) !== ASLEEP) return;
    if (this.#local === undefined) Atomics.notify(this.#word, 0);
    else this.#local.wake?.();
  }

  /**
   * From now on calls `work` whenever `hasWork` says that there is some, until `close`. `work` does a bounded amount
   * and returns whether more is left: then it is called again after the event loop has had a turn, behind others of this
   * thread that wait for one. `hasWork` must be cheap, and false while `work` could do nothing (see `resume`).
   */
  wait(hasWork: () => boolean, work: () => boolean): void {
    if (this.#work !== undefined) throw new Error("a doorbell is waited on already");
    this.#hasWork = hasWork;
    this.#work = work;
    const local = this.#local;
    if (local !== undefined) local.wake = () => this.#wakeHere(local.prompts);
    this.#sleep();
  }

  /** Called on the waiting thread when work that had been left lying can be done again. */
  resume(): void {
    if (this.#isDue || this.#closed || this.#work === undefined) return;
    this.#isDue = true;
    this.#turns.ask(this.#run);
  }

  /** Ends waiting and ringing on this side; a ring that is due is rung. May be called twice. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#ringing !== undefined) {
      clearImmediate(this.#ringing);
      this.#ringLate();
    }
    // Ends this side's own wait, which would otherwise hold this object as long as the thread lives.
    if (this.#work !== undefined) {
      Atomics.store(this.#word, 0, AWAKE);
      if (this.#local === undefined) Atomics.notify(this.#word, 0);
      else this.#local.wake = undefined;
    }
  }

  readonly #ringLate = (): void => {
    this.#ringing = undefined;
    this.ringNow();
  };

  #sleep(): void {
    Atomics.store(this.#word, 0, ASLEEP);
    if (this.#hasWork!()) {
      Atomics.store(this.#word, 0, AWAKE);
      this.resume();
      return;
    }
    if (this.#waiting || this.#local !== undefined) return;
    const wait = Atomics.waitAsync(this.#word, 0, ASLEEP);
    if (wait.async) {
      this.#waiting = true;
      wait.value.then(this.#wake);
    } else {
      this.resume();
    }
  }

  /** Rung for on this thread. */
  #wakeHere(most: number): void {
    const nowMs = this.#turns.nowMs();
    if (nowMs - this.#promptsFromMs >= PROMPT_WINDOW_MS) {
      this.#promptsFromMs = nowMs;
      this.#prompts = 0;
    }
    if (this.#prompts++ < most) queueMicrotask(this.#wake);
    else this.resume();
  }

  readonly #wake = (): void => {
    this.#waiting = false;
    // A turn that is already under way (`resume`) will look by itself. Nobody passes those that wait for one.
    if (this.#isDue || this.#closed) return;
    if (this.#turns.isBusy) this.resume();
    else this.#run();
  };

  readonly #run = (): void => {
    this.#isDue = false;
    if (this.#closed) return;
    Atomics.store(this.#word, 0, AWAKE);
    let more = true;
    try {
      more = this.#work!();
    } finally {
      if (!this.#closed) {
        if (more) this.resume();
        else this.#sleep();
      }
    }
  };
}
