/** What one address may have of a server, over sockets of two addresses of this machine. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { platform } from "node:os";
import type { DatagramSocket } from "stardust-udp";
import { describe, expect, it } from "vitest";
import { until } from "../support/arena.ts";
import {
  type Client,
  narrowClient,
  narrowServer,
  narrowSystems,
  type Server,
} from "../support/narrow.ts";

/** Instead of a client's own socket: one at 127.0.0.2. */
async function elsewhere(server: Pick<Server, "ports">): Promise<Client> {
  const socket = createSocket("udp4").bind(0, "127.0.0.2");
  await once(socket, "listening");
  const { port, address } = socket.address();
  const wrapSocket = (replaced: DatagramSocket): DatagramSocket => ({
    port,
    address,
    send: (bytes, to, host) => socket.send(bytes, to, host),
    listen: (listener) => {
      socket.on("message", (bytes, from) => listener(bytes, from.address, from.port));
    },
    close: async () => {
      socket.close();
      await replaced.close();
    },
  });
  return narrowClient(server, { wrapSocket });
}

const counted = async (server: Server, name: string): Promise<number> => {
  const { ports } = await server.stats();
  return ports.reduce((sum, { counters }) => sum + (counters[name] ?? 0), 0);
};

const overShare = { reason: "full", detail: "too many peers of one address" };

// Only Linux has all of 127.0.0.0/8 without being asked.
describe.skipIf(platform() !== "linux")("one address", () => {
  it("that has as many peers as it may, on whichever port, is refused, and another joins", async () => {
    const server = await narrowServer({ ports: { count: 2 }, maxPeersPerAddress: 3 });
    const [a, b] = server.ports as [number, number];
    const clients = [];
    for (const port of [a, b, a]) clients.push(await narrowClient(server, { port }));
    for (const port of [a, b])
      await expect(narrowClient(server, { port })).rejects.toMatchObject(overShare);
    await until(async () => (await counted(server, "joinsOverAddress")) === 2);
    await elsewhere(server);
    await clients[0]!.close();
    await until(() => server.peers.size === 3);
    await narrowClient(server);
    await expect(narrowClient(server)).rejects.toMatchObject(overShare);
  });

  it("may join as many again when a worker has died", async () => {
    const server = await narrowServer({
      maxPeersPerAddress: 1,
      onFault: () => {},
      systems: narrowSystems,
    });
    const client = await narrowClient(server);
    await expect(narrowClient(server)).rejects.toMatchObject(overShare);
    await until(() => server.peers.size === 1);
    client.send.order({ what: "die" });
    client.flush();
    await until(() => server.peers.size === 0);
    await until(async () => (await narrowClient(server).catch(() => undefined)) !== undefined);
  });

  it("whose joins wait is refused, and another is asked about", async () => {
    let asked = 0;
    let decide!: () => void;
    const decided = new Promise<void>((resolve) => {
      decide = resolve;
    });
    const server = await narrowServer({
      maxJoinsPerAddress: 2,
      authenticate: async () => {
        asked++;
        await decided;
        return { accept: false };
      },
    });
    const denied = { reason: "denied" };
    const waiting = [1, 2].map(() => expect(narrowClient(server)).rejects.toMatchObject(denied));
    await until(() => asked === 2);
    await expect(narrowClient(server)).rejects.toMatchObject({
      reason: "full",
      detail: "too many joins of one address",
    });
    await until(async () => (await counted(server, "zero.droppedAddressFull")) === 1);
    waiting.push(expect(elsewhere(server)).rejects.toMatchObject(denied));
    await until(() => asked === 3);
    decide();
    await Promise.all(waiting);
    await expect(narrowClient(server)).rejects.toMatchObject(denied);
  });
});
