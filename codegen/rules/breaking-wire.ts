/**
 * The last word on two versions: the wire form of what both have. Both models are cut down to the channels, and the groups
 * of `since`, that both know; what is then hashed differently, no rule has explained. Only for models without a known
 * break: types that do not match are taken to differ. Worst case: each pair of types once.
 */

import type { Definition } from "../kinds/kind.ts";
import {
  type DefinedLists,
  type DefinedType,
  definedKinds,
  isDefined,
  kindOf,
} from "../kinds/kinds.ts";
import { canonicalJson } from "../model/canonical.ts";
import { wireForm } from "../model/hash.ts";
import { Lookup } from "../model/lookup.ts";
import type { ChannelModel, Model, StructModel, TypeModel, UnionModel } from "../model/model.ts";

/** Whether the wire differs in what both have. Left to the rules: bounds and slices of channels, and the zero messages. */
export function wireDiffers(
  older: Model,
  newer: Model,
  channels: ReadonlyMap<ChannelModel, ChannelModel>,
): boolean {
  const common = new Common(older, newer);
  const kept = older.channels.flatMap((was) => {
    const is = channels.get(was);
    return is === undefined ? [] : [common.channel(was, is)];
  });
  const form = (side: 0 | 1): string => {
    const model = { ...[older, newer][side]!, channels: kept.map((pair) => pair[side]) };
    const types = {
      structs: common.structs.map((pair) => pair[side]),
      unions: common.unions.map((pair) => pair[side]),
      ...common.definitions(side),
    };
    const whole = wireForm({ ...model, ...types }) as Record<string, unknown>;
    return canonicalJson({ ...whole, zero: undefined });
  };
  return form(0) !== form(1);
}

type Pair<T> = readonly [older: T, newer: T];

/** Two models as one set of pairs of types; a pair has one name, so that a type may have several partners. */
class Common {
  readonly structs: Pair<StructModel>[] = [];
  readonly unions: Pair<UnionModel>[] = [];
  readonly #defined: { readonly list: string; readonly pair: Pair<Definition> }[] = [];
  readonly #older: Model;
  readonly #newer: Model;
  readonly #seen = new Set<string>();

  constructor(older: Model, newer: Model) {
    this.#older = older;
    this.#newer = newer;
  }

  channel(was: ChannelModel, is: ChannelModel): Pair<ChannelModel> {
    const [{ name: message }] = this.#struct(was.message, is.message);
    return [
      { ...was, message, maxBytes: 0, fragment: was.numbered },
      { ...is, message, maxBytes: 0, fragment: is.numbered },
    ];
  }

  #struct(olderName: string, newerName: string): Pair<TypeModel & { name: string }> {
    const name = `struct ${olderName} ${newerName}`;
    if (!this.#seen.has(name)) {
      this.#seen.add(name);
      const was = Lookup.of(this.#older).struct(olderName);
      const is = Lookup.of(this.#newer).struct(newerName);
      const [before, after] = this.#parts(known(was, is), known(is, was));
      this.structs.push([
        { ...named(name, was, is), members: before },
        { ...named(name, is, was), members: after },
      ]);
    }
    return same({ kind: "struct", name });
  }

  #union(olderName: string, newerName: string): Pair<TypeModel> {
    const name = `union ${olderName} ${newerName}`;
    if (!this.#seen.has(name)) {
      this.#seen.add(name);
      const was = Lookup.of(this.#older).union(olderName);
      const is = Lookup.of(this.#newer).union(newerName);
      const [before, after] = this.#parts(was.variants, is.variants);
      this.unions.push([
        { ...named(name, was, is), variants: before },
        { ...named(name, is, was), variants: after },
      ]);
    }
    return same({ kind: "union", name });
  }

  definitions(side: 0 | 1): DefinedLists {
    const lists = definedKinds.map(({ list }) => {
      const own = this.#defined.filter((one) => one.list === list);
      return [list, own.map(({ pair }) => pair[side])];
    });
    return Object.fromEntries(lists) as DefinedLists;
  }

  #definition(was: DefinedType, is: DefinedType): Pair<TypeModel> {
    const name = `${was.kind} ${was.name} ${is.name}`;
    if (!this.#seen.has(name)) {
      this.#seen.add(name);
      const before = Lookup.of(this.#older).definition(was.name);
      const after = Lookup.of(this.#newer).definition(is.name);
      const pair: Pair<Definition> = [
        { ...before, name },
        { ...after, name },
      ];
      this.#defined.push({ list: kindOf(was).list, pair });
    }
    return [
      { ...was, name },
      { ...is, name },
    ];
  }

  /** Members or variants at the same place. */
  #parts<T extends { readonly type: TypeModel }>(
    was: readonly T[],
    is: readonly T[],
  ): Pair<readonly T[]> {
    const types = Array.from({ length: Math.max(was.length, is.length) }, (_, i) =>
      this.#type(was[i]?.type, is[i]?.type),
    );
    return [
      was.map((part, i) => ({ ...part, type: types[i]![0] })),
      is.map((part, i) => ({ ...part, type: types[i]![1] })),
    ];
  }

  #type(was: TypeModel | undefined, is: TypeModel | undefined): Pair<TypeModel> {
    if (was === undefined || was.kind !== is?.kind) return different;
    if (was.kind === "struct") return this.#struct(was.name, (is as typeof was).name);
    if (was.kind === "union") return this.#union(was.name, (is as typeof was).name);
    if (isDefined(was)) return this.#definition(was, is as typeof was);
    if (was.kind === "list" || was.kind === "array") {
      const [before, after] = this.#type(was.of, (is as typeof was).of);
      return [{ ...was, of: before }, { ...is, of: after } as TypeModel];
    }
    if (was.kind !== "map") return [was, is];
    const now = is as typeof was;
    const [key, keyNow] = this.#type(was.key, now.key);
    const [value, valueNow] = this.#type(was.value, now.value);
    return [
      { ...was, key, value },
      { ...now, key: keyNow, value: valueNow },
    ];
  }
}

/** Two types of which no member of one version is taken for a member of the other. */
const different: Pair<TypeModel> = [
  { kind: "bool", bits: 1 },
  { kind: "varint", signed: false },
];

function same<T>(value: T): Pair<T> {
  return [value, value];
}

/** The members of `side` that `other` may know: without the groups that come behind its last. */
function known(side: StructModel, other: StructModel): readonly StructModel["members"][number][] {
  if (side.extensible === undefined || other.extensible === undefined) return side.members;
  const more = side.extensible.groups[other.extensible.groups.length];
  return side.members.slice(0, more?.first);
}

/** Under the pair's name. A circle that only one of them has is a rule's to judge: it goes through what was left out. */
function named<T extends StructModel | UnionModel>(name: string, side: T, other: T): T {
  const { recursion, ...rest } = side;
  if (recursion === undefined || other.recursion === undefined) return { ...rest, name } as T;
  const head = recursion.head === side.name ? name : "";
  return { ...side, name, recursion: { ...recursion, head } };
}
