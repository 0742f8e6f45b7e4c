/** The limits that `listen` is given, over sockets: each holds, and says so in its counter. */
import { createSocket } from "node:dgram";
import { expect, it } from "vitest";
import { arenaClient, arenaServer, closing, until } from "../support/arena.ts";
import { narrowClient, narrowServer, protocol, type Server } from "../support/narrow.ts";
import { join1 } from "../support/zero-world.ts";

async function counters(server: Pick<Server, "stats">): Promise<Readonly<Record<string, number>>> {
  const { ports } = await server.stats();
  return ports[0]!.counters;
}

it("looks into no more datagrams without proof than its rates say", async () => {
  const server = await narrowServer({
    limits: { unprovenPerSecond: 2, addressPerSecond: 1, addressBurst: 3 },
  });
  const socket = createSocket("udp4");
  closing({ [Symbol.asyncDispose]: async () => void socket.close() });
  const sys = `"sys":{"hash":"${protocol.hash}","version":${protocol.version}}`;
  const join = join1(`${sys},"body":{}`, ".".repeat(1000));
  const sent = 200;
  // One by one: none is lost in a buffer.
  for (let i = 0; i < sent; i++) {
    await new Promise((resolve) => socket.send(join, server.ports[0]!, "127.0.0.1", resolve));
  }
  await until(async () => (await counters(server))["zero.datagramsReceived"] === sent);
  const counted = await counters(server);
  expect(counted["zero.challengesSent"]! + counted["zero.droppedRate"]!).toBe(sent);
  // At once there are two and three; another two a second, and one of the address.
  expect(counted["zero.challengesSent"]).toBeGreaterThanOrEqual(2 + 3);
  expect(counted["zero.droppedRate"]).toBeGreaterThan(0);
});

it("lets no more joins wait than it was told, and takes another when one is decided", async () => {
  let letIn: () => void = () => {};
  let asked = 0;
  const server = await arenaServer({
    ports: { count: 1 },
    limits: { pendingJoins: 1 },
    authenticate: () => {
      const yes = { accept: true, body: { motd: "hi" } } as const;
      if (++asked > 1) return yes;
      return new Promise((resolve) => {
        letIn = () => resolve(yes);
      });
    },
  });
  const first = arenaClient(server);
  await until(() => asked === 1);
  await expect(arenaClient(server)).rejects.toMatchObject({ reason: "full" });
  await until(async () => (await counters(server))["zero.droppedFull"] === 1);
  letIn();
  await first;
  await arenaClient(server);
});

it("takes no more joins in a handshake's time than it remembers", async () => {
  const server = await narrowServer({ limits: { rememberedJoins: 2 } });
  await narrowClient(server);
  await narrowClient(server);
  await expect(narrowClient(server)).rejects.toMatchObject({ reason: "full" });
});
