/**
 * What a member is where the writer's version did not have it: the spec's `default`, or the zero value of its type
 * (0 or the nearest in range, false, the smallest enum value, nothing in text, lists and maps, a struct of zeros, the
 * first variant that ends).
 */
import { isLeaf, kindOf } from "../kinds/kinds.ts";
import { type Lookup, type Named, reachedFrom } from "../model/lookup.ts";
import type { MemberModel, Model, TypeModel } from "../model/model.ts";
import type { Func } from "../print/declarations.ts";
import type { Module } from "../print/module.ts";
import { Lines, one, property, quote } from "../print/text.ts";
import { firstThatEnds } from "./layout.ts";

export function defaultText(
  member: MemberModel,
  self: Named,
  lookup: Lookup,
  lines: Lines,
): string {
  const given = member.default;
  if (given === undefined)
    return member.optional ? "undefined" : zeroText(member.type, lookup, lines);
  if (!isLeaf(member.type)) throw new Error(`${self.name} has a default that is none`);
  const kind = kindOf(member.type);
  return kind.valueText(member.type, kind.given(member.type, given), lines);
}

function zeroText(type: TypeModel, lookup: Lookup, lines: Lines): string {
  if (isLeaf(type)) {
    const kind = kindOf(type);
    return kind.valueText(type, kind.zero(type, lookup), lines);
  }
  switch (type.kind) {
    case "list":
      return "[]";
    case "array":
      return `Array.from({ length: ${type.length} }, () => ${zeroText(type.of, lookup, lines)})`;
    case "map":
      return "new Map()";
    case "struct":
    case "union":
      return `zero${type.name}()`;
  }
}

/** Functions for the zero values of structs and unions that a later group of members may need. */
export function zeroFunctions(model: Model, lookup: Lookup, module: Module): Func[] {
  const added = model.structs.flatMap(({ members }) =>
    members.filter((m) => m.since !== undefined && !m.optional).map((m) => m.type),
  );
  const needed = new Set(reachedFrom(added, lookup, inZeroOf));
  const all: Named[] = [...model.structs, ...model.unions];
  return all.filter((named) => needed.has(named)).map((n) => zeroFunction(n, lookup, module));
}

/** The types whose zero value is a part of that of `type`. */
function inZeroOf(type: TypeModel, lookup: Lookup): readonly TypeModel[] {
  switch (type.kind) {
    case "array":
      return [type.of];
    case "union":
      return [firstThatEnds(lookup.union(type.name), lookup).type];
    case "struct": {
      const { members } = lookup.struct(type.name);
      return members.filter((m) => !m.optional && m.default === undefined).map((m) => m.type);
    }
    default:
      return [];
  }
}

function zeroFunction(self: Named, lookup: Lookup, module: Module): Func {
  const body = new Lines(module);
  if ("variants" in self) {
    const { name, type } = firstThatEnds(self, lookup);
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
