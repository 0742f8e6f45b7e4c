/**
 * The types of a model by name, and the ways through them: the parts that a type is made of, and all that it comes to.
 * What a type holds is answered here. Worst case: linear in the types.
 */
import type { Definition, Definitions } from "../kinds/kind.ts";
import { type DefinedLists, definedKinds } from "../kinds/kinds.ts";
import type {
  GroupModel,
  MemberModel,
  Model,
  StructModel,
  TypeModel,
  UnionModel,
  VariantModel,
} from "./model.ts";

export type NamedType = Extract<TypeModel, { kind: "struct" | "union" }>;
/** A struct or a union. */
export type Named = StructModel | UnionModel;
type Types = Pick<Model, "structs" | "unions"> & DefinedLists;

export class Lookup implements Definitions {
  static readonly #known = new WeakMap<Types, Lookup>();
  readonly #structs: ReadonlyMap<string, StructModel>;
  readonly #unions: ReadonlyMap<string, UnionModel>;
  readonly #definitions: ReadonlyMap<string, Definition>;

  private constructor(model: Types) {
    this.#structs = byName(model.structs);
    this.#unions = byName(model.unions);
    this.#definitions = byName(definedKinds.flatMap(({ list }) => model[list]));
  }

  /** Made once for each model. */
  static of(model: Types): Lookup {
    const found = Lookup.#known.get(model) ?? new Lookup(model);
    Lookup.#known.set(model, found);
    return found;
  }

  struct(name: string): StructModel {
    return this.#structs.get(name) ?? missing("struct", name);
  }

  union(name: string): UnionModel {
    return this.#unions.get(name) ?? missing("union", name);
  }

  definition(name: string): Definition {
    return this.#definitions.get(name) ?? missing("definition", name);
  }

  named({ kind, name }: NamedType): Named {
    return kind === "struct" ? this.struct(name) : this.union(name);
  }
}

function byName<T extends { readonly name: string }>(list: readonly T[]): ReadonlyMap<string, T> {
  return new Map(list.map((one) => [one.name, one]));
}

function missing(what: string, name: string): never {
  throw new Error(`the model has no ${what} ${name}`);
}

export function isNamed(type: TypeModel): type is NamedType {
  return type.kind === "struct" || type.kind === "union";
}

/** The types that stand in a type itself, not by name: keys before values. */
export function innerTypes(type: TypeModel): readonly TypeModel[] {
  switch (type.kind) {
    case "list":
    case "array":
      return [type.of];
    case "map":
      return [type.key, type.value];
    default:
      return [];
  }
}

/** The type and all that stand in it, not through structs and unions. */
export function* withInner(type: TypeModel): Generator<TypeModel> {
  yield type;
  for (const inner of innerTypes(type)) yield* withInner(inner);
}

/** Members of a struct, variants of a union. */
export function partsOf(named: StructModel): readonly MemberModel[];
export function partsOf(named: Named): readonly (MemberModel | VariantModel)[];
export function partsOf(named: Named): readonly (MemberModel | VariantModel)[] {
  return "variants" in named ? named.variants : named.members;
}

/** The variant whose name is the `kind` of a union's value. */
export function variantOf(union: UnionModel, kind: string): VariantModel {
  return union.variants.find(({ name }) => name === kind) ?? missing("variant", kind);
}

/** The types that a type is made of: those that stand in it, or those of its members or variants. */
export function heldBy(type: TypeModel, lookup: Lookup): readonly TypeModel[] {
  return isNamed(type) ? partsOf(lookup.named(type)).map((part) => part.type) : innerTypes(type);
}

/**
 * Structs and unions that these types come to, the outer ones first, each once. `next` says where to go on from a type:
 * without one, to all that it is made of.
 */
export function reachedFrom(
  types: Iterable<TypeModel>,
  lookup: Lookup,
  next: (type: TypeModel, lookup: Lookup) => readonly TypeModel[] = heldBy,
): Named[] {
  const found = new Map<string, Named>();
  const visit = (type: TypeModel): void => {
    if (isNamed(type)) {
      if (found.has(type.name)) return;
      found.set(type.name, lookup.named(type));
    }
    for (const inner of next(type, lookup)) visit(inner);
  };
  for (const type of types) visit(type);
  return [...found.values()];
}

/** Members of a struct that are laid out together: those of the first version, then each group that was added. */
export interface MemberGroup {
  readonly members: readonly MemberModel[];
  readonly bitBlockBytes: number;
  /** Missing for the first version's. */
  readonly group?: GroupModel;
}

export function groupsOf({ members, bitBlockBytes, extensible }: StructModel): MemberGroup[] {
  const groups = extensible?.groups ?? [];
  return [
    { members: members.slice(0, groups[0]?.first), bitBlockBytes },
    ...groups.map((group) => ({
      members: members.slice(group.first, group.first + group.count),
      bitBlockBytes: group.bitBlockBytes,
      group,
    })),
  ];
}

/** Whether an older writer's value may be shorter than any of ours: what is extensible, or holds what is. */
export function grows(type: TypeModel, lookup: Lookup): boolean {
  return reachedFrom([type], lookup).some((n) => "extensible" in n && n.extensible !== undefined);
}
