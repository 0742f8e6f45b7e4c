/**
 * Servers that keep a peer's place while nothing is heard of it, over sockets: whoever comes back in time is the same peer,
 * from whichever address, and nothing reliable is lost or comes twice.
 */
import { createSocket } from "node:dgram";
import { expect, it } from "vitest";
import { closing, until } from "../support/arena.ts";
import { Line } from "../support/line.ts";
import {
  type Client,
  narrowClient,
  narrowServer,
  narrowSystems,
  type Server,
} from "../support/narrow.ts";

const quick = { delayMs: 20, maxDelayMs: 100 };

function eventsOf(server: Server, client: Client): string[] {
  const events: string[] = [];
  server.on("away", ({ isAway }) => events.push(`server: away ${isAway}`));
  server.on("back", ({ isAway }) => events.push(`server: back ${isAway}`));
  server.on("leave", (_peer, { code }) => events.push(`server: leave ${code}`));
  client.on("reconnecting", ({ attempt, reason }) => {
    if (attempt < 2) events.push(`client: ${attempt} ${reason.code}`);
  });
  client.on("reconnected", ({ isResumed }) => events.push(`client: resumed ${isResumed}`));
  client.on("lost", ({ code }) => events.push(`client: lost ${code}`));
  return events;
}

it("a client that comes back from another address is the same peer, at 30 % loss each way", async () => {
  const line = new Line();
  const server = await narrowServer({ systems: narrowSystems, resumeMs: 60_000 });
  const client = await narrowClient(server, { reconnect: quick, wrapSocket: line.wrapSocket });
  await until(() => server.peers.has(client.id));
  line.loss = 0.3;
  const [peer, { id }] = [server.peers.get(client.id)!, client];
  const [heardByServer, heardByClient, states]: [number[], number[], number[]] = [[], [], []];
  server.receive.line((_peer, { n }) => void heardByServer.push(n));
  client.receive.line(({ n }) => void heardByClient.push(n));
  client.receive.state(({ n }) => void states.push(n));
  const events = eventsOf(server, client);
  let n = 0;
  const say = (): void => {
    expect(client.send.line({ n, text: "to the server" })).toBe(true);
    expect(peer.send.line({ n, text: "to the client" })).toBe(true);
    n++;
  };
  for (let i = 0; i < 20; i++) say();
  await until(() => heardByServer.length > 0 && heardByClient.length > 0);
  line.isUp = false;
  // Under way when the line breaks, and said while it is broken.
  for (let i = 0; i < 5; i++) say();
  await until(() => peer.isAway && client.isAway);
  say();
  expect(client.send.state({ n: 1 })).toBe(false);
  server.broadcast.state({ n: 2 });
  await until(async () => (await server.stats()).ports[0]!.counters["messagesAway"] === 1);
  const sockets = line.sockets;
  expect(sockets).toBeGreaterThan(1);
  line.isUp = true;
  await client.drained();
  await until(() => heardByServer.length >= n && heardByClient.length >= n + 2);
  expect(heardByServer).toEqual([...Array(n).keys()]);
  // The systems have said theirs when it went, before what the application has said since, and when it was back.
  expect(heardByClient.filter((number) => number < 900)).toEqual([...Array(n).keys()]);
  expect(heardByClient.filter((number) => number >= 900)).toEqual([900, 901]);
  expect(states).toEqual([]);
  await until(() => events.length === 4);
  expect(events.filter((event) => event.startsWith("client"))).toEqual([
    "client: 0 idle-timeout",
    "client: resumed true",
  ]);
  expect(events.filter((event) => event.startsWith("server"))).toEqual([
    "server: away true",
    "server: back false",
  ]);
  expect([client.id, server.peers.get(id)]).toEqual([id, peer]);
  expect(client.stats().counters).toMatchObject({ reconnects: 0, resumes: 1 });
  const [port] = (await server.stats()).ports;
  expect(port!.counters).toMatchObject({ peersAway: 1, peersBack: 1 });
});

it("a client that is too late joins anew, and one whose worker has died meanwhile", async () => {
  const line = new Line();
  const server = await narrowServer({
    resumeMs: 300,
    wrapSocket: new URL("../support/dying-socket.mjs", import.meta.url),
    onFault: () => {},
  });
  const client = await narrowClient(server, { reconnect: quick, wrapSocket: line.wrapSocket });
  await until(() => server.peers.has(client.id));
  const events = eventsOf(server, client);
  line.isUp = false;
  await until(() => server.peers.size === 0);
  line.isUp = true;
  await until(() => !client.isAway && server.peers.has(client.id));
  expect(events.slice(0, 2).sort()).toEqual(["client: 0 idle-timeout", "server: away true"]);
  expect(events).toContain("server: leave idle-timeout");
  expect(events.at(-1)).toBe("client: resumed false");
  events.length = 0;
  line.isUp = false;
  await until(() => client.isAway && server.peers.get(client.id)!.isAway);
  const socket = createSocket("udp4");
  closing({ [Symbol.asyncDispose]: async () => void socket.close() });
  socket.send("die", client.port, "127.0.0.1");
  await until(() => events.includes("server: leave worker-died"));
  line.isUp = true;
  await until(() => !client.isAway && server.peers.has(client.id));
  expect(events.at(-1)).toBe("client: resumed false");
});

it("a client that is kicked while it is away hears so when it is back, and stays away", async () => {
  const line = new Line();
  const server = await narrowServer({ resumeMs: 60_000 });
  const client = await narrowClient(server, { reconnect: quick, wrapSocket: line.wrapSocket });
  await until(() => server.peers.has(client.id));
  const events = eventsOf(server, client);
  line.isUp = false;
  await until(() => client.isAway && server.peers.get(client.id)!.isAway);
  server.peers.get(client.id)!.close({ code: "kicked" });
  line.isUp = true;
  expect(await client.closed).toMatchObject({ code: "kicked", by: "remote" });
  expect(events.at(-1)).toMatch(/lost kicked|leave kicked/);
  expect(events).toContain("client: lost kicked");
});
