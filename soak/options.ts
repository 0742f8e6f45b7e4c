/** The soak's command line: what it takes, and the text of `--help`. */
import { readFlags, readNumber } from "#cli/usage.js";

export interface SoakOptions {
  readonly minutes: number;
  readonly seed: number;
}

export const help = `A server and clients over real sockets, in which everything happens at random for a while: joins, leaves, rebinding,
loss, malformed messages, slow readers, workers that die or hang. Between rounds all must be as it was in the beginning.

Usage: npm run soak -- [options]

  --minutes N   how long (default 2); a round that has begun is finished
  --seed S      whole number; the same seed makes the same decisions, though not the same timing
                (default: by chance, and printed)
  --help        this text

Exit code: 0; 1 when a promise is broken or something leaks; 2 for wrong use; 130 when interrupted.
`;

export function parseOptions(args: readonly string[]): SoakOptions | "help" {
  const text = { type: "string" } as const;
  const values = readFlags(args, {
    minutes: text,
    seed: text,
    help: { type: "boolean", short: "h" },
  });
  if (values["help"] === true) return "help";
  return {
    minutes: readNumber(values, "minutes", { min: 0.01, max: 10_000, whole: false }) ?? 2,
    seed:
      readNumber(values, "seed", { min: 0, max: 2 ** 31 - 1 }) ??
      Math.floor(Math.random() * 2 ** 31),
  };
}
