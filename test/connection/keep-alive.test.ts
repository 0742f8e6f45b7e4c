/** Who keeps an idle connection alive, when, and in whose company; in virtual time. */
import { describe, expect, it } from "vitest";
import type { Connection } from "#src/connection/connection.js";
import type { LinkOptions } from "#src/testing/index.js";
import { Pair, runTogether, SeededRandom, VirtualTime } from "#src/testing/index.js";
import { protocol, TestHost } from "../support/connection-pair.ts";

const { idleTimeoutMs, keepAliveMs } = protocol.limits;
const SECOND_MS = 1000;

interface Sent {
  readonly from: "client" | "server";
  readonly atMs: number;
}

interface World {
  readonly client: TestHost;
  readonly server: TestHost;
  readonly pair: Pair<Connection, Connection>;
  readonly sent: Sent[];
}

function open(link: LinkOptions, seed: number, time = new VirtualTime()): World {
  const client = new TestHost("client", seed);
  const server = new TestHost("server", seed + 1);
  const sent: Sent[] = [];
  client.attach(time.nowMs);
  server.attach(time.nowMs);
  const pair = new Pair({
    a: client.connection,
    b: server.connection,
    link,
    seed: seed + 2,
    time,
    tap: (from, _datagram, atMs) =>
      void sent.push({ from: from === "a" ? "client" : "server", atMs }),
  });
  return { client, server, pair, sent };
}

/** Many, whose clients came, and said something for the last time, at any time. */
function openMany(count: number): World[] {
  const time = new VirtualTime();
  const random = new SeededRandom(5);
  const worlds: World[] = [];
  for (let i = 0; i < count; i++) {
    const world = open({ delayMs: 5 + random.next() * 60, jitterMs: 5 }, 10 * i, time);
    worlds.push(world);
    const pairs = worlds.map(({ pair }) => pair);
    runTogether(pairs, random.next() * 60);
    world.client.send("chat");
  }
  return worlds;
}

const timesOf = (sent: readonly Sent[], side: Sent["from"]) =>
  sent.filter(({ from }) => from === side).map(({ atMs }) => atMs);
const countersOf = ({ connection }: TestHost) => connection.session!.counters;

describe("keep-alives of a server", () => {
  it("leave in turns that many peers share", () => {
    const worlds = openMany(80);
    const pairs = worlds.map(({ pair }) => pair);
    runTogether(pairs, keepAliveMs);
    for (const { sent } of worlds) sent.length = 0;
    // No client asks for an ack meanwhile: a server says nothing but its keep-alives.
    const spanMs = 5 * SECOND_MS;
    runTogether(pairs, spanMs);
    const times = worlds.flatMap(({ sent }) => timesOf(sent, "server"));
    expect(times.length).toBeGreaterThan((80 * spanMs) / keepAliveMs);
    expect(times.length).toBeLessThan((80 * spanMs * 1.1) / keepAliveMs);
    // Ten a second, however many peers there are.
    expect(new Set(times).size).toBeLessThanOrEqual(1 + (10 * spanMs) / SECOND_MS);
  });

  it("leave at most a tenth of the interval before they must", () => {
    const { sent, pair } = open({ delayMs: 20 }, 1);
    pair.linkFromA.options = { delayMs: 20, loss: 1 };
    pair.run(idleTimeoutMs - 1);
    const times = timesOf(sent, "server");
    expect(times.length).toBeGreaterThan(2);
    for (const [i, atMs] of times.entries()) {
      const sinceMs = atMs - (times[i - 1] ?? 0);
      expect(sinceMs).toBeGreaterThanOrEqual(0.9 * keepAliveMs);
      expect(sinceMs).toBeLessThanOrEqual(keepAliveMs);
    }
  });

  it("suffice for both sides, however far they are from each other", () => {
    for (const delayMs of [0.1, 1, 20, 100, 400]) {
      const { client, server, pair } = open({ delayMs, jitterMs: Math.min(delayMs, 30) }, 7);
      pair.run(idleTimeoutMs);
      const before = [client, server].map((host) => countersOf(host).datagramsSent);
      pair.run(20 * idleTimeoutMs);
      const cycles = (20 * idleTimeoutMs) / keepAliveMs;
      // A ping and its answer, and now and then an answer to the answer.
      expect(countersOf(client).datagramsSent - before[0]!).toBeLessThan(1.15 * cycles);
      expect(countersOf(server).datagramsSent - before[1]!).toBeLessThan(1.4 * cycles);
      expect([client.connection.state, server.connection.state]).toEqual(["open", "open"]);
    }
  });
});

describe("keep-alives of a client", () => {
  it("leave when its server's do not come, no later than they ever had to", () => {
    const { client, sent, pair } = open({ delayMs: 20 }, 1);
    pair.run(10 * SECOND_MS);
    pair.linkFromB.options = { delayMs: 20, loss: 1 };
    const lastMs = client.connection.session!.lastSentMs;
    sent.length = 0;
    pair.run(keepAliveMs);
    expect(timesOf(sent, "client")[0]).toBe(lastMs + keepAliveMs);
  });
});

describe("who has only acknowledged for some keep-alives", () => {
  it("asks for an ack, so that it knows of its round trip and of the other's clock", () => {
    const { client, server, pair } = open({ delayMs: 20 }, 1);
    pair.run(20 * SECOND_MS);
    const before = countersOf(client).acksReceived;
    pair.run(60 * SECOND_MS);
    const asked = countersOf(client).acksReceived - before;
    expect(asked).toBeGreaterThanOrEqual(4);
    expect(asked).toBeLessThanOrEqual(6);
    expect(countersOf(server).acksReceived).toBeGreaterThan(20);
  });

  it("does so where the other side talks on", () => {
    for (const talks of ["client", "server"] as const) {
      const world = open({ delayMs: 20 }, 1);
      const [talking, listening] =
        talks === "client" ? [world.client, world.server] : [world.server, world.client];
      for (let i = 0; i < 300; i++) {
        talking.send("chat");
        world.pair.run(100);
      }
      // A server does with each of its keep-alives, a client with every fourth.
      const asked = talks === "client" ? 30 / 2.5 : 30 / 10;
      expect(countersOf(listening).acksReceived).toBeGreaterThanOrEqual(asked - 1);
      expect(countersOf(listening).acksReceived).toBeLessThanOrEqual(asked + 1);
    }
  });
});
