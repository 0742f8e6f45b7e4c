/**
 * Runs of bytes in chains of cells of one slab: what stands in the first cell before the bytes is its user's. One place
 * is written or read at a time. Constant work a cell.
 */
import { copyBytes } from "../wire/copy-bytes.ts";
import { type BlockPool, Slab } from "./slab.ts";

export const NONE = -1;

/** In every cell: the next of the same chain, or NONE. */
const NEXT_AT = 0;
/** Where the bytes begin in all cells but the first. */
const HEADER_BYTES = 4;

export class CellChains {
  readonly slab: Slab;
  /** Where bytes are written or read next: a cell, and how many of its bytes are left. */
  private cell = NONE;
  private left = 0;

  constructor(pool: BlockPool) {
    this.slab = new Slab(pool);
  }

  /** A new chain, to be written behind the first `headerBytes` (at least 4) of its first cell, which is returned. */
  begin(headerBytes: number): number {
    const { slab } = this;
    const first = slab.take();
    slab.view(first).setInt32(slab.at(first) + NEXT_AT, NONE);
    this.enter(first, headerBytes);
    return first;
  }

  /** Lets go of all cells of a chain. */
  drop(first: number): void {
    const { slab } = this;
    for (let cell = first; cell !== NONE; ) {
      const next = slab.view(cell).getInt32(slab.at(cell) + NEXT_AT);
      slab.give(cell);
      cell = next;
    }
  }

  /** Goes to the bytes of a chain, to read them. */
  enter(first: number, headerBytes: number): void {
    this.cell = first;
    this.left = this.slab.cellBytes - headerBytes;
  }

  append(source: Uint8Array, start: number, end: number): void {
    const { slab } = this;
    for (let from = start; from < end; ) {
      if (this.left === 0) {
        const next = slab.take();
        slab.view(next).setInt32(slab.at(next) + NEXT_AT, NONE);
        slab.view(this.cell).setInt32(slab.at(this.cell) + NEXT_AT, next);
        this.enter(next, HEADER_BYTES);
      }
      const length = Math.min(this.left, end - from);
      const at = slab.at(this.cell) + slab.cellBytes - this.left;
      copyBytes(source, from, slab.bytes(this.cell), at, length);
      from += length;
      this.left -= length;
    }
  }

  extract(to: Uint8Array, length: number): void {
    const { slab } = this;
    for (let done = 0; done < length; ) {
      if (this.left === 0) {
        const next = slab.view(this.cell).getInt32(slab.at(this.cell) + NEXT_AT);
        this.enter(next, HEADER_BYTES);
      }
      const part = Math.min(this.left, length - done);
      const at = slab.at(this.cell) + slab.cellBytes - this.left;
      copyBytes(slab.bytes(this.cell), at, to, done, part);
      done += part;
      this.left -= part;
    }
  }
}
