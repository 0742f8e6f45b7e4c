/** What the demo shows while it runs: a table that is drawn over itself on a terminal, a line a second elsewhere. */
import type { ServerStats } from "stardust-udp/server";
import type { BotsReport } from "./report.ts";

interface Row {
  readonly port: number;
  readonly peers: number;
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly datagramsIn: number;
  readonly datagramsOut: number;
  readonly lost: number;
}

export class Table {
  readonly #stream: NodeJS.WriteStream;
  readonly #startedMs = performance.now();
  #before: { readonly atMs: number; readonly rows: readonly Row[] } | undefined;
  #lines = 0;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  draw(stats: ServerStats, report: BotsReport | undefined): void {
    const atMs = performance.now();
    const rows = stats.ports.map(toRow);
    const seconds = this.#before === undefined ? 1 : (atMs - this.#before.atMs) / 1000;
    const rates = rows.map((row, i) => rate(row, this.#before?.rows[i], seconds));
    this.#before = { atMs, rows };
    if (this.#stream.isTTY) this.#drawOver(stats, rates, report);
    else this.#stream.write(`${this.#line(stats, rates, report)}\n`);
  }

  #drawOver(stats: ServerStats, rates: readonly Row[], report: BotsReport | undefined): void {
    const lines = [
      "  port   peers   msg/s in  msg/s out   dgram/s in  dgram/s out   lost",
      ...rates.map(
        (row) =>
          `${cell(row.port, 6)}${cell(row.peers, 8)}${cell(row.messagesIn, 11)}${cell(row.messagesOut, 11)}` +
          `${cell(row.datagramsIn, 13)}${cell(row.datagramsOut, 13)}${cell(row.lost, 7)}`,
      ),
      this.#footer(stats, report),
    ];
    if (this.#lines > 0) this.#stream.write(`\u001b[${this.#lines}A`);
    for (const line of lines) this.#stream.write(`\u001b[2K${line}\n`);
    this.#lines = lines.length;
  }

  #line(stats: ServerStats, rates: readonly Row[], report: BotsReport | undefined): string {
    const ports = rates.map((row) => `${row.port}:${row.peers}`).join(" ");
    const sum = (key: keyof Row): number => rates.reduce((total, row) => total + row[key], 0);
    return (
      `peers ${ports} | messages/s ${sum("messagesIn")} in ${sum("messagesOut")} out | ` +
      `datagrams/s ${sum("datagramsIn")} in ${sum("datagramsOut")} out | ${this.#footer(stats, report)}`
    );
  }

  #footer(stats: ServerStats, report: BotsReport | undefined): string {
    const rtt = report === undefined ? "" : `, RTT ${report.rttMs.toFixed(1)} ms`;
    const seconds = Math.round((performance.now() - this.#startedMs) / 1000);
    return `${stats.joined} joined, ${stats.left} left${rtt}, ${seconds} s`;
  }
}

function toRow({ port, peers, counters }: ServerStats["ports"][number]): Row {
  const count = (name: string): number => counters[name] ?? 0;
  return {
    port,
    peers,
    messagesIn: count("session.messagesReceived"),
    messagesOut: count("session.messagesSent"),
    datagramsIn: count("datagramsReceived"),
    datagramsOut: count("datagramsSent"),
    lost: count("session.datagramsLost"),
  };
}

function rate(row: Row, before: Row | undefined, seconds: number): Row {
  const per = (key: keyof Row): number => Math.round((row[key] - (before?.[key] ?? 0)) / seconds);
  return {
    port: row.port,
    peers: row.peers,
    messagesIn: per("messagesIn"),
    messagesOut: per("messagesOut"),
    datagramsIn: per("datagramsIn"),
    datagramsOut: per("datagramsOut"),
    lost: row.lost,
  };
}

function cell(value: number, width: number): string {
  return String(value).padStart(width);
}
