/** A datagram as a trace shows it: what its header says, without payloads. */
import type { AckBlock } from "../wire/header.ts";

export interface TracedFrame {
  readonly channel: string;
  /**
   * The message number, only on numbered channels: of a live connection whole, of a simulated one as it is on the wire, its
   * high bits cut off.
   */
  readonly number?: number | undefined;
  /** Index and count. */
  readonly slice?: readonly [index: number, count: number] | undefined;
  /** Of the payload. */
  readonly bytes: number;
}

export interface TracedDatagram {
  readonly bytes: number;
  /** Whole; undefined for a datagram of the connection protocol, and where the header cannot be read. */
  readonly packetNumber?: number | undefined;
  readonly ackNow?: boolean | undefined;
  /** Newest first, both ends included. */
  readonly ack?:
    | {
        readonly delayMs?: number | undefined;
        readonly ranges: readonly (readonly [number, number])[];
      }
    | undefined;
  /** Of which channel how much has been handed on; no channel where none of them has a limit. */
  readonly limit?:
    | { readonly channel?: string | undefined; readonly handedOnBytes: number }
    | undefined;
  /** The writer's clock, where the layout has one, with a limit. */
  readonly clockMs?: number | undefined;
  readonly frames?: readonly TracedFrame[] | undefined;
  /** What else there is to say: that it is of the connection protocol, or why it cannot be read. */
  readonly note?: string | undefined;
}

/** What an endpoint says of itself, as far as it does. */
export interface TraceMetrics {
  readonly rttMs?: number | undefined;
  readonly bytesInFlight?: number | undefined;
  readonly windowBytes?: number | undefined;
}

const DELAY_UNIT_MS = 0.25;
const DELAY_UNKNOWN = 255;

/** An ack block whose largest number is `largest`. */
export function tracedAck(acks: AckBlock, largest: number): NonNullable<TracedDatagram["ack"]> {
  const ranges: [number, number][] = [];
  let high = largest;
  for (let i = -1; i < acks.pairs; i++) {
    if (i >= 0) high -= acks.gaps[i]!;
    const low = high - (i < 0 ? acks.firstRun : acks.runs[i]!) + 1;
    ranges.push([low, high]);
    high = low - 1;
  }
  const delayMs = acks.delay === DELAY_UNKNOWN ? undefined : acks.delay * DELAY_UNIT_MS;
  return { delayMs, ranges };
}
