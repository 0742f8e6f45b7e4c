/**
 * A dashboard's state as lines for a terminal: all of it in so many lines and columns, or in one line for a log. Columns that are of less use go
 * first where there is no room. Nothing is written here.
 */
import { bytes, count, duration, ms, number, percent } from "../../src/dashboard/format.ts";
import type {
  ChannelState,
  DashboardState,
  Level,
  PeerState,
  PortState,
} from "../../src/dashboard/state.ts";

export interface ScreenOptions {
  readonly width: number;
  /** Lines at most; undefined: as many as it takes. */
  readonly height: number | undefined;
  readonly colour: boolean;
  /** Below all: which keys there are, or that there is no connection. */
  readonly footer: string;
}

interface Column<Row> {
  readonly title: string;
  readonly width: number;
  readonly text: (row: Row) => string;
  /** To the left; all else stands to the right. */
  readonly isText?: boolean;
  /** The highest goes first where a terminal is too narrow; undefined: it stays. */
  readonly dispensable?: number;
}

const portColumns: readonly Column<PortState>[] = [
  { title: "port", width: 6, text: ({ port }) => String(port) },
  { title: "peers", width: 7, text: ({ peers }) => count(peers) },
  { title: "busy", width: 8, text: ({ load }) => percent(load) },
  { title: "msg/s ↓", width: 9, text: ({ rates }) => number(rates.messagesDown), dispensable: 3 },
  { title: "msg/s ↑", width: 9, text: ({ rates }) => number(rates.messagesUp), dispensable: 4 },
  { title: "loss ↓", width: 8, text: ({ loss }) => percent(loss.down) },
  { title: "loss ↑", width: 8, text: ({ loss }) => percent(loss.up) },
  { title: "RTT", width: 9, text: ({ rttMs }) => ms(rttMs) },
  { title: "99 %", width: 9, text: ({ rttP99Ms }) => ms(rttP99Ms), dispensable: 5 },
  { title: "late", width: 9, text: ({ loopDelayMs }) => ms(loopDelayMs), dispensable: 6 },
  {
    title: "rings",
    width: 8,
    text: ({ ringToWorker, ringToApplication }) =>
      percent(Math.max(ringToWorker, ringToApplication)),
    dispensable: 7,
  },
];

const peerColumns: readonly Column<PeerState>[] = [
  {
    title: "peer",
    width: 24,
    text: ({ id, label }) => (label === "" ? `peer ${id}` : `${label} · ${id}`),
    isText: true,
  },
  { title: "port", width: 7, text: ({ port }) => String(port) },
  { title: "loss ↓", width: 8, text: ({ loss }) => percent(loss.down) },
  { title: "loss ↑", width: 8, text: ({ loss }) => percent(loss.up) },
  { title: "RTT", width: 9, text: ({ rttMs }) => ms(rttMs) },
  { title: "again/s", width: 9, text: ({ rates }) => number(rates.resent), dispensable: 1 },
  { title: "queue", width: 9, text: ({ queueBytes }) => bytes(queueBytes), dispensable: 2 },
  { title: "↓ per s", width: 10, text: ({ rates }) => bytes(rates.bytesDown), dispensable: 3 },
  { title: "↑ per s", width: 10, text: ({ rates }) => bytes(rates.bytesUp), dispensable: 4 },
];

const channelColumns: readonly Column<ChannelState>[] = [
  { title: "channel", width: 24, text: ({ name }) => name, isText: true },
  { title: "msg/s ↓", width: 9, text: (row) => number(row.messagesDownRate) },
  { title: "msg/s ↑", width: 9, text: (row) => number(row.messagesUpRate) },
  { title: "↓ per s", width: 10, text: (row) => bytes(row.bytesDownRate), dispensable: 3 },
  { title: "↑ per s", width: 10, text: (row) => bytes(row.bytesUpRate), dispensable: 4 },
  { title: "again/s", width: 9, text: (row) => number(row.resentRate), dispensable: 2 },
  { title: "waits", width: 9, text: (row) => ms(row.queueAgeMs), dispensable: 1 },
];

const marks = ["  ", "△ ", "▲ "] as const;
const colours = ["", "33", "31"] as const;

/** A line and how it is shown. */
interface Line {
  readonly text: string;
  readonly style?: string | undefined;
}

export function screen(state: DashboardState, options: ScreenOptions): string[] {
  const { width, height, colour, footer } = options;
  const title = `${state.title}: ${state.hosts.join(", ")}, ${count(state.peers)} peers, up for ${duration(state.uptimeMs)}`;
  const top: Line[] = [
    { text: title, style: "1" },
    ...packed(summary(state), width).map((text) => ({ text })),
    { text: "" },
    ...findingLines(state, width),
    { text: "" },
  ];
  const ports = table(state.ports, portColumns, width);
  const peers = table(state.peersPage.rows, peerColumns, width);
  const channels = table(state.channels, channelColumns, width);
  const refused = refusedLines(state);
  const lines = fitted(height, top, [ports, peers, channels, refused], footer);
  return lines.map(({ text, style }) => {
    const shown = cut(text, width);
    return colour && style !== undefined && style !== ""
      ? `\u001b[${style}m${shown}\u001b[0m`
      : shown;
  });
}

/** One line that says the same in short. */
export function plainLine(state: DashboardState): string {
  const time = new Date(state.atMs).toTimeString().slice(0, 8);
  const ports = state.ports.map(({ port, peers }) => `${port}:${peers}`).join(" ");
  const found = state.findings.map(({ text }) => text).join("; ");
  const suffers = found === "" ? "nothing suffers" : found;
  return `${time} ${count(state.peers)} peers (${ports}) | ${summary(state).join("  ")} | ${suffers}`;
}

function summary({ rates, rttMs, rttP99Ms, loss, loopDelayMs }: DashboardState): string[] {
  return [
    `messages/s ${number(rates.messagesDown)} ↓ ${number(rates.messagesUp)} ↑`,
    `a second ${bytes(rates.bytesDown)} ↓ ${bytes(rates.bytesUp)} ↑`,
    `RTT ${ms(rttMs)} (99 %: ${ms(rttP99Ms)})`,
    `loss ${percent(loss.down)} ↓ ${percent(loss.up)} ↑`,
    `thread late ${ms(loopDelayMs)}`,
  ];
}

function findingLines({ findings }: DashboardState, width: number): Line[] {
  if (findings.length === 0) return [{ text: "Nothing suffers: all ports and peers are well." }];
  return findings.flatMap(({ level, text }) =>
    wrapped(`${marks[level]}${text}`, width).map((line) => ({ text: line, style: colours[level] })),
  );
}

function refusedLines({ refused, rejected, expired }: DashboardState): Line[] {
  const one = ({ name, count: times, perSecond }: DashboardState["refused"][number]): string =>
    `${name} ${count(times)}${perSecond > 0 ? ` (${number(perSecond)}/s)` : ""}`;
  const late = expired === 0 ? [] : [`expired ${count(expired)}`];
  const joins = [...rejected.map(one), ...late];
  const none = (list: readonly string[]): string => (list.length === 0 ? "none" : list.join(", "));
  return [
    { text: `Refused datagrams: ${none(refused.map(one))}` },
    { text: `Refused joins: ${none(joins)}` },
  ];
}

function table<Row extends object>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  width: number,
): Line[] {
  let shown = columns;
  const wide = (): number => shown.reduce((sum, column) => sum + column.width, 2);
  while (wide() >= width) {
    const next = shown.reduce((most, { dispensable = 0 }) => Math.max(most, dispensable), 0);
    if (next === 0) break;
    shown = shown.filter(({ dispensable }) => dispensable !== next);
  }
  const cell = (text: string, column: Column<Row>): string => {
    const room = cut(text, column.width - (column.isText === true ? 1 : 0));
    const pad = " ".repeat(Math.max(0, column.width - [...room].length));
    return column.isText === true ? room + pad : pad + room;
  };
  const line = (text: (column: Column<Row>) => string): string =>
    shown.map((column) => cell(text(column), column)).join("");
  const heading = { text: `  ${line(({ title }) => title)}`, style: "2" };
  const body = rows.map((row): Line => {
    const level = (row as { readonly level?: Level }).level ?? 0;
    return { text: marks[level] + line(({ text }) => text(row)), style: colours[level] };
  });
  return [heading, ...body];
}

/** Parts that are cut from their ends until all fits: of each its heading and one row stay longest. */
function fitted(
  height: number | undefined,
  top: readonly Line[],
  parts: readonly (readonly Line[])[],
  footer: string,
): Line[] {
  const end: Line[] = footer === "" ? [] : [{ text: footer, style: "2" }];
  const total = (): number =>
    top.length + end.length + shares.reduce((sum, share) => sum + share + 1, 0);
  const shares = parts.map(({ length }) => length);
  while (height !== undefined && total() > height) {
    const largest = shares.indexOf(Math.max(...shares));
    if (shares[largest]! <= 2) break;
    shares[largest]!--;
  }
  const all = [
    ...top,
    ...parts.flatMap((part, i) => {
      const share = shares[i]!;
      if (share === part.length) return [...part, { text: "" }];
      const more = { text: `  … ${count(part.length - share + 1)} more`, style: "2" };
      return [...part.slice(0, share - 1), more, { text: "" }];
    }),
  ];
  const room = height === undefined ? all.length : Math.max(0, height - end.length);
  return [...all.slice(0, room), ...end];
}

function cut(text: string, width: number): string {
  const letters = [...text];
  return letters.length <= width ? text : `${letters.slice(0, Math.max(0, width - 1)).join("")}…`;
}

/** As many on a line as it takes. */
function packed(parts: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 2 + part.length > width) lines.push(part);
    else lines[lines.length - 1] = `${last}  ${part}`;
  }
  return lines;
}

/** Broken between words; the following lines are indented. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const next = line === "" ? word : `${line} ${word}`;
    if (next.length <= width || line.trim() === "") line = next;
    else {
      lines.push(line);
      line = `  ${word}`;
    }
  }
  return [...lines, line];
}
