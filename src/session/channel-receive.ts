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
import { NumberWindow } from "./number-window.ts";
import { powerOfTwo, rebuildNumber } from "./packet-numbers.ts";
import { Reassembly } from "./reassembly.ts";
import type { ReceiveContext, WaitingMessage } from "./receive-context.ts";

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
  const { sliceBytes } = context.pool;
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

/** Where complete messages in slices are put together; shared, because the sink may not keep what it is shown. */
let assembly: Uint8Array | undefined;

/**
 * Puts a complete message together and shows it to `offer`; what the sink refuses is returned as a copy that can wait.
 */
export function offerAssembled(
  context: ReceiveContext,
  channel: ChannelDefinition,
  reassembly: Reassembly,
  mayOffer: boolean,
  costBytes: number,
): WaitingMessage | undefined {
  const sliceBytes = context.pool.sliceBytes;
  const total = reassembly.totalBytes(sliceBytes);
  const scratch = assembly;
  const shared = mayOffer && scratch !== undefined && scratch.length >= total;
  const bytes = shared ? scratch : new Uint8Array(total);
  reassembly.assemble(sliceBytes, bytes);
  reassembly.release(context.pool);
  if (mayOffer) {
    // While the sink looks at it nobody else may write there: the sink may feed another session.
    assembly = undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const taken = context.offerWhole(channel, bytes, view, total);
    if (taken) {
      assembly = bytes;
      return undefined;
    }
    if (shared) {
      assembly = bytes;
      return context.keep(bytes, 0, total, costBytes);
    }
  }
  return context.keepWhole(bytes, costBytes);
}

abstract class ReliableChannel implements ReceiveChannel {
  protected readonly channel: ChannelDefinition;
  protected readonly context: ReceiveContext;
  protected readonly window: NumberWindow = new NumberWindow();
  private highest = -1;
  private open: Map<number, Reassembly> | undefined;

  constructor(channel: ChannelDefinition, context: ReceiveContext) {
    this.channel = channel;
    this.context = context;
  }

  /** Whether message `number`, complete and new, may be shown to the sink now. */
  protected abstract mayOffer(number: number): boolean;
  /** The sink has taken it at once. */
  protected abstract handedOn(number: number): void;
  protected abstract wait(number: number, message: WaitingMessage): void;
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
    const sliceBytes = this.context.pool.sliceBytes;
    const shape = checkShape(this.channel, this.context, sliceIndex, sliceCount, bytes);
    if (shape !== undefined) return shape;
    const window = this.window;
    if (number >= window.next + MESSAGE_WINDOW) return "messageWindow";
    if (window.has(number)) return undefined;
    const open = this.open?.get(number);
    if (open !== undefined) {
      return open.count === sliceCount ? undefined : "sliceMismatch";
    }
    const payload = sliceCount === 0 ? bytes : (sliceCount - 1) * sliceBytes + 1;
    return this.context.limit.claim(payload + MESSAGE_OVERHEAD_BYTES, number === window.next);
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
    context.limit.receivedBytes += costBytes;
    window.add(number);
    if (this.mayOffer(number) && context.offer(this.channel, start, end)) {
      context.limit.handedOnBytes += costBytes;
      this.handedOn(number);
    } else this.wait(number, context.keep(context.bytes, start, end, costBytes));
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
    const { limit, pool } = context;
    this.open ??= new Map();
    let reassembly = this.open.get(number);
    if (reassembly === undefined) {
      reassembly = new Reassembly(number, count, context.nowMs);
      reassembly.costBytes = (count - 1) * pool.sliceBytes + 1 + MESSAGE_OVERHEAD_BYTES;
      limit.receivedBytes += reassembly.costBytes;
      this.open.set(number, reassembly);
    } else if (reassembly.count !== count || reassembly.has(index)) {
      context.counters.duplicateFrames++;
      return;
    }
    reassembly.add(pool, index, context.bytes, start, end);
    if (index === count - 1) {
      reassembly.costBytes += end - start - 1;
      limit.receivedBytes += end - start - 1;
    }
    if (!reassembly.isComplete) return;
    this.open.delete(number);
    this.window.add(number);
    const costBytes = reassembly.costBytes;
    const mayOffer = this.mayOffer(number);
    const message = offerAssembled(context, this.channel, reassembly, mayOffer, costBytes);
    if (message === undefined) {
      limit.handedOnBytes += costBytes;
      this.handedOn(number);
    } else this.wait(number, message);
  }
}

/** Delivery `reliable`: every message once, in any order. */
export class ReliableReceive extends ReliableChannel {
  private waiting: WaitingMessage[] = [];

  protected override mayOffer(_number: number): boolean {
    return this.waiting.length === 0;
  }

  protected override handedOn(_number: number): void {}

  protected override wait(_number: number, message: WaitingMessage): void {
    this.waiting.push(message);
  }

  override get undelivered(): boolean {
    return this.waiting.length > 0;
  }

  override pump(): void {
    const { context, waiting } = this;
    if (waiting.length === 0) return;
    let taken = 0;
    while (taken < waiting.length && context.offerWaiting(this.channel, waiting[taken]!)) {
      context.limit.handedOnBytes += waiting[taken]!.costBytes;
      taken++;
    }
    waiting.splice(0, taken);
  }
}

/** Delivery `reliable-ordered`: every message once, in order. */
export class OrderedReceive extends ReliableChannel {
  /** The next to be handed on; `window.next` is the next to arrive. */
  private nextOut = 0;
  private waiting: Map<number, WaitingMessage> | undefined;

  protected override mayOffer(number: number): boolean {
    return number === this.nextOut;
  }

  protected override handedOn(_number: number): void {
    this.nextOut++;
    if (this.waiting !== undefined && this.waiting.size > 0) this.pump();
  }

  protected override wait(number: number, message: WaitingMessage): void {
    this.waiting ??= new Map();
    this.waiting.set(number, message);
  }

  override get undelivered(): boolean {
    return this.waiting?.has(this.nextOut) ?? false;
  }

  override pump(): void {
    const { context, waiting } = this;
    if (waiting === undefined) return;
    for (;;) {
      const message = waiting.get(this.nextOut);
      if (message === undefined || !context.offerWaiting(this.channel, message)) return;
      waiting.delete(this.nextOut);
      context.limit.handedOnBytes += message.costBytes;
      this.nextOut++;
    }
  }

  override maintain(): void {
    super.maintain();
    if (this.waiting?.size === 0) this.waiting = undefined;
  }
}
