/** Clients behind a firewall that lets them reach the dialled port alone, over real sockets and workers. */
import type { DatagramSocket } from "stardust-udp";
import { issueToken, newIdentity } from "stardust-udp/tokens";
import { describe, expect, it } from "vitest";
import { until } from "../support/arena.ts";
import { narrowClient, narrowServer, type Server } from "../support/narrow.ts";

/** Drops what goes to any port but these. */
function firewall(...open: number[]) {
  return (socket: DatagramSocket): DatagramSocket => ({
    port: socket.port,
    address: socket.address,
    send: (bytes, port, address) => {
      if (open.includes(port)) socket.send(bytes, port, address);
    },
    listen: (listener) => socket.listen(listener),
    close: () => socket.close(),
  });
}

/** A client that dials the second port, while the first has the emptiest place. */
function behindFirewall(server: Server, token?: string) {
  const port = server.ports[1]!;
  return narrowClient(server, { port, wrapSocket: firewall(port), ...(token && { token }) });
}

async function stayed(server: Server): Promise<number[]> {
  const { ports } = await server.stats();
  return ports.map(({ counters }) => counters["joinsStayed"] ?? 0);
}

describe("a client whose firewall lets it reach one port alone", () => {
  it("stays there, as one peer, and is counted", async () => {
    const server = await narrowServer({ ports: { count: 2 } });
    const client = await behindFirewall(server);
    expect(client.port).toBe(server.ports[1]);
    await until(() => server.peers.size === 1);
    expect(await stayed(server)).toEqual([0, 1]);
    expect(client.stats().counters["zero.staysAsked"]).toBe(1);
  });

  it("comes in with the connect token that it has tried with before", async () => {
    const backend = newIdentity();
    const tokens = { issuers: backend.publicKey };
    const server = await narrowServer({ ports: { count: 2 }, tokens });
    const { token } = issueToken({ issuer: backend.identity, expiresInMs: 60_000 });
    expect((await behindFirewall(server, token)).port).toBe(server.ports[1]);
    await until(() => server.peers.size === 1);
  });

  /** The first port is the emptier one: one peer is on the second. */
  async function unevenServer(options: Parameters<typeof narrowServer>[0]): Promise<Server> {
    const server = await narrowServer(options);
    const first = await narrowClient(server);
    await narrowClient(server);
    await until(() => server.peers.size === 2);
    await first.close();
    await until(() => server.peers.size === 1);
    return server;
  }

  it("is sent to another port that has room where its own is full", async () => {
    const server = await unevenServer({ ports: { count: 3 }, maxPeersPerPort: 1 });
    const [, second, third] = server.ports;
    const client = await narrowClient(server, {
      port: second!,
      wrapSocket: firewall(second!, third!),
    });
    expect(client.port).toBe(third);
    expect(await stayed(server)).toEqual([0, 0, 0]);
  });

  it("is told which port did not answer where the server does not let it stay", async () => {
    const server = await unevenServer({ ports: { count: 2 }, stayOnPort: false });
    const [first, second] = server.ports;
    await expect(behindFirewall(server)).rejects.toMatchObject({
      code: "STARDUST_CONNECT_TIMEOUT",
      message: expect.stringMatching(new RegExp(`:${first} within .* port ${second} has sent`)),
    });
    expect(await stayed(server)).toEqual([0, 0]);
  });
});

it("takes no more places by asking to stay than a port has, and leaves the others to the rest", async () => {
  const server = await narrowServer({ ports: { count: 2 }, maxPeersPerPort: 1 });
  const [first, second] = server.ports;
  expect((await behindFirewall(server)).port).toBe(second);
  // The place that it did not take up is kept for it until its deadline.
  let honest: number | string | undefined;
  await until(async () => {
    honest = await narrowClient(server, { port: second! }).then(
      ({ port }) => port,
      ({ reason }: { reason: string }) => reason,
    );
    return honest !== "full";
  });
  expect(honest).toBe(first);
  await expect(behindFirewall(server)).rejects.toMatchObject({ reason: "full" });
});
