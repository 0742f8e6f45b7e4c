/**
 * Values of messages between bytes and JSON: the arithmetic of quantised numbers and zigzag, and one notation for what
 * JSON has no word for. Read and write share it, so that they cannot disagree; the runtime has its own.
 */
import type {
  EnumModel,
  MemberModel,
  Model,
  RecursionModel,
  StructModel,
  TypeModel,
  UnionModel,
} from "../model/model.ts";

export type Quantised = Extract<TypeModel, { kind: "quantised" }>;
/** Types that live in the bit block of what is around them. */
export type BitType = Extract<TypeModel, { bits: number }>;

/** Structs, unions and enums of a model by name. */
export class Names {
  readonly model: Model;
  readonly #structs: ReadonlyMap<string, StructModel>;
  readonly #unions: ReadonlyMap<string, UnionModel>;
  readonly #enums: ReadonlyMap<string, EnumModel>;

  constructor(model: Model) {
    this.model = model;
    this.#structs = new Map(model.structs.map((s) => [s.name, s]));
    this.#unions = new Map(model.unions.map((u) => [u.name, u]));
    this.#enums = new Map(model.enums.map((e) => [e.name, e]));
  }

  struct(name: string): StructModel {
    const found = this.#structs.get(name);
    if (found === undefined) throw new Error(`the model has no struct ${name}`);
    return found;
  }

  union(name: string): UnionModel {
    const found = this.#unions.get(name);
    if (found === undefined) throw new Error(`the model has no union ${name}`);
    return found;
  }

  enum(name: string): EnumModel {
    const found = this.#enums.get(name);
    if (found === undefined) throw new Error(`the model has no enum ${name}`);
    return found;
  }
}

export function isBits(type: TypeModel): type is BitType {
  return "bits" in type;
}

/** For the default of a switch over kinds: a kind without a case does not compile. */
export function unknownKind(type: never): never {
  throw new Error(`the type ${JSON.stringify(type)} is not known here`);
}

/** Members that are laid out together: those of the first version, then those of each later `since`. */
export function partsOf({ members, bitBlockBytes, extensible }: StructModel): {
  readonly members: readonly MemberModel[];
  readonly bitBlockBytes: number;
  readonly since?: number;
}[] {
  const groups = extensible?.groups ?? [];
  return [
    { members: members.slice(0, groups[0]?.first ?? members.length), bitBlockBytes },
    ...groups.map(({ since, first, count, bitBlockBytes: bytes }) => ({
      members: members.slice(first, first + count),
      bitBlockBytes: bytes,
      since,
    })),
  ];
}

/** How many of each recursive type are open: only the head of a cycle counts. */
export class Nesting {
  readonly #open = new Map<string, number>();

  /** Runs `inside` one level deeper; where that is too deep, `refuse` throws instead. */
  within<T>(
    self: { readonly name: string; readonly recursion?: RecursionModel },
    refuse: (maxDepth: number) => never,
    inside: () => T,
  ): T {
    const { name, recursion } = self;
    if (recursion?.head !== name) return inside();
    const open = this.#open.get(name) ?? 0;
    if (open >= recursion.maxDepth) refuse(recursion.maxDepth);
    this.#open.set(name, open + 1);
    try {
      return inside();
    } finally {
      this.#open.set(name, open);
    }
  }
}

/** The bound on the bytes of a recursive value, where it is the one that counts and the spec gives one. */
export function totalBytes(self: {
  readonly name: string;
  readonly recursion?: RecursionModel;
}): number {
  const { name, recursion } = self;
  return (recursion?.head === name ? recursion.maxBytes : undefined) ?? Number.POSITIVE_INFINITY;
}

/** The value of a 16-bit float (IEEE 754 binary16). */
export function halfOf(bits: number): number {
  const sign = bits >= 0x8000 ? -1 : 1;
  const exponent = Math.floor(bits / 1024) % 32;
  const fraction = bits % 1024;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The bits of the 16-bit float nearest to a value, the even one of two. */
export function toHalfBits(value: number): number {
  const size = Math.abs(value);
  let exponent = -14;
  while (exponent < 15 && size >= 2 ** (exponent + 1)) exponent++;
  const units = size / 2 ** (exponent - 10);
  const low = Math.floor(units);
  const rest = units - low;
  const rounded = rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low;
  const bits = (exponent + 14) * 1024 + rounded;
  if (!(bits < 0x7c00)) throw new RangeError(`${value} is no finite 16-bit float`);
  return bits + (value < 0 || Object.is(value, -0) ? 0x8000 : 0);
}

/** The value at a step; exactly `min` and `max` at the ends. */
export function dequantise({ min, max, steps, integer }: Quantised, step: number): number {
  if (integer) return min + step * ((max - min) / steps);
  const value = min + (step / steps) * (max - min);
  return step === steps || value > max ? max : value;
}

/** The step nearest to a value of the range. */
export function quantise({ min, max, steps }: Quantised, value: number): number {
  const step = Math.round(((value - min) / (max - min)) * steps);
  return Math.max(0, Math.min(steps, step));
}

/** 0, 1, 2, 3 … as 0, -1, 1, -2 …; never -0. */
export function unzigzag(raw: number): number {
  return raw % 2 === 0 ? raw / 2 : -((raw - 1) / 2) - 1;
}

export function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1;
}

/** Sets a member as an own one, whatever its name. */
export function put(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== "__proto__") object[name] = value;
  else {
    const own = { value, enumerable: true, configurable: true, writable: true };
    Object.defineProperty(object, name, own);
  }
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/** How the notation is explained wherever it is used. */
export const NOTATION: string =
  'Members that are absent are left out. {"$bigint":"…"} is a 64-bit integer in decimal, {"$bytes":"…"} are bytes in ' +
  'hexadecimal, {"$map":[[key,value],…]} is a map with its entries in their order, {"$number":"-0"} is negative zero. A ' +
  'union is {"kind":…,"value":…}, with the name of its variant.';

/** A value as JSON data: what JSON cannot hold becomes an object with one member that begins with `$`. */
export function toJsonData(value: unknown): unknown {
  if (typeof value === "bigint") return { $bigint: String(value) };
  if (value instanceof Uint8Array) return { $bytes: hexOf(value) };
  if (Object.is(value, -0)) return { $number: "-0" };
  if (value instanceof Map) {
    return { $map: [...value].map(([key, of]) => [toJsonData(key), toJsonData(of)]) };
  }
  if (Array.isArray(value)) return value.map(toJsonData);
  if (typeof value !== "object" || value === null) return value;
  const result: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    if (member !== undefined) put(result, name, toJsonData(member));
  }
  return result;
}
