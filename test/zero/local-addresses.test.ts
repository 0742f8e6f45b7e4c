/** A server with several addresses: which of them a client talks to belongs to the path of what is proven and answered. */
import { describe, expect, it } from "vitest";
import { messageOf, PORTS, type Sent, seeded, World } from "../support/zero-world.ts";

/** What the server sends, as messages with the address they come from. */
const answers = (sent: readonly Sent[]): [string, number][] =>
  sent
    .filter(({ from }) => from.startsWith("server:"))
    .map(({ bytes, local }) => [messageOf(bytes).msg, local]);

describe("a server with several addresses", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "answers everything at the one that was asked, on a bad link, seed %i",
    (seed) => {
      const random = seeded(seed);
      const world = new World({ seed, loss: 0.1, duplicate: 0.2, maxLatencyMs: 60 });
      for (let i = 0; i < 8; i++) {
        // As behind a router that may lead each port to another of them.
        const locals = new Map(PORTS.map((port) => [port as number, Math.floor(random() * 16)]));
        world.join({ asks: (port) => locals.get(port)! });
      }
      world.runFor(9000);
      for (const { client, address } of world.hosts) {
        expect(client.state, address).toBe("open");
      }
      for (const peer of world.eventsOf("attached").map((event) => event.peer)) {
        for (const server of world.servers.values()) server.close(peer, "night", "", world.nowMs);
      }
      world.loss = 0;
      world.runFor(9000);
      const ends = world.hosts.map(({ events }) => events.at(-1));
      expect(ends).toEqual(world.hosts.map(() => expect.objectContaining({ code: "night" })));
      for (const { from, to, local } of world.sent) {
        if (!from.startsWith("server:")) continue;
        const host = world.hosts.find(({ address }) => to.startsWith(`${address}:`))!;
        expect(local).toBe(host.asks(Number(from.slice("server:".length))));
      }
    },
  );

  it("takes a cookie back at the one that gave it alone", () => {
    const world = new World();
    world.join({ asks: () => 1 });
    world.run(1015);
    world.loss = 1;
    world.run(1025);
    const join = world.sentOf("join")[1]!.bytes;
    const sentBefore = world.sent.length;
    world.inject(PORTS[0], join, "10.0.0.1", 40_000, 0);
    expect(answers(world.sent.slice(sentBefore))).toEqual([["gone", 0]]);
    expect(world.servers.get(PORTS[0])!.counters.droppedCookie).toBe(1);
    world.inject(PORTS[0], join, "10.0.0.1", 40_000, 1);
    expect(answers(world.sent).at(-1)).toEqual(["processing", 1]);
    expect(world.eventsOf("join")).toEqual([expect.objectContaining({ local: 1 })]);
  });

  it("says gone at another where a join is repeated there, and goes on at the first", () => {
    const world = new World({ place: () => "silent" });
    world.join();
    world.run(1035);
    const join = world.sentOf("join")[1]!.bytes;
    world.inject(PORTS[0], join, "10.0.0.1", 40_000, 3);
    expect(answers(world.sent).at(-1)).toEqual(["gone", 3]);
    expect(world.servers.get(PORTS[0])!.counters.droppedAddress).toBe(1);
    world.inject(PORTS[0], join, "10.0.0.1", 40_000, 0);
    expect(answers(world.sent).at(-1)).toEqual(["processing", 0]);
  });

  it("has a client at another proven by the nonce that was sent from there, and by no other", () => {
    const world = new World({ place: () => PORTS[1] });
    const { client } = world.join({ asks: (port) => (port === PORTS[1] ? 2 : 1) });
    world.run(1065);
    expect(world.eventsOf("attached")[0]).toMatchObject({ local: 2, proven: false });
    const ack = world.sentOf("ack")[0]!.bytes;
    const server = world.servers.get(PORTS[1])!;
    world.inject(PORTS[1], ack, "10.0.0.1", 40_000, 1);
    expect(server.counters.droppedNonce).toBe(1);
    expect(world.eventsOf("confirmed")).toEqual([]);
    world.runFor(1000);
    expect(client.state).toBe("open");
    expect(world.eventsOf("confirmed")).toEqual([expect.objectContaining({ local: 2 })]);
  });

  it("says goodbye, and again, from where its peer is", () => {
    const world = new World({ place: () => PORTS[1] });
    world.join({ asks: (port) => (port === PORTS[1] ? 2 : 1) });
    world.runFor(1000);
    world.loss = 1;
    const sentBefore = world.sent.length;
    world.servers.get(PORTS[1])!.close(1, "night", "", world.nowMs);
    world.runFor(3000);
    const goodbyes = answers(world.sent.slice(sentBefore));
    expect(goodbyes.length).toBeGreaterThan(1);
    for (const goodbye of goodbyes) expect(goodbye).toEqual(["close", 2]);
  });
});
