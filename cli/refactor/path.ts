/**
 * From a path such as `chat.text` to the one thing of a spec that it means: `name.name…`, in front of it `channels.`,
 * `types.` or `system.` where several have the name, a name that is no word in double quotes as in JSON. A channel holds the members of
 * its message; a type what it is made of; lists, arrays and maps what their elements hold. Not what is done with it.
 * Worst case: as many steps as the path has names, each over the entries of one map.
 */

import { suggest } from "../../codegen/spec/distance.ts";
import { type MapNode, type Node, quote } from "../../codegen/spec/node.ts";
import type { Source, Span } from "../../codegen/spec/source.ts";

export type TargetKind = "channel" | "type" | "message" | "member" | "value" | "variant" | "error";

/** One thing that a spec has named. */
export interface Target {
  readonly kind: TargetKind;
  readonly name: string;
  /** In full, from the section on. */
  readonly path: string;
  /** As messages call it, e.g. ``member `chat.text` ``. */
  readonly label: string;
  /** Of its name in the spec. */
  readonly span: Span;
  /** All that has a name beside it, itself too. */
  readonly siblings: MapNode;
  /** Of the word `struct`, `union` or `enum` that it belongs to; of a message's member of the word `message`. */
  readonly owner: Span;
}

/** A path that means nothing, or several things. */
export class PathError extends Error {}

const kindNames: Readonly<Record<TargetKind, string>> = {
  channel: "channel",
  type: "type",
  message: "system message",
  error: "error",
  member: "member",
  value: "enum value",
  variant: "variant",
};
const sections = ["channels", "types", "system"] as const;
const kinds = { channels: "channel", types: "type", system: "message" } as const;
/** What stands beside the message of a channel with requests: there a path may say the word, where names need it. */
const besides = { response: "member", errors: "error" } as const;

/** A map of named things. */
interface Scope {
  readonly kind: TargetKind;
  readonly node: MapNode;
  readonly owner: Span;
  /** The word under which it stands, where there are several: `message`, or one of `besides`. */
  readonly word?: string;
}

/** Throws PathError, with what was probably meant. */
export function findTarget(path: string, root: MapNode, source: Source): Target {
  const names = namesOf(path);
  const misses: Miss[] = [];
  const found: Target[] = [];
  for (const section of sections) {
    const scope = sectionOf(root, section);
    const readings = names[0] === section && names.length > 1 ? [names, names.slice(1)] : [names];
    for (const reading of scope === undefined ? [] : readings) {
      found.push(...walk(reading, scope!, root, section, misses));
    }
  }
  const targets = [...new Map(found.map((target) => [target.span.start, target])).values()];
  const [target, other] = targets;
  if (target !== undefined && other === undefined) return target;
  if (target === undefined) throw new PathError(missing(path, names, misses));
  const all = targets.map((one) => `${one.label} (line ${source.position(one.span.start).line})`);
  const distinct = new Set(targets.map(({ path: full }) => full)).size === targets.length;
  const advice = distinct ? `: write ${targets.map((one) => `\`${one.path}\``).join(" or ")}` : "";
  throw new PathError(`${quote(path)} is ${all.join(" and ")}${advice}`);
}

const inJson =
  "members of the bodies of join and accept travel as JSON under their names, so they are neither followed nor renamed: with another name it is another message, for both ends at once";
const inHeader =
  "fields of the header are neither followed nor renamed: another name is changed in the spec and in what reads it, by hand";
/** What else of a spec has names, by the words that a path to it would begin with. */
const otherNames: Readonly<Record<string, string>> = {
  zero: inJson,
  join: inJson,
  accept: inJson,
  header: inHeader,
};

/** Names between dots; those in quotes may hold dots. */
function namesOf(path: string): string[] {
  const parts = path.match(/"(?:[^"\\]|\\.)*"|[^."]+|\.|"/g) ?? [];
  const names: string[] = [];
  parts.forEach((part, i) => {
    if ((i % 2 === 1) !== (part === ".")) throw notAPath(path);
    if (part !== ".") names.push(part.startsWith('"') ? unquoted(part, path) : part);
  });
  if (parts.length % 2 === 0) throw notAPath(path);
  return names;
}

function unquoted(part: string, path: string): string {
  try {
    return JSON.parse(part) as string;
  } catch {
    throw notAPath(path);
  }
}

function notAPath(path: string): PathError {
  return new PathError(
    `${quote(path)} is no path: names with dots between them, e.g. chat.text, a name with a dot of its own in double quotes`,
  );
}

function sectionOf(root: MapNode, section: (typeof sections)[number]): Scope | undefined {
  const entry = root.entries.find(({ key }) => key === section);
  if (entry?.value.kind !== "map") return undefined;
  return { kind: kinds[section], node: entry.value, owner: entry.keySpan };
}

/** How far a reading of the path came. */
interface Miss {
  readonly depth: number;
  readonly at: string;
  readonly name: string;
  readonly known: readonly string[];
}

function walk(
  names: readonly string[],
  top: Scope,
  root: MapNode,
  section: string,
  misses: Miss[],
): Target[] {
  let scopes = [top];
  let found: Target[] = [];
  let path: string = section;
  for (const [depth, name] of names.entries()) {
    const known = scopes.flatMap(({ node }) => node.entries.map(({ key }) => key));
    const within = scopes.filter(({ word }) => word === name);
    if (within.length > 0 && !known.includes(name) && depth < names.length - 1) {
      scopes = within;
      continue;
    }
    const at = depth === 0 ? "" : (found[0]?.label ?? "");
    found = [];
    const before = path;
    const next: Scope[] = [];
    for (const { kind, node, owner, word } of scopes) {
      const entry = node.entries.find(({ key }) => key === name);
      if (entry === undefined) continue;
      path = `${before}${word === undefined ? "" : `.${word}`}.${shown(name)}`;
      const label = `${kindNames[kind]} \`${path.slice(section.length + 1)}\``;
      found.push({ kind, name, path, label, span: entry.keySpan, siblings: node, owner });
      next.push(...scopesOf(entry.value, kind, root, new Set()));
    }
    if (found.length === 0) {
      misses.push({ depth, at, name, known });
      return [];
    }
    scopes = next;
  }
  return found;
}

/** A name as a path has it. */
function shown(name: string): string {
  return /[."]/.test(name) || name === "" ? JSON.stringify(name) : name;
}

/** What the value of an entry holds that has names. */
function scopesOf(node: Node, kind: TargetKind, root: MapNode, seen: Set<string>): Scope[] {
  if (kind === "value") return [];
  if (kind === "channel" || kind === "message" || kind === "error") {
    if (node.kind !== "map") return [];
    const message = scopesOfMessage(node, "message", "member", root, seen);
    const rest = Object.entries(besides).flatMap(([word, holds]) =>
      scopesOfMessage(node, word, holds, root, new Set()).map((scope) => ({ ...scope, word })),
    );
    // Alone, it needs no word.
    return rest.length === 0
      ? message
      : [...message.map((s) => ({ ...s, word: "message" })), ...rest];
  }
  return scopesOfType(node, root, seen);
}

/** The members of a message, or the errors beside it. */
function scopesOfMessage(
  node: MapNode,
  word: string,
  kind: TargetKind,
  root: MapNode,
  seen: Set<string>,
): Scope[] {
  const entry = entryOf(node, word);
  if (entry === undefined) return [];
  if (entry.value.kind !== "map") return scopesOfType(entry.value, root, seen);
  return [{ kind, node: entry.value, owner: entry.keySpan }];
}

const holders: Readonly<Record<string, TargetKind>> = {
  struct: "member",
  union: "variant",
  enum: "value",
};
/** Where the types stand that a container is made of. */
const inside: Readonly<Record<string, readonly string[]>> = {
  list: ["of"],
  array: ["of"],
  map: ["key", "value"],
};

function scopesOfType(node: Node, root: MapNode, seen: Set<string>): Scope[] {
  if (node.kind === "scalar") {
    const name = String(node.value);
    const types = sectionOf(root, "types");
    const named = types && entryOf(types.node, name);
    if (named === undefined || seen.has(name)) return [];
    seen.add(name);
    return scopesOfType(named.value, root, seen);
  }
  if (node.kind !== "map") return [];
  return node.entries.flatMap(({ key, keySpan, value }) => {
    if (key === "type") return scopesOfType(value, root, seen);
    if (value.kind !== "map") return [];
    const kind = holders[key];
    if (kind !== undefined) return [{ kind, node: value, owner: keySpan }];
    return (inside[key] ?? []).flatMap((part) => {
      const entry = entryOf(value, part);
      return entry === undefined ? [] : scopesOfType(entry.value, root, seen);
    });
  });
}

function entryOf(node: MapNode, key: string): MapNode["entries"][number] | undefined {
  return node.entries.find((entry) => entry.key === key);
}

function missing(path: string, names: readonly string[], misses: readonly Miss[]): string {
  const depth = Math.max(0, ...misses.map((miss) => miss.depth));
  const far = misses.filter((miss) => miss.depth === depth);
  if (depth === 0) {
    const other = otherNames[names[0]!];
    if (other !== undefined) return `${quote(path)}: ${other}`;
    const known = far.flatMap((miss) => miss.known);
    const near = suggest(names[0]!, known);
    const hint = near === undefined ? "" : `, did you mean ${quote(near)}?`;
    const only = "; a path begins with one of these";
    return `the spec has no channel, type or system message ${quote(names[0]!)}${hint || only}`;
  }
  const { at, name } = far[0]!;
  const known = far.flatMap((miss) => miss.known);
  const near = suggest(name, known);
  if (near !== undefined) return `${at} has no ${quote(name)}, did you mean ${quote(near)}?`;
  if (known.length === 0)
    return `${at} holds nothing that has a name: ${quote(path)} goes on too far`;
  return `${at} has no ${quote(name)}; it has ${known.slice(0, 12).join(", ")}`;
}
