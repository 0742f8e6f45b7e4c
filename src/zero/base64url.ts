/**
 * base64url without padding (RFC 4648 section 5), strict: one text for each byte string. What travels in a zero
 * message as 128 or 256 bits is written this way. Worst case: linear in a length that the caller fixes.
 */

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Code unit -> six bits; 255 for what is not in the alphabet. */
const VALUES: Uint8Array = new Uint8Array(128).fill(255);
for (let i = 0; i < 64; i++) VALUES[ALPHABET.charCodeAt(i)] = i;

/** Characters that `bytes` bytes take. */
export function base64urlLength(bytes: number): number {
  return Math.ceil((bytes * 4) / 3);
}

export function encodeBase64url(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const bits =
      (bytes[i]! << 16) | (left > 1 ? bytes[i + 1]! << 8 : 0) | (left > 2 ? bytes[i + 2]! : 0);
    text += ALPHABET[bits >>> 18]! + ALPHABET[(bits >>> 12) & 63]!;
    if (left > 1) text += ALPHABET[(bits >>> 6) & 63]!;
    if (left > 2) text += ALPHABET[bits & 63]!;
  }
  return text;
}

/** The `byteCount` bytes that `text` stands for; undefined if it is not exactly what `encodeBase64url` writes. */
export function decodeBase64url(text: string, byteCount: number): Uint8Array | undefined {
  if (text.length !== base64urlLength(byteCount)) return undefined;
  const bytes = new Uint8Array(byteCount);
  let bits = 0;
  let count = 0;
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    const value = unit < 128 ? VALUES[unit]! : 255;
    if (value === 255) return undefined;
    bits = ((bits << 6) | value) & 0xffff;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes[at++] = bits >>> count;
    }
  }
  // Bits left over must be zero, or several texts would mean the same bytes.
  return (bits & ((1 << count) - 1)) === 0 ? bytes : undefined;
}
