/**
 * Unions: names, tags and types to choose from. Not what a variant's type is: that is handed in, since types hold each
 * other.
 */
import type { TypeExpr, VariantAst } from "./ast.ts";
import type { Diagnostics } from "./diagnostics.ts";
import { Fields } from "./fields.ts";
import { checkFreeName } from "./names.ts";
import type { MapNode, Node } from "./node.ts";
import { parseDocs } from "./parse-docs.ts";
import type { MapSchema } from "./schema-parts.ts";
import { variantSection } from "./sections.ts";
import type { Span } from "./source.ts";

/** How the type of a variant is read: by its name, or among the other keys of its map. */
export interface VariantTypes {
  /** What diagnostics call one of them, and the keys of its map; default: a variant's. */
  readonly thing?: string;
  readonly section?: MapSchema;
  plain(node: Node, place: string): TypeExpr | undefined;
  typed(fields: Fields, node: Node, place: string): TypeExpr | undefined;
}

/** The variants of a union. Tags are their places, from 0, unless every one says its own. */
export function parseChoices(
  node: MapNode,
  span: Span,
  d: Diagnostics,
  types: VariantTypes,
): Extract<TypeExpr, { kind: "union" }> | undefined {
  const { thing = "variant", section = variantSection } = types;
  const variants: VariantAst[] = [];
  const taken = new Map<number, string>();
  let own = 0;
  node.entries.forEach((entry, place) => {
    const { key: name, keySpan, value } = entry;
    checkFreeName(name, `a${/^[aeiou]/.test(thing) ? "n" : ""} ${thing}`, keySpan, d);
    const what = `${thing} \`${name}\``;
    let docs: VariantAst["docs"] = { line: d.source.position(keySpan.start).line };
    let tag: number | undefined;
    let type: TypeExpr | undefined;
    if (value.kind === "map") {
      const fields = new Fields(value, section, what, d);
      docs = parseDocs(fields, keySpan, d);
      tag = fields.integer("tag");
      type = types.typed(fields, value, what);
    } else type = types.plain(value, what);
    if (tag !== undefined) own++;
    const number = tag ?? place;
    const other = taken.get(number);
    if (tag !== undefined && other !== undefined) {
      d.report("SD1322", keySpan, { problem: `${number} is the tag of \`${other}\` already` });
    }
    taken.set(number, name);
    if (type) variants.push({ name, span: keySpan, type, docs, tag: number });
  });
  const count = node.entries.length;
  if (count === 0) d.report("SD1323", span, {});
  if (own > 0 && own < count) {
    d.report("SD1322", span, { problem: `${own} of ${count} ${thing}s have one: all or none` });
  }
  if (variants.length < count || count === 0) return undefined;
  return { kind: "union", span, variants };
}
