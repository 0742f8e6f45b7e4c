/**
 * Where generated encoders write: a window on memory (a scratch buffer, a ring) and a position in it. Integers are
 * big-endian. Nothing is checked: callers have made room for the largest message, or throw away what met the end of the memory.
 */
import { copyViewed } from "./copy-bytes.ts";
import { utf8Write } from "./utf8.ts";

const lengthOf = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  "length",
)!.get as (this: Uint8Array) => number;

/** How many bytes there are, whatever the array says itself: a subclass may have a `length` of its own. */
export function byteCount(value: Uint8Array): number {
  return lengthOf.call(value);
}

export class Writer {
  bytes: Uint8Array;
  view: DataView;
  /** Where the next byte goes. */
  at = 0;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Skips `count` bytes and returns where they start; the caller writes them through `view` or `bytes`. */
  take(count: number): number {
    const at = this.at;
    this.at = at + count;
    return at;
  }

  u8(value: number): void {
    this.bytes[this.at++] = value;
  }

  u16(value: number): void {
    this.view.setUint16(this.at, value);
    this.at += 2;
  }

  u24(value: number): void {
    const at = this.at;
    this.bytes[at] = value >>> 16;
    this.bytes[at + 1] = value >>> 8;
    this.bytes[at + 2] = value;
    this.at = at + 3;
  }

  u32(value: number): void {
    this.view.setUint32(this.at, value);
    this.at += 4;
  }

  /** Unsigned LEB128 in its shortest form; 0 to 2^53 - 1. */
  varint(value: number): void {
    this.at = varintWrite(this.bytes, this.at, value);
  }

  /** 64 bits of a safe number at byte `at`, which `take` has returned; two's complement. */
  wide(at: number, value: number): void {
    this.view.setInt32(at, Math.floor(value / 2 ** 32));
    this.view.setUint32(at + 4, value >>> 0);
  }

  raw(source: Uint8Array): void {
    this.bytes.set(source, this.at);
    this.at += source.byteLength;
  }

  /** The bytes of `source[start..end)`. */
  copy(source: DataView, start: number, end: number): void {
    copyViewed(source, start, this.bytes, this.view, this.at, end - start);
    this.at += end - start;
  }

  /** A string as a varint of its `byteLength` (from `utf8Length`) and its UTF-8 bytes. */
  string(value: string, byteLength: number): void {
    this.varint(byteLength);
    utf8Write(this.bytes, this.at, value, byteLength);
    this.at += byteLength;
  }
}

/** Writes an unsigned varint, 0 to 2^53 - 1, at `at`. Returns where it ends. */
export function varintWrite(bytes: Uint8Array, at: number, value: number): number {
  // Nearly all are short: the first three lengths without a loop.
  if (value < 0x80) {
    bytes[at] = value;
    return at + 1;
  }
  if (value < 0x4000) {
    bytes[at] = value | 0x80;
    bytes[at + 1] = value >>> 7;
    return at + 2;
  }
  return longVarintWrite(bytes, at, value);
}

function longVarintWrite(bytes: Uint8Array, at: number, value: number): number {
  if (value < 0x20_0000) {
    bytes[at] = value | 0x80;
    bytes[at + 1] = (value >>> 7) | 0x80;
    bytes[at + 2] = value >>> 14;
    return at + 3;
  }
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes[at++] = (value % 128) | 0x80;
  bytes[at] = value;
  return at + 1;
}

/**
 * Writes the length of `bytes[start..end)` in front of it, where one byte was left free. A length of several bytes moves
 * it up: at most once a level of nesting. Returns where it ends then.
 */
export function lengthWrite(bytes: Uint8Array, start: number, end: number): number {
  const byteLength = end - start;
  const extra = varintSize(byteLength) - 1;
  if (extra > 0) bytes.copyWithin(start + extra, start, end);
  varintWrite(bytes, start - 1, byteLength);
  return end + extra;
}

/** Bytes that `Writer.varint` takes for `value`. */
export function varintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  if (value < 0x1000_0000) return 4;
  let size = 5;
  for (let rest = value / 2 ** 35; rest >= 1; rest /= 128) size++;
  return size;
}
