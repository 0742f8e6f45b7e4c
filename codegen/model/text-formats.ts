/**
 * What a string of a zero message may be made of, where its schema says `format`: characters that take one byte of JSON
 * each, whatever is sent, so that texts may be six times as long as others in the same room. Checked in one pass over the
 * text: no expression here can backtrack.
 */

export interface TextFormat {
  /** What it is, for people. */
  readonly means: string;
  readonly pattern: RegExp;
  /** A text of it that is as long as samples need. */
  readonly sample: string;
  /** Its characters, but for those that only some places may have. */
  readonly characters: string;
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const ascii = Array.from({ length: 0x5f }, (_, i) => String.fromCharCode(0x20 + i))
  .filter((character) => character !== '"' && character !== "\\")
  .join("");

export const textFormats: Readonly<Record<string, TextFormat>> = {
  ascii: {
    means: "printable ASCII but for quotes and backslashes",
    pattern: /^[ !#-[\]-~]*$/,
    sample: "stardust",
    characters: ascii,
  },
  base64: {
    means: "base64 in either alphabet, padded or not",
    pattern: /^[A-Za-z0-9+/_-]*={0,2}$/,
    sample: "stardust",
    characters: `${alphabet}+/-_`,
  },
};

/** The format of a schema; undefined where it has none. */
export function formatOf(schema: Readonly<Record<string, unknown>>): TextFormat | undefined {
  const name = schema["format"];
  return typeof name === "string" ? textFormats[name] : undefined;
}
