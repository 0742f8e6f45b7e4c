/** What the record means for the version that is generated: who can talk to it, and what keeps the others from it. */
import { describe, expect, it } from "vitest";
import { emit } from "#codegen/emit/emit.js";
import type { Model } from "#codegen/model/model.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { knownVersions } from "#codegen/rules/known-versions.js";
import { publish, type VersionRecord } from "#codegen/rules/record.js";
import { loadSpec } from "#codegen/spec/load.js";

interface Spec {
  readonly version?: number;
  readonly channels?: string;
  readonly more?: string;
}

const hit = "  hit: { id: 0, delivery: reliable, message: { who: u16 } }\n";
const spec = ({ version = 1, channels = hit, more = "" }: Spec = {}): string =>
  `stardust: 1\nprotocol: { name: game, version: ${version} }\nsecurity: plain\nchannels:\n${channels}${more}`;

function resolve(text: string): Model {
  const loaded = loadSpec(text, "protocol.yaml");
  const model = resolveSpec(loaded);
  if (model === undefined) throw new Error(JSON.stringify(loaded.diagnostics.list));
  return model;
}

function recordOf(...specs: Spec[]): VersionRecord {
  let record: VersionRecord | undefined;
  for (const one of specs) {
    const text = spec(one);
    const published = publish(record, resolve(text), text);
    if ("refused" in published) throw new Error(published.refused);
    record = published.record;
  }
  return record!;
}

const emote = "  emote: { id: 4, delivery: reliable, message: { mood: u8 } }\n";
const wave = "  wave: { id: 2, delivery: reliable, message: { hand: u8 } }\n";

describe("the versions that a protocol knows", () => {
  it("are none without a record", () => {
    expect(knownVersions(undefined, resolve(spec()))).toEqual([]);
  });

  it("are those that differ, newest first, with the channels that each lacks", () => {
    const record = recordOf(
      { version: 1 },
      { version: 2, channels: hit + wave },
      { version: 3, channels: hit + wave + emote },
    );
    const model = resolve(spec({ version: 3, channels: hit + wave + emote }));
    const [first, second] = record.versions;
    // By index, and indices follow ids.
    expect(knownVersions(record, model)).toEqual([
      { version: 2, hash: second!.hash, lacks: [2] },
      { version: 1, hash: first!.hash, lacks: [1, 2] },
    ]);
  });

  it("leave out equals, repetitions and what was published later", () => {
    const record = recordOf({ version: 1 }, { version: 2 }, { version: 3, channels: hit + wave });
    expect(knownVersions(record, resolve(spec({ version: 2 })))).toEqual([]);
    const three = resolve(spec({ version: 3, channels: hit + wave }));
    expect(knownVersions(record, three).map(({ version }) => version)).toEqual([2]);
  });

  it("say what keeps the others from talking, by name", () => {
    const record = recordOf({ version: 1, channels: hit + wave + emote });
    const differs = (changed: Spec): readonly string[] | undefined =>
      knownVersions(record, resolve(spec({ version: 2, ...changed })))[0]!.differs;
    const other = hit.replace("u16", "u32");
    expect(differs({ channels: other + wave + emote })).toEqual(["channel hit"]);
    expect(differs({ channels: other + emote })).toEqual(["channel hit", "channel wave"]);
    expect(differs({ channels: hit + wave + emote.replace("4", "5") })).toEqual(["channel emote"]);
    const limits = "limits: { receiveBudgetBytes: 100000 }\n";
    expect(differs({ channels: hit + wave + emote, more: limits })).toEqual([
      "limit receiveBudgetBytes",
    ]);
  });

  it("are 32 at most, the newest", () => {
    const [entry] = recordOf({ version: 1 }).versions;
    const versions = Array.from({ length: 40 }, (_, i) => ({
      ...entry!,
      version: i + 1,
      hash: String(i).padStart(32, "0"),
    }));
    const record: VersionRecord = { format: 1, protocol: "game", versions };
    const model = resolve(spec({ version: 41 }));
    const numbers = Array.from({ length: 32 }, (_, i) => 40 - i);
    expect(knownVersions(record, model).map(({ version }) => version)).toEqual(numbers);
  });

  it("are read in the version's own entry once it is published", () => {
    const record = recordOf(
      { version: 1 },
      { version: 2, channels: hit.replace("u16", "u32") + emote },
      { version: 3, channels: hit + wave },
    );
    const [first, second, third] = record.versions;
    expect(third).toMatchObject({
      compatible: [first!.hash],
      incompatible: [{ hash: second!.hash, differs: ["channel hit", "channel emote"] }],
    });
    const model = resolve(third!.spec);
    const unpublished = { ...record, versions: [first!, second!] };
    const compared = knownVersions(unpublished, model);
    expect(compared.map(({ version, differs }) => [version, differs?.length])).toEqual([
      [2, 2],
      [1, undefined],
    ]);
    // No recorded spec is looked at.
    const versions = record.versions.map((one) => ({ ...one, spec: "" }));
    expect(knownVersions({ ...record, versions }, model)).toEqual(compared);
    // An entry of before, or one that was merged by hand, says nothing of some versions: they are compared.
    const before = versions.map(({ incompatible: _, ...one }) => one);
    const [two, one] = knownVersions({ ...record, versions: before }, model);
    expect([two!.differs, one!.differs]).toEqual([["another generator"], undefined]);
    const old = record.versions.map(({ incompatible: _, ...rest }) => rest);
    expect(knownVersions({ ...record, versions: old }, model)).toEqual(compared);
  });

  it("that were published twice under a number are both known", () => {
    const [first] = recordOf({ version: 1 }).versions;
    const merged = recordOf({ version: 1, channels: hit + wave });
    const record = { ...merged, versions: [first!, ...merged.versions] };
    const model = resolve(spec({ version: 1, channels: hit + wave }));
    expect(publish(record, model, spec())).toMatchObject({ added: false });
    expect(knownVersions(record, model)).toEqual([{ version: 1, hash: first!.hash, lacks: [1] }]);
  });

  it("cannot be talked to where this generator makes something else of their spec", () => {
    const record = recordOf({ version: 1 });
    const versions = record.versions.map((one) => ({ ...one, hash: "0".repeat(32) }));
    const [known] = knownVersions({ ...record, versions }, resolve(spec({ version: 2 })));
    expect(known).toMatchObject({ version: 1, differs: ["another generator"] });
  });

  it("stand in the generated protocol, escaped", async () => {
    const model = resolve(spec({ version: 2 }));
    const hash = "1".repeat(32);
    const differs = ['channel "*/', "`\u2028"];
    const files = await emit(model, [{ version: 1, hash, lacks: [0], differs }]);
    expect(files.get("protocol.ts")).toContain(
      `{ version: 1, hash: "${hash}", lacks: [0], differs: ["channel \\"*/", "\`\\u2028"] },`,
    );
  });
});
