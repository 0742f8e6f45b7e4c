/**
 * One of several names, as the number that the spec gives it, in the bits that the largest of them needs. The generated type
 * is a union of the names.
 */

import type { Declaration, Func } from "../print/declarations.ts";
import { type Module, WIRE } from "../print/module.ts";
import {
  docComment,
  documentation,
  key,
  Lines,
  nameList,
  one,
  optionalDoc,
  quote,
} from "../print/text.ts";
import { MAX_NUMBER } from "../spec/bounds.ts";
import type { Diagnostics } from "../spec/diagnostics.ts";
import type { MapNode } from "../spec/node.ts";
import { whole } from "../spec/schema-parts.ts";
import type { Span } from "../spec/source.ts";
import { type ChoiceOptions, choicesSchema, parseChoices } from "./choices.ts";
import {
  type BitKind,
  bitSize,
  bitsFor,
  type Choice,
  type DefinedKind,
  type Definition,
  type Definitions,
  type DifferenceRule,
  plural,
  type Unnamed,
} from "./kind.ts";

export interface EnumType {
  readonly kind: "enum";
  /**
   * @minimum 1
   * @maximum 32
   */
  readonly bits: number;
  readonly name: string;
}

const choices: ChoiceOptions = {
  thing: "an enum value",
  of: "an enum",
  part: "value",
  number: whole(0, MAX_NUMBER, "Value on the wire."),
};

function parse(_name: string, node: MapNode, span: Span, d: Diagnostics): Unnamed | undefined {
  const values = parseChoices(node, span, choices, d);
  return values && { values, bits: bitsFor(values.at(-1)!.value) };
}

function valuesOf({ name }: EnumType, all: Definitions): readonly Choice[] {
  return all.definition(name).values;
}

function refuse(
  type: EnumType,
  value: string,
  path: string,
  lines: Lines,
  all: Definitions,
): string {
  const names = quote(nameList(valuesOf(type, all)));
  return `${lines.wire("invalidEnum")}(${path}, ${value}, ${names});`;
}

const changes: Readonly<Record<"removed" | "added" | "renumbered", DifferenceRule>> = {
  removed: {
    title: "a value of an enum is gone",
    why: "An older peer still sends it, and the newer one refuses the whole message.",
    fix: "keep the value and stop sending it",
    before: "kind: { enum: { body: 0, head: 1, foot: 2 } }",
    after: "kind: { enum: { body: 0, head: 1 } }",
    instead: "kind: { enum: { body: 0, head: 1, unusedFoot: 2 } }",
  },
  added: {
    title: "an enum has a new value",
    why: "An older peer refuses a message with a value it does not know, and one more value may take one more bit.",
    fix: "put spare values in from the first version on, or add a new channel",
    before: "kind: { enum: { body: 0, head: 1, spare: 2 } }",
    after: "kind: { enum: { body: 0, head: 1, spare: 2, foot: 3 } }",
    instead: "kind: { enum: { body: 0, head: 1, foot: 2 } }",
  },
  renumbered: {
    title: "a value of an enum has another number",
    why: "Only the number is on the wire: the other end reads another value.",
    fix: "keep the numbers; the order in the file is free",
    before: "kind: { enum: { body: 0, head: 1 } }",
    after: "kind: { enum: { head: 0, body: 1 } }",
    instead: "kind: { enum: { head: 1, body: 0 } }",
  },
};

const renamed: DifferenceRule = {
  title: "a value of an enum has another name",
  why: "On the wire it is its number. Make sure that it is a new name and not a new meaning.",
  fix: "rename it in the code",
  before: "kind: { enum: { body: 0, head: 1 } }",
  after: "kind: { enum: { torso: 0, head: 1 } }",
};

export const enumeration: BitKind<EnumType> & DefinedKind<"enums"> = {
  shape: "bits",
  names: {
    enum: {
      options: {
        read: parse,
        definition: "enum",
        schema: choicesSchema("Names and their values.", choices),
      },
      form: "{ enum: { a: 0, b: 1 } }",
      elsewhere: "enumeration",
    },
  },
  size: bitSize,
  key: () => true,

  expected: (type, all) => {
    const names = valuesOf(type, all).map(({ name }) => name);
    return `one of ${names.slice(0, 12).join(", ")}`;
  },
  accept: (type, given, all) =>
    valuesOf(type, all).some(({ name }) => name === given) ? given! : undefined,
  given: (_type, given) => given,
  givenWords: (_type, given) => String(given),
  zero: (type, all) => valuesOf(type, all)[0]!.name,
  unchosen: (type, all) => `\`${valuesOf(type, all)[0]!.name}\``,

  typescript: ({ name }, own) => own(name),
  range: () => "",
  valueText: (_type, value) => quote(String(value)),
  arbitraryText: (type, _lines, all) =>
    `fc.constantFrom(${valuesOf(type, all)
      .map(({ name }) => quote(name))
      .join(", ")})`,

  least: (type, all) => valuesOf(type, all)[0]!.name,
  most: (type, all) => valuesOf(type, all).at(-1)!.name,
  usual: (type, all) => {
    const values = valuesOf(type, all);
    return values[Math.floor(values.length / 2)]!.name;
  },
  edges: (type, all) => valuesOf(type, all).map(({ name }) => ({ name, value: name })),

  pageSize: ({ bits }) => plural(bits, "bit"),
  pageType: ({ name }, link) => link(name),
  describe: ({ name }) => `enum \`${name}\``,
  optionRules: {},
  dissector: ({ bits, name }) => ({
    make: "uint32",
    base: "DEC",
    named: true,
    reader: "choice",
    bits,
    list: "enums",
    name,
  }),

  check: (type, value, path, lines, all) => {
    const number = `${lines.use(`valueOf${type.name}`)}(${value})`;
    return `if (${number} < 0) ${refuse(type, value, path, lines, all)}`;
  },
  checkBits: (type, bits, value, path, lines, all) =>
    `if (${bits} < 0) ${refuse(type, value, path, lines, all)}`,
  toBits: ({ name }, value, lines) => `${lines.use(`valueOf${name}`)}(${value})`,
  absentIsZero: false,
  wrongBits: () => undefined,
  fromBits: ({ name }, bits, at, path, lines) =>
    `${lines.use(`nameOf${name}`)}(${bits}, ${lines.use("r")}, ${at}, ${path})`,
  readBits: (type, raw, all) => {
    const found = valuesOf(type, all).find(({ value }) => value === raw);
    if (found === undefined) {
      return { value: raw, meaning: { value: raw }, problem: `${raw} is no value of ${type.name}` };
    }
    return { value: found.name, meaning: { value: found.name, text: String(raw) } };
  },
  writeBits: (type, value, all) => {
    const found = valuesOf(type, all).find(({ name }) => name === value);
    if (found === undefined) throw new Error(`${String(value)} is no value of ${type.name}`);
    return found.value;
  },

  list: "enums",
  inPlace: "an enum written in place",
  declarations,
  functions,
  page: {
    sentence: ({ bits }) => `An enum in ${plural(bits, "bit")}.`,
    head: ["value", "number", "what"],
    number: ({ value }) => String(value),
  },
  choice: { what: "value", of: "enum", rule: "enum-value", changes, renamed },
};

/** In `types.ts`: a union of the names, and a constant of their numbers. */
function declarations(e: Definition, specFile: string): Declaration[] {
  const values = e.values.map(
    (v) => `${docComment(documentation(v, specFile), "  ")}  ${key(v.name)}: ${v.value},\n`,
  );
  const doc = docComment(documentation(e, specFile, ["The number of each name on the wire."]));
  return [
    { kind: "raw", text: `${doc}export const ${e.name} = {\n${values.join("")}} as const;` },
    {
      kind: "alias",
      name: e.name,
      type: `keyof typeof ${e.name}`,
      ...optionalDoc(documentation(e, specFile)),
    },
  ];
}

/** In `codecs.ts`: the number of a name and the name of a number, each where something uses it. */
function functions(e: Definition, used: ReadonlySet<string>, module: Module): Declaration[] {
  const read = [...(counts(e) ? [namesOfTable(e, module)] : []), nameOfFunction(e, module)];
  return [
    ...(used.has(`valueOf${e.name}`) ? [valueOfFunction(e)] : []),
    ...(used.has(`nameOf${e.name}`) ? read : []),
  ];
}

function valueOfFunction(e: Definition): Func {
  const out = new Lines();
  out.add("switch (name) {");
  for (const v of e.values) out.add(`  case ${quote(v.name)}:`, `    return ${v.value};`);
  out.add("  default:", "    return -1;", "}");
  return {
    kind: "function",
    name: `valueOf${e.name}`,
    exported: false,
    parameters: [{ name: "name", type: "string" }],
    returns: "number",
    body: out.text,
    doc: `The number of ${one(e.name)} on the wire; -1 for what is none.`,
  };
}

/** Whether the numbers of an enum are 0, 1, 2 … in this order: then a table has its names. */
function counts(e: Definition): boolean {
  return e.values.every((v, i) => v.value === i);
}

function namesOfTable(e: Definition, module: Module): Declaration {
  const head = `const namesOf${e.name}: readonly ${module.typeOf(e.name)}[] = [`;
  const names = e.values.map((v) => quote(v.name));
  const line = `${head}${names.join(", ")}];`;
  const lines = [head, ...names.map((name) => `  ${name},`), "];"];
  return { kind: "raw", text: line.length <= 100 ? line : lines.join("\n") };
}

function nameOfFunction(e: Definition, module: Module): Func {
  const out = new Lines();
  const refuse = `r.refuse(at, path, \`\${value} is no ${e.name}\`)`;
  if (counts(e)) out.add(`return namesOf${e.name}[value] ?? ${refuse};`);
  else {
    out.add("switch (value) {");
    for (const v of e.values) out.add(`  case ${v.value}:`, `    return ${quote(v.name)};`);
    out.add("  default:", `    return ${refuse};`, "}");
  }
  return {
    kind: "function",
    name: `nameOf${e.name}`,
    exported: false,
    parameters: [
      { name: "value", type: "number" },
      { name: "r", type: module.type(WIRE, "Reader") },
      { name: "at", type: "number" },
      { name: "path", type: "string" },
    ],
    returns: module.typeOf(e.name),
    body: out.text,
    doc: `The ${e.name} of a number that was read at byte \`at\`.`,
  };
}
