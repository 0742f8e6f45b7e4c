/** Types and what is said about them, as text: for messages about differences, and to be compared. */
import { canonicalJson } from "../model/canonical.ts";
import type { Documentation, MemberModel, Model, TypeModel } from "../model/model.ts";
import { innerTypes, Types } from "./walk.ts";

/** A type in the words of a spec. */
export function describeType(type: TypeModel): string {
  switch (type.kind) {
    case "integer":
      return `${type.signed ? "i" : "u"}${type.bytes * 8}${type.as === undefined ? "" : ` as ${type.as}`}`;
    case "varint":
      return type.signed ? "svarint" : "varint";
    case "float":
      return `f${type.bytes * 8}`;
    case "quantised":
      return `${type.min} to ${type.max} in ${type.steps} steps (${type.bits} bits)`;
    case "string":
    case "bytes":
      return `${type.kind} of at most ${type.maxBytes} bytes`;
    case "list":
      return `a list of at most ${type.max} (${describeType(type.of)})`;
    case "array":
      return `an array of ${type.length} (${describeType(type.of)})`;
    case "map":
      return `a map of at most ${type.max} (${describeType(type.key)} to ${describeType(type.value)})`;
    case "struct":
    case "union":
    case "enum":
      return `${type.kind} \`${type.name}\``;
    default:
      return type.kind;
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

/** The default of a member, as text to compare: an enum's by its number, since names are free. */
export function defaultOf({ default: given, type }: MemberModel, model: Model): string {
  if (type.kind !== "enum") return canonicalJson(given);
  const { values } = Types.of(model).enum(type.name);
  return canonicalJson(values.find(({ name }) => name === given)?.value);
}
