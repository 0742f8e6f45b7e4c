/** Both joins of a client, as datagrams. When they are sent, and again, is for its machine (client.ts). */
import { StardustError } from "../errors.ts";
import { compatibleHashes } from "../negotiated-version.ts";
import type { Protocol } from "../protocol.ts";
import type { SigningKey, ZeroCrypto } from "./crypto.ts";
import { buildDatagram } from "./envelope.ts";
import { JOIN_SEQ, type JoinSys } from "./own-messages.ts";
import { signJoin } from "./token.ts";

/** A connect token: what goes to the server, and the private key that it names. */
export interface OwnToken {
  readonly signed: string;
  readonly key: SigningKey;
}

export interface JoinParts {
  readonly cid: string;
  /** Of the challenge; undefined: this is join 1. */
  readonly cookie: string | undefined;
  /** Where the protocol is sealed. */
  readonly key: string | undefined;
  readonly token: OwnToken | undefined;
  /** The client could not reach another port than the one that it asks. */
  readonly stay: boolean;
  readonly body: unknown;
}

/** What a server may ask to be repeated. */
export const LONGEST_COOKIE: string = "-".repeat(64);

/** Padded to the largest datagram; longer where what it says does not fit. */
export function buildJoin(crypto: ZeroCrypto, protocol: Protocol, parts: JoinParts): Uint8Array {
  const { hash, version, limits } = protocol;
  const { cid, cookie, key, stay, body } = parts;
  // Join 1 asks for a cookie and no more.
  const token = cookie === undefined ? undefined : parts.token;
  const compatible = compatibleHashes(protocol);
  // Cookie and hash stand first: the server finds them by their offsets (cookie.ts).
  const sys: JoinSys = {
    ...(cookie === undefined ? {} : { cookie }),
    hash,
    version,
    ...(compatible.length === 0 ? {} : { compatible }),
    ...(key === undefined ? {} : { key }),
    ...(token === undefined ? {} : { token: token.signed }),
    ...(stay ? { stay } : {}),
  };
  const seq = cookie === undefined ? 0 : JOIN_SEQ;
  return buildDatagram(
    crypto,
    { cid, msg: "join", seq, ack: 0, sys, body },
    {
      padBytes: limits.maxDatagramBytes,
      maxBytes: limits.maxDatagramBytes,
      ...(token && { sign: (head) => signJoin(crypto, token.key, head) }),
    },
  );
}

/** Throws STARDUST_INVALID_OPTION where a join with a token is too long. */
export function checkRoom(join: Uint8Array, maxDatagramBytes: number): void {
  const over = join.length - maxDatagramBytes;
  if (over <= 0) return;
  const problem = `token: with it the join is ${over} bytes longer than a datagram of ${maxDatagramBytes}: its claims or the body of join have to be shorter`;
  throw new StardustError("STARDUST_INVALID_OPTION", problem);
}
