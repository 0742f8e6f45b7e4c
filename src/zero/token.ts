/**
 * Connect tokens: what a backend signs for a player who may join, and what a port finds out about one that a join brings.
 * A token names its issuer, when it ends, an id of its own, the client's public key, the audience and claims; docs/connection.md
 * has it byte by byte. There is one algorithm, so none can be chosen: another version is malformed. Whoever brings a token
 * signs the join with the key that it names, over the raw bytes: cookie, connection id and the key of the exchange included.
 *
 * Not here: that a token is used once, which is decided for all ports together (src/pool/token-ledger.ts). Worst case: one
 * reading of at most 704 bytes, and then, for a token of an issuer that is known, two checks of signatures.
 */
import type { JoinToken } from "../connection-contract.ts";
import {
  MAX_TOKEN_AUDIENCE_BYTES,
  MAX_TOKEN_CLAIMS_BYTES,
  MAX_TOKEN_LIFETIME_MS,
} from "../limits.ts";
import { utf8Read } from "../wire/utf8.ts";
import { decodeBase64url, encodeBase64url } from "./base64url.ts";
import { concat } from "./concat.ts";
import type { SigningKey, ZeroCrypto } from "./crypto.ts";
import { type Frame, signatureOf } from "./envelope.ts";
import { readJsonObject } from "./read-json.ts";

const VERSION = 1;
/** How many bytes of its issuer's public key name the issuer. */
const ISSUER_BYTES = 8;
const TIME_BYTES = 6;
export const TOKEN_ID_BYTES = 16;
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const EXPIRES_AT: number = 1 + ISSUER_BYTES;
const ID_AT: number = EXPIRES_AT + TIME_BYTES;
const KEY_AT: number = ID_AT + TOKEN_ID_BYTES;
const AUDIENCE_AT: number = KEY_AT + KEY_BYTES + 1;
const MIN_BYTES: number = AUDIENCE_AT + SIGNATURE_BYTES;
const MAX_BYTES: number = MIN_BYTES + MAX_TOKEN_AUDIENCE_BYTES + MAX_TOKEN_CLAIMS_BYTES;

const encoder = new TextEncoder();
const TOKEN_LABEL: Uint8Array = encoder.encode("stardust 1 connect token");
const CLIENT_LABEL: Uint8Array = encoder.encode("stardust 1 client signature");

/** Why a join is refused for its token, and what its client is told. */
export const tokenProblems = {
  missing: "token missing",
  malformed: "token malformed",
  issuer: "token of an unknown issuer",
  audience: "token for another audience",
  expired: "token expired",
  lifetime: "token lives too long",
  forged: "token not signed by its issuer",
  client: "token of another client key",
  used: "token used",
} as const;

export type TokenProblem = keyof typeof tokenProblems;

/** What an issuer says. */
export interface TokenContents {
  /** TOKEN_ID_BYTES of its own. */
  readonly id: Uint8Array;
  /** The Ed25519 key that the client signs its join with. */
  readonly clientKey: Uint8Array;
  /** Since 1970. */
  readonly expiresAtMs: number;
  /** Empty: of servers that have none. */
  readonly audience: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** A token as it was read; nobody has looked at its signature. */
export interface ReadToken extends TokenContents {
  readonly issuer: Uint8Array;
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * The text of a token. Whether a reader takes it is for the caller to find out with `readToken`: claims may be too long, or
 * hold what no zero message may.
 */
export function signToken(issuer: SigningKey, contents: TokenContents): string {
  const { id, clientKey, expiresAtMs, audience, claims } = contents;
  const name = encoder.encode(audience);
  const time = new Uint8Array(TIME_BYTES);
  for (let i = TIME_BYTES - 1, rest = expiresAtMs; i >= 0; i--, rest = Math.floor(rest / 256)) {
    time[i] = rest % 256;
  }
  const signed = concat(
    Uint8Array.of(VERSION),
    issuer.publicKey.subarray(0, ISSUER_BYTES),
    time,
    id,
    clientKey,
    Uint8Array.of(name.length),
    name,
    encoder.encode(JSON.stringify(claims)),
  );
  return encodeBase64url(concat(signed, issuer.sign(concat(TOKEN_LABEL, signed))));
}

/** Undefined where the text is no token. */
export function readToken(text: string): ReadToken | undefined {
  const byteCount = Math.floor((text.length * 3) / 4);
  if (byteCount < MIN_BYTES || byteCount > MAX_BYTES) return undefined;
  const bytes = decodeBase64url(text, byteCount);
  if (bytes === undefined || bytes[0] !== VERSION) return undefined;
  let expiresAtMs = 0;
  for (let i = 0; i < TIME_BYTES; i++) expiresAtMs = expiresAtMs * 256 + bytes[EXPIRES_AT + i]!;
  const audienceBytes = bytes[AUDIENCE_AT - 1]!;
  const claimsAt = AUDIENCE_AT + audienceBytes;
  const end = byteCount - SIGNATURE_BYTES;
  if (audienceBytes > MAX_TOKEN_AUDIENCE_BYTES || claimsAt > end) return undefined;
  if (end - claimsAt > MAX_TOKEN_CLAIMS_BYTES) return undefined;
  const audience = utf8Read(bytes, AUDIENCE_AT, audienceBytes);
  const claims = readJsonObject(bytes, claimsAt, end);
  if (audience === undefined || typeof claims === "string") return undefined;
  return {
    issuer: bytes.subarray(1, EXPIRES_AT),
    expiresAtMs,
    id: bytes.subarray(ID_AT, KEY_AT),
    clientKey: bytes.subarray(KEY_AT, AUDIENCE_AT - 1),
    audience,
    claims,
    signed: bytes.subarray(0, end),
    signature: bytes.subarray(end),
  };
}

/** What a client signs a join with that brings a token: `head` is all of the datagram before the signature. */
export function signJoin(crypto: ZeroCrypto, key: SigningKey, head: Uint8Array): Uint8Array {
  return key.sign(joinBytes(crypto, head));
}

function joinBytes(crypto: ZeroCrypto, head: Uint8Array): Uint8Array {
  return concat(CLIENT_LABEL, crypto.sha256(head));
}

/** Whose tokens a server takes. */
export interface TokenRules {
  /** Public keys; the first 8 bytes of each are another's. */
  readonly issuers: readonly Uint8Array[];
  readonly audience: string;
  /** How far clocks may be apart. */
  readonly leewayMs: number;
}

/** Looks at the tokens of joins, for one port. */
export class TokenCheck {
  readonly #crypto: ZeroCrypto;
  readonly #rules: TokenRules;
  /** Milliseconds since 1970. */
  readonly #wallMs: () => number;

  constructor(crypto: ZeroCrypto, rules: TokenRules, wallMs: () => number) {
    this.#crypto = crypto;
    this.#rules = rules;
    this.#wallMs = wallMs;
  }

  /** All that costs little: what is wrong here needs no public-key cryptography. */
  read(text: string | undefined): ReadToken | TokenProblem {
    if (text === undefined) return "missing";
    const token = readToken(text);
    if (token === undefined) return "malformed";
    const { audience, leewayMs } = this.#rules;
    if (this.#issuerOf(token) === undefined) return "issuer";
    if (token.audience !== audience) return "audience";
    const leftMs = token.expiresAtMs - this.#wallMs();
    if (leftMs < -leewayMs) return "expired";
    return leftMs > MAX_TOKEN_LIFETIME_MS + leewayMs ? "lifetime" : token;
  }

  /** Whether its issuer has signed it, and the client that it names the join. */
  verify(token: ReadToken, join: Frame): JoinToken | TokenProblem {
    const issuer = this.#issuerOf(token)!;
    const said = concat(TOKEN_LABEL, token.signed);
    if (!this.#crypto.verify(issuer, said, token.signature)) return "forged";
    const own = signatureOf(join)!;
    const isTheirs = this.#crypto.verify(
      token.clientKey,
      joinBytes(this.#crypto, own.head),
      own.signature,
    );
    if (!isTheirs) return "client";
    return {
      id: encodeBase64url(token.id),
      issuer: encodeBase64url(issuer),
      clientKey: encodeBase64url(token.clientKey),
      expiresAtMs: token.expiresAtMs,
      claims: token.claims,
    };
  }

  #issuerOf({ issuer }: ReadToken): Uint8Array | undefined {
    return this.#rules.issuers.find((key) => issuer.every((byte, i) => byte === key[i]));
  }
}

/** Whether two issuers could not be told apart: only where somebody has made their keys so. */
export function sameIssuer(a: Uint8Array, b: Uint8Array): boolean {
  return a.subarray(0, ISSUER_BYTES).every((byte, i) => byte === b[i]);
}
