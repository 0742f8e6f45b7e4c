/** The page of the protocol: says all that the model has, and its diagrams are true to scale. */
import { describe, expect, it, test } from "vitest";
import { byteDiagram } from "#codegen/emit/diagram.js";
import { code, prose } from "#codegen/emit/markdown.js";
import { emitPage } from "#codegen/emit/page.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { loadSpec, loadSpecFile } from "#codegen/spec/load.js";
import { goodSpecs } from "./good-specs.ts";
import { kindsModel } from "./support/kinds.ts";

describe("the page", () => {
  const specs = Object.entries(goodSpecs);
  it.each(specs)("names every channel, type, member, value and zero message: %s", (_, spec) => {
    const model = resolveSpec(loadSpec(spec, "protocol.yaml"))!;
    const page = emitPage(model);
    for (const { name, id } of model.channels) {
      expect(page).toContain(`### Channel ${prose(name)}`);
      expect(page).toContain(`\`${(id + 1).toString(16).padStart(6, "0")}\``);
    }
    for (const struct of model.structs) {
      for (const member of struct.members) expect(page).toContain(`| ${code(member.name)} |`);
    }
    for (const { name, variants } of model.unions) {
      expect(page).toContain(`### Type ${name}`);
      for (const v of variants) expect(page).toContain(`| ${v.tag} | ${code(v.name)} |`);
    }
    for (const { name, values } of model.enums) {
      expect(page).toContain(`### Type ${name}`);
      for (const value of values)
        expect(page).toContain(`| ${code(value.name)} | ${value.value} |`);
    }
    for (const { name } of model.zero.messages) expect(page).toContain(`### Message ${name}`);
    expect(page).toContain(model.hash);
  });

  it("links to headings that are there", () => {
    const page = emitPage(resolveSpec(loadSpecFile("protocol.yaml"))!);
    const headings = [...page.matchAll(/^#+ (.*)$/gm)].map(([, text]) =>
      text!
        .toLowerCase()
        .replace(/[^\w -]/g, "")
        .replaceAll(" ", "-"),
    );
    for (const [, target] of page.matchAll(/\]\(#([^)]*)\)/g)) expect(headings).toContain(target);
    expect(new Set(headings).size).toBe(headings.length);
  });

  it("says where a member lies as long as that is fixed", () => {
    const page = emitPage(kindsModel());
    expect(page).toContain("| 0.1 | `weapon` | 2 bits | [`Weapon`](#type-weapon) |");
    expect(page).toContain("| then | `b` | 2 bytes | `u16` |".replace("then", "1"));
    expect(page).toContain("| then | `j` | 1 to 8 bytes | `varint`, zigzag |");
  });

  it("says how structs grow, how types hold themselves, and what maps and arrays are", () => {
    const page = emitPage(
      resolveSpec(
        loadSpec(
          `stardust: 1
protocol: { name: test, version: 3 }
security: plain
types:
  Tree: { maxDepth: 4, maxBytes: 200, struct: { n: u8, below: { list: { of: Tree, max: 2 } } } }
  Any: { union: { half: { type: f16, tag: 2 }, on: { type: bool, tag: 7, doc: A switch. }, tree: { type: Tree, tag: 9 } } }
channels:
  a:
    id: 0
    delivery: reliable
    extensible: true
    message:
      x: { array: { of: u16, length: 3 } }
      y: { u64: { as: number } }
      z: { map: { key: string, value: bool, max: 3 } }
      v: { type: Any, since: 2 }
      w: { type: u8, since: 3, default: 4, doc: More. }
`,
          "protocol.yaml",
        ),
      )!,
    );
    expect(page).toContain("| 0 | `x` | 6 bytes | array of 3 `u16` |");
    expect(page).toContain("| 6 | `y` | 8 bytes | `u64`, at most 2^53-1 |");
    expect(page).toContain("map of UTF-8 to `bool` (1 bit, alone in 1 byte); no key twice");
    expect(page).toContain("Extensible: a varint byte length of at most ");
    expect(page).toContain("Since version 2 follow");
    expect(page).toContain("| 0 | `w` | 1 byte | `u8` | More. From a writer that lacks it: `4`. |");
    expect(page).toContain("at most 4 lie in each other, and one takes at most 200 bytes");
    expect(page).toContain("| 7 | `on` | 1 bit | `bool` (1 bit, alone in 1 byte) | A switch. |");
    expect(page).toContain("### Type Tree");
  });

  it("is the same every time", () => {
    expect(emitPage(kindsModel())).toBe(emitPage(kindsModel()));
  });
});

test("a diagram has two characters a bit, and a row for what varies", () => {
  const text = byteDiagram([
    { name: "a", bits: 4, optional: false },
    { name: "long name", bits: 4, optional: false },
    { name: "b", bits: 40, optional: true },
    { name: "rest", bits: undefined, optional: false },
  ]);
  expect(text).toBe(`\`\`\`text
 0                   1                   2                   3
 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
|   a   |long na|                      [b]                      |
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
|           [b] (on)            |
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
|                           rest ...                            |
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+

cut short, in order: long name
\`\`\``);
});
