/**
 * Which values of a message are worth a golden vector: the least, the largest that stays readable, a usual one, and
 * rounds in which every member is at an edge, until each has been at each of its edges and no two members of a type were
 * always the same; recursive types once as deep as they may be. The same model gives the same cases, in the same order.
 * Worst case: MAX_CASES of each message, whatever its types; a case may be too long for its type or channel, which
 * whoever writes it notices, and takes the round `apart`.
 */
import {
  dequantise,
  type Names,
  Nesting,
  put,
  quantise,
  unknownKind,
} from "../interpret/values.ts";
import { TooLarge, writeMessage } from "../interpret/write-message.ts";
import type { MemberModel, StructModel, TypeModel, UnionModel } from "../model/model.ts";
import { type Lookup, lookupOf, needsHead } from "./layout.ts";
import { oneByOne, roundsOf } from "./vector-rounds.ts";
import {
  bytesOf,
  integerRange,
  isBigint,
  LARGEST,
  MAX_SAFE,
  rounded,
  SMALLEST,
  textOf,
  usualInteger,
  varintRange,
} from "./vector-values.ts";

export interface Case {
  readonly name: string;
  readonly value: Record<string, unknown>;
  /** For a round that is too long: its edges one by one, the other members as usual. */
  readonly apart?: () => readonly Case[];
}

/** Of one message. */
const MAX_CASES = 64;
/** Of a member that is a struct or a list, the members inside it counted. */
const MAX_EDGES = 24;
/** Strings, bytes and lists grow no longer than this. */
const MAX_LENGTH = 300;
/** Structs and lists in each other, of which more than the least is shown. */
const MAX_DEPTH = 4;

interface Edge {
  readonly name: string;
  readonly value: unknown;
}

function lengthOf(max: number, depth: number): number {
  return Math.min(max, depth === 0 ? MAX_LENGTH : 9);
}

/** What `make` makes, or `instead` where a recursive type would lie too deep. */
function orElse<T>(make: () => T, instead: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof TooLarge)) throw error;
    return instead();
  }
}

/** Makes the cases of messages of one model. */
export class CaseMaker {
  readonly #names: Names;
  readonly #lookup: Lookup;
  readonly #nesting = new Nesting();

  constructor(names: Names) {
    this.#names = names;
    this.#lookup = lookupOf(names.model);
  }

  casesOf(struct: string): Case[] {
    const self: TypeModel = { kind: "struct", name: struct };
    const of = (name: string, value: unknown): Case => ({
      name,
      value: value as Record<string, unknown>,
    });
    const { members } = this.#names.struct(struct);
    const cases = [
      of("minimum", this.#least(self)),
      of("maximum", this.#most(self, -1)),
      of("typical", this.#usual(self)),
    ];
    const usual = cases[2]!.value;
    const edges = this.#within(self, () => members.map((member) => this.#memberEdges(member, 0)));
    const rounds = roundsOf(edges, MAX_CASES - cases.length);
    for (const [round, chosen] of rounds.entries()) {
      const make = (pick: (index: number) => Edge | undefined): unknown =>
        this.#struct(struct, ({ name }, i) => {
          const edge = pick(i);
          if (edge !== undefined) return edge.value;
          return Object.hasOwn(usual, name) ? usual[name] : undefined;
        });
      const apart = (): Case[] =>
        members.flatMap(({ name }, i) => {
          const edge = chosen[i];
          if (edge === undefined || round >= edges[i]!.length) return [];
          const alone = make((k) => (k === i ? edge : undefined));
          return [of(under(name, edge.name), alone)];
        });
      const value = make((i) => chosen[i]);
      cases.push({ ...of(`edges, round ${round + 1} of ${rounds.length}`, value), apart });
    }
    return cases;
  }

  /** The least where a recursive type has no room for more. */
  #usual(type: NamedType): unknown {
    const usual = this.#typical(type, -1);
    return orElse(
      () => {
        writeMessage(this.#names, type.name, usual);
        return usual;
      },
      () => this.#least(type),
    );
  }

  #named(type: NamedType): StructModel | UnionModel {
    return type.kind === "struct" ? this.#names.struct(type.name) : this.#names.union(type.name);
  }

  /** Whether to show only the least of it; what holds itself many times over would grow with each level. */
  #isTooDeep(type: NamedType, depth: number): boolean {
    return depth > (this.#named(type).recursion === undefined ? MAX_DEPTH : 1);
  }

  /** Throws TooLarge where one more would lie too deep. */
  #within<T>(type: NamedType, make: () => T): T {
    const refuse = (maxDepth: number): never => {
      throw new TooLarge(`more than ${maxDepth} in each other`);
    };
    return this.#nesting.within(this.#named(type), refuse, make);
  }

  #struct(
    name: string,
    pick: (member: MemberModel, index: number) => unknown,
  ): Record<string, unknown> {
    const value: Record<string, unknown> = {};
    for (const [index, member] of this.#names.struct(name).members.entries()) {
      const picked = pick(member, index);
      if (picked !== undefined) put(value, member.name, picked);
    }
    return value;
  }

  /** A member's value, or that it is absent where it must be. */
  #member(member: MemberModel, make: (type: TypeModel) => unknown): unknown {
    if (!member.optional) return make(member.type);
    return orElse(
      () => make(member.type),
      () => undefined,
    );
  }

  /** The variant of least depth. */
  #firstThatEnds({ variants, recursion }: UnionModel) {
    if (recursion === undefined) return variants[0]!;
    const { head } = recursion;
    return variants.find((v) => !needsHead(v.type, head, this.#lookup)) ?? variants[0]!;
  }

  #least(type: TypeModel): unknown {
    switch (type.kind) {
      case "integer":
        return integerRange(type)[0];
      case "varint":
        return varintRange(type.signed)[0];
      case "float":
        return -LARGEST[type.bytes];
      case "bool":
        return false;
      case "quantised":
        return type.min;
      case "enum":
        return this.#names.enum(type.name).values[0]!.name;
      case "string":
        return "";
      case "bytes":
        return new Uint8Array(0);
      case "list":
        return [];
      case "array":
        return new Array(type.length).fill(this.#least(type.of));
      case "map":
        return new Map();
      case "struct":
        return this.#within(type, () =>
          this.#struct(type.name, (m) => (m.optional ? undefined : this.#least(m.type))),
        );
      case "union":
        return this.#within(type, () => {
          const { name, type: of } = this.#firstThatEnds(this.#names.union(type.name));
          return { kind: name, value: this.#least(of) };
        });
      default:
        return unknownKind(type);
    }
  }

  #most(type: TypeModel, depth: number): unknown {
    const least = (): unknown => this.#least(type);
    switch (type.kind) {
      case "integer":
        return integerRange(type)[1];
      case "varint":
        return varintRange(type.signed)[1];
      case "float":
        return LARGEST[type.bytes];
      case "bool":
        return true;
      case "quantised":
        return type.max;
      case "enum":
        return this.#names.enum(type.name).values.at(-1)!.name;
      case "string":
        return textOf(lengthOf(type.maxBytes, depth));
      case "bytes":
        return bytesOf(lengthOf(type.maxBytes, depth));
      case "list": {
        if (depth > MAX_DEPTH) return [];
        const count = Math.min(type.max, depth === 0 ? 3 : 2);
        if (count === 0) return [];
        return orElse(() => new Array(count).fill(this.#most(type.of, depth + 1)), least);
      }
      case "array":
        if (depth > MAX_DEPTH) return least();
        return new Array(type.length).fill(this.#most(type.of, depth + 1));
      case "map":
        if (depth > MAX_DEPTH || type.max === 0) return new Map();
        return orElse(() => {
          const value = this.#most(type.value, depth + 1);
          const keys = this.#keys(type.key).slice(0, Math.min(type.max, depth === 0 ? 3 : 2));
          return new Map(keys.map((key) => [key, value]));
        }, least);
      case "struct":
        if (this.#isTooDeep(type, depth)) return least();
        return this.#within(type, () =>
          this.#struct(type.name, (m) => this.#member(m, (of) => this.#most(of, depth + 1))),
        );
      case "union": {
        if (this.#isTooDeep(type, depth)) return least();
        const { variants } = this.#names.union(type.name);
        return this.#within(type, () =>
          this.#variant(type.name, variants.at(-1)!, (of) => this.#most(of, depth + 1)),
        );
      }
      default:
        return unknownKind(type);
    }
  }

  #typical(type: TypeModel, depth: number): unknown {
    const least = (): unknown => this.#least(type);
    switch (type.kind) {
      case "integer":
        return usualInteger(type);
      case "varint":
        return 300;
      case "float":
        return rounded(0.1, type.bytes);
      case "bool":
        return true;
      case "quantised":
        return dequantise(type, Math.floor(type.steps / 3));
      case "enum": {
        const { values } = this.#names.enum(type.name);
        return values[Math.floor(values.length / 2)]!.name;
      }
      case "string":
        return textOf(Math.min(type.maxBytes, 4));
      case "bytes":
        return bytesOf(Math.min(type.maxBytes, 3));
      case "list":
        if (depth > MAX_DEPTH || type.max === 0) return [];
        return orElse(() => [this.#typical(type.of, depth + 1)], least);
      case "array":
        if (depth > MAX_DEPTH) return least();
        return new Array(type.length).fill(this.#typical(type.of, depth + 1));
      case "map":
        if (depth > MAX_DEPTH || type.max === 0) return new Map();
        return orElse(
          () =>
            new Map([[this.#typical(type.key, depth + 1), this.#typical(type.value, depth + 1)]]),
          least,
        );
      case "struct":
        if (this.#isTooDeep(type, depth)) return least();
        return this.#within(type, () =>
          this.#struct(type.name, (m) => this.#member(m, (of) => this.#typical(of, depth + 1))),
        );
      case "union": {
        if (this.#isTooDeep(type, depth)) return least();
        const { variants } = this.#names.union(type.name);
        const usual = variants[Math.floor(variants.length / 2)]!;
        return this.#within(type, () =>
          this.#variant(type.name, usual, (of) => this.#typical(of, depth + 1)),
        );
      }
      default:
        return unknownKind(type);
    }
  }

  /** A variant's value; the union's least one where it would lie too deep. */
  #variant(
    union: string,
    variant: UnionModel["variants"][number],
    make: (type: TypeModel) => unknown,
  ): unknown {
    return orElse(
      () => ({ kind: variant.name, value: make(variant.type) }),
      () => {
        const { name, type } = this.#firstThatEnds(this.#names.union(union));
        return { kind: name, value: this.#least(type) };
      },
    );
  }

  /** Up to three keys of a map that differ. */
  #keys(type: TypeModel): unknown[] {
    const keys = [this.#most(type, 1), this.#least(type), this.#typical(type, 1)];
    return [...new Set(keys)];
  }

  /** As many of a recursive type in each other as there may be, down one path; nothing else in it. */
  #deep(type: TypeModel, head: string): unknown {
    const deeper = (of: TypeModel): unknown => this.#deep(of, head);
    if (!this.#reaches(type, head)) return this.#least(type);
    switch (type.kind) {
      case "list":
        return orElse(
          () => (type.max === 0 ? [] : [deeper(type.of)]),
          () => [],
        );
      case "array": {
        const first = deeper(type.of);
        return [first, ...new Array(type.length - 1).fill(this.#least(type.of))];
      }
      case "map":
        return orElse(
          () =>
            type.max === 0 ? new Map() : new Map([[this.#least(type.key), deeper(type.value)]]),
          () => new Map(),
        );
      case "struct": {
        const { members } = this.#names.struct(type.name);
        const path = members.find((m) => this.#reaches(m.type, head));
        return this.#within(type, () =>
          this.#struct(type.name, (m) => {
            if (m === path) return this.#member(m, deeper);
            return m.optional ? undefined : this.#least(m.type);
          }),
        );
      }
      case "union": {
        const { variants } = this.#names.union(type.name);
        const path = variants.find((v) => this.#reaches(v.type, head))!;
        return this.#within(type, () => this.#variant(type.name, path, deeper));
      }
      default:
        return this.#least(type);
    }
  }

  #reaches(type: TypeModel, head: string): boolean {
    if (type.kind === "list" || type.kind === "array") return this.#reaches(type.of, head);
    if (type.kind === "map") return this.#reaches(type.value, head);
    if (type.kind !== "struct" && type.kind !== "union") return false;
    return this.#named(type).recursion?.head === head;
  }

  #memberEdges(member: MemberModel, depth: number): Edge[] {
    const edges = this.#edges(member.type, depth).slice(0, MAX_EDGES - 2);
    if (member.default !== undefined) {
      edges.unshift({ name: "default", value: this.#default(member.type, member.default) });
    }
    if (member.optional) edges.unshift({ name: "absent", value: undefined });
    return edges;
  }

  #default(type: TypeModel, given: string | number | boolean): unknown {
    if (type.kind === "integer" && isBigint(type)) return BigInt(given as string);
    if (type.kind === "float") return rounded(given as number, type.bytes);
    if (type.kind === "quantised") return dequantise(type, quantise(type, given as number));
    return given;
  }

  /** Values at which an encoder or a decoder may go wrong, by name. */
  #edges(type: TypeModel, depth: number): Edge[] {
    const numbers = (...values: readonly (number | bigint)[]): Edge[] =>
      values.map((value) => ({ name: String(value), value }));
    switch (type.kind) {
      case "integer": {
        const [min, max] = integerRange(type);
        const big = isBigint(type);
        const one = big ? 1n : 1;
        if (!type.signed) return numbers(min, one, max);
        return numbers(min, -one, big ? 0n : 0, max);
      }
      case "varint":
        return type.signed
          ? numbers(-(2 ** 52), -65, -64, -1, 0, 63, 64, 2 ** 31, 2 ** 52 - 1)
          : numbers(0, 127, 128, 16_383, 16_384, 2 ** 28, 2 ** 35, MAX_SAFE);
      case "float":
        return numbers(0, 1.5, -2, SMALLEST[type.bytes]);
      case "bool":
        return [false, true].map((value) => ({ name: String(value), value }));
      case "quantised": {
        const steps = [0, 1, Math.floor(type.steps / 2), type.steps - 1, type.steps];
        const used = [...new Set(steps)].filter((step) => step >= 0);
        return used.map((step) => ({ name: `step ${step}`, value: dequantise(type, step) }));
      }
      case "enum":
        return this.#names.enum(type.name).values.map(({ name }) => ({ name, value: name }));
      case "string":
      case "bytes": {
        const lengths = [0, 1, 127, 128, type.maxBytes].filter(
          (n) => n <= lengthOf(type.maxBytes, 0),
        );
        const value = (n: number): unknown => (type.kind === "string" ? textOf(n) : bytesOf(n));
        return [...new Set(lengths)].map((n) => ({ name: `${n} bytes`, value: value(n) }));
      }
      default:
        if (depth > MAX_DEPTH) return [];
        return [
          ...this.#deepEdges(type),
          ...orElse(
            () => this.#holderEdges(type, depth),
            () => [],
          ),
        ];
    }
  }

  /** Where a recursion begins. */
  #deepEdges(type: TypeModel): Edge[] {
    if (type.kind !== "struct" && type.kind !== "union") return [];
    const { name, recursion } = this.#named(type);
    if (recursion?.head !== name) return [];
    const edge = (): Edge[] => [{ name: "as deep as may be", value: this.#deep(type, name) }];
    return orElse(edge, () => []);
  }

  #holderEdges(type: HolderType, depth: number): Edge[] {
    switch (type.kind) {
      case "list": {
        const counts = [0, 2, Math.min(type.max, 130)].filter((n) => n <= type.max && depth === 0);
        const lists = [...new Set(counts)].flatMap((n) => {
          const make = (): Edge[] => {
            const of = n === 0 ? undefined : this.#typical(type.of, depth + 1);
            return [{ name: `${n} elements`, value: new Array(n).fill(of) }];
          };
          return orElse(make, () => []);
        });
        if (type.max === 0) return lists;
        const inner = this.#edges(type.of, depth + 1).slice(0, MAX_EDGES);
        return [...lists, ...inner.map((e) => ({ name: under("[0]", e.name), value: [e.value] }))];
      }
      case "array": {
        const last = type.length - 1;
        const of = this.#typical(type.of, depth + 1);
        return this.#edges(type.of, depth + 1)
          .slice(0, MAX_EDGES)
          .map((edge) => ({
            name: under(`[${last}]`, edge.name),
            value: [...new Array(last).fill(of), edge.value],
          }));
      }
      case "map":
        return this.#mapEdges(type, depth);
      case "struct":
        return this.#within(type, () => {
          const { members, recursion } = this.#names.struct(type.name);
          const edges = members.map((m) => this.#memberEdges(m, depth + 1));
          // What may hold itself has a bound on its bytes, which all edges at once may not keep.
          const rounds = recursion === undefined ? roundsOf(edges, MAX_EDGES) : oneByOne(edges);
          return rounds.map((chosen, round) => ({
            name: `edges, round ${round + 1}`,
            value: this.#struct(type.name, (member, i) => {
              const edge = chosen[i];
              if (edge !== undefined) return edge.value;
              return this.#member(member, (of) => this.#typical(of, depth + 1));
            }),
          }));
        });
      case "union":
        return this.#within(type, () => this.#unionEdges(type.name, depth));
      default:
        return unknownKind(type);
    }
  }

  #mapEdges(type: Extract<TypeModel, { kind: "map" }>, depth: number): Edge[] {
    const empty: Edge = { name: "0 entries", value: new Map() };
    if (type.max === 0) return [empty];
    const value = this.#typical(type.value, depth + 1);
    const key = this.#typical(type.key, depth + 1);
    const keys = this.#edges(type.key, depth + 1).slice(0, MAX_EDGES);
    const all = [...new Set([...this.#keys(type.key), ...keys.map((edge) => edge.value)])];
    const full = all.slice(0, type.max);
    const values = this.#edges(type.value, depth + 1).slice(0, MAX_EDGES);
    return [
      empty,
      { name: `${full.length} entries`, value: new Map(full.map((one) => [one, value])) },
      ...keys.map((e) => ({ name: under("[0].key", e.name), value: new Map([[e.value, value]]) })),
      ...values.map((e) => ({
        name: under("[0].value", e.name),
        value: new Map([[key, e.value]]),
      })),
    ];
  }

  /** Each variant, then the edges of each. */
  #unionEdges(union: string, depth: number): Edge[] {
    const { variants, recursion } = this.#names.union(union);
    const usual = variants.flatMap((variant): Edge[] =>
      orElse(
        () => [
          {
            name: variant.name,
            value: { kind: variant.name, value: this.#typical(variant.type, depth + 1) },
          },
        ],
        () => [],
      ),
    );
    if (recursion !== undefined || depth > 1) return usual;
    const inner = variants.flatMap(({ name, type }) =>
      this.#edges(type, depth + 1)
        .slice(0, 4)
        .map((e) => ({ name: under(`.${name}`, e.name), value: { kind: name, value: e.value } })),
    );
    return [...usual, ...inner];
  }
}

type NamedType = Extract<TypeModel, { kind: "struct" | "union" }>;
type HolderType = Extract<TypeModel, { kind: "list" | "array" | "map" | "struct" | "union" }>;

function under(part: string, name: string): string {
  return name.startsWith(".") || name.startsWith("[") ? part + name : `${part}: ${name}`;
}
