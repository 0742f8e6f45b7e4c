import { describe, expect, it } from "vitest";
import { resolveSpec } from "#codegen/model/resolve.js";
import { explanations } from "#codegen/rules/explanations.js";
import { allDiagnostics } from "#codegen/spec/diagnostics.js";
import { loadSpec } from "#codegen/spec/load.js";
import { complete } from "./examples.ts";
import { header } from "./specs.ts";

function codes(spec: string): string[] {
  const loaded = loadSpec(spec, "protocol.yaml");
  resolveSpec(loaded);
  return loaded.diagnostics.sorted().map(({ code }) => code);
}

/** What is about the file, or needs more than an example can hold. */
const withoutExample = new Set(["SD1001", "SD1002", "SD1003", "SD1418", "SD1422"]);

describe("every diagnostic", () => {
  it.each([...allDiagnostics().keys()])(
    "%s is explained, and its examples are what they say",
    (code) => {
      const row = explanations[code];
      expect(row, `codegen/rules/explanations.ts lacks ${code}`).toBeDefined();
      const { means, fix, bad, good, shows } = row!;
      expect(means.length).toBeGreaterThan(20);
      expect(fix.length).toBeGreaterThan(5);
      if (withoutExample.has(code)) return;
      const inHeader = shows === "header lines";
      expect(codes(inHeader ? header([good!, bad!]) : complete(bad!))).toContain(code);
      expect(codes(inHeader ? header([good!, good!]) : complete(good!))).toEqual([]);
    },
  );
});
