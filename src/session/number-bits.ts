/**
 * A bit for each number of a ring, so that those that are set are found without a visit to those that are not. Worst case
 * of a search: a word for each 32 numbers.
 */

const none: number[] = [];

export class NumberBits {
  private words: number[] = none;
  private mask = -1;

  /** Forgets all, and has room for `mask` + 1 numbers in a row, a power of two; for none with -1. */
  resize(mask: number): void {
    this.mask = mask;
    this.words = mask < 0 ? none : new Array<number>((mask + 32) >>> 5).fill(0);
  }

  clear(): void {
    this.words.fill(0);
  }

  add(number: number): void {
    const slot = number & this.mask;
    this.words[slot >>> 5]! |= 1 << (slot & 31);
  }

  remove(number: number): void {
    const slot = number & this.mask;
    this.words[slot >>> 5]! &= ~(1 << (slot & 31));
  }

  /** The highest number of `low` to `high` that is set; -1: none is. */
  highest(low: number, high: number): number {
    for (let n = high; n >= low; ) {
      const slot = n & this.mask;
      const word = this.words[slot >>> 5]! << (31 - (slot & 31));
      if (word !== 0) {
        n -= Math.clz32(word);
        return n >= low ? n : -1;
      }
      n -= (slot & 31) + 1;
    }
    return -1;
  }
}
