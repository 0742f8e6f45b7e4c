/**
 * Random header layouts that the rules of docs/wire.md allow: every order, width, place of a bit and kind of field of
 * the user's own that they leave open. Plain data, from a seed.
 */
import type { SeededRandom } from "#src/testing/index.js";
import type { LayoutField, LayoutLists } from "./independent/layout.ts";

interface Field extends LayoutField {
  name: string;
  type?: string;
  bits?: number;
  role?: string;
  when?: string[];
}

/** Legal names that generated code has uses of its own for. */
const hostileNames = (
  "h first w r view wireId at bits high size delete class new ranges same channel consecutive " +
  "length room fixed last before number frame previous numbered_ fragments maxBytes fixedBytes " +
  "varintViolation Violation wireIds channelOf readAckRanges Math set get user arguments await"
).split(" ");

const userTypes = ["u8", "u16", "u24", "u32", "i8", "i16", "i32", "f32", "f64"];

class Builder {
  readonly #random: SeededRandom;
  readonly #taken = new Set<string>();

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.#random.integer(0, list.length - 1)]!;
  }

  shuffle<T>(list: readonly T[]): T[] {
    const out = [...list];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.#random.integer(0, i);
      [out[i], out[j]] = [out[j]!, out[i]!];
    }
    return out;
  }

  /** A name that is free; now and then one that asks for trouble. */
  name(wanted: string): string {
    let name = this.#random.chance(0.25) ? this.pick(hostileNames) : wanted;
    while (this.#taken.has(name)) name = `${wanted}${this.#random.integer(1, 999)}`;
    this.#taken.add(name);
    return name;
  }

  field(role: string, form: Partial<Field>): Field {
    const wanted = role.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
    return { name: this.name(wanted), role, ...form };
  }

  flag(role: string): Field {
    return this.field(role, { bits: 1 });
  }

  user(): Field {
    return { name: this.name(`mine${this.#taken.size}`), type: this.pick(userTypes) };
  }

  userBits(): Field {
    const bits = this.#random.chance(0.5) ? 1 : this.#random.integer(2, 32);
    return { name: this.name(`bits${this.#taken.size}`), bits };
  }

  /** Fills the bytes of a run with reserved bits or the user's own, between the others. */
  pad(run: readonly Field[], own: boolean): Field[] {
    const out = [...run];
    let missing = (8 - (run.reduce((sum, { bits }) => sum + bits!, 0) % 8)) % 8;
    if (missing === 0 && this.#random.chance(0.1)) missing = 8;
    while (missing > 0) {
      const bits = this.#random.integer(1, missing);
      const mine = own && this.#random.chance(0.3);
      const name = this.name(`${mine ? "bits" : "spare"}${this.#taken.size}`);
      const filler: Field = mine ? { name, bits } : { name, bits, role: "reserved" };
      out.splice(this.#random.integer(0, out.length), 0, filler);
      missing -= bits;
    }
    return out;
  }

  /** Cuts a list into at most `most` pieces. */
  cut<T>(list: readonly T[], most: number): T[][] {
    const pieces: T[][] = Array.from({ length: this.#random.integer(1, most) }, () => []);
    list.forEach((item, i) => {
      pieces[Math.floor((i * pieces.length) / list.length)]!.push(item);
    });
    return pieces;
  }

  /** Puts units between others that stand already, at or behind `from`. */
  scatter(units: readonly Field[][], into: Field[][], from = 0): Field[][] {
    const out = [...into];
    for (const unit of units) out.splice(this.#random.integer(from, out.length), 0, unit);
    return out;
  }

  some(count: number, make: () => Field): Field[] {
    return Array.from({ length: this.#random.integer(0, count) }, make);
  }
}

export function randomLayout(random: SeededRandom): LayoutLists {
  const b = new Builder(random);
  const wide = random.chance(0.5);
  const flags = ["ack", "ack-now", "frames", "slice", "more", "limit"].map((r) => b.flag(r));
  if (wide) flags.push(b.flag("wide"));
  if (random.chance(0.5)) flags.push(b.flag("key-phase"));
  const bits = b.shuffle([...flags, ...b.some(3, () => b.userBits())]);
  const runs = b.cut(bits, 3).map((run) => b.pad(run, true));
  const low = b.field("packet-number", { type: wide ? "u16" : b.pick(["u16", "u24", "u32"]) });
  const wideFlag = flags.find(({ role }) => role === "wide");
  const number = wideFlag
    ? [b.field("packet-number-high", { type: "u16", when: [wideFlag.name] }), low]
    : [low];
  const tag = random.chance(0.5) ? [[b.field("session-tag", { type: "u32" })]] : [];
  const after = wideFlag ? runs.findIndex((run) => run.includes(wideFlag)) + 1 : 0;
  const channel = b.field("channel", { type: "u24" });
  const clear = [
    channel,
    ...b
      .scatter(
        b.some(3, () => b.user()).map((field) => [field]),
        b.scatter(tag, b.scatter([number], runs, after)),
      )
      .flat(),
  ];

  const ack = [flags.find(({ role }) => role === "ack")!.name];
  const limit = [flags.find(({ role }) => role === "limit")!.name];
  const acks = random.chance(0.5)
    ? b.field("ack-bits", { type: b.pick(["u32", "u64"]), when: ack })
    : b.field("ack-ranges", { type: "ack-ranges", when: ack });
  const sealedBits = b.some(3, () => b.userBits());
  const sealed = b
    .scatter(sealedBits.length > 0 ? b.cut(sealedBits, 2).map((run) => b.pad(run, true)) : [], [
      ...b
        .shuffle([
          b.field("ack-largest", { type: b.pick(["u16", "u32"]), when: ack }),
          b.field("ack-delay", { type: "u8", when: ack }),
          acks,
          b.field("receive-limit", { type: "varint", when: limit }),
          ...(random.chance(0.3) ? [b.field("clock", { type: "varint", when: limit })] : []),
          ...b.some(4, () => b.user()),
        ])
        .map((field) => [field]),
    ])
    .flat();
  addConditions(b, random, [...clear, ...sealed]);
  return { clear, sealed, frame: frameList(random) };
}

/** Gives fields of the user's own that take whole bytes conditions that stand before them. */
function addConditions(b: Builder, random: SeededRandom, once: readonly Field[]): void {
  once.forEach((field, i) => {
    if (field.role !== undefined || field.bits !== undefined || random.chance(0.5)) return;
    const before = once
      .slice(0, i)
      .filter((f) => f.bits === 1 && !["reserved", "slice", "more"].includes(f.role ?? ""));
    if (before.length > 0)
      field.when = b
        .shuffle(before)
        .slice(0, random.integer(1, 2))
        .map((f) => f.name);
  });
}

function frameList(random: SeededRandom): LayoutField[] {
  const b = new Builder(random);
  const same = b.flag("same-channel");
  const slice = b.flag("slice");
  const more = b.flag("more");
  const bits = b.pad(b.shuffle([same, slice, more, b.flag("consecutive")]), false);
  return [
    ...bits,
    b.field("channel", { type: "u24" }),
    ...b.shuffle([
      b.field("message-number", { type: b.pick(["u16", "u32"]), when: ["numbered"] }),
      b.field("slice-index", { type: "varint", when: [slice.name] }),
      b.field("slice-count", { type: "varint", when: [slice.name] }),
      b.field("length", { type: "varint", when: b.shuffle(["unsized", more.name]) }),
    ]),
  ];
}

/** The section `header` of a spec, one field a line. */
export function layoutText(lists: LayoutLists): string {
  const lines = ["header:"];
  for (const list of ["clear", "sealed", "frame"] as const) {
    lines.push(`  ${list}:`, ...lists[list].map((field) => `    - ${fieldText(field)}`));
  }
  return `${lines.join("\n")}\n`;
}

export function fieldText(field: LayoutField): string {
  const { name, type, bits, role, when } = field;
  const parts = [`name: ${name}`];
  if (type !== undefined) parts.push(`type: ${type}`);
  if (bits !== undefined) parts.push(`bits: ${bits}`);
  if (role !== undefined) parts.push(`role: ${role}`);
  if (when !== undefined) parts.push(`when: [${when.join(", ")}]`);
  return `{ ${parts.join(", ")} }`;
}
