/**
 * Byte credits in shared memory: how much of each channel of one peer may lie between two threads, in one direction. The
 * side that writes spends, the side that reads gives back; so a peer whose messages are not taken stalls its own, never the
 * ring, and a channel whose reader stands still stalls no other (budget-shares.ts). Slots are numbers that the owner hands
 * out; it is not known here whose they are.
 *
 * One thread spends and one adds. Most operations are a few atomics, what passes a channel's own part a look at each
 * channel; nothing waits.
 */
import type { BudgetShares } from "../budget-shares.ts";

/**
 * Words of a slot: how many channels want what they were refused, bits that the reading side has set for what it takes no
 * more of now, whether the spender was refused something for one (0: no), and whose shares are kept to. Then for each
 * channel what it holds, and for each what it was last refused for want of credit (0: nothing).
 */
const WANTING = 0;
const FULL = 1;
const AWAITS = 2;
const KIND = 3;
const HELD = 4;

/** What both sides are made from; survives structured cloning. */
export interface CreditsMemory {
  readonly shared: SharedArrayBuffer;
}

/** How much the channels of a slot may have. */
export interface CreditShares {
  /** Place of each channel, by its index; -1 where nothing of it is spent. */
  readonly places: readonly number[];
  /** For peers of this version, and for those of others, whose messages may be larger. */
  readonly kinds: readonly [BudgetShares, BudgetShares];
  /** How many channels have a place. */
  readonly count: number;
}

/** Allocates `slots` credits for so many channels, with nothing spent. */
export function createCredits(slots: number, channels: number): CreditsMemory {
  return { shared: new SharedArrayBuffer(slots * (HELD + 2 * channels) * 4) };
}

/** A view of all slots, for either side. A slot that is not there throws RangeError. */
export class Credits {
  readonly #words: Int32Array;
  readonly #shares: CreditShares;
  readonly #slotWords: number;

  constructor(memory: CreditsMemory, shares: CreditShares) {
    this.#words = new Int32Array(memory.shared);
    this.#shares = shares;
    this.#slotWords = HELD + 2 * shares.count;
  }

  /**
   * Takes `bytes` for a channel of the slot. False: there are not as many, and nothing was taken; the `add` that makes them
   * enough will say so. Only the writing side calls this.
   */
  spend(slot: number, channel: number, bytes: number): boolean {
    const place = this.#shares.places[channel]!;
    const at = slot * this.#slotWords;
    // Without Atomics, which V8 calls for each: what the other side has given back since is seen a little later, or below.
    if (!this.#fits(at, place, this.#words[at + HELD + place]! + bytes)) {
      // Say so, then look again: an `add` between the two would otherwise be missed.
      const wanted = at + HELD + this.#shares.count + place;
      if (Atomics.exchange(this.#words, wanted, bytes) === 0) {
        Atomics.add(this.#words, at + WANTING, 1);
      }
      if (!this.#fits(at, place, this.#held(at, place) + bytes)) return false;
      this.#wantsNoMore(at, place);
    }
    Atomics.add(this.#words, at + HELD + place, bytes);
    return true;
  }

  /**
   * Whether the reading side takes no more of this bit's now. If so, nothing of it is to be spent on, and the `setFull` that
   * clears it will say so. Only the writing side calls this.
   */
  isFull(slot: number, bit: number): boolean {
    const at = slot * this.#slotWords;
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
    const at = slot * this.#slotWords;
    const before = Atomics.exchange(this.#words, at + FULL, bits);
    return (before & ~bits) !== 0 && Atomics.exchange(this.#words, at + AWAITS, 0) === 1;
  }

  /** Takes `bytes` whether they are there or not. Only the writing side calls this. */
  overspend(slot: number, channel: number, bytes: number): void {
    Atomics.add(this.#words, this.#heldAt(slot, channel), bytes);
  }

  /** Takes back what was spent on a record that was then not written. Only the writing side calls this. */
  refund(slot: number, channel: number, bytes: number): void {
    Atomics.sub(this.#words, this.#heldAt(slot, channel), bytes);
  }

  /**
   * Gives `bytes` of a channel back to the slot. True, once, when a `spend` that was refused, on whichever channel, would now
   * succeed: the writing side is to be told. Only the reading side calls this.
   */
  add(slot: number, channel: number, bytes: number): boolean {
    const words = this.#words;
    const at = slot * this.#slotWords;
    Atomics.sub(words, this.#heldAt(slot, channel), bytes);
    if (Atomics.load(words, at + WANTING) === 0) return false;
    const { count } = this.#shares;
    let isWanted = false;
    for (let place = 0; place < count; place++) {
      const wanted = Atomics.load(words, at + HELD + count + place);
      if (
        wanted > 0 &&
        this.#fits(at, place, this.#held(at, place) + wanted) &&
        this.#wantsNoMore(at, place)
      ) {
        isWanted = true;
      }
    }
    return isWanted;
  }

  /** Bytes that are spent just now. */
  spentBytes(slot: number): number {
    const at = slot * this.#slotWords + HELD;
    let bytes = 0;
    for (let place = 0; place < this.#shares.count; place++) {
      bytes += Atomics.load(this.#words, at + place);
    }
    return bytes;
  }

  /** Empties the slot for a new owner, while neither side uses it. `isOther`: a peer of another version. */
  reset(slot: number, isOther: boolean): void {
    const at = slot * this.#slotWords;
    for (let word = 0; word < this.#slotWords; word++) Atomics.store(this.#words, at + word, 0);
    Atomics.store(this.#words, at + KIND, isOther ? 1 : 0);
  }

  /**
   * What is spent of a slot of another port's, and who waits for it, is from here on of this one, while neither side uses
   * either. Whatever the reading side takes no more of now it says again.
   */
  copy(slot: number, from: Credits, fromSlot: number): void {
    const [at, fromAt] = [slot * this.#slotWords, fromSlot * this.#slotWords];
    for (let word = 0; word < this.#slotWords; word++) {
      const value = word === FULL || word === AWAITS ? 0 : Atomics.load(from.#words, fromAt + word);
      Atomics.store(this.#words, at + word, value);
    }
  }

  #heldAt(slot: number, channel: number): number {
    return slot * this.#slotWords + HELD + this.#shares.places[channel]!;
  }

  /** A channel wants nothing (any more). True: it did. */
  #wantsNoMore(at: number, place: number): boolean {
    const wanted = at + HELD + this.#shares.count + place;
    if (Atomics.exchange(this.#words, wanted, 0) === 0) return false;
    Atomics.sub(this.#words, at + WANTING, 1);
    return true;
  }

  #held(at: number, place: number): number {
    return Atomics.load(this.#words, at + HELD + place);
  }

  /** Whether a channel may have so much. The kind is set while neither side uses the slot. */
  #fits(at: number, place: number, held: number): boolean {
    const shares = this.#shares.kinds[this.#words[at + KIND] === 0 ? 0 : 1];
    if (held <= shares.own(place)) return true;
    let others = 0;
    for (let other = 0; other < this.#shares.count; other++) {
      if (other !== place) others += shares.pooled(other, this.#held(at, other));
    }
    return shares.isFair(place, held, others);
  }
}
