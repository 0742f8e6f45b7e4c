/**
 * Which peers of a port are away: not heard any more, and kept for a while because they may come back (`resumeMs`). There are
 * not more of them than a part of the port's places, so that who falls silent on purpose leaves the others to those who play.
 * Worst case: one peer given up for each that goes.
 */
import { MAX_AWAY_SHARE } from "../limits.ts";

export interface AwayPeer {
  readonly id: number;
  readonly connection: { readonly isAway: boolean; giveUp(): void };
}

/** Who is told: the systems. */
export interface AwayListener {
  away(peer: number, isAway: boolean): void;
}

export class AwayPeers<Peer extends AwayPeer> {
  readonly #max: number;
  readonly #systems: AwayListener | undefined;
  readonly #wake: (peer: Peer) => void;
  /** The one that has been away for the longest first. */
  readonly #peers = new Set<Peer>();

  /** `wake` is called for each peer to which something has happened. */
  constructor(maxPeers: number, systems: AwayListener | undefined, wake: (peer: Peer) => void) {
    this.#systems = systems;
    this.#wake = wake;
    this.#max = Math.max(1, Math.floor(maxPeers * MAX_AWAY_SHARE));
  }

  /** A peer has gone or is back. */
  changed(peer: Peer): void {
    this.#wake(peer);
    this.#systems?.away(peer.id, peer.connection.isAway);
    // What the systems have done about it counts.
    if (!peer.connection.isAway) this.#peers.delete(peer);
    else this.#peers.add(peer);
    if (this.#peers.size <= this.#max) return;
    const [oldest] = this.#peers;
    this.#peers.delete(oldest!);
    oldest!.connection.giveUp();
    this.#wake(oldest!);
  }

  /** A peer has left. */
  remove(peer: Peer): void {
    this.#peers.delete(peer);
  }
}
