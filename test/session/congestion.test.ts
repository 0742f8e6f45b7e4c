/** Controllers over links with a rate and a queue: what they leave to others, how long they make the queue, and what loss costs. */
import { Writer } from "stardust-udp/wire";
import { describe, expect, it, test, vi } from "vitest";
import {
  type CongestionName,
  congestionControllers,
  congestionFactory,
} from "#src/session/congestion/choose.js";
import type { CongestionController } from "#src/session/congestion/controller.js";
import { FixedController } from "#src/session/congestion/fixed.js";
import { NewRenoController } from "#src/session/congestion/newreno.js";
import { Pacer } from "#src/session/congestion/pacer.js";
import { StardustController } from "#src/session/congestion/stardust.js";
import { RttEstimator } from "#src/session/rtt.js";
import { jain, type PathOptions, quantile, Race } from "../support/flows.ts";
import { joined, numberedPayload } from "../support/session-pair.ts";

const seeds = [1, 2, 3];

/** 10 Mbit/s over 50 ms, with a queue of two round trips. */
const path: PathOptions = { rateBytesPerMs: 1250, queueMs: 100, link: { delayMs: 25 }, seed: 1 };

describe("a flow of stardust alone", () => {
  test.each([
    [250, 2],
    [250, 50],
    [250, 200],
    [1250, 2],
    [1250, 50],
    [1250, 200],
    [5000, 50],
  ])("on %i bytes/ms over %i ms fills the path, and not a queue of a second", (rate, rttMs) => {
    for (const seed of seeds.slice(0, 2)) {
      const link = { delayMs: rttMs / 2, jitterMs: 1 };
      const race = new Race([["stardust", 0]], { rateBytesPerMs: rate, queueMs: 1000, link, seed });
      race.run(4000);
      const { shares, waitsMs } = race.run(8000);
      expect(shares[0]).toBeGreaterThan(0.85);
      // A quarter of the round trip is its aim, and 25 ms at most; a few datagrams may always wait.
      expect(quantile(waitsMs, 0.5)).toBeLessThan(25);
      expect(quantile(waitsMs, 0.99)).toBeLessThan(55);
    }
  });

  test.each([0.001, 0.01, 0.05, 0.2])("keeps its rate at a random loss of %f", (loss) => {
    for (const seed of seeds) {
      const link = { delayMs: 25, loss };
      const race = new Race([["stardust", 0]], { ...path, link, seed });
      race.run(5000);
      // What is lost behind the bottleneck has had its share of it.
      expect(race.run(10_000).shares[0]).toBeGreaterThan(0.75 * (1 - loss));
    }
  });

  test.each([
    [150, 0.01],
    [150, 0.05],
    [300, 0.01],
    [300, 0.05],
  ])("keeps it on a path of %i ms that loses %f", (rttMs, loss) => {
    for (const seed of seeds) {
      const link = { delayMs: rttMs / 2, loss };
      const race = new Race([["stardust", 0]], { ...path, link, seed });
      race.run(5000);
      expect(race.run(10_000).shares[0], `seed ${seed}`).toBeGreaterThan(0.75);
    }
  });

  it("has its rate again two seconds after a cut of five", () => {
    for (const seed of seeds) {
      const link = { delayMs: 25, cuts: [{ fromMs: 5000, untilMs: 10_000 }] };
      const race = new Race([["stardust", 0]], { ...path, link, seed });
      race.run(12_000);
      const { shares, waitsMs } = race.run(3000);
      expect(shares[0]).toBeGreaterThan(0.85);
      expect(quantile(waitsMs, 0.99)).toBeLessThan(55);
    }
  });
});

describe("a controller is told of a round trip", () => {
  it("but not where the ack had to wait for this side's own event loop", () => {
    const controller = new FixedController();
    const feedback = vi.spyOn(controller, "onFeedback");
    const client = { congestion: () => controller };
    const { client: sender, server, pair } = joined({ seed: 6, link: { delayMs: 25 }, client });
    const askMs = (): number => {
      sender.send("event", numberedPayload(0, 100));
      pair.run(200);
      return feedback.mock.calls.at(-1)![0];
    };
    expect(askMs()).toBeCloseTo(50, 0);
    // Sent now; the ack is read long after the probe timer was due.
    sender.send("event", numberedPayload(1, 100));
    const nowMs = pair.time.nowMs;
    const w = new Writer(new Uint8Array(1200));
    const view = new DataView(w.bytes.buffer);
    server.session.handleDatagram(w.bytes, view, sender.session.pollTransmit(w, nowMs), nowMs + 25);
    w.at = 0;
    const bytes = server.session.pollTransmit(w, nowMs + 45);
    sender.session.handleDatagram(w.bytes, view, bytes, nowMs + 400);
    expect(feedback.mock.calls.at(-1)![0]).toBe(-1);
  });
});

describe("flows that share a bottleneck", () => {
  it("of stardust become equal, whenever the second comes, and the queue stays short", () => {
    for (const seed of seeds) {
      const race = new Race(
        [
          ["stardust", 0],
          ["stardust", 3000 + seed * 500],
        ],
        { ...path, queueMs: 500, seed },
      );
      race.run(10_000);
      const { shares, waitsMs } = race.run(10_000);
      expect(jain(shares)).toBeGreaterThan(0.95);
      expect(shares[0]! + shares[1]!).toBeGreaterThan(0.9);
      expect(quantile(waitsMs, 0.95)).toBeLessThan(30);
    }
  });

  test.each([50, 100])(
    "of stardust and newreno have a third each where newreno was there first, with a queue of %i ms",
    (queueMs) => {
      for (const seed of seeds) {
        const race = new Race(
          [
            ["newreno", 0],
            ["stardust", 3000],
          ],
          { ...path, queueMs, seed },
        );
        race.run(15_000);
        const { shares } = race.run(45_000);
        expect(Math.min(...shares)).toBeGreaterThan(1 / 3);
      }
    },
  );

  it("of stardust that come one after the other do not take each other for rivals", () => {
    for (const seed of seeds) {
      const flows = [0, 1000, 2000, 3000 + seed * 100].map((ms) => ["stardust", ms] as const);
      const race = new Race(flows, { ...path, queueMs: 500, seed });
      race.run(15_000);
      const { shares, waitsMs } = race.run(15_000);
      expect(jain(shares)).toBeGreaterThan(0.95);
      expect(quantile(waitsMs, 0.5)).toBeLessThan(60);
    }
  });

  test.each([
    [250, 50],
    [1250, 50],
    [1250, 100],
  ])(
    "of stardust and newreno have a third each, on %i bytes/ms with a queue of %i ms",
    (rate, queueMs) => {
      for (const seed of seeds) {
        const race = new Race(
          [
            ["stardust", 0],
            ["newreno", 3000],
          ],
          { rateBytesPerMs: rate, queueMs, link: { delayMs: 25 }, seed },
        );
        race.run(15_000);
        const { shares } = race.run(45_000);
        expect(Math.min(...shares)).toBeGreaterThan(1 / 3);
      }
    },
  );

  it("of stardust become equal again, and the queue short, when a flow of newreno has ended", () => {
    const race = new Race(
      [
        ["stardust", 0],
        ["stardust", 0],
        ["newreno", 1000],
      ],
      path,
    );
    race.run(20_000);
    const rival = race.flows[2]!;
    rival.stop();
    race.run(15_000);
    const { shares, waitsMs } = race.run(10_000);
    expect(jain(shares.slice(0, 2))).toBeGreaterThan(0.9);
    expect(quantile(waitsMs, 0.5)).toBeLessThan(35);
  });
});

describe("a game at 60 Hz with 200 bytes", () => {
  // Three minutes; an hour says the same (GAME_MINUTES=60 npx vitest run test/simulate/proofs).
  const TICKS = 10_800;

  it.each(["stardust", "newreno"] as const)(
    "over a clean link with 1 ms of jitter has nothing shed, held or sent again by %s",
    (name) => {
      const extra = { congestion: congestionControllers[name] };
      const link = { delayMs: 25, jitterMs: 1 };
      const { client, server, pair } = joined({ seed: 5, link, client: extra, server: extra });
      let arrived = 0;
      let worstMs = 0;
      const sentMs = new Map<string, number>();
      server.inbox.deliver = ({ channel, bytes, start }) => {
        arrived++;
        const index = new DataView(bytes.buffer, bytes.byteOffset).getUint32(start);
        const key = `${channel.name} ${index}`;
        worstMs = Math.max(worstMs, pair.time.nowMs - sentMs.get(key)!);
        sentMs.delete(key);
        return true;
      };
      for (let tick = 0; tick < TICKS; tick++) {
        for (const channel of ["state", "event"]) {
          sentMs.set(`${channel} ${tick}`, pair.time.nowMs);
          expect(client.send(channel, numberedPayload(tick, 200))).toBe(true);
        }
        client.sent.clear();
        pair.run(1000 / 60);
      }
      pair.run(100);
      // `state` is sequenced: what arrives behind its successor is dropped, but nothing is 16 ms late here.
      expect(arrived).toBe(2 * TICKS);
      expect(worstMs).toBeLessThan(26.1);
      const { messagesResent, datagramsLost, probesSent } = client.session.counters;
      expect([messagesResent, datagramsLost, probesSent]).toEqual([0, 0, 0]);
    },
    60_000,
  );
});

function estimator(rttMs: number): RttEstimator {
  const rtt = new RttEstimator(20);
  for (let i = 0; i < 40; i++) rtt.sample(rttMs, 0, true, i);
  return rtt;
}

/** So many datagrams leave at `nowMs`; returns what is in flight. */
function send(controller: CongestionController, count: number, nowMs: number): void {
  for (let i = 1; i <= count; i++) controller.onSent(1200, i * 1200, nowMs);
}

describe("newreno", () => {
  const rtt = estimator(50);

  function inAvoidance(): NewRenoController {
    const controller = new NewRenoController(1200);
    send(controller, 10, 0);
    controller.onLost(1200, 0, 50);
    controller.onFeedback(50, rtt, 50);
    return controller;
  }

  it("doubles each round trip, and halves once for all that one round trip has lost", () => {
    const controller = new NewRenoController(1200);
    send(controller, 10, 0);
    for (let i = 0; i < 10; i++) controller.onAcknowledged(1200, 0, 50);
    controller.onFeedback(50, rtt, 50);
    expect(controller.windowBytes).toBe(24_000);
    expect(controller.pacingBytesPerMs).toBeCloseTo((1.25 * 24_000) / 50);
    send(controller, 20, 51);
    for (let i = 0; i < 5; i++) controller.onLost(1200, 51, 101);
    expect(controller.windowBytes).toBe(12_000);
  });

  it("then grows by a datagram a round trip", () => {
    const controller = inAvoidance();
    expect(controller.windowBytes).toBe(6000);
    send(controller, 5, 60);
    for (let i = 0; i < 5; i++) controller.onAcknowledged(1200, 60, 110);
    expect(controller.windowBytes).toBeGreaterThan(7000);
    expect(controller.windowBytes).toBeLessThanOrEqual(7200);
  });

  it("does not grow while its window is not used", () => {
    const controller = new NewRenoController(1200);
    for (let i = 0; i < 100; i++) {
      controller.onSent(1200, 1200, i * 100);
      controller.onAcknowledged(1200, i * 100, i * 100 + 50);
    }
    expect(controller.windowBytes).toBe(12_000);
  });

  it("takes back what losses cost that were none, once none of them is left", () => {
    const controller = new NewRenoController(1200);
    send(controller, 10, 0);
    controller.onLost(1200, 0, 50);
    controller.onLost(1200, 0, 50);
    controller.onSpuriousLoss(1200, 0, 60);
    expect(controller.windowBytes).toBe(6000);
    controller.onSpuriousLoss(1200, 0, 61);
    expect(controller.windowBytes).toBe(12_000);
  });

  it("goes down to two datagrams when all was lost for three probe timeouts, with nothing between", () => {
    const controller = inAvoidance();
    const persistentMs = 3 * rtt.probeTimeoutMs();
    const lose = (fromMs: number, toMs: number, namedMs: number): void => {
      controller.onAcknowledged(1200, namedMs, namedMs + 50);
      controller.onLost(1200, fromMs, namedMs + 50);
      controller.onLost(1200, toMs, namedMs + 50);
      controller.onFeedback(50, rtt, namedMs + 50);
    };
    lose(1000, 1000 + persistentMs, 2000);
    expect(controller.windowBytes).toBeGreaterThanOrEqual(3000);
    lose(3000, 3001 + persistentMs, 4000);
    expect(controller.windowBytes).toBe(2400);
  });

  it("does not when something has arrived between", () => {
    const controller = inAvoidance();
    const toMs = 1001 + 3 * rtt.probeTimeoutMs();
    controller.onAcknowledged(1200, 1100, toMs + 50);
    controller.onLost(1200, 1000, toMs + 50);
    controller.onLost(1200, toMs, toMs + 50);
    controller.onFeedback(50, rtt, toMs + 50);
    expect(controller.windowBytes).toBeGreaterThanOrEqual(3000);
  });
});

describe("stardust", () => {
  it("does not grow while its window is not used, and shrinks for no queue that it has not made", () => {
    const controller = new StardustController(1200);
    const rtt = estimator(50);
    for (let i = 0; i < 200; i++) {
      const atMs = 1000 + i * 60;
      controller.onSent(1200, 2400, atMs);
      controller.onAcknowledged(1200, atMs, atMs + 55);
      controller.onFeedback(i < 100 ? 51 : 150, rtt, atMs + 55);
    }
    expect(controller.windowBytes).toBeLessThanOrEqual(32 * 1200);
    expect(controller.windowBytes).toBeGreaterThanOrEqual(2400);
  });

  it("begins anew from two datagrams after silence", () => {
    const controller = new StardustController(1200);
    controller.onSilence(1000);
    expect(controller.windowBytes).toBe(2400);
    const rtt = estimator(50);
    for (let round = 0, inFlight = 2; round < 4; round++, inFlight *= 2) {
      const atMs = 1000 + round * 50;
      send(controller, inFlight, atMs);
      for (let i = 0; i < inFlight; i++) controller.onAcknowledged(1200, atMs, atMs + 50);
      controller.onFeedback(50, rtt, atMs + 50);
    }
    expect(controller.windowBytes).toBe(2 ** 4 * 2400);
  });
});

describe("the pacer", () => {
  const sendAll = (pacer: Pacer, bytes: number, nowMs: number, rate: number, rttMs: number) => {
    let count = 0;
    for (; pacer.readyAt(nowMs, rate, rttMs) <= nowMs; count++) pacer.sent(bytes);
    return count;
  };

  it("lets 32 datagrams go at one instant, then bytes at the rate, and small ones cost what they have", () => {
    const pacer = new Pacer(1200, 0);
    expect(sendAll(pacer, 1200, 0, 120, 50)).toBe(32);
    expect(pacer.readyAt(0, 120, 50)).toBeCloseTo(10, 1);
    expect(sendAll(pacer, 1200, 10, 120, 50)).toBe(1);
    expect(sendAll(pacer, 1200, 100, 120, 50)).toBe(9);
    expect(sendAll(pacer, 200, 1000, 120, 50)).toBe(32);
    expect(sendAll(pacer, 200, 1001, 120, 50)).toBe(32);
  });

  it("goes on with a sixteenth of a round trip where it had to wait, and with no less before", () => {
    const pacer = new Pacer(1200, 0);
    expect(sendAll(pacer, 1200, 0, 1200, 64)).toBe(32);
    expect(pacer.readyAt(0, 1200, 64)).toBeCloseTo(4, 1);
    expect(pacer.readyAt(3, 1200, 64)).toBeCloseTo(4, 1);
    expect(sendAll(pacer, 1200, 4, 1200, 64)).toBe(4);
    expect(sendAll(pacer, 1200, 6, 1200, 64)).toBe(0);
    expect(sendAll(pacer, 1200, 8, 1200, 64)).toBe(4);
  });

  it("makes nobody wait longer than 5 ms, or for more than half a burst, or for what never waited", () => {
    const far = new Pacer(1200, 0);
    expect(sendAll(far, 1200, 0, 1200, 1000)).toBe(32);
    expect(far.readyAt(0, 1200, 1000)).toBeCloseTo(5, 1);
    const fast = new Pacer(1200, 0);
    expect(sendAll(fast, 1200, 0, 12_000, 1000)).toBe(32);
    expect(fast.readyAt(0.5, 12_000, 1000)).toBeCloseTo(1.6, 1);
    expect(sendAll(fast, 1200, 1.61, 12_000, 1000)).toBe(16);
    const rested = new Pacer(1200, 0);
    for (let i = 0; i < 31; i++) rested.sent(1200);
    expect(sendAll(rested, 1200, 0, 1200, 1000)).toBe(1);
  });

  it("has a time for everybody, at any rate and round trip", () => {
    for (const rate of [0.001, 120, Number.POSITIVE_INFINITY]) {
      for (const rttMs of [0, 0.01, 50, 10_000]) {
        const pacer = new Pacer(1200, 0);
        expect(sendAll(pacer, 1200, 0, rate, rttMs)).toBe(32);
        const atMs = pacer.readyAt(0, rate, rttMs);
        expect(atMs).toBeGreaterThan(0);
        expect(pacer.readyAt(atMs, rate, rttMs)).toBe(atMs);
      }
    }
  });
});

describe("a controller is chosen", () => {
  it("by its name, or with options, or made by the user", () => {
    const setup = { maxDatagramBytes: 1200, nowMs: 0 };
    for (const name of Object.keys(congestionControllers) as CongestionName[]) {
      expect(congestionFactory(name)).toBe(congestionControllers[name]);
    }
    const fixed = congestionFactory({ fixed: { windowBytes: 5000 } })(setup);
    expect(fixed.windowBytes).toBe(5000);
  });
});
