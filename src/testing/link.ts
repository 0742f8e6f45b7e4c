/**
 * One direction of a network path, simulated in virtual time from a seed: it loses, delays, reorders, duplicates and
 * corrupts datagrams, and can be as narrow as a modem with a queue in front. Bounded by `queueBytes` where there is a
 * rate; otherwise holds what is in the air.
 */
import type { SeededRandom } from "./random.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** Losses that come in bursts (Gilbert 1960, Elliott 1963): a good and a bad state, decided per datagram. */
export interface BurstLoss {
  /** Probability of going from good to bad, and back. */
  readonly toBad: number;
  readonly toGood: number;
  /** Probability of a loss in the bad state; default 1. */
  readonly lossInBad?: number | undefined;
}

/** Probabilities are 0 to 1, default 0. */
export interface LinkOptions {
  readonly loss?: number | undefined;
  readonly burstLoss?: BurstLoss | undefined;
  /** One way, milliseconds; default 0. */
  readonly delayMs?: number | undefined;
  /** Up to this much more, evenly spread: what reorders. */
  readonly jitterMs?: number | undefined;
  readonly duplication?: number | undefined;
  /** One to eight bits flipped. */
  readonly corruption?: number | undefined;
  /** Drop what was corrupted, as UDP's checksum does; default true. */
  readonly checksum?: boolean | undefined;
  /** Bytes a millisecond; default no limit. */
  readonly rateBytesPerMs?: number | undefined;
  /** What may wait where there is a rate; what does not fit is dropped. Default 64 KiB. */
  readonly queueBytes?: number | undefined;
}

export class SimulatedLink {
  /** May be changed while it runs. */
  options: LinkOptions;
  sent = 0;
  delivered = 0;
  lost = 0;
  duplicated = 0;
  corrupted = 0;
  /** Dropped because the queue was full. */
  overflowed = 0;
  bytesSent = 0;
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  readonly #deliver: (datagram: Uint8Array) => void;
  #bad = false;
  /** When the narrow part is free again. */
  #freeAtMs = 0;

  constructor(
    time: VirtualTime,
    random: SeededRandom,
    options: LinkOptions,
    deliver: (datagram: Uint8Array) => void,
  ) {
    this.#time = time;
    this.#random = random;
    this.options = options;
    this.#deliver = deliver;
  }

  /** Takes a copy of `bytes[start..end)`. */
  send(bytes: Uint8Array, start: number, end: number): void {
    const { options } = this;
    const random = this.#random;
    this.sent++;
    this.bytesSent += end - start;
    if (this.#isLost()) {
      this.lost++;
      return;
    }
    // Not `slice`, which shares memory where `bytes` is a Buffer.
    let datagram: Uint8Array = new Uint8Array(bytes.subarray(start, end));
    if (random.chance(options.corruption ?? 0)) {
      this.corrupted++;
      if (options.checksum ?? true) return;
      datagram = flipBits(datagram, random);
    }
    this.#schedule(datagram);
    if (random.chance(options.duplication ?? 0)) {
      this.duplicated++;
      this.#schedule(datagram.slice());
    }
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

  #schedule(datagram: Uint8Array): void {
    const { options } = this;
    const time = this.#time;
    let leavesMs = time.nowMs;
    const rate = options.rateBytesPerMs;
    if (rate !== undefined) {
      const waitingBytes = Math.max(0, this.#freeAtMs - time.nowMs) * rate;
      if (waitingBytes + datagram.length > (options.queueBytes ?? 65_536)) {
        this.overflowed++;
        return;
      }
      leavesMs = Math.max(this.#freeAtMs, time.nowMs) + datagram.length / rate;
      this.#freeAtMs = leavesMs;
    }
    const jitterMs = options.jitterMs ?? 0;
    const airMs = (options.delayMs ?? 0) + (jitterMs > 0 ? this.#random.next() * jitterMs : 0);
    time.at(leavesMs + airMs, () => {
      this.delivered++;
      this.#deliver(datagram);
    });
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
