/**
 * What channels of one direction share of a peer's credit between two threads, for peers of this version and of others: against
 * a model that counts in numbers, over channel lists of any kind.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { creditShares } from "#src/port/credit-shares.js";
import { Credits, createCredits } from "#src/port/credits.js";
import { creditCost } from "#src/port/memory.js";
import type { ChannelDefinition } from "#src/protocol.js";
import { maySend } from "#src/protocol.js";
import { handProtocol } from "../support/hand-protocol.ts";

const CREDIT_BYTES = 65_536;

const channel = fc.record({
  direction: fc.constantFrom<ChannelDefinition["direction"][]>(
    "both",
    "client-to-server",
    "server-to-client",
  ),
  maxBytes: fc.integer({ min: 1, max: 30_000 }),
  /** What a peer of another version may send beyond that. */
  grownBytes: fc.constantFrom(0, 0, 10_000, 60_000),
});

/** A quarter of all credit in parts of their own, three quarters in a pool of which none takes more than three quarters. */
class Model {
  readonly held: number[];
  /** By place: what was refused last. */
  readonly wanted: number[];
  readonly #parts: readonly number[];
  readonly #poolBytes: number;

  constructor(largest: readonly number[]) {
    const n = largest.length;
    const own = Math.floor(CREDIT_BYTES / 4 / n);
    this.#parts = largest.map((bytes) =>
      n === 1 ? CREDIT_BYTES : Math.max(own, Math.min(bytes, CREDIT_BYTES)),
    );
    this.#poolBytes = n === 1 ? 0 : Math.floor((CREDIT_BYTES * 3) / 4);
    this.held = largest.map(() => 0);
    this.wanted = largest.map(() => 0);
  }

  fits(place: number, bytes: number): boolean {
    const pooled = (i: number, all: number): number => Math.max(0, all - this.#parts[i]!);
    const mine = pooled(place, this.held[place]! + bytes);
    const others = this.held.reduce((sum, all, i) => sum + (i === place ? 0 : pooled(i, all)), 0);
    return mine <= (this.#poolBytes - others) * 0.75;
  }

  /** Gives back; whether something that was refused would be taken now, and was not told so before. */
  add(place: number, bytes: number): boolean {
    this.held[place]! -= bytes;
    let isNews = false;
    this.wanted.forEach((wanted, i) => {
      if (wanted === 0 || !this.fits(i, wanted)) return;
      this.wanted[i] = 0;
      isNews = true;
    });
    return isNews;
  }
}

describe("the shares of a peer's credit", () => {
  test("are what the model says, whose version the peer is and which way it goes", () => {
    const seen = { refused: 0, told: 0, grown: 0 };
    fc.assert(
      fc.property(
        fc.array(channel, { minLength: 1, maxLength: 7 }),
        fc.boolean(),
        fc.constantFrom("client" as const, "server" as const),
        fc.array(fc.tuple(fc.nat(), fc.nat(), fc.boolean()), { minLength: 20, maxLength: 80 }),
        (channels, isOther, sender, steps) => {
          const base = handProtocol({
            channels: channels.map((one, i) => ({
              ...one,
              name: `c${i}`,
              delivery: "reliable",
              fragment: true,
            })),
            limits: { creditBytes: CREDIT_BYTES },
          });
          const protocol = {
            ...base,
            channels: base.channels.map((one, i) => ({
              ...one,
              compatMaxBytes: one.maxBytes + channels[i]!.grownBytes,
            })),
          };
          const shares = creditShares(protocol, sender);
          const sent = protocol.channels.filter(({ direction }) => maySend(sender, direction));
          expect(shares.places).toEqual(protocol.channels.map((one) => sent.indexOf(one)));
          expect(shares.count).toBe(sent.length);
          if (sent.length === 0) return;
          const most = ({ maxBytes, compatMaxBytes }: ChannelDefinition): number =>
            isOther ? compatMaxBytes : maxBytes;
          const model = new Model(sent.map((one) => creditCost(most(one))));
          const credits = new Credits(createCredits(2, shares.count), shares);
          credits.reset(1, isOther);
          for (const [which, size, isBack] of steps) {
            const place = which % sent.length;
            const { index } = sent[place]!;
            const held = model.held[place]!;
            if (isBack && held > 0) {
              const bytes = 1 + (size % held);
              const isNews = model.add(place, bytes);
              expect(credits.add(1, index, bytes)).toBe(isNews);
              if (isNews) seen.told++;
              continue;
            }
            const largest = most(sent[place]!);
            // A later version's may be larger than all credit, and then costs all of it.
            const bytes = Math.min(creditCost(size % (largest + 1)), CREDIT_BYTES);
            const fits = model.fits(place, bytes);
            // Whatever the others hold, a channel of which nothing is held takes its largest message.
            if (held === 0) expect(fits).toBe(true);
            expect(credits.spend(1, index, bytes)).toBe(fits);
            if (fits) {
              model.held[place] = held + bytes;
              if (isOther && bytes > creditCost(sent[place]!.maxBytes)) seen.grown++;
            } else {
              model.wanted[place] = bytes;
              seen.refused++;
            }
          }
          const all = model.held.reduce((sum, bytes) => sum + bytes, 0);
          expect(credits.spentBytes(1)).toBe(all);
          expect(credits.spentBytes(0)).toBe(0);
          expect(all).toBeLessThanOrEqual(shares.kinds[isOther ? 1 : 0].totalBytes);
        },
      ),
      { numRuns: 300, seed: 3 },
    );
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(100);
  });
});
