/**
 * `npm run bench [-- name …] [--json] [--quick] [--write] [--rounds N]`: the benchmarks of this folder one after the other, each in a
 * process of its own. With `--json`, one JSON object a line. `--quick` takes under a minute and shows that each runs; its figures are
 * worth nothing. `--write` puts all tables and pictures into docs/performance.md: for a machine that does nothing else meanwhile.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { writeMeasured } from "./document.js";
import { suites } from "./net/suites.js";

/** Programs of their own, and whether their text goes into the document as it is. */
const programs = {
  codec: true,
  codegen: true,
  costs: false,
  "peer-memory": true,
  profile: false,
  ring: true,
  scale: true,
  seal: true,
  session: true,
  sight: false,
  size: true,
  where: false,
};
const all = [...Object.keys(programs), ...Object.keys(suites)];
const args = process.argv.slice(2);
const names = args.filter((arg) => !/^-|^\d+$/.test(arg));
const flags = args.filter((arg) => /^-|^\d+$/.test(arg));
const isWriting = flags.includes("--write");
const known = (flag) => /^--(json|quick|write|rounds)$|^\d+$/.test(flag);

function run(file, more, keeps) {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const stdio = keeps ? ["ignore", "pipe", "inherit"] : "inherit";
  const { status, stdout } = spawnSync(process.execPath, [path, ...more, ...flags], {
    stdio,
    encoding: "utf8",
  });
  if (status !== 0) process.exitCode = 1;
  return stdout;
}

if (names.some((name) => !all.includes(name)) || !flags.every(known)) {
  console.error(
    `usage: npm run bench [-- ${all.join(" | ")}] [--json | --quick | --write] [--rounds N]`,
  );
  process.exitCode = 2;
} else {
  const chosen = names.length > 0 ? names : all;
  for (const name of chosen.filter((each) => Object.hasOwn(programs, each))) {
    // The record of costs is not written along: that is a step which says that a change is meant.
    if (name === "costs" && names.length === 0) continue;
    if (!flags.includes("--json")) console.log(`\n== ${name}\n`);
    const keeps = isWriting && programs[name];
    const text = run(`${name}.js`, [], keeps);
    if (keeps) writeMeasured(name, `\`\`\`text\n${text.trim()}\n\`\`\``);
  }
  const measured = chosen.filter((each) => Object.hasOwn(suites, each));
  if (measured.length > 0) run("net.js", measured, false);
}
