/** What the workers of two ports tell the application's thread of a peer that goes from one to the other. Types alone. */

import type { Admission } from "./hosted-peer.ts";
import type { HandedOverPeer } from "./peer.ts";

/** All of a peer that is let go. */
export interface PeerState {
  readonly peer: HandedOverPeer;
  /** With its state as the systems have it now, where there are any; it is a structured clone. */
  readonly admission?: Admission;
}

/** A peer is expected, or why not. */
export interface Expecting {
  readonly problem: string;
  /** What its client is to be told. */
  readonly reset?: string | undefined;
}
