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

/** The same where each array has a view of its memory beside it: how fast it is does not depend on which kinds of arrays they are. */
export function copyViewed(
  from: Uint8Array,
  fromView: DataView,
  start: number,
  to: Uint8Array,
  toView: DataView,
  at: number,
  length: number,
): void {
  if (length <= MAX_WORDS_BYTES) copyWords(fromView, start, toView, at, length);
  else to.set(from.subarray(start, start + length), at);
}

/** Little-endian, as most processors are; what is read so is written so. */
function copyWords(from: DataView, start: number, to: DataView, at: number, length: number): void {
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
