/**
 * Sealed connections over real sockets and workers, with somebody on the path who sees every datagram and tries to read,
 * change, repeat and replace them.
 */
import { ConnectRejectedError, ConnectUntrustedError } from "stardust-udp";
import { describe, expect, it } from "vitest";
import { SeededRandom } from "#src/testing/random.js";
import { closing, until } from "../support/arena.ts";
import { lowOrderKeys } from "../support/key-exchange-vectors.ts";
import { plainClient, plainServer } from "../support/plain-arena.ts";
import { specUrl } from "../support/specs.ts";
import { UdpProxy } from "../support/udp-proxy.ts";

type ServerModule = typeof import("../tmp/specs/sealed/generated/server.ts");
type ClientModule = typeof import("../tmp/specs/sealed/generated/client.ts");
type Options = Parameters<ServerModule["listen"]>[0];
type ConnectOptions = Parameters<ClientModule["connect"]>[0];
type Server = Awaited<ReturnType<ServerModule["listen"]>>;
type Client = Awaited<ReturnType<ClientModule["connect"]>>;
const load = (file: string): Promise<unknown> =>
  import(specUrl("sealed", `generated/${file}.js`).href);
const { listen } = (await load("server")) as ServerModule;
const { connect } = (await load("client")) as ClientModule;

const IDENTITY = `stardust-identity-${Buffer.alloc(32, 7).toString("base64url")}`;
const SECRET = "the treasure lies under the old oak by the river";

async function serverFor(options: Partial<Options> = {}): Promise<Server> {
  return closing(await listen({ ports: { count: 1 }, identity: IDENTITY, ...options } as Options));
}

async function clientOf(port: number, options: Partial<ConnectOptions> = {}): Promise<Client> {
  return closing(await connect({ port, join: { name: "ada" }, ...options } as ConnectOptions));
}

/** A server that says everything back, and who is on the path to it. */
async function watched(): Promise<{ server: Server; proxy: UdpProxy }> {
  const proxy = await UdpProxy.open();
  const server = await serverFor({ publicPorts: [proxy.port] });
  server.receive.say((peer, message) => void peer.send.say(message));
  server.receive.tell((peer, message) => void peer.send.tell(message));
  proxy.target = server.ports[0]!;
  return { server, proxy };
}

/** Whether it is a message of the connection protocol of this name. */
const isMessage = (bytes: Buffer, msg: string): boolean =>
  bytes.subarray(0, 3).equals(Buffer.alloc(3)) && bytes.includes(`"msg":"${msg}"`);
const isRegular = (bytes: Buffer): boolean => !bytes.subarray(0, 3).equals(Buffer.alloc(3));

const counter = (client: Client, name: string): number => client.stats().counters[name] ?? 0;

/** The first accept goes on as `change` makes it, all others as they are. */
function changingAccept(proxy: UdpProxy, change: (text: string) => string): void {
  let changed = false;
  proxy.tamper = (bytes) => {
    if (changed || !isMessage(bytes, "accept")) return undefined;
    changed = true;
    return [Buffer.from(change(bytes.toString("latin1")), "latin1")];
  };
}

describe("a sealed connection", () => {
  it("is open by the first datagram that opens, where attached is lost, and closes as any other", async () => {
    const { server, proxy } = await watched();
    proxy.tamper = (bytes) => (isMessage(bytes, "attached") ? [] : undefined);
    server.on("join", (peer) => void peer.send.say({ text: "welcome", number: 0 }));
    const left = new Promise((resolve) => server.on("leave", (_, reason) => resolve(reason)));
    const client = await clientOf(proxy.port, { serverKey: server.publicKey! });
    expect([client.security, client.serverKey]).toEqual(["pinned", server.publicKey]);
    expect(server.peers.has(client.id)).toBe(true);
    const lines = client.messages.say();
    expect((await lines.next()).value).toMatchObject({ text: "welcome" });
    client.send.say({ text: "and back", number: 1 });
    expect((await lines.next()).value).toMatchObject({ text: "and back" });
    await client.close({ code: "done" });
    expect(await left).toMatchObject({ code: "done", by: "remote" });
    expect(counter(client, "zero.accepted")).toBeGreaterThan(0);
    expect(proxy.seen.some(({ bytes }) => isMessage(Buffer.from(bytes), "attached"))).toBe(true);
  });

  it("is pinned with the server's key, on whichever port, and both sides name the same key", async () => {
    const server = await serverFor({ ports: { count: 3 } });
    const serverKey = server.publicKey!;
    for (let i = 0; i < 6; i++) {
      const client = await clientOf(server.ports[i % 3]!, { serverKey });
      expect(client.security).toBe("pinned");
      expect(client.serverKey).toBe(serverKey);
    }
    expect(new Set([...server.peers.values()].map((peer) => peer.port)).size).toBe(3);
  });

  it("is opportunistic without, and tells the key for the next time", async () => {
    const server = await serverFor();
    const client = await clientOf(server.ports[0]!);
    expect(client.security).toBe("opportunistic");
    const again = await clientOf(server.ports[0]!, { serverKey: client.serverKey });
    expect(again.security).toBe("pinned");
  });

  it("has a server with another key at each start, where none is given", async () => {
    const servers = [
      await serverFor({ identity: undefined }),
      await serverFor({ identity: undefined }),
    ];
    const [first, second] = servers.map((server) => server.publicKey!);
    expect(first).not.toBe(second);
    const port = servers[0]!.ports[0]!;
    await expect(clientOf(port, { serverKey: second })).rejects.toMatchObject({
      code: "STARDUST_CONNECT_UNTRUSTED",
      serverKey: first,
    });
    expect((await clientOf(port, { serverKey: [second!, first!] })).security).toBe("pinned");
  });

  it("carries messages of all kinds both ways", async () => {
    const { server, proxy } = await watched();
    const client = await clientOf(proxy.port, { serverKey: server.publicKey });
    const got: number[] = [];
    client.receive.say(({ number }) => void got.push(number));
    for (let number = 0; number < 300; number++) client.send.say({ text: SECRET, number });
    await until(() => got.length === 300);
    expect(got).toEqual(Array.from({ length: 300 }, (_, i) => i));
    await client.close();
    await until(() => server.peers.size === 0);
  });
});

describe("who sees every packet of a sealed connection", () => {
  it("reads the join, and no message", async () => {
    const { server, proxy } = await watched();
    const client = await clientOf(proxy.port, { serverKey: server.publicKey });
    let echoes = 0;
    client.receive.say(() => void echoes++);
    client.receive.tell(() => void echoes++);
    for (let number = 0; number < 20; number++) {
      client.send.say({ text: SECRET, number });
      client.send.tell({ text: SECRET, number });
    }
    await until(() => echoes === 40);
    const capture = proxy.capture;
    expect(capture.includes('"name":"ada"')).toBe(true);
    for (let at = 0; at + 6 <= SECRET.length; at++) {
      expect(capture.includes(SECRET.slice(at, at + 6)), SECRET.slice(at, at + 6)).toBe(false);
    }
  });

  it("changes nothing by changing bits, and loses nothing by it", async () => {
    const { server, proxy } = await watched();
    const client = await clientOf(proxy.port, { serverKey: server.publicKey });
    const random = new SeededRandom(3);
    let changed = 0;
    proxy.tamper = (bytes) => {
      if (!isRegular(bytes) || changed >= 60) return undefined;
      changed++;
      const other = Buffer.from(bytes);
      other[random.below(other.length)]! ^= 1 << random.below(8);
      return [other, bytes];
    };
    const got: unknown[] = [];
    client.receive.say((message) => void got.push(message));
    const sent = Array.from({ length: 200 }, (_, number) => ({ text: SECRET, number }));
    for (const message of sent) {
      client.send.say(message);
      if (message.number % 4 === 0) client.flush();
    }
    await until(() => got.length === 200);
    expect(got).toEqual(sent);
    // A first window at least; into how many the rest is packed, the machine decides.
    expect(changed).toBeGreaterThanOrEqual(30);
    const { ports } = await server.stats();
    const refusals = counter(client, "session.seal") + (ports[0]!.counters["session.seal"] ?? 0);
    expect(refusals).toBeGreaterThan(0);
    expect(server.peers.size).toBe(1);
  });

  it("has no message taken twice by sending each datagram three times, and all of them again later", async () => {
    const { server, proxy } = await watched();
    const client = await clientOf(proxy.port, { serverKey: server.publicKey });
    const old: Buffer[] = [];
    proxy.tamper = (bytes, from) => {
      if (from === "server") return [bytes, bytes, bytes];
      old.push(Buffer.from(bytes));
      return [bytes, bytes, bytes];
    };
    const heard: number[] = [];
    server.receive.tell((_, { number }) => void heard.push(number));
    for (let number = 0; number < 20; number++) {
      client.send.tell({ text: SECRET, number });
      client.flush();
    }
    await until(() => heard.length === 20);
    proxy.tamper = (bytes, from) => (from === "client" ? [...old, bytes] : undefined);
    client.send.tell({ text: "last", number: 99 });
    await until(() => heard.includes(99));
    expect(heard.sort((a, b) => a - b)).toEqual([...Array(20).keys(), 99]);
  });

  it("has nothing of one connection taken by another", async () => {
    const { server, proxy } = await watched();
    const heard: number[] = [];
    server.receive.say((_, { number }) => void heard.push(number));
    const first = await clientOf(proxy.port);
    first.send.say({ text: SECRET, number: 1 });
    await until(() => heard.length === 1);
    const old = proxy.seen.filter(({ from }) => from === "client").map(({ bytes }) => bytes);
    const second = await clientOf(proxy.port);
    proxy.tamper = (bytes, from) => (from === "client" ? [...old, bytes] : undefined);
    second.send.say({ text: SECRET, number: 2 });
    await until(() => heard.length === 2);
    expect(heard).toEqual([1, 2]);
  });

  it("joins clients to a server of its own where they were not given the key, and only there", async () => {
    const { server, proxy } = await watched();
    const mallory = await serverFor({
      identity: undefined,
      publicPorts: [proxy.port],
    });
    const read: string[] = [];
    mallory.receive.say((_, { text }) => void read.push(text));
    proxy.target = mallory.ports[0]!;
    const caught = await clientOf(proxy.port, { serverKey: server.publicKey }).catch(
      (error: unknown) => error,
    );
    expect(caught).toBeInstanceOf(ConnectUntrustedError);
    expect(caught).toMatchObject({ serverKey: mallory.publicKey });
    expect(String(caught)).toContain(mallory.publicKey);
    expect(mallory.peers.size).toBe(0);
    const fooled = await clientOf(proxy.port);
    expect(fooled.security).toBe("opportunistic");
    expect(fooled.serverKey).toBe(mallory.publicKey);
    fooled.send.say({ text: SECRET, number: 1 });
    await until(() => read.length === 1);
    expect(read).toEqual([SECRET]);
  });

  const key = Buffer.alloc(32, 9).toString("base64url");
  const signature = Buffer.alloc(64, 9).toString("base64url");
  it.each([
    [
      "another key",
      (text: string) => text.replace(/"key":"[^"]*"/, `"key":"${key}"`),
      "droppedSignature",
    ],
    [
      "another name",
      (text: string) => text.replace(/"identity":"[^"]*"/, `"identity":"${key}"`),
      "droppedSignature",
    ],
    ["another port", (text: string) => text.replace(/"port":\d/, '"port":1'), "droppedSignature"],
    [
      "a forged signature",
      (text: string) => text.replace(/"sig":"[^"]*"/, `"sig":"${signature}"`),
      "droppedSignature",
    ],
    ["no signature", (text: string) => text.replace(/,"sig":"[^"]*"/, ""), "droppedEnvelope"],
    [
      "a ticket in place of keys",
      (text: string) =>
        text
          .replace(/"key":"[^"]*","identity":"[^"]*"/, `"ticket":"${key}","tag":1`)
          .replace(/,"sig":"[^"]*"/, ""),
      "droppedEnvelope",
    ],
  ])("has an accept with %s dropped, and the true one taken", async (_, change, reason) => {
    const { server, proxy } = await watched();
    changingAccept(proxy, change);
    const client = await clientOf(proxy.port, { serverKey: server.publicKey });
    expect(counter(client, `zero.${reason}`)).toBe(1);
    expect(client.security).toBe("pinned");
  });

  it("has the accept of another join dropped, though the same server has signed it", async () => {
    const { server, proxy } = await watched();
    await clientOf(proxy.port);
    const { bytes } = proxy.seen.find((seen) => isMessage(Buffer.from(seen.bytes), "accept"))!;
    const old = Buffer.from(bytes).toString("latin1");
    changingAccept(proxy, (text) => old.replace(/"cid":"[^"]*"/, /"cid":"[^"]*"/.exec(text)![0]));
    const client = await clientOf(proxy.port, { serverKey: server.publicKey });
    expect(counter(client, "zero.droppedSignature")).toBe(1);
  });

  it("gets a join with a key of low order refused, and no place taken", async () => {
    const { server, proxy } = await watched();
    const low = Buffer.from(lowOrderKeys[2]!, "hex").toString("base64url");
    proxy.tamper = (bytes) =>
      isMessage(bytes, "join")
        ? [
            Buffer.from(
              bytes.toString("latin1").replace(/"key":"[^"]*"/, `"key":"${low}"`),
              "latin1",
            ),
          ]
        : undefined;
    const error: unknown = await clientOf(proxy.port).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConnectRejectedError);
    expect(error).toMatchObject({ reason: "denied" });
    const { ports } = await server.stats();
    expect(ports[0]!.counters["joinsOfRefusedKey"]).toBe(1);
    expect(ports[0]!.peers).toBe(0);
  });
});

describe("what listen and connect are told of keys", () => {
  const refused = (message: RegExp) => ({
    code: "STARDUST_INVALID_OPTION",
    message: expect.stringMatching(message),
  });

  it.each([
    ["of a public key", { identity: "A".repeat(43) }],
    ["cut short", { identity: IDENTITY.slice(0, -1) }],
    ["that is not a text", { identity: 7 }],
  ])("is refused by listen where it is %s, and not shown", async (_, options) => {
    const thrown = await listen({ ports: { count: 1 }, ...options } as Options).catch(
      (e: Error) => e,
    );
    expect(thrown).toMatchObject(refused(/^identity: must be a private key/));
    expect(String(thrown)).not.toContain(String(options.identity));
  });

  it("is refused by connect where it is a private key, an empty list or cut short", async () => {
    for (const [serverKey, message] of [
      [IDENTITY, /^serverKey: must be a public key/],
      ["A".repeat(42), /^serverKey: must be a public key/],
      [[], /^serverKey: the list is empty/],
    ] as const) {
      await expect(clientOf(1, { serverKey })).rejects.toMatchObject(refused(message));
    }
  });

  it("may end in a line break, as it does in a file", async () => {
    const server = await serverFor({ identity: `${IDENTITY}\n` });
    const client = await clientOf(server.ports[0]!, { serverKey: `${server.publicKey}\n` });
    expect(client.security).toBe("pinned");
  });

  it("is refused where the protocol is plain: nothing would hold it", async () => {
    const plain = await plainServer({ ports: { count: 1 } });
    expect(plain.publicKey).toBeUndefined();
    await expect(plainServer({ identity: IDENTITY })).rejects.toMatchObject(
      refused(/^identity: protocol arena-plain is plain/),
    );
    await expect(plainClient(plain, { serverKey: "A".repeat(43) })).rejects.toMatchObject(
      refused(/^serverKey: protocol arena-plain is plain/),
    );
    const client = await plainClient(plain);
    expect([client.security, client.serverKey]).toEqual(["plain", undefined]);
  });
});

describe("a key log", () => {
  it("is told the secrets of each direction once, before the first message", async () => {
    const server = await serverFor();
    const lines: string[] = [];
    const client = await clientOf(server.ports[0]!, { keyLog: (line) => void lines.push(line) });
    expect(lines.map((line) => line.split(" ")[0])).toEqual([
      "STARDUST_CLIENT_SECRET_0",
      "STARDUST_SERVER_SECRET_0",
    ]);
    await client.close();
    expect(lines).toHaveLength(2);
  });

  it("of a server has the same lines, of every peer on whichever port, and a fault is told", async () => {
    const [ofServer, ofClients]: [string[], string[]] = [[], []];
    const server = await serverFor({ ports: { count: 2 }, keyLog: (line) => ofServer.push(line) });
    for (const port of server.ports) {
      await clientOf(port, { keyLog: (line) => ofClients.push(line) });
    }
    await until(() => ofServer.length >= 4);
    expect(ofServer.sort()).toEqual(ofClients.sort());
    const faults: string[] = [];
    const failing = await serverFor({
      keyLog: "/nowhere/at/all/keys.log",
      onFault: (_error, where) => faults.push(where),
    });
    await clientOf(failing.ports[0]!);
    await until(() => faults.length > 0);
    expect(faults).toEqual(["keyLog"]);
  });

  it("that cannot be written is a fault, and the connection goes on", async () => {
    const { server, proxy } = await watched();
    const faults: unknown[] = [];
    const client = await clientOf(proxy.port, {
      keyLog: "/nowhere/at/all/keys.log",
      onFault: (error, where) => faults.push(where, (error as { code: string }).code),
    });
    client.send.say({ text: "still", number: 1 });
    expect((await client.messages.say().next()).value).toMatchObject({ text: "still" });
    expect(faults).toEqual(["keyLog", "ENOENT"]);
    expect(server.peers.size).toBe(1);
  });

  it("that is a function which fails, at once or later, is a fault on either side", async () => {
    const told: string[] = [];
    const fails = {
      keyLog: () => Promise.reject(new Error("later")) as never,
      onFault: (error: unknown, where: string) =>
        void told.push(`${where}: ${(error as Error).message}`),
    };
    const server = await serverFor(fails);
    await clientOf(server.ports[0]!, {
      ...fails,
      keyLog: () => {
        throw new Error("at once");
      },
    });
    await clientOf(server.ports[0]!, fails);
    await until(() => told.length >= 4);
    expect(told.sort()).toEqual([
      "keyLog: at once",
      "keyLog: later",
      "keyLog: later",
      "keyLog: later",
    ]);
  });

  it("is refused where the protocol is plain", async () => {
    const plain = { ports: [9] };
    const refusal = {
      code: "STARDUST_INVALID_OPTION",
      message: expect.stringMatching(/^keyLog: protocol arena-plain is plain/),
    };
    await expect(plainClient(plain, { keyLog: () => {} })).rejects.toMatchObject(refusal);
    await expect(plainServer({ keyLog: () => {} })).rejects.toMatchObject(refusal);
  });
});
