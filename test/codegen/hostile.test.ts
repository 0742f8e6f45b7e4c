import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { resolveSpec } from "#codegen/model/resolve.js";
import { formatDiagnostics } from "#codegen/spec/format.js";
import { loadSpec } from "#codegen/spec/load.js";
import { goodSpecs } from "./good-specs.ts";

/** Loads, resolves and prints; what matters is that it comes back, with a model or a reason. */
function survive(spec: string | Uint8Array): readonly string[] {
  const loaded = loadSpec(spec, "hostile.yaml");
  const model = resolveSpec(loaded);
  const { diagnostics, source } = loaded;
  for (const format of ["text", "json", "github-actions"] as const) {
    formatDiagnostics(diagnostics.sorted(), source, { format, colour: false });
  }
  expect(model === undefined).toBe(diagnostics.failed);
  return diagnostics.list.map((d) => d.code);
}

describe("hostile YAML", () => {
  const cases: Readonly<Record<string, readonly [spec: string, code: string]>> = {
    "an alias bomb": ["a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: [*c,*c]\n", "SD1006"],
    "brackets without end": ["[".repeat(1 << 20), "SD1010"],
    "braces without end": ["{a: ".repeat(200_000), "SD1010"],
    "dashes without end": ["- ".repeat(400_000), "SD1010"],
    "question marks without end": ["? ".repeat(400_000), "SD1010"],
    "a staircase": [
      Array.from({ length: 900 }, (_, i) => `${" ".repeat(i)}a:`).join("\n"),
      "SD1010",
    ],
    "the same key again and again": ["a: 1\n".repeat(20_000), "SD1009"],
    "very many keys": [Array.from({ length: 20_000 }, (_, i) => `k${i}: 1`).join("\n"), "SD1101"],
    "many documents": ["a: 1\n---\n".repeat(2000), "SD1005"],
    "a tag that names code": ["a: !!js/function 'x'\n", "SD1008"],
    "a prototype": ["__proto__: { stardust: 1 }\n", "SD1101"],
    "a binary": ["\0\u0001\u0002", "SD1103"],
    nothing: ["", "SD1103"],
    "quotes without end": ['"'.repeat(100_000), "SD1004"],
    "numbers that are none": ["stardust: .nan\nprotocol: -.inf\n", "SD1105"],
    "a question mark among required names": [
      "stardust: 1\nprotocol: { name: a }\nsecurity: plain\nchannels: { a: { id: 0, delivery: reliable, message: { x: u8 } } }\nzero: { join: { sys: { type: object, required: [version, ?], properties: { version: { type: integer, minimum: 0, maximum: 4294967295 } } } } }",
      "SD1011",
    ],
    "a list of lists of lists that no memory holds": [
      `stardust: 1\nprotocol: { name: a }\nsecurity: plain\nchannels: { a: { id: 0, delivery: reliable, message: { x: ${"{ list: { of: ".repeat(29)}u8${"} }".repeat(29)} } } }`,
      "SD1314",
    ],
  };
  it.each(Object.entries(cases))("%s is a diagnostic", (_, [spec, code]) => {
    expect(survive(spec)).toContain(code);
  });
});

describe("a value that YAML cannot give", () => {
  // `?` among the items of a flow list is a map without an end: YAML reports it, and the node is a map where any value may have stood.
  it.each(Object.entries(goodSpecs))("stops no stage, wherever it stands in %s", (_, spec) => {
    const places = [...spec.matchAll(/[^\s{}[\],:'"]+/g)];
    // All of most specs; of the long ones an even choice.
    const stride = Math.ceil(places.length / 150);
    for (const { index, 0: found } of places.filter((_, i) => i % stride === 0)) {
      survive(`${spec.slice(0, index)}?${spec.slice(index + found.length)}`);
    }
  });
});

describe("random specs", () => {
  const seeds = Object.values(goodSpecs);
  const words = [
    ..."{ } [ ] : , - ? & * ! | > ' \" # % @ ` \n".split(" "),
    ..."null ~ true .inf 1e999 0x7f -1 2147483648 9007199254740993 u8 struct list enum of max bits step".split(
      " ",
    ),
    ..."__proto__ constructor <<: *a &a !!map when role type sys body properties ✨ \u0000 \ud800".split(
      " ",
    ),
  ];

  it("of random bytes never crash the generator", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void survive(bytes)));
  });

  it("of mutated text never crash the generator", () => {
    const edit = fc.record({
      at: fc.nat(),
      cut: fc.nat(40),
      put: fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 8 })),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(...seeds),
        fc.array(edit, { minLength: 1, maxLength: 4 }),
        (spec, edits) => {
          for (const { at, cut, put } of edits) {
            const from = at % (spec.length + 1);
            spec = spec.slice(0, from) + put + spec.slice(from + cut);
          }
          survive(spec);
        },
      ),
      { numRuns: 400 },
    );
  });

  it("with one value replaced by another never crash the generator", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...seeds),
        fc.nat(),
        fc.oneof(fc.constantFrom(...words), fc.json({ maxDepth: 3 })),
        (spec, pick, value) => {
          const values = [...spec.matchAll(/: ([^\s{}[\],]+)/g)];
          const at = values[pick % values.length]!;
          survive(`${spec.slice(0, at.index)}: ${value}${spec.slice(at.index + at[0].length)}`);
        },
      ),
      { numRuns: 400 },
    );
  });
});
