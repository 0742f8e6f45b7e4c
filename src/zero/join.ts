/**
 * An attempt to join, under a connection id of its own: both joins as datagrams, the client's half of the key exchange, and what it
 * seals to the server. When they are sent, and again, is for the client's machine (client.ts).
 */
import { InvalidMessageError, StardustError } from "../errors.ts";
import { MAX_JOIN_PIECES } from "../limits.ts";
import { compatibleHashes } from "../negotiated-version.ts";
import type { Protocol } from "../protocol.ts";
import { encodeBase64url } from "./base64url.ts";
import type { SigningKey, ZeroCrypto } from "./crypto.ts";
import { buildDatagram, ID_BYTES } from "./envelope.ts";
import { ClientKeyExchange } from "./key-exchange.ts";
import { type ChallengeSys, JOIN_SEQ, type JoinSys } from "./own-messages.ts";
import { cutBody, layoutOf, type PieceLayout, PieceSender } from "./pieces.ts";
import type { SequenceCounters } from "./reliable-sequence.ts";
import type { RepeatedRequest } from "./request.ts";
import {
  agreedKey,
  type OfferedKey,
  PIECE_TAG_BYTES,
  paddedJson,
  readOfferedKey,
  type SecretSeal,
  sealPiece,
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

/** A body that follows its joins in pieces. */
interface LargeBody {
  readonly layout: PieceLayout;
  readonly text: Uint8Array;
  /** Where nothing is sealed. */
  readonly digest: string | undefined;
}

const encoder = new TextEncoder();

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
  /** Where the protocol has secret members: what they are this time, unless they come in pieces. */
  readonly #secret: Readonly<Record<string, unknown>> | undefined;
  readonly #large: LargeBody | undefined;
  #identity: string | undefined;
  #pieces: readonly Uint8Array[] = [];
  readonly #send: (piece: Uint8Array) => void;
  readonly #counters: SequenceCounters | undefined;
  /** From the answer that join 2 has arrived until all pieces have. */
  #sender: PieceSender | undefined;

  /** Throws STARDUST_INVALID_OPTION for a protocol with secret members that has no keys to seal them with. */
  constructor(
    crypto: ZeroCrypto,
    protocol: Protocol,
    parts: JoinParts,
    send: (piece: Uint8Array) => void,
    counters?: SequenceCounters,
  ) {
    this.#send = send;
    this.#counters = counters;
    this.#crypto = crypto;
    this.#protocol = protocol;
    this.#parts = parts;
    this.cid = encodeBase64url(crypto.randomBytes(ID_BYTES));
    if (protocol.security === "sealed") this.exchange = new ClientKeyExchange(crypto);
    const { secrets } = protocol.zero;
    if (secrets !== undefined && this.exchange === undefined) {
      throw new StardustError(
        "STARDUST_INVALID_OPTION",
        "protocol: secret members, and nothing to seal them with",
      );
    }
    const body = parts.body as Readonly<Record<string, unknown>>;
    const whole = secrets === undefined ? undefined : splitBody(secrets, body);
    this.#body = whole?.readable ?? body;
    this.#secret = whole?.secret;
    this.#large = this.#cut(body);
    if (this.#large === undefined) return;
    this.#body = {};
    this.#secret = undefined;
  }

  /** The body in pieces, where the joins have no room for it and the protocol allows that. */
  #cut(body: Readonly<Record<string, unknown>>): LargeBody | undefined {
    const { limits, zero } = this.#protocol;
    if (zero.joinBytes === undefined) return undefined;
    if (this.#longest().length <= limits.maxDatagramBytes) return undefined;
    const isSealed = zero.secrets !== undefined;
    const text = isSealed ? paddedJson(body) : encoder.encode(JSON.stringify(body));
    const room = limits.maxDatagramBytes - this.#piece(MAX_JOIN_PIECES, "").length;
    const mostBytes = Math.floor((room * 3) / 4) - (isSealed ? PIECE_TAG_BYTES : 0);
    const layout = layoutOf(text.length, mostBytes);
    if (layout === undefined) return undefined;
    const digest = isSealed ? undefined : encodeBase64url(this.#crypto.sha256(text));
    return { layout, text, digest };
  }

  /** Who is to read what is secret, once join 2 says it; undefined where nobody is. */
  get identity(): string | undefined {
    return this.#identity;
  }

  /**
   * Join 2, which `request` repeats, has arrived, and so many pieces of what follows it. Sends on. True: all is there;
   * undefined: there cannot be so many.
   */
  hearPieces(count: number, request: RepeatedRequest, nowMs: number): boolean | undefined {
    if (this.#pieces.length === 0) return true;
    if (this.#sender === undefined) {
      if (count > 0) return undefined;
      request.hold(nowMs);
      this.#sender = new PieceSender(this.#pieces, request.pauses, this.#send, this.#counters);
    }
    if (!this.#sender.acknowledge(count, nowMs)) return undefined;
    return this.#sender.done;
  }

  /** When `handleTimeout` is due; infinity: nothing waits to be sent again. */
  get deadlineMs(): number {
    return this.#sender?.deadlineMs ?? Number.POSITIVE_INFINITY;
  }

  /** Whether a piece was sent again. */
  handleTimeout(nowMs: number): boolean {
    return this.#sender?.handleTimeout(nowMs) === true;
  }

  /** It is decided: nothing is sent any more. */
  end(): void {
    this.#pieces = [];
    this.#sender = undefined;
  }

  /** The key that a challenge brings for what is secret; undefined where none is needed. */
  keyOf({ joinKey }: ChallengeSys): OfferedKey | undefined | "droppedSignature" {
    if (this.#protocol.zero.secrets === undefined) return undefined;
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
    const key = to && agreedKey(this.#crypto, this.exchange!.pair, to.key);
    if (to !== undefined && key === undefined) return undefined;
    const secret = to && this.#seal(to.key);
    const join = this.#build(cookie, this.#parts.stay, secret);
    this.#identity = to?.identity;
    this.exchange?.sent(join);
    if (this.#large !== undefined) this.#pieces = this.#cutPieces(this.#large, join, key);
    return join;
  }

  #cutPieces(
    { text, layout }: LargeBody,
    join: Uint8Array,
    key: Uint8Array | undefined,
  ): Uint8Array[] {
    const digest = this.#crypto.sha256(join);
    return cutBody(text, layout).map((said, i) => {
      const number = i + 1;
      const data = key ? sealPiece(this.#crypto, key, digest, number, said) : said;
      return this.#piece(number, encodeBase64url(data));
    });
  }

  /** A piece of the body as a datagram, as long as a join. */
  #piece(piece: number, data: string): Uint8Array {
    const { hash, version, limits } = this.#protocol;
    const key = this.exchange?.key;
    const sys: JoinSys = { hash, version, ...(key === undefined ? {} : { key }), piece, data };
    return buildDatagram(
      this.#crypto,
      { cid: this.cid, msg: "join", seq: 0, ack: 0, sys },
      data === "" ? {} : { padBytes: limits.maxDatagramBytes, maxBytes: limits.maxDatagramBytes },
    );
  }

  /**
   * Throws where a join 2 that says all that it may is too long: STARDUST_INVALID_OPTION where it has a token, else
   * `InvalidMessageError`.
   */
  checkRoom(): void {
    const { maxDatagramBytes } = this.#protocol.limits;
    const over = this.#longest().length - maxDatagramBytes;
    if (over <= 0) return;
    if (this.#parts.token === undefined) {
      throw new InvalidMessageError("", "does not fit a datagram", "join");
    }
    const problem = `token: with it the join is ${over} bytes longer than a datagram of ${maxDatagramBytes}: its claims or the body of join have to be shorter`;
    throw new StardustError("STARDUST_INVALID_OPTION", problem);
  }

  #longest(): Uint8Array {
    return this.#build(LONGEST_COOKIE, true, this.#seal(undefined));
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
    const large = this.#large;
    const sys: JoinSys = {
      cookie,
      hash,
      version,
      compatible: compatible.length === 0 ? undefined : compatible,
      key,
      token: token?.signed,
      stay: stay || undefined,
      pieces: large?.layout.pieces,
      bytes: large?.layout.bytes,
      digest: large?.digest,
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
