/**
 * The subset of JSON Schema that zero messages use (model/zero-schema.ts names it): a check of a value, and samples of
 * what a schema admits. A keyword outside the subset is ignored. Worst case: one walk over schema and value.
 */
import type { JsonSchema } from "../model/model.ts";
import { formatOf } from "../model/text-formats.ts";
import { put } from "./values.ts";

export interface SchemaProblem {
  /** `.name` and `[0]` behind each other; "" for the value itself. */
  readonly path: string;
  readonly problem: string;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function properties(schema: JsonSchema): Readonly<Record<string, JsonSchema>> {
  return (isRecord(schema["properties"]) ? schema["properties"] : {}) as Record<string, JsonSchema>;
}

function own(object: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** The first way in which a value is not what the schema says. Members that it does not name are not looked at. */
export function schemaProblem(
  schema: JsonSchema,
  value: unknown,
  path = "",
): SchemaProblem | undefined {
  const wrong = (problem: string): SchemaProblem => ({ path, problem });
  const type = schema["type"];
  if (typeof type === "string" && !isOfType(type, value)) return wrong(`is no ${type}`);
  if ("const" in schema && !same(schema["const"], value)) {
    return wrong(`is not ${JSON.stringify(schema["const"])}`);
  }
  const choices = schema["enum"];
  if (Array.isArray(choices) && !choices.some((choice) => same(choice, value))) {
    return wrong(`is none of ${JSON.stringify(choices)}`);
  }
  const measure =
    typeof value === "number"
      ? value
      : typeof value === "string"
        ? [...value].length
        : Array.isArray(value)
          ? value.length
          : 0;
  for (const [keyword, bad, says] of bounds) {
    const limit = schema[keyword];
    if (typeof limit === "number" && applies(keyword, value) && bad(measure, limit)) {
      return wrong(`${says} ${limit}`);
    }
  }
  const format = typeof value === "string" ? formatOf(schema) : undefined;
  if (format !== undefined && !format.pattern.test(value as string)) {
    return wrong(`is not ${format.means}`);
  }
  if (Array.isArray(value) && isRecord(schema["items"])) {
    for (const [i, element] of value.entries()) {
      const problem = schemaProblem(schema["items"], element, `${path}[${i}]`);
      if (problem !== undefined) return problem;
    }
  }
  return isRecord(value) ? objectProblem(schema, value, path) : undefined;
}

function objectProblem(
  schema: JsonSchema,
  value: Readonly<Record<string, unknown>>,
  path: string,
): SchemaProblem | undefined {
  const required = Array.isArray(schema["required"]) ? (schema["required"] as string[]) : [];
  for (const name of required) {
    if (!Object.hasOwn(value, name)) return { path: `${path}.${name}`, problem: "is missing" };
  }
  for (const [name, member] of Object.entries(properties(schema))) {
    if (!Object.hasOwn(value, name)) continue;
    const problem = schemaProblem(member, value[name], `${path}.${name}`);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

const bounds: readonly (readonly [string, (a: number, b: number) => boolean, string])[] = [
  ["minimum", (a, b) => a < b, "is below"],
  ["maximum", (a, b) => a > b, "is above"],
  ["exclusiveMinimum", (a, b) => a <= b, "is not above"],
  ["exclusiveMaximum", (a, b) => a >= b, "is not below"],
  ["minLength", (a, b) => a < b, "is shorter than"],
  ["maxLength", (a, b) => a > b, "is longer than"],
  ["minItems", (a, b) => a < b, "has fewer items than"],
  ["maxItems", (a, b) => a > b, "has more items than"],
];

function applies(keyword: string, value: unknown): boolean {
  if (keyword.endsWith("Length")) return typeof value === "string";
  if (keyword.endsWith("Items")) return Array.isArray(value);
  return typeof value === "number";
}

function isOfType(type: string, value: unknown): boolean {
  switch (type) {
    case "object":
      return isRecord(value);
    case "array":
      return Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    case "null":
      return value === null;
    default:
      return typeof value === type;
  }
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** How much a sample has: required members and the shortest texts, the same with some text, or all there can be. */
export type SampleSize = "least" | "example" | "full";

/** Characters of texts that may have so many. */
const TEXT_CHARACTERS = { least: 0, example: 4, full: 12 } as const;
/** Numbers without a bound end here in samples. */
const MOST = 999_999_999;

/** A value that the schema admits. */
export function sample(schema: JsonSchema, size: SampleSize): unknown {
  if ("const" in schema) return schema["const"];
  const choices = schema["enum"];
  if (Array.isArray(choices)) return size === "full" ? choices.at(-1) : choices[0];
  switch (schema["type"]) {
    case "object": {
      const required = Array.isArray(schema["required"]) ? (schema["required"] as string[]) : [];
      const all = properties(schema);
      const names = size === "full" ? [...new Set([...Object.keys(all), ...required])] : required;
      const object: Record<string, unknown> = {};
      for (const name of names)
        put(object, name, sample((own(all, name) ?? {}) as JsonSchema, size));
      return object;
    }
    case "array": {
      const most = bound(schema, "maxItems") ?? 1;
      const least = bound(schema, "minItems") ?? 0;
      const count = size === "full" ? Math.max(least, Math.min(1, most)) : least;
      const items = isRecord(schema["items"]) ? schema["items"] : {};
      return Array.from({ length: count }, () => sample(items, size));
    }
    case "string": {
      const min = bound(schema, "minLength") ?? 0;
      const most = bound(schema, "maxLength") ?? min;
      const length = Math.max(min, Math.min(most, TEXT_CHARACTERS[size]));
      const text = size === "example" ? "text" : "stardust";
      return text.repeat(Math.ceil(length / text.length)).slice(0, length);
    }
    case "integer":
    case "number":
      return sampleNumber(schema, size === "full");
    case "boolean":
      return size !== "least";
    default:
      return null;
  }
}

function bound(schema: JsonSchema, name: string): number | undefined {
  const value = schema[name];
  return typeof value === "number" ? value : undefined;
}

/** The least whole number that a schema of numbers admits, if it admits one. */
export function lowest(schema: JsonSchema): number {
  const above = bound(schema, "exclusiveMinimum");
  return Math.max(
    Math.ceil(bound(schema, "minimum") ?? Number.MIN_SAFE_INTEGER),
    above === undefined ? Number.MIN_SAFE_INTEGER : Math.floor(above) + 1,
  );
}

/** The largest whole number. */
export function highest(schema: JsonSchema): number {
  const below = bound(schema, "exclusiveMaximum");
  return Math.min(
    Math.floor(bound(schema, "maximum") ?? Number.MAX_SAFE_INTEGER),
    below === undefined ? Number.MAX_SAFE_INTEGER : Math.ceil(below) - 1,
  );
}

/** Zero or the largest; where that is not legal a whole number near a bound, or what lies between the bounds. */
function sampleNumber(schema: JsonSchema, isFull: boolean): number {
  const [low, high] = [lowest(schema), highest(schema)];
  const from = bound(schema, "minimum") ?? bound(schema, "exclusiveMinimum") ?? 0;
  const to = bound(schema, "maximum") ?? bound(schema, "exclusiveMaximum") ?? 0;
  const first = isFull ? [Math.min(high, MOST), high] : [0];
  const isLegal = (n: number) => schemaProblem(schema, n) === undefined;
  return [...first, low, high, from, to, (from + to) / 2].find(isLegal) ?? 0;
}
