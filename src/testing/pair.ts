/**
 * Two endpoints joined by two simulated links, stepped through virtual time. An endpoint is anything sans-IO with the
 * four methods below: a session, a machine of the connection protocol, a whole connection. Several pairs can share the
 * time, and a bottleneck (`runTogether`).
 */
import { Writer } from "../wire/writer.ts";
import { type Fate, type LinkOptions, SimulatedLink } from "./link.ts";
import { SeededRandom } from "./random.ts";
import { VirtualTime } from "./virtual-time.ts";

/** Something that is given datagrams and the time, and asked for datagrams and the next time. */
export interface Endpoint {
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
  /** Told what became of each, and of each copy: at once where it is dropped, else before the endpoint is given it. */
  readonly onFate?:
    | ((from: "a" | "b", datagram: Uint8Array, fate: Fate, nowMs: number) => void)
    | undefined;
}

/** More datagrams than this from one endpoint at one instant mean that it never stops. */
const MAX_TURN_DATAGRAMS = 100_000;

export class Pair<A extends Endpoint = Endpoint, B extends Endpoint = Endpoint> {
  readonly a: A;
  readonly b: B;
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly linkFromA: SimulatedLink;
  readonly linkFromB: SimulatedLink;
  readonly #writer: Writer;
  readonly #tap: PairOptions<A, B>["tap"];

  constructor(options: PairOptions<A, B>) {
    this.a = options.a;
    this.b = options.b;
    this.time = options.time ?? new VirtualTime();
    this.random = new SeededRandom(options.seed);
    this.#tap = options.tap;
    this.#writer = new Writer(new Uint8Array(options.maxDatagramBytes ?? 65_536));
    const { time, random } = this;
    const { link, onFate } = options;
    this.linkFromA = new SimulatedLink(
      time,
      random,
      { ...link, ...options.fromA },
      (datagram) => this.#arrive(this.b, datagram),
      onFate && ((fate, datagram) => onFate("a", datagram, fate, time.nowMs)),
    );
    this.linkFromB = new SimulatedLink(
      time,
      random,
      { ...link, ...options.fromB },
      (datagram) => this.#arrive(this.a, datagram),
      onFate && ((fate, datagram) => onFate("b", datagram, fate, time.nowMs)),
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

  #arrive(endpoint: Endpoint, datagram: Uint8Array): void {
    const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
    endpoint.handleDatagram(datagram, view, datagram.byteLength, this.time.nowMs);
  }

  #transmit(endpoint: Endpoint, link: SimulatedLink, name: "a" | "b"): void {
    const w = this.#writer;
    for (let i = 0; i < MAX_TURN_DATAGRAMS; i++) {
      w.at = 0;
      const length = endpoint.pollTransmit(w, this.time.nowMs);
      if (length === 0) return;
      this.#tap?.(name, w.bytes.slice(0, length), this.time.nowMs);
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
  time.runUntil(nowMs);
  for (const { a, b } of pairs) {
    if (a.pollDeadline() <= nowMs) a.handleTimeout(nowMs);
    if (b.pollDeadline() <= nowMs) b.handleTimeout(nowMs);
  }
  for (const pair of pairs) pair.flush();
}
