/**
 * Timers of real event loops fire late. What that must not do: have anything sent again that is not lost; and what
 * being patient must not do: find what is lost much later.
 */
import { describe, expect, it } from "vitest";
import { RttEstimator } from "#src/session/rtt.js";
import { type LinkOptions, Pair, SeededRandom } from "#src/testing/index.js";
import { handProtocol } from "../support/hand-protocol.js";
import { LateTimers } from "../support/late-timers.js";
import { numberedPayload, side } from "../support/session-pair.js";

const protocol = handProtocol();
const { maxAckDelayMs } = protocol.limits;
const MESSAGES = 500;

interface Played {
  /** Frames that were sent again. */
  readonly resent: number;
  readonly probes: number;
  /** The longest that a message took. */
  readonly worstMs: number;
}

/**
 * One lone reliable message after another, far enough apart that nothing but a timer has any of them acknowledged.
 * `lost`: the link takes the first datagram of each.
 */
function play(
  seed: number,
  link: LinkOptions,
  lateness: (random: SeededRandom) => number,
  lost = false,
): Played {
  const random = new SeededRandom(seed);
  const client = side(protocol, "client", seed * 2 + 1);
  const server = side(protocol, "server", seed * 2 + 2);
  const pair = new Pair({
    a: new LateTimers(client.session, () => lateness(random)),
    b: new LateTimers(server.session, () => lateness(random)),
    link,
    seed,
  });
  // Before the first sample a round trip is taken as 333 ms, and after it as one that varies by half.
  for (let i = 0; i < 30; i++) {
    client.session.ping();
    pair.run(200);
  }
  let worstMs = 0;
  for (let i = 0; i < MESSAGES; i++) {
    const sentMs = pair.time.nowMs;
    client.send("event", numberedPayload(i, 20));
    if (lost) {
      pair.linkFromA.options = { loss: 1 };
      pair.flush();
      pair.linkFromA.options = link;
    }
    pair.runUntil(() => server.inbox.of("event").length > i, 60_000);
    worstMs = Math.max(worstMs, pair.time.nowMs - sentMs);
    pair.run(random.integer(50, 150));
  }
  const { messagesResent: resent, probesSent: probes } = client.session.counters;
  return { resent, probes, worstMs };
}

const LOOPBACK: LinkOptions = { delayMs: 0.3, jitterMs: 1 };

describe("with nothing lost, nothing is sent again", () => {
  const links: [string, LinkOptions][] = [
    ["a loopback", LOOPBACK],
    ["a loopback that always takes the same time", { delayMs: 0.2 }],
    ["a local network", { delayMs: 1, jitterMs: 0.5 }],
    ["a round trip of 20 ms", { delayMs: 10, jitterMs: 1 }],
    ["a round trip of 50 ms that never varies", { delayMs: 25 }],
  ];
  for (const [name, link] of links) {
    for (const latestMs of [0, 1, 2]) {
      it(`where timers fire up to ${latestMs} ms late, over ${name}`, () => {
        for (const seed of [1, 2, 3]) {
          const { resent, probes } = play(seed, link, (random) => random.next() * latestMs);
          expect([resent, probes]).toEqual([0, 0]);
        }
      });
    }
  }

  it("but once or twice where timers are as coarse as 16 ms: then that is known", () => {
    for (const seed of [1, 2, 3]) {
      const { resent } = play(seed, LOOPBACK, (random) => random.next() * 16);
      expect(resent).toBeLessThanOrEqual(2);
    }
  });

  it("but seldom where a timer in fifty has to wait for a busy event loop", () => {
    for (const seed of [1, 2, 3]) {
      const busy = (random: SeededRandom): number =>
        random.next() * 2 + (random.chance(0.02) ? random.next() * 8 : 0);
      expect(play(seed, LOOPBACK, busy).resent).toBeLessThan(MESSAGES / 50);
    }
  });
});

describe("what is lost", () => {
  it("is found no later than before: a round trip, the held ack and a late timer are what it takes", () => {
    for (const delayMs of [0.2, 10, 50]) {
      for (const seed of [1, 2, 3]) {
        const { resent, worstMs } = play(seed, { delayMs }, (random) => random.next() * 2, true);
        expect(resent).toBe(MESSAGES);
        // The probe timeout, a late timer, and the way there of what is sent again.
        expect(worstMs).toBeLessThan(2 * delayMs + 2 + maxAckDelayMs + 2 + delayMs);
      }
    }
  });
});

describe("an ack delay is taken off a round trip", () => {
  it("as far as an ack may be held back, and what is more belongs to the round trip", () => {
    const reliable = new RttEstimator(maxAckDelayMs);
    reliable.sample(maxAckDelayMs + 10, maxAckDelayMs, true, 0);
    expect(reliable.smoothedMs).toBe(10);
    const late = new RttEstimator(maxAckDelayMs);
    late.sample(maxAckDelayMs + 10, maxAckDelayMs + 4, true, 0);
    expect(late.smoothedMs).toBe(10);
    // Of what has only unreliable frames an ack may be held back for longer than its delay can say.
    const lazy = new RttEstimator(maxAckDelayMs);
    lazy.sample(60 + 10, 60, false, 0);
    expect(lazy.smoothedMs).toBe(10);
  });

  it("so that the probe timeout waits longer for a peer whose timers are late", () => {
    const rtt = new RttEstimator(maxAckDelayMs);
    for (let i = 0; i < 50; i++) rtt.sample(1 + maxAckDelayMs + 15, maxAckDelayMs + 15, true, 0);
    expect(rtt.probeTimeoutMs()).toBeGreaterThan(maxAckDelayMs + 16);
  });
});
