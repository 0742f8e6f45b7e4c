/**
 * First in, first out storage of payloads: one ring of bytes that doubles while it is too small. Positions count up
 * for ever modulo 2^32; the capacity is a power of two. A payload may lie over the end, so nothing is wasted. Worst
 * case: one copy of everything when it doubles.
 */
import type { MessageEncoder } from "../protocol.ts";
import { copyBytes, copyWords, MAX_WORDS_BYTES } from "../wire/copy-bytes.ts";
import { Writer } from "../wire/writer.ts";

const MIN_CAPACITY = 512;
const MIN_BESIDE_BYTES = 4096;
/** Where a message is encoded that would lie over the end; shared, used only until it is copied. */
let overEnd: Writer | undefined;
/** An encoder is at work, and with it perhaps a getter of the application's message: no other may begin. */
let writing = false;

function beginWriting(): void {
  if (writing) throw new Error("a message is sent while another is being written");
  writing = true;
}

function beside(bytes: number): Writer {
  if (overEnd === undefined || overEnd.bytes.length < bytes) {
    overEnd = new Writer(new Uint8Array(Math.max(MIN_BESIDE_BYTES, bytes)));
  }
  overEnd.at = 0;
  return overEnd;
}

export class ByteRing {
  private bytes: Uint8Array | undefined = undefined;
  /** On `bytes`, made when they are first touched. */
  private writer: Writer | undefined = undefined;
  /** What the last message was written with: `writer`, or beside the ring. */
  private staged: Writer | undefined = undefined;
  /** Where in it, and what `tail` was then. */
  private stagedAt = 0;
  private stagedTail = 0;
  private head = 0;
  private tail = 0;

  get capacity(): number {
    return this.bytes === undefined ? 0 : this.bytes.length;
  }

  /** Copies `source[start..end)`, of which `view` may be another view, in and returns its position. */
  push(source: Uint8Array, start: number, end: number, view?: DataView): number {
    const length = end - start;
    const bytes = this.room(length);
    const position = this.tail;
    const at = position & (bytes.length - 1);
    const first = Math.min(length, bytes.length - at);
    if (view !== undefined && first === length && length <= MAX_WORDS_BYTES) {
      copyWords(view, start, this.writerOn(bytes).view, at, length);
    } else {
      copyBytes(source, start, bytes, at, first);
      if (first < length) copyBytes(source, start + first, bytes, 0, length - first);
    }
    this.tail = (position + length) >>> 0;
    return position;
  }

  /** Has `encoder`, which writes in place, write a message; returns its bytes. It is stored only by `keep`. */
  stage<M>(message: M, encoder: MessageEncoder<M>): number {
    beginWriting();
    try {
      const { maxBytes } = encoder;
      const { bytes } = this;
      const at = bytes === undefined ? 0 : this.tail & (bytes.length - 1);
      const used = (this.tail - this.head) >>> 0;
      const w = this.open(
        bytes !== undefined && maxBytes <= bytes.length - Math.max(at, used)
          ? this.inPlace(bytes, at)
          : beside(maxBytes),
      );
      const start = w.at;
      return encoder.write(message, w, start) - start;
    } finally {
      writing = false;
    }
  }

  /** Stores the `length` bytes that were written last and returns their position. */
  keep(length: number): number {
    const w = this.staged;
    const start = this.stagedAt;
    // Beside the ring; or a getter of the message had all that was before it sent away, and the ring starts over.
    if (w !== undefined && (w !== this.writer || this.tail !== this.stagedTail)) {
      return this.push(w.bytes, start, start + length, w.view);
    }
    const position = this.tail;
    this.tail = (position + length) >>> 0;
    return position;
  }

  /** Writes `length` bytes from `position` on. */
  copyOut(position: number, length: number, w: Writer): void {
    const bytes = this.bytes;
    if (bytes === undefined || length === 0) return;
    const from = position & (bytes.length - 1);
    const first = Math.min(length, bytes.length - from);
    const { at } = w;
    w.at = at + length;
    if (first === length && length <= MAX_WORDS_BYTES) {
      copyWords(this.writerOn(bytes).view, from, w.view, at, length);
    } else {
      copyBytes(bytes, from, w.bytes, at, first);
      if (first < length) copyBytes(bytes, 0, w.bytes, at + first, length - first);
    }
  }

  /** Takes back what was stored from `position` on, the end of the ring. */
  takeBack(position: number): void {
    this.tail = position >>> 0;
  }

  /** Lets go of everything before `position`. What was let go stays readable until the next push. */
  release(position: number): void {
    this.head = position >>> 0;
  }

  /** Nothing is stored any more. An empty ring starts over, so that a light load stays in few cache lines. */
  clear(): void {
    this.head = 0;
    this.tail = 0;
  }

  /** Nothing is stored any more, and memory is freed. */
  trim(): void {
    this.clear();
    this.bytes = undefined;
    this.writer = undefined;
    this.staged = undefined;
  }

  private open(w: Writer): Writer {
    this.staged = w;
    this.stagedAt = w.at;
    this.stagedTail = this.tail;
    return w;
  }

  private inPlace(bytes: Uint8Array, at: number): Writer {
    const w = this.writerOn(bytes);
    w.at = at;
    return w;
  }

  private writerOn(bytes: Uint8Array): Writer {
    this.writer ??= new Writer(bytes);
    return this.writer;
  }

  private room(length: number): Uint8Array {
    const used = (this.tail - this.head) >>> 0;
    const old = this.bytes;
    if (old !== undefined && used + length <= old.length) return old;
    let capacity = old === undefined ? MIN_CAPACITY : old.length * 2;
    while (capacity < used + length) capacity *= 2;
    const grown = new Uint8Array(capacity);
    if (old !== undefined) {
      const mask = capacity - 1;
      for (let done = 0; done < used; ) {
        const position = this.head + done;
        const from = position & (old.length - 1);
        const to = position & mask;
        const run = Math.min(used - done, old.length - from, capacity - to);
        grown.set(old.subarray(from, from + run), to);
        done += run;
      }
    }
    this.bytes = grown;
    this.writer = undefined;
    return grown;
  }
}
