/**
 * One file of another revision, by the user's own git. No shell: nothing of a name is ever interpreted. The repository
 * is the one that the spec lies in, whatever repository started us: in a hook, `GIT_DIR` and its like name that one, by
 * paths that hold for the hook's own folder.
 */
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { basename, dirname, resolve } from "node:path";
import { UsageError } from "./usage.ts";

/** More than any spec may have. */
const MAX_BYTES = 1 << 22;

/** The bytes of `path` in `revision`; `revision:other/path` names another file, from the root of the repository. */
export function showFile(revision: string, path: string): { name: string; bytes: Uint8Array } {
  if (revision.startsWith("-")) throw new UsageError(`"${revision}" is not a git revision`);
  const own = revision.includes(":");
  const name = own ? revision : `${revision}:${path}`;
  const object = own ? revision : `${revision}:./${basename(path)}`;
  const cwd = dirname(resolve(path));
  const env: NodeJS.ProcessEnv = { ...process.env, LC_ALL: "C" };
  // Where git fails here, it fails again below, and that is reported.
  const local = runGit(["rev-parse", "--local-env-vars"], cwd, process.env).stdout?.toString();
  for (const variable of local?.split("\n") ?? []) delete env[variable];
  const git = runGit(["show", object], cwd, env);
  const failure = git.error as NodeJS.ErrnoException | undefined;
  if (failure?.code === "ENOENT") {
    throw new UsageError(
      `there is no file ${JSON.stringify(revision)}, and git, which could know such a revision, is not installed`,
    );
  }
  if (failure !== undefined) throw new UsageError(`git could not be run: ${failure.message}`);
  if (git.status !== 0) {
    const said = git.stderr.toString("utf8").trim().split("\n")[0]!;
    throw new UsageError(
      `${JSON.stringify(revision)} is neither a file nor a git revision with this spec (${said})`,
    );
  }
  return { name, bytes: git.stdout };
}

function runGit(args: string[], cwd: string, env: NodeJS.ProcessEnv): SpawnSyncReturns<Buffer> {
  return spawnSync("git", args, {
    cwd,
    env,
    maxBuffer: MAX_BYTES,
    stdio: ["ignore", "pipe", "pipe"],
  });
}
