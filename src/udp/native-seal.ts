/**
 * Sealing by the compiled part: what `node:crypto` takes two or three objects a datagram for, it does with one call and none. Not here: the
 * cipher (native/seal.c), and who seals so (choose-seal.ts).
 */
import type { CipherName } from "../protocol.ts";
import type { SealCrypto, SealKey } from "../session/seal-crypto.ts";
import type { NativeSealing } from "./native-binding.ts";
import { nodeSealCrypto } from "./node-seal.ts";

/** By the number that the compiled part has for them. */
const ciphers: readonly CipherName[] = ["aes-256-gcm", "chacha20-poly1305"];

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
/** A key with the nonce behind it, where the compiled part reads them: one datagram at a time is sealed or opened in a thread. */
const secret: Uint8Array = new Uint8Array(new ArrayBuffer(KEY_BYTES + NONCE_BYTES));

class NativeSealKey implements SealKey {
  readonly #sealing: NativeSealing;
  readonly #cipher: number;
  readonly #key: Uint8Array;

  constructor(sealing: NativeSealing, cipher: CipherName, key: Uint8Array) {
    if (key.length !== KEY_BYTES) throw new RangeError(`a key of ${key.length} bytes`);
    this.#sealing = sealing;
    this.#cipher = ciphers.indexOf(cipher);
    // A copy in V8's own heap: what the hash has made lies beside it, which costs more than the key.
    this.#key = Uint8Array.from(key);
  }

  seal(nonce: Uint8Array, bytes: Uint8Array, start: number, clearEnd: number, end: number): void {
    this.#say(nonce);
    this.#sealing.seal(this.#cipher, secret, bytes, start, clearEnd, end);
  }

  open(
    nonce: Uint8Array,
    bytes: Uint8Array,
    start: number,
    clearEnd: number,
    end: number,
  ): boolean {
    if (end < clearEnd) return false;
    this.#say(nonce);
    return this.#sealing.unseal(this.#cipher, secret, bytes, start, clearEnd, end);
  }

  #say(nonce: Uint8Array): void {
    if (nonce.length !== NONCE_BYTES) throw new RangeError(`a nonce of ${nonce.length} bytes`);
    secret.set(this.#key);
    secret.set(nonce, KEY_BYTES);
  }
}

export function nativeSealCrypto(sealing: NativeSealing): SealCrypto {
  return {
    expandSha256: nodeSealCrypto.expandSha256,
    key: (cipher, key) => new NativeSealKey(sealing, cipher, key),
  };
}
