/**
 * Which message numbers of a `reliable` channel have arrived: everything below `next`, and a bit each above, in a
 * ring of bits that grows to MESSAGE_WINDOW (2 KiB) only when numbers really are that far apart. Worst case: one copy
 * of the ring when it grows.
 */
import { MESSAGE_WINDOW } from "../limits.ts";

const MIN_BITS = 64;

export class NumberWindow {
  /** The lowest number that has not arrived. */
  next = 0;
  private bits: Uint32Array | undefined = undefined;
  /** How many bits are set. */
  private ahead = 0;

  has(number: number): boolean {
    if (number < this.next) return true;
    const bits = this.bits;
    if (this.ahead === 0 || bits === undefined) return false;
    const size = bits.length * 32;
    if (number - this.next >= size) return false;
    const slot = number & (size - 1);
    return (bits[slot >>> 5]! & (1 << (slot & 31))) !== 0;
  }

  /** Adds a number that is not there and less than MESSAGE_WINDOW above `next`. */
  add(number: number): void {
    if (number !== this.next) {
      const bits = this.room(number - this.next + 1);
      const slot = number & (bits.length * 32 - 1);
      bits[slot >>> 5]! |= 1 << (slot & 31);
      this.ahead++;
      return;
    }
    this.next++;
    const bits = this.bits;
    if (bits === undefined) return;
    const size = bits.length * 32;
    while (this.ahead > 0) {
      const slot = this.next & (size - 1);
      const bit = 1 << (slot & 31);
      if ((bits[slot >>> 5]! & bit) === 0) return;
      bits[slot >>> 5]! &= ~bit;
      this.ahead--;
      this.next++;
    }
  }

  /** Frees memory that is not needed while nothing is missing. */
  trim(): void {
    if (this.ahead === 0) this.bits = undefined;
  }

  private room(span: number): Uint32Array {
    const old = this.bits;
    let size = old === undefined ? MIN_BITS : old.length * 32;
    if (old !== undefined && span <= size) return old;
    while (size < span) size *= 2;
    const grown = new Uint32Array(Math.min(size, MESSAGE_WINDOW) / 32);
    if (old !== undefined && this.ahead > 0) {
      const oldSize = old.length * 32;
      for (let i = 0; i < oldSize; i++) {
        const number = this.next + i;
        const from = number % oldSize;
        if ((old[from >>> 5]! & (1 << (from & 31))) === 0) continue;
        const to = number % (grown.length * 32);
        grown[to >>> 5]! |= 1 << (to & 31);
      }
    }
    this.bits = grown;
    return grown;
  }
}
