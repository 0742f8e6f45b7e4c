/**
 * What generated code imports of `stardust-udp/wire`, with checks that accept everything: with it, encoders lay out values
 * that no message may have. Where there are no such bytes at all, it throws anything. Not for programs.
 */
import {
  putBytes as putGoodBytes,
  putString as putGoodString,
  Writer,
  zigzag,
} from "stardust-udp/wire";

import { CAPACITY } from "./input.ts";

// What stands here goes before what is of the same name there.
export * from "stardust-udp/wire";

function accept(): void {}

export {
  accept as checkArray,
  accept as checkBigint,
  accept as checkBool,
  accept as checkDepth,
  accept as checkFloat16,
  accept as checkFloat32,
  accept as checkFloat64,
  accept as checkInteger,
  accept as checkNoList,
  accept as checkNumber,
  accept as checkObject,
  accept as checkTotal,
  accept as invalid,
};

export function checkList(_path: string, value: { readonly length: number }): number {
  return held(value.length);
}

export function checkMap(_path: string, value: { readonly size: number }): number {
  return held(value.size);
}

/** No element takes less than a byte, and no input has more of them. */
function held(count: number): number {
  if (count > CAPACITY) throw new RangeError(`${count} elements are no input`);
  return count;
}

export function putVarint(_path: string, value: number, bytes: Uint8Array, at: number): number {
  const w = new Writer(bytes);
  w.at = at;
  // Of what is endless, the varint would be too.
  w.varint(Number.isFinite(value) ? value : 0);
  return w.at;
}

export function putZigzag(path: string, value: number, bytes: Uint8Array, at: number): number {
  return putVarint(path, zigzag(value), bytes, at);
}

export function putString(
  path: string,
  value: string,
  _maxBytes: number,
  bytes: Uint8Array,
  at: number,
): number {
  return putGoodString(path, value, Number.POSITIVE_INFINITY, bytes, at);
}

export function putBytes(
  path: string,
  value: Uint8Array,
  _maxBytes: number,
  bytes: Uint8Array,
  at: number,
): number {
  return putGoodBytes(path, value, Number.POSITIVE_INFINITY, bytes, at);
}
