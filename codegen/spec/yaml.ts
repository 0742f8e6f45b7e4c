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
  const refuse = (report: (d: Diagnostics) => void): ParsedYaml => {
    const source = new Source(name, "");
    const diagnostics = new Diagnostics(source);
    report(diagnostics);
    return { source, diagnostics, root: undefined };
  };
  if (bytes.length > MAX_SPEC_BYTES) {
    const params = { bytes: bytes.length, limit: MAX_SPEC_BYTES };
    return refuse((d) => d.report("SD1002", nowhere, params));
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return refuse((d) => d.report("SD1003", nowhere, {}));
  }
  const source = new Source(name, text);
  const diagnostics = new Diagnostics(source);
  return { source, diagnostics, root: parseText(text, diagnostics) };
}

function parseText(text: string, diagnostics: Diagnostics): Node | undefined {
  const documents: yaml.Document.Parsed[] = [];
  try {
    const composer = new yaml.Composer({
      version: "1.2",
      schema: "core",
      uniqueKeys: false,
      prettyErrors: false,
    });
    for (const document of composer.compose(tokens(text), true, text.length)) {
      documents.push(document);
      if (documents.length > 1) break;
    }
  } catch (error) {
    if (error instanceof TooDeep) diagnostics.report("SD1010", error.span, { limit: MAX_DEPTH });
    else diagnostics.report("SD1004", nowhere, { problem: firstLine(String(error)) });
    return undefined;
  }
  const [document, second] = documents;
  if (document === undefined) return undefined;
  reportErrors(document, diagnostics);
  if (second !== undefined) {
    const start = second.range[0];
    diagnostics.report("SD1005", { start, end: start + 1 }, {});
  }
  if (document.errors.length > 0) return undefined;
  return new Converter(diagnostics).convert(document.contents, 0, text);
}

const nowhere: Span = { start: 0, end: 0 };

class TooDeep extends Error {
  readonly span: Span;
  constructor(offset: number) {
    super();
    this.span = { start: offset, end: offset + 1 };
  }
}

/**
 * The parser's tokens, as long as they are not nested too deeply. The parser itself does not recurse, but the composer
 * does, and deep enough inside it V8 ends the whole process instead of throwing.
 */
function* tokens(text: string): Generator<yaml.CST.Token> {
  const parser = new yaml.Parser();
  const lexer = new yaml.Lexer();
  for (const lexeme of lexer.lex(text)) {
    yield* parser.next(lexeme);
    // A level of the document may take two entries of the stack; the exact bound is the converter's.
    if (parser.stack.length > 2 * MAX_DEPTH + 2) throw new TooDeep(parser.offset);
  }
  yield* parser.end();
}

function reportErrors(document: yaml.Document.Parsed, diagnostics: Diagnostics): void {
  // Behind a tab nothing is where it seems: what else is wrong there is not told.
  const tab = document.errors.find(({ code }) => code === "TAB_AS_INDENT");
  for (const error of tab ? [tab] : document.errors.slice(0, MAX_SYNTAX_ERRORS)) {
    const span = { start: error.pos[0], end: error.pos[1] };
    diagnostics.report("SD1004", span, { problem: firstLine(error.message) });
  }
  const { directives } = document;
  if (directives.yaml.explicit || Object.keys(directives.tags).some((tag) => tag !== "!!")) {
    diagnostics.report("SD1012", nowhere, {});
  }
}

function firstLine(text: string): string {
  return text.split("\n")[0]!;
}

/** What a merge key is read as: no key of a spec is a symbol. */
const MERGE = Symbol("<<");

class Converter {
  readonly #diagnostics: Diagnostics;

  constructor(diagnostics: Diagnostics) {
    this.#diagnostics = diagnostics;
  }

  convert(node: unknown, at: number, text: string, depth = 0): Node {
    const span = yaml.isNode(node) ? spanOf(node, at) : { start: at, end: at };
    const empty: Node = { kind: "scalar", span, value: null };
    if (!yaml.isNode(node)) return empty;
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
    let merged = false;
    for (const pair of node.items) {
      const keySpan = yaml.isNode(pair.key) ? spanOf(pair.key, span.start) : span;
      const key = this.#key(pair.key, keySpan, text);
      const value = this.convert(pair.value, keySpan.end, text, depth + 1);
      if (key === MERGE) merged = true;
      if (key === undefined || key === MERGE) continue;
      const first = seen.get(key);
      if (first !== undefined) {
        const { line } = this.#diagnostics.source.position(first.start);
        this.#diagnostics.report("SD1009", keySpan, { key: quote(key), line });
        continue;
      }
      seen.set(key, keySpan);
      entries.push({ key, keySpan, value });
    }
    return { kind: "map", span, entries, ...(merged ? { merged } : {}) };
  }

  #key(node: unknown, span: Span, text: string): string | typeof MERGE | undefined {
    if (!yaml.isScalar(node) || span.start === span.end || node.tag !== undefined) {
      this.#diagnostics.report("SD1011", span, {});
      return undefined;
    }
    const key = typeof node.value === "string" ? node.value : text.slice(span.start, span.end);
    if (key === "<<" && node.type === "PLAIN") {
      this.#diagnostics.report("SD1007", span, {});
      return MERGE;
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
