/** What a suite has measured, as text for people and as Markdown for docs/performance.md. */
import { machineLine, median } from "../options.js";

/** The median of what each round says, so that a machine that is slow for a while spoils one round of both. */
export const ratioOf = (own, peer, key) =>
  median(own[key].rounds.map((value, round) => value / peer[key].rounds[round]));

/** Where nothing came there is nothing to be said of how long it took. */
const digits = (value) =>
  Number.isNaN(value) ? "none" : value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);

export function headOf(versions) {
  const peers = Object.entries(versions).map(([peer, version]) => `, ${peer} ${version}`);
  return `${machineLine()}${peers.join("")}; a process for each end, acks on where delivery is reliable.`;
}

/** How many times as much each of ours costs, by its name. */
function ratios({ contestants }, contestant) {
  if (contestant.kind === "own") return [];
  return contestants
    .filter(({ kind }) => kind === "own")
    .map((own) => `${own.id} ${digits(ratioOf(own, contestant, "cost"))}`);
}

const label = ({ kind, name }) => (kind === "limit" ? `${name} (limit)` : name);
const range = ({ low, high }) => `${digits(low)} to ${digits(high)}`;

/** How many rounds the medians are of: of one, a figure is worth little. */
function roundsOf({ contestants }) {
  const rounds = contestants[0]?.cost.rounds.length ?? 0;
  return rounds === 1 ? "1 round" : `${rounds} rounds`;
}

/** Names of what costs are made of, over all that know. */
const partNames = (contestants) => [
  ...new Set(contestants.flatMap(({ parts = {} }) => Object.keys(parts))),
];
const partOf = ({ parts }, name) => (parts?.[name] === undefined ? "" : digits(parts[name]));

const tableOf = (head, rows) =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

const notes = ({ verdicts, skipped }) => [
  ...verdicts.map(({ what, measured, target, isMet }) =>
    target === undefined
      ? `${what}: ${measured.toFixed(2)}`
      : `${what}: ${measured.toFixed(2)}, target ${target}: ${isMet ? "met" : "missed"}`,
  ),
  ...skipped.map(({ name, install, failed }) =>
    failed === undefined
      ? `${name}: skipped, not installed: ${install}`
      : `${name}: failed: ${failed}`,
  ),
];

const partTexts = ({ parts = {} }) =>
  Object.entries(parts).map(([name, value]) => `${name} ${digits(value)}`);

export function asText(result) {
  const rows = result.contestants.map((contestant) => {
    const { cost, rate } = contestant;
    const compared = ratios(result, contestant).map((ratio) => `${ratio}x`);
    return (
      `  ${label(contestant).padEnd(46)} ${digits(cost.median).padStart(7)} ${`(${range(cost)})`.padEnd(18)} ` +
      `${digits(rate.median).padStart(7)} ${result.rateUnit.padEnd(11)} ${[...partTexts(contestant), ...compared].join(", ")}`
    );
  });
  const head = `${result.title}\n  ${result.unit ?? ""}, median (lowest to highest)`;
  return [head, ...rows, ...notes(result).map((note) => `  ${note}`)].join("\n");
}

export function asMarkdown(result) {
  const { title, unit, rateUnit, contestants } = result;
  const names = partNames(contestants);
  const head = ["who", unit, "lowest to highest", ...names, rateUnit, "ours, times as much"];
  const rows = contestants.map((contestant) => [
    label(contestant),
    digits(contestant.cost.median),
    range(contestant.cost),
    ...names.map((name) => partOf(contestant, name)),
    digits(contestant.rate.median),
    ratios(result, contestant).join(", "),
  ]);
  const list = notes(result).map((note) => `- ${note}`);
  return [
    `**${title}** (${roundsOf(result)})`,
    ...(contestants.length > 0 ? [tableOf(head, rows)] : []),
    ...(list.length > 0 ? [list.join("\n")] : []),
  ].join("\n\n");
}

/** Rows that differ in one number alone, as one table. */
export function seriesAsMarkdown(name, results) {
  const [first] = results;
  const { unit, rateUnit } = first;
  const rows = results.flatMap(({ title, series, contestants }) =>
    contestants.map(({ cost, rate }) => [
      series.x,
      title,
      digits(cost.median),
      range(cost),
      digits(rate.median),
    ]),
  );
  return `**By ${name}** (${roundsOf(first)})\n\n${tableOf([name, "what", unit, "lowest to highest", rateUnit], rows)}`;
}

/** Rows of a few contestants each, as one table. */
export function seriesAsRows(name, results) {
  const [first] = results;
  const rows = results.flatMap(({ title, contestants }) =>
    contestants.map(({ name: who, cost, rate }) => [
      title,
      who,
      digits(cost.median),
      range(cost),
      digits(rate.median),
    ]),
  );
  const head = ["what", "who", first.unit, "lowest to highest", first.rateUnit];
  return `**${name}** (${roundsOf(first)})\n\n${tableOf(head, rows)}`;
}
