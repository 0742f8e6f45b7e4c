/** Connect tokens over real sockets and workers: a server that lets in whom a backend sends, each once, and who tries otherwise. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { ConnectRejectedError, type JoinToken } from "stardust-udp";
import { issueToken, newIdentity } from "stardust-udp/tokens";
import { describe, expect, it } from "vitest";
import { arenaClient, arenaServer, closing, until } from "../support/arena.ts";
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

const backend = newIdentity();
const tokens = { issuers: backend.publicKey };

const issued = (o: Partial<Parameters<typeof issueToken>[0]> = {}): string =>
  issueToken({ issuer: backend.identity, expiresInMs: 60_000, ...o }).token;

/** A server, and the tokens that `authenticate` was told of. */
async function serverFor(
  options: Partial<Options> = {},
): Promise<{ server: Server; asked: (JoinToken | undefined)[] }> {
  const asked: (JoinToken | undefined)[] = [];
  const { authenticate } = options;
  const server = await listen({
    ports: { count: 1 },
    tokens,
    ...options,
    authenticate: (join, origin, signal) => {
      asked.push(origin.token);
      return authenticate?.(join, origin, signal) ?? { accept: true };
    },
  } as Options);
  return { server: closing(server), asked };
}

async function clientOf(port: number, options: Partial<ConnectOptions> = {}): Promise<Client> {
  return closing(await connect({ port, join: { name: "ada" }, ...options } as ConnectOptions));
}

/** The words with which a client is refused. */
async function refusal(client: Promise<unknown>): Promise<string> {
  const error: unknown = await client.then(
    () => new Error("it was let in"),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ConnectRejectedError)) throw error;
  return `${error.reason}: ${error.detail}`;
}

async function counters(server: { stats(): ReturnType<Server["stats"]> }) {
  const { ports } = await server.stats();
  return (name: string): number =>
    ports.reduce((sum, { counters: all }) => sum + (all[name] ?? 0), 0);
}

describe("a server that asks for tokens", () => {
  it("lets a client in that brings one, and tells the application whose it is", async () => {
    const { server, asked } = await serverFor({ ports: { count: 2 } });
    const token = issueToken({
      issuer: backend.identity,
      expiresInMs: 60_000,
      claims: { user: 7, roles: ["player"] },
    });
    const client = await clientOf(server.ports[1]!, { token: token.token });
    await until(() => server.peers.has(client.id));
    const said = {
      id: token.id,
      issuer: backend.publicKey,
      expiresAtMs: token.expiresAtMs,
      claims: { user: 7, roles: ["player"] },
    };
    expect(asked).toMatchObject([said]);
    expect(server.peers.get(client.id)!.token).toMatchObject(said);
  });

  it("takes one that was made for a key of the player's own", async () => {
    const { server, asked } = await serverFor();
    const player = newIdentity();
    const token = issued({ clientKey: player.publicKey });
    await clientOf(server.ports[0]!, { token, identity: player.identity });
    expect(asked[0]!.clientKey).toBe(player.publicKey);
    await expect(clientOf(server.ports[0]!, { token })).rejects.toThrow(
      /^token: was made for a key/,
    );
  });

  it("does so where nothing is sealed, too", async () => {
    const server = await plainServer({ ports: { count: 1 }, tokens });
    const client = await plainClient(server, { token: issued({ claims: { user: 1 } }) });
    await until(() => server.peers.has(client.id));
    expect(server.peers.get(client.id)!.token!.claims).toEqual({ user: 1 });
    expect(await refusal(plainClient(server))).toBe("denied: token missing");
  });

  it("refuses others with what is wrong, before the application is asked, and takes up no place", async () => {
    const { server, asked } = await serverFor({
      tokens: { ...tokens, audience: "eu-1", leewayMs: 0 },
    });
    const join = (token?: string) =>
      refusal(clientOf(server.ports[0]!, token === undefined ? {} : { token }));
    expect(await join()).toBe("denied: token missing");
    expect(await join(issued())).toBe("denied: token for another audience");
    const stranger = issued({ issuer: newIdentity().identity, audience: "eu-1" });
    expect(await join(stranger)).toBe("denied: token of an unknown issuer");
    const late = issued({ expiresInMs: 1, audience: "eu-1" });
    await until(() => Date.now() > issuedUntil(late));
    expect(await join(late)).toBe("denied: token expired");
    // The text says who has issued it; its signature is another's.
    const good = issued({ audience: "eu-1" });
    const [head, seed] = good.split(".");
    const forged = `${head!.slice(0, -6)}AAAAAA.${seed}`;
    expect(await join(forged)).toBe("denied: token not signed by its issuer");
    expect(asked).toEqual([]);
    const count = await counters(server);
    expect(count("zero.droppedToken")).toBe(5);
    expect(server.peers.size).toBe(0);
    await clientOf(server.ports[0]!, { token: good });
    expect(asked.length).toBe(1);
  });

  function issuedUntil(token: string): number {
    const bytes = Buffer.from(token.slice("stardust-token-".length).split(".")[0]!, "base64url");
    return bytes.readUIntBE(9, 6);
  }
});

describe("a connect token", () => {
  it("lets in once, on whichever port, and not again when its peer has left", async () => {
    const { server, asked } = await serverFor({ ports: { count: 3 } });
    const token = issued();
    const client = await clientOf(server.ports[0]!, { token });
    expect(await refusal(clientOf(server.ports[0]!, { token }))).toBe("denied: token used");
    expect(await refusal(clientOf(server.ports[2]!, { token }))).toBe("denied: token used");
    await client.close();
    await until(() => server.peers.size === 0);
    expect(await refusal(clientOf(server.ports[1]!, { token }))).toBe("denied: token used");
    expect(asked.length).toBe(1);
    expect((await counters(server))("joinsOfUsedToken")).toBe(3);
  });

  it("that is used twice at once at two ports lets one in", async () => {
    // As slow as it may be: what is decided together is decided in any order.
    const authenticate = async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return { accept: true, body: { motd: "hi" } } as const;
    };
    const server = await arenaServer({ tokens, authenticate });
    const shared = Array.from({ length: 12 }, () => issued());
    const results = await Promise.all(
      shared.map((token) =>
        Promise.allSettled(server.ports.map((port) => arenaClient(server, { port, token }))),
      ),
    );
    for (const all of results) {
      const outside = all.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
      expect(outside.length).toBe(2);
      for (const error of outside) {
        // Who begins anew for as long as others do runs out of time.
        if (error.code !== "STARDUST_CONNECT_TIMEOUT") expect(error.detail).toBe("token used");
      }
    }
    await until(() => server.peers.size === shared.length);
    expect(new Set([...server.peers.values()].map(({ token }) => token!.id)).size).toBe(12);
  });

  it("is still good when the application has refused, or the server was full", async () => {
    let answer: () => unknown = () => ({ accept: false, detail: "come back" });
    const { server } = await serverFor({
      maxPeersPerPort: 1,
      authenticate: () => answer() as { accept: true },
    });
    const port = server.ports[0]!;
    const token = issued();
    expect(await refusal(clientOf(port, { token }))).toBe("denied: come back");
    answer = () => ({ accept: true });
    const first = await clientOf(port, { token: issued() });
    expect(await refusal(clientOf(port, { token }))).toBe("full: ");
    await first.close();
    await until(() => server.peers.size === 0);
    await clientOf(port, { token });
  });

  it("lets a player in who has to start again, though a place is kept for the join before, and no other is free", async () => {
    const proxy = await UdpProxy.open();
    const { server } = await serverFor({
      publicPorts: [proxy.port],
      maxPeersPerPort: 1,
    });
    proxy.target = server.ports[0]!;
    let answered = 0;
    // The first accept never comes: instead somebody says that nobody is known.
    proxy.tamper = (bytes, from) => {
      if (from === "client" || !bytes.includes('"msg":"accept"') || ++answered > 1)
        return undefined;
      const cid = bytes.toString("latin1", 17, 39);
      const gone = `{"v":1,"cid":"${cid}","msg":"gone","seq":0,"ack":0,"sys":{},"body":{}}`;
      return [Buffer.concat([Buffer.alloc(3), Buffer.from(gone)])];
    };
    const client = await clientOf(proxy.port, { token: issued() });
    expect(client.stats().counters["zero.restarts"]).toBe(1);
    await until(() => server.peers.size === 1);
  });

  it("is of no use to who has seen the join, from another address", async () => {
    const proxy = await UdpProxy.open();
    const { server, asked } = await serverFor({ publicPorts: [proxy.port] });
    proxy.target = server.ports[0]!;
    const token = issued();
    await clientOf(proxy.port, { token });
    const join = proxy.seen.findLast(({ bytes }) => Buffer.from(bytes).includes('"token"'))!.bytes;
    const socket = createSocket("udp4");
    closing({ [Symbol.asyncDispose]: async () => void socket.close() });
    const answer = once(socket, "message");
    socket.send(join, server.ports[0]!, "127.0.0.1");
    expect(String((await answer)[0])).toContain('"msg":"gone"');
    expect(asked.length).toBe(1);
  });

  it("is remembered until it has ended, as many as the server is told to, and then no more are taken", async () => {
    const { server } = await serverFor({ tokens: { ...tokens, maxRemembered: 2 } });
    const port = server.ports[0]!;
    const first = issued();
    for (const token of [first, issued()]) await (await clientOf(port, { token })).close();
    expect(await refusal(clientOf(port, { token: issued() }))).toBe(
      "full: too many tokens are remembered",
    );
    expect(await refusal(clientOf(port, { token: first }))).toBe("denied: token used");
    expect((await counters(server))("joinsOverTokens")).toBe(1);
  });
});

describe("what listen and connect are told of tokens", () => {
  const refused = (message: RegExp) => ({
    code: "STARDUST_INVALID_OPTION",
    message: expect.stringMatching(message),
  });
  const [one, two] = [backend.publicKey, newIdentity().publicKey];

  it.each([
    ["no issuer", {}, /^tokens\.issuers: the public keys/],
    ["an empty list", { issuers: [] }, /^tokens\.issuers: the public keys/],
    ["a private key", { issuers: backend.identity }, /^tokens\.issuers: must be a public key/],
    ["the same twice", { issuers: [one, two, one] }, /^tokens\.issuers: two of them begin alike/],
    [
      "17 issuers",
      { issuers: Array.from({ length: 17 }, () => newIdentity().publicKey) },
      /at most 16/,
    ],
    [
      "a long audience",
      { issuers: one, audience: "a".repeat(65) },
      /^tokens\.audience: at most 64/,
    ],
    [
      "a leeway of hours",
      { issuers: one, leewayMs: 3_600_000 },
      /^tokens\.leewayMs: must be a whole number/,
    ],
    [
      "no memory",
      { issuers: one, maxRemembered: 0 },
      /^tokens\.maxRemembered: must be a whole number/,
    ],
  ])("is refused by listen with %s", async (_, wrong, message) => {
    await expect(
      listen({ ports: { count: 1 }, tokens: wrong } as Options).then((s) => s.close()),
    ).rejects.toMatchObject(refused(message));
  });

  it.each([
    ["that is none", { token: "abc" }, /^token: must be a connect token/],
    ["cut short", { token: issued().slice(0, 60) }, /^token: is cut short/],
    ["and no token", { identity: backend.identity }, /^identity: is the key that a token names/],
    [
      "and another key",
      { token: issued(), identity: backend.identity },
      /^identity: is not the private/,
    ],
    [
      "that is too long beside the join",
      { token: issued({ claims: { a: "x".repeat(500) } }) },
      /^token: with it the join is/,
    ],
  ])("is refused by connect with a token %s, and not shown", async (_, options, message) => {
    const thrown: unknown = await clientOf(1, options).catch((error: unknown) => error);
    expect(thrown).toMatchObject(refused(message));
    expect(String(thrown)).not.toContain(backend.identity.slice(-43));
  });
});
