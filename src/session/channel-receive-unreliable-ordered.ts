/**
 * The receiving side of delivery `unreliable-ordered`: in order, and nothing is asked for again. What comes behind a gap
 * waits for at most the channel's `maxGapMs`, in case it was only overtaken; then the gap is passed over, and what comes
 * for it later is old. What waits, for a gap or for room at the sink, is bounded by `queueBytes` and by
 * MAX_ORDERED_WAITING: beyond them gaps are passed over at once, and then the oldest is dropped. Worst case of a frame:
 * handing on all that waited for it.
 */
import { MAX_ORDERED_WAITING } from "../limits.ts";
import { UnreliableChannel } from "./channel-receive-unreliable.ts";

export class UnreliableOrderedReceive extends UnreliableChannel {
  /** The next to be handed on. */
  private nextOut = 0;
  /** What waits, by rising number: the number, what it is called in the store, when it came. */
  private readonly numbers: number[] = [];
  private readonly stored: number[] = [];
  private readonly cameMs: number[] = [];
  private waitingBytes = 0;

  /** When the gap in front is passed over; Infinity: there is none. */
  get deadlineMs(): number {
    if (this.numbers.length === 0 || this.numbers[0] === this.nextOut)
      return Number.POSITIVE_INFINITY;
    let first = Number.POSITIVE_INFINITY;
    for (const cameMs of this.cameMs) if (cameMs < first) first = cameMs;
    return first + (this.channel.maxGapMs ?? 0);
  }

  /** Passes over what has been waited for long enough. */
  passGaps(nowMs: number): void {
    while (this.deadlineMs <= nowMs) this.passGap();
  }

  override pump(): void {
    const { numbers, stored, cameMs, context } = this;
    while (numbers.length > 0 && numbers[0] === this.nextOut) {
      const costBytes = this.costOf(stored[0]!);
      if (!context.offerStored(this.channel, stored[0]!)) return;
      numbers.shift();
      stored.shift();
      cameMs.shift();
      this.waitingBytes -= costBytes;
      this.nextOut++;
    }
  }

  protected override isOld(order: number): boolean {
    return order < this.nextOut || this.numbers[this.place(order)] === order;
  }

  protected override completed(_order: number): void {}

  protected override mayOffer(order: number): boolean {
    return order === this.nextOut;
  }

  protected override handedOn(_order: number): void {
    this.nextOut++;
    this.pump();
  }

  protected override wait(stored: number, order: number): void {
    const at = this.place(order);
    this.numbers.splice(at, 0, order);
    this.stored.splice(at, 0, stored);
    this.cameMs.splice(at, 0, this.context.nowMs);
    this.waitingBytes += this.costOf(stored);
    while (this.isOverfull) {
      if (this.numbers[0] === this.nextOut) this.dropFirst();
      else this.passGap();
    }
  }

  private get isOverfull(): boolean {
    const { length } = this.numbers;
    if (length < 2) return false;
    return length > MAX_ORDERED_WAITING || this.waitingBytes > this.channel.queueBytes;
  }

  /** The gap in front will not be filled: what is behind it is next. */
  private passGap(): void {
    const next = this.numbers[0]!;
    this.context.counters.gapsPassed += next - this.nextOut;
    this.nextOut = next;
    this.dropUnfinished(next);
    this.pump();
  }

  private dropFirst(): void {
    const stored = this.stored.shift()!;
    this.numbers.shift();
    this.cameMs.shift();
    this.waitingBytes -= this.costOf(stored);
    this.context.store.drop(stored);
    this.context.counters.unreliableDropped++;
    this.nextOut++;
  }

  /** Where a number stands among those that wait, or would. */
  private place(number: number): number {
    const { numbers } = this;
    let low = 0;
    let high = numbers.length;
    if (high > 0 && numbers[high - 1]! < number) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (numbers[middle]! < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
