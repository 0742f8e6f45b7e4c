/** What the demo shows while it runs: a table that is drawn over itself on a terminal, a line a second elsewhere. */
import type { ServerStats } from "stardust-udp/server";
import type { BotsReport } from "./report.ts";

export interface Row {
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
  #reasons: ReadonlyMap<string, number> = new Map();
  #lines = 0;
  #width = 0;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  /** `reasons`: how many peers have left with which code. */
  draw(
    stats: ServerStats,
    report: BotsReport | undefined,
    reasons: ReadonlyMap<string, number> = new Map(),
  ): void {
    this.#reasons = reasons;
    const atMs = performance.now();
    const rows = stats.ports.map(toRow);
    const seconds = this.#before === undefined ? 1 : (atMs - this.#before.atMs) / 1000;
    const rates = rows.map((row, i) => rate(row, this.#before?.rows[i], seconds));
    this.#before = { atMs, rows };
    if (this.#stream.isTTY) this.#drawOver(stats, rates, report);
    else this.#stream.write(`${this.#line(stats, rates, report)}\n`);
  }

  /** What is drawn stays, and the next drawing begins below: something else is about to be printed. */
  leave(): void {
    this.#lines = 0;
  }

  #drawOver(stats: ServerStats, rates: readonly Row[], report: BotsReport | undefined): void {
    const { columns: width = 80, rows: height = 24 } = this.#stream;
    // A terminal of another width has wrapped what was drawn: how many lines that is now, nobody knows.
    if (width !== this.#width) this.#lines = 0;
    this.#width = width;
    const lines = tableLines(rates, this.#footer(stats, report), width, height);
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
    const codes = [...this.#reasons].map(([code, times]) => `${times} ${code}`).join(", ");
    const why = codes === "" ? "" : ` (${codes})`;
    return `${stats.joined} joined, ${stats.left} left${why}${rtt}, ${seconds} s`;
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
  // A worker that was started again counts from 0.
  const per = (key: keyof Row): number =>
    Math.max(0, Math.round((row[key] - (before?.[key] ?? 0)) / seconds));
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

interface Column {
  readonly title: string;
  readonly width: number;
  readonly key: keyof Row;
}

/** In the order in which they are shown. */
const columns: readonly Column[] = [
  { title: "port", width: 6, key: "port" },
  { title: "peers", width: 8, key: "peers" },
  { title: "msg/s in", width: 11, key: "messagesIn" },
  { title: "msg/s out", width: 11, key: "messagesOut" },
  { title: "dgram/s in", width: 13, key: "datagramsIn" },
  { title: "dgram/s out", width: 13, key: "datagramsOut" },
  { title: "lost", width: 7, key: "lost" },
];
/** What goes first where a terminal is too narrow for all. */
const dispensable: readonly (keyof Row)[] = [
  "datagramsOut",
  "datagramsIn",
  "lost",
  "messagesOut",
  "messagesIn",
];

/**
 * The table in lines that a terminal shows as one each, and no more of them than it has: a line that wraps, or scrolls
 * out, cannot be drawn over.
 */
export function tableLines(
  rows: readonly Row[],
  footer: string,
  width: number,
  height: number,
): string[] {
  let shown = columns;
  const wide = (): number => shown.reduce((sum, column) => sum + column.width, 0);
  for (const key of dispensable) {
    if (wide() < width) break;
    shown = shown.filter((column) => column.key !== key);
  }
  // The heading, the footer, and the line on which the cursor waits; one more says what is left out.
  const room = Math.max(1, height - 3);
  const fitting = rows.length <= room ? rows : rows.slice(0, Math.max(0, room - 1));
  const line = (cell: (column: Column) => string): string =>
    shown.map((column) => cell(column).padStart(column.width)).join("");
  return [
    line(({ title }) => title),
    ...fitting.map((row) => line(({ key }) => String(row[key]))),
    ...(fitting.length < rows.length ? [`  ${rows.length - fitting.length} more ports`] : []),
    footer,
  ].map((text) => (text.length < width ? text : `${text.slice(0, Math.max(0, width - 2))}…`));
}
