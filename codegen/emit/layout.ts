/**
 * Facts about types that several emitters need, all of them computed from the model: sizes, TypeScript types, and where a
 * recursion ends. Where a thing lies was decided in model/; what a leaf is, kinds/ says.
 */
import { isBits, isFixed, isLeaf, kindOf } from "../kinds/kinds.ts";
import { grows, isNamed, type Lookup, type Named, withInner } from "../model/lookup.ts";
import type { TypeModel, UnionModel, VariantModel } from "../model/model.ts";

/**
 * What a function of `from` hands to that of `to` beside the value, where both are of one cycle: how many of the head lie
 * around it. From outside a cycle it is left out, and 0.
 */
export function depthArgument(from: Named, to: Named): string {
  const head = to.recursion?.head;
  if (head === undefined || from.recursion?.head !== head) return "";
  return from.name === head ? ", depth + 1" : ", depth";
}

/** Whether a function that handles these members of `self` hands on how deep it is. */
export function handsDepth(
  self: Named,
  members: readonly { readonly type: TypeModel }[],
  lookup: Lookup,
): boolean {
  return members
    .flatMap(({ type }) => [...withInner(type)])
    .some((inner) => isNamed(inner) && depthArgument(self, lookup.named(inner)) !== "");
}

/**
 * Whether every value of this type holds a `head`, so that there is none where a recursion ends. Lists, maps and optional
 * members may be empty; a union needs one variant that ends.
 */
export function needsHead(
  type: TypeModel,
  head: string,
  lookup: Lookup,
  seen: Set<string> = new Set(),
): boolean {
  if (type.kind === "array") return needsHead(type.of, head, lookup, seen);
  if (!isNamed(type)) return false;
  if (type.name === head) return true;
  if (seen.has(type.name)) return false;
  const inside = new Set(seen).add(type.name);
  if (type.kind === "union") {
    const { variants } = lookup.union(type.name);
    return variants.every((v) => needsHead(v.type, head, lookup, inside));
  }
  const { members } = lookup.struct(type.name);
  return members.some((m) => !m.optional && needsHead(m.type, head, lookup, inside));
}

/** The variant of a union that comes to an end soonest. */
export function firstThatEnds({ variants, recursion }: UnionModel, lookup: Lookup): VariantModel {
  const head = recursion?.head;
  const ends = (type: TypeModel) => head === undefined || !needsHead(type, head, lookup);
  return variants.find((v) => ends(v.type)) ?? variants[0]!;
}

/** Whole bytes of a type that always takes as many; 0 for all other types. */
export function scalarBytes(type: TypeModel): number {
  return isFixed(type) ? type.bytes : 0;
}

/** The bytes of a value that stands by itself (a list's element) where they are always the same, else -1. */
export function elementFixedBytes(type: TypeModel, lookup: Lookup): number {
  if (isBits(type)) return Math.ceil(type.bits / 8);
  if (isNamed(type)) return lookup.named(type).fixedBytes;
  if (type.kind === "array") {
    const of = elementFixedBytes(type.of, lookup);
    return of < 0 ? -1 : of * type.length;
  }
  return scalarBytes(type) || -1;
}

/** No value of this type, standing by itself, takes fewer bytes, whichever version wrote it. */
export function elementMinBytes(type: TypeModel, lookup: Lookup): number {
  if (type.kind === "array") return type.length * elementMinBytes(type.of, lookup);
  if (grows(type, lookup)) return 1;
  if (isNamed(type)) return lookup.named(type).minBytes;
  const fixed = elementFixedBytes(type, lookup);
  return fixed < 0 ? 1 : fixed;
}

/** The TypeScript type; `own` says how a type of the spec's own is called where it stands. */
export function typeText(type: TypeModel, own: (name: string) => string): string {
  if (isLeaf(type)) return kindOf(type).typescript(type, own);
  switch (type.kind) {
    case "struct":
    case "union":
      return own(type.name);
    case "list":
    case "array":
      return `${typeText(type.of, own)}[]`;
    case "map":
      return `Map<${typeText(type.key, own)}, ${typeText(type.value, own)}>`;
  }
}

/** What a value may be, in a few words for its doc comment. */
export function rangeText(type: TypeModel): string {
  if (isLeaf(type)) return kindOf(type).range(type);
  switch (type.kind) {
    case "list":
      return `At most ${type.max} elements.`;
    case "array":
      return `Exactly ${type.length} elements.`;
    case "map":
      return `At most ${type.max} entries; their order is kept.`;
    case "struct":
    case "union":
      return "";
  }
}
