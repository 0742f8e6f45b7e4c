/**
 * What is left for the garbage collector: bytes of the heap before and after some work, in a process whose new space is so
 * large that nothing is collected meanwhile.
 */
import { spawnSync } from "node:child_process";

const HUGE_NEW_SPACE = "--max-semi-space-size=256";

/** Runs the program again in such a process, and ends this one, where it is not one already. */
export function insistOnHugeNewSpace() {
  if (process.execArgv.includes(HUGE_NEW_SPACE)) return;
  const args = [HUGE_NEW_SPACE, "--expose-gc", ...process.argv.slice(1)];
  process.exit(spawnSync(process.execPath, args, { stdio: "inherit" }).status ?? 1);
}

/** Collects what is left of work before, which would otherwise fall on whatever is measured when the space is full. */
export const collect = () => globalThis.gc();

export const usedBytes = () => process.memoryUsage().heapUsed;
