/**
 * The subset of JSON Schema that zero messages may use, and how many bytes of JSON each schema admits at most. Small on
 * purpose: every keyword here is checked in bounded time and gives a bounded message. No `pattern` (backtracking), no
 * `$ref`, no combinators, and of formats those of text-formats.ts. Worst case: one walk over the schema, which yaml.ts has bounded.
 */
import type { Diagnostics } from "../spec/diagnostics.ts";
import { suggest } from "../spec/distance.ts";
import { checkName } from "../spec/names.ts";
import { describeNode, type Entry, type MapNode, type Node, quote, toData } from "../spec/node.ts";
import type { JsonSchema } from "./model.ts";
import { textFormats } from "./text-formats.ts";

/** A control character, or half of a surrogate pair, is `\uXXXX`. */
const MAX_ESCAPE_BYTES = 6;
/** The longest JSON number: `-1.2345678901234567e-308`. */
const MAX_NUMBER_BYTES = 24;

const everywhere: readonly string[] = ["type", "description", "title"];
const keywords: Readonly<Record<string, readonly string[]>> = {
  object: ["properties", "required", "additionalProperties"],
  array: ["items", "minItems", "maxItems"],
  string: ["minLength", "maxLength", "format", "enum", "const"],
  integer: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "enum", "const"],
  number: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "enum", "const"],
  boolean: ["const"],
  null: [],
};

/** Of a member of the body of join: it travels sealed. */
const SECRET = "secret";

/** What the largest value of a schema takes. */
export interface Extent {
  readonly bytes: number;
  /** Levels of objects and arrays. */
  readonly depth: number;
  readonly keys: number;
  /** Of members that are marked `secret`, which are no part of `bytes`; 0 where there are none. */
  readonly secretBytes: number;
}

export interface WalkOptions {
  readonly diagnostics: Diagnostics;
  /** sys ignores members that it does not know; a body is closed. */
  readonly open: boolean;
  /** Members of the root whose strings are ASCII tokens of the runtime, never escaped. */
  readonly tokens: ReadonlySet<string>;
  /** Members of the root that take what room is left: their bytes are not counted. */
  readonly spare?: ReadonlySet<string>;
  /** Members of the root that stand where the body does not: nothing of them is counted. */
  readonly large?: ReadonlySet<string>;
  /** Whether members of the root may be marked `secret`, and what to say where security is plain. */
  readonly secrets?: { readonly notes?: { readonly help?: string } };
}

/** Undefined after a diagnostic. `place` is how diagnostics call the schema. */
export function walkSchema(node: Node, place: string, options: WalkOptions): Extent | undefined {
  const walker = new Walker(options);
  const extent = walker.walk(node, place, 1, true);
  return walker.failed ? undefined : extent;
}

/** The schema for the model: as written, but objects of a body say that they are closed. Plain JSON data. */
export function schemaData(node: MapNode, open: boolean): JsonSchema {
  const data = JSON.parse(JSON.stringify(toData(node))) as Record<string, unknown>;
  normalise(data, open);
  return data;
}

function normalise(schema: Record<string, unknown>, open: boolean): void {
  // In YAML `type: null` says nothing, and JSON Schema wants the word.
  schema["type"] ??= "null";
  // It says nothing.
  if (schema[SECRET] === false) delete schema[SECRET];
  if (schema["type"] === "object") {
    if (!open) schema["additionalProperties"] = false;
    schema["properties"] ??= {};
    for (const member of Object.values(schema["properties"] as object)) normalise(member, open);
  }
  if (schema["type"] === "array") normalise(schema["items"] as Record<string, unknown>, open);
}

const nothing: Extent = { bytes: 0, depth: 0, keys: 0, secretBytes: 0 };

class Walker {
  failed = false;
  readonly #o: WalkOptions;
  /** Marks that stand where they may. */
  readonly #inPlace: Set<Entry> = new Set();

  constructor(options: WalkOptions) {
    this.#o = options;
  }

  walk(node: Node, place: string, unitBytes: number, root = false): Extent {
    const d = this.#o.diagnostics;
    const before = d.reported;
    const extent = this.#schema(node, place, unitBytes, root);
    if (d.reported > before) this.failed = true;
    return extent;
  }

  #schema(node: Node, place: string, unitBytes: number, root: boolean): Extent {
    const d = this.#o.diagnostics;
    if (node.kind !== "map") {
      const params = {
        place: `the schema of ${place}`,
        expected: "a map",
        actual: describeNode(node),
      };
      d.report("SD1103", node.span, params);
      return nothing;
    }
    const entries = new Map(node.entries.map((entry) => [entry.key, entry]));
    const type = this.#type(node, entries, place, root);
    if (type === undefined) return nothing;
    const allowed = [...everywhere, ...keywords[type]!];
    for (const entry of node.entries) this.#keyword(entry, allowed, place);
    switch (type) {
      case "object":
        return this.#object(entries, place, unitBytes, root);
      case "array":
        return this.#array(node, entries, place, unitBytes);
      case "string":
        return this.#string(node, entries, place, unitBytes);
      case "integer":
      case "number":
        return this.#number(entries, type, place);
      default:
        this.#values(entries, type);
        return { ...nothing, bytes: type === "null" ? 4 : 5 };
    }
  }

  #type(
    node: MapNode,
    entries: ReadonlyMap<string, Entry>,
    place: string,
    root: boolean,
  ): string | undefined {
    const d = this.#o.diagnostics;
    const entry = entries.get("type");
    if (entry === undefined) {
      const span = { start: node.span.start, end: node.span.start + 1 };
      d.report("SD1502", span, { place, keyword: "type" });
      // Without a type nothing else can be judged, but what is never allowed still is not.
      const all = [...everywhere, ...Object.values(keywords).flat()];
      for (const other of node.entries) this.#keyword(other, all, place);
      return undefined;
    }
    const { value } = entry;
    const type = value.kind === "scalar" ? value.value : undefined;
    const names = root ? ["object"] : Object.keys(keywords);
    if (typeof type === "string" && names.includes(type)) return type;
    // `type: null` is YAML's null, and what is meant is the word.
    if (type === null && !root && value.span.end > value.span.start) return "null";
    const what = root ? "what a whole sys or body may be, an object" : "one type of JSON Schema";
    const params = { value: typeof type === "string" ? quote(type) : describeNode(value), what };
    const suggestion = typeof type === "string" ? suggest(type, names) : undefined;
    d.report("SD1108", value.span, params, { suggestion });
    return undefined;
  }

  #keyword(entry: Entry, allowed: readonly string[], place: string): void {
    if (allowed.includes(entry.key)) {
      if (entry.key === "description" || entry.key === "title") this.#text(entry);
      return;
    }
    if (entry.key === SECRET) {
      if (!this.#inPlace.has(entry)) this.#o.diagnostics.report("SD1515", entry.keySpan, { place });
      return;
    }
    this.#o.diagnostics.report(
      "SD1501",
      entry.keySpan,
      { keyword: quote(entry.key), place },
      { suggestion: suggest(entry.key, allowed) },
    );
  }

  #text(entry: Entry): void {
    if (entry.value.kind === "scalar" && typeof entry.value.value === "string") return;
    this.#wrong(entry, "text");
  }

  #wrong(entry: Entry, expected: string): void {
    const params = { place: `\`${entry.key}\``, expected, actual: describeNode(entry.value) };
    this.#o.diagnostics.report("SD1103", entry.value.span, params);
  }

  #object(
    entries: ReadonlyMap<string, Entry>,
    place: string,
    unitBytes: number,
    root: boolean,
  ): Extent {
    const properties = entries.get("properties");
    const names = new Set<string>();
    let bytes = 2;
    let depth = 0;
    let keys = 0;
    let secretBytes = 0;
    if (properties && properties.value.kind !== "map") this.#wrong(properties, "a map");
    const members = properties?.value.kind === "map" ? properties.value.entries : [];
    for (const member of members) {
      names.add(member.key);
      checkName(member.key, "a member of a zero message", member.keySpan, this.#o.diagnostics);
      const unit = root && this.#o.tokens.has(member.key) ? 1 : root ? MAX_ESCAPE_BYTES : unitBytes;
      const isSecret = root && this.#isSecret(member);
      const inner = this.walk(member.value, `\`${member.key}\``, unit);
      // The name in quotes, a colon, the value, a comma.
      if (root && this.#o.large?.has(member.key) === true) continue;
      const isCounted = !root || this.#o.spare?.has(member.key) !== true;
      const ownBytes = JSON.stringify(member.key).length + 2 + inner.bytes;
      if (isSecret) secretBytes += ownBytes;
      else if (isCounted) bytes += ownBytes;
      depth = Math.max(depth, inner.depth);
      keys += 1 + inner.keys;
    }
    this.#required(entries.get("required"), names);
    this.#additional(entries.get("additionalProperties"), place);
    return { bytes, depth: depth + 1, keys, secretBytes };
  }

  /** Whether a member of the root is marked, which may be no place for it. */
  #isSecret({ key, value: schema }: Entry): boolean {
    const entry = schema.kind === "map" ? schema.entries.find((e) => e.key === SECRET) : undefined;
    if (entry === undefined) return false;
    const { diagnostics, secrets } = this.#o;
    if (secrets === undefined) return false;
    this.#inPlace.add(entry);
    const value = entry.value.kind === "scalar" ? entry.value.value : undefined;
    if (typeof value !== "boolean") this.#wrong(entry, "true or false");
    if (value !== true) return false;
    if (secrets.notes) diagnostics.report("SD1514", entry.keySpan, { member: key }, secrets.notes);
    return true;
  }

  #required(entry: Entry | undefined, names: ReadonlySet<string>): void {
    if (entry === undefined) return;
    if (entry.value.kind !== "list") {
      this.#wrong(entry, "a list of names");
      return;
    }
    for (const item of entry.value.items) {
      const name = item.kind === "scalar" ? item.value : undefined;
      if (typeof name === "string" && names.has(name)) continue;
      const shown = typeof name === "string" ? quote(name) : describeNode(item);
      const suggestion = typeof name === "string" ? suggest(name, names) : undefined;
      this.#o.diagnostics.report("SD1509", item.span, { name: shown }, { suggestion });
    }
  }

  #additional(entry: Entry | undefined, place: string): void {
    if (entry === undefined) return;
    const value = entry.value.kind === "scalar" ? entry.value.value : undefined;
    const d = this.#o.diagnostics;
    if (!this.#o.open && value !== false) d.report("SD1510", entry.keySpan, { place });
    if (this.#o.open && value !== true) d.report("SD1512", entry.keySpan, {});
  }

  #array(
    node: MapNode,
    entries: ReadonlyMap<string, Entry>,
    place: string,
    unitBytes: number,
  ): Extent {
    const most = this.#bound(node, entries, "minItems", "maxItems", place);
    const items = entries.get("items");
    if (items === undefined) {
      this.#missing(node, place, "items");
      return nothing;
    }
    const inner = this.walk(items.value, `the items of ${place}`, unitBytes);
    return {
      bytes: 2 + most * (inner.bytes + 1),
      depth: inner.depth + 1,
      keys: most * inner.keys,
      secretBytes: 0,
    };
  }

  #string(
    node: MapNode,
    entries: ReadonlyMap<string, Entry>,
    place: string,
    unitBytes: number,
  ): Extent {
    const listed = this.#values(entries, "string");
    const isPlain = this.#format(entries, listed !== undefined, place);
    if (listed !== undefined) return { ...nothing, bytes: listed };
    const most = this.#bound(node, entries, "minLength", "maxLength", place);
    return { ...nothing, bytes: 2 + most * (isPlain ? 1 : unitBytes) };
  }

  /** Whether no character of the string can need an escape. */
  #format(entries: ReadonlyMap<string, Entry>, isListed: boolean, place: string): boolean {
    const entry = entries.get("format");
    if (entry === undefined) return false;
    const d = this.#o.diagnostics;
    if (isListed) {
      // Values that are listed say for themselves what they are made of.
      d.report("SD1501", entry.keySpan, { keyword: quote("format"), place });
      return true;
    }
    const name = entry.value.kind === "scalar" ? entry.value.value : undefined;
    const names = Object.keys(textFormats);
    if (typeof name === "string" && names.includes(name)) return true;
    const value = typeof name === "string" ? quote(name) : describeNode(entry.value);
    const suggestion = typeof name === "string" ? suggest(name, names) : undefined;
    const what = `a format of a string: ${names.map((one) => `\`${one}\``).join(" or ")}`;
    d.report("SD1108", entry.value.span, { value, what }, { suggestion });
    return true;
  }

  /** A number of units or items that must be given, with a lower one that may be. */
  #bound(
    node: MapNode,
    entries: ReadonlyMap<string, Entry>,
    low: string,
    high: string,
    place: string,
  ): number {
    const most = entries.get(high);
    const least = entries.get(low);
    if (most === undefined) this.#missing(node, place, high);
    const lowest = least ? this.#count(least) : 0;
    const highest = most ? this.#count(most) : 0;
    if (most && highest < lowest) {
      const params = { place: `\`${high}\``, low: lowest, high: "any", actual: highest };
      this.#o.diagnostics.report("SD1104", most.value.span, params);
    }
    return highest;
  }

  #count(entry: Entry): number {
    const value = entry.value.kind === "scalar" ? entry.value.value : undefined;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    this.#wrong(entry, "a whole number from 0");
    return 0;
  }

  #missing(node: MapNode, place: string, keyword: string): void {
    const span = { start: node.span.start, end: node.span.start + 1 };
    this.#o.diagnostics.report("SD1502", span, { place, keyword });
  }

  #number(entries: ReadonlyMap<string, Entry>, type: string, place: string): Extent {
    const bounds = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"];
    const [low, high, above, below] = bounds.map((key) => this.#numeric(entries.get(key)));
    const least = low ?? above;
    const most = high ?? below;
    if (least !== undefined && most !== undefined && least > most) {
      const entry = entries.get(high === undefined ? "exclusiveMaximum" : "maximum")!;
      const params = {
        place: `\`${entry.key}\` of ${place}`,
        low: least,
        high: "any",
        actual: most,
      };
      this.#o.diagnostics.report("SD1104", entry.value.span, params);
    }
    const listed = this.#values(entries, type);
    if (listed !== undefined) return { ...nothing, bytes: listed };
    if (type === "number" || least === undefined || most === undefined) {
      return { ...nothing, bytes: MAX_NUMBER_BYTES };
    }
    // Between two whole numbers below 1e21 none has more digits than both.
    const bytes = Math.max(String(least).length, String(most).length);
    const plain = Math.abs(least) < 1e21 && Math.abs(most) < 1e21;
    return { ...nothing, bytes: plain ? bytes : MAX_NUMBER_BYTES };
  }

  #numeric(entry: Entry | undefined): number | undefined {
    if (entry === undefined) return undefined;
    const value = entry.value.kind === "scalar" ? entry.value.value : undefined;
    if (typeof value === "number" && Number.isFinite(value)) return value;
    this.#wrong(entry, "a number");
    return undefined;
  }

  /** `enum` or `const`: the bytes of the longest value, undefined where there is neither. */
  #values(entries: ReadonlyMap<string, Entry>, type: string): number | undefined {
    const list = entries.get("enum");
    const single = entries.get("const");
    if (list === undefined && single === undefined) return undefined;
    if (list && (list.value.kind !== "list" || list.value.items.length === 0)) {
      this.#wrong(list, "a list of values");
    }
    const nodes = list?.value.kind === "list" ? [...list.value.items] : [];
    if (single) nodes.push(single.value);
    let longest = 0;
    for (const node of nodes) {
      const value = node.kind === "scalar" ? node.value : undefined;
      const is = type === "integer" ? "number" : type;
      const good = typeof value === is && (type !== "integer" || Number.isSafeInteger(value));
      if (!good || (typeof value === "number" && !Number.isFinite(value))) {
        const params = { value: describeNode(node), type };
        this.#o.diagnostics.report("SD1511", node.span, params);
        continue;
      }
      longest = Math.max(longest, Buffer.byteLength(JSON.stringify(value)));
    }
    return longest;
  }
}
