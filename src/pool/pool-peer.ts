/** A peer as the pool knows it, from its reservation on. Types alone. */
import type { JoinToken } from "../connection-contract.ts";
import type { NegotiatedVersion } from "../negotiated-version.ts";
import type { MovingPeer } from "./moves.ts";
import type { TokenClaim } from "./token-ledger.ts";

/** What a peer's join has said. */
export interface JoinedPeer {
  readonly body: unknown;
  readonly negotiated: NegotiatedVersion;
  readonly token: JoinToken | undefined;
  /** What the application has said of it beside the body of accept. */
  readonly state: unknown;
}

/** A reserved or attached peer. */
export interface PoolPeer extends JoinedPeer, MovingPeer {
  /** Where its join came from. */
  readonly address: string;
  /** Of its token. */
  readonly claim: TokenClaim | undefined;
  /** Told when its reservation has ended: it is a peer, or forgotten. */
  onSettled?: () => void;
}
