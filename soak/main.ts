#!/usr/bin/env node
/** `npm run soak`: the soak from the command line. Ctrl-C ends it after the round that is under way; a second one at once. */
import { UsageError } from "#cli/usage.js";
import { help, parseOptions } from "./options.ts";
import { type SoakResult, soak } from "./soak.ts";

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

function lineOf(round: number, { joins, crashes, rebinds, received, last }: SoakResult): string {
  const workers = [...last.workers.values()].map((one) => mebibytes(one.heapBytes)).join(", ");
  return (
    `round ${round}: ${received} reliable messages arrived; ${joins} joins, ${crashes} workers died, ${rebinds} changes of address; ` +
    `heap ${mebibytes(last.heapBytes)} and ${workers}, buffers ${mebibytes(last.bufferBytes)}, resident ${mebibytes(last.residentBytes)}`
  );
}

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  if (options === "help") {
    process.stdout.write(help);
    return 0;
  }
  const { minutes, seed } = options;
  const untilMs = performance.now() + minutes * 60_000;
  let interrupted = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (interrupted) process.exit(130);
      interrupted = true;
    });
  }
  process.stdout.write(`seed ${seed}\n`);
  try {
    await soak({
      seed,
      goesOn: () => !interrupted && performance.now() < untilMs,
      onRound: (round, result) => process.stdout.write(`${lineOf(round, result)}\n`),
    });
  } catch (error) {
    process.stdout.write(
      `${(error as Error).message}\nagain: npm run soak -- --minutes ${minutes} --seed ${seed}\n`,
    );
    return 1;
  }
  process.stdout.write("every promise was kept\n");
  return interrupted ? 130 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
