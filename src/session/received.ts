/**
 * What has been received and when to say so: ranges of packet numbers (RFC 9000 13.2.3), at most MAX_KNOWN_RANGES, the
 * oldest forgotten first, pruned by acks of acks (13.2.4), the newest MAX_ACK_RANGES said; and the policy of docs/wire.md.
 * Worst case: one shift of MAX_KNOWN_RANGES ranges a datagram.
 */
import {
  ACK_AGAIN_MS,
  ACK_DATAGRAMS,
  LAZY_ACK_DATAGRAMS,
  LAZY_ACK_MS,
  MAX_ACK_RANGES,
  MAX_KNOWN_RANGES,
} from "../limits.ts";
import type { AckBlock } from "../wire/header.ts";
import { INITIAL_RTT_MS, type RttEstimator } from "./rtt.ts";

const DELAY_UNIT_MS = 0.25;
const DELAY_UNKNOWN = 255;
/** Of the time that an ack may be held back: after so much, one that another datagram comes with waits no longer. */
const RIPE_AFTER = 1 / 3;
/** By how much timers commonly fire late; an ack that was promised is due by so much sooner (RFC 9000 18.2). */
const TIMER_LATENESS_MS = 2;

export class ReceivedPackets {
  /** Newest first: low and high (both included) of each range; what stands behind `count` of them is of no meaning. */
  private readonly ranges: number[] = [0, 0];
  count = 0;
  /** When the largest number arrived. */
  private largestAtMs = 0;
  /** Datagrams that ask for an ack since the last one was written. */
  private unreliable = 0;
  private reliable = 0;
  private immediate = false;
  /** The ack that is due is followed by another: it says that something is missing, and may be lost. */
  private again = false;
  /** When what is held back must be acknowledged. */
  deadlineMs: number = Number.POSITIVE_INFINITY;
  /** From then on the next datagram that comes is acknowledged with it at once: that costs no turn of its own. */
  private ripeMs: number = Number.POSITIVE_INFINITY;

  /** -1 before the first. */
  get largest(): number {
    return this.count === 0 ? -1 : this.ranges[1]!;
  }

  /** There is something that the other side waits to hear. */
  get pending(): boolean {
    return this.reliable > 0 || this.unreliable > 0 || this.immediate;
  }

  /** An ack is to be sent at the end of this turn even if nothing else is. */
  isDue(nowMs: number): boolean {
    return this.immediate || this.deadlineMs <= nowMs;
  }

  /**
   * Records a number that was not received before. `frames` or `ackNow`: the datagram asks for an ack; `stalled`: nobody
   * knows when it came, so that its ack says nothing of how long it was held.
   */
  add(
    packetNumber: number,
    nowMs: number,
    frames: boolean,
    ackNow: boolean,
    reliable: boolean,
    maxAckDelayMs: number,
    stalled = false,
  ): void {
    const gap = packetNumber !== this.largest + 1;
    if (packetNumber > this.largest) this.largestAtMs = stalled ? Number.NEGATIVE_INFINITY : nowMs;
    this.insert(packetNumber);
    if (!frames && !ackNow) return;
    if (this.count === 1) this.again = false;
    else if (gap && reliable) this.again = true;
    if (ackNow || gap || nowMs >= this.ripeMs) this.immediate = true;
    let holdMs = LAZY_ACK_MS;
    if (reliable) {
      if (++this.reliable >= ACK_DATAGRAMS) this.immediate = true;
      holdMs = Math.max(0, maxAckDelayMs - TIMER_LATENESS_MS);
    } else if (++this.unreliable >= LAZY_ACK_DATAGRAMS) this.immediate = true;
    if (nowMs + holdMs >= this.deadlineMs) return;
    this.deadlineMs = nowMs + holdMs;
    this.ripeMs = nowMs + holdMs * RIPE_AFTER;
  }

  /** An ack block has been written. */
  reported(nowMs: number): void {
    this.reliable = 0;
    this.unreliable = 0;
    this.immediate = false;
    this.deadlineMs = this.again ? nowMs + ACK_AGAIN_MS : Number.POSITIVE_INFINITY;
    this.ripeMs = Number.POSITIVE_INFINITY;
    this.again = false;
  }

  /** The other side has seen an ack of everything up to `packetNumber`: it need not be repeated. */
  prune(packetNumber: number): void {
    const r = this.ranges;
    while (this.count > 1 && r[this.count * 2 - 1]! <= packetNumber) this.count--;
    if (this.count === 0) return;
    const low = this.count * 2 - 2;
    if (r[low]! <= packetNumber) r[low] = Math.min(packetNumber + 1, r[low + 1]!);
  }

  /** Fills in the newest of what is known. */
  fill(acks: AckBlock, nowMs: number): void {
    const r = this.ranges;
    const ranges = Math.min(this.count, MAX_ACK_RANGES);
    acks.largest = r[1]!;
    const delay = Math.floor((nowMs - this.largestAtMs) / DELAY_UNIT_MS);
    acks.delay = Math.min(delay, DELAY_UNKNOWN);
    acks.firstRun = r[1]! - r[0]! + 1;
    acks.pairs = ranges - 1;
    for (let i = 1; i < ranges; i++) {
      acks.gaps[i - 1] = r[i * 2 - 2]! - r[i * 2 + 1]! - 1;
      acks.runs[i - 1] = r[i * 2 + 1]! - r[i * 2]! + 1;
    }
  }

  private insert(packetNumber: number): void {
    const r = this.ranges;
    if (this.count > 0 && packetNumber === r[1]! + 1) {
      r[1] = packetNumber;
      return;
    }
    let i = 0;
    while (i < this.count && r[i * 2]! > packetNumber + 1) i++;
    // Range i is the newest that begins at or below packetNumber + 1.
    if (i < this.count && r[i * 2]! <= packetNumber && packetNumber <= r[i * 2 + 1]!) return;
    const touchesAbove = i < this.count && r[i * 2]! === packetNumber + 1;
    const below = touchesAbove ? i + 1 : i;
    const touchesBelow = below < this.count && r[below * 2 + 1]! === packetNumber - 1;
    if (touchesAbove && touchesBelow) {
      r[i * 2] = r[below * 2]!;
      this.count--;
      for (let k = below * 2; k < this.count * 2; k++) r[k] = r[k + 2]!;
    } else if (touchesAbove) r[i * 2] = packetNumber;
    else if (touchesBelow) r[below * 2 + 1] = packetNumber;
    else this.open(below, packetNumber);
  }

  private open(at: number, packetNumber: number): void {
    if (at >= MAX_KNOWN_RANGES) return;
    if (this.count < MAX_KNOWN_RANGES) this.count++;
    const r = this.ranges;
    while (r.length < this.count * 2) r.push(0);
    for (let k = this.count * 2 - 1; k >= at * 2 + 2; k--) r[k] = r[k - 2]!;
    r[at * 2] = packetNumber;
    r[at * 2 + 1] = packetNumber;
  }

  /**
   * A receiver that sends nothing else asks once per round trip, so that its ranges can be pruned, and before it runs
   * out of packet numbers (`needsAck`). `sinceMs`: since it has asked last.
   */
  asksForAck(needsAck: boolean, sinceMs: number, rtt: RttEstimator): boolean {
    if (this.count <= 1 && !needsAck) return false;
    return sinceMs >= (rtt.smoothedMs === 0 ? INITIAL_RTT_MS : rtt.smoothedMs);
  }
}
