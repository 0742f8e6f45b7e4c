/**
 * What generated decoders read from. Every length is checked against `end` before a byte is touched.
 * Message decoders use the throwing methods (`MalformedError`); header decoders, which see every hostile
 * datagram, use `tryVarint`, which returns a negative number and costs no exception. Worst case: linear in `end - at`.
 */
import { MalformedError } from "../errors.ts";
import { unzigzag } from "./check.ts";
import { fromHalf } from "./half.ts";
import { utf8ReadKnown } from "./utf8.ts";

/** Up to this many bytes a loop beats the call into native code. */
const SHORT_BYTES = 32;
const emptyBytes = new Uint8Array(0);
const emptyView = new DataView(emptyBytes.buffer);

export class Reader {
  bytes: Uint8Array = emptyBytes;
  view: DataView = emptyView;
  /** The next byte to read. */
  at = 0;
  /** The first byte that is not ours any more. */
  end = 0;
  /** Where the message begins, so that errors can say the byte within it. */
  start = 0;
  /**
   * Whether the writer may have another version of the spec: then an extensible struct may end where a later group of
   * members would begin, or go on behind the last that is known here. Between equals both are errors.
   */
  compat = false;

  /** Points at `bytes[start..end)`; `view` must cover the same memory as `bytes`. */
  reset(bytes: Uint8Array, view: DataView, start: number, end: number): this {
    this.bytes = bytes;
    this.view = view;
    this.at = start;
    this.start = start;
    this.end = end;
    return this;
  }

  /** A reader over a whole array: for tests and tools, not for hot paths. */
  static of(bytes: Uint8Array): Reader {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new Reader().reset(bytes, view, 0, bytes.byteLength);
  }

  /** Throws: what stands at the next byte is wrong. */
  fail(path: string, problem: string): never {
    return this.refuse(this.at, path, problem);
  }

  /** Throws: what was read at byte `at` of `bytes` is wrong. */
  refuse(at: number, path: string, problem: string): never {
    throw new MalformedError(path, problem, at - this.start);
  }

  /**
   * The one bounds check of a run of fixed-size members: `count` bytes are there, and start at the result. `path`
   * (here and below) is the member, or the first of the run, for the error's sake.
   */
  take(count: number, path = ""): number {
    const at = this.at;
    if (count > this.end - at) this.missing(count, path);
    this.at = at + count;
    return at;
  }

  // What throws is apart from what reads: V8 inlines short functions, and by their length, whatever runs of them.
  private missing(count: number, path: string): never {
    return this.fail(path, `${count} more bytes expected, ${this.end - this.at} left`);
  }

  private tooMany(at: number, value: number, max: number, path: string): never {
    return this.refuse(at, path, `${value} is more than the ${max} that the spec allows`);
  }

  private announced(at: number, value: number, path: string): never {
    return this.refuse(at, path, `${value} elements announced, ${this.end - this.at} bytes left`);
  }

  private notFinite(at: number, value: number, path: string): never {
    return this.refuse(at, path, `${value} is not finite`);
  }

  /** Nothing may follow a message. */
  finish(): void {
    if (this.at !== this.end) this.leftOver();
  }

  private leftOver(): never {
    return this.fail("", `${this.end - this.at} bytes left over`);
  }

  varint(path = ""): number {
    const { at } = this;
    // Most take one byte; this is so short that it is inlined wherever a varint is read.
    if (at < this.end) {
      const first = this.bytes[at]!;
      if (first < 0x80) {
        this.at = at + 1;
        return first;
      }
    }
    return this.longVarint(path);
  }

  /** Two and three bytes without a loop, then any. */
  private longVarint(path: string): number {
    const { bytes, at, end } = this;
    const second = at + 1 < end ? bytes[at + 1]! : 0;
    if (second < 0x80 && second !== 0) {
      this.at = at + 2;
      return (bytes[at]! & 0x7f) | (second << 7);
    }
    const third = at + 2 < end ? bytes[at + 2]! : 0;
    if (second >= 0x80 && third < 0x80 && third !== 0) {
      this.at = at + 3;
      return (bytes[at]! & 0x7f) | ((second & 0x7f) << 7) | (third << 14);
    }
    const value = this.tryVarint();
    if (value < 0) {
      this.fail(path, value === -1 ? "cut off" : "not a shortest-form varint of at most 2^53 - 1");
    }
    return value;
  }

  /** As `varint`, signed. */
  zigzag(path = ""): number {
    const value = this.varint(path);
    return value <= 0x7fff_ffff ? (value >>> 1) ^ -(value & 1) : unzigzag(value);
  }

  /** A varint no larger than `max`: a length or count that was bounded in the spec. */
  length(max: number, path = ""): number {
    const at = this.at;
    const value = this.varint(path);
    if (value > max) this.tooMany(at, value, max, path);
    return value;
  }

  /** The count of a list whose elements take at least `elementBytes` each: that much is there, so it can be trusted. */
  count(max: number, elementBytes: number, path = ""): number {
    const at = this.at;
    const value = this.length(max, path);
    if (value * elementBytes > this.end - this.at) this.announced(at, value, path);
    return value;
  }

  /** As `length`, for what is not bounded by a count: at least `bytes` bytes are left. */
  atLeast(bytes: number, path = ""): void {
    if (bytes > this.end - this.at) {
      this.fail(path, `at least ${bytes} more bytes expected, ${this.end - this.at} left`);
    }
  }

  /** Begins an extensible struct: what follows ends where its length says. Returns the end outside, for `leave`. */
  enter(maxBytes: number): number {
    const at = this.at;
    const end = this.end;
    const byteLength = this.compat ? this.varint() : this.length(maxBytes);
    if (byteLength > end - this.at) {
      this.refuse(at, "", `${byteLength} more bytes announced, ${end - this.at} left`);
    }
    this.end = this.at + byteLength;
    return end;
  }

  /** Whether an older writer left out all that would follow in the extensible struct. */
  get stops(): boolean {
    return this.compat && this.at === this.end;
  }

  /** Ends an extensible struct; what a newer writer added is skipped. */
  leave(end: number): void {
    if (this.at !== this.end) {
      if (!this.compat) this.leftOver();
      this.at = this.end;
    }
    this.end = end;
  }

  /** One more object of a recursive type inside `depth` others. */
  checkDepth(depth: number, maxDepth: number): void {
    if (depth >= maxDepth) {
      this.fail("", `lies in ${depth} of its kind, ${maxDepth} levels are allowed`);
    }
  }

  /** A recursive value that began at byte `from` of `bytes` may take no more than this. */
  checkTotal(from: number, maxBytes: number): void {
    const taken = this.at - from;
    if (taken > maxBytes) this.refuse(from, "", `takes ${taken} bytes, ${maxBytes} are allowed`);
  }

  /** 64 bits at byte `at`, which `take` has returned, as a number: 0 to 2^53 - 1. */
  u64(at: number, path = ""): number {
    const value = this.view.getUint32(at) * 2 ** 32 + this.view.getUint32(at + 4);
    if (value > Number.MAX_SAFE_INTEGER) this.refuse(at, path, "is above 2^53 - 1");
    return value;
  }

  /** As `u64`, signed: -(2^53 - 1) to 2^53 - 1. */
  i64(at: number, path = ""): number {
    const value = this.view.getInt32(at) * 2 ** 32 + this.view.getUint32(at + 4);
    if (!Number.isSafeInteger(value)) this.refuse(at, path, "is beyond 2^53 - 1");
    return value;
  }

  /** The 16-bit float at byte `at`, which `take` has returned. NaN and infinities are refused. */
  f16(at: number, path = ""): number {
    const value = fromHalf(this.view.getUint16(at));
    if (value - value !== 0) this.notFinite(at, value, path);
    return value;
  }

  /** The 32-bit float at byte `at`, which `take` has returned. NaN and infinities are refused. */
  f32(at: number, path = ""): number {
    const value = this.view.getFloat32(at);
    if (value - value !== 0) this.notFinite(at, value, path);
    return value;
  }

  /** As `f32`, 64 bits. */
  f64(at: number, path = ""): number {
    const value = this.view.getFloat64(at);
    if (value - value !== 0) this.notFinite(at, value, path);
    return value;
  }

  /** A string of at most `maxBytes` bytes of strict UTF-8, behind its varint byte length. */
  string(maxBytes: number, path = ""): string {
    const byteLength = this.length(maxBytes, path);
    const at = this.take(byteLength, path);
    const value = utf8ReadKnown(this.bytes, this.view, at, byteLength);
    if (value === undefined) this.refuse(at, path, "not valid UTF-8");
    return value;
  }

  /** Bytes behind their varint length; a copy, so that it outlives the datagram. */
  blob(maxBytes: number, path = ""): Uint8Array {
    const byteLength = this.length(maxBytes, path);
    const at = this.take(byteLength, path);
    const { bytes } = this;
    if (byteLength > SHORT_BYTES) return new Uint8Array(bytes.subarray(at, at + byteLength));
    const copy = new Uint8Array(byteLength);
    for (let i = 0; i < byteLength; i++) copy[i] = bytes[at + i]!;
    return copy;
  }

  /** As `varint`, but -1 when it is cut off, -2 when it is not the shortest form or above 2^53 - 1. */
  tryVarint(): number {
    const bytes = this.bytes;
    const end = this.end;
    let at = this.at;
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      if (at >= end) return -1;
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (byte === 0 && i > 0) return -2;
        if (value > Number.MAX_SAFE_INTEGER) return -2;
        this.at = at;
        return value;
      }
      scale *= 128;
    }
    return -2;
  }
}
