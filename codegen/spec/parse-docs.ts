/** What any part of a spec may say to people: doc, why, unit, deprecated. */
import type { DocsAst } from "./ast.ts";
import type { Diagnostics } from "./diagnostics.ts";
import { Fields } from "./fields.ts";
import { deprecatedSection } from "./sections.ts";
import type { Span } from "./source.ts";

/** Reads the documentation keys of `fields`; `span` is what the line is taken from. */
export function parseDocs(fields: Fields, span: Span, d: Diagnostics): DocsAst {
  const doc = fields.text("doc");
  const why = fields.text("why");
  const unit = fields.text("unit");
  const deprecated = parseDeprecated(fields, d);
  return {
    ...(doc === undefined ? {} : { doc }),
    ...(why === undefined ? {} : { why }),
    ...(unit === undefined ? {} : { unit }),
    ...(deprecated === undefined ? {} : { deprecated }),
    line: d.source.position(span.start).line,
  };
}

function parseDeprecated(fields: Fields, d: Diagnostics): DocsAst["deprecated"] {
  const node = fields.map("deprecated");
  if (node === undefined) return undefined;
  const inner = new Fields(node, deprecatedSection, "`deprecated`", d);
  const since = inner.integer("since");
  const replacedBy = inner.text("replacedBy");
  const reason = inner.text("reason");
  inner.finish();
  return {
    ...(since === undefined ? {} : { since }),
    ...(replacedBy === undefined ? {} : { replacedBy }),
    ...(reason === undefined ? {} : { reason }),
  };
}
