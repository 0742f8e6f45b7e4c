/**
 * How long `stardust generate` takes on a spec of 300 messages, Node's start included: the whole process, into an empty
 * folder, wall time and CPU time. Beside it, Node doing nothing. `--json` for machines. Build first.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { MESSAGES, specText } from "./machine.js";
import { asJson, isQuick, machineLine, machine as machineOf } from "./options.js";

const RUNS = isQuick ? 1 : 7;
const TARGET_MS = 1000;

const folder = fileURLToPath(new URL("tmp/generate/", import.meta.url));
const cli = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));

function timed(args) {
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return performance.now() - start;
}

const figure = (values) => ({
  ms: [...values].sort((a, b) => a - b)[values.length >> 1],
  low: Math.min(...values),
  high: Math.max(...values),
});

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const spec = `${folder}protocol.yaml`;
writeFileSync(spec, specText());
const out = `${folder}generated`;
const generate = [];
const unchanged = [];
const node = [];
for (let i = 0; i < RUNS; i++) {
  node.push(timed(["-e", "0"]));
  rmSync(out, { recursive: true, force: true });
  generate.push(timed([cli, "generate", spec, "--out", out]));
  unchanged.push(timed([cli, "generate", spec, "--out", out, "--check"]));
}
const files = readdirSync(out).map((file) => statSync(`${out}/${file}`).size);
const report = {
  bench: "codegen",
  messages: MESSAGES,
  runs: RUNS,
  machine: machineOf(),
  generate: figure(generate),
  check: figure(unchanged),
  nodeAlone: figure(node),
  files: files.length,
  bytes: files.reduce((sum, size) => sum + size, 0),
  targetMs: TARGET_MS,
};

if (asJson) console.log(JSON.stringify(report));
else {
  const cell = ({ ms, low, high }) =>
    `${ms.toFixed(0).padStart(6)} ms (${low.toFixed(0)} to ${high.toFixed(0)})`;
  console.log(`A spec of ${MESSAGES} messages, wall time of the process, median of ${RUNS} runs`);
  console.log(`${machineLine()}\n`);
  console.log(`generate            ${cell(report.generate)}`);
  console.log(`generate --check    ${cell(report.check)}`);
  console.log(`node alone          ${cell(report.nodeAlone)}`);
  const verdict = report.generate.ms <= TARGET_MS ? "met" : "missed";
  console.log(
    `\n${report.files} files, ${(report.bytes / 1024).toFixed(0)} KiB; target ${TARGET_MS} ms: ${verdict}`,
  );
}
