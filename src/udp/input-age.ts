/**
 * How long a datagram may have waited for this thread before it is read. A thread that computes, or runs somebody's
 * handler, reads nothing meanwhile; what comes lies in the system's buffers, and says nothing of the path once it is read.
 * Node tells no time of arrival, so this is an upper bound: the time since all that had come was read, less what the event
 * loop has slept since. (A process that the system stops sleeps, as far as it knows.) Constant work.
 */
import { performance } from "node:perf_hooks";

/** What libuv reads from a socket in one turn of the event loop at most: with so many, there may be more. */
const READ_AT_ONCE = 32;
/** So many turns behind a stall, all that had come is read: no receive buffer of 4 MiB holds more datagrams than these have. */
const MAX_BEHIND_TURNS = 64;

export class InputAge {
  readonly #idleMs: () => number;
  /** Datagrams of this turn, by socket. */
  readonly #read: number[];
  /** A socket may have more than was read in this turn. */
  #isFull = false;
  /** Then all that had come was read; the loop had slept for so long in all. */
  #emptyAtMs = 0;
  #emptyIdleMs = 0;
  /** How long it has slept when this turn's first datagram was read, and when its last was; -1: none was. */
  #turnIdleMs = 0;
  #lastReadMs = -1;
  /** The end of this turn was waited for when the last datagram was read: the loop does not sleep before. */
  #isAwake = false;
  #behindTurns = 0;

  /** `idleMs`: how long the event loop has slept in all. */
  constructor(sockets: number, nowMs: number, idleMs: () => number = loopIdleMs) {
    this.#idleMs = idleMs;
    this.#read = new Array<number>(sockets).fill(0);
    this.#emptyAtMs = nowMs;
    this.#emptyIdleMs = idleMs();
  }

  /**
   * A datagram of a socket is read: how long it may have waited. `hasMore`: what the socket knows of that; `isAwake`: `endTurn`
   * is called before the loop sleeps.
   */
  read(socket: number, nowMs: number, hasMore: boolean | undefined, isAwake: boolean): number {
    if (!this.#isAwake) {
      const idleMs = this.#idleMs();
      // A turn that was not ended, since there was nothing to do in it: the loop has slept, or looked whether it may.
      if (this.#lastReadMs >= 0 && idleMs !== this.#turnIdleMs) this.endTurn(nowMs);
      if (this.#lastReadMs < 0) this.#turnIdleMs = idleMs;
      this.#isAwake = isAwake;
    }
    this.#lastReadMs = nowMs;
    const count = ++this.#read[socket]!;
    this.#isFull ||= hasMore ?? count >= READ_AT_ONCE;
    const sleptMs = this.#turnIdleMs - this.#emptyIdleMs;
    return Math.max(0, nowMs - this.#emptyAtMs - sleptMs);
  }

  /** The turn's input is read; to be called at the end of a turn in which something was done. True: there may be more that has come by now, which was not. */
  endTurn(nowMs: number): boolean {
    const behind = this.#isFull && ++this.#behindTurns < MAX_BEHIND_TURNS;
    for (let i = 0; i < this.#read.length; i++) this.#read[i] = 0;
    this.#isFull = false;
    this.#isAwake = false;
    if (!behind) {
      this.#behindTurns = 0;
      // Whatever is done with the last one, the next may come meanwhile.
      this.#emptyAtMs = this.#lastReadMs < 0 ? nowMs : this.#lastReadMs;
      this.#emptyIdleMs = this.#lastReadMs < 0 ? this.#idleMs() : this.#turnIdleMs;
    }
    this.#lastReadMs = -1;
    return behind;
  }
}

function loopIdleMs(): number {
  return performance.nodeTiming.idleTime;
}
