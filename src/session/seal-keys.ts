/**
 * The keys of a sealed session: what one side sends with, and what it opens with what the other side sends. Each direction
 * has its own secret, and its sender alone decides when the next keys begin; the phase bit of a datagram says which of two
 * are meant (RFC 9001 section 6, which has both directions change together). What is sealed, and where, is
 * open-datagram.ts's and build-datagram.ts's.
 *
 * Worst case of a forged datagram: one attempt to open it, whatever its bits; the next keys are derived once a phase.
 */
import type { CipherName } from "../protocol.ts";
import { KEY_BYTES, NONCE_BYTES, type SealCrypto, type SealKey } from "./seal-crypto.ts";

/** How often keys may be used. RFC 9001, section 6.6, gives the numbers that none of these may pass. */
export interface SealLimits {
  /** Datagrams sealed with one key before the next is to be used. */
  readonly updateAfter: number;
  /** Datagrams sealed with one key at all. */
  readonly maxSealed: number;
  /** Datagrams that did not open, in a session. */
  readonly maxRefused: number;
}

export const sealLimits: Readonly<Record<CipherName, SealLimits>> = {
  "aes-256-gcm": { updateAfter: 2 ** 22, maxSealed: 2 ** 23, maxRefused: 2 ** 52 },
  "chacha20-poly1305": { updateAfter: 2 ** 22, maxSealed: 2 ** 23, maxRefused: 2 ** 36 },
};

/** So many probe timeouts are keys kept after the next have begun, and the next after those are waited for. */
export const KEEP_KEYS_PROBES = 3;

/** Labels of what is derived from a secret: `stardust 1 `, and what it is for. All are ASCII. */
const label = (text: string): Uint8Array =>
  Uint8Array.from(`stardust 1 ${text}`, (character) => character.charCodeAt(0));
const labels = { key: label("key"), iv: label("iv"), next: label("ku") };

/** One at a time is in use in a thread: that of the datagram being sealed or opened. */
const nonce: Uint8Array = new Uint8Array(NONCE_BYTES);

/** What a direction is sealed with in one phase. */
export class KeyedPhase {
  private readonly crypto: SealCrypto;
  private readonly cipher: CipherName;
  private readonly key: SealKey;
  /** The iv, and behind it the secret: a typed array of its own for each would cost four times as much memory. */
  private readonly material: Uint8Array = new Uint8Array(NONCE_BYTES + KEY_BYTES);

  /** The secret is copied. */
  constructor(crypto: SealCrypto, cipher: CipherName, secret: Uint8Array) {
    this.crypto = crypto;
    this.cipher = cipher;
    this.material.set(crypto.expandSha256(secret, labels.iv, NONCE_BYTES));
    this.material.set(secret, NONCE_BYTES);
    this.key = crypto.key(cipher, crypto.expandSha256(secret, labels.key, KEY_BYTES));
  }

  /** What all of it is derived from; zeros, once it is forgotten. */
  get secret(): Uint8Array {
    return this.material.subarray(NONCE_BYTES);
  }

  next(): KeyedPhase {
    const secret = this.crypto.expandSha256(this.secret, labels.next, KEY_BYTES);
    const phase = new KeyedPhase(this.crypto, this.cipher, secret);
    secret.fill(0);
    return phase;
  }

  /** Nothing is derived from its secret any more: what comes to know it later cannot open what went before. */
  forgetSecret(): void {
    this.secret.fill(0);
  }

  seal(number: number, bytes: Uint8Array, start: number, clearEnd: number, end: number): void {
    this.key.seal(this.nonce(number), bytes, start, clearEnd, end);
  }

  open(number: number, bytes: Uint8Array, start: number, clearEnd: number, end: number): boolean {
    return this.key.open(this.nonce(number), bytes, start, clearEnd, end);
  }

  /** The iv, with the packet number as 64 bits, big-endian, at its end (RFC 9001 section 5.3); valid until the next call. */
  nonce(number: number): Uint8Array {
    const iv = this.material;
    const high = Math.floor(number / 2 ** 32);
    const low = number >>> 0;
    for (let i = 0; i < 4; i++) {
      nonce[i] = iv[i]!;
      nonce[4 + i] = iv[4 + i]! ^ ((high >>> (24 - 8 * i)) & 0xff);
      nonce[8 + i] = iv[8 + i]! ^ ((low >>> (24 - 8 * i)) & 0xff);
    }
    return nonce;
  }
}

/** All that keys are made from. */
export interface KeyOptions {
  readonly crypto: SealCrypto;
  readonly cipher: CipherName;
  readonly limits: SealLimits;
  /** How long keys are kept after the next have begun: three probe timeouts. */
  readonly keepMs: () => number;
}

/** What a side seals with. */
export class SendKeys {
  /** The phase bit of what is sealed now. */
  phase = false;
  private readonly limits: SealLimits;
  private readonly keepMs: () => number;
  private keys: KeyedPhase;
  /** The first packet number of the phase, and how many were sealed in it. */
  private phaseFrom = 0;
  private sealed = 0;
  /** When the other side was first seen to have opened something of this phase; negative: not yet. */
  private confirmedAtMs = -1;
  private wanted = false;

  constructor({ crypto, cipher, limits, keepMs }: KeyOptions, secret: Uint8Array) {
    this.limits = limits;
    this.keepMs = keepMs;
    this.keys = new KeyedPhase(crypto, cipher, secret);
  }

  /** The key may not be used any more: the session is over. */
  get isSpent(): boolean {
    return this.sealed >= this.limits.maxSealed;
  }

  /** The next keys are to begin as soon as they may. */
  update(): void {
    this.wanted = true;
  }

  /** Before datagram `number` is written: begins the next keys where they are due and may begin. */
  begin(number: number, largestAcknowledged: number, nowMs: number): void {
    if (!this.wanted && this.sealed < this.limits.updateAfter) return;
    if (largestAcknowledged < this.phaseFrom) return;
    if (this.confirmedAtMs < 0) this.confirmedAtMs = nowMs;
    // By then the other side has forgotten the keys before these, which have the phase bit of the next.
    const isFirst = this.phaseFrom === 0;
    if (!isFirst && nowMs < this.confirmedAtMs + this.keepMs()) return;
    const next = this.keys.next();
    this.keys.forgetSecret();
    this.keys = next;
    this.phase = !this.phase;
    this.phaseFrom = number;
    this.sealed = 0;
    this.confirmedAtMs = -1;
    this.wanted = false;
  }

  /** Seals what stands behind the clear part; the tag comes behind `end`. */
  seal(number: number, bytes: Uint8Array, start: number, clearEnd: number, end: number): void {
    this.sealed++;
    this.keys.seal(number, bytes, start, clearEnd, end);
  }
}

/** What a side opens with. */
export class ReceiveKeys {
  private readonly limits: SealLimits;
  private readonly keepMs: () => number;
  private phase = false;
  private current: KeyedPhase;
  /** The lowest packet number that was opened with them: what is below it and has the other bit is of the phase before. */
  private lowest = 0;
  private previous: KeyedPhase | undefined = undefined;
  private previousUntilMs = 0;
  /** Made when somebody first claims that they have begun. */
  private next: KeyedPhase | undefined = undefined;
  private refused = 0;

  constructor({ crypto, cipher, limits, keepMs }: KeyOptions, secret: Uint8Array) {
    this.limits = limits;
    this.keepMs = keepMs;
    this.current = new KeyedPhase(crypto, cipher, secret);
  }

  /** So many datagrams did not open that one more might by chance: the session is over. */
  get isSpent(): boolean {
    return this.refused >= this.limits.maxRefused;
  }

  /** Opens datagram `number` in place; `end` is behind its tag. False: it is not of the other side, and stays as it was. */
  open(
    phase: boolean,
    number: number,
    bytes: Uint8Array,
    start: number,
    clearEnd: number,
    end: number,
    nowMs: number,
  ): boolean {
    const keys = this.choose(phase, number, nowMs);
    if (keys === undefined) return false;
    if (!keys.open(number, bytes, start, clearEnd, end)) {
      this.refused++;
      return false;
    }
    if (keys === this.next) {
      this.current.forgetSecret();
      this.previous = this.current;
      this.previousUntilMs = nowMs + this.keepMs();
      this.current = keys;
      this.next = undefined;
      this.phase = phase;
      this.lowest = number;
    } else if (keys === this.current && number < this.lowest) this.lowest = number;
    return true;
  }

  /** Lets go of the keys before the current ones, when their time is over. */
  maintain(nowMs: number): void {
    if (nowMs >= this.previousUntilMs) this.previous = undefined;
  }

  private choose(phase: boolean, number: number, nowMs: number): KeyedPhase | undefined {
    if (phase === this.phase) return this.current;
    if (number < this.lowest) {
      this.maintain(nowMs);
      return this.previous;
    }
    this.next ??= this.current.next();
    return this.next;
  }
}
