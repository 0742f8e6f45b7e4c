/** The page of the protocol: says all that the model has, and its diagrams are true to scale. */
import { describe, expect, it, test } from "vitest";
import { byteDiagram } from "#codegen/emit/diagram.js";
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
      expect(page).toContain(`### Channel ${name.replace(/^_/, "&#95;")}`);
      expect(page).toContain(`\`${(id + 1).toString(16).padStart(6, "0")}\``);
    }
    for (const struct of model.structs) {
      for (const member of struct.members) expect(page).toContain(`| \`${member.name}\` |`);
    }
    for (const { name, values } of model.enums) {
      expect(page).toContain(`### Type ${name}`);
      for (const value of values) expect(page).toContain(`| \`${value.name}\` | ${value.value} |`);
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
