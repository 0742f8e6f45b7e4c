/** Joins that bring connect tokens, and attacks on them: the machines in virtual time. That a token is used once is not theirs. */
import { describe, expect, it } from "vitest";
import { type TokenClaim, TokenLedger } from "#src/pool/token-ledger.js";
import { nodeCrypto } from "#src/udp/node-crypto.js";
import type { ZeroCrypto } from "#src/zero/crypto.js";
import { buildDatagram } from "#src/zero/envelope.js";
import { LONGEST_COOKIE, type OwnToken } from "#src/zero/join.js";
import { signJoin, signToken, type TokenContents } from "#src/zero/token.js";
import { handZeroProtocol } from "../support/hand-zero.ts";
import { client, contents, EXPIRES_AT_MS, issuer, rising } from "../support/token-vectors.ts";
import {
  CID,
  expectCountersToAddUp,
  type Host,
  join1,
  messageOf,
  PORTS,
  protocol,
  raw,
  sealedProtocol,
  testCrypto,
  World,
  type WorldOptions,
} from "../support/zero-world.ts";

const tokens = {
  issuers: [issuer.publicKey],
  audience: "eu-1",
  leewayMs: 0,
  wallMs: () => EXPIRES_AT_MS - 60_000,
};

function tokenWorld(options: WorldOptions = {}): World {
  return new World({ ...options, serverOptions: { tokens, ...options.serverOptions } });
}

function ownToken(other: Partial<TokenContents> = {}, key = client): OwnToken {
  return { signed: signToken(issuer, { ...contents, ...other }), key };
}

/** What became of a client that joins. */
function joined(world: World, o: Parameters<World["join"]>[0] = {}): Host {
  const host = world.join(o);
  world.runFor(3000);
  for (const server of world.servers.values()) expectCountersToAddUp(server.counters);
  return host;
}

const counted = (world: World, name: "droppedToken" | "droppedRate" | "accepted"): number =>
  [...world.servers.values()].reduce((sum, { counters }) => sum + counters[name], 0);

/** The cookie of a join 1 from this address. */
function cookieFor(world: World, cid: string, address: string, port: number): string {
  const first = Buffer.from(join1(`"sys":{"hash":"${protocol.hash}","version":1},"body":{}`));
  const text = first
    .toString("latin1")
    .replace(CID, cid)
    .replace('"body":{}', '"body":{"name":"x"}');
  world.inject(PORTS[0], Buffer.from(text, "latin1"), address, port);
  const challenge = world.sent.findLast(({ to }) => to === `${address}:${port}`)!;
  return messageOf(challenge.bytes).sys["cookie"] as string;
}

/** A join 2 with these members of sys behind the cookie and hash, signed by `key` where there is one. */
function join2(cookie: string, rest: object, key = client, cid = CID): Uint8Array {
  return buildDatagram(
    nodeCrypto,
    {
      cid,
      msg: "join",
      seq: 1,
      ack: 0,
      sys: { cookie, hash: protocol.hash, version: 1, ...rest },
      body: { name: "x" },
    },
    { padBytes: 1200, sign: (head) => signJoin(nodeCrypto, key, head) },
  );
}

describe.each([protocol, sealedProtocol])("a server that asks for tokens ($security)", (spec) => {
  const world = (options: WorldOptions = {}) => tokenWorld({ protocol: spec, ...options });

  it("lets a client in that brings one, and says whose it is", () => {
    const w = world();
    const host = joined(w, { token: ownToken() });
    expect(host.client.state).toBe("open");
    const [event] = w.eventsOf("join");
    expect(event!.token).toMatchObject({ claims: contents.claims, expiresAtMs: EXPIRES_AT_MS });
  });

  it("sends it with join 2 alone, in a datagram as long as all joins are, and answers repetitions", () => {
    const w = world({ authenticateMs: 1500 });
    joined(w, { token: ownToken() });
    const joins = w.sentOf("join");
    expect(joins.every(({ bytes }) => bytes.length === 1200)).toBe(true);
    const withCookie = joins.filter(({ bytes }) => messageOf(bytes).seq === 1);
    expect(joins.length - withCookie.length).toBeGreaterThan(0);
    expect(withCookie.length).toBeGreaterThan(1);
    for (const { bytes } of joins) {
      const { seq, sys } = messageOf(bytes);
      expect([sys["token"] !== undefined, bytes.at(-97) === 0x22]).toEqual([seq === 1, seq === 1]);
      expect(Buffer.from(bytes).includes(',"sig":"')).toBe(seq === 1);
    }
    expect(new Set(withCookie.map(({ bytes }) => String(bytes))).size).toBe(1);
    expect(w.eventsOf("join").length).toBe(1);
  });

  it.each([
    ["none", undefined, "token missing"],
    ["one that has ended", ownToken({ expiresAtMs: tokens.wallMs() - 1 }), "token expired"],
    ["one for other servers", ownToken({ audience: "us" }), "token for another audience"],
    [
      "another player's",
      ownToken({}, nodeCrypto.signingKey(rising(1))),
      "token of another client key",
    ],
    [
      "one that somebody else has issued",
      { signed: signToken(nodeCrypto.signingKey(rising(2)), contents), key: client },
      "token of an unknown issuer",
    ],
    [
      "one that somebody else has signed in the issuer's name",
      {
        signed: signToken(
          { ...nodeCrypto.signingKey(rising(2)), publicKey: issuer.publicKey },
          contents,
        ),
        key: client,
      },
      "token not signed by its issuer",
    ],
    ["a text that is none", { signed: "eyJhbGciOiJub25lIn0", key: client }, "token malformed"],
  ])("refuses a client with %s, and says so, and nobody else hears of it", (_, token, detail) => {
    const w = world();
    const host = joined(w, token === undefined ? {} : { token });
    expect(host.events).toEqual([{ type: "rejected", reason: "denied", detail }]);
    expect(w.eventsOf("join")).toEqual([]);
    expect(counted(w, "droppedToken")).toBe(1);
    for (const server of w.servers.values()) {
      expect(server.sizes).toEqual({ entries: 0, pending: 0, peers: 0 });
    }
  });

  it("does without tokens where it does not ask for them, and the client brings one all the same", () => {
    const w = new World({ protocol: spec });
    const host = joined(w, { token: ownToken() });
    expect(host.client.state).toBe("open");
    expect(w.eventsOf("join")[0]!.token).toBeUndefined();
  });

  it("lets a client in that has to start again, with the same token", () => {
    let address = 0;
    const w = world({ authenticateMs: 200 });
    // The address changes while the application decides: the repeated join is answered with gone.
    const host = w.join({ token: ownToken(), natPort: () => 50_000 + address });
    w.runFor(60);
    address = 1;
    w.runFor(5000);
    expect(host.client.state).toBe("open");
    expect(host.progress).toContain("restarted");
    const brought = w.eventsOf("join");
    expect(brought.length).toBe(2);
    expect(new Set(brought.map(({ token }) => token!.id)).size).toBe(1);
  });
});

describe("who has seen a join with a token", () => {
  function seen(world: World): { bytes: Uint8Array; token: string } {
    joined(world, { token: ownToken(), address: "10.0.0.7" });
    const { bytes } = world.sentOf("join").findLast(({ bytes }) => messageOf(bytes).seq === 1)!;
    return { bytes, token: messageOf(bytes).sys["token"] as string };
  }

  it("cannot bring it from another address: the cookie is not good there, and the signature is over the cookie", () => {
    const w = tokenWorld();
    const { bytes, token } = seen(w);
    const peers = w.eventsOf("join").length;
    w.inject(PORTS[0], bytes, "10.0.0.66", 6666);
    w.inject(PORTS[1], bytes, "10.0.0.66", 6666);
    const { sig } = JSON.parse(Buffer.from(bytes).toString("latin1", 3));
    const cid = `${"B".repeat(21)}A`;
    // With a cookie of its own in it the signature is another's.
    const cookie = cookieFor(w, cid, "10.0.0.66", 6666);
    const text = Buffer.from(join2(cookie, { token }, client, cid)).toString("latin1");
    const spliced = text.replace(/,"sig":"[^"]*"/, `,"sig":"${sig}"`);
    w.inject(PORTS[0], Buffer.from(spliced, "latin1"), "10.0.0.66", 6666);
    const answer = w.sent.findLast(({ to }) => to === "10.0.0.66:6666")!;
    expect(messageOf(answer.bytes).sys).toEqual({
      reason: "denied",
      detail: "token of another client key",
    });
    expect(w.eventsOf("join").length).toBe(peers);
  });

  it("cannot bring it with a key of its own", () => {
    const w = tokenWorld();
    const { token } = seen(w);
    const thief = { signed: token, key: nodeCrypto.signingKey(rising(9)) };
    const host = joined(w, { token: thief });
    expect(host.events).toMatchObject([
      { type: "rejected", detail: "token of another client key" },
    ]);
  });
});

describe("a join", () => {
  function asked(rest: object, change: (text: string) => string = (text) => text) {
    const w = tokenWorld();
    const cookie = cookieFor(w, CID, "10.0.0.5", 5000);
    const server = w.servers.get(PORTS[0])!;
    const before = { ...server.counters };
    const text = change(Buffer.from(join2(cookie, rest)).toString("latin1"));
    w.inject(PORTS[0], Buffer.from(text, "latin1"), "10.0.0.5", 5000);
    expectCountersToAddUp(server.counters);
    const raised = Object.entries(server.counters).filter(
      ([name, count]) => name.startsWith("dropped") && count > before[name as keyof typeof before],
    );
    return { raised: raised.map(([name]) => name), events: w.eventsOf("join").length };
  }
  const { signed } = ownToken();

  it("with a token and a signature is heard", () => {
    expect(asked({ token: signed })).toEqual({ raised: [], events: 1 });
  });

  it.each([
    [
      "with a token and no signature",
      { token: signed },
      (t: string) => t.replace(/,"sig":"[^"]*"/, ""),
    ],
    ["with a signature and no token", {}, (t: string) => t],
    [
      "with a signature that is not the last member",
      { token: signed },
      (t: string) => t.replace(/(,"sig":"[^"]*")}$/, '$1,"x":1}'),
    ],
    [
      "with two signatures",
      { token: signed },
      (t: string) => t.replace(/(,"sig":"[^"]*")}$/, ',"sig":"x"$1}'),
    ],
  ])("%s is dropped", (_, rest, change) => {
    const { raised, events } = asked(rest, change);
    expect(events).toBe(0);
    expect(["droppedEnvelope", "droppedToken"]).toContain(raised[0]);
  });

  it("with a token of more than 1,024 characters is dropped, and so is a first one with a token", () => {
    expect(asked({ token: "A".repeat(1025) }).raised).toEqual(["droppedSchema"]);
    const w = tokenWorld();
    const sys = `"sys":{"hash":"${protocol.hash}","version":1,"token":"${signed}"},"body":{"name":"x"}`;
    const body = Buffer.from(join1(sys, "")).toString("latin1", 3);
    w.inject(PORTS[0], raw(body.replace(/}$/, `,"sig":"${"A".repeat(86)}"}`)), "10.0.0.5", 5000);
    expect(w.servers.get(PORTS[0])!.counters.droppedSequence).toBe(1);
    expect(w.sent).toEqual([]);
  });
});

describe("a flood of joins with good cookies and bad tokens", () => {
  it("takes up no room, and is looked into at a rate", () => {
    let verified = 0;
    const w = tokenWorld();
    const counting: ZeroCrypto = {
      ...testCrypto(w.random),
      verify: (...all) => {
        verified++;
        return nodeCrypto.verify(...all);
      },
    };
    const flooded = new World({
      serverOptions: { tokens, crypto: counting, limits: { publicKeyPerSecond: 50 } },
    });
    const forged = `${ownToken().signed.slice(0, -8)}AAAAAAAA`;
    const server = flooded.servers.get(PORTS[0])!;
    for (let i = 0; i < 400; i++) {
      const cid = Buffer.from(`flood${String(i).padStart(11, "0")}`).toString("base64url");
      const cookie = cookieFor(flooded, cid, "10.0.0.66", 6666);
      flooded.inject(PORTS[0], join2(cookie, { token: forged }, client, cid), "10.0.0.66", 6666);
    }
    expect(server.sizes).toEqual({ entries: 0, pending: 0, peers: 0 });
    // The rate, and what one address has beside it at once.
    expect(verified).toBe(55);
    expect(counted(flooded, "droppedToken")).toBe(55);
    expect(counted(flooded, "droppedRate")).toBe(345);
    // Somebody at another address is let in all the while.
    const host = joined(flooded, { token: ownToken(), address: "10.0.0.8" });
    expect(host.client.state).toBe("open");
  });
});

describe("a token that does not fit beside the join", () => {
  it("is refused before anything is sent, with what is too much", () => {
    const small = handZeroProtocol({ maxDatagramBytes: 600 });
    const w = tokenWorld({ protocol: small });
    const long = ownToken({ claims: { a: "x".repeat(200) } });
    expect(() => w.join({ token: long })).toThrow(
      /^token: with it the join is \d+ bytes longer than a datagram of 600/,
    );
    expect(w.sent).toEqual([]);
    const host = joined(w, { token: ownToken() });
    expect(host.client.state).toBe("open");
    expect(LONGEST_COOKIE.length).toBe(64);
  });
});

describe("two joins that bring one token at two addresses of one name", () => {
  /** Ports whose application lets the newest join have a token, as a pool does. */
  function once(options: WorldOptions): World {
    const ledger = new TokenLedger(16);
    const claims = new Map<string, TokenClaim>();
    const claimOfPeer = new Map<number, TokenClaim>();
    const used = new Set<string>();
    const world: World = tokenWorld({
      ...options,
      onServerEvent: (event) => {
        if (event.type === "attached") {
          const claim = claimOfPeer.get(event.peer)!;
          ledger.use(claim);
        }
        if (event.type !== "join") return;
        const claimed = ledger.claim(event.token!, EXPIRES_AT_MS);
        if (typeof claimed === "string") {
          used.add(event.cid);
          return;
        }
        claims.set(event.cid, claimed.claim);
        const peer = claimed.older?.peer;
        if (peer === undefined) return;
        for (const server of world.servers.values()) server.close(peer, "gone", "", world.nowMs);
      },
      place: (_, { cid }) => (used.has(cid) || claims.get(cid)!.isLost ? "reject" : PORTS[1]),
      onReserved: (peer, cid) => {
        const claim = claims.get(cid)!;
        claim.peer = peer;
        claimOfPeer.set(peer, claim);
      },
    });
    return world;
  }

  const cases = [20, 100, 300, 800].flatMap((roundTripMs) =>
    [0, 100, 700, 1500].map((authenticateMs) => ({ roundTripMs, authenticateMs })),
  );

  it.each(cases)(
    "do not chase each other: one is in, soon, $roundTripMs ms away, where the decision takes $authenticateMs ms",
    ({ roundTripMs, authenticateMs }) => {
      for (const [seed, loss] of [
        [1, 0],
        [2, 0.2],
        [3, 0.2],
      ] as const) {
        const latency = { minLatencyMs: roundTripMs / 2, maxLatencyMs: roundTripMs / 2 };
        const world = once({ ...latency, authenticateMs, seed, loss });
        const own = { token: ownToken() };
        const first = world.join({ ...own, address: "10.0.0.1" });
        world.runFor(250);
        const hosts = [first, world.join({ ...own, address: "10.0.0.2" })];
        world.run(11_000);
        const states = hosts.map(({ client: { state } }) => state);
        expect(
          states.filter((state) => state === "open"),
          `seed ${seed}`,
        ).toHaveLength(1);
        expect(world.eventsOf("attached")).toHaveLength(1);
        // Whoever was overtaken began again once, and heard then that the token is used.
        for (const host of loss === 0 ? hosts : []) {
          expect(host.client.counters.restarts).toBeLessThanOrEqual(1);
        }
      }
    },
  );
});
