/**
 * Every kind of type in Wireshark: messages as a slow interpreter of the YAML writes them are shown with their values, and
 * bytes changed at random are malformed exactly where the interpreter refuses them.
 */
import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { emitDissector } from "#codegen/emit/dissector.js";
import { emitPage } from "#codegen/emit/page.js";
import { emitVectors } from "#codegen/emit/vectors.js";
import type { Model } from "#codegen/model/model.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { loadSpec } from "#codegen/spec/load.js";
import { SeededRandom } from "#src/testing/random.js";
import { Cursor } from "../support/independent/bytes.ts";
import { Messages, type Type } from "../support/independent/messages.ts";
import { mutated } from "../support/mutate.ts";
import { pcapOf } from "../support/pcap.ts";
import { fromHex, readVectors } from "../support/revive.ts";
import { dissect, skipWithoutTshark } from "../support/tshark.ts";
import { generate } from "./support/generate.ts";
import { all, compare, objectOf } from "./support/shown.ts";

// biome-ignore lint/suspicious/noExplicitAny: code that was just generated
type Any = any;

const folder = new URL("../specs/codec/", import.meta.url);
const names = readdirSync(folder).map((file) => file.replace(".yaml", ""));
const SERVER_PORT = 5_000;
const RUNS = 25;
const MUTATIONS = 4;

interface Sample {
  readonly channel: string;
  readonly type: Type;
  readonly maxBytes: number;
  readonly head: Uint8Array;
  readonly payload: Uint8Array;
  readonly message: unknown;
}

interface Subject {
  readonly model: Model;
  readonly slow: Messages;
  readonly samples: Sample[];
}

const subjects = new Map<string, Subject>();

/** A datagram's header with one frame, number 1. */
function headOf(id: number, numbered: boolean): Uint8Array {
  const wire = id + 1;
  const tag = [0x1f, 0x83, 0xd9, 0xab];
  const number = numbered ? [0, 1] : [];
  return Uint8Array.of(wire >> 16, (wire >> 8) & 255, wire & 255, 0x20, ...tag, 0, 7, ...number);
}

beforeAll(async () => {
  for (const name of names) {
    const text = readFileSync(new URL(`${name}.yaml`, folder), "utf8");
    const model = resolveSpec(loadSpec(text, "spec.yaml"))!;
    const { load } = await generate(`dissector-${name}`, model);
    const testing = await load("testing");
    const yaml = parse(text, { mapAsMap: true }) as Map<string, Any>;
    const slow = new Messages(yaml.get("types") ?? new Map(), yaml.get("limits") ?? new Map());
    const samples = model.channels.flatMap(({ name: channel, id, numbered, maxBytes }) => {
      const given = yaml.get("channels").get(channel);
      const type = slow.resolveMessage(given.get("message"), given.get("extensible") === true);
      const head = headOf(id, numbered);
      const any = testing.arbitrary[channel](fc) as fc.Arbitrary<unknown>;
      return fc
        .sample(any, { numRuns: RUNS, seed: 5 })
        .map((message): Sample => {
          const payload = slow.encode(type, message);
          return { channel, type, maxBytes, head, payload, message };
        })
        .filter(({ payload }) => payload.length < 1100);
    });
    subjects.set(name, { model, slow, samples });
  }
}, 120_000);

function shownOf(model: Model, datagrams: readonly Uint8Array[]) {
  const pcap = pcapOf(
    datagrams.map((bytes) => ({ bytes, sourcePort: 40_000, destinationPort: SERVER_PORT })),
  );
  const lua = emitDissector(model);
  const abbr = /abbr = "(\w+)"/.exec(lua)![1]!;
  const preferences = { [`${abbr}.ports`]: String(SERVER_PORT) };
  const { packets, stderr } = dissect(lua, pcap, { preferences });
  expect(stderr).not.toContain("Lua");
  expect(packets.length).toBe(datagrams.length);
  return packets.map(({ protocols }) => {
    const shown = protocols.find((p) => p.name === abbr)!;
    const found = all(shown).map((f) => f.name);
    expect(found).not.toContain(`${abbr}.internal`);
    const frame = shown.fields.find((f) => f.name === `${abbr}.frame`);
    return { frame, malformed: found.includes(`${abbr}.malformed`) };
  });
}

function refused(slow: Messages, type: Type, bytes: Uint8Array): boolean {
  try {
    slow.decode(type, new Cursor(bytes), "message");
    return false;
  } catch {
    return true;
  }
}

/** What a capture's text shows as it is; other characters are escaped. */
function isPlain(value: unknown): boolean {
  if (typeof value === "string") return /^[ -~]*$/.test(value) && !/[\\"]/.test(value);
  if (value instanceof Map) return [...value].every(isPlain);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return true;
  return Object.values(value).every(isPlain);
}

/** Without members that are undefined. */
function present(value: unknown): unknown {
  if (value instanceof Map) return new Map([...value].map(([k, v]) => [k, present(v)]));
  if (Array.isArray(value)) return value.map(present);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  const there = Object.entries(value).filter(([, v]) => v !== undefined);
  return Object.fromEntries(there.map(([k, v]) => [k, present(v)]));
}

// Without tshark there is nothing to ask; where CI is set that fails instead.
describe.skipIf(skipWithoutTshark).each(names)("the dissector of %s", (name) => {
  it("shows every message as it was", () => {
    const { model, slow, samples } = subjects.get(name)!;
    expect(samples.length).toBeGreaterThan(0);
    const seen = shownOf(
      model,
      samples.map(({ head, payload }) => Uint8Array.from([...head, ...payload])),
    );
    let compared = 0;
    seen.forEach(({ frame, malformed }, i) => {
      const { channel, type, payload, message } = samples[i]!;
      const hex = Buffer.from(payload).toString("hex");
      expect(malformed, `${channel} ${hex}`).toBe(false);
      // Names that are no words are others in filters.
      if (name === "hostile" || !isPlain(message)) return;
      compared++;
      const value = slow.decode(type, new Cursor(payload), channel);
      compare(objectOf(frame!.fields), present(value), `${channel} ${hex}`);
    });
    if (name !== "hostile") expect(compared).toBeGreaterThan(0);
  });

  it("calls malformed what the interpreter refuses, and nothing else", () => {
    const { model, slow, samples } = subjects.get(name)!;
    const random = new SeededRandom(11);
    const bad = samples.flatMap((sample) =>
      Array.from({ length: MUTATIONS }, () => ({
        ...sample,
        payload: mutated(sample.payload, random),
      })),
    );
    const seen = shownOf(
      model,
      bad.map(({ head, payload }) => Uint8Array.from([...head, ...payload])),
    );
    seen.forEach(({ malformed }, i) => {
      const { channel, type, payload, maxBytes } = bad[i]!;
      const hex = Buffer.from(payload).toString("hex");
      const wrong = payload.length > maxBytes || refused(slow, type, payload);
      expect(malformed, `${channel} ${hex}`).toBe(wrong);
    });
  });
});

// Without tshark there is nothing to ask; where CI is set that fails instead.
it.skipIf(skipWithoutTshark)("the dissector calls malformed what the golden vectors refuse", () => {
  const { model } = subjects.get("chat")!;
  const refused = readVectors(emitVectors(model)).refused.filter((v) => v.channel !== undefined);
  const datagrams = refused.map(({ channel, hex }) => {
    const { id, numbered } = model.channels.find((one) => one.name === channel)!;
    return Uint8Array.from([...headOf(id, numbered), ...fromHex(hex)]);
  });
  expect(new Set(refused.map((v) => v.case)).size).toBe(6);
  shownOf(model, datagrams).forEach(({ malformed }, i) => {
    expect(malformed, `${refused[i]!.channel}, ${refused[i]!.case}`).toBe(true);
  });
});

it.each(["", "codec/"])("every spec of test/specs/%s has a page and a dissector", (inside) => {
  const specs = new URL(`../specs/${inside}`, import.meta.url);
  for (const file of readdirSync(specs).filter((f) => f.endsWith(".yaml"))) {
    const model = resolveSpec(loadSpec(readFileSync(new URL(file, specs), "utf8"), file))!;
    const page = emitPage(model);
    for (const { members } of model.structs) {
      if (file === "hostile.yaml") continue;
      for (const member of members) expect(page).toContain(`| \`${member.name}\` |`);
    }
    for (const union of model.unions) {
      expect(page).toContain(`### Type ${union.name}`);
      if (file === "hostile.yaml") continue;
      for (const { tag, name } of union.variants)
        expect(page).toContain(`| ${tag} | \`${name}\` |`);
    }
    expect(page).not.toContain("undefined");
    expect(emitDissector(model)).toContain("local model = {");
  }
});
