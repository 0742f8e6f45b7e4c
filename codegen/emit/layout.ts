/**
 * Facts about types that several emitters need, all of them computed from the model: sizes, TypeScript types, and the
 * shifts and masks of bit fields. Where a thing lies was decided in model/; nothing is decided here.
 */
import type {
  EnumModel,
  GroupModel,
  MemberModel,
  Model,
  StructModel,
  TypeModel,
  UnionModel,
} from "../model/model.ts";
import { type Lines, number } from "./text.ts";

/** Structs, unions and enums by name. */
export interface Lookup {
  readonly structs: ReadonlyMap<string, StructModel>;
  readonly unions: ReadonlyMap<string, UnionModel>;
  readonly enums: ReadonlyMap<string, EnumModel>;
}

export function lookupOf(model: Model): Lookup {
  return {
    structs: new Map(model.structs.map((s) => [s.name, s])),
    unions: new Map(model.unions.map((u) => [u.name, u])),
    enums: new Map(model.enums.map((e) => [e.name, e])),
  };
}

export function structNamed(lookup: Lookup, name: string): StructModel {
  const found = lookup.structs.get(name);
  if (found === undefined) throw new Error(`the model has no struct ${name}`);
  return found;
}

export function unionNamed(lookup: Lookup, name: string): UnionModel {
  const found = lookup.unions.get(name);
  if (found === undefined) throw new Error(`the model has no union ${name}`);
  return found;
}

/** A struct or a union: what has functions of its own. */
export type Named = StructModel | UnionModel;
export type NamedType = Extract<TypeModel, { kind: "struct" | "union" }>;

export function isNamed(type: TypeModel): type is NamedType {
  return type.kind === "struct" || type.kind === "union";
}

export function named(lookup: Lookup, type: NamedType): Named {
  return type.kind === "struct" ? structNamed(lookup, type.name) : unionNamed(lookup, type.name);
}

/**
 * What a function of `from` hands to that of `to` beside the value, where both are of one cycle: how many of the head lie
 * around it. From outside a cycle it is left out, and 0.
 */
export function depthArgument(from: Named, to: Named): string {
  const head = to.recursion?.head;
  if (head === undefined || from.recursion?.head !== head) return "";
  return from.name === head ? ", depth + 1" : ", depth";
}

/** Members that are laid out together: those of the first version, then each group that was added. */
export interface Part {
  readonly members: readonly MemberModel[];
  readonly bitBlockBytes: number;
  readonly group?: GroupModel;
}

export function partsOf(struct: StructModel): Part[] {
  const { members, bitBlockBytes, extensible } = struct;
  const groups = extensible?.groups ?? [];
  const first = groups[0]?.first ?? members.length;
  return [
    { members: members.slice(0, first), bitBlockBytes },
    ...groups.map((group) => ({
      members: members.slice(group.first, group.first + group.count),
      bitBlockBytes: group.bitBlockBytes,
      group,
    })),
  ];
}

/** Whether an older writer's value may be shorter than any of ours: an extensible struct, or what holds one. */
export function grows(type: TypeModel, lookup: Lookup, seen: Set<string> = new Set()): boolean {
  if (type.kind === "list" || type.kind === "array") return grows(type.of, lookup, seen);
  if (type.kind === "map") return grows(type.value, lookup, seen);
  if (!isNamed(type) || seen.has(type.name)) return false;
  seen.add(type.name);
  if (type.kind === "union") {
    return unionNamed(lookup, type.name).variants.some((v) => grows(v.type, lookup, seen));
  }
  const { extensible, members } = structNamed(lookup, type.name);
  return extensible !== undefined || members.some((m) => grows(m.type, lookup, seen));
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
    const { variants } = unionNamed(lookup, type.name);
    return variants.every((v) => needsHead(v.type, head, lookup, inside));
  }
  const { members } = structNamed(lookup, type.name);
  return members.some((m) => !m.optional && needsHead(m.type, head, lookup, inside));
}

export function enumNamed(lookup: Lookup, name: string): EnumModel {
  const found = lookup.enums.get(name);
  if (found === undefined) throw new Error(`the model has no enum ${name}`);
  return found;
}

/** Types that live in a bit block. */
export type BitType = Extract<TypeModel, { bits: number }>;

export function isBits(type: TypeModel): type is BitType {
  return type.kind === "bool" || type.kind === "quantised" || type.kind === "enum";
}

/** Whole bytes of an integer or float; 0 for all other types. */
export function scalarBytes(type: TypeModel): number {
  return type.kind === "integer" || type.kind === "float" ? type.bytes : 0;
}

/** The bytes of a value that stands by itself (a list's element) where they are always the same, else -1. */
export function elementFixedBytes(type: TypeModel, lookup: Lookup): number {
  if (isBits(type)) return Math.ceil(type.bits / 8);
  if (isNamed(type)) return named(lookup, type).fixedBytes;
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
  if (isNamed(type)) return named(lookup, type).minBytes;
  const fixed = elementFixedBytes(type, lookup);
  return fixed < 0 ? 1 : fixed;
}

/** The TypeScript type; `own` says how a type of the spec's own is called where it stands. */
export function typeText(type: TypeModel, own: (name: string) => string): string {
  switch (type.kind) {
    case "integer":
      return type.bytes === 8 && type.as === undefined ? "bigint" : "number";
    case "varint":
    case "float":
    case "quantised":
      return "number";
    case "bool":
      return "boolean";
    case "string":
      return "string";
    case "bytes":
      return "Uint8Array";
    case "enum":
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
  switch (type.kind) {
    case "integer": {
      const [min, max] = integerRange(type);
      return `${min} to ${max}.`;
    }
    case "varint":
      return type.signed
        ? "-4503599627370496 to 4503599627370495; small ones take fewer bytes."
        : "0 to 9007199254740991; small ones take fewer bytes.";
    case "float":
      return type.bytes === 8 ? "Finite." : `Finite; rounded to ${type.bytes * 8} bits.`;
    case "quantised": {
      const step = (type.max - type.min) / type.steps;
      const range = `${number(type.min)} to ${number(type.max)}`;
      return type.integer && step === 1 ? `${range}.` : `${range} in steps of ${number(step)}.`;
    }
    case "string":
      return `At most ${type.maxBytes} bytes of UTF-8.`;
    case "bytes":
      return `At most ${type.maxBytes} bytes.`;
    case "list":
      return `At most ${type.max} elements.`;
    case "array":
      return `Exactly ${type.length} elements.`;
    case "map":
      return `At most ${type.max} entries; their order is kept.`;
    case "bool":
    case "enum":
    case "struct":
    case "union":
      return "";
  }
}

const MAX_SAFE = Number.MAX_SAFE_INTEGER;

/** Bounds of an integer as literals: bigint ones for eight bytes. */
export function integerRange(type: Extract<TypeModel, { kind: "integer" }>): [string, string] {
  if (type.as === "number") return [type.signed ? `${-MAX_SAFE}` : "0", `${MAX_SAFE}`];
  const bits = BigInt(type.bytes * 8);
  const min = type.signed ? -(1n << (bits - 1n)) : 0n;
  const max = type.signed ? (1n << (bits - 1n)) - 1n : (1n << bits) - 1n;
  const suffix = type.bytes === 8 ? "n" : "";
  return [`${min}${suffix}`, `${max}${suffix}`];
}

/** The value of an integer or float at a place of `view` that is known to be there. */
export function getText(type: TypeModel, at: string, path: string, lines: Lines): string {
  if (type.kind === "float") return `${lines.use("r")}.f${type.bytes * 8}(${at}, ${path})`;
  if (type.kind === "integer" && type.as === "number") {
    return `${lines.use("r")}.${type.signed ? "i" : "u"}64(${at}, ${path})`;
  }
  return `${lines.use("view")}.get${viewName(type)}(${at})`;
}

/** Puts an integer or float there. */
export function setText(type: TypeModel, at: string, value: string, lines: Lines): string {
  if (type.kind === "float" && type.bytes === 2) {
    return `${lines.use("view")}.setUint16(${at}, ${lines.wire("toHalf")}(${value}));`;
  }
  if (type.kind === "integer" && type.as === "number") {
    return `${lines.use("w")}.wide(${at}, ${value});`;
  }
  return `${lines.use("view")}.set${viewName(type)}(${at}, ${value});`;
}

/** `Uint16` of `getUint16`. */
export function viewName(type: TypeModel): string {
  if (type.kind === "float") return `Float${type.bytes * 8}`;
  if (type.kind !== "integer") throw new Error(`${type.kind} has no fixed place`);
  const width = type.bytes * 8;
  if (width === 64) return type.signed ? "BigInt64" : "BigUint64";
  return `${type.signed ? "Int" : "Uint"}${width}`;
}

/** Where the bits of a field lie inside one byte. */
interface BitPiece {
  readonly byte: number;
  /** Position of the piece's lowest bit in that byte. */
  readonly shift: number;
  readonly width: number;
  /** How many lower bits of the value lie in later bytes. */
  readonly below: number;
}

/** A bit field cut at byte borders, most significant piece first. */
export function bitPieces(offset: number, width: number): BitPiece[] {
  const pieces: BitPiece[] = [];
  let at = offset;
  let left = width;
  while (left > 0) {
    const free = 8 - (at % 8);
    const take = Math.min(free, left);
    pieces.push({
      byte: Math.floor(at / 8),
      shift: free - take,
      width: take,
      below: left - take,
    });
    at += take;
    left -= take;
  }
  return pieces;
}

/** The value of a bit field; `byte(i)` is the expression of the block's byte i. */
export function readBitsText(
  offset: number,
  width: number,
  byte: (index: number) => string,
): string {
  const pieces = bitPieces(offset, width).map((piece) => {
    const { shift, below } = piece;
    let text = byte(piece.byte);
    const net = below - shift;
    if (piece.width < 8) {
      const mask = (2 ** piece.width - 1) * 2 ** shift;
      // The top bits need no mask where the shift to the right drops what is below them.
      if (shift + piece.width < 8 || net > -shift) text = `(${text} & 0x${hex(mask)})`;
    }
    if (net > 0) return `(${text} << ${net})`;
    return net < 0 ? `(${text} >>> ${-net})` : text;
  });
  const joined = pieces.join(" | ");
  if (pieces.length === 1) return joined.replace(/^\((.*)\)$/s, "$1");
  return width === 32 ? `(${joined}) >>> 0` : joined;
}

/** Whether a single bit is set. */
export function readBoolText(offset: number, byte: (index: number) => string): string {
  return `(${byte(Math.floor(offset / 8))} & 0x${hex(0x80 >> (offset % 8))}) !== 0`;
}

/** A bit field to be written: an expression of a whole number that fits `width` bits. */
export interface BitField {
  readonly offset: number;
  readonly width: number;
  readonly value: string;
}

/**
 * The expression of each byte of a block. Bits above a byte need no mask: storing into a byte drops them, and those below
 * are shifted out.
 */
export function writeBitsTexts(fields: readonly BitField[], bytes: number): string[] {
  const texts: string[][] = Array.from({ length: bytes }, () => []);
  for (const field of fields) {
    for (const piece of bitPieces(field.offset, field.width)) {
      const net = piece.below - piece.shift;
      const text =
        net === 0 ? field.value : `(${field.value} ${net > 0 ? ">>>" : "<<"} ${Math.abs(net)})`;
      texts[piece.byte]!.push(text);
    }
  }
  return texts.map((parts) => {
    if (parts.length === 0) return "0";
    if (parts.length === 1) return parts[0]!.replace(/^\((.*)\)$/s, "$1");
    return parts.join(" | ");
  });
}

/** `at`, `at + 3`. */
export function offsetText(at: string, offset: number): string {
  return offset === 0 ? at : `${at} + ${offset}`;
}

export function hex(value: number): string {
  return value.toString(16).padStart(2, "0");
}

/** `a, b or c` for problem texts. */
export function nameList(values: readonly { readonly name: string }[]): string {
  const names = values.map((v) => v.name);
  const shown = names.length > 12 ? [...names.slice(0, 11), `${names.length - 11} more`] : names;
  return shown.length === 1 ? shown[0]! : `${shown.slice(0, -1).join(", ")} or ${shown.at(-1)}`;
}
