/**
 * How much later than a round trip a datagram may still come before it is lost: an eighth of it (RFC 9002 6.1.2), or, once
 * a loss was found to be none, as many quarters of the smallest round trip as that one would have needed, at most a whole
 * one (RFC 8985, RACK, which begins at one quarter). Numbers acknowledged above a datagram's own are evidence only as long
 * as no reordering has been seen. Constant work.
 */
import { type RttEstimator, TIMER_GRANULARITY_MS } from "./rtt.ts";

/** The window in round trips, before a loss was found to be none (RFC 9002 6.1.2). */
const REORDERING_SHARE = 1 / 8;
/**
 * After this many round trips with losses, none of which was found to be none, the window is narrow again (RFC 8985
 * 6.2).
 */
const NARROW_AFTER_RECOVERIES = 16;

export class ReorderingWindow {
  private seen = false;
  /** The window, in quarters of the smallest round trip; 0: an eighth is enough. */
  private quarters = 0;
  private recoveries = 0;
  private recoveryFromMs: number = Number.NEGATIVE_INFINITY;

  /** Whether numbers acknowledged above a datagram's own say that it is lost. */
  get trustsNumbers(): boolean {
    return !this.seen;
  }

  /** A datagram is lost when one sent later has arrived, and so long has passed since it was sent. */
  lossDelayMs(rtt: RttEstimator): number {
    const rttMs = rtt.slowestMs();
    let windowMs = rttMs * REORDERING_SHARE;
    if (this.quarters > 0) {
      const widerMs = Math.min((this.quarters * rtt.minMs) / 4, rtt.smoothedMs);
      windowMs = Math.max(windowMs, widerMs);
    }
    return Math.max(rttMs + windowMs, TIMER_GRANULARITY_MS);
  }

  /** A datagram has arrived after one that was sent later. */
  reordered(): void {
    this.seen = true;
  }

  /** A datagram sent at `sentAtMs` is taken for lost. */
  lost(sentAtMs: number, nowMs: number): void {
    if (sentAtMs < this.recoveryFromMs) return;
    this.recoveryFromMs = nowMs;
    if (++this.recoveries >= NARROW_AFTER_RECOVERIES) this.quarters = 0;
  }

  /** One that had been taken for lost arrived after all, `tookMs` after it was sent. */
  spurious(tookMs: number, rtt: RttEstimator): void {
    this.seen = true;
    this.recoveries = 0;
    const needed = Math.ceil((tookMs - rtt.smoothedMs) / (rtt.minMs / 4));
    if (needed > this.quarters) this.quarters = needed;
  }
}
