/**
 * What a port says to a join that the application has accepted, in either kind of security, and what it has promised by that:
 * keys, a tag, and the hash of what proves later that the port has lost the connection (reset.ts). Not here: who has a place
 * (peers.ts), and when accept is sent (server.ts).
 */
import type { TrafficSecrets } from "../traffic-secrets.ts";
import { encodeBase64url } from "./base64url.ts";
import type { SigningKey, ZeroCrypto } from "./crypto.ts";
import { buildDatagram, type ZeroMessage } from "./envelope.ts";
import { answerKeyExchange, type JoinKey } from "./key-exchange.ts";
import { plainKeys, TICKET_BYTES, type ZeroKeys } from "./keys.ts";
import type { PortRanges } from "./messages.ts";
import type { NetworkPath } from "./network-path.ts";
import { ACCEPT_SEQ, type AcceptSys, JOIN_SEQ, type RebindSys } from "./own-messages.ts";
import { resetOf, resetProof } from "./reset.ts";

/** A join that the application has accepted. */
export interface ReserveRequest extends NetworkPath {
  readonly cid: string;
  readonly peer: number;
  readonly hash: string;
  readonly compat: boolean;
  /** Of the join's event. */
  readonly key?: JoinKey | undefined;
  readonly accept: unknown;
  readonly nowMs: number;
}

/** An accept, and what it has promised. */
export interface Reserved {
  readonly datagram: Uint8Array;
  readonly keys: ZeroKeys;
  readonly tag?: number;
  readonly secrets?: TrafficSecrets;
}

/** Session tags: 32 random bits. */
const TAG_BYTES = 4;

function acceptOf(cid: string, sys: AcceptSys, body: unknown): ZeroMessage<"accept"> {
  return { cid, msg: "accept", seq: ACCEPT_SEQ, ack: JOIN_SEQ, sys, body };
}

export interface AcceptOptions {
  /** Where the protocol is sealed. */
  readonly identity?: SigningKey | undefined;
  /** The public number of this port. */
  readonly port: number;
  readonly ports: PortRanges;
  readonly resetKey?: Uint8Array | undefined;
  /** How long peers are kept behind their idle timeout, where they are. */
  readonly resumeMs?: number | undefined;
}

export class AcceptMaker {
  readonly #crypto: ZeroCrypto;
  readonly #identity: SigningKey | undefined;
  readonly #port: number;
  readonly #ports: PortRanges;
  readonly #resetKey: Uint8Array | undefined;
  readonly #resumeMs: number;

  constructor(
    crypto: ZeroCrypto,
    { identity, port, ports, resetKey, resumeMs = 0 }: AcceptOptions,
  ) {
    this.#crypto = crypto;
    this.#identity = identity;
    this.#port = port;
    this.#ports = ports;
    this.#resetKey = resetKey;
    this.#resumeMs = resumeMs;
  }

  /** The accept of a join; undefined where its key gives no shared secret. */
  make(o: ReserveRequest, body: unknown): Reserved | undefined {
    return this.#identity === undefined ? this.#plain(o, body) : this.#sealed(o, body);
  }

  #plain(o: ReserveRequest, body: unknown): Reserved {
    const drawn = this.#crypto.randomBytes(TICKET_BYTES + TAG_BYTES);
    const ticket = drawn.subarray(0, TICKET_BYTES);
    const [a, b, c, d] = drawn.subarray(TICKET_BYTES);
    const tag = ((a! << 24) | (b! << 16) | (c! << 8) | d!) >>> 0;
    const sys = this.#acceptSys(o, { ticket: encodeBase64url(ticket), tag });
    const datagram = buildDatagram(this.#crypto, acceptOf(o.cid, sys, body));
    return { datagram, keys: plainKeys(this.#crypto, ticket), tag };
  }

  #sealed(o: ReserveRequest, body: unknown): Reserved | undefined {
    const made = answerKeyExchange(this.#crypto, this.#identity!, o.key!, (own) =>
      acceptOf(o.cid, this.#acceptSys(o, own), body),
    );
    if (made === undefined) return undefined;
    const { datagram, keys } = made;
    return { datagram, keys: keys.zero, secrets: keys.secrets };
  }

  /** All that accept says; `own`: what only one kind of security has. Members that are undefined are not in JSON. */
  #acceptSys(
    { cid, hash, compat, peer }: ReserveRequest,
    own: Pick<AcceptSys, "key" | "identity" | "ticket" | "tag">,
  ): AcceptSys {
    const proof = this.#resetProof(cid);
    return {
      key: own.key,
      identity: own.identity,
      port: this.#port,
      ports: this.#ports,
      ticket: own.ticket,
      hash,
      compat: compat || undefined,
      peer,
      reset: proof && resetOf(this.#crypto, proof),
      resumeMs: this.#resumeMs || undefined,
      tag: own.tag,
    };
  }

  /** That this port has lost a connection, for who shows that this port once had it. */
  proofFor(cid: string, { reset, move }: Pick<RebindSys, "reset" | "move">): string | undefined {
    const proof = this.#resetProof(cid, move);
    if (proof === undefined || resetOf(this.#crypto, proof) !== reset) return undefined;
    return encodeBase64url(proof);
  }

  /** What `move` says of the proof: of this port, and the move of this number. Undefined where there is none. */
  resetOfMove(cid: string, move: number): string | undefined {
    const proof = this.#resetProof(cid, move);
    return proof && resetOf(this.#crypto, proof);
  }

  #resetProof(cid: string, move?: number): Uint8Array | undefined {
    return this.#resetKey && resetProof(this.#crypto, this.#resetKey, cid, this.#port, move);
  }
}
