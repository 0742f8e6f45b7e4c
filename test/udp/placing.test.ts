import { expect, it } from "vitest";
import { arenaClient, arenaServer, peersByPort, until } from "../support/arena.ts";

it("spreads clients over the ports in the order of the seed's picture", async () => {
  const server = await arenaServer();
  const [x, y, z] = server.ports;
  const ports: number[] = [];
  for (let i = 0; i < 7; i++) ports.push((await arenaClient(server)).port);
  // A, D and G on the first, B and E on the second, C and F on the third.
  expect(ports).toEqual([x, y, z, x, y, z, x]);
  expect(await peersByPort(server)).toEqual([3, 2, 2]);
});

it("spreads a burst of joins, whichever port they ask, as exactly as a trickle", async () => {
  const server = await arenaServer();
  await Promise.all(
    Array.from({ length: 12 }, (_, i) => arenaClient(server, { port: server.ports[i % 3]! })),
  );
  expect(await peersByPort(server)).toEqual([4, 4, 4]);
});

it("fills the port whose peers have left before the others", async () => {
  const server = await arenaServer();
  const clients = [];
  for (let i = 0; i < 6; i++) clients.push(await arenaClient(server));
  const second = server.ports[1]!;
  for (const client of clients) if (client.port === second) await client.close();
  await until(() => server.peers.size === 4);
  expect((await arenaClient(server)).port).toBe(second);
  expect((await arenaClient(server)).port).toBe(second);
  expect((await arenaClient(server)).port).toBe(server.ports[0]);
});

it("tells a client that all ports are full", async () => {
  const server = await arenaServer({ ports: { count: 1 }, maxPeersPerPort: 1 });
  await arenaClient(server);
  await expect(arenaClient(server)).rejects.toMatchObject({
    code: "STARDUST_CONNECT_REJECTED",
    reason: "full",
  });
});

it("gives each port a thread of its own that is not the main one", async () => {
  const server = await arenaServer();
  const { ports } = await server.stats();
  const threads = new Set(ports.map(({ threadId }) => threadId));
  expect(threads.size).toBe(3);
  expect(threads.has(0)).toBe(false);
});
