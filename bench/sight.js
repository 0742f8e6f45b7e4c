/**
 * What being looked at costs: the first row of the suite `throughput` (32 bytes, reliable, as fast as it goes) with the dashboard served and somebody
 * looking, so that the server and its peers are read each second, and without it. TEN pairs of runs (`--rounds N`), each pair in the other order than
 * the one before. Prints each pair, and judges: whether the median with it lies inside the spread of the runs without. Statistics themselves are always counted; what
 * that costs a message, `npm run bench -- costs` guards. Takes some two minutes; exit code 1 where it lies outside. `--json` for machines.
 */
import { get } from "node:http";
import { createServer } from "node:net";
import { buildProtocols } from "./net/build.js";
import { contestants } from "./net/contestants.js";
import { race } from "./net/race.js";
import { suites } from "./net/suites.js";
import { asJson, figure, isQuick, machine, machineLine, option } from "./options.js";

const PAIRS = Number(option("rounds") ?? (isQuick ? 1 : 10));
const [{ scenario: full, figure: measured, title }] = suites.throughput;
// The dashboard reads peers once a second: less than that shows nothing.
const scenario = isQuick ? { ...full, warmUpMs: 200, measureMs: 2500 } : full;
const contestant = { id: "application", ...contestants.application };

/** A TCP port that nobody has. */
function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Looks at a dashboard until it is told to stop: as a page does, from another process than either end. Counts what it is told. */
function look(port) {
  const seen = { states: 0, peers: 0, isOver: false };
  const ask = () => {
    if (seen.isOver) return;
    const again = () => void setTimeout(ask, 50).unref();
    const request = get({ host: "127.0.0.1", port, path: "/events", agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk) => {
        text += chunk;
        for (let at = text.indexOf("\n\n"); at >= 0; at = text.indexOf("\n\n")) {
          const data = /^event: state\ndata: (.*)$/s.exec(text.slice(0, at))?.[1];
          text = text.slice(at + 2);
          if (data === undefined) continue;
          seen.states++;
          seen.peers = Math.max(seen.peers, JSON.parse(data).peersPage.rows.length);
        }
      });
      response.on("error", () => {});
      response.on("close", again);
    });
    // It is not there yet, or not any more.
    request.on("error", again);
    seen.stop = () => {
      seen.isOver = true;
      request.destroy();
    };
  };
  ask();
  return seen;
}

/** One run; with `isWatched` it throws where nothing was seen. */
async function run(isWatched) {
  const dashboardPort = isWatched ? await freePort() : undefined;
  const watcher = isWatched ? look(dashboardPort) : undefined;
  const result = await race(contestant, { ...scenario, dashboardPort });
  watcher?.stop();
  if (watcher !== undefined && (watcher.states === 0 || watcher.peers === 0))
    throw new Error(`nothing was seen: ${JSON.stringify(watcher)}`);
  return measured.cost(result, scenario);
}

await buildProtocols();
if (!asJson) console.log(`${machineLine()}\n\n${title}: ${measured.unit}\n`);
const on = [];
const off = [];
for (let pair = 0; pair < PAIRS; pair++) {
  for (const isWatched of pair % 2 === 0 ? [false, true] : [true, false])
    (isWatched ? on : off).push(await run(isWatched));
  const ratio = (on[pair] / off[pair]).toFixed(3);
  if (!asJson)
    console.log(
      `pair ${String(pair + 1).padStart(2)}   without ${off[pair].toFixed(3)}   with ${on[pair].toFixed(3)}   ${ratio}`,
    );
}

const [withIt, without, ratios] = [on, off, on.map((cost, pair) => cost / off[pair])].map(figure);
const isInside = withIt.median >= without.low && withIt.median <= without.high;
// What costs less than nothing is noise too.
const isGood = isInside || withIt.median < without.low;
if (asJson) {
  console.log(
    JSON.stringify({ bench: "sight", machine: machine(), without, with: withIt, ratios, isInside }),
  );
} else {
  const range = ({ median, low, high }) =>
    `${median.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
  console.log(
    `\nwithout ${range(without)}\nwith    ${range(withIt)}\nwith / without, of each pair: ${range(ratios)}`,
  );
  if (!isQuick)
    console.log(
      `\nThe median with the dashboard looked at lies ${isInside ? "inside" : isGood ? "below" : "ABOVE"} the spread of the runs without it.`,
    );
}
// One short run says nothing.
if (!isGood && !isQuick) process.exitCode = 1;
