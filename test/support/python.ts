/**
 * Runs a Python program that checks golden vectors with the package `cryptography`. Where that is missing the tests say so
 * and are skipped; in CI they fail, because CI installs it.
 */
import { spawnSync } from "node:child_process";

/** Debian's, where there is one: another Python of the machine may lack the package. */
const PYTHONS = ["python3", "/usr/bin/python3"];
const found: string | undefined = PYTHONS.find(
  (python) => spawnSync(python, ["-c", "import cryptography"]).status === 0,
);

/** For `it.skipIf`: never skips in CI. */
export const skipWithoutPython: boolean = found === undefined && process.env["CI"] === undefined;
if (skipWithoutPython)
  console.warn("Python's package cryptography is not installed: what it checks is skipped");

/** The one that has it, where there is one. */
export const python: string = found ?? PYTHONS[0]!;

export function runPython(args: readonly string[]): { status: number | null; said: string } {
  const { status, stdout, stderr } = spawnSync(python, args, { encoding: "utf8" });
  return { status, said: `${stdout}${stderr}` };
}
