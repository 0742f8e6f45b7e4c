/**
 * The bodies of joins as a port of a server reads them: readable, with members that were sealed for it (secrets.ts), or in
 * pieces (pieces.ts), which are sealed where the protocol has secret members. Not here: who may join, and when this is looked
 * at (server.ts).
 */
import { MAX_JOIN_BODY_BYTES } from "../limits.ts";
import type { Protocol } from "../protocol.ts";
import { decodeBase64url } from "./base64url.ts";
import type { CookieJar } from "./cookie.ts";
import type { ZeroDropReason } from "./counters.ts";
import type { SigningKey, ZeroCrypto } from "./crypto.ts";
import { type Frame, secretOf } from "./envelope.ts";
import { decodeKey } from "./key-exchange.ts";
import { hasValidBody, type ValidMessage } from "./messages.ts";
import type { JoinSys } from "./own-messages.ts";
import { announcedLayout, PieceCollector } from "./pieces.ts";
import { readJsonObject } from "./read-json.ts";
import type { SequenceCounters } from "./reliable-sequence.ts";
import { joinBody, openPiece, PIECE_TAG_BYTES, PortJoinKey, paddedBytes } from "./secrets.ts";

const DIGEST_BYTES = 32;

/** What a client is told whose body nobody here has a use for. */
export const TOO_LONG = "the body of join is longer than this server takes";

export interface JoinBodiesOptions {
  readonly protocol: Protocol;
  readonly crypto: ZeroCrypto;
  readonly identity: SigningKey | undefined;
  readonly cookies: CookieJar<PortJoinKey>;
  readonly counters: SequenceCounters;
  /** Whether bodies in pieces are taken at all. */
  readonly takesPieces: boolean;
}

export class JoinBodies {
  readonly #o: JoinBodiesOptions;
  /** The longest body in pieces that is of use; 0: none is. */
  readonly #mostBytes: number;

  constructor(options: JoinBodiesOptions) {
    this.#o = options;
    const { joinBytes = 0 } = options.protocol.zero;
    const most = options.takesPieces ? Math.min(joinBytes, MAX_JOIN_BODY_BYTES) : 0;
    this.#mostBytes = this.hasSecrets ? paddedBytes(most) : most;
  }

  get hasSecrets(): boolean {
    return this.#o.protocol.zero.secrets !== undefined;
  }

  /** What challenges offer to seal secret members to, as long as the secret of their cookies; undefined where there are none. */
  offer(nowMs: number): string | undefined {
    if (!this.hasSecrets) return undefined;
    const { crypto, cookies, identity } = this.#o;
    return cookies.companion(nowMs, () => new PortJoinKey(crypto, identity!)).text;
  }

  /** Whether what a join 1 or 2 says of its body makes sense; where the body follows, there is none yet. */
  isSound(envelope: ValidMessage<"join">): boolean {
    const { sys, body, secret } = envelope;
    const layout = announcedLayout(sys);
    if (layout === "wrong" || sys.piece !== undefined || sys.data !== undefined) return false;
    if (layout === undefined) {
      // Without its secret members a body need not be valid: nobody looks at it before it has them.
      return (
        sys.digest === undefined && (this.hasSecrets || hasValidBody(this.#o.protocol, envelope))
      );
    }
    // What is sealed has no digest: a short secret could be guessed from it.
    if ((sys.digest === undefined) !== this.hasSecrets) return false;
    return Object.keys(body).length === 0 && secret === undefined;
  }

  /** Whether a body of so many bytes is of use here. */
  takes(sys: JoinSys): boolean {
    return sys.bytes === undefined || sys.bytes <= this.#mostBytes;
  }

  /** The body of a join 2 whose cookie is good, or where it is collected; or why there is neither. */
  read(frame: Frame, envelope: ValidMessage<"join">): object | PieceCollector | ZeroDropReason {
    const { sys, body } = envelope;
    const layout = announcedLayout(sys);
    const { crypto, counters } = this.#o;
    if (layout === undefined || layout === "wrong") {
      return this.hasSecrets ? this.#openBody(frame, envelope) : body;
    }
    if (!this.hasSecrets) return new PieceCollector(layout, (_, data) => data, 0, counters);
    const key = this.#keyOf(sys)?.secretKey(decodeKey(sys.key!)!);
    if (key === undefined) return "droppedSecret";
    const join = crypto.sha256(frame.bytes);
    const open = (piece: number, data: Uint8Array): Uint8Array | undefined =>
      openPiece(crypto, key, join, piece, data);
    return new PieceCollector(layout, open, PIECE_TAG_BYTES, counters);
  }

  /** The body that has come in pieces; undefined where it is not what its join said, or the spec. */
  assemble(collector: PieceCollector, digest: string | undefined): object | undefined {
    const text = collector.takeBody();
    const { crypto, protocol } = this.#o;
    const said = digest === undefined ? undefined : decodeBase64url(digest, DIGEST_BYTES);
    if (digest !== undefined && said === undefined) return undefined;
    if (said !== undefined && !crypto.equal(crypto.sha256(text), said)) return undefined;
    const body = readJsonObject(text, 0, text.length);
    if (typeof body === "string") return undefined;
    return hasValidBody(protocol, { msg: "join", body }) ? body : undefined;
  }

  /** What was readable, and what only this port can open. */
  #openBody(frame: Frame, { sys, body, secret }: ValidMessage<"join">): object | ZeroDropReason {
    const found = secretOf(frame, secret);
    if (found === undefined) return "droppedEnvelope";
    const opened = this.#keyOf(sys)?.open(decodeKey(sys.key!)!, found.head, found.sealed);
    if (opened === undefined) return "droppedSecret";
    const { protocol } = this.#o;
    const whole = joinBody(protocol.zero.secrets!, body, opened);
    if (whole === undefined) return "droppedSchema";
    return hasValidBody(protocol, { msg: "join", body: whole }) ? whole : "droppedSchema";
  }

  #keyOf({ cookie }: JoinSys): PortJoinKey | undefined {
    return this.#o.cookies.companionOf(cookie!);
  }
}
