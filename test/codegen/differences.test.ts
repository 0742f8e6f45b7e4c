/** The names under which people are told what keeps two versions from talking: stable, short, one for each kind. */
import { describe, expect, it } from "vitest";
import type { Model } from "#codegen/model/model.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { breakingRules } from "#codegen/rules/breaking-table.js";
import { breakingChanges, differences } from "#codegen/rules/differences.js";
import { loadSpec } from "#codegen/spec/load.js";
import { complete } from "./examples.ts";

const channels = "channels:\n  move: { id: 0, delivery: reliable, message: { x: u16 } }\n";

function resolve(sections: string): Model {
  const loaded = loadSpec(complete(sections), "protocol.yaml");
  const model = resolveSpec(loaded);
  if (model === undefined) throw new Error(JSON.stringify(loaded.diagnostics.list));
  return model;
}

const namesOf = (before: string, after: string) => differences(resolve(before), resolve(after));
const example = (rule: string) => namesOf(breakingRules[rule]!.before, breakingRules[rule]!.after);

describe("what differs", () => {
  it("is called after the part of the protocol that it is in", () => {
    expect(example("protocol-renamed")).toEqual(["protocol name"]);
    expect(example("header-changed")).toEqual(["header"]);
    expect(example("limit-changed")).toEqual(["limit maxDatagramBytes"]);
    expect(namesOf(channels, channels.replace("u16", "u32"))).toEqual(["channel move"]);
    expect(namesOf(channels, channels.replace("id: 0", "id: 1"))).toEqual(["channel move"]);
    const model = resolve(channels);
    expect(example("security-changed")).toEqual(["security"]);
    const limits = { ...model.limits, sliceBytes: model.limits.sliceBytes - 1 };
    expect(differences(model, { ...model, limits })).toEqual(["wire"]);
  });

  it("is a zero message by its name, whatever about it", () => {
    const rules = Object.keys(breakingRules).filter(
      (id) => id.startsWith("zero-") && breakingRules[id]!.kind === "breaking",
    );
    for (const id of rules) {
      const name = id === "zero-message-changed" ? "processing" : "join";
      expect(example(id)).toEqual([`zero message ${name}`]);
    }
    const model = resolve(channels);
    const zero = { ...model.zero, messages: model.zero.messages.slice(1) };
    const first = `zero message ${model.zero.messages[0]!.name}`;
    expect(differences(model, { ...model, zero })).toEqual([first]);
    expect(differences({ ...model, zero }, model)).toEqual([first]);
  });

  it("is a channel that is gone, also where another has its id now", () => {
    const two = `${channels}  jump: { id: 1, delivery: reliable, message: { y: u8 } }\n`;
    const moved = channels.replace("move", "jump").replace("x: u16", "y: u8");
    expect(namesOf(two, moved)).toEqual(["channel move", "channel jump"]);
  });

  it("is a type where only several channels together break it", () => {
    const types = ["A", "B", "C"];
    const spec = (of: (type: string) => string, more: string) =>
      `channels:\n${types.map((t, i) => `  c${t}: { id: ${i}, delivery: reliable, message: { it: ${of(t)} } }\n`).join("")}types:\n${more}`;
    const apart = types.map((t) => `  ${t}: { extensible: true, struct: { n: u8 } }\n`).join("");
    const one =
      "  One: { maxDepth: 2, extensible: true, struct: { n: u8, next: { type: One, optional: true, since: 1 } } }\n";
    expect(
      namesOf(
        spec((t) => t, apart),
        spec(() => "One", one),
      ),
    ).toEqual(["type One"]);
  });

  it("is several names, each once, the protocol's own first", () => {
    const other = channels.replace("u16", "u32").replace("x:", "y: u8, x:");
    expect(namesOf(channels, `${other}limits: { idleTimeoutMs: 9000 }\n`)).toEqual([
      "limit idleTimeoutMs",
      "channel move",
    ]);
  });

  it("is eight names at most", () => {
    const many = (type: string) =>
      `channels:\n${Array.from({ length: 12 }, (_, i) => `  c${i}: { id: ${i}, delivery: reliable, message: { x: ${type} } }\n`).join("")}`;
    expect(namesOf(many("u8"), many("u16"))).toEqual(
      Array.from({ length: 8 }, (_, i) => `channel c${i}`),
    );
  });

  it("is nothing where peers of both can talk, and something wherever they cannot", () => {
    for (const [id, { kind, before, after }] of Object.entries(breakingRules)) {
      if (id === "wire-changed") continue;
      expect(breakingChanges(resolve(before), resolve(after)).length > 0).toBe(kind === "breaking");
      expect(example(id).length > 0, id).toBe(kind === "breaking");
    }
  });
});
