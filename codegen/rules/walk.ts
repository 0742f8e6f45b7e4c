/** Ways through a spec and its model that several lint rules take. Nothing is judged here. */
import { definitionNames } from "../kinds/kinds.ts";
import { Lookup, reachedFrom } from "../model/lookup.ts";
import type { ChannelModel, MemberModel, Model, StructModel } from "../model/model.ts";
import type { MapNode, Node } from "../spec/node.ts";

/** Members of every struct that the channels' messages are made of, each once. */
export function* membersOf(
  model: Model,
  channels: readonly ChannelModel[] = model.channels,
): Generator<{ struct: StructModel; member: MemberModel }> {
  const messages = channels.map((c) => ({ kind: "struct", name: c.message }) as const);
  for (const struct of reachedFrom(messages, Lookup.of(model))) {
    if (!("members" in struct)) continue;
    for (const member of struct.members) yield { struct, member };
  }
}

/** The words of a name in lower case: `playerHealth`, `player_health` and `PlayerHealth` are player, health. */
export function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1_$2")
    .toLowerCase()
    .split("_")
    .filter((word) => word !== "");
}

/** The value behind a path of keys. */
export function nodeAt(node: Node | undefined, ...path: string[]): Node | undefined {
  let at = node;
  for (const key of path) at = entryOf(at, key)?.value;
  return at;
}

export function entryOf(
  node: Node | undefined,
  key: string,
): MapNode["entries"][number] | undefined {
  return node?.kind === "map" ? node.entries.find((entry) => entry.key === key) : undefined;
}

/** A type as it is written: its name or key, and its options where there are any. */
export interface WrittenType {
  readonly name: string;
  readonly options: Node | undefined;
  /** Where it stands. */
  readonly start: number;
}

const documentation: ReadonlySet<string> = new Set(["doc", "why", "unit", "deprecated", "default"]);
/** Keys of a spec whose values hold no type expressions. */
const notTypes: ReadonlySet<string> = new Set([
  ...definitionNames,
  ...["optional", "since", "extensible"],
]);

/** Every type written in the sections `types` and `channels`. */
export function* writtenTypes(root: MapNode): Generator<WrittenType> {
  for (const section of [nodeAt(root, "types")]) yield* members(section);
  const channels = nodeAt(root, "channels");
  if (channels?.kind !== "map") return;
  for (const channel of channels.entries) {
    const message = nodeAt(channel.value, "message");
    if (message?.kind === "map") yield* members(message);
    else if (message) yield* written(message);
  }
}

function* members(node: Node | undefined): Generator<WrittenType> {
  if (node?.kind !== "map") return;
  for (const entry of node.entries) yield* written(entry.value);
}

function* written(node: Node): Generator<WrittenType> {
  if (node.kind === "scalar") {
    if (typeof node.value === "string") {
      yield { name: node.value, options: undefined, start: node.span.start };
    }
    return;
  }
  if (node.kind !== "map") return;
  for (const { key, keySpan, value } of node.entries) {
    if (documentation.has(key) || notTypes.has(key)) continue;
    if (key === "type") yield* written(value);
    else if (key === "struct" || key === "union") yield* members(value);
    else {
      yield { name: key, options: value, start: keySpan.start };
      // `of` of a list or an array, both sides of a map.
      for (const part of ["of", "key", "value"]) {
        const inner = nodeAt(value, part);
        if (inner) yield* written(inner);
      }
    }
  }
}
