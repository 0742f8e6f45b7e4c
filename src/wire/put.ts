/**
 * What generated `write` functions call on members whose bytes vary: check and write in one pass. Each accepts exactly what
 * its check in check.ts accepts, with the same errors, and never writes beyond the writer's limit. Worst case: linear in a
 * string's length.
 */
import { checkBytes, checkInteger, checkString, zigzag } from "./check.ts";
import { utf8Length, utf8Write, utf8WriteShort } from "./utf8.ts";
import { varintSize, type Writer } from "./writer.ts";

/** Zigzag halves the range of a varint: 2 * 2^52 - 1 is 2^53 - 1. */
const MIN_ZIGZAG = -(2 ** 52);
const MAX_ZIGZAG = 2 ** 52 - 1;
/** Up to so many UTF-16 units a loop beats the call into native code, and their length is one byte (3 * 42 < 128). */
const SHORT_UNITS = 42;
/** Up to so many bytes too. */
const SHORT_BYTES = 16;

const encoder = new TextEncoder();

/** An unsigned varint. */
export function putVarint(path: string, value: number, w: Writer): void {
  checkInteger(path, value, 0, Number.MAX_SAFE_INTEGER);
  w.varint(value);
}

/** A signed varint (zigzag). */
export function putZigzag(path: string, value: number, w: Writer): void {
  checkInteger(path, value, MIN_ZIGZAG, MAX_ZIGZAG);
  w.varint(zigzag(value));
}

/** A string of at most `maxBytes` bytes of UTF-8 behind its length. */
export function putString(path: string, value: string, maxBytes: number, w: Writer): void {
  if (typeof value === "string" && value.length <= maxBytes) {
    if (value.length > SHORT_UNITS ? putLong(value, maxBytes, w) : putShort(value, maxBytes, w)) {
      return;
    }
  }
  // Wrong, too long or near the limit: exactly what is the matter is worth a second look.
  checkString(path, value, maxBytes);
  const byteLength = utf8Length(value);
  w.varint(byteLength);
  utf8Write(w.bytes, w.reserve(byteLength), value, byteLength);
}

/** False, and nothing is said to be written: the string is wrong or too long, or there may be no room for it. */
function putShort(value: string, maxBytes: number, w: Writer): boolean {
  const { bytes, at } = w;
  // No unit takes more than three bytes.
  if (value.length * 3 >= w.limit - at) return false;
  const end = utf8WriteShort(bytes, at + 1, value);
  const byteLength = end - at - 1;
  if (end < 0 || byteLength > maxBytes) return false;
  bytes[at] = byteLength;
  w.at = end;
  return true;
}

/** As putShort. */
function putLong(value: string, maxBytes: number, w: Writer): boolean {
  const { bytes, at, limit } = w;
  // ASCII takes as many bytes as units. If others make the length's varint longer, all is moved by a byte.
  const start = at + varintSize(value.length);
  const most = Math.min(limit - start, maxBytes);
  if (value.length > most) return false;
  const { read, written } = encoder.encodeInto(value, bytes.subarray(start, start + most));
  if (read !== value.length) return false;
  // The encoder puts U+FFFD for a surrogate without its partner.
  if (written !== read && !value.isWellFormed()) return false;
  const moved = at + varintSize(written);
  if (moved + written > limit) return false;
  if (moved !== start) bytes.copyWithin(moved, start, start + written);
  w.varint(written);
  w.at = moved + written;
  return true;
}

/** At most `maxBytes` bytes behind their length. */
export function putBytes(path: string, value: Uint8Array, maxBytes: number, w: Writer): void {
  checkBytes(path, value, maxBytes);
  const { length } = value;
  w.varint(length);
  const at = w.reserve(length);
  const { bytes } = w;
  if (length > SHORT_BYTES) bytes.set(value, at);
  else for (let i = 0; i < length; i++) bytes[at + i] = value[i]!;
}
