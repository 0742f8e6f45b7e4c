/**
 * Congestion control `fixed`: a window that never changes, spread over the round trip. Under loss at most a window is
 * in flight, and after silence only probes are sent, so it does not melt; it is not fair to others on a full link.
 */
import type { CongestionController, RoundTrips } from "./controller.ts";

export interface FixedOptions {
  /** Default 256 KiB: 5 MB/s over 50 ms. */
  readonly windowBytes?: number | undefined;
  /** Default: a window and a quarter each round trip (RFC 9002 7.7), from 2 MB/s before the first sample. */
  readonly pacingBytesPerMs?: number | undefined;
}

export class FixedController implements CongestionController {
  readonly windowBytes: number;
  pacingBytesPerMs: number;
  private readonly followRtt: boolean;

  constructor(options: FixedOptions = {}) {
    this.windowBytes = options.windowBytes ?? 256 * 1024;
    this.followRtt = options.pacingBytesPerMs === undefined;
    this.pacingBytesPerMs = options.pacingBytesPerMs ?? 2000;
  }

  onSent(_bytes: number, _inFlightBytes: number, _nowMs: number): void {}
  onAcknowledged(_bytes: number, _sentAtMs: number, _nowMs: number): void {}
  onLost(_bytes: number, _sentAtMs: number, _nowMs: number): void {}
  onSpuriousLoss(_bytes: number, _sentAtMs: number, _nowMs: number): void {}

  onFeedback(_roundTripMs: number, rtt: RoundTrips, _nowMs: number): void {
    if (this.followRtt && rtt.smoothedMs > 0) {
      this.pacingBytesPerMs = (1.25 * this.windowBytes) / Math.max(rtt.smoothedMs, 0.01);
    }
  }

  onSilence(_nowMs: number): void {}
}
