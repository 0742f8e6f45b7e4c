/**
 * The key exchange of sealed mode. Each side sends a fresh X25519 key, in join and in accept; the server signs the
 * transcript, the raw bytes of both, with its Ed25519 identity; and what both keys give, with the transcript, gives
 * every key of the connection. Whoever changes a byte of either datagram breaks the signature, and gets other keys.
 *
 * In accept, key and identity stand first in `sys`, at fixed offsets of the raw bytes, so that the signature is checked
 * before any JSON is parsed. Worst case: a server does one agreement and one signature for each join that its
 * application has accepted, a client one check for each accept of its own connection id.
 */
import type { TrafficSecrets } from "../traffic-secrets.ts";
import { base64urlLength, decodeBase64url, encodeBase64url } from "./base64url.ts";
import { concat } from "./concat.ts";
import type { ZeroDropReason } from "./counters.ts";
import type { KeyPair, SigningKey, ZeroCrypto } from "./crypto.ts";
import {
  AFTER_CID,
  buildDatagram,
  type Frame,
  latin1,
  matches,
  signatureOf,
  type ZeroMessage,
} from "./envelope.ts";
import { CLIENT_MAC_LABEL, expander, SERVER_MAC_LABEL, type ZeroKeys } from "./keys.ts";

/** Public keys, secrets, digests. */
export const KEY_BYTES = 32;
const KEY_CHARACTERS: number = base64urlLength(KEY_BYTES);

const encoder = new TextEncoder();
const TRANSCRIPT_LABEL: Uint8Array = encoder.encode("stardust 1 transcript");
const SIGNATURE_LABEL: Uint8Array = encoder.encode("stardust 1 server signature");
const CLIENT_LABEL: Uint8Array = encoder.encode("stardust 1 datagrams client to server");
const SERVER_LABEL: Uint8Array = encoder.encode("stardust 1 datagrams server to client");

const BEFORE_KEY: Uint8Array = encoder.encode('","msg":"accept","seq":1,"ack":1,"sys":{"key":"');
const BEFORE_IDENTITY: Uint8Array = encoder.encode('","identity":"');
const KEY_AT: number = AFTER_CID + BEFORE_KEY.length;
const IDENTITY_AT: number = KEY_AT + KEY_CHARACTERS + BEFORE_IDENTITY.length;

/** All that a key exchange gives. */
export interface SealedKeys {
  readonly zero: ZeroKeys;
  readonly secrets: TrafficSecrets;
}

/** What the port of a join tells the port that will own the peer. */
export interface JoinKey {
  /** SHA-256 of the datagram of join 2. */
  readonly digest: Uint8Array;
  /** The client's ephemeral key. */
  readonly key: Uint8Array;
}

/** A public key as it stands in a message; undefined where the text is none. */
export function decodeKey(text: string): Uint8Array | undefined {
  return decodeBase64url(text, KEY_BYTES);
}

/** What both sides have said: the label, the hash of join 2, and accept up to its signature. */
function transcriptOf(
  crypto: ZeroCrypto,
  joinDigest: Uint8Array,
  acceptHead: Uint8Array,
): Uint8Array {
  return crypto.sha256(concat(TRANSCRIPT_LABEL, joinDigest, acceptHead));
}

function signedBytes(transcript: Uint8Array): Uint8Array {
  return concat(SIGNATURE_LABEL, transcript);
}

/** With the transcript as salt. */
function keysOf(crypto: ZeroCrypto, shared: Uint8Array, transcript: Uint8Array): SealedKeys {
  const expand = expander(crypto, shared, transcript);
  return {
    zero: { client: expand(CLIENT_MAC_LABEL), server: expand(SERVER_MAC_LABEL) },
    secrets: { clientSecret: expand(CLIENT_LABEL), serverSecret: expand(SERVER_LABEL) },
  };
}

/** What accept says of keys, as it stands in `sys`. */
export interface AcceptKeys {
  readonly key: string;
  readonly identity: string;
}

/**
 * The server's half: the accept that `message` makes with the server's keys in it, signed, and the keys of the connection.
 * Undefined where the client's key gives none.
 */
export function answerKeyExchange(
  crypto: ZeroCrypto,
  identity: SigningKey,
  join: JoinKey,
  message: (keys: AcceptKeys) => ZeroMessage<"accept">,
): { readonly datagram: Uint8Array; readonly keys: SealedKeys } | undefined {
  const pair = crypto.keyPair();
  const shared = pair.agree(join.key);
  if (shared === undefined) return undefined;
  const own = {
    key: encodeBase64url(pair.publicKey),
    identity: encodeBase64url(identity.publicKey),
  };
  let transcript!: Uint8Array;
  const sign = (head: Uint8Array): Uint8Array => {
    transcript = transcriptOf(crypto, join.digest, head);
    return identity.sign(signedBytes(transcript));
  };
  const datagram = buildDatagram(crypto, message(own), { sign });
  return { datagram, keys: keysOf(crypto, shared, transcript) };
}

/** An accept whose signature is right, by the identity that it names. */
export interface SignedAccept extends AcceptKeys {
  readonly transcript: Uint8Array;
}

/** The client's half, for one connection id. */
export class ClientKeyExchange {
  readonly #crypto: ZeroCrypto;
  readonly pair: KeyPair;
  #joinDigest: Uint8Array | undefined;

  constructor(crypto: ZeroCrypto) {
    this.#crypto = crypto;
    this.pair = crypto.keyPair();
  }

  /** As it stands in join. */
  get key(): string {
    return encodeBase64url(this.pair.publicKey);
  }

  /** Join 2 is on its way, in these bytes. */
  sent(join: Uint8Array): void {
    this.#joinDigest = this.#crypto.sha256(join);
  }

  /** Whether an accept is signed by the identity that it names, for the join of this exchange. */
  check(frame: Frame): SignedAccept | ZeroDropReason {
    const signed = signatureOf(frame);
    if (signed === undefined || this.#joinDigest === undefined) return "droppedEnvelope";
    const { bytes } = frame;
    const isAccept =
      matches(bytes, AFTER_CID, BEFORE_KEY) &&
      matches(bytes, KEY_AT + KEY_CHARACTERS, BEFORE_IDENTITY);
    if (!isAccept) return "droppedEnvelope";
    const key = latin1(bytes, KEY_AT, KEY_CHARACTERS);
    const identity = latin1(bytes, IDENTITY_AT, KEY_CHARACTERS);
    const signer = decodeKey(identity);
    if (signer === undefined) return "droppedEnvelope";
    const transcript = transcriptOf(this.#crypto, this.#joinDigest, signed.head);
    const isRight = this.#crypto.verify(signer, signedBytes(transcript), signed.signature);
    return isRight ? { key, identity, transcript } : "droppedSignature";
  }

  /** The keys of the connection; undefined where the server's key gives none. */
  keysOf({ key, transcript }: SignedAccept): SealedKeys | undefined {
    const theirs = decodeKey(key);
    const shared = theirs === undefined ? undefined : this.pair.agree(theirs);
    return shared === undefined ? undefined : keysOf(this.#crypto, shared, transcript);
  }
}
