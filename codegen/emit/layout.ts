/**
 * Facts about types that several emitters need, all of them computed from the model: sizes, TypeScript types, and the
 * shifts and masks of bit fields. Where a thing lies was decided in model/; nothing is decided here.
 */
import type { EnumModel, Model, StructModel, TypeModel } from "../model/model.ts";
import { number } from "./text.ts";

/** Structs and enums by name. */
export interface Lookup {
  readonly structs: ReadonlyMap<string, StructModel>;
  readonly enums: ReadonlyMap<string, EnumModel>;
}

export function lookupOf(model: Model): Lookup {
  return {
    structs: new Map(model.structs.map((s) => [s.name, s])),
    enums: new Map(model.enums.map((e) => [e.name, e])),
  };
}

export function structNamed(lookup: Lookup, name: string): StructModel {
  const found = lookup.structs.get(name);
  if (found === undefined) throw new Error(`the model has no struct ${name}`);
  return found;
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
  if (type.kind === "struct") return structNamed(lookup, type.name).fixedBytes;
  return scalarBytes(type) || -1;
}

/** No value of this type, standing by itself, takes fewer bytes. */
export function elementMinBytes(type: TypeModel, lookup: Lookup): number {
  if (type.kind === "struct") return structNamed(lookup, type.name).minBytes;
  const fixed = elementFixedBytes(type, lookup);
  return fixed < 0 ? 1 : fixed;
}

/** Whether the elements of a list of this type are objects of their own, which a decoder can reuse. */
export function isObject(type: TypeModel): boolean {
  return type.kind === "struct" || type.kind === "list";
}

/** The TypeScript type; `prefix` stands before the names of the spec's own types. */
export function typeText(type: TypeModel, prefix: string): string {
  switch (type.kind) {
    case "integer":
      return type.bytes === 8 ? "bigint" : "number";
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
      return prefix + type.name;
    case "list": {
      const of = typeText(type.of, prefix);
      return `${of}[]`;
    }
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
      return type.bytes === 4 ? "Finite; rounded to 32 bits." : "Finite.";
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
    case "bool":
    case "enum":
    case "struct":
      return "";
  }
}

/** Bounds of an integer as literals: bigint ones for eight bytes. */
export function integerRange(type: Extract<TypeModel, { kind: "integer" }>): [string, string] {
  const bits = BigInt(type.bytes * 8);
  const min = type.signed ? -(1n << (bits - 1n)) : 0n;
  const max = type.signed ? (1n << (bits - 1n)) - 1n : (1n << bits) - 1n;
  const suffix = type.bytes === 8 ? "n" : "";
  return [`${min}${suffix}`, `${max}${suffix}`];
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
