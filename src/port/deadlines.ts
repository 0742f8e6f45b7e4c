/**
 * A binary heap of deadlines, one for each holder, so that a port with a thousand peers finds the next one due in O(log
 * n) and never looks at those that sleep.
 */

/** An entry of the deadline heap, which keeps the entry's index in `heapIndex`; -1: not in it. */
export interface DeadlineHolder {
  deadlineMs: number;
  heapIndex: number;
}

export class Deadlines<T extends DeadlineHolder> {
  readonly #heap: T[] = [];

  /** The earliest deadline; Infinity when there is none. */
  get nextMs(): number {
    return this.#heap[0]?.deadlineMs ?? Number.POSITIVE_INFINITY;
  }

  /** Sets or moves a holder's deadline; Infinity takes it out. */
  set(holder: T, deadlineMs: number): void {
    if (deadlineMs === Number.POSITIVE_INFINITY) {
      this.remove(holder);
      return;
    }
    if (holder.heapIndex < 0) {
      holder.deadlineMs = deadlineMs;
      holder.heapIndex = this.#heap.length;
      this.#heap.push(holder);
      this.#up(holder.heapIndex);
      return;
    }
    const before = holder.deadlineMs;
    holder.deadlineMs = deadlineMs;
    if (deadlineMs < before) this.#up(holder.heapIndex);
    else this.#down(holder.heapIndex);
  }

  remove(holder: T): void {
    const index = holder.heapIndex;
    if (index < 0) return;
    holder.heapIndex = -1;
    const last = this.#heap.pop()!;
    if (last === holder) return;
    this.#heap[index] = last;
    last.heapIndex = index;
    this.#up(index);
    this.#down(last.heapIndex);
  }

  /** Takes out the earliest holder if it is due. */
  popDue(nowMs: number): T | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.deadlineMs > nowMs) return undefined;
    this.remove(first);
    return first;
  }

  #up(index: number): void {
    const heap = this.#heap;
    const holder = heap[index]!;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above]!;
      if (parent.deadlineMs <= holder.deadlineMs) break;
      heap[index] = parent;
      parent.heapIndex = index;
      index = above;
    }
    heap[index] = holder;
    holder.heapIndex = index;
  }

  #down(index: number): void {
    const heap = this.#heap;
    const holder = heap[index]!;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && heap[below + 1]!.deadlineMs < heap[below]!.deadlineMs) below++;
      const child = heap[below]!;
      if (child.deadlineMs >= holder.deadlineMs) break;
      heap[index] = child;
      child.heapIndex = index;
      index = below;
    }
    heap[index] = holder;
    holder.heapIndex = index;
  }
}
