/** Joining where the protocol is sealed, and who tries to be somebody else there: the machines in virtual time. */
import { describe, expect, it } from "vitest";
import { sample } from "#codegen/interpret/json-schema.js";
import { nodeCrypto } from "#src/udp/node-crypto.js";
import { decodeBase64url, encodeBase64url } from "#src/zero/base64url.js";
import { buildDatagram } from "#src/zero/envelope.js";
import { answerKeyExchange } from "#src/zero/key-exchange.js";
import { hasSecurityMembers, hasValidSys } from "#src/zero/messages.js";
import { type MessageName, messages } from "#src/zero/own-messages.js";
import { ZeroServer } from "#src/zero/server.js";
import { handZeroProtocol, sysSchemas } from "../support/hand-zero.ts";
import { lowOrderKeys } from "../support/key-exchange-vectors.ts";
import {
  expectCountersToAddUp,
  type Host,
  identity,
  messageOf,
  PORTS,
  protocol,
  sealedProtocol,
  seeded,
  testCrypto,
  World,
  type WorldOptions,
} from "../support/zero-world.ts";

const SERVER_KEY = encodeBase64url(identity.publicKey);

function sealedWorld(options: WorldOptions = {}): World {
  return new World({ protocol: sealedProtocol, ...options });
}

function opened(world: World, o: Parameters<World["join"]>[0] = {}): Host {
  const host = world.join(o);
  world.runFor(1000);
  expect(host.client.state).toBe("open");
  return host;
}

type Attached = Extract<Host["events"][number], { type: "attached" }>;

/** A client up to where it waits for accept, and the bytes of its join 2. */
function waiting(world: World, serverKeys?: readonly string[]): { host: Host; join: Uint8Array } {
  const host = world.join(serverKeys === undefined ? {} : { serverKeys });
  world.runFor(100);
  expect(host.client.state).toBe("waiting");
  return { host, join: world.sentOf("join")[1]!.bytes };
}

/** The accept that a server with this identity would make for that join. */
function acceptFor(
  join: Uint8Array,
  signer = identity,
  crypto = testCrypto(seeded(77)),
): Uint8Array {
  const { cid, sys } = messageOf(join);
  const answer = answerKeyExchange(
    crypto,
    signer,
    { digest: nodeCrypto.sha256(join), key: decodeBase64url(sys["key"] as string, 32)! },
    (own) => ({
      cid,
      msg: "accept",
      seq: 1,
      ack: 1,
      sys: {
        ...own,
        port: PORTS[1],
        ports: [[PORTS[0], PORTS[2]]],
        hash: sealedProtocol.hash,
        peer: 9,
      },
      body: {},
    }),
  );
  return answer!.datagram;
}

function give(host: Host, world: World, bytes: Uint8Array): void {
  host.client.handleDatagram(bytes, bytes.length, "10.0.0.1", PORTS[0], world.nowMs);
  world.pump();
}

/** A client that has attached, whose `attached` is lost. */
function unanswered(o: Parameters<World["join"]>[0] = {}): {
  world: World;
  host: Host;
  peer: number;
} {
  const world: World = sealedWorld({
    onServerEvent: ({ type }) => {
      if (type === "attached") world.loss = 1;
    },
  });
  const host = world.join(o);
  while (world.loss === 0) world.runFor(10);
  world.loss = 0;
  expect(host.client.state).toBe("attaching");
  return { world, host, peer: world.eventsOf("attached")[0]!.peer };
}

describe("a client that knows from a datagram of its session that it is attached", () => {
  it("is open, with the secrets of accept, and repeats nothing", () => {
    const { world, host } = unanswered();
    host.client.assumeAttached();
    world.pump();
    expect(host.client.state).toBe("open");
    expect(host.client.pollDeadline()).toBe(Number.POSITIVE_INFINITY);
    const { secrets } = world.eventsOf("attached")[0]!;
    expect(host.events).toMatchObject([{ type: "attached", secrets, serverKey: SERVER_KEY }]);
    const before = world.sent.length;
    world.runFor(20_000);
    expect(world.sent.length).toBe(before);
  });

  it.each(["client", "server"])("hears and is heard when the %s closes", (who) => {
    const { world, host, peer } = unanswered();
    host.client.assumeAttached();
    world.pump();
    if (who === "client") host.client.close("bye", "", world.nowMs);
    else world.servers.get(PORTS[0])!.close(peer, "kicked", "", world.nowMs);
    world.runFor(20_000);
    const [code, byClient] = who === "client" ? ["bye", "local"] : ["kicked", "remote"];
    expect(host.events.at(-1)).toMatchObject({ type: "closed", code, by: byClient });
    expect(world.eventsOf("closed")).toMatchObject([{ peer, code }]);
  });

  it("gives no proof when attached comes late: whoever has seen attach could have had it sent to themselves", () => {
    const { world, host } = unanswered();
    host.client.assumeAttached();
    const { bytes } = world.sentOf("attach")[0]!;
    world.inject(PORTS[0], bytes, "10.0.6.6", 666);
    const relayed = world.sentOf("attached").at(-1)!;
    expect(relayed.to).toBe("10.0.6.6:666");
    give(host, world, relayed.bytes);
    for (const ack of world.sentOf("ack")) world.inject(PORTS[0], ack.bytes, "10.0.6.6", 666);
    world.runFor(1000);
    expect(world.eventsOf("confirmed")).toEqual([]);
    expect(world.sentOf("ack")).toEqual([]);
    expect(host.client.state).toBe("open");
    expectCountersToAddUp(host.client.counters);
  });

  it("proves another address as one that has had attached", () => {
    let natPort = 40_000;
    const { world, host, peer } = unanswered({ natPort: () => natPort });
    host.client.assumeAttached();
    natPort = 41_000;
    host.client.rebind(world.nowMs);
    world.runFor(1000);
    expect(world.servers.get(PORTS[0])!.stateOf(host.client.cid)).toBe("open");
    expect(world.eventsOf("confirmed")).toMatchObject([{ peer, port: 41_000 }]);
    expect(host.client.pollDeadline()).toBe(Number.POSITIVE_INFINITY);
  });

  it("does not believe it in any other state", () => {
    const world = sealedWorld({ authenticateMs: 50 });
    const host = world.join();
    const seen = new Set<string>();
    for (let i = 0; i < 30; i++) {
      seen.add(host.client.state);
      if (host.client.state !== "attaching") host.client.assumeAttached();
      world.runFor(5);
    }
    host.client.close("bye", "", world.nowMs);
    host.client.assumeAttached();
    expect(host.client.state).toBe("closing");
    expect([...seen]).toEqual(["joining", "proving", "waiting", "attaching", "open"]);
    expect(host.events.map(({ type }) => type)).toEqual(["attached"]);
  });
});

describe("joining a sealed server", () => {
  it("goes through the same messages and states, without a ticket or a tag", () => {
    const world = sealedWorld();
    const { events } = opened(world);
    expect(world.sent.map(({ bytes }) => messageOf(bytes).msg)).toEqual(
      "join challenge join processing accept attach attached ack ack".split(" "),
    );
    const members = (msg: string) => Object.keys(messageOf(world.sentOf(msg).at(-1)!.bytes).sys);
    expect(members("join")).toEqual(["cookie", "hash", "version", "key"]);
    expect(members("accept")).toEqual(["key", "identity", "port", "ports", "hash", "peer"]);
    expect(members("attach")).toEqual(["port", "nonce", "counter"]);
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ type: "attached", tag: 0, serverKey: SERVER_KEY });
  });

  it("gives both ends the same secrets, which nobody else has and no other connection", () => {
    const world = sealedWorld();
    const secrets = [opened(world), opened(world)].map(({ events }, i) => {
      const own = (events[0] as Attached).secrets!;
      expect(world.eventsOf("attached")[i]!.secrets).toEqual(own);
      return own;
    });
    const all = secrets.flatMap((each) => Object.values(each)).map((each) => Buffer.from(each));
    expect(new Set(all.map(String)).size).toBe(4);
    for (const { bytes } of world.sent) {
      const text = Buffer.from(bytes).toString("latin1");
      for (const secret of all) {
        expect(text).not.toContain(secret.toString("latin1"));
        expect(text).not.toContain(secret.toString("base64url"));
      }
    }
  });

  it("answers no join with more bytes than it had, and no attach", () => {
    const world = sealedWorld();
    opened(world);
    const bytesOf = (msg: string) => world.sentOf(msg)[0]!.bytes.length;
    expect(bytesOf("accept")).toBeLessThanOrEqual(messages.accept.maxBytes + 200);
    expect(bytesOf("accept")).toBeLessThanOrEqual(bytesOf("join"));
    expect(bytesOf("attached")).toBeLessThanOrEqual(bytesOf("attach"));
  });

  it("has a fresh key for each connection id, on both sides", () => {
    const world = sealedWorld();
    for (let i = 0; i < 5; i++) opened(world);
    const keys = (msg: string) => world.sentOf(msg).map(({ bytes }) => messageOf(bytes).sys["key"]);
    // Both joins of a connection have the same one.
    expect(new Set(keys("join")).size).toBe(5);
    expect(new Set(keys("accept")).size).toBe(5);
  });

  it("ends open with equal keys or in time, whatever is lost, doubled and late", () => {
    let open = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const world = sealedWorld({ seed, loss: 0.25, duplicate: 0.2, maxLatencyMs: 150 });
      const { client, events } = world.join({ dial: PORTS[seed % 3]! });
      world.runFor(sealedProtocol.limits.handshakeTimeoutMs + 1);
      expect(events.length, `seed ${seed}`).toBe(1);
      if (client.state === "open") {
        open++;
        const mine = (events[0] as Attached).secrets;
        const theirs = world.eventsOf("attached").map((event) => event.secrets);
        expect(theirs, `seed ${seed}`).toContainEqual(mine);
      }
      for (const server of world.servers.values()) expectCountersToAddUp(server.counters);
      expectCountersToAddUp(client.counters);
    }
    expect(open).toBeGreaterThan(30);
  });

  it("does no public-key cryptography before the cookie is good and the application has accepted", () => {
    let pairs = 0;
    const counting = testCrypto(seeded(5));
    const crypto = {
      ...counting,
      keyPair: () => {
        pairs++;
        return counting.keyPair();
      },
      verify: () => {
        throw new Error("a server checks no signature");
      },
    };
    let signatures = 0;
    const signer = {
      publicKey: identity.publicKey,
      sign: (data: Uint8Array) => {
        signatures++;
        return identity.sign(data);
      },
    };
    const world = sealedWorld({
      place: (_, event) => ((event.body as { name: string }).name === "yes" ? PORTS[0] : "reject"),
      serverOptions: { crypto, identity: signer },
    });
    const refused = world.join({ join: { name: "no" } });
    world.runFor(1000);
    expect(refused.events[0]).toMatchObject({ type: "rejected" });
    const [join1, join2] = world.sentOf("join").map(({ bytes }) => bytes);
    for (let i = 0; i < 50; i++) {
      world.inject(PORTS[0], join1!, "10.0.9.9", i);
      world.inject(PORTS[0], join2!, "10.0.9.9", i);
    }
    expect([pairs, signatures]).toEqual([0, 0]);
    world.join({ join: { name: "yes" } });
    world.runFor(1000);
    expect([pairs, signatures]).toEqual([1, 1]);
    // Repeated, it is answered from memory.
    const again = world.sentOf("join").at(-1)!;
    for (let i = 0; i < 50; i++) world.inject(PORTS[0], again.bytes, "10.0.0.2", 40_001);
    expect([pairs, signatures]).toEqual([1, 1]);
  });

  it("refuses an identity where nothing is signed, and none where something is", () => {
    const ports = [[1, 1]] as const;
    const options = { crypto: nodeCrypto, port: 1, ports, random: () => 0, nowMs: 0 };
    expect(() => new ZeroServer({ ...options, protocol: sealedProtocol })).toThrow("needs one");
    expect(() => new ZeroServer({ ...options, protocol, identity })).toThrow("has none");
  });
});

describe("a client of a sealed server that was given its key", () => {
  it("connects, whichever of the keys that it was given the server has", () => {
    const world = sealedWorld();
    const other = encodeBase64url(new Uint8Array(32).fill(3));
    opened(world, { serverKeys: [SERVER_KEY] });
    opened(world, { serverKeys: [other, SERVER_KEY] });
  });

  it("ends with the key of the one that answers where that is another, and sends it nothing more", () => {
    const world = sealedWorld();
    const { client, events } = world.join({
      serverKeys: [encodeBase64url(new Uint8Array(32).fill(3))],
    });
    world.runFor(1000);
    expect(events).toEqual([{ type: "untrusted", serverKey: SERVER_KEY }]);
    expect(client.state).toBe("closed");
    expect(world.sentOf("attach")).toEqual([]);
    expect(client.pollDeadline()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("somebody in the middle", () => {
  const mallory = nodeCrypto.signingKey(new Uint8Array(32).fill(66));

  it("who answers with keys of its own is found out by a client that knows the server's", () => {
    const world = sealedWorld({ authenticateMs: 1000 });
    const { host, join } = waiting(world, [SERVER_KEY]);
    give(host, world, acceptFor(join, mallory));
    expect(host.events).toEqual([
      { type: "untrusted", serverKey: encodeBase64url(mallory.publicKey) },
    ]);
  });

  it("who answers with keys of its own is taken for the server by a client that does not", () => {
    const world = sealedWorld({ authenticateMs: 1000 });
    const { host, join } = waiting(world);
    give(host, world, acceptFor(join, mallory));
    expect(host.client.state).toBe("attaching");
  });

  it("who changes the key, the port or any other byte of accept is not heard, and the real one is", () => {
    const world = sealedWorld({ authenticateMs: 1000 });
    const { host, join } = waiting(world);
    const accept = acceptFor(join);
    for (let at = 3; at < accept.length; at++) {
      const changed = accept.slice();
      changed[at]! ^= 1 << (at % 7);
      give(host, world, changed);
      expect(host.client.state, `byte ${at}`).toBe("waiting");
    }
    expect(host.client.counters.droppedSignature).toBeGreaterThan(200);
    give(host, world, accept);
    expect(host.client.state).toBe("attaching");
    expectCountersToAddUp(host.client.counters);
  });

  it("who puts another's signature or a name it has no key for on accept is not heard", () => {
    const world = sealedWorld({ authenticateMs: 1000 });
    const { host, join } = waiting(world, [SERVER_KEY]);
    const liar = { publicKey: identity.publicKey, sign: mallory.sign };
    give(host, world, acceptFor(join, liar));
    expect(host.client.state).toBe("waiting");
    expect(host.client.counters.droppedSignature).toBe(1);
  });

  it("who replays the accept of another join is not heard", () => {
    const world = sealedWorld({ authenticateMs: 1000 });
    const { host, join } = waiting(world);
    const other = Buffer.from(join);
    other[other.indexOf('"bot0"') + 1] = 0x7a;
    give(host, world, acceptFor(other));
    expect(host.client.counters.droppedSignature).toBe(1);
    expect(host.client.state).toBe("waiting");
  });

  it("who changes join 2 gets no accept that its client takes", () => {
    const world = sealedWorld({ authenticateMs: 1000 });
    const { host, join } = waiting(world);
    const { key } = messageOf(join).sys;
    const swapped = Buffer.from(join);
    swapped.write(encodeBase64url(nodeCrypto.keyPair().publicKey), swapped.indexOf(String(key)));
    give(host, world, acceptFor(swapped));
    expect(host.client.counters.droppedSignature).toBe(1);
  });

  it("who answers in plain is not heard: nothing turns sealing off", () => {
    const world = sealedWorld({ authenticateMs: 1000 });
    const { host, join } = waiting(world);
    const { cid } = messageOf(join);
    const sys = {
      port: PORTS[1],
      ports: [[PORTS[0], PORTS[2]]],
      ticket: "A".repeat(43),
      hash: sealedProtocol.hash,
      peer: 9,
      tag: 7,
    } as const;
    const plain = { cid, msg: "accept", seq: 1, ack: 1, sys, body: {} } as const;
    give(host, world, buildDatagram(nodeCrypto, plain));
    expect(host.client.counters.droppedEnvelope).toBe(1);
    const text = Buffer.from(acceptFor(join)).toString("latin1");
    give(host, world, Buffer.from(text.replace(/,"sig":"[^"]*"/, ""), "latin1"));
    expect(host.client.counters.droppedEnvelope).toBe(2);
    expect(host.client.state).toBe("waiting");
  });

  it("who signs what is not accept is not heard", () => {
    const world = sealedWorld({ authenticateMs: 1000 });
    const { host, join } = waiting(world);
    const { cid } = messageOf(join);
    const reject = { cid, msg: "reject", seq: 1, ack: 1, sys: { reason: "denied" } } as const;
    const sign = (): Uint8Array => new Uint8Array(64);
    give(host, world, buildDatagram(nodeCrypto, reject, { sign }));
    expect(host.client.counters.droppedEnvelope).toBe(1);
    expect(host.client.state).toBe("waiting");
  });

  it("who gives a key twice, one of them signed for and one read, is not heard", () => {
    const world = sealedWorld({ authenticateMs: 1000 });
    const { host, join } = waiting(world);
    const other = encodeBase64url(nodeCrypto.keyPair().publicKey);
    const text = Buffer.from(acceptFor(join)).toString("latin1");
    const head = text.slice(0, text.indexOf(',"sig"')).replace('"port"', `"key":"${other}","port"`);
    const bytes = (value: string): Uint8Array => Buffer.from(value, "latin1");
    const digest = nodeCrypto.sha256(join);
    const transcript = nodeCrypto.sha256(
      Buffer.concat([bytes("stardust 1 transcript"), digest, bytes(head)]),
    );
    const signed = Buffer.concat([bytes("stardust 1 server signature"), transcript]);
    const sig = encodeBase64url(identity.sign(signed));
    give(host, world, bytes(`${head},"sig":"${sig}"}`));
    expect(host.client.counters.droppedEnvelope).toBe(1);
    expect(host.client.state).toBe("waiting");
  });
});

describe("a key of low order", () => {
  it("in join is refused when the application has accepted it, and nothing is reserved", () => {
    for (const low of lowOrderKeys) {
      const pair = { publicKey: Buffer.from(low, "hex"), agree: () => new Uint8Array(32) };
      const world = sealedWorld();
      const crypto = { ...nodeCrypto, keyPair: () => pair };
      const { client, events } = world.join({ crypto });
      world.runFor(1000);
      expect(events, low).toEqual([
        { type: "rejected", reason: "denied", detail: "its key is refused" },
      ]);
      expect(client.state).toBe("closed");
      for (const server of world.servers.values()) expect(server.sizes.peers).toBe(0);
    }
  });

  it("in accept is refused though it is signed", () => {
    const world = sealedWorld({ authenticateMs: 1000 });
    const { host, join } = waiting(world);
    const pair = {
      publicKey: Buffer.from(lowOrderKeys[2]!, "hex"),
      agree: () => new Uint8Array(32),
    };
    give(host, world, acceptFor(join, identity, { ...nodeCrypto, keyPair: () => pair }));
    expect(host.client.counters.droppedKey).toBe(1);
    expect(host.client.state).toBe("waiting");
  });
});

describe.each(["plain", "sealed"] as const)("where security is %s, the sys of", (security) => {
  const own = handZeroProtocol({ security });
  const schemas = sysSchemas(security);
  const others = sysSchemas(security === "plain" ? "sealed" : "plain");

  it.each(Object.keys(messages) as MessageName[])(
    "%s has all it needs and nothing else's",
    (msg) => {
      const schema = schemas[msg]!;
      const good = sample(schema as never, "full") as Record<string, unknown>;
      const isGood = (sys: object): boolean => {
        const message = { msg, seq: 0, ack: 0, sys, body: {} } as const;
        return hasValidSys(message) && hasSecurityMembers(own, message);
      };
      expect(isGood(good)).toBe(true);
      for (const member of schema.required ?? []) {
        const { [member]: _, ...without } = good;
        expect(isGood(without), `without ${member}`).toBe(false);
      }
      const foreign = Object.entries(others[msg]!.properties ?? {});
      for (const [member, inner] of foreign) {
        if (Object.hasOwn(good, member)) continue;
        expect(isGood({ ...good, [member]: sample(inner as never, "full") }), member).toBe(false);
      }
      expect(isGood({ ...good, future: 1 })).toBe(true);
    },
  );
});
