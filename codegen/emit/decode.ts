/**
 * The `decode…` function of a struct. Each run of fixed members costs one bounds check. Objects are always built with all members in the spec's order (an absent one is
 * undefined), so that they share one shape. Single values are decode-value.ts's.
 */
import { type BitType, isBits, isFixed, kindOf } from "../kinds/kinds.ts";
import { groupsOf, type Lookup, type MemberGroup } from "../model/lookup.ts";
import type { MemberModel, StructModel } from "../model/model.ts";
import { bitPieces, offsetText, readBitsParts, readBoolText } from "../print/bits.ts";
import type { Func } from "../print/declarations.ts";
import type { Module } from "../print/module.ts";
import { access, camel, type Lines, one, pascal, property, quote } from "../print/text.ts";
import {
  assignRead,
  beginRecursion,
  checkBits,
  checkPadding,
  type DecodeScope,
  depthParameter,
  endRecursion,
  isSimple,
  openScope,
  readerParameter,
  readInto,
  simpleText,
  withView,
} from "./decode-value.ts";
import { handsDepth, scalarBytes, typeText } from "./layout.ts";
import {
  isRun,
  isSplit,
  type MemberPlan,
  piecesOf,
  planOf,
  planOfPiece,
  sumBytes,
} from "./plan.ts";
import { defaultText } from "./zero-value.ts";

/** The function of a struct, and those that read its members where they are very many. */
export function decodeFunctions(struct: StructModel, lookup: Lookup, module: Module): Func[] {
  return isSplit(struct)
    ? splitFunctions(struct, lookup, module)
    : [decodeFunction(struct, lookup, module)];
}

function decodeFunction(struct: StructModel, lookup: Lookup, module: Module): Func {
  const scope = openScope(struct, lookup, module);
  const values = readStruct(struct, scope);
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
  return decodeFunc(struct, lines);
}

function decodeFunc(struct: StructModel, lines: Lines): Func {
  return {
    kind: "function",
    name: `decode${struct.name}`,
    parameters: [readerParameter(lines), ...depthParameter(struct)],
    returns: lines.module.typeOf(struct.name),
    body: withView(lines),
    uses: lines.used,
    doc: `Reads ${one(struct.name)}. Throws MalformedError for bytes that no encoder writes.`,
  };
}

/** Members by pieces: each is an object of some of them, all read from the same bit block and run, and then what varies. */
function splitFunctions(struct: StructModel, lookup: Lookup, module: Module): Func[] {
  const scope = openScope(struct, lookup, module);
  const { lines, names } = scope;
  const { extensible } = struct;
  const pieces: Func[] = [];
  const values = new Map<MemberModel, string>();
  beginRecursion(struct, lines);
  if (extensible) lines.add(`const end = ${lines.use("r")}.enter(${extensible.maxBodyBytes});`);
  for (const part of groupsOf(struct)) {
    // The first group of a message whose members all came later.
    if (part.members.length === 0) continue;
    const block = names.take("block");
    const stops = part.group === undefined ? "" : names.take("stops");
    if (stops === "") takeBlock(part, block, scope);
    else {
      lines.add(`const ${stops} = ${lines.use("r")}.stops;`, `let ${block} = 0;`);
      lines.block(`if (!${stops})`, () => {
        const inside = names.take("block");
        takeBlock(part, inside, scope);
        lines.add(`${block} = ${inside};`);
      });
    }
    for (const members of piecesOf(part)) {
      const piece = pieceFunction(struct, part, members, pieces.length + 1, lookup, module);
      pieces.push(piece);
      const object = names.take("piece");
      for (const m of members) values.set(m, object + access(m.name));
      const given = piece.parameters.length > 2 ? ["depth"] : [];
      const call = `${lines.use(piece.name)}(${[lines.use("r"), block, ...given].join(", ")})`;
      if (stops === "") lines.add(`const ${object} = ${call};`);
      else {
        lines.add(`const ${object}: ${piece.returns} = ${stops}`, "  ? {");
        for (const m of members) {
          lines.add(`      ${property(m.name, defaultText(m, struct, lookup, lines))},`);
        }
        lines.add("    }", `  : ${call};`);
      }
    }
  }
  if (extensible) lines.add(`${lines.use("r")}.leave(end);`);
  endRecursion(struct, lines);
  // Written out: an object that grows by what is spread into it takes a hundred times as long.
  lines.block(
    "return",
    () => {
      for (const m of struct.members) lines.add(`${property(m.name, values.get(m)!)},`);
    },
    ";",
  );
  return [...pieces, decodeFunc(struct, lines)];
}

/** Takes the bit block and the run behind it, and looks at the bits that are no member's. */
function takeBlock(part: MemberGroup, block: string, scope: DecodeScope): void {
  const { lines } = scope;
  const { runBytes, run } = planOf(part);
  if (runBytes === 0) {
    lines.add(`const ${block} = ${lines.use("r")}.at;`);
    return;
  }
  const first = part.bitBlockBytes > 0 ? undefined : run[0]?.member.name;
  const path = first === undefined ? "" : `, ${quote(first)}`;
  lines.add(`const ${block} = ${lines.use("r")}.take(${runBytes}${path});`);
  const byte = (i: number) => `${lines.use("view")}.getUint8(${offsetText(block, i)})`;
  checkPadding(scope, usedBits(part), part.bitBlockBytes, block, byte);
}

function usedBits(part: MemberGroup): number {
  return part.members.reduce(
    (sum, m) => sum + (m.optional ? 1 : 0) + (isBits(m.type) ? m.type.bits : 0),
    0,
  );
}

function pieceFunction(
  struct: StructModel,
  part: MemberGroup,
  members: readonly MemberModel[],
  index: number,
  lookup: Lookup,
  module: Module,
): Func {
  const scope = openScope(struct, lookup, module);
  const { lines, names } = scope;
  const block = names.take("block");
  const values = new Map<MemberModel, string>();
  const byte = (i: number) => `${lines.use("view")}.getUint8(${offsetText(block, i)})`;
  const plan = planOfPiece(planOf(part), members);
  const isUsed = plan.run.length > 0 || members.some((m) => m.optional || isBits(m.type));
  readMembers(members, plan, block, byte, scope, values);
  lines.block(
    "return",
    () => {
      for (const m of members) lines.add(`${property(m.name, values.get(m)!)},`);
    },
    ";",
  );
  const keys = members.map((m) => quote(m.name)).join(" | ");
  return {
    kind: "function",
    exported: false,
    name: `$decode${index}${struct.name}`,
    parameters: [
      readerParameter(lines),
      { name: isUsed ? block : `_${block}`, type: "number" },
      ...(handsDepth(struct, members, lookup) ? [{ name: "depth", type: "number" }] : []),
    ],
    returns: `Pick<${module.typeOf(struct.name)}, ${keys}>`,
    body: withView(lines),
    uses: lines.used,
  };
}

/** Adds the reads; returns the expression of each member's value. */
function readStruct(struct: StructModel, scope: DecodeScope): Map<MemberModel, string> {
  const { lines } = scope;
  const { extensible } = struct;
  beginRecursion(struct, lines);
  if (extensible) lines.add(`const end = ${lines.use("r")}.enter(${extensible.maxBodyBytes});`);
  const values = new Map<MemberModel, string>();
  for (const part of groupsOf(struct)) {
    if (part.group) readGroup(part, scope, values);
    else readPart(part, scope, values);
  }
  if (extensible) lines.add(`${lines.use("r")}.leave(end);`);
  endRecursion(struct, lines);
  return values;
}

/** Members of a later version: an older writer ends before them, and they get their defaults. */
function readGroup(part: MemberGroup, scope: DecodeScope, values: Map<MemberModel, string>): void {
  const { lines, names, lookup, self } = scope;
  const outer = new Map<MemberModel, string>();
  for (const member of part.members) {
    const name = names.take(camel(member.name));
    const type = typeText(member.type, lines.module.typeOf);
    lines.add(`let ${name}: ${type}${member.optional ? " | undefined" : ""};`);
    outer.set(member, name);
    values.set(member, name);
  }
  lines.block(`if (${lines.use("r")}.stops)`, () => {
    for (const member of part.members) {
      lines.add(`${outer.get(member)} = ${defaultText(member, self, lookup, lines)};`);
    }
  });
  lines.chain("else", () => {
    const read = new Map<MemberModel, string>();
    readPart(part, scope, read);
    for (const member of part.members) lines.add(`${outer.get(member)} = ${read.get(member)};`);
  });
}

function readPart(part: MemberGroup, scope: DecodeScope, values: Map<MemberModel, string>): void {
  const { lines } = scope;
  const plan = planOf(part);
  const at = plan.runBytes > 0 ? scope.names.take("at") : "";
  if (plan.runBytes > 0) {
    const first = part.bitBlockBytes > 0 ? undefined : plan.run[0]?.member.name;
    const path = first === undefined ? "" : `, ${quote(first)}`;
    lines.add(`const ${at} = ${lines.use("r")}.take(${plan.runBytes}${path});`);
  }
  const used = usedBits(part);
  const byte = blockBytes(part, used, at, scope);
  checkPadding(scope, used, part.bitBlockBytes, at, byte);
  readMembers(part.members, plan, at, byte, scope, values);
}

/** Members whose bit block and run begin at `at`. */
function readMembers(
  members: readonly MemberModel[],
  plan: MemberPlan,
  at: string,
  byte: (i: number) => string,
  scope: DecodeScope,
  values: Map<MemberModel, string>,
): void {
  const { lines } = scope;
  const present = new Map<MemberModel, string>();
  for (const member of members) {
    if (!member.optional) continue;
    const has = scope.names.take(`has${pascal(member.name)}`);
    lines.add(`const ${has} = ${readBoolText(member.presenceBit!, byte)};`);
    present.set(member, has);
  }
  for (const member of plan.bits) {
    values.set(member, readBitMember(member, scope, present, at, byte));
  }
  for (const { member, offset } of plan.run) {
    values.set(member, readFixed(member, offsetText(at, offset), scope));
  }
  for (const rest of plan.rest) {
    if (isRun(rest)) {
      const runAt = scope.names.take(camel(`${rest[0]!.name}At`));
      lines.add(
        `const ${runAt} = ${lines.use("r")}.take(${sumBytes(rest)}, ${quote(rest[0]!.name)});`,
      );
      let offset = 0;
      for (const member of rest) {
        values.set(member, readFixed(member, offsetText(runAt, offset), scope));
        offset += scalarBytes(member.type);
      }
    } else values.set(rest, readVariable(rest, scope, present.get(rest)));
  }
}

/** The expression of each byte of a bit block. What several members share is read once, into a local. */
function blockBytes(
  part: MemberGroup,
  usedBits: number,
  at: string,
  scope: DecodeScope,
): (i: number) => string {
  const uses = Array.from({ length: part.bitBlockBytes }, () => 0);
  const use = (offset: number, width: number) => {
    for (const piece of bitPieces(offset, width)) uses[piece.byte]!++;
  };
  for (const { optional, presenceBit, valueBit, type } of part.members) {
    if (optional) use(presenceBit!, 1);
    if (isBits(type)) use(valueBit!, type.bits);
  }
  use(usedBits, part.bitBlockBytes * 8 - usedBits);
  const texts = uses.map((count, i) => {
    const text = () => `${scope.lines.use("view")}.getUint8(${offsetText(at, i)})`;
    if (count < 2) return text;
    const name = scope.names.take(`byte${i}`);
    scope.lines.add(`const ${name} = ${text()};`);
    return () => name;
  });
  return (i) => texts[i]!();
}

function readBitMember(
  member: MemberModel,
  scope: DecodeScope,
  present: ReadonlyMap<MemberModel, string>,
  block: string,
  byte: (i: number) => string,
): string {
  const { lines, names } = scope;
  const type = member.type as BitType;
  const name = names.take(camel(member.name));
  const raw = readBitsParts(member.valueBit!, type.bits, byte);
  const at = offsetText(block, Math.floor(member.valueBit! / 8));
  const has = present.get(member);
  const kind = kindOf(type);
  if (kind.direct !== undefined && has === undefined) {
    lines.add(`const ${name} = ${kind.direct(member.valueBit!, byte)};`);
    return name;
  }
  const bits = names.take(`${name}Bits`);
  lines.or(`const ${bits} = `, raw, ";");
  const path = quote(member.name);
  if (has !== undefined) {
    const problem = `${quote("is absent, but its bits are not zero")}`;
    lines.add(
      `if (!${has} && ${bits} !== 0) ${lines.use("r")}.refuse(${at}, ${path}, ${problem});`,
    );
  }
  checkBits(scope, type, bits, at, path);
  const value = kind.fromBits(type, bits, at, path, lines);
  lines.add(`const ${name} = ${has === undefined ? value : `${has} ? ${value} : undefined`};`);
  return name;
}

/** A required integer or float at a place that `take` has checked. */
function readFixed(member: MemberModel, at: string, scope: DecodeScope): string {
  const { lines, names } = scope;
  const name = names.take(camel(member.name));
  const { type } = member;
  if (!isFixed(type)) throw new Error(`${type.kind} has no fixed place`);
  lines.add(`const ${name} = ${kindOf(type).get(type, at, quote(member.name), lines)};`);
  return name;
}

function readVariable(member: MemberModel, scope: DecodeScope, has: string | undefined): string {
  const { lines, names } = scope;
  const path = quote(member.name);
  const { type } = member;
  const name = names.take(camel(member.name));
  if (isSimple(type)) {
    const simple = simpleText(type, path, lines);
    lines.add(`const ${name} = ${has === undefined ? simple : `${has} ? ${simple} : undefined`};`);
    return name;
  }
  if (has === undefined) {
    readInto(scope, type, name, member.name);
    return name;
  }
  lines.add(`let ${name}: ${typeText(type, lines.module.typeOf)} | undefined;`);
  lines.block(`if (${has})`, () => assignRead(scope, type, name, member.name));
  return name;
}
