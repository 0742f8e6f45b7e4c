#!/usr/bin/env node
/**
 * `npm run fuzz`: mutated inputs for every generated decoder of the arena and of test/specs/, and for sessions of them. The first part of a run is
 * measured (which branches of the decoders it reached), the rest runs at full speed. Ctrl-C ends it with a summary.
 */
import { UsageError } from "#cli/usage.js";
import type { Coverage } from "./coverage.ts";
import { type FuzzOptions, help, parseOptions } from "./options.ts";
import type { Failure, Report } from "./run.ts";
import type { Target } from "./target.ts";

/** Cases that are measured; branches not reached by then are hardly reached later. */
const MEASURED_CASES = 200_000;
const PROGRESS_EVERY_MS = 200;

class Progress {
  readonly #total: number;
  readonly #started: number = performance.now();
  #last = 0;

  constructor(total: number) {
    this.#total = total;
  }

  show(done: number): void {
    if (!process.stderr.isTTY) return;
    const now = performance.now();
    if (now - this.#last < PROGRESS_EVERY_MS) return;
    this.#last = now;
    const rate = (done * 1000) / (now - this.#started);
    const share = ((100 * done) / this.#total).toFixed(0);
    process.stderr.write(
      `\r\x1b[K${done} of ${this.#total} cases (${share} %), ${rate.toFixed(0)}/s`,
    );
  }

  clear(): void {
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  }
}

function reproduce(options: FuzzOptions): string {
  const spec = options.spec === undefined ? "" : ` --spec ${options.spec}`;
  const target = options.target === undefined ? "" : ` --target ${options.target}`;
  return `npm run fuzz -- --seed ${options.seed}${spec}${target}`;
}

/** Of one spec: its decoders' coverage, both files together. */
interface Reached {
  readonly spec: string;
  readonly branches: number;
  readonly reached: number;
  readonly missed: readonly string[];
}

function reachedOf(spec: string, files: readonly [string, Coverage][]): Reached {
  return {
    spec,
    branches: files.reduce((sum, [, c]) => sum + c.branches, 0),
    reached: files.reduce((sum, [, c]) => sum + c.reached, 0),
    missed: files.flatMap(([file, c]) =>
      c.missed.map((m) => `${file}:${m.line} ${m.kind} in ${m.function}`),
    ),
  };
}

async function fuzz(options: FuzzOptions): Promise<number> {
  const { seed, only } = options;
  const say = (text: string): void =>
    void (options.json ? process.stderr : process.stdout).write(`${text}\n`);
  if (options.target === "native") {
    const { fuzzNative } = await import("./native.ts");
    return fuzzNative(seed, options.cases);
  }
  // Heavy (fast-check, the compiler): not before the command line is known to be good.
  const { findSpecs, targetsOf } = await import("./targets.ts");
  const { run } = await import("./run.ts");
  const { HangDetector } = await import("./hang-detector.ts");
  const all = findSpecs();
  const specs = all.filter(({ name }) => options.spec === undefined || name === options.spec);
  if (specs.length === 0) {
    const names = all.map(({ name }) => name).join(", ");
    throw new UsageError(`there is no spec ${options.spec}; there are ${names}`);
  }
  const interrupted = new AbortController();
  process.on("SIGINT", () => {
    if (interrupted.signal.aborted) process.exit(130);
    interrupted.abort();
  });
  process.on("SIGTERM", () => interrupted.abort());
  const { CoverageMeter } = await import("./coverage.ts");
  // A target alone reaches too little to be of interest.
  const isMeasured = only === undefined && options.target === undefined;
  const meter = isMeasured ? new CoverageMeter() : undefined;
  const targets: Target[] = [];
  for (const spec of specs) {
    const own = await targetsOf(spec, seed);
    targets.push(
      ...own.filter(({ name }) => options.target === undefined || name === options.target),
    );
  }
  if (targets.length === 0) throw new UsageError(`no spec has a target ${options.target}`);
  say(`seed ${seed}, ${specs.map(({ name }) => name).join(", ")}`);

  const progress = new Progress(options.cases);
  const hangDetector = new HangDetector(reproduce(options));
  const reports: Report[] = [];
  const part = async (from: number, cases: number): Promise<void> => {
    reports.push(
      await run({
        targets,
        seed,
        from,
        cases,
        signal: interrupted.signal,
        onProgress: (done) => progress.show(from + done),
        onCase: hangDetector.onCase,
      }),
    );
  };
  const measured = only === undefined ? Math.min(options.cases, MEASURED_CASES) : 1;
  await part(only ?? 0, measured);
  const files = ["codecs.js", "header.js"] as const;
  const coverage = meter?.stop(
    specs.flatMap(({ folder }) => files.map((file) => new URL(file, folder))),
  );
  const reached = specs.map((spec) =>
    reachedOf(
      spec.name,
      files.flatMap((file) => {
        const found = coverage?.get(new URL(file, spec.folder).href);
        return found === undefined ? [] : [[file, found] as [string, Coverage]];
      }),
    ),
  );
  const rest = only === undefined ? options.cases - measured : 0;
  if (rest > 0 && reports[0]!.complete) await part(measured, rest);
  progress.clear();
  await hangDetector.stop();
  const result = summary(options, reports, coverage === undefined ? [] : reached);
  if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else for (const line of describe(result)) say(line);
  for (const failure of result.failures) for (const line of tell(failure, options)) say(line);
  if (result.failures.length > 0) return 1;
  return interrupted.signal.aborted ? 130 : 0;
}

interface Summary {
  readonly seed: number;
  readonly cases: number;
  readonly seconds: number;
  readonly casesPerSecond: number;
  /** Of the part that was not measured for coverage, where there is one. */
  readonly fullSpeedCasesPerSecond: number | null;
  readonly slowestMs: number;
  readonly targets: Readonly<Record<string, { cases: number; accepted: number; refused: number }>>;
  readonly branches: { readonly total: number; readonly reached: number };
  readonly coverage: readonly Reached[];
  readonly failures: readonly Failure[];
}

function summary(
  options: FuzzOptions,
  reports: readonly Report[],
  coverage: readonly Reached[],
): Summary {
  const targets: Record<string, { cases: number; accepted: number; refused: number }> = {};
  for (const { tallies } of reports) {
    for (const [name, tally] of tallies) {
      targets[name] ??= { cases: 0, accepted: 0, refused: 0 };
      const sum = targets[name];
      sum.cases += tally.cases;
      sum.accepted += tally.accepted;
      sum.refused += tally.refused;
    }
  }
  const cases = reports.reduce((sum, report) => sum + report.cases, 0);
  const seconds = reports.reduce((sum, report) => sum + report.seconds, 0);
  return {
    seed: options.seed,
    cases,
    seconds: Number(seconds.toFixed(3)),
    casesPerSecond: Math.round(cases / seconds),
    fullSpeedCasesPerSecond:
      reports[1] === undefined ? null : Math.round(reports[1].casesPerSecond),
    slowestMs: Number(Math.max(...reports.map((report) => report.slowestMs)).toFixed(2)),
    targets,
    branches: {
      total: coverage.reduce((sum, c) => sum + c.branches, 0),
      reached: coverage.reduce((sum, c) => sum + c.reached, 0),
    },
    coverage,
    failures: reports.flatMap((report) => report.failures),
  };
}

function percent(part: number, whole: number): string {
  return whole === 0 ? "-" : `${((100 * part) / whole).toFixed(1)} %`;
}

function* describe(result: Summary): Generator<string> {
  yield "";
  const width = Math.max(...Object.keys(result.targets).map((name) => name.length));
  yield `${"".padEnd(width)}  ${"cases".padStart(9)}  ${"accepted".padStart(9)}  ${"refused".padStart(9)}`;
  for (const [name, { cases, accepted, refused }] of Object.entries(result.targets)) {
    const columns = [cases, accepted, refused].map((n) => String(n).padStart(9)).join("  ");
    yield `${name.padEnd(width)}  ${columns}`;
  }
  yield "";
  for (const { spec, branches, reached, missed } of result.coverage) {
    yield `${spec}: ${reached} of ${branches} decoder branches reached (${percent(reached, branches)})`;
    for (const branch of missed) yield `  not reached: ${branch}`;
  }
  if (result.coverage.length > 0) {
    const { reached, total } = result.branches;
    yield `in all ${reached} of ${total} (${percent(reached, total)})`;
  }
  const full =
    result.fullSpeedCasesPerSecond === null
      ? ""
      : `, ${result.fullSpeedCasesPerSecond}/s while coverage was not measured`;
  yield "";
  yield `${result.cases} cases in ${result.seconds.toFixed(1)} s: ${result.casesPerSecond}/s${full}; slowest case ${result.slowestMs} ms`;
  yield result.failures.length === 0 ? "no decoder was wrong" : `${result.failures.length} faults:`;
}

function* tell(failure: Failure, options: FuzzOptions): Generator<string> {
  yield "";
  yield `${failure.spec}, ${failure.target}: ${failure.problem}`;
  yield `  seed ${failure.seed}, case ${failure.case}, ${failure.bytes} bytes: ${failure.hex}`;
  yield `  ${reproduce(options)} --case ${failure.case}`;
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === "help") process.stdout.write(help);
  else process.exitCode = await fuzz(options);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
