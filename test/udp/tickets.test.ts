/** Joins that bring a ticket of 4 KiB over real sockets and workers, with a fifth of all datagrams lost. */
import { lossySocket, lossySocketUrl } from "stardust-udp/testing";
import { issueToken, newIdentity } from "stardust-udp/tokens";
import { describe, expect, it } from "vitest";
import { closing, until } from "../support/arena.ts";
import { specUrl } from "../support/specs.ts";
import { UdpProxy } from "../support/udp-proxy.ts";

type ServerModule = typeof import("../tmp/specs/ticket/generated/server.ts");
type ClientModule = typeof import("../tmp/specs/ticket/generated/client.ts");
type Options = Parameters<ServerModule["listen"]>[0];
type ConnectOptions = Parameters<ClientModule["connect"]>[0];
type Server = Awaited<ReturnType<ServerModule["listen"]>>;
type Client = Awaited<ReturnType<ClientModule["connect"]>>;
const load = (file: string): Promise<unknown> =>
  import(specUrl("ticket", `generated/${file}.js`).href);
const { listen } = (await load("server")) as ServerModule;
const { connect } = (await load("client")) as ClientModule;

/** As a JSON Web Token looks: three parts of base64url. */
const TICKET = `${"eyJhbGciOiJFZERTQSJ9".padEnd(100, "x")}.${"abcdefgh-_012345".repeat(240)}.${"Q".repeat(86)}`;
const join = { name: "ada", ticket: TICKET, proof: "AA==" };

async function serverFor(options: Partial<Options> = {}): Promise<Server> {
  return closing(await listen({ ports: { count: 2 }, ...options } as Options));
}

async function clientOf(port: number, options: Partial<ConnectOptions> = {}): Promise<Client> {
  return closing(await connect({ port, join, ...options } as ConnectOptions));
}

describe("a ticket of 4 KiB", () => {
  it("reaches authenticate whole, from every client, on whichever port, with a fifth of all datagrams lost", async () => {
    const asked: unknown[] = [];
    const server = await serverFor({
      wrapSocket: lossySocketUrl,
      wrapSocketData: { loss: 0.2, seed: 7 },
      authenticate: (body: unknown) => {
        asked.push(body);
        return { accept: true };
      },
    } as Partial<Options>);
    const clients = await Promise.all(
      Array.from({ length: 6 }, (_, i) =>
        clientOf(server.ports[i % 2]!, {
          serverKey: server.publicKey!,
          wrapSocket: (socket) => lossySocket(socket, { loss: 0.2, seed: i + 1 }),
        }),
      ),
    );
    await until(() => server.peers.size === clients.length);
    for (const body of asked) expect(body).toEqual(join);
    for (const client of clients) expect(server.peers.get(client.id)!.join).toEqual(join);
  });

  it("is seen by nobody on the path, with a connect token beside it, and each datagram is as long as any", async () => {
    const backend = newIdentity();
    const proxy = await UdpProxy.open();
    const server = await serverFor({
      ports: { count: 1 },
      publicPorts: [proxy.port],
      tokens: { issuers: backend.publicKey },
      authenticate: () => ({ accept: true }),
    } as Partial<Options>);
    proxy.target = server.ports[0]!;
    const { token } = issueToken({ issuer: backend.identity, expiresInMs: 60_000 });
    await clientOf(proxy.port, { serverKey: server.publicKey!, token });
    await until(() => server.peers.size === 1);
    const joins = proxy.seen
      .map(({ bytes }) => Buffer.from(bytes))
      .filter((bytes) => bytes.includes('"msg":"join"'));
    expect(joins.length).toBeGreaterThan(7);
    for (const bytes of joins) {
      expect(bytes.length).toBe(1200);
      for (let at = 0; at + 12 <= TICKET.length; at += 97) {
        const part = TICKET.slice(at, at + 12);
        expect(bytes.includes(part)).toBe(false);
        expect(bytes.includes(Buffer.from(part).toString("base64url").slice(0, 15))).toBe(false);
      }
    }
  });

  it("is refused before it is sent where nobody authenticates", async () => {
    const server = await serverFor();
    await expect(clientOf(server.ports[0]!)).rejects.toMatchObject({
      reason: "denied",
      detail: expect.stringMatching(/longer than this server takes/),
    });
    const { ports } = await server.stats();
    expect(ports[0]!.counters["zero.droppedPieces"]).toBe(1);
    // A short one is as any other.
    expect(
      (await clientOf(server.ports[0]!, { join: { name: "ada", ticket: "short" } })).id,
    ).toBeGreaterThanOrEqual(0);
  });

  it("is refused at the client where it is no text of its format", async () => {
    const server = await serverFor({ authenticate: () => ({ accept: true }) } as Partial<Options>);
    for (const ticket of ["é", 'a"', "a\\", "\u0001"]) {
      await expect(
        clientOf(server.ports[0]!, { join: { name: "ada", ticket } }),
      ).rejects.toMatchObject({
        code: "STARDUST_INVALID_MESSAGE",
        message: expect.stringMatching(/ticket/),
      });
    }
  });
});
