/** `stardust generate` of a spec with so many messages, as a process of its own, into an empty folder. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { specText } from "./machine.js";

const folder = fileURLToPath(new URL("tmp/generate/", import.meta.url));
const cli = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));

/** As a row of a suite has it: milliseconds, and KiB of what was generated. */
export function measureGenerate({ messages }) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const spec = `${folder}protocol.yaml`;
  writeFileSync(spec, specText(messages));
  const out = `${folder}generated`;
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, [cli, "generate", spec, "--out", out], {
    encoding: "utf8",
  });
  const cost = performance.now() - start;
  if (status !== 0) throw new Error(stderr);
  const bytes = readdirSync(out).reduce((sum, file) => sum + statSync(`${out}/${file}`).size, 0);
  return { cost, rate: bytes / 1024 };
}
