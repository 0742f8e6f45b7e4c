/** Secret members of join over real sockets, with somebody on the path who records everything, or answers in the server's place. */
import { ConnectUntrustedError } from "stardust-udp";
import { issueToken, newIdentity } from "stardust-udp/tokens";
import { describe, expect, it } from "vitest";
import { closing, until } from "../support/arena.ts";
import { specUrl } from "../support/specs.ts";
import { UdpProxy } from "../support/udp-proxy.ts";

type ServerModule = typeof import("../tmp/specs/lobby/generated/server.ts");
type ClientModule = typeof import("../tmp/specs/lobby/generated/client.ts");
type Options = Parameters<ServerModule["listen"]>[0];
type ConnectOptions = Parameters<ClientModule["connect"]>[0];
type Server = Awaited<ReturnType<ServerModule["listen"]>>;
type Client = Awaited<ReturnType<ClientModule["connect"]>>;
const load = (file: string): Promise<unknown> =>
  import(specUrl("lobby", `generated/${file}.js`).href);
const { listen } = (await load("server")) as ServerModule;
const { connect } = (await load("client")) as ClientModule;

const PASSWORD = "correct horse battery staple";
const join = { name: "ada", password: PASSWORD, pin: 4711 };

async function serverFor(options: Partial<Options> = {}): Promise<Server> {
  return closing(await listen({ ports: { count: 2 }, ...options } as Options));
}

async function clientOf(port: number, options: Partial<ConnectOptions> = {}): Promise<Client> {
  return closing(await connect({ port, join, ...options } as ConnectOptions));
}

const isJoin2 = (bytes: Uint8Array): boolean => Buffer.from(bytes).includes('"cookie":"', 60);

describe("a join with secret members", () => {
  it("is seen whole by authenticate, on whichever port, and lets in who knows the password", async () => {
    const asked: unknown[] = [];
    const server = await serverFor({
      authenticate: (body: { password: string }) => {
        asked.push(body);
        return body.password === PASSWORD
          ? { accept: true }
          : { accept: false, detail: "wrong password" };
      },
    } as Partial<Options>);
    const joined = new Promise<unknown>((resolve) =>
      server.on("join", (peer) => resolve(peer.join)),
    );
    const client = await clientOf(server.ports[0]!, { serverKey: server.publicKey! });
    expect(client.security).toBe("pinned");
    expect([asked, await joined]).toEqual([[join], join]);
    await expect(
      clientOf(server.ports[1]!, { join: { ...join, password: "guess" } }),
    ).rejects.toMatchObject({ reason: "denied", detail: "wrong password" });
    expect(asked).toHaveLength(2);
  });

  it("shows nobody on the path what is secret, with a connect token as without", async () => {
    const backend = newIdentity();
    for (const tokens of [undefined, { issuers: backend.publicKey }]) {
      const proxy = await UdpProxy.open();
      const asked: unknown[] = [];
      const server = await serverFor({
        ports: { count: 1 },
        publicPorts: [proxy.port],
        tokens,
        authenticate: (body: unknown) => {
          asked.push(body);
          return { accept: true };
        },
      } as Partial<Options>);
      proxy.target = server.ports[0]!;
      const token = issueToken({ issuer: backend.identity, expiresInMs: 60_000 }).token;
      const client = await clientOf(proxy.port, tokens && { token });
      await client.close();
      expect(asked).toEqual([join]);
      const recording = Buffer.concat(proxy.seen.map(({ bytes }) => bytes)).toString("latin1");
      expect(recording).toContain('"name":"ada"');
      for (const secret of ["password", PASSWORD, "4711"]) {
        expect(recording).not.toContain(secret);
        for (const before of ["", "x", "xx"]) {
          const encoded = Buffer.from(before + secret)
            .toString("base64url")
            .slice(4, -4);
          if (encoded.length > 3) expect(recording).not.toContain(encoded);
        }
      }
    }
  });

  it("is not said to who pretends to be the server, with a key of their own", async () => {
    const [server, pretender] = [await serverFor(), await serverFor()];
    const proxy = await UdpProxy.open();
    proxy.target = pretender.ports[0]!;
    const refused = clientOf(proxy.port, { serverKey: server.publicKey! });
    await expect(refused).rejects.toBeInstanceOf(ConnectUntrustedError);
    expect(proxy.seen.filter(({ bytes, from }) => from === "client" && isJoin2(bytes))).toEqual([]);
    expect(pretender.peers.size).toBe(0);
  });

  it("is not said to who puts the server's name on a key of their own; the true challenge is waited for", async () => {
    const proxy = await UdpProxy.open();
    const server = await serverFor({ ports: { count: 1 }, publicPorts: [proxy.port] });
    proxy.target = server.ports[0]!;
    let forged = 0;
    proxy.tamper = (bytes, from) => {
      const text = bytes.toString("latin1");
      if (from === "client" || !text.includes('"joinKey":"') || forged >= 2) return undefined;
      forged++;
      // Another key under the same signature, then no key at all.
      const other = forged === 1 ? '"joinKey":"AAAA' : '"other":"AAAA';
      return [Buffer.from(text.replace(/"joinKey":"..../, other), "latin1")];
    };
    const isJoin = (o: { from: string; bytes: Uint8Array }): boolean =>
      o.from === "client" && isJoin2(o.bytes);
    const connecting = clientOf(proxy.port, { serverKey: server.publicKey! });
    await until(() => forged === 2);
    expect(proxy.seen.filter(isJoin)).toEqual([]);
    expect((await connecting).security).toBe("pinned");
    expect(proxy.seen.filter(isJoin).length).toBeGreaterThan(0);
  });
});
