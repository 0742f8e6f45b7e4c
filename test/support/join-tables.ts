/**
 * How long a join takes over loss and distance, in virtual time, with the machines of the connection protocol themselves:
 * the table of docs/joins.md. `npm run joins` prints it, `npm run joins -- --write` keeps it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { quantile } from "./flows.ts";
import { PORTS, sealedProtocol, World } from "./zero-world.ts";

/** Who joins at once, and how often they do. */
export const CLIENTS = 60;
export const ROUNDS = 10;
export const LOSSES: readonly number[] = [0, 0.05, 0.1, 0.2, 0.3, 0.5];
export const ONE_WAY_MS: readonly number[] = [20, 100];

export interface Joins {
  /** Milliseconds from the first join to attached, of those who got in, in rising order. */
  readonly tookMs: readonly number[];
  readonly failed: number;
  /** Bytes that the server sent to an address for each that had come from there before it was attached, at most. */
  readonly amplification: number;
}

/** Clients that join at once over three ports, each datagram lost with this probability in each direction. */
export function joins(loss: number, oneWayMs: number, rounds = ROUNDS): Joins {
  const tookMs: number[] = [];
  let amplification = 0;
  for (let seed = 1; seed <= rounds; seed++) {
    const begunMs = 1000;
    const world: World = new World({
      seed,
      loss,
      protocol: sealedProtocol,
      minLatencyMs: oneWayMs,
      onClientEvent: (host, event) => {
        if (event.type !== "attached") return;
        tookMs.push(world.nowMs - begunMs);
        const key = `${host.address}:${host.natPort(0)}`;
        const replied = world.replied.get(key) ?? 0;
        amplification = Math.max(amplification, replied / world.received.get(key)!);
      },
    });
    for (let i = 0; i < CLIENTS; i++) world.join({ dial: PORTS[i % PORTS.length]! });
    world.runFor(sealedProtocol.limits.handshakeTimeoutMs + 100);
  }
  tookMs.sort((a, b) => a - b);
  return { tookMs, failed: rounds * CLIENTS - tookMs.length, amplification };
}

/** Seconds. */
function seconds(ms: number): string {
  return (ms / 1000).toFixed(2);
}

export function row(loss: number, oneWayMs: number): string {
  const { tookMs, failed, amplification } = joins(loss, oneWayMs);
  const cells = [
    `${oneWayMs} ms`,
    `${loss * 100} %`,
    seconds(quantile(tookMs, 0.5)),
    seconds(quantile(tookMs, 0.95)),
    seconds(tookMs.at(-1) ?? Number.NaN),
    `${failed} of ${ROUNDS * CLIENTS}`,
    amplification.toFixed(2),
  ];
  return `| ${cells.join(" | ")} |`;
}

function table(): string {
  const head =
    "| each way | lost each way | half, s | 95 of 100, s | slowest, s | not in after 10 s | sent to a client for a byte of its own |";
  const rows = ONE_WAY_MS.flatMap((oneWayMs) => LOSSES.map((loss) => row(loss, oneWayMs)));
  return [head, head.replace(/[^|]+/g, " --- "), ...rows, ""].join("\n");
}

export const kept: URL = new URL("../../docs/joins.md", import.meta.url);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const made = table();
  if (process.argv.includes("--write")) {
    const page = readFileSync(kept, "utf8");
    writeFileSync(
      kept,
      page.replace(/(?<=^<!-- table -->\n\n)(?:\|.*\n)*/m, () => made),
    );
  } else console.log(made);
}
