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
/** A row for each option of `Options`: one that is missing does not compile. */
export type OptionsOf<Options> = { readonly [O in keyof Options]-?: OptionType };

/** What has a check of its own behind the table's. */
export const checkedElsewhere: OptionType = { what: "", isGood: () => true };

/**
 * Throws STARDUST_INVALID_OPTION for the first that is wrong, or that there is not. What is left out or undefined has its
 * default. `within` is the option that these are in, where they are in one.
 */
export function checkOptions(
  call: string,
  options: unknown,
  table: OptionTable,
  within?: string,
): void {
  const before = within === undefined ? "" : `${within}.`;
  if (!object.isGood(options) || Array.isArray(options)) {
    const what = within === undefined ? `${call} takes its options as` : `${within}: must be`;
    throw invalidOption(`${what} an object, not ${shown(options)}`);
  }
  const given = options as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(given)) {
    if (given[name] === undefined || Object.hasOwn(table, name)) continue;
    throw unknownName(`${before}${name}`, name, Object.keys(table), `option of ${call}`);
  }
  for (const [name, type] of Object.entries(table)) {
    const value = given[name];
    if (value !== undefined && !type.isGood(value)) {
      // What is not a key may be half of one.
      const told = type.secret === true ? "what was given" : shown(value);
      throw invalidOption(`${before}${name}: must be ${type.what}, not ${told}`);
    }
  }
}

export function invalidOption(problem: string): StardustError {
  return new StardustError("STARDUST_INVALID_OPTION", problem);
}

/** The error of a name that is none of these; `place` is where it stands, `what` what it would have to be. */
export function unknownName(
  place: string,
  name: string,
  known: readonly string[],
  what: string,
): StardustError {
  const near = nearest(name, known);
  const there = known.length === 0 ? "there is none" : `there are ${known.join(", ")}`;
  const way = near === undefined ? there : `did you mean ${JSON.stringify(near)}?`;
  return invalidOption(`${place}: there is no such ${what}; ${way}`);
}

/** Letters that may be wrong, missing or too many in a name that is taken for another. */
const MAX_TYPOS = 2;

/** The one that a name is probably meant to be; undefined: none. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const rows = known.map((one) => ({ one, typos: typosOf(name.toLowerCase(), one.toLowerCase()) }));
  rows.sort((a, b) => a.typos - b.typos);
  const [best] = rows;
  // Of a short name every other would be near.
  const most = Math.min(MAX_TYPOS, Math.floor(name.length / 3));
  return best !== undefined && best.typos <= most ? best.one : undefined;
}

/** The edit distance of two words, neighbours that were exchanged as one; what differs more in length is far away. */
function typosOf(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > MAX_TYPOS) return Number.POSITIVE_INFINITY;
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwap ? before[j - 2]! + 1 : changed;
      next.push(Math.min(changed, swapped, row[j]! + 1, next[j - 1]! + 1));
    }
    before = row;
    row = next;
  }
  return row[b.length]!;
}

const MAX_SHOWN = 60;

/** Any value, also one that throws when it is made a text. */
export function shown(value: unknown): string {
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
