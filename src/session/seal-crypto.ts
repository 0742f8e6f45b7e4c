/**
 * The cryptography that a sealed session is handed: it imports none, so that it runs where there is no Node.
 * `udp/node-seal.ts` is the one for Node. All of it is synchronous.
 */
import type { CipherName } from "../protocol.ts";

/** Bytes of a key, of a nonce and of a tag, whatever the cipher. */
export const KEY_BYTES = 32;
export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;

/** One key of an AEAD cipher (RFC 5116). It works in place. */
export interface SealKey {
  /**
   * Encrypts `bytes[clearEnd..end)` where it stands, and writes the tag behind it; `bytes[start..clearEnd)` is
   * authenticated and stays as it is. There is room for the tag.
   */
  seal(nonce: Uint8Array, bytes: Uint8Array, start: number, clearEnd: number, end: number): void;
  /**
   * The reverse: `end` is behind the tag. False where the tag is not the right one or is not there, and `bytes` is as it
   * was.
   */
  open(nonce: Uint8Array, bytes: Uint8Array, start: number, clearEnd: number, end: number): boolean;
}

export interface SealCrypto {
  /** HKDF-Expand with SHA-256 (RFC 5869, section 2.3): `count` bytes, at most 32. */
  expandSha256(secret: Uint8Array, info: Uint8Array, count: number): Uint8Array;
  /** The key is copied, or kept: it does not change. */
  key(cipher: CipherName, key: Uint8Array): SealKey;
}
