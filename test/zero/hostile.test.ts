import { describe, expect, it } from "vitest";
import { nodeCrypto } from "#src/udp/node-crypto.js";
import { buildDatagram } from "#src/zero/envelope.js";
import { keysOfTicket } from "#src/zero/keys.js";
import {
  CID,
  expectCountersToAddUp,
  JOIN_SYS,
  join1,
  messageOf,
  openWorld,
  PORTS,
  protocol,
  raw,
  sealedProtocol,
  seeded,
  testCrypto,
  World,
} from "../support/zero-world.ts";

const P0 = PORTS[0];
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
    [
      "half of a surrogate pair as an escape",
      join1(`"sys":${JOIN_SYS},"body":{"name":"\\ud83d"}`),
      "droppedUtf8",
    ],
    [
      "half of a surrogate pair in a key that nobody knows",
      join1(`"sys":${JOIN_SYS},"body":{"name":"ada"},"x":{"\\udc00":1}`),
      "droppedUtf8",
    ],
    [
      "a surrogate pair as escapes",
      join1(`"sys":${JOIN_SYS},"body":{"name":"\\ud83d\\ude80"}`),
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

describe("a forger", () => {
  it("changes nothing with any byte of any message changed", () => {
    const world = openWorld();
    const server = world.servers.get(P0)!;
    const { client, events } = world.hosts[0]!;
    const real = [...world.sent];
    client.close("bye", "", world.nowMs);
    // Real closes of both sides that never arrive: the strongest thing to forge from.
    for (let out = client.pollTransmit(0); out !== undefined; out = client.pollTransmit(0)) {
      const { bytes } = out;
      real.push({ bytes, from: "10.0.0.1:40000", to: `server:${P0}`, local: 0, atMs: 0 });
    }
    const told = world.serverEvents.length;
    const { state } = client;
    for (const { bytes, to } of real) {
      for (let at = 0; at < Math.min(bytes.length, 260); at++) {
        const forged = bytes.slice();
        forged[at] = forged[at]! ^ (1 << (at % 7));
        if (to.startsWith("server")) {
          server.handleDatagram(forged, forged.length, "10.0.0.1", 40_000, world.nowMs);
        } else client.handleDatagram(forged, forged.length, "10.0.0.1", P0, world.nowMs);
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
        client.handleDatagram(bytes, bytes.length, "10.0.0.1", P0, world.nowMs);
      }
    }
    world.pump();
    expect(world.sent.length).toBe(before);
    expect(server.stateOf(cid)).toBe("open");
    expect([client.state, events.length]).toEqual(["open", 1]);
    expect(server.counters.droppedMac).toBe(4);
    expect(client.counters.droppedMac).toBe(4);
  });

  it("with a key of its own cannot attach with a message made for another port, or with another tag", () => {
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

  it("that has seen the accept can end the connection", () => {
    const world = new World();
    world.join();
    world.runFor(1000);
    const accept = messageOf(world.sentOf("accept")[0]!.bytes);
    const { client: key } = keysOfTicket(nodeCrypto, accept.sys["ticket"] as string)!;
    const close = {
      cid: accept.cid,
      msg: "close",
      seq: 3,
      ack: 2,
      sys: { code: "forged" },
    } as const;
    world.inject(P0, buildDatagram(nodeCrypto, close, { key }), "10.9.9.9", 9);
    expect(world.eventsOf("closed")).toMatchObject([{ code: "forged", by: "remote" }]);
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
        client.handleDatagram(bytes, bytes.length, "10.0.0.1", port, world.nowMs);
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

describe("who has seen a join", () => {
  it.each([0, 300, 2000])(
    "cannot keep its client out by asking first under its connection id, %i ms before it",
    (beforeMs) => {
      const world = new World({ protocol: sealedProtocol, authenticateMs: 500 });
      // Both draw the same numbers, and so begin with the same id.
      const first = world.join({ address: "10.6.6.6", crypto: testCrypto(seeded(5)) });
      world.runFor(40 + beforeMs);
      const { client } = world.join({ crypto: testCrypto(seeded(5)) });
      const [one, other] = [first.address, "10.0.0.2"].map(
        (address) => world.sent.find(({ from }) => from.startsWith(`${address}:`))!.bytes,
      );
      expect(messageOf(other!).cid).toBe(messageOf(one!).cid);
      world.runFor(4000);
      expect(client.state).toBe("open");
      for (const [from, bytes] of world.replied) {
        expect(bytes, from).toBeLessThanOrEqual(world.received.get(from)!);
      }
    },
  );
});

describe("who has a place under a connection id that they have seen", () => {
  it.each([P0, PORTS[1]])(
    "cannot keep its client out at any port: it takes another id, asking at %i",
    (dial) => {
      const world = new World({ protocol: sealedProtocol, place: () => P0 });
      const first = world.join({
        address: "10.6.6.6",
        dial: PORTS[2],
        crypto: testCrypto(seeded(5)),
      });
      world.runFor(1000);
      const { cid, state } = first.client;
      expect(state).toBe("open");
      const { client } = world.join({ dial, crypto: testCrypto(seeded(5)) });
      expect(client.cid).toBe(cid);
      world.runFor(2000);
      expect([client.state, first.client.cid]).toEqual(["open", cid]);
      expect(client.cid).not.toBe(cid);
      expect(world.servers.get(dial)!.counters.goneSent).toBe(1);
      for (const server of world.servers.values()) expectCountersToAddUp(server.counters);
    },
  );
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
  const accept = (cid: string, sys: object): Uint8Array =>
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
    const bytes = accept(cid, sys);
    client.handleDatagram(bytes, bytes.length, "10.0.0.1", fromPort, world.nowMs);
    expect(client.state).toBe("waiting");
    expect(client.counters[outcome as "droppedPort"]).toBe(1);
    const good = accept(cid, {});
    client.handleDatagram(good, good.length, "10.0.0.1", P0, world.nowMs);
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
        client.handleDatagram(bytes, bytes.length, "10.0.0.1", P0, world.nowMs);
      }
    }
    expect(client.state).toBe("open");
    expect(client.counters).toMatchObject({ droppedProof: 1, droppedState: 1, droppedCid: 2 });
  });
});
