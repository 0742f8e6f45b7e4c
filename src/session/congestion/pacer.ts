/**
 * A bucket of bytes, refilled at the controller's rate: what leaves at one instant is at most MAX_BURST_DATAGRAMS, and at
 * most as many bytes as those can have. Constant work.
 */
import { MAX_BURST_DATAGRAMS } from "../../limits.ts";

export class Pacer {
  private readonly fullBytes: number;
  private readonly burstBytes: number;
  private tokens: number;
  private filledAtMs: number;
  /** Datagrams sent at `filledAtMs`. */
  private burst = 0;

  constructor(maxDatagramBytes: number, nowMs: number) {
    this.fullBytes = maxDatagramBytes;
    this.burstBytes = MAX_BURST_DATAGRAMS * maxDatagramBytes;
    this.tokens = this.burstBytes;
    this.filledAtMs = nowMs;
  }

  /** When the next datagram may leave, however large: `nowMs` is at once. */
  readyAt(nowMs: number, bytesPerMs: number): number {
    const elapsedMs = nowMs - this.filledAtMs;
    if (elapsedMs > 0) {
      this.tokens = Math.min(this.tokens + elapsedMs * bytesPerMs, this.burstBytes);
      this.filledAtMs = nowMs;
      this.burst = 0;
    }
    const missing =
      this.burst < MAX_BURST_DATAGRAMS ? this.fullBytes - this.tokens : this.fullBytes;
    if (missing <= 0) return nowMs;
    // The small addition keeps rounding from asking for a time at which there is still not quite enough.
    return nowMs + missing / bytesPerMs + 0.001;
  }

  sent(bytes: number): void {
    this.tokens -= bytes;
    this.burst++;
  }
}
