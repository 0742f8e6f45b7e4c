/**
 * The shares of a receive limit between peers of two versions, of which the newer has channels that the older lacks: both sides
 * mean the same channel by a limit, and a receiver refuses nothing that its sender may send. The oracle is docs/wire.md.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { NegotiatedVersion } from "#src/negotiated-version.js";
import { negotiatedVersion, sameVersion } from "#src/negotiated-version.js";
import type { ChannelDefinition, Protocol, Role } from "#src/protocol.js";
import { FlowChannels } from "#src/session/flow-channels.js";
import { handProtocol } from "../support/hand-protocol.ts";
import { specUrl } from "../support/specs.ts";

const OVERHEAD_BYTES = 64;

/** A channel of the newer version; what an older receiver must take of it where it has grown. */
interface Shape {
  readonly delivery: ChannelDefinition["delivery"];
  readonly direction: ChannelDefinition["direction"];
  readonly maxBytes: number;
  readonly grownBytes: number;
  readonly isNew: boolean;
}

const shape: fc.Arbitrary<Shape> = fc.record({
  delivery: fc.constantFrom("reliable", "reliable-ordered", "reliable-sequenced", "unreliable"),
  direction: fc.constantFrom("both", "client-to-server", "server-to-client"),
  maxBytes: fc.integer({ min: 1, max: 30_000 }),
  grownBytes: fc.constantFrom(0, 0, 5000),
  isNew: fc.boolean(),
});

interface Side {
  readonly protocol: Protocol;
  readonly negotiated: NegotiatedVersion;
}

/** Both sides of a connection between two versions: the older has no channels that are new, and takes what has grown. */
function versions(shapes: readonly Shape[], budgetBytes: number): { newer: Side; older: Side } {
  const make = (of: readonly Shape[]): Protocol => {
    const named = of.map((one) => {
      const { delivery, direction, maxBytes } = one;
      return { name: `c${shapes.indexOf(one)}`, delivery, direction, maxBytes, fragment: true };
    });
    const base = handProtocol({ channels: named, limits: { receiveBudgetBytes: budgetBytes } });
    const grown = base.channels.map((channel, i) => ({
      ...channel,
      compatMaxBytes: channel.maxBytes + of[i]!.grownBytes,
    }));
    return { ...base, channels: grown };
  };
  const newer = make(shapes);
  const older = make(shapes.filter(({ isNew }) => !isNew));
  const lacks = shapes.flatMap(({ isNew }, index) => (isNew ? [index] : []));
  const version = (protocol: Protocol) => ({ ...sameVersion(protocol), compat: true });
  return {
    newer: { protocol: newer, negotiated: { ...version(newer), lacks } },
    older: { protocol: older, negotiated: version(older) },
  };
}

const flow = ({ protocol, negotiated }: Side, sender: Role, receives: boolean): FlowChannels =>
  new FlowChannels(protocol, sender, receives, negotiated);

const namesOf = ({ protocol }: Side, { indexes }: FlowChannels): string[] =>
  indexes.map((index) => protocol.channels[index]!.name);

/** "Flow control" of docs/wire.md: whether a sender may, with what it holds of each channel. */
function maySend(
  parts: readonly number[],
  poolBytes: number,
  held: readonly number[],
  place: number,
  cost: number,
): { must: boolean; should: boolean } {
  const pooled = (i: number, bytes: number): number => Math.max(0, bytes - parts[i]!);
  const others = held.reduce((sum, bytes, i) => sum + (i === place ? 0 : pooled(i, bytes)), 0);
  const mine = pooled(place, held[place]! + cost);
  return {
    must: mine === 0 || others + mine <= poolBytes,
    should: mine <= (poolBytes - others) * 0.75,
  };
}

describe("the limit between two versions", () => {
  it("speaks of the same channels on both sides, whichever of them lacks some", async () => {
    const load = async (name: string, role: Role): Promise<Protocol> => {
      const url = specUrl(name, `generated/${role}-protocol.js`);
      return ((await import(url.href)) as { protocol: Protocol }).protocol;
    };
    const older = {
      client: await load("fleet-3", "client"),
      server: await load("fleet-3", "server"),
    };
    const newer = {
      client: await load("fleet-4", "client"),
      server: await load("fleet-4", "server"),
    };
    let lacking = 0;
    for (const sender of ["client", "server"] as const) {
      const receiver = sender === "client" ? "server" : "client";
      for (const [from, to] of [
        [older[sender], newer[receiver]],
        [newer[sender], older[receiver]],
      ] as const) {
        const sides = [from, to].map((protocol): Side => {
          const negotiated = negotiatedVersion(protocol, older.client.hash, true)!;
          return { protocol, negotiated };
        });
        lacking += sides[0]!.negotiated.lacks.length + sides[1]!.negotiated.lacks.length;
        const [sends, receives] = [flow(sides[0]!, sender, false), flow(sides[1]!, sender, true)];
        expect(namesOf(sides[0]!, sends)).toEqual(namesOf(sides[1]!, receives));
        expect(sends.count).toBeGreaterThan(0);
        for (let place = 0; place < sends.count; place++) {
          const limit = receives.pack(place, 12_345);
          expect([sends.placeIn(limit), sends.handedOnIn(limit)]).toEqual([place, 12_345]);
          // What a sender has for itself, its receiver has room for.
          expect(receives.shares.own(place)).toBeGreaterThanOrEqual(sends.shares.own(place));
        }
      }
    }
    expect(lacking).toBeGreaterThan(0);
  });

  it("has each channel whose messages may grow hold one whole budget for itself at most, and the pool beside", () => {
    const grown = { delivery: "reliable", direction: "both", isNew: false } as const;
    const { older } = versions(
      [
        { ...grown, maxBytes: 100, grownBytes: 0 },
        { ...grown, maxBytes: 100, grownBytes: 65_536 - OVERHEAD_BYTES - 100 },
        { ...grown, maxBytes: 100, grownBytes: 65_536 - OVERHEAD_BYTES - 100 },
      ],
      65_536,
    );
    const receives = flow(older, "client", true);
    const own = Math.floor(65_536 / 4 / 3);
    expect([0, 1, 2].map((place) => receives.shares.own(place))).toEqual([own, 65_536, 65_536]);
    const held = (): number =>
      receives.heldBytes(0) + receives.heldBytes(1) + receives.heldBytes(2);
    for (let place = 0; place < 3; place++) {
      while (receives.fits(place, 100)) receives.add(place, 100);
    }
    const most = own + 2 * 65_536 + Math.floor((65_536 * 3) / 4);
    expect(held()).toBeLessThanOrEqual(most);
    expect(held()).toBeGreaterThan(most - 300);
    expect(receives.shares.totalBytes).toBe(most);
  });

  it("lets a sender do what docs/wire.md says, and a receiver refuses none of it", () => {
    const seen = { refused: 0, pooled: 0, lacking: 0 };
    fc.assert(
      fc.property(
        fc.array(shape, { minLength: 1, maxLength: 7 }),
        fc.boolean(),
        fc.constantFrom<Role>("client", "server"),
        fc.array(fc.tuple(fc.nat(), fc.nat(), fc.boolean()), { minLength: 20, maxLength: 80 }),
        (shapes, fromNewer, sender, steps) => {
          const budgetBytes = 65_536;
          const { newer, older } = versions(shapes, budgetBytes);
          const [from, to] = fromNewer ? [newer, older] : [older, newer];
          const [sends, receives] = [flow(from, sender, false), flow(to, sender, true)];
          expect(namesOf(from, sends)).toEqual(namesOf(to, receives));
          if (shapes.some(({ isNew }) => isNew)) seen.lacking++;
          const n = sends.count;
          if (n === 0) return;
          const channels = sends.indexes.map((index) => from.protocol.channels[index]!);
          const largest = channels.map(({ maxBytes }) => maxBytes + OVERHEAD_BYTES);
          const own = Math.floor(budgetBytes / 4 / n);
          const parts = largest.map((bytes) => (n === 1 ? budgetBytes : Math.max(own, bytes)));
          const poolBytes = n === 1 ? 0 : Math.floor((budgetBytes * 3) / 4);
          // What is held on both sides, and of the receiver what it has said.
          const held = new Array<number>(n).fill(0);
          for (const [which, size, isRead] of steps) {
            const place = which % n;
            if (isRead && held[place]! > 0) {
              const bytes = 1 + (size % held[place]!);
              held[place]! -= bytes;
              for (const side of [sends, receives]) side.add(place, -bytes);
              continue;
            }
            const cost = OVERHEAD_BYTES + (size % (channels[place]!.maxBytes + 1));
            const { must, should } = maySend(parts, poolBytes, held, place, cost);
            expect(sends.isFair(place, cost)).toBe(should);
            if (held[place] === 0) expect(should).toBe(true);
            if (!should) {
              seen.refused++;
              continue;
            }
            expect(must).toBe(true);
            expect(receives.fits(place, cost)).toBe(true);
            held[place]! += cost;
            for (const side of [sends, receives]) side.add(place, cost);
            if (held[place]! > parts[place]!) seen.pooled++;
            expect(receives.heldBytes(place)).toBe(held[place]);
          }
          const all = held.reduce((sum, bytes) => sum + bytes, 0);
          expect(all).toBeLessThanOrEqual(receives.shares.totalBytes);
        },
      ),
      { numRuns: 300, seed: 7 },
    );
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(100);
  });
});
