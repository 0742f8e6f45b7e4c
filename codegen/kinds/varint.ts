/** Whole numbers that take as many bytes as they need: unsigned LEB128, signed ones as zigzag. At most 2^53 - 1. */
import { Fields } from "../spec/fields.ts";
import { closed, flag } from "../spec/schema-parts.ts";
import { numberEdges, type VaryingKind } from "./kind.ts";

export interface VarintType {
  readonly kind: "varint";
  readonly signed: boolean;
}

const MAX_SAFE = Number.MAX_SAFE_INTEGER;
const MAX_BYTES = 8;

function rangeOf({ signed }: VarintType): [number, number] {
  return signed ? [-(2 ** 52), 2 ** 52 - 1] : [0, MAX_SAFE];
}

/** 0, 1, 2, 3 … as 0, -1, 1, -2 …; never -0. */
function unzigzag(raw: number): number {
  return raw % 2 === 0 ? raw / 2 : -((raw - 1) / 2) - 1;
}

function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1;
}

const unsigned: VarintType = { kind: "varint", signed: false };
const signed: VarintType = { kind: "varint", signed: true };

const schema = closed("An integer of 1 to 8 bytes.", {
  signed: flag("Zigzag, for values around zero."),
});

export const varint: VaryingKind<VarintType> = {
  shape: "varying",
  names: {
    varint: {
      bare: () => unsigned,
      options: {
        read: (name, options, _span, d) => {
          const fields = new Fields(options, schema, `\`${name}\``, d);
          const isSigned = fields.bool("signed") ?? false;
          fields.finish();
          return isSigned ? signed : unsigned;
        },
        definition: "options-varint",
        schema,
      },
      elsewhere: "varuint uvarint leb128 date time datetime timestamp",
    },
    svarint: { bare: () => signed, elsewhere: "varsint zigzag" },
  },
  size: () => ({ min: 1, max: MAX_BYTES }),
  key: () => true,

  expected: (type) => `a whole number from ${rangeOf(type).join(" to ")}`,
  accept: (type, given) => {
    const [low, high] = rangeOf(type);
    if (typeof given !== "number" || !Number.isSafeInteger(given)) return undefined;
    // -0 is 0.
    return given < low || given > high ? undefined : given + 0;
  },
  given: (_type, given) => given,
  givenWords: (_type, given) => String(given),
  zero: () => 0,

  typescript: () => "number",
  range: (type) => `${rangeOf(type).join(" to ")}; small ones take fewer bytes.`,
  valueText: (_type, value) => String(value),
  arbitraryText: (type) => {
    const [min, max] = rangeOf(type);
    return `fc.integer({ min: ${min}, max: ${max} })`;
  },

  least: (type) => rangeOf(type)[0],
  most: (type) => rangeOf(type)[1],
  usual: () => 300,
  edges: (type) =>
    numberEdges(
      type.signed
        ? [-(2 ** 52), -65, -64, -1, 0, 63, 64, 2 ** 31, 2 ** 52 - 1]
        : [0, 127, 128, 16_383, 16_384, 2 ** 28, 2 ** 35, MAX_SAFE],
    ),

  pageSize: () => `1 to ${MAX_BYTES} bytes`,
  pageType: (type) => (type.signed ? "`varint`, zigzag" : "`varint`"),
  describe: (type) => (type.signed ? "svarint" : "varint"),
  optionRules: {},
  dissector: (type) => ({
    make: type.signed ? "int64" : "uint64",
    base: "DEC",
    reader: type.signed ? "zigzag" : "varint",
  }),

  put: (type, value, path, lines) =>
    `${lines.wire(type.signed ? "putZigzag" : "putVarint")}(${path}, ${value}`,
  get: (type, path, lines) => `${lines.use("r")}.${type.signed ? "zigzag" : "varint"}(${path})`,
  read: (type, s, name, unit) => {
    const { at } = s;
    const raw = s.varint(name);
    const value = type.signed ? unzigzag(raw) : raw;
    s.leaf(name, at, { value, ...unit });
    return value;
  },
  write: (type, value, sink) =>
    sink.varint(type.signed ? zigzag(value as number) : (value as number)),
};
