/**
 * Copying messages from one memory to another. `Uint8Array.set` takes whole arrays: a part of one is an object of its own,
 * whose making costs more than copying a hundred bytes by words. Nothing is checked: there is room.
 */

/** Up to here words are faster (`copyViewed`). */
export const MAX_WORDS_BYTES = 128;
/** Up to here single bytes are. */
const MAX_LOOP_BYTES = 48;

/** Copies `from[start..start + length)` to `to[at..)`. */
export function copyBytes(
  from: Uint8Array,
  start: number,
  to: Uint8Array,
  at: number,
  length: number,
): void {
  if (length <= MAX_LOOP_BYTES) for (let i = 0; i < length; i++) to[at + i] = from[start + i]!;
  else to.set(from.subarray(start, start + length), at);
}

/**
 * The same from a view, to an array with a view beside it: how fast it is does not depend on the kinds of arrays, and a part of a
 * view is made sooner than one of an array.
 */
export function copyViewed(
  from: DataView,
  start: number,
  to: Uint8Array,
  toView: DataView,
  at: number,
  length: number,
): void {
  if (length <= MAX_WORDS_BYTES) copyWords(from, start, toView, at, length);
  else to.set(new Uint8Array(from.buffer, from.byteOffset + start, length), at);
}

/** The same by words, for up to MAX_WORDS_BYTES. Little-endian, as most processors are; what is read so is written so. */
export function copyWords(
  from: DataView,
  start: number,
  to: DataView,
  at: number,
  length: number,
): void {
  let i = 0;
  for (; i <= length - 16; i += 16) {
    to.setInt32(at + i, from.getInt32(start + i, true), true);
    to.setInt32(at + i + 4, from.getInt32(start + i + 4, true), true);
    to.setInt32(at + i + 8, from.getInt32(start + i + 8, true), true);
    to.setInt32(at + i + 12, from.getInt32(start + i + 12, true), true);
  }
  for (; i <= length - 4; i += 4) to.setInt32(at + i, from.getInt32(start + i, true), true);
  for (; i < length; i++) to.setUint8(at + i, from.getUint8(start + i));
}
