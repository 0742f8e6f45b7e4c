/**
 * What the two header emitters share: fields gathered into bit groups and runs under one condition, and the text that
 * moves one field to or from bytes. Which byte means what is the model's; the meaning of a role is header.ts's and frames.ts's.
 */
import type { HeaderFieldModel } from "../model/model.ts";
import {
  type BitField,
  offsetText,
  readBitsText,
  readBoolText,
  writeBitsParts,
} from "../print/bits.ts";
import { type Expression, operand } from "../print/expression.ts";
import { headerFunctions } from "../print/module.ts";
import type { Lines, Names } from "../print/text.ts";

/** Identifiers that emitted header functions refer to: no local may have one of them as its name. */
export const moduleNames: readonly string[] = [
  ...headerFunctions,
  ..."Violation channelOf wireIds numbered fragments fixedBytes maxBytes compatMaxBytes most".split(
    " ",
  ),
  ..."Math Number undefined".split(" "),
];

/** A whole number of bytes: one field, or bit fields that stand side by side. */
export interface Item {
  readonly fields: readonly HeaderFieldModel[];
  /** -1 where it varies. */
  readonly bytes: number;
}

/** Items that are there under the same condition; `condition` is "" where they always are. */
export interface Group {
  readonly condition: string;
  readonly items: readonly Item[];
}

const typeBytes = {
  u8: 1,
  u16: 2,
  u24: 3,
  u32: 4,
  u64: 8,
  i8: 1,
  i16: 2,
  i32: 4,
  f32: 4,
  f64: 8,
} as const;

function bytesOf(field: HeaderFieldModel): number {
  const { type } = field;
  if (type === undefined) throw new Error(`header field ${field.name} has neither type nor bits`);
  return type === "varint" || type === "ack-ranges" ? -1 : typeBytes[type];
}

/** Gathers neighbouring bit fields into items, and neighbouring items of one condition into groups. */
export function groupsOf(
  fields: readonly HeaderFieldModel[],
  condition: (field: HeaderFieldModel) => string,
): Group[] {
  const items: { item: Item; condition: string }[] = [];
  let bits: HeaderFieldModel[] = [];
  const closeBits = () => {
    if (bits.length === 0) return;
    const width = bits.reduce((sum, f) => sum + f.bits!, 0);
    const item = { fields: bits, bytes: Math.ceil(width / 8) };
    items.push({ item, condition: condition(bits[0]!) });
    bits = [];
  };
  for (const field of fields) {
    if (field.bits !== undefined) {
      if (bits.length > 0 && condition(bits[0]!) !== condition(field)) closeBits();
      bits.push(field);
      continue;
    }
    closeBits();
    items.push({ item: { fields: [field], bytes: bytesOf(field) }, condition: condition(field) });
  }
  closeBits();
  const groups: { condition: string; items: Item[] }[] = [];
  for (const { item, condition: text } of items) {
    const last = groups.at(-1);
    if (last !== undefined && last.condition === text) last.items.push(item);
    else groups.push({ condition: text, items: [item] });
  }
  return groups;
}

/** Runs of fixed items; each item that varies is a run of its own. */
export function runsOf(items: readonly Item[]): Item[][] {
  const runs: Item[][] = [];
  for (const item of items) {
    const last = runs.at(-1);
    if (item.bytes < 0 || last === undefined || last[0]!.bytes < 0) runs.push([item]);
    else last.push(item);
  }
  return runs;
}

export function runBytes(run: readonly Item[]): number {
  return run.reduce((sum, item) => sum + item.bytes, 0);
}

/** What is done with a field that was read: `raw` is the expression of its value. */
export type Take = (field: HeaderFieldModel, raw: string) => void;

/** Reads a group's items, position in `r.at`; returns a Violation from the function it stands in. */
export function readItems(lines: Lines, names: Names, items: readonly Item[], take: Take): void {
  for (const run of runsOf(items)) {
    const first = run[0]!;
    if (first.bytes < 0) {
      readVarying(lines, names, first.fields[0]!, take);
      continue;
    }
    const at = names.take("at");
    const bytes = runBytes(run);
    lines.add(`const ${at} = r.at;`);
    lines.add(`if (r.end - ${at} < ${bytes}) return Violation.truncated;`);
    lines.add(`r.at = ${at} + ${bytes};`);
    let offset = 0;
    for (const item of run) {
      const place = offset;
      if (item.fields[0]!.bits !== undefined) readBitItem(lines, names, item, at, place, take);
      else take(item.fields[0]!, typedRead(item.fields[0]!, at, place));
      offset += item.bytes;
    }
  }
}

function readVarying(lines: Lines, names: Names, field: HeaderFieldModel, take: Take): void {
  if (field.type === "ack-ranges") {
    take(field, "");
    return;
  }
  const value = names.take(field.name.replace(/\W/g, "_"));
  lines.add(`const ${value} = r.tryVarint();`);
  lines.add(`if (${value} < 0) return ${lines.wire("varintViolation")}(${value});`);
  take(field, value);
}

function readBitItem(
  lines: Lines,
  names: Names,
  item: Item,
  at: string,
  offset: number,
  take: Take,
): void {
  const bytes = Array.from({ length: item.bytes }, () => names.take("bits"));
  bytes.forEach((name, i) => {
    lines.add(`const ${name} = view.getUint8(${offsetText(at, offset + i)});`);
  });
  const byte = (i: number): string => bytes[i]!;
  let bit = 0;
  for (const field of item.fields) {
    const width = field.bits!;
    if (field.role === "reserved") reservedZero(lines, bit, width, byte);
    else take(field, width === 1 ? readBoolText(bit, byte) : readBitsText(bit, width, byte));
    bit += width;
  }
  const padding = item.bytes * 8 - bit;
  if (padding > 0) reservedZero(lines, bit, padding, byte);
}

function reservedZero(
  lines: Lines,
  offset: number,
  width: number,
  byte: (index: number) => string,
): void {
  const text = readBitsText(offset, width, byte);
  lines.add(`if ((${text}) !== 0) return Violation.reservedBits;`);
}

function typedRead(field: HeaderFieldModel, at: string, offset: number): string {
  const place = offsetText(at, offset);
  switch (field.type) {
    case "u24":
      return `(view.getUint16(${place}) << 8) | view.getUint8(${offsetText(at, offset + 2)})`;
    case "u64": {
      // Two words: no number holds 64 bits. Only an ack field has this type.
      return `view.getUint32(${place}), view.getUint32(${offsetText(at, offset + 4)})`;
    }
    case "f32":
    case "f64":
      return `view.getFloat${field.type.slice(1)}(${place})`;
    default:
      return `view.get${field.type!.startsWith("i") ? "Int" : "Uint"}${field.type!.slice(1)}(${place})`;
  }
}

/** The value that is written for a field; for bits it fits them. */
export type Value = (field: HeaderFieldModel) => Expression;

/** Writes a group's items. */
export function writeItems(lines: Lines, names: Names, items: readonly Item[], value: Value): void {
  for (const run of runsOf(items)) {
    const first = run[0]!;
    if (first.bytes < 0) {
      const field = first.fields[0]!;
      if (field.type === "ack-ranges")
        lines.add(`${lines.wire("writeAckRanges")}(${lines.use("w")}, ${lines.use("h")}.acks);`);
      else lines.add(`${lines.use("w")}.varint(${value(field).text});`);
      continue;
    }
    const at = names.take("at");
    lines.add(`const ${at} = ${lines.use("w")}.take(${runBytes(run)});`);
    let offset = 0;
    for (const item of run) {
      if (item.fields[0]!.bits !== undefined) writeBitItem(lines, item, at, offset, value);
      else typedWrite(lines, item.fields[0]!, at, offset, operand(value(item.fields[0]!)));
      offset += item.bytes;
    }
  }
}

function writeBitItem(lines: Lines, item: Item, at: string, offset: number, value: Value): void {
  const fields: BitField[] = [];
  let bit = 0;
  for (const field of item.fields) {
    if (field.role !== "reserved") {
      fields.push({ offset: bit, width: field.bits!, value: value(field) });
    }
    bit += field.bits!;
  }
  writeBitsParts(fields, item.bytes).forEach((parts, i) => {
    lines.or(`${lines.use("view")}.setUint8(${offsetText(at, offset + i)}, `, parts, ");");
  });
}

function typedWrite(
  lines: Lines,
  field: HeaderFieldModel,
  at: string,
  offset: number,
  value: string,
): void {
  const place = offsetText(at, offset);
  const view = lines.use("view");
  switch (field.type) {
    case "u24":
      lines.add(`${view}.setUint16(${place}, ${value} >>> 8);`);
      lines.add(`${view}.setUint8(${offsetText(at, offset + 2)}, ${value});`);
      return;
    case "u64": {
      const word = lines.wire("ackWord");
      lines.add(`${view}.setUint32(${place}, ${word}(h.acks, 0));`);
      lines.add(`${view}.setUint32(${offsetText(at, offset + 4)}, ${word}(h.acks, 32));`);
      return;
    }
    case "f32":
    case "f64":
      lines.add(`${view}.setFloat${field.type.slice(1)}(${place}, ${value});`);
      return;
    default: {
      const kind = field.type!.startsWith("i") ? "Int" : "Uint";
      lines.add(`${view}.set${kind}${field.type!.slice(1)}(${place}, ${value});`);
    }
  }
}

/** Adds what a group's items take to `size`. */
export function sizeItems(lines: Lines, items: readonly Item[], value: Value): void {
  const parts: string[] = [];
  let constant = 0;
  for (const item of items) {
    const field = item.fields[0]!;
    if (item.bytes >= 0) constant += item.bytes;
    else if (field.type === "ack-ranges")
      parts.push(`${lines.wire("ackRangesSize")}(${lines.use("h")}.acks)`);
    else parts.push(`${lines.wire("varintSize")}(${value(field).text})`);
  }
  if (constant > 0) parts.unshift(String(constant));
  lines.add(`size += ${parts.join(" + ")};`);
}
