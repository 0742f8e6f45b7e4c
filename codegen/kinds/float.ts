/**
 * IEEE 754 numbers of 16, 32 and 64 bits: finite ones, and where the spec says so NaN, for what is not known, which has one
 * pattern of bits like every other value. With `min` and `max` they are steps of a range, which are
 * quantised.ts's. What does not fit exactly is rounded to the nearest, the even one of two.
 */
import { number } from "../print/text.ts";
import type { Diagnostics } from "../spec/diagnostics.ts";
import { Fields } from "../spec/fields.ts";
import type { MapNode } from "../spec/node.ts";
import { closed, flag, type MapSchema } from "../spec/schema-parts.ts";
import {
  type AnyLeaf,
  type FixedKind,
  fixedSize,
  numberEdges,
  plural,
  type SpecName,
} from "./kind.ts";
import { parseQuantised, type QuantisedType, quantisedSchema } from "./quantised.ts";

export interface FloatType {
  readonly kind: "float";
  readonly bytes: 2 | 4 | 8;
  readonly nan?: true;
}

const LARGEST = { 2: 65_504, 4: (2 - 2 ** -23) * 2 ** 127, 8: Number.MAX_VALUE } as const;
const SMALLEST = { 2: 2 ** -24, 4: 2 ** -149, 8: Number.MIN_VALUE } as const;
/** From here on numbers are rounded to infinity: half a step beyond the largest. */
export const END: Readonly<Record<FloatType["bytes"], number>> = {
  2: 65_520,
  4: 2 ** 128 - 2 ** 103,
  8: Number.POSITIVE_INFINITY,
};
/** The first bits of the one NaN, a quiet one without a payload; the others are zero. */
const NAN = { 2: 0x7e00, 4: 0x7fc0_0000, 8: 0x7ff8_0000 } as const;
/** As `default` in a spec and a model says it; YAML's own `.nan` is no text, and JSON has none. */
const GIVEN_NAN = "NaN";
const checks = { 2: "checkFloat16", 4: "checkFloat32", 8: "checkFloat64" } as const;

/** What `write` functions compare 32-bit floats with. */
const FLOAT32_END = "FLOAT32_END";

/** As the bytes hold it. */
function rounded(value: number, bytes: FloatType["bytes"]): number {
  if (bytes === 2) return halfOf(toHalfBits(value));
  return bytes === 4 ? Math.fround(value) : value;
}

/** The value of a 16-bit float (IEEE 754 binary16). */
function halfOf(bits: number): number {
  const sign = bits >= 0x8000 ? -1 : 1;
  const exponent = Math.floor(bits / 1024) % 32;
  const fraction = bits % 1024;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The bits of the 16-bit float nearest to a value, the even one of two. */
function toHalfBits(value: number): number {
  const size = Math.abs(value);
  let exponent = -14;
  while (exponent < 15 && size >= 2 ** (exponent + 1)) exponent++;
  const units = size / 2 ** (exponent - 10);
  const low = Math.floor(units);
  const rest = units - low;
  const isUp = rest > 0.5 || (rest === 0.5 && low % 2 === 1);
  const bits = (exponent + 14) * 1024 + (isUp ? low + 1 : low);
  if (!(bits < 0x7c00)) throw new RangeError(`${value} is no finite 16-bit float`);
  return bits + (value < 0 || Object.is(value, -0) ? 0x8000 : 0);
}

const nanSchema: MapSchema = closed(
  "A float that may be NaN, where a value is not known.",
  { nan: flag("Whether NaN may be sent; every NaN is sent as the same bits.") },
  ["nan"],
);

function name(bytes: FloatType["bytes"], elsewhere: string): SpecName<AnyLeaf> {
  const type: FloatType = { kind: "float", bytes };
  return {
    bare: () => type,
    options: {
      read: (key, options, _span, d) => parse(type, `\`${key}\``, options, d),
      definition: bytes === 2 ? "options-f16" : "options-f32",
      schema: bytes === 2 ? nanSchema : { anyOf: [quantisedSchema, nanSchema] },
    },
    elsewhere,
  };
}

function parse(
  type: FloatType,
  place: string,
  options: MapNode,
  d: Diagnostics,
): FloatType | QuantisedType | undefined {
  const has = (...keys: string[]) => options.entries.some(({ key }) => keys.includes(key));
  if (type.bytes > 2 && (has("min", "max", "bits", "step") || !has("nan"))) {
    const steps = new Fields(options, quantisedSchema, place, d);
    const extra = steps.unlisted("nan");
    if (extra) d.report("SD1326", extra.keySpan, {});
    return parseQuantised(steps, d);
  }
  const fields = new Fields(options, nanSchema, place, d);
  const nan = fields.bool("nan");
  fields.finish();
  return nan === true ? { ...type, nan } : type;
}

/** A function of `codecs.ts` that reads a float which may be NaN. */
function getNaN(bytes: FloatType["bytes"]): { name: string; text: string } {
  const name = `$getNaN${bytes * 8}`;
  const uint = bytes === 2 ? "Uint16" : "Uint32";
  const rest = bytes === 8 ? " && r.view.getUint32(at + 4) === 0" : "";
  const reader = `{ readonly view: DataView; f${bytes * 8}(at: number, path: string): number }`;
  const text = `function ${name}(r: ${reader}, at: number, path: string): number {
  return r.view.get${uint}(at) === ${hexOf(bytes)}${rest} ? Number.NaN : r.f${bytes * 8}(at, path);
}`;
  return { name, text };
}

/** A function for codecs.ts that writes the one NaN pattern, since an engine may choose another. */
function putNaN(bytes: 4 | 8): { name: string; text: string } {
  const name = `$putNaN${bytes * 8}`;
  const rest = bytes === 8 ? "\n    view.setUint32(at + 4, 0);" : "";
  const text = `function ${name}(view: DataView, at: number, value: number): void {
  if (Number.isNaN(value)) {
    view.setUint32(at, ${hexOf(bytes)});${rest}
  } else view.setFloat${bytes * 8}(at, value);
}`;
  return { name, text };
}

function hexOf(bytes: FloatType["bytes"]): string {
  return `0x${NAN[bytes].toString(16)}`;
}

export const float: FixedKind<FloatType> = {
  shape: "fixed",
  names: {
    f16: name(2, "half float16"),
    f32: name(4, "float float32 single real"),
    f64: name(8, "double float64 number"),
  },
  size: fixedSize,
  key: () => "a float",

  expected: ({ bytes, nan }) =>
    `a number that ${bytes * 8} bits can hold${nan ? `, or ${GIVEN_NAN}` : ""}`,
  accept: (type, given) => {
    if (given === GIVEN_NAN && type.nan) return given;
    if (typeof given !== "number" || !Number.isFinite(given)) return undefined;
    return Math.abs(given) < END[type.bytes] ? given : undefined;
  },
  given: (type, given) => (given === GIVEN_NAN ? Number.NaN : rounded(given as number, type.bytes)),
  givenWords: (_type, given) => String(given),
  zero: () => 0,
  // Where NaN is allowed, 0 reads as a measured value.
  unchosen: ({ nan }) => (nan ? "0" : undefined),

  typescript: () => "number",
  range: ({ bytes, nan }) => {
    const which = nan ? "Finite, or NaN" : "Finite";
    return bytes === 8 ? `${which}.` : `${which}; rounded to ${bytes * 8} bits.`;
  },
  valueText: (_type, value) => (Number.isNaN(value) ? "Number.NaN" : number(value as number)),
  arbitraryText: ({ bytes, nan }, lines) => {
    if (bytes === 2) {
      const bits = "i < 0 ? 0x8000 - i : i";
      const finite = `fc.integer({ min: -31743, max: 31743 }).map((i) => ${lines.wire("fromHalf")}(${bits}))`;
      return nan ? `fc.oneof(${finite}, fc.constant(Number.NaN))` : finite;
    }
    return `fc.${bytes === 4 ? "float" : "double"}({ noNaN: ${!nan}, noDefaultInfinity: true })`;
  },

  least: ({ bytes }) => -LARGEST[bytes],
  most: ({ bytes }) => LARGEST[bytes],
  usual: ({ bytes }) => rounded(0.1, bytes),
  edges: ({ bytes, nan }) =>
    numberEdges([...(nan ? [Number.NaN] : []), 0, 1.5, -2, SMALLEST[bytes]]),

  pageSize: ({ bytes }) => plural(bytes, "byte"),
  pageType: ({ bytes, nan }) => `\`f${bytes * 8}\`, finite${nan ? " or NaN" : ""}`,
  describe: ({ bytes, nan }) => `f${bytes * 8}${nan ? " that may be NaN" : ""}`,
  optionRules: { nan: "member-nan-changed" },
  changes: {
    "member-nan-changed": {
      title: "a float may be NaN, or no longer",
      why: "The end without `nan` refuses a message in which the other has sent NaN.",
      fix: "decide it in the first version; later, add a new channel, or an optional member to an extensible message",
      before: "speed: f32",
      after: "speed: { f32: { nan: true } }",
    },
  },
  dissector: ({ bytes, nan }) => ({
    make: bytes === 8 ? "double" : "float",
    reader: bytes === 2 ? "half" : "float",
    bytes,
    nan: nan && NAN[bytes],
  }),

  check: ({ bytes, nan }, value, path, lines) => {
    const check = `${lines.wire(checks[bytes])}(${path}, ${value});`;
    return nan ? `if (!Number.isNaN(${value})) ${check}` : check;
  },
  wrong: ({ bytes }, value, lines) =>
    bytes === 4 ? `!(Math.abs(${value}) < ${lines.use(FLOAT32_END)})` : undefined,
  get: ({ bytes, nan }, at, path, lines) => {
    if (nan) return `${lines.use(`$getNaN${bytes * 8}`)}(${lines.use("r")}, ${at}, ${path})`;
    return `${lines.use("r")}.f${bytes * 8}(${at}, ${path})`;
  },
  takesAll: () => false,
  set: ({ bytes, nan }, at, value, lines) => {
    const view = lines.use("view");
    if (bytes === 2) {
      const bits = `${lines.wire("toHalf")}(${value})`;
      return `${view}.setUint16(${at}, ${nan ? `Number.isNaN(${value}) ? ${hexOf(2)} : ${bits}` : bits});`;
    }
    if (nan) return `${lines.use(`$putNaN${bytes * 8}`)}(${view}, ${at}, ${value});`;
    return `${view}.setFloat${bytes * 8}(${at}, ${value});`;
  },
  constants: [
    {
      name: FLOAT32_END,
      text: `/** Half a step beyond the largest 32-bit float: from here on numbers are rounded to infinity. */
const ${FLOAT32_END} = ${END[4]};`,
    },
    ...[getNaN(2), getNaN(4), getNaN(8), putNaN(4), putNaN(8)],
  ],
  readFixed: ({ bytes, nan }, view, at) => {
    const value = floatAt(view, at, bytes);
    if (Number.isFinite(value)) return { value, meaning: value };
    if (nan && isTheNaN(view, at, bytes)) return { value, meaning: value };
    return { value, meaning: String(value), problem: `${value} is not finite` };
  },
  write: ({ bytes }, value, sink) => {
    if (Number.isNaN(value)) {
      sink.integer(NAN[bytes], Math.min(bytes, 4));
      if (bytes === 8) sink.integer(0, 4);
    } else if (bytes === 2) sink.integer(toHalfBits(value as number), 2);
    else sink.float(value as number, bytes);
  },
};

function isTheNaN(view: DataView, at: number, bytes: FloatType["bytes"]): boolean {
  if (bytes === 2) return view.getUint16(at) === NAN[2];
  return view.getUint32(at) === NAN[bytes] && (bytes === 4 || view.getUint32(at + 4) === 0);
}

function floatAt(view: DataView, at: number, bytes: FloatType["bytes"]): number {
  if (bytes === 2) return halfOf(view.getUint16(at));
  return bytes === 4 ? view.getFloat32(at) : view.getFloat64(at);
}
