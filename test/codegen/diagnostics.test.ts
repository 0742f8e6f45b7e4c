import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { resolveSpec } from "#codegen/model/resolve.js";
import { allDiagnostics, type Diagnostic, MAX_DIAGNOSTICS } from "#codegen/spec/diagnostics.js";
import { editDistance, suggest } from "#codegen/spec/distance.js";
import { formatDiagnostics } from "#codegen/spec/format.js";
import { type LoadedSpec, loadSpec, loadSpecFile } from "#codegen/spec/load.js";
import { MAX_SPEC_BYTES } from "#codegen/spec/yaml.js";
import { badSpecs, fileCodes } from "./bad-specs.ts";
import { head, options, smallest, unmark } from "./specs.ts";

function problems(spec: string | Uint8Array): { loaded: LoadedSpec; list: Diagnostic[] } {
  const loaded = loadSpec(spec, "protocol.yaml");
  resolveSpec(loaded);
  return { loaded, list: loaded.diagnostics.sorted() };
}

describe("every diagnostic", () => {
  it("has a bad spec that produces it", () => {
    const covered = new Set([...badSpecs.map((bad) => bad.code), ...fileCodes]);
    const lacking = [...allDiagnostics().keys()].filter((code) => !covered.has(code));
    expect(lacking).toEqual([]);
  });

  it("has a code of its own", () => {
    const codes = [...allDiagnostics().keys()];
    expect(codes.every((code) => /^SD1\d{3}$/.test(code))).toBe(true);
    expect(new Set(codes).size).toBe(codes.length);
  });

  it.each(badSpecs.map((bad, i) => [`${bad.code} #${i}`, bad] as const))(
    "%s points at what is wrong, and at nothing else",
    (_, bad) => {
      const { text, start, end } = unmark(bad.spec);
      const { loaded, list } = problems(text);
      const codes = new Set(list.map((d) => d.code));
      expect(codes, JSON.stringify(list, null, 1)).toEqual(
        new Set([bad.code, ...(bad.also ?? [])]),
      );
      const found = list.find((d) => d.code === bad.code)!;
      if (bad.says !== undefined) expect(found.message).toContain(bad.says);
      if (bad.suggests !== undefined) expect(found.suggestion).toBe(bad.suggests);
      if (bad.helps !== undefined) expect(found.help).toContain(bad.helps);
      if (start < 0) return;
      const from = loaded.source.position(start);
      expect({ line: found.line, column: found.column }).toEqual(from);
      if (end > start) expect(found.endColumn - found.column).toBe(end - start);
    },
  );
});

describe("the file itself", () => {
  it("is reported when it is not there", () => {
    const folder = mkdtempSync(join(tmpdir(), "stardust-"));
    try {
      const { diagnostics } = loadSpecFile(join(folder, "no.yaml"));
      expect(diagnostics.list[0]).toMatchObject({ code: "SD1001", line: 1, column: 1 });
      expect(loadSpecFile(folder).diagnostics.list[0]?.code).toBe("SD1001");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("is refused when it is huge or not UTF-8", () => {
    expect(problems(new Uint8Array(MAX_SPEC_BYTES + 1)).list[0]?.code).toBe("SD1002");
    expect(problems(Uint8Array.of(0x61, 0xff)).list[0]?.code).toBe("SD1003");
  });

  it("may begin with a byte order mark and have CRLF line ends", () => {
    const text = `\uFEFF${smallest.replaceAll("\n", "\r\n")}`;
    expect(problems(text).list).toEqual([]);
  });
});

describe("all problems of a file", () => {
  it("are reported at once, in the order of the file", () => {
    const spec = `${options("priority: 9", "unrelaible")}limits: { idle: 3 }\nzero: { join: { from: server } }\n`;
    expect(problems(spec).list.map((d) => d.code)).toEqual([
      "SD1203",
      "SD1104",
      "SD1101",
      "SD1503",
    ]);
  });

  it("are said once each, whatever YAML finds twice", () => {
    const spec = `${smallest.split("channels")[0]}channels: { a: { id: 0,\nmessage: { x: u8 } } }\n`;
    const { diagnostics } = loadSpec(spec, "a.yaml");
    const all = diagnostics.list.map(({ line, column, message }) => `${line}:${column} ${message}`);
    expect(all.length).toBeGreaterThan(0);
    expect(new Set(all).size).toBe(all.length);
  });

  it("are counted beyond the number that is kept", () => {
    const keys = Array.from({ length: MAX_DIAGNOSTICS + 50 }, (_, i) => `k${i}: 1\n`).join("");
    const { loaded, list } = problems(smallest + keys);
    expect(list.length).toBe(MAX_DIAGNOSTICS);
    expect(loaded.diagnostics.dropped).toBe(50);
  });
});

describe("printed", () => {
  const print = (spec: string, format: "text" | "json" | "github-actions") => {
    const { loaded, list } = problems(spec);
    return formatDiagnostics(list, loaded.source, { format, colour: false });
  };
  const bad = options("doc: x", "unrelaible");

  it("as text there are place, excerpt, carets and a hint", () => {
    expect(print(bad, "text")).toBe(
      [
        'protocol.yaml:7:15 error SD1203: "unrelaible" is not a delivery mode',
        "  7 |     delivery: unrelaible",
        '    |               ^^^^^^^^^^ did you mean "unreliable"?',
        "",
        "1 problem",
        "",
      ].join("\n"),
    );
  });

  it("as JSON there is one document", () => {
    const { diagnostics } = JSON.parse(print(bad, "json")) as { diagnostics: Diagnostic[] };
    expect(diagnostics[0]).toEqual({
      code: "SD1203",
      severity: "error",
      message: '"unrelaible" is not a delivery mode',
      file: "protocol.yaml",
      line: 7,
      column: 15,
      endColumn: 25,
      suggestion: "unreliable",
    });
  });

  it("for GitHub there is one command a problem, escaped", () => {
    const spec = `${head}channels: "50%\\n::stop"\n`;
    const text = print(spec, "github-actions");
    expect(text).toBe(
      '::error file=protocol.yaml,line=4,col=11,endColumn=24,title=SD1103::`channels` must be a map, not the text "50%25\\n::stop"\n',
    );
  });

  it("no control character of the spec reaches the terminal", () => {
    const text = print(`${head}channels: "\u009b31m\u202e x"\n`, "text");
    expect(text).not.toMatch(/(?![\n])[\p{Cc}\p{Bidi_Control}]/u);
  });

  it("long lines are cut around the place", () => {
    const spec = `${smallest}limits: { ${"maxAckDelayMs: 1,".padEnd(900)} idle: 3, ${" ".repeat(900)} }\n`;
    const lines = print(spec, "text").split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(200);
    expect(lines[1]!.slice(lines[2]!.indexOf("^")).startsWith("idle")).toBe(true);
  });

  it("colours stand only where they are asked for", () => {
    const { loaded, list } = problems(bad);
    const text = formatDiagnostics(list, loaded.source, { format: "text", colour: true });
    expect(text).toContain("\u001b[31merror\u001b[0m");
  });
});

describe("did you mean", () => {
  it("counts a swap of neighbours as one edit", () => {
    expect(editDistance("unrelaible", "unreliable")).toBe(1);
    expect(editDistance("", "abc")).toBe(3);
  });

  it("suggests nothing where nothing is near", () => {
    expect(suggest("leaderboard", ["join", "accept", "close"])).toBeUndefined();
    expect(suggest("x".repeat(5000), ["join"])).toBeUndefined();
  });
});
