import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { resolveSpec } from "#codegen/model/resolve.js";
import { breakingRules } from "#codegen/rules/breaking-table.js";
import { formatSpec } from "#codegen/rules/formatter.js";
import { lintText } from "#codegen/rules/lint.js";
import { lintRules } from "#codegen/rules/lint-table.js";
import { loadSpec } from "#codegen/spec/load.js";
import { complete } from "./examples.ts";
import { goodSpecs } from "./good-specs.ts";
import { head, smallest } from "./specs.ts";

const format = (text: string): string => {
  const formatted = formatSpec(loadSpec(text, "protocol.yaml"));
  if (formatted === undefined) throw new Error(`not formatted:\n${text}`);
  return formatted;
};

/** The model without lines, which move. */
function model(text: string): unknown {
  const resolved = resolveSpec(loadSpec(text, "protocol.yaml"));
  return JSON.parse(JSON.stringify(resolved, (key, value) => (key === "line" ? 0 : value)));
}

const specs = [
  ...Object.values(goodSpecs),
  ...Object.values(lintRules).flatMap(({ bad, good }) => [complete(bad), complete(good)]),
  ...Object.values(breakingRules).flatMap(({ before, after }) => [
    complete(before),
    complete(after),
  ]),
];

describe("formatting", () => {
  it("is done after once, and keeps what the spec means, for every spec there is", () => {
    for (const spec of specs) {
      const once = format(spec);
      expect(format(once)).toBe(once);
      expect(model(once)).toEqual(model(spec));
    }
  });

  it("leaves the arena as it is", () => {
    const arena = readFileSync(new URL("../../protocol.yaml", import.meta.url), "utf8");
    expect(format(arena)).toBe(arena);
  });

  it("puts sections and keys in order, and keeps every comment where it belongs", () => {
    const before = `# Opening.

# About types.
types:   # behind types
    # about Vec
    Vec: { struct: { y: f32, x: f32 } } # behind Vec
channels:
  # about hit
  hit: # behind hit $1
    # about message
    message:
      a: u8 # behind a
      # before at
      at: {type: Vec, doc: "quoted, text"}
    # about delivery
    delivery: reliable
    id: 0 # the id
  # last in channels


security: 'plain'
protocol: {version: 1, name: game}
stardust: 1
# The end.
`;
    const after = `# Opening.

stardust: 1
protocol: { name: game, version: 1 }
security: "plain"

# About types.
types: # behind types
  # about Vec
  Vec: { struct: { y: f32, x: f32 } } # behind Vec

channels:
  # about hit
  hit: # behind hit $1
    id: 0 # the id
    # about delivery
    delivery: reliable
    # about message
    message:
      a: u8 # behind a
      # before at
      at: { type: Vec, doc: "quoted, text" }
  # last in channels

# The end.
`;
    expect(format(before)).toBe(after);
    expect(format(after)).toBe(after);
  });

  it("keeps what a comment allows", () => {
    const spec = complete(lintRules["allow-without-effect"]!.good);
    expect(lintText(format(spec), "").findings).toEqual([]);
  });

  it("keeps a comment on the line of its entry in flow style, and what it allows", () => {
    const allow = "# stardust-allow: doc-missing";
    const spec = `${head}channels:
  a: { ${allow}
    id: 0, delivery: reliable, doc: A., message: {
      x: { type: u8, doc: X. },
      y: u8, ${allow}
    }, # about the message
  }
  b: { id: 1, delivery: reliable, message: { z: { type: { list: { of: u8, max: 3 } }, doc: ${"z".repeat(50)} } } } ${allow}
`;
    const once = format(spec);
    expect(once).toContain(`  a: ${allow}\n    {\n`);
    expect(once).toContain(`          y: u8, ${allow}\n        },\n    }\n`);
    expect(once).toContain("      message: # about the message\n        {\n");
    expect(once).toContain(`  b: ${allow}\n    {\n`);
    expect(format(once)).toBe(once);
  });

  it("spells numbers as they were, those too that are no doubles", () => {
    const numbers = "[0x10, 1e3, 1.0, +2.5, 0o17, 18446744073709551615, 1_000]";
    expect(format(`${smallest}x: ${numbers}\n`)).toContain(`\nx: ${numbers}\n`);
  });

  it("breaks long maps and leaves long sentences alone", () => {
    const doc = `${"a long sentence ".repeat(12)}ends`;
    const spec = `${head}channels:
  a: { id: 0, delivery: reliable, doc: ${doc}, message: { x: u8 } }
  b:
    id: 1
    delivery: reliable
    doc: ${doc}
    message: { x: u8 }
`;
    const once = format(spec);
    expect(once).toContain(`    doc: ${doc}\n    message`);
    expect(once).toContain(`      doc: ${doc},\n      message: { x: u8 },\n    }\n`);
    expect(format(once)).toBe(once);
  });

  it("keeps keys that nobody knows, and reads a mark and other line ends", () => {
    const spec = `${head.replaceAll("\n", "\r\n")}channels: { a: { unknown: 1, id: 0 } }\r\nother: [1,2]\r\n`;
    expect(format(`\uFEFF${spec}`)).toBe(
      `${head}\nchannels: { a: { id: 0, unknown: 1 } }\nother: [1, 2]\n`.replace(
        "\n\nchannels",
        "\nchannels",
      ),
    );
  });

  it("refuses broken YAML", () => {
    for (const text of ["a: [", `${smallest}a: *b\n`, "", "- 1\n", `${smallest}---\nb: 1\n`]) {
      const loaded = loadSpec(text, "protocol.yaml");
      expect(formatSpec(loaded)).toBeUndefined();
      expect(loaded.diagnostics.list.length).toBeGreaterThan(0);
    }
  });

  it("survives shuffled keys, comments and layouts: done after once, nothing lost", () => {
    const word = fc.constantFrom(
      "x",
      "near",
      "two words",
      "it's",
      "a: b",
      "# no comment",
      "[1]",
      "%d $&",
    );
    const comment = fc.option(word, { nil: undefined });
    const channelKeys = fc.shuffledSubarray(
      ["delivery", "direction", "priority", "doc", "message"],
      { minLength: 5 },
    );
    const spec = fc.record({
      sections: fc.shuffledSubarray(["stardust", "protocol", "security", "limits", "channels"], {
        minLength: 5,
      }),
      keys: channelKeys,
      doc: fc.oneof(word, fc.lorem({ maxCount: 40 })),
      quote: fc.constantFrom("json", "block", "folded"),
      above: comment,
      behind: comment,
      within: comment,
      end: comment,
      gap: fc.nat(3),
      flow: fc.boolean(),
    });
    fc.assert(
      fc.property(spec, (s) => {
        const line = (c: string | undefined, indent: string) =>
          c === undefined ? "" : `${indent}# ${c}\n`;
        const tail = (c: string | undefined) => (c === undefined ? "" : ` # ${c}`);
        const doc =
          s.quote === "json"
            ? JSON.stringify(s.doc)
            : `${s.quote === "block" ? "|" : ">"}\n      ${s.doc}`;
        const rows: Record<string, string> = {
          delivery: "delivery: reliable",
          direction: "direction: both",
          priority: "priority: 2",
          doc: `doc: ${doc}`,
          message: s.flow
            ? "message: {x: u8,y: {list: {of: u8,max: 3}}}"
            : `message:${tail(s.within)}\n      x: u8\n${line(s.above, "      ")}      y: u16`,
        };
        const inner = s.keys.map((key) => `    ${rows[key]}`).join(`\n${line(s.within, "    ")}`);
        const parts: Record<string, string> = {
          stardust: `stardust: 1${tail(s.behind)}`,
          protocol: "protocol: {version: 2, name: t}",
          security: "security: 'plain'",
          limits: "limits:\n  keepAliveMs: 1000\n  maxDatagramBytes: 1200",
          channels: `channels:${tail(s.behind)}\n${line(s.above, "  ")}  a:${tail(s.within)}\n    id: 0\n${inner}`,
        };
        const text =
          s.sections
            .map((key) => `${line(s.above, "")}${parts[key]}\n${"\n".repeat(s.gap)}`)
            .join("") + line(s.end, "");
        const once = format(text);
        expect(format(once)).toBe(once);
        expect(model(once)).toEqual(model(text));
      }),
      { numRuns: 150 },
    );
  });
});
