/**
 * The command `init`: a new project in an empty folder. What its files say is init-files.ts's. Nothing that exists is
 * ever overwritten, and nothing is installed: the package manager is the user's.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { ExitCode, Invocation } from "./command.ts";
import { projectFiles } from "./init-files.ts";
import { UsageError } from "./usage.ts";

/** The package this runs from, from dist/cli. */
const home = fileURLToPath(new URL("../..", import.meta.url));

export async function runInit(invocation: Invocation): Promise<ExitCode> {
  const given = invocation.positionals[0] ?? ".";
  const folder = resolve(given);
  const force = invocation.flags["force"] === true;
  // A fresh clone is as good as empty.
  const there = existsSync(folder) ? readdirSync(folder).filter((name) => name !== ".git") : [];
  if (there.length > 0 && !force) {
    const some = there.slice(0, 3).join(", ");
    throw new UsageError(
      `${given} is not empty (${some}${there.length > 3 ? ", …" : ""}); --force adds what is missing and overwrites nothing`,
    );
  }
  const files = projectFiles({ name: packageName(folder), dependency: dependency(folder) });
  let written = 0;
  for (const [file, text] of Object.entries(files)) {
    const path = join(folder, file);
    mkdirSync(dirname(path), { recursive: true });
    try {
      writeFileSync(path, text, { flag: "wx" });
      written++;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      invocation.err(`${join(given, file)} is there already and stays as it is\n`);
    }
  }
  const enter = folder === process.cwd() ? "" : `cd ${given}\n  `;
  invocation.out(
    `${given}: ${written} files written. Next:\n\n  ${enter}npm install\n  npm test\n  npm start\n`,
  );
  return 0;
}

/** A name that npm takes, of the folder's. */
function packageName(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return name === "" ? "stardust-game" : name.slice(0, 100);
}

/** What stands for the package in package.json: this checkout by its path, or the released version. */
function dependency(folder: string): string {
  if (existsSync(join(home, "codegen", "copy-assets.js"))) {
    return `file:${relative(folder, home).split(sep).join("/")}`;
  }
  const { version } = JSON.parse(readFileSync(join(home, "package.json"), "utf8")) as {
    version: string;
  };
  return `^${version}`;
}
