/**
 * The `size…` functions of structs and unions: full validation of a value that may be anything, and the bytes that it
 * takes. One check for each member, each with the member's path as a constant. Worst case: linear in the value; one that
 * holds or shares itself is stopped by its depth and by what it would take.
 */
import { isBits, isFixed, isLeaf, kindOf } from "../kinds/kinds.ts";
import { groupsOf, type Lookup, type Named, type NamedType } from "../model/lookup.ts";
import type { StructModel, TypeModel, UnionModel } from "../model/model.ts";
import { depthArgument, elementFixedBytes, scalarBytes, typeText } from "./layout.ts";
import type { Module } from "./module.ts";
import type { Func } from "./source.ts";
import { camel, Lines, membersOf, Names, nameList, one, quote } from "./text.ts";

interface Scope {
  readonly lines: Lines;
  readonly names: Names;
  readonly lookup: Lookup;
  /** Whose function it is. */
  readonly self: Named;
}

const reservedLocals = ["message", "size"];

export function sizeFunction(struct: StructModel, lookup: Lookup, module: Module): Func {
  const scope = open(struct, lookup, module);
  let constant = groupsOf(struct).reduce((sum, part) => sum + part.bitBlockBytes, 0);
  const memberValue = membersOf(struct.members, scope.lines, scope.names);
  for (const member of struct.members) {
    const value = memberValue(member.name);
    const path = quote(member.name);
    if (!member.optional) {
      constant += valueSize(scope, member.type, value, path, camel(member.name));
      continue;
    }
    scope.lines.when(`${value} !== undefined`, () => {
      const more = valueSize(scope, member.type, value, path, camel(member.name));
      if (more > 0) addSize(scope, String(more));
    });
  }
  const body = new Lines(module);
  body.add(...objectCheck(struct, body), ...depthCheck(struct, body));
  if (scope.lines.uses("size")) {
    const prefix = struct.extensible ? `${body.wire("varintSize")}(size) + ` : "";
    body.add(`let size = ${constant};`, ...split(scope.lines.text), ...totalCheck(struct, body));
    body.add(`return ${prefix}size;`);
  } else {
    body.add(
      ...split(scope.lines.text),
      `return ${struct.extensible ? struct.maxBytes : constant};`,
    );
  }
  return sizeFunc(struct, body, module, scope.lines.used);
}

export function unionSizeFunction(union: UnionModel, lookup: Lookup, module: Module): Func {
  const body = new Lines(module);
  const used = new Set<string>();
  body.add(...objectCheck(union, body), ...depthCheck(union, body));
  body.block("switch (message.kind)", () => {
    for (const variant of union.variants) {
      const scope = open(union, lookup, module);
      const tag = varintBytes(variant.tag);
      const more = elementSize(scope, variant.type, "message.value", quote("value"), "value");
      const varies = scope.lines.uses("size");
      body.block(`case ${quote(variant.name)}:`, () => {
        if (varies) body.add(`let size = ${tag + more};`);
        body.add(...split(scope.lines.text), ...(varies ? totalCheck(union, body) : []));
        body.add(`return ${varies ? "size" : tag + more};`);
      });
      for (const name of scope.lines.used) used.add(name);
    }
    const names = quote(nameList(union.variants));
    body.add("default:");
    body.add(
      `  return ${body.wire("invalidKind")}("kind", (message as { kind?: unknown }).kind, ${names});`,
    );
  });
  return sizeFunc(union, body, module, used);
}

function open(self: Named, lookup: Lookup, module: Module): Scope {
  return {
    lines: new Lines(module),
    names: new Names([...reservedLocals, ...(self.recursion ? ["depth"] : [])]),
    lookup,
    self,
  };
}

function sizeFunc(self: Named, body: Lines, module: Module, uses: ReadonlySet<string>): Func {
  const depth = self.recursion ? [{ name: "depth", type: "number = 0" }] : [];
  return {
    kind: "function",
    name: `size${self.name}`,
    parameters: [{ name: "message", type: module.typeOf(self.name) }, ...depth],
    returns: "number",
    body: body.text,
    uses,
    doc: `The bytes ${one(self.name)} takes. Throws InvalidMessageError with the path of a wrong member.`,
  };
}

/** What every list has, whatever is in it. */
const ofLists: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Array.prototype));

/** That a value is an object and no list; one that lacks a member is refused when that is checked. */
export function objectCheck(self: Named, lines: Lines, value = "message"): string[] {
  const tells = "variants" in self || self.members.some((m) => !m.optional && !ofLists.has(m.name));
  const list = tells ? [] : [`${lines.wire("checkNoList")}(${value});`];
  return [`${lines.wire("checkObject")}(${value});`, ...list];
}

function depthCheck(self: Named, lines: Lines): string[] {
  const { recursion } = self;
  if (recursion?.head !== self.name) return [];
  return [`${lines.wire("checkDepth")}(depth, ${recursion.maxDepth});`];
}

/** Where the head has a bound of its own, or after each part of a cycle, so that no walk is longer than the bound. */
function totalCheck(self: Named, lines: Lines): string[] {
  const { recursion } = self;
  const bounded = recursion?.head === self.name && recursion.maxBytes !== undefined;
  return bounded ? [`${lines.wire("checkTotal")}(size, ${recursion.maxBytes});`] : [];
}

function varintBytes(value: number): number {
  return value < 128 ? 1 : 1 + varintBytes(Math.floor(value / 128));
}

function split(text: string): string[] {
  return text === "" ? [] : text.split("\n");
}

function addSize({ lines }: Scope, text: string): void {
  lines.add(`${lines.use("size")} += ${text};`);
}

/** As valueSize, of a value that stands by itself: bits take whole bytes. */
function elementSize(
  scope: Scope,
  type: TypeModel,
  value: string,
  path: string,
  base: string,
): number {
  const more = valueSize(scope, type, value, path, base);
  return isBits(type) ? Math.ceil(type.bits / 8) : more;
}

/** Adds the checks of one value and what it adds to `size`; returns the bytes that are always there. */
function valueSize(
  scope: Scope,
  type: TypeModel,
  value: string,
  path: string,
  base: string,
): number {
  const { lines, lookup } = scope;
  if (isBits(type)) {
    lines.add(kindOf(type).check(type, value, path, lines, lookup));
    return 0;
  }
  if (isFixed(type)) {
    lines.add(kindOf(type).check(type, value, path, lines));
    return type.bytes;
  }
  if (isLeaf(type)) {
    addSize(scope, kindOf(type).checkedSize(type, value, path, lines));
    return 0;
  }
  switch (type.kind) {
    case "struct":
    case "union":
      namedSize(scope, type, value, path);
      return 0;
    case "list":
    case "array":
      return listSize(scope, type, value, path, base);
    case "map":
      mapSize(scope, type, value, path, base);
      return 0;
  }
}

function namedSize(scope: Scope, type: NamedType, value: string, path: string): void {
  const { lines, lookup, self } = scope;
  const depth = depthArgument(self, lookup.named(type));
  const call = (): void => addSize(scope, `size${type.name}(${value}${depth})`);
  if (path === '""') call();
  else {
    lines.block("try", call);
    lines.chain("catch (error)", () =>
      lines.add(`${lines.wire("rethrowWithin")}(error, ${path});`),
    );
  }
  if (depth !== "") lines.add(`${lines.wire("checkTotal")}(size, ${self.maxBytes});`);
}

function listSize(
  scope: Scope,
  type: Extract<TypeModel, { kind: "list" | "array" }>,
  value: string,
  path: string,
  base: string,
): number {
  const { lines, names, lookup } = scope;
  const list = names.take(base);
  const index = names.take("i");
  const inline = isBits(type.of) || scalarBytes(type.of) > 0;
  const bytes = elementFixedBytes(type.of, lookup);
  lines.add(`const ${list} = ${value};`);
  let constant = 0;
  if (type.kind === "array") {
    lines.add(`${lines.wire("checkArray")}(${path}, ${list}, ${type.length});`);
    if (inline) constant = type.length * bytes;
  } else {
    lines.add(`${lines.wire("checkList")}(${path}, ${list}, ${type.max});`);
    const each = inline ? ` + ${list}.length${bytes === 1 ? "" : ` * ${bytes}`}` : "";
    addSize(scope, `${lines.wire("varintSize")}(${list}.length)${each}`);
  }
  lines.add(`let ${index} = 0;`);
  lines.block("try", () => {
    lines.block(`for (; ${index} < ${list}.length; ${index}++)`, () => {
      const item = names.take("item");
      lines.add(`const ${item} = ${list}[${index}]!;`);
      const more = valueSize(scope, type.of, item, '""', "inner");
      if (!inline && more > 0) addSize(scope, String(more));
    });
  });
  lines.chain("catch (error)", () => {
    lines.add(`${lines.wire("rethrowWithin")}(error, ${indexPath(path, index)});`);
  });
  return constant;
}

function mapSize(
  scope: Scope,
  type: Extract<TypeModel, { kind: "map" }>,
  value: string,
  path: string,
  base: string,
): void {
  const { lines, names } = scope;
  const map = names.take(base);
  const index = names.take("i");
  const key = names.take("key");
  const entryKey = names.take("entryKey");
  const entryValue = names.take("entryValue");
  lines.add(`const ${map} = ${value};`);
  lines.add(`${lines.wire("checkMap")}(${path}, ${map}, ${type.max});`);
  addSize(scope, `${lines.wire("varintSize")}(${map}.size)`);
  lines.add(`let ${index} = 0;`);
  lines.add(`let ${key}: ${typeText(type.key, lines.module.typeOf)} | undefined;`);
  lines.block("try", () => {
    lines.block(`for (const [${entryKey}, ${entryValue}] of ${map})`, () => {
      lines.add(`${key} = undefined;`);
      const bytes = elementSize(scope, type.key, entryKey, '""', "inner");
      lines.add(`${key} = ${entryKey};`);
      const more = bytes + elementSize(scope, type.value, entryValue, '""', "inner");
      if (more > 0) addSize(scope, String(more));
      lines.add(`${index}++;`);
    });
  });
  lines.chain("catch (error)", () => {
    const inside = `${lines.wire("entryPath")}(${path}, ${key}, ${index})`;
    lines.add(`${lines.wire("rethrowWithin")}(error, ${inside});`);
  });
}

/** The path of a list's element: `"entities"` and `i` as a template. */
export function indexPath(path: string, index: string): string {
  const outer = path.slice(1, -1).replaceAll("`", "\\`").replaceAll("${", "\\${");
  return `\`${outer}[\${${index}}]\``;
}
