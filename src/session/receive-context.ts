/**
 * What the receiving side of every channel needs of its session while a datagram is applied: the sink, the receive
 * limit, where the bytes are.
 */
import type { ChannelDefinition } from "../protocol.ts";
import { ReceivedMessage } from "../received-message.ts";
import type { SessionCounters } from "./counters.ts";
import { MessageStore, returnScratch } from "./message-store.ts";
import { ReceiveAge } from "./receive-age.ts";
import type { ReceiveLimit } from "./receive-limit.ts";
import type { SessionOptions, SessionSink } from "./session-options.ts";
import { Slab } from "./slab.ts";
import type { Workspace } from "./workspace.ts";

const emptyBytes: Uint8Array = new Uint8Array(0);

export class ReceiveContext {
  readonly sink: SessionSink;
  readonly counters: SessionCounters;
  readonly limit: ReceiveLimit;
  readonly age: ReceiveAge;
  readonly sliceBytes: number;
  /** Slices of unfinished messages. */
  readonly slices: Slab;
  /** Messages that wait for one before them, or for room at the sink. */
  readonly store: MessageStore;
  readonly messageNumberBits: number;
  /** The other side has another version. */
  readonly compat: boolean;
  /** What unreliable channels hold in unfinished messages, and may hold. */
  unreliableBytes = 0;
  readonly maxUnreliableBytes: number;
  /** What channels of delivery `reliable-sequenced` hold. */
  sequencedBytes = 0;
  /** The datagram being applied. */
  bytes: Uint8Array = emptyBytes;
  view: DataView = new DataView(emptyBytes.buffer);
  user: Float64Array = new Float64Array(0);
  packetNumber = 0;
  nowMs = 0;
  /** How long an unfinished unreliable message waits for its next slice. */
  reassemblyTimeoutMs = 0;
  /** What the sink is shown, used again for each message. */
  private readonly message: ReceivedMessage = new ReceivedMessage();
  /** Messages and payload bytes that were handed on, by channel: a pair of numbers each. */
  readonly received: Float64Array;
  private failed = false;
  private failure: unknown;

  constructor(
    { protocol, sink, random }: SessionOptions,
    compat: boolean,
    counters: SessionCounters,
    limit: ReceiveLimit,
    space: Workspace,
  ) {
    const { channels, header } = protocol;
    this.sink = sink;
    this.counters = counters;
    this.limit = limit;
    this.age = new ReceiveAge(header.messageNumberBits);
    this.slices = new Slab(space.slicePool);
    this.sliceBytes = this.slices.cellBytes;
    this.store = new MessageStore(space.messagePool, header.userFields.length, random);
    this.messageNumberBits = header.messageNumberBits;
    this.compat = compat;
    this.maxUnreliableBytes = limit.budgetBytes;
    this.received = new Float64Array(2 * channels.length);
  }

  /** Offers a message of the datagram that is being applied. */
  offer(channel: ChannelDefinition, start: number, end: number): boolean {
    this.message.fill(channel, this.bytes, this.view, start, end, this.user);
    return this.deliver();
  }

  /** Offers a message that was put together elsewhere; this datagram has completed it. */
  offerWhole(channel: ChannelDefinition, bytes: Uint8Array, view: DataView, end: number): boolean {
    this.message.fill(channel, bytes, view, 0, end, this.user);
    return this.deliver();
  }

  /** Offers a message that waits; when it is taken, nothing is left of it. */
  offerStored(channel: ChannelDefinition, stored: number): boolean {
    const scratch = this.store.show(stored, channel, this.message);
    const isTaken = this.deliver();
    returnScratch(scratch);
    if (isTaken) this.store.drop(stored);
    return isTaken;
  }

  /**
   * Shows `message` to the sink. If the sink throws, it counts as taken, and `rethrow` passes the exception on once the
   * session's state is whole again.
   */
  private deliver(): boolean {
    const { channel, start, end } = this.message;
    try {
      if (!this.sink.deliver(this.message)) return false;
    } catch (error) {
      if (!this.failed) this.failure = error;
      this.failed = true;
    }
    this.counters.messagesReceived++;
    this.received[2 * channel.index]!++;
    this.received[2 * channel.index + 1]! += end - start;
    return true;
  }

  rethrow(): void {
    if (!this.failed) return;
    const failure = this.failure;
    this.failed = false;
    this.failure = undefined;
    throw failure;
  }

  /** Keeps a copy of `bytes[start..end)` that can wait. */
  keep(
    channel: ChannelDefinition,
    number: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): number {
    return this.store.put(channel.index, number, bytes, start, end, this.user);
  }
}
