import { afterEach, describe, expect, it } from "vitest";
import { resolveSpec } from "#codegen/model/resolve.js";
import { loadSpec } from "#codegen/spec/load.js";
import { type UnsupportedFeature, unsupported } from "#codegen/spec/unsupported.js";
import { badSpecs } from "./bad-specs.ts";
import { unmark } from "./specs.ts";

const table = unsupported as Record<string, unknown>;
const rows = { ...unsupported };
afterEach(() => void Object.assign(table, rows));

/** Codes reported for the bad spec of a feature whose row has been removed. */
function without(feature: UnsupportedFeature): string[] {
  const bad = badSpecs.find((b) => b.code === rows[feature]!.code)!;
  delete table[feature];
  const loaded = loadSpec(unmark(bad.spec).text, "protocol.yaml");
  const model = resolveSpec(loaded);
  expect(model === undefined).toBe(loaded.diagnostics.failed);
  return loaded.diagnostics.list.map((d) => d.code);
}

describe("a row removed from the table of what is missing", () => {
  const frontOnly: UnsupportedFeature[] = ["zero-other-body"];
  it.each(frontOnly)("is all that the front end needs for %s", (feature) => {
    expect(without(feature)).toEqual([]);
  });

  const rest = (Object.keys(rows) as UnsupportedFeature[]).filter((f) => !frontOnly.includes(f));
  it.each(rest)("never drops %s in silence where there is nothing that reads it", (feature) => {
    expect(without(feature).length).toBeGreaterThan(0);
  });
});
