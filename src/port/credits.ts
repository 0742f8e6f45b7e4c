/**
 * Byte credits in shared memory: how much one peer may have lying between two threads, in one direction. The side that
 * writes spends, the side that reads gives back; so a peer whose messages are not taken stalls its own, never the ring.
 * Slots are numbers that the owner hands out; it is not known here whose they are.
 *
 * One thread spends and one adds. All operations are a few atomics; nothing waits.
 */

/**
 * Words of a slot: the credit left, what the spender was last refused for want of it (0: nothing), bits that the reading
 * side has set for what it takes no more of now, and whether the spender was refused something for one (0: no).
 */
const SLOT_WORDS = 4;
const WANTED = 1;
const FULL = 2;
const AWAITS = 3;
const MAX_CREDIT = 0x7fff_ffff;

/** What both sides are made from; survives structured cloning. */
export interface CreditsMemory {
  readonly shared: SharedArrayBuffer;
}

/** Allocates `slots` credits, all of them 0. */
export function createCredits(slots: number): CreditsMemory {
  return { shared: new SharedArrayBuffer(slots * SLOT_WORDS * 4) };
}

/** A view of all slots, for either side. A slot that is not there throws RangeError. */
export class Credits {
  readonly #words: Int32Array;

  constructor(memory: CreditsMemory) {
    this.#words = new Int32Array(memory.shared);
  }

  /**
   * Takes `bytes` from the slot. False: there are not as many, and nothing was taken; the `add` that makes them enough
   * will say so. Only the writing side calls this.
   */
  spend(slot: number, bytes: number): boolean {
    const at = slot * SLOT_WORDS;
    if (this.#take(at, bytes)) return true;
    // Say so, then look again: an `add` between the two would otherwise be missed.
    Atomics.store(this.#words, at + WANTED, bytes);
    if (!this.#take(at, bytes)) return false;
    Atomics.store(this.#words, at + WANTED, 0);
    return true;
  }

  /**
   * Whether the reading side takes no more of this bit's now. If so, nothing of it is to be spent on, and the `setFull` that
   * clears it will say so. Only the writing side calls this.
   */
  isFull(slot: number, bit: number): boolean {
    const at = slot * SLOT_WORDS;
    if ((Atomics.load(this.#words, at + FULL) & bit) === 0) return false;
    // Say so, then look again: a `setFull` between the two would otherwise be missed.
    Atomics.store(this.#words, at + AWAITS, 1);
    return (Atomics.load(this.#words, at + FULL) & bit) !== 0;
  }

  /**
   * Sets what is taken no more of now. True, once, when something that was refused can be tried again: the writing side is
   * to be told. Only the reading side calls this.
   */
  setFull(slot: number, bits: number): boolean {
    const at = slot * SLOT_WORDS;
    const before = Atomics.exchange(this.#words, at + FULL, bits);
    return (before & ~bits) !== 0 && Atomics.exchange(this.#words, at + AWAITS, 0) === 1;
  }

  /** Takes `bytes` whether they are there or not: what is left may fall below 0. Only the writing side calls this. */
  overspend(slot: number, bytes: number): void {
    Atomics.sub(this.#words, slot * SLOT_WORDS, bytes);
  }

  /** Takes back what was spent on a record that was then not written. Only the writing side calls this. */
  refund(slot: number, bytes: number): void {
    Atomics.add(this.#words, slot * SLOT_WORDS, bytes);
  }

  /**
   * Gives `bytes` back to the slot. True, once, when a `spend` that was refused would now succeed: the writing side is
   * to be told. Only the reading side calls this.
   */
  add(slot: number, bytes: number): boolean {
    const at = slot * SLOT_WORDS;
    const now = Atomics.add(this.#words, at, bytes) + bytes;
    if (now > MAX_CREDIT) throw new RangeError(`a credit of ${now} bytes`);
    const wanted = Atomics.load(this.#words, at + WANTED);
    if (wanted === 0 || now < wanted) return false;
    return Atomics.compareExchange(this.#words, at + WANTED, wanted, 0) === wanted;
  }

  /** Bytes left just now. */
  available(slot: number): number {
    return Atomics.load(this.#words, slot * SLOT_WORDS);
  }

  /** Sets the slot for a new owner, while neither side uses it. */
  reset(slot: number, amount: number): void {
    if (!(amount >= 0 && amount <= MAX_CREDIT)) throw new RangeError(`a credit of ${amount} bytes`);
    for (const word of [WANTED, FULL, AWAITS]) {
      Atomics.store(this.#words, slot * SLOT_WORDS + word, 0);
    }
    Atomics.store(this.#words, slot * SLOT_WORDS, amount);
  }

  #take(at: number, bytes: number): boolean {
    if (Atomics.load(this.#words, at) < bytes) return false;
    Atomics.sub(this.#words, at, bytes);
    return true;
  }
}
