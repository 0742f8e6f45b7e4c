/**
 * The cryptography that the connection protocol is handed: it imports none, so that it runs where there is no Node.
 * `udp/node-crypto.ts` is the one for Node.
 */
export interface ZeroCrypto {
  /** HMAC-SHA-256 (RFC 2104): 32 bytes. */
  hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** SHA-256: 32 bytes. */
  sha256(data: Uint8Array): Uint8Array;
  /** Cryptographically random bytes. A test hands in a seeded source. */
  randomBytes(count: number): Uint8Array;
  /** Compares in constant time; false for different lengths. */
  equal(a: Uint8Array, b: Uint8Array): boolean;
}
