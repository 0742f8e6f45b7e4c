/**
 * An example of what a JSON Schema accepts, as the text of an expression: enough for the schemas of zero messages, whose
 * strings have lengths and whose numbers have bounds. Not a general solver: a pattern or a `not` is beyond it, and the
 * example is then only well-typed.
 */
import { number, property, quote } from "./text.ts";
import { isSchema } from "./validators.ts";

export function exampleOf(schema: unknown): string {
  if (!isSchema(schema)) return "null";
  if ("const" in schema) return literal(schema["const"]);
  if ("default" in schema) return literal(schema["default"]);
  const examples = schema["examples"];
  if (Array.isArray(examples) && examples.length > 0) return literal(examples[0]);
  if (Array.isArray(schema["enum"])) return literal(schema["enum"][0]);
  for (const word of ["anyOf", "oneOf"]) {
    const choices = schema[word];
    if (Array.isArray(choices)) return exampleOf(choices[0]);
  }
  const type = Array.isArray(schema["type"]) ? schema["type"][0] : schema["type"];
  switch (type) {
    case "string":
      return stringOf(schema);
    case "integer":
    case "number":
      return number(numberOf(schema));
    case "boolean":
      return "true";
    case "array": {
      const count = typeof schema["minItems"] === "number" ? schema["minItems"] : 0;
      return `[${Array.from({ length: count }, () => exampleOf(schema["items"])).join(", ")}]`;
    }
    case "object":
      return objectOf(schema);
    default:
      return "null";
  }
}

function literal(value: unknown): string {
  const text = JSON.stringify(value) ?? "null";
  return text.replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}

function bound(schema: Readonly<Record<string, unknown>>, name: string, otherwise: number): number {
  const value = schema[name];
  return typeof value === "number" ? value : otherwise;
}

function stringOf(schema: Readonly<Record<string, unknown>>): string {
  const min = bound(schema, "minLength", 0);
  const max = bound(schema, "maxLength", Math.max(min, 4));
  return quote("text".repeat(Math.ceil(max / 4)).slice(0, Math.max(min, Math.min(4, max))));
}

/** Zero where it is legal, else a number near a bound, or between two. */
function numberOf(schema: Readonly<Record<string, unknown>>): number {
  const min = bound(schema, "minimum", Number.NEGATIVE_INFINITY);
  const above = bound(schema, "exclusiveMinimum", Number.NEGATIVE_INFINITY);
  const max = bound(schema, "maximum", Number.POSITIVE_INFINITY);
  const below = bound(schema, "exclusiveMaximum", Number.POSITIVE_INFINITY);
  const low = Math.ceil(Math.max(min, above));
  const high = Math.floor(Math.min(max, below));
  const between = (Math.max(min, above) + Math.min(max, below)) / 2;
  const isLegal = (n: number) => n >= min && n > above && n <= max && n < below;
  return [0, low, high, low + 1, high - 1, between].find(isLegal) ?? 0;
}

function objectOf(schema: Readonly<Record<string, unknown>>): string {
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  const properties = isSchema(schema["properties"]) ? schema["properties"] : {};
  const members = required
    .filter((name): name is string => typeof name === "string")
    .map((name) => property(name, exampleOf(properties[name])));
  return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
}
