import { describe, expect, it } from "vitest";
import { ZERO_CLOSE_TIMEOUT_MS } from "#src/limits.js";
import { nodeCrypto } from "#src/udp/node-crypto.js";
import { buildDatagram } from "#src/zero/envelope.js";
import { keysOfTicket } from "#src/zero/keys.js";
import { expectCountersToAddUp, messageOf, PORTS, World } from "../support/zero-world.ts";

describe("close", () => {
  it("by the client tells the server why, and both sides say so once", () => {
    const world = new World();
    const { client, events } = world.join();
    world.runFor(1000);
    client.close("left", "good night", world.nowMs);
    expect(client.state).toBe("closing");
    world.runFor(100);
    expect(client.state).toBe("closed");
    expect(events.at(-1)).toEqual({
      type: "closed",
      code: "left",
      reason: "good night",
      by: "local",
    });
    expect(world.eventsOf("closed")).toEqual([
      { type: "closed", peer: 1, code: "left", reason: "good night", by: "remote" },
    ]);
    expect(client.pollDeadline()).toBe(Number.POSITIVE_INFINITY);
    world.runFor(ZERO_CLOSE_TIMEOUT_MS);
    expect(world.servers.get(PORTS[0])!.sizes.peers).toBe(0);
  });

  it("by the server tells the client why, and both sides say so once", () => {
    const world = new World();
    const { client, events } = world.join();
    world.runFor(1000);
    world.servers.get(PORTS[0])!.close(1, "kicked", "be nice", world.nowMs);
    world.runFor(100);
    expect(client.state).toBe("draining");
    expect(events.at(-1)).toEqual({
      type: "closed",
      code: "kicked",
      reason: "be nice",
      by: "remote",
    });
    expect(world.eventsOf("closed")).toEqual([
      { type: "closed", peer: 1, code: "kicked", reason: "be nice", by: "local" },
    ]);
    world.runFor(ZERO_CLOSE_TIMEOUT_MS);
    expect(client.state).toBe("closed");
  });

  it("from both sides at once ends both, each with its own reason", () => {
    const world = new World();
    const { client, events } = world.join();
    world.runFor(1000);
    client.close("left", "", world.nowMs);
    world.servers.get(PORTS[0])!.close(1, "kicked", "", world.nowMs);
    world.runFor(100);
    expect(events.at(-1)).toMatchObject({ code: "left", by: "local" });
    expect(world.eventsOf("closed")).toEqual([
      { type: "closed", peer: 1, code: "kicked", reason: "", by: "local" },
    ]);
    expect(events.filter(({ type }) => type === "closed").length).toBe(1);
  });

  it("gives up on a client that does not answer, and on a server", () => {
    const world = new World();
    const { client, events } = world.join();
    world.join();
    world.runFor(1000);
    world.loss = 1;
    client.close("left", "", world.nowMs);
    world.servers.get(PORTS[1])!.close(2, "kicked", "", world.nowMs);
    world.runFor(ZERO_CLOSE_TIMEOUT_MS - 1);
    expect(world.eventsOf("closed")).toEqual([]);
    expect(events.length).toBe(1);
    world.runFor(1);
    expect(events.at(-1)).toMatchObject({ type: "closed", by: "local" });
    expect(world.eventsOf("closed")).toMatchObject([{ peer: 2, by: "local" }]);
    expect(client.counters.retransmissions).toBe(13);
  });

  it.each(["client", "server"] as const)(
    "numbered further ahead than is held acknowledges nothing at a %s that closes",
    (side) => {
      const world = new World();
      const { client } = world.join();
      world.runFor(1000);
      const accept = messageOf(world.sentOf("accept")[0]!.bytes);
      const keys = keysOfTicket(nodeCrypto, accept.sys["ticket"] as string)!;
      const server = world.servers.get(PORTS[0])!;
      world.loss = 1;
      if (side === "client") client.close("left", "", world.nowMs);
      else server.close(1, "kicked", "", world.nowMs);
      world.pump();
      const end = side === "client" ? client : server;
      const { cid } = accept;
      const deadlineMs = end.pollDeadline();
      for (const seq of [2 ** 32, 3 + 2 ** 16]) {
        const close = { cid, msg: "close", seq, ack: 3, sys: { code: "x" } } as const;
        const key = side === "client" ? keys.server : keys.client;
        const bytes = buildDatagram(nodeCrypto, close, { key });
        if (side === "server") world.inject(PORTS[0], bytes, "10.0.0.1", 40_000);
        else client.handleDatagram(bytes, bytes.length, "10.0.0.1", PORTS[0], world.nowMs);
      }
      expect(end.counters.droppedSequence).toBe(2);
      expect(end.counters.sequenceBeyond).toBe(2);
      expect(end.pollDeadline()).toBe(deadlineMs);
      expect(side === "client" ? client.state : server.stateOf(cid)).toBe("closing");
    },
  );

  it("before the client has attached frees the reservation", () => {
    const world = new World();
    const { client, events } = world.join();
    world.run(1035);
    // Attach is lost, close is not.
    world.loss = 1;
    world.run(1045);
    expect(client.state).toBe("attaching");
    world.loss = 0;
    client.close("changed-mind", "", world.nowMs);
    world.runFor(100);
    expect(world.eventsOf("attached")).toEqual([]);
    expect(world.eventsOf("closed")).toMatchObject([
      { peer: 1, code: "changed-mind", by: "remote" },
    ]);
    expect(events).toMatchObject([{ type: "closed", by: "local" }]);
    expect(client.state).toBe("closed");
  });

  it("before accept ends at once, and an accept that comes later is dropped", () => {
    const world = new World({ authenticateMs: 500 });
    const { client, events } = world.join();
    world.runFor(100);
    client.close("changed-mind", "", world.nowMs);
    world.runFor(1000);
    expect(events).toEqual([{ type: "closed", code: "changed-mind", reason: "", by: "local" }]);
    expect(client.counters.droppedState).toBe(1);
    world.runFor(10_000);
    expect(world.eventsOf("expired").length).toBe(1);
  });

  it("is left unsaid by a client that forgets the connection, which then wants no time and says no more", () => {
    const world = new World();
    const { client, events } = world.join();
    world.runFor(1000);
    const sent = world.sent.length;
    client.forget();
    world.runFor(10_000);
    expect(client.state).toBe("closed");
    expect(client.pollDeadline()).toBe(Number.POSITIVE_INFINITY);
    expect(world.sent.length).toBe(sent);
    expect(events.map(({ type }) => type)).toEqual(["attached"]);
  });

  it("reaches the other side under loss, once, whoever begins", () => {
    let heard = 0;
    for (let seed = 1; seed <= 120; seed++) {
      const world = new World({ seed, duplicate: 0.3, minLatencyMs: 5, maxLatencyMs: 80 });
      const { client, events } = world.join();
      world.runFor(1000);
      world.loss = (seed % 7) / 10;
      if (seed % 2 === 0) client.close("left", "", world.nowMs);
      else world.servers.get(PORTS[0])!.close(1, "kicked", "", world.nowMs);
      world.runFor(3 * ZERO_CLOSE_TIMEOUT_MS);
      const closed = world.eventsOf("closed");
      const initiator = seed % 2 === 0 ? events.slice(1) : closed;
      expect(initiator, `seed ${seed}`).toMatchObject([{ type: "closed", by: "local" }]);
      const other = seed % 2 === 0 ? closed : events.slice(1);
      expect(other.length, `seed ${seed}`).toBeLessThanOrEqual(1);
      heard += other.length;
      if (other.length === 1) expect(client.state, `seed ${seed}`).toBe("closed");
      expectCountersToAddUp(client.counters);
      for (const server of world.servers.values()) expectCountersToAddUp(server.counters);
    }
    expect(heard).toBeGreaterThan(112);
  });

  it("cuts texts to what the spec allows, by characters", () => {
    const world = new World();
    const { client } = world.join();
    world.runFor(1000);
    client.close("", "😀".repeat(200), world.nowMs);
    world.runFor(100);
    const { sys } = messageOf(world.sentOf("close")[0]!.bytes);
    expect(sys).toEqual({ code: "closed", reason: "😀".repeat(96) });
    expect(world.eventsOf("closed")[0]!.reason).toBe("😀".repeat(96));
  });

  it("of a peer that is not there, or twice, does nothing", () => {
    const world = new World();
    const { client } = world.join();
    const server = world.servers.get(PORTS[0])!;
    world.runFor(1000);
    server.close(99, "x", "", world.nowMs);
    server.close(1, "kicked", "", world.nowMs);
    server.close(1, "again", "", world.nowMs);
    client.close("x", "", world.nowMs);
    client.close("y", "", world.nowMs);
    world.runFor(100);
    expect(world.eventsOf("closed").length).toBe(1);
    expect(world.sentOf("close").length).toBe(2);
  });

  it("reaches everybody where three of ten datagrams are lost each way", () => {
    const told: string[] = [];
    for (let seed = 1; seed <= 50; seed++) {
      const world = new World({ seed, minLatencyMs: 50 });
      const hosts = Array.from({ length: 4 }, () => world.join());
      world.runFor(1000);
      world.loss = 0.3;
      for (const peer of [1, 2, 3, 4]) {
        for (const server of world.servers.values()) server.close(peer, "kicked", "", world.nowMs);
      }
      world.runFor(ZERO_CLOSE_TIMEOUT_MS);
      for (const { events } of hosts) {
        const last = events.at(-1)!;
        told.push(last.type === "closed" ? last.code : last.type);
      }
    }
    expect(new Set(told)).toEqual(new Set(["kicked"]));
    expect(told).toHaveLength(200);
  });
});
