/**
 * The types of a spec as its YAML says them, resolved for the slow interpreter of messages.ts: names looked up, defaults
 * of bounds filled in, enums and quantised numbers as bits that can be read and written. Imports nothing of src/, codegen/
 * or generated/. Worst case: a spec that the generator would refuse may be accepted here.
 */

import { fail } from "./bytes.ts";
import { Half } from "./half.ts";

/** A map of YAML. */
export type Yaml = { readonly [key: string]: unknown };
/** The same as a Map, where the order of keys like `1` matters, or one is `__proto__`. */
export type YamlMap = Yaml | ReadonlyMap<string, unknown>;

export type Type =
  | { kind: "integer"; bytes: number; signed: boolean; safe: boolean }
  | { kind: "varint"; signed: boolean }
  | { kind: "float"; bytes: 2 | 4 | 8; nan: boolean }
  | {
      kind: "bits";
      bits: number;
      read: (raw: number, what: string) => unknown;
      write: (value: unknown, what: string) => number;
      zero: () => unknown;
    }
  | { kind: "string" | "bytes"; maxBytes: number }
  | { kind: "list"; of: Type; max: number }
  | { kind: "array"; of: Type; length: number }
  | { kind: "map"; key: Type; value: Type; max: number }
  | { kind: "union"; variants: Variant[]; bound?: Bound }
  | { kind: "struct"; members: Member[]; extensible: boolean; bound?: Bound };

/** How many of a type may lie in each other, and what one may take. */
export interface Bound {
  readonly maxDepth: number;
  readonly maxBytes: number;
}

export interface Variant {
  readonly name: string;
  readonly tag: number;
  readonly type: Type;
}

export interface Member {
  readonly name: string;
  readonly type: Type;
  readonly optional: boolean;
  readonly since: number | undefined;
  readonly default: unknown;
}

const integers: Readonly<Record<string, { bytes: number; signed: boolean }>> = {
  u8: { bytes: 1, signed: false },
  u16: { bytes: 2, signed: false },
  u24: { bytes: 3, signed: false },
  u32: { bytes: 4, signed: false },
  u64: { bytes: 8, signed: false },
  i8: { bytes: 1, signed: true },
  i16: { bytes: 2, signed: true },
  i24: { bytes: 3, signed: true },
  i32: { bytes: 4, signed: true },
  i64: { bytes: 8, signed: true },
};

/** Names of varints as the spec writes them. */
const varints: Readonly<Record<string, { signed: boolean }>> = {
  varint: { signed: false },
  svarint: { signed: true },
};

/** Limits of a spec that hold where a member has no maximum of its own. */
const defaultMaxima = {
  defaultMaxStringBytes: 256,
  defaultMaxBytesBytes: 1024,
  defaultMaxListItems: 64,
  defaultMaxMapItems: 64,
};

const kinds: ReadonlySet<string> = new Set([
  ...Object.keys(integers),
  ...Object.keys(varints),
  ..."f16 f32 f64 bool string bytes list array map union struct enum flags".split(" "),
]);

export function isMap(value: unknown): value is Yaml {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function entries(value: YamlMap): [string, unknown][] {
  return value instanceof Map ? [...value] : Object.entries(value);
}

function get(value: YamlMap, key: string): unknown {
  if (value instanceof Map) return value.get(key);
  return Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
}

export class Types {
  readonly #types: YamlMap;
  readonly #maxima: typeof defaultMaxima;
  /** Types of the section that were begun; filled in when they are done, so that they can hold each other. */
  readonly #named = new Map<string, Type>();

  constructor(types: YamlMap, limits: YamlMap) {
    this.#types = types;
    this.#maxima = { ...defaultMaxima, ...(Object.fromEntries(entries(limits)) as object) };
  }

  /** The message type of a channel: the name of a struct, or its members. */
  message(message: unknown, extensible: boolean): Type {
    if (typeof message === "string") return this.#resolve(message, 0);
    if (!isMap(message)) return fail("a message that is neither a name nor members");
    return this.#struct(message, extensible, 0);
  }

  #resolve(use: unknown, depth: number): Type {
    if (depth > 300) fail("types nested without end");
    if (typeof use === "string") {
      if (kinds.has(use)) return this.#kind(use, {}, false, depth);
      const known = this.#named.get(use);
      if (known !== undefined) return known;
      const named = get(this.#types, use);
      if (named === undefined) fail(`type ${use} is not known`);
      const made = {} as Type;
      this.#named.set(use, made);
      Object.assign(made, this.#resolve(named, depth + 1));
      if (isMap(named) && get(named, "maxDepth") !== undefined) {
        const maxBytes = (get(named, "maxBytes") as number | undefined) ?? Number.POSITIVE_INFINITY;
        const bound: Bound = { maxDepth: get(named, "maxDepth") as number, maxBytes };
        Object.assign(made, { bound });
      }
      return made;
    }
    if (!isMap(use)) return fail("a type that is neither a name nor a map");
    const extensible = get(use, "extensible") === true;
    const inner = get(use, "type");
    if (isMap(inner) && get(inner, "struct") !== undefined) {
      return this.#kind("struct", get(inner, "struct"), extensible, depth);
    }
    if (inner !== undefined) return this.#resolve(inner, depth + 1);
    const found = entries(use).filter(([key]) => kinds.has(key));
    if (found.length !== 1) return fail(`a type of ${entries(use).map(([key]) => key)}`);
    return this.#kind(found[0]![0], found[0]![1] ?? {}, extensible, depth);
  }

  #kind(kind: string, options: unknown, extensible: boolean, depth: number): Type {
    if (kind === "bool") {
      const write = (value: unknown, what: string) =>
        typeof value === "boolean" ? Number(value) : fail(`${what}: no bool`);
      return { kind: "bits", bits: 1, read: (raw) => raw === 1, write, zero: () => false };
    }
    const map: YamlMap = isMap(options) ? options : {};
    const number = (name: string) => get(map, name) as number | undefined;
    const integer = integers[kind];
    if (integer !== undefined) {
      const { bytes, signed } = integer;
      if (number("min") === undefined && number("max") === undefined) {
        return { kind: "integer", bytes, signed, safe: bytes < 8 || get(map, "as") === "number" };
      }
      const least = signed ? -(2 ** (8 * bytes - 1)) : 0;
      const min = number("min") ?? least;
      return steps(min, number("max") ?? least + 2 ** (8 * bytes) - 1, undefined, true);
    }
    const varint = varints[kind];
    if (varint !== undefined) {
      return { kind: "varint", signed: varint.signed || get(map, "signed") === true };
    }
    const nan = get(map, "nan") === true;
    if (kind === "f16") return { kind: "float", bytes: Half.bytes, nan };
    if (kind === "f32" || kind === "f64") {
      const min = number("min");
      const max = number("max");
      const bits = number("bits");
      const step = number("step");
      if (min === undefined || max === undefined || (bits === undefined && step === undefined)) {
        return { kind: "float", bytes: kind === "f32" ? 4 : 8, nan };
      }
      const count = bits === undefined ? Math.round((max - min) / step!) : 2 ** bits - 1;
      return steps(min, max, count, false);
    }
    if (kind === "string" || kind === "bytes") {
      const { defaultMaxStringBytes, defaultMaxBytesBytes } = this.#maxima;
      const otherwise = kind === "string" ? defaultMaxStringBytes : defaultMaxBytesBytes;
      return { kind, maxBytes: number("maxBytes") ?? otherwise };
    }
    const part = (name: string) => this.#resolve(get(map, name), depth + 1);
    if (kind === "list") {
      return { kind, of: part("of"), max: number("max") ?? this.#maxima.defaultMaxListItems };
    }
    if (kind === "array") return { kind, of: part("of"), length: number("length")! };
    if (kind === "map") {
      const max = number("max") ?? this.#maxima.defaultMaxMapItems;
      return { kind, key: part("key"), value: part("value"), max };
    }
    if (kind === "enum") return enumType(map);
    if (kind === "flags") return flagsType(map);
    if (kind === "union") {
      const variants = entries(map).map(([name, use], place): Variant => {
        const tag = isMap(use) ? (get(use, "tag") as number | undefined) : undefined;
        return { name, tag: tag ?? place, type: this.#resolve(use, depth + 1) };
      });
      return { kind, variants };
    }
    return this.#struct(map, extensible, depth + 1);
  }

  #struct(members: YamlMap, extensible: boolean, depth: number): Type {
    return {
      kind: "struct",
      extensible,
      members: entries(members).map(([name, use]) => ({
        name,
        type: this.#resolve(use, depth + 1),
        optional: isMap(use) && get(use, "optional") === true,
        since: isMap(use) ? (get(use, "since") as number | undefined) : undefined,
        default: isMap(use) ? get(use, "default") : undefined,
      })),
    };
  }
}

function enumType(map: YamlMap): Type {
  const names = new Map(entries(map).map(([name, value]) => [enumValue(value), name]));
  const numbers = new Map([...names].map(([value, name]) => [name, value]));
  const largest = Math.max(...names.keys());
  const bits = Math.max(1, largest.toString(2).length);
  const read = (raw: number, what: string): string =>
    names.get(raw) ?? fail(`${what}: ${raw} is no value of the enum`);
  const write = (value: unknown, what: string): number =>
    numbers.get(value as string) ?? fail(`${what}: no name of the enum`);
  return { kind: "bits", bits, read, write, zero: () => names.get(Math.min(...names.keys())) };
}

function flagsType(map: YamlMap): Type {
  const places = new Map(entries(map).map(([name, value]) => [name, enumValue(value)]));
  const mask = [...places.values()].reduce((sum, place) => sum + 2 ** place, 0);
  const read = (raw: number, what: string): number =>
    (raw & ~mask) === 0 ? raw : fail(`${what}: ${raw} has bits without a name`);
  const place = (name: string) => places.get(name) ?? fail(`${name} is no flag`);
  const write = (value: unknown, what: string): number => {
    // A default is given by names.
    if (typeof value !== "string") return read(value as number, what);
    return value.split(" | ").reduce((sum, name) => sum + 2 ** place(name), 0);
  };
  return { kind: "bits", bits: 1 + Math.max(...places.values()), read, write, zero: () => 0 };
}

function enumValue(value: unknown): number {
  const number = isMap(value) ? get(value, "value") : value;
  return typeof number === "number" ? number : fail(`an enum value of ${String(number)}`);
}

/** A number as one of `count` steps of [min, max]; whole numbers: one step each. */
function steps(min: number, max: number, count: number | undefined, integer: boolean): Type {
  const last = count ?? max - min;
  let bits = 0;
  while (2 ** bits <= last) bits++;
  const read = (raw: number, what: string): number => {
    if (raw > last) fail(`${what}: step ${raw} of ${last}`);
    if (integer) return min + raw;
    return raw === last ? max : Math.min(max, min + (raw / last) * (max - min));
  };
  const write = (value: unknown, what: string): number => {
    if (typeof value !== "number" || !(value >= min && value <= max)) fail(`${what}: out of range`);
    return Math.round((((value as number) - min) / (max - min)) * last);
  };
  const zero = () => {
    const nearest = Math.max(min, Math.min(max, 0));
    return read(write(nearest, "zero"), "zero");
  };
  return { kind: "bits", bits, read, write, zero };
}
