/**
 * What a message of one version means to a peer of another, from the two models alone: what has the same name is the same
 * thing; what has a new name at the same place was renamed; what the writer lacks is its default; what the reader lacks
 * is dropped. Says nothing about bytes, and knows no generated code.
 */
import type { MemberModel, Model, TypeModel } from "#codegen/model/model.js";

/** A type where its names mean something. */
interface Typed {
  readonly model: Model;
  readonly type: TypeModel;
}

type Pair = readonly [from: Typed, to: Typed];
type Of<K extends TypeModel["kind"]> = Extract<TypeModel, { kind: K }>;

/** Where the types do not match, the value as it is: whoever reads something else reads it wrong. */
export function translated(value: unknown, [from, to]: Pair): unknown {
  if (value === undefined || from.type.kind !== to.type.kind) return value;
  const inner = (item: unknown, pick: (type: TypeModel) => TypeModel) =>
    translated(item, [
      { ...from, type: pick(from.type) },
      { ...to, type: pick(to.type) },
    ]);
  switch (from.type.kind) {
    case "struct":
      return struct(value as Record<string, unknown>, [from, to]);
    case "union":
      return union(value as { kind: string; value: unknown }, [from, to]);
    case "enum": {
      const was = from.model.enums.find((e) => e.name === (from.type as Of<"enum">).name)!;
      const is = to.model.enums.find((e) => e.name === (to.type as Of<"enum">).name)!;
      return renamed(value as string, was.values, is.values, (choice) => choice.value);
    }
    case "flags": {
      const was = from.model.flags.find((f) => f.name === (from.type as Of<"flags">).name)!;
      const is = to.model.flags.find((f) => f.name === (to.type as Of<"flags">).name)!;
      return was.values
        .filter((flag) => (value as number) & (2 ** flag.value))
        .map(({ name, value: place }) => is.values.find((f) => f.name === name)?.value ?? place)
        .reduce((sum, place) => sum + 2 ** place, 0);
    }
    case "list":
    case "array":
      return (value as unknown[]).map((item) => inner(item, (type) => (type as Of<"list">).of));
    case "map":
      return new Map(
        [...(value as Map<unknown, unknown>)].map(([k, v]) => [
          inner(k, (type) => (type as Of<"map">).key),
          inner(v, (type) => (type as Of<"map">).value),
        ]),
      );
    default:
      return value;
  }
}

/** A name in the other version: the same, or the one that came to its number. */
function renamed<T extends { readonly name: string }>(
  name: string,
  was: readonly T[],
  is: readonly T[],
  numberOf: (choice: T) => number,
): string {
  if (is.some((choice) => choice.name === name)) return name;
  const number = numberOf(was.find((choice) => choice.name === name)!);
  return is.find((choice) => numberOf(choice) === number)?.name ?? name;
}

function union({ kind, value }: { kind: string; value: unknown }, [from, to]: Pair): unknown {
  const variantsOf = ({ model, type }: Typed) =>
    model.unions.find((u) => u.name === (type as Of<"union">).name)!.variants;
  const was = variantsOf(from);
  const is = variantsOf(to);
  const name = renamed(kind, was, is, (variant) => variant.tag);
  const before = was.find((variant) => variant.name === kind)!;
  const after = is.find((variant) => variant.name === name);
  if (after === undefined) return { kind, value };
  const types: Pair = [
    { ...from, type: before.type },
    { ...to, type: after.type },
  ];
  return { kind: name, value: translated(value, types) };
}

function struct(value: Record<string, unknown>, [from, to]: Pair): unknown {
  const membersOf = ({ model, type }: Typed) =>
    model.structs.find((s) => s.name === (type as Of<"struct">).name)!.members;
  const was = membersOf(from);
  const is = membersOf(to);
  const has = (members: readonly MemberModel[], name?: string) =>
    members.some((member) => member.name === name);
  return Object.fromEntries(
    is.map((member, i) => {
      const there = has(was, was[i]?.name) && !has(is, was[i]?.name) ? was[i] : undefined;
      const origin = was.find(({ name }) => name === member.name) ?? there;
      if (origin === undefined) return [member.name, missing(member, to.model)];
      const types: Pair = [
        { ...from, type: origin.type },
        { ...to, type: member.type },
      ];
      return [member.name, translated(value[origin.name], types)];
    }),
  );
}

/** What a member is where the writer's version does not have it. */
function missing({ default: given, optional, type }: MemberModel, model: Model): unknown {
  if (given === undefined) return optional ? undefined : zero(type, model);
  if (type.kind === "integer" && type.bytes === 8 && type.as === undefined) return BigInt(given);
  if (type.kind === "quantised") return nearest(type, given as number);
  if (type.kind === "float" && type.bytes === 4) return Math.fround(given as number);
  return given;
}

function zero(type: TypeModel, model: Model): unknown {
  switch (type.kind) {
    case "integer":
      return type.bytes === 8 && type.as === undefined ? 0n : 0;
    case "varint":
    case "float":
    case "flags":
      return 0;
    case "quantised":
      return nearest(type, Math.min(type.max, Math.max(type.min, 0)));
    case "bool":
      return false;
    case "enum":
      return model.enums.find(({ name }) => name === type.name)!.values[0]!.name;
    case "string":
      return "";
    case "bytes":
      return new Uint8Array(0);
    case "list":
      return [];
    case "array":
      return Array.from({ length: type.length }, () => zero(type.of, model));
    case "map":
      return new Map();
    case "union": {
      const { name, type: inner } = model.unions.find((u) => u.name === type.name)!.variants[0]!;
      return { kind: name, value: zero(inner, model) };
    }
    case "struct": {
      const { members } = model.structs.find((s) => s.name === type.name)!;
      return Object.fromEntries(members.map((m) => [m.name, missing(m, model)]));
    }
  }
}

/** The step of a range that is nearest to a value. */
function nearest({ min, max, steps }: Of<"quantised">, value: number): number {
  const index = Math.round(((value - min) / (max - min)) * steps);
  return index === steps ? max : min + (index / steps) * (max - min);
}
