/**
 * The sender's half of flow control (RFC 9000 section 4): how much of each channel the other side holds or may still be
 * on its way to it, and so which message may be given a number. Where one may not, the other side is asked for the
 * channel's limit, again and again with backoff, in case what it said was lost. Worst case: one visit to each channel.
 */
import type { DropReason } from "./drop-reason.ts";
import type { FlowChannels } from "./flow-channels.ts";
import type { RttEstimator } from "./rtt.ts";
import { Timer, type Timers } from "./timers.ts";

export class SendLimit {
  /** Index of the channel whose limit is to be asked for in a datagram of its own; -1: none. */
  asks = -1;
  readonly flow: FlowChannels;
  private readonly timers: Timers;
  private readonly rtt: RttEstimator;
  /** Places where a message waits for the limit. */
  private waiting = 0;
  /**
   * By place: when its limit is asked for next, Infinity where that is not known yet; NaN: nothing waits there. Made when
   * something waits for the first time.
   */
  private askAtMs: number[] | undefined = undefined;
  /** By place: how often it was asked for. */
  private asked: number[] | undefined = undefined;

  constructor(flow: FlowChannels, timers: Timers, rtt: RttEstimator) {
    this.flow = flow;
    this.timers = timers;
    this.rtt = rtt;
  }

  /** Whether a message of this cost may be given a number on a channel; if not, the channel waits for its limit. */
  allows(channel: number, costBytes: number): boolean {
    const place = this.flow.placeOf(channel);
    if (this.flow.isFair(place, costBytes)) {
      if (this.waiting > 0) this.goesOn(place);
      return true;
    }
    this.waits(place);
    return false;
  }

  spend(channel: number, costBytes: number): void {
    const place = this.flow.placeOf(channel);
    this.flow.pass(place, costBytes);
    this.flow.add(place, costBytes);
  }

  /** What is wrong with a limit that has come, if anything: in a sealed session only the other side can have made it. */
  check(limit: number, isAuthentic: boolean): DropReason | undefined {
    if (this.flow.count === 0) return limit === 0 ? undefined : "unknownChannel";
    const isBeyond = this.flow.handedOnIn(limit) > this.flow.passedBytes(this.flow.placeIn(limit));
    return isAuthentic && isBeyond ? "acknowledgedUnsent" : undefined;
  }

  /** More of a channel has been handed on; what was said before, or could not be, changes nothing. */
  raise(limit: number): void {
    if (this.flow.count === 0) return;
    const place = this.flow.placeIn(limit);
    const handedOn = Math.min(this.flow.handedOnIn(limit), this.flow.passedBytes(place));
    const grown = handedOn - this.flow.knownBytes(place);
    if (grown <= 0) return;
    this.flow.know(place, handedOn);
    this.flow.add(place, -grown);
    if (this.waiting > 0) this.goesOn(place);
  }

  /** Nothing is sent now: sees to it that what waits is asked for. */
  settle(nowMs: number): void {
    if (this.waiting === 0) return;
    const askAtMs = this.askAtMs!;
    for (let place = 0; place < askAtMs.length; place++) {
      if (askAtMs[place] !== Number.POSITIVE_INFINITY) continue;
      askAtMs[place] = nowMs + this.rtt.backedOffProbeTimeoutMs(0);
    }
    this.setTimer();
  }

  /** The timer has run out: the channel that has waited longest in vain is asked for. */
  timeout(nowMs: number): void {
    const first = this.first();
    if (first < 0) return;
    this.asks = this.flow.indexes[first]!;
    this.askAtMs![first] = nowMs + this.rtt.backedOffProbeTimeoutMs(++this.asked![first]!);
    this.setTimer();
  }

  private waits(place: number): void {
    this.askAtMs ??= new Array<number>(this.flow.count).fill(Number.NaN);
    this.asked ??= new Array<number>(this.flow.count).fill(0);
    if (!Number.isNaN(this.askAtMs[place]!)) return;
    this.askAtMs[place] = Number.POSITIVE_INFINITY;
    this.waiting++;
  }

  /** There is room on a channel, whether anything has waited there or not. */
  private goesOn(place: number): void {
    if (Number.isNaN(this.askAtMs![place]!)) return;
    this.askAtMs![place] = Number.NaN;
    this.asked![place] = 0;
    this.waiting--;
    this.setTimer();
  }

  private setTimer(): void {
    const first = this.first();
    const { askAtMs } = this;
    this.timers.set(Timer.blocked, first < 0 ? Number.POSITIVE_INFINITY : askAtMs![first]!);
  }

  /** The place that is asked for first; -1: nothing waits. */
  private first(): number {
    const { askAtMs = [] } = this;
    let first = -1;
    for (let place = 0; place < askAtMs.length; place++) {
      const atMs = askAtMs[place]!;
      if (!Number.isNaN(atMs) && (first < 0 || atMs < askAtMs[first]!)) first = place;
    }
    return first;
  }
}
