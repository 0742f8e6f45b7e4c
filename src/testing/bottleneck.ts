/**
 * The narrow part of a path: a rate, and a queue in front of it that drops what it has no room for. A link may have one
 * of its own, or several share one, as the flows of a household share its uplink. Constant work; holds two numbers,
 * since what waits is in the hands of whoever asked.
 */

export const DEFAULT_QUEUE_BYTES = 65_536;

export class Bottleneck {
  /** May be changed while it runs; Infinity: no limit. */
  rateBytesPerMs: number;
  queueBytes: number;
  /** When it is free again. */
  #freeAtMs = 0;

  constructor(
    rateBytesPerMs: number = Number.POSITIVE_INFINITY,
    queueBytes: number = DEFAULT_QUEUE_BYTES,
  ) {
    this.rateBytesPerMs = rateBytesPerMs;
    this.queueBytes = queueBytes;
  }

  /** How long a datagram that comes now waits, milliseconds. */
  waitMs(nowMs: number): number {
    return Math.max(0, this.#freeAtMs - nowMs);
  }

  /** A datagram of so many bytes comes now: when it is through; undefined: the queue is full, and it is dropped. */
  take(bytes: number, nowMs: number): number | undefined {
    const waitMs = this.waitMs(nowMs);
    const rate = this.rateBytesPerMs;
    if (waitMs > 0 && waitMs * rate + bytes > this.queueBytes) return undefined;
    this.#freeAtMs = nowMs + waitMs + bytes / rate;
    return this.#freeAtMs;
  }
}
