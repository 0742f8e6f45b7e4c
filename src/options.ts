/**
 * The options of `listen` and `connect`, checked against a table: a value of another type is a StardustError that names
 * the option, never a TypeError from somewhere inside. What an option means is for whoever takes it.
 */
import { StardustError } from "./errors.ts";
import { MAX_TIMER_MS } from "./limits.ts";
import { isIdentity, isServerKey } from "./server-key.ts";
import { isTokenText } from "./token-text.ts";

/** What a value has to be: in words, and the test. */
export interface OptionType {
  readonly what: string;
  readonly isGood: (value: unknown) => boolean;
  /** A wrong value is not shown. */
  readonly secret?: boolean;
}

export const text: OptionType = { what: "a text", isGood: (value) => typeof value === "string" };
export const flag: OptionType = {
  what: "true or false",
  isGood: (value) => typeof value === "boolean",
};
export const callback: OptionType = {
  what: "a function",
  isGood: (value) => typeof value === "function",
};
export const pathOrFunction: OptionType = {
  what: "a path, or a function",
  isGood: (value) => text.isGood(value) || callback.isGood(value),
};
export const object: OptionType = {
  what: "an object",
  isGood: (value) => typeof value === "object" && value !== null,
};
export const abortSignal: OptionType = {
  what: "an AbortSignal",
  // Also those of another realm (a `vm` context, jsdom).
  isGood: (value) =>
    object.isGood(value) &&
    typeof (value as AbortSignal).addEventListener === "function" &&
    typeof (value as AbortSignal).removeEventListener === "function",
};
export const moduleUrl: OptionType = {
  what: "a URL, such as new URL(…, import.meta.url) makes",
  isGood: (value) => {
    if (typeof value !== "string" && !object.isGood(value)) return false;
    return URL.canParse(String(value));
  },
};

export function whole(low: number, high: number): OptionType {
  return {
    what: `a whole number from ${low} to ${high}`,
    isGood: (value) =>
      Number.isInteger(value) && (value as number) >= low && (value as number) <= high,
  };
}

/** A whole number from `low` on; Infinity is allowed. */
export function countOrNone(low: number): OptionType {
  return {
    what: `a whole number, at least ${low}, or Infinity`,
    isGood: (value) =>
      value === Number.POSITIVE_INFINITY || (Number.isInteger(value) && (value as number) >= low),
  };
}

/** Milliseconds from `low` to what a timer can wait, some 24 days; or Infinity. */
export function milliseconds(low: number): OptionType {
  return {
    what: `milliseconds, from ${low} to ${MAX_TIMER_MS}, or Infinity`,
    isGood: (value) =>
      value === Number.POSITIVE_INFINITY ||
      (typeof value === "number" && value >= low && value <= MAX_TIMER_MS),
  };
}

/** One of a few words. */
export function oneOf(...words: readonly string[]): OptionType {
  const all = words.map((word) => `"${word}"`);
  return {
    what: `${all.slice(0, -1).join(", ")} or ${all.at(-1)}`,
    isGood: (value) => words.includes(value as string),
  };
}

/** What a worker can be sent a copy of. */
export const cloneable: OptionType = {
  what: "a value that can be sent to a worker (no functions)",
  isGood: (value) => {
    try {
      structuredClone(value);
      return true;
    } catch {
      return false;
    }
  },
};

export function listOf(type: OptionType): OptionType {
  return {
    what: `a list, of which each is ${type.what}`,
    isGood: (value) => Array.isArray(value) && value.every(type.isGood),
  };
}

/** A value of one type or of another. */
export function eitherOf(one: OptionType, other: OptionType): OptionType {
  return {
    ...one,
    what: `${one.what}, or ${other.what}`,
    isGood: (value) => one.isGood(value) || other.isGood(value),
  };
}

/** One, or a list of them. */
export function oneOrList(type: OptionType): OptionType {
  return {
    ...type,
    what: `${type.what}, or a list of them`,
    isGood: (value) => type.isGood(value) || listOf(type).isGood(value),
  };
}

/** A UDP port number, 1 to 65,535. */
export const portNumber: OptionType = whole(1, 65_535);
/** Size of a socket buffer, bytes; the system may give less. */
export const bufferBytes: OptionType = whole(1, 2 ** 31 - 1);

/** A server's private key. */
export const identityText: OptionType = {
  what: "a private key, as `stardust keygen` prints it",
  isGood: isIdentity,
  secret: true,
};
/** A server's public key. */
export const serverKeyText: OptionType = {
  what: "a public key: 43 characters, as `stardust keygen` prints it",
  isGood: isServerKey,
  secret: true,
};

/** A connect token. */
export const tokenText: OptionType = {
  what: "a connect token, as issueToken or `stardust token` makes it",
  isGood: isTokenText,
  secret: true,
};

export type OptionTable = Readonly<Record<string, OptionType>>;

/** Throws STARDUST_INVALID_OPTION for the first that is wrong. What is left out or undefined has its default. */
export function checkOptions(call: string, options: unknown, table: OptionTable): void {
  if (!object.isGood(options)) {
    throw new StardustError("STARDUST_INVALID_OPTION", `${call} takes its options as an object`);
  }
  for (const [name, type] of Object.entries(table)) {
    const value = (options as Readonly<Record<string, unknown>>)[name];
    if (value !== undefined && !type.isGood(value)) {
      // What is not a key may be half of one.
      const given = type.secret === true ? "what was given" : shown(value);
      const problem = `${name}: must be ${type.what}, not ${given}`;
      throw new StardustError("STARDUST_INVALID_OPTION", problem);
    }
  }
}

const MAX_SHOWN = 60;

/** Any value, also one that throws when it is made a text. */
function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, MAX_SHOWN));
  if (Array.isArray(value)) return shownList(value);
  if (typeof value === "object" && value !== null) return "an object";
  return typeof value === "function" ? "a function" : String(value);
}

/** As far as it fits. */
function shownList(list: readonly unknown[]): string {
  let all = "[";
  for (const [i, value] of list.entries()) {
    const one = Array.isArray(value) ? "a list" : shown(value);
    if (all.length + one.length > MAX_SHOWN) return `${all}${i === 0 ? "" : ", "}…]`;
    all += i === 0 ? one : `, ${one}`;
  }
  return `${all}]`;
}
