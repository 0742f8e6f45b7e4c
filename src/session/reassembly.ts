/**
 * Messages that arrive in slices. A slice is stored when it comes, in a buffer of one slice's size from a pool: what
 * a message claims to be never costs memory. Which slice numbers and sizes are possible is checked before anything
 * is stored. Worst case: as many buffers as slices received, and one copy of the whole when it is complete.
 */
import { copyBytes } from "./byte-ring.ts";

const MAX_POOLED = 1024;

/** Buffers of one slice each, shared by all sessions of a protocol in a thread. */
export class SlicePool {
  readonly sliceBytes: number;
  private readonly free: Uint8Array[] = [];

  constructor(sliceBytes: number) {
    this.sliceBytes = sliceBytes;
  }

  take(): Uint8Array {
    return this.free.pop() ?? new Uint8Array(this.sliceBytes);
  }

  give(buffer: Uint8Array): void {
    if (this.free.length < MAX_POOLED) this.free.push(buffer);
  }
}

export class Reassembly {
  readonly number: number;
  readonly count: number;
  readonly startedAtMs: number;
  /** Bytes of the last slice; -1 before it has come. */
  lastBytes = -1;
  /** What it holds in memory. */
  storedBytes = 0;
  /** What it counts against the receive limit so far. */
  costBytes = 0;
  private readonly slices: Map<number, Uint8Array> = new Map();

  constructor(number: number, count: number, startedAtMs: number) {
    this.number = number;
    this.count = count;
    this.startedAtMs = startedAtMs;
  }

  has(index: number): boolean {
    return this.slices.has(index);
  }

  get isComplete(): boolean {
    return this.slices.size === this.count;
  }

  add(pool: SlicePool, index: number, bytes: Uint8Array, start: number, end: number): void {
    const buffer = pool.take();
    copyBytes(bytes, start, buffer, 0, end - start);
    this.slices.set(index, buffer);
    this.storedBytes += pool.sliceBytes;
    if (index === this.count - 1) this.lastBytes = end - start;
  }

  /** Bytes of a complete message. */
  totalBytes(sliceBytes: number): number {
    return (this.count - 1) * sliceBytes + this.lastBytes;
  }

  /** Puts a complete message together at the front of `to`. */
  assemble(sliceBytes: number, to: Uint8Array): void {
    for (let i = 0; i < this.count; i++) {
      const length = i + 1 < this.count ? sliceBytes : this.lastBytes;
      copyBytes(this.slices.get(i)!, 0, to, i * sliceBytes, length);
    }
  }

  release(pool: SlicePool): void {
    for (const buffer of this.slices.values()) pool.give(buffer);
    this.slices.clear();
    this.storedBytes = 0;
  }
}
