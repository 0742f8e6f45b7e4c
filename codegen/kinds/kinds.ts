/**
 * The one table of leaf kinds: a kind that stands here is known everywhere, and one that lacks something does not compile.
 * How types hold each other is not theirs: structs, lists, arrays, maps and unions are model/model.ts's.
 */
import { type BoolType, bool } from "./bool.ts";
import { type BytesType, bytes } from "./bytes.ts";
import { type EnumType, enumeration } from "./enum.ts";
import { type FlagsType, flags } from "./flags.ts";
import { type FloatType, float } from "./float.ts";
import { type IntegerType, integer } from "./integer.ts";
import type {
  AnyLeaf,
  BitKind,
  DefinedKind,
  Definition,
  FixedKind,
  Kind,
  SpecName,
  VaryingKind,
} from "./kind.ts";
import { type QuantisedType, quantised } from "./quantised.ts";
import { type StringType, string } from "./string.ts";
import { type VarintType, varint } from "./varint.ts";

/** Types that live in the bit block of the struct (or list element) around them. */
export type BitType = BoolType | QuantisedType | EnumType | FlagsType;
/** Types that always take `bytes` whole bytes. */
export type FixedType = IntegerType | FloatType;
/** Types that say themselves where they end. */
export type VaryingType = VarintType | StringType | BytesType;
export type LeafType = BitType | FixedType | VaryingType;

/** Types that a spec defines by name. */
export type DefinedType = Extract<LeafType, { readonly name: string }>;
/** Lists of a model that have what a spec defines. */
export type DefinedList = (typeof enumeration | typeof flags)["list"];

type KindOf<T extends LeafType> = T extends DefinedType
  ? BitKind<T> & DefinedKind<DefinedList>
  : T extends BitType
    ? BitKind<T>
    : T extends FixedType
      ? FixedKind<T>
      : VaryingKind<T>;

/** In the order in which a diagnostic lists their names. */
export const kinds: { readonly [T in LeafType as T["kind"]]: KindOf<T> } = {
  integer,
  varint,
  float,
  bool,
  quantised,
  string,
  bytes,
  enum: enumeration,
  flags,
};

const all: Readonly<Record<LeafType["kind"], Kind<LeafType>>> = kinds;

/** What is particular to a leaf. */
export function kindOf(type: DefinedType): BitKind<BitType> & DefinedKind<DefinedList>;
export function kindOf(type: BitType): BitKind<BitType>;
export function kindOf(type: FixedType): FixedKind<FixedType>;
export function kindOf(type: VaryingType): VaryingKind<VaryingType>;
export function kindOf(type: LeafType): Kind<LeafType>;
export function kindOf({ kind }: LeafType): Kind<LeafType> {
  return all[kind];
}

export function isLeaf(type: AnyLeaf): type is LeafType {
  return Object.hasOwn(kinds, type.kind);
}

export function isBits(type: AnyLeaf): type is BitType {
  return "bits" in type;
}

export function isFixed(type: AnyLeaf): type is FixedType {
  return isLeaf(type) && kindOf(type).shape === "fixed";
}

export function isDefined(type: AnyLeaf): type is DefinedType {
  return isBits(type) && "name" in type;
}

/** What a model has of them, by name. */
export type DefinedLists = { readonly [L in DefinedList]: readonly Definition[] };

export const definedKinds: readonly (DefinedKind<DefinedList> & Pick<Kind<LeafType>, "names">)[] =
  Object.values(kinds).flatMap((kind) => ("declarations" in kind ? [kind] : []));

/** Names of the type language under which there are names of the spec's own, and no types. */
export const definitionNames: readonly string[] = definedKinds.flatMap(({ names }) =>
  Object.keys(names),
);

/** The leaf of a name without options that no bound of a spec completes, such as `u16`. */
export function bareLeaf(name: string): LeafType | undefined {
  const type = leafNames.get(name)?.bare?.({ defaultMaxStringBytes: 0, defaultMaxBytesBytes: 0 });
  return type !== undefined && isLeaf(type) ? type : undefined;
}

/** Every name of the type language that makes a leaf, with the kind whose name it is. */
export const leafNames: ReadonlyMap<string, SpecName<AnyLeaf> & { readonly kind: string }> =
  new Map(
    Object.entries(all).flatMap(([kind, { names }]) =>
      Object.entries(names).map(([name, how]) => [name, { ...how, kind }] as const),
    ),
  );
