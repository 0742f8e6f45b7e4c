/** The result of a simulation as text: runs by mode and link, and how to see a failure again. */
import type { Failure, Report, Selection, Tally } from "./run.ts";
import type { Scenario } from "./scenario.ts";

/** Rows are links, columns are modes; a cell is its runs, with those that failed. */
export function* table(report: Report, { modes, links }: Selection): Generator<string> {
  const left = Math.max(...links.map((link) => link.length), "in all".length);
  const widths = modes.map((mode) => Math.max(mode.length, 6));
  const row = (head: string, cells: readonly string[]): string =>
    `${head.padEnd(left)}  ${cells.map((cell, i) => cell.padStart(widths[i]!)).join("  ")}`;
  const cell = (tallies: readonly Tally[]): string => {
    const runs = tallies.reduce((sum, tally) => sum + tally.runs, 0);
    const failures = tallies.reduce((sum, tally) => sum + tally.failures, 0);
    return failures === 0 ? String(runs) : `${failures}/${runs}!`;
  };
  const at = (mode: string, link: string): Tally[] => {
    const tally = report.tallies[`${mode}\t${link}`];
    return tally === undefined ? [] : [tally];
  };
  yield row("", modes);
  for (const link of links)
    yield row(
      link,
      modes.map((mode) => cell(at(mode, link))),
    );
  yield row(
    "in all",
    modes.map((mode) => cell(links.flatMap((link) => at(mode, link)))),
  );
}

export function* tell(
  failure: Failure,
  command: string,
  shrunk: { readonly scenario: Scenario; readonly problem: string },
): Generator<string> {
  const { scenario } = failure;
  yield "";
  yield `${scenario.mode} over ${scenario.link}, at ${failure.atMs.toFixed(1)} ms: ${failure.problem}`;
  yield `  ${command} --run ${failure.run}`;
  yield `made simpler, ${shrunk.scenario.messages} messages: ${shrunk.problem.split("\n")[0]}`;
  yield `  npm run simulate -- --scenario '${JSON.stringify(shrunk.scenario)}'`;
}
