/**
 * A server's statistics as metrics of Prometheus, for a registry of prom-client, which the application brings along: nothing of it is
 * imported here. One scrape asks the server once, whatever the number of metrics. Names end in their unit, counters in `_total`.
 */
import { StardustError } from "./errors.ts";
import type { Histogram } from "./histogram.ts";
import type { PortStats, ServerStats, StatsOptions } from "./stats.ts";

/** A registry of prom-client, as far as it is used: `register` of that package, or a `Registry`. */
export interface MetricsRegistry {
  registerMetric(metric: never): void;
  removeSingleMetric(name: string): void;
}

/** What the metrics are of. */
export interface MetricsSource {
  stats(options?: StatsOptions): Promise<ServerStats>;
}

export interface MetricsOptions {
  /** What all names begin with; default `stardust_`. Letters, digits and `_`; the first no digit. */
  readonly prefix?: string | undefined;
  /** Labels on each value, for several servers in one registry, say; their prefixes must differ too. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

type Labels = Readonly<Record<string, string | number>>;

interface Value {
  readonly value: number;
  readonly labels: Labels;
  /** Of a histogram's parts. */
  readonly metricName?: string;
}

interface Family {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  read(stats: ServerStats, name: string): Value[];
}

/** Upper bounds of buckets, milliseconds: edges of those of a Histogram, so that no count is split. */
const BOUNDS_MS = [0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096] as const;

/**
 * Registers a server's metrics; returns what takes them out again. Throws STARDUST_INVALID_OPTION for a prefix that is none, and what the registry
 * throws for a name that it has.
 */
export function registerMetrics(
  register: MetricsRegistry,
  server: MetricsSource,
  { prefix = "stardust_", labels = {} }: MetricsOptions = {},
): () => void {
  if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(prefix)) {
    throw new StardustError("STARDUST_INVALID_OPTION", `prefix: no name begins with ${prefix}`);
  }
  let asked: Promise<ServerStats> | undefined;
  // A registry asks all metrics of a scrape at once.
  const stats = (): Promise<ServerStats> => {
    asked ??= server.stats().finally(() => {
      asked = undefined;
    });
    return asked;
  };
  const metrics = families.map((family) => new Metric(family, prefix, labels, stats));
  const registered: Metric[] = [];
  const remove = (): void => {
    for (const metric of registered.splice(0)) register.removeSingleMetric(metric.name);
  };
  try {
    for (const metric of metrics) {
      register.registerMetric(metric as never);
      registered.push(metric);
    }
  } catch (error) {
    remove();
    throw error;
  }
  return remove;
}

/** What a registry takes for a metric: it is asked for its values at each scrape. */
class Metric {
  /** The registry changes it where it writes OpenMetrics. */
  name: string;
  readonly help: string;
  readonly type: Family["type"];
  readonly aggregator: "sum" = "sum";
  readonly #family: Family;
  readonly #labels: Labels;
  readonly #stats: () => Promise<ServerStats>;

  constructor(family: Family, prefix: string, labels: Labels, stats: () => Promise<ServerStats>) {
    this.name = prefix + family.name;
    this.help = family.help;
    this.type = family.type;
    this.#family = family;
    this.#labels = labels;
    this.#stats = stats;
  }

  async get(): Promise<object> {
    const { name, help, type, aggregator } = this;
    const values = this.#family
      .read(await this.#stats(), name)
      .map((value) => ({ ...value, labels: { ...this.#labels, ...value.labels } }));
    return { name, help, type, aggregator, values };
  }

  /** Counts are the server's, and begin with it. */
  reset(): void {}
}

function perPort(
  name: string,
  type: "counter" | "gauge",
  help: string,
  of: (port: PortStats) => number,
): Family {
  return {
    name,
    type,
    help,
    read: ({ ports }) => ports.map((port) => ({ value: of(port), labels: { port: port.port } })),
  };
}

/** Several values a port, each with a label more. */
function perPortAnd(
  name: string,
  type: "counter" | "gauge",
  help: string,
  of: (port: PortStats) => readonly (readonly [Labels, number])[],
): Family {
  return {
    name,
    type,
    help,
    read: ({ ports }) =>
      ports.flatMap((port) =>
        of(port).map(([labels, value]) => ({ value, labels: { port: port.port, ...labels } })),
      ),
  };
}

function perChannel(
  name: string,
  help: string,
  of: (channel: PortStats["channels"][string]) => number,
): Family {
  return perPortAnd(name, "counter", help, ({ channels }) =>
    Object.entries(channels).map(([channel, stats]) => [{ channel }, of(stats)]),
  );
}

function times(
  name: string,
  help: string,
  of: (stats: ServerStats) => readonly (readonly [Labels, Histogram])[],
): Family {
  return {
    name,
    type: "histogram",
    help,
    read: (stats, metric) =>
      of(stats).flatMap(([labels, histogram]) => bucketValues(metric, labels, histogram)),
  };
}

function bucketValues(name: string, labels: Labels, histogram: Histogram): Value[] {
  const upTo = (boundMs: number): number => {
    const buckets = histogram.buckets.filter(({ toMs }) => toMs <= boundMs);
    return buckets.reduce((sum, { count }) => sum + count, 0);
  };
  return [
    ...BOUNDS_MS.map((boundMs) => ({
      metricName: `${name}_bucket`,
      labels: { ...labels, le: String(boundMs / 1000) },
      value: upTo(boundMs),
    })),
    { metricName: `${name}_bucket`, labels: { ...labels, le: "+Inf" }, value: histogram.count },
    { metricName: `${name}_sum`, labels, value: histogram.sumMs / 1000 },
    { metricName: `${name}_count`, labels, value: histogram.count },
  ];
}

const counted = ({ counters }: PortStats, name: string): number => counters[name] ?? 0;

const families: readonly Family[] = [
  perPort("peers", "gauge", "Peers that are there.", ({ peers }) => peers),
  perPort("port_load_ratio", "gauge", "Part of its time that a worker was busy.", (p) => p.load),
  perPort(
    "datagrams_sent_total",
    "counter",
    "Datagrams of the regular protocol sent.",
    (port) => port.datagramsSent,
  ),
  perPort(
    "datagrams_received_total",
    "counter",
    "Datagrams of the regular protocol received.",
    (port) => port.datagramsReceived,
  ),
  perPort("sent_bytes_total", "counter", "Bytes of the datagrams sent.", (port) => port.bytesSent),
  perPort(
    "received_bytes_total",
    "counter",
    "Bytes of the datagrams received.",
    (port) => port.bytesReceived,
  ),
  perPort("datagrams_lost_total", "counter", "Datagrams believed lost.", (port) =>
    counted(port, "session.datagramsLost"),
  ),
  perPort("datagrams_lost_spuriously_total", "counter", "Of those, arrived after all.", (port) =>
    counted(port, "session.spuriousLosses"),
  ),
  perPort(
    "datagrams_missing",
    "gauge",
    "Datagrams that peers have numbered and that are not here; an estimate.",
    (port) => port.datagramsMissing,
  ),
  perPort("frames_resent_total", "counter", "Frames sent again.", (port) => port.framesResent),
  perPort(
    "queue_bytes",
    "gauge",
    "What waits to leave or to be acknowledged.",
    (port) => port.queue.bytes,
  ),
  perPort(
    "queue_age_seconds",
    "gauge",
    "How long the oldest message that has not left has waited.",
    (port) => port.queue.ageMs / 1000,
  ),
  perPortAnd("ring_used_bytes", "gauge", "What lies unread in a ring.", ({ rings }) => [
    [{ ring: "to-worker" }, rings.toWorker.usedBytes],
    [{ ring: "to-application" }, rings.toApplication.usedBytes],
  ]),
  perPortAnd("ring_capacity_bytes", "gauge", "How much a ring holds.", ({ rings }) => [
    [{ ring: "to-worker" }, rings.toWorker.capacityBytes],
    [{ ring: "to-application" }, rings.toApplication.capacityBytes],
  ]),
  perPortAnd("datagrams_refused_total", "counter", "Datagrams refused, by why.", ({ refused }) =>
    Object.entries(refused).map(([reason, count]) => [{ reason }, count]),
  ),
  perPortAnd("joins_total", "counter", "What became of joins.", ({ joins }) => [
    [{ outcome: "joined" }, joins.joined],
    [{ outcome: "expired" }, joins.expired],
    ...Object.entries(joins.rejected).map(
      ([reason, count]) => [{ outcome: reason }, count] as const,
    ),
  ]),
  perChannel("messages_sent_total", "Messages sent.", ({ messagesSent }) => messagesSent),
  perChannel("messages_received_total", "Messages received.", (c) => c.messagesReceived),
  perChannel("message_sent_bytes_total", "Payload bytes sent.", ({ bytesSent }) => bytesSent),
  perChannel("message_received_bytes_total", "Payload bytes received.", (c) => c.bytesReceived),
  times("round_trip_seconds", "Round trips of all peers, ack delays taken off.", ({ ports }) =>
    ports.map(({ port, rtt }) => [{ port }, rtt]),
  ),
  times("event_loop_delay_seconds", "How late timers fire.", ({ ports, eventLoopDelay }) => [
    [{ thread: "application" }, eventLoopDelay],
    ...ports.map((port) => [{ thread: `port ${port.port}` }, port.eventLoopDelay] as const),
  ]),
  times("authenticate_seconds", "How long `authenticate` has taken.", ({ authenticate }) => [
    [{}, authenticate],
  ]),
];
