#!/usr/bin/env node
/**
 * `npm run simulate`: pairs of sessions over links of every kind, each held against what its delivery mode promises. A
 * run that fails is made simpler, and printed with the command that shows it again. Ctrl-C ends it with the table.
 */
import { writeFileSync } from "node:fs";
import type { Protocol } from "stardust-udp/protocol";
import { Session, Trace } from "stardust-udp/testing";
import { UsageError } from "#cli/usage.js";
import { help, parseOptions, type SimulateOptions } from "./options.ts";
import { type Outcome, play } from "./play.ts";
import { endOf, type Failure, type Report, selectionOf } from "./run.ts";
import { type Scenario, scenarioOf } from "./scenario.ts";
import { shrink } from "./shrink.ts";
import { protocolOf } from "./specs.ts";
import { table, tell } from "./table.ts";
import { runShared } from "./worker.ts";

const PROGRESS_EVERY_MS = 200;
/** Events of a trace that are kept. */
const TRACED_EVENTS = 1_000_000;

function progressOf(total: number): { show(done: number): void; clear(): void } {
  const { stderr } = process;
  const started = performance.now();
  let last = 0;
  return {
    show(done) {
      const now = performance.now();
      if (!stderr.isTTY || now - last < PROGRESS_EVERY_MS) return;
      last = now;
      const share = ((100 * done) / total).toFixed(0);
      const rate = ((done * 1000) / (now - started)).toFixed(0);
      stderr.write(`\r\x1b[K${done} of ${total} runs (${share} %), ${rate}/s`);
    },
    clear() {
      if (stderr.isTTY) stderr.write("\r\x1b[K");
    },
  };
}

/** Plays one scenario and writes what was sent into a file. */
function traced(protocol: Protocol, scenario: Scenario, file: string): Outcome {
  const trace = new Trace({ protocol, maxEvents: TRACED_EVENTS });
  const outcome = play(protocol, scenario, Session, { trace });
  writeFileSync(file, file.endsWith(".sqlog") ? trace.toQlog("a") : trace.toText());
  return outcome;
}

/** Plays a single scenario, as it was given or by its number. */
function playOne(protocol: Protocol, scenario: Scenario, options: SimulateOptions): Report {
  const outcome =
    options.trace === undefined
      ? play(protocol, scenario, Session)
      : traced(protocol, scenario, options.trace);
  const { problem, atMs, sent, delivered, datagrams } = outcome;
  const failures = problem === "" ? [] : [{ run: options.only ?? 0, scenario, problem, atMs }];
  const tally = { runs: 1, sent, delivered, datagrams, failures: failures.length };
  return { tallies: { [`${scenario.mode}\t${scenario.link}`]: tally }, failures, runs: 1 };
}

function command({ seed, spec }: SimulateOptions): string {
  const kind = spec === "plain" ? "" : ` --spec ${spec}`;
  return `npm run simulate -- --seed ${seed}${kind}`;
}

/** Each failure as it is, and as simple as it gets. */
function* explain(
  failures: readonly Failure[],
  protocol: Protocol,
  options: SimulateOptions,
): Generator<string> {
  for (const failure of failures) {
    const fail = (scenario: Scenario): string => play(protocol, scenario, Session).problem;
    yield* tell(failure, command(options), shrink(failure.scenario, fail));
  }
}

async function simulate(
  protocol: Protocol,
  options: SimulateOptions,
  signal: AbortSignal,
): Promise<Report> {
  const { spec, seed, only, workers, modes, links } = options;
  if (options.scenario !== undefined) return playOne(protocol, options.scenario, options);
  if (only !== undefined) {
    const all = selectionOf(protocol);
    return playOne(protocol, scenarioOf(seed, only, all.modes, all.links), options);
  }
  const to = endOf(options.runs, protocol, options);
  const progress = progressOf(options.runs);
  const onProgress = progress.show;
  const report = await runShared(
    { protocol, spec, seed, to, modes, links, signal, onProgress },
    workers,
  );
  progress.clear();
  const first = report.failures[0];
  if (first !== undefined && options.trace !== undefined) {
    traced(protocol, first.scenario, options.trace);
  }
  return report;
}

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args, selectionOf(await protocolOf("plain")));
  if (options === "help") {
    process.stdout.write(help);
    return 0;
  }
  const protocol = await protocolOf(options.spec);
  const interrupted = new AbortController();
  process.on("SIGINT", () => {
    if (interrupted.signal.aborted) process.exit(130);
    interrupted.abort();
  });
  process.on("SIGTERM", () => interrupted.abort());
  const say = (text: string): void =>
    void (options.json ? process.stderr : process.stdout).write(`${text}\n`);
  if (options.scenario === undefined) say(`seed ${options.seed}`);
  const started = performance.now();
  const report = await simulate(protocol, options, interrupted.signal);
  const seconds = (performance.now() - started) / 1000;
  const all = Object.values(report.tallies);
  const sum = (field: "sent" | "delivered" | "datagrams"): number =>
    all.reduce((total, tally) => total + tally[field], 0);
  if (options.json) {
    const result = { seed: options.seed, seconds: Number(seconds.toFixed(3)), ...report };
    process.stdout.write(`${JSON.stringify(result)}\n`);
  } else if (options.scenario === undefined && options.only === undefined) {
    for (const line of table(report, options)) say(line);
  }
  say("");
  say(
    `${report.runs} runs in ${seconds.toFixed(1)} s: ${sum("delivered")} of ${sum("sent")} messages delivered, in ${sum("datagrams")} datagrams`,
  );
  const { failures } = report;
  say(failures.length === 0 ? "every promise was kept" : `${failures.length} runs failed:`);
  for (const line of explain(failures, protocol, options)) say(line);
  if (failures.length > 0) return 1;
  return interrupted.signal.aborted ? 130 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
