/** What the client's machine is made with and gives out. Not what it does (client.ts). */
import type { Protocol } from "../protocol.ts";
import type { ZeroCrypto } from "./crypto.ts";
import type { OwnToken } from "./join.ts";
import type { RandomSource } from "./reliable-sequence.ts";

export interface ZeroClientOptions {
  readonly protocol: Protocol;
  readonly crypto: ZeroCrypto;
  /** The server's port that is dialled. */
  readonly port: number;
  /** The body of join. */
  readonly join: unknown;
  /** Where the protocol is sealed: the keys of which the server must have one, as base64url. Missing: any will do. */
  readonly serverKeys?: readonly string[] | undefined;
  /** The connect token of join 2, and the private key that it names. */
  readonly token?: OwnToken | undefined;
  /** In [0, 1): the jitter of pauses, not for secrets. */
  readonly random: RandomSource;
  readonly nowMs: number;
}

/** A datagram to be sent to the dialled address. */
export interface ZeroClientTransmit {
  readonly bytes: Uint8Array;
  readonly port: number;
}
