/** What a server, its ports and peers, and a client say of themselves, over sockets and workers. */
import { percentile } from "stardust-udp";
import type { PeerStats, PortStats } from "stardust-udp/server";
import { expect, it } from "vitest";
import { arenaClient, arenaServer, peerOf, until } from "../support/arena.ts";
import { narrowClient, narrowServer } from "../support/narrow.ts";
import { specUrl } from "../support/specs.ts";

it("has the numbers of each channel, peer and port, and their sums", async () => {
  const server = await arenaServer({ ports: { count: 2 } });
  const got: string[] = [];
  server.receive.chat((_peer, { text }) => void got.push(text));
  const ada = await arenaClient(server, { join: { name: "ada" } });
  const bob = await arenaClient(server, { join: { name: "bob" } });
  const texts = Array.from({ length: 20 }, (_, i) => `message ${i}`);
  for (const text of texts) ada.send.chat({ from: 0, text });
  for (const text of texts.slice(0, 5)) bob.send.chat({ from: 0, text });
  await until(() => got.length === 25);
  for (const peer of server.peers.values()) peer.send.chat({ from: 0, text: "welcome" });
  await until(async () => {
    const { channels, queue } = await server.stats();
    return channels["chat"]?.messagesSent === 2 && queue.bytes === 0;
  });
  const stats = await server.stats({ peers: true });
  expect(stats.channels["chat"]).toMatchObject({ messagesReceived: 25, messagesSent: 2 });
  const chatOf = (one: PortStats | PeerStats) => one.channels["chat"]!;
  const peers = stats.ports.flatMap(({ peerStats }) => peerStats!);
  expect(peers.map(({ id }) => id).sort()).toEqual([ada.id, bob.id].sort());
  expect(chatOf(peers.find(({ id }) => id === ada.id)!).messagesReceived).toBe(20);
  expect(stats.ports.map((port) => chatOf(port).messagesReceived)).toEqual([20, 5]);
  expect(chatOf(peers[0]!).bytesReceived + chatOf(peers[1]!).bytesReceived).toBe(
    stats.channels["chat"]!.bytesReceived,
  );
  expect(ada.stats().channels["chat"]).toMatchObject({
    messagesSent: 20,
    bytesSent: chatOf(peers.find(({ id }) => id === ada.id)!).bytesReceived,
  });
  for (const { port, threadId, load, rings, rtt, eventLoopDelay, peerStats } of stats.ports) {
    expect(server.ports).toContain(port);
    expect(threadId).toBeGreaterThan(0);
    expect(load >= 0 && load <= 1).toBe(true);
    for (const { usedBytes, capacityBytes } of [rings.toWorker, rings.toApplication]) {
      expect(capacityBytes).toBeGreaterThanOrEqual(1 << 20);
      expect(usedBytes).toBeLessThan(capacityBytes / 100);
    }
    expect(percentile(rtt, 1)).toBe(rtt.maxMs);
    expect(percentile(eventLoopDelay, 1)).toBe(eventLoopDelay.maxMs);
    expect(peerStats!.every((peer) => peer.port === port)).toBe(true);
  }
  expect(stats.joins).toMatchObject({ joined: 2, expired: 0 });
  expect(stats.authenticate.count).toBe(2);
  expect(stats).toMatchObject({ joined: 2, left: 0 });
  for (const name of ["bytesSent", "datagramsReceived", "messagesReceived"] as const) {
    expect(stats[name]).toBe(stats.ports.reduce((sum, port) => sum + port[name], 0));
  }
  expect((await server.stats()).ports.every(({ peerStats }) => peerStats === undefined)).toBe(true);
  await expect(server.stats({ peers: 1 as never })).rejects.toMatchObject({
    code: "STARDUST_INVALID_OPTION",
  });
});

it("tells of one peer while it is there, and keeps what it has done when it has left", async () => {
  const server = await arenaServer({ ports: { count: 1 } });
  let messages = 0;
  server.receive.chat(() => void messages++);
  const client = await arenaClient(server);
  const peer = await peerOf(server, client);
  for (let i = 0; i < 10; i++) client.send.chat({ from: 0, text: "hi" });
  await until(() => messages === 10);
  const stats = await peer.stats();
  expect(stats).toMatchObject({ id: client.id, port: server.ports[0], address: peer.address });
  expect(stats.channels["chat"]!.messagesReceived).toBe(10);
  expect(stats.connectedMs).toBeGreaterThan(0);
  expect(stats.congestion.windowBytes).toBeGreaterThan(1000);
  expect(stats.loss.in).toBe(0);
  await client.close();
  await until(() => server.peers.size === 0);
  await expect(peer.stats()).rejects.toMatchObject({ code: "STARDUST_CLOSED" });
  const after = await server.stats();
  expect(after.ports[0]!.peers).toBe(0);
  expect(after.channels["chat"]!.messagesReceived).toBe(10);
  expect(after.bytesReceived).toBeGreaterThanOrEqual(stats.bytesReceived);
  expect(after.queue).toEqual({ bytes: 0, ageMs: 0 });
});

it("says of joins why they were refused, and of datagrams", async () => {
  let answer: "no" | "throw" | "never" = "no";
  const server = await narrowServer({
    authenticate: () => {
      if (answer === "no") return { accept: false };
      if (answer === "throw") throw new Error("planted");
      return new Promise<never>(() => {});
    },
    onFault: () => {},
  });
  for (const reason of ["denied", "internal", "timeout"]) {
    await expect(narrowClient(server)).rejects.toMatchObject({ reason });
    answer = answer === "no" ? "throw" : "never";
  }
  // Sealed clients of another game.
  await expect(arenaClient(server)).rejects.toMatchObject({ code: "STARDUST_CONNECT_PROTOCOL" });
  const { joins, refused, authenticate, datagramsRefused } = await server.stats();
  expect(joins.rejected).toEqual({
    protocol: 1,
    full: 0,
    denied: 1,
    timeout: 1,
    "shutting-down": 0,
    internal: 1,
  });
  expect(joins.joined).toBe(0);
  expect(authenticate.count).toBe(3);
  expect(authenticate.maxMs).toBeGreaterThan(300);
  expect(refused).toMatchObject({ "zero.droppedProtocol": 1 });
  expect(datagramsRefused).toBe(Object.values(refused).reduce((sum, count) => sum + count, 0));
});

it("has systems see the same of their peers", async () => {
  const server = await narrowServer({ systems: specUrl("narrow", "stats-systems.js") });
  const client = await narrowClient(server);
  const told: string[] = [];
  client.receive.line(({ text }) => void told.push(text));
  client.send.order({ what: "echo" });
  client.send.order({ what: "echo" });
  await until(() => told.length === 2);
  const last = JSON.parse(told[1]!) as Record<string, unknown>;
  expect(last).toMatchObject({ id: client.id, port: server.ports[0], rtt: expect.anything() });
  expect(last["orders"]).toBeGreaterThanOrEqual(1);
  expect((await server.stats()).channels["order"]!.messagesReceived).toBe(2);
});
