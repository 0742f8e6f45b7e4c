/**
 * The receiving sides of a session's channels, each made when the first frame of its channel comes: the class is the
 * delivery mode's. What a channel does with a frame is not here. Worst case: one visit to each channel.
 */
import type { ChannelDefinition } from "../protocol.ts";
import { OrderedReceive, type ReceiveChannel, ReliableReceive } from "./channel-receive.ts";
import { UnreliableReceive } from "./channel-receive-unreliable.ts";
import type { ReceiveContext } from "./receive-context.ts";

export class Receivers {
  private readonly channels: readonly ChannelDefinition[];
  private readonly context: ReceiveContext;
  private readonly made: (ReceiveChannel | undefined)[] = [];

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
    let receiver: ReceiveChannel;
    if (channel.delivery === "reliable") receiver = new ReliableReceive(channel, this.context);
    else if (channel.delivery === "reliable-ordered") {
      receiver = new OrderedReceive(channel, this.context);
    } else receiver = new UnreliableReceive(channel, this.context);
    while (this.made.length <= index) this.made.push(undefined);
    this.made[index] = receiver;
    return receiver;
  }

  /** Offers what the sink had no room for again. */
  pump(): void {
    for (const receiver of this.made) receiver?.pump();
  }

  /** Each lets go of what is too old or not needed. */
  maintain(): void {
    for (const receiver of this.made) receiver?.maintain();
  }
}
