/**
 * Bytes of a message: where each bit of a struct lies and how many bytes it may take. The rules are docs/wire.md's
 * "Bytes of a message"; emitters only follow the offsets given here.
 */
import type { Documentation, MemberModel, StructModel, TypeModel } from "./model.ts";

export interface Size {
  readonly min: number;
  readonly max: number;
}

/** A varint (unsigned LEB128) of this value. */
export function varintSize(value: number): number {
  let bytes = 1;
  while (value >= 128) {
    value = Math.floor(value / 128);
    bytes++;
  }
  return bytes;
}

/** Varints hold at most 2^53-1. */
const MAX_VARINT_BYTES = 8;

export function bitsOf(type: TypeModel): number | undefined {
  return "bits" in type ? type.bits : undefined;
}

/** Bytes of a type as a list element, or as a member behind the bit block (there, types with bits take none). */
export function elementSize(type: TypeModel, structs: ReadonlyMap<string, StructModel>): Size {
  const bits = bitsOf(type);
  if (bits !== undefined) return fixed(Math.ceil(bits / 8));
  switch (type.kind) {
    case "integer":
    case "float":
      return fixed(type.bytes);
    case "varint":
      return { min: 1, max: MAX_VARINT_BYTES };
    case "string":
    case "bytes":
      return { min: 1, max: varintSize(type.maxBytes) + type.maxBytes };
    case "list":
      return {
        min: 1,
        max: varintSize(type.max) + type.max * elementSize(type.of, structs).max,
      };
    case "struct": {
      const struct = structs.get(type.name)!;
      return { min: struct.minBytes, max: struct.maxBytes };
    }
    default:
      return fixed(0);
  }
}

function fixed(bytes: number): Size {
  return { min: bytes, max: bytes };
}

/** A member before it has its place. */
export interface PlainMember extends Documentation {
  readonly name: string;
  readonly type: TypeModel;
  readonly optional: boolean;
}

export function layOut(
  name: string,
  docs: Documentation,
  plain: readonly PlainMember[],
  structs: ReadonlyMap<string, StructModel>,
): StructModel {
  let bit = 0;
  let min = 0;
  let max = 0;
  const members: MemberModel[] = plain.map((member) => {
    const presenceBit = member.optional ? bit++ : undefined;
    const bits = bitsOf(member.type);
    const valueBit = bits === undefined ? undefined : bit;
    if (bits === undefined) {
      const size = elementSize(member.type, structs);
      min += member.optional ? 0 : size.min;
      max += size.max;
    } else {
      bit += bits;
    }
    return {
      ...member,
      ...(presenceBit === undefined ? {} : { presenceBit }),
      ...(valueBit === undefined ? {} : { valueBit }),
    };
  });
  const bitBlockBytes = Math.ceil(bit / 8);
  const minBytes = bitBlockBytes + min;
  const maxBytes = bitBlockBytes + max;
  const fixedBytes = minBytes === maxBytes ? maxBytes : -1;
  return { ...docs, name, members, bitBlockBytes, minBytes, maxBytes, fixedBytes };
}
