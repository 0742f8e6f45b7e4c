/** Joins whose body does not fit a datagram: it follows the second join in pieces, over loss, sealed and not, and against whoever abuses that. */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { InvalidMessageError } from "#src/errors.js";
import { MAX_JOIN_BODY_BYTES } from "#src/limits.js";
import type { Protocol } from "#src/protocol.js";
import { nodeCrypto } from "#src/udp/node-crypto.js";
import { ZeroClient } from "#src/zero/client.js";
import { buildDatagram } from "#src/zero/envelope.js";
import type { JoinSys } from "#src/zero/own-messages.js";
import { layoutOf } from "#src/zero/pieces.js";
import { signToken } from "#src/zero/token.js";
import { handZeroProtocol } from "../support/hand-zero.ts";
import { makePieceVectors } from "../support/piece-vectors.ts";
import { runPython, skipWithoutPython } from "../support/python.ts";
import { contents, EXPIRES_AT_MS, issuer, client as tokenKey } from "../support/token-vectors.ts";
import {
  expectCountersToAddUp,
  messageOf,
  PORTS,
  World,
  type WorldOptions,
} from "../support/zero-world.ts";

const P0 = PORTS[0];
/** 4 KiB that no compression and no luck makes shorter. */
const TICKET = Array.from(
  { length: 4096 },
  (_, i) => "0123456789abcdef"[(i * 7 + (i >> 4)) % 16],
).join("");
const body = { name: "ada", ticket: TICKET };

const protocols = {
  plain: handZeroProtocol({ large: true }),
  sealed: handZeroProtocol({ large: true, security: "sealed" }),
  secret: handZeroProtocol({ large: true, security: "sealed", secrets: true }),
} as const;
const kinds = Object.keys(protocols) as (keyof typeof protocols)[];
const bodyOf = (kind: keyof typeof protocols): object =>
  kind === "secret" ? { ...body, password: "open sesame" } : body;

function worldOf(kind: keyof typeof protocols, options: WorldOptions = {}): World {
  return new World({ protocol: protocols[kind], ...options });
}

/** The pieces that were sent. */
function pieces(world: World): { bytes: Uint8Array; sys: JoinSys; from: string }[] {
  return world
    .sentOf("join")
    .map(({ bytes, from }) => ({ bytes, from, sys: messageOf(bytes).sys as unknown as JoinSys }))
    .filter(({ sys }) => sys.piece !== undefined);
}

function expectAllInOrder(world: World): void {
  for (const server of world.servers.values()) expectCountersToAddUp(server.counters);
  for (const { client } of world.hosts) expectCountersToAddUp(client.counters);
  for (const [from, bytes] of world.replied) {
    expect(bytes, from).toBeLessThanOrEqual(world.received.get(from)!);
  }
}

/** A client that has sent join 2 and heard that it is there, and what it says of itself from then on. */
function collecting(kind: keyof typeof protocols, options: WorldOptions = {}) {
  // Latencies are 10 ms: join 2 is there after 30, the pieces after 50.
  const world = worldOf(kind, options);
  const { client } = world.join({ join: bodyOf(kind) });
  world.runFor(45);
  const server = world.servers.get(P0)!;
  expect([client.state, server.stateOf(client.cid)]).toEqual(["proving", "pending"]);
  const all = pieces(world);
  const from = all[0]!.from.split(":");
  return { world, client, server, first: all, address: from[0]!, port: Number(from[1]) };
}

describe.each(kinds)("a body of 4 KiB, %s,", (kind) => {
  it("reaches the application as it is, in datagrams of the usual size", () => {
    const world = worldOf(kind);
    const { client, events } = world.join({ join: bodyOf(kind) });
    world.runFor(1000);
    expect([client.state, events.map(({ type }) => type)]).toEqual(["open", ["attached"]]);
    expect(world.eventsOf("join").map((event) => event.body)).toEqual([bodyOf(kind)]);
    for (const { bytes } of world.sent) expect(bytes.length).toBeLessThanOrEqual(1200);
    // Each of its pieces once, and none before its join 2 has arrived.
    const numbers = pieces(world).map(({ sys }) => sys.piece);
    expect(numbers).toEqual(numbers.map((_, i) => i + 1));
    expect(numbers.length).toBeGreaterThan(4);
    expect(client.counters).toMatchObject({
      sequenceSent: numbers.length,
      sequenceAcknowledged: numbers.length,
      sequenceResent: 0,
    });
    expect(world.servers.get(P0)!.counters.sequenceReceived).toBeGreaterThanOrEqual(numbers.length);
    expectAllInOrder(world);
  });

  it("does so over a link that loses, doubles and overtakes, whatever the seed, to one peer", () => {
    for (let seed = 1; seed <= 12; seed++) {
      const link = { seed, loss: 0.2, duplicate: 0.1, minLatencyMs: 5, maxLatencyMs: 40 };
      const world = worldOf(kind, link);
      const { client } = world.join({ join: bodyOf(kind) });
      world.runFor(9000);
      expect(client.state, `seed ${seed}`).toBe("open");
      const joins = world.eventsOf("join");
      expect(new Set(joins.map(({ cid }) => cid)).size).toBe(joins.length);
      for (const join of joins) expect(join.body).toEqual(bodyOf(kind));
      expect(world.eventsOf("attached").length).toBe(1);
      expectAllInOrder(world);
    }
  });

  it("goes to the port that accept names, and once more where that cannot be reached", () => {
    const world = worldOf(kind, {
      place: (_, { stay }) => (stay ? P0 : PORTS[1]),
      reaches: (port) => port === P0,
    });
    const { client, events } = world.join({ join: bodyOf(kind) });
    world.runFor(9000);
    expect(events).toMatchObject([{ type: "attached", port: P0 }]);
    expect(client.counters.staysAsked).toBe(1);
    expect(world.eventsOf("join").map((event) => event.body)).toEqual([bodyOf(kind), bodyOf(kind)]);
  });

  it("is sent anew to a port that was started again meanwhile", () => {
    const { world, client } = collecting(kind);
    world.restart(P0);
    world.runFor(3000);
    expect(client.state).toBe("open");
    expect(client.counters.restarts).toBe(1);
    expect(world.eventsOf("join").map((event) => event.body)).toEqual([bodyOf(kind)]);
  });

  it("is sent anew by a client whose address has changed meanwhile", () => {
    const { world, client } = collecting(kind);
    world.hosts[0]!.address = "10.9.9.9";
    world.runFor(3000);
    expect(client.state).toBe("open");
    expect(world.eventsOf("join").map((event) => event.address)).toEqual(["10.9.9.9"]);
  });

  it("comes with a connect token", () => {
    const rules = {
      issuers: [issuer.publicKey],
      audience: contents.audience,
      leewayMs: 0,
      wallMs: () => EXPIRES_AT_MS - 60_000,
    };
    const world = worldOf(kind, { serverOptions: { tokens: rules } });
    const token = { signed: signToken(issuer, { ...contents, claims: { a: 1 } }), key: tokenKey };
    const { client } = world.join({ join: bodyOf(kind), token });
    world.runFor(1000);
    expect(client.state).toBe("open");
    const [event] = world.eventsOf("join");
    expect(event).toMatchObject({ body: bodyOf(kind), token: { claims: { a: 1 } } });
  });
});

describe("a join in pieces", () => {
  it("leaves nothing at a port before its cookie has come back", () => {
    const world = worldOf("sealed");
    world.join({ join: body });
    world.runFor(15);
    expect(world.servers.get(P0)!.counters.challengesSent).toBe(1);
    expect(world.servers.get(P0)!.collected).toBe(0);
    expect(world.servers.get(P0)!.sizes).toEqual({
      entries: 0,
      pending: 0,
      peers: 0,
    });
  });

  it("is one datagram where its body fits, as any other", () => {
    const world = worldOf("sealed");
    world.join({ join: { name: "ada", ticket: "short" } });
    world.runFor(1000);
    expect(pieces(world)).toEqual([]);
    expect(world.eventsOf("join").map((event) => event.body)).toEqual([
      { name: "ada", ticket: "short" },
    ]);
  });

  it.each([
    ["nobody asks for", { takesPieces: false }, protocols.sealed],
    ["the server's version has no use for", {}, handZeroProtocol({ security: "sealed" })],
  ] as const)("that %s is refused before any piece is sent", (_, serverOptions, of) => {
    const world = new World({ protocol: of, clientProtocol: protocols.sealed, serverOptions });
    const { events } = world.join({ join: body });
    world.runFor(1000);
    const detail = expect.stringMatching(/longer than/);
    expect(events).toMatchObject([{ type: "rejected", reason: "denied", detail }]);
    expect(pieces(world)).toEqual([]);
    const server = world.servers.get(P0)!;
    expect(server.sizes).toEqual({ entries: 0, pending: 0, peers: 0 });
    expect(server.counters.droppedPieces).toBe(1);
    expectAllInOrder(world);
  });

  it("is not begun where it is longer than any may be, or than the spec says that it can be", () => {
    const connect = (protocol: Protocol, ticket: string): ZeroClient =>
      new ZeroClient({
        protocol,
        crypto: nodeCrypto,
        port: P0,
        join: { name: "ada", ticket },
        random: () => 0,
        nowMs: 0,
      });
    const overhead = JSON.stringify({ name: "ada", ticket: "" }).length;
    expect(() => connect(protocols.plain, "x".repeat(MAX_JOIN_BODY_BYTES - overhead + 1))).toThrow(
      InvalidMessageError,
    );
    expect(connect(protocols.plain, "x".repeat(MAX_JOIN_BODY_BYTES - overhead)).state).toBe(
      "joining",
    );
    const { joinBytes: _, ...zero } = protocols.plain.zero;
    expect(() => connect({ ...protocols.plain, zero }, TICKET)).toThrow(InvalidMessageError);
  });

  it("of which each byte counts: what comes as another body than its join said is refused, and says so", () => {
    const { world, client, server, first, address, port } = collecting("plain");
    const data = first[0]!.sys.data!;
    const other = { ...first[0]!.sys, data: `${data[0] === "A" ? "B" : "A"}${data.slice(1)}` };
    world.inject(P0, piece(client.cid, other), address, port);
    world.runFor(1000);
    const { events } = world.hosts[0]!;
    expect(events).toMatchObject([
      { type: "rejected", reason: "denied", detail: expect.stringMatching(/is not what/) },
    ]);
    expect(world.eventsOf("join")).toEqual([]);
    expect(server.collected).toBe(0);
    expect(server.counters.rejectsSent).toBe(1);
  });

  it("that is sealed is not spoilt by who puts pieces of their own into it", () => {
    const { world, client, server, first, address, port } = collecting("secret");
    for (const { sys } of first) {
      const data = sys.data!;
      const other = { ...sys, data: `${data[0] === "A" ? "B" : "A"}${data.slice(1)}` };
      world.inject(P0, piece(client.cid, other), address, port);
    }
    expect(server.counters.droppedSecret).toBe(first.length);
    world.runFor(1000);
    expect(client.state).toBe("open");
    expect(world.eventsOf("join").map((event) => event.body)).toEqual([bodyOf("secret")]);
  });

  it("and of which a piece comes under another number, is refused where it is sealed, too", () => {
    const { world, client, server, first, address, port } = collecting("secret");
    const [one, two] = first;
    world.inject(P0, piece(client.cid, { ...one!.sys, piece: 2 }), address, port);
    world.inject(P0, piece(client.cid, { ...two!.sys, piece: 1 }), address, port);
    expect(server.counters.droppedSecret).toBe(2);
  });
});

/** A further join, padded as ours are. */
function piece(cid: string, sys: JoinSys, seq = 0, more: object = {}): Uint8Array {
  return buildDatagram(
    nodeCrypto,
    { cid, msg: "join", seq, ack: 0, sys, ...more },
    { padBytes: 1200, maxBytes: 1200 },
  );
}

describe("who sends pieces as they like", () => {
  it.each([
    ["is longer than it must be", { data: "A".repeat(1300) }, "droppedSchema"],
    ["is shorter", { data: "AAAA" }, "droppedSchema"],
    ["has bits that no text has", { data: `${"A".repeat(1080)}B` }, "droppedSchema"],
    ["comes behind the last", { piece: 60 }, "droppedSequence"],
    ["comes too early", { piece: 5 }, "droppedSequence"],
    ["has number 0", { piece: 0 }, "droppedSchema"],
    ["has a number that is none", { piece: 1.5 }, "droppedSchema"],
    ["is one with no data", { data: undefined }, "droppedBytes"],
    ["brings a cookie", { cookie: "A".repeat(30) }, "droppedBytes"],
  ] as const)("has one dropped that %s", (_, other, reason) => {
    const { world, client, server, first, address, port } = collecting("plain");
    const before = server.counters[reason];
    const last = first.at(-1)!.sys;
    // As long as its last full piece, where nothing else is said.
    const sys = { ...last, piece: 5, ...other } as JoinSys;
    world.inject(
      P0,
      piece(client.cid, "piece" in other || !("data" in other) ? sys : { ...sys, piece: 1 }),
      address,
      port,
    );
    expect(server.counters[reason]).toBe(before + 1);
    world.runFor(1000);
    expect(client.state).toBe("open");
    expect(world.eventsOf("join").map((event) => event.body)).toEqual([body]);
  });

  it("has none looked into that is numbered in the sequence", () => {
    const { world, client, server, first, address, port } = collecting("plain");
    world.inject(P0, piece(client.cid, first[0]!.sys, 2), address, port);
    expect(server.counters.droppedSequence).toBe(1);
  });

  it("is answered with gone from another address, and changes nothing", () => {
    const { world, client, server, first } = collecting("plain");
    world.inject(P0, first[0]!.bytes, "10.6.6.6", 40_000);
    expect([server.counters.droppedAddress, server.counters.goneSent]).toEqual([1, 1]);
    world.runFor(1000);
    expect(client.state).toBe("open");
  });

  it("has so many of one join looked into, and no more", () => {
    const { world, client, server, first, address, port } = collecting("plain");
    const all = 32 * first[0]!.sys.piece! * Math.ceil(TICKET.length / 700);
    for (let i = 0; i < all + 500; i++) world.inject(P0, first[0]!.bytes, address, port);
    expect(server.counters.droppedRate).toBeGreaterThanOrEqual(400);
    expect(world.eventsOf("join")).toEqual([]);
    expect(client.counters.droppedSchema).toBe(0);
    expectAllInOrder(world);
  });

  it("takes up the room of so many joins, of an address a quarter, and gives it back when their time is up", () => {
    const world = worldOf("sealed", { serverOptions: { limits: { joinsInPieces: 8 } } });
    const server = world.servers.get(P0)!;
    const ask = (address: string): void => {
      world.join({ address, join: body });
      // Challenge and join 2, and then nobody is there who hears that pieces are awaited.
      world.runFor(35);
      world.hosts.pop();
    };
    for (let i = 0; i < 3; i++) ask("10.1.0.1");
    expect([server.collected, server.counters.droppedAddressFull]).toEqual([2, 1]);
    for (let i = 0; i < 7; i++) ask(`10.2.0.${i}`);
    expect([server.collected, server.counters.droppedFull]).toEqual([8, 1]);
    // Whoever has a short body joins all the same.
    const { client } = world.join({ address: "10.3.0.1" });
    world.runFor(500);
    expect(client.state).toBe("open");
    world.runFor(11_000);
    expect(server.sizes).toEqual({ entries: 0, pending: 0, peers: 1 });
    expectAllInOrder(world);
  });
});

describe("a layout", () => {
  it("of any body and any room cuts it into pieces of which none is empty or too long", () => {
    for (let bytes = 1; bytes <= 300; bytes++) {
      for (let most = 1; most <= 40; most++) {
        const layout = layoutOf(bytes, most);
        if (layout === undefined) {
          expect(Math.ceil(bytes / most)).toBeGreaterThan(64);
          continue;
        }
        const size = Math.ceil(bytes / layout.pieces);
        expect(size).toBeLessThanOrEqual(most);
        expect((layout.pieces - 1) * size).toBeLessThan(bytes);
        expect(layout.pieces * size).toBeGreaterThanOrEqual(bytes);
      }
    }
  });
});

describe("the golden vectors of joins in pieces", () => {
  const file = fileURLToPath(new URL("../../docs/piece-vectors.json", import.meta.url));

  it("are what the runtime sends", async () => {
    await expect(`${JSON.stringify(makePieceVectors(), null, 2)}\n`).toMatchFileSnapshot(file);
  });

  // Without the package there is nothing to run; where CI is set that fails instead.
  it.skipIf(skipWithoutPython)("are what a program in Python finds by the document alone", () => {
    const program = fileURLToPath(new URL("../support/independent/pieces.py", import.meta.url));
    expect(runPython([program, file])).toEqual({
      status: 0,
      said: "the vectors of joins in pieces are right\n",
    });
  });
});
