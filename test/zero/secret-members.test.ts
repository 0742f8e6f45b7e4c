/** Members of join that nobody on the way may read, and attacks on them: the machines in virtual time. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { nodeCrypto } from "#src/udp/node-crypto.js";
import { encodeBase64url } from "#src/zero/base64url.js";
import type { SigningKey, ZeroCrypto } from "#src/zero/crypto.js";
import { buildDatagram } from "#src/zero/envelope.js";
import { PortJoinKey } from "#src/zero/secrets.js";
import { signToken } from "#src/zero/token.js";
import { handZeroProtocol } from "../support/hand-zero.ts";
import { runPython, skipWithoutPython } from "../support/python.ts";
import { makeSecretVectors, members, openedBy } from "../support/secret-vectors.ts";
import { client, contents, EXPIRES_AT_MS, issuer } from "../support/token-vectors.ts";
import {
  expectCountersToAddUp,
  type Host,
  identity,
  messageOf,
  PORTS,
  type Sent,
  testCrypto,
  textOf,
  World,
  type WorldOptions,
} from "../support/zero-world.ts";

const secretProtocol = handZeroProtocol({ security: "sealed", secrets: true });
const { handshakeTimeoutMs } = secretProtocol.limits;
const PASSWORD = "correct horse battery staple";
const join = { name: "ada", password: PASSWORD, pin: 4711 };
const pinned = [encodeBase64url(identity.publicKey)];
const mallory = nodeCrypto.signingKey(new Uint8Array(32).fill(66));
const PORT = PORTS[0];

function secretWorld(options: WorldOptions = {}): World {
  return new World({ protocol: secretProtocol, ...options });
}

/** Where a challenge is under way to a client, and the link then takes nothing further. */
function asked(world: World, o: Parameters<World["join"]>[0] = {}): Host {
  const host = world.join({ join, serverKeys: pinned, ...o });
  world.run(world.nowMs + 12);
  world.loss = 1;
  world.run(world.nowMs + 3);
  return host;
}

function give(world: World, host: Host, bytes: Uint8Array): void {
  host.client.handleDatagram(bytes, bytes.length, "", PORT, world.nowMs);
  world.pump();
}

function challenge(cid: string, sys: object): Uint8Array {
  const message = {
    cid,
    msg: "challenge",
    seq: 0,
    ack: 0,
    sys: { cookie: "c".repeat(30), ...sys },
  };
  return buildDatagram(nodeCrypto, message as never);
}

function joinKeyOf(signer: SigningKey): string {
  return new PortJoinKey(nodeCrypto, signer).text;
}

const seconds = (world: World): Sent[] =>
  world.sentOf("join").filter(({ bytes }) => messageOf(bytes).seq === 1);

/** A join 2 that its client has made and the server has not had. */
function heldJoin(world: World, o: Parameters<World["join"]>[0] = {}): Sent {
  const before = seconds(world).length;
  const host = world.join({ join, serverKeys: pinned, ...o });
  world.run(world.nowMs + 19);
  world.loss = 1;
  world.run(world.nowMs + 3);
  world.loss = 0;
  // Nor does it say it again.
  host.client.forget();
  const [held, ...more] = seconds(world).slice(before);
  expect(more).toEqual([]);
  return held!;
}

/** What a datagram raises at the port that is dialled. */
function raises(world: World, bytes: Uint8Array, from: string): string[] {
  const [address, port] = from.split(":") as [string, string];
  const server = world.servers.get(PORT)!;
  const before: Record<string, number> = { ...server.counters };
  world.inject(PORT, bytes, address, Number(port));
  const after: Record<string, number> = { ...server.counters };
  return Object.keys(after).filter(
    (name) => /^dropped|^accepted/.test(name) && after[name] !== before[name],
  );
}

/** A datagram with another text; lengths stay. */
function changed(bytes: Uint8Array, from: string, to: string): Uint8Array {
  const text = Buffer.from(bytes).toString("latin1");
  expect(text).toContain(from);
  expect(to.length).toBe(from.length);
  return Buffer.from(text.replace(from, to), "latin1");
}

describe("secret members of a join", () => {
  it("reach the application as any others", () => {
    const world = secretWorld();
    const host = world.join({ join: { ...join, spectator: true }, serverKeys: pinned });
    world.runFor(1000);
    expect(host.client.state).toBe("open");
    expect(world.eventsOf("join").map(({ body }) => body)).toEqual([{ ...join, spectator: true }]);
    for (const server of world.servers.values()) expectCountersToAddUp(server.counters);
    expectCountersToAddUp(host.client.counters);
  });

  it("reach it whatever is lost, doubled and late, once for each join", () => {
    const world = secretWorld({ seed: 3, loss: 0.3, duplicate: 0.2, maxLatencyMs: 60 });
    const hosts = Array.from({ length: 20 }, (_, i) => world.join({ join: { ...join, pin: i } }));
    world.runFor(handshakeTimeoutMs);
    const pins = world.eventsOf("join").map(({ body }) => (body as { pin: number }).pin);
    expect(hosts.filter(({ client: c }) => c.state === "open").length).toBeGreaterThan(15);
    expect(new Set(pins).size).toBe(20);
  });

  it("are not in what others can record, as text or encoded, nor how long they are", () => {
    const world = secretWorld();
    for (const password of [PASSWORD, "p", "a".repeat(32)])
      world.join({ join: { ...join, password } });
    world.runFor(1000);
    expect(world.eventsOf("join")).toHaveLength(3);
    const all = world.sent.map(({ bytes }) => Buffer.from(bytes).toString("latin1")).join("\n");
    for (const found of ["password", PASSWORD, "4711", "a".repeat(32)]) {
      expect(all).not.toContain(found);
      // Wherever it begins in what is encoded.
      for (const before of ["", "x", "xx"]) {
        const text = Buffer.from(before + found)
          .toString("base64url")
          .slice(4, -4);
        if (text.length > 3) expect(all).not.toContain(text);
      }
    }
    const lengths = seconds(world).map(
      ({ bytes }) => /"secret":"([^"]*)"/.exec(textOf(bytes))![1]!.length,
    );
    expect(new Set(lengths).size).toBe(1);
  });

  it("travel with join 2 alone, in a datagram as long as all joins are, sealed even where there are none", () => {
    const optional = { ...secretProtocol, zero: { ...secretProtocol.zero, secrets: ["pin"] } };
    const world = secretWorld({ protocol: optional });
    world.join({ join: { name: "ada", password: "x" } });
    world.runFor(1000);
    expect(world.eventsOf("join").map(({ body }) => body)).toEqual([
      { name: "ada", password: "x" },
    ]);
    for (const { bytes } of world.sentOf("join")) {
      expect(bytes.length).toBe(1200);
      expect(textOf(bytes).includes('"secret":"')).toBe(messageOf(bytes).seq === 1);
    }
  });

  it("are checked with the others: a join without one that must be there is dropped, and so are those that nobody knows", () => {
    const lax = {
      ...secretProtocol.zero,
      bodies: { ...secretProtocol.zero.bodies, join: () => null },
    };
    const world = secretWorld({
      clientProtocol: { ...secretProtocol, zero: { ...lax, secrets: ["password", "pin", "more"] } },
    });
    world.join({ join: { name: "ada", pin: 1 } });
    world.runFor(200);
    expect(world.servers.get(PORT)!.counters.droppedSchema).toBeGreaterThan(0);
    expect(world.eventsOf("join")).toEqual([]);
    world.join({ join: { ...join, more: 1 } });
    world.runFor(200);
    expect(world.eventsOf("join").map(({ body }) => body)).toEqual([join]);
  });

  it("may stand beside a connect token", () => {
    const tokens = {
      issuers: [issuer.publicKey],
      audience: "eu-1",
      leewayMs: 0,
      wallMs: () => EXPIRES_AT_MS - 60_000,
    };
    const world = secretWorld({ serverOptions: { tokens } });
    const small = { ...contents, claims: {} };
    const host = world.join({ join, token: { signed: signToken(issuer, small), key: client } });
    world.runFor(1000);
    expect(host.client.state).toBe("open");
    const [event] = world.eventsOf("join");
    expect([event!.body, event!.token?.claims]).toEqual([join, {}]);
    // Its signature is over what is sealed too.
    const other = heldJoin(secretWorld({ serverOptions: { tokens } }), {
      token: { signed: signToken(issuer, small), key: client },
    });
    expect(textOf(other.bytes)).toMatch(/"secret":"[\w-]+","sig":"[\w-]+"}$/);
  });

  it("that are too long for a datagram are refused where they are given", () => {
    const small = {
      ...secretProtocol,
      limits: { ...secretProtocol.limits, maxDatagramBytes: 350 },
    };
    expect(() => secretWorld({ protocol: small }).join({ join })).toThrow(
      "does not fit a datagram",
    );
    const plain = handZeroProtocol({ secrets: true });
    expect(() => new World({ protocol: plain }).join({ join })).toThrow(
      "nothing to seal them with",
    );
  });

  it("are sealed to a key of the port that lives as long as its cookies do, and to another one after", () => {
    const world = secretWorld();
    const keys: string[] = [];
    for (let i = 0; i < 4; i++) {
      // The last moment of a cookie, with the secret after its own in use.
      const held = heldJoin(world);
      keys.push(messageOf(world.sentOf("challenge").at(-1)!.bytes).sys["joinKey"] as string);
      world.run(world.nowMs + handshakeTimeoutMs - 500);
      const before = world.eventsOf("join").length;
      world.join({ join: { ...join, pin: i } });
      world.run(world.nowMs + 100);
      expect(raises(world, held.bytes, held.from)).toEqual(["accepted"]);
      expect(world.eventsOf("join").length).toBe(before + 2);
      world.run(world.nowMs + handshakeTimeoutMs);
    }
    expect(new Set(keys).size).toBe(4);
  });

  it("are sealed to a key that an idle port forgets with the last cookie too", () => {
    const world = secretWorld();
    heldJoin(world);
    world.loss = 1;
    const server = world.servers.get(PORT)!;
    expect(server.pollDeadline()).toBeLessThan(Number.POSITIVE_INFINITY);
    world.runFor(handshakeTimeoutMs * 3);
    expect(server.pollDeadline()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("a client with secret members", () => {
  it("gives nothing to who has another key than it was given, and ends", () => {
    const world = secretWorld({ serverOptions: { identity: mallory } });
    const host = world.join({ join, serverKeys: pinned });
    world.runFor(handshakeTimeoutMs);
    expect(host.events).toEqual([
      { type: "untrusted", serverKey: encodeBase64url(mallory.publicKey) },
    ]);
    expect(seconds(world)).toEqual([]);
  });

  it.each([
    ["without a key", () => ({})],
    [
      "with a key that names the server, and is not signed by it",
      () => {
        const bytes = Buffer.from(joinKeyOf(mallory), "base64url");
        bytes.set(identity.publicKey, 32);
        return { joinKey: bytes.toString("base64url") };
      },
    ],
    [
      "with a key of the server's, put in the place of the one that it signed",
      () => {
        const bytes = Buffer.from(joinKeyOf(identity), "base64url");
        bytes.set(testCrypto(() => 0.5).keyPair().publicKey);
        return { joinKey: bytes.toString("base64url") };
      },
    ],
  ])("gives nothing for a challenge %s, and waits for a true one", (_, sys) => {
    const world = secretWorld();
    const host = asked(world);
    give(world, host, challenge(host.client.cid, sys()));
    expect([host.client.state, seconds(world)]).toEqual(["joining", []]);
    expect(host.client.counters.droppedSignature).toBe(1);
    world.loss = 0;
    world.runFor(2000);
    expect(host.client.state).toBe("open");
  });

  it("that was given no key takes accept from nobody but who could read them", () => {
    const world = secretWorld();
    const host = world.join({ join });
    world.run(world.nowMs + 12);
    // Somebody in the middle says that they are the server, and then lets the true one answer.
    give(world, host, challenge(host.client.cid, { joinKey: joinKeyOf(mallory) }));
    expect(host.client.state).toBe("proving");
    const { cid } = host.client;
    const join2 = seconds(world).at(-1)!;
    const { key, secret } = { key: messageOf(join2.bytes).sys["key"], secret: textOf(join2.bytes) };
    expect([typeof key, secret.includes('"secret"')]).toEqual(["string", true]);
    const server = world.servers.get(PORT)!;
    const accept = server.reserve({
      cid,
      peer: 1,
      address: host.address,
      port: 40_000,
      local: 0,
      hash: secretProtocol.hash,
      compat: false,
      key: {
        digest: nodeCrypto.sha256(join2.bytes),
        key: Buffer.from(key as string, "base64url"),
      },
      accept: {},
      nowMs: world.nowMs,
    })!;
    give(world, host, accept);
    expect(host.client.counters.droppedSignature).toBe(1);
    expect(host.client.state).toBe("proving");
  });
});

describe("what was sealed in a join", () => {
  it("is of no use in another, under whatever id and from wherever", () => {
    const world = secretWorld();
    const held = heldJoin(world);
    const sealed = /"secret":"([^"]*)"/.exec(textOf(held.bytes))![1]!;
    const { sys } = messageOf(held.bytes);
    const own = heldJoin(world, { address: "10.0.6.6", join: { ...join, name: "mallory" } });
    const mine = /"secret":"([^"]*)"/.exec(textOf(own.bytes))![1]!;
    // In the place of what they sealed themselves; with the key of the client, too, as far as that is theirs to say.
    const pasted = changed(own.bytes, mine, sealed);
    expect(raises(world, pasted, own.from)).toEqual(["droppedSecret"]);
    const ownKey = messageOf(own.bytes).sys["key"] as string;
    expect(raises(world, changed(pasted, ownKey, sys["key"] as string), own.from)).toEqual([
      "droppedSecret",
    ]);
    expect(raises(world, held.bytes, own.from)).toEqual(["droppedCookie"]);
    expect(world.eventsOf("join")).toEqual([]);
    expect(world.servers.get(PORT)!.sizes.entries).toBe(0);
    // As they were made, both are good.
    expect(raises(world, held.bytes, held.from)).toEqual(["accepted"]);
    expect(raises(world, own.bytes, own.from)).toEqual(["accepted"]);
  });

  it("is refused, and says so, with any other byte before it: nobody puts a password under another name", () => {
    const world = secretWorld();
    const held = heldJoin(world);
    const refused = changed(held.bytes, '"name":"ada"', '"name":"bob"');
    expect(raises(world, refused, held.from)).toEqual(["droppedSecret"]);
    const answer = messageOf(world.sent.at(-1)!.bytes);
    expect([answer.msg, answer.sys]).toEqual([
      "reject",
      { reason: "denied", detail: "secret members cannot be opened" },
    ]);
    const secretAt = Buffer.from(held.bytes).indexOf(',"secret":"');
    for (let at = 3; at < held.bytes.length; at += 7) {
      // The pad is text like any other.
      const other = Uint8Array.from(held.bytes, (byte, i) => (i === at ? byte ^ 1 : byte));
      expect(raises(world, other, held.from), `byte ${at} of ${secretAt}`).not.toContain(
        "accepted",
      );
    }
    expect(world.eventsOf("join")).toEqual([]);
    expect(raises(world, held.bytes, held.from)).toEqual(["accepted"]);
  });

  it("is nowhere else: a join that has them where all can read them is dropped, and so is one with none", () => {
    const world = secretWorld();
    const held = heldJoin(world);
    const { sys } = messageOf(held.bytes);
    const { cid } = world.hosts[0]!.client;
    const message = { cid, msg: "join", seq: 1, ack: 0, sys } as const;
    const crypto: ZeroCrypto = nodeCrypto;
    for (const body of [join, { name: "ada" }]) {
      const bytes = buildDatagram(
        crypto,
        { ...message, sys: sys as never, body },
        { padBytes: 1200 },
      );
      expect(raises(world, bytes, held.from)).toEqual(["droppedEnvelope"]);
    }
    // A true one, with one of them readable beside it.
    const both = heldJoin(
      secretWorld({
        clientProtocol: {
          ...secretProtocol,
          zero: { ...secretProtocol.zero, secrets: ["password"] },
        },
      }),
    );
    expect(textOf(both.bytes)).toContain('"pin":4711');
    const readable = secretWorld({
      clientProtocol: {
        ...secretProtocol,
        zero: { ...secretProtocol.zero, secrets: ["password"] },
      },
    });
    readable.join({ join });
    readable.runFor(500);
    expect(readable.servers.get(PORT)!.counters.droppedSchema).toBeGreaterThan(0);
    expect(readable.eventsOf("join")).toEqual([]);
  });

  it("costs a port a public-key operation for a good cookie alone, once for each join, and no memory where it is refused", () => {
    const done: string[] = [];
    const serverCrypto: ZeroCrypto = {
      ...nodeCrypto,
      keyPair: () => {
        done.push("pair");
        const pair = nodeCrypto.keyPair();
        return {
          ...pair,
          agree: (key) => {
            done.push("agree");
            return pair.agree(key);
          },
        };
      },
    };
    const signer: SigningKey = {
      ...identity,
      sign: (data) => {
        done.push("sign");
        return identity.sign(data);
      },
    };
    const world = secretWorld({ serverOptions: { crypto: serverCrypto, identity: signer } });
    const held = heldJoin(world);
    for (let i = 0; i < 9; i++) heldJoin(world, { address: `10.0.1.${i}` });
    expect(done).toEqual(["pair", "sign"]);
    // Ten challenges have one key; a wrong cookie costs nothing of this kind.
    done.length = 0;
    raises(world, held.bytes, "10.9.9.9:1");
    expect(done).toEqual([]);
    raises(world, changed(held.bytes, '"name":"ada"', '"name":"bob"'), held.from);
    expect([done, world.servers.get(PORT)!.sizes.entries]).toEqual([["agree"], 0]);
    done.length = 0;
    for (let i = 0; i < 5; i++) raises(world, held.bytes, held.from);
    expect(done[0]).toBe("agree");
    expect(done.filter((what) => what === "agree").length).toBeLessThanOrEqual(2);
    expect(world.eventsOf("join")).toHaveLength(1);
  });
});

describe("a flood of joins with good cookies whose secret members nobody can open", () => {
  it("is looked into at a rate, and keeps nobody out at another address", () => {
    let agreed = 0;
    const crypto: ZeroCrypto = {
      ...nodeCrypto,
      keyPair: () => {
        const pair = nodeCrypto.keyPair();
        const agree = (key: Uint8Array): Uint8Array | undefined => {
          agreed++;
          return pair.agree(key);
        };
        return { ...pair, agree };
      },
    };
    const world = secretWorld({ serverOptions: { crypto, limits: { publicKeyPerSecond: 20 } } });
    const held = Array.from({ length: 60 }, () => heldJoin(world, { address: "10.0.6.6" }));
    for (let i = 0; i < 1000; i++) {
      const { bytes, from } = held[i % held.length]!;
      raises(world, changed(bytes, '"name":"ada"', '"name":"bob"'), from);
    }
    // The rate, and what one address has beside it at once; time stands still.
    expect(agreed).toBe(25);
    const { counters, sizes } = world.servers.get(PORT)!;
    expect([counters.droppedSecret, counters.droppedRate]).toEqual([25, 975]);
    expect(sizes.entries).toBe(0);
    const host = world.join({ join, address: "10.0.0.200" });
    world.runFor(2000);
    expect(host.client.state).toBe("open");
  });
});

describe("the golden vectors of secret members", () => {
  const file = fileURLToPath(new URL("../../docs/secret-vectors.json", import.meta.url));

  it("are what the runtime makes, and opens or refuses", async () => {
    const made = makeSecretVectors();
    await expect(`${JSON.stringify(made, null, 2)}\n`).toMatchFileSnapshot(file);
    expect(openedBy(Buffer.from(made.join, "hex"))).toEqual(members);
    for (const { case: what, join: bytes } of made.refused) {
      expect(openedBy(Buffer.from(bytes, "hex")), what).toBeUndefined();
    }
  });

  // Without the package there is nothing to run; where CI is set that fails instead.
  it.skipIf(skipWithoutPython)("are what a program in Python finds by the document alone", () => {
    const program = fileURLToPath(new URL("../support/independent/secrets.py", import.meta.url));
    expect(readFileSync(file, "utf8")).toContain("refused");
    expect(runPython([program, file])).toEqual({
      status: 0,
      said: "the vectors of secret members are right\n",
    });
  });
});
