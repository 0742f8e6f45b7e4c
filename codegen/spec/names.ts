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
export const onEveryObject: ReadonlySet<string> = new Set([
  ...Object.getOwnPropertyNames(Object.prototype),
  "prototype",
]);

/** An object with a method `then` is taken for a promise. */
export const notForChannels: ReadonlySet<string> = new Set(["then"]);

/** Globals that generated TypeScript uses, and so no type may be called. */
const globals = `
  Array ArrayBuffer ArrayBufferLike Atomics BigInt BigInt64Array BigUint64Array Boolean Buffer DataView Date Error
  Float32Array Float64Array Function Infinity Int16Array Int32Array Int8Array Iterable Iterator JSON Map Math NaN
  Number Object Omit Partial Pick Promise PromiseLike Proxy RangeError Readonly ReadonlyArray ReadonlyMap
  ReadonlySet Record Reflect RegExp Required Set SharedArrayBuffer String Symbol SyntaxError TextDecoder TextEncoder
  TypeError Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet`;
export const reservedTypeNames: ReadonlySet<string> = new Set(globals.trim().split(/\s+/));

/** Names that become identifiers. */
export type NamedThing = "a type" | "a header field" | "a member of a zero message";
/** Reports an illegal or reserved name; says whether it is good. */
export function checkName(name: string, thing: NamedThing, span: Span, d: Diagnostics): boolean {
  // A type gives a TypeScript name, which begins with a capital: `__1` has nothing to make one of.
  const capital = thing !== "a type" ? "A" : pascalCase(name);
  if (!namePattern.test(name) || name.length > MAX_NAME || !/^[A-Z]/.test(capital)) {
    d.report("SD1106", span, { name: quote(name), place: thing, limit: MAX_NAME });
    return false;
  }
  const reserved = onEveryObject.has(name);
  if (reserved) d.report("SD1107", span, { name: quote(name), place: thing });
  return !reserved;
}

/** As checkName, for names that are only ever properties: any text will do. `thing` is "a member", say. */
export function checkFreeName(name: string, thing: string, span: Span, d: Diagnostics): boolean {
  const good = name !== "" && name.length <= MAX_NAME && !/\p{Surrogate}/u.test(name);
  if (!good) d.report("SD1109", span, { name: quote(name), place: thing, limit: MAX_NAME });
  return good;
}

/** A channel, as a system message, is a method of ours and a key of handlers, so it cannot hide what every object has. */
export function checkChannelName(
  name: string,
  span: Span,
  d: Diagnostics,
  thing: "a channel" | "a system message" = "a channel",
): void {
  if (checkFreeName(name, thing, span, d) && (onEveryObject.has(name) || notForChannels.has(name)))
    d.report("SD1107", span, { name: quote(name), place: thing });
}

/**
 * `chat_line`, `chat-line`, `chatLine` and `CHAT_LINE` all become `ChatLine`; what is no letter or digit of ASCII's but a letter or
 * sign beyond it becomes its number: `U1F680`. What no letter begins stays so: `_1` becomes `1`.
 */
export function pascalCase(name: string): string {
  // Where nothing else is left, punctuation counts too: or `'` and `"` would be the same.
  const signs = /[A-Za-z0-9]/.test(name) ? /[^\0-\x7f]/gu : /[^_]/gu;
  const parts = name
    .replace(signs, (sign) => `_U${sign.codePointAt(0)!.toString(16).toUpperCase()}_`)
    .split(/[^A-Za-z0-9]+/);
  // Of capitals alone nobody could tell where a word begins: `MAV_CMD` would be `MAVCMD`.
  const isShouted = /^[A-Z][A-Z0-9]*(_+[A-Z0-9]+)+$/.test(name);
  return parts
    .map((part) => {
      const rest = part.slice(1);
      return part.slice(0, 1).toUpperCase() + (isShouted ? rest.toLowerCase() : rest);
    })
    .join("");
}

/** The TypeScript name that a channel's message is made from: `_` and `1st` have an X in front. */
export function channelTypeName(name: string): string {
  const made = pascalCase(name);
  return /^[A-Z]/.test(made) ? made : `X${made}`;
}
