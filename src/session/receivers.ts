/**
 * The receiving sides of a session's channels, each made when the first frame of its channel comes: the class is the
 * delivery mode's. What a channel does with a frame is not here. Worst case: one visit to each channel.
 */
import type { ChannelDefinition } from "../protocol.ts";
import { noneByChannel, placed } from "./by-channel.ts";
import { OrderedReceive, type ReceiveChannel, ReliableReceive } from "./channel-receive.ts";
import { ReliableSequencedReceive } from "./channel-receive-reliable-sequenced.ts";
import { UnreliableReceive } from "./channel-receive-unreliable.ts";
import { UnreliableOrderedReceive } from "./channel-receive-unreliable-ordered.ts";
import type { ReceiveContext } from "./receive-context.ts";
import type { ReceivedFrames } from "./workspace.ts";

export class Receivers {
  private readonly channels: readonly ChannelDefinition[];
  private readonly context: ReceiveContext;
  private made: (ReceiveChannel | undefined)[] = noneByChannel;
  /** Those that wait for a gap no longer than for a time. */
  private readonly timed: UnreliableOrderedReceive[] = [];

  constructor(channels: readonly ChannelDefinition[], context: ReceiveContext) {
    this.channels = channels;
    this.context = context;
  }

  /** Reliable messages have arrived that the sink has had no room for. */
  get undelivered(): boolean {
    return this.made.some((receiver) => receiver?.undelivered === true);
  }

  /** That of a channel, by its index. */
  of(index: number): ReceiveChannel {
    const known = this.made[index];
    if (known !== undefined) return known;
    const channel = this.channels[index]!;
    const receiver = this.make(channel);
    this.made = placed(this.made, index, receiver);
    this.context.limit.flow.begin();
    return receiver;
  }

  /** Applies the frames of a datagram, in their order. */
  apply(frames: ReceivedFrames): void {
    for (let i = 0; i < frames.count; i++) {
      const receiver = this.of(frames.channel(i));
      const number = frames.number(i);
      const index = frames.sliceIndex(i);
      const count = frames.sliceCount(i);
      receiver.apply(number, index, count, frames.start(i), frames.end(i));
    }
  }

  /** Offers what the sink had no room for again. */
  pump(): void {
    for (const receiver of this.made) receiver?.pump();
  }

  /** When `passGaps` has something to do; Infinity: no gap is waited for. */
  get gapDeadlineMs(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const receiver of this.timed) first = Math.min(first, receiver.deadlineMs);
    return first;
  }

  /** Hands on what has waited long enough for what should have come before it. */
  passGaps(nowMs: number): void {
    for (const receiver of this.timed) receiver.passGaps(nowMs);
  }

  /** Each lets go of what is too old or not needed. */
  maintain(): void {
    for (const receiver of this.made) receiver?.maintain();
  }

  private make(channel: ChannelDefinition): ReceiveChannel {
    switch (channel.delivery) {
      case "reliable":
        return new ReliableReceive(channel, this.context);
      case "reliable-ordered":
        return new OrderedReceive(channel, this.context);
      case "reliable-sequenced":
        return new ReliableSequencedReceive(channel, this.context);
      case "unreliable-ordered": {
        const receiver = new UnreliableOrderedReceive(channel, this.context);
        this.timed.push(receiver);
        return receiver;
      }
      case "unreliable":
      case "unreliable-sequenced":
        return new UnreliableReceive(channel, this.context);
    }
  }
}
