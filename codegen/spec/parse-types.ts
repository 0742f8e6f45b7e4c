/**
 * The type language: names and one-key objects to type expressions. References stay names here (model/types.ts
 * resolves them). Worst case: recursion as deep as the node tree, which yaml.ts bounds.
 */
import type { EnumValueAst, LimitsAst, MemberAst, TypeAst, TypeExpr } from "./ast.ts";
import type { Diagnostics } from "./diagnostics.ts";
import { suggest } from "./distance.ts";
import { expectInteger, expectMap, Fields } from "./fields.ts";
import { checkName } from "./names.ts";
import { describeNode, type Entry, type MapNode, type Node, quote } from "./node.ts";
import { parseDocs } from "./parse-docs.ts";
import { numberKeys, parseNumber, scalarTypes } from "./parse-numbers.ts";
import type { Span } from "./source.ts";
import type { UnsupportedFeature } from "./unsupported.ts";

/** The longest string or bytes of one member. */
export const MAX_FIELD_BYTES: number = 2 ** 24;
export const MAX_LIST_ITEMS: number = 2 ** 20;

/** Types that the design has and this generator has not. */
const missingTypes: ReadonlyMap<string, UnsupportedFeature> = new Map([
  ["f16", "type-f16"],
  ["map", "type-map"],
  ["union", "type-union"],
  ["array", "type-array"],
]);

const formKeys: readonly string[] = ["string", "bytes", "list", "enum", "struct"];
const typeKeys: readonly string[] = [...numberKeys, ...formKeys, ...missingTypes.keys()];

/** Names that a type of the spec cannot take. */
export const builtInTypes: ReadonlySet<string> = new Set([...scalarTypes.keys(), ...typeKeys]);

export class TypeParser {
  readonly #d: Diagnostics;
  readonly #limits: LimitsAst;

  constructor(limits: LimitsAst, diagnostics: Diagnostics) {
    this.#d = diagnostics;
    this.#limits = limits;
  }

  /** The section `types`. */
  types(node: MapNode): TypeAst[] {
    const types: TypeAst[] = [];
    for (const entry of node.entries) {
      const { key, keySpan, value } = entry;
      if (builtInTypes.has(key)) this.#d.report("SD1304", keySpan, { name: quote(key) });
      else checkName(key, "a type", keySpan, this.#d);
      const place = `type \`${key}\``;
      if (value.kind === "scalar") {
        const type = this.expression(value, place);
        const line = this.#d.source.position(keySpan.start).line;
        if (type) types.push({ name: key, span: keySpan, type, docs: { line } });
        continue;
      }
      const fields = Fields.of(value, place, this.#d);
      if (fields === undefined) continue;
      const docs = parseDocs(fields, keySpan, this.#d);
      this.#refuse(fields, "extensible", "extensible");
      const type = this.#typed(fields, value, place);
      fields.finish(typeKeys);
      if (type) types.push({ name: key, span: keySpan, type, docs });
    }
    return types;
  }

  /** The members of a struct or message. */
  members(node: MapNode): MemberAst[] {
    const members: MemberAst[] = [];
    for (const entry of node.entries) {
      checkName(entry.key, "a member", entry.keySpan, this.#d);
      const member = this.#member(entry);
      if (member) members.push(member);
    }
    return members;
  }

  #member(entry: Entry): MemberAst | undefined {
    const { key: name, keySpan: span, value } = entry;
    const place = `member \`${name}\``;
    if (value.kind === "scalar") {
      const type = this.expression(value, place);
      const line = this.#d.source.position(span.start).line;
      return type && { name, span, type, optional: false, docs: { line } };
    }
    const fields = Fields.of(value, place, this.#d);
    if (fields === undefined) return undefined;
    const docs = parseDocs(fields, span, this.#d);
    const optional = fields.bool("optional") ?? false;
    this.#refuse(fields, "since", "member-since");
    this.#refuse(fields, "default", "member-default");
    const type = this.#typed(fields, value, place);
    fields.finish(typeKeys);
    return type && { name, span, type, optional, docs };
  }

  #refuse(fields: Fields, key: string, feature: UnsupportedFeature): void {
    if (!fields.has(key)) return;
    const entry = fields.entry(key);
    if (entry) this.#d.unsupported(feature, entry.keySpan);
  }

  /** `type: <expression>`, or one type key beside the documentation. */
  #typed(fields: Fields, node: Node, place: string): TypeExpr | undefined {
    const inner = fields.entry("type");
    const direct = typeKeys.filter((key) => fields.has(key)).map((key) => fields.entry(key)!);
    const found = direct.length + (inner ? 1 : 0);
    if (found !== 1) {
      const names = [...(inner ? ["`type`"] : []), ...direct.map((e) => `\`${e.key}\``)];
      const params = { place, found: found === 0 ? "none" : names.join(" and ") };
      const span = direct[1]?.keySpan ?? direct[0]?.keySpan;
      this.#d.report(
        "SD1302",
        span ?? { start: node.span.start, end: node.span.start + 1 },
        params,
      );
      return undefined;
    }
    return inner ? this.expression(inner.value, place) : this.#form(direct[0]!);
  }

  /** A type name, or an object with one type key. */
  expression(node: Node, place: string): TypeExpr | undefined {
    if (node.kind === "scalar" && typeof node.value === "string") {
      return this.#named(node.value, node.span);
    }
    if (node.kind !== "map") {
      const params = { place, expected: "a type", actual: describeNode(node) };
      this.#d.report("SD1103", node.span, params);
      return undefined;
    }
    const fields = new Fields(node, `the type of ${place}`, this.#d);
    const known = node.entries.filter((entry) => typeKeys.includes(entry.key));
    for (const entry of known) fields.entry(entry.key);
    fields.finish(typeKeys);
    if (known.length === 1) return this.#form(known[0]!);
    if (known.length > 1 || node.entries.length === 0) {
      const found = known.map((entry) => `\`${entry.key}\``).join(" and ") || "none";
      this.#d.report("SD1302", known[1]?.keySpan ?? node.span, { place, found });
    }
    return undefined;
  }

  #named(name: string, span: Span): TypeExpr | undefined {
    const missing = missingTypes.get(name);
    if (missing !== undefined) return this.#missing(missing, name, span);
    const scalar = scalarTypes.get(name);
    if (scalar) return { kind: "leaf", span, type: scalar };
    if (name === "string" || name === "bytes") return this.#text(name, undefined, span);
    if (formKeys.includes(name)) {
      const params = { place: `\`${name}\``, expected: "an object", actual: "a bare name" };
      this.#d.report("SD1103", span, params);
      return undefined;
    }
    return { kind: "ref", span, name };
  }

  #form(entry: Entry): TypeExpr | undefined {
    const { key, keySpan, value } = entry;
    const missing = missingTypes.get(key);
    if (missing !== undefined) return this.#missing(missing, key, keySpan);
    const map = expectMap(value, `\`${key}\``, this.#d);
    if (map === undefined) return undefined;
    if (key === "string" || key === "bytes") return this.#text(key, map, keySpan);
    if (key === "list") return this.#list(map, keySpan);
    if (key === "enum") return this.#enum(map, keySpan);
    if (key === "struct") return { kind: "struct", span: keySpan, members: this.members(map) };
    const type = parseNumber(key, map, this.#d);
    return type && { kind: "leaf", span: keySpan, type };
  }

  /** A type is never dropped in silence, not even between the removal of a row and the code that reads the type. */
  #missing(feature: UnsupportedFeature, name: string, span: Span): undefined {
    if (!this.#d.unsupported(feature, span)) this.#d.report("SD1301", span, { name: quote(name) });
    return undefined;
  }

  #text(kind: "string" | "bytes", options: MapNode | undefined, span: Span): TypeExpr {
    const { defaultMaxStringBytes, defaultMaxBytesBytes } = this.#limits;
    let maxBytes = kind === "string" ? defaultMaxStringBytes : defaultMaxBytesBytes;
    if (options) {
      const fields = new Fields(options, `\`${kind}\``, this.#d);
      maxBytes = fields.integer("maxBytes", 1, MAX_FIELD_BYTES) ?? maxBytes;
      fields.finish();
    }
    return { kind: "leaf", span, type: { kind, maxBytes } };
  }

  #list(options: MapNode, span: Span): TypeExpr | undefined {
    const fields = new Fields(options, "`list`", this.#d);
    const max = fields.integer("max", 1, MAX_LIST_ITEMS) ?? this.#limits.defaultMaxListItems;
    const element = fields.required("of");
    fields.finish();
    const of = element && this.expression(element.value, "`of`");
    return of && { kind: "list", span, of, max };
  }

  #enum(node: MapNode, span: Span): TypeExpr | undefined {
    const values: EnumValueAst[] = [];
    const taken = new Map<number, string>();
    for (const entry of node.entries) {
      const value = this.#enumValue(entry);
      if (value === undefined) continue;
      const other = taken.get(value.value);
      if (other !== undefined) {
        this.#d.report("SD1309", entry.value.span, { value: value.value, other });
        continue;
      }
      taken.set(value.value, value.name);
      values.push(value);
    }
    if (node.entries.length === 0) this.#d.report("SD1310", span, {});
    return values.length === 0 ? undefined : { kind: "enum", span, values };
  }

  /** `name: 3`, or `name: { value: 3, doc: … }`. */
  #enumValue(entry: Entry): EnumValueAst | undefined {
    checkName(entry.key, "an enum value", entry.keySpan, this.#d);
    const { line } = this.#d.source.position(entry.keySpan.start);
    const place = `enum value \`${entry.key}\``;
    if (entry.value.kind !== "map") {
      const value = expectInteger(entry.value, place, 0, 0xffff_ffff, this.#d);
      return value === undefined ? undefined : { name: entry.key, value, line };
    }
    const fields = new Fields(entry.value, place, this.#d);
    fields.required("value");
    const value = fields.integer("value", 0, 0xffff_ffff);
    const doc = fields.text("doc");
    fields.finish();
    if (value === undefined) return undefined;
    return { name: entry.key, value, line, ...(doc === undefined ? {} : { doc }) };
  }
}

/** The nearest type name to one that does not exist. */
export function suggestType(name: string, types: Iterable<string>): string | undefined {
  return suggest(name, [...types, ...scalarTypes.keys(), "string", "bytes"]);
}
