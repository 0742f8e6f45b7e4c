/**
 * Reads one map of the spec key by key. What a caller has asked for is what the map may have: `finish` reports the
 * rest, with the nearest of those asked for. Every getter reports what is wrong and then answers as if it were absent.
 */
import type { Diagnostics } from "./diagnostics.ts";
import { suggest } from "./distance.ts";
import { describeNode, type Entry, type ListNode, type MapNode, type Node, quote } from "./node.ts";
import type { Span } from "./source.ts";

export class Fields {
  readonly span: Span;
  readonly #place: string;
  readonly #diagnostics: Diagnostics;
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #asked = new Set<string>();

  constructor(node: MapNode, place: string, diagnostics: Diagnostics) {
    this.span = { start: node.span.start, end: node.span.start + 1 };
    this.#place = place;
    this.#diagnostics = diagnostics;
    this.#entries = new Map(node.entries.map((entry) => [entry.key, entry]));
  }

  /** The map's fields, or undefined (and a diagnostic) where `node` is no map. */
  static of(node: Node, place: string, diagnostics: Diagnostics): Fields | undefined {
    const map = expectMap(node, place, diagnostics);
    return map && new Fields(map, place, diagnostics);
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  entry(key: string): Entry | undefined {
    this.#asked.add(key);
    return this.#entries.get(key);
  }

  required(key: string): Entry | undefined {
    const entry = this.entry(key);
    if (entry === undefined) {
      this.#diagnostics.report("SD1102", this.span, { place: this.#place, key });
    }
    return entry;
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

  integer(key: string, low: number, high: number): number | undefined {
    const node = this.entry(key)?.value;
    return node && expectInteger(node, `\`${key}\``, low, high, this.#diagnostics);
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

  /** Reports every key that nobody has asked for; `guess` answers which of the candidates may be meant. */
  finish(
    further: readonly string[] = [],
    guess: (key: string, candidates: readonly string[]) => string | undefined = suggest,
  ): void {
    for (const entry of this.#entries.values()) {
      if (this.#asked.has(entry.key)) continue;
      this.#diagnostics.report(
        "SD1101",
        entry.keySpan,
        { key: quote(entry.key), place: this.#place },
        { suggestion: guess(entry.key, [...this.#asked, ...further]) },
      );
    }
  }

  #wrong(node: Node, key: string, expected: string): void {
    const params = { place: `\`${key}\``, expected, actual: describeNode(node) };
    this.#diagnostics.report("SD1103", node.span, params);
  }
}

export function expectMap(node: Node, place: string, d: Diagnostics): MapNode | undefined {
  if (node.kind === "map") return node;
  d.report("SD1103", node.span, { place, expected: "a map", actual: describeNode(node) });
  return undefined;
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
