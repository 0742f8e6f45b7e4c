/**
 * Whole numbers of a fixed width: `u8` to `u64`, `i8` to `i64`, 24 bits among them, big-endian, two's complement. 64 bits are a bigint, or a
 * safe number where the spec asks for it. With `min` and `max` they are no integers on the wire: those are quantised.ts's.
 */
import type { Diagnostics } from "../spec/diagnostics.ts";
import { suggest } from "../spec/distance.ts";
import { Fields } from "../spec/fields.ts";
import { quote } from "../spec/node.ts";
import { closed } from "../spec/schema-parts.ts";
import {
  type AnyLeaf,
  type FixedKind,
  fixedSize,
  numberEdges,
  type Options,
  plural,
  type SpecName,
} from "./kind.ts";
import { boundedSchema, parseBounded } from "./quantised.ts";

/** `as`: 64 bits as a safe number, so that only -2^53+1 to 2^53-1 are sent and accepted; else a bigint. */
export interface IntegerType {
  readonly kind: "integer";
  readonly bytes: 1 | 2 | 3 | 4 | 8;
  readonly signed: boolean;
  readonly as?: "number";
}

const MAX_SAFE = Number.MAX_SAFE_INTEGER;

function isBigint({ bytes, as }: IntegerType): boolean {
  return bytes === 8 && as === undefined;
}

function rangeOf({ bytes, signed, as }: IntegerType): [bigint, bigint] {
  if (as === "number") return [signed ? BigInt(-MAX_SAFE) : 0n, BigInt(MAX_SAFE)];
  const min = signed ? -(2n ** BigInt(bytes * 8 - 1)) : 0n;
  return [min, min + 2n ** BigInt(bytes * 8) - 1n];
}

/** As the generated types have them. */
function ends(type: IntegerType): [number | bigint, number | bigint] {
  const [min, max] = rangeOf(type);
  return isBigint(type) ? [min, max] : [Number(min), Number(max)];
}

/** Bounds as literals. */
function literals(type: IntegerType): [string, string] {
  const [min, max] = rangeOf(type);
  const suffix = isBigint(type) ? "n" : "";
  return [`${min}${suffix}`, `${max}${suffix}`];
}

function nameOf({ bytes, signed }: IntegerType): string {
  return `${signed ? "i" : "u"}${bytes * 8}`;
}

/** `Uint16` of `getUint16`. */
function viewName({ bytes, signed }: IntegerType): string {
  if (bytes === 8) return signed ? "BigInt64" : "BigUint64";
  return `${signed ? "Int" : "Uint"}${bytes * 8}`;
}

function name(bytes: IntegerType["bytes"], signed: boolean, elsewhere: string): SpecName<AnyLeaf> {
  const type: IntegerType = { kind: "integer", bytes, signed };
  return {
    bare: () => type,
    options: bytes === 8 ? wideOptions(type) : boundedOptions(type),
    elsewhere,
  };
}

function boundedOptions(type: IntegerType): Options<AnyLeaf> {
  return {
    read: (key, options, _span, d) => {
      const [low, high] = rangeOf(type);
      const fields = new Fields(options, boundedSchema, `\`${key}\``, d);
      return parseBounded(key, [Number(low), Number(high)], fields, options.span, d);
    },
    definition: "bounded",
    schema: boundedSchema,
  };
}

const wideSchema = closed("A 64-bit integer, a bigint in TypeScript.", {
  as: {
    enum: ["number", "bigint"],
    description: "What it is in TypeScript: a bigint, or a safe number (up to 2^53-1).",
  },
});

function wideOptions(type: IntegerType): Options<AnyLeaf> {
  return {
    read: (key, options, _span, d) =>
      parseWide(type, new Fields(options, wideSchema, `\`${key}\``, d), d),
    definition: "options-u64",
    schema: wideSchema,
  };
}

function parseWide(type: IntegerType, fields: Fields, d: Diagnostics): IntegerType {
  const as = fields.text("as");
  fields.finish();
  if (as !== undefined && as !== "number" && as !== "bigint") {
    const params = { value: quote(as), what: "what 64 bits can be in TypeScript" };
    const suggestion = suggest(as, ["number", "bigint"]);
    d.report("SD1108", fields.entry("as")!.value.span, params, { suggestion });
  }
  return as === "number" ? { ...type, as } : type;
}

const PUT24 = "$put24";

function get24(name: string, high: "getUint8" | "getInt8"): { name: string; text: string } {
  const text = `function ${name}(view: DataView, at: number): number {
  return (view.${high}(at) << 16) | view.getUint16(at + 1);
}`;
  return { name, text };
}

const put24 = {
  name: PUT24,
  text: `function ${PUT24}(view: DataView, at: number, value: number): void {
  view.setUint8(at, value >> 16);
  view.setUint16(at + 1, value);
}`,
};

export const integer: FixedKind<IntegerType> = {
  shape: "fixed",
  names: {
    u8: name(1, false, "byte char uint8 uchar octet"),
    u16: name(2, false, "uint16 ushort word"),
    u24: name(3, false, "uint24"),
    u32: name(4, false, "uint uint32 unsigned dword usize size_t"),
    u64: name(8, false, "uint64 ulong qword"),
    i8: name(1, true, "int8 sbyte"),
    i16: name(2, true, "int16 short"),
    i24: name(3, true, "int24"),
    i32: name(4, true, "int int32 integer"),
    i64: name(8, true, "int64 long bigint"),
  },
  size: fixedSize,
  key: () => true,

  expected: (type) => {
    const [low, high] = rangeOf(type);
    return `a whole number from ${low} to ${high}${type.bytes === 8 ? " (large ones in quotes)" : ""}`;
  },
  accept: (type, given) => {
    const wide = isBigint(type);
    const digits = wide && typeof given === "string" && /^-?\d{1,20}$/.test(given);
    if (!digits && !Number.isSafeInteger(given)) return undefined;
    const value = BigInt(given as string | number);
    const [low, high] = rangeOf(type);
    if (value < low || value > high) return undefined;
    return wide ? String(value) : Number(value);
  },
  given: (type, given) => (isBigint(type) ? BigInt(given as string) : given),
  givenWords: (_type, given) => String(given),
  zero: (type) => (isBigint(type) ? 0n : 0),

  typescript: (type) => (isBigint(type) ? "bigint" : "number"),
  range: (type) => `${literals(type).join(" to ")}.`,
  valueText: (type, value) => `${value}${isBigint(type) ? "n" : ""}`,
  arbitraryText: (type) => {
    const [min, max] = literals(type);
    return `fc.${isBigint(type) ? "bigInt" : "integer"}({ min: ${min}, max: ${max} })`;
  },

  least: (type) => ends(type)[0],
  most: (type) => ends(type)[1],
  usual: (type) => {
    if (type.bytes === 8) return isBigint(type) ? 72_623_859_790_382_856n : 1_108_152_157_446;
    return type.bytes === 1 ? 18 : 4660;
  },
  edges: (type) => {
    const [min, max] = ends(type);
    const big = isBigint(type);
    const one = big ? 1n : 1;
    return numberEdges(type.signed ? [min, -one, big ? 0n : 0, max] : [min, one, max]);
  },

  pageSize: (type) => plural(type.bytes, "byte"),
  pageType: (type) => {
    const name = `\`${nameOf(type)}\``;
    if (type.as === undefined) return name;
    return type.signed ? `${name}, -2^53+1 to 2^53-1` : `${name}, at most 2^53-1`;
  },
  describe: (type) => nameOf(type) + (type.as === undefined ? "" : ` as ${type.as}`),
  optionRules: { as: "integer-form-changed" },
  changes: {
    "integer-form-changed": {
      title: "64 bits became a number, or a bigint again",
      why: "The bytes are the same, but as a number only values up to 2^53 - 1 are sent and accepted: the other end may send larger ones.",
      fix: "keep the form, and convert in the code",
      before: "id: u64",
      after: "id: { u64: { as: number } }",
      instead: "id: { u64: { as: bigint } }",
    },
  },
  // A DataView has no 24 bits. No name that is made from the spec's begins with `$`.
  constants: [get24("$u24", "getUint8"), get24("$i24", "getInt8"), put24],
  dissector: (type) => ({
    make: `${type.signed ? "int" : "uint"}${(type.bytes * 8) as 8 | 16 | 24 | 32 | 64}`,
    base: "DEC",
    reader: "whole",
    bytes: type.bytes,
    signed: type.signed,
    safe: type.as === "number" ? true : undefined,
  }),

  check: (type, value, path, lines) => {
    const [min, max] = literals(type);
    const check = lines.wire(isBigint(type) ? "checkBigint" : "checkInteger");
    return `${check}(${path}, ${value}, ${min}, ${max});`;
  },
  wrong: (type, value) => {
    const { bytes, signed } = type;
    if (bytes > 4) return undefined;
    if (bytes === 4) return `(${value} ${signed ? "|" : ">>>"} 0) !== ${value}`;
    const unused = 32 - bytes * 8;
    return signed
      ? `((${value} << ${unused}) >> ${unused}) !== ${value}`
      : `(${value} & 0x${"ff".repeat(bytes)}) !== ${value}`;
  },
  get: (type, at, path, lines) => {
    if (type.as === "number") return `${lines.use("r")}.${nameOf(type)}(${at}, ${path})`;
    if (type.bytes === 3) return `${lines.use(`$${nameOf(type)}`)}(${lines.use("view")}, ${at})`;
    return `${lines.use("view")}.get${viewName(type)}(${at})`;
  },
  takesAll: (type) => type.as === undefined,
  set: (type, at, value, lines) => {
    if (type.as === "number") return `${lines.use("w")}.wide(${at}, ${value});`;
    if (type.bytes === 3) return `${lines.use(PUT24)}(${lines.use("view")}, ${at}, ${value});`;
    return `${lines.use("view")}.set${viewName(type)}(${at}, ${value});`;
  },
  readFixed: (type, view, at) => {
    const whole = integerAt(view, at, type);
    if (type.as === undefined) return { value: whole, meaning: whole };
    const value = Number(whole);
    if (Number.isSafeInteger(value)) return { value, meaning: value };
    return { value, meaning: whole, problem: "is beyond 2^53 - 1" };
  },
  write: (type, value, sink) => sink.integer(value as number | bigint, type.bytes),
};

function integerAt(view: DataView, at: number, { bytes, signed }: IntegerType): number | bigint {
  if (bytes === 8) return signed ? view.getBigInt64(at) : view.getBigUint64(at);
  if (bytes === 4) return signed ? view.getInt32(at) : view.getUint32(at);
  if (bytes === 3) {
    const high = signed ? view.getInt8(at) : view.getUint8(at);
    return high * 2 ** 16 + view.getUint16(at + 1);
  }
  if (bytes === 2) return signed ? view.getInt16(at) : view.getUint16(at);
  return signed ? view.getInt8(at) : view.getUint8(at);
}
