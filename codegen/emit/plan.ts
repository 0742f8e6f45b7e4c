/**
 * How a struct's members lie in the functions that write and read it: which stand in the bit block, which form runs of
 * always as many bytes, and which vary; and the names that such a function has besides those of its members.
 */
import { isBits } from "../kinds/kinds.ts";
import type { MemberGroup, Named } from "../model/lookup.ts";
import type { MemberModel, StructModel } from "../model/model.ts";
import { inTemplate } from "../print/text.ts";
import { scalarBytes } from "./layout.ts";

/** Members that are not in the bit block, cut into the first run of fixed ones and the rest. */
export interface MemberPlan {
  readonly bits: readonly MemberModel[];
  /** Required integers and floats right behind the bit block, with their offsets from its first byte. */
  readonly run: readonly { readonly member: MemberModel; readonly offset: number }[];
  readonly runBytes: number;
  /** All that follows; neighbours that are required integers or floats form runs of their own. */
  readonly rest: readonly (MemberModel | readonly MemberModel[])[];
}

export function planOf(part: MemberGroup): MemberPlan {
  const bits = part.members.filter((m) => isBits(m.type));
  const others = part.members.filter((m) => !isBits(m.type));
  const run: { member: MemberModel; offset: number }[] = [];
  const rest: (MemberModel | MemberModel[])[] = [];
  let runBytes = part.bitBlockBytes;
  for (const member of others) {
    const fixed = member.optional ? 0 : scalarBytes(member.type);
    const last = rest.at(-1);
    if (fixed === 0) rest.push(member);
    else if (rest.length === 0) {
      run.push({ member, offset: runBytes });
      runBytes += fixed;
    } else if (Array.isArray(last)) last.push(member);
    else rest.push([member]);
  }
  return { bits, run, runBytes, rest };
}

/**
 * TypeScript follows what may be undefined through one function only so far (TS2563, from some 300 optional members on): a
 * struct with more members than this is written and read by several.
 */
const MOST_MEMBERS = 128;
/** Members of each piece. */
const PIECE_MEMBERS = 64;

/** Whether the functions of a struct hand its members to others, a piece each. */
export function isSplit({ members }: StructModel): boolean {
  return members.length > MOST_MEMBERS;
}

export function piecesOf({ members }: MemberGroup): (readonly MemberModel[])[] {
  const count = Math.ceil(members.length / PIECE_MEMBERS);
  return Array.from({ length: count }, (_, i) =>
    members.slice(i * PIECE_MEMBERS, (i + 1) * PIECE_MEMBERS),
  );
}

/** The part of a plan that covers the members of a piece; their places stay the same. */
export function planOfPiece(plan: MemberPlan, members: readonly MemberModel[]): MemberPlan {
  const own = new Set(members);
  return {
    ...plan,
    bits: plan.bits.filter((m) => own.has(m)),
    run: plan.run.filter(({ member }) => own.has(member)),
    rest: plan.rest.flatMap((part): (MemberModel | readonly MemberModel[])[] => {
      if (!isRun(part)) return own.has(part) ? [part] : [];
      const some = part.filter((m) => own.has(m));
      return some.length > 0 ? [some] : [];
    }),
  };
}

/** Locals that a function of a type has besides those of its members. */
export function localsOf(self: Named): string[] {
  const extensible = "extensible" in self && self.extensible !== undefined;
  return [
    ..."message target w r view".split(" "),
    ...("variants" in self ? ["at", "tag"] : []),
    ...(extensible ? ["body", "end"] : []),
    ...(self.recursion ? ["depth", "from"] : []),
  ];
}

export function isRun(part: MemberModel | readonly MemberModel[]): part is readonly MemberModel[] {
  return Array.isArray(part);
}

export function sumBytes(members: readonly MemberModel[]): number {
  return members.reduce((sum, m) => sum + scalarBytes(m.type), 0);
}

/** The path of an element of the list `list`, whose number is in the local `index`: a template. */
export function indexPath(list: string, index: string): string {
  return `\`${inTemplate(list)}[\${${index}}]\``;
}
