/**
 * What a pair of endpoints said to each other: each datagram with its time, direction, decoded header, and what became of
 * it. Read as lines of text by people, and as qlog (draft-ietf-quic-qlog-main-schema-03, JSON text sequences, RFC 7464) by
 * tools. Bounded: the oldest events are forgotten. Not here: payloads; a trace holds their sizes.
 */
import type { Protocol } from "../protocol.ts";
import type { Fate } from "./link.ts";
import { DatagramDecoder, type TracedDatagram } from "./trace-decoder.ts";

export type TraceSide = "a" | "b";

export interface DatagramEvent {
  /** It left; or the link has settled its fate: dropped at once, or arrived now. */
  readonly what: "sent" | Fate;
  readonly atMs: number;
  /** Who sent it. */
  readonly from: TraceSide;
  readonly datagram: TracedDatagram;
  /** It arrived, and was refused for this reason. */
  refused?: string;
}

/** Times are milliseconds of the pair's clock. */
export type TraceEvent =
  | DatagramEvent
  | ({ readonly what: "metrics"; readonly atMs: number; readonly of: TraceSide } & TraceMetrics);

/** What an endpoint says of itself, as far as it does. */
export interface TraceMetrics {
  readonly rttMs?: number | undefined;
  readonly bytesInFlight?: number | undefined;
  readonly windowBytes?: number | undefined;
}

export interface TraceOptions {
  /** To decode headers with. */
  readonly protocol: Protocol;
  /** What the two sides are called; default `client` and `server`. */
  readonly names?: Readonly<Record<TraceSide, string>> | undefined;
  /** The newest that are kept; default 10,000. */
  readonly maxEvents?: number | undefined;
}

const RECORD_SEPARATOR = "\x1e";

export class Trace {
  /** Events that were forgotten because newer ones came. */
  forgotten = 0;
  readonly #names: Readonly<Record<TraceSide, string>>;
  readonly #maxEvents: number;
  readonly #decoder: DatagramDecoder;
  /** A ring: the oldest stands at `forgotten % maxEvents` once it is full. */
  readonly #ring: TraceEvent[] = [];
  readonly #metrics: Record<TraceSide, TraceMetrics> = { a: {}, b: {} };
  #arrived: DatagramEvent | undefined;

  constructor(options: TraceOptions) {
    this.#names = options.names ?? { a: "client", b: "server" };
    this.#maxEvents = options.maxEvents ?? 10_000;
    this.#decoder = new DatagramDecoder(options.protocol);
  }

  /** Oldest first. */
  get events(): readonly TraceEvent[] {
    const at = this.forgotten % this.#maxEvents;
    return [...this.#ring.slice(at), ...this.#ring.slice(0, at)];
  }

  /** For whoever joins the endpoints: this leaves. */
  sent(from: TraceSide, bytes: Uint8Array, atMs: number): void {
    this.#add({ what: "sent", atMs, from, datagram: this.#decoder.decode(from, bytes) });
  }

  /** What the link did with it. */
  settled(from: TraceSide, bytes: Uint8Array, fate: Fate, atMs: number): void {
    const datagram = this.#decoder.decode(from, bytes);
    const event: DatagramEvent = { what: fate, atMs, from, datagram };
    this.#arrived = event;
    this.#add(event);
  }

  /** The one that arrived last was refused. */
  refused(reason: string): void {
    if (this.#arrived !== undefined) this.#arrived.refused = reason;
  }

  /** Keeps what an endpoint says of itself, where that is news. */
  metrics(of: TraceSide, { rttMs, bytesInFlight, windowBytes }: TraceMetrics, atMs: number): void {
    const before = this.#metrics[of];
    if (
      before.rttMs === rttMs &&
      before.bytesInFlight === bytesInFlight &&
      before.windowBytes === windowBytes
    ) {
      return;
    }
    this.#metrics[of] = { rttMs, bytesInFlight, windowBytes };
    this.#add({ what: "metrics", atMs, of, rttMs, bytesInFlight, windowBytes });
  }

  /** A line for each datagram that left, was dropped or arrived. */
  toText(): string {
    const lines: string[] = [];
    if (this.forgotten > 0) lines.push(`… ${this.forgotten} events before these`);
    for (const event of this.events) if (event.what !== "metrics") lines.push(this.#line(event));
    return `${lines.join("\n")}\n`;
  }

  /**
   * A qlog file (`.sqlog`) as one side would have written it: what it sent and received, what it refused, its metrics. What
   * the link dropped of what it sent is there too, under `simulation:datagram_dropped`.
   */
  toQlog(side: TraceSide): string {
    const name = this.#names[side];
    const type = side === "a" ? "client" : "server";
    const records: object[] = [
      {
        qlog_version: "0.3",
        qlog_format: "JSON-SEQ",
        title: "Stardust",
        trace: {
          vantage_point: { name, type },
          common_fields: {
            protocol_type: ["STARDUST"],
            time_format: "relative",
            reference_time: 0,
          },
        },
      },
    ];
    for (const event of this.events) {
      const record = qlogOf(event, side);
      if (record !== undefined) records.push({ time: event.atMs, ...record });
    }
    return records.map((record) => `${RECORD_SEPARATOR}${JSON.stringify(record)}\n`).join("");
  }

  #line(event: DatagramEvent): string {
    const to = this.#names[event.from === "a" ? "b" : "a"];
    const way = `${this.#names[event.from]} > ${to}`;
    const what = event.refused === undefined ? event.what : `refused: ${event.refused}`;
    const head = `${event.atMs.toFixed(3).padStart(12)} ${way}  ${what.padEnd(10)}`;
    const { datagram } = event;
    // All of it once, where it leaves; which one it was, afterwards.
    return event.what === "sent" || event.what === "damaged"
      ? `${head} ${describe(datagram)}`
      : `${head} ${numberOf(datagram)}`;
  }

  #add(event: TraceEvent): void {
    if (this.#ring.length < this.#maxEvents) {
      this.#ring.push(event);
      return;
    }
    this.#ring[this.forgotten % this.#maxEvents] = event;
    this.forgotten++;
  }
}

function numberOf({ packetNumber, note }: TracedDatagram): string {
  return packetNumber === undefined ? (note ?? "?") : `#${packetNumber}`;
}

function describe(datagram: TracedDatagram): string {
  const parts = [numberOf(datagram), `${datagram.bytes} B`];
  if (datagram.packetNumber !== undefined && datagram.note !== undefined) parts.push(datagram.note);
  if (datagram.ackNow === true) parts.push("wants an ack");
  const { ack, limit, frames = [] } = datagram;
  if (ack !== undefined) {
    const ranges = ack.ranges.map(([low, high]) => (low === high ? `${low}` : `${low}-${high}`));
    const held = ack.delayMs === undefined ? "" : ` held ${ack.delayMs} ms`;
    parts.push(`ack ${ranges.join(" ")}${held}`);
  }
  if (limit !== undefined) parts.push(`limit ${limit}`);
  for (const { channel, number, slice, bytes } of frames) {
    const which = number === undefined ? "" : ` ${number}`;
    const part = slice === undefined ? "" : ` slice ${slice[0]} of ${slice[1]}`;
    parts.push(`${channel}${which}${part} (${bytes} B)`);
  }
  return parts.join(", ");
}

function qlogOf(event: TraceEvent, side: TraceSide): object | undefined {
  if (event.what === "metrics") {
    if (event.of !== side) return undefined;
    const data = {
      smoothed_rtt: event.rttMs,
      bytes_in_flight: event.bytesInFlight,
      congestion_window: event.windowBytes,
    };
    return { name: "recovery:metrics_updated", data };
  }
  const { what, from, datagram, refused } = event;
  const header = { packet_type: "1RTT", packet_number: datagram.packetNumber };
  const raw = { length: datagram.bytes };
  if (from === side) {
    if (what === "delivered" || what === "damaged") return undefined;
    if (what !== "sent") {
      return { name: "simulation:datagram_dropped", data: { header, raw, trigger: what } };
    }
    return { name: "transport:packet_sent", data: { header, raw, frames: qlogFrames(datagram) } };
  }
  if (what !== "delivered" && what !== "damaged") return undefined;
  if (refused !== undefined) {
    return { name: "transport:packet_dropped", data: { header, raw, trigger: refused } };
  }
  return { name: "transport:packet_received", data: { header, raw, frames: qlogFrames(datagram) } };
}

/** Named as QUIC's where they mean the same: tools know those. */
function qlogFrames({ ack, limit, ackNow, frames = [] }: TracedDatagram): object[] {
  const all: object[] = [];
  if (ack !== undefined) {
    all.push({ frame_type: "ack", ack_delay: ack.delayMs, acked_ranges: ack.ranges });
  }
  if (limit !== undefined) all.push({ frame_type: "max_data", maximum: limit });
  if (ackNow === true) all.push({ frame_type: "ping" });
  for (const { channel, number, slice, bytes } of frames) {
    all.push({ frame_type: "datagram", length: bytes, channel, message: number, slice });
  }
  return all;
}
