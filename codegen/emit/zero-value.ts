/**
 * What a member is where the writer's version did not have it: the spec's `default`, or the zero value of its type
 * (0 or the nearest in range, false, the smallest enum value, nothing in text, lists and maps, a struct of zeros, the
 * first variant that ends). Also the values that testing.ts makes of indices.
 */
import type { MemberModel, Model, TypeModel } from "../model/model.ts";
import {
  enumNamed,
  isNamed,
  type Lookup,
  type Named,
  needsHead,
  structNamed,
  unionNamed,
} from "./layout.ts";
import type { Module } from "./module.ts";
import type { Func } from "./source.ts";
import { Lines, number, one, property, quote } from "./text.ts";

export function defaultText(
  member: MemberModel,
  self: Named,
  lookup: Lookup,
  lines: Lines,
): string {
  const given = member.default;
  if (given === undefined)
    return member.optional ? "undefined" : zeroText(member.type, lookup, lines);
  const { type } = member;
  if (type.kind === "quantised") {
    return quantisedText(type, given as number, lines);
  }
  if (type.kind === "integer" && type.bytes === 8 && type.as === undefined) return `${given}n`;
  if (type.kind === "float") {
    if (type.bytes === 2) {
      return `${lines.wire("fromHalf")}(${lines.wire("toHalf")}(${number(given as number)}))`;
    }
    return number(type.bytes === 4 ? Math.fround(given as number) : (given as number));
  }
  if (typeof given === "string") return quote(given);
  if (typeof given === "number") return number(given);
  if (typeof given === "boolean") return String(given);
  throw new Error(`${self.name} has a default that is none`);
}

type Quantised = Extract<TypeModel, { kind: "quantised" }>;

/** The step nearest to a value, as the decoder computes it. */
function quantisedText(type: Quantised, value: number, lines: Lines): string {
  const { min, max, steps } = type;
  const index = Math.round(((value - min) / (max - min)) * steps);
  return indexText(type, String(Math.max(0, Math.min(steps, index))), lines);
}

/** The value of a quantised number at an index, as the decoder computes it. */
export function indexText(type: Quantised, index: string, lines: Lines): string {
  const { min, max, steps } = type;
  if (!type.integer) {
    return `${lines.wire("dequantise")}(${index}, ${number(min)}, ${number(max)}, ${steps})`;
  }
  const step = (max - min) / steps;
  const scaled = step === 1 ? index : `${index} * ${step}`;
  return min === 0 ? scaled : `${number(min)} + ${scaled}`;
}

function zeroText(type: TypeModel, lookup: Lookup, lines: Lines): string {
  switch (type.kind) {
    case "integer":
      return type.bytes === 8 && type.as === undefined ? "0n" : "0";
    case "varint":
    case "float":
      return "0";
    case "bool":
      return "false";
    case "quantised":
      return quantisedText(type, Math.max(type.min, Math.min(type.max, 0)), lines);
    case "enum":
      return quote(enumNamed(lookup, type.name).values[0]!.name);
    case "string":
      return '""';
    case "bytes":
      return "new Uint8Array(0)";
    case "list":
      return "[]";
    case "array":
      return `Array.from({ length: ${type.length} }, () => ${arrow(zeroText(type.of, lookup, lines))})`;
    case "map":
      return "new Map()";
    case "struct":
    case "union":
      return `zero${type.name}()`;
  }
}

function arrow(text: string): string {
  return text.startsWith("{") ? `(${text})` : text;
}

/** Functions for the zero values of structs and unions that a later group of members may need. */
export function zeroFunctions(model: Model, lookup: Lookup, module: Module): Func[] {
  const needed = new Set<string>();
  const visit = (type: TypeModel): void => {
    if (type.kind === "array") visit(type.of);
    if (!isNamed(type) || needed.has(type.name)) return;
    needed.add(type.name);
    if (type.kind === "union") visit(firstThatEnds(type.name, lookup).type);
    else {
      for (const m of structNamed(lookup, type.name).members) {
        if (!m.optional && m.default === undefined) visit(m.type);
      }
    }
  };
  for (const struct of model.structs) {
    for (const member of struct.members) {
      if (member.since !== undefined && !member.optional) visit(member.type);
    }
  }
  const all: Named[] = [...model.structs, ...model.unions];
  return all.filter((n) => needed.has(n.name)).map((n) => zeroFunction(n, lookup, module));
}

function firstThatEnds(name: string, lookup: Lookup) {
  const { variants, recursion } = unionNamed(lookup, name);
  const head = recursion?.head;
  const ends = (type: TypeModel) => head === undefined || !needsHead(type, head, lookup);
  return variants.find((v) => ends(v.type)) ?? variants[0]!;
}

function zeroFunction(self: Named, lookup: Lookup, module: Module): Func {
  const body = new Lines(module);
  if ("variants" in self) {
    const { name, type } = firstThatEnds(self.name, lookup);
    body.add(`return { kind: ${quote(name)}, value: ${zeroText(type, lookup, body)} };`);
  } else {
    body.block(
      "return",
      () => {
        for (const m of self.members) {
          body.add(`${property(m.name, defaultText(m, self, lookup, body))},`);
        }
      },
      ";",
    );
  }
  return {
    kind: "function",
    name: `zero${self.name}`,
    exported: false,
    parameters: [],
    returns: module.typeOf(self.name),
    body: body.text,
    doc: `What ${one(self.name)} is for a reader whose writer did not know it.`,
  };
}
