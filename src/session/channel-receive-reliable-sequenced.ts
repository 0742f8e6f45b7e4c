/**
 * The receiving side of delivery `reliable-sequenced`: the newest message arrives in the end, older ones may not, and none
 * comes behind a newer one. At most one message is unfinished and one waits for room at the sink; a newer one takes the
 * place of either. They count against no receive limit, but together, for all such channels of a session, they are
 * bounded by the receive budget: a frame beyond that is not stored, and so not acknowledged. Constant work but for
 * putting a message in slices together.
 */
import { MESSAGE_OVERHEAD_BYTES, MESSAGE_WINDOW } from "../limits.ts";
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

export class ReliableSequencedReceive implements ReceiveChannel {
  private readonly channel: ChannelDefinition;
  private readonly context: ReceiveContext;
  /** The highest number of which something has come, and the highest that was complete. */
  private highest = -1;
  private newest = -1;
  private open: Reassembly | undefined = undefined;
  /** The newest, while it waits for room. */
  private stored = NONE;

  constructor(channel: ChannelDefinition, context: ReceiveContext) {
    this.channel = channel;
    this.context = context;
  }

  get undelivered(): boolean {
    return this.stored !== NONE;
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
    const { context, open } = this;
    const shape = checkShape(this.channel, context, sliceIndex, sliceCount, bytes);
    if (shape !== undefined) return shape;
    if (number > this.highest + MESSAGE_WINDOW) return "messageWindow";
    if (this.isOld(number)) return undefined;
    if (open?.number === number && open.count !== sliceCount) return "sliceMismatch";
    const free = context.limit.budgetBytes - context.sequencedBytes;
    const costBytes = sliceCount > 0 ? context.sliceBytes : bytes + MESSAGE_OVERHEAD_BYTES;
    return costBytes > free && context.sequencedBytes > 0 ? "receiveLimit" : undefined;
  }

  apply(number: number, sliceIndex: number, sliceCount: number, start: number, end: number): void {
    const { channel, context } = this;
    if (number > this.highest) {
      context.age.passed += number - this.highest;
      this.highest = number;
    }
    if (this.isOld(number)) {
      if (number === this.newest) context.counters.duplicateFrames++;
      else if (sliceIndex === 0) context.counters.old++;
      return;
    }
    if (sliceCount > 0) {
      this.applySlice(number, sliceIndex, sliceCount, start, end);
      return;
    }
    this.completed(number);
    if (context.offer(channel, start, end)) return;
    this.wait(context.keep(channel, number, context.bytes, start, end));
  }

  pump(): void {
    if (this.stored === NONE) return;
    const { context, stored } = this;
    const costBytes = this.costOf(stored);
    // Before the sink sees it: what is taken is gone when it returns.
    this.stored = NONE;
    if (context.offerStored(this.channel, stored)) context.sequencedBytes -= costBytes;
    else this.stored = stored;
  }

  maintain(): void {}

  /** A newer one is complete, or under way: its sender begins none before the last in slices has arrived. */
  private isOld(number: number): boolean {
    return number <= this.newest || (this.open !== undefined && number < this.open.number);
  }

  private applySlice(
    number: number,
    index: number,
    count: number,
    start: number,
    end: number,
  ): void {
    const { context } = this;
    if (this.open !== undefined && this.open.number < number) this.giveUp(this.open);
    this.open ??= new Reassembly(context.slices, number, count, context.nowMs);
    const { open } = this;
    if (open.count !== count || open.has(index)) {
      context.counters.duplicateFrames++;
      return;
    }
    open.add(index, context.view, start, end);
    context.sequencedBytes += context.sliceBytes;
    if (!open.isComplete) return;
    this.open = undefined;
    context.sequencedBytes -= open.storedBytes;
    this.completed(number);
    const stored = offerAssembled(context, this.channel, open, true);
    if (stored !== NONE) this.wait(stored);
  }

  /** What is older is not wanted any more. */
  private completed(number: number): void {
    const { context, open } = this;
    this.newest = number;
    if (open !== undefined && open.number <= number) this.giveUp(open);
    if (this.stored === NONE) return;
    context.sequencedBytes -= this.costOf(this.stored);
    context.store.drop(this.stored);
    this.stored = NONE;
    context.counters.old++;
  }

  private wait(stored: number): void {
    this.stored = stored;
    this.context.sequencedBytes += this.costOf(stored);
  }

  private giveUp(open: Reassembly): void {
    this.context.sequencedBytes -= open.storedBytes;
    open.release();
    this.open = undefined;
    this.context.counters.old++;
  }

  private costOf(stored: number): number {
    return this.context.store.length(stored) + MESSAGE_OVERHEAD_BYTES;
  }
}
