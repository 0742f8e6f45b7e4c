/**
 * Congestion control `newreno`, as RFC 9002 section 7 has it: slow start, one reduction a round trip with losses,
 * congestion avoidance, persistent congestion, no growth that is not used, and pacing. A reduction is taken back when all
 * that caused it has arrived after all (RFC 4015). Constant work a datagram.
 */
import type { CongestionController, RoundTrips } from "./controller.ts";

/** RFC 9002 7.2, in datagrams. */
const INITIAL_WINDOW_DATAGRAMS = 10;
const MIN_WINDOW_DATAGRAMS = 2;
/** RFC 9002 7.3.2. */
const LOSS_REDUCTION = 0.5;
/** RFC 9002 7.6.1, in probe timeouts. */
const PERSISTENT_PROBE_TIMEOUTS = 3;
/** RFC 9002 7.7. */
const PACING_GAIN = 1.25;

export class NewRenoController implements CongestionController {
  windowBytes: number;
  pacingBytesPerMs: number = Number.POSITIVE_INFINITY;
  private readonly datagramBytes: number;
  private thresholdBytes: number = Number.POSITIVE_INFINITY;
  /** In flight, when the last datagram had left: what the window is used for. */
  private usedBytes = 0;
  /** What was sent up to here has had its reduction. */
  private recoveryFromMs: number = Number.NEGATIVE_INFINITY;
  /** How it was before that, and how many of the lost datagrams still are lost. */
  private windowBefore = 0;
  private thresholdBefore = 0;
  private recoveryLosses = 0;
  /** When the newest was sent that acks before this one have named, and the oldest and newest of this one. */
  private acknowledgedToMs: number = Number.NEGATIVE_INFINITY;
  private namedFromMs: number = Number.POSITIVE_INFINITY;
  private namedToMs: number = Number.NEGATIVE_INFINITY;
  /** When those were sent that are lost, with nothing between them that has arrived. */
  private lostFromMs: number = Number.POSITIVE_INFINITY;
  private lostToMs: number = Number.NEGATIVE_INFINITY;

  constructor(maxDatagramBytes: number) {
    this.datagramBytes = maxDatagramBytes;
    this.windowBytes = INITIAL_WINDOW_DATAGRAMS * maxDatagramBytes;
  }

  onSent(_bytes: number, inFlightBytes: number, _nowMs: number): void {
    this.usedBytes = inFlightBytes;
  }

  onAcknowledged(bytes: number, sentAtMs: number, _nowMs: number): void {
    if (sentAtMs < this.namedFromMs) this.namedFromMs = sentAtMs;
    if (sentAtMs > this.namedToMs) this.namedToMs = sentAtMs;
    if (sentAtMs <= this.recoveryFromMs || this.usedBytes * 2 < this.windowBytes) return;
    if (this.windowBytes < this.thresholdBytes) this.windowBytes += bytes;
    else this.windowBytes += (this.datagramBytes * bytes) / this.windowBytes;
  }

  onLost(_bytes: number, sentAtMs: number, nowMs: number): void {
    if (sentAtMs > this.acknowledgedToMs && sentAtMs < this.namedFromMs) {
      if (sentAtMs < this.lostFromMs) this.lostFromMs = sentAtMs;
      if (sentAtMs > this.lostToMs) this.lostToMs = sentAtMs;
    }
    if (sentAtMs <= this.recoveryFromMs) {
      this.recoveryLosses++;
      return;
    }
    this.recoveryFromMs = nowMs;
    this.recoveryLosses = 1;
    this.windowBefore = this.windowBytes;
    this.thresholdBefore = this.thresholdBytes;
    this.thresholdBytes = Math.max(this.windowBytes * LOSS_REDUCTION, this.minBytes);
    this.windowBytes = this.thresholdBytes;
  }

  onSpuriousLoss(_bytes: number, sentAtMs: number, _nowMs: number): void {
    if (sentAtMs > this.recoveryFromMs || this.recoveryLosses === 0) return;
    if (--this.recoveryLosses > 0) return;
    this.windowBytes = Math.max(this.windowBytes, this.windowBefore);
    this.thresholdBytes = this.thresholdBefore;
    this.recoveryFromMs = Number.NEGATIVE_INFINITY;
  }

  onFeedback(_roundTripMs: number, rtt: RoundTrips, _nowMs: number): void {
    const persistentMs = PERSISTENT_PROBE_TIMEOUTS * rtt.probeTimeoutMs();
    if (rtt.smoothedMs > 0 && this.lostToMs - this.lostFromMs > persistentMs) {
      this.windowBytes = this.minBytes;
      this.recoveryFromMs = Number.NEGATIVE_INFINITY;
      this.recoveryLosses = 0;
    }
    if (this.namedToMs > this.acknowledgedToMs) this.acknowledgedToMs = this.namedToMs;
    this.namedFromMs = Number.POSITIVE_INFINITY;
    this.namedToMs = Number.NEGATIVE_INFINITY;
    this.lostFromMs = Number.POSITIVE_INFINITY;
    this.lostToMs = Number.NEGATIVE_INFINITY;
    if (rtt.smoothedMs > 0) {
      this.pacingBytesPerMs = (PACING_GAIN * this.windowBytes) / rtt.smoothedMs;
    }
  }

  onSilence(_nowMs: number): void {}

  private get minBytes(): number {
    return MIN_WINDOW_DATAGRAMS * this.datagramBytes;
  }
}
