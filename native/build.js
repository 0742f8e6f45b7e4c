/**
 * Builds the native sockets (socket.c) and what seals for them (seal.c) into native/build/, where that can be: on Linux, with a C compiler and the headers that come with Node.
 * npm runs it when the package is installed, and it says nothing then: without them everything works on `node:dgram`.
 * `node native/build.js --verbose` says what it does, and fails where it cannot.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const isVerbose = process.argv.includes("--verbose");

/** What stands in the way, or undefined. */
function build() {
  if (process.platform !== "linux") return `they are for Linux, and this is ${process.platform}`;
  const include = join(dirname(process.execPath), "..", "include", "node");
  if (!existsSync(join(include, "node_api.h"))) return `Node's headers are not in ${include}`;
  const folder = join(here, "build");
  mkdirSync(folder, { recursive: true });
  // Under another name first: who loads it meanwhile finds the old one whole.
  const made = join(folder, `socket.${process.pid}.node`);
  const [compiler, ...more] = (process.env.CC || "cc").split(" ");
  const args = [...more, "-O2", "-Wall", "-fPIC", "-shared", `-I${include}`, "-o", made];
  const sources = ["socket.c", "seal.c"].map((name) => join(here, name));
  const { error, status, stderr } = spawnSync(compiler, [...args, ...sources], {
    encoding: "utf8",
  });
  if (error !== undefined) return `there is no C compiler: ${error.message}`;
  if (status !== 0) {
    rmSync(made, { force: true });
    return stderr;
  }
  renameSync(made, join(folder, "socket.node"));
  return undefined;
}

let problem;
try {
  problem = build();
} catch (error) {
  problem = error.message;
}
if (isVerbose) {
  console.error(problem === undefined ? "built native/build/socket.node" : `not built: ${problem}`);
  if (problem !== undefined) process.exitCode = 1;
}
