/**
 * Which names a spec may give, and what they become in TypeScript. Not about escaping: docs may hold anything, and the
 * emitters escape them where they land.
 */
import type { Diagnostics } from "./diagnostics.ts";
import { quote } from "./node.ts";
import type { Span } from "./source.ts";

/** Longest name of a channel, member, type or field. */
export const MAX_NAME = 64;
export const namePattern: RegExp = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Names that mean something on every object. */
const onEveryObject: ReadonlySet<string> = new Set([
  ...Object.getOwnPropertyNames(Object.prototype),
  "prototype",
]);

/** An object with a method `then` is taken for a promise. */
const notForChannels: ReadonlySet<string> = new Set(["then"]);

/** Words and globals that generated TypeScript uses, and so no type may be called. */
const typeWords = `
  any as asserts async await bigint boolean break case catch class const continue debugger declare default delete do
  else enum export extends false finally for from function get if implements import in infer instanceof interface
  is keyof let module namespace never new null number object of out package private protected public readonly
  require return satisfies set static string super switch symbol this throw true try type typeof undefined unique
  unknown using var void while with yield
  Array ArrayBuffer ArrayBufferLike Atomics BigInt BigInt64Array BigUint64Array Boolean Buffer DataView Date Error
  Float32Array Float64Array Function Infinity Int16Array Int32Array Int8Array Iterable Iterator JSON Map Math NaN
  Number Object Omit Partial Pick Promise PromiseLike Proxy RangeError Readonly ReadonlyArray ReadonlyMap
  ReadonlySet Record Reflect RegExp Required Set SharedArrayBuffer String Symbol SyntaxError TextDecoder TextEncoder
  TypeError Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet eval arguments globalThis
  process`;
export const reservedTypeNames: ReadonlySet<string> = new Set(typeWords.trim().split(/\s+/));

export type NamedThing = "a channel" | "a member" | "a type" | "an enum value" | "a header field";

/** Reports an illegal or reserved name; says whether it is good. */
export function checkName(name: string, thing: NamedThing, span: Span, d: Diagnostics): boolean {
  if (!namePattern.test(name) || name.length > MAX_NAME) {
    d.report("SD1106", span, { name: quote(name), place: thing, limit: MAX_NAME });
    return false;
  }
  const reserved =
    onEveryObject.has(name) ||
    (thing === "a channel" && notForChannels.has(name)) ||
    (thing === "a type" && reservedTypeNames.has(name));
  if (reserved) d.report("SD1107", span, { name: quote(name), place: thing });
  return !reserved;
}

/** `chat_line` and `chatLine` both become `ChatLine`; what would start with a digit gets a `_`. */
export function pascalCase(name: string): string {
  const joined = name
    .split("_")
    .map((part) => part.slice(0, 1).toUpperCase() + part.slice(1))
    .join("");
  return /^[A-Za-z]/.test(joined) ? joined : `_${joined}`;
}
