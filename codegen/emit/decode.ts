/**
 * The `decode…` and `update…` functions of a struct: the same reads, into a new object or into one that exists. Every
 * length is checked before it is used; each run of fixed members costs one bounds check. Objects are always built with all
 * members in the spec's order (an absent one is undefined), so that they share one shape.
 */
import type { MemberModel, StructModel, TypeModel } from "../model/model.ts";
import { isRun, planOf, reservedLocals, sumBytes } from "./encode.ts";
import {
  type BitType,
  elementFixedBytes,
  elementMinBytes,
  isBits,
  type Lookup,
  offsetText,
  readBitsText,
  readBoolText,
  scalarBytes,
  typeText,
  viewName,
} from "./layout.ts";
import { indexPath } from "./size.ts";
import type { Func } from "./source.ts";
import { access, camel, Lines, Names, number, one, pascal, property, quote } from "./text.ts";

interface Scope {
  readonly lines: Lines;
  readonly names: Names;
  readonly lookup: Lookup;
  /** Whether an existing object is filled. */
  readonly update: boolean;
}

export function decodeFunction(struct: StructModel, lookup: Lookup): Func {
  const scope: Scope = { lines: new Lines(), names: names(), lookup, update: false };
  const values = readMembers(struct, scope);
  const members = struct.members.map((m) => property(m.name, values.get(m)!)).join(", ");
  const line = `return { ${members} };`;
  const { lines } = scope;
  if (members === "") lines.add("return {};");
  else if (line.length <= 96) lines.add(line);
  else {
    lines.block(
      "return",
      () => {
        for (const m of struct.members) lines.add(`${property(m.name, values.get(m)!)},`);
      },
      ";",
    );
  }
  return {
    kind: "function",
    name: `decode${struct.name}`,
    parameters: [{ name: readerName(lines), type: "Reader" }],
    returns: `types.${struct.name}`,
    body: withView(lines),
    doc: `Reads ${one(struct.name)}. Throws MalformedError for bytes that no encoder writes.`,
  };
}

export function updateFunction(struct: StructModel, lookup: Lookup): Func {
  const scope: Scope = { lines: new Lines(), names: names(), lookup, update: true };
  const values = readMembers(struct, scope);
  const { lines } = scope;
  for (const m of struct.members) {
    const value = values.get(m)!;
    if (value !== "") lines.add(`target${access(m.name)} = ${value};`);
  }
  return {
    kind: "function",
    name: `update${struct.name}`,
    parameters: [
      { name: lines.uses("target") ? "target" : "_target", type: `types.${struct.name}` },
      { name: readerName(lines), type: "Reader" },
    ],
    returns: "void",
    body: withView(lines),
    doc: `As decode${struct.name}, into an object that exists. After a throw its members may be a mixture.`,
  };
}

function names(): Names {
  return new Names(reservedLocals);
}

function readerName(lines: Lines): string {
  return lines.uses("r") || lines.uses("view") ? "r" : "_r";
}

function withView(lines: Lines): string {
  return lines.uses("view") ? `const view = r.view;\n${lines.text}` : lines.text;
}

/** Adds the reads; returns the expression of each member's value, "" where `update` has it in place already. */
function readMembers(struct: StructModel, scope: Scope): Map<MemberModel, string> {
  const { lines } = scope;
  const plan = planOf(struct);
  const values = new Map<MemberModel, string>();
  const present = new Map<MemberModel, string>();
  if (plan.runBytes > 0) {
    const first = struct.bitBlockBytes > 0 ? undefined : plan.run[0]?.member.name;
    const path = first === undefined ? "" : `, ${quote(first)}`;
    lines.add(`const at = r.take(${plan.runBytes}${path});`);
  }
  const byte = (i: number) => `view.getUint8(${offsetText("at", i)})`;
  checkPadding(struct, scope, byte);
  for (const member of struct.members) {
    if (!member.optional) continue;
    const has = scope.names.take(`has${pascal(member.name)}`);
    lines.add(`const ${has} = ${readBoolText(member.presenceBit!, byte)};`);
    present.set(member, has);
  }
  for (const member of plan.bits) values.set(member, readBitMember(member, scope, present, byte));
  for (const { member, offset } of plan.run) {
    values.set(member, readFixed(member, offsetText("at", offset), scope));
  }
  for (const part of plan.rest) {
    if (isRun(part)) {
      const at = scope.names.take(camel(`${part[0]!.name}At`));
      lines.add(`const ${at} = r.take(${sumBytes(part)}, ${quote(part[0]!.name)});`);
      let offset = 0;
      for (const member of part) {
        values.set(member, readFixed(member, offsetText(at, offset), scope));
        offset += scalarBytes(member.type);
      }
    } else values.set(part, readVariable(part, scope, present.get(part)));
  }
  return values;
}

function checkPadding(struct: StructModel, scope: Scope, byte: (i: number) => string): void {
  const used = struct.members.reduce(
    (sum, m) => sum + (m.optional ? 1 : 0) + (isBits(m.type) ? m.type.bits : 0),
    0,
  );
  const padding = struct.bitBlockBytes * 8 - used;
  if (padding === 0) return;
  const last = struct.bitBlockBytes - 1;
  const mask = `0x${(2 ** padding - 1).toString(16).padStart(2, "0")}`;
  const refuse = `r.refuse(${offsetText("at", last)}, "", "padding bits are not zero")`;
  scope.lines.add(`if ((${byte(last)} & ${mask}) !== 0) ${refuse};`);
}

/** The byte of a bit field's first bit. */
function bitAt(offset: number): string {
  return offsetText("at", Math.floor(offset / 8));
}

function readBitMember(
  member: MemberModel,
  scope: Scope,
  present: ReadonlyMap<MemberModel, string>,
  byte: (i: number) => string,
): string {
  const { lines, names } = scope;
  const type = member.type as BitType;
  const name = names.take(camel(member.name));
  const raw = readBitsText(member.valueBit!, type.bits, byte);
  const at = bitAt(member.valueBit!);
  const has = present.get(member);
  if (type.kind === "bool" && has === undefined) {
    lines.add(`const ${name} = ${readBoolText(member.valueBit!, byte)};`);
    return name;
  }
  const bits = names.take(`${name}Bits`);
  lines.or(`const ${bits} = `, raw, ";");
  const path = quote(member.name);
  if (has !== undefined) {
    const problem = `${quote("is absent, but its bits are not zero")}`;
    lines.add(`if (!${has} && ${bits} !== 0) r.refuse(${at}, ${path}, ${problem});`);
  }
  checkSteps(type, bits, at, path, scope);
  const value = fromBits(type, bits, at, path);
  lines.add(`const ${name} = ${has === undefined ? value : `${has} ? ${value} : undefined`};`);
  return name;
}

function checkSteps(type: BitType, bits: string, at: string, path: string, scope: Scope): void {
  if (type.kind !== "quantised" || type.steps >= 2 ** type.bits - 1) return;
  const problem = `\`step \${${bits}} of ${type.steps}\``;
  scope.lines.add(`if (${bits} > ${type.steps}) r.refuse(${at}, ${path}, ${problem});`);
}

function fromBits(type: BitType, bits: string, at: string, path: string): string {
  switch (type.kind) {
    case "bool":
      return `${bits} !== 0`;
    case "enum":
      return `nameOf${type.name}(${bits}, r, ${at}, ${path})`;
    case "quantised": {
      const { min, max, steps } = type;
      if (!type.integer) return `dequantise(${bits}, ${number(min)}, ${number(max)}, ${steps})`;
      const step = (max - min) / steps;
      const scaled = step === 1 ? bits : `${bits} * ${step}`;
      if (min === 0) return scaled;
      return min < 0 ? `${scaled} - ${number(-min)}` : `${scaled} + ${number(min)}`;
    }
  }
}

/** A required integer or float at a place that `take` has checked. */
function readFixed(member: MemberModel, at: string, scope: Scope): string {
  const name = scope.names.take(camel(member.name));
  scope.lines.add(`const ${name} = ${fixedText(member.type, at, quote(member.name))};`);
  return name;
}

function fixedText(type: TypeModel, at: string, path: string): string {
  if (type.kind === "float") return `r.f${type.bytes * 8}(${at}, ${path})`;
  return `view.get${viewName(type)}(${at})`;
}

function readVariable(member: MemberModel, scope: Scope, has: string | undefined): string {
  const { lines, names } = scope;
  const path = quote(member.name);
  const old = scope.update ? `target${access(member.name)}` : undefined;
  const { type } = member;
  const simple = simpleText(type, path);
  const name = names.take(camel(member.name));
  if (simple !== undefined) {
    const value = has === undefined ? simple : `${has} ? ${simple} : undefined`;
    lines.add(`const ${name} = ${value};`);
    return name;
  }
  const before = old;
  const text = typeText(type, "types.");
  if (has === undefined) {
    if (type.kind === "struct" && old !== undefined) {
      within(scope, path, () => lines.add(`update${type.name}(${old}, r);`));
      return "";
    }
    const start = type.kind === "list" ? ` = ${before ?? "[]"}` : "";
    lines.add(`${type.kind === "list" ? "const" : "let"} ${name}: ${text}${start};`);
    readObject(scope, type, name, undefined, path);
    return name;
  }
  lines.add(`let ${name}: ${text} | undefined;`);
  lines.block(`if (${has})`, () => {
    if (type.kind === "list")
      lines.add(`${name} = ${before === undefined ? "[]" : `${before} ?? []`};`);
    readObject(scope, type, name, before, path);
  });
  return name;
}

/** Puts a struct into `name`, or reads a list's elements into the list that `name` holds already. */
function readObject(
  scope: Scope,
  type: TypeModel,
  name: string,
  before: string | undefined,
  path: string,
): void {
  const { lines } = scope;
  if (type.kind === "list") {
    readList(scope, type, name, path);
    return;
  }
  if (type.kind !== "struct") throw new Error(`${type.kind} is no object`);
  within(scope, path, () => {
    if (before === undefined) lines.add(`${name} = decode${type.name}(r);`);
    else {
      lines.add(`${name} = ${before};`);
      lines.add(`if (${name} === undefined) ${name} = decode${type.name}(r);`);
      lines.add(`else update${type.name}(${name}, r);`);
    }
  });
}

function within(scope: Scope, path: string, inside: () => void): void {
  scope.lines.block("try", inside);
  scope.lines.chain("catch (error)", () => scope.lines.add(`rethrowWithin(error, ${path});`));
}

/** Reads that need no statement of their own. */
function simpleText(type: TypeModel, path: string): string | undefined {
  switch (type.kind) {
    case "integer":
    case "float":
      return fixedText(type, `r.take(${type.bytes}, ${path})`, path);
    case "varint":
      return type.signed ? `unzigzag(r.varint(${path}))` : `r.varint(${path})`;
    case "string":
      return `r.string(${type.maxBytes}, ${path})`;
    case "bytes":
      return `r.blob(${type.maxBytes}, ${path})`;
    default:
      return undefined;
  }
}

function readList(
  scope: Scope,
  type: Extract<TypeModel, { kind: "list" }>,
  list: string,
  path: string,
): void {
  const { lines, names, lookup, update } = scope;
  const { of } = type;
  const count = names.take(`${list}Count`);
  const index = names.take("i");
  const minBytes = elementMinBytes(of, lookup);
  lines.add(`const ${count} = r.count(${type.max}, ${minBytes}, ${path});`);
  // Fixed elements are bounds-checked together; then only their values can be wrong, or nothing at all.
  const together = isBits(of) || scalarBytes(of) > 0;
  const from = together ? names.take(`${list}At`) : "";
  const bytes = elementFixedBytes(of, lookup);
  if (together)
    lines.add(`const ${from} = r.take(${count}${bytes === 1 ? "" : ` * ${bytes}`}, ${path});`);
  const loop = (head: string) =>
    lines.block(head, () => readElement(scope, of, list, index, from, bytes));
  if (of.kind === "integer") loop(`for (let ${index} = 0; ${index} < ${count}; ${index}++)`);
  else {
    lines.add(`let ${index} = 0;`);
    lines.block("try", () => loop(`for (; ${index} < ${count}; ${index}++)`));
    lines.chain("catch (error)", () => {
      lines.add(`rethrowWithin(error, ${indexPath(path, index)});`);
    });
  }
  if (update) lines.add(`${list}.length = ${count};`);
}

function readElement(
  scope: Scope,
  of: TypeModel,
  list: string,
  index: string,
  from: string,
  bytes: number,
): void {
  const { lines, names, update } = scope;
  const place = bytes === 1 ? `${from} + ${index}` : `${from} + ${index} * ${bytes}`;
  if (isBits(of)) {
    readBitElement(scope, of, list, index, place);
    return;
  }
  if (scalarBytes(of) > 0) {
    lines.add(`${list}[${index}] = ${fixedText(of, place, '""')};`);
    return;
  }
  const simple = simpleText(of, '""');
  if (simple !== undefined) {
    lines.add(`${list}[${index}] = ${simple};`);
    return;
  }
  if (of.kind === "struct") {
    if (!update) {
      lines.add(`${list}[${index}] = decode${of.name}(r);`);
      return;
    }
    const item = names.take("item");
    lines.add(`const ${item} = ${list}[${index}];`);
    lines.add(`if (${item} === undefined) ${list}[${index}] = decode${of.name}(r);`);
    lines.add(`else update${of.name}(${item}, r);`);
    return;
  }
  if (of.kind !== "list") throw new Error(`a list of ${of.kind} is not known`);
  const inner = names.take("inner");
  const start = update ? `${list}[${index}] ?? []` : "[]";
  lines.add(`const ${inner}: ${typeText(of, "types.")} = ${start};`);
  readList(scope, of, inner, '""');
  lines.add(`${list}[${index}] = ${inner};`);
}

function readBitElement(
  scope: Scope,
  of: BitType,
  list: string,
  index: string,
  place: string,
): void {
  const { lines, names } = scope;
  const at = names.take("itemAt");
  const bits = names.take("bits");
  const blockBytes = Math.ceil(of.bits / 8);
  const byte = (i: number) => `view.getUint8(${offsetText(at, i)})`;
  lines.add(`const ${at} = ${place};`);
  const padding = blockBytes * 8 - of.bits;
  if (padding > 0) {
    const mask = `0x${(2 ** padding - 1).toString(16).padStart(2, "0")}`;
    const refuse = `r.refuse(${offsetText(at, blockBytes - 1)}, "", "padding bits are not zero")`;
    lines.add(`if ((${byte(blockBytes - 1)} & ${mask}) !== 0) ${refuse};`);
  }
  lines.add(`const ${bits} = ${readBitsText(0, of.bits, byte)};`);
  checkSteps(of, bits, at, '""', scope);
  lines.add(`${list}[${index}] = ${fromBits(of, bits, at, '""')};`);
}
