/**
 * Flows in virtual time that send as much as they can, each between a client and a server of its own, over one bottleneck:
 * what each of them gets, and how long the queue is.
 */
import { type CongestionName, congestionControllers } from "#src/session/congestion/choose.js";
import {
  Bottleneck,
  type LinkOptions,
  Pair,
  runTogether,
  VirtualTime,
} from "#src/testing/index.js";
import { handProtocol } from "./hand-protocol.ts";
import { numberedPayload, type Side, side } from "./session-pair.ts";

export const protocol = handProtocol();
const MESSAGE_BYTES = 1100;
/** How often a flow is offered messages, and how often the queue is looked at. */
const STEP_MS = 5;

export interface PathOptions {
  /** Of the bottleneck, from clients to servers. */
  readonly rateBytesPerMs: number;
  /** What its queue holds, in milliseconds of that rate. */
  readonly queueMs: number;
  /** Both ways, besides the bottleneck. */
  readonly link: LinkOptions;
  readonly seed: number;
}

export class Flow {
  readonly client: Side;
  readonly pair: Pair;
  receivedBytes = 0;
  readonly #startMs: number;
  #stopped = false;
  #next = 0;

  constructor(
    congestion: CongestionName,
    startMs: number,
    seed: number,
    time: VirtualTime,
    bottleneck: Bottleneck,
    link: LinkOptions,
  ) {
    const extra = { congestion: congestionControllers[congestion] };
    this.client = side(protocol, "client", seed * 2 + 1, extra);
    const server = side(protocol, "server", seed * 2 + 2, extra);
    server.inbox.deliver = ({ start, end }) => {
      this.receivedBytes += end - start;
      return true;
    };
    this.#startMs = startMs;
    const fromA = { ...link, bottleneck };
    this.pair = new Pair({ a: this.client.session, b: server.session, seed, time, link, fromA });
  }

  /** Offers messages until one is not taken. */
  offer(): void {
    if (this.#stopped || this.pair.time.nowMs < this.#startMs) return;
    while (this.client.send("event", numberedPayload(this.#next, MESSAGE_BYTES))) this.#next++;
    // The oracle's copies are of no use here.
    this.client.sent.clear();
  }

  /** Offers no more. */
  stop(): void {
    this.#stopped = true;
  }
}

export class Race {
  readonly time = new VirtualTime();
  readonly flows: readonly Flow[];
  readonly bottleneck: Bottleneck;
  readonly #path: PathOptions;

  constructor(flows: readonly (readonly [CongestionName, startMs: number])[], path: PathOptions) {
    const { rateBytesPerMs: rate, queueMs, link, seed } = path;
    this.#path = path;
    this.bottleneck = new Bottleneck(rate, rate * queueMs);
    this.flows = flows.map(
      ([congestion, startMs], i) =>
        new Flow(congestion, startMs, seed * 10 + i, this.time, this.bottleneck, link),
    );
  }

  /** Lets time pass. What was received of the rate by each flow, and the queue's waits, sorted. */
  run(durationMs: number): { readonly shares: number[]; readonly waitsMs: number[] } {
    const before = this.flows.map(({ receivedBytes }) => receivedBytes);
    const pairs = this.flows.map(({ pair }) => pair);
    const waitsMs: number[] = [];
    for (let ms = 0; ms < durationMs; ms += STEP_MS) {
      for (const flow of this.flows) flow.offer();
      runTogether(pairs, STEP_MS);
      waitsMs.push(this.bottleneck.waitMs(this.time.nowMs));
    }
    const room = durationMs * this.#path.rateBytesPerMs;
    const shares = this.flows.map(({ receivedBytes }, i) => (receivedBytes - before[i]!) / room);
    return { shares, waitsMs: waitsMs.sort((a, b) => a - b) };
  }
}

/** Jain's index: 1 where all have the same, 1/n where one has all. */
export function jain(shares: readonly number[]): number {
  const sum = shares.reduce((total, share) => total + share, 0);
  return sum ** 2 / (shares.length * shares.reduce((total, share) => total + share ** 2, 0));
}

/** The value that so many of `sorted` are at most. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]!;
}
