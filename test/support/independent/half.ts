/** 16-bit floats by their definition (IEEE 754-2019, 3.4): a table of all of them, and a search for the nearest. Slow. */

function halfOf(bits: number): number {
  const exponent = Math.floor(bits / 1024) % 32;
  const fraction = (bits % 1024) / 1024;
  const size = exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15);
  return bits >= 0x8000 ? -size : size;
}

/** Finite ones from zero upwards: their bits are their order. */
const positive = Array.from({ length: 0x7c00 }, (_, bits) => halfOf(bits));

export const Half = {
  bytes: 2 as const,

  read(bits: number): number {
    const exponent = Math.floor(bits / 1024) % 32;
    if (exponent === 31) return Number.NaN;
    return halfOf(bits);
  },

  /** The bits of the nearest value; of two, the one whose last bit is zero. */
  write(value: number): number {
    const size = Math.abs(value);
    let low = 0;
    let high = positive.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (positive[middle]! <= size) low = middle;
      else high = middle - 1;
    }
    const above = positive[low + 1] ?? 65536;
    const down = size - positive[low]!;
    const up = above - size;
    const bits = up < down || (up === down && low % 2 === 1) ? low + 1 : low;
    return bits + (value < 0 || Object.is(value, -0) ? 0x8000 : 0);
  },
};
