/**
 * What generated `write` functions call on each member of a message that is to be sent. The value may be anything at all
 * (it comes from the application, perhaps from JavaScript): each check accepts exactly what the encoder can write, or
 * throws `InvalidMessageError` with the member's path. Worst case: linear in a string's length.
 */
import { InvalidMessageError } from "../errors.ts";
import { utf8Length } from "./utf8.ts";
import { byteCount, varintSize } from "./writer.ts";

/** Half floats end at 65504; from here on the nearest would be the next power of two, which is infinity. */
export const HALF_OVERFLOW = 65_520;
/** As for half floats: half a step beyond the largest, 2^128 - 2^104. */
export const SINGLE_OVERFLOW: number = 2 ** 128 - 2 ** 103;
/** Zigzag halves the range of a varint: 2 * 2^52 - 1 is 2^53 - 1. */
const MIN_ZIGZAG = -(2 ** 52);
const MAX_ZIGZAG = 2 ** 52 - 1;

/** Throws: the member at `path` is wrong. */
export function invalid(path: string, problem: string): never {
  throw new InvalidMessageError(path, problem);
}

/** A few words on any value, whatever it is; never throws and never calls into it. */
function describe(value: unknown): string {
  if (value === undefined) return "is missing";
  if (value === null) return "is null";
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") {
    return `is ${value}${typeof value === "bigint" ? "n" : ""}`;
  }
  if (typeof value === "string") {
    return `is ${JSON.stringify(value.length > 32 ? `${value.slice(0, 32)}…` : value)}`;
  }
  return Array.isArray(value) ? "is a list" : `is of type ${typeof value}`;
}

/** Throws: `value` is not what the member at `path` must be. Apart from the checks, so that these are small. */
function refuse(path: string, wanted: string, value: unknown): never {
  return invalid(path, `must be ${wanted}, ${describe(value)}`);
}

/** A struct: an object. Members are checked by the caller, others ignored. */
export function checkObject(value: unknown): void {
  if (value === null || typeof value !== "object") refuseObject(value);
}

function refuseObject(value: unknown): never {
  return refuse("", "an object", value);
}

/** Refuses arrays, for structs whose members all exist on arrays. */
export function checkNoList(value: object): void {
  if (Array.isArray(value)) refuse("", "an object", value);
}

/** A whole number in [min, max]. */
export function checkInteger(path: string, value: unknown, min: number, max: number): void {
  // Nearly all are 32 bits wide, and that is quickly seen.
  const int = typeof value === "number" ? value | 0 : 0;
  if (int !== value || int < min || int > max) checkWide(path, value, min, max);
}

function checkWide(path: string, value: unknown, min: number, max: number): void {
  if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) {
    refuse(path, `a whole number from ${min} to ${max}`, value);
  }
}

/** A bigint in [min, max]. */
export function checkBigint(path: string, value: unknown, min: bigint, max: bigint): void {
  if (typeof value !== "bigint" || value < min || value > max) {
    refuse(path, `a bigint from ${min} to ${max}`, value);
  }
}

/** A number in [min, max], fractions allowed: what is quantised. */
export function checkNumber(path: string, value: unknown, min: number, max: number): void {
  if (!(typeof value === "number" && value >= min && value <= max)) {
    refuse(path, `a number from ${min} to ${max}`, value);
  }
}

/** A number that is finite as a 16-bit float; it is rounded to one when it is written. */
export function checkFloat16(path: string, value: unknown): void {
  if (typeof value !== "number" || !(Math.abs(value) < HALF_OVERFLOW)) {
    refuse(path, "a finite 16-bit float", value);
  }
}

/** A number that is finite as a 32-bit float; it is rounded to one when it is written. */
export function checkFloat32(path: string, value: unknown): void {
  if (typeof value !== "number" || !(Math.abs(value) < SINGLE_OVERFLOW)) {
    refuse(path, "a finite 32-bit float", value);
  }
}

/** A number that is finite. */
export function checkFloat64(path: string, value: unknown): void {
  if (!Number.isFinite(value)) refuse(path, "a finite number", value);
}

export function checkBool(path: string, value: unknown): void {
  if (typeof value !== "boolean") refuse(path, "true or false", value);
}

/** Throws for a value that is none of an enum's names. */
export function invalidEnum(path: string, value: unknown, names: string): never {
  return invalid(path, `must be one of ${names}, ${describe(value)}`);
}

/**
 * A list of at most `max` elements, which are checked by the caller. Returns how many: asked again, a Proxy may say
 * something else.
 */
export function checkList(path: string, value: unknown, max: number): number {
  const count = Array.isArray(value) ? value.length : -1;
  if (!(count >= 0 && count <= max)) refuseList(path, value, count, max);
  return count;
}

function refuseList(path: string, value: unknown, count: number, max: number): never {
  if (!Array.isArray(value)) return invalid(path, `must be a list, ${describe(value)}`);
  return invalid(path, `has ${count} elements, ${max} are allowed`);
}

/** A list of exactly `length` elements; they are checked by the caller. */
export function checkArray(path: string, value: unknown, length: number): void {
  if (!Array.isArray(value)) invalid(path, `must be a list, ${describe(value)}`);
  if (value.length !== length) invalid(path, `has ${value.length} elements, not ${length}`);
}

const sizeOfMap = Object.getOwnPropertyDescriptor(Map.prototype, "size")!.get as () => number;

/**
 * A Map of at most `max` entries, which are checked by the caller; returns how many, as `checkList`. The engine is asked,
 * not the value: it knows Maps of other realms (a `vm` context, jsdom), and no subclass can tell it another number.
 */
export function checkMap(path: string, value: unknown, max: number): number {
  let count: number;
  try {
    count = sizeOfMap.call(value);
  } catch {
    return invalid(path, `must be a Map, ${describe(value)}`);
  }
  if (count > max) invalid(path, `has ${count} entries, ${max} are allowed`);
  return count;
}

/** A union: an object with the name of its variant, whose value is checked by the caller. */
export function invalidKind(path: string, value: unknown, names: string): never {
  return invalid(path, `must have a kind, one of ${names}, ${describe(value)}`);
}

/** One more object of a recursive type inside `depth` others. */
export function checkDepth(depth: number, maxDepth: number): void {
  if (depth >= maxDepth)
    invalid("", `lies in ${depth} of its kind, ${maxDepth} levels are allowed`);
}

/** What a recursive value takes so far: stops the walk through one that shares or holds itself. */
export function checkTotal(size: number, maxBytes: number): void {
  if (size > maxBytes) invalid("", `takes at least ${size} bytes, ${maxBytes} are allowed`);
}

/** A property of the object's own, for names that every object inherits. */
export function own<T, K extends keyof T>(value: T, name: K): T[K] {
  return Object.hasOwn(value as object, name) ? value[name] : (undefined as T[K]);
}

/** The path of a map's entry: by its key, or by its place where the key itself is wrong. */
export function entryPath(outer: string, key: unknown, index: number): string {
  if (typeof key === "string") {
    return `${outer}[${JSON.stringify(key.length > 32 ? `${key.slice(0, 32)}…` : key)}]`;
  }
  return key === undefined ? `${outer}[#${index}]` : `${outer}[${describeKey(key)}]`;
}

function describeKey(key: unknown): string {
  return typeof key === "number" || typeof key === "bigint" ? String(key) : typeof key;
}

/** An unsigned varint; returns its bytes on the wire. */
export function checkVarint(path: string, value: unknown): number {
  checkInteger(path, value, 0, Number.MAX_SAFE_INTEGER);
  return varintSize(value as number);
}

/** A signed varint (zigzag); returns its bytes on the wire. */
export function checkZigzag(path: string, value: unknown): number {
  checkInteger(path, value, MIN_ZIGZAG, MAX_ZIGZAG);
  return varintSize(zigzag(value as number));
}

/** A string of at most `maxBytes` bytes of UTF-8; returns its bytes on the wire, its length included. */
export function checkString(path: string, value: unknown, maxBytes: number): number {
  if (typeof value !== "string") invalid(path, `must be a string, ${describe(value)}`);
  // A UTF-16 unit takes at least one byte: an endless string is refused before it is walked.
  const byteLength = value.length > maxBytes ? value.length : utf8Length(value);
  if (byteLength < 0) invalid(path, "has a surrogate without its partner");
  if (byteLength > maxBytes) {
    invalid(path, `takes at least ${byteLength} bytes of UTF-8, ${maxBytes} are allowed`);
  }
  return varintSize(byteLength) + byteLength;
}

const nameOfTypedArray = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)!.get as () => string | undefined;

/**
 * Whether these are bytes that can be copied. What only has the prototype is none: a Proxy, say. Those of another realm
 * (a `vm` context, jsdom) have another prototype, and are known by what the engine calls them.
 */
function isUint8Array(value: unknown): value is Uint8Array {
  if (value instanceof Uint8Array && ArrayBuffer.isView(value)) return true;
  return nameOfTypedArray.call(value) === "Uint8Array";
}

/** At most `maxBytes` bytes; returns their bytes on the wire, their length included. */
export function checkBytes(path: string, value: unknown, maxBytes: number): number {
  const count = countBytes(path, value, maxBytes);
  return varintSize(count) + count;
}

/** At most `maxBytes` bytes; returns how many, which is as many as a copy of them takes. */
export function countBytes(path: string, value: unknown, maxBytes: number): number {
  const count = isUint8Array(value) ? byteCount(value) : -1;
  if (count < 0 || count > maxBytes) refuseBytes(path, value, count, maxBytes);
  return count;
}

function refuseBytes(path: string, value: unknown, count: number, maxBytes: number): never {
  if (count < 0) return invalid(path, `must be a Uint8Array, ${describe(value)}`);
  return invalid(path, `has ${count} bytes, ${maxBytes} are allowed`);
}

/** A signed number in [-2^52, 2^52) as an unsigned one: 0, -1, 1, -2 … become 0, 1, 2, 3 … */
export function zigzag(value: number): number {
  const int = value | 0;
  if (int === value) return ((int << 1) ^ (int >> 31)) >>> 0;
  return value < 0 ? -2 * value - 1 : 2 * value;
}

/** The inverse of `zigzag`. */
export function unzigzag(value: number): number {
  if (value <= 0xffff_ffff) return (value >>> 1) ^ -(value & 1);
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}
