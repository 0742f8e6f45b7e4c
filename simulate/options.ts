/** The simulator's command line: what it takes, and the text of `--help`. */

import { readFlags, readNumber, UsageError } from "#cli/usage.js";
import type { Selection } from "./run.ts";
import type { Scenario } from "./scenario.ts";
import { type SpecName, specNames } from "./specs.ts";

export interface SimulateOptions extends Selection {
  readonly spec: SpecName;
  readonly runs: number;
  readonly seed: number;
  /** Only this run. */
  readonly only: number | undefined;
  /** Only this, instead of runs by number. */
  readonly scenario: Scenario | undefined;
  /** Threads. */
  readonly workers: number;
  /** Where the trace of a single run, or of the first that fails, is written. */
  readonly trace: string | undefined;
  readonly json: boolean;
}

export const help = `Pairs of sessions on simulated links, each held against what its delivery mode promises.

Usage: npm run simulate -- [options]

  --runs N         how many (default 10000)
  --seed S         whole number; the same seed makes the same runs (default: by chance, and printed)
  --mode M         only this delivery mode, or all: every mode at once
  --link L         only this kind of link
  --spec S         plain (the default), sealed, or layout: another header, and channels whose messages age
  --run K          only run K of the seed, as a failure prints it
  --scenario JSON  only this scenario, as a failure prints it
  --workers W      threads (default 1)
  --trace FILE     writes what was sent in the single run, or the first that fails: as text, or
                   as the client's qlog where the name ends in .sqlog
  --json           the result as one JSON object on stdout; all else on stderr
  --help           this text

Exit code: 0; 1 when a promise is broken; 2 for wrong use; 130 when interrupted.
`;

export function parseOptions(args: readonly string[], all: Selection): SimulateOptions | "help" {
  const text = { type: "string" } as const;
  const values = readFlags(args, {
    runs: text,
    seed: text,
    mode: text,
    link: text,
    spec: text,
    run: text,
    scenario: text,
    workers: text,
    trace: text,
    json: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  });
  if (values["help"] === true) return "help";
  const whole = (name: string, min = 0, max = 2 ** 31 - 1): number | undefined =>
    readNumber(values, name, { min, max });
  const oneOf = <T extends string>(name: string, from: readonly T[]): readonly T[] => {
    const value = values[name] as string | undefined;
    if (value === undefined) return from;
    const found = from.find((one) => one === value);
    if (found !== undefined) return [found];
    throw new UsageError(`--${name} is one of ${from.join(", ")}, not "${value}"`);
  };
  return {
    runs: whole("runs") ?? 10_000,
    seed: whole("seed") ?? Math.floor(Math.random() * 2 ** 31),
    only: whole("run"),
    scenario: scenarioIn(values["scenario"] as string | undefined),
    modes: oneOf("mode", all.modes),
    links: oneOf("link", all.links),
    spec: oneOf("spec", specNames)[0]!,
    workers: whole("workers", 1, 64) ?? 1,
    trace: values["trace"] as string | undefined,
    json: values["json"] === true,
  };
}

function scenarioIn(json: string | undefined): Scenario | undefined {
  if (json === undefined) return undefined;
  try {
    return JSON.parse(json) as Scenario;
  } catch (error) {
    throw new UsageError(`--scenario is no JSON: ${(error as Error).message}`);
  }
}
