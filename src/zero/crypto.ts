/**
 * The cryptography that the connection protocol is handed: it imports none, so that it runs where there is no Node.
 * `udp/node-crypto.ts` is the one for Node. All of it answers at once; nothing throws for any bytes of the other side.
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
  /** A new X25519 key pair (RFC 7748), for one connection. A test hands in a seeded source. */
  keyPair(): KeyPair;
  /** The Ed25519 key (RFC 8032) of a seed of 32 bytes. */
  signingKey(seed: Uint8Array): SigningKey;
  /** AES-256-GCM with a tag of 16 bytes behind: `key` 32 bytes, `nonce` 12, `said` authenticated beside it. */
  seal(key: Uint8Array, nonce: Uint8Array, said: Uint8Array, bytes: Uint8Array): Uint8Array;
  /** What was sealed; undefined where the tag is wrong. */
  open(
    key: Uint8Array,
    nonce: Uint8Array,
    said: Uint8Array,
    sealed: Uint8Array,
  ): Uint8Array | undefined;
  /** Whether `signature` (64 bytes) is that of `data` by the Ed25519 key `publicKey` (32 bytes). */
  verify(publicKey: Uint8Array, data: Uint8Array, signature: Uint8Array): boolean;
}

/** The private half stays inside. */
export interface KeyPair {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /**
   * What both sides get from their own private and the other's public key: 32 bytes. Undefined where that is zero,
   * whatever the private key: the other side has sent a point of low order (RFC 7748, section 6.1).
   */
  agree(publicKey: Uint8Array): Uint8Array | undefined;
}

/** The private half stays inside. */
export interface SigningKey {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64 bytes. */
  sign(data: Uint8Array): Uint8Array;
}
