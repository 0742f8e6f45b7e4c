/**
 * `npm run bench:pairs -- SUITE --beside FOLDER [--row N] [--only a,b] [--rounds N] [--json]`: rows of the network benchmarks with this
 * checkout's code and with that of another, round by round in turn: a machine that is slow for a while is so for both. What counts is
 * the ratio of each pair, this checkout's cost over the other's, and its rate over the other's. FOLDER is built, has these benchmarks, and what they need is
 * installed in it: a worktree with `npm ci` and, where its own are older, a copy of `bench/`.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { contestants } from "./net/contestants.js";
import { suites } from "./net/suites.js";
import { asJson, figure, isQuick, machine, machineLine, median, option } from "./options.js";

const ROUNDS = 5;

function fail(message) {
  console.error(message);
  process.exit(2);
}

/** The benchmarks of a checkout, its generated code made anew. */
async function open(folder, specs) {
  const of = (file) => import(new URL(`bench/net/${file}.js`, `${pathToFileURL(folder)}/`).href);
  const { buildProtocols } = await of("build");
  await buildProtocols(specs);
  const [{ race }, { present }] = await Promise.all([of("race"), of("contestants")]);
  return { race, present };
}

const SIDES = { here: 0, there: 1 };

/** A figure of both sides: medians, and the ratio of each pair. */
function compared({ here, there }) {
  const ratio = { ...figure(here.map((value, i) => value / there[i])), rounds: here.length };
  return { there: median(there), here: median(here), ratio };
}

async function measure({ title, scenario, figure: of, node, own }, sides, only, rounds) {
  const names = only ?? own;
  const bySide = sides.map(({ present }) => present(names).found);
  // Two processes that talk to each other: not what one loop measures by itself.
  const isRace = (id) => (one) => one.id === id && one.measure === undefined;
  const shared = names.filter((id) => bySide.every((found) => found.some(isRace(id))));
  const measured = [];
  for (const id of shared) {
    const cost = { here: [], there: [] };
    const rate = { here: [], there: [] };
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 === 0 ? ["here", "there"] : ["there", "here"];
      for (const side of order) {
        if (process.stderr.isTTY)
          process.stderr.write(`\r\x1b[K${id}, ${round + 1} of ${rounds} …`);
        const contestant = bySide[SIDES[side]].find((one) => one.id === id);
        const result = await sides[SIDES[side]].race({ ...contestant, node }, scenario);
        cost[side].push(of.cost(result, scenario));
        rate[side].push(of.rate(result, scenario));
      }
    }
    measured.push({ id, cost: compared(cost), rate: compared(rate) });
  }
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  const missing = names.filter((id) => !shared.includes(id));
  return { title, unit: of.unit, rateUnit: of.rateUnit, contestants: measured, missing };
}

const suite = process.argv[2];
const beside = option("beside");
if (!Object.hasOwn(suites, suite ?? "") || beside === undefined) {
  fail(
    `usage: npm run bench:pairs -- ${Object.keys(suites).join(" | ")} --beside FOLDER [--row N] [--only a,b] [--rounds N] [--json]`,
  );
}
const other = resolve(beside);
if (!existsSync(resolve(other, "bench/net/race.js"))) {
  fail(`${other}/bench/net is not there: --beside takes a checkout that has these benchmarks`);
}
if (!existsSync(resolve(other, "dist")))
  fail(`${other} is not built: run \`npm ci && npm run build\` there`);
const row = option("row");
const rows = suites[suite].filter((_, i) => row === undefined || i === Number(row));
if (rows.length === 0) fail(`${suite} has rows 0 to ${suites[suite].length - 1}, not ${row}`);
const rounds = isQuick ? 1 : Number(option("rounds") ?? ROUNDS);
if (!(Number.isInteger(rounds) && rounds > 0))
  fail(`--rounds takes a whole number, not ${option("rounds")}`);
const only = option("only")?.split(",");
const unknown = only?.find((id) => !Object.hasOwn(contestants, id));
if (unknown !== undefined)
  fail(`${unknown} does not take part: there are ${Object.keys(contestants).join(", ")}`);
const specs = rows.flatMap(({ scenario }) => scenario.spec ?? []);
const sides = [await open(resolve(import.meta.dirname, ".."), specs), await open(other, specs)];
if (!asJson) console.log(`${machineLine()}; this checkout beside ${other}\n`);
for (const one of rows) {
  const result = await measure(one, sides, only, rounds).catch((error) =>
    fail(`${one.title}: ${error.message}`),
  );
  if (asJson) {
    console.log(JSON.stringify({ bench: suite, machine: machine(), beside: other, ...result }));
    continue;
  }
  console.log(result.title);
  const line = (name, { there, here, ratio }, unit) => {
    const spread = `${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)} in ${ratio.rounds} pairs`;
    console.log(
      `  ${name.padEnd(18)} ${there.toPrecision(3)} there, ${here.toPrecision(3)} here: ${ratio.median.toFixed(2)} times as much (${spread}), ${unit}`,
    );
  };
  for (const { id, cost, rate } of result.contestants) {
    line(id, cost, result.unit);
    line("", rate, result.rateUnit);
  }
  for (const id of result.missing) console.log(`  ${id.padEnd(18)} not in both`);
  console.log();
}
