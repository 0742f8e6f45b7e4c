/**
 * Datagrams that were sent: numbers, what they carried, and what became of them (RFC 9002 section 6).
 *
 * Records lie in a ring addressed by packet number; what each carried lies in a second ring, as runs of consecutive
 * messages or single slices. A datagram is resolved when it is acknowledged or declared lost; resolved ones leave the
 * ring at its old end. A lost one is remembered a little longer, so that a late ack still saves a resend. Bounds: data
 * waits at MAX_OUTSTANDING_DATAGRAMS, and at the double the oldest are given up.
 *
 * Work of an ack: what it newly acknowledges or loses, and a word for each 32 outstanding of each of its ranges. Cursors
 * pass each number once: it is looked for a loss at `unresolvedFrom` (time, oldest first) and between `byNumberFrom` and
 * `byNumberTo` (three later numbers).
 */
import { MAX_OUTSTANDING_DATAGRAMS, MAX_PACKET_NUMBER, SKIP_ONE_IN } from "../limits.ts";
import type { HeaderCodec } from "../protocol.ts";
import type { AckBlock } from "../wire/header.ts";
import type { CongestionController } from "./congestion/controller.ts";
import type { SessionCounters } from "./counters.ts";
import { doubles } from "./doubles.ts";
import type { DropReason } from "./drop-reason.ts";
import { NumberBits } from "./number-bits.ts";
import { powerOfTwo, rebuildAcknowledged } from "./packet-numbers.ts";
import type { PathMtu } from "./path-mtu.ts";
import { ReorderingWindow } from "./reordering.ts";
import { type RttEstimator, TIMER_GRANULARITY_MS } from "./rtt.ts";

/** Flags of a sent datagram, and of what became of it. */
export const Sent = {
  /** It asks for an ack: in flight until resolved. */
  eliciting: 1,
  /** It carries reliable frames: arms the timers. */
  reliable: 2,
  acknowledged: 4,
  lost: 8,
  /** Without frames, and of a size that is tried on the path. */
  pathProbe: 16,
} as const;
/** Of the values above, one more than all. */
const FLAGS = 32;

/** Receives acks and losses of frames. `slice` is -1 - n for a run of n + 1 whole messages from `number` on. */
export interface FrameEvents {
  frameAcknowledged(channel: number, number: number, slice: number): void;
  /** The datagram is given up; once for each that was not acknowledged before. */
  frameLost(channel: number, number: number, slice: number): void;
  /** The frame is to go again, though its datagram may still arrive. */
  frameDue(channel: number, number: number, slice: number): void;
}

/** What the frames of a datagram are named for. */
const Fate = { acknowledged: 0, lost: 1, due: 2 } as const;
type Fate = (typeof Fate)[keyof typeof Fate];

/** Of the numbers that may be unacknowledged: with so many, a pure ack asks for one. */
const ASK_FOR_ACK_SHARE = 1 / 4;
/**
 * A datagram is lost when one this many numbers later is acknowledged (RFC 9002 6.1.1), while no reordering was seen.
 */
const PACKET_THRESHOLD = 3;
/** A lost datagram is remembered for this many numbers, and for this many times what made it lost. */
const REMEMBER_LOST = 64;
const REMEMBER_LOST_DELAYS = 3;
const REMEMBER_SKIPPED = 8;

const PACKET_STRIDE = 4;
const SENT_AT = 0;
/** A word: the datagram's bytes x FLAGS + its `Sent` flags. */
const BYTES_FLAGS = 1;
const FRAMES_FROM = 2;
/** The largest number that the ack block in it named; -1: none, or not all ranges were in it. */
const ACK_LARGEST = 3;

const FRAME_STRIDE = 3;
const MIN_PACKETS = 8;
const MIN_FRAMES = 16;

const noRing: number[] = doubles(1);

export class SentPackets {
  /** The next packet number. */
  next = 0;
  /** -1 before the first. */
  largestAcknowledged = -1;
  bytesInFlight = 0;
  /** Unresolved datagrams with reliable frames. */
  reliableInFlight = 0;
  lastReliableAtMs = 0;
  /** When the oldest unresolved datagram below the largest acknowledged is lost; Infinity: there is none. */
  lossTimeMs: number = Number.POSITIVE_INFINITY;
  /** Acks up to here have arrived at the other side, taken by `takePrune`. */
  private pruneTo = -1;

  /** Both rings are made when the first datagram that needs them is sent: a mask of -1 says there is none. */
  private packets: number[] = noRing;
  private packetMask = -1;
  /** The oldest number in the ring. */
  private base = 0;
  /** Those in the ring that an ack would be news of. */
  private readonly unheard: NumberBits = new NumberBits();
  /** All below are resolved, or ask for nothing. */
  private unresolvedFrom = 0;
  /** From here to `byNumberTo` three later numbers were acknowledged; who is not heard of by `byNumberAtMs` is lost. */
  private byNumberFrom = 0;
  private byNumberTo = -1;
  private byNumberAtMs: number = Number.POSITIVE_INFINITY;
  /** Acks that have waited for this side are being read: nothing is late before. */
  private patientUntilMs: number = Number.NEGATIVE_INFINITY;
  private readonly reordering: ReorderingWindow = new ReorderingWindow();
  private frames: number[] = noRing;
  private frameMask = -1;
  private framesFrom = 0;
  private framesTo = 0;
  /** What was sent before went another path: it says nothing of this one. */
  private pathFrom = 0;
  /** The first frame of the datagram that is being planned. */
  private planFrom = 0;
  private readonly skipped: number[] = [];
  private skipAt = 0;
  /** How far below its largest number an ack says anything; Infinity where acks are ranges. */
  readonly ackSpan: number;
  /**
   * With this many numbers unacknowledged, one on the wire, or an ack of it, could be taken for another. So far ahead,
   * too, a number is told from one that was sent.
   */
  readonly numberSpace: number;
  private readonly random: () => number;
  private readonly events: FrameEvents;
  private readonly path: PathMtu;
  private readonly counters: SessionCounters;

  constructor(
    header: HeaderCodec,
    random: () => number,
    events: FrameEvents,
    path: PathMtu,
    counters: SessionCounters,
  ) {
    this.path = path;
    this.ackSpan = header.ackFieldBits ?? Number.POSITIVE_INFINITY;
    this.numberSpace = powerOfTwo(Math.min(header.widePacketNumberBits, header.ackBits) - 1);
    this.random = random;
    this.events = events;
    this.counters = counters;
    this.chooseSkip(1);
  }

  /** No more data until something is resolved. */
  get isFull(): boolean {
    return (
      this.next - this.base >= MAX_OUTSTANDING_DATAGRAMS ||
      this.next - this.largestAcknowledged >= this.numberSpace / 2
    );
  }

  /** Pure acks, which are never acknowledged, have used up so many numbers that one has to ask for an ack. */
  get needsAck(): boolean {
    return this.next - this.largestAcknowledged >= this.numberSpace * ASK_FOR_ACK_SHARE;
  }

  /** No more datagrams of any kind. */
  get isExhausted(): boolean {
    return (
      this.next >= MAX_PACKET_NUMBER || this.next - this.largestAcknowledged >= this.numberSpace
    );
  }

  /** The number of the next datagram; may skip one on purpose (RFC 9000 21.4). */
  begin(): number {
    if (this.next === this.skipAt) {
      if (this.skipped.length === REMEMBER_SKIPPED) this.skipped.shift();
      this.skipped.push(this.next);
      this.counters.numbersSkipped++;
      this.chooseSkip(this.next + 1);
      if (this.base === this.next) this.base++;
      else this.record(0, 0, 0, -1);
      this.next++;
    }
    this.planFrom = this.framesTo;
    return this.next;
  }

  /** The datagram being planned carries this frame; `slice` is -1 for a whole message. */
  addFrame(channel: number, number: number, slice: number): void {
    const last = this.framesTo - 1;
    if (slice < 0 && last >= this.planFrom) {
      const at = (last & this.frameMask) * FRAME_STRIDE;
      const run = this.frames[at + 2]!;
      if (run < 0 && this.frames[at] === channel && this.frames[at + 1]! - run === number) {
        this.frames[at + 2] = run - 1;
        return;
      }
    }
    if (this.framesTo - this.framesFrom > this.frameMask) this.growFrames();
    const at = (this.framesTo & this.frameMask) * FRAME_STRIDE;
    this.frames[at] = channel;
    this.frames[at + 1] = number;
    this.frames[at + 2] = slice;
    this.framesTo++;
  }

  /** The datagram that `begin` numbered has been written. */
  commit(nowMs: number, bytes: number, flags: number, ackLargest: number): void {
    if (flags === 0 && this.base === this.next) {
      // Nothing will ever ask what became of it.
      this.base = ++this.next;
      return;
    }
    this.record(nowMs, bytes, flags, ackLargest);
    this.next++;
    if ((flags & Sent.eliciting) !== 0) this.bytesInFlight += bytes;
    if ((flags & Sent.reliable) !== 0) {
      this.reliableInFlight++;
      this.lastReliableAtMs = nowMs;
    }
  }

  /** When a datagram left; NaN: it is not remembered. */
  sentAtMs(number: number): number {
    if (number < this.base || number >= this.next) return Number.NaN;
    return this.packets[(number & this.packetMask) * PACKET_STRIDE + SENT_AT]!;
  }

  /** Checks an ack block and replaces its `largest` by the full number. Changes nothing else. */
  check(acks: AckBlock, ackBits: number): DropReason | undefined {
    let high = rebuildAcknowledged(acks.largest, ackBits, this.next - 1 + this.numberSpace);
    if (high < 0) return "acknowledgedUnsent";
    acks.largest = high;
    for (let i = -1; i < acks.pairs; i++) {
      if (i >= 0) high -= acks.gaps[i]!;
      const low = high - (i < 0 ? acks.firstRun : acks.runs[i]!) + 1;
      if (low < 0) return "acknowledgedUnsent";
      for (let s = 0; s < this.skipped.length; s++) {
        const number = this.skipped[s]!;
        if (low <= number && number <= high) return "acknowledgedUnsent";
      }
      high = low - 1;
    }
    return undefined;
  }

  /**
   * Applies an ack block that `check` has passed, then declares losses. Returns whether anything was newly
   * acknowledged, or everything has to be sent again. `stalled`: it has waited for this side, and others may still.
   */
  acknowledge(
    acks: AckBlock,
    nowMs: number,
    rtt: RttEstimator,
    controller: CongestionController,
    stalled = false,
  ): boolean {
    let newly = 0;
    let high = acks.largest;
    const largest = high;
    const isMeasured = acks.delay !== 255 && !stalled && largest >= this.pathFrom;
    if (largest >= this.base && largest < this.next && isMeasured) {
      const at = (largest & this.packetMask) * PACKET_STRIDE;
      const flags = this.packets[at + BYTES_FLAGS]! & (FLAGS - 1);
      if ((flags & (Sent.eliciting | Sent.acknowledged)) === Sent.eliciting) {
        const rttMs = Math.max(0, nowMs - this.packets[at + SENT_AT]!);
        rtt.sample(rttMs, acks.delay * 0.25, (flags & Sent.reliable) !== 0, nowMs);
      }
    }
    for (let i = -1; i < acks.pairs; i++) {
      if (i >= 0) high -= acks.gaps[i]!;
      const low = high - (i < 0 ? acks.firstRun : acks.runs[i]!) + 1;
      const end = Math.max(low, this.base);
      let n = this.unheard.highest(end, Math.min(high, this.next - 1));
      for (; n >= 0; n = this.unheard.highest(end, n - 1)) {
        newly += this.arrived(n, nowMs, rtt, controller);
      }
      if (low <= this.base) break;
      high = low - 1;
    }
    if (largest > this.largestAcknowledged) this.largestAcknowledged = largest;
    if (largest >= this.next) {
      this.leap(largest + 1, nowMs, controller);
      return true;
    }
    if (stalled) this.patientUntilMs = nowMs + TIMER_GRANULARITY_MS;
    if (newly > 0) this.detectLosses(nowMs, rtt, controller);
    return newly > 0;
  }

  /**
   * Goes on from `next`: the other side has had numbers below it from somebody else, so what this side sent under one of
   * them would be dropped there, and acknowledged. What is in flight may be too old for it by now, and is lost.
   */
  private leap(next: number, nowMs: number, controller: CongestionController): void {
    this.counters.acknowledgedAhead++;
    for (let n = this.oldestUnresolved(this.next); n < this.next; n++) {
      if (this.isUnresolved(n)) this.lose(n, nowMs, controller);
    }
    this.lossTimeMs = Number.POSITIVE_INFINITY;
    this.unheard.clear();
    this.next = next;
    this.base = next;
    this.framesFrom = this.framesTo;
    if (this.skipAt < next) this.chooseSkip(next);
  }

  /**
   * What is sent from now on goes another path (RFC 9000 section 9.4): what is in flight is sent again, and the path that it
   * went is not read from what becomes of it.
   */
  leavePath(nowMs: number): void {
    this.path.begin(this.next);
    for (let n = this.oldestUnresolved(this.next); n < this.next; n++) {
      if (this.isUnresolved(n)) this.forget(n, nowMs);
    }
    this.pathFrom = this.next;
    this.lossTimeMs = Number.POSITIVE_INFINITY;
  }

  /**
   * RFC 9002 6.1, with the reordering window of RFC 8985: lost is what was sent before something that has arrived, and too
   * long ago; while no reordering has been seen, also what is three numbers behind. That waits for a moment: the datagrams
   * of one burst may come in any order, and then the next ack says so. Three numbers are evidence only as far down as an
   * ack field says anything; what it has moved past is given up by time alone.
   */
  detectLosses(nowMs: number, rtt: RttEstimator, controller: CongestionController): void {
    const delayMs = this.reordering.lossDelayMs(rtt);
    const end = Math.min(this.largestAcknowledged, this.next);
    if (nowMs < this.patientUntilMs) {
      this.lossTimeMs = this.patientUntilMs;
      return;
    }
    this.loseByNumber(nowMs, controller);
    // The tolerance: a timer set to sentAt + delay must find the datagram due, whatever rounding says.
    const tooOldMs = nowMs - delayMs + 1e-6;
    this.lossTimeMs = Number.POSITIVE_INFINITY;
    for (let n = this.oldestUnresolved(end); n < end; n = this.oldestUnresolved(end)) {
      const sentAtMs = this.packets[(n & this.packetMask) * PACKET_STRIDE + SENT_AT]!;
      if (sentAtMs > tooOldMs) {
        this.lossTimeMs = Math.min(sentAtMs + delayMs, this.lookByNumber(n, nowMs));
        break;
      }
      if (this.largestAcknowledged - n <= this.ackSpan) this.lose(n, nowMs, controller);
      else this.forget(n, nowMs);
    }
    this.retire(nowMs - REMEMBER_LOST_DELAYS * delayMs);
  }

  /** Moves `unresolvedFrom` to the oldest number that asks for an ack and is neither acknowledged nor lost, or to `end`. */
  private oldestUnresolved(end: number): number {
    let n = Math.max(this.unresolvedFrom, this.base);
    while (n < end && !this.isUnresolved(n)) n++;
    this.unresolvedFrom = n;
    return n;
  }

  private isUnresolved(n: number): boolean {
    const flags = this.packets[(n & this.packetMask) * PACKET_STRIDE + BYTES_FLAGS]! & (FLAGS - 1);
    return (flags & (Sent.eliciting | Sent.acknowledged | Sent.lost)) === Sent.eliciting;
  }

  /** `oldest` is unresolved: when it is to be looked for by its number, if it is; Infinity: not at all. */
  private lookByNumber(oldest: number, nowMs: number): number {
    const to = Math.min(this.largestAcknowledged, this.next - 1) - PACKET_THRESHOLD;
    if (!this.reordering.trustsNumbers || oldest > to) return Number.POSITIVE_INFINITY;
    if (this.byNumberAtMs === Number.POSITIVE_INFINITY && to > this.byNumberTo) {
      this.byNumberFrom = Math.max(this.byNumberTo + 1, this.largestAcknowledged - this.ackSpan);
      this.byNumberTo = to;
      this.byNumberAtMs = nowMs + TIMER_GRANULARITY_MS;
    }
    return this.byNumberAtMs;
  }

  private loseByNumber(nowMs: number, controller: CongestionController): void {
    if (this.byNumberAtMs > nowMs) return;
    this.byNumberAtMs = Number.POSITIVE_INFINITY;
    if (!this.reordering.trustsNumbers) return;
    const from = Math.max(this.byNumberFrom, this.unresolvedFrom, this.base);
    for (let n = from; n <= this.byNumberTo; n++) {
      if (this.isUnresolved(n)) this.lose(n, nowMs, controller);
    }
  }

  /** Names the frames of the oldest datagram with reliable frames in flight as due, without giving it up. */
  probeOldest(): void {
    for (let n = this.oldestUnresolved(this.next); n < this.next; n++) {
      const at = (n & this.packetMask) * PACKET_STRIDE;
      const flags = this.packets[at + BYTES_FLAGS]! & (FLAGS - 1);
      if ((flags & (Sent.reliable | Sent.acknowledged | Sent.lost)) !== Sent.reliable) continue;
      this.eachFrame(n, Fate.due);
      return;
    }
  }

  /** Gives up datagrams without reliable frames that were sent before `beforeMs`: their acks are not coming. */
  expireUnreliable(beforeMs: number, nowMs: number, controller: CongestionController): void {
    for (let n = this.oldestUnresolved(this.next); n < this.next; n++) {
      const at = (n & this.packetMask) * PACKET_STRIDE;
      const flags = this.packets[at + BYTES_FLAGS]! & (FLAGS - 1);
      if ((flags & (Sent.eliciting | Sent.reliable | Sent.acknowledged | Sent.lost)) !== 1)
        continue;
      if (this.packets[at + SENT_AT]! > beforeMs) break;
      this.lose(n, nowMs, controller);
    }
    this.retire(beforeMs);
  }

  /** Bounds the ring where neither acks nor timers have (a session that sends acks only, with data unresolved). */
  giveUpOldest(nowMs: number, controller: CongestionController): void {
    while (this.next - this.base >= 2 * MAX_OUTSTANDING_DATAGRAMS) {
      if (this.isUnresolved(this.base)) this.lose(this.base, nowMs, controller);
      this.dropBase();
    }
  }

  /** The largest number whose acknowledgement the other side has seen, once; else -1. */
  takePrune(): number {
    const to = this.pruneTo;
    this.pruneTo = -1;
    return to;
  }

  /** Frees memory that an idle session does not need. */
  trim(): void {
    if (this.base !== this.next) return;
    this.packets = noRing;
    this.packetMask = -1;
    this.unheard.resize(-1);
    this.frames = noRing;
    this.frameMask = -1;
  }

  /** The next number to be skipped: `from` or a later one. */
  private chooseSkip(from: number): void {
    this.skipAt = from + Math.floor(this.random() * 2 * SKIP_ONE_IN);
  }

  private record(nowMs: number, bytes: number, flags: number, ackLargest: number): void {
    if (this.next - this.base > this.packetMask) this.growPackets();
    const at = (this.next & this.packetMask) * PACKET_STRIDE;
    this.packets[at + SENT_AT] = nowMs;
    this.packets[at + BYTES_FLAGS] = bytes * FLAGS + flags;
    this.packets[at + FRAMES_FROM] = this.planFrom;
    this.packets[at + ACK_LARGEST] = ackLargest;
    if (bytes > 0) this.unheard.add(this.next);
    this.planFrom = this.framesTo;
  }

  private arrived(
    n: number,
    nowMs: number,
    rtt: RttEstimator,
    controller: CongestionController,
  ): number {
    const at = (n & this.packetMask) * PACKET_STRIDE;
    const packed = this.packets[at + BYTES_FLAGS]!;
    const flags = packed & (FLAGS - 1);
    this.unheard.remove(n);
    this.packets[at + BYTES_FLAGS] = packed + Sent.acknowledged;
    const ackLargest = this.packets[at + ACK_LARGEST]!;
    if (ackLargest > this.pruneTo) this.pruneTo = ackLargest;
    if ((flags & Sent.eliciting) === 0) return 0;
    const bytes = Math.floor(packed / FLAGS);
    const sentAtMs = this.packets[at + SENT_AT]!;
    const isOfPath = n >= this.pathFrom;
    if (n < this.largestAcknowledged && isOfPath) this.reordering.reordered();
    const isProbe = (flags & Sent.pathProbe) !== 0;
    this.path.acknowledged(n, bytes, isProbe);
    if ((flags & Sent.lost) !== 0) {
      if (isProbe) return 1;
      if (isOfPath) {
        this.counters.spuriousLosses++;
        this.reordering.spurious(nowMs - sentAtMs, rtt);
        controller.onSpuriousLoss(bytes, sentAtMs, nowMs);
      }
    } else {
      this.bytesInFlight -= bytes;
      if ((flags & Sent.reliable) !== 0) this.reliableInFlight--;
      controller.onAcknowledged(bytes, sentAtMs, nowMs);
    }
    this.eachFrame(n, Fate.acknowledged);
    return 1;
  }

  private lose(n: number, nowMs: number, controller: CongestionController): void {
    const at = (n & this.packetMask) * PACKET_STRIDE;
    const packed = this.packets[at + BYTES_FLAGS]!;
    if ((packed & Sent.pathProbe) === 0) {
      const bytes = Math.floor(packed / FLAGS);
      const sentAtMs = this.packets[at + SENT_AT]!;
      this.reordering.lost(sentAtMs, nowMs);
      controller.onLost(bytes, sentAtMs, nowMs);
      this.path.lost(n, bytes, this.next);
    }
    this.giveUp(n, nowMs);
  }

  /** No ack will ever say whether it arrived: sent again like a lost one, but nothing that congestion could be read from. */
  private forget(n: number, nowMs: number): void {
    this.counters.datagramsUnknown++;
    this.giveUp(n, nowMs);
  }

  private giveUp(n: number, nowMs: number): void {
    const at = (n & this.packetMask) * PACKET_STRIDE;
    const packed = this.packets[at + BYTES_FLAGS]!;
    this.packets[at + BYTES_FLAGS] = packed + Sent.lost;
    const bytes = Math.floor(packed / FLAGS);
    this.bytesInFlight -= bytes;
    if ((packed & Sent.pathProbe) !== 0) {
      this.path.probeLost(n, bytes, nowMs);
      return;
    }
    this.counters.datagramsLost++;
    if ((packed & Sent.reliable) !== 0) this.reliableInFlight--;
    this.eachFrame(n, Fate.lost);
  }

  private eachFrame(n: number, fate: Fate): void {
    const { events, frames } = this;
    const from = this.packets[(n & this.packetMask) * PACKET_STRIDE + FRAMES_FROM]!;
    const to =
      n + 1 < this.next
        ? this.packets[((n + 1) & this.packetMask) * PACKET_STRIDE + FRAMES_FROM]!
        : this.framesTo;
    for (let i = from; i < to; i++) {
      const at = (i & this.frameMask) * FRAME_STRIDE;
      const channel = frames[at]!;
      const number = frames[at + 1]!;
      const slice = frames[at + 2]!;
      if (fate === Fate.acknowledged) events.frameAcknowledged(channel, number, slice);
      else if (fate === Fate.lost) events.frameLost(channel, number, slice);
      else events.frameDue(channel, number, slice);
    }
  }

  /** Lets go of what is resolved at the old end; of what is lost, only if it was sent before `beforeMs`. */
  private retire(beforeMs: number): void {
    while (this.base < this.next) {
      const at = (this.base & this.packetMask) * PACKET_STRIDE;
      const flags = this.packets[at + BYTES_FLAGS]! & (FLAGS - 1);
      const unheard = (flags & Sent.eliciting) !== 0 && (flags & Sent.acknowledged) === 0;
      if (unheard && (flags & Sent.lost) === 0) break;
      if (unheard && this.next - this.base < MAX_OUTSTANDING_DATAGRAMS / 2) {
        if (this.base + REMEMBER_LOST > this.largestAcknowledged) break;
        if (this.packets[at + SENT_AT]! > beforeMs) break;
      }
      this.dropBase();
    }
  }

  private dropBase(): void {
    this.unheard.remove(this.base);
    this.base++;
    this.framesFrom =
      this.base < this.next
        ? this.packets[(this.base & this.packetMask) * PACKET_STRIDE + FRAMES_FROM]!
        : this.framesTo;
  }

  private growPackets(): void {
    const old = this.packets;
    const oldMask = this.packetMask;
    this.packetMask = Math.max(oldMask * 2 + 1, MIN_PACKETS - 1);
    this.packets = doubles((this.packetMask + 1) * PACKET_STRIDE);
    this.unheard.resize(this.packetMask);
    for (let n = this.base; n < this.next; n++) {
      const from = (n & oldMask) * PACKET_STRIDE;
      const to = (n & this.packetMask) * PACKET_STRIDE;
      for (let i = 0; i < PACKET_STRIDE; i++) this.packets[to + i] = old[from + i]!;
      const flags = this.packets[to + BYTES_FLAGS]!;
      if (flags >= FLAGS && (flags & Sent.acknowledged) === 0) this.unheard.add(n);
    }
  }

  private growFrames(): void {
    const old = this.frames;
    const oldMask = this.frameMask;
    this.frameMask = Math.max(oldMask * 2 + 1, MIN_FRAMES - 1);
    this.frames = doubles((this.frameMask + 1) * FRAME_STRIDE);
    for (let n = this.framesFrom; n < this.framesTo; n++) {
      const from = (n & oldMask) * FRAME_STRIDE;
      const to = (n & this.frameMask) * FRAME_STRIDE;
      for (let i = 0; i < FRAME_STRIDE; i++) this.frames[to + i] = old[from + i]!;
    }
  }
}
