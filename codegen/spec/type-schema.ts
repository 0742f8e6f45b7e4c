/**
 * How an editor is told to write each type that is an object: `{ u8: { min: 0, max: 100 } }`. One definition a type key, in
 * JSON Schema; editor-schema.ts puts them into the spec's schema. Leaves have theirs in kinds/; here are the types
 * that hold others. The reading itself is parse-types.ts's.
 */
import { leafNames } from "../kinds/kinds.ts";
import { MAX_LIST_ITEMS } from "./bounds.ts";
import { closed, freeNames, type MapSchema, ref, type Schema, whole } from "./schema-parts.ts";

export const listOptions: MapSchema = closed(
  "A list with a bound.",
  { of: ref("type"), max: whole(1, MAX_LIST_ITEMS, "Most elements.") },
  ["of"],
);
export const arrayOptions: MapSchema = closed(
  "Always the same number of elements.",
  { of: ref("type"), length: whole(1, MAX_LIST_ITEMS, "How many elements.") },
  ["of", "length"],
);
export const mapOptions: MapSchema = closed(
  "Keys (strings, whole numbers or enums) and values, in order.",
  { key: ref("type"), value: ref("type"), max: whole(1, MAX_LIST_ITEMS, "Most entries.") },
  ["key", "value"],
);

const holders: Readonly<Record<string, { readonly definition: string; readonly schema: Schema }>> =
  {
    list: {
      definition: "options-list",
      schema: listOptions,
    },
    array: {
      definition: "options-array",
      schema: arrayOptions,
    },
    map: {
      definition: "options-map",
      schema: mapOptions,
    },
    struct: {
      definition: "members",
      schema: {
        type: "object",
        description: "Members in the order of the wire.",
        propertyNames: freeNames,
        additionalProperties: ref("member"),
      },
    },
    union: {
      definition: "union",
      schema: {
        type: "object",
        description: "One of several types, by name.",
        minProperties: 1,
        propertyNames: freeNames,
        additionalProperties: ref("variant"),
      },
    },
  };

const rows = [
  ...[...leafNames].flatMap(([name, { options }]) => (options ? [[name, options] as const] : [])),
  ...Object.entries(holders),
];

/** Definitions that rows name, so that no editor shows them twice. */
export const typeDefinitions: Readonly<Record<string, Schema>> = Object.fromEntries(
  rows.map(([, { definition, schema }]) => [definition, schema]),
);

/** The definition of each type key's options. */
export const typeOptions: ReadonlyMap<string, string> = new Map(
  rows.map(([name, { definition }]) => [name, definition]),
);
