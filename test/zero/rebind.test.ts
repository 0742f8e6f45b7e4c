/** A client that comes to another address: how its peer follows it there, and what others can do with what they have seen. */
import { describe, expect, it } from "vitest";
import { ZERO_RTO_JITTER } from "#src/limits.js";
import { SeededRandom } from "#src/testing/random.js";
import { nodeCrypto } from "#src/udp/node-crypto.js";
import { buildDatagram } from "#src/zero/envelope.js";
import { keysOfTicket, type ZeroKeys } from "#src/zero/keys.js";
import {
  expectCountersToAddUp,
  type Host,
  messageOf,
  PORTS,
  type Sent,
  sealedProtocol,
  World,
  type WorldOptions,
} from "../support/zero-world.ts";

const OLD = "10.0.0.1";
const NEW = "10.0.0.77";
const MALLORY = "10.0.6.6";
const PORT = PORTS[0];

/** An open connection, its peer on the dialled port, and a way to move the client. */
class Moving {
  readonly world: World;
  readonly host: Host;
  natPort = 40_000;

  constructor(options: WorldOptions = {}) {
    this.world = new World({ place: () => PORT, ...options });
    this.host = this.world.join({ address: OLD, natPort: () => this.natPort });
    // What is lost on the way in is not what is tried here.
    this.world.loss = 0;
    this.world.runFor(1000);
    expect(this.world.eventsOf("confirmed")).toHaveLength(1);
    this.world.loss = options.loss ?? 0;
  }

  get server() {
    return this.world.servers.get(PORT)!;
  }

  /** Where the server has the peer. */
  get place(): string {
    const { address, port } = this.world.eventsOf("confirmed").at(-1)!;
    return `${address}:${port}`;
  }

  get rebound(): number {
    return this.host.events.filter(({ type }) => type === "rebound").length;
  }

  move(address: string, natPort = this.natPort): void {
    this.host.address = address;
    this.natPort = natPort;
  }

  rebind(): void {
    expect(this.host.client.rebind(this.world.nowMs)).toBe(true);
    this.world.pump();
  }

  /** What was sent of this message, newest last. */
  sent(msg: string): Sent[] {
    return this.world.sentOf(msg);
  }

  newest(msg: string): Uint8Array {
    return this.sent(msg).at(-1)!.bytes;
  }

  /** As if it came from there. */
  inject(bytes: Uint8Array, address = MALLORY, port = 666): void {
    this.world.inject(PORT, bytes, address, port);
  }

  get keys(): ZeroKeys {
    const { ticket } = messageOf(this.newest("accept")).sys as { ticket: string };
    return keysOfTicket(nodeCrypto, ticket)!;
  }

  /** A rebind with the client's own key, as its own software would not send it. */
  forge(over: object, key = this.keys.client): Uint8Array {
    const { cid, sys } = messageOf(this.newest("attach")) as unknown as {
      cid: string;
      sys: { port: number; tag: number; nonce: string; counter: number };
    };
    const message = { cid, msg: "rebind", seq: 0, ack: 2, sys: { ...sys, counter: 2, ...over } };
    return buildDatagram(nodeCrypto, message as never, { key });
  }

  /** What a datagram raises at the server beside the count of datagrams and bytes. */
  raises(bytes: Uint8Array, address?: string, port?: number): string[] {
    const before: Record<string, number> = { ...this.server.counters };
    this.inject(bytes, address, port);
    const after: Record<string, number> = { ...this.server.counters };
    return Object.keys(after).filter(
      (name) => /^dropped|^accepted/.test(name) && after[name] !== before[name],
    );
  }
}

/** From here on nothing of the client's reaches the server but by hand. */
function cutOff(moving: Moving): Moving {
  moving.world.loss = 1;
  return moving;
}

describe("a client that has another address", () => {
  for (const [name, options] of [
    ["plain", {}],
    ["sealed", { protocol: sealedProtocol }],
  ] as const) {
    it(`is found there: a nonce goes there and comes back (${name})`, () => {
      const moving = new Moving(options);
      moving.move(NEW, 50_000);
      moving.rebind();
      moving.world.runFor(1000);
      expect(moving.place).toBe(`${NEW}:50000`);
      expect(moving.rebound).toBe(1);
      expect(moving.host.client.state).toBe("open");
      // Of rebind, verify, ack and ack, each once.
      expect(moving.sent("rebind")).toHaveLength(1);
      expect(moving.sent("verify")).toHaveLength(1);
      expect(moving.world.eventsOf("attached")).toHaveLength(1);
      expectCountersToAddUp(moving.server.counters);
      expectCountersToAddUp(moving.host.client.counters);
    });
  }

  it("may have another port alone", () => {
    const moving = new Moving();
    moving.move(OLD, 50_000);
    moving.rebind();
    moving.world.runFor(1000);
    expect(moving.place).toBe(`${OLD}:50000`);
  });

  it("is still at the old one until the nonce has come back", () => {
    const moving = new Moving();
    moving.move(NEW);
    moving.rebind();
    // The rebind has arrived, what is to be verified is on its way.
    moving.world.runFor(11);
    expect(moving.sent("verify")).toHaveLength(1);
    expect(moving.place).toBe(`${OLD}:40000`);
    moving.server.close(1, "kicked", "", moving.world.nowMs);
    moving.world.pump();
    expect(moving.sent("close")[0]!.to).toBe(`${OLD}:40000`);
  });

  it("hears the server's close, which went to the old one at first", () => {
    const moving = new Moving();
    moving.move(NEW);
    moving.server.close(1, "kicked", "", moving.world.nowMs);
    moving.rebind();
    moving.world.runFor(3000);
    expect(moving.host.events.at(-1)).toMatchObject({ type: "closed", code: "kicked" });
    expect(moving.world.eventsOf("closed")).toMatchObject([{ code: "kicked", by: "local" }]);
    expect(moving.host.client.state).not.toBe("open");
  });

  it("closes from there without more, and is answered there", () => {
    const moving = new Moving();
    moving.move(NEW);
    moving.host.client.close("bye", "", moving.world.nowMs);
    moving.world.runFor(1000);
    expect(moving.host.client.state).toBe("closed");
    expect(moving.host.client.counters.retransmissions).toBe(0);
  });

  it("sends nothing before it is open, nor after", () => {
    const world = new World();
    const host = world.join();
    const { datagramsSent } = host.client.counters;
    expect(host.client.rebind(world.nowMs)).toBe(false);
    world.runFor(1000);
    host.client.close("bye", "", world.nowMs);
    expect(host.client.rebind(world.nowMs)).toBe(false);
    world.runFor(10_000);
    expect(host.client.rebind(world.nowMs)).toBe(false);
    expect(world.sentOf("rebind")).toHaveLength(0);
    expect(datagramsSent).toBe(1);
  });

  it("asks before its first address is confirmed, and is confirmed at the new one", () => {
    const world = new World({ place: () => PORT });
    const host = world.join({ address: OLD });
    for (let i = 0; host.client.state !== "open"; i++) {
      expect(i).toBeLessThan(1000);
      world.runFor(1);
    }
    // Its ack is on the way, and comes from where the client no longer is.
    host.address = NEW;
    world.loss = 1;
    world.runFor(1);
    world.loss = 0;
    host.client.rebind(world.nowMs);
    world.runFor(1000);
    expect(world.eventsOf("confirmed").at(-1)).toMatchObject({ address: NEW });
    expect(world.servers.get(PORT)!.stateOf(host.client.cid)).toBe("open");
    expect(host.events.map(({ type }) => type)).toEqual(["attached", "rebound"]);
  });

  it("goes on asking, less and less often, and says so, until somebody answers", () => {
    const moving = cutOff(new Moving());
    moving.move(NEW);
    moving.rebind();
    moving.world.runFor(10_000);
    const asked = moving.sent("rebind").map(({ atMs }) => atMs);
    const pauses = asked.slice(1).map((atMs, i) => atMs - asked[i]!);
    // Whoever hears nothing begins anew from another socket by then. 2,500 ms are a third of 10 s but for a keep-alive.
    const timeouts = pauses.map((_, i) => Math.min(i < 3 ? 1000 : 2500, 100 * 2 ** i));
    pauses.forEach((pauseMs, i) => {
      expect(pauseMs).toBeGreaterThanOrEqual(timeouts[i]! - 0.001);
      expect(pauseMs).toBeLessThanOrEqual(timeouts[i]! * (1 + ZERO_RTO_JITTER));
    });
    const unheard = moving.host.events.filter(({ type }) => type === "unheard");
    expect(asked.length).toBeGreaterThan(5);
    expect(unheard.length).toBe(asked.length - 3);
    // The very same each time: one counter, one nonce.
    expect(
      new Set(moving.sent("rebind").map(({ bytes }) => Buffer.from(bytes).toString())),
    ).toHaveLength(1);
    moving.world.loss = 0;
    moving.world.runFor(5000);
    expect(moving.place).toBe(`${NEW}:40000`);
    expect(moving.host.client.pollDeadline()).toBe(Number.POSITIVE_INFINITY);
  });

  it("is found though answers take seconds, longer than three of its shortest pauses", () => {
    const moving = new Moving();
    Object.assign(moving.world.options, { minLatencyMs: 2000 });
    moving.move(NEW);
    moving.rebind();
    moving.world.runFor(20_000);
    expect([moving.place, moving.rebound]).toEqual([`${NEW}:40000`, 1]);
    // The first has the answer to it confirmed in time, or the one that begins anew has.
    expect(moving.host.client.counters.rebinds).toBeLessThan(3);
  });

  it("that changes it again on the way is found at the last one", () => {
    const moving = new Moving();
    moving.move(NEW);
    moving.rebind();
    moving.world.runFor(21);
    // It has confirmed the first, and nothing that is sent there reaches it any more.
    moving.move("10.0.0.88");
    moving.world.runFor(5000);
    moving.rebind();
    moving.world.runFor(1000);
    expect(moving.place).toBe("10.0.0.88:40000");
  });

  it("is told gone by a port that does not know it, and takes no notice without a proof", () => {
    const moving = new Moving();
    moving.world.restart(PORT);
    moving.world.runFor(20_000);
    moving.rebind();
    moving.world.runFor(100);
    expect(moving.sent("gone")).toHaveLength(1);
    expect(moving.sent("gone")[0]!.bytes.length).toBeLessThanOrEqual(
      moving.newest("rebind").length,
    );
    expect(moving.host.client.state).toBe("open");
    expect(moving.host.client.counters.droppedProof).toBe(1);
  });

  it("is found wherever it goes, whatever is lost, late and doubled; who repeats what they saw moves it nowhere", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = new SeededRandom(seed);
      const security = seed % 2 === 0 ? { protocol: sealedProtocol } : {};
      const moving = new Moving({
        seed,
        loss: 0.3,
        duplicate: 0.2,
        minLatencyMs: 5,
        maxLatencyMs: 60,
        ...security,
      });
      const { world } = moving;
      const been = new Set([moving.place]);
      for (let i = 0; i < 4; i++) {
        moving.move(`10.0.1.${random.below(4)}`, 50_000 + random.below(4));
        been.add(`${moving.host.address}:${moving.natPort}`);
        moving.rebind();
        for (let n = 0; n < 10; n++) {
          world.runFor(random.below(30));
          const { bytes, to } = world.sent[random.below(world.sent.length)]!;
          if (to.startsWith("server")) moving.inject(bytes, MALLORY, 600 + random.below(5));
        }
      }
      world.runFor(60_000);
      expect(moving.place, `seed ${seed}`).toBe(`${moving.host.address}:${moving.natPort}`);
      for (const { address, port } of world.eventsOf("confirmed")) {
        expect(been).toContain(`${address}:${port}`);
      }
      expect(moving.host.client.state).toBe("open");
      expect(moving.server.sizes.peers).toBe(1);
      expectCountersToAddUp(moving.server.counters);
      expectCountersToAddUp(moving.host.client.counters);
    }
  });
});

describe("an ack of the server's", () => {
  for (const [name, options] of [
    ["plain", {}],
    ["sealed", { protocol: sealedProtocol }],
  ] as const) {
    it(`that is an old one ends no rebind, whenever it comes (${name})`, () => {
      const moving = new Moving(options);
      const acks: Uint8Array[] = [];
      for (let natPort = 50_001; natPort < 50_004; natPort++) {
        acks.push(moving.newest("ack"));
        moving.move(OLD, natPort);
        const { rebound } = moving;
        moving.rebind();
        const hand = (): void => {
          for (const ack of acks)
            moving.host.client.handleDatagram(ack, ack.length, "", PORT, moving.world.nowMs);
          moving.world.pump();
        };
        // Before verify, when that has come, and when the ack that answers it is under way; links take 10 ms.
        for (const ms of [0, 21, 9, 9]) {
          moving.world.runFor(ms);
          hand();
          expect(moving.rebound).toBe(rebound);
        }
        moving.world.runFor(50);
        expect(moving.rebound).toBe(rebound + 1);
        expect(moving.place).toBe(`${OLD}:${natPort}`);
        // The same again is a duplicate.
        hand();
        expect(moving.rebound).toBe(rebound + 1);
      }
      expect(moving.host.client.counters.droppedNonce).toBeGreaterThan(0);
      expectCountersToAddUp(moving.host.client.counters);
    });
  }

  it("repeats the nonce that it answers, and is no longer than what brought that", () => {
    const moving = new Moving();
    const [ours, theirs] = moving.sent("ack") as [Sent, Sent];
    expect(messageOf(theirs.bytes).sys).toEqual(messageOf(ours.bytes).sys);
    expect(theirs.bytes.length).toBeLessThanOrEqual(ours.bytes.length);
  });
});

describe("a rebind", () => {
  it("says which connection it is of, to whoever sees both addresses", () => {
    const moving = new Moving({ protocol: sealedProtocol });
    moving.move(NEW);
    moving.rebind();
    moving.world.runFor(1000);
    const [before, after] = [OLD, NEW].map((address) =>
      moving.world.sent.filter(({ from }) => from.startsWith(`${address}:`)),
    );
    const ids = [...before!, ...after!].map(({ bytes }) => messageOf(bytes).cid);
    expect(after!.length).toBeGreaterThan(0);
    expect(new Set(ids).size).toBe(1);
  });
});

describe("a relay that carries a whole rebind", () => {
  /** A client that is found at the relay's address: its datagrams go out from there, and answers come by it. */
  function carried(): { moving: Moving; seen: Uint8Array[]; give: (bytes: Uint8Array) => void } {
    const moving = cutOff(new Moving({ protocol: sealedProtocol }));
    const give = (bytes: Uint8Array): void => {
      moving.host.client.handleDatagram(bytes, bytes.length, "", PORT, moving.world.nowMs);
      moving.world.pump();
    };
    moving.rebind();
    moving.inject(moving.newest("rebind"));
    give(moving.newest("verify"));
    moving.inject(moving.newest("ack"));
    give(moving.newest("ack"));
    const seen = moving.world.sent.filter(({ from }) => from.startsWith(OLD));
    return { moving, seen: seen.map(({ bytes }) => bytes), give };
  }

  it("has the peer at its own address, and can pass on what it carries, or not, and nothing else", () => {
    const { moving, give } = carried();
    expect([moving.place, moving.rebound]).toEqual([`${MALLORY}:666`, 1]);
    // What the server says goes there.
    moving.server.close(
      moving.world.eventsOf("attached")[0]!.peer,
      "kicked",
      "",
      moving.world.nowMs,
    );
    moving.world.pump();
    const close = moving.sent("close").at(-1)!;
    expect(close.to).toBe(`${MALLORY}:666`);
    for (let at = 3; at < close.bytes.length; at++) {
      give(Uint8Array.from(close.bytes, (byte, i) => (i === at ? byte ^ 1 : byte)));
    }
    expect(moving.host.client.state).toBe("open");
    // As it is, it is heard.
    give(close.bytes);
    expect(moving.host.events.at(-1)).toMatchObject({ type: "closed", code: "kicked" });
  });

  it("loses it to the client's next rebind, and takes it back with nothing that it has seen", () => {
    const { moving, seen } = carried();
    moving.world.loss = 0;
    moving.rebind();
    moving.world.runFor(1000);
    expect(moving.place).toBe(`${OLD}:40000`);
    // An old attach is answered, as any is; nobody but the client could say what is in the answer.
    const taken = seen.filter((bytes) => moving.raises(bytes).includes("accepted"));
    expect(taken.map((bytes) => messageOf(bytes).msg)).toEqual(["attach"]);
    moving.world.runFor(1000);
    expect(moving.place).toBe(`${OLD}:40000`);
    expect(moving.host.client.state).toBe("open");
  });
});

describe("a rebind of somebody else", () => {
  it("that is an old one of the client's moves nothing, from wherever it is sent", () => {
    const moving = new Moving();
    moving.move(NEW);
    moving.rebind();
    moving.world.runFor(1000);
    const [rebind, confirm] = [moving.newest("rebind"), moving.sent("ack").at(-2)!.bytes];
    expect(messageOf(confirm).sys).toHaveProperty("nonce");
    expect(moving.raises(rebind)).toEqual(["droppedCounter"]);
    expect(moving.raises(rebind, OLD, 40_000)).toEqual(["droppedCounter"]);
    expect(moving.raises(confirm)).toEqual(["droppedNonce"]);
    expect(moving.raises(confirm, OLD, 40_000)).toEqual(["droppedNonce"]);
    moving.move("10.0.0.88");
    moving.rebind();
    moving.world.runFor(1000);
    // What proved the address before does not any more, not even there.
    expect(moving.raises(rebind, NEW, 40_000)).toEqual(["droppedCounter"]);
    expect(moving.raises(confirm, NEW, 40_000)).toEqual(["droppedNonce"]);
    expect(moving.place).toBe("10.0.0.88:40000");
    expect(moving.sent("verify")).toHaveLength(2);
  });

  it("that is the client's and was kept from the server gets no proof by a client that asks no more", () => {
    const moving = cutOff(new Moving());
    moving.rebind();
    const kept = moving.newest("rebind");
    moving.world.loss = 0;
    moving.rebind();
    moving.world.runFor(1000);
    expect(moving.rebound).toBe(1);
    expect(moving.raises(kept)).toEqual(["droppedCounter"]);
    // One that is under way is answered where it came from, and the client confirms what was sent for somebody else's address
    // only from its own.
    moving.world.loss = 1;
    moving.rebind();
    moving.inject(moving.newest("rebind"));
    const verify = moving.newest("verify");
    expect(moving.sent("verify").at(-1)!.to).toBe(`${MALLORY}:666`);
    const { client } = moving.host;
    client.handleDatagram(verify, verify.length, "10.0.0.9", PORT, moving.world.nowMs);
    moving.world.pump();
    const confirm = moving.newest("ack");
    expect(moving.raises(confirm, OLD, 40_000)).toEqual(["droppedNonce"]);
    expect(moving.place).toBe(`${OLD}:40000`);
  });

  it.each([
    ["another key", (m: Moving) => m.forge({}, new Uint8Array(32)), "droppedMac"],
    ["the server's key", (m: Moving) => m.forge({}, m.keys.server), "droppedMac"],
    ["another port", (m: Moving) => m.forge({ port: PORT + 1 }), "droppedPort"],
    ["another tag", (m: Moving) => m.forge({ tag: 0 }), "droppedTag"],
    ["no tag", (m: Moving) => m.forge({ tag: undefined }), "droppedSchema"],
    ["the counter of attach", (m: Moving) => m.forge({ counter: 1 }), "droppedCounter"],
    ["a counter that is none", (m: Moving) => m.forge({ counter: -1 }), "droppedSchema"],
  ])("that has %s is dropped", (_, make, reason) => {
    const moving = cutOff(new Moving());
    const sent = moving.server.counters.datagramsSent;
    expect(moving.raises(make(moving))).toEqual([reason]);
    expect(moving.server.counters.datagramsSent).toBe(sent);
    expect(moving.place).toBe(`${OLD}:40000`);
    // And the same with nothing wrong is not.
    expect(moving.raises(moving.forge({}))).toEqual(["accepted"]);
  });

  it("with any byte changed is dropped", () => {
    const moving = cutOff(new Moving());
    const rebind = moving.forge({});
    for (let at = 0; at < rebind.length; at++) {
      const changed = Uint8Array.from(rebind);
      changed[at]! ^= 1;
      expect(moving.raises(changed)[0], `byte ${at}`).toMatch(/^dropped/);
    }
    expect(moving.sent("verify")).toHaveLength(0);
  });

  it("is answered with no more than it has, once each, and not often", () => {
    const moving = cutOff(new Moving({ serverOptions: { limits: { unprovenPerSecond: 50 } } }));
    moving.rebind();
    const rebind = moving.newest("rebind");
    const victim = "192.0.2.1";
    for (let i = 0; i < 1000; i++) moving.inject(rebind, victim, 9);
    const key = `${victim}:9`;
    const { replied, received } = moving.world;
    expect(replied.get(key)!).toBeLessThanOrEqual(received.get(key)!);
    expect(moving.sent("verify").length).toBeLessThanOrEqual(60);
    expect(moving.sent("verify").length).toBeGreaterThan(0);
    expect(moving.server.counters.droppedRate).toBeGreaterThan(900);
    expect(moving.place).toBe(`${OLD}:40000`);
  });

  it("leaves nothing behind, however many a client sends from however many addresses", () => {
    const moving = cutOff(new Moving({ serverOptions: { limits: { unprovenPerSecond: 1e9 } } }));
    const { server, world } = moving;
    const before = [server.sizes, server.pollDeadline()];
    for (let counter = 2; counter < 1000; counter++) {
      moving.inject(moving.forge({ counter }), `10.9.${counter >> 8}.${counter & 255}`);
      world.sent.length = 20;
    }
    expect([server.sizes, server.pollDeadline()]).toEqual(before);
    expect(moving.place).toBe(`${OLD}:40000`);
  });
});
