/**
 * Specs at random that grow, and are then changed in some other way. Each version is held against each: what the rules let
 * pass, peers of both understand; what a rule refuses, a message or a session shows.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { resolveSpec } from "#codegen/model/resolve.js";
import { type Change, compareModels, isBreaking } from "#codegen/rules/breaking.js";
import { loadSpec } from "#codegen/spec/load.js";
import { SeededRandom } from "#src/testing/index.js";
import { Evolving } from "./support/evolving.ts";
import { breaksBetween, modelOf, type Peer, peersOf } from "./support/peers.ts";

const base = Number(process.env["STARDUST_SEED"] ?? 1000);
const SPECS = Number(process.env["STARDUST_SPECS"] ?? 10);
const seeds = Array.from({ length: SPECS }, (_, i) => base + i);

interface History {
  /** The versions, oldest first. */
  readonly specs: readonly string[];
  /** The change of the last one. */
  readonly change: string;
}

function history(seed: number): History {
  const evolving = new Evolving(new SeededRandom(seed));
  const specs = [evolving.spec];
  for (let i = 0; i < 2; i++) {
    evolving.grow();
    specs.push(evolving.spec);
  }
  const change = evolving.change();
  // A change may be one that the generator refuses: an optional element of nothing, a group in front of its time.
  const changed = evolving.spec;
  const good = resolveSpec(loadSpec(changed, "spec.yaml")) !== undefined;
  return { specs: good ? [...specs, changed] : specs, change };
}

/** Rules that are more careful than the bytes ask for. */
function isCautious({ rule }: Change): boolean {
  return rule === "member-moved" || rule === "member-since-changed";
}

describe("versions of a random spec", () => {
  const histories = new Map(seeds.map((seed) => [seed, history(seed)]));
  let peers: ReadonlyMap<string, Peer>;

  beforeAll(async () => {
    const specs = [...histories.values()].flatMap((one) => one.specs);
    peers = await peersOf("evolution", specs);
  }, 600_000);

  it.each(seeds)("talk exactly where the rules let them (STARDUST_SEED=%d)", (seed) => {
    const { specs, change } = histories.get(seed)!;
    for (const older of specs) {
      for (const newer of specs) {
        const found = compareModels(modelOf(older), modelOf(newer)).filter(isBreaking);
        const shown = breaksBetween(peers.get(older)!, peers.get(newer)!, seed);
        const what = `${change}\n${older}\n${newer}\n${JSON.stringify({ found, shown }, null, 1)}`;
        if (found.length === 0) expect(shown, what).toEqual([]);
        else if (!found.some(isCautious)) expect(shown.length, what).toBeGreaterThan(0);
      }
    }
  });

  it("may have grown as often as it likes", () => {
    for (const [seed, { specs }] of histories) {
      const [first, second, third] = specs.map(modelOf);
      const changes = [...compareModels(first!, third!), ...compareModels(second!, third!)];
      expect(changes.filter(isBreaking), `STARDUST_SEED=${seed}`).toEqual([]);
    }
  });
});
