/**
 * Writes DEFLATE streams (RFC 1951) that are the same whatever zlib a machine has: golden vectors are made of them. One
 * block with the fixed codes, and repetitions of up to ten bytes that lie one to four bytes back: enough to make runs
 * short, and no more. Not for messages, which zlib makes shorter. Worst case: nine bits for each byte.
 */

/** Bytes of one repetition that needs no extra bits, and how far back it lies. */
const MIN_RUN = 3;
const MAX_RUN = 10;
const MAX_DISTANCE = 4;
/** The symbols of the fixed code for the end of the block and for the shortest repetition. */
const END = 256;
const FIRST_LENGTH = 257;

export function deflateFixed(bytes: Uint8Array): Uint8Array {
  const out: number[] = [];
  let used = 0;
  // Codes go from their most significant bit on, into bytes from the least significant one.
  const bits = (value: number, width: number): void => {
    for (let bit = width - 1; bit >= 0; bit--, used++) {
      if (used % 8 === 0) out.push(0);
      out[out.length - 1]! |= ((value >> bit) & 1) << (used % 8);
    }
  };
  const symbol = (value: number): void => {
    if (value < 144) bits(0x30 + value, 8);
    else if (value < END) bits(0x190 + value - 144, 9);
    else bits(value - END, 7);
  };
  // The last block, and it has the fixed codes: 1, then 01 as a number, least bit first.
  bits(0b110, 3);
  for (let at = 0; at < bytes.length; ) {
    const { distance, length } = repetition(bytes, at);
    if (length < MIN_RUN) symbol(bytes[at++]!);
    else {
      symbol(FIRST_LENGTH + length - MIN_RUN);
      bits(distance - 1, 5);
      at += length;
    }
  }
  symbol(END);
  return Uint8Array.from(out);
}

/** The longest that begins at `at`. */
function repetition(bytes: Uint8Array, at: number): { distance: number; length: number } {
  let best = { distance: 0, length: 0 };
  for (let distance = 1; distance <= Math.min(MAX_DISTANCE, at); distance++) {
    let length = 0;
    while (length < MAX_RUN && at + length < bytes.length) {
      if (bytes[at + length] !== bytes[at + length - distance]) break;
      length++;
    }
    if (length > best.length) best = { distance, length };
  }
  return best;
}
