/**
 * Congestion control `stardust`, the default: a window that follows the queueing delay of each round trip, and losses only
 * as far as they are more than the path always has.
 *
 * A round ends when a datagram that was sent in it is acknowledged. Its smallest round trip, less the smallest of the last
 * seconds, is the queue on the path: noise, held acks and an event loop that stood still make a round trip longer, never
 * shorter. While the queue is short the window grows by the same bytes at all flows, more and more the longer nothing is in
 * the way. When it is long the window shrinks to what the path holds without a queue, so that flows which share it become
 * equal, and the queue runs empty, so that all of them learn how long the path is.
 *
 * A queue that stays, though this flow has stopped adding to it, is somebody else's, who waits for losses. Against such a
 * rival only losses count, as they do for him; and from time to time it is tried whether he has gone.
 *
 * Constant work a datagram.
 */
import { MAX_BURST_DATAGRAMS } from "../../limits.ts";
import type { CongestionController, RoundTrips } from "./controller.ts";

const MIN_WINDOW_DATAGRAMS = 2;
/** A queue is long above a quarter of the smallest round trip, within these bounds, ms; but it may hold a few datagrams. */
const QUEUE_SHARE = 1 / 4;
const MIN_QUEUE_MS = 5;
const MAX_QUEUE_MS = 25;
const MIN_QUEUE_DATAGRAMS = 2;
/** What is left of the delivery rate from one round to the next that delivers less. */
const RATE_MEMORY = 7 / 8;
/** So many samples of a round say enough about it to end slow start. */
const SLOW_START_SAMPLES = 8;
/**
 * The window grows by a datagram a round. Where the round trip is longer than this, by as many as it takes for the same in
 * the same time, but by no more than makes a queue so long. After so many rounds with nothing in the way, by twice as much.
 */
const GROWTH_MS = 100;
const GROWTH_QUEUE_MS = 2;
const STEADY_ROUNDS = 5;
/** Bounds of a reduction because of a queue, and how far below the empty path it goes. */
const QUEUE_REDUCTION_MIN = 0.3;
const QUEUE_REDUCTION_MAX = 0.85;
const BELOW_EMPTY = 0.95;
/** A window of which so much is in flight is full. */
const FULL = 0.8;
const LOSS_REDUCTION = 0.85;
/** At the end of slow start: so much less that the queue runs empty, or a flow would never learn how long the path is. */
const SLOW_START_REDUCTION = 0.5;
const QUEUE_LOSS_REDUCTION = 0.75;
/** Without a queue, losses say something when they are so much more than usual, and so many datagrams. */
const UNUSUAL_LOSS_FACTOR = 2;
const UNUSUAL_LOSS_SHARE = 0.02;
const UNUSUAL_LOSS_DATAGRAMS = 2;
/** In slow start, without a queue: the window doubles, so losses that are its doing are soon more than half. */
const SLOW_START_LOSS_SHARE = 0.25;
/** The usual share of losses is an average over so many rounds. */
const USUAL_LOSS_ROUNDS = 4;
const LESS_LOSS_ROUNDS = 32;
/** So many reductions that leave more than this of the queue show a rival; fewer, when there has just been one. */
const FRUITFUL = 0.75;
const RIVAL_ROUNDS = 5;
/** But with so little left of the window the queue may be that of flows that have just come, and do not yet yield. */
const COLLAPSED = 1 / 4;
const RIVAL_AGAIN_ROUNDS = 1;
const RIVAL_MEMORY_MS = 10_000;
/** What losses cost beside a rival; and how often it is tried whether he has gone. */
const RIVAL_LOSS_REDUCTION = 0.7;
const RIVAL_TRIAL_ROUNDS = 64;
/** Sooner, where nothing was lost for so long: two that take each other for rivals lose nothing, and do not grow. */
const DOUBTFUL_MS = 20_000;
const DOUBTFUL_TRIAL_ROUNDS = 16;
/** What is left of the window when he has not: those two become smaller, until neither sees the other any more. */
const RIVAL_TRIAL_COST = 0.85;
const PACING_GAIN = 1.25;
const SLOW_START_PACING_GAIN = 2;

export class StardustController implements CongestionController {
  windowBytes: number;
  pacingBytesPerMs: number = Number.POSITIVE_INFINITY;
  private readonly datagramBytes: number;
  private slowStart = true;

  /** The round: what was sent from here on ends it. */
  private roundFromMs: number = Number.NEGATIVE_INFINITY;
  private newestSentAtMs: number = Number.NEGATIVE_INFINITY;
  private roundTripMs: number = Number.POSITIVE_INFINITY;
  private samples = 0;
  private acknowledgedBytes = 0;
  private lostBytes = 0;
  /** In flight when the last datagram had left, and the most in this round. */
  private inFlightBytes = 0;
  private usedBytes = 0;
  /** The window has just been reduced: what this round says was sent before. */
  private settling = false;
  /** What this round says is of what was sent right after a reduction. */
  private reduced = false;

  /** Bytes that were acknowledged in a millisecond. */
  private rate = 0;
  private usualLoss = 0;
  private quietRounds = 0;
  /** Reductions that left the queue as it was; the queue at the last one, and the window before the first; 0: none. */
  private fruitless = 0;
  private queueBeforeMs = 0;
  private windowBefore = 0;
  private overflownMs: number = Number.NEGATIVE_INFINITY;
  private rival = false;
  private rivalSeenMs: number = Number.NEGATIVE_INFINITY;
  private rivalRounds = 0;

  constructor(maxDatagramBytes: number) {
    this.datagramBytes = maxDatagramBytes;
    this.windowBytes = MAX_BURST_DATAGRAMS * maxDatagramBytes;
  }

  onSent(_bytes: number, inFlightBytes: number, _nowMs: number): void {
    this.inFlightBytes = inFlightBytes;
    if (inFlightBytes > this.usedBytes) this.usedBytes = inFlightBytes;
  }

  onAcknowledged(bytes: number, sentAtMs: number, _nowMs: number): void {
    this.acknowledgedBytes += bytes;
    if (sentAtMs > this.newestSentAtMs) this.newestSentAtMs = sentAtMs;
    if (this.slowStart && this.isUsed) this.windowBytes += bytes;
  }

  onLost(bytes: number, _sentAtMs: number, _nowMs: number): void {
    this.lostBytes += bytes;
  }

  onSpuriousLoss(bytes: number, _sentAtMs: number, _nowMs: number): void {
    this.lostBytes -= bytes;
    this.acknowledgedBytes += bytes;
  }

  onFeedback(roundTripMs: number, rtt: RoundTrips, nowMs: number): void {
    if (roundTripMs >= 0) {
      this.samples++;
      if (roundTripMs < this.roundTripMs) this.roundTripMs = roundTripMs;
    }
    const early = this.slowStart && this.samples >= SLOW_START_SAMPLES;
    if (this.newestSentAtMs >= this.roundFromMs) this.endRound(rtt, nowMs);
    else if (early && !this.settling && this.queueMs(rtt) > this.longQueueMs(rtt, nowMs))
      this.endRound(rtt, nowMs);
    if (rtt.smoothedMs > 0) {
      const gain = this.slowStart ? SLOW_START_PACING_GAIN : PACING_GAIN;
      this.pacingBytesPerMs = (gain * this.windowBytes) / rtt.smoothedMs;
    }
  }

  onSilence(nowMs: number): void {
    this.windowBytes = MIN_WINDOW_DATAGRAMS * this.datagramBytes;
    this.slowStart = true;
    this.rival = false;
    this.forgetReductions();
    this.beginRound(nowMs, false);
  }

  /** The window is in use: else it says nothing about the path, and does not grow. */
  private get isUsed(): boolean {
    return this.usedBytes * 2 >= this.windowBytes;
  }

  /** How long the queue was at its shortest; 0 where nothing is known. */
  private queueMs(rtt: RoundTrips): number {
    return this.samples === 0 ? 0 : Math.max(0, this.roundTripMs - rtt.minMs);
  }

  private beginRound(nowMs: number, settling: boolean): void {
    this.roundFromMs = nowMs;
    this.roundTripMs = Number.POSITIVE_INFINITY;
    this.samples = 0;
    this.acknowledgedBytes = 0;
    this.lostBytes = 0;
    this.usedBytes = this.inFlightBytes;
    this.settling = settling;
  }

  private longQueueMs(rtt: RoundTrips, nowMs: number): number {
    const rate = Math.max(
      this.rate,
      this.acknowledgedBytes / Math.max(nowMs - this.roundFromMs, 0.1),
    );
    const shareMs = Math.min(MAX_QUEUE_MS, Math.max(MIN_QUEUE_MS, rtt.minMs * QUEUE_SHARE));
    return Math.max(shareMs, (MIN_QUEUE_DATAGRAMS * this.datagramBytes) / rate);
  }

  private endRound(rtt: RoundTrips, nowMs: number): void {
    const roundMs = Math.max(nowMs - this.roundFromMs, 0.1);
    this.rate = Math.max(this.acknowledgedBytes / roundMs, this.rate * RATE_MEMORY);
    const queueMs = this.queueMs(rtt);
    const longMs = this.longQueueMs(rtt, nowMs);
    if (!this.rival && queueMs < longMs / 2) this.forgetReductions();
    const settling = this.settling;
    const reduced = !settling && this.judge(queueMs, longMs, rtt, nowMs);
    this.reduced = settling;
    this.beginRound(nowMs, reduced);
  }

  /** What the round says, and what follows. Returns whether the window was reduced. */
  private judge(queueMs: number, longMs: number, rtt: RoundTrips, nowMs: number): boolean {
    if (this.rival) return this.besideRival(queueMs, longMs, rtt, nowMs);
    const some = queueMs > longMs / 2;
    if (this.isUnusual(some)) return some ? this.overflow(rtt, nowMs) : this.reduce(LOSS_REDUCTION);
    if (queueMs > longMs) return this.shortenQueue(queueMs, rtt, nowMs);
    this.grow(rtt);
    return false;
  }

  /** The queue has lost something: it is too small to matter, or somebody else fills it. */
  private overflow(rtt: RoundTrips, nowMs: number): boolean {
    const again = nowMs - this.overflownMs < RIVAL_MEMORY_MS;
    this.overflownMs = nowMs;
    if (again) this.meetRival(nowMs);
    return this.reduce(Math.min(QUEUE_LOSS_REDUCTION, this.emptyFactor(rtt)));
  }

  private meetRival(nowMs: number): void {
    this.rival = true;
    this.rivalRounds = 0;
    const kept = this.wasBesideRival(nowMs) ? RIVAL_TRIAL_COST : 1;
    this.windowBytes = Math.max(this.windowBytes, kept * this.windowBefore);
    this.rivalSeenMs = nowMs;
    this.forgetReductions();
  }

  private wasBesideRival(nowMs: number): boolean {
    return nowMs - this.rivalSeenMs < RIVAL_MEMORY_MS;
  }

  /** The round lost more than the path commonly does. Where there is a queue, all that is more counts. */
  private isUnusual(queue: boolean): boolean {
    const lostBytes = Math.max(0, this.lostBytes);
    const share = lostBytes / Math.max(1, lostBytes + this.acknowledgedBytes);
    if (this.slowStart && !queue && share < SLOW_START_LOSS_SHARE) {
      this.usualLoss += (share - this.usualLoss) / USUAL_LOSS_ROUNDS;
      return false;
    }
    const much = UNUSUAL_LOSS_FACTOR * this.usualLoss;
    // What is lost right after a reduction, or less than usual, is what the path loses; the rest may be this flow's doing.
    if (this.reduced) this.usualLoss += (share - this.usualLoss) / USUAL_LOSS_ROUNDS;
    else if (share < this.usualLoss) {
      this.usualLoss += (share - this.usualLoss) / LESS_LOSS_ROUNDS;
    }
    if (queue) return share > much;
    const least = (UNUSUAL_LOSS_DATAGRAMS - 0.5) * this.datagramBytes;
    return share > much + UNUSUAL_LOSS_SHARE && lostBytes > least;
  }

  /** What the window has to be reduced to for the path to have no queue. */
  private emptyFactor(rtt: RoundTrips): number {
    const factor = (BELOW_EMPTY * rtt.minMs) / this.roundTripMs;
    return Math.min(QUEUE_REDUCTION_MAX, Math.max(QUEUE_REDUCTION_MIN, factor));
  }

  private grow(rtt: RoundTrips): void {
    if (this.slowStart || !this.isUsed) return;
    const atRateBytes = GROWTH_QUEUE_MS * this.rate;
    const onceBytes = Math.min((rtt.minMs / GROWTH_MS) * this.datagramBytes, atRateBytes);
    const doublings = Math.floor(this.quietRounds / STEADY_ROUNDS);
    const bytes = Math.max(this.datagramBytes, onceBytes) * 2 ** doublings;
    this.windowBytes += Math.min(bytes, this.windowBytes / 4);
    this.quietRounds++;
  }

  /** The queue is too long: less is sent; unless that has not helped, again and again. */
  private shortenQueue(queueMs: number, rtt: RoundTrips, nowMs: number): boolean {
    if (this.windowBefore === 0) this.windowBefore = this.windowBytes;
    else if (this.windowBytes < this.windowBefore * COLLAPSED) this.forgetReductions();
    else if (this.fillsWindow && queueMs > FRUITFUL * this.queueBeforeMs) this.fruitless++;
    this.queueBeforeMs = queueMs;
    if (this.fruitless >= (this.wasBesideRival(nowMs) ? RIVAL_AGAIN_ROUNDS : RIVAL_ROUNDS)) {
      this.meetRival(nowMs);
      return false;
    }
    return this.reduce(this.emptyFactor(rtt));
  }

  private forgetReductions(): void {
    this.fruitless = 0;
    this.windowBefore = 0;
  }

  /** Only losses count, until the queue is short; where that takes long, it is tried whether it is somebody else's. */
  private besideRival(queueMs: number, longMs: number, rtt: RoundTrips, nowMs: number): boolean {
    this.rivalSeenMs = nowMs;
    if (this.isUnusual(queueMs > longMs / 2)) {
      this.rivalRounds = 0;
      this.overflownMs = nowMs;
      return this.reduce(RIVAL_LOSS_REDUCTION);
    }
    if (queueMs < longMs / 2) {
      this.rival = false;
      // Who fills a queue makes it lose: without that he was none.
      if (nowMs - this.overflownMs > DOUBTFUL_MS) this.rivalSeenMs = Number.NEGATIVE_INFINITY;
      return false;
    }
    const doubtful = nowMs - this.overflownMs > DOUBTFUL_MS;
    if (++this.rivalRounds > (doubtful ? DOUBTFUL_TRIAL_ROUNDS : RIVAL_TRIAL_ROUNDS)) {
      this.rival = false;
      return this.shortenQueue(queueMs, rtt, nowMs);
    }
    if (this.isUsed && !doubtful) this.windowBytes += this.datagramBytes;
    return false;
  }

  private reduce(factor: number): boolean {
    const used = Math.min(this.usedBytes, this.windowBytes);
    if (this.slowStart) factor = Math.min(factor, SLOW_START_REDUCTION);
    this.slowStart = false;
    // Who fills no window has not made the queue: what he uses he may go on using.
    const bytes = this.fillsWindow
      ? used * factor
      : Math.max(this.windowBytes * factor, used / FULL);
    const least = MIN_WINDOW_DATAGRAMS * this.datagramBytes;
    this.windowBytes = Math.min(this.windowBytes, Math.max(bytes, least));
    this.quietRounds = 0;
    return true;
  }

  private get fillsWindow(): boolean {
    return this.usedBytes >= this.windowBytes * FULL;
  }
}
