/**
 * What a leaf kind of the type language has to know: all that is particular to one kind of value stands in the one file of
 * that kind, as an object of one of the three shapes here. Bits live in the bit block around them, fixed ones take always as
 * many whole bytes, the others say themselves where they end. Structs, lists, arrays, maps and unions are no leaves: the
 * folders that walk them look leaves up in `kinds.ts`.
 */

import type { ByteCursor, Meaning } from "../bytes/cursor.ts";
import type { Sink } from "../bytes/sink.ts";
import type { Declaration } from "../print/declarations.ts";
import type { Module } from "../print/module.ts";
import type { Lines } from "../print/text.ts";
import type { Diagnostics } from "../spec/diagnostics.ts";
import type { Documentation } from "../spec/documentation.ts";
import type { MapNode } from "../spec/node.ts";
import type { Schema } from "../spec/schema-parts.ts";
import type { Span } from "../spec/source.ts";

/** One of the names that a kind's definition gives. */
export interface Choice {
  readonly name: string;
  /** @maximum 4294967295 */
  readonly value: number;
  readonly doc?: string;
  readonly line: number;
}

/** What a spec defines by name for a kind that has names: the values of an enum, say. */
export interface Definition extends Documentation {
  /** The name of the TypeScript type. */
  readonly name: string;
  /** In rising order of value. */
  readonly values: readonly Choice[];
  readonly bits: number;
}

export interface Definitions {
  /** Throws for a name that the model does not have. */
  definition(name: string): Definition;
}

export interface Size {
  readonly min: number;
  readonly max: number;
}

/** What a spec gives as `default`; a bigint as decimal text. */
export type Given = string | number | boolean;

/** A kind's value at which an encoder or a decoder may go wrong, and what it is called in golden vectors. */
export interface Edge {
  readonly name: string;
  readonly value: unknown;
}

/** Bounds of a spec that give a type what it does not say itself. */
export interface Defaults {
  readonly defaultMaxStringBytes: number;
  readonly defaultMaxBytesBytes: number;
}

/** A definition that was read and has no name yet. */
export interface Unnamed {
  readonly values: readonly Choice[];
  readonly bits: number;
}

/** How the options of a name are read, and how an editor is told to write them. */
export interface Options<T> {
  /** `undefined` after a diagnostic. */
  read(
    name: string,
    options: MapNode,
    span: Span,
    d: Diagnostics,
    defaults: Defaults,
  ): T | Unnamed | undefined;
  /** What the spec's JSON Schema calls them; names whose options are the same have one definition. */
  readonly definition: string;
  readonly schema: Schema;
}

/** How a name of the type language is read. */
export interface SpecName<T> {
  /** Of the bare name; missing where there is no such form. */
  bare?(defaults: Defaults): T;
  /** Of `{ <name>: options }`; missing where there is no such form. */
  readonly options?: Options<T>;
  /** How it is written, where it has no bare form. */
  readonly form?: string;
  /** What people write who come from elsewhere, in lower case, with spaces between. */
  readonly elsewhere: string;
}

/** What `stardust explain` says of a difference between two versions, shown in the members of a message. */
export interface DifferenceRule {
  readonly title: string;
  readonly why: string;
  /** What to do instead, or besides; if nothing is said, a new channel. */
  readonly fix?: string;
  readonly before: string;
  readonly after: string;
  /** What would not break; if nothing is said, the new channel beside the old one. */
  readonly instead?: string;
}

/** All that the dissector's Lua knows of a leaf: it has no names of kinds. */
export type DissectorRow = DissectorField & DissectorReader;

export interface DissectorField {
  /** The function of Wireshark's `ProtoField` that makes its field. */
  readonly make:
    | `${"uint" | "int"}${8 | 16 | 24 | 32 | 64}`
    | "float"
    | "double"
    | "bool"
    | "string"
    | "bytes";
  /** How Wireshark writes its numbers, where that is not `base.NONE`. */
  readonly base?: "DEC" | "HEX";
  /** Whether Wireshark shows the names of its definition beside the numbers. */
  readonly named?: true;
}

/** How the bytes or the bits are read: `reader` is a function's name in dissector/messages.lua. */
type DissectorReader =
  | { readonly reader: "bool"; readonly bits: number }
  | {
      readonly reader: "choice" | "choices";
      readonly bits: number;
      readonly list: string;
      readonly name: string;
    }
  | {
      readonly reader: "steps";
      readonly bits: number;
      readonly min: number;
      readonly max: number;
      readonly steps: number;
      readonly integer: boolean;
    }
  | {
      readonly reader: "whole";
      readonly bytes: number;
      /** Whether what is beyond 2^53 - 1 is refused; `signed` says on which sides. */
      readonly safe: true | undefined;
      readonly signed: boolean;
    }
  | {
      readonly reader: "half" | "float";
      readonly bytes: number;
      /** The first bits of the one NaN, at most 32, where there is one; the others are zero. */
      readonly nan: number | undefined;
    }
  | { readonly reader: "varint" | "zigzag" }
  | { readonly reader: "text" | "blob"; readonly max: number };

/** A type of some leaf kind: an option may make another kind of a name. */
export interface AnyLeaf {
  readonly kind: string;
}

interface Common<T> {
  /** The names of the type language that make this kind. */
  readonly names: Readonly<Record<string, SpecName<AnyLeaf>>>;
  /** Bytes where it stands by itself. */
  size(type: T): Size;
  /** Whether a map's keys may be of it; else what the diagnostic calls it. */
  key(type: T): true | string;

  // What a member is for a reader whose writer did not have it.
  /** In words what `default` must be; `undefined` where there can be none. */
  expected(type: T, all: Definitions): string | undefined;
  accept(type: T, given: Given | null, all: Definitions): Given | undefined;
  /** A default as a reader has it. */
  given(type: T, given: Given): unknown;
  /** A default in words. */
  givenWords(type: T, given: Given): string;
  zero(type: T, all: Definitions): unknown;
  /** The zero value in words, where it could be taken for a chosen value. */
  unchosen?(type: T, all: Definitions): string | undefined;

  // TypeScript
  typescript(type: T, own: (name: string) => string): string;
  /** What a value may be, for its doc comment; "" where the type says it all. */
  range(type: T): string;
  /** An expression of a value. */
  valueText(type: T, value: unknown, lines: Lines): string;
  /** An expression over `fc` of all values. */
  arbitraryText(type: T, lines: Lines, all: Definitions): string;

  // Golden vectors, and examples. `most` bounds what may grow.
  least(type: T, all: Definitions): unknown;
  most(type: T, all: Definitions, most: number): unknown;
  usual(type: T, all: Definitions): unknown;
  edges(type: T, all: Definitions, most: number): Edge[];

  // Words
  /** How many bits or bytes. */
  pageSize(type: T): string;
  /** Markdown; `link` links to a type of the spec's own. */
  pageType(type: T, link: (name: string) => string): string;
  /** In the words of a spec, for messages about differences. */
  describe(type: T): string;
  /** Rules of `stardust breaking` for options that differ; without one, `member-type-changed`. */
  readonly optionRules: Readonly<Record<string, string>>;
  /** Those of them that are about nothing else. */
  readonly changes?: Readonly<Record<string, DifferenceRule>>;
  /** Constants of `codecs.ts` that its text names by `lines.use`. */
  readonly constants?: readonly { readonly name: string; readonly text: string }[];
  /** The row of the dissector's table. */
  dissector(type: T): DissectorRow;
}

/** Some bits of the block around it. */
export interface BitKind<T> extends Common<T> {
  readonly shape: "bits";
  /** The statement that refuses what cannot be written. */
  check(type: T, value: string, path: string, lines: Lines, all: Definitions): string;
  /** As `check`, where it is cheaper to ask the bits that `toBits` made. */
  checkBits?(
    type: T,
    bits: string,
    value: string,
    path: string,
    lines: Lines,
    all: Definitions,
  ): string;
  /** The whole number that stands in the bit block. */
  toBits(type: T, value: string, lines: Lines): string;
  /** Whether `toBits` of undefined is 0 anyway. */
  readonly absentIsZero: boolean;
  /** Bits that no writer writes: when, and what is said of them. */
  wrongBits(
    type: T,
    bits: string,
    all: Definitions,
  ): { readonly condition: string; readonly problem: string } | undefined;
  fromBits(type: T, bits: string, at: string, path: string, lines: Lines): string;
  /** Straight from the block, where that needs no number between; `byte(i)` is the expression of its byte i. */
  direct?(offset: number, byte: (index: number) => string): string;
  readBits(
    type: T,
    raw: number,
    all: Definitions,
  ): { readonly value: unknown; readonly meaning: Meaning; readonly problem?: string };
  writeBits(type: T, value: unknown, all: Definitions): number;
}

/** Always `type.bytes` whole bytes. */
export interface FixedKind<T> extends Common<T> {
  readonly shape: "fixed";
  check(type: T, value: string, path: string, lines: Lines): string;
  /** What holds of every number that `check` refuses, asked in place; `undefined` where only `check` can tell. */
  wrong(type: T, value: string, lines: Lines): string | undefined;
  /** The value at a place that is known to be there. */
  get(type: T, at: string, path: string, lines: Lines): string;
  /** Whether every pattern of bytes is a value, so that `get` cannot throw. */
  takesAll(type: T): boolean;
  set(type: T, at: string, value: string, lines: Lines): string;
  /** The value in bytes that were taken, and what is wrong with it. */
  readFixed(
    type: T,
    view: DataView,
    at: number,
  ): { readonly value: unknown; readonly meaning: unknown; readonly problem?: string };
  write(type: T, value: unknown, sink: Sink): void;
}

/** Says itself where it ends. */
export interface VaryingKind<T> extends Common<T> {
  readonly shape: "varying";
  /** A call that checks and writes, but for its last arguments: `putString(…`. */
  put(type: T, value: string, path: string, lines: Lines): string;
  get(type: T, path: string, lines: Lines): string;
  read(type: T, s: ByteCursor, name: string, unit: Meaning): unknown;
  write(type: T, value: unknown, sink: Sink): void;
}

/** A kind whose types a spec defines, with names inside: in `types`, or in place. */
export interface DefinedKind<List extends string = string> {
  /** Where a model has its definitions. */
  readonly list: List;
  /** What a diagnostic calls one that is written where it is used. */
  readonly inPlace: string;
  /** In `types.ts`. */
  declarations(one: Definition, specFile: string): Declaration[];
  /** In `codecs.ts`: those that `used`, what its functions name by `lines.use`, asks for. */
  functions(one: Definition, used: ReadonlySet<string>, module: Module): Declaration[];
  /** In `protocol.md`: a sentence, the heads of a table, and its second column. */
  readonly page: {
    sentence(one: Definition): string;
    readonly head: readonly string[];
    number(choice: Choice): string;
  };
  /** Of differences, as "value `a` of enum `E`", by rules such as `enum-value-added`. */
  readonly choice: {
    readonly what: string;
    readonly of: string;
    readonly rule: string;
    readonly changes: Readonly<Record<"removed" | "added" | "renumbered", DifferenceRule>>;
    /** A new name for the same number, which breaks nothing. */
    readonly renamed: DifferenceRule;
  };
}

export type Kind<T> = BitKind<T> | FixedKind<T> | VaryingKind<T>;

/** Bytes of a varint (unsigned LEB128) of this value. */
export function varintSize(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

export function plural(count: number, what: string): string {
  return `${count} ${count === 1 ? what : `${what}s`}`;
}

/** Bits that `largest` needs, at least 1. */
export function bitsFor(largest: number): number {
  let bits = 1;
  while (2 ** bits - 1 < largest) bits++;
  return bits;
}

/** Bytes of a type with bits that stands by itself. */
export function bitSize({ bits }: { readonly bits: number }): Size {
  const bytes = Math.ceil(bits / 8);
  return { min: bytes, max: bytes };
}

export function fixedSize({ bytes }: { readonly bytes: number }): Size {
  return { min: bytes, max: bytes };
}

export function numberEdges(values: readonly (number | bigint)[]): Edge[] {
  return values.map((value) => ({ name: String(value), value }));
}
