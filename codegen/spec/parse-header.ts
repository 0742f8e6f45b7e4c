/** The section `header`: three lists of fields, structure only. The rules of a layout are model/header.ts's. */
import type { HeaderAst, HeaderFieldAst, HeaderList } from "./ast.ts";
import type { Diagnostics } from "./diagnostics.ts";
import { expectText, Fields } from "./fields.ts";
import { checkName } from "./names.ts";
import type { ListNode, MapNode, Node } from "./node.ts";
import { parseDocs } from "./parse-docs.ts";
import { headerFieldSection, headerSection } from "./sections.ts";
import type { Span } from "./source.ts";

export const headerLists: readonly HeaderList[] = ["clear", "sealed", "frame"];

export function parseHeader(node: MapNode, d: Diagnostics): HeaderAst | undefined {
  const before = d.reported;
  const fields = new Fields(node, headerSection, "`header`", d);
  const lists: Partial<Record<HeaderList, HeaderFieldAst[]>> = {};
  const listSpans: Partial<Record<HeaderList, Span>> = {};
  for (const name of headerLists) {
    const entry = fields.entry(name);
    const list: ListNode | undefined = fields.list(name);
    listSpans[name] = entry?.keySpan ?? fields.span;
    lists[name] = (list?.items ?? []).flatMap((item) => parseField(item, name, d) ?? []);
    checkTwice(lists[name]!, d);
  }
  fields.finish();
  // A list with a broken field would only bring diagnostics about roles that are missing.
  if (d.reported > before) return undefined;
  return {
    ...(lists as Record<HeaderList, HeaderFieldAst[]>),
    span: fields.span,
    listSpans: listSpans as Record<HeaderList, Span>,
  };
}

function checkTwice(list: readonly HeaderFieldAst[], d: Diagnostics): void {
  const seen = new Map<string, HeaderFieldAst>();
  for (const field of list) {
    const first = seen.get(field.name);
    if (first) d.report("SD1417", field.span, { name: field.name, line: first.docs.line });
    else seen.set(field.name, field);
  }
}

function parseField(node: Node, list: HeaderList, d: Diagnostics): HeaderFieldAst | undefined {
  const fields = Fields.of(node, headerFieldSection, `a field of \`${list}\``, d);
  if (fields === undefined) return undefined;
  const nameEntry = fields.entry("name");
  const name = fields.text("name");
  const span = nameEntry?.value.span ?? fields.span;
  if (name !== undefined) checkName(name, "a header field", span, d);
  const docs = parseDocs(fields, span, d);
  const role = word(fields, "role");
  const type = word(fields, "type");
  const bits = fields.integer("bits");
  const given = Number(fields.has("type")) + Number(fields.has("bits"));
  if (given !== 1) {
    d.report("SD1411", span, { found: given === 0 ? "there is neither" : "there are both" });
  }
  const when = (fields.list("when")?.items ?? []).flatMap((item) => {
    const text = expectText(item, "a condition", d);
    return text === undefined ? [] : [{ name: text, span: item.span }];
  });
  const whenSpan = fields.entry("when")?.value.span ?? span;
  fields.finish();
  if (name === undefined || given !== 1) return undefined;
  return {
    name,
    span,
    docs,
    when,
    whenSpan,
    ...(role ? { role } : {}),
    ...(type ? { type } : {}),
    ...(bits === undefined ? {} : { bits }),
  };
}

function word(fields: Fields, key: string): { name: string; span: Span } | undefined {
  const name = fields.text(key);
  return name === undefined ? undefined : { name, span: fields.entry(key)!.value.span };
}
