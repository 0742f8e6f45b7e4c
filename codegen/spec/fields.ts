/**
 * Reads one map of the spec by its schema, which says what keys there are, which of them must be there and their
 * bounds. Every getter reports what is wrong and then answers as if it were absent; `finish` reports keys that the
 * schema does not have, with the nearest that it has.
 */
import type { Diagnostics } from "./diagnostics.ts";
import { suggest } from "./distance.ts";
import { describeNode, type Entry, type ListNode, type MapNode, type Node, quote } from "./node.ts";
import type { MapSchema, Schema } from "./schema-parts.ts";
import type { Span } from "./source.ts";

export class Fields {
  readonly span: Span;
  readonly #place: string;
  readonly #diagnostics: Diagnostics;
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #merged: boolean | undefined;
  readonly #schema: MapSchema;
  /** Keys that need no word more: beyond the schema and looked at, or missing and reported. */
  readonly #done = new Set<string>();

  constructor(node: MapNode, schema: MapSchema, place: string, diagnostics: Diagnostics) {
    this.span = { start: node.span.start, end: node.span.start + 1 };
    this.#schema = schema;
    this.#place = place;
    this.#diagnostics = diagnostics;
    this.#merged = node.merged;
    this.#entries = new Map(node.entries.map((entry) => [entry.key, entry]));
  }

  /** The map's fields, or undefined (and a diagnostic) where `node` is no map. */
  static of(
    node: Node,
    schema: MapSchema,
    place: string,
    diagnostics: Diagnostics,
  ): Fields | undefined {
    const map = expectMap(node, place, diagnostics);
    return map && new Fields(map, schema, place, diagnostics);
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** Reports a key that has to be there and is not, once. */
  entry(key: string): Entry | undefined {
    this.#row(key);
    const entry = this.#entries.get(key);
    const isMissing = entry === undefined && !this.#merged;
    if (isMissing && this.#schema.required?.includes(key)) this.missing(key);
    return entry;
  }

  /** Reports, once, a key that has to be there: by what else stands there, where the schema does not say so. */
  missing(key: string): void {
    if (this.#merged || this.#done.has(key)) return;
    this.#done.add(key);
    const help = helpFor(key, this.#row(key));
    this.#diagnostics.report("SD1102", this.span, { place: this.#place, key }, help);
  }

  /** A key that the schema does not have, and that is dealt with by the caller: `finish` does not report it. */
  unlisted(key: string): Entry | undefined {
    this.#done.add(key);
    return this.#entries.get(key);
  }

  text(key: string): string | undefined {
    const entry = this.entry(key);
    return entry && expectText(entry.value, `\`${key}\``, this.#diagnostics);
  }

  bool(key: string): boolean | undefined {
    const node = this.entry(key)?.value;
    if (node === undefined) return undefined;
    if (node.kind === "scalar" && typeof node.value === "boolean") return node.value;
    this.#wrong(node, key, "true or false");
    return undefined;
  }

  /** A whole number within the bounds of the schema. */
  integer(key: string): number | undefined {
    const { minimum, maximum } = this.#row(key) as { minimum: number; maximum: number };
    const node = this.entry(key)?.value;
    return node && expectInteger(node, `\`${key}\``, minimum, maximum, this.#diagnostics);
  }

  /** Any finite number. */
  number(key: string): number | undefined {
    const node = this.entry(key)?.value;
    if (node === undefined) return undefined;
    if (node.kind === "scalar" && typeof node.value === "number" && Number.isFinite(node.value)) {
      return node.value;
    }
    this.#wrong(node, key, "a number");
    return undefined;
  }

  map(key: string): MapNode | undefined {
    const node = this.entry(key)?.value;
    return node && expectMap(node, `\`${key}\``, this.#diagnostics);
  }

  list(key: string): ListNode | undefined {
    const node = this.entry(key)?.value;
    if (node === undefined) return undefined;
    if (node.kind === "list") return node;
    this.#wrong(node, key, "a list");
    return undefined;
  }

  /** Reports every key that the schema does not have; `guess` answers which of its keys may be meant. */
  finish(
    guess: (key: string, candidates: readonly string[]) => string | undefined = suggest,
  ): void {
    const keys = Object.keys(this.#schema.properties);
    for (const { key, keySpan } of this.#entries.values()) {
      if (keys.includes(key) || this.#done.has(key)) continue;
      const params = { key: quote(key), place: this.#place };
      const suggestion = guess(key, keys) ?? (keys.length === 1 ? keys[0] : undefined);
      const isLong = suggestion !== undefined || keys.length > MAX_KEYS_TOLD;
      const help = isLong ? {} : { help: `its keys are ${wordList(keys)}` };
      this.#diagnostics.report("SD1101", keySpan, params, { suggestion, ...help });
    }
  }

  #row(key: string): Schema {
    const row = Object.hasOwn(this.#schema.properties, key) && this.#schema.properties[key];
    if (row) return row;
    throw new Error(`the schema of ${this.#place} has no key ${key}`);
  }

  #wrong(node: Node, key: string, expected: string): void {
    const params = { place: `\`${key}\``, expected, actual: describeNode(node) };
    this.#diagnostics.report("SD1103", node.span, params);
  }
}

export function expectMap(
  node: Node,
  place: string,
  d: Diagnostics,
  help?: string,
): MapNode | undefined {
  if (node.kind === "map") return node;
  const params = { place, expected: "a map", actual: describeNode(node) };
  d.report("SD1103", node.span, params, help === undefined ? {} : { help });
  return undefined;
}

/** Longer lists of keys are not told. */
const MAX_KEYS_TOLD = 8;

/** `\`a\`, \`b\` and \`c\``. */
export function wordList(words: readonly string[]): string {
  const quoted = words.map((word) => `\`${word}\``);
  return [quoted.slice(0, -1).join(", "), quoted.at(-1)].filter(Boolean).join(" and ");
}

/** How to write a key that is missing, where its schema knows the values. */
function helpFor(key: string, row: Schema): { readonly help?: string } {
  if ("const" in row) return { help: `write \`${key}: ${String(row["const"])}\`` };
  const words = row["enum"] as readonly string[] | undefined;
  return words === undefined ? {} : { help: `it is one of ${wordList(words)}` };
}

export function expectText(node: Node, place: string, d: Diagnostics): string | undefined {
  if (node.kind === "scalar" && typeof node.value === "string") return node.value;
  d.report("SD1103", node.span, { place, expected: "text", actual: describeNode(node) });
  return undefined;
}

export function expectInteger(
  node: Node,
  place: string,
  low: number,
  high: number,
  d: Diagnostics,
): number | undefined {
  if (node.kind !== "scalar" || typeof node.value !== "number" || !Number.isInteger(node.value)) {
    const params = { place, expected: "a whole number", actual: describeNode(node) };
    d.report("SD1103", node.span, params);
    return undefined;
  }
  if (node.value < low || node.value > high) {
    d.report("SD1104", node.span, { place, low, high, actual: node.value });
    return undefined;
  }
  return node.value;
}
