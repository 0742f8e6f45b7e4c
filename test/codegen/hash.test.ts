/** The protocol hash against another program that was written from docs/wire.md and reads the published model. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { emitModelJson } from "#codegen/emit/model-json.js";
import { emitVectors } from "#codegen/emit/vectors.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { loadSpec } from "#codegen/spec/load.js";
import { SeededRandom } from "#src/testing/index.js";
import { independentHash, independentText } from "../support/independent/hash.ts";
import { layoutSpecHead } from "../support/layout-world.ts";
import { layoutText, randomLayout } from "../support/random-layout.ts";
import { Evolving } from "./support/evolving.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const specs = [
  "protocol.yaml",
  ...readdirSync(`${root}test/specs`, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => `test/specs/${file.replaceAll("\\", "/")}`),
].sort();

/** Both hashes of a spec; undefined for one that has errors. */
function hashes(text: string): { own: string; independent: string } | undefined {
  const model = resolveSpec(loadSpec(text, "spec.yaml"));
  if (model === undefined) return undefined;
  return { own: model.hash, independent: independentHash(emitModelJson(model)) };
}

test.each(specs)("%s has the hash that the page tells", (file) => {
  const both = hashes(readFileSync(root + file, "utf8"));
  expect(both?.independent).toBe(both!.own);
});

test.each(specs)("the vectors of %s have the text that its hash is taken of", (file) => {
  const model = resolveSpec(loadSpec(readFileSync(root + file, "utf8"), file))!;
  const { hash, canonical } = JSON.parse(emitVectors(model)).protocol;
  expect(createHash("sha256").update(canonical, "utf8").digest("hex").slice(0, 32)).toBe(hash);
  expect(canonical).toBe(independentText(emitModelJson(model)));
});

test("what the threads of a server say to each other is not in it", () => {
  const spec = readFileSync(`${root}test/specs/match.yaml`, "utf8");
  const [without] = spec.split("system:\n");
  expect(without).not.toBe(spec);
  expect(hashes(without!)?.own).toBe(hashes(spec)!.own);
});

test("the checked-in model of the arena has the hash that it says", () => {
  const text = readFileSync(`${root}generated/model.json`, "utf8");
  expect(independentHash(text)).toBe(JSON.parse(text).hash);
});

test("random layouts have the hash that the page tells, and each its own", () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 100; seed++) {
    const text = layoutSpecHead + layoutText(randomLayout(new SeededRandom(seed)));
    const both = hashes(text);
    expect(both?.independent, `seed ${seed}`).toBe(both!.own);
    seen.add(both!.own);
  }
  expect(seen.size).toBe(100);
});

test("random types, and what they grow to, have the hash that the page tells", () => {
  let compared = 0;
  for (let seed = 0; seed < 60; seed++) {
    const evolving = new Evolving(new SeededRandom(seed));
    for (let step = 0; step < 3; step++) {
      const both = hashes(evolving.spec);
      if (both === undefined) continue;
      compared++;
      expect(both.independent, `seed ${seed}, step ${step}`).toBe(both.own);
      evolving.grow();
    }
  }
  expect(compared).toBeGreaterThan(100);
});

test("a type that holds itself, directly and around others, has the hash that the page tells", () => {
  const both = hashes(`stardust: 1
protocol: { name: trees }
security: plain
types:
  Leaf: { struct: { value: svarint, near: { type: Side, optional: true } } }
  Side: { enum: { left: 0, right: 1 } }
  Node:
    maxDepth: 8
    struct: { side: Side, leaf: Leaf, inner: { list: { of: Either, max: 3 } } }
  Either: { union: { node: { tag: 0, type: Node }, leaf: { tag: 9, type: Leaf } } }
channels:
  tree: { id: 4, delivery: reliable, message: Node }
  side: { id: 2, delivery: reliable, message: { side: Side, big: { u64: { as: number } } } }
`);
  expect(both?.independent).toBe(both!.own);
});

test("the hash is another where only the security is", () => {
  const specOf = (security: string): string => `stardust: 1
protocol: { name: same }
security: ${security}
channels:
  say: { id: 0, delivery: reliable, message: { text: { string: { maxBytes: 9 } } } }
`;
  const both = ["plain", "sealed"].map((one) => hashes(specOf(one))!);
  expect(both.map(({ own }) => own)).toEqual(both.map(({ independent }) => independent));
  expect(both[0]!.own).not.toBe(both[1]!.own);
});
