/**
 * Chance from two numbers, a run's seed and a case's number: any case can be made again without those before it.
 * Not for secrets.
 */

export class Random {
  #state = 0;

  /** Begins the sequence of one case. */
  begin(seed: number, number: number): void {
    this.#state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(number + 1, 0xc2b2ae35);
    // Two neighbouring cases begin far apart only after a few turns.
    this.next();
    this.next();
  }

  /** mulberry32: 0 to 2^32 - 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** 0 to `count` - 1; 0 where there is nothing to choose from. */
  below(count: number): number {
    return count < 2 ? 0 : this.next() % count;
  }

  /** True once in `count` times. */
  once(count: number): boolean {
    return this.below(count) === 0;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }
}
