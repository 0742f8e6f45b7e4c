/**
 * A bucket of bytes, refilled at the controller's rate: what leaves at one instant is at most MAX_BURST_DATAGRAMS, and at
 * most as many bytes as those can have. Who had to wait goes on with a quantum, not with a datagram: a turn for each costs both
 * ends more than the datagram itself. Constant work.
 */
import { MAX_BURST_DATAGRAMS, MAX_QUANTUM_MS, QUANTUM_ROUND_TRIPS } from "../../limits.ts";

export class Pacer {
  private readonly fullBytes: number;
  private readonly burstBytes: number;
  private tokens: number;
  private filledAtMs: number;
  /** Datagrams sent at `filledAtMs`. */
  private burst = 0;
  /** The last that asked has to wait, until there is a quantum. */
  private waiting = false;

  constructor(maxDatagramBytes: number, nowMs: number) {
    this.fullBytes = maxDatagramBytes;
    this.burstBytes = MAX_BURST_DATAGRAMS * maxDatagramBytes;
    this.tokens = this.burstBytes;
    this.filledAtMs = nowMs;
  }

  /** When the next datagram may leave, however large: `nowMs` is at once. */
  readyAt(nowMs: number, bytesPerMs: number, roundTripMs: number): number {
    const elapsedMs = nowMs - this.filledAtMs;
    if (elapsedMs > 0) {
      this.tokens = Math.min(this.tokens + elapsedMs * bytesPerMs, this.burstBytes);
      this.filledAtMs = nowMs;
      this.burst = 0;
    }
    if (this.tokens < this.fullBytes) this.waiting = true;
    const wanted = this.waiting ? this.quantumBytes(bytesPerMs, roundTripMs) : this.fullBytes;
    let missing = wanted - this.tokens;
    if (this.burst >= MAX_BURST_DATAGRAMS) missing = Math.max(missing, this.fullBytes);
    if (missing <= 0) {
      this.waiting = false;
      return nowMs;
    }
    // The small addition keeps rounding from asking for a time at which there is still not quite enough.
    return nowMs + missing / bytesPerMs + 0.001;
  }

  sent(bytes: number): void {
    this.tokens -= bytes;
    this.burst++;
  }

  private quantumBytes(bytesPerMs: number, roundTripMs: number): number {
    const ms = Math.min(roundTripMs * QUANTUM_ROUND_TRIPS, MAX_QUANTUM_MS);
    // Without any time there is no quantum, whatever the rate: it may be infinite.
    const bytes = ms > 0 ? bytesPerMs * ms : 0;
    return Math.max(this.fullBytes, Math.min(bytes, this.burstBytes / 2));
  }
}
