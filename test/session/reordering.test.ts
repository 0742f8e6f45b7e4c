/** Datagrams that overtake each other are not lost, what is lost is found as soon as ever, and an ack costs what it says. */
import fc from "fast-check";
import { AckBlock } from "stardust-udp/wire";
import { describe, expect, it, vi } from "vitest";
import { FixedController } from "#src/session/congestion/fixed.js";
import { createSessionCounters } from "#src/session/counters.js";
import { NumberBits } from "#src/session/number-bits.js";
import { PathMtu } from "#src/session/path-mtu.js";
import { ReorderingWindow } from "#src/session/reordering.js";
import { RttEstimator } from "#src/session/rtt.js";
import { Sent, SentPackets } from "#src/session/sent.js";
import type { LinkOptions } from "#src/testing/index.js";
import { handProtocol } from "../support/hand-protocol.js";
import { indexOf, joined, numberedPayload } from "../support/session-pair.js";

const protocol = handProtocol();
const seeds = [1, 2, 3];

/** As much as a window allows, in bursts of a tick; with one of 256 KiB at most 32 ranges are open at a time. */
function bulk(seed: number, link: LinkOptions, datagrams: number, windowBytes = 256 * 1024) {
  const congestion = () => new FixedController({ windowBytes });
  const { client, pair } = joined({ seed, link, client: { congestion } });
  const { counters } = client.session;
  while (counters.datagramsSent < datagrams) {
    for (let i = 0; i < windowBytes / 4096 && client.send("event", numberedPayload(i, 1100)); i++);
    pair.run(8);
  }
  return counters;
}

/** Milliseconds that 99 of 100 reliable messages took at most. */
function p99(seed: number, link: LinkOptions, everyMs: number): number {
  const { client, server, pair } = joined({ seed, link });
  const sentMs: number[] = [];
  const tookMs: number[] = [];
  for (let i = 0; i < 6000; i++) {
    sentMs.push(pair.time.nowMs);
    client.send("event", numberedPayload(i, 60));
    const untilMs = pair.time.nowMs + everyMs;
    while (pair.time.nowMs < untilMs) {
      pair.step(untilMs);
      for (const payload of server.inbox.of("event").splice(0)) {
        tookMs.push(pair.time.nowMs - sentMs[indexOf(payload)]!);
      }
    }
  }
  return tookMs.sort((a, b) => a - b)[Math.ceil(tookMs.length * 0.99) - 1]!;
}

describe("where nothing is lost", () => {
  for (const jitterMs of [0.3, 2, 5]) {
    it(`${jitterMs} ms of jitter on a path of 50 ms make a loss of less than one datagram in a thousand`, () => {
      for (const seed of seeds) {
        const counters = bulk(seed, { delayMs: 25, jitterMs }, 20_000);
        expect(counters.datagramsLost).toBeLessThan(20);
        expect(counters.messagesResent).toBeLessThan(20);
      }
    });
  }

  it("8 ms at 25 MB/s, with more gaps open at a time than an ack names, make one of less than 1 in 400", () => {
    for (const seed of seeds) {
      const counters = bulk(seed, { delayMs: 25, jitterMs: 8 }, 40_000, 1.25 * 1024 * 1024);
      expect(counters.datagramsLost).toBeLessThan(100);
    }
  });

  it("nor do 30 ms, once that is known", () => {
    for (const seed of seeds) {
      const counters = bulk(seed, { delayMs: 25, jitterMs: 30 }, 40_000);
      expect(counters.datagramsLost).toBeLessThan(400);
    }
  });
});

describe("where 5 % are lost, 100 times a second over 50 ms", () => {
  for (const jitterMs of [0, 2]) {
    it(`99 of 100 messages arrive within 91 ms, with ${jitterMs} ms of jitter`, () => {
      for (const seed of seeds) {
        expect(p99(seed, { delayMs: 25, jitterMs, loss: 0.05 }, 10)).toBeLessThan(91);
      }
    });
  }
});

describe("the reordering window", () => {
  const rtt = (): RttEstimator => {
    const estimator = new RttEstimator(20);
    for (let i = 0; i < 20; i++) estimator.sample(80, 0, true, i);
    return estimator;
  };

  it("is an eighth of the round trip, and numbers are evidence, until there is reordering", () => {
    const window = new ReorderingWindow();
    expect([window.lossDelayMs(rtt()), window.trustsNumbers]).toEqual([90, true]);
    window.reordered();
    expect([window.lossDelayMs(rtt()), window.trustsNumbers]).toEqual([90, false]);
  });

  it("is wide enough for the loss that was none, at most a round trip, and narrow again after 16 recoveries", () => {
    const window = new ReorderingWindow();
    window.spurious(105, rtt());
    expect(window.lossDelayMs(rtt())).toBe(120);
    window.spurious(1000, rtt());
    expect(window.lossDelayMs(rtt())).toBe(160);
    for (let i = 0; i < 15; i++) {
      // Those of one flight count once.
      window.lost(i * 100, i * 100 + 90);
      window.lost(i * 100 + 1, i * 100 + 91);
    }
    expect(window.lossDelayMs(rtt())).toBe(160);
    window.lost(1500, 1590);
    expect(window.lossDelayMs(rtt())).toBe(90);
  });
});

describe("the smallest round trip", () => {
  it("is forgotten after ten seconds at most: paths become longer", () => {
    const rtt = new RttEstimator(20);
    rtt.sample(30, 0, true, 1000);
    for (let nowMs = 1100; nowMs < 5500; nowMs += 100) rtt.sample(50, 0, true, nowMs);
    expect(rtt.minMs).toBe(30);
    for (let nowMs = 5500; nowMs < 11_000; nowMs += 100) rtt.sample(50, 0, true, nowMs);
    expect(rtt.minMs).toBe(50);
  });
});

describe("a datagram that was taken for lost and arrives", () => {
  it("is told to the controller as it was sent", () => {
    const controller = new FixedController();
    const lost = vi.spyOn(controller, "onLost");
    const spurious = vi.spyOn(controller, "onSpuriousLoss");
    const link: LinkOptions = { delayMs: 25, jitterMs: 60 };
    const { client, pair } = joined({ seed: 4, link, client: { congestion: () => controller } });
    for (let i = 0; i < 1000; i++) {
      client.send("event", numberedPayload(i, 500));
      pair.run(1);
    }
    pair.run(2000);
    expect(spurious.mock.calls.length).toBeGreaterThan(0);
    expect(spurious.mock.calls.length).toBe(client.session.counters.spuriousLosses);
    const told = lost.mock.calls.map(([bytes, sentAtMs]) => `${bytes} at ${sentAtMs}`);
    for (const [bytes, sentAtMs] of spurious.mock.calls) {
      expect(told).toContain(`${bytes} at ${sentAtMs}`);
    }
  });
});

describe("the work of an ack", () => {
  it("is that of what it says anew, however much is outstanding or missing", () => {
    const count = 4000;
    const none = { frameAcknowledged: () => {}, frameLost: () => {}, frameDue: () => {} };
    const counters = createSessionCounters();
    const path = new PathMtu(1200, 1200, counters);
    const sent = new SentPackets(protocol.header, () => 1000, none, path, counters);
    const rtt = new RttEstimator(20);
    const controller = new FixedController();
    for (let i = 0; i < count; i++) {
      const number = sent.begin();
      sent.addFrame(1, number, -1);
      sent.commit(i / 100, 1000, Sent.eliciting | Sent.reliable, -1);
    }
    const inside = sent as unknown as Record<"isUnresolved" | "arrived", () => void>;
    const looked = vi.spyOn(inside, "isUnresolved");
    const arrived = vi.spyOn(inside, "arrived");
    const searched = vi.spyOn(NumberBits.prototype, "highest");
    const acks = new AckBlock();
    acks.delay = 0;
    // The first is missing, and every tenth; all else is named again and again, one more each time.
    for (let largest = 20; largest < count; largest++) {
      acks.largest = largest;
      acks.firstRun = (largest % 10) + 1;
      acks.pairs = 0;
      if (acks.firstRun < 10) {
        acks.gaps[0] = 1;
        acks.runs[0] = 9;
        acks.pairs = 1;
      }
      sent.acknowledge(acks, 50, rtt, controller);
    }
    expect(arrived.mock.calls.length).toBeGreaterThan(count * 0.8);
    expect(arrived.mock.calls.length).toBeLessThanOrEqual(count);
    // One search for each range, and one for what it found; each number is looked at once by each cursor.
    expect(searched.mock.calls.length).toBeLessThan(4 * count);
    expect(looked.mock.calls.length).toBeLessThan(4 * count);
    searched.mockRestore();
  });

  it("finds the numbers that a plain set has", () => {
    const step = fc.record({ add: fc.boolean(), number: fc.nat(63), low: fc.nat(63) });
    fc.assert(
      fc.property(
        fc.array(step),
        fc.nat(2 ** 40),
        fc.constantFrom(7, 31, 63),
        (steps, from, mask) => {
          const bits = new NumberBits();
          bits.resize(mask);
          const set = new Set<number>();
          for (const { add, number, low } of steps) {
            const n = from + (number & mask);
            if (add) {
              bits.add(n);
              set.add(n);
            } else {
              bits.remove(n);
              set.delete(n);
            }
            const least = from + (low & mask);
            const all = [...set].filter((x) => least <= x && x <= n);
            expect(bits.highest(least, n)).toBe(all.length === 0 ? -1 : Math.max(...all));
          }
        },
      ),
    );
  });
});
