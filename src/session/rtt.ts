/**
 * Round-trip time, smoothed as in RFC 9002 5.3. Differs in one thing: the ack delay is always taken off, not only
 * down to the smallest round trip seen. Acks of unreliable data are held for long and a session may never see
 * one that was not; the delay is measured by who held it, and who lies about it only makes us probe too early. As there,
 * no more is taken off than the other side may hold an ack of reliable data: by how much its timers are late is part of
 * the round trip, or the probe timeout would never learn of it. Constant work.
 */
import type { LatencyHistogram } from "../histogram.ts";
import type { RttStats } from "../stats.ts";

/** The RTT assumed before the first sample (RFC 9002 6.2.2). */
export const INITIAL_RTT_MS = 333;
/** What a timer can tell apart (RFC 9002 6.1.2, kGranularity). */
export const TIMER_GRANULARITY_MS = 1;
/** The smallest round trip is that of so long a time and up to as much before it: a path may become longer. */
const MIN_RTT_WINDOW_MS = 5000;

/** The longest pause between probes, milliseconds, unless the round trip itself is longer. */
const MAX_PROBE_MS = 3000;

export class RttEstimator {
  /** 0 before the first sample. */
  smoothedMs = 0;
  variationMs: number = INITIAL_RTT_MS / 2;
  latestMs = 0;
  /** The same without the ack delay. */
  private latestAdjustedMs = 0;
  /** Of those since the window before this one began, ack delays taken off; Infinity before the first sample. */
  minMs: number = Number.POSITIVE_INFINITY;
  private newestMs = -1;
  private windowMinMs: number = Number.POSITIVE_INFINITY;
  private windowFromMs = 0;
  private readonly maxAckDelayMs: number;
  /** Counts each sample, perhaps those of others too. */
  private readonly samples: LatencyHistogram | undefined;

  constructor(maxAckDelayMs: number, samples?: LatencyHistogram) {
    this.maxAckDelayMs = maxAckDelayMs;
    this.samples = samples;
  }

  stats(): RttStats {
    if (this.smoothedMs === 0) return { smoothedMs: 0, minMs: 0, jitterMs: 0, latestMs: 0 };
    const { smoothedMs, minMs, variationMs, latestAdjustedMs } = this;
    return { smoothedMs, minMs, jitterMs: variationMs, latestMs: latestAdjustedMs };
  }

  /** Nothing is known any more: the path is another one. */
  begin(): void {
    this.smoothedMs = 0;
    this.variationMs = INITIAL_RTT_MS / 2;
    this.latestMs = 0;
    this.minMs = Number.POSITIVE_INFINITY;
    this.newestMs = -1;
    this.windowMinMs = Number.POSITIVE_INFINITY;
    this.windowFromMs = 0;
  }

  /** A newly acknowledged datagram took `rttMs`, of which the other side says it held the ack for `ackDelayMs`. */
  sample(rttMs: number, ackDelayMs: number, reliable: boolean, nowMs: number): void {
    const heldMs = reliable ? Math.min(ackDelayMs, this.maxAckDelayMs) : ackDelayMs;
    const adjustedMs = Math.max(rttMs - heldMs, 0);
    this.latestMs = rttMs;
    this.newestMs = adjustedMs;
    this.latestAdjustedMs = adjustedMs;
    this.samples?.add(adjustedMs);
    if (nowMs - this.windowFromMs >= MIN_RTT_WINDOW_MS) {
      this.minMs = this.windowMinMs;
      this.windowMinMs = Number.POSITIVE_INFINITY;
      this.windowFromMs = nowMs;
    }
    this.windowMinMs = Math.min(this.windowMinMs, Math.max(adjustedMs, 0.001));
    this.minMs = Math.min(this.minMs, this.windowMinMs);
    if (this.smoothedMs === 0) {
      this.smoothedMs = Math.max(adjustedMs, 0.001);
      this.variationMs = adjustedMs / 2;
      return;
    }
    this.variationMs += (Math.abs(this.smoothedMs - adjustedMs) - this.variationMs) / 4;
    this.smoothedMs += (adjustedMs - this.smoothedMs) / 8;
  }

  /** The newest sample, its ack delay taken off, once; -1: there is no new one. */
  takeNewestMs(): number {
    const newestMs = this.newestMs;
    this.newestMs = -1;
    return newestMs;
  }

  /** RFC 9002 6.2.1: how long to wait for an acknowledgement before asking. */
  probeTimeoutMs(): number {
    const smoothedMs = this.smoothedMs === 0 ? INITIAL_RTT_MS : this.smoothedMs;
    return smoothedMs + Math.max(4 * this.variationMs, TIMER_GRANULARITY_MS) + this.maxAckDelayMs;
  }

  /** What a round trip takes at most: the larger of the smoothed and the latest one, INITIAL_RTT_MS before the first. */
  slowestMs(): number {
    return this.smoothedMs === 0 ? INITIAL_RTT_MS : Math.max(this.smoothedMs, this.latestMs);
  }

  /** The same after so many probes in a row. */
  backedOffProbeTimeoutMs(backoff: number): number {
    const onceMs = this.probeTimeoutMs();
    return Math.min(onceMs * 2 ** Math.min(backoff, 16), Math.max(MAX_PROBE_MS, onceMs));
  }
}
