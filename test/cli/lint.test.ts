import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { lintRules } from "#codegen/rules/lint-table.js";
import { complete } from "../codegen/examples.ts";
import { stardust, temporaryFolder } from "./run.ts";

const folder = temporaryFolder("lint");
const write = (text: string) => writeFileSync(join(folder, "protocol.yaml"), text);
const warning = complete(lintRules["direction-by-default"]!.bad);
const error = complete(lintRules["secret-in-the-clear"]!.bad);
beforeEach(() => write(warning));

describe("stardust lint", () => {
  it("ends with 0 on warnings, with 1 on errors, and on warnings too where it is strict", () => {
    const { code, out, err } = stardust(folder, "lint");
    expect(code).toBe(0);
    expect(err).toContain("protocol.yaml:5:3 warning direction-by-default: ");
    expect(err).toContain("  5 |   snapshot:\n    |   ^^^^^^^^\n  help: ");
    expect(out).toContain("stardust explain");
    expect(err).not.toContain("\u001b");
    expect(stardust(folder, "lint", "--strict").code).toBe(1);
    write(error);
    expect(stardust(folder, "lint")).toMatchObject({ code: 1 });
    write(complete(lintRules["direction-by-default"]!.good));
    expect(stardust(folder, "lint", "--strict")).toMatchObject({ code: 0, err: "" });
  });

  it("shows people the first fifty findings and how many there are, and a program all", () => {
    const channels = Array.from({ length: 60 }, (_, id) => {
      return `  c${id}: { id: ${id}, delivery: reliable, direction: both, message: { x: u8 } }\n`;
    });
    write(`${warning.slice(0, warning.indexOf("channels:"))}channels:\n${channels.join("")}`);
    const { err } = stardust(folder, "lint");
    expect(err.match(/ warning doc-missing: /g)).toHaveLength(50);
    expect(err).toMatch(/\n60 problems \(10 not shown\)\n$/);
    const json = stardust(folder, "lint", "--error-format", "json");
    expect(JSON.parse(json.err).diagnostics).toHaveLength(60);
  });

  it("speaks JSON and GitHub's annotations", () => {
    const json = stardust(folder, "lint", "--error-format", "json");
    expect(JSON.parse(json.err)).toMatchObject({
      diagnostics: [{ code: "direction-by-default", severity: "warning", line: 5, column: 3 }],
    });
    const github = stardust(folder, "lint", "--error-format=github-actions").err;
    expect(github).toMatch(
      /^::warning file=protocol.yaml,line=5,col=3,endColumn=11,title=direction-by-default::/,
    );
    write(complete(lintRules["direction-by-default"]!.good));
    const clean = stardust(folder, "lint", "--error-format", "json");
    expect(JSON.parse(clean.out)).toEqual({ diagnostics: [], dropped: 0 });
  });

  it("reports the errors of a spec that has some, and ends with 1", () => {
    write(warning.replace("unreliable-sequenced", "unrelaible"));
    const { code, err } = stardust(folder, "lint");
    expect(code).toBe(1);
    expect(err).toContain("SD1203");
    expect(stardust(folder, "lint", "nope.yaml")).toMatchObject({ code: 1 });
  });
});
