/** Datagrams or events that wait to be fetched, first in, first out. Full: the new one is refused. */
import { MAX_ZERO_OUTBOX } from "../limits.ts";

export class Outbox<T> {
  #items: T[] = [];
  #at = 0;

  get size(): number {
    return this.#items.length - this.#at;
  }

  /** Whether one more is taken. */
  get hasRoom(): boolean {
    return this.size < MAX_ZERO_OUTBOX;
  }

  /** False: full, not taken. */
  push(item: T, limit: number = MAX_ZERO_OUTBOX): boolean {
    if (this.size >= limit) return false;
    this.#items.push(item);
    return true;
  }

  poll(): T | undefined {
    const item = this.#items[this.#at];
    if (item === undefined) return undefined;
    this.#at++;
    if (this.#at === this.#items.length) {
      this.#items = [];
      this.#at = 0;
    } else if (this.#at > MAX_ZERO_OUTBOX) {
      this.#items = this.#items.slice(this.#at);
      this.#at = 0;
    }
    return item;
  }
}
