/**
 * The `write…` functions of structs and unions: check and encode in one pass, for callers that have room for the largest
 * message and need not know its size first. Every member is read once, into a local, so what was checked is what is
 * written. Worst case: linear in the value; one that holds or shares itself is stopped by its depth and by the room.
 */
import type { MemberModel, StructModel, TypeModel, UnionModel } from "../model/model.ts";
import { isRun, localsOf, planOf, sumBytes, toBits } from "./encode.ts";
import {
  type BitField,
  depthArgument,
  elementFixedBytes,
  enumNamed,
  isBits,
  type Lookup,
  type Named,
  type NamedType,
  named,
  nameList,
  offsetText,
  type Part,
  partsOf,
  scalarBytes,
  setText,
  typeText,
  writeBitsTexts,
} from "./layout.ts";
import { checkText, indexPath, objectCheck } from "./size.ts";
import type { Func } from "./source.ts";
import { camel, destructure, Lines, Names, pascal, quote } from "./text.ts";

interface Scope {
  readonly lines: Lines;
  readonly names: Names;
  readonly lookup: Lookup;
  /** Whose function it is. */
  readonly self: Named;
}

export function writeFunction(struct: StructModel, lookup: Lookup): Func {
  const scope: Scope = {
    lines: new Lines(),
    names: new Names(localsOf(struct)),
    lookup,
    self: struct,
  };
  const { lines } = scope;
  const { extensible, fixedBytes } = struct;
  begin(struct, lines);
  const local = destructure(struct.members, lines, scope.names);
  if (extensible) {
    if (fixedBytes >= 0) lines.add(`putVarint("", ${extensible.maxBodyBytes}, w);`);
    else lines.add("const body = w.begin();");
  }
  for (const part of partsOf(struct)) writePart(scope, part, local);
  if (extensible && fixedBytes < 0) lines.add("w.end(body);");
  end(struct, lines);
  return writeFunc(struct, lines);
}

export function unionWriteFunction(union: UnionModel, lookup: Lookup): Func {
  const lines = new Lines();
  begin(union, lines);
  lines.block("switch (message.kind)", () => {
    for (const variant of union.variants) {
      lines.block(`case ${quote(variant.name)}:`, () => {
        lines.add(`putVarint("kind", ${variant.tag}, w);`);
        const scope = { lines, names: new Names(localsOf(union)), lookup, self: union };
        const value = scope.names.take("value");
        lines.add(`const ${value} = message.value;`);
        writeValue(scope, variant.type, value, quote("value"));
        end(union, lines);
        lines.add("return;");
      });
    }
    const names = quote(nameList(union.variants));
    lines.add("default:");
    lines.add(`  invalidKind("kind", (message as { kind?: unknown }).kind, ${names});`);
  });
  return writeFunc(union, lines);
}

function begin(self: Named, lines: Lines): void {
  const { name, recursion } = self;
  lines.add(...objectCheck(self));
  if (recursion?.head !== name) return;
  lines.add(`checkDepth(depth, ${recursion.maxDepth});`);
  if (recursion.maxBytes !== undefined) lines.add("const from = w.at;");
}

function end({ name, recursion }: Named, lines: Lines): void {
  if (recursion?.head !== name || recursion.maxBytes === undefined) return;
  lines.add(`checkTotal(w.at - from, ${recursion.maxBytes});`);
}

function writeFunc(self: Named, lines: Lines): Func {
  const body = new Lines();
  if (lines.uses("view")) body.add("const view = w.view;");
  body.add(...lines.text.split("\n"));
  return {
    kind: "function",
    name: `write${self.name}`,
    parameters: [
      { name: "message", type: `types.${self.name}` },
      { name: body.uses("w") ? "w" : "_w", type: "Writer" },
      ...(self.recursion ? [{ name: "depth", type: "number = 0" }] : []),
    ],
    returns: "void",
    body: body.text,
    doc: `As size${self.name} and encode${self.name} in one pass. Throws InvalidMessageError.`,
  };
}

function writePart(scope: Scope, part: Part, local: (name: string) => string): void {
  const plan = planOf(part);
  const { lines, names } = scope;
  const fields: BitField[] = [];
  const run = new Set(plan.run.map(({ member }) => member));
  for (const member of part.members) {
    const value = local(member.name);
    if (member.optional) {
      const has = names.take(`has${pascal(member.name)}`);
      lines.add(`const ${has} = ${value} === undefined ? 0 : 1;`);
      fields.push({ offset: member.presenceBit!, width: 1, value: has });
    }
    if (isBits(member.type)) fields.push(checkBits(scope, member, value));
    else if (run.has(member)) lines.add(checkText(member.type, value, quote(member.name)));
  }
  if (plan.runBytes > 0) {
    const at = names.take("at");
    lines.add(`const ${at} = w.reserve(${plan.runBytes});`);
    writeBitsTexts(fields, part.bitBlockBytes).forEach((text, i) => {
      lines.or(`view.setUint8(${offsetText(at, i)}, `, text, ");");
    });
    for (const { member, offset } of plan.run) {
      lines.add(setText(member.type, offsetText(at, offset), local(member.name)));
    }
  }
  for (const member of plan.rest) {
    if (isRun(member)) writeRun(scope, member, local);
    else {
      const value = local(member.name);
      lines.when(member.optional ? `${value} !== undefined` : "", () => {
        writeValue(scope, member.type, value, quote(member.name));
      });
    }
  }
}

/** Checks a member of the bit block and puts its bits into a local. */
function checkBits({ lines, names, lookup }: Scope, member: MemberModel, value: string): BitField {
  const { type } = member;
  if (!isBits(type)) throw new Error(`${type.kind} is no bits`);
  const path = quote(member.name);
  const bits = names.take(camel(`${member.name}Bits`));
  if (type.kind !== "enum") {
    const check = checkText(type, value, path);
    lines.add(member.optional ? `if (${value} !== undefined) ${check}` : check);
  }
  const absent = member.optional && type.kind !== "bool" ? `${value} === undefined ? 0 : ` : "";
  lines.add(`const ${bits} = ${absent}${toBits(type, value)};`);
  if (type.kind === "enum") {
    const all = quote(nameList(enumNamed(lookup, type.name).values));
    lines.add(`if (${bits} < 0) invalidEnum(${path}, ${value}, ${all});`);
  }
  return { offset: member.valueBit!, width: type.bits, value: bits };
}

function writeRun(
  { lines, names }: Scope,
  run: readonly MemberModel[],
  local: (name: string) => string,
): void {
  for (const { type, name } of run) lines.add(checkText(type, local(name), quote(name)));
  const at = names.take(camel(`${run[0]!.name}At`));
  lines.add(`const ${at} = w.reserve(${sumBytes(run)});`);
  let offset = 0;
  for (const { type, name } of run) {
    lines.add(setText(type, offsetText(at, offset), local(name)));
    offset += scalarBytes(type);
  }
}

/** Checks and writes a value that stands by itself. */
function writeValue(scope: Scope, type: TypeModel, value: string, path: string): void {
  const { lines, names } = scope;
  if (isBits(type) || scalarBytes(type) > 0) {
    const at = names.take("itemAt");
    const bytes = elementFixedBytes(type, scope.lookup);
    writeFixed(scope, type, value, path, () => {
      lines.add(`const ${at} = w.reserve(${bytes});`);
      return at;
    });
    return;
  }
  switch (type.kind) {
    case "varint":
      lines.add(`put${type.signed ? "Zigzag" : "Varint"}(${path}, ${value}, w);`);
      return;
    case "string":
      lines.add(`putString(${path}, ${value}, ${type.maxBytes}, w);`);
      return;
    case "bytes":
      lines.add(`putBytes(${path}, ${value}, ${type.maxBytes}, w);`);
      return;
    case "struct":
    case "union":
      writeNamed(scope, type, value, path);
      return;
    case "list":
    case "array":
      writeList(scope, type, value, path);
      return;
    case "map":
      writeMap(scope, type, value, path);
  }
}

/** Checks a value of bits or of fixed bytes by itself and puts it where `place` says once it is known to be good. */
function writeFixed(
  { lines, names, lookup }: Scope,
  type: TypeModel,
  value: string,
  path: string,
  place: () => string,
): void {
  if (!isBits(type)) {
    lines.add(checkText(type, value, path));
    lines.add(setText(type, place(), value));
    return;
  }
  const bits = names.take("bits");
  if (type.kind !== "enum") lines.add(checkText(type, value, path));
  lines.add(`const ${bits} = ${toBits(type, value)};`);
  if (type.kind === "enum") {
    const all = quote(nameList(enumNamed(lookup, type.name).values));
    lines.add(`if (${bits} < 0) invalidEnum(${path}, ${value}, ${all});`);
  }
  const at = place();
  const field = { offset: 0, width: type.bits, value: bits };
  writeBitsTexts([field], Math.ceil(type.bits / 8)).forEach((text, i) => {
    lines.add(`view.setUint8(${offsetText(at, i)}, ${text});`);
  });
}

function writeNamed(scope: Scope, type: NamedType, value: string, path: string): void {
  const { lines, lookup, self } = scope;
  const call = `write${type.name}(${value}, w${depthArgument(self, named(lookup, type))});`;
  if (path === '""') {
    lines.add(call);
    return;
  }
  lines.block("try", () => lines.add(call));
  lines.chain("catch (error)", () => lines.add(`rethrowWithin(error, ${path});`));
}

function writeList(
  scope: Scope,
  type: Extract<TypeModel, { kind: "list" | "array" }>,
  value: string,
  path: string,
): void {
  const { lines, names, lookup } = scope;
  const { of } = type;
  const index = names.take("i");
  const count = names.take("count");
  const item = names.take("item");
  if (type.kind === "array") lines.add(`checkArray(${path}, ${value}, ${type.length});`);
  else lines.add(`checkList(${path}, ${value}, ${type.max});`);
  lines.add(`const ${count} = ${type.kind === "array" ? type.length : `${value}.length`};`);
  if (type.kind === "list") lines.add(`putVarint(${path}, ${count}, w);`);
  const together = isBits(of) || scalarBytes(of) > 0;
  const bytes = elementFixedBytes(of, lookup);
  const at = together ? names.take("itemsAt") : "";
  if (together) lines.add(`const ${at} = w.reserve(${count}${bytes === 1 ? "" : ` * ${bytes}`});`);
  lines.add(`let ${index} = 0;`);
  lines.block("try", () => {
    lines.block(`for (; ${index} < ${count}; ${index}++)`, () => {
      lines.add(`const ${item} = ${value}[${index}]!;`);
      if (!together) {
        writeValue(scope, of, item, '""');
        return;
      }
      writeFixed(scope, of, item, '""', () => {
        if (bytes === 1) return `${at} + ${index}`;
        const itemAt = names.take("itemAt");
        lines.add(`const ${itemAt} = ${at} + ${index} * ${bytes};`);
        return itemAt;
      });
    });
  });
  lines.chain("catch (error)", () => {
    lines.add(`rethrowWithin(error, ${indexPath(path, index)});`);
  });
}

function writeMap(
  scope: Scope,
  type: Extract<TypeModel, { kind: "map" }>,
  value: string,
  path: string,
): void {
  const { lines, names } = scope;
  const index = names.take("i");
  const key = names.take("key");
  const entryKey = names.take("entryKey");
  const entryValue = names.take("entryValue");
  lines.add(`checkMap(${path}, ${value}, ${type.max});`);
  lines.add(`putVarint(${path}, ${value}.size, w);`, `let ${index} = 0;`);
  lines.add(`let ${key}: ${typeText(type.key, "types.")} | undefined;`);
  lines.block("try", () => {
    lines.block(`for (const [${entryKey}, ${entryValue}] of ${value})`, () => {
      lines.add(`${key} = undefined;`);
      writeValue(scope, type.key, entryKey, '""');
      lines.add(`${key} = ${entryKey};`);
      writeValue(scope, type.value, entryValue, '""');
      lines.add(`${index}++;`);
    });
  });
  lines.chain("catch (error)", () => {
    lines.add(`rethrowWithin(error, entryPath(${path}, ${key}, ${index}));`);
  });
}
