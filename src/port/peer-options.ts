/** Of what a port is made of, what its peers need. Types alone. */
import type { CongestionFactory } from "../session/congestion/choose.ts";
import type { SealCrypto } from "../session/seal-crypto.ts";

export interface PeerOptions {
  /** At least 0, below 1; which packet numbers are skipped depends on it. */
  readonly random: () => number;
  readonly sealCrypto: SealCrypto;
  readonly resend: boolean;
  /** What the server's clock is ahead of this thread's; default 0. */
  readonly clockAheadMs?: number | undefined;
  /** Makes the congestion controllers of its peers; default `stardust`. */
  readonly congestion?: CongestionFactory | undefined;
}
