/**
 * `node bench/where.js [--only NAME,NAME] [--json] [--quick] [--write]`: where the CPU time of an end of the network benchmarks goes.
 * Linux `perf` samples the end's process, all its threads, while the benchmark measures; each sample has one place (where/places.js),
 * so that shares add up. Times are shares of that process' own CPU for each message. `--write` puts the shares into
 * docs/performance.md.
 *
 * V8 writes the names of what it compiles (`--perf-basic-prof`); a function that is inlined bears the name of the one it is in.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeMeasured } from "./document.js";
import { buildLink, buildProtocols } from "./net/build.js";
import { present } from "./net/contestants.js";
import { race } from "./net/race.js";
import { suites } from "./net/suites.js";
import { asJson, isQuick, machine, machineLine, option } from "./options.js";
import { eachStack, Recording, whyNot } from "./where/perf.js";
import { PLACES, placeOf } from "./where/places.js";

/** What the CPU of an end is divided by, from what a race says. */
const COUNTS = {
  message: ({ server }) => server.received,
  "message either way": ({ server, client }) => server.received + client.received,
  "message to a client": ({ client }) => client.received,
  "round trip": ({ client }) => client.received,
  MB: ({ server }, { upBytes }) => (server.received * upBytes) / 1e6,
  "peer and second": ({ wallMs }, { clients }) => (clients * wallMs) / 1000,
  "join and its leave": (_, { visitingClients }) => visitingClients,
};

/** The row of a suite that has this title, or the one whose title begins so. */
function rowOf(suite, begins) {
  const exact = suites[suite].find(({ title }) => title === begins);
  if (exact !== undefined) return exact;
  const found = suites[suite].filter(({ title }) => title.startsWith(begins));
  if (found.length !== 1) throw new Error(`${found.length} rows of ${suite} begin: ${begins}`);
  return found[0];
}

const SUFFIXES = {
  systemsNative: "Native",
  application: "Application",
  applicationNative: "ApplicationNative",
  filled: "Filled",
  filledNative: "FilledNative",
  ownThread: "OwnThread",
  ownThreadNative: "OwnThreadNative",
};
const looking = (name, title, suite, begins, who, per, more) =>
  who.map((id, i) => ({
    name: i === 0 ? name : `${name}${SUFFIXES[id]}`,
    title: `${title}, ${id}`,
    row: rowOf(suite, begins),
    who: id,
    role: "server",
    per,
    span: "steady",
    ...more,
  }));
const BOTH = ["systems", "systemsNative"];
const ALONE = ["ownThread", "ownThreadNative"];

const ENTRIES = [
  ...looking(
    "tick",
    "thirty messages a tick",
    "tick",
    "32 bytes, reliable",
    [...BOTH, "application", ...ALONE],
    "message",
  ),
  ...looking(
    "tickUnreliable",
    "thirty unreliable messages a tick",
    "tick",
    "32 bytes, unreliable, 30",
    [...BOTH, ...ALONE],
    "message",
  ),
  ...looking(
    "one",
    "one message a tick",
    "tick",
    "32 bytes, unreliable, one a tick of 1 ms: a datagram through",
    [...BOTH, ...ALONE],
    "message",
  ),
  ...looking(
    "game12",
    "game of 12",
    "game",
    "12 peers",
    ["systems", ...ALONE],
    "message either way",
  ),
  ...looking(
    "game100",
    "game of 100",
    "game",
    "100 peers on 3",
    [...BOTH, "application", "filled", "filledNative", ...ALONE],
    "message either way",
  ),
  ...looking(
    "ports8",
    "game of 100 on 8 ports",
    "scaling",
    "100 peers on 8 ports, as in game",
    ["systems"],
    "message either way",
  ),
  ...looking(
    "ports8Native",
    "game of 100 on 8 ports",
    "scaling",
    "100 peers on 8 ports, as in game, native sockets",
    ["systemsNative"],
    "message either way",
  ),
  ...looking(
    "game500",
    "game of 500",
    "game",
    "500 peers",
    [...BOTH, "application", ...ALONE],
    "message either way",
  ),
  ...looking(
    "game1000",
    "game of 1000",
    "game",
    "1000 peers",
    [...BOTH, "application", ...ALONE],
    "message either way",
  ),
  ...looking(
    "latency",
    "round trips of 100 clients",
    "latency",
    "questions and answers of 100",
    [...BOTH, "application", "applicationNative"],
    "round trip",
  ),
  ...looking(
    "broadcast",
    "broadcast to 1000",
    "broadcast",
    "200 bytes",
    BOTH,
    "message to a client",
  ),
  ...looking("bulk", "64 KiB, receiving", "bulk", "64 KiB", BOTH, "MB"),
  ...looking("bulkSending", "64 KiB, sending", "bulk", "64 KiB", BOTH, "MB", {
    role: "client",
  }),
  ...looking("bulkLarge", "1 MiB, receiving", "bulk", "1 MiB", ["systemsNative"], "MB"),
  ...looking("bulkLargeSending", "1 MiB, sending", "bulk", "1 MiB", ["systemsNative"], "MB", {
    role: "client",
  }),
  ...looking(
    "loss",
    "64 KiB at 1 % loss, receiving",
    "loss",
    "64 KiB, reliable and in order, as fast as it goes, 50 ms round trip, 1 % lost",
    ["application"],
    "MB",
  ),
  ...looking("joins", "joins", "joins", "8,000", ["sealed"], "join and its leave", {
    span: "joining",
  }),
  ...looking(
    "idle",
    "1000 idle peers",
    "memory",
    "1000 peers that are connected and say nothing: CPU",
    ["application"],
    "peer and second",
  ),
];
/** Longer than the rows themselves: a server that does little has few samples a second. */
const MEASURE_MS = 10_000;
const QUICK = { warmUpMs: 50, measureMs: 150, clients: 10, ports: 1 };

/** What is to be gone when this ends, however it ends. */
const folder = mkdtempSync(join(tmpdir(), "stardust-where-"));
const left = new Set([folder]);
let recording;
const tidy = () => {
  for (const path of left) rmSync(path, { recursive: true, force: true });
};
process.on("exit", tidy);
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
]) {
  process.on(signal, () => {
    // The ends of the race leave by themselves when nobody is there to ask them.
    recording?.end();
    process.exit(code);
  });
}

/** One entry: `{ cost, samples, shares }`, shares by place. */
async function look({ row, role, per, span }, contestant) {
  const scenario = { ...row.scenario, measureMs: MEASURE_MS, ...(isQuick ? QUICK : {}) };
  const file = join(folder, "perf.data");
  const node = [...(row.node ?? []), "--perf-basic-prof"];
  const watch = async (began, pids) => {
    // V8 knows no other folder.
    for (const pid of Object.values(pids).flat()) left.add(`/tmp/perf-${pid}.map`);
    if (began !== span) return;
    recording = await Recording.begin(pids[role], file);
    return () => recording.stop();
  };
  const result = await race({ ...contestant, node }, scenario, watch);
  const counts = Object.fromEntries(Object.keys(PLACES).map((place) => [place, 0]));
  let samples = 0;
  await eachStack(file, (stack) => {
    counts[placeOf(stack)]++;
    samples++;
  });
  if (samples === 0) throw new Error("no samples");
  const { cpuUs } = span === "joining" ? result.joining : result[role];
  const shares = Object.entries(counts).map(([place, count]) => [place, count / samples]);
  const cost = cpuUs / COUNTS[per](result, scenario);
  return { cost, samples, shares: Object.fromEntries(shares) };
}

const percent = (share) => (share * 100).toFixed(0);
const digits = (us) => us.toFixed(us < 10 ? 2 : us < 100 ? 1 : 0);

function asText({ title, per, cost, samples, shares }) {
  const lines = Object.entries(shares)
    .filter(([, share]) => share > 0)
    .sort((a, b) => b[1] - a[1])
    .map(([place, share]) => {
      const us = digits(cost * share).padStart(9);
      return `  ${(share * 100).toFixed(1).padStart(5)} % ${us} us  ${PLACES[place]}`;
    });
  return [`${title}: ${digits(cost)} us a ${per}, ${samples} samples`, ...lines, ""].join("\n");
}

function asMarkdown(results) {
  const shown = Object.keys(PLACES).filter((place) =>
    results.some(({ shares }) => percent(shares[place]) !== "0"),
  );
  const rows = results.map(({ title, per, cost, shares }) => [
    title,
    `${digits(cost)} us a ${per}`,
    ...shown.map((place) => percent(shares[place])),
  ]);
  const head = ["", "CPU of this end", ...shown.map((place) => PLACES[place])];
  const lines = [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
  return `${machineLine()}; shares in %.\n\n${lines.join("\n")}`;
}

async function lookAtAll(entries) {
  await buildProtocols();
  const results = [];
  const skipped = [];
  for (const entry of entries) {
    const { found, skipped: missing } = present([entry.who]);
    const hasLink = entry.row.scenario.link === undefined || buildLink();
    if (found.length === 0 || !hasLink) {
      const install = missing[0]?.install ?? "a bad link needs root, `ip` and TUN devices";
      skipped.push({ name: entry.name, install });
      continue;
    }
    try {
      results.push({ ...entry, row: entry.row.title, ...(await look(entry, found[0])) });
      if (!asJson) console.log(asText(results.at(-1)));
    } catch (error) {
      recording?.end();
      skipped.push({ name: entry.name, failed: error.message.split("\n", 3).join(" ") });
      process.exitCode = 1;
    }
  }
  if (asJson) {
    console.log(JSON.stringify({ bench: "where", machine: machine(), rows: results, skipped }));
    return;
  }
  for (const { name, install, failed } of skipped) console.log(`${name}: ${failed ?? install}`);
  if (process.argv.includes("--write")) writeMeasured("where", asMarkdown(results));
}

const only = option("only")?.split(",");
const unknown = only?.filter((name) => !ENTRIES.some((entry) => entry.name === name)) ?? [];
const reason = whyNot();
if (unknown.length > 0) {
  console.error(`--only takes ${ENTRIES.map(({ name }) => name).join(", ")}`);
  process.exitCode = 2;
} else if (reason !== undefined) {
  console.log(asJson ? JSON.stringify({ bench: "where", skipped: reason }) : reason);
} else {
  const chosen = ENTRIES.filter(({ name }) => only?.includes(name) ?? true);
  await lookAtAll(isQuick ? chosen.slice(0, 1) : chosen);
}
