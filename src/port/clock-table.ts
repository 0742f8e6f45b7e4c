/**
 * What the worker knows of its peers' clocks, for the application's thread to read at any time: a few numbers for each slot of the
 * credits. The worker writes them, and the application's thread only while the slot has no peer. A counter before and after says whether a reader saw them half written; it tries again
 * then.
 */
import { CLOCK_WORDS, unknownClock } from "../clock.ts";

export interface ClockMemory {
  /** CLOCK_WORDS floats for each slot. */
  readonly words: SharedArrayBuffer;
  /** Odd while a slot is being written. */
  readonly turns: SharedArrayBuffer;
}

export function createClocks(slots: number): ClockMemory {
  return {
    words: new SharedArrayBuffer(slots * CLOCK_WORDS * 8),
    turns: new SharedArrayBuffer(slots * 4),
  };
}

export class ClockTable {
  readonly #words: Float64Array;
  readonly #turns: Int32Array;
  readonly #copy = new Float64Array(CLOCK_WORDS);

  constructor(memory: ClockMemory) {
    this.#words = new Float64Array(memory.words);
    this.#turns = new Int32Array(memory.turns);
  }

  /** For the worker. */
  write(slot: number, words: Float64Array): void {
    Atomics.add(this.#turns, slot, 1);
    this.#words.set(words, slot * CLOCK_WORDS);
    Atomics.add(this.#turns, slot, 1);
  }

  /** A new peer has this slot: nothing is known of its clock. */
  reset(slot: number): void {
    unknownClock(this.#copy);
    this.write(slot, this.#copy);
  }

  /** For the application's thread; valid until the next read. */
  read(slot: number): Float64Array {
    const at = slot * CLOCK_WORDS;
    for (;;) {
      const before = Atomics.load(this.#turns, slot);
      this.#copy.set(this.#words.subarray(at, at + CLOCK_WORDS));
      if ((before & 1) === 0 && Atomics.load(this.#turns, slot) === before) return this.#copy;
    }
  }
}
