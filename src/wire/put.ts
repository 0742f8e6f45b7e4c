/**
 * What generated `write` functions call on members whose bytes vary: check and write in one pass, at a place where there
 * is room for the largest value. Each accepts exactly what its check in check.ts accepts, with the same errors, writes
 * no byte more than the largest value takes, and returns where the value ends. Worst case: linear in a string's length.
 */
import { checkInteger, checkString, countBytes, zigzag } from "./check.ts";
import { utf8Length, utf8Write, utf8WriteShort } from "./utf8.ts";
import { varintSize, varintWrite } from "./writer.ts";

/** Zigzag halves the range of a varint: 2 * 2^52 - 1 is 2^53 - 1. */
const MIN_ZIGZAG = -(2 ** 52);
const MAX_ZIGZAG = 2 ** 52 - 1;
/** Up to this many UTF-16 units a loop beats the call into native code, and their length is one byte (3 * 42 < 128). */
const SHORT_UNITS = 42;
/** Up to this many bytes too. */
const SHORT_BYTES = 16;

const encoder = new TextEncoder();

/** An unsigned varint. */
export function putVarint(path: string, value: number, bytes: Uint8Array, at: number): number {
  // Nearly all are 32 bits wide, and that is quickly seen.
  const int = typeof value === "number" ? value | 0 : -1;
  if (int !== value || int < 0) checkInteger(path, value, 0, Number.MAX_SAFE_INTEGER);
  return varintWrite(bytes, at, value);
}

/** A signed varint (zigzag). */
export function putZigzag(path: string, value: number, bytes: Uint8Array, at: number): number {
  const int = typeof value === "number" ? value | 0 : 0;
  if (int === value) return varintWrite(bytes, at, ((int << 1) ^ (int >> 31)) >>> 0);
  checkInteger(path, value, MIN_ZIGZAG, MAX_ZIGZAG);
  return varintWrite(bytes, at, zigzag(value));
}

/** A string of at most `maxBytes` bytes of UTF-8 behind its length. */
export function putString(
  path: string,
  value: string,
  maxBytes: number,
  bytes: Uint8Array,
  at: number,
): number {
  if (typeof value === "string" && value.length <= SHORT_UNITS) {
    const end = putShort(value, maxBytes, bytes, at);
    if (end >= 0) return end;
  }
  return putAnyString(path, value, maxBytes, bytes, at);
}

function putAnyString(
  path: string,
  value: string,
  maxBytes: number,
  bytes: Uint8Array,
  at: number,
): number {
  const isLong = typeof value === "string" && value.length > SHORT_UNITS;
  if (isLong && value.length <= maxBytes) {
    const end = putLong(value, maxBytes, bytes, at);
    if (end >= 0) return end;
  }
  // Wrong, too long or nearly: exactly what is the matter is worth a second look.
  checkString(path, value, maxBytes);
  const byteLength = utf8Length(value);
  const start = varintWrite(bytes, at, byteLength);
  utf8Write(bytes, start, value, byteLength);
  return start + byteLength;
}

/** -1, and nothing is said to be written: the string is wrong, or may be too long. */
function putShort(value: string, maxBytes: number, bytes: Uint8Array, at: number): number {
  const units = value.length;
  if (units > maxBytes) return -1;
  const start = at + 1;
  // As many bytes as units while all are ASCII.
  let i = 0;
  for (; i < units; i++) {
    const unit = value.charCodeAt(i);
    if (unit >= 0x80) break;
    bytes[start + i] = unit;
  }
  let end = start + units;
  if (i < units) {
    // No unit takes more than three bytes.
    if (units * 3 > maxBytes) return -1;
    end = utf8WriteShort(bytes, start, value);
    if (end < 0) return -1;
  }
  bytes[at] = end - start;
  return end;
}

/** As putShort. */
function putLong(value: string, maxBytes: number, bytes: Uint8Array, at: number): number {
  // ASCII takes as many bytes as units. If others make the length's varint longer, all is moved by a byte.
  const start = at + varintSize(value.length);
  const { read, written } = encoder.encodeInto(value, bytes.subarray(start, start + maxBytes));
  if (read !== value.length) return -1;
  // The encoder puts U+FFFD for a surrogate without its partner.
  if (written !== read && !value.isWellFormed()) return -1;
  const moved = at + varintSize(written);
  if (moved !== start) bytes.copyWithin(moved, start, start + written);
  varintWrite(bytes, at, written);
  return moved + written;
}

/** At most `maxBytes` bytes behind their length. */
export function putBytes(
  path: string,
  value: Uint8Array,
  maxBytes: number,
  bytes: Uint8Array,
  at: number,
): number {
  const length = countBytes(path, value, maxBytes);
  const start = varintWrite(bytes, at, length);
  if (length > SHORT_BYTES) bytes.set(value, start);
  else for (let i = 0; i < length; i++) bytes[start + i] = value[i]!;
  return start + length;
}
