/**
 * The receiving side of the unreliable modes. Nothing is waited for: a message is handed on when it is complete.
 * `unreliable-sequenced` drops what is older than the newest handed on, by packet number, or by message number where
 * messages may be in slices. What the sink has no room for waits in a queue of `queueBytes` that drops its oldest.
 * Unfinished messages are bounded in number (MAX_UNRELIABLE_REASSEMBLIES), bytes and time; the oldest goes first.
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

export class UnreliableReceive implements ReceiveChannel {
  private readonly channel: ChannelDefinition;
  private readonly context: ReceiveContext;
  private readonly sequenced: boolean;
  /** Highest message number seen; only on numbered channels. */
  private highest = -1;
  /** Sequenced: packet or message number of the newest handed on. */
  private newest = -1;
  private readonly open: Reassembly[] = [];
  private first = NONE;
  private last = NONE;
  private waitingBytes = 0;
  /** What waits here may be lost. */
  readonly undelivered = false;

  constructor(channel: ChannelDefinition, context: ReceiveContext) {
    this.channel = channel;
    this.context = context;
    this.sequenced = channel.delivery === "unreliable-sequenced";
  }

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
    if (this.sequenced && order < this.newest) {
      if (sliceIndex === 0) context.counters.old++;
      return;
    }
    if (sliceCount > 0) {
      this.applySlice(number, sliceIndex, sliceCount, start, end);
      return;
    }
    this.passed(order);
    if (this.first === NONE && context.offer(channel, start, end)) return;
    this.wait(context.keep(channel, number, context.bytes, start, end));
  }

  pump(): void {
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

  maintain(): void {
    const { context, open } = this;
    while (open.length > 0 && context.nowMs - open[0]!.startedAtMs > context.reassemblyTimeoutMs) {
      this.dropOldest();
    }
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
      if (open.length >= MAX_UNRELIABLE_REASSEMBLIES) this.dropOldest();
      open.push(reassembly);
    } else if (reassembly.count !== count || reassembly.has(index)) {
      context.counters.duplicateFrames++;
      return;
    }
    while (context.unreliableBytes + sliceBytes > context.maxUnreliableBytes) {
      const own = open[0] === reassembly;
      this.dropOldest();
      // Other channels hold all there is: this message goes too.
      if (own) return;
    }
    reassembly.add(index, context.bytes, start, end);
    context.unreliableBytes += sliceBytes;
    if (!reassembly.isComplete) return;
    open.splice(open.indexOf(reassembly), 1);
    context.unreliableBytes -= reassembly.storedBytes;
    this.passed(number);
    const mayOffer = this.first === NONE;
    const stored = offerAssembled(context, this.channel, reassembly, mayOffer);
    if (stored !== NONE) this.wait(stored);
  }

  /** A sequenced message is complete: what is unfinished and older never will be wanted. */
  private passed(order: number): void {
    if (!this.sequenced) return;
    this.newest = order;
    const { open } = this;
    for (let i = open.length - 1; i >= 0; i--) if (open[i]!.number < order) this.drop(i);
  }

  private wait(stored: number): void {
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

  private costOf(stored: number): number {
    return this.context.store.length(stored) + MESSAGE_OVERHEAD_BYTES;
  }

  /** The one that was begun first. */
  private dropOldest(): void {
    this.drop(0);
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
