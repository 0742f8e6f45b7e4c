/**
 * How large datagrams may be on this path (datagram PLPMTUD, RFC 8899), where the spec asks for it with
 * `maxPathDatagramBytes`: found by probes, which are pings padded to the size that is tried. Without it, always
 * `maxDatagramBytes`, the base. An acknowledged datagram of a size shows that the path carries it; nothing that ICMP says is
 * read. First the largest is tried, then by halves what lies between. A size is given up when MAX_PATH_PROBES of it are lost.
 *
 * A black hole: BLACK_HOLE_LOSSES datagrams above the base are lost with none arrived behind the first of them, while
 * smaller ones were acknowledged (or nothing would be known to be lost). Then it is the base again, and the search begins anew.
 *
 * Every frame fits a datagram of the base, so that nothing has to be cut again. Not here: when there is something to send
 * that larger datagrams are good for; no probe is sent without. Constant work.
 */

import type { SessionCounters } from "./counters.ts";

/** RFC 8899 5.1.2 (MAX_PROBES). */
const MAX_PATH_PROBES = 3;
/** The search is done when it is known to so many bytes. */
const PATH_STEP_BYTES = 16;
/** RFC 8899 5.1.1 (PMTU_RAISE_TIMER): when a path that did not carry the largest is tried again. */
const PATH_RAISE_MS = 600_000;
const BLACK_HOLE_LOSSES = 6;

export class PathMtu {
  /** What every path is trusted with: RFC 8899's BASE_PLPMTU. */
  readonly baseBytes: number;
  /** What a datagram may have now. */
  datagramBytes: number;
  private readonly counters: SessionCounters;
  private readonly maxBytes: number;
  /** The smallest size that the path does not carry, as far as is known. */
  private refusedBytes: number;
  /** Probes of one size that were lost. */
  private failures = 0;
  private probing = false;
  /** Nothing is tried before; the search was done. */
  private raiseAtMs: number = Number.NEGATIVE_INFINITY;
  /** What was sent before tells nothing of the path as it is now. */
  private since = 0;
  /** The newest datagram above the base that has arrived, and how many behind it are lost. */
  private newestLarge = -1;
  private largeLost = 0;

  /** `maxBytes`: the largest that is tried. */
  constructor(baseBytes: number, maxBytes: number, counters: SessionCounters) {
    this.counters = counters;
    this.baseBytes = baseBytes;
    this.maxBytes = maxBytes;
    this.datagramBytes = baseBytes;
    this.refusedBytes = maxBytes + 1;
  }

  /** The size of the probe that is due now; 0: none is. */
  probeBytes(nowMs: number): number {
    if (this.datagramBytes >= this.maxBytes || this.probing || nowMs < this.raiseAtMs) return 0;
    if (this.isFound) this.refusedBytes = this.maxBytes + 1;
    if (this.refusedBytes > this.maxBytes) return this.maxBytes;
    return (this.datagramBytes + this.refusedBytes) >> 1;
  }

  /** The probe that was due has been sent. */
  probeSent(): void {
    this.probing = true;
    this.counters.pathProbesSent++;
  }

  /** A datagram of so many bytes has arrived, which may be a probe. */
  acknowledged(number: number, bytes: number, isProbe: boolean): void {
    if (isProbe) this.probing = false;
    if (bytes <= this.baseBytes || number < this.since) return;
    if (bytes > this.datagramBytes) {
      this.datagramBytes = bytes;
      this.failures = 0;
    }
    if (number <= this.newestLarge) return;
    this.newestLarge = number;
    this.largeLost = 0;
  }

  /** A datagram that was no probe is lost; `next` is the first number that is not used yet. */
  lost(number: number, bytes: number, next: number): void {
    if (bytes <= this.baseBytes || number < this.since || number <= this.newestLarge) return;
    if (++this.largeLost < BLACK_HOLE_LOSSES) return;
    this.counters.blackHoles++;
    this.begin(next);
  }

  /** A probe of so many bytes was lost, which says nothing of the path's load. */
  probeLost(number: number, bytes: number, nowMs: number): void {
    this.probing = false;
    this.counters.pathProbesLost++;
    if (number < this.since || bytes <= this.datagramBytes || bytes >= this.refusedBytes) return;
    if (++this.failures < MAX_PATH_PROBES) return;
    this.failures = 0;
    this.refusedBytes = bytes;
    if (this.isFound) this.raiseAtMs = nowMs + PATH_RAISE_MS;
  }

  /** From packet number `since` on the path may be another one. */
  begin(since: number): void {
    this.since = since;
    this.datagramBytes = this.baseBytes;
    this.refusedBytes = this.maxBytes + 1;
    this.raiseAtMs = Number.NEGATIVE_INFINITY;
    this.failures = 0;
    this.largeLost = 0;
  }

  private get isFound(): boolean {
    return this.refusedBytes - this.datagramBytes <= PATH_STEP_BYTES;
  }
}
