/** True or false, in one bit. */
import { readBoolText } from "../print/bits.ts";
import { type BitKind, bitSize } from "./kind.ts";

export interface BoolType {
  readonly kind: "bool";
  readonly bits: 1;
}

const type: BoolType = { kind: "bool", bits: 1 };

export const bool: BitKind<BoolType> = {
  shape: "bits",
  names: { bool: { bare: () => type, elsewhere: "boolean flag bit" } },
  size: bitSize,
  key: () => "a bool",

  expected: () => "true or false",
  accept: (_type, given) => (typeof given === "boolean" ? given : undefined),
  given: (_type, given) => given,
  givenWords: (_type, given) => String(given),
  zero: () => false,

  typescript: () => "boolean",
  range: () => "",
  valueText: (_type, value) => String(value),
  arbitraryText: () => "fc.boolean()",

  least: () => false,
  most: () => true,
  usual: () => true,
  edges: () => [false, true].map((value) => ({ name: String(value), value })),

  pageSize: () => "1 bit",
  pageType: () => "`bool`",
  describe: () => "bool",
  optionRules: {},
  dissector: ({ bits }) => ({ make: "bool", reader: "bool", bits }),

  check: (_type, value, path, lines) => `${lines.wire("checkBool")}(${path}, ${value});`,
  toBits: (_type, value) => `${value} ? 1 : 0`,
  absentIsZero: true,
  wrongBits: () => undefined,
  fromBits: (_type, bits) => `${bits} !== 0`,
  direct: readBoolText,
  readBits: (_type, raw) => ({ value: raw === 1, meaning: { value: raw === 1 } }),
  writeBits: (_type, value) => (value === true ? 1 : 0),
};
