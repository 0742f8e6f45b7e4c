/**
 * `dissector.lua`: the protocol for Wireshark and tshark. The code is that of the folder dissector/ beside this file, the
 * same for every spec; emitted is the table that it reads. Every text of the spec goes through `luaString` or `slug`: nothing
 * of it is ever code.
 */
import { readFileSync } from "node:fs";
import { type HeaderItem, headerItems } from "../interpret/header-items.ts";
import { limitedChannels } from "../interpret/receive-limit.ts";
import { bareLeaf, definedKinds, isLeaf, kindOf } from "../kinds/kinds.ts";
import { compatMaxBytes, payloadFixedBytes, payloadMaxBytes } from "../model/channels.ts";
import { Lookup } from "../model/lookup.ts";
import type {
  HeaderFieldModel,
  MemberModel,
  Model,
  StructModel,
  TypeModel,
  UnionModel,
} from "../model/model.ts";

/** In this order: each part uses the ones before. */
const PARTS = ["fields", "bytes", "messages", "header", "zero", "wireshark"] as const;
/** Longest text of a field's description. */
const MAX_DOC = 200;

export function emitDissector(model: Model): string {
  const abbr = `stardust_${slug(model.name).toLowerCase()}`;
  const names = new Abbreviations();
  const definitions = definedKinds.map(({ list }): [string, Lua] => [
    list,
    Object.fromEntries(
      model[list].map(({ name, values }): [string, Lua] => [
        name,
        new Map(values.map((choice) => [choice.value, oneLine(choice.name)])),
      ]),
    ),
  ]);
  const lookup = Lookup.of(model);
  const table: Lua = {
    abbr,
    title: oneLine(`Stardust: ${model.name}, version ${model.version}`),
    column: slug(model.name).toUpperCase(),
    version: model.version,
    hash: model.hash,
    maxDatagramBytes: model.limits.maxPathDatagramBytes ?? model.limits.maxDatagramBytes,
    sliceBytes: model.limits.sliceBytes,
    isSealed: model.security === "sealed",
    packetNumberBits: model.header.packetNumberBits,
    messageNumberBits: model.header.messageNumberBits,
    clear: items(model.header.clear, `${abbr}.header`, names),
    sealed: items(model.header.sealed, `${abbr}.header`, names),
    frame: items(model.header.frame, `${abbr}.frame`, names),
    ...Object.fromEntries(definitions),
    structs: Object.fromEntries(
      model.structs.map((struct): [string, Lua] => [
        struct.name,
        structTable(struct, `${abbr}.${struct.name}`, names),
      ]),
    ),
    unions: Object.fromEntries(
      model.unions.map((union): [string, Lua] => [
        union.name,
        unionTable(union, `${abbr}.${union.name}`, names),
      ]),
    ),
    channels: new Map(
      model.channels.map((channel): [number, Lua] => [
        channel.id + 1,
        {
          name: oneLine(channel.name),
          id: channel.id,
          numbered: channel.numbered,
          fragment: channel.fragment,
          compress: channel.compress,
          fixed: payloadFixedBytes(channel, lookup),
          max: payloadMaxBytes(channel),
          compatMax: compatMaxBytes(model, channel),
          message: channel.message,
        },
      ]),
    ),
    limited: {
      client: limitedChannels(model, "client").map(({ name }) => oneLine(name)),
      server: limitedChannels(model, "server").map(({ name }) => oneLine(name)),
    },
    zero: Object.fromEntries(model.zero.messages.map(({ name, from }) => [name, from])),
  };
  const code = PARTS.map((part) =>
    readFileSync(new URL(`dissector/${part}.lua`, import.meta.url), "utf8"),
  );
  return `local model = ${lua(table, "")}\n\n${code.join("\n")}`;
}

type Lua =
  | string
  | number
  | boolean
  | undefined
  | readonly Lua[]
  | ReadonlyMap<number, Lua>
  | { readonly [name: string]: Lua };

/** A Lua expression; tables of tables have a line for each row. */
function lua(value: Lua, indent: string): string {
  if (typeof value === "string") return luaString(value);
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (value === undefined) return "nil";
  const rows = luaRows(value, `${indent}  `);
  const line = `{ ${rows.join(", ")} }`;
  if (rows.length === 0) return "{}";
  if (indent.length + line.length <= 110 && !line.includes("\n")) return line;
  return `{\n${rows.map((row) => `${indent}  ${row},\n`).join("")}${indent}}`;
}

function luaRows(
  value: Exclude<Lua, string | number | boolean | undefined>,
  indent: string,
): string[] {
  if (Array.isArray(value)) return value.map((one: Lua) => lua(one, indent));
  if (value instanceof Map) {
    return [...value].map(([key, one]: [number, Lua]) => `[${key}] = ${lua(one, indent)}`);
  }
  return Object.entries(value)
    .filter(([, one]) => one !== undefined)
    .map(([name, one]) => {
      const key = /^[A-Za-z]+$/.test(name) && !reserved.has(name) ? name : `[${luaString(name)}]`;
      return `${key} = ${lua(one as Lua, indent)}`;
    });
}

const reserved = new Set(
  "and break do else elseif end false for function goto if in local nil not or repeat return then true until while".split(
    " ",
  ),
);

/** A Lua string literal: UTF-8, every byte that is not plain written as its number. */
export function luaString(text: string): string {
  if (/^[ !#-Z^-~]*$/.test(text)) return `"${text}"`;
  const bytes = new TextEncoder().encode(text);
  const inside = Array.from(bytes, (byte) => {
    const character = String.fromCharCode(byte);
    return /[ !#-Z^-~]/.test(character) && character !== "\\"
      ? character
      : `\\${String(byte).padStart(3, "0")}`;
  });
  return `"${inside.join("")}"`;
}

/** What Wireshark shows in one line: no control characters, nothing empty. */
function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is to go
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ").trim();
  return line === "" ? "_" : line;
}

function description({ doc }: { readonly doc?: string }): string | undefined {
  return doc === undefined ? undefined : oneLine([...doc].slice(0, MAX_DOC).join(""));
}

/** A part of a field's name in filters. */
function slug(name: string): string {
  const safe = name.replace(/[^A-Za-z0-9_]+/g, "_").replace(/^_+(?=.)/, "");
  return safe === "" || safe === "_" ? "x" : safe;
}

/** Names in filters, each once. Those that the Lua code makes of them (`.count`, `.item`, `.key`, `.value`, `.entry`, `.present`) come behind a dot. */
class Abbreviations {
  readonly #taken = new Set<string>();

  take(prefix: string, name: string): string {
    let wanted = `${prefix}.${slug(name)}`;
    for (let i = 2; this.#taken.has(wanted); i++) wanted = `${prefix}.${slug(name)}_${i}`;
    this.#taken.add(wanted);
    return wanted;
  }
}

function items(
  fields: readonly HeaderFieldModel[],
  prefix: string,
  names: Abbreviations,
): readonly Lua[] {
  return headerItems(fields).map((item: HeaderItem) => ({
    bytes: item.bytes,
    when: [...item.fields[0]!.when],
    fields: item.fields.map((field) => ({
      name: field.name,
      title: oneLine(field.name),
      abbr: names.take(prefix, field.name),
      role: field.role,
      leaf: headerLeaf(field),
      bits: field.bits,
      unit: field.unit === undefined ? undefined : oneLine(field.unit),
      doc: description(field),
    })),
  }));
}

/** Missing for bits and for ack ranges, which the dissector reads in its own ways. */
function headerLeaf({ type, role }: HeaderFieldModel): Lua {
  const leaf = type === undefined ? undefined : bareLeaf(type);
  if (leaf === undefined) return undefined;
  const row = kindOf(leaf).dissector(leaf);
  return role === "ack-bits" ? { ...row, base: "HEX" } : { ...row };
}

function structTable(struct: StructModel, prefix: string, names: Abbreviations): Lua {
  const { bitBlockBytes, extensible } = struct;
  const all = struct.members.map((m) => member(m, prefix, names));
  const groups = extensible?.groups ?? [];
  return {
    block: bitBlockBytes,
    members: all.slice(0, groups[0]?.first),
    groups:
      groups.length === 0
        ? undefined
        : groups.map(({ first, count, bitBlockBytes: block }) => ({
            block,
            members: all.slice(first, first + count),
          })),
    body: extensible?.maxBodyBytes,
    head: headTable(struct),
  };
}

function unionTable(union: UnionModel, prefix: string, names: Abbreviations): Lua {
  return {
    variants: new Map(
      union.variants.map((variant): [number, Lua] => [
        variant.tag,
        {
          title: oneLine(variant.name),
          abbr: names.take(prefix, variant.name),
          unit: variant.unit === undefined ? undefined : oneLine(variant.unit),
          doc: description(variant),
          type: typeTable(variant.type),
        },
      ]),
    ),
    head: headTable(union),
  };
}

/** The bound of a recursion, on the type that counts for it. */
function headTable({ name, recursion }: StructModel | UnionModel): Lua {
  if (recursion?.head !== name) return undefined;
  return { maxDepth: recursion.maxDepth, maxBytes: recursion.maxBytes };
}

function member(m: MemberModel, prefix: string, names: Abbreviations): Lua {
  return {
    name: oneLine(m.name),
    title: oneLine(m.name),
    abbr: names.take(prefix, m.name),
    presence: m.presenceBit,
    bit: m.valueBit,
    unit: m.unit === undefined ? undefined : oneLine(m.unit),
    doc: description(m),
    type: typeTable(m.type),
  };
}

function typeTable(type: TypeModel): Lua {
  if (isLeaf(type)) return { ...kindOf(type).dissector(type) };
  switch (type.kind) {
    case "list":
      return { kind: "list", max: type.max, of: typeTable(type.of) };
    case "array":
      return { kind: "array", length: type.length, of: typeTable(type.of) };
    case "map":
      return {
        kind: "map",
        max: type.max,
        key: typeTable(type.key),
        value: typeTable(type.value),
      };
    case "struct":
    case "union":
      return { kind: type.kind, name: type.name };
  }
}
