/**
 * Whether a socket had better rest for a while, so that datagrams that come one after the other share a turn of the event loop, as
 * they share an interrupt of a network card that coalesces them: a turn for each costs more than what is done in it. Only where many come
 * in the time, and each from somebody else: who streams, or whose next datagram waits for an answer, is not held up. Constant work.
 */

/** What comes is that of so long a time before; milliseconds. */
const WINDOW_MS = 100;
/** So many have to be expected while the socket rests; and not more, or a small buffer of the system would overflow. */
const MIN_EXPECTED = 8;
const MAX_EXPECTED = 64;
/** So long has a connection to be silent between two datagrams, on average: times what the socket rests. */
const MIN_INTERVALS = 4;
/** One in so many may come from where the one before it came from. */
const MIN_OTHERS = 8;

export class Coalescing {
  readonly #mostMs: number;
  #restMs = 0;
  /** The window that is counted. */
  #fromMs: number;
  #count = 0;
  #repeated = 0;
  #lastAddress = "";
  #lastPort = 0;

  /** `mostMs`: how long a socket rests at most. */
  constructor(mostMs: number, nowMs: number) {
    this.#mostMs = mostMs;
    this.#fromMs = nowMs;
  }

  /** A datagram has come, to a thread that has so many connections: how long its socket is to rest when all that is there was read; 0: not. */
  arrived(nowMs: number, address: string, port: number, connections: number): number {
    const sinceMs = nowMs - this.#fromMs;
    if (sinceMs >= WINDOW_MS) {
      const perMs = this.#count / sinceMs;
      const ms = Math.min(this.#mostMs, Math.floor(MAX_EXPECTED / perMs));
      const isEnough = perMs * ms >= MIN_EXPECTED;
      const isSpread = perMs * ms * MIN_INTERVALS <= connections;
      const isMixed = this.#repeated * MIN_OTHERS <= this.#count;
      this.#restMs = isEnough && isSpread && isMixed ? ms : 0;
      this.#fromMs = nowMs;
      this.#count = 0;
      this.#repeated = 0;
    }
    this.#count++;
    if (port === this.#lastPort && address === this.#lastAddress) this.#repeated++;
    this.#lastPort = port;
    this.#lastAddress = address;
    return this.#restMs;
  }
}
