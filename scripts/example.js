/**
 * `npm run example`: installs examples/pong against this checkout, builds it, runs its test and its bounded start; the
 * first step that fails ends the run with its exit code. The package itself must have been built before.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = fileURLToPath(new URL("../examples/pong", import.meta.url));
/** No step takes a tenth of this; a hang must not hold up CI. */
const STEP_TIMEOUT_MS = 180_000;

function npm(...args) {
  console.log(`\n> npm ${args.join(" ")}`);
  // npm tells its scripts where it is; without it (`node scripts/example.js`) the one on the path will do.
  const path = process.env.npm_execpath;
  const [command, first] = path === undefined ? ["npm", []] : [process.execPath, [path]];
  const { status, error, signal } = spawnSync(command, [...first, ...args], {
    cwd: folder,
    stdio: "inherit",
    timeout: STEP_TIMEOUT_MS,
    shell: path === undefined && process.platform === "win32",
  });
  if (status === 0) return;
  console.error(`npm ${args[0]} failed: ${error?.message ?? signal ?? `exit code ${status}`}`);
  process.exit(status ?? 1);
}

if (!existsSync(`${root}dist/cli/main.js`)) {
  console.error("the package is not built: run `npm run build` first");
  process.exit(1);
}
npm("ci", "--no-fund", "--no-audit");
npm("run", "--silent", "build");
// Built just now: without the scripts' own pre-steps, which would build again.
npm("test", "--silent", "--ignore-scripts");
npm("start", "--silent", "--ignore-scripts");
