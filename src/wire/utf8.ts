/**
 * UTF-8 with few allocations for short strings. Strict both ways: a lone surrogate cannot be sent, and bytes
 * that are not well-formed UTF-8 (RFC 3629) cannot be received. Worst case: linear; 512 short strings are kept.
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Up to so many bytes a loop beats the call into native code. */
const SHORT_READ_BYTES = 48;
/** Strings of up to so many bytes are looked for among this many that were read before. */
const KNOWN_BYTES = 16;
const KNOWN_STRINGS = 512;
const SHORT_WRITE_BYTES = 64;

/** Bytes of `value` in UTF-8; -1 if it has a surrogate without its partner. */
export function utf8Length(value: string): number {
  let bytes = 0;
  const length = value.length;
  for (let i = 0; i < length; i++) {
    const unit = value.charCodeAt(i);
    if (unit < 0x80) bytes += 1;
    else if (unit < 0x800) bytes += 2;
    else if (unit < 0xd800 || unit > 0xdfff) bytes += 3;
    else {
      if (unit > 0xdbff || i + 1 >= length) return -1;
      const low = value.charCodeAt(++i);
      if (low < 0xdc00 || low > 0xdfff) return -1;
      bytes += 4;
    }
  }
  return bytes;
}

/** Writes `value`, which is well-formed and takes `byteLength` bytes (`utf8Length`), at `at`. */
export function utf8Write(bytes: Uint8Array, at: number, value: string, byteLength: number): void {
  if (byteLength > SHORT_WRITE_BYTES) {
    encoder.encodeInto(value, bytes.subarray(at, at + byteLength));
  } else utf8WriteShort(bytes, at, value);
}

/**
 * Writes `value` at `at`, where three bytes for each of its UTF-16 units are free. Returns where it ends; -1 if it has a
 * surrogate without its partner.
 */
export function utf8WriteShort(bytes: Uint8Array, at: number, value: string): number {
  const units = value.length;
  for (let i = 0; i < units; i++) {
    const unit = value.charCodeAt(i);
    if (unit < 0x80) bytes[at++] = unit;
    else if (unit < 0x800) {
      bytes[at++] = 0xc0 | (unit >> 6);
      bytes[at++] = 0x80 | (unit & 0x3f);
    } else if (unit < 0xd800 || unit > 0xdfff) {
      bytes[at++] = 0xe0 | (unit >> 12);
      bytes[at++] = 0x80 | ((unit >> 6) & 0x3f);
      bytes[at++] = 0x80 | (unit & 0x3f);
    } else {
      const low = ++i < units ? value.charCodeAt(i) : 0;
      if (unit > 0xdbff || low < 0xdc00 || low > 0xdfff) return -1;
      const point = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
      bytes[at++] = 0xf0 | (point >> 18);
      bytes[at++] = 0x80 | ((point >> 12) & 0x3f);
      bytes[at++] = 0x80 | ((point >> 6) & 0x3f);
      bytes[at++] = 0x80 | (point & 0x3f);
    }
  }
  return at;
}

/** The string in `bytes[at..at + byteLength)`; undefined if that is not well-formed UTF-8. */
export function utf8Read(bytes: Uint8Array, at: number, byteLength: number): string | undefined {
  if (byteLength === 0) return "";
  return byteLength <= KNOWN_BYTES
    ? readKnown(bytes, at, byteLength)
    : readNew(bytes, at, byteLength);
}

function readNew(bytes: Uint8Array, at: number, byteLength: number): string | undefined {
  if (byteLength <= SHORT_READ_BYTES) {
    const value = readAscii(bytes, at, at + byteLength);
    if (value !== undefined) return value;
  }
  try {
    return decoder.decode(bytes.subarray(at, at + byteLength));
  } catch {
    return undefined;
  }
}

/**
 * The strings that were read last: names and tags come again and again, and making a string costs more than comparing
 * its bytes with those of one that exists. A slot holds one string; which slot it is, a few of its bytes decide.
 */
const known: string[] = new Array(KNOWN_STRINGS).fill("");
const knownBytes = new Uint8Array(KNOWN_STRINGS * KNOWN_BYTES);
/** How many of a slot's bytes are in use. */
const knownLengths = new Uint8Array(KNOWN_STRINGS);

function readKnown(bytes: Uint8Array, at: number, byteLength: number): string | undefined {
  const middle = bytes[at + (byteLength >> 1)]!;
  const mixed = bytes[at]! + middle * 37 + bytes[at + byteLength - 1]! * 101 + byteLength * 11;
  const slot = mixed & (KNOWN_STRINGS - 1);
  const start = slot * KNOWN_BYTES;
  if (knownLengths[slot] === byteLength) {
    let i = 0;
    while (i < byteLength && bytes[at + i] === knownBytes[start + i]) i++;
    if (i === byteLength) return known[slot];
  }
  const value = readNew(bytes, at, byteLength);
  if (value === undefined) return undefined;
  for (let i = 0; i < byteLength; i++) knownBytes[start + i] = bytes[at + i]!;
  knownLengths[slot] = byteLength;
  known[slot] = value;
  return value;
}

/** Eight, four and then single characters at a time: each call makes a string, and strings are what costs. */
function readAscii(bytes: Uint8Array, at: number, end: number): string | undefined {
  let value = "";
  for (; end - at >= 8; at += 8) {
    const a = bytes[at]!;
    const b = bytes[at + 1]!;
    const c = bytes[at + 2]!;
    const d = bytes[at + 3]!;
    const e = bytes[at + 4]!;
    const f = bytes[at + 5]!;
    const g = bytes[at + 6]!;
    const h = bytes[at + 7]!;
    if ((a | b | c | d | e | f | g | h) >= 0x80) return undefined;
    value += String.fromCharCode(a, b, c, d, e, f, g, h);
  }
  if (end - at >= 4) {
    const a = bytes[at]!;
    const b = bytes[at + 1]!;
    const c = bytes[at + 2]!;
    const d = bytes[at + 3]!;
    if ((a | b | c | d) >= 0x80) return undefined;
    value += String.fromCharCode(a, b, c, d);
    at += 4;
  }
  if (at === end) return value;
  const a = bytes[at]!;
  const b = at + 1 < end ? bytes[at + 1]! : 0;
  const c = at + 2 < end ? bytes[at + 2]! : 0;
  if ((a | b | c) >= 0x80) return undefined;
  const left = end - at;
  if (left === 1) return value + String.fromCharCode(a);
  if (left === 2) return value + String.fromCharCode(a, b);
  return value + String.fromCharCode(a, b, c);
}
