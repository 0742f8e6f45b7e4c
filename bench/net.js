/**
 * `node bench/net.js SUITE … [--json] [--quick] [--write] [--rounds N] [--row N] [--only a,b]`: suites of the network benchmarks
 * (net/suites.js). `--write` puts the tables, and the pictures of what grows, into docs/performance.md. Rounds of all who take part in a row take turns, so that a machine that is slow for a while is so for all; a
 * ratio is the median of what each round says. Whoever is not installed is skipped and named, never beaten.
 */
import { writeMeasured } from "./document.js";
import { buildLink, buildProtocols } from "./net/build.js";
import { peerVersions, present } from "./net/contestants.js";
import { writePictures } from "./net/pictures.js";
import { race } from "./net/race.js";
import { asMarkdown, asText, headOf, ratioOf } from "./net/report.js";
import { suites } from "./net/suites.js";
import { workedTable } from "./net/worked.js";
import { asJson, figure, isQuick, machine, median, option } from "./options.js";

const ROUNDS = 5;
/** What `--quick` makes of a scenario: it has to start, to deliver and to end. */
const QUICK = { warmUpMs: 50, measureMs: 150 };
const QUICK_CLIENTS = 10;
const NO_LINK = {
  name: "all",
  install: "a bad link (bench/net/link.c) needs root, `ip`, TUN devices and a C compiler",
};

function quickly(row, suite) {
  const scenario = { ...row.scenario, ...QUICK };
  scenario.clients = Math.min(scenario.clients, QUICK_CLIENTS);
  if (scenario.ports > 1) scenario.ports = 1;
  if (scenario.passingClients !== undefined) scenario.passingClients = QUICK_CLIENTS;
  if (scenario.firstClients !== undefined) scenario.firstClients = scenario.clients / 2;
  // Suites look at one peer each, so that all are seen.
  const peers = row.peers.length > 0 ? [row.peers[suite % row.peers.length]] : [];
  return { ...row, scenario, rounds: 1, own: row.own.slice(0, 1), peers };
}

/** One round of one contestant: a race of two processes, or a loop of this one. */
async function one({ figure, node }, contestant, scenario) {
  if (contestant.measure !== undefined) return contestant.measure(scenario);
  const result = await race({ ...contestant, node }, scenario);
  const parts = Object.entries(figure.parts ?? {}).map(([name, of]) => [
    name,
    of(result, scenario),
  ]);
  return {
    cost: figure.cost(result, scenario),
    rate: figure.rate(result, scenario),
    parts: Object.fromEntries(parts),
  };
}

/** What the cost is made of, where a contestant knows: medians by name. */
function partsOf({ figure: { parts } }, rounds) {
  const known = Object.keys(parts ?? {})
    .map((name) => [name, rounds.map((round) => round[name])])
    .filter(([, values]) => values.every(Number.isFinite));
  if (known.length === 0) return {};
  return { parts: Object.fromEntries(known.map(([name, values]) => [name, median(values)])) };
}

const roundsOf = (row) => Number(option("rounds") ?? row.rounds ?? ROUNDS);

/** All rounds of rows that differ in one number, in turn: a machine that is slow for a while is so for all of them. */
async function measureSeries(rows) {
  const passes = [];
  for (let round = 0; round < roundsOf(rows[0]); round++) {
    const results = [];
    for (const row of rows) results.push(await measure(row, 1));
    passes.push(results);
  }
  return rows.map((_, i) => together(passes.map((results) => results[i])));
}

/** Results of one row, a round each, as one. Who has failed once has no figure. */
function together(results) {
  const [first] = results;
  const contestants = first.contestants.flatMap((contestant) => {
    const all = results.map((result) => result.contestants.find(({ id }) => id === contestant.id));
    if (all.includes(undefined)) return [];
    const cost = all.flatMap((one) => one.cost.rounds);
    const rate = all.flatMap((one) => one.rate.rounds);
    return {
      ...contestant,
      cost: { ...figure(cost), rounds: cost },
      rate: { ...figure(rate), rounds: rate },
    };
  });
  const all = results.flatMap(({ skipped }) => skipped);
  const skipped = [...new Map(all.map((one) => [one.name, one])).values()];
  return { ...first, contestants, skipped };
}

/** All rounds of one row. */
async function measure(row, rounds = roundsOf(row)) {
  const { own, peers, limits = [], limitOptions } = row;
  const names = [...own, ...peers, ...limits];
  const { found, skipped } = present(names.filter((name) => only?.includes(name) ?? true));
  const results = new Map(
    found.map((contestant) => [contestant, { cost: [], rate: [], parts: [] }]),
  );
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < found.length; i++) {
      const contestant = found[(i + round) % found.length];
      if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${contestant.name} …`);
      const scenario = { ...row.scenario, ...(limits.includes(contestant.id) && limitOptions) };
      if (!results.has(contestant)) continue;
      try {
        const { cost, rate, parts = {} } = await one(row, contestant, scenario);
        results.get(contestant).cost.push(cost);
        results.get(contestant).rate.push(rate);
        results.get(contestant).parts.push(parts);
      } catch (error) {
        // The others go on; whoever fails has no figure at all, and the command fails.
        results.delete(contestant);
        skipped.push({ name: contestant.name, failed: error.message.split("\n", 3).join(" ") });
        process.exitCode = 1;
      }
    }
  }
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  const finished = found.filter((contestant) => results.has(contestant));
  const contestants = finished.map((contestant) => {
    const { cost, rate, parts } = results.get(contestant);
    const kind = own.includes(contestant.id)
      ? "own"
      : limits.includes(contestant.id)
        ? "limit"
        : "peer";
    return {
      id: contestant.id,
      name: contestant.name,
      kind,
      cost: { ...figure(cost), rounds: cost },
      rate: { ...figure(rate), rounds: rate },
      ...partsOf(row, parts),
    };
  });
  const { title, scenario } = row;
  const { unit, rateUnit } = row.figure;
  return {
    title,
    series: row.series,
    needed: row.needed,
    scenario,
    unit,
    rateUnit,
    contestants,
    skipped,
    verdicts: verdicts(row, contestants),
  };
}

/** What is added to a limit, by the figure: round trips say both, costs their one. */
const ADDED = { cost: "median", rate: "99 %" };

/** What was aimed at, and what has become of it. */
function verdicts({ targets = [], rateTargets = [], bounds = [], added = [] }, contestants) {
  const by = (id) => contestants.find((contestant) => contestant.id === id);
  const all = [];
  for (const [list, key] of [
    [targets, "cost"],
    [rateTargets, "rate"],
  ]) {
    for (const { own, against, ratio } of list) {
      if (by(own) === undefined || by(against) === undefined) continue;
      const measured = ratioOf(by(own), by(against), key);
      const isMet = key === "cost" ? measured <= ratio : measured >= ratio;
      const what = `${key} of ${own} against ${against}`;
      all.push({ what, measured, target: ratio, isMet });
    }
  }
  for (const { own, against, key, most } of added) {
    if (by(own) === undefined || by(against) === undefined) continue;
    const rounds = by(own)[key].rounds.map(
      (value, round) => value - by(against)[key].rounds[round],
    );
    const measured = median(rounds);
    const what = `${ADDED[key]} of ${own} above ${against}`;
    all.push({ what, measured, target: most, isMet: measured <= most });
  }
  for (const { own, most } of bounds) {
    if (by(own) === undefined) continue;
    const measured = by(own).cost.median;
    all.push({ what: `cost of ${own}`, measured, target: most, isMet: measured <= most });
  }
  return all;
}

const names = process.argv.slice(2).filter((arg) => Object.hasOwn(suites, arg));
const only = option("only")?.split(",");
const rowNumber = option("row");
if (names.length === 0) {
  console.error(`node bench/net.js ${Object.keys(suites).join(" | ")}`);
  process.exit(2);
}
const rowsOf = (name) => {
  const rows = suites[name].filter((_, i) => rowNumber === undefined || i === Number(rowNumber));
  const at = Object.keys(suites).indexOf(name);
  return isQuick ? rows.filter(isNew).map((row) => quickly(row, at)) : rows;
};
/** Rows of a series together, others by themselves. */
function groupsOf(rows) {
  const groups = [];
  for (const row of rows) {
    const last = groups.at(-1);
    const isSame = row.series !== undefined && last?.[0].series?.name === row.series.name;
    if (isSame) last.push(row);
    else groups.push([row]);
  }
  return groups;
}
/** The first of a suite, and whichever has a floor that none before it has. */
const isNew = ({ limits = [] }, i, rows) =>
  i === 0 || limits.some((id) => !rows.slice(0, i).some((row) => row.limits?.includes(id)));
await buildProtocols(names.flatMap(rowsOf).flatMap(({ scenario }) => scenario.spec ?? []));
for (const name of names) {
  const rows = rowsOf(name);
  const versions = peerVersions(rows.flatMap((row) => row.peers));
  if (!asJson) console.log(`${names.length > 1 ? `== ${name}\n` : ""}${headOf(versions)}\n`);
  const results = [];
  for (const group of groupsOf(rows)) {
    const [{ scenario, series }] = group;
    const measured =
      scenario.link !== undefined && buildLink() === undefined
        ? group.map(({ title }) => ({ title, contestants: [], verdicts: [], skipped: [NO_LINK] }))
        : series === undefined
          ? [await measure(group[0])]
          : await measureSeries(group);
    results.push(...measured);
    if (!asJson) for (const result of measured) console.log(`${asText(result)}\n`);
  }
  if (asJson) {
    console.log(
      JSON.stringify({ bench: name, machine: machine(), peers: versions, rows: results }),
    );
  }
  if (process.argv.includes("--write")) {
    const needed = results.filter((result) => result.needed !== undefined);
    const more = [...writePictures(results), ...(needed.length > 0 ? [workedTable(needed)] : [])];
    const single = results.filter(({ series, needed }) => (series ?? needed) === undefined);
    writeMeasured(name, [headOf(versions), ...single.map(asMarkdown), ...more].join("\n\n"));
  }
}
