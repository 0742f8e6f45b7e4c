/**
 * What the receiving side of every channel needs of its session while a datagram is applied: the sink, the receive
 * limit, where the bytes are.
 */
import type { ChannelDefinition } from "../protocol.ts";
import { ReceivedMessage } from "../received-message.ts";
import type { SessionCounters } from "./counters.ts";
import { doubles } from "./doubles.ts";
import { MessageStore, returnScratch } from "./message-store.ts";
import { ReceiveAge } from "./receive-age.ts";
import type { ReceiveLimit } from "./receive-limit.ts";
import type { SessionOptions, SessionSink } from "./session-options.ts";
import { Slab } from "./slab.ts";
import type { Workspace } from "./workspace.ts";

const emptyBytes: Uint8Array = new Uint8Array(0);
const emptyView: DataView = new DataView(emptyBytes.buffer);
const noNumbers: Float64Array = new Float64Array(0);
const noCounts: number[] = doubles(0);

export class ReceiveContext {
  readonly sink: SessionSink;
  readonly counters: SessionCounters;
  readonly limit: ReceiveLimit;
  readonly age: ReceiveAge;
  readonly sliceBytes: number;
  /** Both are made when the first of them is used. */
  private madeSlices: Slab | undefined = undefined;
  private madeStore: MessageStore | undefined = undefined;
  private readonly space: Workspace;
  private readonly userFields: number;
  private readonly drawn: number;
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
  view: DataView = emptyView;
  user: Float64Array = noNumbers;
  packetNumber = 0;
  nowMs = 0;
  /** How long an unfinished unreliable message waits for its next slice. */
  reassemblyTimeoutMs = 0;
  /** What the sink is shown, used again for each message; made for the first. */
  private message: ReceivedMessage | undefined = undefined;
  /** Messages and payload bytes that were handed on, by channel: a pair of numbers each; empty before the first. */
  received: number[] = noCounts;
  private readonly channelCount: number;
  private failed = false;
  private failure: unknown = undefined;

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
    this.space = space;
    this.sliceBytes = space.slicePool.cellBytes;
    this.userFields = header.userFields.length;
    this.drawn = random();
    this.messageNumberBits = header.messageNumberBits;
    this.compat = compat;
    this.maxUnreliableBytes = limit.budgetBytes;
    this.channelCount = channels.length;
  }

  /** Slices of unfinished messages. */
  get slices(): Slab {
    this.madeSlices ??= new Slab(this.space.slicePool);
    return this.madeSlices;
  }

  /** Messages that wait for one before them, or for room at the sink. */
  get store(): MessageStore {
    this.madeStore ??= new MessageStore(this.space.messagePool, this.userFields, () => this.drawn);
    return this.madeStore;
  }

  /** Offers a message of the datagram that is being applied. */
  offer(channel: ChannelDefinition, start: number, end: number): boolean {
    this.message ??= new ReceivedMessage();
    this.message.fill(channel, this.bytes, this.view, start, end, this.user);
    return this.deliver(this.message);
  }

  /** Offers a message that was put together elsewhere; this datagram has completed it. */
  offerWhole(channel: ChannelDefinition, bytes: Uint8Array, view: DataView, end: number): boolean {
    this.message ??= new ReceivedMessage();
    this.message.fill(channel, bytes, view, 0, end, this.user);
    return this.deliver(this.message);
  }

  /** Offers a message that waits; when it is taken, nothing is left of it. */
  offerStored(channel: ChannelDefinition, stored: number): boolean {
    this.message ??= new ReceivedMessage();
    const scratch = this.store.show(stored, channel, this.message);
    const isTaken = this.deliver(this.message);
    returnScratch(scratch);
    if (isTaken) this.store.drop(stored);
    return isTaken;
  }

  /**
   * Shows `message` to the sink. If the sink throws, it counts as taken, and `rethrow` passes the exception on once the
   * session's state is whole again.
   */
  private deliver(message: ReceivedMessage): boolean {
    const { channel, start, end } = message;
    try {
      if (!this.sink.deliver(message)) return false;
    } catch (error) {
      if (!this.failed) this.failure = error;
      this.failed = true;
    }
    this.counters.messagesReceived++;
    if (this.received.length === 0) this.received = doubles(2 * this.channelCount);
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
