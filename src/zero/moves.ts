/**
 * A peer that goes from one port of a server to another, as the connection protocol sees it. In this order: the port that has it
 * offers it, the other one expects it, the first has its client told (`move`), the client shows at the other that it hears that
 * (`rebind`, `verify`, `ack`), the first lets it go, the other adopts it. Until then the client talks to the port that it knows, so
 * that nothing is lost where it cannot reach the other one. Who decides on each step is not known here (pool/moves.ts).
 */
import type { ZeroKeys } from "./keys.ts";
import type { NetworkPath } from "./network-path.ts";

/** What the port that expects a peer needs to know of it. Where its client is towards the other port tells little about this one. */
export interface ExpectedPeer extends NetworkPath {
  readonly id: number;
  readonly cid: string;
  readonly keys: ZeroKeys;
  readonly tag: number | undefined;
  /** The highest of its attach and rebinds. */
  readonly counter: number;
  /** Sequence numbers of the message that tells the client, and of the client's newest. */
  readonly sent: number;
  readonly received: number;
}

export interface PeerMoves {
  /** What another port is to know of a peer; undefined where that cannot go just now: it is not open, or too much is unacknowledged. */
  offer(peer: number): ExpectedPeer | undefined;
  /**
   * Has its client heard here, until `adopt` or `forget`; event `shown` says that it is here. Throws STARDUST_INVALID_OPTION where
   * there is no room, or it is here already. Returns what its client is to be told of the proof that this port has lost it (reset.ts).
   */
  expect(peer: ExpectedPeer): string | undefined;
  /**
   * Has its client told to show itself at another port, again and again until it has heard it. False: it cannot be told. The message
   * has the number that was offered.
   */
  tell(peer: number, port: number, reset: string | undefined, nowMs: number): boolean;
  /** An expected peer that has shown itself is here from now on, and where; undefined: it has not. */
  adopt(peer: number): NetworkPath | undefined;
  /** Drops it, without a word. */
  forget(peer: number): void;
}
