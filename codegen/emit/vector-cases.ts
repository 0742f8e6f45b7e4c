/**
 * Which values of a message are worth a golden vector: the least, the largest that stays readable, a usual one, and that
 * one again with each member at each of its edges. The same model gives the same cases, in the same order. Worst case:
 * MAX_CASES of each message, whatever its types.
 */
import { dequantise, type Names, put, unknownKind } from "../interpret/values.ts";
import type { MemberModel, TypeModel } from "../model/model.ts";

export interface Case {
  readonly name: string;
  readonly value: Record<string, unknown>;
}

/** Of one message. */
const MAX_CASES = 64;
/** Of a member that is a struct or a list, the members inside it counted. */
const MAX_EDGES = 24;
/** Strings, bytes and lists grow no longer than this. */
const MAX_LENGTH = 300;
/** Structs and lists in each other, of which more than the least is shown. */
const MAX_DEPTH = 4;

interface Edge {
  readonly name: string;
  readonly value: unknown;
}

export function casesOf(names: Names, struct: string): Case[] {
  const make = (name: string, pick: (member: MemberModel) => unknown): Case => ({
    name,
    value: structOf(names, struct, pick) as Record<string, unknown>,
  });
  const { members } = names.struct(struct);
  const usuals = new Map(members.map((m) => [m, typical(names, m.type, 0)]));
  const usual = (m: MemberModel): unknown => usuals.get(m);
  const cases = [
    make("minimum", (m) => (m.optional ? undefined : least(names, m.type))),
    make("maximum", (m) => most(names, m.type, 0)),
    make("typical", usual),
  ];
  for (const member of members) {
    const edges = edgesOf(names, member.type, 0);
    if (member.optional) edges.unshift({ name: "absent", value: undefined });
    for (const edge of edges.slice(0, MAX_EDGES)) {
      if (cases.length >= MAX_CASES) return cases;
      const at = edge.name.startsWith(".") || edge.name.startsWith("[") ? "" : ": ";
      const name = `${member.name}${at}${edge.name}`;
      cases.push(make(name, (m) => (m === member ? edge.value : usual(m))));
    }
  }
  return cases;
}

function structOf(names: Names, struct: string, pick: (member: MemberModel) => unknown): unknown {
  const value: Record<string, unknown> = {};
  for (const member of names.struct(struct).members) {
    const picked = pick(member);
    if (picked !== undefined) put(value, member.name, picked);
  }
  return value;
}

function integerRange(bytes: number, signed: boolean): [number | bigint, number | bigint] {
  const bits = BigInt(bytes * 8);
  const min = signed ? -(2n ** (bits - 1n)) : 0n;
  const max = signed ? 2n ** (bits - 1n) - 1n : 2n ** bits - 1n;
  return bytes === 8 ? [min, max] : [Number(min), Number(max)];
}

const MAX_SAFE = Number.MAX_SAFE_INTEGER;
const varintRange = (signed: boolean): [number, number] =>
  signed ? [-(2 ** 52), 2 ** 52 - 1] : [0, MAX_SAFE];
const LARGEST_F32 = (2 - 2 ** -23) * 2 ** 127;

function largestFloat(bytes: 4 | 8): number {
  return bytes === 4 ? LARGEST_F32 : Number.MAX_VALUE;
}

function least(names: Names, type: TypeModel): unknown {
  switch (type.kind) {
    case "integer":
      return integerRange(type.bytes, type.signed)[0];
    case "varint":
      return varintRange(type.signed)[0];
    case "float":
      return -largestFloat(type.bytes);
    case "bool":
      return false;
    case "quantised":
      return type.min;
    case "enum":
      return names.enum(type.name).values[0]!.name;
    case "string":
      return "";
    case "bytes":
      return new Uint8Array(0);
    case "list":
      return [];
    case "struct":
      return structOf(names, type.name, (m) => (m.optional ? undefined : least(names, m.type)));
    default:
      return unknownKind(type);
  }
}

/** A letter of one byte, of two, three and four, again and again, and exactly so many bytes. */
function textOf(bytes: number): string {
  if (bytes === 0) return "";
  let text = "";
  let left = bytes;
  for (let i = 0; left > 0; i++) {
    const letter = ["a", "\u00e9", "\u20ac", "\u{1f680}"][i % 4]!;
    const size = Math.min(4, (i % 4) + 1);
    if (size > left) return text + "z".repeat(left);
    text += letter;
    left -= size;
  }
  return text;
}

function bytesOf(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => (i * 37 + 255) % 256);
}

function lengthOf(max: number, depth: number): number {
  return Math.min(max, depth === 0 ? MAX_LENGTH : 9);
}

function most(names: Names, type: TypeModel, depth: number): unknown {
  switch (type.kind) {
    case "integer":
      return integerRange(type.bytes, type.signed)[1];
    case "varint":
      return varintRange(type.signed)[1];
    case "float":
      return largestFloat(type.bytes);
    case "bool":
      return true;
    case "quantised":
      return type.max;
    case "enum":
      return names.enum(type.name).values.at(-1)!.name;
    case "string":
      return textOf(lengthOf(type.maxBytes, depth));
    case "bytes":
      return bytesOf(lengthOf(type.maxBytes, depth));
    case "list": {
      if (depth > MAX_DEPTH) return [];
      const count = Math.min(type.max, depth === 0 ? 3 : 2);
      return Array.from({ length: count }, () => most(names, type.of, depth + 1));
    }
    case "struct":
      if (depth > MAX_DEPTH) return least(names, type);
      return structOf(names, type.name, (m) => most(names, m.type, depth + 1));
    default:
      return unknownKind(type);
  }
}

function typical(names: Names, type: TypeModel, depth: number): unknown {
  switch (type.kind) {
    case "integer":
      return type.bytes === 8 ? 72_623_859_790_382_856n : type.bytes === 1 ? 18 : 4660;
    case "varint":
      return 300;
    case "float":
      return type.bytes === 4 ? Math.fround(0.1) : 0.1;
    case "bool":
      return true;
    case "quantised":
      return dequantise(type, Math.floor(type.steps / 3));
    case "enum": {
      const { values } = names.enum(type.name);
      return values[Math.floor(values.length / 2)]!.name;
    }
    case "string":
      return textOf(Math.min(type.maxBytes, 4));
    case "bytes":
      return bytesOf(Math.min(type.maxBytes, 3));
    case "list":
      if (depth > MAX_DEPTH || type.max === 0) return [];
      return [typical(names, type.of, depth + 1)];
    case "struct":
      if (depth > MAX_DEPTH) return least(names, type);
      return structOf(names, type.name, (m) => typical(names, m.type, depth + 1));
    default:
      return unknownKind(type);
  }
}

/** Values at which an encoder or a decoder may go wrong, by name. */
function edgesOf(names: Names, type: TypeModel, depth: number): Edge[] {
  const numbers = (...values: readonly (number | bigint)[]): Edge[] =>
    values.map((value) => ({ name: String(value), value }));
  switch (type.kind) {
    case "integer": {
      const [min, max] = integerRange(type.bytes, type.signed);
      const one = type.bytes === 8 ? 1n : 1;
      if (!type.signed) return numbers(min, one, max);
      return numbers(min, -one, type.bytes === 8 ? 0n : 0, max);
    }
    case "varint":
      return type.signed
        ? numbers(-(2 ** 52), -65, -64, -1, 0, 63, 64, 2 ** 31, 2 ** 52 - 1)
        : numbers(0, 127, 128, 16_383, 16_384, 2 ** 28, 2 ** 35, MAX_SAFE);
    case "float":
      return numbers(0, 1.5, -2, type.bytes === 4 ? 2 ** -149 : Number.MIN_VALUE);
    case "bool":
      return [false, true].map((value) => ({ name: String(value), value }));
    case "quantised": {
      const steps = [0, 1, Math.floor(type.steps / 2), type.steps - 1, type.steps];
      const used = [...new Set(steps)].filter((step) => step >= 0);
      return used.map((step) => ({ name: `step ${step}`, value: dequantise(type, step) }));
    }
    case "enum":
      return names.enum(type.name).values.map(({ name }) => ({ name, value: name }));
    case "string":
    case "bytes": {
      const lengths = [0, 1, 127, 128, type.maxBytes].filter(
        (n) => n <= lengthOf(type.maxBytes, 0),
      );
      const value = (n: number): unknown => (type.kind === "string" ? textOf(n) : bytesOf(n));
      return [...new Set(lengths)].map((n) => ({ name: `${n} bytes`, value: value(n) }));
    }
    case "list": {
      if (depth > MAX_DEPTH) return [];
      const of = typical(names, type.of, depth + 1);
      const counts = [0, 2, Math.min(type.max, 130)].filter((n) => n <= type.max && depth === 0);
      const lists = [...new Set(counts)].map((n) => ({
        name: `${n} elements`,
        value: Array.from({ length: n }, () => of),
      }));
      if (type.max === 0) return lists;
      const inner = edgesOf(names, type.of, depth + 1).slice(0, MAX_EDGES);
      return [...lists, ...inner.map((e) => ({ name: under("[0]", e.name), value: [e.value] }))];
    }
    case "struct": {
      if (depth > MAX_DEPTH) return [];
      const { members } = names.struct(type.name);
      return members.flatMap((member) => {
        const edges = edgesOf(names, member.type, depth + 1).slice(0, MAX_EDGES);
        if (member.optional) edges.unshift({ name: "absent", value: undefined });
        return edges.map((edge) => ({
          name: under(`.${member.name}`, edge.name),
          value: structOf(names, type.name, (m) =>
            m === member ? edge.value : typical(names, m.type, depth + 1),
          ),
        }));
      });
    }
    default:
      return unknownKind(type);
  }
}

function under(part: string, name: string): string {
  return name.startsWith(".") || name.startsWith("[") ? part + name : `${part}: ${name}`;
}
