/** How a spec defines numbers with names, as enums are: `name: 3`, or `name: { value: 3, doc: … }`. */
import type { Diagnostics } from "../spec/diagnostics.ts";
import { expectInteger, Fields } from "../spec/fields.ts";
import { checkFreeName } from "../spec/names.ts";
import type { Entry, MapNode } from "../spec/node.ts";
import { closed, freeNames, type MapSchema, ref, type Schema } from "../spec/schema-parts.ts";
import type { Span } from "../spec/source.ts";
import type { Choice } from "./kind.ts";

/** What diagnostics call the names, and what the number is. */
export interface ChoiceOptions {
  /** One of the names, with its article: "an enum value". */
  readonly thing: string;
  /** What has the names: "an enum". */
  readonly of: string;
  /** What a name stands for: "value". */
  readonly part: string;
  /** The schema of the number, with its bounds. */
  readonly number: Schema;
}

function entrySchema(number: Schema): MapSchema {
  return closed(undefined, { value: number, doc: ref("doc") }, ["value"]);
}

export function choicesSchema(description: string, { number }: ChoiceOptions): Schema {
  return {
    type: "object",
    description,
    minProperties: 1,
    propertyNames: freeNames,
    additionalProperties: { anyOf: [number, entrySchema(number)] },
  };
}

/** In rising order of value; undefined where there are none. */
export function parseChoices(
  node: MapNode,
  span: Span,
  options: ChoiceOptions,
  d: Diagnostics,
): [Choice, ...Choice[]] | undefined {
  const values: Choice[] = [];
  const taken = new Map<number, string>();
  for (const entry of node.entries) {
    const choice = parseChoice(entry, options, d);
    if (choice === undefined) continue;
    const { name, value } = choice;
    const other = taken.get(value);
    if (other !== undefined) {
      d.report("SD1309", entry.value.span, { value, part: options.part, other });
      continue;
    }
    taken.set(value, name);
    values.push(choice);
  }
  const { of, part } = options;
  if (node.entries.length === 0) d.report("SD1310", span, { of, part });
  const [first, ...rest] = values.sort((a, b) => a.value - b.value);
  return first && [first, ...rest];
}

function parseChoice(
  entry: Entry,
  { thing, number }: ChoiceOptions,
  d: Diagnostics,
): Choice | undefined {
  checkFreeName(entry.key, thing, entry.keySpan, d);
  const { line } = d.source.position(entry.keySpan.start);
  const place = `${thing.replace(/^an? /, "")} \`${entry.key}\``;
  if (entry.value.kind !== "map") {
    const { minimum, maximum } = number as { minimum: number; maximum: number };
    const value = expectInteger(entry.value, place, minimum, maximum, d);
    return value === undefined ? undefined : { name: entry.key, value, line };
  }
  const fields = new Fields(entry.value, entrySchema(number), place, d);
  const value = fields.integer("value");
  const doc = fields.text("doc");
  fields.finish();
  if (value === undefined) return undefined;
  return { name: entry.key, value, line, ...(doc === undefined ? {} : { doc }) };
}
