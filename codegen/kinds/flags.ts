/**
 * Several of some names at once, a bit each: a number in TypeScript, put together with `|` of the constants that are
 * generated, and as many bits on the wire as the highest flag's place asks for. Bits without a name are refused.
 */
import type { Declaration } from "../print/declarations.ts";
import { docComment, documentation, key, optionalDoc, quote } from "../print/text.ts";
import type { Diagnostics } from "../spec/diagnostics.ts";
import type { MapNode } from "../spec/node.ts";
import { whole } from "../spec/schema-parts.ts";
import type { Span } from "../spec/source.ts";
import { type ChoiceOptions, choicesSchema, parseChoices } from "./choices.ts";
import {
  type BitKind,
  bitSize,
  type DefinedKind,
  type Definition,
  type Definitions,
  type DifferenceRule,
  plural,
  type Unnamed,
} from "./kind.ts";

export interface FlagsType {
  readonly kind: "flags";
  /**
   * @minimum 1
   * @maximum 31
   */
  readonly bits: number;
  readonly name: string;
}

/** What `|` makes of a bit 31 is below zero. */
const MAX_PLACE = 30;

const choices: ChoiceOptions = {
  thing: "a flag",
  of: "flags",
  part: "bit",
  number: whole(0, MAX_PLACE, "Which bit it is, 0 the lowest."),
};

function parse(_name: string, node: MapNode, span: Span, d: Diagnostics): Unnamed | undefined {
  const values = parseChoices(node, span, choices, d);
  return values && { values, bits: values.at(-1)!.value + 1 };
}

/** All flags at once. */
function maskOf({ name }: FlagsType, all: Definitions): number {
  return all.definition(name).values.reduce((mask, { value }) => mask | (1 << value), 0);
}

/** Bits between the flags. */
function gapsOf(type: FlagsType, all: Definitions): number {
  return 2 ** type.bits - 1 - maskOf(type, all);
}

function hex(bits: number): string {
  return `0x${bits.toString(16)}`;
}

function namesOf(bits: number, { name }: FlagsType, all: Definitions): string {
  const set = all.definition(name).values.filter(({ value }) => (bits >> value) & 1);
  return set.length === 0 ? "none" : set.map((one) => one.name).join(" | ");
}

const strange = ({ name }: FlagsType) => `has bits that ${name} does not name`;

const changes: Readonly<Record<"removed" | "added" | "renumbered", DifferenceRule>> = {
  removed: {
    title: "a flag is gone",
    why: "An older peer still sends it, and the newer one refuses the whole message.",
    fix: "keep the flag and stop sending it",
    before: "keys: { flags: { jump: 0, fire: 1, crouch: 2 } }",
    after: "keys: { flags: { jump: 0, fire: 1 } }",
    instead: "keys: { flags: { jump: 0, fire: 1, unusedCrouch: 2 } }",
  },
  added: {
    title: "there is a new flag",
    why: "An older peer refuses a message with a flag it does not know, and a higher one takes more bits.",
    fix: "name spare flags from the first version on, or add a new channel",
    before: "keys: { flags: { jump: 0, fire: 1, spare: 2 } }",
    after: "keys: { flags: { jump: 0, fire: 1, spare: 2, crouch: 3 } }",
    instead: "keys: { flags: { jump: 0, fire: 1, crouch: 2 } }",
  },
  renumbered: {
    title: "a flag is another bit",
    why: "Only the bits are on the wire: the other end reads another flag.",
    fix: "keep the bits; the order in the file is free",
    before: "keys: { flags: { jump: 0, fire: 1 } }",
    after: "keys: { flags: { fire: 0, jump: 1 } }",
    instead: "keys: { flags: { fire: 1, jump: 0 } }",
  },
};

const renamed: DifferenceRule = {
  title: "a flag has another name",
  why: "On the wire it is its bit. Make sure that it is a new name and not a new meaning.",
  fix: "rename it in the code",
  before: "keys: { flags: { jump: 0, fire: 1 } }",
  after: "keys: { flags: { leap: 0, fire: 1 } }",
};

export const flags: BitKind<FlagsType> & DefinedKind<"flags"> = {
  shape: "bits",
  names: {
    flags: {
      options: {
        read: parse,
        definition: "flags",
        schema: choicesSchema("Names and their bits, 0 the lowest.", choices),
      },
      form: "{ flags: { a: 0, b: 1 } }",
      elsewhere: "bitfield bitmask bitflags bitset",
    },
  },
  size: bitSize,
  key: () => true,

  expected: (type, all) => `flags such as ${namesOf(maskOf(type, all), type, all)}`,
  accept: (type, given, all) => {
    const { values } = all.definition(type.name);
    if (typeof given !== "string") return given === 0 ? 0 : undefined;
    const parts = given.split("|").map((part) => values.find(({ name }) => name === part.trim()));
    if (parts.includes(undefined)) return undefined;
    return parts.reduce((mask, one) => mask | (1 << one!.value), 0);
  },
  given: (_type, given) => given,
  givenWords: (_type, given) => hex(given as number),
  zero: () => 0,

  typescript: ({ name }, own) => own(name),
  range: () => "",
  valueText: (_type, value) => (value === 0 ? "0" : hex(value as number)),
  arbitraryText: (type, _lines, all) => {
    const any = `fc.integer({ min: 0, max: ${2 ** type.bits - 1} })`;
    return gapsOf(type, all) === 0 ? any : `${any}.map((i) => i & ${hex(maskOf(type, all))})`;
  },

  least: () => 0,
  most: (type, all) => maskOf(type, all),
  usual: (type, all) => 2 ** all.definition(type.name).values[0]!.value,
  edges: (type, all) => [
    { name: "none", value: 0 },
    { name: "all", value: maskOf(type, all) },
    ...all.definition(type.name).values.map(({ name, value }) => ({ name, value: 2 ** value })),
  ],

  pageSize: ({ bits }) => plural(bits, "bit"),
  pageType: ({ name }, link) => link(name),
  describe: ({ name }) => `flags \`${name}\``,
  optionRules: {},
  dissector: ({ bits, name }) => ({
    make: "uint32",
    base: "HEX",
    reader: "choices",
    bits,
    list: "flags",
    name,
  }),

  check: (type, value, path, lines, all) => {
    const range = `${lines.wire("checkInteger")}(${path}, ${value}, 0, ${2 ** type.bits - 1});`;
    const gaps = gapsOf(type, all);
    if (gaps === 0) return range;
    const refuse = `${lines.wire("invalid")}(${path}, ${quote(strange(type))});`;
    return `{ ${range} if ((${value} & ${hex(gaps)}) !== 0) ${refuse} }`;
  },
  toBits: (_type, value) => value,
  absentIsZero: false,
  wrongBits: (type, bits, all) => {
    const gaps = gapsOf(type, all);
    if (gaps === 0) return undefined;
    return { condition: `(${bits} & ${hex(gaps)}) !== 0`, problem: quote(strange(type)) };
  },
  fromBits: (_type, bits) => bits,
  readBits: (type, raw, all) => {
    const meaning = { value: raw, text: namesOf(raw, type, all) };
    const isStrange = (raw & gapsOf(type, all)) !== 0;
    return { value: raw, meaning, ...(isStrange ? { problem: strange(type) } : {}) };
  },
  writeBits: (type, value, all) => {
    const bits = value as number;
    if (bits !== (bits & maskOf(type, all))) throw new Error(`${bits} ${strange(type)}`);
    return bits;
  },

  list: "flags",
  inPlace: "flags written in place",
  declarations,
  // The generated code reads and writes a number as it is.
  functions: () => [],
  page: {
    sentence: ({ bits }) => `Flags in ${plural(bits, "bit")}, any of them at once.`,
    head: ["flag", "bit", "what"],
    number: ({ value }) => String(value),
  },
  choice: { what: "flag", of: "flags", rule: "flag", changes, renamed },
};

/** In `types.ts`: a constant with each flag, and a number. */
function declarations(one: Definition, specFile: string): Declaration[] {
  const values = one.values.map(
    (flag) =>
      `${docComment(documentation(flag, specFile), "  ")}  ${key(flag.name)}: ${hex(2 ** flag.value)},\n`,
  );
  const doc = docComment(documentation(one, specFile, ["Each flag, to be put together with `|`."]));
  return [
    { kind: "raw", text: `${doc}export const ${one.name} = {\n${values.join("")}} as const;` },
    {
      kind: "alias",
      name: one.name,
      type: "number",
      ...optionalDoc(documentation(one, specFile)),
    },
  ];
}
