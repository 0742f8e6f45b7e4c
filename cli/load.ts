/**
 * The command `load`: many peers of the user's generated client against a running server, in threads of their own, with what
 * became of them as a report. It knows the server by what clients see. What it does when is load/run.ts's. Ctrl-C ends it in
 * good order, a second one at once.
 */
import type { ExitCode, Invocation } from "./command.ts";
import { Crew } from "./load/crew.ts";
import { progressLine, reportOf, textOf } from "./load/report.ts";
import { LoadRun, type Progress } from "./load/run.ts";
import { settingsOf } from "./load/settings.ts";
import { emptyTally, type Tally } from "./load/tally.ts";

/** On a terminal the line is drawn over itself; elsewhere each is a line of its own, and fewer. */
const DRAW_MS = 500;
const LINE_MS = 2000;

export async function runLoad(invocation: Invocation): Promise<ExitCode> {
  const { positionals, flags, out } = invocation;
  const settings = settingsOf(positionals[0], flags);
  const end = new AbortController();
  const crew = await Crew.start(settings);
  const stop = (): void => {
    if (end.signal.aborted) process.exit(130);
    end.abort();
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  const show = new ProgressLine(invocation);
  try {
    const run = new LoadRun(crew, settings, end.signal, show.tell);
    await run.run();
    show.clear();
    const report = reportOf(settings, crew, run.course);
    out(flags["json"] === true ? `${JSON.stringify(report, undefined, 2)}\n` : textOf(report));
    return report.ok ? 0 : 1;
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
    await crew.end();
  }
}

class ProgressLine {
  readonly #err: Invocation["err"];
  readonly #isTerminal = process.stderr.isTTY === true;
  #before: { readonly tally: Tally; readonly atMs: number } = {
    tally: emptyTally(),
    atMs: performance.now(),
  };
  #phase = "";

  constructor({ err }: Invocation) {
    this.#err = err;
  }

  readonly tell: Progress = (tally, phase) => {
    const atMs = performance.now();
    const elapsedMs = atMs - this.#before.atMs;
    const pauseMs = this.#isTerminal ? DRAW_MS : LINE_MS;
    if (elapsedMs < pauseMs && phase === this.#phase) return;
    const line = progressLine(tally, this.#before.tally, elapsedMs, phase);
    this.#before = { tally, atMs };
    this.#phase = phase;
    const width = process.stderr.columns ?? 80;
    this.#err(this.#isTerminal ? `\r\u001b[2K${line.slice(0, width - 1)}` : `${line}\n`);
  };

  clear(): void {
    if (this.#isTerminal) this.#err("\r\u001b[2K");
  }
}
