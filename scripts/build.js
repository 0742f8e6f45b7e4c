/**
 * Builds into dist/: the library (`src`, `codegen`, `cli`, and the page of `dashboard`), then, unless only that is asked for (`node scripts/build.js
 * lib`), the arena (`generated`, `demo`, `fuzz`, `simulate`, `soak`); and into native/build the native sockets, where that can be. A part is
 * built when a file that it is made of has other content than when it was built last, and it is said when that takes time. Worst case: all of
 * it; a build that fails leaves its part marked as not built.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const common = ["package.json", "package-lock.json", "tsconfig.base.json", "scripts/build.js"];
const library = [
  "src",
  "codegen",
  "cli",
  "dashboard",
  "scripts/dashboard-page.js",
  "tsconfig.lib.json",
];
const parts = [
  {
    name: "lib",
    made: [...common, ...library],
    steps: [["-p", "tsconfig.lib.json"], "codegen/copy-assets.js", "scripts/dashboard-page.js"],
  },
  {
    name: "arena",
    // Its types come from the library.
    made: [
      ...common,
      ...library,
      "generated",
      "demo",
      "fuzz",
      "simulate",
      "soak",
      "tsconfig.arena.json",
    ],
    steps: [["-p", "tsconfig.arena.json"]],
  },
  // Where they cannot be built it says nothing, and nothing else needs them.
  { name: "native", made: ["native/build.js", "native/socket.c"], steps: ["native/build.js"] },
];

/** What a part is made of, as one hash. */
function contentOf(paths) {
  const hash = createHash("sha256");
  const visit = (path) => {
    const entries = readdirSync(join(root, path), { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const inner = `${path}/${entry.name}`;
      if (entry.isDirectory()) visit(inner);
      else add(inner);
    }
  };
  const add = (path) => hash.update(`${path}\0`).update(readFileSync(join(root, path)));
  for (const path of paths) {
    if (!existsSync(join(root, path))) continue;
    if (/\.\w+$/.test(path)) add(path);
    else visit(path);
  }
  return hash.digest("hex");
}

function read(path) {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
const wanted = process.argv[2];
for (const { name, made, steps } of parts) {
  if (wanted !== undefined && wanted !== name && name !== "native") continue;
  const stamp = join(root, "dist", `.built-${name}`);
  const content = contentOf(made);
  if (read(stamp) === content) continue;
  // Not on stdout: what is built for may print a result there.
  process.stderr.write(`building what has changed (${name}) …\n`);
  rmSync(stamp, { force: true });
  for (const step of steps) {
    const args = Array.isArray(step) ? [tsc, ...step] : [step];
    const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
    if (status !== 0) process.exit(status ?? 1);
  }
  writeFileSync(stamp, content);
}
