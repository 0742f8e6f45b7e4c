/**
 * An attempt to join, under a connection id of its own: both joins as datagrams, and the client's half of the key exchange. When they
 * are sent, and again, is for the client's machine (client.ts).
 */
import { StardustError } from "../errors.ts";
import { compatibleHashes } from "../negotiated-version.ts";
import type { Protocol } from "../protocol.ts";
import { encodeBase64url } from "./base64url.ts";
import type { SigningKey, ZeroCrypto } from "./crypto.ts";
import { buildDatagram, ID_BYTES } from "./envelope.ts";
import { ClientKeyExchange } from "./key-exchange.ts";
import { JOIN_SEQ, type JoinSys } from "./own-messages.ts";
import { signJoin } from "./token.ts";

/** A connect token: what goes to the server, and the private key that it names. */
export interface OwnToken {
  readonly signed: string;
  readonly key: SigningKey;
}

export interface JoinParts {
  readonly token: OwnToken | undefined;
  /** The client could not reach another port than the one that it asks. */
  readonly stay: boolean;
  readonly body: unknown;
}

/** What a server may ask to be repeated. */
export const LONGEST_COOKIE: string = "-".repeat(64);

export class JoinAttempt {
  readonly cid: string;
  /** Where the protocol is sealed. */
  readonly exchange: ClientKeyExchange | undefined;
  readonly #crypto: ZeroCrypto;
  readonly #protocol: Protocol;
  readonly #parts: JoinParts;

  constructor(crypto: ZeroCrypto, protocol: Protocol, parts: JoinParts) {
    this.#crypto = crypto;
    this.#protocol = protocol;
    this.#parts = parts;
    this.cid = encodeBase64url(crypto.randomBytes(ID_BYTES));
    if (protocol.security === "sealed") this.exchange = new ClientKeyExchange(crypto);
  }

  /** Join 1, which asks for a cookie and no more. Padded to the largest datagram; longer where what it says does not fit. */
  first(): Uint8Array {
    return this.#build(undefined, this.#parts.stay);
  }

  /** Join 2: its bytes are frozen from here on, the server knows it by their hash. */
  second(cookie: string): Uint8Array {
    const join = this.#build(cookie, this.#parts.stay);
    this.exchange?.sent(join);
    return join;
  }

  /** Throws STARDUST_INVALID_OPTION where a join 2 that says all that it may is too long for its token. */
  checkRoom(): void {
    if (this.#parts.token === undefined) return;
    const { maxDatagramBytes } = this.#protocol.limits;
    const over = this.#build(LONGEST_COOKIE, true).length - maxDatagramBytes;
    if (over <= 0) return;
    const problem = `token: with it the join is ${over} bytes longer than a datagram of ${maxDatagramBytes}: its claims or the body of join have to be shorter`;
    throw new StardustError("STARDUST_INVALID_OPTION", problem);
  }

  #build(cookie: string | undefined, stay: boolean): Uint8Array {
    const { hash, version, limits } = this.#protocol;
    const key = this.exchange?.key;
    const token = cookie === undefined ? undefined : this.#parts.token;
    const compatible = compatibleHashes(this.#protocol);
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
      this.#crypto,
      { cid: this.cid, msg: "join", seq, ack: 0, sys, body: this.#parts.body },
      {
        padBytes: limits.maxDatagramBytes,
        maxBytes: limits.maxDatagramBytes,
        ...(token && { sign: (head) => signJoin(this.#crypto, token.key, head) }),
      },
    );
  }
}
