/**
 * An attempt to join, under a connection id of its own: both joins as datagrams, the client's half of the key exchange, and what it
 * seals to the server. When they are sent, and again, is for the client's machine (client.ts).
 */
import { InvalidMessageError, StardustError } from "../errors.ts";
import { compatibleHashes } from "../negotiated-version.ts";
import type { Protocol } from "../protocol.ts";
import { encodeBase64url } from "./base64url.ts";
import type { SigningKey, ZeroCrypto } from "./crypto.ts";
import { buildDatagram, ID_BYTES } from "./envelope.ts";
import { ClientKeyExchange } from "./key-exchange.ts";
import { type ChallengeSys, JOIN_SEQ, type JoinSys } from "./own-messages.ts";
import {
  type OfferedKey,
  readOfferedKey,
  type SecretSeal,
  sealSecret,
  splitBody,
} from "./secrets.ts";
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
  /** As it was validated. */
  readonly body: object;
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
  readonly #body: object;
  /** Where the protocol has secret members: what they are this time. */
  readonly #secret: Readonly<Record<string, unknown>> | undefined;
  #identity: string | undefined;

  /** Throws STARDUST_INVALID_OPTION for a protocol with secret members that has no keys to seal them with. */
  constructor(crypto: ZeroCrypto, protocol: Protocol, parts: JoinParts) {
    this.#crypto = crypto;
    this.#protocol = protocol;
    this.#parts = parts;
    this.cid = encodeBase64url(crypto.randomBytes(ID_BYTES));
    if (protocol.security === "sealed") this.exchange = new ClientKeyExchange(crypto);
    const { secrets } = protocol.zero;
    if (secrets === undefined) {
      this.#body = parts.body;
      return;
    }
    if (this.exchange === undefined) {
      throw new StardustError(
        "STARDUST_INVALID_OPTION",
        "protocol: secret members, and nothing to seal them with",
      );
    }
    const { readable, secret } = splitBody(
      secrets,
      parts.body as Readonly<Record<string, unknown>>,
    );
    this.#body = readable;
    this.#secret = secret;
  }

  /** Who is to read what is secret, once join 2 says it; undefined where nobody is. */
  get identity(): string | undefined {
    return this.#identity;
  }

  /** The key that a challenge brings for what is secret; undefined where none is needed. */
  keyOf({ joinKey }: ChallengeSys): OfferedKey | undefined | "droppedSignature" {
    if (this.#secret === undefined) return undefined;
    const key = joinKey === undefined ? undefined : readOfferedKey(this.#crypto, joinKey);
    return key ?? "droppedSignature";
  }

  /** Join 1, which asks for a cookie and no more. Padded to the largest datagram; longer where what it says does not fit. */
  first(): Uint8Array {
    return this.#build(undefined, this.#parts.stay);
  }

  /**
   * Join 2: its bytes are frozen from here on, the server knows it by their hash. Undefined where the server's key gives nothing
   * to seal with.
   */
  second(cookie: string, to: OfferedKey | undefined): Uint8Array | undefined {
    const secret = to && this.#seal(to.key);
    if (to !== undefined && secret === undefined) return undefined;
    const join = this.#build(cookie, this.#parts.stay, secret);
    this.#identity = to?.identity;
    this.exchange?.sent(join);
    return join;
  }

  /**
   * Throws where a join 2 that says all that it may is too long: STARDUST_INVALID_OPTION where it has a token, else
   * `InvalidMessageError`.
   */
  checkRoom(): void {
    const { maxDatagramBytes } = this.#protocol.limits;
    const longest = this.#build(LONGEST_COOKIE, true, this.#seal(undefined));
    const over = longest.length - maxDatagramBytes;
    if (over <= 0) return;
    if (this.#parts.token === undefined) {
      throw new InvalidMessageError("", "does not fit a datagram", "join");
    }
    const problem = `token: with it the join is ${over} bytes longer than a datagram of ${maxDatagramBytes}: its claims or the body of join have to be shorter`;
    throw new StardustError("STARDUST_INVALID_OPTION", problem);
  }

  /** `key` undefined: for its length. */
  #seal(key: Uint8Array | undefined): SecretSeal | undefined {
    const { pair } = this.exchange ?? {};
    return pair && this.#secret && sealSecret(this.#crypto, pair, key, this.#secret);
  }

  #build(cookie: string | undefined, stay: boolean, secret?: SecretSeal): Uint8Array {
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
      { cid: this.cid, msg: "join", seq, ack: 0, sys, body: this.#body },
      {
        padBytes: limits.maxDatagramBytes,
        maxBytes: limits.maxDatagramBytes,
        ...(secret && { secret }),
        ...(token && { sign: (head) => signJoin(this.#crypto, token.key, head) }),
      },
    );
  }
}
