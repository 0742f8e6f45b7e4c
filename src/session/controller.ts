/**
 * How much may be in flight, and how fast it leaves. A controller decides, the session obeys: data waits, acks and
 * probes never do. Here: the interface, `fixed`, and the pacer that holds bursts to MAX_BURST_DATAGRAMS.
 */
import { MAX_BURST_DATAGRAMS } from "../limits.ts";
import type { RttEstimator } from "./rtt.ts";

/** What decides about the rate of one session. Bytes are those of datagrams that ask for an ack; times milliseconds. */
export interface CongestionController {
  /** Data is sent while less than this is in flight. */
  readonly windowBytes: number;
  /** Bytes a millisecond, in full-sized datagrams; Infinity: only bursts are bounded. */
  readonly pacingBytesPerMs: number;
  onSent(bytes: number, inFlightBytes: number, nowMs: number): void;
  /** `applicationLimited`: there was nothing more to send, so the sample says little about the path. */
  onAcknowledged(
    bytes: number,
    sentAtMs: number,
    nowMs: number,
    rtt: RttEstimator,
    applicationLimited: boolean,
  ): void;
  onLost(bytes: number, sentAtMs: number, nowMs: number): void;
  /** A datagram that `onLost` was called for has arrived after all. It is not in flight, and never was counted as arrived. */
  onSpuriousLoss(bytes: number, sentAtMs: number, nowMs: number): void;
  /** A second probe timeout in a row has run out with nothing acknowledged. */
  onSilence(nowMs: number): void;
}

export interface FixedControllerOptions {
  /** Default 256 KiB: 5 MB/s over 50 ms. */
  readonly windowBytes?: number | undefined;
  /** Default: a window and a quarter each round trip (RFC 9002 7.7), from 2 MB/s before the first sample. */
  readonly pacingBytesPerMs?: number | undefined;
}

/**
 * Congestion control `fixed`: a window that never changes, spread over the round trip. Under loss at most a window is
 * in flight, and after silence only probes are sent, so it does not melt; it is not fair to others on a full link.
 */
export class FixedController implements CongestionController {
  readonly windowBytes: number;
  pacingBytesPerMs: number;
  private readonly followRtt: boolean;

  constructor(options: FixedControllerOptions = {}) {
    this.windowBytes = options.windowBytes ?? 256 * 1024;
    this.followRtt = options.pacingBytesPerMs === undefined;
    this.pacingBytesPerMs = options.pacingBytesPerMs ?? 2000;
  }

  onSent(_bytes: number, _inFlightBytes: number, _nowMs: number): void {}

  onAcknowledged(_bytes: number, _sentAtMs: number, _nowMs: number, rtt: RttEstimator): void {
    if (this.followRtt && rtt.smoothedMs > 0) {
      this.pacingBytesPerMs = (1.25 * this.windowBytes) / Math.max(rtt.smoothedMs, 0.01);
    }
  }

  onLost(_bytes: number, _sentAtMs: number, _nowMs: number): void {}

  onSpuriousLoss(_bytes: number, _sentAtMs: number, _nowMs: number): void {}

  onSilence(_nowMs: number): void {}
}

/** A bucket of datagrams: at most MAX_BURST_DATAGRAMS at one instant, refilled at the controller's rate. */
export class Pacer {
  private tokens: number = MAX_BURST_DATAGRAMS;
  private filledAtMs: number;

  constructor(nowMs: number) {
    this.filledAtMs = nowMs;
  }

  /** When the next datagram may leave: `nowMs` or earlier is at once. */
  readyAt(nowMs: number, bytesPerMs: number, datagramBytes: number): number {
    const perMs = bytesPerMs / datagramBytes;
    const elapsedMs = nowMs - this.filledAtMs;
    if (elapsedMs > 0) {
      const refilled = this.tokens + elapsedMs * perMs;
      this.tokens = Math.min(refilled, MAX_BURST_DATAGRAMS);
      this.filledAtMs = nowMs;
    }
    if (this.tokens >= 1) return nowMs;
    // The small addition keeps rounding from asking for a time at which there is still not quite a whole token.
    return nowMs + (1 - this.tokens) / perMs + 0.001;
  }

  sent(): void {
    this.tokens -= 1;
  }
}
