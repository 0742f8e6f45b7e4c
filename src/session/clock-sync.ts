/**
 * What a session learns of the other side's clock, where the layout has one. An acknowledgement that carries a clock says three
 * things: the other side had the datagram, which left here at a time that is remembered; it held its ack for so long; and its clock
 * showed so much when it wrote. That was after the one left and before the other came, so each such ack is two bounds of
 * the offset, whatever the ways there and back take: none is assumed to be half of the round trip. What is known is what all bounds
 * leave, each widened by what the clocks may have drifted since. Nothing is sent for it: a clock rides with an ack, every so often.
 * Constant work and memory.
 */
import { CLOCK_WORDS, ClockWord, clockOffsetMs, MAX_CLOCK_DRIFT, unknownClock } from "../clock.ts";
import type { DatagramHeader } from "../wire/header.ts";
import type { SentPackets } from "./sent.ts";

/** As on the wire. */
export const CLOCK_UNIT_MS = 0.25;
const DELAY_UNIT_MS = 0.25;
const DELAY_UNKNOWN = 255;
/** A clock is told in the first ack that is so much later than the last that had one: often at first, then rarely. */
const SOON_MS = 100;
const SOON_COUNT = 10;
const LATER_MS = 1000;

export class ClockSync {
  readonly words: Float64Array = new Float64Array(CLOCK_WORDS);
  /** What this side's clock is ahead of the time that the session is given. */
  private readonly aheadMs: number;
  private told = 0;
  private toldAtMs: number = Number.NEGATIVE_INFINITY;

  constructor(aheadMs: number) {
    this.aheadMs = aheadMs;
    unknownClock(this.words);
  }

  /** The next ack is to say what this side's clock shows. */
  isDue(nowMs: number): boolean {
    return nowMs - this.toldAtMs >= (this.told < SOON_COUNT ? SOON_MS : LATER_MS);
  }

  /** As it stands on the wire. */
  reading(nowMs: number): number {
    return Math.max(0, Math.floor((nowMs + this.aheadMs) / CLOCK_UNIT_MS));
  }

  /** It was said. */
  said(nowMs: number): void {
    this.told++;
    this.toldAtMs = nowMs;
  }

  /** A datagram with ack and clock has come; before its acks are applied. True: more is known now. */
  heard(header: DatagramHeader, sent: SentPackets, nowMs: number): boolean {
    const { acks, clock } = header;
    const sentAtMs = sent.sentAtMs(acks.largest);
    if (Number.isNaN(sentAtMs)) return false;
    const heldMs = acks.delay === DELAY_UNKNOWN ? 0 : acks.delay * DELAY_UNIT_MS;
    const ownMs = nowMs + this.aheadMs;
    const otherMs = clock * CLOCK_UNIT_MS;
    // The clocks go on drifting while the datagram is on its way.
    const slackMs = MAX_CLOCK_DRIFT * (nowMs - sentAtMs);
    const lowMs = otherMs - ownMs - slackMs;
    const highMs = otherMs + CLOCK_UNIT_MS - heldMs - (sentAtMs + this.aheadMs) + slackMs;
    if (lowMs <= highMs) this.narrow(lowMs, highMs, ownMs);
    return true;
  }

  private narrow(lowMs: number, highMs: number, ownMs: number): void {
    const { words } = this;
    const isFirst = words[ClockWord.lowMs] === Number.NEGATIVE_INFINITY;
    const driftMs = MAX_CLOCK_DRIFT * (ownMs - words[ClockWord.atMs]!);
    const shownMs = clockOffsetMs(words, ownMs);
    let low = Math.max(lowMs, words[ClockWord.lowMs]! - driftMs);
    let high = Math.min(highMs, words[ClockWord.highMs]! + driftMs);
    // One of the clocks has been set, or its machine has slept: only what is new holds.
    const isSet = low > high;
    if (isSet) {
      low = lowMs;
      high = highMs;
    }
    const middleMs = (low + high) / 2;
    words[ClockWord.atMs] = ownMs;
    words[ClockWord.fromMs] = isFirst || isSet ? middleMs : shownMs;
    words[ClockWord.towardsMs] = middleMs;
    words[ClockWord.lowMs] = low;
    words[ClockWord.highMs] = high;
  }
}
