/** Many datagrams of strangers, and what they may cost. */
import { describe, expect, it } from "vitest";
import { nodeCrypto } from "#src/udp/node-crypto.js";
import { encodeBase64url } from "#src/zero/base64url.js";
import { ZeroClient } from "#src/zero/client.js";
import { buildDatagram } from "#src/zero/envelope.js";
import {
  CID,
  expectCountersToAddUp,
  JOIN_SYS,
  join1,
  openWorld,
  PORTS,
  protocol,
  raw,
  seeded,
  testCrypto,
  World,
} from "../support/zero-world.ts";

const P0 = PORTS[0];

describe("a flood", () => {
  it("of joins without a cookie is limited only above the rate, and does not lock out good cookies", () => {
    const world = new World({ serverOptions: { limits: { unprovenPerSecond: 100 } } });
    // One of the addresses that the flood claims to come from.
    world.join({ address: "10.66.0.1" });
    world.run(1025);
    expect(world.hosts[0]!.client.state).toBe("proving");
    const server = world.servers.get(P0)!;
    const join = join1(`"sys":${JOIN_SYS},"body":{"name":"ada"}`);
    for (let i = 0; i < 1000; i++) {
      server.handleDatagram(join, join.length, `10.66.0.${i % 4}`, i, world.nowMs);
    }
    // The global rate, and each of four addresses has five of its own; one challenge was the client's.
    expect(server.counters.challengesSent).toBe(1 + 100 + 4 * 5);
    expect(server.counters.droppedRate).toBe(1000 - 100 - 4 * 5);
    // Nothing of it had to be repeated.
    world.run(1100);
    expect(world.hosts[0]!.client.state).toBe("open");
    world.join();
    world.runFor(500);
    expect(world.hosts[1]!.client.state).toBe("open");
  });

  it("from as many addresses as there are stores nothing", () => {
    const world = new World();
    const server = world.servers.get(P0)!;
    const random = seeded(7);
    for (let i = 0; i < 3000; i++) {
      const cid = encodeBase64url(testCrypto(random).randomBytes(16));
      const bytes = buildDatagram(
        nodeCrypto,
        {
          cid,
          msg: "join",
          seq: 0,
          ack: 0,
          sys: { hash: protocol.hash, version: 1 },
          body: { name: "x" },
        },
        { padBytes: 1200 },
      );
      world.inject(P0, bytes, `10.${i & 255}.${i >> 8}.1`, 1000);
    }
    expect(server.sizes).toEqual({ entries: 0, pending: 0, peers: 0 });
    expect(server.pollDeadline()).toBe(Number.POSITIVE_INFINITY);
    for (const [to, bytes] of world.replied) {
      expect(bytes).toBeLessThanOrEqual(world.received.get(to)!);
    }
  });

  it("of joins with good cookies fills a bounded table, and frees it", () => {
    const world = new World({
      place: () => "silent",
      serverOptions: { limits: { pendingJoins: 8, rememberedJoins: 8 } },
    });
    for (let i = 0; i < 30; i++) world.join({ address: `10.1.1.${i}` });
    world.runFor(300);
    const server = world.servers.get(P0)!;
    expect(server.sizes.entries).toBe(8);
    expect(server.counters.droppedFull).toBe(22);
    world.runFor(20_000);
    expect(server.sizes.entries).toBe(0);
  });

  it("of 100,000 random and mutated datagrams throws nothing, fills nothing and adds up", () => {
    const seed = 20_240_229;
    const random = seeded(seed);
    const world = openWorld(seed);
    world.join();
    world.run(world.nowMs + 35);
    const server = world.servers.get(P0)!;
    const clients = world.hosts.map((host) => host.client);
    clients.push(
      new ZeroClient({
        protocol,
        crypto: testCrypto(random),
        port: P0,
        join: { name: "x" },
        random,
        nowMs: world.nowMs,
      }),
    );
    const corpus = world.sent.map(({ bytes }) => bytes);
    corpus.push(join1(`"sys":${JOIN_SYS},"body":{"name":"ada"}`), raw(`{"v":1,"cid":"${CID}",`));
    const pieces = [
      '"',
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      "\\",
      "\\u0000",
      "1e999",
      '"__proto__":',
      "null",
    ];
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
    const buffer = new Uint8Array(2048);
    let sentCount = 0;
    try {
      for (; sentCount < 100_000; sentCount++) {
        const from = pick(corpus);
        let length = from.length;
        buffer.set(from);
        const kind = random();
        if (kind < 0.15) {
          length = Math.floor(random() * 1600);
          for (let i = 3; i < length; i++) buffer[i] = random() * 256;
        } else if (kind < 0.5) {
          const changes = 1 + Math.floor(random() * 4);
          for (let i = 0; i < changes; i++) buffer[Math.floor(random() * length)] = random() * 256;
        } else if (kind < 0.8) {
          // Behind the connection id, so that it gets as far as it can.
          const piece = pick(pieces);
          const at = 40 + Math.floor(random() * 150);
          for (let i = 0; i < piece.length; i++) buffer[at + i] = piece.charCodeAt(i);
        } else if (kind < 0.9) {
          length = Math.floor(random() * length);
        }
        const address = `10.5.${Math.floor(random() * 4)}.1`;
        if (random() < 0.5) server.handleDatagram(buffer, length, address, 5, world.nowMs);
        else pick(clients).handleDatagram(buffer, length, "10.0.0.1", pick(PORTS), world.nowMs);
        if (sentCount % 64 === 0) {
          world.nowMs += 1;
          server.handleTimeout(world.nowMs);
          for (const client of clients) client.handleTimeout(world.nowMs);
          for (const machine of [server, ...clients]) {
            while (machine.pollTransmit(world.nowMs) !== undefined);
            while (machine.pollEvent() !== undefined);
          }
        }
      }
    } catch (error) {
      throw new Error(`seed ${seed}, datagram ${sentCount}`, { cause: error });
    }
    for (const machine of [server, ...clients]) expectCountersToAddUp(machine.counters);
    expect(server.counters.datagramsReceived).toBeGreaterThan(49_000);
    const { entries, peers } = server.sizes;
    expect(entries).toBeLessThanOrEqual(2);
    expect(peers).toBeLessThanOrEqual(2);
    expect(server.counters.outboxFull).toBe(0);
  });

  it("that nobody fetches the answers of is bounded", () => {
    const world = new World();
    const server = world.servers.get(P0)!;
    const join = join1(`"sys":${JOIN_SYS},"body":{"name":"ada"}`);
    for (let i = 0; i < 3000; i++) {
      server.handleDatagram(join, join.length, "10.6.6.6", 6, world.nowMs);
    }
    let waiting = 0;
    while (server.pollTransmit(0) !== undefined) waiting++;
    expect(waiting).toBe(1024);
    expect(server.counters.outboxFull).toBe(3000 - 1024);
    expectCountersToAddUp(server.counters);
  });
});
