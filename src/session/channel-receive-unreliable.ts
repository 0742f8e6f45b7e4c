/**
 * The receiving side of the unreliable modes. What all share: slices, and that nothing is asked for again. Unfinished
 * messages are bounded in number (MAX_UNRELIABLE_REASSEMBLIES) and bytes, the oldest goes first, and in the time since
 * the last slice came: a slow path brings a large one all the same.
 *
 * Then the two that wait for nothing: a message is handed on when it is complete. `unreliable-sequenced` drops what is
 * older than the newest handed on, by packet number, or by message number where messages may be in slices. What the
 * sink has no room for waits in a queue of `queueBytes` that drops its oldest.
 */
import { MAX_UNRELIABLE_REASSEMBLIES, MESSAGE_OVERHEAD_BYTES, MESSAGE_WINDOW } from "../limits.ts";
import type { ChannelDefinition } from "../protocol.ts";
import {
  checkShape,
  offerAssembled,
  type ReceiveChannel,
  rebuildMessageNumber,
} from "./channel-receive.ts";
import type { DropReason } from "./drop-reason.ts";
import { NONE } from "./message-store.ts";
import { Reassembly } from "./reassembly.ts";
import type { ReceiveContext } from "./receive-context.ts";

export abstract class UnreliableChannel implements ReceiveChannel {
  protected readonly channel: ChannelDefinition;
  protected readonly context: ReceiveContext;
  /** Highest message number seen; only on numbered channels. */
  private highest = -1;
  private readonly open: Reassembly[] = [];
  /** What waits here may be lost. */
  readonly undelivered = false;

  constructor(channel: ChannelDefinition, context: ReceiveContext) {
    this.channel = channel;
    this.context = context;
  }

  /** Whether nobody wants it any more. `order` is the message number, or without one the packet's. */
  protected abstract isOld(order: number): boolean;
  /** A message is complete, and about to be offered or to wait. */
  protected abstract completed(order: number): void;
  /** Whether it may be shown to the sink now. */
  protected abstract mayOffer(order: number): boolean;
  /** The sink has taken it at once. */
  protected abstract handedOn(order: number): void;
  /** It is stored, and waits. */
  protected abstract wait(stored: number, order: number): void;
  abstract pump(): void;

  rebuild(truncated: number): number {
    return rebuildMessageNumber(truncated, this.context.messageNumberBits, this.highest + 1);
  }

  check(
    number: number,
    sliceIndex: number,
    sliceCount: number,
    bytes: number,
  ): DropReason | undefined {
    const shape = checkShape(this.channel, this.context, sliceIndex, sliceCount, bytes);
    if (shape !== undefined || !this.channel.numbered) return shape;
    if (number > this.highest + MESSAGE_WINDOW) return "messageWindow";
    const open = this.find(number);
    if (open !== undefined && open.count !== sliceCount) return "sliceMismatch";
    return undefined;
  }

  apply(number: number, sliceIndex: number, sliceCount: number, start: number, end: number): void {
    const { context, channel } = this;
    if (channel.numbered && number > this.highest) {
      context.age.passed += number - this.highest;
      this.highest = number;
    }
    const order = channel.numbered ? number : context.packetNumber;
    if (this.isOld(order)) {
      if (sliceIndex === 0) context.counters.old++;
      return;
    }
    if (sliceCount > 0) {
      this.applySlice(number, sliceIndex, sliceCount, start, end);
      return;
    }
    this.completed(order);
    if (this.mayOffer(order) && context.offer(channel, start, end)) this.handedOn(order);
    else this.wait(context.keep(channel, number, context.bytes, start, end), order);
  }

  maintain(): void {
    const { context, open } = this;
    for (let i = open.length - 1; i >= 0; i--) {
      if (context.nowMs - open[i]!.cameAtMs > context.reassemblyTimeoutMs) this.drop(i);
    }
  }

  /** What a stored message counts for in a queue. */
  protected costOf(stored: number): number {
    return this.context.store.length(stored) + MESSAGE_OVERHEAD_BYTES;
  }

  /** Gives up what is unfinished and older than `order`. */
  protected dropUnfinished(order: number): void {
    const { open } = this;
    for (let i = open.length - 1; i >= 0; i--) if (open[i]!.number < order) this.drop(i);
  }

  private find(number: number): Reassembly | undefined {
    const { open } = this;
    for (let i = 0; i < open.length; i++) if (open[i]!.number === number) return open[i];
    return undefined;
  }

  private applySlice(
    number: number,
    index: number,
    count: number,
    start: number,
    end: number,
  ): void {
    const { context, open } = this;
    const { sliceBytes } = context;
    this.maintain();
    let reassembly = this.find(number);
    if (reassembly === undefined) {
      reassembly = new Reassembly(context.slices, number, count, context.nowMs);
      if (open.length >= MAX_UNRELIABLE_REASSEMBLIES) this.drop(0);
      open.push(reassembly);
    } else if (reassembly.count !== count || reassembly.has(index)) {
      context.counters.duplicateFrames++;
      return;
    }
    while (context.unreliableBytes + sliceBytes > context.maxUnreliableBytes) {
      const own = open[0] === reassembly;
      this.drop(0);
      // Other channels hold all there is: this message goes too.
      if (own) return;
    }
    reassembly.add(index, context.view, start, end);
    reassembly.cameAtMs = context.nowMs;
    context.unreliableBytes += sliceBytes;
    if (!reassembly.isComplete) return;
    open.splice(open.indexOf(reassembly), 1);
    context.unreliableBytes -= reassembly.storedBytes;
    this.completed(number);
    const stored = offerAssembled(context, this.channel, reassembly, this.mayOffer(number));
    if (stored === NONE) this.handedOn(number);
    else this.wait(stored, number);
  }

  private drop(index: number): void {
    const reassembly = this.open[index];
    if (reassembly === undefined) return;
    this.context.unreliableBytes -= reassembly.storedBytes;
    reassembly.release();
    this.open.splice(index, 1);
    this.context.counters.reassembliesDropped++;
  }
}

/** Deliveries `unreliable` and `unreliable-sequenced`. */
export class UnreliableReceive extends UnreliableChannel {
  private readonly sequenced: boolean;
  /** Sequenced: packet or message number of the newest that was complete. */
  private newest = -1;
  private first = NONE;
  private last = NONE;
  private waitingBytes = 0;

  constructor(channel: ChannelDefinition, context: ReceiveContext) {
    super(channel, context);
    this.sequenced = channel.delivery === "unreliable-sequenced";
  }

  protected override isOld(order: number): boolean {
    return this.sequenced && order < this.newest;
  }

  protected override completed(order: number): void {
    if (!this.sequenced) return;
    this.newest = order;
    this.dropUnfinished(order);
  }

  protected override mayOffer(_order: number): boolean {
    return this.first === NONE;
  }

  protected override handedOn(_order: number): void {}

  protected override wait(stored: number, _order: number): void {
    const { store, counters } = this.context;
    if (this.first === NONE) this.first = stored;
    else store.setQueued(this.last, stored);
    this.last = stored;
    this.waitingBytes += this.costOf(stored);
    while (this.waitingBytes > this.channel.queueBytes && this.first !== this.last) {
      const oldest = this.first;
      this.first = store.queued(oldest);
      this.waitingBytes -= this.costOf(oldest);
      store.drop(oldest);
      counters.unreliableDropped++;
    }
  }

  override pump(): void {
    const { context } = this;
    while (this.first !== NONE) {
      const stored = this.first;
      const costBytes = this.costOf(stored);
      const next = context.store.queued(stored);
      if (!context.offerStored(this.channel, stored)) return;
      this.waitingBytes -= costBytes;
      this.first = next;
    }
  }
}
