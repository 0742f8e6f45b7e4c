/**
 * Values that a JSON Schema accepts, as the text of an expression: one example, or a fast-check arbitrary over `fc` of
 * all. For the schemas that zero messages may have (model/zero-schema.ts), and exact for them: every value is valid, and
 * an arbitrary can make every valid value but for strings and numbers that JSON cannot carry (half surrogates, -0).
 */
import { highest, lowest, sample } from "../interpret/json-schema.ts";
import type { JsonSchema } from "../model/model.ts";
import { formatOf } from "../model/text-formats.ts";
import { indented, number, property, quote } from "../print/text.ts";

export function exampleOf(schema: JsonSchema): string {
  return textOf(sample(schema, "example"));
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(textOf).join(", ")}]`;
  if (typeof value !== "object" || value === null) return literal(value);
  const members = Object.entries(value).map(([name, inner]) => property(name, textOf(inner)));
  return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
}

export function arbitraryOf(schema: JsonSchema): string {
  const choices = choicesOf(schema);
  if (choices?.length === 1) return `fc.constant(${literal(choices[0])})`;
  if (choices) return `fc.constantFrom<unknown>(${choices.map(literal).join(", ")})`;
  switch (schema["type"]) {
    case "string":
      return `fc.string({ unit: ${unitOf(schema)}, ${lengths(schema, "Length")} })`;
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

/** What a string is made of. */
function unitOf(schema: JsonSchema): string {
  const format = formatOf(schema);
  if (format === undefined) return '"binary"';
  return `fc.constantFrom(...${quote(format.characters)})`;
}

/** The values that a schema names, where it does. */
function choicesOf(schema: JsonSchema): readonly unknown[] | undefined {
  if ("const" in schema) return [schema["const"]];
  const choices = schema["enum"];
  return Array.isArray(choices) ? choices : undefined;
}

function propertiesOf(schema: JsonSchema): readonly (readonly [string, JsonSchema])[] {
  return Object.entries((schema["properties"] ?? {}) as Record<string, JsonSchema>);
}

function literal(value: unknown): string {
  if (typeof value === "number") return number(value);
  return typeof value === "string" ? quote(value) : JSON.stringify(value);
}

function bound(schema: JsonSchema, name: string): number | undefined {
  const value = schema[name];
  return typeof value === "number" ? value : undefined;
}

function lengths(schema: JsonSchema, what: "Length" | "Items"): string {
  const min = bound(schema, `min${what}`) ?? 0;
  return `minLength: ${min}, maxLength: ${bound(schema, `max${what}`) ?? min}`;
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
  const properties = propertiesOf(schema);
  const required = (schema["required"] ?? []) as readonly string[];
  const keys = required.filter((name) => properties.some(([known]) => known === name));
  const options = `{ noNullPrototype: true, requiredKeys: [${keys.map(quote).join(", ")}] }`;
  if (properties.length === 0) return `fc.record({}, ${options})`;
  const members = properties.map(([name, inner]) =>
    indented(`${property(name, arbitraryOf(inner))},`, 4),
  );
  return ["fc.record(", "  {", ...members, "  },", `  ${options},`, ")"].join("\n");
}
