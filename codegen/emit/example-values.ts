/**
 * The examples and arbitraries of testing.ts: for every struct and union that a channel uses, `$example…` and `$any…`
 * (nothing that the file declares for itself begins with `$`). Not
 * the tables of channels around them. Recursive types end: an example as soon as it can, an arbitrary after a few levels.
 */
import { isLeaf, kindOf } from "../kinds/kinds.ts";
import { type Lookup, type Named, reachedFrom } from "../model/lookup.ts";
import type { Model, StructModel, TypeModel, UnionModel } from "../model/model.ts";
import { type Func, usedFunctions } from "../print/declarations.ts";
import type { Module } from "../print/module.ts";
import { key, Lines, quote } from "../print/text.ts";
import { depthArgument, needsHead } from "./layout.ts";

/** Levels of a recursive type in an arbitrary, and elements of it on each: beyond, tests would only be slow. */
const ARBITRARY_DEPTH = 4;
const ARBITRARY_ELEMENTS = 3;

/** All that the messages of the channels come to: an example shows one variant of a union, the others have no use for theirs. */
export function valueFunctions(model: Model, lookup: Lookup, module: Module): Func[] {
  const makers = new Map<string, () => Func>();
  for (const union of model.unions) {
    makers.set(`$example${union.name}`, () => unionExample(union, lookup, module));
    makers.set(`$any${union.name}`, () => unionAny(union, lookup, module));
  }
  for (const struct of model.structs) {
    makers.set(`$example${struct.name}`, () => structExample(struct, lookup, module));
    makers.set(`$any${struct.name}`, () => structAny(struct, lookup, module));
  }
  const messages = [...model.channels, ...(model.system ?? [])].map(({ message }) => message);
  const parts = model.channels.flatMap(({ request }) =>
    request ? [request.request, request.response] : [],
  );
  const roots = [...messages, ...parts].flatMap((name) => [`$example${name}`, `$any${name}`]);
  return usedFunctions(roots, makers);
}

/** Whether a message may hold a recursive value that has a bound of its own on its bytes. */
export function isCapped(message: string, lookup: Lookup): boolean {
  const reached = reachedFrom([{ kind: "struct", name: message }], lookup);
  return reached.some(({ recursion }) => recursion?.maxBytes !== undefined);
}

function exampleFunc(self: Named, lines: Lines): Func {
  return {
    kind: "function",
    name: `$example${self.name}`,
    exported: false,
    parameters: [],
    returns: lines.module.typeOf(self.name),
    body: lines.text,
    uses: lines.used,
  };
}

function structExample(struct: StructModel, lookup: Lookup, module: Module): Func {
  const lines = new Lines(module);
  lines.block(
    "return",
    () => {
      for (const m of struct.members) {
        // A required head comes to an end by itself, or there would be no value at all.
        const left = m.optional && isEndless(m.type, struct, lookup);
        const value = left ? "undefined" : exampleText(m.type, struct, lookup, lines);
        lines.add(`${key(m.name)}: ${value},`);
      }
    },
    ";",
  );
  return exampleFunc(struct, lines);
}

function unionExample(union: UnionModel, lookup: Lookup, module: Module): Func {
  const lines = new Lines(module);
  const { name, type } =
    union.variants.find((v) => !isEndless(v.type, union, lookup)) ?? union.variants[0]!;
  const value = exampleText(type, union, lookup, lines);
  return exampleFunc(union, lines.add(`return { kind: ${quote(name)}, value: ${value} };`));
}

/** Whether a value would have to go one level deeper. */
function isEndless(type: TypeModel, self: Named, lookup: Lookup): boolean {
  const head = self.recursion?.head;
  return head !== undefined && needsHead(type, head, lookup);
}

function exampleText(type: TypeModel, self: Named, lookup: Lookup, lines: Lines): string {
  if (isLeaf(type)) {
    const kind = kindOf(type);
    return kind.valueText(type, kind.usual(type, lookup), lines);
  }
  switch (type.kind) {
    case "list": {
      if (isEndless(type.of, self, lookup)) return "[]";
      const item = exampleText(type.of, self, lookup, lines);
      return `[${Array.from({ length: Math.min(2, type.max) }, () => item).join(", ")}]`;
    }
    case "array": {
      const item = exampleText(type.of, self, lookup, lines);
      return `Array.from({ length: ${type.length} }, () => ${item})`;
    }
    case "map": {
      if (isEndless(type.value, self, lookup)) return "new Map()";
      const entry = exampleText(type.key, self, lookup, lines);
      const value = exampleText(type.value, self, lookup, lines);
      return `new Map([[${entry}, ${value}]])`;
    }
    case "struct":
    case "union":
      return `${lines.use(`$example${type.name}`)}()`;
  }
}

function anyFunc(self: Named, lines: Lines): Func {
  const { module } = lines;
  const depth = self.recursion ? [{ name: "depth", type: "number = 0" }] : [];
  return {
    kind: "function",
    name: `$any${self.name}`,
    exported: false,
    parameters: [{ name: "fc", type: module.type("stardust-udp", "FastCheck") }, ...depth],
    returns: `${module.type("stardust-udp", "Arbitrary")}<${module.typeOf(self.name)}>`,
    body: lines.text,
    uses: lines.used,
  };
}

function structAny(struct: StructModel, lookup: Lookup, module: Module): Func {
  const lines = new Lines(module);
  const { members } = struct;
  const text = (m: (typeof members)[number]) => {
    const of = anyText(m.type, struct, lookup, lines);
    if (!m.optional) return of;
    const option = `fc.option(${of}, { nil: undefined })`;
    return deeper(m.type, struct, lookup, option, "fc.constant(undefined)");
  };
  if (members.some((m) => m.name === "__proto__")) {
    // fast-check's record would set the prototype.
    lines.add(`return fc.tuple(${members.map(text).join(", ")}).map((m) => ({`);
    members.forEach((m, i) => {
      lines.add(`  ${key(m.name)}: m[${i}],`);
    });
    return anyFunc(struct, lines.add("}));"));
  }
  lines.add("return fc.record({");
  for (const m of members) lines.add(`  ${key(m.name)}: ${text(m)},`);
  return anyFunc(struct, lines.add("}, { noNullPrototype: true });"));
}

function unionAny(union: UnionModel, lookup: Lookup, module: Module): Func {
  const lines = new Lines(module);
  const variant = ({ name, type }: UnionModel["variants"][number]) =>
    `fc.record({ kind: fc.constant(${quote(name)} as const), value: ${anyText(type, union, lookup, lines)} }, { noNullPrototype: true }),`;
  const endless = union.variants.filter((v) => isEndless(v.type, union, lookup));
  const all = (variants: UnionModel["variants"]) => {
    lines.add("return fc.oneof(");
    for (const v of variants) lines.add(`  ${variant(v)}`);
    lines.add(");");
  };
  if (endless.length > 0 && endless.length < union.variants.length) {
    lines.block(`if (${isLast(union)})`, () => {
      all(union.variants.filter((v) => !endless.includes(v)));
    });
  }
  all(union.variants);
  return anyFunc(union, lines);
}

/** Whether what a function makes may not hold another head. */
function isLast(self: Named): string {
  const { head, maxDepth } = self.recursion!;
  const levels = Math.min(ARBITRARY_DEPTH, maxDepth);
  return `depth >= ${self.name === head ? levels - 1 : levels}`;
}

/** What goes one level deeper, or, on the last level, what does not. */
function deeper(type: TypeModel, self: Named, lookup: Lookup, more: string, last: string): string {
  return isEndless(type, self, lookup) ? `${isLast(self)} ? ${last} : ${more}` : more;
}

function anyText(type: TypeModel, self: Named, lookup: Lookup, lines: Lines): string {
  if (isLeaf(type)) return kindOf(type).arbitraryText(type, lines, lookup);
  switch (type.kind) {
    case "list": {
      const most = bounded(type.of, type.max, self, lookup);
      const of = `fc.array(${anyText(type.of, self, lookup, lines)}, { maxLength: ${most} })`;
      return deeper(type.of, self, lookup, of, "fc.constant([])");
    }
    case "array": {
      const of = anyText(type.of, self, lookup, lines);
      return `fc.array(${of}, { minLength: ${type.length}, maxLength: ${type.length} })`;
    }
    case "map": {
      const most = bounded(type.value, type.max, self, lookup);
      const entry = `${anyText(type.key, self, lookup, lines)}, ${anyText(type.value, self, lookup, lines)}`;
      const keys = `selector: (entry) => entry[0], maxLength: ${most}`;
      const of = `fc.uniqueArray(fc.tuple(${entry}), { ${keys} }).map((entries) => new Map(entries))`;
      return deeper(type.value, self, lookup, of, "fc.constant(new Map())");
    }
    case "struct":
    case "union":
      return `${lines.use(`$any${type.name}`)}(fc${depthArgument(self, lookup.named(type))})`;
  }
}

/** Fewer elements where each may branch again. */
function bounded(of: TypeModel, max: number, self: Named, lookup: Lookup): number {
  const head = self.recursion?.head;
  const branches = head !== undefined && reachedFrom([of], lookup).some((n) => n.name === head);
  return branches ? Math.min(max, ARBITRARY_ELEMENTS) : max;
}
