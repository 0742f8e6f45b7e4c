/** Bytes as they are: a varint length in front. */
import type { VaryingKind } from "./kind.ts";
import {
  boundedSize,
  lengthEdges,
  lengthOptions,
  readWithLength,
  writeWithLength,
} from "./length.ts";

export interface BytesType {
  readonly kind: "bytes";
  readonly maxBytes: number;
}

function bytesOf(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => (i * 37 + 255) % 256);
}

export const bytes: VaryingKind<BytesType> = {
  shape: "varying",
  names: {
    bytes: {
      bare: ({ defaultMaxBytesBytes: maxBytes }) => ({ kind: "bytes", maxBytes }),
      options: lengthOptions(
        "bytes",
        ["Bytes with a bound.", "Most bytes."],
        "defaultMaxBytesBytes",
      ),
      elsewhere: "uint8array arraybuffer buffer binary blob bytearray",
    },
  },
  size: boundedSize,
  key: () => "a bytes",

  // A member of bytes begins empty.
  expected: () => undefined,
  accept: () => undefined,
  given: (_type, given) => given,
  givenWords: (_type, given) => String(given),
  zero: () => new Uint8Array(0),

  typescript: () => "Uint8Array",
  range: ({ maxBytes }) => `At most ${maxBytes} bytes.`,
  valueText: (_type, value) => {
    const list = [...(value as Uint8Array)];
    return list.length === 0 ? "new Uint8Array(0)" : `Uint8Array.of(${list.join(", ")})`;
  },
  arbitraryText: ({ maxBytes }) => `fc.uint8Array({ maxLength: ${maxBytes} })`,

  least: () => new Uint8Array(0),
  most: ({ maxBytes }, _all, most) => bytesOf(Math.min(maxBytes, most)),
  usual: ({ maxBytes }) => bytesOf(Math.min(maxBytes, 3)),
  edges: (type, _all, most) => lengthEdges(type, most, bytesOf),

  pageSize: ({ maxBytes }) => `varint, then at most ${maxBytes} bytes`,
  pageType: () => "bytes",
  describe: ({ maxBytes }) => `bytes of at most ${maxBytes} bytes`,
  optionRules: { maxBytes: "member-bound-changed" },
  dissector: ({ maxBytes }) => ({ make: "bytes", reader: "blob", max: maxBytes }),

  put: ({ maxBytes }, value, path, lines) =>
    `${lines.wire("putBytes")}(${path}, ${value}, ${maxBytes}`,
  get: ({ maxBytes }, path, lines) => `${lines.use("r")}.blob(${maxBytes}, ${path})`,
  read: (type, s, name, unit) => readWithLength(type, s, name, unit, (value) => ({ value })),
  write: (type, value, sink) => writeWithLength(type, value as Uint8Array, sink),
};
