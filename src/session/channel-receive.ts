/**
 * The receiving side of one channel. `check` says whether a frame may be applied and changes nothing; `apply` is then
 * called for all frames of the datagram. Here: what all modes share, and the two reliable ones.
 *
 * Reliable: each number once, told by a window of numbers. Ordered: a message waits until all before it have been
 * handed on. What waits, and what is unfinished, counts against the receive limit that the sender was told, so it is
 * bounded by that. Worst case of one frame: handing on all that waited for it.
 */
import { MESSAGE_OVERHEAD_BYTES, MESSAGE_WINDOW } from "../limits.ts";
import type { ChannelDefinition } from "../protocol.ts";
import type { DropReason } from "./drop-reason.ts";
import { borrowScratch, NONE, returnScratch } from "./message-store.ts";
import { NumberWindow } from "./number-window.ts";
import { powerOfTwo, rebuildNumber } from "./packet-numbers.ts";
import { Reassembly } from "./reassembly.ts";
import type { ReceiveContext } from "./receive-context.ts";

/** The receiving side of a channel, whatever its mode. `sliceCount` is 0 for a whole message. */
export interface ReceiveChannel {
  /** The full message number; only called on numbered channels. */
  rebuild(truncated: number): number;
  check(
    number: number,
    sliceIndex: number,
    sliceCount: number,
    bytes: number,
  ): DropReason | undefined;
  apply(number: number, sliceIndex: number, sliceCount: number, start: number, end: number): void;
  /** Offers what waits to the sink again. */
  pump(): void;
  /** A reliable message that could be handed on waits for room at the sink. */
  readonly undelivered: boolean;
  /** Lets go of what is too old or not needed. */
  maintain(): void;
}

/**
 * Full message number: read as at most a quarter of the number space ahead of `next` (receive-age.ts says what makes
 * that right for late datagrams too).
 */
export function rebuildMessageNumber(truncated: number, bits: number, next: number): number {
  const quarter = powerOfTwo(bits - 2);
  return rebuildNumber(truncated, bits, next > quarter ? next - quarter : 0);
}

/** Whether a frame of this shape can stand on the channel at all. */
export function checkShape(
  channel: ChannelDefinition,
  context: ReceiveContext,
  sliceIndex: number,
  sliceCount: number,
  bytes: number,
): DropReason | undefined {
  const { sliceBytes } = context;
  const maxBytes = context.compat ? channel.compatMaxBytes : channel.maxBytes;
  if (sliceCount === 0) {
    return bytes > maxBytes ? "payloadSize" : undefined;
  }
  const before = (sliceCount - 1) * sliceBytes;
  if (!channel.fragment || sliceCount < 2 || sliceIndex >= sliceCount) {
    return "sliceBounds";
  }
  if (before >= maxBytes) return "sliceBounds";
  if (sliceIndex + 1 < sliceCount) {
    return bytes === sliceBytes ? undefined : "sliceMismatch";
  }
  const fits = bytes >= 1 && bytes <= sliceBytes && before + bytes <= maxBytes;
  return fits ? undefined : "sliceMismatch";
}

/**
 * Puts a complete message together and, if it may go, shows it to the sink. What is not taken is stored: returns its
 * handle, or NONE.
 */
export function offerAssembled(
  context: ReceiveContext,
  channel: ChannelDefinition,
  reassembly: Reassembly,
  mayOffer: boolean,
): number {
  const total = reassembly.totalBytes(context.sliceBytes);
  const scratch = borrowScratch(total);
  const { bytes, view } = scratch;
  reassembly.assemble(context.sliceBytes, bytes, view);
  reassembly.release();
  const isTaken = mayOffer && context.offerWhole(channel, bytes, view, total);
  const stored = isTaken ? NONE : context.keep(channel, reassembly.number, bytes, 0, total);
  returnScratch(scratch);
  return stored;
}

export abstract class ReliableChannel implements ReceiveChannel {
  protected readonly channel: ChannelDefinition;
  protected readonly context: ReceiveContext;
  protected readonly window: NumberWindow = new NumberWindow();
  private highest = -1;
  private open: Map<number, Reassembly> | undefined = undefined;
  /** The message claimed last against the receive limit, and in which check: more slices of it may follow there. */
  private claimed = -1;
  private claimedIn = 0;

  constructor(channel: ChannelDefinition, context: ReceiveContext) {
    this.channel = channel;
    this.context = context;
  }

  /** Whether message `number`, complete and new, may be shown to the sink now. */
  protected abstract mayOffer(number: number): boolean;
  /** The sink has taken it at once. */
  protected abstract handedOn(number: number): void;
  /** It is stored, and waits. */
  protected abstract wait(stored: number): void;
  abstract pump(): void;
  abstract get undelivered(): boolean;

  rebuild(truncated: number): number {
    return rebuildMessageNumber(truncated, this.context.messageNumberBits, this.window.next);
  }

  check(
    number: number,
    sliceIndex: number,
    sliceCount: number,
    bytes: number,
  ): DropReason | undefined {
    const { sliceBytes } = this.context;
    const shape = checkShape(this.channel, this.context, sliceIndex, sliceCount, bytes);
    if (shape !== undefined) return shape;
    const window = this.window;
    if (number >= window.next + MESSAGE_WINDOW) return "messageWindow";
    if (window.has(number)) return undefined;
    const open = this.open?.get(number);
    if (open !== undefined) {
      return open.count === sliceCount ? undefined : "sliceMismatch";
    }
    const { limit } = this.context;
    if (number === this.claimed && this.claimedIn === limit.checks) return undefined;
    this.claimed = number;
    this.claimedIn = limit.checks;
    const payload = sliceCount === 0 ? bytes : (sliceCount - 1) * sliceBytes + 1;
    return limit.claim(this.channel.index, payload + MESSAGE_OVERHEAD_BYTES);
  }

  apply(number: number, sliceIndex: number, sliceCount: number, start: number, end: number): void {
    const { context, window } = this;
    if (window.has(number)) {
      context.counters.duplicateFrames++;
      return;
    }
    if (number > this.highest) {
      context.age.passed += number - this.highest;
      this.highest = number;
    }
    if (sliceCount > 0) {
      this.applySlice(number, sliceIndex, sliceCount, start, end);
      return;
    }
    // A datagram that says the same number in slices and as a whole: the first way counts.
    if (this.open?.has(number) === true) return;
    const costBytes = end - start + MESSAGE_OVERHEAD_BYTES;
    window.add(number);
    if (this.mayOffer(number) && context.offer(this.channel, start, end)) {
      context.limit.passed(this.channel.index, costBytes);
      this.handedOn(number);
    } else {
      context.limit.arrived(this.channel.index, costBytes);
      this.wait(context.keep(this.channel, number, context.bytes, start, end));
    }
  }

  maintain(): void {
    this.window.trim();
    if (this.open?.size === 0) this.open = undefined;
  }

  private applySlice(
    number: number,
    index: number,
    count: number,
    start: number,
    end: number,
  ): void {
    const { context } = this;
    const { limit, sliceBytes } = context;
    this.open ??= new Map();
    let reassembly = this.open.get(number);
    if (reassembly === undefined) {
      reassembly = new Reassembly(context.slices, number, count, context.nowMs);
      reassembly.costBytes = (count - 1) * sliceBytes + 1 + MESSAGE_OVERHEAD_BYTES;
      limit.arrived(this.channel.index, reassembly.costBytes);
      this.open.set(number, reassembly);
    } else if (reassembly.count !== count || reassembly.has(index)) {
      context.counters.duplicateFrames++;
      return;
    }
    reassembly.add(index, context.view, start, end);
    if (index === count - 1) {
      reassembly.costBytes += end - start - 1;
      limit.arrived(this.channel.index, end - start - 1);
    }
    if (!reassembly.isComplete) return;
    this.open.delete(number);
    this.window.add(number);
    const costBytes = reassembly.costBytes;
    const mayOffer = this.mayOffer(number);
    const stored = offerAssembled(context, this.channel, reassembly, mayOffer);
    if (stored === NONE) {
      limit.handedOn(this.channel.index, costBytes);
      this.handedOn(number);
    } else this.wait(stored);
  }
}

/** What a stored message counts against the receive limit. */
function costOf(context: ReceiveContext, stored: number): number {
  return context.store.length(stored) + MESSAGE_OVERHEAD_BYTES;
}

/** Delivery `reliable`: every message once, in any order. */
export class ReliableReceive extends ReliableChannel {
  private first = NONE;
  private last = NONE;

  protected override mayOffer(_number: number): boolean {
    return this.first === NONE;
  }

  protected override handedOn(_number: number): void {}

  protected override wait(stored: number): void {
    if (this.first === NONE) this.first = stored;
    else this.context.store.setQueued(this.last, stored);
    this.last = stored;
  }

  override get undelivered(): boolean {
    return this.first !== NONE;
  }

  override pump(): void {
    const { context } = this;
    while (this.first !== NONE) {
      const stored = this.first;
      const costBytes = costOf(context, stored);
      const next = context.store.queued(stored);
      if (!context.offerStored(this.channel, stored)) return;
      context.limit.handedOn(this.channel.index, costBytes);
      this.first = next;
    }
  }
}

/** Delivery `reliable-ordered`: every message once, in order. */
export class OrderedReceive extends ReliableChannel {
  /** The next to be handed on; `window.next` is the next to arrive. */
  private nextOut = 0;
  /** Messages of this channel that wait. */
  private waiting = 0;

  protected override mayOffer(number: number): boolean {
    return number === this.nextOut;
  }

  protected override handedOn(_number: number): void {
    this.nextOut++;
    if (this.waiting > 0) this.pump();
  }

  protected override wait(stored: number): void {
    this.waiting++;
    this.context.store.index(stored);
  }

  override get undelivered(): boolean {
    return this.waiting > 0 && this.nextWaiting() !== NONE;
  }

  override pump(): void {
    const { context } = this;
    while (this.waiting > 0) {
      const { store } = context;
      const stored = this.nextWaiting();
      if (stored === NONE) return;
      const costBytes = costOf(context, stored);
      // Before the sink sees it: what is taken is gone when it returns.
      store.unindex(stored);
      if (!context.offerStored(this.channel, stored)) {
        store.index(stored);
        return;
      }
      context.limit.handedOn(this.channel.index, costBytes);
      this.waiting--;
      this.nextOut++;
    }
  }

  private nextWaiting(): number {
    return this.context.store.find(this.channel.index, this.nextOut);
  }
}
