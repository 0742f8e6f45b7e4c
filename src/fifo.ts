/**
 * First in, first out, in constant time each on average: an array that is shifted moves all of its items once there are
 * some ten thousand.
 */

/** So few that have been taken are not worth moving the others. */
const MIN_TAKEN = 32;

export class Fifo<T> {
  #items: (T | undefined)[] = [];
  /** Items before this one have been taken. */
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** The oldest item, which it no longer holds; undefined: there is none. */
  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    if (this.length === 0 || (this.#head >= MIN_TAKEN && this.#head >= this.length)) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** The oldest item, which it goes on holding; undefined: there is none. */
  peek(): T | undefined {
    return this.#items[this.#head];
  }

  /** Another with those of its items that are kept, in their order. */
  filter(isKept: (item: T) => boolean): Fifo<T> {
    const kept = new Fifo<T>();
    for (let i = this.#head; i < this.#items.length; i++) {
      const item = this.#items[i]!;
      if (isKept(item)) kept.push(item);
    }
    return kept;
  }
}
