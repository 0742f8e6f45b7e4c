/**
 * `stardust format` without the command line: the YAML of a spec in canonical order and style. Comments stay with what
 * they are about; nothing is added or lost, and what the spec means stays the same: that is checked before the text is
 * handed out. The order of channels, types, members and header fields is the author's (members' is the wire's). Worst
 * case: the text is parsed twice and written once.
 */
import * as yaml from "yaml";
import { canonicalJson } from "../model/canonical.ts";
import type { LoadedSpec } from "../spec/load.ts";
import { toData } from "../spec/node.ts";
import { limitsSection } from "../spec/parse-limits.ts";
import type { MapSchema } from "../spec/schema-parts.ts";
import {
  channelSection,
  headerFieldSection,
  headerSection,
  protocolSection,
  specSection,
  zeroSection,
} from "../spec/sections.ts";
import { parseYaml } from "../spec/yaml.ts";
import { Comments } from "./formatter-comments.ts";

/** As the formatter of the project's other files has it. */
const WIDTH = 100;

const keysOf = ({ properties }: MapSchema): readonly string[] => Object.keys(properties);
/** Keys of each place in their order; keys that are not named come behind, in the author's order. */
const order = {
  root: keysOf(specSection),
  protocol: keysOf(protocolSection),
  limits: keysOf(limitsSection),
  header: keysOf(headerSection),
  field: keysOf(headerFieldSection),
  channel: keysOf(channelSection),
  zero: keysOf(zeroSection("closedSchema")),
} as const;
/** Keys that are printed last, even after unknown ones. */
const last: readonly string[] = ["message", "response", "errors"];
/** Sections that an empty line stands in front of. */
const apart: ReadonlySet<string> = new Set(order.root.slice(3));

/** The text of the spec in canonical form; undefined where its YAML is broken (the diagnostics say how). */
export function formatSpec({ source, diagnostics }: LoadedSpec): string | undefined {
  // A byte order mark and other line ends are no part of what a spec says.
  const text = source.text.replace(/^\uFEFF/, "").replace(/\r\n?/g, "\n");
  if (diagnostics.list.some(({ code }) => code.startsWith("SD10"))) return undefined;
  const { body, end } = splitEnd(text);
  const document = yaml.parseDocument(body, {
    version: "1.2",
    schema: "core",
    uniqueKeys: false,
    keepSourceTokens: true,
  });
  if (document.errors.length > 0 || !yaml.isMap(document.contents)) return undefined;
  const style = new Style(document, body, new Comments(document));
  keepOpening(document);
  sort(document.contents);
  trimComments(document);
  style.apply();
  const written = document.toString({
    lineWidth: WIDTH,
    indent: 2,
    indentSeq: true,
    flowCollectionPadding: true,
    trailingComma: true,
  });
  const formatted = `${written.trimEnd()}\n${end}`;
  const problem = difference(text, formatted);
  if (problem === undefined) return formatted;
  throw new Error(`stardust: formatting would change ${problem}; nothing was written`);
}

/** Comments at the very end, from the margin on, are the file's: YAML would make them the last map's. */
function splitEnd(text: string): { body: string; end: string } {
  const lines = text.trimEnd().split("\n");
  let from = lines.length;
  while (from > 0 && /^(#.*|[ \t]*)$/.test(lines[from - 1]!)) from--;
  const first = lines.findIndex((line, i) => i >= from && line !== "" && line.startsWith("#"));
  if (from === 0 || first < 0) return { body: text, end: "" };
  const comments = lines.slice(first).map((line) => line.trimEnd());
  const end = comments.join("\n").replace(/\n{3,}/g, "\n\n");
  return { body: `${lines.slice(0, first).join("\n")}\n`, end: `\n${end}\n` };
}

type Context = Parameters<yaml.Pair["toString"]>[0];
type YamlMap = yaml.YAMLMap<unknown, unknown>;

function mapAt(map: YamlMap, key: string): YamlMap | undefined {
  const value = pairOf(map, key)?.value;
  return yaml.isMap(value) ? value : undefined;
}

function pairOf(map: YamlMap, key: string): yaml.Pair | undefined {
  return map.items.find((pair) => keyOf(pair) === key);
}

function keyOf(pair: yaml.Pair): string {
  return yaml.isScalar(pair.key) ? String(pair.key.value) : "";
}

/** What opens the file stays there, whatever section comes first: all but a last paragraph right above a section. */
function keepOpening(document: yaml.Document.Parsed): void {
  const root = document.contents;
  const first = yaml.isMap(root) ? root.items[0]?.key : undefined;
  if (!yaml.isMap(root) || !yaml.isScalar(first) || !first.commentBefore) return;
  const paragraphs = first.commentBefore.split(/\n(?:[ \t]*\n)+/);
  const moves = keyOf(root.items[0]!) !== order.root[0];
  const own = moves && paragraphs.length > 1 ? paragraphs.pop() : undefined;
  const opening = [document.commentBefore, ...paragraphs].filter((part) => part);
  if (!moves) return;
  document.commentBefore = opening.join("\n\n");
  first.commentBefore = own ?? null;
}

/** Empty lines at the end of a comment would grow. */
function trimComments(document: yaml.Document.Parsed): void {
  yaml.visit(document, {
    Node: (_, node) => {
      if (node.comment) node.comment = node.comment.trimEnd();
    },
  });
  if (document.comment) document.comment = document.comment.trim().replace(/^(?=\S)/, " ");
}

function sort(root: YamlMap): void {
  sortMap(root, order.root);
  for (const section of ["protocol", "limits", "header"] as const) {
    const map = mapAt(root, section);
    if (map) sortMap(map, order[section]);
  }
  for (const { value } of mapAt(root, "header")?.items ?? []) {
    if (!yaml.isSeq(value)) continue;
    for (const field of value.items) if (yaml.isMap(field)) sortMap(field, order.field);
  }
  for (const [section, keys] of [
    ["channels", order.channel],
    ["zero", order.zero],
  ] as const) {
    for (const { value } of mapAt(root, section)?.items ?? []) {
      if (yaml.isMap(value)) sortMap(value, keys);
    }
  }
}

function sortMap(map: YamlMap, keys: readonly string[]): void {
  const rank = (pair: yaml.Pair): number => {
    const key = keyOf(pair);
    if (last.includes(key)) return keys.length + 1 + last.indexOf(key);
    const index = keys.indexOf(key);
    return index >= 0 ? index : keys.length;
  };
  const sorted = [...map.items].sort((a, b) => rank(a) - rank(b));
  const first = map.items[0];
  if (sorted[0] === first) {
    map.items = sorted;
    return;
  }
  // In front of a map stands what is in front of its first key: it moves with that key.
  if (map.commentBefore && yaml.isScalar(first?.key)) {
    first.key.commentBefore = map.commentBefore;
    map.commentBefore = null;
  }
  // An empty line in front of the first key is in front of the map.
  const head = sorted[0]?.key;
  if (yaml.isNode(head)) delete head.spaceBefore;
  map.items = sorted;
}

/** How things are written: what the YAML library has no option for. */
class Style {
  readonly #document: yaml.Document.Parsed;
  readonly #text: string;
  readonly #folded = new WeakSet<object>();
  readonly #broken = new WeakSet<object>();
  readonly #comments: Comments;

  constructor(document: yaml.Document.Parsed, text: string, comments: Comments) {
    this.#document = document;
    this.#text = text;
    this.#comments = comments;
  }

  apply(): void {
    const root = this.#document.contents;
    if (yaml.isMap(root)) {
      root.items.forEach((pair, i) => {
        const block = yaml.isCollection(pair.value) && !pair.value.flow;
        if (i > 0 && block && apart.has(keyOf(pair)) && yaml.isNode(pair.key)) {
          pair.key.spaceBefore = true;
        }
      });
    }
    yaml.visit(this.#document, {
      Scalar: (_, scalar) => {
        const [start, end] = scalar.range ?? [0, 0];
        if (this.#text.slice(start, end).includes("\n")) this.#folded.add(scalar);
        const plain = typeof scalar.value === "string" && !/["\\]/.test(scalar.value);
        if (scalar.type === "QUOTE_SINGLE" && plain) scalar.type = "QUOTE_DOUBLE";
      },
      // `[a, b]` but `{ a: b }`.
      Seq: (_, seq) => this.#write(seq, yaml.YAMLSeq.prototype.toString, ""),
      Map: (_, map) => this.#write(map, yaml.YAMLMap.prototype.toString, " "),
      Pair: (_, pair) => {
        const write = yaml.Pair.prototype.toString;
        pair.toString = (ctx, onComment, onChompKeep) => {
          let written = write.call(pair, ctx, onComment, onChompKeep);
          if (putBehindKey(pair, written)) {
            // In flow style the one around would print it behind the value.
            onComment?.();
            written = write.call(pair, ctx, onComment, onChompKeep);
          }
          const text = fitLine(written, pair, ctx);
          if (text !== undefined) return text;
          this.#broken.add(pair.value as object);
          return write.call(pair, ctx, onComment, onChompKeep);
        };
      },
    });
    this.#keepLines();
  }

  #write(
    node: yaml.YAMLMap | yaml.YAMLSeq,
    write: yaml.YAMLMap["toString"],
    flowCollectionPadding: string,
  ): void {
    node.toString = (ctx, ...rest) => {
      if (ctx === undefined) return write.call(node as yaml.YAMLMap, ctx, ...rest);
      const { indent = "" } = ctx;
      // A line of width 1 is too short for anything: so this one, and none within it, is broken into lines.
      const lineWidth = this.#broken.has(node) || this.#comments.ends(node) ? 1 : WIDTH;
      const inner = { ...ctx, flowCollectionPadding, options: { ...ctx.options, lineWidth } };
      return this.#comments.withEnd(node, write.call(node as yaml.YAMLMap, inner, ...rest), indent);
    };
  }

  /**
   * Text that was on one line stays on one line, however long: breaking prose is its author's business. Numbers are
   * spelled as they were: 0x10 and 1e3 say something that 16 and 1000 do not.
   */
  #keepLines(): void {
    const { schema } = this.#document;
    schema.tags = schema.tags.map((tag) => {
      const { stringify } = tag;
      if (tag.collection !== undefined || stringify === undefined) return tag;
      if (tag.tag !== "tag:yaml.org,2002:str") {
        return {
          ...tag,
          stringify: (item, ...rest) => (item as yaml.Scalar).source ?? stringify(item, ...rest),
        };
      }
      const write: typeof stringify = (item, ctx, ...rest) => {
        const folds = typeof item === "object" && this.#folded.has(item);
        const options = { ...ctx.options, lineWidth: folds ? WIDTH : 0 };
        return stringify(item, { ...ctx, options }, ...rest);
      };
      return { ...tag, stringify: write };
    });
  }
}

/** A comment behind a value of several lines goes behind its key: that is the line it is about. */
function putBehindKey({ key, value }: yaml.Pair, written: string): boolean {
  if (!yaml.isNode(key) || !yaml.isNode(value) || key.comment || !value.comment) return false;
  const lines = yaml.isCollection(value)
    ? value.flow === true
    : yaml.isScalar(value) && !value.type?.startsWith("BLOCK");
  if (!lines || !written.includes("\n")) return false;
  key.comment = value.comment;
  value.comment = null;
  return true;
}

/** `key: { … }` that is wider than a line goes on the next one; undefined where it does not fit there either. */
function fitLine(text: string, pair: yaml.Pair, ctx: Context): string | undefined {
  const { value } = pair;
  if (ctx === undefined || ctx.inFlow || !yaml.isCollection(value) || !value.flow) return text;
  const width = ctx.indent.length + text.length;
  if (width <= WIDTH || text.includes("\n") || value.comment || value.commentBefore) return text;
  const split = /^((?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s:{[]+):) (?=[{[])/.exec(text);
  if (split === null) return text;
  const rest = `${ctx.indent}  ${text.slice(split[0].length)}`;
  if (rest.length <= WIDTH) return `${split[1]}\n${rest}`;
  return yaml.isMap(value) ? undefined : text;
}

/** What would be lost or changed, if anything. */
function difference(before: string, after: string): string | undefined {
  const read = (text: string) => parseYaml(new TextEncoder().encode(text), "").root;
  const one = read(before);
  const two = read(after);
  if (one === undefined || two === undefined) return "what can be read";
  if (meaning(toData(one)) !== meaning(toData(two))) return "what the spec says";
  return comments(before) === comments(after) ? undefined : "a comment";
}

/** Keys sorted, and beside them what has an order on the wire. */
function meaning(data: unknown): string {
  const spec = data as Record<string, unknown> | null;
  const channels = Object.entries((spec?.["channels"] ?? {}) as Record<string, unknown>);
  const messages = channels.map(([name, channel]) => [
    name,
    (channel as { message?: unknown } | null)?.message,
  ]);
  return canonicalJson(data) + JSON.stringify(spec?.["types"] ?? null) + JSON.stringify(messages);
}

/** All comments, as a sorted list: they may move with what they are about. */
function comments(text: string): string {
  const found: string[] = [];
  const document = yaml.parseDocument(text, { version: "1.2", schema: "core", uniqueKeys: false });
  const take = (comment: string | null | undefined): void => {
    for (const line of (comment ?? "").split("\n")) if (line.trim() !== "") found.push(line.trim());
  };
  take(document.commentBefore);
  take(document.comment);
  yaml.visit(document, {
    Node: (_, node) => {
      take(node.commentBefore);
      take(node.comment);
    },
  });
  return found.sort().join("\n");
}
