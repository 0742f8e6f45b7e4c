import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { deliveries } from "#codegen/model/delivery.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { loadSpec } from "#codegen/spec/load.js";
import { limitTable } from "#codegen/spec/parse-limits.js";
import { bareNames } from "#codegen/spec/type-names.js";
import { badSpecs } from "./bad-specs.ts";
import { goodSpecs } from "./good-specs.ts";
import { unmark } from "./specs.ts";

const schema = JSON.parse(
  readFileSync(new URL("../../codegen/spec/protocol.schema.json", import.meta.url), "utf8"),
) as Record<string, never>;
const validate = new Ajv({ strict: true, strictTypes: false, strictRequired: false }).compile(
  schema,
);

describe("protocol.schema.json and the generator's own checks", () => {
  it.each(Object.entries(goodSpecs))("both accept %s", (_, spec) => {
    const loaded = loadSpec(spec, "protocol.yaml");
    expect(resolveSpec(loaded), JSON.stringify(loaded.diagnostics.list)).toBeDefined();
    expect(validate(parse(spec)), JSON.stringify(validate.errors)).toBe(true);
  });

  const judged = badSpecs.filter((bad) => bad.schema !== undefined);
  it.each(judged.map((bad, i) => [`${bad.code} #${i}`, bad] as const))(
    "agree on %s, as far as it is about structure",
    (_, bad) => {
      const accepted = validate(parse(unmark(bad.spec).text));
      expect(accepted ? "accepts" : "refuses").toBe(bad.schema);
    },
  );

  it("have the same limits and defaults", () => {
    const { definitions } = schema as unknown as {
      definitions: { limits: { properties: Record<string, { default: number }> } };
    };
    const { maxDatagramBytes, keepAliveMs } = definitions.limits.properties;
    expect(maxDatagramBytes).toMatchObject({ minimum: 512, maximum: 1472, default: 1200 });
    expect(keepAliveMs).toMatchObject({ minimum: 50, maximum: 86_400_000, default: 2500 });
    expect(Object.keys(definitions.limits.properties)).toEqual(Object.keys(limitTable));
  });

  it("name the built-in types one by one, so that editors offer them", () => {
    const { definitions } = schema as unknown as { definitions: { member: { anyOf: object[] } } };
    expect(JSON.stringify(definitions.member.anyOf[0])).toContain(
      `"enum":${JSON.stringify(bareNames)}`,
    );
    expect(bareNames).toContain("f32");
    expect(bareNames).not.toContain("list");
  });

  it("offer the deliveries", () => {
    const text = JSON.stringify(schema);
    for (const delivery of deliveries) expect(text).toContain(`"${delivery}"`);
  });
});
