/**
 * The receiver's half of flow control (RFC 9000 section 4): what of each channel has arrived and was handed on, whether a
 * message that comes keeps to what the other side may send, and when it is told that more has been handed on. What is not
 * handed on of one channel takes nothing from what another has for itself. Worst case: one visit to each channel.
 */
import type { DropReason } from "./drop-reason.ts";
import type { FlowChannels } from "./flow-channels.ts";

/** Of a channel's own part: how far it has moved when that is told in a datagram that goes anyway, and in one of its own. */
const TELL_LIMIT_SHARE = 1 / 4;
const TELL_LIMIT_ALONE_SHARE = 1 / 2;

/** How much a channel's limit wants to be told. */
const Urge = { none: 0, withOthers: 1, alone: 2 } as const;
const AWAITED = 4;

/**
 * Pairs of place and cost: the new messages of the datagram that is being checked. One list for all sessions of a thread, since no
 * check begins within another, and it keeps its length: one that is emptied for each datagram grows anew in each.
 */
const claims: number[] = [];
let claimed = 0;

export class ReceiveLimit {
  /** Which check this is, of all. */
  checks = 0;
  readonly flow: FlowChannels;
  /**
   * By place: its urge, and AWAITED where the other side has asked in vain, and is told of whatever comes next. Made when
   * the first has any.
   */
  private marks: Uint8Array | undefined = undefined;
  /** How many channels have any urge, and how many of them the stronger. */
  private urging = 0;
  private urgingAlone = 0;
  /** Whose turn it is to be told. */
  private turn = 0;
  constructor(flow: FlowChannels) {
    this.flow = flow;
  }

  get budgetBytes(): number {
    return this.flow.budgetBytes;
  }

  /** What has arrived on all channels and was not handed on. */
  get heldBytes(): number {
    let bytes = 0;
    for (let place = 0; place < this.flow.count; place++) bytes += this.flow.heldBytes(place);
    return bytes;
  }

  beginCheck(): void {
    this.checks++;
  }

  /** Whether a new message of this cost keeps to what the other side may send, beside those before it in its datagram. */
  claim(channel: number, costBytes: number): DropReason | undefined {
    const place = this.flow.placeOf(channel);
    if (!this.flow.fits(place, costBytes)) return "receiveLimit";
    this.flow.add(place, costBytes);
    claims[claimed++] = place;
    claims[claimed++] = costBytes;
    return undefined;
  }

  /** The datagram is checked, whatever came of it. */
  endCheck(): void {
    for (let i = 0; i < claimed; i += 2) this.flow.add(claims[i]!, -claims[i + 1]!);
    claimed = 0;
  }

  arrived(channel: number, costBytes: number): void {
    this.flow.add(this.flow.placeOf(channel), costBytes);
  }

  /** What has arrived before is handed on. */
  handedOn(channel: number, costBytes: number): void {
    this.flow.add(this.flow.placeOf(channel), -costBytes);
    this.passed(channel, costBytes);
  }

  /** What arrives is handed on at once, and was never held. */
  passed(channel: number, costBytes: number): void {
    const { flow } = this;
    const place = flow.placeOf(channel);
    const grown = flow.pass(place, costBytes);
    const own = flow.shares.own(place);
    if (
      grown >= own * TELL_LIMIT_ALONE_SHARE ||
      (this.marks !== undefined && (this.marks[place]! & AWAITED) !== 0)
    ) {
      this.urge(place, Urge.alone);
    } else if (grown >= own * TELL_LIMIT_SHARE || flow.isTight) this.urge(place, Urge.withOthers);
  }

  /** The other side asks for the limit of a channel: what it was told may be lost. */
  askedFor(channel: number): void {
    const place = this.flow.placeOf(channel);
    if (place < 0) return;
    if (this.flow.passedBytes(place) > 0) this.urge(place, Urge.alone);
    if (this.flow.heldBytes(place) > 0) this.ownMarks()[place]! |= AWAITED;
  }

  /** A limit is to be told in the next datagram. */
  get worthTelling(): boolean {
    return this.urging > 0;
  }

  /** A limit is to be told in a datagram of its own, if no other goes. */
  get mustTell(): boolean {
    return this.urgingAlone > 0;
  }

  /** Which is told next, as it travels: where none is worth it, any. */
  next(): number {
    const { count } = this.flow;
    if (count === 0) return 0;
    let place = this.turn;
    if (this.worthTelling) {
      const least = this.mustTell ? Urge.alone : Urge.withOthers;
      while (this.urgeOf(place) < least) place = (place + 1) % count;
    }
    return this.flow.pack(place, this.flow.passedBytes(place));
  }

  /** A datagram with this limit has left. */
  left(limit: number): void {
    if (this.flow.count === 0) return;
    const place = this.flow.placeIn(limit);
    this.flow.know(place, this.flow.handedOnIn(limit));
    this.settle(place);
    this.turn = (place + 1) % this.flow.count;
  }

  private urge(place: number, urge: number): void {
    const before = this.urgeOf(place);
    if (urge <= before) return;
    if (before === Urge.none) this.urging++;
    if (urge === Urge.alone) this.urgingAlone++;
    this.ownMarks()[place]! += urge - before;
  }

  /** A channel was told. */
  private settle(place: number): void {
    const before = this.urgeOf(place);
    if (before !== Urge.none) this.urging--;
    if (before === Urge.alone) this.urgingAlone--;
    if (this.marks !== undefined) this.marks[place] = 0;
  }

  private urgeOf(place: number): number {
    return this.marks === undefined ? Urge.none : this.marks[place]! & ~AWAITED;
  }

  private ownMarks(): Uint8Array {
    this.marks ??= new Uint8Array(this.flow.count);
    return this.marks;
  }
}
