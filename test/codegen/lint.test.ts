import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { lintText } from "#codegen/rules/lint.js";
import { lintRules } from "#codegen/rules/lint-table.js";
import { complete } from "./examples.ts";

function found(spec: string) {
  const { findings, loaded } = lintText(spec, "protocol.yaml");
  if (findings === undefined) throw new Error(JSON.stringify(loaded.diagnostics.sorted()));
  return findings;
}

const codes = (spec: string) => found(spec).map(({ code }) => code);

describe("every lint rule", () => {
  it.each(Object.entries(lintRules))(
    "%s finds its bad example and is content with the good one",
    (id, rule) => {
      const bad = codes(complete(rule.bad));
      expect(bad).toContain(id);
      expect(codes(complete(rule.good))).toEqual([]);
      // A bad example shows one mistake; a comment that allows nothing leaves its mistake standing.
      if (id !== "allow-without-effect") expect(new Set(bad)).toEqual(new Set([id]));
    },
  );

  it.each(Object.entries(lintRules))("%s points at a line and says what to do", (id, rule) => {
    const finding = found(complete(rule.bad)).find(({ code }) => code === id)!;
    expect(finding.line).toBeGreaterThan(0);
    expect(finding.endColumn).toBeGreaterThan(finding.column);
    expect(finding.help!.length).toBeGreaterThan(10);
    expect(rule.why.length).toBeGreaterThan(40);
  });

  it.each(Object.entries(lintRules))(
    "%s can be allowed on its line or the one above",
    (id, rule) => {
      if (id === "allow-without-effect") return;
      const spec = complete(rule.bad);
      const lines = spec.split("\n");
      const places = [...new Set(found(spec).map(({ line }) => line))].sort((a, b) => b - a);
      const behind = [...lines];
      const above = [...lines];
      for (const line of places) {
        behind[line - 1] += ` # stardust-allow: ${id} -- a test`;
        above.splice(line - 1, 0, `# stardust-allow: ${id}`);
      }
      expect(codes(behind.join("\n"))).toEqual([]);
      expect(codes(above.join("\n"))).toEqual([]);
    },
  );

  it("has an id of words and dashes", () => {
    for (const id of Object.keys(lintRules)) expect(id).toMatch(/^[a-z]+(-[a-z]+)+$/);
  });
});

describe("lint", () => {
  it("finds nothing in the arena", () => {
    const spec = readFileSync(new URL("../../protocol.yaml", import.meta.url), "utf8");
    expect(found(spec)).toEqual([]);
  });

  it("does not lint what has errors", () => {
    expect(lintText("stardust: 1\n", "protocol.yaml").findings).toBeUndefined();
  });

  it("guesses the rule that a comment meant", () => {
    const [finding] = found(complete(lintRules["allow-without-effect"]!.bad)).filter(
      ({ code }) => code === "allow-without-effect",
    );
    expect(finding).toMatchObject({ suggestion: "doc-missing", severity: "warning" });
  });

  it("names a comment that is no longer needed", () => {
    const spec = complete(
      lintRules["doc-missing"]!.good.replace("chat:", "chat: # stardust-allow: doc-missing"),
    );
    expect(found(spec)).toMatchObject([{ code: "allow-without-effect", line: 5 }]);
  });

  it("sees which value of a range an older peer seems to have chosen", () => {
    const grown = (member: string) =>
      lintRules["since-without-default"]!.bad.replace(
        "{ enum: { bow: 0, axe: 1 }, since: 2 }",
        member,
      );
    const message = (member: string) => found(grown(member)).map((finding) => finding.message)[0];
    expect(message("{ u8: { min: 10, max: 20 }, since: 2 }")).toContain("is 10, without");
    expect(message("{ i8: { min: -20, max: -10 }, since: 2 }")).toContain("is -10, without");
    for (const fine of [
      "{ u8: { min: 0, max: 20 }, since: 2 }",
      "{ u8: { min: 10, max: 20 }, since: 2, default: 11 }",
      "{ enum: { bow: 0, axe: 1 }, since: 2, optional: true }",
      "{ enum: { bow: 0, axe: 1 } }",
    ]) {
      expect(codes(grown(fine))).toEqual([]);
    }
  });

  it("leaves alone what only looks like a mistake", () => {
    const fine = [
      // Chess: a move is no state, and has no fractions.
      "channels:\n  move: { id: 0, delivery: reliable-ordered, direction: both, doc: A move., message: { from: u8, to: u8 } }\n",
      // Ids by a plan of tens.
      "channels:\n  a: { id: 10, delivery: reliable, direction: both, doc: A., message: { x: u8 } }\n  b: { id: 20, delivery: reliable, direction: both, doc: B., message: { x: u8 } }\n",
      // Precise on purpose.
      "channels:\n  fix: { id: 0, delivery: unreliable, direction: both, doc: GPS., message: { latitude: f64, longitude: f64 } }\n",
      // Bounds for all in one place.
      "limits: { defaultMaxStringBytes: 64 }\nchannels:\n  a: { id: 0, delivery: reliable, direction: both, doc: A., message: { name: string } }\n",
      // A monotonic counter and a keyboard's token.
      "channels:\n  a: { id: 0, delivery: unreliable, direction: both, doc: A., message: { tick: u32, sequence: u16, keys: u8 } }\n",
    ];
    for (const sections of fine) expect(codes(complete(sections))).toEqual([]);
  });
});
