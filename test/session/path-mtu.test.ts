/** How large datagrams become on a path: found by probes that nobody misses, and given up where the path swallows them. */
import { describe, expect, it, test } from "vitest";
import type { CongestionController } from "#src/session/congestion/controller.js";
import { FixedController } from "#src/session/congestion/fixed.js";
import type { LinkOptions } from "#src/testing/index.js";
import { handProtocol } from "../support/hand-protocol.js";
import { broken, type Joined, joined, numberedPayload } from "../support/session-pair.js";

const BASE = 1200;
const MOST = 1472;
const seeds = [1, 2];
const { limits } = handProtocol();
const protocol = handProtocol({ limits: { ...limits, maxPathDatagramBytes: MOST } });

/** Sends so many messages of 100 bytes, forty every 10 ms: several datagrams in a turn. */
function talk({ client, pair }: Joined, messages: number, from = 0): void {
  for (let i = 0; i < messages; ) {
    for (let n = 0; n < 40 && i < messages; n++, i++) {
      client.send("event", numberedPayload(from + i, 100));
    }
    pair.run(10);
  }
  pair.run(2000);
}

function talking(seed: number, link: LinkOptions, messages = 4000): Joined {
  const pair = joined({ seed, protocol, link });
  talk(pair, messages);
  expect(broken(protocol, "event", pair.client, pair.server)).toBe("");
  return pair;
}

describe("a session whose spec asks for larger datagrams than every path carries", () => {
  it("sends the largest after one probe where the path carries them", () => {
    for (const seed of seeds) {
      const { client } = talking(seed, { delayMs: 25, maxBytes: 1500 });
      expect(client.session.datagramBytes).toBe(MOST);
      expect(client.session.counters).toMatchObject({ pathProbesSent: 1, pathProbesLost: 0 });
    }
  });

  test.each([1201, 1300, 1471])("finds the %i bytes of a path", (maxBytes) => {
    for (const seed of seeds) {
      const { client } = talking(seed, { delayMs: 25, maxBytes });
      expect(client.session.datagramBytes).toBeGreaterThan(Math.max(BASE - 1, maxBytes - 17));
      expect(client.session.datagramBytes).toBeLessThanOrEqual(maxBytes);
      // Halves of 272 bytes down to 16, three probes each at most; and nothing else was lost.
      expect(client.session.counters.pathProbesSent).toBeLessThanOrEqual(6 * 3);
      expect(client.session.counters.datagramsLost).toBe(0);
      expect(client.session.counters.blackHoles).toBe(0);
    }
  });

  it("stays at what every path carries where all probes vanish, and asks again after ten minutes", () => {
    const world = talking(4, { delayMs: 25, maxBytes: BASE }, 6000);
    const { client, pair } = world;
    expect(client.session.datagramBytes).toBe(BASE);
    const probes = client.session.counters.pathProbesSent;
    talk(world, 1000, 6000);
    expect(client.session.counters.pathProbesSent).toBe(probes);
    pair.linkFromA.options = { delayMs: 25, maxBytes: 1500 };
    pair.run(600_000);
    expect(client.session.counters.pathProbesSent).toBe(probes);
    talk(world, 1000, 7000);
    expect(client.session.counters.pathProbesSent).toBe(probes + 1);
    expect(client.session.datagramBytes).toBe(MOST);
  });

  it("goes back to that when the path becomes narrower, loses no message, and finds what it carries now", () => {
    for (const seed of seeds) {
      for (const maxBytes of [BASE, 1300]) {
        const world = talking(seed, { delayMs: 25 });
        const { client, server, pair } = world;
        expect(client.session.datagramBytes).toBe(MOST);
        pair.linkFromA.options = { delayMs: 25, maxBytes };
        const beforeMs = pair.time.nowMs;
        for (let i = 0; i < 200; i++) client.send("event", numberedPayload(4000 + i, 100));
        const arrived = () => server.inbox.of("event").length === 4200;
        expect(pair.runUntil(arrived, 5000)).toBe(true);
        expect(pair.time.nowMs - beforeMs).toBeLessThan(1000);
        talk(world, 4000, 4200);
        expect(broken(protocol, "event", client, server)).toBe("");
        expect(client.session.counters.blackHoles).toBe(1);
        expect(client.session.datagramBytes).toBeGreaterThan(Math.max(BASE - 1, maxBytes - 17));
        expect(client.session.datagramBytes).toBeLessThanOrEqual(maxBytes);
      }
    }
  });

  it("takes no random loss for a path that swallows large datagrams, at least not for long", () => {
    for (const seed of seeds) {
      const { client } = talking(seed, { delayMs: 25, loss: 0.2, maxBytes: 1500 }, 8000);
      expect(client.session.datagramBytes).toBe(MOST);
      expect(client.session.counters.blackHoles).toBe(0);
    }
  });

  it("tells its congestion controller of no lost probe", () => {
    let lost = 0;
    let acknowledgedBytes = 0;
    const congestion = (): CongestionController => {
      const controller = new FixedController();
      controller.onLost = () => void lost++;
      controller.onAcknowledged = (bytes) => {
        acknowledgedBytes += bytes;
      };
      return controller;
    };
    const link = { delayMs: 25, maxBytes: 1300 };
    const world = joined({ seed: 5, protocol, link, client: { congestion } });
    talk(world, 4000);
    expect(world.client.session.counters.pathProbesLost).toBeGreaterThan(3);
    expect(lost).toBe(0);
    expect(acknowledgedBytes).toBeGreaterThan(4000 * 100);
    expect(world.client.session.bytesInFlight).toBe(0);
  });

  it("sends no probe for what one datagram holds, nor when it has nothing to say", () => {
    const { client, pair } = joined({ seed: 6, protocol, link: { delayMs: 25 } });
    for (let i = 0; i < 500; i++) {
      client.send("event", numberedPayload(i, 200));
      pair.run(16);
    }
    pair.run(60_000);
    expect(client.session.counters.pathProbesSent).toBe(0);
  });

  it("and of which the other side's does not ask, is read by it all the same", () => {
    const link = { delayMs: 25 };
    const world = joined({ seed: 7, protocol, link, server: { protocol: handProtocol() } });
    talk(world, 4000);
    const { client, server } = world;
    expect(broken(protocol, "event", client, server)).toBe("");
    expect(client.session.datagramBytes).toBe(MOST);
    expect(server.session.datagramBytes).toBe(BASE);
  });
});

describe("a session whose spec does not ask for them", () => {
  it("sends none that is larger, and no probe", () => {
    let largest = 0;
    const tap = (_: "a" | "b", { length }: Uint8Array): void => {
      largest = Math.max(largest, length);
    };
    const world = joined({ seed: 8, link: { delayMs: 25 }, tap });
    talk(world, 4000);
    expect(largest).toBeLessThanOrEqual(BASE);
    expect(world.client.session.counters.pathProbesSent).toBe(0);
  });
});
