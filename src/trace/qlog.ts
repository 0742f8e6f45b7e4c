/**
 * Traces as qlog (draft-ietf-quic-qlog-main-schema-03, JSON text sequences, RFC 7464), for tools that read it. Where QUIC has an event or
 * a frame that means the same, it has that name.
 */
import type { TracedDatagram, TraceMetrics } from "./datagram.ts";

const RECORD_SEPARATOR = "\x1e";

/** One event of qlog: its name, and what it says. */
export interface QlogEvent {
  readonly name: string;
  readonly data: object;
}

/** What a file begins with. Times are milliseconds since `referenceMs`. */
export function qlogHead(name: string, type: "client" | "server", referenceMs = 0): string {
  return record({
    qlog_version: "0.3",
    qlog_format: "JSON-SEQ",
    title: "Stardust",
    trace: {
      vantage_point: { name, type },
      common_fields: {
        protocol_type: ["STARDUST"],
        time_format: "relative",
        reference_time: referenceMs,
      },
    },
  });
}

export function qlogLine(atMs: number, event: QlogEvent): string {
  return record({ time: atMs, ...event });
}

function record(value: object): string {
  return `${RECORD_SEPARATOR}${JSON.stringify(value)}\n`;
}

export function qlogSent(datagram: TracedDatagram): QlogEvent {
  return { name: "transport:packet_sent", data: { ...head(datagram), frames: frames(datagram) } };
}

export function qlogReceived(datagram: TracedDatagram): QlogEvent {
  return {
    name: "transport:packet_received",
    data: { ...head(datagram), frames: frames(datagram) },
  };
}

/** It came and was refused. */
export function qlogRefused(datagram: TracedDatagram, reason: string): QlogEvent {
  return { name: "transport:packet_dropped", data: { ...head(datagram), trigger: reason } };
}

/** A simulated link has not delivered it. */
export function qlogNotDelivered(datagram: TracedDatagram, fate: string): QlogEvent {
  return { name: "simulation:datagram_dropped", data: { ...head(datagram), trigger: fate } };
}

/** So many datagrams more are believed lost. */
export function qlogLost(count: number): QlogEvent {
  return { name: "recovery:packet_lost", data: { count } };
}

export function qlogMetrics({ rttMs, bytesInFlight, windowBytes }: TraceMetrics): QlogEvent {
  const data = {
    smoothed_rtt: rttMs,
    bytes_in_flight: bytesInFlight,
    congestion_window: windowBytes,
  };
  return { name: "recovery:metrics_updated", data };
}

function head({ packetNumber, bytes }: TracedDatagram): { header: object; raw: object } {
  return {
    header: { packet_type: "1RTT", packet_number: packetNumber },
    raw: { length: bytes },
  };
}

/** Named as QUIC's where they mean the same: tools know those. */
function frames({ ack, limit, ackNow, clockMs, frames: all = [] }: TracedDatagram): object[] {
  const list: object[] = [];
  if (ack !== undefined) {
    list.push({ frame_type: "ack", ack_delay: ack.delayMs, acked_ranges: ack.ranges });
  }
  if (limit !== undefined) {
    const { channel, handedOnBytes } = limit;
    list.push({ frame_type: "receive_limit", channel, handed_on: handedOnBytes });
  }
  if (clockMs !== undefined) list.push({ frame_type: "clock", time: clockMs });
  if (ackNow === true) list.push({ frame_type: "ping" });
  for (const { channel, number, slice, bytes } of all) {
    list.push({ frame_type: "datagram", length: bytes, channel, message: number, slice });
  }
  return list;
}
