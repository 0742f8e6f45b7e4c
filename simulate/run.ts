/**
 * Plays runs by number and counts them by mode and link. Gives the event loop a turn now and then, so that Ctrl-C and
 * progress work. Worst case of one run: that of play.ts.
 */
import type { Delivery, Protocol } from "stardust-udp/protocol";
import { play, type SessionClass, type Watch } from "./play.ts";
import { cellOf, links, type Scenario, scenarioOf } from "./scenario.ts";

/** Runs between two turns of the event loop. */
const TURN = 10;

export interface Tally {
  runs: number;
  sent: number;
  delivered: number;
  datagrams: number;
  failures: number;
}

export interface Failure {
  readonly run: number;
  readonly scenario: Scenario;
  readonly problem: string;
  readonly atMs: number;
}

export interface Report {
  /** By mode and link: `mode` + TAB + `link`. */
  readonly tallies: Readonly<Record<string, Tally>>;
  readonly failures: readonly Failure[];
  readonly runs: number;
}

/** What may be simulated: the modes that the protocol has a channel of, and all at once; and the kinds of links. */
export interface Selection {
  readonly modes: readonly Scenario["mode"][];
  readonly links: readonly string[];
}

export function selectionOf(protocol: Protocol): Selection {
  const modes = new Set<Delivery>(protocol.channels.map(({ delivery }) => delivery));
  return { modes: [...modes, "all"], links: Object.keys(links) };
}

/** The number below which are the first `runs` runs of a selection. */
export function endOf(runs: number, protocol: Protocol, selection: Selection): number {
  const all = selectionOf(protocol);
  let number = 0;
  for (let found = 0; found < runs; number++) if (isSelected(number, all, selection)) found++;
  return number;
}

function isSelected(run: number, all: Selection, { modes, links }: Selection): boolean {
  const [mode, link] = cellOf(run, all.modes, all.links);
  return modes.includes(mode) && links.includes(link);
}

export interface RunOptions extends Selection {
  readonly protocol: Protocol;
  readonly Session: SessionClass;
  readonly seed: number;
  /** The numbers of the runs: `from`, then each `step`-th below `to`; those that are not selected are left out. */
  readonly from: number;
  readonly to: number;
  readonly step?: number;
  readonly maxFailures?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (runs: number) => void;
  readonly watch?: Watch;
}

/** One report of several, as of runs one after the other. */
export function together(reports: readonly Report[]): Report {
  const tallies: Record<string, Tally> = {};
  for (const report of reports) {
    for (const [key, tally] of Object.entries(report.tallies)) {
      tallies[key] ??= emptyTally();
      const sum = tallies[key];
      for (const field of Object.keys(sum) as (keyof Tally)[]) sum[field] += tally[field];
    }
  }
  return {
    tallies,
    failures: reports.flatMap(({ failures }) => failures).sort((a, b) => a.run - b.run),
    runs: reports.reduce((sum, { runs }) => sum + runs, 0),
  };
}

function emptyTally(): Tally {
  return { runs: 0, sent: 0, delivered: 0, datagrams: 0, failures: 0 };
}

export async function run(options: RunOptions): Promise<Report> {
  const { protocol, Session, seed, from, to, step = 1, maxFailures = 5, signal, watch } = options;
  const all = selectionOf(protocol);
  const tallies: Record<string, Tally> = {};
  const failures: Failure[] = [];
  let runs = 0;
  for (let number = from; number < to && failures.length < maxFailures; number += step) {
    if (!isSelected(number, all, options)) continue;
    if (runs % TURN === 0) {
      options.onProgress?.(runs);
      await new Promise((resolve) => setImmediate(resolve));
      if (signal?.aborted) break;
    }
    const scenario = scenarioOf(seed, number, all.modes, all.links);
    const outcome = play(protocol, scenario, Session, watch);
    const key = `${scenario.mode}\t${scenario.link}`;
    tallies[key] ??= emptyTally();
    const tally = tallies[key];
    runs++;
    tally.runs++;
    tally.sent += outcome.sent;
    tally.delivered += outcome.delivered;
    tally.datagrams += outcome.datagrams;
    if (outcome.problem === "") continue;
    tally.failures++;
    failures.push({ run: number, scenario, problem: outcome.problem, atMs: outcome.atMs });
  }
  return { tallies, failures, runs };
}
