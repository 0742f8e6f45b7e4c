/**
 * A binary heap of deadlines, one for each holder, so that a port with a thousand peers finds the next one due in O(log
 * n) and never looks at those that sleep. A deadline that moves away, as that of a busy peer does with each datagram, costs
 * nothing before it would have been the next: until then the heap has the time that it had.
 */

/** An entry of the deadline heap, which keeps the entry's index in `heapIndex`; -1: not in it. */
export interface DeadlineHolder {
  deadlineMs: number;
  heapIndex: number;
}

export class Deadlines<T extends DeadlineHolder> {
  readonly #heap: T[] = [];
  /** By index: no later than the holder's deadline. */
  readonly #keys: number[] = [];

  /** The earliest deadline; Infinity when there is none. */
  get nextMs(): number {
    const heap = this.#heap;
    for (let first = heap[0]; first !== undefined; first = heap[0]) {
      if (first.deadlineMs <= this.#keys[0]!) return first.deadlineMs;
      this.#down(0, first, first.deadlineMs);
    }
    return Number.POSITIVE_INFINITY;
  }

  /** Sets or moves a holder's deadline; Infinity takes it out. */
  set(holder: T, deadlineMs: number): void {
    if (deadlineMs === Number.POSITIVE_INFINITY) {
      this.remove(holder);
      return;
    }
    holder.deadlineMs = deadlineMs;
    if (holder.heapIndex < 0) this.#up(this.#heap.length, holder, deadlineMs);
    else if (deadlineMs < this.#keys[holder.heapIndex]!) {
      this.#up(holder.heapIndex, holder, deadlineMs);
    }
  }

  remove(holder: T): void {
    const index = holder.heapIndex;
    if (index < 0) return;
    holder.heapIndex = -1;
    const last = this.#heap.pop()!;
    const key = this.#keys.pop()!;
    if (last === holder) return;
    const above = (index - 1) >> 1;
    if (index > 0 && key < this.#keys[above]!) this.#up(index, last, key);
    else this.#down(index, last, key);
  }

  /** Takes out the earliest holder if it is due. */
  popDue(nowMs: number): T | undefined {
    if (this.nextMs > nowMs) return undefined;
    const first = this.#heap[0]!;
    this.remove(first);
    return first;
  }

  /** Puts a holder where its key belongs, at `index` or above. */
  #up(index: number, holder: T, key: number): void {
    while (index > 0) {
      const above = (index - 1) >> 1;
      if (this.#keys[above]! <= key) break;
      this.#put(index, this.#heap[above]!, this.#keys[above]!);
      index = above;
    }
    this.#put(index, holder, key);
  }

  /** Puts a holder where its key belongs, at `index` or below. */
  #down(index: number, holder: T, key: number): void {
    const keys = this.#keys;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= keys.length) break;
      if (below + 1 < keys.length && keys[below + 1]! < keys[below]!) below++;
      if (keys[below]! >= key) break;
      this.#put(index, this.#heap[below]!, keys[below]!);
      index = below;
    }
    this.#put(index, holder, key);
  }

  #put(index: number, holder: T, key: number): void {
    this.#heap[index] = holder;
    this.#keys[index] = key;
    holder.heapIndex = index;
  }
}
