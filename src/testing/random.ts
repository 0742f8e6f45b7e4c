/**
 * A seeded generator of pseudo-random numbers (sfc32, public domain, Chris Doty-Humphrey's PractRand): the same seed
 * gives the same run. Not for secrets.
 */
export class SeededRandom {
  readonly seed: number;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /**
   * `seed` is an integer; 32 bits of it count. So do 32 bits of `stream`: one of many sequences of a seed, each of which
   * can be made again without those before it.
   */
  constructor(seed: number, stream = 0) {
    this.seed = seed;
    this.#a = 0x9e37_79b9;
    this.#b = 0x243f_6a88 ^ stream;
    this.#c = seed | 0;
    for (let i = 0; i < 12; i++) this.u32();
  }

  /** An integer of 0 to 2^32 - 1. */
  u32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return sum >>> 0;
  }

  /** At least 0, below 1. */
  next(): number {
    return this.u32() / 0x1_0000_0000;
  }

  /** An integer of `min` to `max`, both included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  /** An integer of 0 to `count` - 1; 0 where there is nothing to choose from. */
  below(count: number): number {
    return count < 2 ? 0 : this.u32() % count;
  }

  /** True once in `count` times. */
  once(count: number): boolean {
    return this.below(count) === 0;
  }

  /** One of the elements of `from`, which has some. */
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return probability > 0 && this.next() < probability;
  }

  /** Fills `bytes` with noise. */
  fill(bytes: Uint8Array): Uint8Array {
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.u32();
    return bytes;
  }
}
