/**
 * Advice about a message that is larger than a datagram: which members to bound lower, where that can be done and is
 * enough, and else to split the message; or to let the channel send it in slices.
 */
import { varintSize } from "../kinds/kind.ts";
import { isBits, isLeaf } from "../kinds/kinds.ts";
import type { ChannelAst } from "../spec/ast.ts";
import { isReliable } from "./delivery.ts";
import { elementSize, type Sizes } from "./layout.ts";
import type { Lookup } from "./lookup.ts";
import type { StructModel, TypeModel } from "./model.ts";

export interface SizedTypes {
  readonly lookup: Lookup;
  readonly sizes: Sizes;
}

/** What can be done about a message that may take more than `room` bytes on a channel that sends no slices. */
export function roomHelp(
  channel: ChannelAst,
  message: StructModel,
  types: SizedTypes,
  room: number,
): string {
  const way = `${fragmentHelp(channel)}, so that it travels in slices`;
  if (message.maxBytes <= room) return `lower maxBytes, or ${way}`;
  const bound = boundHelp(message, types, room) ?? "split it over several channels";
  return `${bound}, or ${way}`;
}

/** Without `fragment`, reliable channels send slices and the others do not. */
function fragmentHelp({ delivery, saysFragment }: ChannelAst): string {
  if (isReliable(delivery)) return "leave out `fragment: false`";
  return saysFragment ? "make `fragment: false` true" : "write `fragment: true`";
}

/** The fewest members whose bounds, made lower, would let the message fit; undefined where none would. */
function boundHelp(message: StructModel, types: SizedTypes, room: number): string | undefined {
  const members = savingsOf(message, types).sort((a, b) => b.saving - a.saving);
  let over = message.maxBytes - room;
  const needed = members.findIndex(({ saving }) => {
    over -= saving;
    return over <= 0;
  });
  if (needed < 0) return undefined;
  const [first, ...rest] = members.slice(0, needed + 1);
  const more = rest.map(({ name, bytes }) => `, \`${name}\` ${bytes}`).join("");
  const which = rest.length > 0 ? "them" : "it";
  return `\`${first!.name}\` may take ${first!.bytes} of them${more}: bound ${which} lower`;
}

interface Saving {
  readonly name: string;
  /** What the member may take. */
  readonly bytes: number;
  /** How much less that could be. */
  readonly saving: number;
}

function savingsOf({ members }: StructModel, types: SizedTypes): Saving[] {
  return members
    .filter(({ type }) => !isBits(type))
    .map(({ name, type }) => {
      const bytes = elementSize(type, types.sizes)!.max;
      return { name, bytes, saving: bytes - lowest(type, types) };
    });
}

/** The most bytes that a type would take if all its bounds were 1, and it did not hold itself. */
function lowest(type: TypeModel, types: SizedTypes): number {
  if (isLeaf(type)) {
    return elementSize("maxBytes" in type ? { ...type, maxBytes: 1 } : type, types.sizes)!.max;
  }
  switch (type.kind) {
    case "list":
      return 1 + lowest(type.of, types);
    case "array":
      return lowest(type.of, types);
    case "map":
      return 1 + lowest(type.key, types) + lowest(type.value, types);
    case "struct": {
      const struct = types.lookup.struct(type.name);
      if (struct.recursion !== undefined) return struct.minBytes;
      return savingsOf(struct, types).reduce((sum, { saving }) => sum - saving, struct.maxBytes);
    }
    case "union": {
      const { recursion, minBytes, variants } = types.lookup.union(type.name);
      if (recursion !== undefined) return minBytes;
      return Math.max(...variants.map(({ tag, type: of }) => varintSize(tag) + lowest(of, types)));
    }
  }
}
