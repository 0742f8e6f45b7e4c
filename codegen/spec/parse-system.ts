/** The section `system`: messages between the application's thread and the workers, which never leave the server. */
import { systemDirections } from "../model/delivery.ts";
import type { SystemMessageAst } from "./ast.ts";
import type { Diagnostics } from "./diagnostics.ts";
import { Fields } from "./fields.ts";
import { checkChannelName } from "./names.ts";
import type { Entry, MapNode } from "./node.ts";
import { messageOf } from "./parse-channels.ts";
import { parseDocs } from "./parse-docs.ts";
import type { TypeParser } from "./parse-types.ts";
import { systemMessageSection } from "./sections.ts";
import { parseWord } from "./words.ts";

export function parseSystem(node: MapNode, types: TypeParser, d: Diagnostics): SystemMessageAst[] {
  return node.entries.flatMap((entry) => parseMessage(entry, types, d) ?? []);
}

function parseMessage(
  entry: Entry,
  types: TypeParser,
  d: Diagnostics,
): SystemMessageAst | undefined {
  const { key: name, keySpan: span } = entry;
  checkChannelName(name, span, d, "a system message");
  const what = `system message \`${name}\``;
  const fields = Fields.of(entry.value, systemMessageSection, what, d);
  if (fields === undefined) return undefined;
  const docs = parseDocs(fields, span, d);
  const direction = parseWord(fields, "direction", systemDirections, "a direction", d);
  const message = messageOf(fields, false, types, d);
  fields.finish();
  if (direction === undefined || message === undefined) return undefined;
  return { name, span, docs, direction, message };
}
