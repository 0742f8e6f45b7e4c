/**
 * Values of messages between bytes and JSON: the arithmetic of quantised numbers and zigzag, and one notation for what
 * JSON has no word for. Read and write share it, so that they cannot disagree; the runtime has its own.
 */
import type { EnumModel, Model, StructModel, TypeModel } from "../model/model.ts";

export type Quantised = Extract<TypeModel, { kind: "quantised" }>;
/** Types that live in the bit block of what is around them. */
export type BitType = Extract<TypeModel, { bits: number }>;

/** Structs and enums of a model by name. */
export class Names {
  readonly model: Model;
  readonly #structs: ReadonlyMap<string, StructModel>;
  readonly #enums: ReadonlyMap<string, EnumModel>;

  constructor(model: Model) {
    this.model = model;
    this.#structs = new Map(model.structs.map((s) => [s.name, s]));
    this.#enums = new Map(model.enums.map((e) => [e.name, e]));
  }

  struct(name: string): StructModel {
    const found = this.#structs.get(name);
    if (found === undefined) throw new Error(`the model has no struct ${name}`);
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
  'hexadecimal, {"$number":"-0"} is negative zero.';

/** A value as JSON data: what JSON cannot hold becomes an object with one member that begins with `$`. */
export function toJsonData(value: unknown): unknown {
  if (typeof value === "bigint") return { $bigint: String(value) };
  if (value instanceof Uint8Array) return { $bytes: hexOf(value) };
  if (Object.is(value, -0)) return { $number: "-0" };
  if (Array.isArray(value)) return value.map(toJsonData);
  if (typeof value !== "object" || value === null) return value;
  const result: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    if (member !== undefined) put(result, name, toJsonData(member));
  }
  return result;
}
