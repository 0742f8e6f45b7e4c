/**
 * How much may be in flight, and how fast it leaves. A controller decides, the session obeys: data waits, acks and probes
 * never do. Here: what a controller is. Those there are stand in a file each; which of them a session has, in choose.ts.
 */

/** The round trips of a path, ack delays taken off; milliseconds. */
export interface RoundTrips {
  /** 0 before the first sample. */
  readonly smoothedMs: number;
  readonly variationMs: number;
  /** The smallest of the last 5 to 10 seconds; Infinity before the first sample. */
  readonly minMs: number;
  /** How long the session waits for an ack before it asks for one (RFC 9002 6.2.1). */
  probeTimeoutMs(): number;
}

/**
 * What decides about the rate of one session. Bytes are those of datagrams that ask for an ack; times milliseconds. The
 * session calls it for each datagram, and `onFeedback` when it has called for all of one ack, or of one timer: that is
 * where to decide. Nothing of it may throw.
 */
export interface CongestionController {
  /** Data is sent while less than this is in flight. */
  readonly windowBytes: number;
  /** Bytes a millisecond; Infinity: only bursts are bounded. */
  readonly pacingBytesPerMs: number;
  /** `inFlightBytes`: with this one. */
  onSent(bytes: number, inFlightBytes: number, nowMs: number): void;
  onAcknowledged(bytes: number, sentAtMs: number, nowMs: number): void;
  onLost(bytes: number, sentAtMs: number, nowMs: number): void;
  /** A datagram that `onLost` was called for has arrived after all. It is not in flight, and never was counted as arrived. */
  onSpuriousLoss(bytes: number, sentAtMs: number, nowMs: number): void;
  /**
   * `roundTripMs`: what the ack says of the path, its delay taken off; -1: nothing, as for a timer, or because this side's
   * own event loop stood still while the ack waited.
   */
  onFeedback(roundTripMs: number, rtt: RoundTrips, nowMs: number): void;
  /** A second probe timeout in a row has run out with nothing acknowledged; and each further one. */
  onSilence(nowMs: number): void;
}
