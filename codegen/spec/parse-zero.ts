/** The section `zero`: which messages, and their schemas as nodes. What a schema may say is model/zero-schema.ts's. */
import type { ZeroMessageAst } from "./ast.ts";
import type { Diagnostics } from "./diagnostics.ts";
import { Fields } from "./fields.ts";
import type { Entry, MapNode } from "./node.ts";
import { parseDocs } from "./parse-docs.ts";
import { zeroSection } from "./sections.ts";

/** What a body may say is found out later. */
const section = zeroSection("closedSchema");

export function parseZero(node: MapNode, d: Diagnostics): ZeroMessageAst[] {
  return node.entries.flatMap((entry) => parseMessage(entry, d) ?? []);
}

function parseMessage(entry: Entry, d: Diagnostics): ZeroMessageAst | undefined {
  const { key: name, keySpan: span } = entry;
  const fields = Fields.of(entry.value, section, `zero message \`${name}\``, d);
  if (fields === undefined) return undefined;
  const docs = parseDocs(fields, span, d);
  const from = fields.text("from");
  const fromSpan = fields.entry("from")?.value.span ?? span;
  const sys = fields.map("sys");
  const body = fields.map("body");
  fields.finish();
  return {
    name,
    span,
    docs,
    ...(from === undefined ? {} : { from: { name: from, span: fromSpan } }),
    ...(sys ? { sys } : {}),
    ...(body ? { body } : {}),
  };
}
