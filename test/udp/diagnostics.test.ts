/** What monitoring is told on node:diagnostics_channel, and traces of live connections, over sockets and workers. */
import { createSocket } from "node:dgram";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { ConnectionTrace, DiagnosticEvents } from "stardust-udp";
import { afterEach, expect, it } from "vitest";
import { closing, until } from "../support/arena.ts";
import { narrowClient, narrowServer, narrowSystems } from "../support/narrow.ts";

type Name = keyof DiagnosticEvents;
const names: readonly Name[] = [
  "stardust:server:opened",
  "stardust:server:closed",
  "stardust:peer:opened",
  "stardust:peer:closed",
  "stardust:peer:lost",
  "stardust:join:rejected",
  "stardust:port:refused",
  "stardust:worker:down",
  "stardust:worker:up",
  "stardust:client:opened",
  "stardust:client:closed",
  "stardust:client:lost",
];

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** All that is told from now on. */
function listen(): { readonly name: string; readonly event: unknown }[] {
  const told: { name: string; event: unknown }[] = [];
  for (const name of names) {
    const take = (event: unknown): void => void told.push({ name, event });
    subscribe(name, take);
    ends.push(() => unsubscribe(name, take));
  }
  return told;
}

/** Records of qlog. */
function records(text: string): { name?: string; data?: Record<string, unknown> }[] {
  const lines = text.split("\x1e").slice(1);
  return lines.map((line) => JSON.parse(line) as { name?: string });
}

it("tells what a worker refuses by itself as counts, however much it is", async () => {
  const told = listen();
  // Pings come eight times in this.
  const server = await narrowServer({ workerTimeoutMs: 2000 });
  const port = server.ports[0]!;
  const stranger = createSocket("udp4");
  ends.push(() => stranger.close());
  const noJson = Buffer.concat([Buffer.alloc(3), Buffer.from("{")]);
  const long = Buffer.concat([Buffer.alloc(3), Buffer.alloc(1497, "x")]);
  for (let i = 0; i < 50; i++)
    for (const bytes of [noJson, long]) stranger.send(bytes, port, "127.0.0.1");
  const refused = (): Record<string, number>[] =>
    told
      .filter(({ name }) => name === "stardust:port:refused")
      .map(({ event }) => (event as DiagnosticEvents["stardust:port:refused"]).refused);
  const sum = (name: string): number => refused().reduce((all, one) => all + (one[name] ?? 0), 0);
  await until(() => sum("zero.droppedLength") === 50 && sum("zero.droppedFrame") === 50);
  expect(refused().length).toBeLessThan(20);
  const { refused: counted } = await server.stats();
  expect(counted).toMatchObject({ "zero.droppedLength": 50, "zero.droppedFrame": 50 });
});

it("tells of servers, joins, peers and clients, and of workers that die", async () => {
  const told = listen();
  const count = (name: Name): number => told.filter((one) => one.name === name).length;
  let letsIn = true;
  const server = await narrowServer({
    systems: narrowSystems,
    authenticate: () => (letsIn ? { accept: true } : { accept: false, detail: "not today" }),
    onFault: () => {},
  });
  const port = server.ports[0]!;
  const first = await narrowClient(server);
  const peer = { id: first.id, port, address: expect.stringMatching(/^127\.0\.0\.1:\d+$/) };
  await until(() => count("stardust:peer:opened") === 1);
  await first.close({ code: "bye" });
  await until(() => count("stardust:peer:closed") === 1);
  letsIn = false;
  await expect(narrowClient(server)).rejects.toMatchObject({ reason: "denied" });
  letsIn = true;
  const second = await narrowClient(server);
  await until(() => server.peers.size === 1);
  second.send.order({ what: "die" });
  await until(() => count("stardust:worker:up") === 1);
  await second.closed;
  await server.close();
  const of = (name: Name): unknown => told.find((one) => one.name === name)?.event;
  expect(of("stardust:server:opened")).toEqual({ ports: [port] });
  expect(of("stardust:peer:opened")).toEqual(peer);
  expect(of("stardust:client:opened")).toEqual({ id: first.id, port, address: "127.0.0.1" });
  expect(of("stardust:peer:closed")).toEqual({
    ...peer,
    reason: { code: "bye", reason: "", by: "remote" },
  });
  expect(of("stardust:join:rejected")).toEqual({
    port,
    address: "127.0.0.1",
    fromPort: expect.any(Number),
    reason: "denied",
    detail: "not today",
  });
  expect(of("stardust:worker:down")).toEqual({ port, error: expect.any(Error) });
  expect(of("stardust:peer:lost")).toMatchObject({ reason: { code: "worker-died" } });
  expect(of("stardust:client:lost")).toMatchObject({ id: second.id });
  expect(of("stardust:server:closed")).toMatchObject({ reason: { code: "shutting-down" } });
  expect([count("stardust:peer:closed"), count("stardust:client:closed")]).toEqual([2, 2]);
  expect([count("stardust:peer:lost"), count("stardust:client:lost")]).toEqual([1, 1]);
  // Whoever listens no more is told nothing more.
  for (const end of ends.splice(0)) end();
  const before = told.length;
  await narrowClient(await narrowServer());
  expect(told.length).toBe(before);
});

it("traces one connection from when it is switched on until it is switched off", async () => {
  const server = await narrowServer();
  const client = await narrowClient(server);
  await until(() => server.peers.size === 1);
  const [peer] = server.peers.values();
  const got: number[] = [];
  server.receive.line((_peer, { n }) => void got.push(n));
  client.receive.line(() => {});
  const say = async (n: number): Promise<void> => {
    client.send.line({ n, text: "hi" });
    await until(() => got.includes(n));
  };
  await say(1);
  const trace: ConnectionTrace = closing(await peer!.trace());
  const own = await client.trace({ maxEvents: 1000 });
  await expect(peer!.trace()).rejects.toMatchObject({ code: "STARDUST_INVALID_OPTION" });
  await expect(client.trace()).rejects.toMatchObject({ code: "STARDUST_INVALID_OPTION" });
  await say(2);
  const text = await trace.read();
  const [head, ...events] = records(text);
  expect(head).toMatchObject({
    qlog_version: "0.3",
    trace: { vantage_point: { name: `peer ${client.id}`, type: "server" } },
  });
  const lines = (all: typeof events, name: string): unknown[] =>
    all
      .filter((event) => event.name === `transport:${name}`)
      .flatMap((event) => event.data!["frames"] as { channel?: string; message?: number }[])
      .filter(({ channel }) => channel === "line")
      .map(({ message }) => message);
  // The first was before.
  expect(lines(events, "packet_received")).toEqual([1]);
  await say(3);
  expect(lines(records(`\x1e{}${await trace.stop()}`), "packet_received")).toEqual([2]);
  expect(await trace.read()).toBe("");
  expect(lines(records(await own.stop()), "packet_sent")).toEqual([1, 2]);
  // Another one, which its peer does not outlive: its end is there to be read.
  const last = await peer!.trace();
  await say(4);
  await client.close();
  await until(() => server.peers.size === 0);
  expect(lines(records(await last.read()), "packet_received")).toEqual([3]);
  await last.stop();
  await expect(peer!.trace()).rejects.toMatchObject({ code: "STARDUST_CLOSED" });
});
