import { describe, expect, it } from "vitest";
import { counterFamilies } from "#cli/counters.js";
import { entries } from "#cli/explain.js";
import { breakingRules } from "#codegen/rules/breaking-table.js";
import { lintRules } from "#codegen/rules/lint-table.js";
import { recordRules } from "#codegen/rules/record.js";
import { noteRules } from "#codegen/rules/record-notes.js";
import { usageRules } from "#codegen/rules/usage-rules.js";
import { allDiagnostics } from "#codegen/spec/diagnostics.js";
import { errorCodes } from "#src/errors.js";
import { stardust, temporaryFolder } from "./run.ts";

const folder = temporaryFolder("explain");

describe("stardust explain", () => {
  it("knows every code there is", () => {
    const known = [...allDiagnostics().keys(), ...Object.keys(lintRules)];
    known.push(...Object.keys(usageRules));
    known.push(...Object.keys(breakingRules), ...Object.keys(recordRules));
    known.push(...Object.keys(noteRules), ...Object.keys(errorCodes));
    known.push("STARDUST_SMALL_BUFFER");
    expect(new Set(known).size).toBe(known.length);
    for (const { prefix, table } of counterFamilies) {
      known.push(...Object.keys(table).map((name) => prefix + name));
    }
    // A port and a client have counters of one name.
    expect([...entries().keys()]).toEqual([...new Set(known)]);
  });

  it("says what a diagnostic means, with a bad and a good example, and what to do", () => {
    const { code, out, err } = stardust(folder, "explain", "SD1203");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^SD1203 \(error\): unknown delivery\n/);
    expect(out).toContain("Wrong:\n\n    channels:\n      hit: { id: 0, delivery: unrelaible,");
    expect(out).toContain("Right:");
    expect(out).toContain("What to do: `unreliable-sequenced` for state");
    expect(out).not.toContain("\u001b");
  });

  it("explains counters", () => {
    const refused = stardust(folder, "explain", "session.jump").out;
    expect(refused).toMatch(/^session\.jump \(counter of dropped datagrams\): a packet number/);
    expect(refused).not.toContain("What to do");
    const both = stardust(folder, "explain", "datagramsReceived").out;
    expect(both).toContain("of both protocols; of a client: datagrams that reached");
  });

  it("explains rules and errors of the runtime", () => {
    expect(stardust(folder, "explain", "reliable-state").out).toContain("lint warning");
    const breaking = stardust(folder, "explain", "member-removed").out;
    expect(breaking).toMatch(/Before:[\s\S]*After, breaking:[\s\S]*After, without a break:/);
    const runtime = stardust(folder, "explain", "stardust_port_bind").out;
    expect(runtime).toContain("STARDUST_PORT_BIND (run time)");
    const json = stardust(folder, "explain", "sd1203", "--json").out;
    expect(JSON.parse(json)).toMatchObject({ code: "SD1203", kind: "error" });
  });

  it("shows every rule with a bad and a good example", () => {
    const rules = new Set([...Object.keys(lintRules), ...Object.keys(recordRules)]);
    for (const [id, { kind }] of Object.entries(breakingRules)) {
      // What no rule knows cannot be shown; what breaks nothing has nothing better.
      if (id !== "wire-changed" && kind === "breaking") rules.add(id);
    }
    for (const id of rules) {
      const shown = entries()
        .get(id)!
        .examples.map(([, text]) => text);
      expect(new Set(shown).size, id).toBeGreaterThan(1);
      expect(shown.every((text) => text.trim() !== "")).toBe(true);
    }
    const published = stardust(folder, "explain", "version-published").out;
    expect(published).toMatch(/Published:[\s\S]*Refused:[\s\S]*Recorded:/);
  });

  it("lists all without a code", () => {
    const { code, out } = stardust(folder, "explain");
    expect(code).toBe(0);
    for (const name of ["SD1001", "doc-missing", "channel-removed", "version-published"]) {
      expect(out).toContain(`  ${name} `);
    }
  });

  it("guesses what was meant, and ends with 2", () => {
    const { code, err } = stardust(folder, "explain", "SD12033");
    expect(code).toBe(2);
    expect(err).toContain('did you mean "SD1203"?');
    expect(stardust(folder, "explain", "toString").code).toBe(2);
  });
});
