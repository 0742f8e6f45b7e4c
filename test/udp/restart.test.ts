/**
 * Servers and workers that are gone without a word and come back, over sockets: their clients hear from them that they are
 * lost, when they ask, and not after their idle timeout.
 */
import { createSocket } from "node:dgram";
import { describe, expect, it } from "vitest";
import { arenaClient, arenaServer, closing, until } from "../support/arena.ts";
import { Line } from "../support/line.ts";
import { plainClient, plainServer } from "../support/plain-arena.ts";

const identity = `stardust-identity-${Buffer.alloc(32, 9).toString("base64url")}`;
const restarted = { code: "server-restarted", by: "remote" };

describe("a server that is gone without a word, and comes back on the same port", () => {
  it("tells its clients, when it has the same identity", async () => {
    const line = new Line();
    const server = await arenaServer({ ports: { count: 1 }, identity });
    const { ports } = server;
    const client = await arenaClient(server, { wrapSocket: line.wrapSocket });
    await until(() => server.peers.has(client.id));
    line.isUp = false;
    await server.close({ lingerMs: 0 });
    const again = await arenaServer({ ports, identity });
    line.isUp = true;
    // What is not acknowledged makes it ask.
    client.send.chat({ from: 1, text: "is anybody there?" });
    expect(await client.closed).toMatchObject(restarted);
    expect(await again.stats()).toMatchObject({ joined: 0 });
  });

  it("tells its clients, when it is plain and has the same reset key", async () => {
    const line = new Line();
    const resetKey = "of this server and of no other one";
    const server = await plainServer({ ports: { count: 1 }, resetKey });
    const { ports } = server;
    const client = await plainClient(server, { wrapSocket: line.wrapSocket });
    await until(() => server.peers.has(client.id));
    line.isUp = false;
    await server.close({ lingerMs: 0 });
    await plainServer({ ports, resetKey });
    line.isUp = true;
    // What is not acknowledged makes it ask.
    client.send.chat({ from: 1, text: "is anybody there?" });
    expect(await client.closed).toMatchObject(restarted);
  });
});

it("a worker that was started again tells the clients of the one before, and the other ports' go on", async () => {
  const faults: string[] = [];
  const server = await arenaServer({
    ports: { count: 2 },
    wrapSocket: new URL("../support/dying-socket.mjs", import.meta.url),
    onFault: (error) => faults.push(String(error)),
  });
  const [lost, other] = [await arenaClient(server), await arenaClient(server)];
  expect([lost.port, other.port]).toEqual(server.ports);
  await until(() => server.peers.size === 2);
  const socket = createSocket("udp4");
  closing({ [Symbol.asyncDispose]: async () => void socket.close() });
  socket.send("die", lost.port, "127.0.0.1");
  lost.send.chat({ from: 1, text: "is anybody there?" });
  expect(await lost.closed).toMatchObject(restarted);
  await until(() => faults.length === 1 && server.peers.size === 1);
  expect([...server.peers.keys()]).toEqual([other.id]);
});
