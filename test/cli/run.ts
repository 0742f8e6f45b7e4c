/** Runs the built command line in a folder of its own, as a user's shell would, with both streams in pipes. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";

export const root: string = fileURLToPath(new URL("../..", import.meta.url));
export const main: string = join(root, "dist/cli/main.js");

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A folder inside the repository, so that generated code finds the package; gone after the file's tests. */
export function temporaryFolder(name: string): string {
  mkdirSync(join(root, "test/tmp"), { recursive: true });
  const folder = mkdtempSync(join(root, `test/tmp/${name}-`));
  folders.push(folder);
  return folder;
}

export function stardust(folder: string, ...args: string[]): Ran {
  return stardustWith({}, folder, ...args);
}

/** The same with other environment variables. */
export function stardustWith(
  variables: Readonly<Record<string, string>>,
  folder: string,
  ...args: string[]
): Ran {
  const env = { ...process.env, NO_COLOR: "", ...variables };
  const done = spawnSync(process.execPath, [main, ...args], { cwd: folder, env, encoding: "utf8" });
  return { code: done.status, out: done.stdout, err: done.stderr };
}
