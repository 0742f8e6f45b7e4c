/**
 * What a session does while nothing comes back: two waits, each twice as long each time it passes in vain. For the
 * acknowledgement of reliable data (RFC 9002 section 6.2), and for word of unreliable messages whose fate is to be told.
 * The wait for a receive limit is in send-limit.ts. Constant work.
 */
import { LAZY_ACK_MS } from "../limits.ts";
import type { RttEstimator } from "./rtt.ts";
import type { SentPackets } from "./sent.ts";
import { Timer, type Timers } from "./timers.ts";

export class Silence {
  private readonly timers: Timers;
  private readonly rtt: RttEstimator;
  private readonly sent: SentPackets;
  private probes = 0;
  /** Since when the next probe is waited for, where that is later than the last reliable data; 0: it is not. */
  private probeFromMs = 0;
  private noticesAsked = 0;
  /** When the first datagram left that asked for an ack since one came that said anything new; Infinity: none has. */
  unansweredSinceMs: number = Number.POSITIVE_INFINITY;

  constructor(timers: Timers, rtt: RttEstimator, sent: SentPackets) {
    this.timers = timers;
    this.rtt = rtt;
    this.sent = sent;
  }

  /** A datagram that asks for an ack has left. */
  asked(nowMs: number): void {
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
    this.timers.set(Timer.notice, this.after(nowMs, this.noticesAsked) + LAZY_ACK_MS);
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
