/**
 * `npm run bench [-- name …] [--json]`: the benchmarks of this folder one after the other, each in a process of its own.
 * With `--json`, one JSON object a line.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const all = ["codec", "generate", "profile", "ring", "seal", "session", "size"];
const args = process.argv.slice(2);
const names = args.filter((arg) => !arg.startsWith("-"));
const flags = args.filter((arg) => arg.startsWith("-"));
const wrong = names.filter((name) => !all.includes(name));
if (wrong.length > 0 || flags.some((flag) => flag !== "--json")) {
  console.error(`usage: npm run bench [-- ${all.join(" | ")}] [--json]`);
  process.exitCode = 2;
} else {
  for (const name of names.length > 0 ? names : all) {
    if (flags.length === 0) console.log(`\n== ${name}\n`);
    const file = fileURLToPath(new URL(`${name}.js`, import.meta.url));
    const { status } = spawnSync(process.execPath, [file, ...flags], { stdio: "inherit" });
    if (status !== 0) process.exitCode = 1;
  }
}
