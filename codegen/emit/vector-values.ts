/** Numbers, texts and bytes for golden vectors: the ends of what a type holds, and usual ones. */
import { halfOf, toHalfBits } from "../interpret/values.ts";
import type { TypeModel } from "../model/model.ts";

export const MAX_SAFE: number = Number.MAX_SAFE_INTEGER;

export function integerRange({
  bytes,
  signed,
  as,
}: IntegerType): [number | bigint, number | bigint] {
  if (as === "number") return [signed ? -MAX_SAFE : 0, MAX_SAFE];
  const bits = BigInt(bytes * 8);
  const min = signed ? -(2n ** (bits - 1n)) : 0n;
  const max = signed ? 2n ** (bits - 1n) - 1n : 2n ** bits - 1n;
  return bytes === 8 ? [min, max] : [Number(min), Number(max)];
}

export type IntegerType = Extract<TypeModel, { kind: "integer" }>;

export function isBigint({ bytes, as }: IntegerType): boolean {
  return bytes === 8 && as === undefined;
}

export function usualInteger(type: IntegerType): number | bigint {
  if (type.bytes < 8) return type.bytes === 1 ? 18 : 4660;
  return isBigint(type) ? 72_623_859_790_382_856n : 1_108_152_157_446;
}

export const varintRange: (signed: boolean) => [number, number] = (
  signed: boolean,
): [number, number] => (signed ? [-(2 ** 52), 2 ** 52 - 1] : [0, MAX_SAFE]);
export const LARGEST: Readonly<Record<2 | 4 | 8, number>> = {
  2: 65_504,
  4: (2 - 2 ** -23) * 2 ** 127,
  8: Number.MAX_VALUE,
};
export const SMALLEST: Readonly<Record<2 | 4 | 8, number>> = {
  2: 2 ** -24,
  4: 2 ** -149,
  8: Number.MIN_VALUE,
};

/** As the bytes hold it. */
export function rounded(value: number, bytes: 2 | 4 | 8): number {
  if (bytes === 2) return halfOf(toHalfBits(value));
  return bytes === 4 ? Math.fround(value) : value;
}

/** A letter of one byte, of two, three and four, again and again, and exactly so many bytes. */
export function textOf(bytes: number): string {
  if (bytes === 0) return "";
  let text = "";
  let left = bytes;
  for (let i = 0; left > 0; i++) {
    const letter = ["a", "\u00e9", "\u20ac", "\u{1f680}"][i % 4]!;
    const size = Math.min(4, (i % 4) + 1);
    if (size > left) return text + "z".repeat(left);
    text += letter;
    left -= size;
  }
  return text;
}

export function bytesOf(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => (i * 37 + 255) % 256);
}
