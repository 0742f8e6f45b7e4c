/**
 * The differences of messages: members, groups of `since`, variants, recursion. Rows of breaking-table.ts, which tells what
 * they are; found by breaking-layout.ts. What is particular to a leaf, kinds/ tells.
 */
import type { DefinedKind, DifferenceRule, Kind } from "../kinds/kind.ts";
import { definedKinds, kinds, type LeafType } from "../kinds/kinds.ts";
import {
  type BreakingRow,
  type BreakingRows,
  beside,
  growing,
  message,
  newChannel,
  plain,
  version,
} from "./breaking-samples.ts";

const union = (variants: string): string => message(`what: { union: { ${variants} } }`);
const tree = (maxDepth: number): string =>
  `types:\n  Tree: { maxDepth: ${maxDepth}, struct: { n: u8, inner: { type: Tree, optional: true } } }\n`;

const choices: readonly DefinedKind["choice"][] = definedKinds.map(({ choice }) => choice);

/** What breaks where a leaf's options or its definition differ. */
function leafRows(): BreakingRows {
  const leaves: readonly Kind<LeafType>[] = Object.values(kinds);
  const rows = [
    ...leaves.flatMap(({ changes = {} }) => Object.entries(changes)),
    ...choices.flatMap(({ rule, changes }) =>
      Object.entries(changes).map(([fate, row]) => [`${rule}-${fate}`, row] as const),
    ),
  ];
  return Object.fromEntries(
    rows.map(([id, { before, after, instead, ...row }]) => [
      id,
      {
        ...inMessages({ ...row, before, after }),
        instead: instead === undefined ? beside(before, after) : message(instead),
      },
    ]),
  );
}

function inMessages({ title, why, fix = newChannel, before, after }: DifferenceRule): BreakingRow {
  return { title, why, fix, before: message(before), after: message(after) };
}

export const breakingTypes: BreakingRows = {
  ...leafRows(),
  "member-removed": {
    title: "a member of a message is gone",
    why: "Members follow each other without names: an older peer reads the next member's bytes as the missing one's, or runs out of them.",
    fix: "keep the member, mark it `deprecated` and send zero; or add a new channel",
    before: message("who: u16, damage: u8"),
    after: plain,
    instead: message("who: u16, damage: { type: u8, deprecated: { reason: always 0 } }"),
  },
  "member-added": {
    title: "a message has a new member without `since`",
    why: "An older peer finds bytes behind the message that it does not know, which it must take for an attack. In an extensible message a member without `since` belongs to the first version, which the older peer has without it.",
    fix: "in a message that was extensible before, put the member behind all others and say `since: 2`, the number of the version that it comes with; in any other add a new channel for it, and mark messages that will grow `extensible` from their first version on",
    before: plain,
    after: message("who: u16, damage: u8"),
    instead: beside("who: u16", "who: u16, damage: u8"),
  },
  "member-moved": {
    title: "members stand in another order",
    why: "The order of the spec is the order of the bytes.",
    fix: "keep the order; the order in which code names members is free",
    before: message("who: u16, where: u32"),
    after: message("where: u32, who: u16"),
    instead: message("who: { type: u16, doc: Who. }, where: u32"),
  },
  "member-type-changed": {
    title: "a member, an item or a variant has another type",
    why: "It takes other bytes, and everything behind it moves.",
    fix: newChannel,
    before: plain,
    after: message("who: u32"),
    instead: beside("who: u16", "who: u32"),
  },
  "member-bound-changed": {
    title: "the bound of a string, list or map differs",
    why: "The end with the smaller bound refuses what the other sends.",
    fix: "keep the bound, or add a new channel; check smaller bounds in the application",
    before: message("text: { string: { maxBytes: 80 } }"),
    after: message("text: { string: { maxBytes: 200 } }"),
    instead: beside("text: { string: { maxBytes: 80 } }", "text: { string: { maxBytes: 200 } }"),
  },
  "member-optional-changed": {
    title: "a member became optional, or is no longer",
    why: "An optional member has a presence bit in front, which moves all that follows.",
    fix: newChannel,
    before: plain,
    after: message("who: { type: u16, optional: true }"),
    instead: beside("who: u16", "who: { type: u16, optional: true }"),
  },
  "extensible-changed": {
    title: "a struct became extensible, or is no longer",
    why: "An extensible struct has its length in front: the other end reads it as the first member.",
    fix: "decide it in the first version; later, add a new channel",
    before: version(1, plain),
    after: growing(2, "who: u16, damage: { type: u8, since: 2 }"),
    instead: version(2, beside("who: u16", "who: u16, damage: u8")),
  },
  "member-since-late": {
    title: "a new member stands in a group that was there before",
    why: "A group of `since` is read whole or not at all. An older peer's is too short, and what follows it moves.",
    fix: "raise `protocol.version`, and give the new member that number as `since`, at the end",
    before: growing(2, "who: u16, damage: { type: u8, since: 2 }"),
    after: growing(3, "who: u16, damage: { type: u8, since: 2 }, armour: { type: u8, since: 2 }"),
    instead: growing(3, "who: u16, damage: { type: u8, since: 2 }, armour: { type: u8, since: 3 }"),
  },
  "member-since-changed": {
    title: "a member moved to another group",
    why: "Each group of `since` has bits of its own in front, and may be missing as a whole: the member's bytes lie elsewhere.",
    fix: "keep `since` as it was published, also when no older peer is left",
    before: growing(2, "who: bool, head: { type: bool, since: 2 }"),
    after: growing(2, "who: bool, head: bool"),
    instead: growing(2, "who: bool, head: { type: bool, since: 2, doc: A head shot. }"),
  },
  "variant-removed": {
    title: "a variant of a union is gone",
    why: "An older peer still sends it, and the newer one refuses the whole message.",
    fix: "keep the variant and stop sending it",
    before: union("body: u8, head: u16"),
    after: union("body: u8"),
    instead: union("body: u8, unusedHead: u16"),
  },
  "variant-added": {
    title: "a union has a new variant",
    why: "A tag that the reader does not know is refused, and the whole message with it: nothing says where the value ends.",
    fix: newChannel,
    before: union("body: u8, head: u16"),
    after: union("body: u8, head: u16, foot: string"),
    instead: beside(
      "what: { union: { body: u8, head: u16 } }",
      "what: { union: { body: u8, head: u16, foot: string } }",
    ),
  },
  "variant-retagged": {
    title: "a variant of a union has another tag",
    why: "Only the tag is on the wire: the other end reads another variant, or none. Tags count in the order of the file.",
    fix: "keep the order, or state the tags",
    before: union("body: u8, head: u8"),
    after: union("head: u8, body: u8"),
    instead: union("head: { type: u8, tag: 1 }, body: { type: u8, tag: 0 }"),
  },
  "array-length-changed": {
    title: "an array has another length",
    why: "No count is on the wire: everything behind it moves.",
    fix: newChannel,
    before: message("rgb: { array: { of: u8, length: 3 } }"),
    after: message("rgb: { array: { of: u8, length: 4 } }"),
    instead: beside(
      "rgb: { array: { of: u8, length: 3 } }",
      "rgb: { array: { of: u8, length: 4 } }",
    ),
  },
  "recursion-bound-changed": {
    title: "how deep or how large a recursive type may be differs",
    why: "The end with the lower bound refuses what the other sends.",
    fix: newChannel,
    before: `${message("tree: Tree")}${tree(3)}`,
    after: `${message("tree: Tree")}${tree(5)}`,
    instead: `${message("tree: Tree")}${tree(3).replace("n: u8", "n: { type: u8, doc: A number. }")}`,
  },
};

export const harmlessTypes: BreakingRows = {
  ...Object.fromEntries(
    choices.map(({ rule, renamed }) => [`${rule}-renamed`, inMessages(renamed)]),
  ),
  "member-renamed": {
    title: "a member has another name",
    why: "Members are on the wire by their place. Make sure that it is a new name and not a new meaning.",
    fix: "rename it in the code",
    before: plain,
    after: message("target: u16"),
  },
  "variant-renamed": {
    title: "a variant of a union has another name",
    why: "On the wire it is its tag. Its `kind` in the code is another: make sure that it is a new name and not a new meaning.",
    fix: "rename it in the code",
    before: union("body: u8, head: u16"),
    after: union("torso: u8, head: u16"),
  },
  "extensible-member-added": {
    title: "an extensible struct has grown at its end",
    why: "An older reader skips what it does not know; a newer one takes the default where an older writer's bytes end.",
    fix: "nothing to do; think of what the default means",
    before: growing(1, "who: u16"),
    after: growing(2, "who: u16, damage: { type: u8, since: 2, default: 10 }"),
  },
  "extensible-member-removed": {
    title: "an extensible struct has lost its last group",
    why: "What an older writer has more is skipped, and an older reader takes its default. But the place is free again: a new member there would be read as the old one.",
    fix: "keep the member and mark it `deprecated` while any peer knows it",
    before: growing(2, "who: u16, damage: { type: u8, since: 2 }"),
    after: growing(3, "who: u16"),
  },
  "since-renumbered": {
    title: "a group has another number",
    why: "Only the order of the groups is on the wire.",
    fix: "keep the number that was published: it tells people who has the member",
    before: growing(3, "who: u16, damage: { type: u8, since: 2 }"),
    after: growing(3, "who: u16, damage: { type: u8, since: 3 }"),
  },
  "default-changed": {
    title: "a member that may be missing has another default",
    why: "A default is the reader's: of the same message of an old peer, older readers make another value than newer ones.",
    fix: "keep the default if peers of both must agree on the value",
    before: growing(2, "who: u16, damage: { type: u8, since: 2, default: 10 }"),
    after: growing(2, "who: u16, damage: { type: u8, since: 2, default: 20 }"),
  },
  "types-regrouped": {
    title: "types of one shape became one, or one became several",
    why: "The bytes are the same. The hash is not, so peers must find each other's version in a record.",
    fix: "nothing to do",
    before: `${message("from: Here, to: There")}types:\n  Here: { struct: { x: u8 } }\n  There: { struct: { x: u8 } }\n`,
    after: `${message("from: Here, to: Here")}types:\n  Here: { struct: { x: u8 } }\n`,
  },
};
