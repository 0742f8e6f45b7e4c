/** A session whose path becomes another one: nothing reliable is lost, and what was known of the old path is not taken for the new. */
import { describe, expect, it } from "vitest";
import { FixedController } from "#src/session/congestion/fixed.js";
import type { LinkOptions } from "#src/testing/index.js";
import { handProtocol } from "../support/hand-protocol.js";
import { broken, type Joined, joined, numberedPayload } from "../support/session-pair.js";

const { limits } = handProtocol();
const protocol = handProtocol({ limits: { ...limits, maxPathDatagramBytes: 1472 } });
const seeds = [1, 2, 3];

/** Sends some messages of 100 bytes both ways, a while each. */
function talk({ client, server, pair }: Joined, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    client.send("event", numberedPayload(i, 100));
    server.send("event", numberedPayload(i, 100));
    if (i % 20 === 19) pair.run(10);
  }
}

function setLink({ pair }: Joined, link: LinkOptions): void {
  pair.linkFromA.options = link;
  pair.linkFromB.options = link;
}

/** Both sides are at another path than before, after nothing came through for a while. */
function move(world: Joined, isElsewhere: boolean, link: LinkOptions): void {
  const { client, server, pair } = world;
  setLink(world, { ...link, loss: 1 });
  talk(world, 2000, 2100);
  pair.run(800);
  setLink(world, link);
  for (const { session } of [client, server]) session.move(isElsewhere, pair.time.nowMs);
}

describe.each([
  ["more than a port", true],
  ["a port alone", false],
])("a session that moves by %s", (_, isElsewhere) => {
  it("loses nothing reliable, keeps the order, and goes on at once", () => {
    for (const seed of seeds) {
      const world = joined({ seed, protocol, link: { delayMs: 25, jitterMs: 5 } });
      talk(world, 0, 2000);
      move(world, isElsewhere, { delayMs: 40 });
      const beforeMs = world.pair.time.nowMs;
      const { client, server, pair } = world;
      const isThere = () => [client, server].every(({ inbox }) => inbox.of("event").length >= 2100);
      expect(pair.runUntil(isThere, 3000)).toBe(true);
      // A few round trips of the new path: nobody waits for a timeout that has doubled.
      expect(pair.time.nowMs - beforeMs).toBeLessThan(1000);
      setLink(world, { delayMs: 40, jitterMs: 20, loss: 0.1 });
      talk(world, 2100, 3000);
      pair.run(20_000);
      expect(broken(protocol, "event", client, server)).toBe("");
      expect(broken(protocol, "event", server, client)).toBe("");
      for (const { session } of [client, server]) expect(session.unacknowledged).toBe(false);
    }
  });
});

describe("a session that moves elsewhere", () => {
  it("knows nothing of the path: its round trip, its size and how much it bears are found again", () => {
    const world = joined({ seed: 4, protocol, link: { delayMs: 10 } });
    for (let from = 0; from < 2000; from += 500) {
      for (let i = from; i < from + 500; i++) world.client.send("event", numberedPayload(i, 1000));
      world.pair.run(500);
    }
    const { session } = world.client;
    const first = joined({ seed: 9, protocol }).client.session;
    expect(session.windowBytes).toBeGreaterThan(first.windowBytes);
    expect(session.datagramBytes).toBe(1472);
    session.move(true, world.pair.time.nowMs);
    expect(session.windowBytes).toBe(first.windowBytes);
    expect(session.rttMs).toBe(0);
    expect(session.probeTimeoutMs).toBe(first.probeTimeoutMs);
    expect(session.datagramBytes).toBe(limits.maxDatagramBytes);
    setLink(world, { delayMs: 30, maxBytes: 1300 });
    talk(world, 2000, 12_000);
    world.pair.run(5000);
    expect(session.rttMs).toBeGreaterThan(58);
    expect(session.datagramBytes).toBeGreaterThanOrEqual(1284);
    expect(session.datagramBytes).toBeLessThanOrEqual(1300);
    expect(broken(protocol, "event", world.client, world.server)).toBe("");
  });

  it("reads nothing of it from what went the old one, however late that is acknowledged", () => {
    for (const seed of seeds) {
      const told: string[] = [];
      const congestion = () => {
        const controller = new FixedController();
        const made = told.length;
        told.push("");
        const note = (what: string) => () => {
          told[made] += what;
        };
        controller.onAcknowledged = note("a");
        controller.onLost = note("l");
        controller.onSpuriousLoss = note("s");
        return controller;
      };
      // Acks need half a second, and are under way when the path changes.
      const world = joined({
        seed,
        protocol,
        fromClient: { delayMs: 10 },
        fromServer: { delayMs: 500 },
        client: { congestion },
      });
      for (let i = 0; i < 40; i++) world.client.send("event", numberedPayload(i, 100));
      world.pair.run(100);
      const { session } = world.client;
      expect(session.bytesInFlight).toBeGreaterThan(0);
      world.pair.linkFromB.options = { delayMs: 600 };
      session.move(true, world.pair.time.nowMs);
      expect(session.bytesInFlight).toBe(0);
      world.pair.run(450);
      // All that was sent before is acknowledged by now, and the new controller has heard of none of it.
      expect(world.server.inbox.of("event")).toHaveLength(40);
      expect(told).toEqual(["", ""]);
      expect(session.rttMs).toBe(0);
      world.pair.run(3000);
      expect(told[1]).toMatch(/^a+$/);
      expect(session.rttMs).toBeGreaterThan(600);
      expect(broken(protocol, "event", world.client, world.server)).toBe("");
    }
  });
});

describe("a session that moves by a port alone", () => {
  it("keeps what it knows of the path", () => {
    const world = joined({ seed: 5, protocol, link: { delayMs: 10 } });
    talk(world, 0, 2000);
    world.pair.run(1000);
    const { session } = world.client;
    const before = [session.windowBytes, session.rttMs, session.datagramBytes];
    session.move(false, world.pair.time.nowMs);
    expect([session.windowBytes, session.rttMs, session.datagramBytes]).toEqual(before);
  });
});

describe("how long nothing has been acknowledged", () => {
  it("is since the first datagram that asked for it", () => {
    const world = joined({ seed: 6, protocol, link: { delayMs: 10 } });
    const { session } = world.client;
    expect(session.unansweredSinceMs).toBe(Number.POSITIVE_INFINITY);
    world.pair.run(100);
    session.ping();
    world.pair.run(15);
    expect(session.unansweredSinceMs).toBe(100);
    world.pair.run(15);
    expect(session.unansweredSinceMs).toBe(Number.POSITIVE_INFINITY);
    setLink(world, { delayMs: 10, loss: 1 });
    session.ping();
    world.pair.run(1);
    const sinceMs = world.pair.time.nowMs - 1;
    for (let i = 0; i < 5; i++) {
      world.client.send("event", numberedPayload(i, 100));
      world.pair.run(500);
    }
    expect(session.unansweredSinceMs).toBe(sinceMs);
    // What went unanswered on the way is not waited for any more.
    setLink(world, { delayMs: 10 });
    session.move(true, world.pair.time.nowMs);
    const movedMs = world.pair.time.nowMs;
    world.pair.run(1);
    expect(session.unansweredSinceMs).toBe(movedMs);
    world.pair.run(100);
    expect(session.unansweredSinceMs).toBe(Number.POSITIVE_INFINITY);
  });
});
