/**
 * Which values the golden vectors show: every member at every edge of its type, few cases for it, and no two members that
 * could be taken for each other.
 */
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import { roundsOf } from "#codegen/emit/vector-rounds.js";
import { emitVectors } from "#codegen/emit/vectors.js";
import type { MemberModel, Model } from "#codegen/model/model.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { loadSpec, loadSpecFile } from "#codegen/spec/load.js";
import { readVectors } from "../support/revive.ts";
import { options } from "./specs.ts";
import { kindsModel } from "./support/kinds.ts";

type Value = Record<string, unknown>;

function specModel(path: string): Model {
  return resolveSpec(loadSpecFile(new URL(`../../${path}`, import.meta.url).pathname))!;
}

function messageModel(message: string, types = ""): Model {
  const text = `${options("", "reliable", message)}${types}`;
  return resolveSpec(loadSpec(text, "protocol.yaml"))!;
}

/** The values of a member that must be among its vectors. */
function edgesOf(model: Model, { type, optional }: MemberModel): unknown[] {
  const absent = optional ? [undefined] : [];
  switch (type.kind) {
    case "bool":
      return [...absent, false, true];
    case "enum": {
      const { values } = model.enums.find((one) => one.name === type.name)!;
      return [...absent, ...values.map(({ name }) => name)];
    }
    case "integer": {
      const bits = BigInt(type.bytes * 8 - (type.signed ? 1 : 0));
      const ends = [type.signed ? -(2n ** bits) : 0n, 2n ** bits - 1n];
      if (type.as === "number") return absent;
      return [...absent, ...(type.bytes === 8 ? ends : ends.map(Number))];
    }
    case "quantised":
      return [...absent, type.min, type.max];
    case "string":
      return [...absent, ""];
    case "list":
      return [...absent, []];
    default:
      return absent;
  }
}

const models: Record<string, Model> = {
  arena: specModel("protocol.yaml"),
  robot: specModel("test/specs/robot.yaml"),
  menagerie: specModel("test/specs/menagerie.yaml"),
  kinds: kindsModel(),
};

describe.each(Object.keys(models))("the vectors of %s", (name) => {
  const model = models[name]!;
  const { messages } = readVectors(emitVectors(model));
  const valuesOf = (channel: string): Value[] =>
    messages.filter((v) => v.channel === channel).map((v) => v.value as Value);
  const subjects = model.channels.map(({ name: channel, message }) => {
    const { members } = model.structs.find((s) => s.name === message)!;
    return { channel, members, values: valuesOf(channel) };
  });

  it("show every member at the edges of its type", () => {
    for (const { channel, members, values } of subjects) {
      for (const member of members) {
        const shown = values.map((value) => value[member.name]);
        for (const edge of edgesOf(model, member)) {
          expect(shown, `${channel}.${member.name}`).toContainEqual(edge);
        }
      }
    }
  });

  it("tell any two members of one type apart", () => {
    for (const { channel, members, values } of subjects) {
      members.forEach((a, i) => {
        for (const b of members.slice(i + 1)) {
          if (!isDeepStrictEqual(a.type, b.type)) continue;
          const kinds = new Set(values.map((value) => JSON.stringify(readable(value[a.name]))));
          if (kinds.size < 2) continue;
          const differ = values.some((v) => !isDeepStrictEqual(v[a.name], v[b.name]));
          expect(differ, `${channel}: ${a.name} and ${b.name}`).toBe(true);
        }
      });
    }
  });
});

/** What `JSON.stringify` refuses, as text. */
function readable(value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

describe("a message of many members", () => {
  const many = (count: number, type: string): string => {
    const members = Array.from({ length: count }, (_, i) => `m${i}: ${type}`);
    return `{ ${members.join(", ")} }`;
  };

  it("has few vectors, and every member at each edge in them", () => {
    const { messages } = readVectors(emitVectors(messageModel(many(200, "i8"))));
    expect(messages.length).toBeLessThan(30);
    for (let i = 0; i < 200; i++) {
      const shown = new Set(messages.map(({ value }) => (value as Value)[`m${i}`]));
      expect([...shown]).toEqual(expect.arrayContaining([-128, -1, 0, 127]));
    }
  });

  it("loses no edge where another of its round is too long for its type", () => {
    const tree =
      "types:\n  Tree: { maxDepth: 3, maxBytes: 120, struct: { a: { string: { maxBytes: 100 } }, b: { string: { maxBytes: 100 } }, of: { list: { of: Tree, max: 200 } } } }\n";
    const { messages } = readVectors(emitVectors(messageModel("{ tree: Tree, n: u8 }", tree)));
    const values = messages.map(({ value }) => value as { tree: Value; n: number });
    expect(values.map(({ n }) => n)).toEqual(expect.arrayContaining([0, 1, 255]));
    for (const member of ["a", "b"]) {
      const sizes = values.map(({ tree }) => Buffer.byteLength(tree[member] as string));
      expect(Math.max(...sizes), member).toBe(100);
    }
  });
});

describe("what is refused", () => {
  const text = readFileSync(new URL("../specs/codec/chat.yaml", import.meta.url), "utf8");
  const { refused } = readVectors(emitVectors(resolveSpec(loadSpec(text, "protocol.yaml"))!));
  const channelsOf = (title: string) =>
    refused.filter((v) => v.case === title).map((v) => v.channel);

  it("has a map key twice for every message with a map of two entries", () => {
    expect(channelsOf("a map key twice")).toEqual(["say", "thread", "bot", "presence"]);
  });

  it("has an unknown tag for every message with a union", () => {
    expect(channelsOf("a union tag that no variant has")).toEqual(["say", "thread", "bot"]);
  });

  it("has a value too deep for every message that holds a recursive type", () => {
    expect(channelsOf("one level too deep")).toEqual(["thread", "bot"]);
  });
});

describe("rounds", () => {
  it("take every member to all its edges, and never keep two members alike", () => {
    for (const places of [1, 2, 3, 5, 17, 64]) {
      for (const count of [1, 2, 3, 4, 9]) {
        const edges = Array.from({ length: count }, (_, edge) => edge);
        const rounds = roundsOf(Array(places).fill(edges), 100);
        const columns = Array.from({ length: places }, (_, i) => rounds.map((round) => round[i]));
        for (const column of columns) expect(new Set(column).size).toBe(count);
        const patterns = new Set(columns.map((column) => column.join()));
        expect(patterns.size, `${places} of ${count}`).toBe(count === 1 ? 1 : places);
      }
    }
  });

  it("are as many as the member with the most edges needs, and no more than asked for", () => {
    const lists = [["a"], ["b", "c", "d"], []];
    expect(roundsOf(lists, 100)).toEqual([
      ["a", "c", undefined],
      ["a", "d", undefined],
      ["a", "b", undefined],
    ]);
    expect(roundsOf(lists, 2).length).toBe(2);
    expect(roundsOf([], 100)).toEqual([]);
  });
});
