/** Memory of messages that are done with, where native sockets are in use: a process of its own each, since it is the process's. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { root, temporaryFolder } from "../cli/run.ts";
import { skipWithoutNative } from "../support/native-sockets.ts";

const ROUNDS = 60;
const MESSAGES = 4;
const MESSAGE_BYTES = 1_048_576;
const PAGE_BYTES = 4096;
/** What is touched in all rounds. */
const PAGES = (ROUNDS * MESSAGES * MESSAGE_BYTES) / PAGE_BYTES;

const program = join(temporaryFolder("native-memory"), "messages.mjs");
writeFileSync(
  program,
  `
  import { Worker, isMainThread } from "node:worker_threads";
  import { openSocket } from ${JSON.stringify(pathToFileURL(join(root, "dist/src/udp/open-socket.js")).href)};
  if (isMainThread) new Worker(new URL(import.meta.url));
  else {
    const socket = await openSocket({ host: "127.0.0.1", port: 0, warn: false, kind: "native" });
    let messages = [];
    const round = () => {
      for (let i = 0; i < ${MESSAGES}; i++) messages.push(new Uint8Array(${MESSAGE_BYTES}).fill(1));
      messages = [];
      gc({ type: "minor" });
    };
    const faults = () => process.resourceUsage().minorPageFault;
    for (let i = 0; i < 10; i++) round();
    const before = faults();
    for (let i = 0; i < ${ROUNDS}; i++) round();
    console.log(faults() - before);
    await socket.close();
  }
`,
);

/** What the environment says of memory is the test's to say. */
function without(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^(MALLOC_|GLIBC_TUNABLES$)/.test(name)),
  );
}

/** How often memory was touched that the system had to find first. */
function faults(env: NodeJS.ProcessEnv): number {
  const { stdout, stderr } = spawnSync(process.execPath, ["--expose-gc", program], {
    encoding: "utf8",
    timeout: 60_000,
    env: { ...without(process.env), ...env },
  });
  expect(stderr).toBe("");
  return Number(stdout);
}

const { header } = process.report.getReport() as unknown as {
  header: { glibcVersionRuntime?: string };
};

// Other C libraries have other rules, and native sockets are there only where a C compiler is.
describe.skipIf(skipWithoutNative || header.glibcVersionRuntime === undefined)(
  "with native sockets and glibc",
  () => {
    it("memory of messages that are done with is kept for the next", () => {
      expect(faults({})).toBeLessThan(PAGES / 20);
    });

    it("it goes back to the system where the environment has switched that off", () => {
      expect(faults({ MALLOC_TRIM_THRESHOLD_: "131072" })).toBeGreaterThan(PAGES / 2);
    });
  },
);
