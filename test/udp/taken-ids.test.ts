/** Two clients with one connection id, at two ports of one server that sends both to the same one: real sockets and workers. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { expect, it, onTestFinished } from "vitest";
import { ZeroClient } from "#src/zero/client.js";
import { until } from "../support/arena.ts";
import { narrowServer, protocol } from "../support/narrow.ts";
import { seeded, testCrypto } from "../support/zero-world.ts";

/** The machine of a client on a socket of its own, whose connection ids begin with that of this seed. */
async function machine(port: number, seed: number): Promise<ZeroClient> {
  const socket = createSocket("udp4");
  onTestFinished(() => void socket.close());
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const client = new ZeroClient({
    protocol,
    crypto: testCrypto(seeded(seed)),
    port,
    join: {},
    random: () => 0,
    nowMs: performance.now(),
  });
  const service = (): void => {
    const now = performance.now();
    client.handleTimeout(now);
    for (let out = client.pollTransmit(now); out !== undefined; out = client.pollTransmit(now))
      socket.send(out.bytes, out.port, "127.0.0.1");
  };
  socket.on("message", (bytes, from) => {
    client.handleDatagram(bytes, bytes.byteLength, from.address, from.port, performance.now());
    service();
  });
  const timer = setInterval(service, 20);
  onTestFinished(() => clearInterval(timer));
  service();
  return client;
}

it("who joins under a connection id that has a place at the chosen port takes another, and nothing is at fault", async () => {
  const faults: unknown[] = [];
  const server = await narrowServer({
    ports: { count: 2 },
    place: ({ ports }) => ports[0]!.port,
    onFault: (error) => void faults.push(error),
  });
  const [first, second] = server.ports;
  const early = await machine(first!, 5);
  const id = early.cid;
  await until(() => early.state === "open");
  const late = await machine(second!, 5);
  expect(late.cid).toBe(id);
  await until(() => late.state === "open");
  expect(late.cid).not.toBe(id);
  expect([early.cid, early.state]).toEqual([id, "open"]);
  await until(() => server.peers.size === 2);
  const { ports } = await server.stats();
  expect(ports.map(({ counters }) => counters["joinsOfTakenId"] ?? 0)).toEqual([0, 1]);
  expect(faults).toEqual([]);
});
