/**
 * Two endpoints joined by two simulated links, stepped through virtual time. An endpoint is anything sans-IO with the
 * four methods below: a session, a machine of the connection protocol, a whole connection. Several pairs can share the
 * time, and a bottleneck (`runTogether`).
 */
import type { TraceMetrics } from "../trace/datagram.ts";
import { Writer } from "../wire/writer.ts";
import { type LinkObserver, type LinkOptions, SimulatedLink } from "./link.ts";
import { SeededRandom } from "./random.ts";
import type { Trace } from "./trace.ts";
import { VirtualTime } from "./virtual-time.ts";

/**
 * Something that is given datagrams and the time, and asked for datagrams and the next time. A trace shows its metrics,
 * where it has them, and a text that `handleDatagram` returns, as the reason for which the datagram was refused.
 */
export interface Endpoint extends TraceMetrics {
  handleDatagram(bytes: Uint8Array, view: DataView, length: number, nowMs: number): unknown;
  handleTimeout(nowMs: number): void;
  /** Writes the next datagram that is due and returns its bytes; 0: none now. */
  pollTransmit(w: Writer, nowMs: number): number;
  pollDeadline(): number;
}

export interface PairOptions<A extends Endpoint, B extends Endpoint> {
  readonly a: A;
  readonly b: B;
  /** Both directions; `fromA` and `fromB` override it. */
  readonly link?: LinkOptions | undefined;
  readonly fromA?: LinkOptions | undefined;
  readonly fromB?: LinkOptions | undefined;
  readonly seed: number;
  /** Default: a new one that starts at 0. */
  readonly time?: VirtualTime | undefined;
  /** Room for a datagram; default 65,536 bytes. */
  readonly maxDatagramBytes?: number | undefined;
  /** Sees each datagram before the link does. */
  readonly tap?: ((from: "a" | "b", datagram: Uint8Array, nowMs: number) => void) | undefined;
  /** Records each datagram and what becomes of it. */
  readonly trace?: Trace | undefined;
}

/** More datagrams than this from one endpoint at one instant mean that it never stops. */
const MAX_TURN_DATAGRAMS = 100_000;
/** More steps than this at one instant mean that an endpoint has a deadline that it does not serve. */
const MAX_STEPS_AT_ONCE = 10_000;

export class Pair<A extends Endpoint = Endpoint, B extends Endpoint = Endpoint> {
  readonly a: A;
  readonly b: B;
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly linkFromA: SimulatedLink;
  readonly linkFromB: SimulatedLink;
  readonly #writer: Writer;
  readonly #tap: PairOptions<A, B>["tap"];
  readonly #trace: Trace | undefined;
  #stepsAtOnce = 0;

  constructor(options: PairOptions<A, B>) {
    this.a = options.a;
    this.b = options.b;
    this.time = options.time ?? new VirtualTime();
    this.random = new SeededRandom(options.seed);
    this.#tap = options.tap;
    this.#writer = new Writer(new Uint8Array(options.maxDatagramBytes ?? 65_536));
    const { time, random } = this;
    const { link, trace } = options;
    this.#trace = trace;
    const observer = (from: "a" | "b"): LinkObserver | undefined =>
      trace && ((fate, datagram) => trace.settled(from, datagram, fate, time.nowMs));
    this.linkFromA = new SimulatedLink(
      time,
      random,
      { ...link, ...options.fromA },
      (datagram) => this.#arrive(this.b, datagram),
      observer("a"),
    );
    this.linkFromB = new SimulatedLink(
      time,
      random,
      { ...link, ...options.fromB },
      (datagram) => this.#arrive(this.a, datagram),
      observer("b"),
    );
  }

  /** Ends the turn of both endpoints: whatever they have to send now is on its way. */
  flush(): void {
    this.#transmit(this.a, this.linkFromA, "a");
    this.#transmit(this.b, this.linkFromB, "b");
  }

  /** Goes to the next thing that happens, at most to `untilMs`, and does all that is due then. */
  step(untilMs: number): void {
    stepTogether([this], untilMs);
  }

  /** Lets `durationMs` pass. */
  run(durationMs: number): void {
    runTogether([this], durationMs);
  }

  /** Goes on until `done`; false: at most `maxMs` have passed without it. */
  runUntil(done: () => boolean, maxMs: number): boolean {
    const untilMs = this.time.nowMs + maxMs;
    this.flush();
    while (!done()) {
      if (this.time.nowMs >= untilMs) return false;
      this.step(untilMs);
    }
    return true;
  }

  /** For `stepTogether`: a step was made, in which time went on or did not. */
  stepped(wentOn: boolean): void {
    this.#stepsAtOnce = wentOn ? 0 : this.#stepsAtOnce + 1;
    if (this.#stepsAtOnce <= MAX_STEPS_AT_ONCE) return;
    throw new Error(`time stands still at ${this.time.nowMs} ms: a deadline is not served`);
  }

  #arrive(endpoint: Endpoint, datagram: Uint8Array): void {
    const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
    const { nowMs } = this.time;
    const result = endpoint.handleDatagram(datagram, view, datagram.byteLength, nowMs);
    if (typeof result === "string") this.#trace?.refused(result);
    this.#trace?.metrics(endpoint === this.a ? "a" : "b", endpoint, nowMs);
  }

  #transmit(endpoint: Endpoint, link: SimulatedLink, name: "a" | "b"): void {
    const w = this.#writer;
    for (let i = 0; i < MAX_TURN_DATAGRAMS; i++) {
      w.at = 0;
      const length = endpoint.pollTransmit(w, this.time.nowMs);
      if (length === 0) return;
      this.#tap?.(name, w.bytes.slice(0, length), this.time.nowMs);
      this.#trace?.sent(name, w.bytes.subarray(0, length), this.time.nowMs);
      this.#trace?.metrics(name, endpoint, this.time.nowMs);
      link.send(w.bytes, 0, length);
    }
    throw new Error(`endpoint ${name} sends without end at ${this.time.nowMs} ms`);
  }
}

/** Lets `durationMs` pass for pairs that were made with the same `time`. */
export function runTogether(pairs: readonly Pair[], durationMs: number): void {
  const { time } = pairs[0]!;
  const untilMs = time.nowMs + durationMs;
  while (time.nowMs < untilMs) stepTogether(pairs, untilMs);
  stepTogether(pairs, untilMs);
}

/** One step of `Pair.step`, for all of them. */
function stepTogether(pairs: readonly Pair[], untilMs: number): void {
  const { time } = pairs[0]!;
  let dueMs = untilMs;
  for (const pair of pairs) {
    pair.flush();
    dueMs = Math.min(dueMs, pair.a.pollDeadline(), pair.b.pollDeadline());
  }
  const nowMs = Math.max(time.nowMs, Math.min(dueMs, time.nextMs));
  pairs[0]!.stepped(nowMs > time.nowMs);
  time.runUntil(nowMs);
  for (const { a, b } of pairs) {
    if (a.pollDeadline() <= nowMs) a.handleTimeout(nowMs);
    if (b.pollDeadline() <= nowMs) b.handleTimeout(nowMs);
  }
  for (const pair of pairs) pair.flush();
}
