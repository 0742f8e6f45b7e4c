/**
 * `npm run bench [-- name …] [--json] [--quick]`: the benchmarks of this folder one after the other, each in a process of its own.
 * With `--json`, one JSON object a line. `--quick` takes about a minute and shows that each runs; its figures are worth nothing.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { suites } from "./net/suites.js";

const programs = ["codec", "codegen", "costs", "profile", "ring", "seal", "session", "size"];
const all = [...programs, ...Object.keys(suites)];
const args = process.argv.slice(2);
const names = args.filter((arg) => !arg.startsWith("-"));
const flags = args.filter((arg) => arg.startsWith("-"));
const wrong = names.filter((name) => !all.includes(name));
if (wrong.length > 0 || flags.some((flag) => !["--json", "--quick", "--write"].includes(flag))) {
  console.error(`usage: npm run bench [-- ${all.join(" | ")}] [--json] [--quick]`);
  process.exitCode = 2;
} else {
  for (const name of names.length > 0 ? names : all) {
    if (!flags.includes("--json")) console.log(`\n== ${name}\n`);
    const [file, ...more] = programs.includes(name) ? [`${name}.js`] : ["net.js", name];
    const path = fileURLToPath(new URL(file, import.meta.url));
    const { status } = spawnSync(process.execPath, [path, ...more, ...flags], { stdio: "inherit" });
    if (status !== 0) process.exitCode = 1;
  }
}
