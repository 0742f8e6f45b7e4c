/**
 * A slow interpreter of "Bytes of a message" (docs/wire.md): decodes and encodes payloads by walking the
 * spec's YAML, and works out sizes the same way. Imports nothing of src/, codegen/ or generated/.
 */
import { Bits, type Cursor, fail, varintBytes } from "./bytes.ts";
import { encodeValue, NAN } from "./encode.ts";
import { Half } from "./half.ts";
import { type Bound, type Member, type Type, Types, type YamlMap } from "./types.ts";

export { isMap, type Type, type Yaml } from "./types.ts";

function floatOf(bits: bigint, bytes: 4 | 8): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, bits << BigInt(64 - 8 * bytes));
  return bytes === 4 ? view.getFloat32(0) : view.getFloat64(0);
}

/** The messages of one spec. */
export class Messages {
  readonly #types: Types;
  /** Whether the writer may have another version of the spec. */
  readonly #compat: boolean;
  /** How many of each bounded type are open. */
  readonly #open = new Map<Bound, number>();

  constructor(types: YamlMap, limits: YamlMap, options: { compat?: boolean } = {}) {
    this.#types = new Types(types, limits);
    this.#compat = options.compat === true;
  }

  /** The message type of a channel: the name of a struct, or its members. */
  resolveMessage(message: unknown, extensible = false): Type {
    return this.#types.message(message, extensible);
  }

  /** The bytes of a message. */
  encode(type: Type, value: unknown): Uint8Array {
    return Uint8Array.from(encodeValue(type, value, "message"));
  }

  /** Decodes all that is left at `at` as one message. */
  decode(type: Type, at: Cursor, what: string): unknown {
    this.#open.clear();
    const value = this.#value(type, at, what);
    if (at.left > 0) fail(`${what}: ${at.left} bytes left over`);
    return value;
  }

  /** Whether it is extensible, or something in it. */
  mayGrow(type: Type, seen: Set<Type> = new Set()): boolean {
    if (seen.has(type)) return false;
    seen.add(type);
    switch (type.kind) {
      case "list":
      case "array":
        return this.mayGrow(type.of, seen);
      case "map":
        return this.mayGrow(type.value, seen);
      case "union":
        return type.variants.some((variant) => this.mayGrow(variant.type, seen));
      case "struct":
        return type.extensible || type.members.some((m) => this.mayGrow(m.type, seen));
      default:
        return false;
    }
  }

  /** Smallest and largest encoding, in bytes; of types that do not hold themselves. */
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
      case "array": {
        const [least, most] = this.sizes(type.of);
        return [type.length * least, type.length * most];
      }
      case "map": {
        const entry = this.sizes(type.key)[1] + this.sizes(type.value)[1];
        return [1, varintBytes(type.max) + type.max * entry];
      }
      case "union": {
        const all = type.variants.map(({ tag, type: of }) =>
          this.sizes(of).map((size) => varintBytes(tag) + size),
        );
        return [Math.min(...all.map((s) => s[0]!)), Math.max(...all.map((s) => s[1]!))];
      }
      case "struct": {
        let least = 0;
        for (const group of groupsOf(type.members)) least += blockBytes(group);
        let most = least;
        for (const member of type.members) {
          if (member.type.kind === "bits") continue;
          const [min, max] = this.sizes(member.type);
          least += member.optional ? 0 : min;
          most += max;
        }
        if (!type.extensible) return [least, most];
        return [varintBytes(least) + least, varintBytes(most) + most];
      }
    }
  }

  #value(type: Type, at: Cursor, what: string): unknown {
    switch (type.kind) {
      case "integer": {
        const value = type.signed ? at.signed(type.bytes, what) : at.unsigned(type.bytes, what);
        if (!type.safe) return value;
        return Number.isSafeInteger(Number(value)) ? Number(value) : fail(`${what}: not safe`);
      }
      case "varint": {
        const raw = at.varint(what);
        if (!type.signed) return raw;
        return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
      }
      case "float": {
        const bits = at.unsigned(type.bytes, what);
        if (type.nan && bits === NAN[type.bytes]) return Number.NaN;
        const value = type.bytes === 2 ? Half.read(Number(bits)) : floatOf(bits, type.bytes);
        return Number.isFinite(value) ? value : fail(`${what}: not finite`);
      }
      case "bits": {
        // Alone: an element, with a block of its own.
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
      case "array":
        return Array.from({ length: type.length }, (_, i) =>
          this.#value(type.of, at, `${what}[${i}]`),
        );
      case "map": {
        const count = at.varint(`${what}: count`);
        if (count > type.max) fail(`${what}: ${count} entries, at most ${type.max}`);
        const map = new Map<unknown, unknown>();
        for (let i = 0; i < count; i++) {
          const key = this.#value(type.key, at, `${what}[#${i}]`);
          if (map.has(key)) fail(`${what}: a key twice`);
          map.set(key, this.#value(type.value, at, `${what}[#${i}]`));
        }
        return map;
      }
      case "union":
        return this.#bounded(type.bound, at, what, () => {
          const tag = at.varint(`${what}: tag`);
          const variant = type.variants.find((v) => v.tag === tag);
          if (variant === undefined) return fail(`${what}: ${tag} is no variant`);
          return { kind: variant.name, value: this.#value(variant.type, at, `${what}.value`) };
        });
      case "struct":
        return this.#bounded(type.bound, at, what, () => this.#struct(type, at, what));
    }
  }

  #bounded(bound: Bound | undefined, at: Cursor, what: string, read: () => unknown): unknown {
    if (bound === undefined) return read();
    const open = this.#open.get(bound) ?? 0;
    if (open >= bound.maxDepth) fail(`${what}: more than ${bound.maxDepth} in each other`);
    this.#open.set(bound, open + 1);
    const from = at.at;
    const value = read();
    this.#open.set(bound, open);
    if (at.at - from > bound.maxBytes) fail(`${what}: more than ${bound.maxBytes} bytes`);
    return value;
  }

  #struct(type: Extract<Type, { kind: "struct" }>, outer: Cursor, what: string): unknown {
    const value: Record<string, unknown> = {};
    // Keys in the spec's order, whichever part of the bytes they come from.
    for (const { name } of type.members) put(value, name, undefined);
    let at = outer;
    if (type.extensible) {
      const length = outer.varint(`${what}: length`);
      const Same = outer.constructor as new (bytes: Uint8Array) => Cursor;
      at = new Same(outer.take(length, what));
    }
    groupsOf(type.members).forEach((group, i) => {
      if (i > 0 && this.#compat && at.left === 0) {
        for (const m of group) put(value, m.name, m.optional ? undefined : defaultOf(m));
      } else this.#members(group, value, at, what);
    });
    if (type.extensible && at.left > 0 && !this.#compat)
      fail(`${what}: ${at.left} bytes left over`);
    for (const { name } of type.members) {
      if (Object.getOwnPropertyDescriptor(value, name)!.value === undefined) delete value[name];
    }
    return value;
  }

  #members(
    members: readonly Member[],
    value: Record<string, unknown>,
    at: Cursor,
    what: string,
  ): void {
    const bits = new Bits(at.take(blockBytes(members), `${what}: bits`));
    const absent = new Set<string>();
    for (const { name, type, optional } of members) {
      const path = `${what}.${name}`;
      if (optional && bits.take(1) === 0) absent.add(name);
      if (type.kind !== "bits") continue;
      const raw = bits.take(type.bits);
      if (!absent.has(name)) put(value, name, type.read(raw, path));
      else if (raw !== 0) fail(`${path}: absent, but its bits are not zero`);
    }
    bits.finish(what);
    for (const { name, type } of members) {
      if (type.kind === "bits" || absent.has(name)) continue;
      put(value, name, this.#value(type, at, `${what}.${name}`));
    }
  }
}

/** Sets a property of the object's own, `__proto__` too. */
function put(object: object, name: string, value: unknown): void {
  const more = { writable: true, enumerable: true, configurable: true };
  Object.defineProperty(object, name, { value, ...more });
}

/** Members that lie together: those of the first version, then those of each `since`. */
export function groupsOf(members: readonly Member[]): Member[][] {
  const groups: Member[][] = [members.filter((m) => m.since === undefined)];
  for (const since of new Set(members.map((m) => m.since))) {
    if (since !== undefined) groups.push(members.filter((m) => m.since === since));
  }
  return groups;
}

export function blockBytes(members: readonly Member[]): number {
  let bits = 0;
  for (const { type, optional } of members) {
    bits += (optional ? 1 : 0) + (type.kind === "bits" ? type.bits : 0);
  }
  return Math.ceil(bits / 8);
}

function defaultOf({ type, default: given }: Member): unknown {
  if (given === undefined) return zeroOf(type);
  if (type.kind === "integer" && !type.safe) return BigInt(given as string | number);
  if (type.kind === "float" && given === "NaN") return Number.NaN;
  if (type.kind === "float" && type.bytes === 2) return Half.read(Half.write(given as number));
  if (type.kind === "float" && type.bytes === 4) return Math.fround(given as number);
  if (type.kind === "bits") return type.read(type.write(given, "default"), "default");
  return given;
}

function zeroOf(type: Type): unknown {
  switch (type.kind) {
    case "integer":
      return type.safe ? 0 : 0n;
    case "varint":
    case "float":
      return 0;
    case "bits":
      return type.zero();
    case "string":
      return "";
    case "bytes":
      return new Uint8Array(0);
    case "list":
      return [];
    case "array":
      return Array.from({ length: type.length }, () => zeroOf(type.of));
    case "map":
      return new Map();
    case "union": {
      const first = [...type.variants].sort((a, b) => a.tag - b.tag)[0]!;
      return { kind: first.name, value: zeroOf(first.type) };
    }
    case "struct": {
      const value = {};
      for (const m of type.members) if (!m.optional) put(value, m.name, defaultOf(m));
      return value;
    }
  }
}
