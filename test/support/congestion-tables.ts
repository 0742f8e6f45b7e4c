/**
 * Goodput and time of delivery over loss x round trip for each congestion controller, in virtual time: the tables of
 * docs/congestion.md. `npm run congestion` prints them, `npm run congestion -- --write` keeps them.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type CongestionName, congestionControllers } from "#src/session/congestion/choose.js";
import { quantile, Race } from "./flows.ts";
import { indexOf, joined, numberedPayload } from "./session-pair.ts";

const RATE = 1250;
const QUEUE_MS = 100;
const SEED = 1;
export const LOSSES: readonly number[] = [0, 0.01, 0.05, 0.2];
export const ROUND_TRIPS_MS: readonly number[] = [20, 50, 150, 300];
export const names = Object.keys(congestionControllers) as CongestionName[];

/** Kilobytes a second of messages that arrived, from the fifth second to the fifteenth. */
export function goodput(name: CongestionName, loss: number, rttMs: number): string {
  const link = { delayMs: rttMs / 2, loss };
  const path = { rateBytesPerMs: RATE, queueMs: QUEUE_MS, link, seed: SEED };
  const race = new Race([[name, 0]], path);
  race.run(5000);
  return (race.run(10_000).shares[0]! * RATE).toFixed(0);
}

/** Milliseconds that half and 99 of 100 of 3000 reliable messages of 100 bytes took, at 100 a second. */
export function delivery(name: CongestionName, loss: number, rttMs: number): string {
  const congestion = congestionControllers[name];
  const link = { delayMs: rttMs / 2, loss, rateBytesPerMs: RATE, queueBytes: RATE * QUEUE_MS };
  const extra = { congestion };
  const { client, server, pair } = joined({ seed: SEED, link, client: extra, server: extra });
  const tookMs: number[] = [];
  server.inbox.deliver = ({ bytes, start, end }) => {
    tookMs.push(pair.time.nowMs - indexOf(bytes.subarray(start, end)) * 10);
    return true;
  };
  for (let i = 0; i < 3000; i++) {
    client.send("event", numberedPayload(i, 100));
    pair.run(10);
  }
  pair.run(5000);
  tookMs.sort((a, b) => a - b);
  return `${quantile(tookMs, 0.5).toFixed(0)} / ${quantile(tookMs, 0.99).toFixed(0)}`;
}

type Cell = (name: CongestionName, loss: number, rttMs: number) => string;

/** One row a controller and loss. */
function table(cell: Cell): string {
  const head = ["controller", "loss", ...ROUND_TRIPS_MS.map((ms) => `${ms} ms`)];
  const rows = names.flatMap((name) =>
    LOSSES.map((loss) => [
      `\`${name}\``,
      `${loss * 100} %`,
      ...ROUND_TRIPS_MS.map((ms) => cell(name, loss, ms)),
    ]),
  );
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

export const kept: URL = new URL("../../docs/congestion.md", import.meta.url);

/** The page with its tables replaced by others: one behind each of the two marks. */
export function withTables(page: string, tables: readonly string[]): string {
  let next = 0;
  return page.replace(/(?<=^<!-- table -->\n\n)(?:\|.*\n)*/gm, () => `${tables[next++]}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const tables = [table(goodput), table(delivery)];
  if (process.argv.includes("--write")) {
    writeFileSync(kept, withTables(readFileSync(kept, "utf8"), tables));
  } else console.log(tables.join("\n\n"));
}
