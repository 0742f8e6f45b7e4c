/**
 * The value that `default` gives a member which an older writer does not have. Not the zero values of types without one:
 * the emitters know those. Only numbers, bools, strings and enums can be given.
 */
import type { MemberAst } from "../spec/ast.ts";
import type { Diagnostics } from "../spec/diagnostics.ts";
import { describeNode } from "../spec/node.ts";
import type { EnumModel, TypeModel } from "./model.ts";

type Value = string | number | boolean;

/** Undefined after a diagnostic. A bigint is given as decimal text. */
export function defaultOf(
  member: MemberAst,
  type: TypeModel,
  enums: ReadonlyMap<string, EnumModel>,
  d: Diagnostics,
): Value | undefined {
  const { node, span } = member.default!;
  const refuse = (problem: string): undefined => {
    d.report("SD1321", span, { name: member.name, problem });
    return undefined;
  };
  if (member.since === undefined) return refuse("only a member with `since` can be missing");
  if (member.optional) return refuse("an optional member is absent where it is missing");
  const given = node.kind === "scalar" ? node.value : null;
  const expected = expectation(type, enums);
  if (expected === undefined) return refuse(`a ${type.kind} cannot have one, it begins empty`);
  const value = accept(type, given, enums);
  return value ?? refuse(`must be ${expected}, not ${describeNode(node)}`);
}

function bounds(type: Extract<TypeModel, { kind: "integer" | "varint" }>): [bigint, bigint] {
  if (type.kind === "varint") return type.signed ? [-(2n ** 52n), 2n ** 52n - 1n] : [0n, MAX_SAFE];
  const bits = BigInt(type.bytes * 8);
  const low = type.signed ? -(2n ** (bits - 1n)) : 0n;
  const high = low + 2n ** bits - 1n;
  if (type.as !== "number") return [low, high];
  return [type.signed ? -MAX_SAFE : 0n, MAX_SAFE];
}

const MAX_SAFE = 2n ** 53n - 1n;

function expectation(type: TypeModel, enums: ReadonlyMap<string, EnumModel>): string | undefined {
  switch (type.kind) {
    case "integer":
    case "varint": {
      const [low, high] = bounds(type);
      const far = type.kind === "integer" && type.bytes === 8 ? " (large ones in quotes)" : "";
      return `a whole number from ${low} to ${high}${far}`;
    }
    case "float":
      return `a number that ${type.bytes * 8} bits can hold`;
    case "quantised":
      return `${type.integer ? "a whole number" : "a number"} from ${type.min} to ${type.max}`;
    case "bool":
      return "true or false";
    case "string":
      return `text of at most ${type.maxBytes} bytes`;
    case "enum": {
      const names = enums.get(type.name)?.values.map((v) => v.name) ?? [];
      return `one of ${names.slice(0, 12).join(", ")}`;
    }
    default:
      return undefined;
  }
}

function accept(
  type: TypeModel,
  given: Value | null,
  enums: ReadonlyMap<string, EnumModel>,
): Value | undefined {
  switch (type.kind) {
    case "integer":
    case "varint": {
      const wide = type.kind === "integer" && type.bytes === 8 && type.as !== "number";
      const digits = wide && typeof given === "string" && /^-?\d{1,20}$/.test(given);
      if (!digits && !Number.isSafeInteger(given)) return undefined;
      const value = BigInt(given as string | number);
      const [low, high] = bounds(type);
      if (value < low || value > high) return undefined;
      return wide ? String(value) : Number(value);
    }
    case "float": {
      if (typeof given !== "number" || !Number.isFinite(given)) return undefined;
      if (type.bytes === 8) return given;
      return Math.abs(given) < (type.bytes === 4 ? 3.4028235677973366e38 : 65520)
        ? given
        : undefined;
    }
    case "quantised":
      if (typeof given !== "number" || !(given >= type.min && given <= type.max)) return undefined;
      return type.integer && !Number.isInteger(given) ? undefined : given;
    case "bool":
      return typeof given === "boolean" ? given : undefined;
    case "string": {
      if (typeof given !== "string" || /\p{Surrogate}/u.test(given)) return undefined;
      return new TextEncoder().encode(given).length <= type.maxBytes ? given : undefined;
    }
    case "enum":
      return enums.get(type.name)?.values.some((v) => v.name === given) ? given! : undefined;
    default:
      return undefined;
  }
}
