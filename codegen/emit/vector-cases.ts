/**
 * Which values of a message are worth a golden vector: the least, the largest that stays readable, a usual one, and
 * rounds in which every member is at an edge, until each has been at each of its edges and no two members of a type were
 * always the same; recursive types once as deep as they may be. The same model gives the same cases, in the same order.
 * Worst case: MAX_CASES of each message, whatever its types; a case may be too long for its type or channel, which
 * whoever writes it notices, and takes the round `apart`.
 */
import { Nesting } from "../bytes/nesting.ts";
import { TooLarge } from "../bytes/sink.ts";
import { put } from "../interpret/values.ts";
import { writeMessage } from "../interpret/write-message.ts";
import type { Edge, Given } from "../kinds/kind.ts";
import { isLeaf, kindOf, type LeafType } from "../kinds/kinds.ts";
import { isNamed, type Lookup, type NamedType, withInner } from "../model/lookup.ts";
import type { MemberModel, TypeModel, UnionModel } from "../model/model.ts";
import { firstThatEnds } from "./layout.ts";
import { oneByOne, roundsOf } from "./vector-rounds.ts";

export interface Case {
  readonly name: string;
  readonly value: Record<string, unknown>;
  /** For a round that is too long: its edges one by one, the other members as usual. */
  readonly apart?: () => readonly Case[];
}

/** Most cases of one message. */
const MAX_CASES = 64;
/** Most edges of a member, for a struct or a list with those of the members inside it. */
const MAX_EDGES = 24;
/** Strings, bytes and lists grow no longer than this. */
const MAX_LENGTH = 300;
/** Structs and lists in each other, of which more than the least is shown. */
const MAX_DEPTH = 4;

function lengthOf(depth: number): number {
  return depth === 0 ? MAX_LENGTH : 9;
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
  readonly #lookup: Lookup;
  readonly #nesting = new Nesting();

  constructor(lookup: Lookup) {
    this.#lookup = lookup;
  }

  casesOf(struct: string): Case[] {
    const self: TypeModel = { kind: "struct", name: struct };
    const of = (name: string, value: unknown): Case => ({
      name,
      value: value as Record<string, unknown>,
    });
    const { members } = this.#lookup.struct(struct);
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
        writeMessage(this.#lookup, type.name, usual);
        return usual;
      },
      () => this.#least(type),
    );
  }

  /** Whether to show only the least of it; what holds itself many times over would grow with each level. */
  #isTooDeep(type: NamedType, depth: number): boolean {
    return depth > (this.#lookup.named(type).recursion === undefined ? MAX_DEPTH : 1);
  }

  /** Throws TooLarge where one more would lie too deep. */
  #within<T>(type: NamedType, make: () => T): T {
    const refuse = (maxDepth: number): never => {
      throw new TooLarge(`more than ${maxDepth} in each other`);
    };
    return this.#nesting.within(this.#lookup.named(type), refuse, make);
  }

  #struct(
    name: string,
    pick: (member: MemberModel, index: number) => unknown,
  ): Record<string, unknown> {
    const value: Record<string, unknown> = {};
    for (const [index, member] of this.#lookup.struct(name).members.entries()) {
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

  #least(type: TypeModel): unknown {
    if (isLeaf(type)) return kindOf(type).least(type, this.#lookup);
    switch (type.kind) {
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
          const { name, type: of } = firstThatEnds(this.#lookup.union(type.name), this.#lookup);
          return { kind: name, value: this.#least(of) };
        });
    }
  }

  #most(type: TypeModel, depth: number): unknown {
    const least = (): unknown => this.#least(type);
    if (isLeaf(type)) return kindOf(type).most(type, this.#lookup, lengthOf(depth));
    switch (type.kind) {
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
        const { variants } = this.#lookup.union(type.name);
        return this.#within(type, () =>
          this.#variant(type.name, variants.at(-1)!, (of) => this.#most(of, depth + 1)),
        );
      }
    }
  }

  #typical(type: TypeModel, depth: number): unknown {
    const least = (): unknown => this.#least(type);
    if (isLeaf(type)) return kindOf(type).usual(type, this.#lookup);
    switch (type.kind) {
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
        const { variants } = this.#lookup.union(type.name);
        const usual = variants[Math.floor(variants.length / 2)]!;
        return this.#within(type, () =>
          this.#variant(type.name, usual, (of) => this.#typical(of, depth + 1)),
        );
      }
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
        const { name, type } = firstThatEnds(this.#lookup.union(union), this.#lookup);
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
        const { members } = this.#lookup.struct(type.name);
        const path = members.find((m) => this.#reaches(m.type, head));
        return this.#within(type, () =>
          this.#struct(type.name, (m) => {
            if (m === path) return this.#member(m, deeper);
            return m.optional ? undefined : this.#least(m.type);
          }),
        );
      }
      case "union": {
        const { variants } = this.#lookup.union(type.name);
        const path = variants.find((v) => this.#reaches(v.type, head))!;
        return this.#within(type, () => this.#variant(type.name, path, deeper));
      }
      default:
        return this.#least(type);
    }
  }

  /** Whether it is of the recursion of `head`, or stands around what is. */
  #reaches(type: TypeModel, head: string): boolean {
    return [...withInner(type)].some(
      (inner) => isNamed(inner) && this.#lookup.named(inner).recursion?.head === head,
    );
  }

  #memberEdges(member: MemberModel, depth: number): Edge[] {
    const edges = this.#edges(member.type, depth).slice(0, MAX_EDGES - 2);
    if (member.default !== undefined) {
      edges.unshift({ name: "default", value: this.#given(member.type, member.default) });
    }
    if (member.optional) edges.unshift({ name: "absent", value: undefined });
    return edges;
  }

  #given(type: TypeModel, given: Given): unknown {
    return isLeaf(type) ? kindOf(type).given(type, given) : given;
  }

  /** Values at which an encoder or a decoder may go wrong, by name. */
  #edges(type: TypeModel, depth: number): Edge[] {
    if (isLeaf(type)) return kindOf(type).edges(type, this.#lookup, lengthOf(0));
    if (depth > MAX_DEPTH) return [];
    return [
      ...this.#deepEdges(type),
      ...orElse(
        () => this.#holderEdges(type, depth),
        () => [],
      ),
    ];
  }

  /** Where a recursion begins. */
  #deepEdges(type: TypeModel): Edge[] {
    if (type.kind !== "struct" && type.kind !== "union") return [];
    const { name, recursion } = this.#lookup.named(type);
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
          const { members, recursion } = this.#lookup.struct(type.name);
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
    const { variants, recursion } = this.#lookup.union(union);
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

type HolderType = Exclude<TypeModel, LeafType>;

function under(part: string, name: string): string {
  return name.startsWith(".") || name.startsWith("[") ? part + name : `${part}: ${name}`;
}
