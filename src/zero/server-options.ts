/** What the machine of a port is made with and gives out. Not what it does (server.ts). */
import type { PortLimits } from "../port-limits.ts";
import type { Protocol } from "../protocol.ts";
import type { SigningKey, ZeroCrypto } from "./crypto.ts";
import type { PortRanges } from "./messages.ts";
import type { NetworkPath } from "./network-path.ts";
import type { RandomSource } from "./reliable-sequence.ts";
import type { TokenRules } from "./token.ts";

export interface ZeroServerOptions {
  readonly protocol: Protocol;
  readonly crypto: ZeroCrypto;
  /** Signs accept, where the protocol is sealed; all ports of a server have the same one. */
  readonly identity?: SigningKey | undefined;
  /** Whose connect tokens let somebody in, and the milliseconds since 1970; missing: everybody may ask. */
  readonly tokens?: (TokenRules & { readonly wallMs: () => number }) | undefined;
  /** The number of this port that clients know (the public one). */
  readonly port: number;
  /** Inclusive ranges of public ports that clients may be sent to; at most 16. */
  readonly ports: PortRanges;
  /** What proves that this port has lost a client (reset.ts), RESET_KEY_BYTES; missing: it proves nothing. */
  readonly resetKey?: Uint8Array | undefined;
  /** What accept says of how long peers are kept behind their idle timeout; missing: they are not. */
  readonly resumeMs?: number | undefined;
  /** In [0, 1): the jitter of pauses, not for secrets. */
  readonly random: RandomSource;
  readonly nowMs: number;
  /** What is left out has its default. */
  readonly limits?: Partial<PortLimits>;
  /** Whether bodies of join that come in pieces are of use to the application; default yes. */
  readonly takesPieces?: boolean;
  /** The same of one address, or the /64 prefix of an IPv6 one; default a quarter, and all for loopback. */
  readonly maxPendingPerAddress?: number | undefined;
  /** Reservations and peers of this port, ended ones that still answer included; default 8192. */
  readonly maxPeers?: number;
}

/** A datagram to be sent from this port. */
export interface ZeroServerTransmit extends NetworkPath {
  readonly bytes: Uint8Array;
}
