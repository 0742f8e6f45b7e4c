import { describe, expect, it } from "vitest";
import { nodeCrypto } from "#src/udp/node-crypto.js";
import { encodeBase64url } from "#src/zero/base64url.js";
import { ZeroClient } from "#src/zero/client.js";
import { buildDatagram } from "#src/zero/envelope.js";
import { keysOfTicket } from "#src/zero/keys.js";
import {
  expectCountersToAddUp,
  messageOf,
  PORTS,
  protocol,
  seeded,
  testCrypto,
  World,
} from "../support/zero-world.ts";

const P0 = PORTS[0];
const CID = encodeBase64url(new Uint8Array(16));
const JOIN_SYS = `{"hash":"${protocol.hash}","version":1}`;

/** Three zeros and this text. */
function raw(text: string): Uint8Array {
  return new TextEncoder().encode(`\0\0\0${text}`);
}

/** A join 1 with these members behind `"msg"`, padded by `pad`. */
function join1(rest: string, pad = ".".repeat(500)): Uint8Array {
  return raw(`{"v":1,"cid":"${CID}","msg":"join","seq":0,"ack":0,${rest},"pad":"${pad}"}`);
}

/** What the server counts a datagram from a stranger as. */
function outcomeOf(bytes: Uint8Array): string {
  const world = new World();
  const server = world.servers.get(P0)!;
  const before = { ...server.counters };
  server.handleDatagram(bytes, bytes.length, "10.6.6.6", 6, world.nowMs);
  expect(server.sizes).toEqual({ entries: 0, pending: 0, peers: 0 });
  expect(server.pollEvent()).toBeUndefined();
  expectCountersToAddUp(server.counters);
  const { counters } = server;
  return Object.keys(counters).find(
    (name) =>
      (name === "accepted" || name.startsWith("dropped")) &&
      counters[name as "accepted"] !== before[name as "accepted"],
  )!;
}

describe("a datagram from a stranger", () => {
  it("is a join if it is well-formed", () => {
    expect(outcomeOf(join1(`"sys":${JOIN_SYS},"body":{"name":"ada"}`))).toBe("accepted");
    expect(
      outcomeOf(join1(`"sys":${JOIN_SYS},"body":{"name":"ada","new":{"x":[1]}},"later":1`)),
    ).toBe("accepted");
  });

  it.each([
    ["nothing", new Uint8Array(0), "droppedLength"],
    ["three zeros", new Uint8Array(3), "droppedLength"],
    [
      "too long",
      join1(`"sys":${JOIN_SYS},"body":{"name":"ada"}`, ".".repeat(1400)),
      "droppedLength",
    ],
    ["empty JSON", raw("{}"), "droppedFrame"],
    ["another version", raw(`{"v":2,"cid":"${CID}","msg":"join"}`), "droppedFrame"],
    ["a short cid", raw(`{"v":1,"cid":"${CID.slice(1)}","msg":"join","seq":0}`), "droppedFrame"],
    [
      "a cid that is not base64url",
      raw(`{"v":1,"cid":"${"+".repeat(22)}","msg":"join"}`),
      "droppedFrame",
    ],
    [
      "a cid with bits left over",
      raw(`{"v":1,"cid":"${"_".repeat(22)}","msg":"join"}`),
      "droppedFrame",
    ],
    ["no end", raw(`{"v":1,"cid":"${CID}","msg":"join"`), "droppedFrame"],
    ["bad JSON", raw(`{"v":1,"cid":"${CID}",nonsense}`), "droppedJson"],
    ["an open string", raw(`{"v":1,"cid":"${CID}","msg":"join}`), "droppedScan"],
    ["text behind its end", raw(`{"v":1,"cid":"${CID}","msg":"join"}{}`), "droppedJson"],
    ["closing first", raw(`{"v":1,"cid":"${CID}","msg":"join"}}`), "droppedScan"],
    ["a control character", join1(`"sys":${JOIN_SYS},"body":{"name":"a\u0007da"}`), "droppedScan"],
    [
      "a line end between members",
      join1(`"sys":${JOIN_SYS},\n"body":{"name":"ada"}`),
      "droppedScan",
    ],
    [
      "an escaped control character",
      join1(`"sys":${JOIN_SYS},"body":{"name":"a\\u0007da"}`),
      "accepted",
    ],
    ["depth 6", join1(`"sys":${JOIN_SYS},"body":{"name":"ada","x":${nest(4)}}`), "accepted"],
    ["depth 7", join1(`"sys":${JOIN_SYS},"body":{"name":"ada","x":${nest(5)}}`), "droppedScan"],
    ["very deep", join1(`"sys":${"[".repeat(700)}`), "droppedScan"],
    ["64 keys", join1(`"sys":${JOIN_SYS},"body":{"name":"ada",${keys(53)}}`), "accepted"],
    ["65 keys", join1(`"sys":${JOIN_SYS},"body":{"name":"ada",${keys(54)}}`), "droppedScan"],
    ["no sys", join1(`"body":{"name":"ada"}`), "droppedEnvelope"],
    ["no body", join1(`"sys":${JOIN_SYS}`), "droppedEnvelope"],
    ["sys that is a list", join1(`"sys":[],"body":{"name":"ada"}`), "droppedEnvelope"],
    ["body that is null", join1(`"sys":${JOIN_SYS},"body":null`), "droppedEnvelope"],
    [
      "a second cid",
      join1(`"sys":${JOIN_SYS},"body":{"name":"ada"},"cid":"${"B".repeat(21)}A"`),
      "droppedEnvelope",
    ],
    [
      "a second msg",
      join1(`"sys":${JOIN_SYS},"body":{"name":"ada"},"msg":"toString"`),
      "droppedMessage",
    ],
    ["a message of the server's", join1(`"sys":{},"body":{},"msg":"gone"`), "droppedMessage"],
    [
      "a negative seq",
      join1(`"sys":${JOIN_SYS},"body":{"name":"ada"},"seq":-1`),
      "droppedEnvelope",
    ],
    [
      "a seq with a fraction",
      join1(`"sys":${JOIN_SYS},"body":{"name":"ada"},"seq":0.5`),
      "droppedEnvelope",
    ],
    [
      "a seq past 2^53",
      join1(`"sys":${JOIN_SYS},"body":{"name":"ada"},"seq":9007199254740993`),
      "droppedEnvelope",
    ],
    [
      "a seq of its own",
      join1(`"sys":${JOIN_SYS},"body":{"name":"ada"},"seq":5`),
      "droppedSequence",
    ],
    [
      "a mac in the middle",
      join1(`"sys":${JOIN_SYS},"body":{"name":"ada"},"mac":"${CID}"`),
      "droppedEnvelope",
    ],
    [
      "a join with a MAC",
      raw(
        `{"v":1,"cid":"${CID}","msg":"join","seq":0,"ack":0,"sys":${JOIN_SYS},"body":{"name":"ada"},"mac":"${CID}"}`,
      ),
      "droppedEnvelope",
    ],
    ["a wrong sys", join1(`"sys":{"hash":5,"version":1},"body":{"name":"ada"}`), "droppedSchema"],
    ["a wrong body", join1(`"sys":${JOIN_SYS},"body":{"name":""}`), "droppedSchema"],
    [
      "a cookie of its own making",
      join1(
        `"sys":{"version":1,"cookie":"${"A".repeat(30)}","hash":"${protocol.hash}"},"body":{"name":"ada"}`,
      ),
      "droppedSequence",
    ],
    [
      "an ack for nobody",
      buildDatagram(
        nodeCrypto,
        { cid: CID, msg: "ack", seq: 0, ack: 2, sys: {} },
        { key: new Uint8Array(32) },
      ),
      "droppedState",
    ],
    [
      "a close for nobody",
      buildDatagram(
        nodeCrypto,
        { cid: CID, msg: "close", seq: 3, ack: 2, sys: { code: "x" } },
        { key: new Uint8Array(32) },
      ),
      "droppedState",
    ],
  ])("with %s is counted as it should be", (_what, bytes, outcome) => {
    expect(outcomeOf(bytes)).toBe(outcome);
  });

  it("is not answered with more than it sent, not even with a refusal", () => {
    const world = new World();
    const other = `"sys":{"hash":"${"f".repeat(32)}","version":2},"body":{}`;
    world.inject(P0, join1(other, ""), "10.6.6.6", 6);
    const { counters } = world.servers.get(P0)!;
    expect(counters).toMatchObject({ droppedProtocol: 1, sendsWithheld: 1, datagramsSent: 0 });
    world.inject(P0, join1(other), "10.6.6.6", 6);
    expect(counters).toMatchObject({ droppedProtocol: 2, sendsWithheld: 1, datagramsSent: 1 });
  });

  it("that is not UTF-8 is refused before it is parsed", () => {
    for (const bad of [
      [0xff],
      [0xc0, 0xaf],
      [0xed, 0xa0, 0x80],
      [0xe2, 0x82],
      [0xf5, 0x80, 0x80, 0x80],
    ]) {
      const bytes = join1(`"sys":${JOIN_SYS},"body":{"name":"${"?".repeat(bad.length)}"}`);
      bytes.set(bad, bytes.indexOf(0x3f));
      expect(outcomeOf(bytes)).toBe("droppedUtf8");
    }
  });

  it("cannot reach a prototype, with or without escapes, at any depth, in any part", () => {
    const names = ["__proto__", "constructor", "prototype"];
    const spelled = names.flatMap((name) => [
      name,
      `\\u00${name.charCodeAt(0).toString(16)}${name.slice(1)}`,
    ]);
    for (const name of spelled) {
      const evil = `"${name}":{"polluted":true}`;
      for (const rest of [
        `"sys":${JOIN_SYS},"body":{"name":"ada",${evil}}`,
        `"sys":${JOIN_SYS},"body":{"name":"ada","x":[{"y":{${evil}}}]}`,
        `"sys":{"hash":"${protocol.hash}","version":1,${evil}},"body":{"name":"ada"}`,
        `"sys":${JOIN_SYS},"body":{"name":"ada"},${evil}`,
        `"sys":${JOIN_SYS},"body":{"name":"ada"},"${name}" :1`,
      ]) {
        expect(outcomeOf(join1(rest)), rest).toBe("droppedForbidden");
      }
      // As a value it is a word like any other.
      expect(outcomeOf(join1(`"sys":${JOIN_SYS},"body":{"name":"${name}"}`))).toBe("accepted");
    }
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

function nest(depth: number): string {
  return `${"[".repeat(depth)}${"]".repeat(depth)}`;
}

function keys(count: number): string {
  return Array.from({ length: count }, (_, i) => `"k${i}":1`).join(",");
}

/** A world with one open connection and everything that was sent. */
function openWorld(seed = 1): World {
  const world = new World({ seed });
  world.join();
  world.runFor(1000);
  expect(world.hosts[0]!.client.state).toBe("open");
  return world;
}

describe("a forger", () => {
  it("changes nothing with any byte of any message changed", () => {
    const world = openWorld();
    const server = world.servers.get(P0)!;
    const { client, events } = world.hosts[0]!;
    const real = [...world.sent];
    client.close("bye", "", world.nowMs);
    // Real closes of both sides that never arrive: the strongest thing to forge from.
    for (let out = client.pollTransmit(0); out !== undefined; out = client.pollTransmit(0)) {
      real.push({ bytes: out.bytes, from: "10.0.0.1:40000", to: `server:${P0}`, atMs: 0 });
    }
    const told = world.serverEvents.length;
    const { state } = client;
    for (const { bytes, to } of real) {
      for (let at = 0; at < Math.min(bytes.length, 260); at++) {
        const forged = bytes.slice();
        forged[at] = forged[at]! ^ (1 << (at % 7));
        if (to.startsWith("server")) {
          server.handleDatagram(forged, forged.length, "10.0.0.1", 40_000, world.nowMs);
        } else client.handleDatagram(forged, forged.length, P0, world.nowMs);
      }
    }
    while (server.pollTransmit(0) !== undefined);
    expect(server.pollEvent()).toBeUndefined();
    expect(client.state).toBe(state);
    expect(server.stateOf(messageOf(real[0]!.bytes).cid)).toBe("open");
    expect(world.serverEvents.length).toBe(told);
    expect(events.length).toBe(1);
    expectCountersToAddUp(server.counters);
    expectCountersToAddUp(client.counters);
    expect(server.counters.droppedMac).toBeGreaterThan(300);
  });

  it("without the key is told nothing and changes nothing, whatever it sends", () => {
    const world = openWorld();
    const { cid } = messageOf(world.sent[0]!.bytes);
    const server = world.servers.get(P0)!;
    const { client, events } = world.hosts[0]!;
    const before = world.sent.length;
    for (const [msg, sys] of [
      ["attach", { port: P0, tag: 7, nonce: "A".repeat(22), counter: 1 }],
      ["ack", { nonce: "A".repeat(22) }],
      ["attached", { nonce: "A".repeat(22) }],
      ["close", { code: "x" }],
    ] as const) {
      for (const key of [new Uint8Array(32), undefined]) {
        const message = { cid, msg, seq: msg === "ack" ? 0 : 3, ack: 2, sys };
        const bytes = buildDatagram(nodeCrypto, message, {
          padBytes: 400,
          ...(key === undefined ? {} : { key }),
        });
        world.inject(P0, bytes, "10.0.0.1", 40_000);
        client.handleDatagram(bytes, bytes.length, P0, world.nowMs);
      }
    }
    world.pump();
    expect(world.sent.length).toBe(before);
    expect(server.stateOf(cid)).toBe("open");
    expect([client.state, events.length]).toEqual(["open", 1]);
    expect(server.counters.droppedMac).toBe(4);
    expect(client.counters.droppedMac).toBe(4);
  });

  it("with a key of its own cannot take a place with an attach made for another port, or with another tag", () => {
    const world = new World({ place: () => PORTS[1] });
    world.join();
    world.run(1035);
    const { cid, sys } = messageOf(world.sentOf("accept")[0]!.bytes);
    const { client: key } = keysOfTicket(nodeCrypto, sys["ticket"] as string)!;
    const attach = (port: number, tag = sys["tag"] as number): Uint8Array =>
      buildDatagram(
        nodeCrypto,
        {
          cid,
          msg: "attach",
          seq: 2,
          ack: 1,
          sys: { port, tag, nonce: "A".repeat(22), counter: 1 },
        },
        { padBytes: 200, key },
      );
    const server = world.servers.get(PORTS[1])!;
    world.inject(PORTS[1], attach(P0), "10.0.0.1", 40_000);
    expect([server.counters.droppedPort, server.stateOf(cid)]).toEqual([1, "reserved"]);
    world.inject(PORTS[1], attach(PORTS[1], (sys["tag"] as number) ^ 1), "10.0.0.1", 40_000);
    expect([server.counters.droppedTag, server.stateOf(cid)]).toEqual([1, "reserved"]);
    world.inject(PORTS[1], attach(PORTS[1]), "10.0.0.1", 40_000);
    expect(server.stateOf(cid)).toBe("attached");
  });

  it("cannot have one cookie checked and another join heard", () => {
    const world = new World();
    world.join();
    world.run(1025);
    const real = messageOf(world.sentOf("join")[1]!.bytes);
    const { cookie } = real.sys;
    const bytes = raw(
      `{"v":1,"cid":"${real.cid}","msg":"join","seq":1,"ack":0,"sys":{"cookie":"${cookie}","hash":"${protocol.hash}",` +
        `"version":1,"cookie":"${"A".repeat(30)}"},"body":{"name":"ada"},"pad":"${".".repeat(300)}"}`,
    );
    world.inject(P0, bytes, "10.0.0.1", 40_000);
    expect(world.servers.get(P0)!.counters.droppedEnvelope).toBe(1);
    expect(world.eventsOf("join")).toEqual([]);
  });

  it("cannot send one direction's messages back in the other", () => {
    const world = openWorld();
    const { client } = world.hosts[0]!;
    world.servers.get(P0)!.close(1, "kicked", "", world.nowMs);
    world.pump();
    const close = world.sentOf("close")[0]!.bytes;
    world.inject(P0, close, "10.0.0.1", 40_000);
    expect(world.servers.get(P0)!.counters.droppedMac).toBe(1);
    expect(client.state).toBe("open");
  });

  it("gains nothing by replaying all that was said, from anywhere, to any port", () => {
    const world = openWorld();
    const told = world.serverEvents.length;
    const { client, events } = world.hosts[0]!;
    for (const { bytes } of [...world.sent]) {
      for (const port of PORTS) {
        world.inject(port, bytes, "10.0.0.1", 40_000);
        world.inject(port, bytes, "10.6.6.6", 6);
        client.handleDatagram(bytes, bytes.length, port, world.nowMs);
      }
    }
    world.runFor(100);
    expect(world.serverEvents.length).toBe(told);
    expect([client.state, events.length]).toEqual(["open", 1]);
    for (const [from, bytes] of world.replied) {
      expect(bytes, from).toBeLessThanOrEqual(world.received.get(from)!);
    }
    // Other ports never heard of it: the attach that names another port is answered there with gone.
    expect(world.servers.get(PORTS[1])!.counters.goneSent).toBeGreaterThan(0);
  });
});

describe("a client", () => {
  /** Up to the moment where accept is on its way. */
  function waiting(): { world: World; cid: string } {
    const world = new World({ place: () => "silent" });
    const { client } = world.join();
    world.runFor(200);
    expect(client.state).toBe("waiting");
    return { world, cid: client.cid };
  }
  const grant = (cid: string, sys: object): Uint8Array =>
    buildDatagram(nodeCrypto, {
      cid,
      msg: "accept",
      seq: 1,
      ack: 1,
      sys: {
        port: 12342,
        ports: [[12341, 12343]],
        ticket: "A".repeat(43),
        hash: protocol.hash,
        peer: 1,
        tag: 7,
        ...sys,
      },
    });

  it.each([
    ["to a port that was not announced", {}, { port: 53 }, P0, "droppedPort"],
    ["of another protocol", {}, { hash: "f".repeat(32) }, P0, "droppedProtocol"],
    ["with half a ticket", {}, { ticket: `${"A".repeat(42)}_` }, P0, "droppedSchema"],
    ["from another port than it asked", {}, {}, PORTS[1], "droppedPort"],
  ])("does not follow an accept %s", (_what, _o, sys, fromPort, outcome) => {
    const { world, cid } = waiting();
    const { client } = world.hosts[0]!;
    const bytes = grant(cid, sys);
    client.handleDatagram(bytes, bytes.length, fromPort, world.nowMs);
    expect(client.state).toBe("waiting");
    expect(client.counters[outcome as "droppedPort"]).toBe(1);
    const good = grant(cid, {});
    client.handleDatagram(good, good.length, P0, world.nowMs);
    expect(client.state).toBe("attaching");
  });

  it("heeds gone and reject for its own connection id only, and never once attached", () => {
    const world = openWorld();
    const { client } = world.hosts[0]!;
    for (const cid of [client.cid, CID]) {
      for (const msg of ["gone", "reject"] as const) {
        const bytes = buildDatagram(nodeCrypto, {
          cid,
          msg,
          seq: msg === "gone" ? 0 : 1,
          ack: 0,
          sys: { reason: "denied" },
        });
        client.handleDatagram(bytes, bytes.length, P0, world.nowMs);
      }
    }
    expect(client.state).toBe("open");
    expect(client.counters).toMatchObject({ droppedState: 2, droppedCid: 2 });
  });
});

describe("a flood", () => {
  it("of joins without a cookie is limited only above the rate, and does not lock out good cookies", () => {
    const world = new World({ serverOptions: { unprovenPerSecond: 100 } });
    // One of the addresses that the flood claims to come from.
    world.join({ address: "10.66.0.1" });
    world.run(1025);
    expect(world.hosts[0]!.client.state).toBe("proving");
    const server = world.servers.get(P0)!;
    const ask = join1(`"sys":${JOIN_SYS},"body":{"name":"ada"}`);
    for (let i = 0; i < 1000; i++) {
      server.handleDatagram(ask, ask.length, `10.66.0.${i % 4}`, i, world.nowMs);
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
      serverOptions: { maxPending: 8, maxEntries: 8 },
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
        else pick(clients).handleDatagram(buffer, length, pick(PORTS), world.nowMs);
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
    const ask = join1(`"sys":${JOIN_SYS},"body":{"name":"ada"}`);
    for (let i = 0; i < 3000; i++) {
      server.handleDatagram(ask, ask.length, "10.6.6.6", 6, world.nowMs);
    }
    let waiting = 0;
    while (server.pollTransmit(0) !== undefined) waiting++;
    expect(waiting).toBe(1024);
    expect(server.counters.outboxFull).toBe(3000 - 1024);
    expectCountersToAddUp(server.counters);
  });
});
