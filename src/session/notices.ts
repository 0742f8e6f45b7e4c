/**
 * What becomes of messages that were sent with a token, on channels with `notices`: each token is told once, as delivered
 * or as lost. `Notices` has what a session still has to tell its sink, `ChannelNotices` the open tokens of one channel.
 *
 * A message that waits, or is sent again until it is acknowledged, has its token beside its record, by position. Once it
 * will not be sent again (unreliable, or replaced by a newer one) its fate is that of the datagrams that carry it, and the
 * token moves to a ring in the order of message numbers: delivered when all slices are acknowledged, lost when one is not
 * coming any more. What was told lost stays lost, whatever is acknowledged later. Worst case: a binary search over the
 * channel's messages in flight for each frame that an ack or a loss names.
 */
import { MAX_UNTOLD_NOTICES, MESSAGE_OVERHEAD_BYTES } from "../limits.ts";
import type { ChannelDefinition } from "../protocol.ts";
import type { SessionSink } from "./session-options.ts";

/** Of a message whose fate nobody asked for. A token is any other number. */
export const NO_TOKEN: number = Number.NaN;

/** A fate that is known and not told yet. */
interface Notice {
  readonly channel: number;
  /** Where it stood among those of its channel when it was sent. */
  readonly position: number;
  readonly token: number;
  readonly delivered: boolean;
}

export class Notices {
  /** Messages in flight whose token is open, and that are not sent again. */
  inFlight = 0;
  /** Counts ack blocks, so that what came before one is told from what came with it. */
  ackBlock = 0;
  private untold: Notice[] = [];
  private telling = false;

  /** There is so much to tell that no new token is taken. */
  get isFull(): boolean {
    return this.untold.length >= MAX_UNTOLD_NOTICES;
  }

  get isEmpty(): boolean {
    return this.untold.length === 0;
  }

  settle(channel: number, position: number, token: number, delivered: boolean): void {
    this.untold.push({ channel, position, token, delivered });
  }

  /**
   * Tells what there is to tell, of each channel in the order of sending, whatever the order of an ack. What the sink
   * causes meanwhile has to wait for the next time, or it might never end.
   */
  tell(sink: SessionSink, channels: readonly ChannelDefinition[]): void {
    if (this.telling) return;
    this.telling = true;
    const notices = this.untold;
    this.untold = [];
    notices.sort((a, b) => a.channel - b.channel || a.position - b.position);
    let told = 0;
    try {
      for (; told < notices.length; told++) {
        const { channel, token, delivered } = notices[told]!;
        sink.notice?.(channels[channel]!, token, delivered);
      }
    } finally {
      this.telling = false;
      // Where the sink has thrown.
      if (told < notices.length) this.untold.unshift(...notices.slice(told + 1));
    }
  }
}

/** Beside a record: the token, and how many datagrams with a whole message are on their way. */
const WAITING_STRIDE = 2;
/** In flight: number, token, acks still needed, losses still to come before it is lost, and its position. */
const FLYING_STRIDE = 5;
const NUMBER = 0;
const TOKEN = 1;
const ACKS = 2;
const LOSSES = 3;
const POSITION = 4;
const MIN_FLYING = 8;

export class ChannelNotices {
  private readonly channel: number;
  private readonly notices: Notices;
  /** The other side drops what is older than the newest that it has had. */
  private readonly sequenced: boolean;
  private waiting: Float64Array;
  private waitingMask: number;
  private flying: Float64Array = new Float64Array(MIN_FLYING * FLYING_STRIDE);
  private flyingMask = MIN_FLYING - 1;
  private from = 0;
  private to = 0;
  /** Sequenced: the newest number acknowledged, now and before the ack block that is being applied. */
  private newest = -1;
  private newestBefore = -1;
  private ackBlock = 0;

  /** `records`: how many messages wait at most, a power of two, before `resize`. */
  constructor({ index, delivery }: ChannelDefinition, notices: Notices, records: number) {
    this.channel = index;
    this.notices = notices;
    this.sequenced = delivery.endsWith("-sequenced");
    this.waiting = new Float64Array(records * WAITING_STRIDE);
    this.waitingMask = records - 1;
  }

  /** What open tokens of messages in flight count for in the channel's queue. */
  get heldBytes(): number {
    return (this.to - this.from) * MESSAGE_OVERHEAD_BYTES;
  }

  /** No new token is taken. */
  get isFull(): boolean {
    return this.notices.isFull;
  }

  // Messages that wait, or go again, by position -------------------------------------------------------------------

  /** The record at `position` is new. */
  queued(position: number, token: number): void {
    const at = (position & this.waitingMask) * WAITING_STRIDE;
    this.waiting[at] = token;
    this.waiting[at + 1] = 0;
  }

  /** A reliable message has arrived; its position is its number. */
  arrived(position: number): void {
    if (this.sequenced) this.isOld(position);
    this.settle(position, this.take(position), true);
  }

  /** A message will never be sent. */
  dropped(position: number): void {
    this.settle(position, this.take(position), false);
  }

  /** A datagram with a whole reliable message leaves (1), or is no longer on its way (-1). */
  carried(position: number, by: 1 | -1): void {
    this.waiting[(position & this.waitingMask) * WAITING_STRIDE + 1]! += by;
  }

  /** A reliable message is not sent again: what is on its way decides. */
  replaced(position: number): void {
    const carrying = this.waiting[(position & this.waitingMask) * WAITING_STRIDE + 1]!;
    const token = this.take(position);
    if (carrying > 0) this.fly(position, position, token, 1, carrying);
    else this.settle(position, token, false);
  }

  /** An unreliable message leaves, whole (1) or in so many slices. */
  left(position: number, number: number, slices: number): void {
    this.fly(position, number, this.take(position), slices, 1);
  }

  /** As many records as `mask` + 1, those from `from` to below `to` kept. */
  resize(mask: number, from: number, to: number): void {
    const old = this.waiting;
    const oldMask = this.waitingMask;
    this.waiting = new Float64Array((mask + 1) * WAITING_STRIDE);
    this.waitingMask = mask;
    for (let position = from; position < to; position++) {
      const at = (position & mask) * WAITING_STRIDE;
      const oldAt = (position & oldMask) * WAITING_STRIDE;
      this.waiting[at] = old[oldAt]!;
      this.waiting[at + 1] = old[oldAt + 1]!;
    }
  }

  // Messages in flight, by number ----------------------------------------------------------------------------------

  /** A frame has arrived: a whole message, or a slice. */
  acknowledged(number: number, isWhole: boolean): void {
    const at = this.find(number);
    const isComplete = at < 0 ? isWhole : --this.flying[at + ACKS]! === 0;
    const isOld = isComplete && this.sequenced && this.isOld(number);
    if (at >= 0 && isComplete) this.land(at, !isOld);
  }

  /** A frame is not coming any more. */
  lost(number: number): void {
    const at = this.find(number);
    if (at >= 0 && --this.flying[at + LOSSES]! === 0) this.land(at, false);
  }

  /** The connection is over: nothing that is open arrives any more, nor what waits from `from` to below `to`. */
  end(from: number, to: number): void {
    for (let i = this.from; i < this.to; i = Math.max(i + 1, this.from)) {
      const at = (i & this.flyingMask) * FLYING_STRIDE;
      if (this.flying[at + LOSSES] !== 0) this.land(at, false);
    }
    for (let position = from; position < to; position++) this.dropped(position);
  }

  /** Frees memory that an idle channel does not need. */
  trim(): void {
    if (this.from !== this.to || this.flyingMask < MIN_FLYING) return;
    this.flying = new Float64Array(MIN_FLYING * FLYING_STRIDE);
    this.flyingMask = MIN_FLYING - 1;
  }

  /**
   * Sequenced: what arrives behind a newer one is dropped there. Of two in one ack block it is not known which came
   * first; but a receiver tells of a gap at once.
   */
  private isOld(number: number): boolean {
    if (this.ackBlock !== this.notices.ackBlock) {
      this.ackBlock = this.notices.ackBlock;
      this.newestBefore = this.newest;
    }
    if (number > this.newest) this.newest = number;
    return number < this.newestBefore;
  }

  private take(position: number): number {
    const at = (position & this.waitingMask) * WAITING_STRIDE;
    const token = this.waiting[at]!;
    this.waiting[at] = NO_TOKEN;
    return token;
  }

  private settle(position: number, token: number, delivered: boolean): void {
    if (!Number.isNaN(token)) this.notices.settle(this.channel, position, token, delivered);
  }

  private fly(position: number, number: number, token: number, acks: number, losses: number): void {
    if (Number.isNaN(token)) return;
    if (this.to - this.from > this.flyingMask) this.grow();
    const at = (this.to++ & this.flyingMask) * FLYING_STRIDE;
    this.flying[at + NUMBER] = number;
    this.flying[at + TOKEN] = token;
    this.flying[at + ACKS] = acks;
    this.flying[at + LOSSES] = losses;
    this.flying[at + POSITION] = position;
    this.notices.inFlight++;
  }

  /** The token of a message in flight is told; both counts at 0 say so until it leaves the ring. */
  private land(at: number, delivered: boolean): void {
    this.flying[at + ACKS] = 0;
    this.flying[at + LOSSES] = 0;
    this.notices.inFlight--;
    this.settle(this.flying[at + POSITION]!, this.flying[at + TOKEN]!, delivered);
    while (
      this.from < this.to &&
      this.flying[(this.from & this.flyingMask) * FLYING_STRIDE + LOSSES] === 0
    ) {
      this.from++;
    }
  }

  /** Where the open token of a number stands; -1: nowhere. */
  private find(number: number): number {
    let low = this.from;
    let high = this.to;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const at = (middle & this.flyingMask) * FLYING_STRIDE;
      if (this.flying[at + NUMBER]! < number) low = middle + 1;
      else high = middle;
    }
    if (low === this.to) return -1;
    const at = (low & this.flyingMask) * FLYING_STRIDE;
    return this.flying[at + NUMBER] === number && this.flying[at + LOSSES] !== 0 ? at : -1;
  }

  private grow(): void {
    const old = this.flying;
    const oldMask = this.flyingMask;
    this.flyingMask = oldMask * 2 + 1;
    this.flying = new Float64Array((this.flyingMask + 1) * FLYING_STRIDE);
    for (let i = this.from; i < this.to; i++) {
      const from = (i & oldMask) * FLYING_STRIDE;
      const to = (i & this.flyingMask) * FLYING_STRIDE;
      for (let field = 0; field < FLYING_STRIDE; field++) {
        this.flying[to + field] = old[from + field]!;
      }
    }
  }
}
