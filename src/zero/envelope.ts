/**
 * The envelope of a zero message: three zero bytes, then `{"v":1,"cid":"…","msg":…,"seq":…,"ack":…,"sys":…,"body":…,
 * "pad":"…","mac":"…"}`. `v` and `cid` open it and `mac` closes it at fixed offsets of the raw bytes, so that a
 * connection is found and its MAC checked before any JSON is parsed. A string cannot hold a bare quote, so the bytes
 * `,"mac":"` at that place are that member and nothing else. In sealed mode accept ends in `"sig":"…"` in the same way, and
 * so does a join that brings a connect token. A join with secret members has them in `"secret":"…"`, which is the last
 * member but for such a signature.
 *
 * Reading goes from cheap to dear: length, first and last bytes, (MAC,) scan, UTF-8, parse, envelope. The first
 * problem ends it; nothing throws. Worst case: one scan and one parse of 1,500 bytes.
 */
import { MAX_ZERO_DATAGRAM_BYTES, MIN_ZERO_DATAGRAM_BYTES } from "../limits.ts";
import { base64urlLength, decodeBase64url, encodeBase64url } from "./base64url.ts";
import type { ZeroDropReason } from "./counters.ts";
import type { ZeroCrypto } from "./crypto.ts";
import { type MessageName, messages, type SysOf } from "./own-messages.ts";
import { isObject, readJsonObject } from "./read-json.ts";

/** Connection ids, nonces and MACs: 128 bits. */
export const ID_BYTES = 16;
export const ID_CHARACTERS: number = base64urlLength(ID_BYTES);

const encoder = new TextEncoder();
const HEAD: Uint8Array = encoder.encode('\0\0\0{"v":1,"cid":"');
const CID_AT: number = HEAD.length;
/** Behind the connection id: where `","msg":` begins. */
export const AFTER_CID: number = CID_AT + ID_CHARACTERS;
const MAC_HEAD: Uint8Array = encoder.encode(',"mac":"');
const SIG_HEAD: Uint8Array = encoder.encode(',"sig":"');
const SECRET_HEAD: Uint8Array = encoder.encode(',"secret":"');
const TAIL: Uint8Array = encoder.encode('"}');
const QUOTE = 0x22;
const BRACE = 0x7d;
/** Ed25519 signatures: 64 bytes. */
const SIGNATURE_BYTES = 64;
const SIGNATURE_CHARACTERS: number = base64urlLength(SIGNATURE_BYTES);
/** `,"pad":""` */
const PAD_BYTES = 9;

/** A message to be sent. */
export interface ZeroMessage<M extends MessageName> {
  readonly cid: string;
  readonly msg: M;
  readonly seq: number;
  readonly ack: number;
  readonly sys: SysOf[M];
  readonly body?: unknown;
}

export interface BuildOptions {
  /** Pads to this many bytes, where they fit in `maxBytes`. */
  readonly padBytes?: number;
  readonly maxBytes?: number;
  /** The sender's key; without one there is no MAC. */
  readonly key?: Uint8Array;
  /** Seals something beside all before `,"secret":"`, in so many bytes; for a message without a MAC. */
  readonly secret?: { readonly bytes: number; readonly seal: (head: Uint8Array) => Uint8Array };
  /** Signs all before `,"sig":"`, in 64 bytes; for a message without a MAC. */
  readonly sign?: (head: Uint8Array) => Uint8Array;
}

/** The datagram of a message. */
export function buildDatagram<M extends MessageName>(
  crypto: ZeroCrypto,
  message: ZeroMessage<M>,
  options: BuildOptions = {},
): Uint8Array {
  const { cid, msg, seq, ack, sys, body } = message;
  const bodyText = body === undefined ? "{}" : JSON.stringify(body);
  let text =
    `\0\0\0{"v":1,"cid":"${cid}","msg":"${msg}","seq":${seq},"ack":${ack},` +
    `"sys":${JSON.stringify(sys)},"body":${bodyText}`;
  const { padBytes = 0, maxBytes = MAX_ZERO_DATAGRAM_BYTES, key, secret, sign } = options;
  const end =
    memberBytes(MAC_HEAD, key && ID_BYTES) +
    memberBytes(SECRET_HEAD, secret?.bytes) +
    memberBytes(SIG_HEAD, sign && SIGNATURE_BYTES);
  if (padBytes > 0) {
    const bytes = encoder.encode(text).length + end + 1;
    if (bytes < padBytes && bytes + PAD_BYTES <= maxBytes) {
      text += `,"pad":"${".".repeat(Math.max(0, padBytes - bytes - PAD_BYTES))}"`;
    }
  }
  if (end === 0) return encoder.encode(`${text}}`);
  const head = encoder.encode(text);
  const datagram = new Uint8Array(head.length + end + 1);
  datagram.set(head);
  let at = head.length;
  /** A member that is over all bytes before it. */
  const close = (name: Uint8Array, over: (head: Uint8Array) => Uint8Array): void => {
    const value = encodeBase64url(over(datagram.subarray(0, at)));
    datagram.set(name, at);
    at = writeAscii(datagram, at + name.length, value);
    datagram[at++] = QUOTE;
  };
  if (key) close(MAC_HEAD, (all) => crypto.hmacSha256(key, all).subarray(0, ID_BYTES));
  if (secret) close(SECRET_HEAD, secret.seal);
  if (sign) close(SIG_HEAD, sign);
  datagram[at] = BRACE;
  return datagram;
}

/** Returns where it ends. */
function writeAscii(bytes: Uint8Array, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
  return at;
}

/** A member of this name whose value has so many bytes; none. */
function memberBytes(name: Uint8Array, valueBytes: number | undefined): number {
  return valueBytes === undefined ? 0 : name.length + base64urlLength(valueBytes) + 1;
}

/** A datagram that looks like a zero message from outside. */
export interface Frame {
  /** Exactly the datagram. */
  readonly bytes: Uint8Array;
  readonly cid: string;
  /** Where `,"mac":"` begins; -1 where there is none. */
  readonly macAt: number;
  /** Where `,"sig":"` begins, with a signature's characters behind it; -1 where there is none. */
  readonly sigAt: number;
}

/** Looks at both ends of a datagram. */
export function openFrame(bytes: Uint8Array, length: number): Frame | ZeroDropReason {
  if (length < MIN_ZERO_DATAGRAM_BYTES || length > MAX_ZERO_DATAGRAM_BYTES) return "droppedLength";
  if (length > bytes.length) return "droppedLength";
  if (bytes[length - 1] !== 0x7d || length <= AFTER_CID + 2) return "droppedFrame";
  if (!matches(bytes, 0, HEAD)) return "droppedFrame";
  if (bytes[AFTER_CID] !== 0x22 || bytes[AFTER_CID + 1] !== 0x2c) return "droppedFrame";
  const cid = latin1(bytes, CID_AT, ID_CHARACTERS);
  if (decodeBase64url(cid, ID_BYTES) === undefined) return "droppedFrame";
  const frame = bytes.subarray(0, length);
  const macAt = lastMember(frame, MAC_HEAD, ID_CHARACTERS);
  const sigAt = lastMember(frame, SIG_HEAD, SIGNATURE_CHARACTERS);
  const isSignature = sigAt >= 0 && signatureAt(frame, sigAt) !== undefined;
  return { bytes: frame, cid, macAt, sigAt: isSignature ? sigAt : -1 };
}

/** Where the member of this name and length begins that closes the datagram; -1 where it does not. */
function lastMember(bytes: Uint8Array, name: Uint8Array, characters: number): number {
  const at = bytes.length - name.length - characters - TAIL.length;
  const isThere =
    at > AFTER_CID && matches(bytes, at, name) && matches(bytes, bytes.length - TAIL.length, TAIL);
  return isThere ? at : -1;
}

/** Undefined where it is not the text of any. */
function signatureAt(bytes: Uint8Array, sigAt: number): Uint8Array | undefined {
  const text = latin1(bytes, sigAt + SIG_HEAD.length, SIGNATURE_CHARACTERS);
  return decodeBase64url(text, SIGNATURE_BYTES);
}

/** What is signed and the signature; undefined where there is none. */
export function signatureOf({
  bytes,
  sigAt,
}: Frame): { readonly head: Uint8Array; readonly signature: Uint8Array } | undefined {
  if (sigAt < 0) return undefined;
  return { head: bytes.subarray(0, sigAt), signature: signatureAt(bytes, sigAt)! };
}

/** What is sealed in a frame whose JSON says `secret`, and all before it; undefined where that does not stand where it must. */
export function secretOf(
  { bytes, sigAt }: Frame,
  secret: unknown,
): { readonly head: Uint8Array; readonly sealed: Uint8Array } | undefined {
  if (typeof secret !== "string") return undefined;
  const sealed = decodeBase64url(secret, Math.floor((secret.length * 3) / 4));
  // Behind its value are a quote and what ends the datagram: so it is a member of the envelope, and no inner one.
  const end = sigAt < 0 ? bytes.length - 1 : sigAt;
  const at = end - 1 - secret.length - SECRET_HEAD.length;
  if (sealed === undefined || at <= AFTER_CID) return undefined;
  const stands =
    matches(bytes, at, SECRET_HEAD) &&
    latin1(bytes, at + SECRET_HEAD.length, secret.length) === secret &&
    bytes[end - 1] === 0x22;
  return stands ? { head: bytes.subarray(0, at), sealed } : undefined;
}

/** Whether the MAC of a frame that has one is made with `key`. */
export function checkMac(crypto: ZeroCrypto, frame: Frame, key: Uint8Array): boolean {
  const text = latin1(frame.bytes, frame.macAt + MAC_HEAD.length, ID_CHARACTERS);
  const mac = decodeBase64url(text, ID_BYTES);
  if (mac === undefined) return false;
  const expected = crypto.hmacSha256(key, frame.bytes.subarray(0, frame.macAt));
  return crypto.equal(mac, expected.subarray(0, ID_BYTES));
}

/** A message that was received, its sys and body not yet validated. */
export type Envelope<M extends MessageName = MessageName> = { [N in M]: EnvelopeOf<N> }[M];

export interface EnvelopeOf<N extends MessageName> {
  readonly msg: N;
  readonly seq: number;
  readonly ack: number;
  readonly sys: object;
  readonly body: object;
  /** Whatever stands there: only join has it (`secretOf`). */
  readonly secret?: unknown;
}

/** Reads the JSON of a frame. Members that are not known are ignored. */
export function parseFrame(frame: Frame): Envelope | ZeroDropReason {
  const value = readJsonObject(frame.bytes, 3, frame.bytes.length);
  if (typeof value === "string") return value;
  const { v, cid, msg, seq, ack, sys, body, secret, mac, sig } = value;
  // A key that stands twice has its last value: it must not differ from what was looked up by its first.
  if (v !== 1 || cid !== frame.cid) return "droppedEnvelope";
  if ((mac !== undefined) !== frame.macAt >= 0) return "droppedEnvelope";
  if ((sig !== undefined) !== frame.sigAt >= 0) return "droppedEnvelope";
  if (typeof msg !== "string" || !isCount(seq) || !isCount(ack)) return "droppedEnvelope";
  if (!isObject(sys) || !isObject(body)) return "droppedEnvelope";
  if (!isName(msg)) return "droppedMessage";
  return { msg, seq, ack, sys, body, secret } as Envelope;
}

function isName(msg: string): msg is MessageName {
  return Object.hasOwn(messages, msg);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Whether `part` stands in `bytes` at `at`. */
export function matches(bytes: Uint8Array, at: number, part: Uint8Array): boolean {
  for (let i = 0; i < part.length; i++) if (bytes[at + i] !== part[i]) return false;
  return true;
}

/** Bytes as characters of the same numbers: only for texts that are compared or decoded afterwards. */
export function latin1(bytes: Uint8Array, at: number, count: number): string {
  let text = "";
  for (let i = at; i < at + count; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}
