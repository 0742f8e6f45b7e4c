/**
 * Messages that arrive in slices. A slice is stored when it comes, in a cell of one slice's size: what a message claims
 * to be never costs memory. Which slice numbers and sizes are possible is checked before anything is stored. Worst
 * case: as many cells as slices received, and one copy of the whole when it is complete.
 */
import { copyViewed } from "../wire/copy-bytes.ts";
import type { Slab } from "./slab.ts";

const MISSING = -1;

export class Reassembly {
  readonly number: number;
  readonly count: number;
  /** When the last slice of it came. */
  cameAtMs: number;
  /** Bytes of the last slice; -1 before it has come. */
  lastBytes = -1;
  /** What it counts against the receive limit so far. */
  costBytes = 0;
  private readonly slab: Slab;
  /** By index: the cell of a slice, or MISSING. What it counts for the limit is some hundred times as long. */
  private readonly cells: number[];
  private received = 0;

  /** `slab`: of cells of one slice. */
  constructor(slab: Slab, number: number, count: number, nowMs: number) {
    this.slab = slab;
    this.number = number;
    this.count = count;
    this.cameAtMs = nowMs;
    this.cells = new Array<number>(count).fill(MISSING);
  }

  has(index: number): boolean {
    return this.cells[index] !== MISSING;
  }

  get isComplete(): boolean {
    return this.received === this.count;
  }

  /** What it holds in memory. */
  get storedBytes(): number {
    return this.received * this.slab.cellBytes;
  }

  add(index: number, view: DataView, start: number, end: number): void {
    const { slab } = this;
    const cell = slab.take();
    copyViewed(view, start, slab.bytes(cell), slab.view(cell), slab.at(cell), end - start);
    this.cells[index] = cell;
    this.received++;
    if (index === this.count - 1) this.lastBytes = end - start;
  }

  /** Bytes of a complete message. */
  totalBytes(sliceBytes: number): number {
    return (this.count - 1) * sliceBytes + this.lastBytes;
  }

  /** Puts a complete message together at the front of `to`. */
  assemble(sliceBytes: number, to: Uint8Array, toView: DataView): void {
    const { slab } = this;
    for (let i = 0; i < this.count; i++) {
      const length = i + 1 < this.count ? sliceBytes : this.lastBytes;
      const cell = this.cells[i]!;
      copyViewed(slab.view(cell), slab.at(cell), to, toView, i * sliceBytes, length);
    }
  }

  release(): void {
    for (let i = 0; i < this.count; i++) {
      if (this.cells[i] === MISSING) continue;
      this.slab.give(this.cells[i]!);
      this.cells[i] = MISSING;
    }
    this.received = 0;
  }
}
