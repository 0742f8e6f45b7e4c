/** Metrics in a registry of prom-client, against what the server says of itself. */
import { registerMetrics } from "stardust-udp/metrics";
import { expect, it } from "vitest";
import { LatencyHistogram } from "#src/histogram.js";
import { arenaClient, arenaServer, until } from "../support/arena.ts";

interface Registry {
  registerMetric(metric: never): void;
  removeSingleMetric(name: string): void;
  metrics(): Promise<string>;
}

// By a name that no compiler follows: it may not be installed.
const name = "prom-client";
const prom = await (
  import(name) as Promise<{ Registry: new (contentType?: string) => Registry }>
).catch(() => undefined);
if (prom === undefined && process.env["CI"] === "true") throw new Error("prom-client is missing");

/** Values by name and labels, as they stand in a scrape. */
function scraped(text: string): Map<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(" ");
      return [line.slice(0, at), Number(line.slice(at + 1).replace("Inf", "Infinity"))];
    }),
  );
}

// Without prom-client, an optional peer dependency, there is no registry to look into.
it.skipIf(prom === undefined)("are what the server's statistics are", async () => {
  const server = await arenaServer({ ports: { count: 2 } });
  let messages = 0;
  server.receive.chat(() => void messages++);
  const client = await arenaClient(server);
  for (let i = 0; i < 7; i++) client.send.chat({ from: 0, text: "hi" });
  await until(() => messages === 7);
  await client.close();
  await until(() => server.peers.size === 0);
  let asked = 0;
  const source = {
    stats: () => {
      asked++;
      return server.stats();
    },
  };
  const register = new prom!.Registry();
  const remove = registerMetrics(register, source, { labels: { game: "arena" } });
  const text = await register.metrics();
  expect(asked).toBe(1);
  const values = scraped(text);
  const stats = await server.stats();
  for (const { port, bytesReceived, peers, channels, joins } of stats.ports) {
    const of = (metric: string, more = ""): number | undefined =>
      values.get(`stardust_${metric}{game="arena",port="${port}"${more}}`);
    expect(of("peers")).toBe(peers);
    expect(of("received_bytes_total")).toBe(bytesReceived);
    expect(of("messages_received_total", `,channel="chat"`)).toBe(
      channels["chat"]!.messagesReceived,
    );
    expect(of("joins_total", `,outcome="joined"`)).toBe(joins.joined);
    expect(of("joins_total", `,outcome="denied"`)).toBe(0);
    expect(of("ring_capacity_bytes", `,ring="to-worker"`)).toBeGreaterThan(1e6);
  }
  const decided = (part: string): number | undefined =>
    values.get(`stardust_authenticate_seconds_${part}`);
  expect(decided(`count{game="arena"}`)).toBe(1);
  expect(decided(`bucket{game="arena",le="+Inf"}`)).toBe(1);
  // Conventions: help and type of each, base units, counters that say so.
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, metric, type]) => [
    metric,
    type,
  ]);
  expect(types.length).toBeGreaterThan(15);
  for (const [metric, type] of types) {
    expect(metric).toMatch(/^stardust_[a-z_]+$/);
    expect(metric!.endsWith("_total")).toBe(type === "counter");
    expect(metric).not.toMatch(/_(ms|milliseconds|kb|percent)(_|$)/);
  }
  // Another scrape asks again; another server in the registry needs another prefix.
  await register.metrics();
  expect(asked).toBe(2);
  expect(() => registerMetrics(register, source)).toThrow(/already been registered/);
  registerMetrics(register, source, { prefix: "other_" });
  expect(await register.metrics()).toContain("other_peers");
  remove();
  expect(await register.metrics()).not.toContain("stardust_");
  registerMetrics(register, source)();
});

it("have buckets that split no count, and add up", async () => {
  const histogram = new LatencyHistogram();
  for (const ms of [0.2, 0.6, 3, 3.9, 4, 70, 9000]) histogram.add(ms);
  const server = await arenaServer({ ports: { count: 1 } });
  const stats = { ...(await server.stats()), authenticate: histogram.snapshot() };
  const metrics = new Map<
    string,
    { get(): Promise<{ values: { value: number; labels: { le?: string } }[] }> }
  >();
  const register = {
    registerMetric: (metric: never) =>
      void metrics.set((metric as { name: string }).name, metric as never),
    removeSingleMetric: (metric: string) => void metrics.delete(metric),
  };
  registerMetrics(register, { stats: async () => stats });
  const { values } = await metrics.get("stardust_authenticate_seconds")!.get();
  const upTo = Object.fromEntries(values.map(({ labels, value }) => [labels.le ?? "", value]));
  expect(upTo).toMatchObject({
    "0.0005": 1,
    "0.001": 2,
    "0.004": 4,
    "0.008": 5,
    "0.128": 6,
    "4.096": 6,
  });
  expect(upTo["+Inf"]).toBe(7);
  expect(() => registerMetrics(register, { stats: async () => stats }, { prefix: "0-" })).toThrow(
    /prefix/,
  );
});
