/**
 * Bytes of a spec to the tree of node.ts. Hostile YAML is expected: the size is bounded before anything is parsed,
 * aliases, merge keys, tags and directives are refused, keys are compared by hash (the parser's own check is
 * quadratic), and nothing that the parser throws leaves this file. Worst case: MAX_SPEC_BYTES of text parsed once.
 */
import * as yaml from "yaml";
import { Diagnostics } from "./diagnostics.ts";
import { type Entry, type Node, quote } from "./node.ts";
import { Source, type Span } from "./source.ts";

export const MAX_SPEC_BYTES: number = 1 << 20;
/** Levels of maps and lists. The deepest legal spec needs about half. */
export const MAX_DEPTH = 64;
const MAX_SYNTAX_ERRORS = 20;

export interface ParsedYaml {
  readonly source: Source;
  readonly diagnostics: Diagnostics;
  /** Missing where the text is not YAML at all. */
  readonly root: Node | undefined;
}

export function parseYaml(bytes: Uint8Array, name: string): ParsedYaml {
  const start = { start: 0, end: 0 };
  const refuse = (report: (d: Diagnostics) => void): ParsedYaml => {
    const source = new Source(name, "");
    const diagnostics = new Diagnostics(source);
    report(diagnostics);
    return { source, diagnostics, root: undefined };
  };
  if (bytes.length > MAX_SPEC_BYTES) {
    const params = { bytes: bytes.length, limit: MAX_SPEC_BYTES };
    return refuse((d) => d.report("SD1002", start, params));
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return refuse((d) => d.report("SD1003", start, {}));
  }
  const source = new Source(name, text);
  const diagnostics = new Diagnostics(source);
  return { source, diagnostics, root: parseText(text, diagnostics) };
}

function parseText(text: string, diagnostics: Diagnostics): Node | undefined {
  const tooDeep = deepLine(text);
  if (tooDeep !== undefined) {
    diagnostics.report("SD1010", tooDeep, { limit: MAX_DEPTH });
    return undefined;
  }
  let document: yaml.Document.Parsed;
  try {
    document = yaml.parseDocument(text, {
      version: "1.2",
      schema: "core",
      uniqueKeys: false,
      prettyErrors: false,
      stringKeys: false,
      logLevel: "silent",
    });
  } catch (error) {
    reportThrown(error, diagnostics);
    return undefined;
  }
  reportErrors(document, diagnostics);
  if (diagnostics.failed) return undefined;
  return new Converter(diagnostics).convert(document.contents, 0, text);
}

/** The parser recurses: what is far too deep is refused by counting brackets and dashes before it sees them. */
function deepLine(text: string): Span | undefined {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const c = text.charCodeAt(at);
    if (c === 0x5b || c === 0x7b) depth++;
    else if ((c === 0x5d || c === 0x7d) && depth > 0) depth--;
    // Brackets in comments and strings count too, so the bound is generous; the true one is the converter's.
    if (depth > MAX_DEPTH * 8) return { start: at, end: at + 1 };
  }
  return undefined;
}

function reportThrown(error: unknown, diagnostics: Diagnostics): void {
  const start = { start: 0, end: 0 };
  if (error instanceof RangeError) diagnostics.report("SD1010", start, { limit: MAX_DEPTH });
  else diagnostics.report("SD1004", start, { problem: firstLine(String(error)) });
}

function reportErrors(document: yaml.Document.Parsed, diagnostics: Diagnostics): void {
  for (const error of document.errors.slice(0, MAX_SYNTAX_ERRORS)) {
    const span = { start: error.pos[0], end: error.pos[1] };
    if (error.code === "MULTIPLE_DOCS") diagnostics.report("SD1005", span, {});
    else diagnostics.report("SD1004", span, { problem: firstLine(error.message) });
  }
  const { directives } = document;
  if (directives.yaml.explicit || Object.keys(directives.tags).some((tag) => tag !== "!!")) {
    diagnostics.report("SD1012", { start: 0, end: 0 }, {});
  }
}

function firstLine(text: string): string {
  return text.split("\n")[0]!;
}

class Converter {
  readonly #diagnostics: Diagnostics;

  constructor(diagnostics: Diagnostics) {
    this.#diagnostics = diagnostics;
  }

  convert(node: unknown, at: number, text: string, depth = 0): Node {
    const empty: Node = { kind: "scalar", span: { start: at, end: at }, value: null };
    if (!yaml.isNode(node)) return empty;
    const span = spanOf(node, at);
    if (depth > MAX_DEPTH) {
      this.#diagnostics.report("SD1010", span, { limit: MAX_DEPTH });
      return empty;
    }
    if (yaml.isAlias(node)) {
      this.#diagnostics.report("SD1006", span, { name: node.source });
      return empty;
    }
    if (node.tag !== undefined) this.#diagnostics.report("SD1008", span, { tag: quote(node.tag) });
    if (yaml.isMap(node)) return this.#map(node, span, text, depth);
    if (yaml.isSeq(node)) {
      const items = node.items.map((item) => this.convert(item, span.start, text, depth + 1));
      return { kind: "list", span, items };
    }
    return { kind: "scalar", span, value: scalarValue(node.value, text, span) };
  }

  #map(node: yaml.YAMLMap, span: Span, text: string, depth: number): Node {
    const entries: Entry[] = [];
    const seen = new Map<string, Span>();
    for (const pair of node.items) {
      const keySpan = yaml.isNode(pair.key) ? spanOf(pair.key, span.start) : span;
      const key = this.#key(pair.key, keySpan, text);
      const value = this.convert(pair.value, keySpan.end, text, depth + 1);
      if (key === undefined) continue;
      const first = seen.get(key);
      if (first !== undefined) {
        const { line } = this.#diagnostics.source.position(first.start);
        this.#diagnostics.report("SD1009", keySpan, { key: quote(key), line });
        continue;
      }
      seen.set(key, keySpan);
      entries.push({ key, keySpan, value });
    }
    return { kind: "map", span, entries };
  }

  #key(node: unknown, span: Span, text: string): string | undefined {
    if (!yaml.isScalar(node) || span.start === span.end || node.tag !== undefined) {
      this.#diagnostics.report("SD1011", span, {});
      return undefined;
    }
    const key = typeof node.value === "string" ? node.value : text.slice(span.start, span.end);
    if (key === "<<" && node.type === "PLAIN") {
      this.#diagnostics.report("SD1007", span, {});
      return undefined;
    }
    return key;
  }
}

function spanOf(node: yaml.Node, at: number): Span {
  const range = node.range;
  return range ? { start: range[0], end: range[1] } : { start: at, end: at };
}

function scalarValue(value: unknown, text: string, span: Span): string | number | boolean | null {
  if (typeof value === "string" || typeof value === "boolean" || typeof value === "number") {
    return value;
  }
  return value === null || value === undefined ? null : text.slice(span.start, span.end);
}
