/**
 * 16-bit floats (IEEE 754 binary16) without Float16Array, which Node 20 lacks: 1 sign bit, 5 of exponent, 10 of fraction.
 * Rounding is to the nearest, ties to even, straight from the double: no second rounding on the way.
 */

/** 2^-24, the smallest subnormal. */
const UNIT = 2 ** -24;
const scratch = new DataView(new ArrayBuffer(8));

/** The 16 bits nearest to a finite value below 65520. */
export function toHalf(value: number): number {
  scratch.setFloat64(0, value);
  const high = scratch.getUint32(0);
  const sign = (high >>> 16) & 0x8000;
  // Multiples of 2^-24 up to 2^-13; above, each power of two doubles the step.
  const exponent = Math.max(0, ((high >>> 20) & 0x7ff) - 1023 + 14);
  // Dividing by a power of two is exact. A carry out of the fraction goes into the exponent, as it should.
  return sign | (exponent * 1024 + roundEven(Math.abs(value) / (UNIT * 2 ** exponent)));
}

/** The value of 16 bits; infinities and NaN where the exponent is 31. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * UNIT;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The nearest whole number, the even one of two. */
function roundEven(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  if (rest < 0.5) return low;
  return rest > 0.5 || low % 2 === 1 ? low + 1 : low;
}
