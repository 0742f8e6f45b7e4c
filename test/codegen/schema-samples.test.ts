/** Arbitraries of zero messages' schemas, with ajv as the oracle: all they make is valid, and JSON carries it. */
import { isDeepStrictEqual } from "node:util";
import { Ajv } from "ajv";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryOf, exampleOf } from "#codegen/emit/schema-samples.js";
import { sample } from "#codegen/interpret/json-schema.js";
import type { JsonSchema } from "#codegen/model/model.js";
import { textFormats } from "#codegen/model/text-formats.js";

/** What generated code would have: the text as an expression over fast-check. */
function arbitrary(schema: JsonSchema): fc.Arbitrary<unknown> {
  const text = arbitraryOf(schema).replaceAll("<unknown>", "");
  return new Function("fc", `"use strict"; return ${text};`)(fc);
}

const name = fc.constantFrom("x", "a b", "constructor", "*/", "`", "\u2028", "é");
const range = (low: number, high: number) =>
  fc.tuple(fc.integer({ min: low, max: high }), fc.integer({ min: 0, max: 9 }));
const bounds = (what: string) =>
  range(0, 4).map(([min, more]) => ({ [`min${what}`]: min, [`max${what}`]: min + more }));
const limits = fc
  .tuple(
    fc.constantFrom("minimum", "exclusiveMinimum", "none"),
    fc.constantFrom("maximum", "exclusiveMaximum", "none"),
    fc.constantFrom(-7.5, -1, 0, 0.25, 3, 4_294_967_295),
  )
  .map(([low, high, from]) => ({
    ...(low === "none" ? {} : { [low]: from }),
    ...(high === "none" ? {} : { [high]: from + 3 }),
  }));

/** The whole subset of model/zero-schema.ts. */
const { schema } = fc.letrec<{ schema: JsonSchema; object: JsonSchema }>((tie) => ({
  schema: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    bounds("Length").map((of) => ({ type: "string", ...of })),
    fc
      .tuple(bounds("Length"), fc.constantFrom(...Object.keys(textFormats)))
      .map(([of, format]) => ({ type: "string", ...of, format })),
    fc
      .uniqueArray(name, { minLength: 1, maxLength: 3 })
      .map((of) => ({ type: "string", enum: of })),
    fc.constantFrom(0, -3, 2.5).map((value) => ({ type: "number", const: value })),
    limits.map((of) => ({ type: "integer", ...of })),
    limits.map((of) => ({ type: "number", ...of })),
    fc.constantFrom({ type: "boolean" }, { type: "boolean", const: true }, { type: "null" }),
    fc
      .tuple(tie("schema"), bounds("Items"))
      .map(([items, of]) => ({ type: "array", items, ...of })),
    tie("object"),
  ),
  object: fc
    .array(fc.tuple(name, tie("schema"), fc.boolean()), { maxLength: 4 })
    .map((members): JsonSchema => {
      const properties = Object.fromEntries(members.map(([key, inner]) => [key, inner]));
      const required = Object.keys(properties).filter((key) =>
        members.some(([one, , needed]) => one === key && needed),
      );
      return { type: "object", properties, required, additionalProperties: false };
    }),
}));

const formats = Object.fromEntries(
  Object.entries(textFormats).map(([name, { pattern }]) => [name, pattern]),
);
const ajv = new Ajv({ strict: false, ownProperties: true, formats });

describe("what is made of a schema", () => {
  it("is valid, whatever the schema, and the same behind JSON", () => {
    fc.assert(
      fc.property(schema, fc.nat(), (of, seed) => {
        const isValid = ajv.compile(of);
        for (const value of fc.sample(arbitrary(of), { numRuns: 10, seed })) {
          expect(isValid(value), JSON.stringify([value, isValid.errors])).toBe(true);
          const carried: unknown = JSON.parse(JSON.stringify(value));
          expect(isDeepStrictEqual(carried, value), JSON.stringify(value)).toBe(true);
        }
        for (const size of ["least", "example", "full"] as const) {
          const value = sample(of, size);
          expect(isValid(value), JSON.stringify([size, value, isValid.errors])).toBe(true);
        }
        const example = new Function(`"use strict"; return ${exampleOf(of)};`)();
        expect(isValid(example), JSON.stringify([example, isValid.errors])).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it("leaves out what is not required, sometimes", () => {
    const properties = { a: { type: "null" }, b: { type: "null" } };
    const seen = fc.sample(arbitrary({ type: "object", properties, required: ["a"] }), 50);
    expect(new Set(seen.map((value) => Object.keys(value as object).join()))).toEqual(
      new Set(["a", "a,b"]),
    );
  });
});
