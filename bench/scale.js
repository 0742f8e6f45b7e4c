/**
 * A server by itself, and under many peers of other processes: `stardust load` joins it, and the server says what that cost it. Prints a
 * table, or JSON with `--json`. The server echoes on its application's thread, whatever the channel. What is CPU holds on a machine that
 * others use; latencies, losses and how many are carried do not.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildProtocols } from "./net/build.js";
import { generated } from "./net/stardust.js";
import { asJson, isQuick, machine, machineLine } from "./options.js";
import { overload, overloadHead, overloadLine } from "./scale/overload.js";

const SETTLE_MS = isQuick ? 200 : 2000;
/** So long V8 tidies up each thread's heap, when nothing happens any more; threads that do nothing at all cost the same. */
const TIDY_MS = isQuick ? 200 : 25_000;
const folder = generated({ sealed: true });

/** Inside the server's process: answers with what it has used since it was asked last. */
async function serve(ports) {
  const { listen } = await import(new URL("server.js", folder).href);
  const server = await listen({
    ports: { count: ports },
    maxPeersPerPort: 8192,
    // All ask one port, which remembers their joins for the 30 seconds that this spec's handshake may take.
    limits: { rememberedJoins: 65_536 },
  });
  for (const name of ["wordsReliable", "wordsUnreliable"]) {
    server.receive[name]((peer, message) => peer.send[name](message));
  }
  let cpu = process.cpuUsage();
  let atMs = performance.now();
  process.on("message", async () => {
    const { user, system } = process.cpuUsage(cpu);
    const wallMs = performance.now() - atMs;
    cpu = process.cpuUsage();
    atMs = performance.now();
    const { rss } = process.memoryUsage();
    const { ports: stats, messagesReceived } = await server.stats();
    const count = (name) => stats.reduce((sum, { counters }) => sum + (counters[name] ?? 0), 0);
    const drops =
      count("messagesShed") + count("session.unreliableDropped") + count("messagesStale");
    process.send({
      cpuMs: (user + system) / 1000,
      wallMs,
      rss,
      peers: server.peers.size,
      messagesReceived,
      drops,
    });
  });
  process.send({ port: server.ports[0] });
}

/** A server in a process of its own. */
async function startServer(ports) {
  const child = spawn(
    process.execPath,
    [fileURLToPath(import.meta.url), "--serve", String(ports)],
    {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    },
  );
  const [{ port }] = await once(child, "message");
  const used = async () => {
    child.send("used");
    return (await once(child, "message"))[0];
  };
  return { port, used, end: () => child.kill("SIGKILL") };
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** `stardust load`; calls `measure` when all have joined. */
async function load(args, measure) {
  const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
  const child = spawn(process.execPath, [main, "load", fileURLToPath(folder), "--json", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  child.stdout.on("data", (text) => {
    out += String(text);
  });
  const running = new Promise((resolve) => {
    child.stderr.on("data", (text) => void (String(text).includes("running:") && resolve()));
  });
  const ended = once(child, "close");
  await Promise.race([running, ended]);
  const measured = await measure();
  await ended;
  return { report: JSON.parse(out), measured };
}

async function idle(ports) {
  const server = await startServer(ports);
  await sleep(TIDY_MS);
  await server.used();
  await sleep(isQuick ? 500 : 20_000);
  const { cpuMs, wallMs } = await server.used();
  server.end();
  return { what: `${ports} ports, nobody`, corePercent: (100 * cpuMs) / wallMs };
}

async function peers(count, ports, rate, seconds) {
  const server = await startServer(ports);
  await sleep(SETTLE_MS);
  const before = await server.used();
  const args = `--port ${server.port} --peers ${count} --join-rate 400 --rate ${rate} --duration ${seconds}`;
  const echo = rate > 0 ? ["--channel", "wordsUnreliable", "--echo", "wordsUnreliable"] : [];
  const { report, measured } = await load([...args.split(" "), ...echo], async () => {
    const first = await server.used();
    await sleep((seconds * 1000) / 2);
    const second = await server.used();
    const messages = second.messagesReceived - first.messagesReceived;
    return { ...second, messages, drops: second.drops - first.drops };
  });
  server.end();
  const { cpuMs, wallMs, rss, messages, drops } = measured;
  return {
    what:
      rate === 0
        ? `${count} idle peers on ${ports} ports`
        : `${count} peers on ${ports} ports, ${rate} a second each way`,
    corePercent: (100 * cpuMs) / wallMs,
    usPerMessage: messages > 0 ? (1000 * cpuMs) / messages : undefined,
    residentKibPerPeer: (rss - before.rss) / 1024 / count,
    joined: report.peers.joined,
    lost: Object.values(report.lostPeers).reduce((sum, more) => sum + more, 0),
    failedJoins: Object.values(report.failedJoins).reduce((sum, more) => sum + more, 0),
    failures: report.failedJoins,
    sentPerSecond: report.messages.sentPerSecond,
    echoed:
      report.echo === undefined ? undefined : report.echo.returned / Math.max(1, report.echo.sent),
    drops,
    p99Ms: report.latencyMs.p99,
    loadBusy: Math.max(0, ...report.generator.busy),
    lateMessages: report.generator.lateMessages,
  };
}

/** Why joins have failed, where any has. */
const reasonsOf = (failures) =>
  Object.keys(failures).length === 0 ? "" : ` (${Object.keys(failures).join(", ")})`;

function lineOf(row) {
  const parts = [`${row.corePercent.toFixed(2)} % of a core`];
  if (row.usPerMessage !== undefined)
    parts.push(`${row.usPerMessage.toFixed(1)} us a message both ways`);
  if (row.joined !== undefined) {
    parts.push(`${row.residentKibPerPeer.toFixed(1)} KiB resident a peer`);
    parts.push(
      `${row.joined} joined, ${row.failedJoins} failed${reasonsOf(row.failures)}, ${row.lost} lost`,
    );
    if (row.echoed !== undefined)
      parts.push(
        `${(100 * row.echoed).toFixed(2)} % came back, ${row.drops} dropped by the server, p99 ${row.p99Ms.toFixed(1)} ms`,
      );
    parts.push(
      `the load ${Math.round(100 * row.loadBusy)} % busy${row.lateMessages > 0 ? ` and ${row.lateMessages} messages late` : ""}`,
    );
  }
  return `${row.what}: ${parts.join("; ")}`;
}

/** A step's rows, as they are measured. */
async function run(name, given, tell) {
  const seconds = isQuick ? 1 : 20;
  if (name === "nobody") tell(await idle(4));
  else if (name === "idle") tell(await peers(given ?? 10_000, 4, 0, seconds));
  else if (name === "busy") tell(await peers(given ?? (isQuick ? 20 : 2000), 4, 20, seconds));
  else if (name === "twice") tell(await peers(2 * (given ?? 2000), 4, 20, seconds));
  else tell(await overload(given, tell));
}

const steps = ["nobody", "idle", "busy", "twice", "overload"];

function usage(problem) {
  console.error(
    `${problem}\nusage: node bench/scale.js [--only ${steps.join(" | ")}] [--peers N] [--json] [--quick]`,
  );
  process.exit(2);
}

/** What it was asked for; `--write` and `--rounds N` are what bench/main.js hands to all programs. */
function asked() {
  const [flag, text] = [{ type: "boolean" }, { type: "string" }];
  const options = { only: text, peers: text, json: flag, quick: flag, write: flag, rounds: text };
  try {
    const { only, peers: count } = parseArgs({ options }).values;
    if (only !== undefined && !steps.includes(only)) usage(`there is no step ${only}`);
    if (count !== undefined && !/^[1-9]\d*$/.test(count)) usage(`--peers ${count}`);
    if (count !== undefined && only === "nobody") usage("nobody has no peers");
    /** Fewer, on a machine that has no room for so many. */
    return { only, given: count === undefined ? undefined : Number(count) };
  } catch (error) {
    return usage(error.message);
  }
}

const at = process.argv.indexOf("--serve");
if (at >= 0) await serve(Number(process.argv[at + 1]));
else {
  const { only, given } = asked();
  await buildProtocols([]);
  const sockets = process.env.STARDUST_SOCKETS ?? "node";
  if (!asJson)
    console.log(
      `sealed, echoes on the application's thread, sockets: ${sockets}\n${machineLine()}\n`,
    );
  for (const name of steps) {
    if (only !== undefined && only !== name) continue;
    // That it runs is seen from one.
    if (isQuick && only === undefined && name !== "busy") continue;
    if (name === "overload" && !asJson) console.log(`\n${overloadHead}`);
    await run(name, given, (row) => {
      const line = name === "overload" ? overloadLine : lineOf;
      console.log(asJson ? JSON.stringify({ ...machine(), step: name, ...row }) : line(row));
    });
  }
  process.exit(0);
}
