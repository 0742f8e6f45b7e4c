/**
 * Random specs and what may become of them: types of every kind inside each other, members that are added as they may
 * be, and changes of every other sort. A spec is built as data and written as JSON, which is YAML.
 */
import type { SeededRandom } from "#src/testing/index.js";

interface Member {
  name: string;
  type: Type;
  optional?: boolean;
  since?: number;
}

interface Struct {
  kind: "struct";
  name: string;
  members: Member[];
  extensible: boolean;
}

type Type =
  | Struct
  | { kind: "plain"; text: unknown }
  | { kind: "enum"; values: [name: string, value: number][] }
  | { kind: "union"; variants: { name: string; tag: number; type: Type }[] }
  | { kind: "list" | "array"; of: Type; size: number }
  | { kind: "map"; key: Type; value: Type; size: number };

export class Evolving {
  readonly #random: SeededRandom;
  #message: Struct;
  #version = 1;
  #names = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
    this.#message = this.#struct(3);
  }

  get spec(): string {
    const message = this.#message.name;
    const types = this.#structs().map(({ name, members, extensible }) => {
      const rows = members.map(({ type, name: member, ...rest }) => {
        return [member, { type: text(type), ...rest }];
      });
      return `  ${name}: ${JSON.stringify({ extensible, struct: Object.fromEntries(rows) })}\n`;
    });
    return `stardust: 1
protocol: { name: evolving, version: ${this.#version} }
security: plain
channels:
  hit: { id: 0, delivery: reliable, message: ${message} }
types:
${types.join("")}`;
  }

  /** A later version, with new members at the end of some of what may grow. */
  grow(): void {
    this.#version += 1 + this.#below(2);
    for (const struct of this.#structs()) {
      if (!struct.extensible || this.#below(3) === 0) continue;
      for (let i = this.#below(3); i >= 0; i--) {
        struct.members.push({ ...this.#member(1), since: this.#version });
      }
    }
  }

  /** Anything else; says what. */
  change(): string {
    const struct = this.#pick(this.#structs());
    const { members } = struct;
    const index = this.#below(members.length);
    const member = members[index];
    const choice = this.#pick(this.#choices());
    const sized = this.#pick(this.#sized());
    const changes: Record<string, () => void> = {
      "member removed": () => members.splice(index, 1),
      "last group removed": () => {
        const last = members.at(-1)?.since;
        if (last !== undefined) struct.members = members.filter(({ since }) => since !== last);
      },
      "member renamed": () => member && Object.assign(member, { name: this.#name() }),
      "member added": () => {
        const { since } = members[index - 1] ?? {};
        members.splice(index, 0, { ...this.#member(1), ...(since === undefined ? {} : { since }) });
      },
      "members exchanged": () => members.splice(0, 2, ...members.slice(0, 2).reverse()),
      "type changed": () => member && Object.assign(member, { type: this.#type(1) }),
      "optional or not": () => member && Object.assign(member, { optional: !member.optional }),
      "first group earlier": () => {
        const first = members.find(({ since }) => since !== undefined)?.since;
        for (const one of members) if (one.since === first) delete one.since;
      },
      "another number of a group": () => {
        const last = members.at(-1)?.since;
        this.#version++;
        for (const one of members) {
          if (last !== undefined && one.since === last) one.since = this.#version;
        }
      },
      "extensible or not": () => {
        struct.extensible = !struct.extensible;
        for (const one of members) delete one.since;
      },
      "choice added": () => {
        if (choice?.kind === "enum") choice.values.push([this.#name(), choice.values.length + 3]);
        if (choice?.kind === "union") {
          const tag = Math.max(...choice.variants.map((variant) => variant.tag)) + 1;
          choice.variants.push({ name: this.#name(), tag, type: this.#type(0) });
        }
      },
      "choice removed": () => {
        if (choice?.kind === "enum" && choice.values.length > 1) choice.values.pop();
        if (choice?.kind === "union" && choice.variants.length > 1) choice.variants.pop();
      },
      "choice renamed": () => {
        if (choice?.kind === "enum") choice.values[0]![0] = this.#name();
        if (choice?.kind === "union") choice.variants[0]!.name = this.#name();
      },
      "choice renumbered": () => {
        if (choice?.kind === "enum") choice.values[0]![1] += 9;
        if (choice?.kind === "union") choice.variants.at(-1)!.tag += 9;
      },
      "another size": () => sized && Object.assign(sized, { size: sized.size + 1 }),
    };
    const name = this.#pick(Object.keys(changes));
    changes[name]!();
    return name;
  }

  #structs(): Struct[] {
    return [...within(this.#message)].filter((type) => type.kind === "struct");
  }

  #choices() {
    return [...within(this.#message)].filter(({ kind }) => kind === "enum" || kind === "union");
  }

  #sized() {
    return [...within(this.#message)].filter((type) => "size" in type);
  }

  #struct(depth: number): Struct {
    const members = Array.from({ length: 1 + this.#below(3) }, () => this.#member(depth));
    const name = `S${this.#names++}`;
    return { kind: "struct", name, members, extensible: this.#below(3) > 0 };
  }

  #member(depth: number): Member {
    const optional = this.#below(4) === 0;
    return { name: this.#name(), type: this.#type(depth), ...(optional ? { optional } : {}) };
  }

  #type(depth: number): Type {
    const deep = depth > 0 ? 8 : 0;
    const which = this.#below(4 + deep);
    if (which >= 8) return this.#struct(depth - 1);
    switch (which) {
      case 0: {
        const values = [0, 1, 2].slice(0, 1 + this.#below(3));
        return { kind: "enum", values: values.map((value) => [this.#name(), value]) };
      }
      case 4: {
        const tags = [0, 1, 5].slice(0, 1 + this.#below(3));
        const variants = tags.map((tag) => {
          return { name: this.#name(), tag, type: this.#type(depth - 1) };
        });
        return { kind: "union", variants };
      }
      case 5:
      case 6:
        return { kind: which === 5 ? "list" : "array", of: this.#type(depth - 1), size: 2 };
      case 7: {
        const key: Type = { kind: "plain", text: this.#pick(["u8", "svarint", "i16"]) };
        return { kind: "map", key, value: this.#type(depth - 1), size: 2 };
      }
      default:
        return { kind: "plain", text: this.#pick(leaves) };
    }
  }

  #name(): string {
    return `n${this.#names++}`;
  }

  #below(count: number): number {
    return Math.floor(this.#random.next() * count);
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#below(list.length)]!;
  }
}

const leaves: readonly unknown[] = [
  ..."u8 i16 u32 u64 i64 varint svarint f16 f32 f64 bool bool bool".split(" "),
  { u64: { as: "number" } },
  { u8: { min: 3, max: 12 } },
  { f32: { min: -1, max: 1, bits: 5 } },
  { f32: { nan: true } },
  { string: { maxBytes: 5 } },
  { bytes: { maxBytes: 3 } },
];

/** A type and all in it. */
function* within(type: Type): Generator<Type> {
  yield type;
  if (type.kind === "struct") for (const member of type.members) yield* within(member.type);
  if (type.kind === "union") for (const variant of type.variants) yield* within(variant.type);
  if (type.kind === "list" || type.kind === "array") yield* within(type.of);
  if (type.kind === "map") yield* within(type.value);
}

function text(type: Type): unknown {
  switch (type.kind) {
    case "plain":
      return type.text;
    case "enum":
      return { enum: Object.fromEntries(type.values) };
    case "struct":
      return type.name;
    case "union": {
      const rows = type.variants.map(({ name, tag, type: of }) => [name, { type: text(of), tag }]);
      return { union: Object.fromEntries(rows) };
    }
    case "list":
      return { list: { of: text(type.of), max: type.size } };
    case "array":
      return { array: { of: text(type.of), length: type.size } };
    case "map":
      return { map: { key: text(type.key), value: text(type.value), max: type.size } };
  }
}
