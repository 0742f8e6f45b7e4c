import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Model } from "#codegen/model/model.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { type Change, compareModels, compatible, isBreaking } from "#codegen/rules/breaking.js";
import { breakingRules } from "#codegen/rules/breaking-table.js";
import { lintRules } from "#codegen/rules/lint-table.js";
import { publish, recordRules } from "#codegen/rules/record.js";
import { loadSpec } from "#codegen/spec/load.js";
import { complete } from "./examples.ts";
import { goodSpecs } from "./good-specs.ts";
import { header, sealed, smallest, unsaid } from "./specs.ts";

function resolve(sections: string): Model {
  const loaded = loadSpec(complete(sections), "protocol.yaml");
  const model = resolveSpec(loaded);
  if (model === undefined) throw new Error(JSON.stringify(loaded.diagnostics.sorted()));
  return model;
}

const compare = (before: string, after: string): Change[] =>
  compareModels(resolve(before), resolve(after));
const rulesOf = (changes: readonly Change[]) => new Set(changes.map(({ rule }) => rule));

/** What no rule knows has no example; it has a test of its own below. */
const shownBelow = new Set(["wire-changed"]);
const shown = Object.entries(breakingRules).filter(([id]) => !shownBelow.has(id));

describe("every breaking rule", () => {
  it.each(shown.filter(([, rule]) => rule.kind === "breaking"))(
    "%s refuses its example, and is content with what to do instead",
    (id, rule) => {
      const changes = compare(rule.before, rule.after);
      expect(rulesOf(changes.filter(isBreaking))).toEqual(new Set([id]));
      expect(resolve(rule.before).hash).not.toBe(resolve(rule.after).hash);
      expect(rule.instead).toBeDefined();
      expect(compare(rule.before, rule.instead!).filter(isBreaking)).toEqual([]);
    },
  );

  it.each(shown.filter(([, rule]) => rule.kind === "compatible"))(
    "%s is only mentioned",
    (id, rule) => {
      const changes = compare(rule.before, rule.after);
      // Raised where the example needs it.
      const raised = changes.filter(({ rule }) => rule !== "version-changed" || rule === id);
      expect(rulesOf(raised)).toEqual(new Set([id]));
      expect(changes.some(isBreaking)).toBe(false);
      expect(compatible(resolve(rule.before), resolve(rule.after))).toBe(true);
    },
  );

  it("has an id that no lint rule has", () => {
    for (const id of Object.keys(breakingRules)) {
      expect(id).toMatch(/^[a-z]+(-[a-z]+)+$/);
      expect(lintRules[id]).toBeUndefined();
    }
  });

  it("header-changed names the first field that differs", () => {
    const before = header();
    const after = header([
      "    - { name: number, type: u16, role: packet-number }",
      "    - { name: number, type: u16, role: packet-number }\n    - { name: tick, type: u32 }",
    ]);
    const changes = compare(before, after).filter(isBreaking);
    expect(changes).toMatchObject([{ rule: "header-changed" }]);
    expect(changes[0]!.message).toContain("`tick`");
    const [moved] = compare(before, header(["name: ackDelay, type: u8", "name: late, type: u8"]));
    expect(moved).toBeUndefined();
  });

  it("security-changed sees another cipher, and none where it is the default", () => {
    const aes = sealed(smallest);
    const changes = compare(aes, `${aes}cipher: chacha20-poly1305\n`);
    expect(changes).toMatchObject([{ rule: "security-changed", word: "cipher" }]);
    expect(compare(aes, `${aes}cipher: aes-256-gcm\n`)).toEqual([]);
  });

  it("security-changed sees a spec that says plain no longer, and that sealed is the default", () => {
    const changes = compare(smallest, unsaid(smallest)).filter(isBreaking);
    expect(changes).toMatchObject([{ rule: "security-changed", word: "security" }]);
    expect(changes[0]!.message).toBe("security was plain and is sealed");
    expect(compare(sealed(smallest), unsaid(smallest))).toEqual([]);
    expect(resolve(unsaid(smallest)).hash).toBe(resolve(sealed(smallest)).hash);
  });

  it("wire-changed sees what no rule knows", () => {
    const model = resolve(smallest);
    const limits = { ...model.limits, sliceBytes: model.limits.sliceBytes - 1 };
    expect(rulesOf(compareModels(model, { ...model, limits }))).toEqual(new Set(["wire-changed"]));
    // Also beside what has grown, which by itself is no difference in what both have.
    const { before, after } = breakingRules["extensible-member-added"]!;
    const grown = { ...resolve(after), limits };
    expect(rulesOf(compareModels(resolve(before), grown))).toContain("wire-changed");
    expect(rulesOf(compareModels(resolve(before), resolve(after)))).not.toContain("wire-changed");
  });

  it("zero-message-changed sees a message that only one generator knows", () => {
    const model = resolve(smallest);
    const zero = { ...model.zero, messages: model.zero.messages.slice(1) };
    expect(rulesOf(compareModels(model, { ...model, zero }))).toEqual(
      new Set(["zero-message-changed"]),
    );
  });
});

describe("every refusal of a record", () => {
  it.each(Object.entries(recordRules))(
    "%s refuses its example, and takes the other",
    (_id, rule) => {
      const published = publish(undefined, resolve(rule.before), rule.before);
      if ("refused" in published) throw new Error(published.refused);
      const { record } = published;
      expect(publish(record, resolve(rule.after), rule.after)).toHaveProperty("refused");
      expect(publish(record, resolve(rule.instead!), rule.instead!)).toMatchObject({ added: true });
    },
  );

  it("has an id that no other rule has", () => {
    for (const id of Object.keys(recordRules)) {
      expect(breakingRules[id] ?? lintRules[id]).toBeUndefined();
    }
  });
});

describe("a comparison", () => {
  const specs = new Set([
    ...Object.values(breakingRules).flatMap(({ before, after, instead }) => [
      before,
      after,
      instead ?? before,
    ]),
    ...Object.values(goodSpecs),
  ]);
  const models = [...specs].map((spec) => resolve(spec));

  it("of a spec with itself finds nothing", () => {
    for (const model of models) expect(compareModels(model, model)).toEqual([]);
  });

  it("agrees with the hash: no break between equal hashes, no silence between different ones", () => {
    let pairs = 0;
    for (const [i, older] of models.entries()) {
      for (const [j, newer] of models.entries()) {
        // Neighbours are versions of one spec; of the others, which are mostly strangers, every fifth pair will do.
        if (Math.abs(i - j) > 3 && (i + j) % 5 !== 0) continue;
        pairs++;
        const changes = compareModels(older, newer);
        // Of two specs that the generator takes, a rule knows every difference.
        expect(changes.map(({ rule }) => rule)).not.toContain("wire-changed");
        if (older.hash === newer.hash) expect(changes.filter(isBreaking)).toEqual([]);
        else expect(changes.length).toBeGreaterThan(0);
      }
    }
    expect(pairs).toBeGreaterThan(2000);
  });

  it("finds a member however deep it lies, and says it once", () => {
    const spec = (member: string) => `types:
  Inner: { struct: { ${member} } }
  Outer: { struct: { inner: Inner } }
channels:
  a: { id: 0, delivery: reliable, message: { list: { list: { of: Outer, max: 3 } } } }
  b: { id: 1, delivery: reliable, message: { one: Outer } }
`;
    const changes = compare(spec("x: u8, y: u8"), spec("x: u8, y: u16"));
    expect(changes).toHaveLength(1);
    expect(changes[0]).toMatchObject({ rule: "member-type-changed", word: "y", olderLine: 5 });
    expect(changes[0]!.message).toBe("member `y` of `Inner` was u8 and is u16");
  });

  it("of the arena with a member less names channel, member and both lines", () => {
    const arena = readFileSync(new URL("../../protocol.yaml", import.meta.url), "utf8");
    const after = arena.replace(/ {6}lastInput: .*\n/, "");
    const [change] = compare(arena, after).filter(isBreaking);
    const line = arena.split("\n").findIndex((text) => text.includes("lastInput:")) + 1;
    expect(change).toMatchObject({ rule: "member-removed", olderLine: line });
    expect(change!.message).toBe("channel `snapshot` has lost its member `lastInput`");
  });
});
