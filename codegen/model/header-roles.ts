/**
 * What the runtime needs of a header: one row a role. header.ts holds a layout against this table.
 */
import type { HeaderList } from "../spec/ast.ts";
import type { HeaderFieldModel, HeaderRole } from "./model.ts";

type FieldType = NonNullable<HeaderFieldModel["type"]>;

export interface RoleRule {
  /** Lists it must stand in; in each exactly once unless `optional` or `many`. */
  readonly lists: readonly HeaderList[];
  /** Legal types, or "flag" for one bit, or "bits" for any number of bits. */
  readonly form: readonly FieldType[] | "flag" | "bits";
  /** The roles of the flags (or the computed conditions) that `when` must name, no more and no less. */
  readonly when: readonly (HeaderRole | "numbered" | "unsized")[];
  readonly optional?: true;
  readonly many?: true;
  /** Another role that does the same: one of the two is there. */
  readonly or?: HeaderRole;
}

const flag = (lists: readonly HeaderList[]): RoleRule => ({ lists, form: "flag", when: [] });

/**
 * `key-phase` may be left out where a session is plain, which never sets it. `session-tag` stands in plain sessions only,
 * and may be left out on a network where nobody forges datagrams; lint says what that costs.
 * `clock` lets each side know the other's time. It stands with the receive limit, which goes along now and then.
 * Implied, and so never in `when`: the channel of a frame is absent in the first one and where same-channel is set, and
 * a message number is absent where consecutive is set.
 */
export const headerRoles: Readonly<Record<HeaderRole, RoleRule>> = {
  channel: { lists: ["clear", "frame"], form: ["u24"], when: [] },
  ack: flag(["clear"]),
  "ack-now": flag(["clear"]),
  frames: flag(["clear"]),
  slice: flag(["clear", "frame"]),
  more: flag(["clear", "frame"]),
  wide: { ...flag(["clear"]), optional: true },
  "key-phase": { ...flag(["clear"]), optional: true },
  limit: flag(["clear"]),
  reserved: {
    lists: ["clear", "sealed", "frame"],
    form: "bits",
    when: [],
    optional: true,
    many: true,
  },
  "session-tag": { lists: ["clear"], form: ["u32"], when: [], optional: true },
  "packet-number-high": { lists: ["clear"], form: ["u16"], when: ["wide"], optional: true },
  "packet-number": { lists: ["clear"], form: ["u16", "u24", "u32"], when: [] },
  "ack-largest": { lists: ["sealed"], form: ["u16", "u32"], when: ["ack"] },
  "ack-delay": { lists: ["sealed"], form: ["u8"], when: ["ack"] },
  "ack-ranges": { lists: ["sealed"], form: ["ack-ranges"], when: ["ack"], or: "ack-bits" },
  "ack-bits": { lists: ["sealed"], form: ["u32", "u64"], when: ["ack"], or: "ack-ranges" },
  "receive-limit": { lists: ["sealed"], form: ["varint"], when: ["limit"] },
  clock: { lists: ["sealed"], form: ["varint"], when: ["limit"], optional: true },
  "same-channel": flag(["frame"]),
  consecutive: flag(["frame"]),
  "message-number": { lists: ["frame"], form: ["u16", "u32"], when: ["numbered"] },
  "slice-index": { lists: ["frame"], form: ["varint"], when: ["slice"] },
  "slice-count": { lists: ["frame"], form: ["varint"], when: ["slice"] },
  length: { lists: ["frame"], form: ["varint"], when: ["unsized", "more"] },
};

/** Whole bytes of each field type; 0 where they vary. */
export const fieldBytes: Readonly<Record<FieldType, number>> = {
  u8: 1,
  u16: 2,
  u24: 3,
  u32: 4,
  u64: 8,
  i8: 1,
  i16: 2,
  i32: 4,
  f32: 4,
  f64: 8,
  varint: 0,
  "ack-ranges": 0,
};

/** What a field of the user's own may be, besides bits. */
export const userFieldTypes: readonly string[] = [
  "u8",
  "u16",
  "u24",
  "u32",
  "i8",
  "i16",
  "i32",
  "f32",
  "f64",
];

export function hasRole(fields: readonly HeaderFieldModel[], role: HeaderRole): boolean {
  return fields.some((field) => field.role === role);
}

/** The field that a word of `when` names, from the first of the lists that has it; `numbered` and `unsized` name none. */
export function conditionField<T extends { readonly name: string }>(
  word: string,
  ...lists: readonly (readonly T[])[]
): T | undefined {
  for (const list of lists) {
    const found = list.find(({ name }) => name === word);
    if (found !== undefined) return found;
  }
  return undefined;
}
