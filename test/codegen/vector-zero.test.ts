/**
 * The zero messages of vectors.json in a conversation: a client and a server of the runtime whose random bytes are those of
 * the vectors send the same datagrams, and take each of the other side's.
 */
import { readFileSync } from "node:fs";
import type { Protocol } from "stardust-udp";
import { beforeAll, describe, expect, it } from "vitest";
import { decodeBase64url, encodeBase64url } from "#src/zero/base64url.js";
import { ZeroClient } from "#src/zero/client.js";
import { buildDatagram } from "#src/zero/envelope.js";
import { plainKeys } from "#src/zero/keys.js";
import { ZeroServer } from "#src/zero/server.js";
import type { ZeroServerOptions } from "#src/zero/server-options.js";
import { specSource, specUrl } from "../support/specs.ts";
import { testCrypto } from "../support/zero-world.ts";

// biome-ignore lint/suspicious/noExplicitAny: vectors are JSON
type Any = any;

const vectors: Any = JSON.parse(
  readFileSync(specSource("arena-plain", "generated/vectors.json"), "utf8"),
);
const find = (name: string): Any => vectors.zero.find((one: Any) => one.case === name);
const bytesOf = (name: string) => new Uint8Array(Buffer.from(find(name).hex, "hex"));
const [ADDRESS, CLIENT_PORT] = ["10.0.0.1", 50_000];
const { cid, sys: granted } = find("accept from the server: what is required");
const ticket = new Uint8Array(Buffer.from(vectors.keys.ticket, "hex"));
const nonce = decodeBase64url(find("attach from the client: what is required").sys.nonce, 16)!;
const random = () => 0.5;

let protocols: { client: Protocol; server: Protocol };
beforeAll(async () => {
  const load = async (file: string): Promise<Protocol> =>
    ((await import(specUrl("arena-plain", `generated/${file}.js`).href)) as Any).protocol;
  protocols = { client: await load("client-protocol"), server: await load("server-protocol") };
});

function hex(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString("hex");
}

const fromServer: Any[] = vectors.zero.filter(({ from }: Any) => from === "server");
const fromClient: Any[] = vectors.zero.filter(({ from }: Any) => from === "client");

/** A client that waits for a message of the server. */
function clientBefore(msg: string): ZeroClient {
  const ids = [decodeBase64url(cid, 16)!, nonce];
  const crypto = { ...testCrypto(random), randomBytes: () => ids.shift() ?? new Uint8Array(16) };
  const client = new ZeroClient({
    protocol: protocols.client,
    crypto,
    port: granted.port,
    join: find("join from the client: what is required").body,
    random: () => 0,
    nowMs: 0,
  });
  const steps = {
    challenge: [],
    gone: [],
    processing: ["challenge"],
    accept: ["challenge", "processing"],
    reject: ["challenge", "processing"],
    attached: ["challenge", "processing", "accept"],
    move: ["challenge", "processing", "accept", "attached"],
    verify: ["challenge", "processing", "accept", "attached"],
    ack: ["challenge", "processing", "accept", "attached"],
    close: ["challenge", "processing", "accept", "attached"],
  } as Record<string, string[]>;
  client.pollTransmit(0);
  for (const step of steps[msg]!) {
    const bytes = bytesOf(`${step} from the server: what is required`);
    client.handleDatagram(bytes, bytes.length, ADDRESS, granted.port, 0);
    client.pollTransmit(0);
  }
  // What is to be verified answers a rebind.
  if (msg === "verify") client.rebind(0);
  return client;
}

/** A server that waits for a message of the client, with the cookie and the nonce that it gave. */
function serverBefore(msg: string, options: Pick<ZeroServerOptions, "limits"> = {}) {
  const tag = new Uint8Array(4);
  new DataView(tag.buffer).setUint32(0, granted.tag);
  const drawn = Buffer.concat([ticket, tag]);
  const crypto = {
    ...testCrypto(random),
    randomBytes: (count: number) =>
      count === drawn.length ? drawn : new Uint8Array(count).fill(1),
  };
  const { port, ports } = granted;
  const server = new ZeroServer({
    protocol: protocols.server,
    crypto,
    port,
    ports,
    random: () => 0,
    nowMs: 0,
    ...options,
  });
  const take = (bytes: Uint8Array) => {
    server.handleDatagram(bytes, bytes.length, ADDRESS, CLIENT_PORT, 0);
    return server.pollTransmit(0)?.bytes;
  };
  const first = find("join from the client: what is required");
  const cookie = sysOf(take(fromClientOf(first)))["cookie"];
  if (msg === "join") return { server, cookie, nonce: undefined };
  take(fromClientOf(find("join from the client: all members"), cookie));
  const { address, port: from, local, hash, compat } = server.pollEvent() as Any;
  const { peer } = granted;
  const { body: accept } = find("accept from the server: what is required");
  const path = { address, port: from, local };
  server.answer(cid, server.reserve({ ...path, cid, peer, hash, compat, accept, nowMs: 0 })!, 0);
  server.pollTransmit(0);
  if (msg === "attach") return { server, cookie, nonce: undefined };
  const attached = take(fromClientOf(find("attach from the client: what is required")));
  return { server, cookie, nonce: sysOf(attached)["nonce"] };
}

/** The datagram of a vector; where a cookie or a nonce is given, which is a server's own, with that in its place. */
function fromClientOf(vector: Any, cookie?: unknown, nonceOfServer?: unknown): Uint8Array {
  const { msg, seq, ack, sys, body, mac, padBytes } = vector;
  const own = {
    ...(sys.cookie === undefined ? {} : { cookie }),
    ...(msg === "ack" && sys.nonce !== undefined ? { nonce: nonceOfServer } : {}),
  };
  const options = {
    ...(mac ? { key: plainKeys(testCrypto(random), ticket).client } : {}),
    ...(padBytes > 0 ? { padBytes, maxBytes: padBytes } : {}),
  };
  const message = { cid, msg, seq, ack, sys: { ...sys, ...own }, body };
  return buildDatagram(testCrypto(random), message, options);
}

describe("the zero messages of the vectors", () => {
  it("are what a client sends and takes, from its first join to its attach", () => {
    const ids = [decodeBase64url(cid, 16)!, nonce];
    const crypto = { ...testCrypto(random), randomBytes: () => ids.shift()! };
    const client = new ZeroClient({
      protocol: protocols.client,
      crypto,
      port: granted.port,
      join: find("join from the client: what is required").body,
      random: () => 0,
      nowMs: 0,
    });
    const next = () => client.pollTransmit(0)?.bytes;
    const take = (name: string) => {
      const bytes = bytesOf(name);
      return client.handleDatagram(bytes, bytes.length, ADDRESS, granted.port, 0);
    };
    const first = find("join from the client: what is required");
    expect(sysOf(next())).toEqual(first.sys);
    take("challenge from the server: what is required");
    const second = next()!;
    const { cookie, hash, version } = find("join from the client: all members").sys;
    expect(Object.entries(sysOf(second))).toEqual(Object.entries({ cookie, hash, version }));
    take("processing from the server: what is required");
    take("accept from the server: what is required");
    expect(hex(next())).toBe(find("attach from the client: what is required").hex);
    take("attached from the server: what is required");
    expect(hex(next())).toBe(find("ack from the client: all members").hex);
    take("close from the server: what is required");
    const events = [];
    for (let event = client.pollEvent(); event !== undefined; event = client.pollEvent()) {
      events.push(event.type);
    }
    expect(events).toEqual(["accepted", "attached", "closed"]);
    expect(client.counters.datagramsReceived).toBe(5);
  });

  it("are taken by a server, which answers with what the vectors have", () => {
    const tag = new Uint8Array(4);
    new DataView(tag.buffer).setUint32(0, granted.tag);
    const drawn = Buffer.concat([ticket, tag]);
    const crypto = {
      ...testCrypto(random),
      randomBytes: (count: number) => {
        // What the secrets of cookies and nonces are does not matter.
        return count === drawn.length ? drawn : new Uint8Array(count).fill(1);
      },
    };
    const server = new ZeroServer({
      protocol: protocols.server,
      crypto,
      port: granted.port,
      ports: granted.ports,
      random: () => 0,
      nowMs: 0,
    });
    const next = () => server.pollTransmit(0)?.bytes;
    const take = (bytes: Uint8Array) =>
      server.handleDatagram(bytes, bytes.length, ADDRESS, CLIENT_PORT, 0);
    take(bytesOf("join from the client: what is required"));
    const cookie = (sysOf(next()) as Any).cookie;
    // Only the cookie is the server's own: the rest of the datagram stays, in its order.
    const join = find("join from the client: all members");
    const { padBytes, sys, body, seq, ack } = join;
    const message = { cid, msg: "join" as const, seq, ack, sys: { ...sys, cookie }, body };
    take(buildDatagram(crypto, message, { padBytes, maxBytes: padBytes }));
    expect(sysOf(next())).toEqual({});
    const asked = server.pollEvent() as Any;
    expect(asked).toMatchObject({ type: "join", cid, body, hash: vectors.protocol.hash });
    const { peer } = granted;
    const accept = find("accept from the server: what is required");
    const { address, port, local, hash, compat } = asked;
    const place = { cid, peer, address, port, local, hash, compat, accept: accept.body, nowMs: 0 };
    server.answer(cid, server.reserve(place)!, 0);
    expect(hex(next())).toBe(accept.hex);
    take(bytesOf("attach from the client: what is required"));
    const attached = next();
    expect(parse(attached)).toMatchObject({ msg: "attached", seq: 2, ack: 2 });
    const keys = plainKeys(crypto, ticket);
    const ownNonce = (sysOf(attached) as Any).nonce;
    const confirm = { cid, msg: "ack" as const, seq: 0, ack: 2, sys: { nonce: ownNonce } };
    take(buildDatagram(crypto, confirm, { key: keys.client }));
    take(bytesOf("close from the client: all members"));
    const events = [];
    for (let event = server.pollEvent(); event !== undefined; event = server.pollEvent()) {
      events.push(event.type);
    }
    expect(events).toEqual(["attached", "confirmed", "closed"]);
    expect(server.counters.datagramsReceived).toBe(5);
  });

  describe.each(fromServer)("$case", (vector) => {
    it("is taken by a client of the runtime", () => {
      const client = clientBefore(vector.msg);
      // An ack of no nonce is that of a close.
      if (vector.msg === "ack" && vector.sys.nonce === undefined) client.close("done", "", 0);
      const bytes = bytesOf(vector.case);
      client.handleDatagram(bytes, bytes.length, ADDRESS, granted.port, 0);
      expect(client.counters).toMatchObject({ datagramsReceived: client.counters.accepted });
    });
  });

  describe.each(fromClient)("$case", (vector) => {
    it("is taken by a server of the runtime", () => {
      const { server, cookie, nonce: own } = serverBefore(vector.msg);
      // An ack that proves no address is that of a close.
      if (vector.msg === "ack" && vector.sys.nonce === undefined) {
        const { code, reason } = find("close from the server: all members").sys;
        server.close(granted.peer, code, reason, 0);
      }
      const bytes = fromClientOf(vector, cookie, own);
      server.handleDatagram(bytes, bytes.length, ADDRESS, CLIENT_PORT, 0);
      expect(server.counters).toMatchObject({ datagramsReceived: server.counters.accepted });
    });
  });

  it("refuse a client of another protocol with both versions and hashes", () => {
    const { detail: _, ...told } = find("reject from the server: all members").sys;
    const first = find("join from the client: what is required");
    const { server } = serverBefore("join");
    const sys = { version: told.clientVersion, hash: told.clientHash };
    const join = fromClientOf({ ...first, sys });
    server.handleDatagram(join, join.length, ADDRESS, CLIENT_PORT, 0);
    expect(sysOf(server.pollTransmit(0)?.bytes)).toEqual(told);
  });

  it("refuse a client for another reason with that alone", () => {
    const { server, cookie } = serverBefore("join", { limits: { pendingJoins: 0 } });
    const join = fromClientOf(find("join from the client: all members"), cookie);
    server.handleDatagram(join, join.length, ADDRESS, CLIENT_PORT, 0);
    const reject = find("reject from the server: what is required");
    expect(hex(server.pollTransmit(0)?.bytes)).toBe(reject.hex);
  });

  it("have values that a server could have sent: hex hashes, and base64url without unused bits", () => {
    const own = /^(cookie|ticket|nonce|reset|proof)$/;
    for (const { case: name, sys } of vectors.zero) {
      for (const [member, value] of Object.entries(sys as Record<string, unknown>)) {
        const where = `${name}, ${member}`;
        if (/hash$/i.test(member)) expect(value, where).toMatch(/^[0-9a-f]{32}$/);
        if (!own.test(member)) continue;
        const bytes = Buffer.from(value as string, "base64url");
        expect(encodeBase64url(bytes), where).toBe(value);
      }
    }
  });
});

function parse(bytes: Uint8Array | undefined): Any {
  return JSON.parse(Buffer.from(bytes!.subarray(3)).toString());
}

function sysOf(bytes: Uint8Array | undefined): Record<string, unknown> {
  return parse(bytes).sys;
}
