/**
 * A fast-check arbitrary of what a JSON Schema accepts, as the text of an expression over `fc`. For the schemas that
 * zero messages may have (model/zero-schema.ts), and exact for them: every value it makes is valid, and every valid
 * value can be made, but for strings and numbers that JSON cannot carry (half surrogates, -0).
 */
import type { JsonSchema } from "../model/model.ts";
import { number, property, quote } from "./text.ts";

export function arbitraryOf(schema: JsonSchema): string {
  if ("const" in schema) return `fc.constant(${literal(schema["const"])})`;
  const choices = schema["enum"];
  if (Array.isArray(choices)) return `fc.constantFrom<unknown>(${choices.map(literal).join(", ")})`;
  switch (schema["type"]) {
    case "string":
      return `fc.string({ unit: "binary", ${lengths(schema, "Length")} })`;
    case "integer":
      return `fc.integer({ min: ${number(lowest(schema))}, max: ${number(highest(schema))} })`;
    case "number":
      return doubles(schema);
    case "boolean":
      return "fc.boolean()";
    case "array":
      return `fc.array(${arbitraryOf(schema["items"] as JsonSchema)}, { ${lengths(schema, "Items")} })`;
    case "object":
      return record(schema);
    default:
      return "fc.constant(null)";
  }
}

function literal(value: unknown): string {
  if (typeof value === "string") return quote(value);
  return JSON.stringify(value);
}

function bound(schema: JsonSchema, name: string): number | undefined {
  const value = schema[name];
  return typeof value === "number" ? value : undefined;
}

function lengths(schema: JsonSchema, what: "Length" | "Items"): string {
  const min = bound(schema, `min${what}`) ?? 0;
  return `minLength: ${min}, maxLength: ${bound(schema, `max${what}`) ?? min}`;
}

function lowest(schema: JsonSchema): number {
  const above = bound(schema, "exclusiveMinimum");
  return Math.max(
    Math.ceil(bound(schema, "minimum") ?? Number.MIN_SAFE_INTEGER),
    above === undefined ? Number.MIN_SAFE_INTEGER : Math.floor(above) + 1,
  );
}

function highest(schema: JsonSchema): number {
  const below = bound(schema, "exclusiveMaximum");
  return Math.min(
    Math.floor(bound(schema, "maximum") ?? Number.MAX_SAFE_INTEGER),
    below === undefined ? Number.MAX_SAFE_INTEGER : Math.ceil(below) - 1,
  );
}

function doubles(schema: JsonSchema): string {
  const parts = ["noNaN: true", "noDefaultInfinity: true"];
  const side = (name: "min" | "max", tighter: (a: number, b: number) => boolean): void => {
    const inner = bound(schema, `${name}imum`);
    const outer = bound(schema, name === "min" ? "exclusiveMinimum" : "exclusiveMaximum");
    const excluded = outer !== undefined && (inner === undefined || !tighter(inner, outer));
    const value = excluded ? outer : inner;
    if (value !== undefined) parts.push(`${name}: ${number(value)}`);
    if (excluded) parts.push(`${name}Excluded: true`);
  };
  side("min", (inner, outer) => inner > outer);
  side("max", (inner, outer) => inner < outer);
  // JSON has no -0.
  return `fc.double({ ${parts.join(", ")} }).map((value) => value || 0)`;
}

function record(schema: JsonSchema): string {
  const properties = Object.entries((schema["properties"] ?? {}) as Record<string, JsonSchema>);
  const required = (schema["required"] ?? []) as string[];
  const keys = required.filter((name) => properties.some(([known]) => known === name));
  const options = `{ noNullPrototype: true, requiredKeys: [${keys.map(quote).join(", ")}] }`;
  if (properties.length === 0) return `fc.record({}, ${options})`;
  const members = properties.map(
    ([name, inner]) => `    ${property(name, arbitraryOf(inner)).replaceAll("\n", "\n    ")},`,
  );
  return ["fc.record(", "  {", ...members, "  },", `  ${options},`, ")"].join("\n");
}
