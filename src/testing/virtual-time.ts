/**
 * Time that only passes when told to: a queue of callbacks by the millisecond at which they are due. Those due at the
 * same time run in the order in which they were scheduled. Worst case of a step: logarithmic in what is waiting.
 */

interface Entry {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export class VirtualTime {
  /** Milliseconds. */
  nowMs: number;
  readonly #heap: Entry[] = [];
  #scheduled = 0;

  constructor(startMs = 0) {
    this.nowMs = startMs;
  }

  /** Runs `run` when time has reached `atMs`; now, if that is past. */
  at(atMs: number, run: () => void): void {
    const heap = this.#heap;
    heap.push({ atMs: Math.max(atMs, this.nowMs), order: this.#scheduled++, run });
    let i = heap.length - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(heap[i]!, heap[parent]!)) break;
      swap(heap, i, parent);
      i = parent;
    }
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.nowMs + delayMs, run);
  }

  /** When the next callback is due; Infinity: nothing is scheduled. */
  get nextMs(): number {
    return this.#heap[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  /** Goes to the next callback and runs it. False: nothing is scheduled. */
  step(): boolean {
    const first = this.#heap[0];
    if (first === undefined) return false;
    this.#removeFirst();
    this.nowMs = first.atMs;
    first.run();
    return true;
  }

  /** Does everything up to and including `untilMs`, and stops there. */
  runUntil(untilMs: number): void {
    while (this.nextMs <= untilMs) this.step();
    this.nowMs = Math.max(this.nowMs, untilMs);
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    heap[0] = last;
    for (let i = 0; ; ) {
      const left = 2 * i + 1;
      if (left >= heap.length) return;
      const right = left + 1;
      const child = right < heap.length && before(heap[right]!, heap[left]!) ? right : left;
      if (!before(heap[child]!, heap[i]!)) return;
      swap(heap, i, child);
      i = child;
    }
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

function swap(heap: Entry[], i: number, j: number): void {
  const entry = heap[i]!;
  heap[i] = heap[j]!;
  heap[j] = entry;
}
