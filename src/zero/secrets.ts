/**
 * The secret members of join. A challenge brings a key of the port's, signed with the server's identity, which lives as long as the
 * cookies that are given with it; the client looks whose it is, and seals what nobody else may read to it, with the key
 * that its joins carry anyway. What is sealed is bound to every byte of join 2 before it: cookie, connection id and the
 * readable body are not to be changed, and no other join can bring it. docs/connection.md has it byte by byte.
 *
 * Worst case: a port makes one key pair and one signature in the life of a cookie, and does one agreement for each join that
 * brings a good cookie.
 */
import { decodeBase64url, encodeBase64url } from "./base64url.ts";
import { concat } from "./concat.ts";
import type { KeyPair, SigningKey, ZeroCrypto } from "./crypto.ts";
import { KEY_BYTES } from "./key-exchange.ts";
import { expander } from "./keys.ts";
import { readJsonObject } from "./read-json.ts";

const SIGNATURE_BYTES = 64;
const TAG_BYTES = 16;
const JOIN_KEY_BYTES: number = 2 * KEY_BYTES + SIGNATURE_BYTES;
/** What is sealed is filled up to a multiple of this, or its length would tell that of a password. */
const PAD_BYTES = 64;

const encoder = new TextEncoder();
const JOIN_KEY_LABEL: Uint8Array = encoder.encode("stardust 1 join key");
const SECRET_LABEL: Uint8Array = encoder.encode("stardust 1 join secret");
/** What a piece has more when it is sealed. */
export const PIECE_TAG_BYTES: number = TAG_BYTES;

/** Each key seals one join: as a whole, which is number 0, or in pieces. */
function nonceOf(piece: number): Uint8Array {
  const nonce = new Uint8Array(12);
  nonce[11] = piece;
  return nonce;
}

/** With the spaces that fill it up. */
export function paddedBytes(bytes: number): number {
  return Math.ceil(bytes / PAD_BYTES) * PAD_BYTES;
}

/** What is to be sealed, as bytes. */
export function paddedJson(value: Members): Uint8Array {
  const text = encoder.encode(JSON.stringify(value));
  const padded = new Uint8Array(paddedBytes(text.length)).fill(0x20);
  padded.set(text);
  return padded;
}

type Members = Readonly<Record<string, unknown>>;

/** A port's key for what joins keep to themselves, and the identity of the server that has signed it. */
export interface OfferedKey {
  readonly key: Uint8Array;
  /** As base64url. */
  readonly identity: string;
}

/** The key of a challenge; undefined where it is none, or not signed by the identity that it names. */
export function readOfferedKey(crypto: ZeroCrypto, text: string): OfferedKey | undefined {
  const bytes = decodeBase64url(text, JOIN_KEY_BYTES);
  if (bytes === undefined) return undefined;
  const identity = bytes.subarray(KEY_BYTES, 2 * KEY_BYTES);
  const said = concat(JOIN_KEY_LABEL, bytes.subarray(0, 2 * KEY_BYTES));
  if (!crypto.verify(identity, said, bytes.subarray(2 * KEY_BYTES))) return undefined;
  return { key: bytes.subarray(0, KEY_BYTES), identity: encodeBase64url(identity) };
}

/** What both sides seal with, from what their keys give. */
function secretKey(
  crypto: ZeroCrypto,
  shared: Uint8Array,
  clientKey: Uint8Array,
  joinKey: Uint8Array,
): Uint8Array {
  return expander(crypto, shared, concat(clientKey, joinKey))(SECRET_LABEL);
}

/** The body of a join as those on the way may read it, and what they may not. */
export function splitBody(
  names: readonly string[],
  body: Members,
): { readonly readable: Members; readonly secret: Members } {
  const isSecret = ([name]: [string, unknown]): boolean => names.includes(name);
  const all = Object.entries(body);
  return {
    readable: Object.fromEntries(all.filter((entry) => !isSecret(entry))),
    secret: Object.fromEntries(all.filter(isSecret)),
  };
}

/** The body that a client has split; undefined where what is secret was readable. Other members of `secret` are ignored. */
export function joinBody(
  names: readonly string[],
  readable: object,
  secret: Members,
): object | undefined {
  if (names.some((name) => Object.hasOwn(readable, name))) return undefined;
  const own = names.filter((name) => Object.hasOwn(secret, name));
  return { ...readable, ...Object.fromEntries(own.map((name) => [name, secret[name]])) };
}

/** A client's half: seals to the key of a port, once. */
export interface SecretSeal {
  /** How long it gets. */
  readonly bytes: number;
  readonly seal: (head: Uint8Array) => Uint8Array;
}

/** Undefined where the port's key gives no shared secret. `key` undefined: for its length alone. */
export function sealSecret(
  crypto: ZeroCrypto,
  pair: KeyPair,
  key: Uint8Array | undefined,
  secret: Members,
): SecretSeal | undefined {
  const padded = paddedJson(secret);
  const bytes = padded.length + TAG_BYTES;
  if (key === undefined) return { bytes, seal: () => new Uint8Array(bytes) };
  const own = agreedKey(crypto, pair, key);
  return own && { bytes, seal: (head) => crypto.seal(own, nonceOf(0), head, padded) };
}

/** What a client seals to a port with; undefined where the port's key gives no shared secret. */
export function agreedKey(
  crypto: ZeroCrypto,
  pair: KeyPair,
  key: Uint8Array,
): Uint8Array | undefined {
  const shared = pair.agree(key);
  return shared && secretKey(crypto, shared, pair.publicKey, key);
}

/** A piece, from 1, bound to the SHA-256 of its join 2. */
export function sealPiece(
  crypto: ZeroCrypto,
  key: Uint8Array,
  joinDigest: Uint8Array,
  piece: number,
  said: Uint8Array,
): Uint8Array {
  return crypto.seal(key, nonceOf(piece), joinDigest, said);
}

/** What was sealed so; undefined where it was not. */
export function openPiece(
  crypto: ZeroCrypto,
  key: Uint8Array,
  joinDigest: Uint8Array,
  piece: number,
  sealed: Uint8Array,
): Uint8Array | undefined {
  return crypto.open(key, nonceOf(piece), joinDigest, sealed);
}

/** A port's half: a key for the joins of one life of a cookie. */
export class PortJoinKey {
  /** As it stands in challenge. */
  readonly text: string;
  readonly #crypto: ZeroCrypto;
  readonly #pair: KeyPair;

  constructor(crypto: ZeroCrypto, identity: SigningKey) {
    this.#crypto = crypto;
    this.#pair = crypto.keyPair();
    const said = concat(this.#pair.publicKey, identity.publicKey);
    this.text = encodeBase64url(concat(said, identity.sign(concat(JOIN_KEY_LABEL, said))));
  }

  /** What the client that has this key has sealed beside `head`; undefined where it is not that, or no JSON object. */
  open(clientKey: Uint8Array, head: Uint8Array, sealed: Uint8Array): Members | undefined {
    const own = this.secretKey(clientKey);
    const opened = own && this.#crypto.open(own, nonceOf(0), head, sealed);
    if (opened === undefined) return undefined;
    const secret = readJsonObject(opened, 0, opened.length);
    return typeof secret === "string" ? undefined : secret;
  }

  /** What the client that has this key seals with; undefined where it gives no shared secret. */
  secretKey(clientKey: Uint8Array): Uint8Array | undefined {
    const shared = this.#pair.agree(clientKey);
    return shared && secretKey(this.#crypto, shared, clientKey, this.#pair.publicKey);
  }
}
