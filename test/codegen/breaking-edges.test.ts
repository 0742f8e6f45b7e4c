/**
 * Pairs of specs at the edges of the rules, beyond one example a rule: each with exactly the rules that must be reported,
 * and with peers of both, who misread each other where one of the rules breaks, and nowhere else.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { compareModels, isBreaking } from "#codegen/rules/breaking.js";
import { breakingRules } from "#codegen/rules/breaking-table.js";
import { breaksBetween, modelOf, type Peer, peersOf } from "./support/peers.ts";

const seed = Number(process.env["STARDUST_SEED"] ?? 1000);

const spec = (version: number, sections: string) =>
  `stardust: 1\nprotocol: { name: edges, version: ${version} }\nsecurity: plain\n${sections}`;
const channel = (rest: string, types = "") =>
  `channels:\n  hit: { id: 0, delivery: reliable, ${rest} }\n${types === "" ? "" : `types:\n  ${types}\n`}`;
const frozen = (members: string, types = "") => spec(1, channel(`message: { ${members} }`, types));
const grown = (version: number, members: string, rest = "", types = "") =>
  spec(version, channel(`extensible: true, ${rest} message: { ${members} }`, types));
const join = (schema: string) =>
  frozen("a: u8").concat(
    `zero:\n  join:\n    body: { type: object, properties: { x: ${schema} } }\n`,
  );

const sealedJoin = (members: string) =>
  frozen("a: u8")
    .replace("security: plain\n", "")
    .concat(`zero:\n  join:\n    body: { type: object, properties: { ${members} } }\n`);

const b = "b: { type: bool, since: 2 }";
const c = "c: { type: u16, since: 3 }";
const deep = (version: number, item: string) =>
  spec(
    version,
    channel(
      "message: { all: Outer }",
      `Outer: { struct: { m: { map: { key: u8, value: { list: { of: { array: { of: Choice, length: 1 } }, max: 2 } } } } } }
  Choice: { union: { item: Item, none: bool } }
  Item: { extensible: true, struct: { ${item} } }`,
    ),
  );
const circle = (version: number, members: string, options: string) =>
  grown(
    version,
    "node: Node",
    "",
    `Node: { ${options}extensible: true, struct: { text: string${members} } }`,
  );
const next = ", next: { type: Node, optional: true, since: 2 }";

const nextOf = (name: string) => `next: { type: ${name}, optional: true, since: 1 }`;
const chain = frozen(
  "a: One",
  `One: { extensible: true, struct: { n: u8, ${nextOf("Two")} } }
  Two: { extensible: true, struct: { n: u8, ${nextOf("Three")} } }
  Three: { extensible: true, struct: { n: u8 } }`,
);
const folded = (maxDepth: number) =>
  frozen(
    "a: One",
    `One: { maxDepth: ${maxDepth}, extensible: true, struct: { n: u8, ${nextOf("One")} } }`,
  );

/** The whole header of the table's example, with these fields of the sender's own. */
const header = (own: string) =>
  breakingRules["header-changed"]!.after.replace("    - { name: tick, type: u32 }\n", own);
const tick = "    - { name: tick, type: u32 }\n";
const load = "    - { name: load, type: u32 }\n";

/** A rule with a dash in front must be among those found, and breaks no peer in this case: it is cautious. */
const cases: readonly (readonly [what: string, before: string, after: string, rules: string])[] = [
  [
    "a group of a later version",
    grown(1, "a: u8"),
    grown(2, `a: u8, ${b}`),
    "extensible-member-added",
  ],
  [
    "several groups at once",
    grown(1, "a: u8"),
    grown(3, `a: u8, ${b}, ${c}`),
    "extensible-member-added",
  ],
  [
    "a group under a number that the older version had",
    grown(5, "a: u8"),
    grown(6, `a: u8, ${b}`),
    "extensible-member-added",
  ],
  [
    "a group, both under one version",
    grown(2, "a: u8"),
    grown(2, `a: u8, ${b}`),
    "extensible-member-added",
  ],
  [
    "a member in a group, both under one version",
    grown(2, `a: u8, ${b}`),
    grown(2, `a: u8, ${b}, d: { type: u8, since: 2 }`),
    "member-since-late",
  ],
  [
    "a group in front of another",
    grown(3, `a: u8, ${c}`),
    grown(4, `a: u8, ${b}, ${c}`),
    "member-since-changed member-since-late",
  ],
  [
    "a member without `since` in an extensible message",
    grown(2, `a: u8, ${b}`),
    grown(3, `a: u8, d: u8, ${b}`),
    "member-added",
  ],
  [
    "the first group gone, the second left",
    grown(3, `a: u8, ${b}, ${c}`),
    grown(4, `a: u8, ${c}`),
    "member-removed member-since-changed",
  ],
  [
    "the place of a group used again",
    grown(2, `a: u8, ${b}`),
    grown(3, `a: u8, ${c}`),
    "member-removed member-since-late",
  ],
  [
    "a group under another name and number",
    grown(2, `a: u8, ${b}`),
    grown(3, "a: u8, d: { type: bool, since: 3 }"),
    "member-renamed since-renumbered",
  ],
  [
    "a member from a group into the first one",
    grown(2, `a: bool, ${b}`),
    grown(2, "a: bool, b: bool"),
    "member-since-changed",
  ],
  [
    "the same, without bits",
    grown(2, "a: u8, b: { type: u8, since: 2 }"),
    grown(2, "a: u8, b: u8"),
    "-member-since-changed",
  ],
  [
    "growth with a stated bound",
    grown(1, "a: u8", "maxBytes: 10,"),
    grown(2, "a: u8, b: { bytes: { maxBytes: 50 }, since: 2 }", "maxBytes: 90,"),
    "extensible-member-added",
  ],
  [
    "growth with a bound that became lower",
    grown(1, "a: u8", "maxBytes: 90,"),
    grown(2, `a: u8, ${b}`, "maxBytes: 10,"),
    "extensible-member-added",
  ],
  [
    "a lower bound",
    grown(1, "a: string", "maxBytes: 900,"),
    grown(1, "a: string", "maxBytes: 300,"),
    "channel-bound-changed",
  ],
  [
    "a default that an enum's value has under its new name",
    grown(2, "a: u8, e: { enum: { x: 0, y: 1 }, since: 2, default: y }"),
    grown(2, "a: u8, e: { enum: { x: 0, z: 1 }, since: 2, default: z }"),
    "enum-value-renamed",
  ],
  ["growth deep inside", deep(1, "a: u8"), deep(3, `a: u8, ${b}, ${c}`), "extensible-member-added"],
  [
    "another type deep inside what has grown",
    deep(1, "a: u8"),
    deep(3, `a: u16, ${b}, ${c}`),
    "extensible-member-added member-type-changed",
  ],
  [
    "an extensible struct inside that no longer is",
    deep(1, "a: u8"),
    deep(1, "a: u8").replace("extensible: true, ", ""),
    "extensible-changed",
  ],
  [
    "a circle through a new member",
    circle(1, "", ""),
    circle(2, next, "maxDepth: 3, "),
    "extensible-member-added",
  ],
  [
    "a circle through a new member, with too few bytes",
    circle(1, "", ""),
    circle(2, next, "maxDepth: 3, maxBytes: 100, "),
    "extensible-member-added recursion-bound-changed",
  ],
  [
    "a circle that is cut open again",
    circle(2, next, "maxDepth: 3, "),
    circle(3, "", ""),
    "extensible-member-removed",
  ],
  [
    "a bound on the bytes of a circle",
    circle(2, next, "maxDepth: 3, "),
    circle(2, next, "maxDepth: 3, maxBytes: 100, "),
    "recursion-bound-changed",
  ],
  [
    "three structs in each other that became one in itself, deep enough",
    chain,
    folded(3),
    "extensible-member-added types-regrouped",
  ],
  [
    "three structs in each other that became one in itself, not deep enough",
    chain,
    folded(2),
    "extensible-member-added recursion-bound-changed",
  ],
  [
    "a struct renamed with its member",
    frozen("pos: { struct: { x: u8 } }"),
    frozen("where: { struct: { x: u8 } }"),
    "member-renamed",
  ],
  [
    "a union renamed with its member",
    frozen("pos: { union: { x: { struct: { y: u8 } } } }"),
    frozen("where: { union: { x: { struct: { y: u8 } } } }"),
    "member-renamed",
  ],
  [
    "an enum renamed with its member",
    frozen("pos: { enum: { x: 0, y: 1 } }"),
    frozen("where: { enum: { x: 0, y: 1 } }"),
    "member-renamed",
  ],
  [
    "another enum of as many bits in the place of one",
    frozen("pos: { enum: { x: 0, y: 1 } }"),
    frozen("where: { enum: { x: 0, z: 1, y: 3 } }"),
    "member-added member-removed",
  ],
  [
    "a value of an enum in the keys of a map",
    frozen("m: { map: { key: { enum: { x: 0, y: 1 } }, value: u8 } }"),
    frozen("m: { map: { key: { enum: { x: 0, y: 1, z: 2 } }, value: u8 } }"),
    "enum-value-added",
  ],
  [
    "the keys of a map",
    frozen("m: { map: { key: u8, value: u8 } }"),
    frozen("m: { map: { key: i8, value: u8 } }"),
    "member-type-changed",
  ],
  [
    "the values of a map",
    frozen("m: { map: { key: u8, value: u8 } }"),
    frozen("m: { map: { key: u8, value: f32 } }"),
    "member-type-changed",
  ],
  [
    "the bound of a map",
    frozen("m: { map: { key: u8, value: u8, max: 3 } }"),
    frozen("m: { map: { key: u8, value: u8, max: 2 } }"),
    "member-bound-changed",
  ],
  [
    "a list for an array",
    frozen("m: { array: { of: u8, length: 3 } }"),
    frozen("m: { list: { of: u8, max: 3 } }"),
    "member-type-changed",
  ],
  ["the width of a float", frozen("m: f16"), frozen("m: f32"), "member-type-changed"],
  ["NaN in a float", frozen("m: f16"), frozen("m: { f16: { nan: true } }"), "member-nan-changed"],
  ["no NaN any more", frozen("m: { f64: { nan: true } }"), frozen("m: f64"), "member-nan-changed"],
  ["`nan: false` said or not", frozen("m: { f64: { nan: false } }"), frozen("m: f64"), ""],
  [
    "bytes for text",
    frozen("m: { string: { maxBytes: 9 } }"),
    frozen("m: { bytes: { maxBytes: 9 } }"),
    "member-type-changed",
  ],
  [
    "a tag for a name, where the order had given the same",
    frozen("u: { union: { x: u8, y: bool } }"),
    frozen("u: { union: { x: { type: u8, tag: 0 }, y: { type: bool, tag: 1 } } }"),
    "",
  ],
  [
    "another tag",
    frozen("u: { union: { x: u8, y: bool } }"),
    frozen("u: { union: { x: { type: u8, tag: 0 }, y: { type: bool, tag: 7 } } }"),
    "variant-retagged",
  ],
  [
    "the type of a variant",
    frozen("u: { union: { x: u8, y: bool } }"),
    frozen("u: { union: { x: i8, y: bool } }"),
    "member-type-changed",
  ],
  [
    "the bound of a variant",
    frozen("u: { union: { x: { string: { maxBytes: 4 } }, y: bool } }"),
    frozen("u: { union: { x: { string: { maxBytes: 8 } }, y: bool } }"),
    "member-bound-changed",
  ],
  [
    "the doc of a variant",
    frozen("u: { union: { x: u8, y: bool } }"),
    frozen("u: { union: { x: { type: u8, doc: X. }, y: bool } }"),
    "docs-changed",
  ],
  [
    "a variant renamed, and its struct with it",
    frozen("u: { union: { x: { struct: { z: u8 } } } }"),
    frozen("u: { union: { y: { struct: { z: u8 } } } }"),
    "variant-renamed",
  ],
  [
    "two enums that became one",
    frozen("a: A, b: B", "A: { enum: { x: 0, y: 1 } }\n  B: { enum: { x: 0, y: 1 } }"),
    frozen("a: A, b: A", "A: { enum: { x: 0, y: 1 } }"),
    "types-regrouped",
  ],
  [
    "a union that became two",
    frozen("a: A, b: A", "A: { union: { x: u8 } }"),
    frozen("a: A, b: B", "A: { union: { x: u8 } }\n  B: { union: { x: u8 } }"),
    "types-regrouped",
  ],
  [
    "a type under another name",
    frozen("a: A", "A: { struct: { x: u8 } }"),
    frozen("a: B", "B: { struct: { x: u8 } }"),
    "",
  ],
  [
    "two types that became one, of which one has grown",
    spec(
      1,
      channel(
        "message: { a: A, b: B }",
        "A: { extensible: true, struct: { x: u8 } }\n  B: { extensible: true, struct: { x: u8, y: { type: bool, since: 1 } } }",
      ),
    ),
    spec(
      1,
      channel(
        "message: { a: B, b: B }",
        "B: { extensible: true, struct: { x: u8, y: { type: bool, since: 1 } } }",
      ),
    ),
    "extensible-member-added types-regrouped",
  ],
  [
    "own header fields that exchanged their names",
    header(tick + load),
    header(load + tick),
    "header-changed",
  ],
  ["an own header field under another name", header(tick), header(load), "header-field-renamed"],
  [
    "the doc of an own header field",
    header(tick),
    header(tick.replace("u32", "u32, doc: A step.")),
    "docs-changed",
  ],
  [
    "slices of messages that never need them",
    spec(1, channel("fragment: false, message: { a: u8 }")),
    frozen("a: u8"),
    "sending-changed",
  ],
  [
    "a member of a body's object in an array",
    join(
      "{ type: array, maxItems: 2, items: { type: object, properties: { y: { type: boolean } } } }",
    ),
    join(
      "{ type: array, maxItems: 2, items: { type: object, properties: { y: { type: boolean }, z: { type: boolean } } } }",
    ),
    "zero-optional-added",
  ],
  [
    "a needed member of a body's object in an array",
    join(
      "{ type: array, maxItems: 2, items: { type: object, properties: { y: { type: boolean } } } }",
    ),
    join(
      "{ type: array, maxItems: 2, items: { type: object, required: [z], properties: { y: { type: boolean }, z: { type: boolean } } } }",
    ),
    "zero-member-required",
  ],
  [
    "longer arrays in a body",
    join("{ type: array, maxItems: 2, items: { type: boolean } }"),
    join("{ type: array, maxItems: 3, items: { type: boolean } }"),
    "zero-member-changed",
  ],
];

describe(`a comparison (STARDUST_SEED=${seed})`, () => {
  let peers: ReadonlyMap<string, Peer>;

  beforeAll(async () => {
    peers = await peersOf(
      "breaking-edges",
      cases.flatMap(([, before, after]) => [before, after]),
    );
  }, 120_000);

  it.each(cases)("of %s finds what breaks, and nothing else", (_what, before, after, wanted) => {
    const changes = compareModels(modelOf(before), modelOf(after));
    const rules = new Set(changes.map(({ rule }) => rule).filter((id) => id !== "version-changed"));
    const cautious = wanted.startsWith("-");
    expect([...rules].sort().join(" "), JSON.stringify(changes, null, 1)).toBe(
      wanted.replace("-", cautious ? "" : "-"),
    );
    const shown = breaksBetween(peers.get(before)!, peers.get(after)!, seed);
    if (cautious || !changes.some(isBreaking)) expect(shown).toEqual([]);
    else expect(shown.length).toBeGreaterThan(0);
  });

  it("parts versions of which one alone seals a member of join, and no others", () => {
    const name = "name: { type: string, maxLength: 9 }";
    const secret = "name: { type: string, maxLength: 9, secret: true }";
    const pin = "pin: { type: boolean, secret: true }";
    const rules = (before: string, after: string): string[] =>
      compareModels(modelOf(sealedJoin(before)), modelOf(sealedJoin(after)))
        .filter(({ rule }) => rule !== "version-changed")
        .map(({ rule, message }) => `${rule}: ${message}`)
        .sort();
    const body = "of the body of `join`";
    expect(rules(name, secret)).toEqual([`zero-member-changed: \`name\` ${body} is now secret`]);
    expect(rules(secret, name)).toEqual([
      `zero-member-changed: \`name\` ${body} is no longer secret`,
    ]);
    expect(rules(name, `${name}, ${pin}`)).toEqual([
      `zero-member-changed: \`pin\` is the first secret member ${body}`,
      expect.stringMatching(/^zero-optional-added: /),
    ]);
    expect(rules(`${name}, ${pin}`, name)).toEqual([
      `zero-member-changed: \`pin\` is gone, the last secret member ${body}`,
      expect.stringMatching(/^zero-optional-removed: /),
    ]);
    expect(rules(secret, `${secret}, ${pin}`)).toEqual([
      expect.stringMatching(/^zero-optional-added: /),
    ]);
  });

  it("says where a group's number promises more than the older version has", () => {
    const message = (older: number, newer: string) =>
      compareModels(modelOf(grown(older, "a: u8")), modelOf(newer)).find(
        ({ rule }) => rule === "extensible-member-added",
      )?.message;
    const newer = grown(3, `a: u8, ${b}`);
    expect(message(1, newer)).toBe("channel `hit` has a new member `b` since version 2");
    expect(message(2, newer)).toContain("if that one is published, raise `since`");
  });
});
