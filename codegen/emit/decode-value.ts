/**
 * Reads of single values for the `decode…` functions: numbers, text, lists, arrays, maps, structs and
 * unions, as members or as elements. Every length is checked before it is used, and every error says where it is.
 */
import {
  type BitType,
  type FixedType,
  isBits,
  isFixed,
  isLeaf,
  kindOf,
  type VaryingType,
} from "../kinds/kinds.ts";
import type { Lookup, Named, NamedType } from "../model/lookup.ts";
import type { TypeModel, UnionModel } from "../model/model.ts";
import { hex, offsetText, readBitsText } from "../print/bits.ts";
import type { Func } from "../print/declarations.ts";
import { type Module, WIRE } from "../print/module.ts";
import { Lines, Names, one, quote } from "../print/text.ts";
import { depthArgument, elementFixedBytes, elementMinBytes, typeText } from "./layout.ts";
import { indexPath, localsOf } from "./plan.ts";

export interface DecodeScope {
  readonly lines: Lines;
  readonly names: Names;
  readonly lookup: Lookup;
  /** Whose function it is. */
  readonly self: Named;
}

/** Lists of at most so many elements are made in their full length. */
const MAX_MADE_WHOLE = 4096;

type ListType = Extract<TypeModel, { kind: "list" | "array" }>;
type MapType = Extract<TypeModel, { kind: "map" }>;

export function openScope(self: Named, lookup: Lookup, module: Module): DecodeScope {
  return { lines: new Lines(module), names: new Names(localsOf(self)), lookup, self };
}

export function depthParameter(self: Named): { name: string; type: string }[] {
  return self.recursion ? [{ name: "depth", type: "number = 0" }] : [];
}

export function readerParameter(lines: Lines): { name: string; type: string } {
  const name = lines.uses("r") || lines.uses("view") ? "r" : "_r";
  return { name, type: readerType(lines.module) };
}

export function readerType(module: Module): string {
  return module.type(WIRE, "Reader");
}

export function withView(lines: Lines): string {
  return lines.uses("view") ? `const view = r.view;\n${lines.text}` : lines.text;
}

/** How deep a head lies, before anything of it is read. Says whether `from` is needed behind it. */
export function beginRecursion(self: Named, lines: Lines): void {
  const { recursion } = self;
  if (recursion?.head !== self.name) return;
  lines.add(`${lines.use("r")}.checkDepth(depth, ${recursion.maxDepth});`);
  if (recursion.maxBytes !== undefined) lines.add(`const from = ${lines.use("r")}.at;`);
}

export function endRecursion(self: Named, lines: Lines): void {
  const { recursion } = self;
  if (recursion?.head !== self.name || recursion.maxBytes === undefined) return;
  lines.add(`${lines.use("r")}.checkTotal(from, ${recursion.maxBytes});`);
}

export function unionDecodeFunction(union: UnionModel, lookup: Lookup, module: Module): Func {
  const outer = openScope(union, lookup, module);
  const { lines } = outer;
  beginRecursion(union, lines);
  lines.add(`const at = ${lines.use("r")}.at;`, 'const tag = r.varint("kind");');
  lines.block("switch (tag)", () => {
    for (const variant of union.variants) {
      lines.block(`case ${variant.tag}:`, () => {
        const scope = { ...openScope(union, lookup, module), lines };
        const value = readOne(scope, variant.type, "value", "value");
        endRecursion(union, lines);
        const shown = value === "value" ? value : `value: ${value}`;
        lines.add(`return { kind: ${quote(variant.name)}, ${shown} };`);
      });
    }
    lines.add("default:");
    lines.add(`  return r.refuse(at, "kind", \`\${tag} is no variant of ${union.name}\`);`);
  });
  return {
    kind: "function",
    name: `decode${union.name}`,
    parameters: [readerParameter(lines), ...depthParameter(union)],
    returns: module.typeOf(union.name),
    body: withView(lines),
    uses: lines.used,
    doc: `Reads ${one(union.name)}. Throws MalformedError for bytes that no encoder writes.`,
  };
}

/** Reads a value that stands by itself: of a member, or of an element, where `member` is "". Returns its expression. */
function readOne(scope: DecodeScope, type: TypeModel, hint: string, member: string): string {
  const path = quote(member);
  if (isSimple(type)) return simpleText(type, path, scope.lines);
  const name = scope.names.take(hint);
  if (isBits(type)) {
    const at = scope.names.take("itemAt");
    const place = `${scope.lines.use("r")}.take(${Math.ceil(type.bits / 8)}, ${path})`;
    const value = readBits(scope, type, at, place, path);
    scope.lines.add(`const ${name} = ${value};`);
  } else readInto(scope, type, name, member);
  return name;
}

/** Declares `name` and reads into it. */
export function readInto(scope: DecodeScope, type: TypeModel, name: string, member: string): void {
  const { lines } = scope;
  const text = typeText(type, lines.module.typeOf);
  if (type.kind === "list" || type.kind === "array") {
    readList(scope, type, name, member, (made) => `const ${name}: ${text} = ${made};`);
  } else if (type.kind === "map") {
    lines.add(`const ${name}: ${text} = new Map();`);
    readMap(scope, type, name, member);
  } else {
    lines.add(`let ${name}: ${text};`);
    assignRead(scope, type, name, member);
  }
}

/** Reads into the variable `name`, which is declared and may be undefined. */
export function assignRead(
  scope: DecodeScope,
  type: TypeModel,
  name: string,
  member: string,
): void {
  const { lines, lookup, self } = scope;
  if (type.kind === "list" || type.kind === "array") {
    readList(scope, type, name, member, (made) => `${name} = ${made};`);
    return;
  }
  if (type.kind === "map") {
    lines.add(`${name} = new Map();`);
    readMap(scope, type, name, member);
    return;
  }
  const { name: made } = type as NamedType;
  const depth = depthArgument(self, lookup.named(type as NamedType));
  lines.block("try", () => {
    lines.add(`${name} = decode${made}(${lines.use("r")}${depth});`);
  });
  lines.chain("catch (error)", () => {
    lines.add(`${lines.wire("rethrowWithin")}(error, ${quote(member)});`);
  });
}

/** Whether a read needs no statement of its own. */
export function isSimple(type: TypeModel): type is FixedType | VaryingType {
  return isLeaf(type) && !isBits(type);
}

export function simpleText(type: FixedType | VaryingType, path: string, lines: Lines): string {
  if (!isFixed(type)) return kindOf(type).get(type, path, lines);
  return kindOf(type).get(type, `${lines.use("r")}.take(${type.bytes}, ${path})`, path, lines);
}

/** Reads into the variable `list`; `begin` is the statement that sets it to a new list. */
function readList(
  scope: DecodeScope,
  type: ListType,
  list: string,
  member: string,
  begin: (made: string) => string,
): void {
  const { lines, names, lookup } = scope;
  const path = quote(member);
  const { of } = type;
  const minBytes = elementMinBytes(of, lookup);
  // Fixed elements are bounds-checked together; then only their values can be wrong, or nothing at all.
  const together = isBits(of) || isFixed(of);
  const bytes = elementFixedBytes(of, lookup);
  let count = "";
  let total = "";
  if (type.kind === "array") {
    count = String(type.length);
    total = String(type.length * bytes);
    if (!together) lines.add(`${lines.use("r")}.atLeast(${type.length * minBytes}, ${path});`);
  } else {
    count = names.take(`${list}Count`);
    total = `${count}${bytes === 1 ? "" : ` * ${bytes}`}`;
    lines.add(`const ${count} = ${lines.use("r")}.count(${type.max}, ${minBytes}, ${path});`);
  }
  // One that grows by storing takes more memory; large ones that do not grow are slow in V8.
  const most = type.kind === "array" ? type.length : type.max;
  lines.add(begin(most <= MAX_MADE_WHOLE ? `new Array(${count})` : "[]"));
  const index = names.take("i");
  const from = together ? names.take(`${list}At`) : "";
  if (together) lines.add(`const ${from} = ${lines.use("r")}.take(${total}, ${path});`);
  const loop = (head: string) =>
    lines.block(head, () => readElement(scope, of, list, index, from, bytes));
  if (isFixed(of) && kindOf(of).takesAll(of)) {
    loop(`for (let ${index} = 0; ${index} < ${count}; ${index}++)`);
  } else {
    lines.add(`let ${index} = 0;`);
    lines.block("try", () => loop(`for (; ${index} < ${count}; ${index}++)`));
    lines.chain("catch (error)", () => {
      lines.add(`${lines.wire("rethrowWithin")}(error, ${indexPath(member, index)});`);
    });
  }
}

function readElement(
  scope: DecodeScope,
  of: TypeModel,
  list: string,
  index: string,
  from: string,
  bytes: number,
): void {
  const { lines, names, lookup, self } = scope;
  const place = bytes === 1 ? `${from} + ${index}` : `${from} + ${index} * ${bytes}`;
  const element = `${list}[${index}]`;
  if (isBits(of)) {
    const at = names.take("itemAt");
    lines.add(`${element} = ${readBits(scope, of, at, place, '""')};`);
  } else if (isFixed(of)) {
    lines.add(`${element} = ${kindOf(of).get(of, place, '""', lines)};`);
  } else if (isSimple(of)) lines.add(`${element} = ${simpleText(of, '""', lines)};`);
  else if (of.kind === "struct" || of.kind === "union") {
    const depth = depthArgument(self, lookup.named(of));
    lines.add(`${element} = decode${of.name}(${lines.use("r")}${depth});`);
  } else {
    const inner = names.take("inner");
    readInto(scope, of, inner, "");
    lines.add(`${element} = ${inner};`);
  }
}

function readMap(scope: DecodeScope, type: MapType, map: string, member: string): void {
  const { lines, names, lookup } = scope;
  const path = quote(member);
  const count = names.take(`${map}Count`);
  const index = names.take("i");
  const key = names.take("key");
  const least = elementMinBytes(type.key, lookup) + elementMinBytes(type.value, lookup);
  lines.add(`const ${count} = ${lines.use("r")}.count(${type.max}, ${least}, ${path});`);
  lines.add(`let ${index} = 0;`);
  lines.add(`let ${key}: ${typeText(type.key, lines.module.typeOf)} | undefined;`);
  lines.block("try", () => {
    lines.block(`for (; ${index} < ${count}; ${index}++)`, () => {
      const at = names.take("keyAt");
      const entryKey = names.take("entryKey");
      lines.add(`${key} = undefined;`, `const ${at} = ${lines.use("r")}.at;`);
      lines.add(`const ${entryKey} = ${readEntry(scope, type.key)};`);
      lines.add(
        `if (${map}.has(${entryKey})) ${lines.use("r")}.refuse(${at}, "", "a key that came before");`,
      );
      lines.add(`${key} = ${entryKey};`);
      lines.add(`${map}.set(${entryKey}, ${readEntry(scope, type.value)});`);
    });
  });
  lines.chain("catch (error)", () => {
    const inside = `${lines.wire("entryPath")}(${path}, ${key}, ${index})`;
    lines.add(`${lines.wire("rethrowWithin")}(error, ${inside});`);
  });
}

/** An element whose place in the path the caller knows. */
function readEntry(scope: DecodeScope, type: TypeModel): string {
  if (type.kind !== "struct" && type.kind !== "union") return readOne(scope, type, "inner", "");
  return `decode${type.name}(${scope.lines.use("r")}${depthArgument(scope.self, scope.lookup.named(type))})`;
}

export function checkPadding(
  scope: DecodeScope,
  used: number,
  blockBytes: number,
  at: string,
  byte: (i: number) => string,
): void {
  const padding = blockBytes * 8 - used;
  if (padding === 0) return;
  const last = offsetText(at, blockBytes - 1);
  const refuse = `${scope.lines.use("r")}.refuse(${last}, "", "padding bits are not zero")`;
  scope.lines.add(`if ((${byte(blockBytes - 1)} & 0x${hex(2 ** padding - 1)}) !== 0) ${refuse};`);
}

/** Bits that stand by themselves at `place`; returns the expression of their value. */
function readBits(
  scope: DecodeScope,
  type: BitType,
  at: string,
  place: string,
  path: string,
): string {
  const { lines, names } = scope;
  const bits = names.take("bits");
  lines.add(`const ${at} = ${place};`);
  const byte = (i: number) => `${lines.use("view")}.getUint8(${offsetText(at, i)})`;
  checkPadding(scope, type.bits, Math.ceil(type.bits / 8), at, byte);
  lines.add(`const ${bits} = ${readBitsText(0, type.bits, byte)};`);
  checkBits(scope, type, bits, at, path);
  return kindOf(type).fromBits(type, bits, at, path, lines);
}

/** Refuses bits that no writer writes. */
export function checkBits(
  scope: DecodeScope,
  type: BitType,
  bits: string,
  at: string,
  path: string,
): void {
  const { lines, lookup } = scope;
  const wrong = kindOf(type).wrongBits(type, bits, lookup);
  if (wrong === undefined) return;
  lines.add(`if (${wrong.condition}) ${lines.use("r")}.refuse(${at}, ${path}, ${wrong.problem});`);
}
