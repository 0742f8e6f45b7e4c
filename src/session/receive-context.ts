/**
 * What the receiving side of every channel needs of its session while a datagram is applied: the sink, the receive
 * limit, where the bytes are. Also the receiver's half of flow control (RFC 9000 4.1, for all channels together).
 */
import type { ChannelDefinition } from "../protocol.ts";
import { ReceivedMessage } from "../received-message.ts";
import type { SessionCounters } from "./counters.ts";
import type { DropReason } from "./drop-reason.ts";
import type { SlicePool } from "./reassembly.ts";
import type { ReceiveAge } from "./receive-age.ts";
import type { SessionSink } from "./session-options.ts";

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

  constructor(budgetBytes: number) {
    this.budgetBytes = budgetBytes;
    this.toldBytes = budgetBytes;
  }

  get limitBytes(): number {
    return this.budgetBytes + this.handedOnBytes;
  }

  beginCheck(): void {
    this.claimedBytes = 0;
  }

  /** Whether a new message of this cost keeps what was promised; the next in order may pass it by itself. */
  claim(costBytes: number, isNext: boolean): DropReason | undefined {
    const before = this.receivedBytes + this.claimedBytes;
    const limit = this.limitBytes;
    if (before + costBytes > limit && !(isNext && before <= limit)) {
      return "receiveLimit";
    }
    this.claimedBytes += costBytes;
    return undefined;
  }

  /** The other side should hear of it with the next datagram. */
  get worthTelling(): boolean {
    return this.limitBytes - this.toldBytes >= this.budgetBytes / 8;
  }

  /** ... or in a datagram of its own. */
  get mustTell(): boolean {
    return this.limitBytes - this.toldBytes >= this.budgetBytes / 4;
  }
}

/** A message that the sink had no room for, or that waits for one before it. */
export interface WaitingMessage {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly user: Float64Array;
  readonly costBytes: number;
}

const emptyBytes: Uint8Array = new Uint8Array(0);

export class ReceiveContext {
  readonly sink: SessionSink;
  readonly counters: SessionCounters;
  readonly limit: ReceiveLimit;
  readonly age: ReceiveAge;
  readonly pool: SlicePool;
  readonly messageNumberBits: number;
  /** The other side has another version. */
  readonly compat: boolean;
  /** What unreliable channels hold in unfinished messages, and may hold. */
  unreliableBytes = 0;
  readonly maxUnreliableBytes: number;
  /** The datagram being applied. */
  bytes: Uint8Array = emptyBytes;
  view: DataView = new DataView(emptyBytes.buffer);
  user: Float64Array = new Float64Array(0);
  packetNumber = 0;
  nowMs = 0;
  /** How long an unreliable message may stay unfinished. */
  reassemblyTimeoutMs = 0;
  /** What the sink is shown, used again for each message. */
  private readonly message: ReceivedMessage = new ReceivedMessage();
  private failed = false;
  private failure: unknown;

  constructor(
    sink: SessionSink,
    counters: SessionCounters,
    limit: ReceiveLimit,
    age: ReceiveAge,
    pool: SlicePool,
    messageNumberBits: number,
    compat: boolean,
  ) {
    this.sink = sink;
    this.counters = counters;
    this.limit = limit;
    this.age = age;
    this.pool = pool;
    this.messageNumberBits = messageNumberBits;
    this.compat = compat;
    this.maxUnreliableBytes = limit.budgetBytes;
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

  offerWaiting(channel: ChannelDefinition, { bytes, view, user }: WaitingMessage): boolean {
    this.message.fill(channel, bytes, view, 0, bytes.length, user);
    return this.deliver();
  }

  /**
   * Shows `message` to the sink. If the sink throws, it counts as taken, and `rethrow` passes the exception on once the
   * session's state is whole again.
   */
  private deliver(): boolean {
    try {
      if (!this.sink.deliver(this.message)) return false;
    } catch (error) {
      if (!this.failed) this.failure = error;
      this.failed = true;
    }
    this.counters.messagesReceived++;
    return true;
  }

  rethrow(): void {
    if (!this.failed) return;
    const failure = this.failure;
    this.failed = false;
    this.failure = undefined;
    throw failure;
  }

  /** A copy of `bytes[start..end)` that can wait. */
  keep(bytes: Uint8Array, start: number, end: number, costBytes: number): WaitingMessage {
    // Not `slice`, which shares memory where `bytes` is a Buffer.
    return this.keepWhole(new Uint8Array(bytes.subarray(start, end)), costBytes);
  }

  keepWhole(bytes: Uint8Array, costBytes: number): WaitingMessage {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const user = this.user.length === 0 ? this.user : this.user.slice();
    return { bytes, view, user, costBytes };
  }
}
