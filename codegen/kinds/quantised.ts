/**
 * Numbers of a range in equal steps, in as few bits as count them: `{ u8: { min, max } }` by ones, `{ f32: { min, max, bits
 * or step } }` by fractions. A value is rounded to the nearest step; the ends are exact.
 */
import { type Lines, number } from "../print/text.ts";
import type { Diagnostics } from "../spec/diagnostics.ts";
import type { Fields } from "../spec/fields.ts";
import { closed, type MapSchema, whole } from "../spec/schema-parts.ts";
import type { Span } from "../spec/source.ts";
import { type BitKind, bitSize, bitsFor, type DissectorField, plural } from "./kind.ts";

/** [min, max] in `steps` equal steps; `integer` where every step is a whole number. */
export interface QuantisedType {
  readonly kind: "quantised";
  /**
   * @minimum 1
   * @maximum 53
   */
  readonly bits: number;
  /** @type number */
  readonly min: number;
  /** @type number */
  readonly max: number;
  /** @minimum 1 */
  readonly steps: number;
  readonly integer: boolean;
}

export const boundedSchema: MapSchema = closed(
  "An integer with bounds, packed into the bits that max - min needs.",
  {
    min: { type: "integer", description: "Smallest value." },
    max: { type: "integer", description: "Largest value." },
  },
  ["min", "max"],
);

export const quantisedSchema: MapSchema = {
  ...closed(
    "A number rounded to equal steps.",
    {
      min: { type: "number", description: "Smallest value." },
      max: { type: "number", description: "Largest value." },
      bits: whole(1, 32, "Bits on the wire: 2^bits - 1 steps."),
      step: {
        type: "number",
        exclusiveMinimum: 0,
        description: "Size of a step; must divide max - min.",
      },
    },
    ["min", "max"],
  ),
  oneOf: [{ required: ["bits"] }, { required: ["step"] }],
};

/** How Wireshark holds it: whole numbers in an integer of its own where they fit into 32 bits. */
function fieldOf(integer: boolean, min: number, max: number): DissectorField {
  if (integer && min >= 0 && max < 2 ** 32) return { make: "uint32", base: "DEC" };
  if (integer && min >= -(2 ** 31) && max < 2 ** 31) return { make: "int32", base: "DEC" };
  return { make: "double" };
}

/** `{ u8: { min, max } }`: `low` and `high` are what the name can hold. */
export function parseBounded(
  name: string,
  [low, high]: readonly [number, number],
  fields: Fields,
  span: Span,
  d: Diagnostics,
): QuantisedType | undefined {
  const range = parseRange(fields, d);
  fields.finish();
  if (range === undefined) return undefined;
  const { min, max } = range;
  const wrong = [min, max].find((v) => !Number.isInteger(v) || v < low || v > high);
  if (wrong !== undefined) {
    d.report("SD1306", span, { value: wrong, type: `${name} (${low} to ${high})` });
    return undefined;
  }
  const steps = max - min;
  return { kind: "quantised", bits: bitsFor(steps), min, max, steps, integer: true };
}

function parseRange(fields: Fields, d: Diagnostics): { min: number; max: number } | undefined {
  fields.entry("min");
  const maxEntry = fields.entry("max");
  const min = fields.number("min");
  const max = fields.number("max");
  if (min === undefined || max === undefined) return undefined;
  if (min < max && Number.isFinite(max - min)) return { min, max };
  d.report("SD1305", maxEntry?.value.span ?? fields.span, { min, max });
  return undefined;
}

/** `{ f32: { min, max, bits or step } }`. */
export function parseQuantised(fields: Fields, d: Diagnostics): QuantisedType | undefined {
  const bits = fields.integer("bits");
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

/** The value at a step; exactly `min` and `max` at the ends. */
function dequantise({ min, max, steps, integer }: QuantisedType, step: number): number {
  if (integer) return min + step * ((max - min) / steps);
  const value = min + (step / steps) * (max - min);
  return step === steps || value > max ? max : value;
}

/** The step nearest to a value of the range. */
function quantise({ min, max, steps }: QuantisedType, value: number): number {
  const step = Math.round(((value - min) / (max - min)) * steps);
  return Math.max(0, Math.min(steps, step));
}

/** The value at an index, as the decoder computes it. */
function indexText(type: QuantisedType, index: string, lines: Lines): string {
  const { min, max, steps } = type;
  if (!type.integer) {
    return `${lines.wire("dequantise")}(${index}, ${number(min)}, ${number(max)}, ${steps})`;
  }
  const step = (max - min) / steps;
  const scaled = step === 1 ? index : `${index} * ${step}`;
  return min === 0 ? scaled : `${number(min)} + ${scaled}`;
}

function plus(text: string, value: number): string {
  if (value === 0) return text;
  return value < 0 ? `${text} - ${number(-value)}` : `${text} + ${number(value)}`;
}

/** The value of the range that is nearest to 0. */
function nearestToZero({ min, max }: QuantisedType): number {
  return Math.max(min, Math.min(max, 0));
}

export const quantised: BitKind<QuantisedType> = {
  shape: "bits",
  // Written as options of integers and floats.
  names: {},
  size: bitSize,
  key: ({ integer }) => (integer ? true : "a quantised float"),

  expected: ({ integer, min, max }) =>
    `${integer ? "a whole number" : "a number"} from ${min} to ${max}`,
  accept: ({ min, max, integer }, given) => {
    if (typeof given !== "number" || !(given >= min && given <= max)) return undefined;
    return integer && !Number.isInteger(given) ? undefined : given;
  },
  given: (type, given) => dequantise(type, quantise(type, given as number)),
  givenWords: (_type, given) => String(given),
  zero: (type) => dequantise(type, quantise(type, nearestToZero(type))),
  unchosen: (type) => {
    const value = nearestToZero(type);
    return value === 0 ? undefined : String(value);
  },

  typescript: () => "number",
  range: ({ min, max, steps, integer }) => {
    const step = (max - min) / steps;
    const range = `${number(min)} to ${number(max)}`;
    return integer && step === 1 ? `${range}.` : `${range} in steps of ${number(step)}.`;
  },
  valueText: (type, value, lines) =>
    indexText(type, String(quantise(type, value as number)), lines),
  arbitraryText: (type, lines) => {
    const index = `fc.integer({ min: 0, max: ${type.steps} })`;
    const value = indexText(type, "i", lines);
    return value === "i" ? index : `${index}.map((i) => ${value})`;
  },

  least: ({ min }) => min,
  most: ({ max }) => max,
  usual: (type) => dequantise(type, Math.floor(type.steps / 3)),
  edges: (type) => {
    const { steps } = type;
    const used = [...new Set([0, 1, Math.floor(steps / 2), steps - 1, steps])];
    return used.map((step) => ({ name: `step ${step}`, value: dequantise(type, step) }));
  },

  pageSize: ({ bits }) => plural(bits, "bit"),
  pageType: ({ min, max, steps, integer }) => {
    const step = (max - min) / steps;
    if (integer && step === 1) return `${min} to ${max}`;
    return `${min} to ${max} in ${steps} steps of ${integer ? step : Number(step.toPrecision(6))}`;
  },
  describe: ({ min, max, steps, bits }) => `${min} to ${max} in ${steps} steps (${bits} bits)`,
  optionRules: {
    bits: "member-range-changed",
    min: "member-range-changed",
    max: "member-range-changed",
    steps: "member-range-changed",
    integer: "member-range-changed",
  },
  changes: {
    "member-range-changed": {
      title: "the range or the steps of a number differ",
      why: "The same bits mean another number to the other end, even where there are as many of them.",
      before: "x: { f32: { min: -100, max: 100, bits: 12 } }",
      after: "x: { f32: { min: -200, max: 200, bits: 12 } }",
    },
  },
  dissector: ({ bits, min, max, steps, integer }) => ({
    ...fieldOf(integer, min, max),
    reader: "steps",
    bits,
    min,
    max,
    steps,
    integer,
  }),

  check: ({ integer, min, max }, value, path, lines) =>
    `${lines.wire(integer ? "checkInteger" : "checkNumber")}(${path}, ${value}, ${number(min)}, ${number(max)});`,
  toBits: ({ min, max, steps, integer }, value, lines) => {
    if (integer && max - min === steps) return plus(value, -min);
    return `${lines.wire("quantise")}(${value}, ${number(min)}, ${number(max)}, ${steps})`;
  },
  absentIsZero: false,
  wrongBits: ({ steps, bits: width }, bits) =>
    steps >= 2 ** width - 1
      ? undefined
      : { condition: `${bits} > ${steps}`, problem: `\`step \${${bits}} of ${steps}\`` },
  fromBits: (type, bits, _at, _path, lines) => {
    const { min, max, steps } = type;
    if (!type.integer) return indexText(type, bits, lines);
    const step = (max - min) / steps;
    return plus(step === 1 ? bits : `${bits} * ${step}`, min);
  },
  readBits: (type, raw) => {
    const text = `step ${raw} of ${type.steps}`;
    if (raw > type.steps) return { value: raw, meaning: { value: raw }, problem: text };
    const value = dequantise(type, raw);
    return { value, meaning: { value, text } };
  },
  writeBits: (type, value) => quantise(type, value as number),
};
