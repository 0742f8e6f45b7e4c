/**
 * Golden traces of a sender: when datagrams left, when acks of them came, and what follows: the round trip, what is lost
 * and when, what was taken for lost and was not. For docs/session-vectors.json.
 */
import type { Protocol } from "#src/protocol.js";
import { FixedController } from "#src/session/congestion/fixed.js";
import { createSessionCounters } from "#src/session/counters.js";
import { PathMtu } from "#src/session/path-mtu.js";
import { RttEstimator } from "#src/session/rtt.js";
import { Sent, SentPackets } from "#src/session/sent.js";
import { AckBlock } from "#src/wire/header.js";

/** Times are milliseconds since the trace began; all numbers are whole ones. */
export interface SenderStep {
  readonly atMs: number;
  /** A datagram with reliable frames leaves under this number. */
  readonly sends?: number;
  /** An ack comes: first and last of each range, from the newest down; its delay in units of 250 us. */
  readonly acks?: readonly (readonly [number, number])[];
  readonly delay?: number;
  /** What is found lost at this time, by the ack or, without one, by the timer. */
  readonly lost?: readonly number[];
  /** What the ack names of what had been found lost. */
  readonly spurious?: readonly number[];
  readonly smoothedMs?: number;
  readonly variationMs?: number;
  readonly probeTimeoutMs?: number;
}

export interface SenderTrace {
  readonly name: string;
  readonly steps: readonly SenderStep[];
}

class SenderWriter {
  readonly steps: SenderStep[] = [];
  readonly #sent: SentPackets;
  readonly #rtt: RttEstimator;
  readonly #controller = new FixedController();
  #lost: number[] = [];
  #spurious: number[] = [];

  constructor({ header, limits }: Protocol) {
    const counters = createSessionCounters();
    const none = { frameAcknowledged: () => {}, frameLost: () => {}, frameDue: () => {} };
    const path = new PathMtu(limits.maxDatagramBytes, limits.maxDatagramBytes, counters);
    // None is left out on purpose.
    this.#sent = new SentPackets(header, () => 1, none, path, counters);
    this.#rtt = new RttEstimator(limits.maxAckDelayMs);
    // A datagram has one byte more than its number: so the controller is told which it is.
    this.#controller.onLost = (bytes) => void this.#lost.push(bytes - 1);
    this.#controller.onSpuriousLoss = (bytes) => void this.#spurious.push(bytes - 1);
  }

  send(...timesMs: number[]): this {
    for (const atMs of timesMs) {
      this.#timers(atMs);
      const number = this.#sent.begin();
      this.#sent.commit(atMs, number + 1, Sent.eliciting | Sent.reliable, -1);
      this.steps.push({ atMs, sends: number });
    }
    return this;
  }

  ack(atMs: number, delay: number, ...ranges: (readonly [number, number])[]): this {
    this.#timers(atMs);
    const acks = new AckBlock();
    acks.largest = ranges[0]![1];
    acks.delay = delay;
    acks.firstRun = ranges[0]![1] - ranges[0]![0] + 1;
    acks.pairs = ranges.length - 1;
    for (let i = 1; i < ranges.length; i++) {
      acks.gaps[i - 1] = ranges[i - 1]![0] - ranges[i]![1] - 1;
      acks.runs[i - 1] = ranges[i]![1] - ranges[i]![0] + 1;
    }
    this.#sent.acknowledge(acks, atMs, this.#rtt, this.#controller);
    const { smoothedMs, variationMs } = this.#rtt;
    const probeTimeoutMs = this.#rtt.probeTimeoutMs();
    const found = this.#found();
    const round = { smoothedMs, variationMs, probeTimeoutMs };
    this.steps.push({ atMs, acks: ranges, delay, ...found, ...round });
    return this;
  }

  /** Nothing else comes: what its timers find. */
  end(name: string): SenderTrace {
    this.#timers(Number.MAX_SAFE_INTEGER);
    return { name, steps: this.steps };
  }

  #timers(toMs: number): void {
    while (this.#sent.lossTimeMs < toMs) {
      const atMs = this.#sent.lossTimeMs;
      this.#sent.detectLosses(atMs, this.#rtt, this.#controller);
      this.steps.push({ atMs, ...this.#found() });
    }
  }

  #found(): Pick<SenderStep, "lost" | "spurious"> {
    const lost = this.#lost;
    const spurious = this.#spurious;
    this.#lost = [];
    this.#spurious = [];
    return { ...(lost.length > 0 && { lost }), ...(spurious.length > 0 && { spurious }) };
  }
}

export function senderTraces(protocol: Protocol): SenderTrace[] {
  const start = () => new SenderWriter(protocol).send(0).ack(50, 0, [0, 0]);
  return [
    start()
      .send(100, 101, 102, 103)
      .ack(151, 0, [2, 2], [0, 0])
      .ack(152, 0, [2, 3], [0, 0])
      .ack(153, 0, [2, 4], [0, 0])
      .end("three later numbers are named: a millisecond later it is lost"),
    start()
      .send(100, 101, 102, 103)
      .ack(153, 0, [2, 4], [0, 0])
      .ack(153.5, 0, [0, 4])
      .end("it is named within that millisecond: nothing is lost, and reordering was seen"),
    start()
      .send(100, 105)
      .ack(155, 0, [2, 2], [0, 0])
      .end("one later number is named: it is lost when a round trip and an eighth have passed"),
    start()
      .send(100, 101, 102, 103)
      .ack(153, 0, [2, 4], [0, 0])
      .ack(170, 0, [0, 4])
      .send(200, 201, 202, 203)
      .ack(253, 0, [6, 8], [0, 4])
      .end(
        "a loss was none: then only time counts, and the window is as wide as it would have had to be",
      ),
    start()
      .send(100)
      .ack(170, 80, [0, 1])
      .send(200)
      .ack(280, 255, [0, 2])
      .send(300)
      .ack(390, 160, [0, 3])
      .end("ack delays: taken off up to maxAckDelayMs; an unknown one gives no sample"),
  ];
}
