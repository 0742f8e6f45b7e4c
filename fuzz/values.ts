/**
 * Changes to a message before it is encoded: lists and strings of the wrong length, numbers out of range, members that
 * are not there. Encoders without checks (lenient.ts) then lay out the bytes as a message is, and yet break its bounds.
 * Needs no model: what a value is can be seen, its bounds are those that decoders have asked their reader for.
 */
import { bareLeaf, kindOf, leafNames } from "#codegen/kinds/kinds.js";
import type { SeededRandom } from "#src/testing/random.js";

/** Members looked at in one message; the others are left as they are. */
const MAX_MEMBERS = 256;
/** Longer strings and lists than this are made rarely, or nothing else is. */
const LONG = 4096;
/** Longer than any message may be: a bound that a fault has made endless must not end the fuzzer itself. */
const LONGEST = 2 ** 25;

/** Types by their bare names have none. */
const noDefinitions = {
  definition: (name: string): never => {
    throw new Error(`no definition ${name}`);
  },
};

type Holder = Record<string | number, unknown>;

interface MemberRef {
  readonly holder: Holder;
  readonly key: string | number;
}

/** Where the kinds of the type language say that a codec may go wrong, in the order of their names. */
const edges: readonly unknown[] = [...leafNames.keys()].flatMap((name) => {
  const type = bareLeaf(name);
  return type === undefined
    ? []
    : kindOf(type)
        .edges(type, noDefinitions, 0)
        .map((e) => e.value);
});
/** Those, what lies beside them, and what no kind takes. */
const numbers: readonly number[] = [
  ...new Set([
    ...edges.flatMap((edge) => (typeof edge === "number" ? [edge - 1, edge, edge + 1] : [])),
    -0,
    0.5,
    1e39,
    1e-46,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ]),
];
const bigints: readonly bigint[] = [
  ...new Set(
    edges.flatMap((edge) => (typeof edge === "bigint" ? [edge - 1n, edge, edge + 1n] : [])),
  ),
];
const letters: readonly string[] = ["a", "\0", "é", "€", "😀", "\ud800", "\ufeff"];

/** Changes one member of `message`, which is the caller's own copy. */
export function mutateValue(
  message: unknown,
  random: SeededRandom,
  maxima: readonly number[],
): void {
  const members: MemberRef[] = [];
  collect(message, members);
  if (members.length === 0) return;
  const { holder, key } = random.pick(members);
  holder[key] = changed(holder[key], random, maxima);
}

function collect(value: unknown, members: MemberRef[]): void {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return;
  const holder = value as Holder;
  for (const key of Array.isArray(value) ? value.keys() : Object.keys(value)) {
    if (members.length >= MAX_MEMBERS) return;
    members.push({ holder, key });
    collect(holder[key], members);
  }
}

function changed(value: unknown, random: SeededRandom, maxima: readonly number[]): unknown {
  if (random.once(10)) return undefined;
  switch (typeof value) {
    case "number":
      if (random.once(3)) return value + (random.once(2) ? 1 : -1);
      return random.once(6) ? random.u32() / 16 : random.pick(numbers);
    case "bigint":
      return random.once(3) ? value + 1n : random.pick(bigints);
    case "boolean":
      return !value;
    case "string":
      return text(value, length(value.length, random, maxima), random);
    default:
  }
  if (value instanceof Uint8Array) {
    const other = new Uint8Array(length(value.byteLength, random, maxima));
    other.set(value.subarray(0, other.byteLength));
    return other;
  }
  if (Array.isArray(value)) {
    if (value.length === 0) return value;
    if (random.once(6)) return [...value].reverse();
    const count = length(value.length, random, maxima);
    return Array.from({ length: count }, (_, i) => value[i % value.length]);
  }
  return value;
}

/** Another length: one beside a bound of this message's, or beside the one it has. */
function length(now: number, random: SeededRandom, maxima: readonly number[]): number {
  const near = maxima.length > 0 && !random.once(4) ? random.pick(maxima) : now;
  if (near > LONG && !random.once(100)) return now + 1;
  return Math.min(LONGEST, Math.max(0, near - 1 + random.below(3)));
}

function text(value: string, units: number, random: SeededRandom): string {
  if (random.once(8)) return value + random.pick(letters);
  const letter = random.pick(letters);
  // A bound is in bytes: fill it with what takes several, too.
  if (random.once(4)) return letter.repeat(Math.ceil(units / Buffer.byteLength(letter)));
  return value.padEnd(units, "a").slice(0, units);
}
