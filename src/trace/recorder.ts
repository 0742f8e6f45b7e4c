/**
 * Records what one live connection sends and receives, from when it is switched on until it is switched off, as qlog. What has
 * come since it was last read is kept, and no more than the newest `maxEvents`, so who does not read makes it forget and not grow. A
 * session without one pays a comparison a datagram.
 */
import type { Protocol } from "../protocol.ts";
import type { SessionTracer, TracedSession } from "../session/tracer.ts";
import type { DatagramHeader } from "../wire/header.ts";
import { type TracedDatagram, type TracedFrame, tracedAck } from "./datagram.ts";
import {
  type QlogEvent,
  qlogHead,
  qlogLine,
  qlogLost,
  qlogMetrics,
  qlogReceived,
  qlogRefused,
  qlogSent,
} from "./qlog.ts";

/** What is asked of whoever has the connection. */
export type TraceCommand = "start" | "read" | "stop";

export const DEFAULT_TRACE_EVENTS = 10_000;

const CLOCK_UNIT_MS = 0.25;

export class TraceRecorder implements SessionTracer {
  /** Events that were forgotten because nobody had read them. */
  forgotten = 0;
  readonly #protocol: Protocol;
  readonly #maxEvents: number;
  readonly #session: TracedSession;
  readonly #startMs: number;
  #head: string;
  /** What was not read, oldest first; those before `#from` are forgotten. */
  #lines: string[] = [];
  #from = 0;
  #metrics: { rttMs: number; bytesInFlight: number; windowBytes: number } | undefined;
  #lost: number;

  /** `wallMs`: milliseconds since 1970 at `nowMs`. */
  constructor(
    protocol: Protocol,
    session: TracedSession,
    side: { readonly name: string; readonly type: "client" | "server" },
    nowMs: number,
    wallMs: number,
    maxEvents: number = DEFAULT_TRACE_EVENTS,
  ) {
    this.#protocol = protocol;
    this.#session = session;
    this.#maxEvents = maxEvents;
    this.#startMs = nowMs;
    this.#head = qlogHead(side.name, side.type, wallMs);
    this.#lost = session.counters.datagramsLost;
  }

  /** What has come since it was read last; the first time a file's beginning. */
  read(): string {
    const text = this.#head + this.#lines.slice(this.#from).join("");
    this.#head = "";
    this.#lines = [];
    this.#from = 0;
    return text;
  }

  sent(header: DatagramHeader, frames: readonly TracedFrame[], bytes: number, nowMs: number): void {
    this.#add(qlogSent(this.#datagram(header, frames, bytes, true)), nowMs);
    this.#look(nowMs);
  }

  received(
    header: DatagramHeader,
    frames: readonly TracedFrame[],
    bytes: number,
    nowMs: number,
  ): void {
    this.#add(qlogReceived(this.#datagram(header, frames, bytes, false)), nowMs);
    this.#look(nowMs);
  }

  refused(bytes: number, reason: string, nowMs: number): void {
    this.#add(qlogRefused({ bytes }, reason), nowMs);
  }

  /** What has changed since the event before: it shows beside the next one. */
  #look(nowMs: number): void {
    const { rttMs, bytesInFlight, windowBytes, counters } = this.#session;
    if (counters.datagramsLost > this.#lost) {
      this.#add(qlogLost(counters.datagramsLost - this.#lost), nowMs);
      this.#lost = counters.datagramsLost;
    }
    const before = this.#metrics;
    const isNews =
      before?.rttMs !== rttMs ||
      before.bytesInFlight !== bytesInFlight ||
      before.windowBytes !== windowBytes;
    if (!isNews) return;
    this.#metrics = { rttMs, bytesInFlight, windowBytes };
    this.#add(qlogMetrics(this.#metrics), nowMs);
  }

  #datagram(
    header: DatagramHeader,
    frames: readonly TracedFrame[],
    bytes: number,
    isOwn: boolean,
  ): TracedDatagram {
    const { ack, acks, ackNow, limit, packetNumber, receiveLimit, clock } = header;
    const hasClock = limit && this.#protocol.header.hasClock === true;
    return {
      bytes,
      packetNumber,
      ackNow: ackNow ? true : undefined,
      ack: ack ? tracedAck(acks, acks.largest) : undefined,
      limit: limit ? this.#limit(receiveLimit, isOwn) : undefined,
      clockMs: hasClock ? clock * CLOCK_UNIT_MS : undefined,
      frames,
    };
  }

  #limit(value: number, isOwn: boolean): TracedDatagram["limit"] {
    const { sendLimit, receiveLimit } = this.#session;
    const { channel, handedOnBytes } = (isOwn ? receiveLimit : sendLimit).flow.read(value);
    return { channel: this.#protocol.channels[channel]?.name, handedOnBytes };
  }

  #add(event: QlogEvent, nowMs: number): void {
    this.#lines.push(qlogLine(nowMs - this.#startMs, event));
    if (this.#lines.length - this.#from <= this.#maxEvents) return;
    this.#lines[this.#from++] = "";
    this.forgotten++;
    if (this.#from * 2 < this.#lines.length) return;
    this.#lines = this.#lines.slice(this.#from);
    this.#from = 0;
  }
}
