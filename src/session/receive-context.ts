/**
 * What the receiving side of every channel needs of its session while a datagram is applied: the sink, the receive
 * limit, where the bytes are. Also the receiver's half of flow control (RFC 9000 4.1, for all channels together).
 */
import type { ChannelDefinition } from "../protocol.ts";
import { ReceivedMessage } from "../received-message.ts";
import type { SessionCounters } from "./counters.ts";
import type { DropReason } from "./drop-reason.ts";
import { MessageStore, returnScratch } from "./message-store.ts";
import { ReceiveAge } from "./receive-age.ts";
import type { SessionOptions, SessionSink } from "./session-options.ts";
import { Slab } from "./slab.ts";
import type { Workspace } from "./workspace.ts";

/** Of the budget: how far the limit has grown when it is told in a datagram that goes anyway, and in one of its own. */
const TELL_LIMIT_SHARE = 1 / 8;
const TELL_LIMIT_ALONE_SHARE = 1 / 4;

/** Bytes of reliable messages this side takes: payload and MESSAGE_OVERHEAD_BYTES each, counted once. */
export class ReceiveLimit {
  readonly budgetBytes: number;
  /** Cost of all messages of which something has arrived. */
  receivedBytes = 0;
  /** Cost of those that were handed on. */
  handedOnBytes = 0;
  /** The limit that the other side was told last. */
  toldBytes: number;
  /** Cost of the new messages of the datagram that is being checked. */
  private claimedBytes = 0;
  /** Which check this is, of all. */
  checks = 0;

  constructor(budgetBytes: number) {
    this.budgetBytes = budgetBytes;
    this.toldBytes = budgetBytes;
  }

  get limitBytes(): number {
    return this.budgetBytes + this.handedOnBytes;
  }

  beginCheck(): void {
    this.checks++;
    this.claimedBytes = 0;
  }

  /**
   * Whether a new message of this cost keeps what was promised. One may pass it: what is whole and the next in order, or
   * anything where nothing else is held. In slices it would be held beside all that waits for it.
   */
  claim(costBytes: number, isNextAndWhole: boolean): DropReason | undefined {
    const before = this.receivedBytes + this.claimedBytes;
    const limit = this.limitBytes;
    const mayPass = before <= this.handedOnBytes || (isNextAndWhole && before <= limit);
    if (before + costBytes > limit && !mayPass) return "receiveLimit";
    this.claimedBytes += costBytes;
    return undefined;
  }

  /** The limit has grown enough to be told in the next datagram. */
  get worthTelling(): boolean {
    return this.limitBytes - this.toldBytes >= this.budgetBytes * TELL_LIMIT_SHARE;
  }

  /** The limit has grown enough to be told in a datagram of its own. */
  get mustTell(): boolean {
    return this.limitBytes - this.toldBytes >= this.budgetBytes * TELL_LIMIT_ALONE_SHARE;
  }
}

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
