/**
 * UTF-8 with few allocations for short strings. Strict both ways: a lone surrogate cannot be sent, and bytes
 * that are not well-formed UTF-8 (RFC 3629) cannot be received. Worst case: linear; 512 short strings are kept.
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Up to this many bytes a loop beats the call into native code. */
const SHORT_READ_BYTES = 48;
/** Strings of up to this many bytes are looked for among the KNOWN_STRINGS that were read before. */
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
  if (byteLength <= SHORT_READ_BYTES) {
    const end = at + byteLength;
    return readAscii(bytes, at, end) ?? fromUnits(toUnits(bytes, at, end));
  }
  if (readText !== undefined) {
    const value = readText(bytes, at, at + byteLength);
    // Whether a U+FFFD was sent or stands for what is wrong, TextDecoder knows.
    if (!value.includes("\ufffd")) return value;
  }
  try {
    return decoder.decode(bytes.subarray(at, at + byteLength));
  } catch {
    return undefined;
  }
}

/** Reads `bytes[start..end)`, with U+FFFD for what is not well-formed. */
export type TextReader = (bytes: Uint8Array, start: number, end: number) => string;

let readText: TextReader | undefined;

/** Has longer strings read by `reader`, where the platform has one that is faster than TextDecoder; undefined: by that. */
export function readTextWith(reader: TextReader | undefined): void {
  readText = reader;
}

/**
 * The strings that were read last: names and tags come again and again, and making a string costs more than comparing
 * its bytes with those of one that exists. A slot holds one string; which slot it is, a few of its bytes decide.
 */
const known: string[] = new Array(KNOWN_STRINGS).fill("");
const knownBytes = new Uint8Array(KNOWN_STRINGS * KNOWN_BYTES);
const knownView = new DataView(knownBytes.buffer);
/** How many of a slot's bytes are in use. */
const knownLengths = new Uint8Array(KNOWN_STRINGS);

/** As `utf8Read`, of a string that may have been read before; `view` covers the same memory as `bytes`. */
export function utf8ReadKnown(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  byteLength: number,
): string | undefined {
  if (byteLength > KNOWN_BYTES || byteLength === 0) return utf8Read(bytes, at, byteLength);
  const middle = bytes[at + (byteLength >> 1)]!;
  const mixed = bytes[at]! + middle * 37 + bytes[at + byteLength - 1]! * 101 + byteLength * 11;
  const slot = mixed & (KNOWN_STRINGS - 1);
  if (knownLengths[slot] === byteLength) {
    const start = slot * KNOWN_BYTES;
    // Four bytes at a time, the last four perhaps twice.
    const last = byteLength - 4;
    let i = 0;
    if (last < 0) {
      while (i < byteLength && bytes[at + i] === knownBytes[start + i]) i++;
      if (i === byteLength) return known[slot];
    } else {
      while (i < last && view.getInt32(at + i) === knownView.getInt32(start + i)) i += 4;
      if (i >= last && view.getInt32(at + last) === knownView.getInt32(start + last)) {
        return known[slot];
      }
    }
  }
  return keepNew(bytes, at, byteLength, slot);
}

function keepNew(
  bytes: Uint8Array,
  at: number,
  byteLength: number,
  slot: number,
): string | undefined {
  const value = utf8Read(bytes, at, byteLength);
  if (value === undefined) return undefined;
  const start = slot * KNOWN_BYTES;
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

/** The UTF-16 units of the short string that is being read. */
const units = new Uint16Array(SHORT_READ_BYTES);

/** Reads `bytes[at..end)`, SHORT_READ_BYTES at most, into `units`; returns how many, -1 if it is not well-formed UTF-8. */
function toUnits(bytes: Uint8Array, at: number, end: number): number {
  let count = 0;
  while (at < end) {
    const first = bytes[at]!;
    if (first < 0x80) {
      units[count++] = first;
      at++;
      continue;
    }
    const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (length > end - at) return -1;
    const second = bytes[at + 1]! ^ 0x80;
    const third = length > 2 ? bytes[at + 2]! ^ 0x80 : 0;
    const fourth = length > 3 ? bytes[at + 3]! ^ 0x80 : 0;
    // Every byte but the first is 10xxxxxx.
    if ((second | third | fourth) > 0x3f) return -1;
    at += length;
    // Each point in its shortest form, no half of a pair, none behind U+10FFFF (RFC 3629, section 3).
    if (length === 2) {
      if (first < 0xc2) return -1;
      units[count++] = ((first & 0x1f) << 6) | second;
    } else if (length === 3) {
      const unit = ((first & 0x0f) << 12) | (second << 6) | third;
      if (unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff)) return -1;
      units[count++] = unit;
    } else {
      const point = ((first & 0x0f) << 18) | (second << 12) | (third << 6) | fourth;
      if (point < 0x10000 || point > 0x10ffff) return -1;
      units[count++] = 0xd7c0 + (point >> 10);
      units[count++] = 0xdc00 | (point & 0x3ff);
    }
  }
  return count;
}

/** The string of the first `count` units; undefined if that is -1. */
function fromUnits(count: number): string | undefined {
  if (count < 0) return undefined;
  let value = "";
  let i = 0;
  for (; count - i >= 8; i += 8) {
    value += String.fromCharCode(
      units[i]!,
      units[i + 1]!,
      units[i + 2]!,
      units[i + 3]!,
      units[i + 4]!,
      units[i + 5]!,
      units[i + 6]!,
      units[i + 7]!,
    );
  }
  if (count - i >= 4) {
    value += String.fromCharCode(units[i]!, units[i + 1]!, units[i + 2]!, units[i + 3]!);
    i += 4;
  }
  for (; i < count; i++) value += String.fromCharCode(units[i]!);
  return value;
}
