/**
 * The number types: plain, bounded integers and quantised floats. What they take on the wire is decided here, because
 * nothing else of the spec is needed for it.
 */
import type { TypeModel } from "../model/model.ts";
import type { Diagnostics } from "./diagnostics.ts";
import { suggest } from "./distance.ts";
import { Fields } from "./fields.ts";
import { type MapNode, quote } from "./node.ts";
import type { Span } from "./source.ts";

const integerBytes = { u8: 1, u16: 2, u32: 4, u64: 8, i8: 1, i16: 2, i32: 4, i64: 8 } as const;
type IntegerName = keyof typeof integerBytes;

/** Scalars that are written as a bare name. */
export const scalarTypes: ReadonlyMap<string, TypeModel> = new Map<string, TypeModel>([
  ...Object.entries(integerBytes).map(([name, bytes]): [string, TypeModel] => [
    name,
    { kind: "integer", bytes, signed: name.startsWith("i") },
  ]),
  ["varint", { kind: "varint", signed: false }],
  ["svarint", { kind: "varint", signed: true }],
  ["f16", { kind: "float", bytes: 2 }],
  ["f32", { kind: "float", bytes: 4 }],
  ["f64", { kind: "float", bytes: 8 }],
  ["bool", { kind: "bool", bits: 1 }],
]);

/** Scalars that take options as an object: `{ u8: { min: 0, max: 100 } }`. */
export const numberKeys: readonly string[] = [...Object.keys(integerBytes), "varint", "f32", "f64"];

/** `options` of `{ <name>: options }`; undefined after a diagnostic. */
export function parseNumber(name: string, options: MapNode, d: Diagnostics): TypeModel | undefined {
  const fields = new Fields(options, `\`${name}\``, d);
  if (name === "varint") {
    const signed = fields.bool("signed") ?? false;
    fields.finish();
    return { kind: "varint", signed };
  }
  if (name === "u64" || name === "i64") return parseWide(name, fields, d);
  if (name === "f32" || name === "f64") return parseQuantised(fields, d);
  return parseBounded(name as IntegerName, fields, options.span, d);
}

function parseWide(name: "u64" | "i64", fields: Fields, d: Diagnostics): TypeModel {
  const as = fields.text("as");
  fields.finish();
  if (as !== undefined && as !== "number" && as !== "bigint") {
    const params = { value: quote(as), what: "what 64 bits can be in TypeScript" };
    const suggestion = suggest(as, ["number", "bigint"]);
    d.report("SD1108", fields.entry("as")!.value.span, params, { suggestion });
  }
  const signed = name === "i64";
  return { kind: "integer", bytes: 8, signed, ...(as === "number" ? { as } : {}) };
}

function parseBounded(
  name: IntegerName,
  fields: Fields,
  span: Span,
  d: Diagnostics,
): TypeModel | undefined {
  const range = parseRange(fields, d);
  fields.finish();
  if (range === undefined) return undefined;
  const { min, max } = range;
  const bits = integerBytes[name] * 8;
  const low = name.startsWith("i") ? -(2 ** (bits - 1)) : 0;
  const high = low + 2 ** bits - 1;
  const wrong = [min, max].find((v) => !Number.isInteger(v) || v < low || v > high);
  if (wrong !== undefined) {
    d.report("SD1306", span, { value: wrong, type: `${name} (${low} to ${high})` });
    return undefined;
  }
  const steps = max - min;
  return { kind: "quantised", bits: bitsFor(steps), min, max, steps, integer: true };
}

function parseRange(fields: Fields, d: Diagnostics): { min: number; max: number } | undefined {
  fields.required("min");
  const maxEntry = fields.required("max");
  const min = fields.number("min");
  const max = fields.number("max");
  if (min === undefined || max === undefined) return undefined;
  if (min < max && Number.isFinite(max - min)) return { min, max };
  d.report("SD1305", maxEntry?.value.span ?? fields.span, { min, max });
  return undefined;
}

function parseQuantised(fields: Fields, d: Diagnostics): TypeModel | undefined {
  const bits = fields.integer("bits", 1, 32);
  const step = fields.number("step");
  const range = parseRange(fields, d);
  const given = Number(fields.has("bits")) + Number(fields.has("step"));
  if (given !== 1) {
    const found = given === 0 ? "there is neither" : "there are both";
    d.report("SD1308", fields.span, { found });
  }
  fields.finish();
  if (range === undefined || given !== 1) return undefined;
  const steps = bits !== undefined ? 2 ** bits - 1 : stepsOf(range, step, fields, d);
  if (steps === undefined || tooFine(range, steps, fields, d)) return undefined;
  // `integer` stays false even where every step is whole: a float may be given any value and is rounded to a step.
  return { kind: "quantised", bits: bitsFor(steps), ...range, steps, integer: false };
}

/** A double has 53 bits: steps finer than this part of the largest value would fall together, or not come back. */
const FINEST_STEP = 2 ** -49;

function tooFine(
  range: { min: number; max: number },
  steps: number,
  fields: Fields,
  d: Diagnostics,
): boolean {
  const { min, max } = range;
  const step = (max - min) / steps;
  if (step >= FINEST_STEP * Math.max(Math.abs(min), Math.abs(max))) return false;
  d.report("SD1318", fields.span, { min, max, step });
  return true;
}

function stepsOf(
  range: { min: number; max: number },
  step: number | undefined,
  fields: Fields,
  d: Diagnostics,
): number | undefined {
  if (step === undefined) return undefined;
  const exact = (range.max - range.min) / step;
  const steps = Math.round(exact);
  // 0.1 has no exact double: a quotient this near to a whole number was meant to be one.
  const whole = Math.abs(exact - steps) <= 1e-9 * Math.max(1, steps);
  const problem = !(step > 0)
    ? "a step must be above 0"
    : steps > 0xffff_ffff
      ? "more than 32 bits can count"
      : whole && steps >= 1
        ? undefined
        : "that is not a whole number";
  if (problem === undefined) return steps;
  const span = fields.entry("step")?.value.span ?? fields.span;
  d.report("SD1307", span, { ...range, step, steps: Number(exact.toPrecision(12)), problem });
  return undefined;
}

/** Bits that `largest` needs, at least 1. */
export function bitsFor(largest: number): number {
  let bits = 1;
  while (2 ** bits - 1 < largest) bits++;
  return bits;
}
