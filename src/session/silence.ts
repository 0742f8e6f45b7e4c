/**
 * What a session does lest nothing come back, and while nothing does. Who waits for acks asks for them in what it sends, so that
 * the other side need not acknowledge often by itself. Then two waits, each twice as long each time it passes in vain: for the
 * acknowledgement of reliable data (RFC 9002 section 6.2), and for word of unreliable messages whose fate is to be told.
 * The wait for a receive limit is in send-limit.ts. Constant work.
 */
import { ASK_FOR_FATE_MS, ASK_WHILE_HELD_BACK } from "../limits.ts";
import type { CongestionController } from "./congestion/controller.ts";
import type { RttEstimator } from "./rtt.ts";
import type { Senders } from "./senders.ts";
import type { SentPackets } from "./sent.ts";
import { Timer, type Timers } from "./timers.ts";

/** Of the congestion window: who has so much in flight may soon be held back by it. */
const ASK_FROM_WINDOW_SHARE = 1 / 4;

export class Silence {
  private readonly timers: Timers;
  private readonly rtt: RttEstimator;
  private readonly sent: SentPackets;
  private readonly senders: Senders;
  private probes = 0;
  /** Since when the next probe is waited for, where that is later than the last reliable data; 0: it is not. */
  private probeFromMs = 0;
  private noticesAsked = 0;
  /** Datagrams that wanted an ack since one has asked for it at once, and when that was. */
  private unasked = 0;
  private askedAtMs: number = Number.NEGATIVE_INFINITY;
  /** When the first datagram left that asked for an ack since one came that said anything new; Infinity: none has. */
  unansweredSinceMs: number = Number.POSITIVE_INFINITY;

  constructor(timers: Timers, rtt: RttEstimator, sent: SentPackets, senders: Senders) {
    this.timers = timers;
    this.rtt = rtt;
    this.sent = sent;
    this.senders = senders;
  }

  /**
   * Whether the next datagram with frames asks for an ack at once: since what waits may have to wait for acks, or since
   * the fate of unreliable messages is to be told.
   */
  asksNow(nowMs: number, controller: CongestionController): boolean {
    const { senders } = this;
    const heldBack =
      senders.waitsForRoom ||
      this.sent.bytesInFlight >= controller.windowBytes * ASK_FROM_WINDOW_SHARE;
    if (heldBack && this.unasked + 1 >= ASK_WHILE_HELD_BACK) return true;
    return senders.notices.inFlight > 0 && nowMs - this.askedAtMs >= ASK_FOR_FATE_MS;
  }

  /** A datagram that is to be acknowledged has left; `atOnce`: it says so. */
  left(nowMs: number, atOnce: boolean): void {
    this.unasked++;
    if (atOnce) {
      this.unasked = 0;
      this.askedAtMs = nowMs;
    }
    if (this.unansweredSinceMs === Number.POSITIVE_INFINITY) this.unansweredSinceMs = nowMs;
  }

  /** Something new was acknowledged, or what was sent before is not waited for any more. */
  ended(): void {
    this.unansweredSinceMs = Number.POSITIVE_INFINITY;
    this.probes = 0;
    this.probeFromMs = 0;
    this.noticesAsked = 0;
    this.timers.clear(Timer.notice);
  }

  /** A probe is due: how many have been since something was acknowledged, this one included. */
  probe(nowMs: number): number {
    this.probeFromMs = nowMs;
    return ++this.probes;
  }

  /** Reliable data left, was acknowledged or lost, or was probed: when the next probe is due. */
  armProbe(): void {
    if (this.sent.reliableInFlight === 0) this.timers.clear(Timer.probe);
    else this.waitForAck(Math.max(this.sent.lastReliableAtMs, this.probeFromMs));
  }

  /** Unreliable data arms no probe; but when it fills the window, a probe has to ask for an ack. */
  windowClosed(nowMs: number): void {
    if (this.sent.reliableInFlight > 0 || this.timers.isSet(Timer.probe)) return;
    if (this.probeFromMs === 0) this.probeFromMs = nowMs;
    this.waitForAck(nowMs);
  }

  /** The last unreliable messages of a while: nothing that comes later would tell what became of them. */
  untold(nowMs: number): void {
    if (this.timers.isSet(Timer.notice)) return;
    this.timers.set(Timer.notice, this.after(nowMs, this.noticesAsked) + ASK_FOR_FATE_MS);
  }

  /** It has been waited for in vain. */
  stillUntold(): void {
    this.noticesAsked++;
    this.timers.clear(Timer.notice);
  }

  private waitForAck(fromMs: number): void {
    this.timers.set(Timer.probe, this.after(fromMs, this.probes));
  }

  private after(fromMs: number, asked: number): number {
    return fromMs + this.rtt.backedOffProbeTimeoutMs(asked);
  }
}
