/**
 * Sealing on Node's own module. A cipher of it is made for each datagram, since that is what takes a nonce; keys are plain
 * bytes, because a `KeyObject` for each of them costs memory and saves no time that can be measured.
 */
import { type CipherGCMTypes, createCipheriv, createDecipheriv, createHmac } from "node:crypto";
import type { CipherName } from "../protocol.ts";
import type { SealCrypto, SealKey } from "../session/seal-crypto.ts";

const TAG_BYTES = 16;
const options = { authTagLength: TAG_BYTES } as const;
/** The one block that an expansion of at most 32 bytes has. */
const firstBlock: Uint8Array = Uint8Array.of(1);

class NodeSealKey implements SealKey {
  /** `chacha20-poly1305` has the same functions; Node's types know them for GCM. */
  readonly #cipher: CipherGCMTypes;
  readonly #key: Uint8Array;

  constructor(cipher: CipherName, key: Uint8Array) {
    this.#cipher = cipher as CipherGCMTypes;
    // A copy in V8's own heap: what the hash has made lies beside it, which costs more than the key.
    this.#key = Uint8Array.from(key);
  }

  seal(nonce: Uint8Array, bytes: Uint8Array, start: number, clearEnd: number, end: number): void {
    const cipher = createCipheriv(this.#cipher, this.#key, nonce, options);
    cipher.setAAD(bytes.subarray(start, clearEnd));
    bytes.set(cipher.update(bytes.subarray(clearEnd, end)), clearEnd);
    cipher.final();
    bytes.set(cipher.getAuthTag(), end);
  }

  open(
    nonce: Uint8Array,
    bytes: Uint8Array,
    start: number,
    clearEnd: number,
    end: number,
  ): boolean {
    const tagAt = end - TAG_BYTES;
    if (tagAt < clearEnd) return false;
    const decipher = createDecipheriv(this.#cipher, this.#key, nonce, options);
    decipher.setAAD(bytes.subarray(start, clearEnd));
    decipher.setAuthTag(bytes.subarray(tagAt, end));
    const opened = decipher.update(bytes.subarray(clearEnd, tagAt));
    try {
      decipher.final();
    } catch {
      return false;
    }
    bytes.set(opened, clearEnd);
    return true;
  }
}

export const nodeSealCrypto: SealCrypto = {
  expandSha256: (secret, info, count) =>
    createHmac("sha256", secret).update(info).update(firstBlock).digest().subarray(0, count),
  key: (cipher, key) => new NodeSealKey(cipher, key),
};
