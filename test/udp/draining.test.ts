/** A server that closes when its peers have left, and sessions that live on while nobody can be reached. */
import { describe, expect, it } from "vitest";
import { arenaClient, arenaServer, peerOf, until } from "../support/arena.ts";
import { UdpProxy } from "../support/udp-proxy.ts";

const shuttingDown = { code: "STARDUST_CONNECT_REJECTED", reason: "shutting-down" };

describe("a server that drains", () => {
  it("lets nobody in, goes on with its peers, and closes when the last has left", async () => {
    const server = await arenaServer();
    const [ada, bob] = [await arenaClient(server), await arenaClient(server)];
    const closed = server.close({ drainMs: 60_000 });
    await expect(arenaClient(server)).rejects.toMatchObject(shuttingDown);
    const heard: number[] = [];
    bob.receive.chat(({ from }) => heard.push(from));
    (await peerOf(server, bob)).send.chat({ from: 7, text: "still here" });
    server.broadcast.chat({ from: 8, text: "all of us" });
    await until(() => heard.length === 2);
    await ada.close();
    await until(() => server.peers.size === 1);
    await expect(arenaClient(server)).rejects.toMatchObject(shuttingDown);
    await bob.close();
    await closed;
    expect(await server.closed).toMatchObject({ code: "shutting-down" });
  });

  it("ends those that are there when the time is up, and says why", async () => {
    const server = await arenaServer();
    const client = await arenaClient(server);
    await server.close({ drainMs: 50, reason: "update" });
    expect(await client.closed).toMatchObject({ code: "update", by: "remote" });
  });

  it("closes at once where nobody is there, or where it is told to close at once", async () => {
    await (await arenaServer()).close({ drainMs: Number.POSITIVE_INFINITY });
    const server = await arenaServer();
    const client = await arenaClient(server);
    const drained = server.close({ drainMs: Number.POSITIVE_INFINITY });
    await Promise.all([drained, server.close({ drainMs: 60_000 }), server.close()]);
    expect(await client.closed).toMatchObject({ code: "shutting-down", by: "remote" });
  });

  it("refuses those that its application is still deciding on", async () => {
    let asked = false;
    const server = await arenaServer({
      authenticate: () => {
        asked = true;
        return new Promise(() => {});
      },
    });
    const joining = arenaClient(server);
    const refused = expect(joining).rejects.toMatchObject(shuttingDown);
    await until(() => asked);
    await server.close({ drainMs: 60_000 });
    await refused;
  });
});

it("an ICMP error ends no session: it goes on when the port is there again", async () => {
  const proxy = await UdpProxy.open();
  const server = await arenaServer({ ports: { count: 1 }, publicPorts: [proxy.port] });
  proxy.target = server.ports[0]!;
  const client = await arenaClient({ ports: [proxy.port] });
  const peer = await peerOf(server, client);
  const heard: number[] = [];
  server.receive.chat((_, { from }) => heard.push(from));
  proxy.shut();
  const sent = client.stats().counters["datagramsSent"]!;
  client.send.chat({ from: 1, text: "is anybody there?" });
  client.flush();
  await until(() => client.stats().counters["datagramsSent"]! > sent + 1);
  await proxy.reopen();
  await until(() => heard.length === 1);
  expect(peer.closed).toBe(false);
});
