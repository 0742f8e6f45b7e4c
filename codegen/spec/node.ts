/**
 * The tree that the rest of the generator sees instead of YAML: maps with text keys, lists and scalars, each with its
 * span. No aliases, tags or comments; yaml.ts has refused or dropped those. Depth is bounded by MAX_DEPTH there.
 */
import type { Span } from "./source.ts";

export interface Entry {
  readonly key: string;
  readonly keySpan: Span;
  readonly value: Node;
}

export interface MapNode {
  readonly kind: "map";
  readonly span: Span;
  readonly entries: readonly Entry[];
  /** Has a merge key, which is refused: what it would have brought is not missing. */
  readonly merged?: boolean;
}

export interface ListNode {
  readonly kind: "list";
  readonly span: Span;
  readonly items: readonly Node[];
}

export interface ScalarNode {
  readonly kind: "scalar";
  readonly span: Span;
  readonly value: string | number | boolean | null;
}

export type Node = MapNode | ListNode | ScalarNode;

/** What a node is, in the words of a diagnostic. */
export function describeNode(node: Node): string {
  if (node.kind === "map") return "a map";
  if (node.kind === "list") return "a list";
  if (node.value === null) return "empty";
  if (typeof node.value === "string") return `the text ${quote(node.value)}`;
  return `${typeof node.value === "number" ? "the number" : "the word"} ${String(node.value)}`;
}

/** Text between quotes on one line, cut where it is long. */
export function quote(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 57)}...` : text;
  return JSON.stringify(short);
}

/** The node as plain data. Objects have no prototype, so no key of the spec is special. */
export function toData(node: Node): unknown {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "list") return node.items.map(toData);
  const data: Record<string, unknown> = Object.create(null);
  for (const entry of node.entries) data[entry.key] = toData(entry.value);
  return data;
}
