/** The record's file: whatever it holds, it is read or refused with a reason, and nothing that reads it falls over. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import type { Model } from "#codegen/model/model.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { knownVersions } from "#codegen/rules/known-versions.js";
import {
  formatRecord,
  parseRecord,
  publish,
  RecordError,
  readRecord,
  recordPath,
  type VersionRecord,
} from "#codegen/rules/record.js";
import { loadSpec } from "#codegen/spec/load.js";

const seed = Number(process.env["STARDUST_SEED"] ?? 1000);
const folder = mkdtempSync(join(tmpdir(), "stardust-record-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const path = join(folder, "protocol.yaml");

const spec = (version: number, type: string): string =>
  `stardust: 1\nprotocol: { name: game, version: ${version} }\nsecurity: plain\nchannels:\n  hit: { id: 0, delivery: reliable, message: { who: ${type} } }\n`;

function resolve(text: string): Model {
  return resolveSpec(loadSpec(text, "protocol.yaml"))!;
}

function published(...specs: string[]): VersionRecord {
  return specs.reduce<VersionRecord | undefined>((record, text) => {
    const publication = publish(record, resolve(text), text);
    if ("refused" in publication) throw new Error(publication.refused);
    return publication.record;
  }, undefined)!;
}

const good = published(spec(1, "u8"), spec(2, "u16"), spec(3, "{ type: u16, doc: Who. }"));

describe("a record", () => {
  it("comes back from its text", () => {
    expect(parseRecord(formatRecord(good))).toEqual(good);
  });

  const channel = { id: 0, name: "hit" };
  it.each<[string, unknown, string]>([
    ["version", "2", "version of entry 2 is not an integer from 0 to 4294967295"],
    ["version", -1, "version of entry 2 is not an integer from 0 to 4294967295"],
    ["version", 2.5, "version of entry 2 is not an integer"],
    ["version", 2 ** 32, "version of entry 2 is not an integer"],
    ["hash", "ABC", "hash of entry 2 (version 2) is not 32 hex digits"],
    ["channels", {}, "channels of entry 2 (version 2) is not a list of channels"],
    ["channels", [channel, null], "channels of entry 2 (version 2) is not a list of channels"],
    ["channels", [{ ...channel, id: -1 }], "channels of entry 2 (version 2)"],
    ["channels", [{ ...channel, name: 1 }], "channels of entry 2 (version 2)"],
    ["compatible", [null], "compatible of entry 2 (version 2) is not a list of hashes"],
    ["incompatible", [null], "incompatible of entry 2 (version 2) is not a list, each with a hash"],
    ["incompatible", [{ hash: "0" }], "incompatible of entry 2 (version 2)"],
    [
      "incompatible",
      [{ hash: "0".repeat(32), differs: [] }],
      "incompatible of entry 2 (version 2)",
    ],
    ["incompatible", [{ hash: "0".repeat(32), differs: [""] }], "incompatible of entry 2"],
    ["spec", null, "spec of entry 2 (version 2) is not the text of a spec"],
  ])("says which entry is wrong where its %s is %j", (name, value, reason) => {
    const versions = good.versions.map((v, i) => (i === 1 ? { ...v, [name]: value } : v));
    expect(() => parseRecord(JSON.stringify({ ...good, versions }))).toThrow(reason);
  });

  it.each([
    ["{ oops", "it is not JSON"],
    ["null", "its format is not 1"],
    ['{"format":2}', "its format is not 1"],
    ['{"format":1,"protocol":"","versions":[]}', "its protocol is not a name"],
    ['{"format":1,"protocol":"game","versions":{}}', "its versions are not a list"],
    ['{"format":1,"protocol":"game","versions":[null]}', "version of entry 1 is not an integer"],
  ])("is not %s", (text, reason) => {
    expect(() => parseRecord(text)).toThrow(reason);
  });

  it("of another protocol is refused, with both names", () => {
    writeFileSync(recordPath(path), formatRecord(good));
    const refused = () => readRecord(path, "arena");
    expect(refused).toThrow(RecordError);
    expect(refused).toThrow(
      /protocol\.versions\.json is the record of protocol "game", and .*protocol\.yaml is of "arena": keep the old name, or, if this is a new protocol, move the record away/,
    );
  });

  it(`works or is refused with a reason, whatever is edited in it (STARDUST_SEED=${seed})`, () => {
    const models = [resolve(spec(3, "u16")), resolve(spec(4, "{ type: u16, optional: true }"))];
    let worked = 0;
    let refused = 0;
    const edit = fc.record({ at: fc.array(fc.nat(), { maxLength: 6 }), to: replacement });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
        let data: unknown = good;
        for (const { at, to } of edits) data = edited(data, at, to);
        writeFileSync(recordPath(path), JSON.stringify(data) ?? "");
        let record: VersionRecord | undefined;
        try {
          record = readRecord(path, "game");
        } catch (error) {
          expect(error).toBeInstanceOf(RecordError);
          refused++;
          return;
        }
        worked++;
        for (const model of models) {
          for (const { version, hash } of knownVersions(record, model)) {
            expect([Number.isInteger(version), typeof hash]).toEqual([true, "string"]);
          }
          publish(record, model, "");
        }
      }),
      { seed, numRuns: 400 },
    );
    expect(worked).toBeGreaterThan(20);
    expect(refused).toBeGreaterThan(20);
  });
});

/** What is put in the place of a part; undefined removes it. */
const replacement = fc.oneof(
  fc.constant(undefined),
  fc.jsonValue({ maxDepth: 2 }),
  fc.string(),
  fc.integer(),
  fc.constantFrom(...good.versions.flatMap(({ hash, spec, version }) => [hash, spec, version])),
  fc.constantFrom(...good.versions, good.versions, good.versions[0]!.channels),
);

/** A copy of the data with another part; `at` chooses among the members at each level. */
function edited(data: unknown, at: readonly number[], to: unknown): unknown {
  if (typeof data !== "object" || data === null || at.length === 0) return to;
  const keys = Object.keys(data);
  const key = keys[at[0]! % (keys.length + 1)] ?? "more";
  const value = edited((data as Record<string, unknown>)[key], at.slice(1), to);
  if (!Array.isArray(data)) return { ...data, [key]: value };
  const copy: unknown[] = [...data];
  if (value === undefined) copy.splice(Number(key), 1);
  else copy[Number.isNaN(Number(key)) ? copy.length : Number(key)] = value;
  return copy;
}
