/**
 * The header's lists as whoever reads or writes a datagram field by field needs them: bit fields gathered into whole
 * bytes, and conditions as data. docs/wire.md has the rules; which fields there are is the model's.
 */
import type { HeaderFieldModel, HeaderRole, Model } from "../model/model.ts";

/** Whole bytes: one field with a type, or bit fields side by side, most significant first. */
export interface HeaderItem {
  readonly fields: readonly HeaderFieldModel[];
  /** -1 where they vary. */
  readonly bytes: number;
}

export const typeBytes: Readonly<Record<NonNullable<HeaderFieldModel["type"]>, number>> = {
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
  varint: -1,
  "ack-ranges": -1,
};

/** Pairs behind the first run of an ack block: 32 ranges in all. */
export const MAX_ACK_PAIRS = 31;

export function headerItems(fields: readonly HeaderFieldModel[]): HeaderItem[] {
  const items: HeaderItem[] = [];
  let run: HeaderFieldModel[] = [];
  for (const field of [...fields, undefined]) {
    if (field?.bits !== undefined) {
      run.push(field);
      continue;
    }
    if (run.length > 0) {
      const bits = run.reduce((sum, { bits }) => sum + bits!, 0);
      items.push({ fields: run, bytes: Math.ceil(bits / 8) });
      run = [];
    }
    if (field !== undefined) items.push({ fields: [field], bytes: typeBytes[field.type!] });
  }
  return items;
}

/**
 * Flags while a datagram is read or written: by name, because conditions name fields. Those of a datagram and those of a
 * frame are two scopes.
 */
export class Flags {
  readonly #values = new Map<string, number>();
  readonly #roles = new Map<HeaderRole, number>();

  set(field: HeaderFieldModel, value: number): void {
    this.#values.set(field.name, value);
    if (field.role !== undefined) this.#roles.set(field.role, value);
  }

  role(role: HeaderRole): boolean {
    return (this.#roles.get(role) ?? 0) !== 0;
  }

  named(name: string): boolean {
    return (this.#values.get(name) ?? 0) !== 0;
  }
}

/** What a frame's conditions may name besides flags. */
export interface FrameFacts {
  readonly numbered: boolean;
  readonly unsized: boolean;
}

/** Whether all conditions of a field hold. `facts` is given for fields of a frame. */
export function holds(field: HeaderFieldModel, flags: Flags, facts?: FrameFacts): boolean {
  return field.when.every((name) => {
    if (facts !== undefined && name === "numbered") return facts.numbered;
    if (facts !== undefined && name === "unsized") return facts.unsized;
    return flags.named(name);
  });
}

/** Fields of the user's own, by `userIndex`. */
export function userFields(model: Model): HeaderFieldModel[] {
  return [...model.header.clear, ...model.header.sealed]
    .filter((field) => field.userIndex !== undefined)
    .sort((a, b) => a.userIndex! - b.userIndex!);
}
