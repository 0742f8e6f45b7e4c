/**
 * Which peers of a port have something to do: those that were woken, at the end of this turn, and those whose time has come.
 * Worst case: O(log n) for each that is due. Not here: what is done for one.
 */
import { type DeadlineHolder, Deadlines } from "./deadlines.ts";

export interface TurnTaker extends DeadlineHolder {
  /** It will be served at the end of the turn. */
  dirty: boolean;
}

export class PeerTurns<Peer extends TurnTaker> {
  readonly #deadlines = new Deadlines<Peer>();
  #dirty: Peer[] = [];

  /** Somebody is to be served at once. */
  get isBusy(): boolean {
    return this.#dirty.length > 0;
  }

  /** When the next one is due; Infinity: none. */
  get nextMs(): number {
    return this.#deadlines.nextMs;
  }

  wake(peer: Peer): void {
    if (peer.dirty) return;
    peer.dirty = true;
    this.#dirty.push(peer);
  }

  /** Calls `serve` for each that was woken or is due. Who is woken meanwhile has the next turn. */
  serve(nowMs: number, serve: (peer: Peer) => void): void {
    const deadlines = this.#deadlines;
    for (let due = deadlines.popDue(nowMs); due !== undefined; due = deadlines.popDue(nowMs)) {
      this.wake(due);
    }
    const dirty = this.#dirty;
    this.#dirty = [];
    let served = 0;
    try {
      for (; served < dirty.length; served++) {
        dirty[served]!.dirty = false;
        serve(dirty[served]!);
      }
    } finally {
      // What throws ends a worker; on the application's thread somebody may go on, with those behind it.
      if (served < dirty.length) this.#dirty.push(...dirty.slice(served + 1));
    }
  }

  /** When it is to be served next; Infinity: not before it is woken. */
  set(peer: Peer, atMs: number): void {
    this.#deadlines.set(peer, atMs);
  }

  remove(peer: Peer): void {
    this.#deadlines.remove(peer);
  }
}
