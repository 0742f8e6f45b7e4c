/**
 * A peer's trace as the page has it: lines of qlog, read into points and words. The newest MAX_EVENTS are kept. What cannot be read is passed
 * over.
 */

import { Chart } from "./charts.ts";
import { h, List, setText } from "./dom.ts";

const MAX_EVENTS = 3000;
const MAX_LISTED = 25;

interface TraceEvent {
  readonly number: number;
  readonly atMs: number;
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Frame {
  readonly frame_type?: string;
  readonly acked_ranges?: readonly (readonly [number, number])[];
  readonly channel?: string;
  readonly message?: number;
  readonly length?: number;
  readonly slice?: readonly [number, number];
  readonly maximum?: number;
}

export class TraceView {
  readonly #datagrams: Chart;
  readonly #path: Chart;
  readonly #list: List<TraceEvent, HTMLTableRowElement>;
  readonly #count = h("p", { class: "muted" });
  #events: TraceEvent[] = [];
  #read = 0;

  constructor(parent: Element) {
    const datagrams = h("div", { class: "chart" });
    const path = h("div", { class: "chart" });
    const body = h("tbody");
    parent.append(
      this.#count,
      h(
        "div",
        { class: "grid" },
        h("div", {}, h("h3", {}, "Datagrams, bytes each"), datagrams),
        h("div", {}, h("h3", {}, "In flight and the window, bytes"), path),
      ),
      h("h3", {}, "The newest events"),
      h("table", { class: "data", "aria-label": "Events of the trace" }, body),
    );
    this.#datagrams = new Chart(datagrams, {
      unit: "bytes",
      isClock: false,
      curves: [
        { label: "sent ↓", colour: "--down", points: true },
        { label: "received ↑", colour: "--up", points: true },
        { label: "lost", colour: "--bad", points: true },
        { label: "refused", colour: "--look", points: true },
      ],
    });
    this.#path = new Chart(path, {
      unit: "bytes",
      isClock: false,
      curves: [
        { label: "in flight", colour: "--down" },
        { label: "window", colour: "--muted", dashed: true },
      ],
    });
    this.#list = new List(
      body,
      (event) => h("tr", {}, h("td", { class: "event words" }, eventText(event))),
      () => {},
    );
  }

  add(lines: readonly string[]): void {
    for (const line of lines) {
      const event = parse(line, this.#read);
      if (event === undefined) continue;
      // Another trace than before: its time begins anew.
      if (event.atMs < (this.#events.at(-1)?.atMs ?? 0) - 1) this.#events = [];
      this.#read++;
      this.#events.push(event);
    }
    if (this.#events.length > MAX_EVENTS) this.#events = this.#events.slice(-MAX_EVENTS);
    this.#draw();
  }

  destroy(): void {
    this.#datagrams.destroy();
    this.#path.destroy();
  }

  #draw(): void {
    const events = this.#events;
    const lost = events.reduce((sum, event) => sum + lostIn(event), 0);
    setText(
      this.#count,
      `${events.length} events, ${lost} datagrams believed lost. Payloads are not in it.`,
    );
    const points = events.filter(({ name }) => name !== "recovery:metrics_updated");
    const size = (event: TraceEvent): number =>
      (event.data["raw"] as { length?: number } | undefined)?.length ?? 0;
    const of = (name: string): (number | null)[] =>
      points.map((event) => (event.name === name ? size(event) : null));
    this.#datagrams.set([
      points.map(({ atMs }) => atMs / 1000),
      of("transport:packet_sent"),
      of("transport:packet_received"),
      points.map((event) => (event.name === "recovery:packet_lost" ? 0 : null)),
      of("transport:packet_dropped"),
    ]);
    const metrics = events.filter(({ name }) => name === "recovery:metrics_updated");
    const metric = (name: string): number[] => metrics.map(({ data }) => Number(data[name] ?? 0));
    this.#path.set([
      metrics.map(({ atMs }) => atMs / 1000),
      metric("bytes_in_flight"),
      metric("congestion_window"),
    ]);
    const newest = points.slice(-MAX_LISTED).reverse();
    this.#list.set(newest, ({ number }) => number);
  }
}

function parse(line: string, number: number): TraceEvent | undefined {
  try {
    const { time, name, data } = JSON.parse(line.slice(line.indexOf("{"))) as {
      time: number;
      name: string;
      data: Record<string, unknown>;
    };
    return { number, atMs: time, name, data };
  } catch {
    return undefined;
  }
}

function lostIn({ name, data }: TraceEvent): number {
  return name === "recovery:packet_lost" ? Number(data["count"] ?? 0) : 0;
}

const verbs: Readonly<Record<string, string>> = {
  "transport:packet_sent": "sent ↓",
  "transport:packet_received": "received ↑",
  "transport:packet_dropped": "refused",
  "recovery:packet_lost": "lost",
};

function eventText(event: TraceEvent): string {
  const { atMs, name, data } = event;
  const parts = [`${(atMs / 1000).toFixed(3)} s`, verbs[name] ?? name];
  if (name === "recovery:packet_lost") return [...parts, `${lostIn(event)} datagrams`].join(" ");
  const header = data["header"] as { packet_number?: number } | undefined;
  const raw = data["raw"] as { length?: number } | undefined;
  if (header?.packet_number !== undefined) parts.push(`#${header.packet_number}`);
  if (raw?.length !== undefined) parts.push(`${raw.length} B`);
  if (typeof data["trigger"] === "string") parts.push(data["trigger"]);
  const frames = (data["frames"] as readonly Frame[] | undefined) ?? [];
  return `${parts.join(" ")}${frames.length === 0 ? "" : `: ${frames.map(frameText).join(", ")}`}`;
}

function frameText({
  frame_type: type,
  acked_ranges: ranges = [],
  channel,
  message,
  length,
  slice,
  maximum,
}: Frame): string {
  if (type === "ack") {
    const text = ranges.slice(0, 3).map(([low, high]) => (low === high ? low : `${low}–${high}`));
    return `ack ${text.join(" ")}${ranges.length > 3 ? " …" : ""}`;
  }
  if (type === "max_data") return `limit ${maximum}`;
  if (channel === undefined) return type === "ping" ? "asks for an ack" : String(type);
  const part = slice === undefined ? "" : ` slice ${slice[0] + 1}/${slice[1]}`;
  return `${channel}${message === undefined ? "" : ` ${message}`}${part} (${length} B)`;
}
