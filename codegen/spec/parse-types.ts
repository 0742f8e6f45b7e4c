/**
 * The type language: names and one-key objects to type expressions. References stay names here (model/types.ts
 * resolves them). Worst case: recursion as deep as the node tree, which yaml.ts bounds.
 */
import { type DefinedType, type LeafType, leafNames } from "../kinds/kinds.ts";
import type { Given, LimitsAst, MemberAst, TypeAst, TypeExpr } from "./ast.ts";
import type { Diagnostics } from "./diagnostics.ts";
import { expectMap, Fields } from "./fields.ts";
import { checkFreeName, checkName } from "./names.ts";
import { describeNode, type Entry, type MapNode, type Node, quote } from "./node.ts";
import { parseChoices } from "./parse-choices.ts";
import { parseDocs } from "./parse-docs.ts";
import { memberSection, typeDefinitionSection, typeSection } from "./sections.ts";
import type { Span } from "./source.ts";
import { builtInTypes, formHelp, guessTypeKey, typeForms, typeKeys } from "./type-names.ts";
import { arrayOptions, listOptions, mapOptions } from "./type-schema.ts";

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
      const fields = Fields.of(value, typeDefinitionSection, place, this.#d);
      if (fields === undefined) continue;
      const docs = parseDocs(fields, keySpan, this.#d);
      const maxDepth = this.#given(fields, "maxDepth");
      const maxBytes = this.#given(fields, "maxBytes");
      const type = this.#typed(fields, value, place);
      fields.finish(guessTypeKey);
      if (!type) continue;
      types.push({
        name: key,
        span: keySpan,
        type,
        docs,
        ...(maxDepth ? { maxDepth } : {}),
        ...(maxBytes ? { maxBytes } : {}),
      });
    }
    return types;
  }

  /** The members of a struct or message. */
  members(node: MapNode): MemberAst[] {
    const members: MemberAst[] = [];
    for (const entry of node.entries) {
      checkFreeName(entry.key, "a member", entry.keySpan, this.#d);
      this.#checkMark(entry);
      const member = this.#member(entry);
      if (member) members.push(member);
    }
    return members;
  }

  /** `from?: u32`, as TypeScript has it. Any other name may have a question mark. */
  #checkMark({ key, keySpan, value }: Entry): void {
    const [, name] = /^([A-Za-z_]\w*)\?$/.exec(key) ?? [];
    if (name === undefined) return;
    const isNamed = value.kind === "scalar" && typeof value.value === "string";
    const type = isNamed ? `type: ${String(value.value)}` : "…";
    const help = `write \`${name}: { ${type}, optional: true }\``;
    this.#d.report("SD1111", keySpan, { name: quote(name) }, { help });
  }

  #member(entry: Entry): MemberAst | undefined {
    const { key: name, keySpan: span, value } = entry;
    const place = `member \`${name}\``;
    if (value.kind === "scalar") {
      const type = this.expression(value, place);
      const line = this.#d.source.position(span.start).line;
      return type && { name, span, type, optional: false, docs: { line } };
    }
    const fields = Fields.of(value, memberSection, place, this.#d);
    if (fields === undefined) return undefined;
    const docs = parseDocs(fields, span, this.#d);
    const optional = fields.bool("optional") ?? false;
    const since = this.#given(fields, "since");
    const given = fields.entry("default");
    const type = this.#typed(fields, value, place);
    fields.finish(guessTypeKey);
    return (
      type && {
        name,
        span,
        type,
        optional,
        docs,
        ...(since ? { since } : {}),
        ...(given ? { default: { node: given.value, span: given.value.span } } : {}),
      }
    );
  }

  #given(fields: Fields, key: string): Given<number> | undefined {
    const value = fields.integer(key);
    return value === undefined ? undefined : { value, span: fields.entry(key)!.keySpan };
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
    const type = inner ? this.expression(inner.value, place) : this.#form(direct[0]!);
    return type && this.#extensible(fields, type);
  }

  /** `extensible: true` beside a struct's members. */
  #extensible(fields: Fields, type: TypeExpr): TypeExpr {
    if (type.kind === "struct") {
      return { ...type, extensible: fields.bool("extensible") ?? false };
    }
    // Not asked for otherwise: it is no key of what is no struct.
    if (!fields.has("extensible")) return type;
    const span = fields.entry("extensible")!.keySpan;
    this.#d.report("SD1319", span, { found: type.kind === "ref" ? "a name" : "no struct" });
    return type;
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
    const fields = new Fields(node, typeSection, `the type of ${place}`, this.#d);
    const known = node.entries.filter((entry) => typeKeys.includes(entry.key));
    fields.finish(guessTypeKey);
    if (known.length === 1) return this.#form(known[0]!);
    if (known.length > 1 || node.entries.length === 0) {
      const found = known.map((entry) => `\`${entry.key}\``).join(" and ") || "none";
      this.#d.report("SD1302", known[1]?.keySpan ?? node.span, { place, found });
    }
    return undefined;
  }

  #named(name: string, span: Span): TypeExpr | undefined {
    const bare = leafNames.get(name)?.bare?.(this.#limits);
    if (bare) return { kind: "leaf", span, type: bare as LeafType };
    if (typeForms.has(name)) {
      const params = { place: `\`${name}\``, expected: "an object", actual: "a bare name" };
      this.#d.report("SD1103", span, params, { help: formHelp(name)! });
      return undefined;
    }
    return { kind: "ref", span, name };
  }

  #form(entry: Entry): TypeExpr | undefined {
    const { key, keySpan, value } = entry;
    const map = expectMap(value, `\`${key}\``, this.#d, formHelp(key, value));
    if (map === undefined) return undefined;
    if (key === "list") return this.#list(map, keySpan);
    if (key === "array") return this.#array(map, keySpan);
    if (key === "map") return this.#map(map, keySpan);
    if (key === "union") {
      return parseChoices(map, keySpan, this.#d, {
        plain: (node, place) => this.expression(node, place),
        typed: (fields, node, place) => {
          const type = this.#typed(fields, node, place);
          fields.finish(guessTypeKey);
          return type;
        },
      });
    }
    if (key === "struct") {
      return { kind: "struct", span: keySpan, members: this.members(map), extensible: false };
    }
    const leaf = leafNames.get(key)!;
    const type = leaf.options!.read(key, map, keySpan, this.#d, this.#limits);
    if (type === undefined) return undefined;
    if ("kind" in type) return { kind: "leaf", span: keySpan, type: type as LeafType };
    return { kind: "defined", span: keySpan, of: leaf.kind as DefinedType["kind"], ...type };
  }

  #list(options: MapNode, span: Span): TypeExpr | undefined {
    const fields = new Fields(options, listOptions, "`list`", this.#d);
    const max = fields.integer("max") ?? this.#limits.defaultMaxListItems;
    const element = fields.entry("of");
    fields.finish();
    const of = element && this.expression(element.value, "`of`");
    return of && { kind: "list", span, of, max };
  }

  #array(options: MapNode, span: Span): TypeExpr | undefined {
    const fields = new Fields(options, arrayOptions, "`array`", this.#d);
    const element = fields.entry("of");
    const given = fields.entry("length");
    const length = fields.integer("length");
    fields.finish();
    const of = element && this.expression(element.value, "`of`");
    if (of === undefined || given === undefined || length === undefined) return undefined;
    return { kind: "array", span, of, length };
  }

  #map(options: MapNode, span: Span): TypeExpr | undefined {
    const fields = new Fields(options, mapOptions, "`map`", this.#d);
    const max = fields.integer("max") ?? this.#limits.defaultMaxMapItems;
    const keyEntry = fields.entry("key");
    const valueEntry = fields.entry("value");
    fields.finish();
    const key = keyEntry && this.expression(keyEntry.value, "`key`");
    const value = valueEntry && this.expression(valueEntry.value, "`value`");
    return key && value && { kind: "map", span, key, value, max };
  }
}
