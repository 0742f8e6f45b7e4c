/** Versions of one spec that has grown wherever it may: they read each other, and the rules say so. */
import { beforeAll, describe, expect, it } from "vitest";
import { compareModels, compatible } from "#codegen/rules/breaking.js";
import { growingSpec, versions } from "./growing-specs.ts";
import { breaksBetween, messageBreaks, modelOf, type Peer, peersOf } from "./support/peers.ts";

const seed = Number(process.env["STARDUST_SEED"] ?? 1000);
const specs = versions.map(growingSpec);
const pairs = versions.flatMap((older, i) => versions.slice(i + 1).map((newer) => [older, newer]));

describe(`peers of versions that have grown (STARDUST_SEED=${seed})`, () => {
  let peers: ReadonlyMap<string, Peer>;
  const peer = (version: number): Peer => peers.get(growingSpec(version))!;

  beforeAll(async () => {
    peers = await peersOf("growth", specs);
  }, 60_000);

  it.each(pairs)(
    "%d and %d read what they share, fill in what is missing and drop what they do not know",
    (older, newer) => {
      expect(messageBreaks(peer(older!), peer(newer!), seed, 200)).toEqual([]);
      expect(breaksBetween(peer(older!), peer(newer!), seed)).toEqual([]);
    },
    60_000,
  );

  it("are what the rules let pass, whichever is the newer one", () => {
    const models = specs.map(modelOf);
    for (const older of models) {
      for (const newer of models) {
        const found = new Set(compareModels(older, newer).map(({ rule }) => rule));
        const growth =
          older.version < newer.version ? "extensible-member-added" : "extensible-member-removed";
        const wanted = older === newer ? [] : [growth, "version-changed"];
        expect([...found].sort()).toEqual(wanted);
        expect(compatible(older, newer)).toBe(true);
      }
    }
  });
});
