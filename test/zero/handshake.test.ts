import { describe, expect, it } from "vitest";
import { InvalidMessageError } from "#src/errors.js";
import { ZERO_RTO_JITTER } from "#src/limits.js";
import { sameVersion } from "#src/negotiated-version.js";
import { messages } from "#src/zero/own-messages.js";
import { handZeroProtocol } from "../support/hand-zero.ts";
import { expectCountersToAddUp, messageOf, PORTS, protocol, World } from "../support/zero-world.ts";

describe("joining", () => {
  it("goes through challenge, accept and attach, and ends with a confirmed address", () => {
    const world = new World();
    const { client, events } = world.join();
    world.runFor(1000);
    expect(world.sent.map(({ bytes }) => messageOf(bytes).msg)).toEqual([
      "join",
      "challenge",
      "join",
      "processing",
      "accept",
      "attach",
      "attached",
      "ack",
      "ack",
    ]);
    expect(client.state).toBe("open");
    expect(events).toEqual([
      {
        type: "attached",
        port: PORTS[0],
        peer: 1,
        accept: { motd: "welcome" },
        negotiated: sameVersion(protocol),
        tag: expect.any(Number),
      },
    ]);
    expect(world.serverEvents.map(({ event }) => event)).toEqual([
      expect.objectContaining({
        type: "join",
        address: "10.0.0.1",
        port: 40_000,
        body: { name: "bot0" },
      }),
      {
        type: "attached",
        peer: 1,
        address: "10.0.0.1",
        port: 40_000,
        local: 0,
        proven: true,
        // Both ends know it now.
        tag: (events[0] as { tag: number }).tag,
      },
      { type: "confirmed", peer: 1, address: "10.0.0.1", port: 40_000, local: 0, moved: false },
    ]);
    expect(client.rttMs).toBeCloseTo(20);
    expect(client.pollDeadline()).toBe(Number.POSITIVE_INFINITY);
  });

  it("pads both joins to the largest datagram, so that no answer is larger than its request", () => {
    const world = new World();
    world.join();
    world.runFor(1000);
    expect(world.sentOf("join").map(({ bytes }) => bytes.length)).toEqual([1200, 1200]);
    const bytesOf = (msg: string) => world.sentOf(msg)[0]!.bytes.length;
    expect(bytesOf("attach")).toBeGreaterThanOrEqual(messages.attached.maxBytes);
    expect(bytesOf("attached")).toBeLessThanOrEqual(messages.attached.maxBytes);
  });

  it("may be asked on any port and is sent to another, in turn to the emptiest", () => {
    const world = new World();
    for (let i = 0; i < 9; i++) {
      world.join({ dial: PORTS[i % 3]! });
      world.runFor(500);
    }
    const ports = world.hosts
      .map(({ events }) => events[0])
      .map((e) => e?.type === "attached" && e.port);
    expect(ports).toEqual([...PORTS, ...PORTS, ...PORTS]);
  });

  it("ends attached exactly once, or with a timeout inside the deadline, whatever the link does", () => {
    let attachedCount = 0;
    for (let seed = 1; seed <= 240; seed++) {
      const loss = ((seed % 7) * 10) / 100;
      const world = new World({ seed, loss, duplicate: 0.2, minLatencyMs: 5, maxLatencyMs: 150 });
      const startMs = world.nowMs;
      const { client, events } = world.join({ dial: PORTS[seed % 3]! });
      world.run(startMs + protocol.limits.handshakeTimeoutMs);
      expect(events.length, `seed ${seed}`).toBe(1);
      const attached = events[0]!.type === "attached";
      expect(attached || events[0]!.type === "timeout", `seed ${seed}`).toBe(true);
      expect(client.state, `seed ${seed}`).toBe(attached ? "open" : "closed");
      if (attached) {
        attachedCount++;
        world.runFor(25_000);
        const peer = (events[0] as { peer: number }).peer;
        const mine = world.eventsOf("attached").filter((event) => event.peer === peer);
        expect(mine.length, `seed ${seed}`).toBe(1);
        const confirmed = world.eventsOf("confirmed").length;
        expect(confirmed, `seed ${seed}`).toBe(1);
      } else {
        expect(loss, `seed ${seed}`).toBeGreaterThanOrEqual(0.2);
      }
      // However often the join was repeated, it was one join a connection id.
      const cids = world.eventsOf("join").map((event) => event.cid);
      expect(new Set(cids).size, `seed ${seed}`).toBe(cids.length);
      for (const server of world.servers.values()) expectCountersToAddUp(server.counters);
      expectCountersToAddUp(client.counters);
    }
    expect(attachedCount).toBeGreaterThan(170);
  });

  it("makes one peer of many copies of both joins and of attach", () => {
    const world = new World();
    const { client } = world.join();
    world.runFor(1000);
    for (let i = 0; i < 20; i++) {
      for (const { bytes, from } of [...world.sentOf("join"), ...world.sentOf("attach")]) {
        const [address, port] = from.split(":");
        world.inject(PORTS[0], bytes, address!, Number(port));
      }
      world.runFor(100);
    }
    expect(world.eventsOf("join").length).toBe(1);
    expect(world.eventsOf("attached").length).toBe(1);
    expect(client.state).toBe("open");
    expect(world.servers.get(PORTS[0])!.sizes).toEqual({ entries: 1, pending: 0, peers: 1 });
  });

  it("replays the same accept to a repeated join, and drops other bytes for its connection id", () => {
    const world = new World();
    world.join();
    world.runFor(1000);
    const join2 = world.sentOf("join")[1]!;
    const before = world.sent.length;
    world.inject(PORTS[0], join2.bytes, "10.0.0.1", 40_000);
    expect(world.sent.length).toBe(before + 1);
    expect(world.sent.at(-1)!.bytes).toEqual(world.sentOf("accept")[0]!.bytes);
    const other = join2.bytes.slice();
    other[other.length - 4] = 0x2b;
    world.inject(PORTS[0], other, "10.0.0.1", 40_000);
    expect(world.servers.get(PORTS[0])!.counters.droppedBytes).toBe(1);
    expect(world.sent.length).toBe(before + 1);
  });

  it("answers a known join from another address, or an expired cookie, with gone and nothing else", () => {
    const world = new World();
    world.join();
    world.runFor(1000);
    const join2 = world.sentOf("join")[1]!;
    const server = world.servers.get(PORTS[0])!;
    world.inject(PORTS[0], join2.bytes, "10.9.9.9", 40_000);
    expect(server.counters.droppedAddress).toBe(1);
    world.runFor(20_001);
    server.forget(1);
    world.inject(PORTS[0], join2.bytes, "10.0.0.1", 40_000);
    expect(server.counters.droppedCookie).toBe(1);
    expect(server.counters.goneSent).toBe(2);
    expect(messageOf(world.sent.at(-1)!.bytes).msg).toBe("gone");
    expect(world.eventsOf("join").length).toBe(1);
  });

  it("answers processing for as long as the application decides, and is asked again and again", () => {
    const world = new World({ authenticateMs: 4500 });
    const { client } = world.join();
    world.runFor(4000);
    expect(client.state).toBe("waiting");
    const requests = world.sentOf("join").slice(1);
    // After the measured timeout since the answer, and twice that; then every 0.4 s: each with its jitter.
    const times = [1040, ...requests.slice(1, 5).map(({ atMs }) => atMs)];
    [100, 200, 400, 400].forEach((timeoutMs, i) => {
      const pauseMs = times[i + 1]! - times[i]!;
      expect(pauseMs).toBeGreaterThanOrEqual(timeoutMs - 0.001);
      expect(pauseMs).toBeLessThanOrEqual(timeoutMs * (1 + ZERO_RTO_JITTER));
    });
    expect(world.sentOf("processing").length).toBe(requests.length);
    expect(new Set(world.sentOf("processing").map(({ bytes }) => bytes.length)).size).toBe(1);
    world.runFor(2000);
    expect(client.state).toBe("open");
    expect(world.eventsOf("join").length).toBe(1);
    // The time the application took is not the network's.
    expect(client.rttMs).toBeCloseTo(20);
  });

  it("does not take the time of a quick decision for the network's", () => {
    const world = new World({ authenticateMs: 500 });
    const { client } = world.join();
    world.run(1545);
    expect(client.state).toBe("attaching");
    expect(client.rttMs).toBeCloseTo(20);
  });

  it("times out at the deadline when the application never answers, and leaves nothing behind", () => {
    const world = new World({ place: () => "silent" });
    const { client, events } = world.join();
    world.runFor(9_999);
    expect(events).toEqual([]);
    world.runFor(1);
    expect(events).toEqual([{ type: "timeout" }]);
    expect(client.state).toBe("closed");
    world.runFor(10_000);
    expect(world.servers.get(PORTS[0])!.sizes).toEqual({ entries: 0, pending: 0, peers: 0 });
    // Too late to matter: counted, nothing sent.
    const { cid } = world.eventsOf("join")[0]!;
    world.servers.get(PORTS[0])!.reject(cid, "denied", "", world.nowMs);
    expect(world.servers.get(PORTS[0])!.counters.answersLate).toBe(1);
  });

  it("hands the application's refusal to the client, on every repetition", () => {
    const world = new World({ place: () => "reject" });
    const { events, client } = world.join();
    world.runFor(1000);
    expect(events).toEqual([{ type: "rejected", reason: "denied", detail: "not today" }]);
    expect(client.state).toBe("closed");
    world.inject(PORTS[0], world.sentOf("join")[1]!.bytes, "10.0.0.1", 40_000);
    expect(world.sentOf("reject").length).toBe(2);
    expect(world.eventsOf("join").length).toBe(1);
  });

  it("refuses another protocol before it stores anything, naming both versions and hashes", () => {
    const theirs = handZeroProtocol({ version: 2, hash: "f".repeat(32) });
    const world = new World({ clientProtocol: theirs });
    const { events } = world.join();
    world.runFor(1000);
    expect(events).toEqual([
      {
        type: "rejected",
        reason: "protocol",
        detail: "",
        protocol: "hand",
        version: 1,
        hash: protocol.hash,
      },
    ]);
    expect(messageOf(world.sentOf("reject")[0]!.bytes).sys).toMatchObject({
      version: 1,
      hash: protocol.hash,
      clientVersion: 2,
      clientHash: "f".repeat(32),
    });
    expect(world.servers.get(PORTS[0])!.sizes.entries).toBe(0);
    expect(world.servers.get(PORTS[0])!.counters.droppedProtocol).toBe(1);
  });

  it("refuses with full when too many joins wait, and takes more when they are decided", () => {
    const world = new World({
      place: () => "silent",
      serverOptions: { limits: { pendingJoins: 2 } },
    });
    for (let i = 0; i < 3; i++) world.join();
    world.runFor(500);
    expect(world.hosts[2]!.events).toEqual([{ type: "rejected", reason: "full", detail: "" }]);
    expect(world.servers.get(PORTS[0])!.sizes.pending).toBe(2);
    world.servers.get(PORTS[0])!.reject(world.eventsOf("join")[0]!.cid, "denied", "", world.nowMs);
    world.join();
    world.runFor(500);
    expect(world.eventsOf("join").length).toBe(3);
  });

  it("throws for a join body that the spec does not allow, and does not change the caller's object", () => {
    const body = { name: "ada", extra: 1 };
    const world = new World();
    world.join({ join: body });
    world.runFor(500);
    expect(body).toEqual({ name: "ada", extra: 1 });
    expect(world.eventsOf("join")[0]!.body).toEqual({ name: "ada" });
    expect(() => world.join({ join: { name: 5 } })).toThrow(InvalidMessageError);
    expect(() => world.join({ join: { name: 5 } })).toThrow("name: must be string");
    expect(() => world.join({ join: { name: 5n } })).toThrow(InvalidMessageError);
    expect(() => world.join({ join: { name: "\ud83d" } })).toThrow(
      "name: has a surrogate without its partner",
    );
  });

  it("keeps an accept body that the spec does not allow from reserving anything", () => {
    const world = new World();
    const server = world.servers.get(PORTS[0])!;
    const request = {
      cid: "A".repeat(22),
      peer: 9,
      address: "10.0.0.1",
      port: 1,
      local: 0,
      hash: protocol.hash,
      compat: false,
    };
    expect(() => server.reserve({ ...request, accept: { motd: 5 }, nowMs: world.nowMs })).toThrow(
      "motd: must be string",
    );
    expect(server.sizes.peers).toBe(0);
    server.reserve({ ...request, accept: {}, nowMs: world.nowMs });
    expect(() => server.reserve({ ...request, accept: {}, nowMs: world.nowMs })).toThrow(
      "peer 9 is here already",
    );
  });
});

describe("a reservation", () => {
  it("expires when nobody comes for it, and is told", () => {
    const world = new World();
    world.join();
    world.run(1035);
    world.loss = 1;
    world.runFor(60);
    expect(world.servers.get(PORTS[0])!.sizes.peers).toBe(1);
    world.runFor(10_000);
    expect(world.eventsOf("expired")).toEqual([{ type: "expired", peer: 1 }]);
    expect(world.servers.get(PORTS[0])!.sizes.peers).toBe(0);
  });

  it("that is no longer there makes the client start again inside its deadline", () => {
    const world = new World();
    const { client, events, progress } = world.join();
    world.run(1045);
    const first = client.cid;
    expect(client.state).toBe("attaching");
    world.servers.get(PORTS[0])!.forget(1);
    world.runFor(1000);
    expect(client.counters.restarts).toBe(1);
    expect(client.cid).not.toBe(first);
    expect(progress).toEqual(["accepted", "restarted", "accepted"]);
    expect(events.map(({ type }) => type)).toEqual(["attached"]);
    expect(world.eventsOf("join").length).toBe(2);
  });

  it("that is never there does not make the client hammer the server", () => {
    const world = new World();
    const { events } = world.join();
    const forget = setForget(world);
    world.runFor(10_000);
    forget();
    expect(events).toEqual([{ type: "timeout" }]);
    // Started at once, then after 1, 2 and 4 s.
    expect(world.hosts[0]!.client.counters.restarts).toBe(5);
    expect(world.eventsOf("join").length).toBe(5);
    expect(world.eventsOf("attached").length).toBe(0);
  });

  it("closed by the server before attach is gone, and says so at once", () => {
    const world = new World();
    world.join();
    world.run(1045);
    world.servers.get(PORTS[0])!.close(1, "shutting-down", "bye", world.nowMs);
    world.pump();
    expect(world.eventsOf("closed")).toEqual([
      { type: "closed", peer: 1, code: "shutting-down", reason: "bye", by: "local" },
    ]);
    expect(world.servers.get(PORTS[0])!.sizes.peers).toBe(0);
  });
});

/** Takes away each reservation as soon as it is made. */
function setForget(world: World): () => void {
  let on = true;
  const tick = (): void => {
    for (let peer = 1; peer < 20; peer++) for (const s of world.servers.values()) s.forget(peer);
    if (on) world.after(5, tick);
  };
  tick();
  return () => {
    on = false;
  };
}

describe("the peer's address", () => {
  const behindNat = (towards: number): number => (towards === PORTS[0] ? 50_000 : 60_000);
  const elsewhere = { place: () => PORTS[1] };

  it("is learned at the port of the peer, from attach, and confirmed by the nonce", () => {
    const world = new World(elsewhere);
    const { client } = world.join({ natPort: behindNat });
    world.runFor(1000);
    expect(client.state).toBe("open");
    expect(world.eventsOf("join")[0]!.port).toBe(50_000);
    expect(world.eventsOf("attached")[0]).toMatchObject({ port: 60_000, proven: false });
    expect(world.eventsOf("confirmed")[0]).toMatchObject({ port: 60_000 });
  });

  it("is the one that acknowledges the nonce sent to it; a nonce seen elsewhere proves nothing", () => {
    const world = new World(elsewhere);
    world.join();
    world.run(1055);
    const attach = world.sentOf("attach")[0]!;
    expect(world.sentOf("ack").length).toBe(0);
    world.run(1065);
    // The client's own ack, replayed from an address that never saw the nonce.
    const bytes = world.sentOf("ack")[0]!.bytes;
    world.inject(PORTS[1], bytes, "10.7.7.7", 7);
    expect(world.servers.get(PORTS[1])!.counters.droppedNonce).toBe(1);
    expect(world.eventsOf("confirmed")).toEqual([]);
    // A repeated attach is answered where it came from, and moves nobody.
    world.inject(PORTS[1], attach.bytes, "10.7.7.7", 7);
    expect(world.sent.at(-1)!.to).toBe("10.7.7.7:7");
    world.runFor(1000);
    expect(world.eventsOf("attached").length).toBe(1);
    expect(world.eventsOf("confirmed")[0]).toMatchObject({ address: "10.0.0.1" });
    world.inject(PORTS[1], bytes, "10.7.7.7", 7);
    expect(world.eventsOf("confirmed").length).toBe(1);
  });

  it("gets at most three times what it sent until it is confirmed, even when the server closes", () => {
    const world = new World(elsewhere);
    world.join({ natPort: behindNat });
    world.run(1055);
    expect(world.eventsOf("attached")[0]!.proven).toBe(false);
    world.loss = 1;
    world.servers.get(PORTS[1])!.close(1, "kicked", "x".repeat(96), world.nowMs);
    world.runFor(6000);
    const attach = world.sentOf("attach")[0]!.bytes.length;
    expect(world.replied.get("10.0.0.1:60000")!).toBeLessThanOrEqual(3 * attach);
    expect(world.servers.get(PORTS[1])!.counters.sendsWithheld).toBeGreaterThan(0);
    expect(world.eventsOf("closed").length).toBe(1);
  });
});
