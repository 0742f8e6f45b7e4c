/**
 * The `encode…` function of a struct: its bit block byte by byte, the fixed run behind it at constant offsets, then
 * whatever varies, in the spec's order. Writes what `size…` has accepted; checks nothing again.
 */
import type { MemberModel, StructModel, TypeModel } from "../model/model.ts";
import {
  type BitField,
  type BitType,
  isBits,
  type Lookup,
  offsetText,
  scalarBytes,
  viewName,
  writeBitsTexts,
} from "./layout.ts";
import type { Func } from "./source.ts";
import { access, camel, Lines, Names, number, one, pascal } from "./text.ts";

/** Members that are not in the bit block, cut into the first run of fixed ones and the rest. */
export interface Plan {
  readonly bits: readonly MemberModel[];
  /** Required integers and floats right behind the bit block, with their offsets from its first byte. */
  readonly run: readonly { readonly member: MemberModel; readonly offset: number }[];
  readonly runBytes: number;
  /** All that follows; neighbours that are required integers or floats form runs of their own. */
  readonly rest: readonly (MemberModel | readonly MemberModel[])[];
}

export function planOf(struct: StructModel): Plan {
  const bits = struct.members.filter((m) => isBits(m.type));
  const others = struct.members.filter((m) => !isBits(m.type));
  const run: { member: MemberModel; offset: number }[] = [];
  const rest: (MemberModel | MemberModel[])[] = [];
  let runBytes = struct.bitBlockBytes;
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

export const reservedLocals: readonly string[] = ["message", "target", "w", "r", "at", "view"];

interface Scope {
  readonly lines: Lines;
  readonly names: Names;
}

export function encodeFunction(struct: StructModel, _lookup: Lookup): Func {
  const plan = planOf(struct);
  const scope: Scope = { lines: new Lines(), names: new Names(reservedLocals) };
  const { lines, names } = scope;
  const fields: BitField[] = [];
  for (const member of struct.members) {
    const value = `message${access(member.name)}`;
    if (member.optional) {
      const has = names.take(`has${pascal(member.name)}`);
      lines.add(`const ${has} = ${value} === undefined ? 0 : 1;`);
      fields.push({ offset: member.presenceBit!, width: 1, value: has });
    }
    if (!isBits(member.type)) continue;
    const bits = names.take(camel(member.name));
    const text = toBits(member.type, value);
    const absent =
      member.optional && member.type.kind !== "bool" ? `${value} === undefined ? 0 : ` : "";
    lines.add(`const ${bits} = ${absent}${text};`);
    fields.push({ offset: member.valueBit!, width: member.type.bits, value: bits });
  }
  if (plan.runBytes > 0) {
    lines.add(`const at = w.take(${plan.runBytes});`);
    writeBitsTexts(fields, struct.bitBlockBytes).forEach((text, i) => {
      lines.or(`view.setUint8(${offsetText("at", i)}, `, text, ");");
    });
    for (const { member, offset } of plan.run) {
      const value = `message${access(member.name)}`;
      lines.add(`view.set${viewName(member.type)}(${offsetText("at", offset)}, ${value});`);
    }
  }
  for (const part of plan.rest) {
    if (isRun(part)) {
      const at = names.take(camel(`${part[0]!.name}At`));
      lines.add(`const ${at} = w.take(${sumBytes(part)});`);
      let offset = 0;
      for (const member of part) {
        const value = `message${access(member.name)}`;
        lines.add(`view.set${viewName(member.type)}(${offsetText(at, offset)}, ${value});`);
        offset += scalarBytes(member.type);
      }
      continue;
    }
    const value = `message${access(part.name)}`;
    lines.when(part.optional ? `${value} !== undefined` : "", () => {
      encodeValue(scope, part.type, value, camel(part.name));
    });
  }
  const body = new Lines();
  if (lines.uses("view")) body.add("const view = w.view;");
  if (lines.text !== "") body.add(...lines.text.split("\n"));
  return {
    kind: "function",
    name: `encode${struct.name}`,
    parameters: [
      { name: body.uses("message") ? "message" : "_message", type: `types.${struct.name}` },
      { name: body.uses("w") ? "w" : "_w", type: "Writer" },
    ],
    returns: "void",
    body: body.text,
    doc: `Writes ${one(struct.name)} that size${struct.name} has accepted.`,
  };
}

export function isRun(part: MemberModel | readonly MemberModel[]): part is readonly MemberModel[] {
  return Array.isArray(part);
}

export function sumBytes(members: readonly MemberModel[]): number {
  return members.reduce((sum, m) => sum + scalarBytes(m.type), 0);
}

/** The whole number that stands in the bit block for a value. */
function toBits(type: BitType, value: string): string {
  switch (type.kind) {
    case "bool":
      return `${value} ? 1 : 0`;
    case "enum":
      return `valueOf${type.name}(${value})`;
    case "quantised": {
      const { min, max, steps } = type;
      if (type.integer && max - min === steps) return min === 0 ? value : minus(value, min);
      return `quantise(${value}, ${number(min)}, ${number(max)}, ${steps})`;
    }
  }
}

function minus(value: string, min: number): string {
  return min < 0 ? `${value} + ${number(-min)}` : `${value} - ${number(min)}`;
}

function encodeValue(scope: Scope, type: TypeModel, value: string, base: string): void {
  const { lines, names } = scope;
  if (isBits(type)) {
    const bits = names.take("bits");
    const bytes = Math.ceil(type.bits / 8);
    lines.add(`const ${bits} = ${toBits(type, value)};`);
    const field = { offset: 0, width: type.bits, value: bits };
    for (const text of writeBitsTexts([field], bytes)) {
      lines.add(`w.u8(${text});`);
    }
    return;
  }
  switch (type.kind) {
    case "integer":
    case "float":
      lines.add(`view.set${viewName(type)}(w.take(${type.bytes}), ${value});`);
      return;
    case "varint":
      lines.add(`w.varint(${type.signed ? `zigzag(${value})` : value});`);
      return;
    case "string":
      lines.add(`w.string(${value}, utf8Length(${value}));`);
      return;
    case "bytes":
      lines.add(`w.varint(${value}.byteLength);`, `w.raw(${value});`);
      return;
    case "struct":
      lines.add(`encode${type.name}(${value}, w);`);
      return;
    case "list": {
      const list = names.take(base);
      const item = names.take("item");
      lines.add(`const ${list} = ${value};`, `w.varint(${list}.length);`);
      lines.block(`for (const ${item} of ${list})`, () => {
        encodeValue(scope, type.of, item, "inner");
      });
    }
  }
}
