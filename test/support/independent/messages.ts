/**
 * A slow interpreter of "Bytes of a message" (docs/spec-and-codegen.md): decodes a payload by walking the spec's YAML,
 * and works out sizes the same way. Imports nothing of src/ or generated/.
 *
 * Not covered, and refused with a message that says so: f16, maps, unions, fixed arrays, extensible structs, `since`.
 */
import { Bits, type Cursor, fail, varintBytes } from "./bytes.ts";

export type Yaml = { readonly [key: string]: unknown };

/** What a use of a type comes to. */
type Type =
  | { kind: "integer"; bytes: number; signed: boolean }
  | { kind: "varint"; signed: boolean }
  | { kind: "float"; bytes: 4 | 8 }
  | { kind: "bits"; bits: number; read: (raw: number, what: string) => unknown }
  | { kind: "string" | "bytes"; maxBytes: number }
  | { kind: "list"; of: Type; max: number }
  | { kind: "struct"; members: readonly Member[] };

interface Member {
  readonly name: string;
  readonly type: Type;
  readonly optional: boolean;
}

const integers: Readonly<Record<string, { bytes: number; signed: boolean }>> = {
  u8: { bytes: 1, signed: false },
  u16: { bytes: 2, signed: false },
  u32: { bytes: 4, signed: false },
  u64: { bytes: 8, signed: false },
  i8: { bytes: 1, signed: true },
  i16: { bytes: 2, signed: true },
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
};

const kinds: ReadonlySet<string> = new Set([
  ...Object.keys(integers),
  ...Object.keys(varints),
  ..."f32 f64 bool string bytes list struct enum".split(" "),
]);
const notCovered: ReadonlySet<string> = new Set("f16 map union array extensible".split(" "));

export function isMap(value: unknown): value is Yaml {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The messages of one spec. */
export class Messages {
  readonly #types: Yaml;
  readonly #maxima: typeof defaultMaxima;

  constructor(types: Yaml, limits: Yaml) {
    this.#types = types;
    this.#maxima = { ...defaultMaxima, ...(limits as Partial<typeof defaultMaxima>) };
  }

  /** The message type of a channel: the name of a struct, or its members. */
  resolveMessage(message: unknown): Type {
    if (typeof message === "string") return this.#resolve(message, 0);
    if (!isMap(message)) return fail("a message that is neither a name nor members");
    return this.#struct(message, 0);
  }

  /** Decodes all that is left at `at` as one message. */
  decode(type: Type, at: Cursor, what: string): unknown {
    const value = this.#value(type, at, what);
    if (at.left > 0) fail(`${what}: ${at.left} bytes left over`);
    return value;
  }

  /** Smallest and largest encoding, in bytes. */
  sizes(type: Type): [number, number] {
    switch (type.kind) {
      case "integer":
      case "float":
        return [type.bytes, type.bytes];
      case "varint":
        return [1, 8];
      case "bits":
        return [Math.ceil(type.bits / 8), Math.ceil(type.bits / 8)];
      case "string":
      case "bytes":
        return [1, varintBytes(type.maxBytes) + type.maxBytes];
      case "list":
        return [1, varintBytes(type.max) + type.max * this.sizes(type.of)[1]];
      case "struct": {
        const block = blockBytes(type.members);
        let least = block;
        let most = block;
        for (const member of type.members) {
          if (member.type.kind === "bits") continue;
          const [min, max] = this.sizes(member.type);
          least += member.optional ? 0 : min;
          most += max;
        }
        return [least, most];
      }
    }
  }

  #resolve(use: unknown, depth: number): Type {
    if (depth > 32) fail("types nested more than 32 deep");
    if (typeof use === "string") {
      if (kinds.has(use)) return this.#kind(use, {}, depth);
      const named = this.#types[use];
      if (named === undefined) fail(`type ${use} is not known, or not covered here`);
      return this.#resolve(named, depth + 1);
    }
    if (!isMap(use)) return fail("a type that is neither a name nor a map");
    if (use["since"] !== undefined) fail("`since` is not covered here");
    if (use["type"] !== undefined) return this.#resolve(use["type"], depth + 1);
    const found = Object.keys(use).filter((key) => kinds.has(key) || notCovered.has(key));
    const kind = found[0];
    if (kind === undefined || found.length > 1) return fail(`a type of ${Object.keys(use)}`);
    if (notCovered.has(kind)) fail(`${kind} is not covered here`);
    return this.#kind(kind, use[kind] ?? {}, depth);
  }

  #kind(kind: string, options: unknown, depth: number): Type {
    if (kind === "bool") return { kind: "bits", bits: 1, read: (raw) => raw === 1 };
    const map = isMap(options) ? options : {};
    const number = (name: string): number | undefined => map[name] as number | undefined;
    const integer = integers[kind];
    if (integer !== undefined) {
      if (number("min") === undefined && number("max") === undefined) {
        return { kind: "integer", ...integer };
      }
      const { bytes, signed } = integer;
      const least = signed ? -(2 ** (8 * bytes - 1)) : 0;
      const min = number("min") ?? least;
      return steps(min, number("max") ?? least + 2 ** (8 * bytes) - 1, undefined, true);
    }
    const varint = varints[kind];
    if (varint !== undefined) {
      return { kind: "varint", signed: varint.signed || map["signed"] === true };
    }
    if (kind === "f32" || kind === "f64") {
      const min = number("min");
      const max = number("max");
      const bits = number("bits");
      const step = number("step");
      if (min === undefined || max === undefined || (bits === undefined && step === undefined)) {
        return { kind: "float", bytes: kind === "f32" ? 4 : 8 };
      }
      const count = bits === undefined ? Math.round((max - min) / step!) : 2 ** bits - 1;
      return steps(min, max, count, false);
    }
    if (kind === "string" || kind === "bytes") {
      const { defaultMaxStringBytes, defaultMaxBytesBytes } = this.#maxima;
      const otherwise = kind === "string" ? defaultMaxStringBytes : defaultMaxBytesBytes;
      return { kind, maxBytes: number("maxBytes") ?? otherwise };
    }
    if (kind === "list") {
      const max = number("max") ?? this.#maxima.defaultMaxListItems;
      return { kind: "list", of: this.#resolve(map["of"], depth + 1), max };
    }
    if (kind === "enum") {
      const names = new Map(Object.entries(map).map(([name, value]) => [enumValue(value), name]));
      const largest = Math.max(...names.keys());
      const bits = Math.max(1, Math.ceil(Math.log2(largest + 1)));
      const read = (raw: number, what: string): string =>
        names.get(raw) ?? fail(`${what}: ${raw} is no value of the enum`);
      return { kind: "bits", bits, read };
    }
    return this.#struct(map, depth + 1);
  }

  #struct(members: Yaml, depth: number): Type {
    return {
      kind: "struct",
      members: Object.entries(members).map(([name, use]) => ({
        name,
        type: this.#resolve(use, depth + 1),
        optional: isMap(use) && use["optional"] === true,
      })),
    };
  }

  #value(type: Type, at: Cursor, what: string): unknown {
    switch (type.kind) {
      case "integer": {
        const value = type.signed ? at.signed(type.bytes, what) : at.unsigned(type.bytes, what);
        return type.bytes === 8 ? value : Number(value);
      }
      case "varint": {
        const raw = at.varint(what);
        if (!type.signed) return raw;
        return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
      }
      case "float":
        return at.float(type.bytes, what);
      case "bits": {
        // Alone: a list element, with a block of its own.
        const bits = new Bits(at.take(Math.ceil(type.bits / 8), what));
        const value = type.read(bits.take(type.bits), what);
        bits.finish(what);
        return value;
      }
      case "string":
      case "bytes": {
        const length = at.varint(`${what}: length`);
        if (length > type.maxBytes) fail(`${what}: ${length} bytes, at most ${type.maxBytes}`);
        return type.kind === "string" ? at.utf8(length, what) : at.take(length, what);
      }
      case "list": {
        const count = at.varint(`${what}: count`);
        if (count > type.max) fail(`${what}: ${count} elements, at most ${type.max}`);
        return Array.from({ length: count }, (_, i) => this.#value(type.of, at, `${what}[${i}]`));
      }
      case "struct":
        return this.#members(type.members, at, what);
    }
  }

  #members(members: readonly Member[], at: Cursor, what: string): Record<string, unknown> {
    const bits = new Bits(at.take(blockBytes(members), `${what}: bits`));
    const value: Record<string, unknown> = {};
    const absent = new Set<string>();
    for (const { name, type, optional } of members) {
      const path = `${what}.${name}`;
      // Keys in the spec's order, whichever part of the bytes they come from.
      value[name] = undefined;
      if (optional && bits.take(1) === 0) absent.add(name);
      if (type.kind !== "bits") continue;
      const raw = bits.take(type.bits);
      if (!absent.has(name)) value[name] = type.read(raw, path);
      else if (raw !== 0) fail(`${path}: absent, but its bits are not zero`);
    }
    bits.finish(what);
    for (const { name, type } of members) {
      if (absent.has(name)) delete value[name];
      else if (type.kind !== "bits") value[name] = this.#value(type, at, `${what}.${name}`);
    }
    return value;
  }
}

function blockBytes(members: readonly Member[]): number {
  let bits = 0;
  for (const { type, optional } of members) {
    bits += (optional ? 1 : 0) + (type.kind === "bits" ? type.bits : 0);
  }
  return Math.ceil(bits / 8);
}

function enumValue(value: unknown): number {
  const number = isMap(value) ? value["value"] : value;
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
    return raw === last ? max : min + (raw / last) * (max - min);
  };
  return { kind: "bits", bits, read };
}
