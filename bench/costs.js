/**
 * `npm run bench -- costs [--write] [--json]`: instructions a message, counted by callgrind: the same on a machine that is busy, so that
 * a change that costs is seen. Compared with bench/costs/costs.json; more than TOLERANCE above what stands there fails. As much below
 * is said, since a gain that is not written down can be lost unseen. `--write` writes the file anew.
 *
 * Instructions are not time: what waits for memory or mispredicts counts as little as what does not. The counter depends on Node's
 * version, so the file says which one it is of, and with another nothing is compared. Without valgrind there is nothing to count;
 * then it says so, and fails only where `CI` is set.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { build } from "./codec/build.js";
import { asJson } from "./options.js";

/** Between runs of the same code figures differ by less than a hundredth of this. */
const TOLERANCE = 0.04;
const RECORD = new URL("costs/costs.json", import.meta.url);

const folder = fileURLToPath(new URL("tmp/costs/", import.meta.url));

/** The program that is counted as one file: looking for many costs more than most of what is counted. */
function bundle() {
  const outfile = fileURLToPath(new URL("tmp/costs.mjs", import.meta.url));
  const entryPoints = [fileURLToPath(new URL("costs/work.js", import.meta.url))];
  buildSync({ entryPoints, outfile, bundle: true, platform: "node", format: "esm" });
  return outfile;
}

/** Instructions an operation, by name. */
function count() {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const out = `${folder}counted`;
  // One thread and fixed seeds, so that compiling and collecting garbage come where they came before.
  const node = ["--single-threaded", "--predictable", "--hash-seed=1", "--random-seed=1"];
  // What is hot is compiled a few hundred calls earlier than usual: under callgrind, warming up is what takes the time.
  node.push("--interrupt-budget=20000");
  const callgrind = [
    "--tool=callgrind",
    "--dump-before=uv_os_getpriority",
    `--callgrind-out-file=${out}`,
  ];
  const work = bundle();
  // Certificates that the environment names would be read at the start, for half a thousand million instructions.
  const env = { PATH: process.env["PATH"] };
  const { status, stdout, stderr } = spawnSync(
    "valgrind",
    [...callgrind, process.execPath, ...node, work],
    { encoding: "utf8", env },
  );
  if (status !== 0) throw new Error(stderr);
  const dumps = readdirSync(folder).length;
  const costs = new Map();
  for (const [i, { name, operations }] of JSON.parse(stdout).entries()) {
    // Each phase is two dumps: what came before it, and it.
    const text = readFileSync(`${out}.${2 * i + 2}`, "utf8");
    const instructions = Number(/^totals: (\d+)/m.exec(text)[1]);
    costs.set(name, [...(costs.get(name) ?? []), instructions / operations]);
  }
  if (dumps < 2)
    throw new Error(`callgrind wrote ${dumps} files: is uv_os_getpriority not a symbol of node?`);
  return Object.fromEntries([...costs].map(([name, parts]) => [name, Math.round(middle(parts))]));
}

/** The mean of the middle half: in some parts V8 compiles or collects, and parts take turns where datagrams fill unevenly. */
function middle(parts) {
  const sorted = [...parts].sort((a, b) => a - b);
  const quarter = Math.floor(sorted.length / 4);
  const kept = sorted.slice(quarter, sorted.length - quarter);
  return kept.reduce((sum, part) => sum + part, 0) / kept.length;
}

function compare(record, costs) {
  const rows = [...new Set([...Object.keys(record), ...Object.keys(costs)])].map((name) => {
    const [before, now] = [record[name], costs[name]];
    const change = before === undefined || now === undefined ? Number.NaN : now / before - 1;
    return { name, before, now, change, isGood: change <= TOLERANCE, isGain: change < -TOLERANCE };
  });
  return { rows, isGood: rows.every((row) => row.isGood) };
}

const isThere = spawnSync("valgrind", ["--version"]).status === 0;
if (!isThere) {
  console.log("costs: skipped, not installed: apt-get install valgrind");
  if (process.env["CI"] === "true") process.exitCode = 1;
} else {
  await build(new URL("codec/protocol.yaml", import.meta.url), "codec");
  await build(new URL("session/protocol.yaml", import.meta.url), "session");
  const costs = count();
  if (process.argv.includes("--write")) {
    writeFileSync(RECORD, `${JSON.stringify({ node: process.version, costs }, null, 2)}\n`);
    console.log(`${Object.keys(costs).length} costs are in bench/costs/costs.json`);
  } else {
    const record = JSON.parse(readFileSync(RECORD, "utf8"));
    const isSame = record.node === process.version;
    const { rows, isGood } = compare(isSame ? record.costs : costs, costs);
    if (asJson) console.log(JSON.stringify({ bench: "costs", node: process.version, rows }));
    else {
      console.log(`instructions a message, Node ${process.version}\n`);
      for (const { name, before, now, change, isGood, isGain } of rows) {
        const percent = `${change > 0 ? "+" : ""}${(change * 100).toFixed(1)} %`;
        console.log(
          `${name.padEnd(32)} ${String(before).padStart(8)} ${String(now).padStart(8)} ${percent.padStart(9)}${isGood ? "" : "  costs more"}${isGain ? "  costs less: write it down" : ""}`,
        );
      }
      if (!isSame) console.log(`\nThe record is of Node ${record.node}: nothing is compared.`);
    }
    if (!isGood) {
      console.error(
        "\nA message costs more than it did. If that is meant: npm run bench -- costs --write",
      );
      process.exitCode = 1;
    }
  }
}
