/**
 * Bit fields inside a bit block: most significant bit first, any width from 1 to 32, at any bit offset.
 * At most five bytes are touched. For tools that walk a model (and for tests): generated code has the same arithmetic
 * unrolled, a constant shift and mask for each byte.
 */

/** Reads `width` bits that start `bitOffset` bits into the block at byte `at`. */
export function readBits(bytes: Uint8Array, at: number, bitOffset: number, width: number): number {
  let byte = at + (bitOffset >>> 3);
  let free = 8 - (bitOffset & 7);
  let value = 0;
  let left = width;
  while (left > 0) {
    const take = Math.min(free, left);
    const chunk = (bytes[byte]! >>> (free - take)) & ((1 << take) - 1);
    value = value * (1 << take) + chunk;
    left -= take;
    byte++;
    free = 8;
  }
  return value;
}

/** Ors the low `width` bits of `value` into a block that was zeroed. */
export function writeBits(
  bytes: Uint8Array,
  at: number,
  bitOffset: number,
  width: number,
  value: number,
): void {
  let byte = at + (bitOffset >>> 3);
  let free = 8 - (bitOffset & 7);
  let left = width;
  while (left > 0) {
    const take = Math.min(free, left);
    const chunk = (value >>> (left - take)) & ((1 << take) - 1);
    bytes[byte] = bytes[byte]! | (chunk << (free - take));
    left -= take;
    byte++;
    free = 8;
  }
}
