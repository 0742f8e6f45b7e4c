/** Text: a varint byte length, then strict UTF-8. A byte order mark is a character like any other. */
import { quote } from "../print/text.ts";
import type { VaryingKind } from "./kind.ts";
import {
  boundedSize,
  lengthEdges,
  lengthOptions,
  readWithLength,
  writeWithLength,
} from "./length.ts";

export interface StringType {
  readonly kind: "string";
  readonly maxBytes: number;
}

// Made once: golden vectors of a large spec write many thousand strings.
const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Undefined for what is not strict UTF-8. */
export function utf8(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
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

export const string: VaryingKind<StringType> = {
  shape: "varying",
  names: {
    string: {
      bare: ({ defaultMaxStringBytes: maxBytes }) => ({ kind: "string", maxBytes }),
      options: lengthOptions(
        "string",
        ["Text with a bound.", "Longest text in bytes of UTF-8."],
        "defaultMaxStringBytes",
      ),
      elsewhere: "str text utf8 varchar",
    },
  },
  size: boundedSize,
  key: () => true,

  expected: ({ maxBytes }) => `text of at most ${maxBytes} bytes`,
  accept: ({ maxBytes }, given) => {
    if (typeof given !== "string" || /\p{Surrogate}/u.test(given)) return undefined;
    return encoder.encode(given).length <= maxBytes ? given : undefined;
  },
  given: (_type, given) => given,
  givenWords: (_type, given) => JSON.stringify(given),
  zero: () => "",

  typescript: () => "string",
  range: ({ maxBytes }) => `At most ${maxBytes} bytes of UTF-8.`,
  valueText: (_type, value) => quote(String(value)),
  arbitraryText: ({ maxBytes }) => {
    const ascii = `fc.string({ unit: "binary-ascii", maxLength: ${maxBytes} })`;
    const all = `fc.string({ unit: "binary", maxLength: ${Math.floor(maxBytes / 4)} })`;
    return maxBytes < 4 ? ascii : `fc.oneof(${ascii}, ${all})`;
  },

  least: () => "",
  most: ({ maxBytes }, _all, most) => textOf(Math.min(maxBytes, most)),
  usual: ({ maxBytes }) => textOf(Math.min(maxBytes, 4)),
  edges: (type, _all, most) => lengthEdges(type, most, textOf),

  pageSize: ({ maxBytes }) => `varint, then at most ${maxBytes} bytes`,
  pageType: () => "UTF-8",
  describe: ({ maxBytes }) => `string of at most ${maxBytes} bytes`,
  optionRules: { maxBytes: "member-bound-changed" },
  dissector: ({ maxBytes }) => ({ make: "string", reader: "text", max: maxBytes }),

  put: ({ maxBytes }, value, path, lines) =>
    `${lines.wire("putString")}(${path}, ${value}, ${maxBytes}`,
  get: ({ maxBytes }, path, lines) => `${lines.use("r")}.string(${maxBytes}, ${path})`,
  read: (type, s, name, unit) =>
    readWithLength<unknown>(type, s, name, unit, (bytes) => {
      const text = utf8(bytes);
      return text === undefined ? { value: bytes, problem: "is not valid UTF-8" } : { value: text };
    }),
  write: (type, value, sink) => writeWithLength(type, encoder.encode(value as string), sink),
};
