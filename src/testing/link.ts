/**
 * One direction of a network path, from a seed: it loses, delays, reorders, duplicates, corrupts and swallows datagrams,
 * is cut for a while, and can be as narrow as a modem with a queue in front. In virtual time between two endpoints
 * (pair.ts), in real time around a socket (lossy-socket.ts). Bounded by `queueBytes` where there is a rate; otherwise
 * holds what is in the air. Not here: what the datagrams say.
 */
import { Bottleneck, DEFAULT_QUEUE_BYTES } from "./bottleneck.ts";
import type { SeededRandom } from "./random.ts";

/** The time that a link lives in: `VirtualTime`, or real time. */
export interface LinkClock {
  /** Milliseconds. */
  readonly nowMs: number;
  /** Runs `run` when time has reached `atMs`. */
  at(atMs: number, run: () => void): void;
}

/** Losses that come in bursts (Gilbert 1960, Elliott 1963): a good and a bad state, decided per datagram. */
export interface BurstLoss {
  /** Probability of going from good to bad, and back. */
  readonly toBad: number;
  readonly toGood: number;
  /** Probability of a loss in the bad state; default 1. */
  readonly lossInBad?: number | undefined;
}

/** Nothing passes in this time, which is counted from when the link was made. */
export interface Cut {
  readonly fromMs: number;
  /** Default: for ever. */
  readonly untilMs?: number | undefined;
}

/** Probabilities are 0 to 1, default 0. All but `bottleneck` is plain data. */
export interface LinkOptions {
  readonly loss?: number | undefined;
  readonly burstLoss?: BurstLoss | undefined;
  readonly cuts?: readonly Cut[] | undefined;
  /** One way, milliseconds; default 0. */
  readonly delayMs?: number | undefined;
  /** Up to this much more, evenly spread: reorders, unless `inOrder`. */
  readonly jitterMs?: number | undefined;
  /** Jitter delays, but nothing overtakes, as in a queue; default false. */
  readonly inOrder?: boolean | undefined;
  /** Probability of being held back by `reorderMs` more, whatever `inOrder` says, so that others overtake. */
  readonly reordering?: number | undefined;
  /** Default 10. */
  readonly reorderMs?: number | undefined;
  readonly duplication?: number | undefined;
  /** One to eight bits flipped. */
  readonly corruption?: number | undefined;
  /** Drop what was corrupted, as UDP's checksum does; default true. */
  readonly checksum?: boolean | undefined;
  /** Larger datagrams vanish without a word, as on a path whose MTU nobody tells; default no limit. */
  readonly maxBytes?: number | undefined;
  /** Bytes a millisecond; default no limit. */
  readonly rateBytesPerMs?: number | undefined;
  /** What may wait where there is a rate; what does not fit is dropped. Default 64 KiB. */
  readonly queueBytes?: number | undefined;
  /** A narrow part that other links have too, instead of a rate of its own. */
  readonly bottleneck?: Bottleneck | undefined;
}

/** What became of a datagram: five ways to be dropped, or it was handed on. */
export type Fate =
  | "lost"
  | "cut"
  | "tooLarge"
  | "overflowed"
  | "corrupted"
  | "delivered"
  /** Handed on with other bits than it had. */
  | "damaged";

/** Told of each datagram, and of each copy, when its fate is settled: at once when dropped, else when it arrives. */
export type LinkObserver = (fate: Fate, datagram: Uint8Array) => void;

/** Datagrams of one direction. */
export interface LinkCounts {
  readonly sent: number;
  readonly bytesSent: number;
  /** Of `sent`, those that go on (some are in the air), and those that do not: lost, cut, too large, … */
  readonly passed: number;
  readonly dropped: number;
  readonly lost: number;
  readonly cut: number;
  /** Longer than `maxBytes`. */
  readonly tooLarge: number;
  /** The queue was full; copies are counted here too, though not in `dropped`. */
  readonly overflowed: number;
  /** Dropped by the checksum, or handed on where there is none. */
  readonly corrupted: number;
  readonly duplicated: number;
  readonly reordered: number;
  /** Arrived, copies included. */
  readonly delivered: number;
}

const DEFAULT_REORDER_MS = 10;

export class SimulatedLink implements LinkCounts {
  /** May be changed while it runs. */
  options: LinkOptions;
  sent = 0;
  bytesSent = 0;
  dropped = 0;
  lost = 0;
  cut = 0;
  tooLarge = 0;
  overflowed = 0;
  corrupted = 0;
  duplicated = 0;
  reordered = 0;
  delivered = 0;
  readonly #clock: LinkClock;
  readonly #random: SeededRandom;
  readonly #deliver: (datagram: Uint8Array) => void;
  readonly #observer: LinkObserver | undefined;
  readonly #madeAtMs: number;
  readonly #own: Bottleneck = new Bottleneck();
  #bad = false;
  /** How often what was under way was given up. */
  #losses = 0;
  /** When the latest that keeps its place arrives. */
  #latestMs = 0;

  constructor(
    clock: LinkClock,
    random: SeededRandom,
    options: LinkOptions,
    deliver: (datagram: Uint8Array) => void,
    observer?: LinkObserver,
  ) {
    this.#clock = clock;
    this.#random = random;
    this.#madeAtMs = clock.nowMs;
    this.options = options;
    this.#deliver = deliver;
    this.#observer = observer;
  }

  get passed(): number {
    return this.sent - this.dropped;
  }

  /** What is under way arrives nowhere: it goes to an address that nobody has any more. */
  loseAll(): void {
    this.#losses++;
  }

  /** Takes a copy of `bytes[start..end)`. `deliver`: whom to hand this one to. */
  send(
    bytes: Uint8Array,
    start: number,
    end: number,
    deliver: (datagram: Uint8Array) => void = this.#deliver,
  ): void {
    const { options } = this;
    const random = this.#random;
    this.sent++;
    this.bytesSent += end - start;
    // Not `slice`, which shares memory where `bytes` is a Buffer.
    let datagram: Uint8Array = new Uint8Array(bytes.subarray(start, end));
    const dropped = this.#dropFate(datagram.length);
    if (dropped !== undefined) {
      this[dropped]++;
      this.dropped++;
      this.#observer?.(dropped, datagram);
      return;
    }
    let fate: Fate = "delivered";
    if (options.checksum === false && random.chance(options.corruption ?? 0)) {
      this.corrupted++;
      fate = "damaged";
      datagram = flipBits(datagram, random);
    }
    if (!this.#schedule(datagram, fate, deliver)) this.dropped++;
    if (random.chance(options.duplication ?? 0)) {
      this.duplicated++;
      this.#schedule(datagram.slice(), fate, deliver);
    }
  }

  /** Why a datagram of so many bytes does not even come to the queue; undefined: it does. */
  #dropFate(bytes: number): "cut" | "tooLarge" | "lost" | "corrupted" | undefined {
    const { corruption = 0, checksum = true, maxBytes = Number.POSITIVE_INFINITY } = this.options;
    if (this.#isCut()) return "cut";
    if (bytes > maxBytes) return "tooLarge";
    if (this.#isLost()) return "lost";
    return checksum && this.#random.chance(corruption) ? "corrupted" : undefined;
  }

  #isCut(): boolean {
    const { cuts } = this.options;
    if (cuts === undefined) return false;
    const atMs = this.#clock.nowMs - this.#madeAtMs;
    return cuts.some(
      ({ fromMs, untilMs = Number.POSITIVE_INFINITY }) => fromMs <= atMs && atMs < untilMs,
    );
  }

  #isLost(): boolean {
    const { options } = this;
    const random = this.#random;
    const burst = options.burstLoss;
    if (burst !== undefined) {
      this.#bad = random.chance(this.#bad ? 1 - burst.toGood : burst.toBad);
      if (this.#bad && random.chance(burst.lossInBad ?? 1)) return true;
    }
    return random.chance(options.loss ?? 0);
  }

  /** False: the queue is full. */
  #schedule(datagram: Uint8Array, fate: Fate, deliver: (datagram: Uint8Array) => void): boolean {
    const { options } = this;
    const random = this.#random;
    const leavesMs = this.#leavesMs(datagram.length);
    if (leavesMs === undefined) {
      this.overflowed++;
      this.#observer?.("overflowed", datagram);
      return false;
    }
    const jitterMs = options.jitterMs ?? 0;
    let arrivesMs = leavesMs + (options.delayMs ?? 0);
    if (jitterMs > 0) arrivesMs += random.next() * jitterMs;
    if (options.inOrder ?? false) {
      arrivesMs = Math.max(arrivesMs, this.#latestMs);
      this.#latestMs = arrivesMs;
    }
    if (random.chance(options.reordering ?? 0)) {
      this.reordered++;
      arrivesMs += options.reorderMs ?? DEFAULT_REORDER_MS;
    }
    const losses = this.#losses;
    this.#clock.at(arrivesMs, () => {
      if (losses !== this.#losses) {
        this.lost++;
        this.#observer?.("lost", datagram);
        return;
      }
      this.delivered++;
      this.#observer?.(fate, datagram);
      deliver(datagram);
    });
    return true;
  }

  /** When it is through the narrow part, if there is one; undefined: there was no room. */
  #leavesMs(bytes: number): number | undefined {
    const { bottleneck, rateBytesPerMs, queueBytes } = this.options;
    const { nowMs } = this.#clock;
    if (bottleneck !== undefined) return bottleneck.take(bytes, nowMs);
    if (rateBytesPerMs === undefined) return nowMs;
    const own = this.#own;
    own.rateBytesPerMs = rateBytesPerMs;
    own.queueBytes = queueBytes ?? DEFAULT_QUEUE_BYTES;
    return own.take(bytes, nowMs);
  }
}

function flipBits(datagram: Uint8Array, random: SeededRandom): Uint8Array {
  if (datagram.length === 0) return datagram;
  const count = random.integer(1, 8);
  for (let i = 0; i < count; i++) {
    const at = random.integer(0, datagram.length - 1);
    datagram[at] = datagram[at]! ^ (1 << random.integer(0, 7));
  }
  return datagram;
}
