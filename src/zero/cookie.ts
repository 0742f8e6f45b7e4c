/**
 * Stateless cookies: a client proves that it receives at its address before anything is stored for it (as in RFC 9000
 * section 8.1.2 and RFC 6347 section 4.2.1). A cookie is the time and an HMAC over address, port, connection id,
 * protocol hash and time, with a secret of this port's own that is replaced once a lifetime; the one before is kept,
 * so every cookie can be checked for as long as it lives. With the secret goes whatever else is to live as long as its
 * cookies (secrets.ts). Worst case: one HMAC a check.
 *
 * In join, cookie and hash stand first in `sys`, at fixed offsets of the raw bytes: as with the MAC, a good cookie is
 * recognised before any JSON is parsed.
 */
import { base64urlLength, decodeBase64url, encodeBase64url } from "./base64url.ts";
import type { ZeroCrypto } from "./crypto.ts";
import { AFTER_CID, latin1, matches } from "./envelope.ts";
import { type NetworkPath, pathText } from "./network-path.ts";

const TIME_BYTES = 6;
const MAC_BYTES = 16;
const COOKIE_BYTES: number = TIME_BYTES + MAC_BYTES;
const COOKIE_CHARACTERS: number = base64urlLength(COOKIE_BYTES);
const HASH_CHARACTERS = 32;

const encoder = new TextEncoder();
const BEFORE_COOKIE: Uint8Array = encoder.encode(
  '","msg":"join","seq":1,"ack":0,"sys":{"cookie":"',
);
const BEFORE_HASH: Uint8Array = encoder.encode('","hash":"');
const COOKIE_AT: number = AFTER_CID + BEFORE_COOKIE.length;
const HASH_AT: number = COOKIE_AT + COOKIE_CHARACTERS + BEFORE_HASH.length;

/** Cookie and hash of a join 2, from its raw bytes; undefined where it does not begin as one with our cookie. */
export function peekCookie(bytes: Uint8Array): { cookie: string; hash: string } | undefined {
  if (!matches(bytes, AFTER_CID, BEFORE_COOKIE)) return undefined;
  if (!matches(bytes, COOKIE_AT + COOKIE_CHARACTERS, BEFORE_HASH)) return undefined;
  if (bytes[HASH_AT + HASH_CHARACTERS] !== 0x22) return undefined;
  return {
    cookie: latin1(bytes, COOKIE_AT, COOKIE_CHARACTERS),
    hash: latin1(bytes, HASH_AT, HASH_CHARACTERS),
  };
}

/** When a cookie was made. */
function timeOf(bytes: Uint8Array): number {
  let timeMs = 0;
  for (let i = 0; i < TIME_BYTES; i++) timeMs = timeMs * 256 + bytes[i]!;
  return timeMs;
}

/** What a cookie is bound to. */
export interface CookieSubject extends NetworkPath {
  readonly cid: string;
  readonly hash: string;
}

export function subjectOf(
  { address, port, local }: NetworkPath,
  cid: string,
  hash: string,
): CookieSubject {
  return { address, port, local, cid, hash };
}

/** What cookies of one time are made with. */
interface Epoch<T> {
  readonly secret: Uint8Array;
  /** Once somebody has asked for it. */
  companion?: T;
}

export class CookieJar<T = undefined> {
  readonly #crypto: ZeroCrypto;
  readonly #lifetimeMs: number;
  #current: Epoch<T>;
  #previous: Epoch<T>;
  #sinceMs: number;

  constructor(crypto: ZeroCrypto, lifetimeMs: number, nowMs: number) {
    this.#crypto = crypto;
    this.#lifetimeMs = lifetimeMs;
    this.#current = this.#epoch();
    this.#previous = this.#epoch();
    this.#sinceMs = Math.floor(nowMs);
  }

  /** What goes with the cookies that are made now. `make` makes it, once for each secret. */
  companion(nowMs: number, make: () => T): T {
    this.#rotate(Math.floor(nowMs));
    this.#current.companion ??= make();
    return this.#current.companion;
  }

  /** What went with a cookie that is good; undefined where nobody had asked for it by then. */
  companionOf(cookie: string): T | undefined {
    return this.#epochOf(timeOf(decodeBase64url(cookie, COOKIE_BYTES)!)).companion;
  }

  /** When to call `expire`, so that what went with cookies is kept no longer than they live; infinity: nothing does. */
  get deadlineMs(): number {
    const hasCompanion =
      this.#current.companion !== undefined || this.#previous.companion !== undefined;
    return hasCompanion ? this.#sinceMs + this.#lifetimeMs + 1 : Number.POSITIVE_INFINITY;
  }

  /** Forgets what no cookie that is still good was made with. */
  expire(nowMs: number): void {
    if (nowMs >= this.deadlineMs) this.#rotate(Math.floor(nowMs));
  }

  make(subject: CookieSubject, nowMs: number): string {
    const wholeMs = Math.floor(nowMs);
    this.#rotate(wholeMs);
    return this.#seal(subject, wholeMs, this.#current.secret);
  }

  /**
   * Whether this jar made `cookie` for `subject` within the last lifetime. Its last millisecond is not in it: the port
   * has then forgotten a join that came at once, and would take a late copy for another.
   */
  check(cookie: string, subject: CookieSubject, nowMs: number): boolean {
    const wholeMs = Math.floor(nowMs);
    this.#rotate(wholeMs);
    const bytes = decodeBase64url(cookie, COOKIE_BYTES);
    if (bytes === undefined) return false;
    const timeMs = timeOf(bytes);
    if (timeMs > wholeMs || wholeMs - timeMs >= this.#lifetimeMs) return false;
    const { secret } = this.#epochOf(timeMs);
    const expected = decodeBase64url(this.#seal(subject, timeMs, secret), COOKIE_BYTES)!;
    return this.#crypto.equal(bytes, expected);
  }

  #epoch(): Epoch<T> {
    return { secret: this.#crypto.randomBytes(32) };
  }

  #epochOf(timeMs: number): Epoch<T> {
    return timeMs >= this.#sinceMs ? this.#current : this.#previous;
  }

  #seal(subject: CookieSubject, timeMs: number, secret: Uint8Array): string {
    const { cid, hash } = subject;
    const mac = this.#crypto.hmacSha256(
      secret,
      encoder.encode(`cookie\n${pathText(subject)}\n${cid}\n${hash}\n${timeMs}`),
    );
    const bytes = new Uint8Array(COOKIE_BYTES);
    for (let i = TIME_BYTES - 1, rest = timeMs; i >= 0; i--, rest = Math.floor(rest / 256)) {
      bytes[i] = rest % 256;
    }
    bytes.set(mac.subarray(0, MAC_BYTES), TIME_BYTES);
    return encodeBase64url(bytes);
  }

  /** Decides by whole milliseconds, as cookies hold them: which secret made one is never in doubt. */
  #rotate(wholeMs: number): void {
    const ageMs = wholeMs - this.#sinceMs;
    if (ageMs <= this.#lifetimeMs) return;
    this.#previous = ageMs > 2 * this.#lifetimeMs ? this.#epoch() : this.#current;
    this.#current = this.#epoch();
    this.#sinceMs = wholeMs;
  }
}
