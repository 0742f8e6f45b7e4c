/**
 * A server whose handlers take a fixed time each, and clients in this process that send less than they leave it time for, twice as
 * much, and less again. That process is the server with `--serve-overload`: its application's thread is the one that is full, while the load
 * says how busy it was itself. Delays are from a client's `send` to the beginning of the handler, by one clock.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { build } from "../codec/build.js";
import { isQuick, median } from "../options.js";

const HANDLER_MS = 0.5;
const PORTS = 2;
const PEERS = 16;
const DATA_BYTES = 92;
/** A message as credit counts it. */
const COST_BYTES = DATA_BYTES + 9 + 64;
const BUDGETS_BYTES = 2 * 65_536;
/** More than handlers can do in a second: with that, and nothing reliable, what they can do here is found. */
const FLOOD = 1500 / HANDLER_MS;
const FLOOD_SECONDS = 9;
const NONE_RELIABLE = Number.POSITIVE_INFINITY;
/** One in so many is reliable where both channels send. */
const MIXED = 4;
const SECOND_MS = 1000;
const TICK_MS = 5;
/** The delay that a server which keeps up is under, in the 99th of a hundred. */
const RECOVERED_MS = 100;

const phases = [
  { what: "half of what it can do", load: 0.5, reliableOf: MIXED, seconds: 10 },
  { what: "twice as much", load: 2, reliableOf: MIXED, seconds: 15 },
  { what: "half again", load: 0.5, reliableOf: MIXED, seconds: 10 },
  { what: "twice as much, all of it reliable", load: 2, reliableOf: 1, seconds: 15 },
  { what: "half again", load: 0.5, reliableOf: MIXED, seconds: 15 },
];

const nowUs = () => Number((process.hrtime.bigint() / 1000n) & 0xffff_ffffn);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The 99th of a hundred; undefined of none. */
function p99(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))];
}

async function serve() {
  const { percentile, sinceHistogram } = await import("stardust-udp");
  const { listen } = await import(new URL("../tmp/overload/js/server.js", import.meta.url).href);
  const server = await listen({
    host: "127.0.0.1",
    ports: { count: PORTS },
    maxPeersPerPort: 1024,
  });
  const delays = { kept: [], fresh: [] };
  const handled = { kept: 0, fresh: 0 };
  const next = new Map();
  let [outOfOrder, lost] = [0, 0];
  let delay = (await server.stats()).eventLoopDelay;
  const handle = (name) => (peer, message) => {
    const beganMs = performance.now();
    delays[name].push(((nowUs() - message.atUs) >>> 0) / 1000);
    handled[name]++;
    if (name === "kept") {
      if (message.sequence !== (next.get(peer.id) ?? 0)) outOfOrder++;
      next.set(peer.id, message.sequence + 1);
    }
    while (performance.now() - beganMs < HANDLER_MS);
  };
  server.receive.kept(handle("kept"));
  server.receive.fresh(handle("fresh"));
  server.on("leave", (_peer, { code }) => {
    if (code !== "closed") lost++;
  });
  process.on("message", async () => {
    const stats = await server.stats();
    const count = (name) =>
      stats.ports.reduce((sum, { counters }) => sum + (counters[name] ?? 0), 0);
    process.send({
      kept: p99(delays.kept),
      fresh: p99(delays.fresh),
      handled,
      outOfOrder,
      lost,
      stale: count("messagesStale"),
      shed: count("messagesShed") + count("session.unreliableDropped"),
      lateMs: percentile(sinceHistogram(stats.eventLoopDelay, delay), 1),
    });
    delay = stats.eventLoopDelay;
    delays.kept = [];
    delays.fresh = [];
  });
  process.send({ port: server.ports[0] });
}

async function startServer() {
  const args = [fileURLToPath(import.meta.url), "--serve-overload"];
  const stdio = ["ignore", "inherit", "inherit", "ipc"];
  const child = spawn(process.execPath, args, { stdio });
  const [{ port }] = await once(child, "message");
  const look = async () => {
    child.send("look");
    return (await once(child, "message"))[0];
  };
  return { port, look, end: () => child.kill("SIGKILL") };
}

/** Sends `perSecond` messages of all clients together until it is told to stop, each as it is due. */
function sending(clients, perSecond, reliableOf, counts) {
  const data = new Uint8Array(DATA_BYTES);
  const beganMs = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - beganMs) / 1000) * perSecond);
    for (; sent < due; sent++) {
      const client = clients[sent % clients.length];
      const atUs = nowUs();
      // Each client in turn, and of each the last of so many.
      if (Math.floor(sent / clients.length) % reliableOf === reliableOf - 1) {
        if (client.send.kept({ sequence: client.sent, atUs, data })) {
          client.sent++;
          counts.kept++;
        } else counts.heldUp++;
      } else {
        client.send.fresh({ sequence: 0, atUs, data });
        counts.fresh++;
      }
    }
  }, TICK_MS);
  return () => clearInterval(timer);
}

/** A client that joins and leaves, each second: how long it took. */
async function joining(connect, port, joins) {
  const beganMs = performance.now();
  try {
    const client = await connect({ host: "127.0.0.1", port });
    joins.push(performance.now() - beganMs);
    await client.close();
  } catch {
    joins.push(undefined);
  }
}

const handledOf = ({ handled }) => handled.kept + handled.fresh;

async function runPhase({ perSecond, reliableOf, seconds }, server, clients, connect) {
  const counts = { kept: 0, fresh: 0, heldUp: 0 };
  const [joins, joined, kept, fresh, rates, lateMs] = [[], [], [], [], [], []];
  const before = await server.look();
  const busy = performance.eventLoopUtilization();
  const stop = sending(clients, perSecond, reliableOf, counts);
  const beganMs = performance.now();
  let [after, atMs, recoveredMs] = [before, beganMs, undefined];
  for (let second = 1; second <= seconds; second++) {
    await sleep(Math.max(0, beganMs + second * SECOND_MS - performance.now()));
    joined.push(joining(connect, server.port, joins));
    const [last, lastMs] = [handledOf(after), atMs];
    after = await server.look();
    atMs = performance.now();
    rates.push((SECOND_MS * (handledOf(after) - last)) / (atMs - lastMs));
    lateMs.push(after.lateMs);
    kept.push(after.kept);
    fresh.push(after.fresh);
    const isFast = after.kept <= RECOVERED_MS && after.fresh <= RECOVERED_MS;
    recoveredMs = isFast ? (recoveredMs ?? second * SECOND_MS) : undefined;
  }
  stop();
  const { utilization } = performance.eventLoopUtilization(busy);
  await Promise.all(joined);
  return {
    perSecond,
    sent: counts,
    handledPerSecond: median(rates),
    lateMs: Math.max(...lateMs),
    keptMs: kept,
    freshMs: fresh,
    stale: after.stale - before.stale,
    shed: after.shed - before.shed,
    joinMs: joins.filter((ms) => ms !== undefined),
    failedJoins: joins.filter((ms) => ms === undefined).length,
    recoveredMs,
    loadBusy: utilization,
  };
}

/** All phases one after the other, each handed to `tell` as it ends, and then what became of everything. */
export async function overload(given, tell) {
  await build(new URL("overload.yaml", import.meta.url), "overload");
  const { connect } = await import(new URL("../tmp/overload/js/client.js", import.meta.url).href);
  const peers = given ?? PEERS;
  const server = await startServer();
  const clients = await Promise.all(
    Array.from({ length: peers }, () => connect({ host: "127.0.0.1", port: server.port })),
  );
  let clientsLost = 0;
  for (const client of clients) {
    client.sent = 0;
    client.closed.then(() => clientsLost++);
  }
  const run = (phase) =>
    runPhase({ ...phase, seconds: isQuick ? 1 : phase.seconds }, server, clients, connect);
  const flood = { perSecond: FLOOD, reliableOf: NONE_RELIABLE, seconds: FLOOD_SECONDS };
  const { handledPerSecond: capacity, loadBusy } = await run(flood);
  const boundMs = (1000 * (peers * BUDGETS_BYTES)) / COST_BYTES / capacity;
  tell({ what: "it can do", peers, capacity, boundMs, loadBusy });
  let kept = 0;
  for (const { what, load, ...phase } of phases) {
    const row = await run({ ...phase, perSecond: load * capacity });
    kept += row.sent.kept;
    tell({ what, peers, load, ...row });
  }
  // What still lies in front of the handlers.
  let last = await server.look();
  for (let left = 60; left > 0 && last.handled.kept < kept; left--) {
    await sleep(SECOND_MS / 2);
    last = await server.look();
  }
  server.end();
  return {
    what: "in the end",
    peers,
    keptSent: kept,
    keptHandled: last.handled.kept,
    outOfOrder: last.outOfOrder,
    lost: Math.max(last.lost, clientsLost),
  };
}

function ms(value) {
  if (value === undefined) return "none";
  if (value < 10) return value.toFixed(1);
  return String(Math.round(value));
}

/** How it grew: some of the seconds. */
function growth(values) {
  const step = Math.max(1, Math.floor(values.length / 5));
  return values
    .filter((_, i) => (i + 1) % step === 0)
    .map(ms)
    .join(", ");
}

export function overloadLine(row) {
  if (row.keptSent !== undefined) {
    return `${row.what}: ${row.keptHandled} of ${row.keptSent} reliable messages handled, ${row.outOfOrder} out of order; ${row.lost} of ${row.peers} peers lost`;
  }
  if (row.capacity !== undefined) {
    return `${row.what} ${Math.round(row.capacity)} a second; so credit and receive budget bound the delay by ${ms(row.boundMs)} ms; the load ${Math.round(100 * row.loadBusy)} % busy`;
  }
  const { sent } = row;
  const parts = [
    `${sent.kept} reliable and ${sent.fresh} unreliable messages sent, ${Math.round(row.handledPerSecond)} a second handled`,
    `p99 until handled, ms, reliable ${growth(row.keptMs)}${sent.fresh > 0 ? `; unreliable ${growth(row.freshMs)}` : ""}`,
    `${row.stale} too old, ${row.shed} dropped for want of room, ${sent.heldUp} times held up`,
    `timers of its thread up to ${ms(row.lateMs)} ms late`,
  ];
  const slowest = Math.max(0, ...row.joinMs);
  parts.push(
    `${row.joinMs.length} joined, the slowest in ${ms(slowest)} ms, ${row.failedJoins} failed`,
  );
  if (row.load < 1)
    parts.push(
      row.recoveredMs === undefined
        ? "not under 100 ms at its end"
        : `under 100 ms from second ${row.recoveredMs / SECOND_MS} on`,
    );
  parts.push(`the load ${Math.round(100 * row.loadBusy)} % busy`);
  return `${row.what}:\n  ${parts.join("\n  ")}`;
}

export const overloadHead = `${PORTS} ports, handlers of ${1000 * HANDLER_MS} us on one thread; of each peer's messages one in ${MIXED} is reliable, the others are unreliable with maxAgeMs 100`;

if (process.argv.includes("--serve-overload")) await serve();
