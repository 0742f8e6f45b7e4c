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
  /** By place: what was spent and what of that was handed on, as the other side has said last. */
  private readonly spent: Float64Array;
  private readonly handedOn: Float64Array;
  /** By place: 1 where a message waits for the limit; how often it was asked for, and when it is asked for next. */
  private readonly waits: Uint8Array;
  private readonly asked: Uint32Array;
  private readonly askAtMs: Float64Array;
  private waiting = 0;

  constructor(flow: FlowChannels, timers: Timers, rtt: RttEstimator) {
    const { count } = flow;
    this.flow = flow;
    this.timers = timers;
    this.rtt = rtt;
    this.spent = new Float64Array(count);
    this.handedOn = new Float64Array(count);
    this.waits = new Uint8Array(count);
    this.asked = new Uint32Array(count);
    this.askAtMs = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  }

  /** Whether a message of this cost may be given a number on a channel; if not, the channel waits for its limit. */
  allows(channel: number, costBytes: number): boolean {
    const place = this.flow.placeOf(channel);
    if (this.flow.isFair(place, costBytes)) {
      if (this.waits[place] === 1) this.goesOn(place);
      return true;
    }
    if (this.waits[place] === 0) {
      this.waits[place] = 1;
      this.waiting++;
    }
    return false;
  }

  spend(channel: number, costBytes: number): void {
    const place = this.flow.placeOf(channel);
    this.spent[place]! += costBytes;
    this.flow.add(place, costBytes);
  }

  /** What is wrong with a limit that has come, if anything: in a sealed session only the other side can have made it. */
  check(limit: number, isAuthentic: boolean): DropReason | undefined {
    if (this.flow.count === 0) return limit === 0 ? undefined : "unknownChannel";
    const isBeyond = this.flow.handedOnIn(limit) > this.spent[this.flow.placeIn(limit)]!;
    return isAuthentic && isBeyond ? "acknowledgedUnsent" : undefined;
  }

  /** More of a channel has been handed on; what was said before, or could not be, changes nothing. */
  raise(limit: number): void {
    if (this.flow.count === 0) return;
    const place = this.flow.placeIn(limit);
    const handedOn = Math.min(this.flow.handedOnIn(limit), this.spent[place]!);
    const grown = handedOn - this.handedOn[place]!;
    if (grown <= 0) return;
    this.handedOn[place] = handedOn;
    this.flow.add(place, -grown);
    if (this.waits[place] === 1) this.goesOn(place);
  }

  /** Nothing is sent now: sees to it that what waits is asked for. */
  settle(nowMs: number): void {
    if (this.waiting === 0) return;
    for (let place = 0; place < this.waits.length; place++) {
      if (this.waits[place] === 0 || this.askAtMs[place] !== Number.POSITIVE_INFINITY) continue;
      this.askAtMs[place] = nowMs + this.rtt.backedOffProbeTimeoutMs(0);
    }
    this.setTimer();
  }

  /** The timer has run out: the channel that has waited longest in vain is asked for. */
  timeout(nowMs: number): void {
    let first = 0;
    const { askAtMs } = this;
    for (let place = 1; place < askAtMs.length; place++) {
      if (askAtMs[place]! < askAtMs[first]!) first = place;
    }
    this.asks = this.flow.indexes[first]!;
    askAtMs[first] = nowMs + this.rtt.backedOffProbeTimeoutMs(++this.asked[first]!);
    this.setTimer();
  }

  private goesOn(place: number): void {
    this.waits[place] = 0;
    this.waiting--;
    this.asked[place] = 0;
    this.askAtMs[place] = Number.POSITIVE_INFINITY;
    this.setTimer();
  }

  private setTimer(): void {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const atMs of this.askAtMs) nextMs = Math.min(nextMs, atMs);
    this.timers.set(Timer.blocked, nextMs);
  }
}
