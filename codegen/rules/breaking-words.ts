/** Types and what is said about them, as text: for messages about differences, and to be compared. */

import { isDefined, isLeaf, kindOf } from "../kinds/kinds.ts";
import { canonicalJson } from "../model/canonical.ts";
import { innerTypes, Lookup } from "../model/lookup.ts";
import type { MemberModel, Model, TypeModel } from "../model/model.ts";
import type { Documentation } from "../spec/documentation.ts";

/** A type in the words of a spec. */
export function describeType(type: TypeModel): string {
  if (isLeaf(type)) return kindOf(type).describe(type);
  switch (type.kind) {
    case "list":
      return `a list of at most ${type.max} (${describeType(type.of)})`;
    case "array":
      return `an array of ${type.length} (${describeType(type.of)})`;
    case "map":
      return `a map of at most ${type.max} (${describeType(type.key)} to ${describeType(type.value)})`;
    case "struct":
    case "union":
      return `${type.kind} \`${type.name}\``;
  }
}

/** A type without the types in it, whatever kinds of types there will be: those are compared by themselves. */
export function withoutInner(type: TypeModel): Record<string, unknown> {
  const inner = new Set<unknown>(innerTypes(type));
  const strip = (value: unknown): unknown => {
    if (inner.has(value)) return null;
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(strip);
    return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, strip(v)]));
  };
  return strip(type) as Record<string, unknown>;
}

/** What is said to people, as text to compare. */
export function docsOf({ doc, why, unit, deprecated }: Documentation): string {
  return canonicalJson({ doc, why, unit, deprecated });
}

/** The default of a member, as text to compare: of a definition its number, since names are free. */
export function defaultOnWire({ default: given, type }: MemberModel, model: Model): string {
  if (given === undefined || !isDefined(type)) return canonicalJson(given);
  return canonicalJson(kindOf(type).writeBits(type, given, Lookup.of(model)));
}
