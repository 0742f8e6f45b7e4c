/**
 * Bytes of a message: where each bit of a struct lies and how many bytes each type may take. The rules are docs/wire.md's
 * "Bytes of a message"; emitters only follow the offsets given here. Not which types hold each other: cycles.ts. Worst
 * case: linear in the members.
 */
import { type Size, varintSize } from "../kinds/kind.ts";
import { isBits, isLeaf, kindOf } from "../kinds/kinds.ts";
import type { GroupModel, MemberModel, TypeModel, VariantModel } from "./model.ts";

/** Sizes of structs and unions by name; undefined for one that may not be held here, since a recursion ends. */
export type Sizes = ReadonlyMap<string, Size | undefined>;

/**
 * Bytes of a type as a list element, or as a member behind the bit block (there, types with bits take none); undefined
 * where every value would have to hold what may not be held.
 */
export function elementSize(type: TypeModel, sizes: Sizes): Size | undefined {
  if (isLeaf(type)) return kindOf(type).size(type);
  switch (type.kind) {
    case "list":
      return counted(type.max, elementSize(type.of, sizes)?.max);
    case "array": {
      const of = elementSize(type.of, sizes);
      return of && { min: type.length * of.min, max: type.length * of.max };
    }
    case "map": {
      const value = elementSize(type.value, sizes);
      return counted(type.max, value && elementSize(type.key, sizes)!.max + value.max);
    }
    case "struct":
    case "union":
      return sizes.get(type.name);
  }
}

/** At least the count alone; without elements, never more. */
function counted(most: number, each: number | undefined): Size {
  return { min: 1, max: each === undefined ? 1 : varintSize(most) + most * each };
}

export function fixedBytesOf(size: Size): number {
  return size.min === size.max ? size.max : -1;
}

/** A member before it has its place. */
export type PlainMember = Omit<MemberModel, "presenceBit" | "valueBit">;

/** Where everything in a struct lies; independent of what its members take. */
export interface Places {
  readonly members: readonly MemberModel[];
  readonly bitBlockBytes: number;
  readonly groups: readonly GroupModel[];
}

export function placesOf(plain: readonly PlainMember[]): Places {
  const members: MemberModel[] = [];
  const blocks: { since: number | undefined; first: number; bits: number }[] = [
    { since: undefined, first: 0, bits: 0 },
  ];
  for (const member of plain) {
    if (member.since !== blocks.at(-1)!.since) {
      blocks.push({ since: member.since, first: members.length, bits: 0 });
    }
    const block = blocks.at(-1)!;
    const presenceBit = member.optional ? block.bits++ : undefined;
    const valueBit = isBits(member.type) ? block.bits : undefined;
    block.bits += isBits(member.type) ? member.type.bits : 0;
    members.push({
      ...member,
      ...(presenceBit === undefined ? {} : { presenceBit }),
      ...(valueBit === undefined ? {} : { valueBit }),
    });
  }
  const bytes = (bits: number) => Math.ceil(bits / 8);
  const groups = blocks.slice(1).map((block, i): GroupModel => {
    const { since, first, bits } = block;
    const end = blocks[i + 2]?.first ?? members.length;
    return { since: since!, first, count: end - first, bitBlockBytes: bytes(bits) };
  });
  return { members, bitBlockBytes: bytes(blocks[0]!.bits), groups };
}

/** Bytes of a struct without the length that an extensible one has in front. */
export function bodySize(places: Places, sizes: Sizes): Size | undefined {
  let min = places.bitBlockBytes;
  for (const group of places.groups) min += group.bitBlockBytes;
  let max = min;
  for (const { type, optional } of places.members) {
    if (isBits(type)) continue;
    const size = elementSize(type, sizes);
    if (size === undefined && !optional) return undefined;
    min += optional ? 0 : size!.min;
    max += size?.max ?? 0;
  }
  return { min, max };
}

/** As an extensible struct stands on the wire. */
export function withLength(body: Size): Size {
  return { min: varintSize(body.min) + body.min, max: varintSize(body.max) + body.max };
}

export function unionSize(
  variants: readonly Pick<VariantModel, "tag" | "type">[],
  sizes: Sizes,
): Size | undefined {
  let min = Number.POSITIVE_INFINITY;
  let max = 0;
  for (const { tag, type } of variants) {
    const size = elementSize(type, sizes);
    if (size === undefined) continue;
    min = Math.min(min, varintSize(tag) + size.min);
    max = Math.max(max, varintSize(tag) + size.max);
  }
  return max === 0 ? undefined : { min, max };
}
