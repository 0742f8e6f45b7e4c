/** Records that can be told apart wherever they are cut: their number, and bytes that follow from it. */

/** Mostly small; some above a quarter of 4 KiB, which cross in pieces where the end of the memory cuts them. */
export function payloadBytes(number) {
  return number % 7 === 3 ? 1100 + ((number * 37) % 1800) : 4 + ((number * 13) % 90);
}

/** Whether `bytes[start..end)` is this record, whole. */
export function isRecord(number, kind, bytes, view, start, end) {
  if (kind !== (number & 0xff) || end - start !== payloadBytes(number)) return false;
  if (view.getUint32(start) !== number) return false;
  for (let i = 4; i < end - start; i++) {
    if (bytes[start + i] !== ((number + i) & 0xff)) return false;
  }
  return true;
}
