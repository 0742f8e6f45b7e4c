/**
 * The `write…` functions of structs and unions: check and encode in one pass. Every member is read once, into a local, so
 * what was checked is what is written. Nothing asks how much room is left: each member is bounded, and so is the whole, or
 * it is written into memory that may end (src/wire/encode-once.ts). Worst case: linear in the value; one that holds or
 * shares itself is stopped by its depth and by what it takes.
 */
import { type BitType, isBits, isFixed, isLeaf, kindOf } from "../kinds/kinds.ts";
import {
  groupsOf,
  heldBy,
  type Lookup,
  type MemberGroup,
  type Named,
  type NamedType,
  reachedFrom,
} from "../model/lookup.ts";
import type {
  ChannelModel,
  MemberModel,
  Model,
  StructModel,
  TypeModel,
  UnionModel,
} from "../model/model.ts";
import { type BitField, offsetText, writeBitsParts } from "../print/bits.ts";
import type { Func } from "../print/declarations.ts";
import { atom } from "../print/expression.ts";
import { type Module, WIRE, type WireFunction } from "../print/module.ts";
import { camel, destructure, Lines, Names, nameList, one, pascal, quote } from "../print/text.ts";
import { depthArgument, handsDepth, scalarBytes, typeText } from "./layout.ts";
import {
  indexPath,
  isRun,
  isSplit,
  localsOf,
  type MemberPlan,
  piecesOf,
  planOf,
  planOfPiece,
} from "./plan.ts";

/** Messages of up to so many bytes are written in place. */
const IN_PLACE_BYTES = 4096;

/** The structs and unions that have a `write` function: those in messages, but for what is written in place. */
export function writtenTypes(model: Model, lookup: Lookup): ReadonlySet<string> {
  const found = calledFrom([...model.channels, ...(model.system ?? [])], lookup);
  return new Set(found.map(({ name }) => name));
}

/** A channel, or a message between threads. */
type Sent = Pick<ChannelModel, "message" | "maxBytes">;

/** Whether such a message is written in place: for any value, `write` stays within `maxBytes`, and that is small. */
export function isWrittenInPlace(channel: Sent, lookup: Lookup): boolean {
  const { message, maxBytes } = channel;
  const bounded = calledFrom([channel], lookup).every((self) => self.recursion === undefined);
  return bounded && lookup.struct(message).maxBytes <= Math.min(maxBytes, IN_PLACE_BYTES);
}

/** All that messages come to, without the structs that are written in place. */
function calledFrom(channels: readonly Sent[], lookup: Lookup): Named[] {
  const messages = channels.map(({ message }): TypeModel => ({ kind: "struct", name: message }));
  return reachedFrom(messages, lookup, (type) => {
    const isList = type.kind === "list" || type.kind === "array";
    return isList && writtenInPlace(type.of, lookup) !== undefined ? [] : heldBy(type, lookup);
  });
}

/**
 * The struct, where a list of them is written without a call for each: numbers, names and bits alone, always as many bytes.
 * The lists with the most elements are lists of these.
 */
function writtenInPlace(type: TypeModel, lookup: Lookup): StructModel | undefined {
  if (type.kind !== "struct") return undefined;
  const struct = lookup.struct(type.name);
  const plain = struct.members.every((m) => isBits(m.type) || scalarBytes(m.type) > 0);
  return plain && struct.extensible === undefined && struct.fixedBytes >= 0 ? struct : undefined;
}

/** The next byte goes to `at + offset`: what is always as long moves the offset, what varies moves `at`. */
interface WriteScope {
  readonly lines: Lines;
  readonly names: Names;
  readonly lookup: Lookup;
  /** Whose function it is. */
  readonly self: Named;
  offset: number;
}

function open(self: Named, lookup: Lookup, module: Module): WriteScope {
  const names = new Names([...localsOf(self), "at", "bytes"]);
  return { lines: new Lines(module), names, lookup, self, offset: 0 };
}

/** Where the next `bytes` go. */
function take(scope: WriteScope, bytes: number): string {
  const text = offsetText("at", scope.offset);
  scope.offset += bytes;
  return text;
}

/** Before a branch, a loop, and at the end of one: `at` itself is the next byte. */
function settle(scope: WriteScope): void {
  if (scope.offset > 0) scope.lines.add(`at += ${scope.offset};`);
  scope.offset = 0;
}

/** `at = put…(…, bytes, at);`, without the last. */
function put(scope: WriteScope, call: string): void {
  scope.lines.add(`at = ${call}, ${take(scope, 0)});`);
  scope.offset = 0;
}

function putText(put: WireFunction, what: string, lines: Lines): string {
  return `${lines.wire(put)}(${what}, ${lines.use("bytes")}`;
}

/** The function of a struct, and those that it hands its members to where they are very many. */
export function writeFunctions(struct: StructModel, lookup: Lookup, module: Module): Func[] {
  const scope = open(struct, lookup, module);
  const { lines } = scope;
  const { extensible, fixedBytes } = struct;
  lines.add(...objectCheck(struct, lines), ...beginRecursion(struct, lines));
  const local = destructure("message", struct.members, lines, scope.names);
  if (extensible) {
    if (fixedBytes >= 0) put(scope, putText("putVarint", `"", ${extensible.maxBodyBytes}`, lines));
    else {
      lines.add(`const body = ${offsetText("at", 1)};`);
      take(scope, 1);
    }
  }
  const pieces: Func[] = [];
  for (const part of groupsOf(struct)) {
    if (isSplit(struct)) writePieces(scope, struct, part, local, pieces);
    else writePart(scope, part, local);
  }
  if (extensible && fixedBytes < 0) {
    const end = `${lines.wire("lengthWrite")}(${lines.use("bytes")}, body, ${take(scope, 0)})`;
    finish(scope, end);
  } else finish(scope, take(scope, 0));
  return [...pieces, writeFunc(struct, lines)];
}

export function unionWriteFunction(union: UnionModel, lookup: Lookup, module: Module): Func {
  const lines = new Lines(module);
  lines.add(...objectCheck(union, lines), ...beginRecursion(union, lines));
  lines.block("switch (message.kind)", () => {
    for (const variant of union.variants) {
      lines.block(`case ${quote(variant.name)}:`, () => {
        const scope = { ...open(union, lookup, module), lines };
        if (variant.tag < 128)
          lines.add(`${lines.use("bytes")}[${take(scope, 1)}] = ${variant.tag};`);
        else put(scope, putText("putVarint", `"kind", ${variant.tag}`, lines));
        const value = scope.names.take("value");
        lines.add(`const ${value} = message.value;`);
        writeValue(scope, variant.type, value, "value");
        finish(scope, take(scope, 0));
      });
    }
    const names = quote(nameList(union.variants));
    lines.add("default:");
    lines.add(
      `  return ${lines.wire("invalidKind")}("kind", (message as { kind?: unknown }).kind, ${names});`,
    );
  });
  return writeFunc(union, lines);
}

/** How deep a head lies, before anything of it is read. */
function beginRecursion({ name, recursion }: Named, lines: Lines): string[] {
  if (recursion?.head !== name) return [];
  return [`${lines.wire("checkDepth")}(depth, ${recursion.maxDepth});`];
}

/** Returns where the value ends; a head that has a bound of its own is held to it. */
function finish({ lines, self }: WriteScope, end: string): void {
  const { recursion } = self;
  if (recursion?.head === self.name && recursion.maxBytes !== undefined) {
    lines.add(`at = ${end};`, totalCheck(lines, "at", recursion.maxBytes), "return at;");
  } else lines.add(`return ${end};`);
}

function writerType(module: Module): string {
  return module.type(WIRE, "Writer");
}

/** The parts of the writer that a body uses. */
function memoryOf(lines: Lines): string {
  const used = ["bytes", "view"].filter((name) => lines.uses(name));
  return used.length > 0 ? `const { ${used.join(", ")} } = ${lines.use("w")};\n` : "";
}

function writeFunc(self: Named, lines: Lines): Func {
  const memory = memoryOf(lines);
  const head = lines.uses("from") ? `${memory}const from = at;\n` : memory;
  return {
    kind: "function",
    name: `write${self.name}`,
    parameters: [
      { name: "message", type: lines.module.typeOf(self.name) },
      { name: lines.uses("w") ? "w" : "_w", type: writerType(lines.module) },
      { name: "at", type: "number" },
      ...(self.recursion ? [{ name: "depth", type: "number = 0" }] : []),
    ],
    returns: "number",
    body: head + lines.text,
    uses: lines.used,
    doc: `Checks and writes ${one(self.name)}; returns where it ends. Throws InvalidMessageError with the path of a wrong member.`,
  };
}

function writePart(scope: WriteScope, part: MemberGroup, local: (name: string) => string): void {
  const plan = planOf(part);
  const { lines } = scope;
  const fields: BitField[] = [];
  const run = new Set(plan.run.map(({ member }) => member));
  for (const member of part.members) {
    const value = local(member.name);
    fields.push(...bitFields(scope, member, value));
    if (run.has(member)) lines.add(quickCheckText(member.type, value, quote(member.name), lines));
  }
  for (const parts of writeBitsParts(fields, part.bitBlockBytes)) {
    lines.or(`${lines.use("bytes")}[${take(scope, 1)}] = `, parts, ";");
  }
  for (const { member } of plan.run) writeScalar(scope, member.type, local(member.name));
  writeRest(scope, plan.rest, local);
}

/** The bits of a member in the block, checked: whether it is there, and its own. */
function bitFields(scope: WriteScope, member: MemberModel, value: string): BitField[] {
  const { lines, names } = scope;
  const fields: BitField[] = [];
  if (member.optional) {
    const has = names.take(`has${pascal(member.name)}`);
    lines.add(`const ${has} = ${value} === undefined ? 0 : 1;`);
    fields.push({ offset: member.presenceBit!, width: 1, value: atom(has) });
  }
  if (isBits(member.type)) fields.push(checkBits(scope, member, value));
  return fields;
}

/** What stands behind the bit block and the run behind that. */
function writeRest(
  scope: WriteScope,
  parts: MemberPlan["rest"],
  local: (name: string) => string,
): void {
  const { lines } = scope;
  for (const rest of parts) {
    if (isRun(rest)) {
      for (const { type, name } of rest)
        lines.add(quickCheckText(type, local(name), quote(name), lines));
      for (const { type, name } of rest) writeScalar(scope, type, local(name));
      continue;
    }
    const value = local(rest.name);
    if (!rest.optional) writeValue(scope, rest.type, value, rest.name);
    else {
      settle(scope);
      lines.block(`if (${value} !== undefined)`, () => {
        writeValue(scope, rest.type, value, rest.name);
        settle(scope);
      });
    }
  }
}

/** What every list has, whatever is in it. */
const ofLists: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Array.prototype));

/** That a value is an object and no list; one that lacks a member is refused when that is checked. */
function objectCheck(self: Named, lines: Lines, value = "message"): string[] {
  const tells = "variants" in self || self.members.some((m) => !m.optional && !ofLists.has(m.name));
  const list = tells ? [] : [`${lines.wire("checkNoList")}(${value});`];
  return [`${lines.wire("checkObject")}(${value});`, ...list];
}

/** The text that stores a value of fixed size at `at`. */
function setText(type: TypeModel, at: string, value: string, lines: Lines): string {
  if (!isFixed(type)) throw new Error(`${type.kind} has no fixed place`);
  return kindOf(type).set(type, at, value, lines);
}

/**
 * Members by pieces: the bit block is emptied, and each piece adds its bits to it, puts its integers and floats at their
 * places behind it, and writes at the end what varies.
 */
function writePieces(
  scope: WriteScope,
  struct: StructModel,
  part: MemberGroup,
  local: (name: string) => string,
  pieces: Func[],
): void {
  // The first group of a message whose members all came later.
  if (part.members.length === 0) return;
  const { lines, names } = scope;
  const plan = planOf(part);
  settle(scope);
  const block = names.take("block");
  lines.add(`const ${block} = at;`, `at += ${plan.runBytes};`);
  if (part.bitBlockBytes > 0) {
    lines.add(`${lines.use("bytes")}.fill(0, ${block}, ${block} + ${part.bitBlockBytes});`);
  }
  for (const members of piecesOf(part)) {
    const name = `$write${pieces.length + 1}${struct.name}`;
    const inner = open(struct, scope.lookup, lines.module);
    const values = new Map(members.map((m) => [m.name, inner.names.take(camel(m.name))]));
    const startOf = inner.names.take("block");
    writePiece(inner, part, members, (of) => values.get(of)!, startOf);
    settle(inner);
    inner.lines.add("return at;");
    const depth = handsDepth(struct, members, scope.lookup)
      ? [{ name: "depth", type: "number" }]
      : [];
    const whole = lines.module.typeOf(struct.name);
    pieces.push({
      kind: "function",
      exported: false,
      name,
      parameters: [
        ...members.map((m) => ({
          name: values.get(m.name)!,
          type: `${whole}[${quote(m.name)}]`,
        })),
        {
          name: inner.lines.uses("w") || memoryOf(inner.lines) !== "" ? "w" : "_w",
          type: writerType(lines.module),
        },
        { name: inner.lines.uses("block") ? startOf : `_${startOf}`, type: "number" },
        { name: "at", type: "number" },
        ...(inner.lines.uses("from") ? [{ name: "from", type: "number" }] : []),
        ...depth,
      ],
      returns: "number",
      body: memoryOf(inner.lines) + inner.lines.text,
      uses: inner.lines.used,
    });
    const given = [
      ...members.map((m) => local(m.name)),
      lines.use("w"),
      block,
      "at",
      ...(inner.lines.uses("from") ? [lines.use("from")] : []),
      ...(depth.length > 0 ? ["depth"] : []),
    ];
    lines.add(`at = ${lines.use(name)}(${given.join(", ")});`);
  }
}

function writePiece(
  scope: WriteScope,
  part: MemberGroup,
  members: readonly MemberModel[],
  local: (name: string) => string,
  block: string,
): void {
  const { lines } = scope;
  const place = (offset: number): string => {
    lines.use("block");
    return offsetText(block, offset);
  };
  const plan = planOfPiece(planOf(part), members);
  const fields = members.flatMap((member) => bitFields(scope, member, local(member.name)));
  for (const [i, parts] of writeBitsParts(fields, part.bitBlockBytes).entries()) {
    // Bits of other pieces may stand in the first byte and the last.
    if (parts.length > 0) lines.or(`${lines.use("bytes")}[${place(i)}]! |= `, parts, ";");
  }
  for (const { member, offset } of plan.run) {
    const value = local(member.name);
    lines.add(quickCheckText(member.type, value, quote(member.name), lines));
    lines.add(setText(member.type, place(offset), value, lines));
  }
  writeRest(scope, plan.rest, local);
}

/**
 * The check of a value of fixed bytes. What is written most is asked in place first: calls of functions in other files that
 * nearly always hold are a tenth of the time of a message full of numbers.
 */
function quickCheckText(type: TypeModel, value: string, path: string, lines: Lines): string {
  if (!isFixed(type)) throw new Error(`${type.kind} has no fixed place`);
  const kind = kindOf(type);
  const check = kind.check(type, value, path, lines);
  const wrong = kind.wrong(type, value, lines);
  return wrong === undefined ? check : `if (typeof ${value} !== "number" || ${wrong}) ${check}`;
}

/** Writes an integer or float that was checked. */
function writeScalar(scope: WriteScope, type: TypeModel, value: string): void {
  const { lines } = scope;
  lines.add(setText(type, take(scope, scalarBytes(type)), value, lines));
}

/** Checks a member of the bit block and puts its bits into a local. */
function checkBits(
  { lines, names, lookup }: WriteScope,
  member: MemberModel,
  value: string,
): BitField {
  const { type, optional } = member;
  if (!isBits(type)) throw new Error(`${type.kind} is no bits`);
  const kind = kindOf(type);
  const path = quote(member.name);
  const bits = names.take(camel(`${member.name}Bits`));
  if (kind.checkBits === undefined) {
    const check = kind.check(type, value, path, lines, lookup);
    lines.add(optional ? `if (${value} !== undefined) ${check}` : check);
  }
  const absent = optional && !kind.absentIsZero ? `${value} === undefined ? 0 : ` : "";
  lines.add(`const ${bits} = ${absent}${kind.toBits(type, value, lines)};`);
  if (kind.checkBits !== undefined) {
    lines.add(kind.checkBits(type, bits, value, path, lines, lookup));
  }
  return { offset: member.valueBit!, width: type.bits, value: atom(bits) };
}

/** Checks and writes a value that stands by itself: of a member, or of an element, where `member` is "". */
function writeValue(scope: WriteScope, type: TypeModel, value: string, member: string): void {
  const { lines } = scope;
  const path = quote(member);
  if (isFixed(type)) {
    lines.add(quickCheckText(type, value, path, lines));
    writeScalar(scope, type, value);
    return;
  }
  if (isBits(type)) {
    writeBits(scope, type, value, path);
    return;
  }
  if (isLeaf(type)) {
    put(scope, `${kindOf(type).put(type, value, path, lines)}, ${lines.use("bytes")}`);
    return;
  }
  switch (type.kind) {
    case "struct":
    case "union":
      writeNamed(scope, type, value, member);
      return;
    case "list":
    case "array":
      writeList(scope, type, value, member);
      return;
    case "map":
      writeMap(scope, type, value, member);
  }
}

function writeBits(scope: WriteScope, type: BitType, value: string, path: string): void {
  const { lines, names, lookup } = scope;
  const kind = kindOf(type);
  const bits = names.take("bits");
  if (kind.checkBits === undefined) lines.add(kind.check(type, value, path, lines, lookup));
  lines.add(`const ${bits} = ${kind.toBits(type, value, lines)};`);
  if (kind.checkBits !== undefined) {
    lines.add(kind.checkBits(type, bits, value, path, lines, lookup));
  }
  const field = { offset: 0, width: type.bits, value: atom(bits) };
  for (const parts of writeBitsParts([field], Math.ceil(type.bits / 8))) {
    lines.add(`${lines.use("bytes")}[${take(scope, 1)}] = ${parts.join(" | ")};`);
  }
}

function writeNamed(scope: WriteScope, type: NamedType, value: string, member: string): void {
  const { lines } = scope;
  const depth = depthArgument(scope.self, scope.lookup.named(type));
  const call = (): void => {
    lines.add(`at = write${type.name}(${value}, ${lines.use("w")}, ${take(scope, 0)}${depth});`);
    scope.offset = 0;
  };
  if (member === "") call();
  else {
    lines.block("try", call);
    lines.chain("catch (error)", () => {
      lines.add(`${lines.wire("rethrowWithin")}(error, ${quote(member)});`);
    });
  }
  // After each part of a cycle, so that no walk through what shares or holds itself is longer than the bound.
  if (depth !== "") lines.add(totalCheck(lines, "at", scope.self.maxBytes));
}

function totalCheck(lines: Lines, end: string, maxBytes: number): string {
  return `${lines.wire("checkTotal")}(${end} - ${lines.use("from")}, ${maxBytes});`;
}

function writeList(
  scope: WriteScope,
  type: Extract<TypeModel, { kind: "list" | "array" }>,
  value: string,
  member: string,
): void {
  const { lines, names } = scope;
  const path = quote(member);
  const index = names.take("i");
  const count = names.take("count");
  const item = names.take("item");
  if (type.kind === "array") {
    lines.add(`${lines.wire("checkArray")}(${path}, ${value}, ${type.length});`);
    lines.add(`const ${count} = ${type.length};`);
  } else {
    lines.add(`const ${count} = ${lines.wire("checkList")}(${path}, ${value}, ${type.max});`);
    put(scope, putText("putVarint", `${path}, ${count}`, lines));
  }
  settle(scope);
  lines.add(`let ${index} = 0;`);
  lines.block("try", () => {
    lines.block(`for (; ${index} < ${count}; ${index}++)`, () => {
      lines.add(`const ${item} = ${value}[${index}]!;`);
      const struct = writtenInPlace(type.of, scope.lookup);
      if (struct === undefined) writeValue(scope, type.of, item, "");
      else {
        lines.add(...objectCheck(struct, lines, item));
        const local = destructure(item, struct.members, lines, names);
        for (const part of groupsOf(struct)) writePart(scope, part, local);
      }
      settle(scope);
    });
  });
  lines.chain("catch (error)", () => {
    lines.add(`${lines.wire("rethrowWithin")}(error, ${indexPath(member, index)});`);
  });
}

function writeMap(
  scope: WriteScope,
  type: Extract<TypeModel, { kind: "map" }>,
  value: string,
  member: string,
): void {
  const { lines, names } = scope;
  const path = quote(member);
  const index = names.take("i");
  const count = names.take("count");
  const key = names.take("key");
  const entryKey = names.take("entryKey");
  const entryValue = names.take("entryValue");
  lines.add(`const ${count} = ${lines.wire("checkMap")}(${path}, ${value}, ${type.max});`);
  put(scope, putText("putVarint", `${path}, ${count}`, lines));
  lines.add(`let ${index} = 0;`);
  lines.add(`let ${key}: ${typeText(type.key, lines.module.typeOf)} | undefined;`);
  lines.block("try", () => {
    lines.block(`for (const [${entryKey}, ${entryValue}] of ${value})`, () => {
      // The room is for as many as were counted, whatever a Map of the application's own kind goes on to give.
      lines.add(`if (${index} === ${count}) break;`);
      lines.add(`${key} = undefined;`);
      writeValue(scope, type.key, entryKey, "");
      lines.add(`${key} = ${entryKey};`);
      writeValue(scope, type.value, entryValue, "");
      settle(scope);
      lines.add(`${index}++;`);
    });
  });
  lines.chain("catch (error)", () => {
    const inside = `${lines.wire("entryPath")}(${path}, ${key}, ${index})`;
    lines.add(`${lines.wire("rethrowWithin")}(error, ${inside});`);
  });
  lines.add(
    `if (${index} < ${count}) ${lines.wire("invalid")}(${path}, "has fewer entries than its size says");`,
  );
}
