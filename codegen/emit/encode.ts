/**
 * The `encode…` functions of structs and unions: the bit block byte by byte, the fixed run behind it at constant offsets,
 * then whatever varies, in the spec's order. Writes what `size…` has accepted; checks nothing again.
 */
import { isBits, isFixed, isLeaf, kindOf } from "../kinds/kinds.ts";
import { groupsOf, type MemberGroup, type Named } from "../model/lookup.ts";
import type { MemberModel, StructModel, TypeModel, UnionModel } from "../model/model.ts";
import { type BitField, offsetText, writeBitsTexts } from "./bits.ts";
import { scalarBytes } from "./layout.ts";
import { type Module, WIRE } from "./module.ts";
import type { Func } from "./source.ts";
import { camel, Lines, membersOf, Names, one, pascal, quote } from "./text.ts";

/** Members that are not in the bit block, cut into the first run of fixed ones and the rest. */
export interface Plan {
  readonly bits: readonly MemberModel[];
  /** Required integers and floats right behind the bit block, with their offsets from its first byte. */
  readonly run: readonly { readonly member: MemberModel; readonly offset: number }[];
  readonly runBytes: number;
  /** All that follows; neighbours that are required integers or floats form runs of their own. */
  readonly rest: readonly (MemberModel | readonly MemberModel[])[];
}

export function planOf(part: MemberGroup): Plan {
  const bits = part.members.filter((m) => isBits(m.type));
  const others = part.members.filter((m) => !isBits(m.type));
  const run: { member: MemberModel; offset: number }[] = [];
  const rest: (MemberModel | MemberModel[])[] = [];
  let runBytes = part.bitBlockBytes;
  for (const member of others) {
    const fixed = member.optional ? 0 : scalarBytes(member.type);
    const last = rest.at(-1);
    if (fixed === 0) rest.push(member);
    else if (rest.length === 0) {
      run.push({ member, offset: runBytes });
      runBytes += fixed;
    } else if (Array.isArray(last)) last.push(member);
    else rest.push([member]);
  }
  return { bits, run, runBytes, rest };
}

/** Locals that a function of a type has besides those of its members. */
export function localsOf(self: Named): string[] {
  const extensible = "extensible" in self && self.extensible !== undefined;
  return [
    ..."message target w r view".split(" "),
    ...("variants" in self ? ["at", "tag"] : []),
    ...(extensible ? ["body", "end"] : []),
    ...(self.recursion ? ["depth", "from"] : []),
  ];
}

interface Scope {
  readonly lines: Lines;
  readonly names: Names;
}

export function encodeFunction(struct: StructModel, module: Module): Func {
  const scope: Scope = { lines: new Lines(module), names: new Names(localsOf(struct)) };
  const { extensible, fixedBytes } = struct;
  const { lines } = scope;
  if (extensible) {
    if (fixedBytes >= 0) lines.add(`${lines.use("w")}.varint(${extensible.maxBodyBytes});`);
    else lines.add(`const body = ${lines.use("w")}.begin();`);
  }
  const memberValue = membersOf(struct.members, lines, scope.names);
  for (const part of groupsOf(struct)) encodePart(scope, part, memberValue);
  if (extensible && fixedBytes < 0) lines.add(`${lines.use("w")}.end(body);`);
  return encodeFunc(struct, lines);
}

export function unionEncodeFunction(union: UnionModel, module: Module): Func {
  const lines = new Lines(module);
  lines.block(`switch (${lines.use("message")}.kind)`, () => {
    for (const variant of union.variants) {
      lines.block(`case ${quote(variant.name)}:`, () => {
        const put = variant.tag < 128 ? "u8" : "varint";
        lines.add(`${lines.use("w")}.${put}(${variant.tag});`);
        const scope = { lines, names: new Names(localsOf(union)) };
        encodeValue(scope, variant.type, "message.value", "value");
        lines.add("return;");
      });
    }
  });
  return encodeFunc(union, lines);
}

function encodeFunc(self: Named, lines: Lines): Func {
  const view = lines.uses("view") ? `const view = ${lines.use("w")}.view;\n` : "";
  return {
    kind: "function",
    name: `encode${self.name}`,
    parameters: [
      {
        name: lines.uses("message") ? "message" : "_message",
        type: lines.module.typeOf(self.name),
      },
      { name: lines.uses("w") ? "w" : "_w", type: writerType(lines.module) },
    ],
    returns: "void",
    body: view + lines.text,
    uses: lines.used,
    doc: `Writes ${one(self.name)} that size${self.name} has accepted.`,
  };
}

export function writerType(module: Module): string {
  return module.type(WIRE, "Writer");
}

function encodePart(scope: Scope, part: MemberGroup, memberValue: (name: string) => string): void {
  const plan = planOf(part);
  const { lines, names } = scope;
  const fields: BitField[] = [];
  const at = plan.runBytes > 0 ? names.take("at") : "";
  for (const member of part.members) {
    const value = memberValue(member.name);
    if (member.optional) {
      const has = names.take(`has${pascal(member.name)}`);
      lines.add(`const ${has} = ${value} === undefined ? 0 : 1;`);
      fields.push({ offset: member.presenceBit!, width: 1, value: has });
    }
    if (!isBits(member.type)) continue;
    const bits = names.take(camel(member.name));
    const kind = kindOf(member.type);
    const text = kind.toBits(member.type, value, lines);
    const absent = member.optional && !kind.absentIsZero ? `${value} === undefined ? 0 : ` : "";
    lines.add(`const ${bits} = ${absent}${text};`);
    fields.push({ offset: member.valueBit!, width: member.type.bits, value: bits });
  }
  if (plan.runBytes > 0) {
    lines.add(`const ${at} = ${lines.use("w")}.take(${plan.runBytes});`);
    writeBitsTexts(fields, part.bitBlockBytes).forEach((text, i) => {
      lines.or(`${lines.use("view")}.setUint8(${offsetText(at, i)}, `, text, ");");
    });
    for (const { member, offset } of plan.run) {
      const value = memberValue(member.name);
      lines.add(setText(member.type, offsetText(at, offset), value, lines));
    }
  }
  for (const member of plan.rest) {
    if (isRun(member)) encodeRun(scope, member, memberValue);
    else {
      const value = memberValue(member.name);
      lines.when(member.optional ? `${value} !== undefined` : "", () => {
        encodeValue(scope, member.type, value, camel(member.name));
      });
    }
  }
}

function encodeRun(
  { lines, names }: Scope,
  run: readonly MemberModel[],
  memberValue: (name: string) => string,
): void {
  const at = names.take(camel(`${run[0]!.name}At`));
  lines.add(`const ${at} = ${lines.use("w")}.take(${sumBytes(run)});`);
  let offset = 0;
  for (const member of run) {
    const value = memberValue(member.name);
    lines.add(setText(member.type, offsetText(at, offset), value, lines));
    offset += scalarBytes(member.type);
  }
}

export function isRun(part: MemberModel | readonly MemberModel[]): part is readonly MemberModel[] {
  return Array.isArray(part);
}

export function sumBytes(members: readonly MemberModel[]): number {
  return members.reduce((sum, m) => sum + scalarBytes(m.type), 0);
}

/** Puts a value of fixed bytes there. */
export function setText(type: TypeModel, at: string, value: string, lines: Lines): string {
  if (!isFixed(type)) throw new Error(`${type.kind} has no fixed place`);
  return kindOf(type).set(type, at, value, lines);
}

function encodeValue(scope: Scope, type: TypeModel, value: string, base: string): void {
  const { lines, names } = scope;
  if (isBits(type)) {
    const bits = names.take("bits");
    const bytes = Math.ceil(type.bits / 8);
    lines.add(`const ${bits} = ${kindOf(type).toBits(type, value, lines)};`);
    const field = { offset: 0, width: type.bits, value: bits };
    for (const text of writeBitsTexts([field], bytes)) {
      lines.add(`${lines.use("w")}.u8(${text});`);
    }
    return;
  }
  if (isFixed(type)) {
    lines.add(setText(type, `${lines.use("w")}.take(${type.bytes})`, value, lines));
    return;
  }
  if (isLeaf(type)) {
    lines.add(kindOf(type).encode(type, value, lines));
    return;
  }
  switch (type.kind) {
    case "struct":
    case "union":
      lines.add(`encode${type.name}(${value}, ${lines.use("w")});`);
      return;
    case "list":
    case "array": {
      const list = names.take(base);
      const index = names.take("i");
      const item = names.take("item");
      lines.add(`const ${list} = ${value};`);
      if (type.kind === "list") lines.add(`${lines.use("w")}.varint(${list}.length);`);
      lines.block(`for (let ${index} = 0; ${index} < ${list}.length; ${index}++)`, () => {
        lines.add(`const ${item} = ${list}[${index}]!;`);
        encodeValue(scope, type.of, item, "inner");
      });
      return;
    }
    case "map": {
      const map = names.take(base);
      const key = names.take("key");
      const item = names.take("item");
      lines.add(`const ${map} = ${value};`, `${lines.use("w")}.varint(${map}.size);`);
      lines.block(`for (const [${key}, ${item}] of ${map})`, () => {
        encodeValue(scope, type.key, key, "inner");
        encodeValue(scope, type.value, item, "inner");
      });
    }
  }
}
