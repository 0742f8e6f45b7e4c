/**
 * What a pair of endpoints said to each other: each datagram with its time, direction, decoded header, and what became of
 * it. Read as lines of text by people, and as qlog (draft-ietf-quic-qlog-main-schema-03, JSON text sequences, RFC 7464) by
 * tools. Bounded: the oldest events are forgotten. Not here: payloads; a trace holds their sizes.
 */
import type { Protocol } from "../protocol.ts";
import type { TracedDatagram, TraceMetrics } from "../trace/datagram.ts";
import {
  type QlogEvent,
  qlogHead,
  qlogLine,
  qlogMetrics,
  qlogNotDelivered,
  qlogReceived,
  qlogRefused,
  qlogSent,
} from "../trace/qlog.ts";
import type { Fate } from "./link.ts";
import { DatagramDecoder } from "./trace-decoder.ts";

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

export interface TraceOptions {
  /** To decode headers with. */
  readonly protocol: Protocol;
  /** What the two sides are called; default `client` and `server`. */
  readonly names?: Readonly<Record<TraceSide, string>> | undefined;
  /** The newest that are kept; default 10,000. */
  readonly maxEvents?: number | undefined;
}

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
    let text = qlogHead(name, type);
    for (const event of this.events) {
      const record = qlogOf(event, side);
      if (record !== undefined) text += qlogLine(event.atMs, record);
    }
    return text;
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
  if (limit !== undefined) {
    parts.push(
      `limit${limit.channel === undefined ? "" : ` ${limit.channel}`} ${limit.handedOnBytes}`,
    );
  }
  for (const { channel, number, slice, bytes } of frames) {
    const which = number === undefined ? "" : ` ${number}`;
    const part = slice === undefined ? "" : ` slice ${slice[0]} of ${slice[1]}`;
    parts.push(`${channel}${which}${part} (${bytes} B)`);
  }
  return parts.join(", ");
}

function qlogOf(event: TraceEvent, side: TraceSide): QlogEvent | undefined {
  if (event.what === "metrics") return event.of === side ? qlogMetrics(event) : undefined;
  const { what, from, datagram, refused } = event;
  if (from === side) {
    if (what === "delivered" || what === "damaged") return undefined;
    return what === "sent" ? qlogSent(datagram) : qlogNotDelivered(datagram, what);
  }
  if (what !== "delivered" && what !== "damaged") return undefined;
  return refused === undefined ? qlogReceived(datagram) : qlogRefused(datagram, refused);
}
