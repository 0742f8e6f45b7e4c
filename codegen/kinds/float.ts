/**
 * IEEE 754 numbers of 16, 32 and 64 bits, finite ones. With `min` and `max` they are steps of a range, which are
 * quantised.ts's. What does not fit exactly is rounded to the nearest, the even one of two.
 */
import { number } from "../emit/text.ts";
import { Fields } from "../spec/fields.ts";
import {
  type AnyLeaf,
  type FixedKind,
  fixedSize,
  numberEdges,
  plural,
  type SpecName,
} from "./kind.ts";
import { parseQuantised, quantisedSchema } from "./quantised.ts";

export interface FloatType {
  readonly kind: "float";
  readonly bytes: 2 | 4 | 8;
}

const LARGEST = { 2: 65_504, 4: (2 - 2 ** -23) * 2 ** 127, 8: Number.MAX_VALUE } as const;
const SMALLEST = { 2: 2 ** -24, 4: 2 ** -149, 8: Number.MIN_VALUE } as const;
/** From here on numbers are rounded to infinity: half a step beyond the largest. */
const END = { 2: 65_520, 4: 2 ** 128 - 2 ** 103, 8: Number.POSITIVE_INFINITY } as const;
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

function name(bytes: FloatType["bytes"], elsewhere: string): SpecName<AnyLeaf> {
  const type: FloatType = { kind: "float", bytes };
  if (bytes === 2) return { bare: () => type, elsewhere };
  return {
    bare: () => type,
    options: {
      read: (key, options, _span, d) =>
        parseQuantised(new Fields(options, quantisedSchema, `\`${key}\``, d), d),
      definition: "quantised",
      schema: quantisedSchema,
    },
    elsewhere,
  };
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

  expected: (type) => `a number that ${type.bytes * 8} bits can hold`,
  accept: (type, given) => {
    if (typeof given !== "number" || !Number.isFinite(given)) return undefined;
    return Math.abs(given) < END[type.bytes] ? given : undefined;
  },
  given: (type, given) => rounded(given as number, type.bytes),
  givenText: (type, given, lines) => {
    const value = given as number;
    if (type.bytes === 2)
      return `${lines.wire("fromHalf")}(${lines.wire("toHalf")}(${number(value)}))`;
    return number(rounded(value, type.bytes));
  },
  givenWords: (_type, given) => String(given),
  zeroText: () => "0",

  typescript: () => "number",
  range: ({ bytes }) => (bytes === 8 ? "Finite." : `Finite; rounded to ${bytes * 8} bits.`),
  exampleText: () => "0.5",
  arbitraryText: ({ bytes }, lines) => {
    if (bytes === 2) {
      const bits = "i < 0 ? 0x8000 - i : i";
      return `fc.integer({ min: -31743, max: 31743 }).map((i) => ${lines.wire("fromHalf")}(${bits}))`;
    }
    return `fc.${bytes === 4 ? "float" : "double"}({ noNaN: true, noDefaultInfinity: true })`;
  },

  least: ({ bytes }) => -LARGEST[bytes],
  most: ({ bytes }) => LARGEST[bytes],
  usual: ({ bytes }) => rounded(0.1, bytes),
  edges: ({ bytes }) => numberEdges([0, 1.5, -2, SMALLEST[bytes]]),

  pageSize: ({ bytes }) => plural(bytes, "byte"),
  pageType: ({ bytes }) => `\`f${bytes * 8}\`, finite`,
  words: ({ bytes }) => `f${bytes * 8}`,
  optionRules: {},
  dissector: ({ bytes }) => ({ kind: `f${bytes * 8}`, bytes }),

  check: ({ bytes }, value, path, lines) => `${lines.wire(checks[bytes])}(${path}, ${value});`,
  wrong: ({ bytes }, value, lines) =>
    bytes === 4 ? `!(Math.abs(${value}) < ${lines.use(FLOAT32_END)})` : undefined,
  get: ({ bytes }, at, path, lines) => `${lines.use("r")}.f${bytes * 8}(${at}, ${path})`,
  takesAll: () => false,
  set: ({ bytes }, at, value, lines) => {
    const view = lines.use("view");
    if (bytes === 2) return `${view}.setUint16(${at}, ${lines.wire("toHalf")}(${value}));`;
    return `${view}.setFloat${bytes * 8}(${at}, ${value});`;
  },
  constants: [
    {
      name: FLOAT32_END,
      text: `/** Half a step beyond the largest 32-bit float: from here on numbers are rounded to infinity. */
const ${FLOAT32_END} = 2 ** 128 - 2 ** 103;`,
    },
  ],
  readFixed: ({ bytes }, view, at) => {
    const value = floatAt(view, at, bytes);
    if (Number.isFinite(value)) return { value, meaning: value };
    return { value, meaning: String(value), problem: `${value} is not finite` };
  },
  write: ({ bytes }, value, sink) => {
    if (bytes === 2) sink.integer(toHalfBits(value as number), 2);
    else sink.float(value as number, bytes);
  },
};

function floatAt(view: DataView, at: number, bytes: FloatType["bytes"]): number {
  if (bytes === 2) return halfOf(view.getUint16(at));
  return bytes === 4 ? view.getFloat32(at) : view.getFloat64(at);
}
