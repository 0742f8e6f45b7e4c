/** A client that is told to go on at another port: it shows itself there first, and nobody else can send it anywhere. */
import { describe, expect, it } from "vitest";
import { nodeCrypto } from "#src/udp/node-crypto.js";
import { buildDatagram } from "#src/zero/envelope.js";
import { keysOfTicket, type ZeroKeys } from "#src/zero/keys.js";
import {
  expectCountersToAddUp,
  type Host,
  messageOf,
  PORTS,
  sealedProtocol,
  World,
  type WorldOptions,
} from "../support/zero-world.ts";

const [OLD, NEW, OTHER] = PORTS;
const CLIENT = "10.0.0.1";
const MALLORY = "10.0.6.6";

/** An open connection at OLD, and the steps by which it goes to NEW. */
class Moving {
  readonly world: World;
  readonly host: Host;
  readonly peer: number;

  constructor(options: WorldOptions = {}) {
    this.world = new World({ place: () => OLD, ...options });
    this.host = this.world.join({ address: CLIENT });
    this.world.loss = 0;
    this.world.runFor(options.loses === undefined ? 1000 : 100);
    if (options.loses !== undefined) this.host.client.assumeAttached();
    this.world.runFor(options.loses === undefined ? 0 : 500);
    this.peer = this.world.eventsOf("attached")[0]!.peer;
    this.world.loss = options.loss ?? 0;
  }

  moves(port: number = OLD) {
    return this.world.servers.get(port)!.moves;
  }

  /** The other port expects the peer, and its client is told. */
  begin(): void {
    const reset = this.moves(NEW).expect(this.moves().offer(this.peer)!);
    expect(this.moves().tell(this.peer, NEW, reset, this.world.nowMs)).toBe(true);
    this.world.pump();
  }

  get isShown(): boolean {
    return this.world.eventsOf("shown").length > 0;
  }

  /** The client is where the server has it. */
  finish(): void {
    this.moves().forget(this.peer);
    expect(this.moves(NEW).adopt(this.peer)).toEqual({ address: CLIENT, port: 40_000, local: 0 });
    this.world.pump();
  }

  get moved(): number[] {
    return this.host.events.flatMap((event) => (event.type === "moved" ? [event.port] : []));
  }

  get keys(): ZeroKeys {
    const { ticket } = messageOf(this.world.sentOf("accept").at(-1)!.bytes).sys;
    return keysOfTicket(nodeCrypto, ticket as string)!;
  }

  /** A `move` as somebody makes it. */
  forge(over: object = {}, key = this.keys.server): Uint8Array {
    const { cid } = this.host.client;
    const message = { cid, msg: "move", seq: 3, ack: 2, sys: { port: NEW }, ...over };
    return buildDatagram(nodeCrypto, message as never, { key });
  }

  /** What a datagram raises at the client. */
  raises(bytes: Uint8Array, from: number = OLD): string[] {
    const { client } = this.host;
    const before: Record<string, number> = { ...client.counters };
    client.handleDatagram(bytes, bytes.length, "10.0.0.1", from, this.world.nowMs);
    this.world.pump();
    const after: Record<string, number> = { ...client.counters };
    return Object.keys(after).filter(
      (name) => /^dropped|^accepted/.test(name) && after[name] !== before[name],
    );
  }
}

describe.each([
  ["plain", {}],
  ["sealed", { protocol: sealedProtocol }],
] as const)("a client that is told to go on at another port (%s)", (_, options) => {
  it("shows itself there, is told so when it is there, and is closed from there", () => {
    const moving = new Moving(options);
    moving.begin();
    moving.world.runFor(500);
    expect(moving.isShown).toBe(true);
    // It is still where it was, as long as it is not let go there.
    expect(moving.moved).toEqual([]);
    moving.finish();
    moving.world.runFor(500);
    expect(moving.moved).toEqual([NEW]);
    moving.world.servers.get(NEW)!.close(moving.peer, "kicked", "", moving.world.nowMs);
    moving.world.runFor(1000);
    expect(moving.host.events.at(-1)).toMatchObject({ type: "closed", code: "kicked" });
    for (const server of moving.world.servers.values()) expectCountersToAddUp(server.counters);
    expectCountersToAddUp(moving.host.client.counters);
  });

  it("comes whatever is lost, and closes from either side", () => {
    for (let seed = 1; seed <= 16; seed++) {
      const moving = new Moving({ ...options, seed, loss: 0.4, duplicate: 0.1 });
      moving.begin();
      for (let i = 0; i < 80 && !moving.isShown; i++) moving.world.runFor(100);
      expect(moving.isShown, `seed ${seed}`).toBe(true);
      moving.world.runFor(seed * 20);
      moving.finish();
      // The client may not know yet that it is there.
      if (seed % 4 === 0) moving.host.client.close("bye", "", moving.world.nowMs);
      else if (seed % 4 === 1) {
        moving.world.servers.get(NEW)!.close(moving.peer, "kicked", "", moving.world.nowMs);
      }
      moving.world.runFor(9000);
      if (seed % 4 > 1) expect(moving.moved, `seed ${seed}`).toEqual([NEW]);
      else expect(moving.host.client.state, `seed ${seed}`).toMatch(/closed|draining/);
    }
  });
});

describe("a client that cannot reach the other port", () => {
  it("stays, and is found where it is", () => {
    let isReached = false;
    const moving = new Moving({ reaches: (port) => isReached || port !== NEW });
    moving.begin();
    moving.world.runFor(500);
    // It goes on asking there; who is not heard meanwhile is to be looked for all the same.
    expect(moving.host.client.isSought).toBe(false);
    moving.world.runFor(19_500);
    expect([moving.isShown, moving.moved]).toEqual([false, []]);
    moving.moves(NEW).forget(moving.peer);
    expect(moving.host.client.rebind(moving.world.nowMs)).toBe(true);
    expect(moving.host.client.isSought).toBe(true);
    moving.world.runFor(500);
    expect(moving.host.events.at(-1)).toMatchObject({ type: "rebound" });
    expect(moving.host.client.isSought).toBe(false);
    // And goes, when it can.
    isReached = true;
    moving.begin();
    moving.world.runFor(500);
    moving.finish();
    moving.world.runFor(500);
    expect(moving.moved).toEqual([NEW]);
  });

  it("is looked for where it stays, if it was to be meanwhile", () => {
    let isReached = true;
    const moving = new Moving({ reaches: (port) => isReached || port !== NEW });
    moving.begin();
    moving.world.runFor(500);
    expect(moving.isShown).toBe(true);
    isReached = false;
    moving.moves(NEW).forget(moving.peer);
    moving.host.address = "10.0.0.77";
    expect(moving.host.client.rebind(moving.world.nowMs)).toBe(true);
    moving.world.runFor(60_000);
    expect(moving.moved).toEqual([]);
    expect(moving.host.events.at(-1)).toMatchObject({ type: "rebound" });
    expect(moving.world.eventsOf("confirmed").at(-1)).toMatchObject({ address: "10.0.0.77" });
  });

  it("gives up at once where it is not expected any more", () => {
    const resetKey = new Uint8Array(32).fill(9);
    const moving = new Moving({ serverOptions: { resetKey } });
    const reset = moving.moves(NEW).expect(moving.moves().offer(moving.peer)!);
    moving.moves(NEW).forget(moving.peer);
    moving.moves().tell(moving.peer, NEW, reset, moving.world.nowMs);
    moving.world.pump();
    moving.world.runFor(500);
    expect(moving.world.sentOf("gone")).toHaveLength(1);
    expect([moving.host.client.state, moving.moved]).toEqual(["open", []]);
    const rebinds = moving.world.sentOf("rebind").length;
    moving.world.runFor(5000);
    expect(moving.world.sentOf("rebind")).toHaveLength(rebinds);
    // The proof that went by then ends no later connection there.
    moving.begin();
    moving.world.runFor(500);
    moving.finish();
    moving.world.runFor(500);
    const [gone] = moving.world.sentOf("gone");
    expect(moving.raises(gone!.bytes, NEW)).toEqual(["droppedProof"]);
    // That of this one does, once it is lost.
    moving.world.restart(NEW);
    expect(moving.host.client.rebind(moving.world.nowMs)).toBe(true);
    moving.world.runFor(500);
    expect(moving.host.events.at(-1)).toMatchObject({ code: "server-restarted" });
  });
});

it("a client that has taken a datagram for attached, and so confirms no address, can be sent on", () => {
  const moving = new Moving({ protocol: sealedProtocol, loses: (nth) => nth === 7 });
  const { world, host, peer } = moving;
  expect([world.sentOf("attached").length, world.sentOf("ack").length]).toEqual([1, 0]);
  moving.begin();
  world.runFor(500);
  expect(moving.isShown).toBe(true);
  // What it was told is acknowledged, and not repeated.
  expect(world.sentOf("move")).toHaveLength(1);
  moving.finish();
  world.runFor(500);
  expect([moving.moved, host.client.state, peer]).toEqual([[NEW], "open", 1]);
});

describe("nobody else", () => {
  it("can send a client to another port", () => {
    const moving = new Moving();
    const before = moving.world.sent.length;
    expect(moving.raises(moving.forge({}, moving.keys.client))).toEqual(["droppedMac"]);
    expect(moving.raises(moving.forge(), OTHER)).toEqual(["droppedPort"]);
    expect(moving.raises(moving.forge({ sys: { port: 999 } }))).toEqual(["droppedPort"]);
    expect(moving.raises(moving.forge({ sys: {} }))).toEqual(["droppedSchema"]);
    expect(moving.raises(moving.forge({ seq: 2 }))).toEqual(["droppedSequence"]);
    expect(moving.raises(moving.forge({ seq: 0 }))).toEqual(["droppedSequence"]);
    expect(moving.raises(moving.forge({ ack: 9 }))).toEqual(["droppedSequence"]);
    expect(moving.world.sent).toHaveLength(before);
    expect(moving.host.client.counters.moves).toBe(0);
  });

  it("can have one go again by what it has been told before", () => {
    const moving = new Moving();
    moving.begin();
    moving.world.runFor(500);
    moving.finish();
    moving.world.runFor(500);
    const [told] = moving.world.sentOf("move");
    expect(moving.raises(told!.bytes)).toEqual(["droppedPort"]);
    // Even from where it is by now.
    expect(moving.raises(told!.bytes, NEW)).toEqual(["accepted"]);
    moving.world.runFor(500);
    expect([moving.host.client.counters.moves, moving.moved]).toEqual([1, [NEW]]);
  });

  it("can show itself as a client that is expected, by what it has seen", () => {
    const moving = new Moving();
    moving.moves(NEW).expect(moving.moves().offer(moving.peer)!);
    // Only rebinds to this port, with a counter that is higher than any before, are answered, and only the client's ack counts.
    const seen = moving.world.sent.filter(({ from }) => !from.startsWith("server"));
    for (const { bytes } of seen) moving.world.inject(NEW, bytes, MALLORY, 666);
    expect(moving.moves(NEW).adopt(moving.peer)).toBeUndefined();
    moving.moves().tell(moving.peer, NEW, undefined, moving.world.nowMs);
    moving.world.pump();
    moving.world.runFor(500);
    const rebind = moving.world.sentOf("rebind").at(-1)!;
    const ack = moving.world.sentOf("ack").findLast(({ to }) => to === `server:${NEW}`)!;
    for (const { bytes } of [rebind, ack]) moving.world.inject(NEW, bytes, MALLORY, 666);
    moving.moves().forget(moving.peer);
    expect(moving.moves(NEW).adopt(moving.peer)).toMatchObject({ address: CLIENT });
  });
});

describe("a port", () => {
  it("offers and tells of peers that are open, adopts none that has not shown itself, and expects none twice", () => {
    const moving = new Moving();
    const { peer } = moving;
    const offered = moving.moves().offer(peer)!;
    expect(moving.moves().offer(99)).toBeUndefined();
    expect(moving.moves().tell(99, NEW, undefined, moving.world.nowMs)).toBe(false);
    moving.moves(NEW).expect(offered);
    expect(() => moving.moves(NEW).expect(offered)).toThrow(`peer ${peer} is here already`);
    expect(moving.moves(NEW).adopt(peer)).toBeUndefined();
    expect(moving.moves(NEW).offer(peer)).toBeUndefined();
    moving.moves(NEW).forget(peer);
    moving.world.servers.get(OLD)!.close(peer, "kicked", "", moving.world.nowMs);
    expect(moving.moves().offer(peer)).toBeUndefined();
    expect(moving.moves().tell(peer, NEW, undefined, moving.world.nowMs)).toBe(false);
  });

  it("tells of no further port while four messages are not acknowledged", () => {
    const moving = new Moving();
    moving.world.loss = 1;
    for (let i = 0; i < 4; i++) {
      expect(moving.moves().tell(moving.peer, NEW, undefined, moving.world.nowMs)).toBe(true);
    }
    expect(moving.moves().offer(moving.peer)).toBeUndefined();
    expect(moving.moves().tell(moving.peer, NEW, undefined, moving.world.nowMs)).toBe(false);
    moving.world.runFor(2000);
    const told = moving.world.sentOf("move");
    expect(told.length).toBeGreaterThan(6);
    // Then it hears the last.
    moving.world.loss = 0;
    moving.moves(OTHER);
    moving.world.runFor(3000);
    expect(moving.host.client.counters.moves).toBe(4);
  });
});
