/**
 * Quantised numbers: a range [min, max] cut into `steps` equal steps, sent as an index of 0 to `steps`.
 * The largest error is half a step. Both ends round the same way, so a decoded value encodes to itself.
 */

/** The index nearest to `value`, which lies in [min, max]; ties go up. */
export function quantise(value: number, min: number, max: number, steps: number): number {
  const index = Math.round(((value - min) / (max - min)) * steps);
  return Math.max(0, Math.min(steps, index));
}

/** The value at `index`; exactly `min` at 0, exactly `max` at `steps`, and never outside, whatever rounding does. */
export function dequantise(index: number, min: number, max: number, steps: number): number {
  const value = min + (index / steps) * (max - min);
  return index === steps || value > max ? max : value;
}
