/**
 * How an editor is told to write each type that is an object: `{ u8: { min: 0, max: 100 } }`. One row a type key, in
 * JSON Schema; editor-schema.ts puts them into the spec's schema. The reading itself is parse-types.ts's and
 * that of kinds/, whose bounds stand here too. The worst case is a type key without a row, which the maker refuses.
 */
import { MAX_FIELD_BYTES } from "../kinds/length.ts";
import { MAX_NAME } from "./names.ts";
import { MAX_NUMBER } from "./parse-choices.ts";
import { MAX_LIST_ITEMS } from "./parse-types.ts";

export type Schema = Readonly<Record<string, unknown>>;

export const ref = (name: string): Schema => ({ $ref: `#/definitions/${name}` });
export const text = (description: string): Schema => ({ type: "string", description });
export const flag = (description: string): Schema => ({ type: "boolean", description });
export const whole = (minimum: number, maximum: number, description: string): Schema => ({
  type: "integer",
  minimum,
  maximum,
  description,
});

/** A map with these keys and no others. */
export function closed(
  description: string | undefined,
  properties: Schema,
  required: readonly string[] = [],
): Schema {
  return {
    type: "object",
    ...(description === undefined ? {} : { description }),
    additionalProperties: false,
    ...(required.length === 0 ? {} : { required }),
    properties,
  };
}

/** Names of members, values and variants: any text. */
export const freeNames: Schema = { type: "string", minLength: 1, maxLength: MAX_NAME };

const value = whole(0, MAX_NUMBER, "Value on the wire.");
const bounded = closed(
  "An integer with bounds, packed into the bits that max - min needs.",
  {
    min: { type: "integer", description: "Smallest value." },
    max: { type: "integer", description: "Largest value." },
  },
  ["min", "max"],
);
const quantised: Schema = {
  ...closed(
    "A number rounded to equal steps.",
    {
      min: { type: "number", description: "Smallest value." },
      max: { type: "number", description: "Largest value." },
      bits: whole(1, 32, "Bits on the wire: 2^bits - 1 steps."),
      step: {
        type: "number",
        exclusiveMinimum: 0,
        description: "Size of a step; must divide max - min.",
      },
    },
    ["min", "max"],
  ),
  oneOf: [{ required: ["bits"] }, { required: ["step"] }],
};
const wide = closed("A 64-bit integer, a bigint in TypeScript.", {
  as: {
    enum: ["number", "bigint"],
    description: "What it is in TypeScript: a bigint, or a safe number (up to 2^53-1).",
  },
});

/** Definitions that rows name, so that no editor shows them twice. */
export const typeDefinitions: Readonly<Record<string, Schema>> = {
  bounded,
  quantised,
  "options-u64": wide,
  "options-varint": closed("An integer of 1 to 8 bytes.", {
    signed: flag("Zigzag, for values around zero."),
  }),
  "options-string": closed("Text with a bound.", {
    maxBytes: whole(1, MAX_FIELD_BYTES, "Longest text in bytes of UTF-8."),
  }),
  "options-bytes": closed("Bytes with a bound.", {
    maxBytes: whole(1, MAX_FIELD_BYTES, "Most bytes."),
  }),
  "options-list": closed(
    "A list with a bound.",
    { of: ref("type"), max: whole(1, MAX_LIST_ITEMS, "Most elements.") },
    ["of"],
  ),
  "options-array": closed(
    "Always the same number of elements.",
    { of: ref("type"), length: whole(1, MAX_LIST_ITEMS, "How many elements.") },
    ["of", "length"],
  ),
  "options-map": closed(
    "Keys (strings, whole numbers or enums) and values, in order.",
    { key: ref("type"), value: ref("type"), max: whole(1, MAX_LIST_ITEMS, "Most entries.") },
    ["key", "value"],
  ),
  enum: {
    type: "object",
    description: "Names and their values.",
    minProperties: 1,
    propertyNames: freeNames,
    additionalProperties: {
      anyOf: [value, closed(undefined, { value, doc: ref("doc") }, ["value"])],
    },
  },
  members: {
    type: "object",
    description: "Members in the order of the wire.",
    propertyNames: freeNames,
    additionalProperties: ref("member"),
  },
  union: {
    type: "object",
    description: "One of several types, by name.",
    minProperties: 1,
    propertyNames: freeNames,
    additionalProperties: ref("variant"),
  },
};

const integers = ["u8", "u16", "u24", "u32", "i8", "i16", "i24", "i32"];

/** The definition of each type key's options. */
export const typeOptions: Readonly<Record<string, keyof typeof typeDefinitions>> = {
  ...Object.fromEntries(integers.map((name) => [name, "bounded"])),
  u64: "options-u64",
  i64: "options-u64",
  varint: "options-varint",
  f32: "quantised",
  f64: "quantised",
  string: "options-string",
  bytes: "options-bytes",
  list: "options-list",
  array: "options-array",
  map: "options-map",
  enum: "enum",
  struct: "members",
  union: "union",
};
