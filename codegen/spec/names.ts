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

/** Globals that generated TypeScript uses, and so no type may be called. */
const globals = `
  Array ArrayBuffer ArrayBufferLike Atomics BigInt BigInt64Array BigUint64Array Boolean Buffer DataView Date Error
  Float32Array Float64Array Function Infinity Int16Array Int32Array Int8Array Iterable Iterator JSON Map Math NaN
  Number Object Omit Partial Pick Promise PromiseLike Proxy RangeError Readonly ReadonlyArray ReadonlyMap
  ReadonlySet Record Reflect RegExp Required Set SharedArrayBuffer String Symbol SyntaxError TextDecoder TextEncoder
  TypeError Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet`;
export const reservedTypeNames: ReadonlySet<string> = new Set(globals.trim().split(/\s+/));

export type NamedThing = "a channel" | "a member" | "a type" | "an enum value" | "a header field";

/** Reports an illegal or reserved name; says whether it is good. */
export function checkName(name: string, thing: NamedThing, span: Span, d: Diagnostics): boolean {
  // Channels and types give TypeScript names, which begin with a capital: `__1` has nothing to make one of.
  const capital = thing !== "a channel" && thing !== "a type" ? "A" : pascalCase(name);
  if (!namePattern.test(name) || name.length > MAX_NAME || !/^[A-Z]/.test(capital)) {
    d.report("SD1106", span, { name: quote(name), place: thing, limit: MAX_NAME });
    return false;
  }
  const reserved = onEveryObject.has(name) || (thing === "a channel" && notForChannels.has(name));
  if (reserved) d.report("SD1107", span, { name: quote(name), place: thing });
  return !reserved;
}

/** `chat_line` and `chatLine` both become `ChatLine`. What no letter begins stays so: `_1` becomes `1`. */
export function pascalCase(name: string): string {
  return name
    .split("_")
    .map((part) => part.slice(0, 1).toUpperCase() + part.slice(1))
    .join("");
}
