/**
 * UTF-8 without allocations for short strings. Strict both ways: a lone surrogate cannot be sent, and bytes
 * that are not well-formed UTF-8 (RFC 3629) cannot be received.
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Below this many bytes a loop beats the call into native code. */
const SHORT_BYTES = 24;

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
  if (byteLength === value.length && byteLength <= SHORT_BYTES) {
    for (let i = 0; i < byteLength; i++) bytes[at + i] = value.charCodeAt(i);
    return;
  }
  encoder.encodeInto(value, bytes.subarray(at, at + byteLength));
}

/** The string in `bytes[at..at + byteLength)`; undefined if that is not well-formed UTF-8. */
export function utf8Read(bytes: Uint8Array, at: number, byteLength: number): string | undefined {
  if (byteLength <= SHORT_BYTES) {
    let value = "";
    const end = at + byteLength;
    let i = at;
    for (; i < end; i++) {
      const byte = bytes[i]!;
      if (byte >= 0x80) break;
      value += String.fromCharCode(byte);
    }
    if (i === end) return value;
  }
  try {
    return decoder.decode(bytes.subarray(at, at + byteLength));
  } catch {
    return undefined;
  }
}
