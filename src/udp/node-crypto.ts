/** The cryptography of the connection protocol on Node's own module. */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hash,
  type KeyObject,
  randomBytes,
  randomFillSync,
  sign,
  timingSafeEqual,
  verify,
} from "node:crypto";
import type { KeyPair, SigningKey, ZeroCrypto } from "../zero/crypto.ts";

const GCM_TAG_BYTES = 16;

export const nodeCrypto: ZeroCrypto = {
  hmacSha256: (key, data) => createHmac("sha256", key).update(data).digest(),
  sha256: (data) => hash("sha256", data, "buffer"),
  randomBytes: drawnBytes,
  equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
  keyPair: freshKeyPair,
  signingKey: (seed) => signingKeyOf(privateKeyOf("ed25519", seed)),
  seal: (key, nonce, said, bytes) => {
    const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(said);
    return Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
  },
  open: (key, nonce, said, sealed) => {
    const tagAt = sealed.length - GCM_TAG_BYTES;
    if (tagAt < 0) return undefined;
    const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: GCM_TAG_BYTES });
    decipher.setAAD(said).setAuthTag(sealed.subarray(tagAt));
    const opened = decipher.update(sealed.subarray(0, tagAt));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return opened;
  },
  verify: (publicKey, data, signature) => {
    try {
      return verify(null, data, importPublic("Ed25519", publicKey), signature);
    } catch {
      // No point of the curve.
      return false;
    }
  },
};

const PRIVATE_BYTES = 32;
/** Stands where a JWK wants a public key: the one of a private key is worked out, not read. No pair has it. */
const NO_PUBLIC_KEY: string = Buffer.alloc(PRIVATE_BYTES).toString("base64url");
let imports = true;

/**
 * By way of a JWK of 32 random bytes, which is what a private key of X25519 is (RFC 7748, section 6.1): a third to a half of the
 * time that it takes to have one generated and its public half encoded. A Node that wants the public key beside it, or believes
 * what stands there, generates.
 */
export function freshKeyPair(): KeyPair {
  if (imports) {
    try {
      const d = randomBytes(PRIVATE_BYTES).toString("base64url");
      const jwk = { kty: "OKP", crv: "X25519", x: NO_PUBLIC_KEY, d };
      const privateKey = createPrivateKey({ key: jwk, format: "jwk" });
      const { x } = privateKey.export({ format: "jwk" });
      if (x !== NO_PUBLIC_KEY) return keyPairOf(privateKey, Buffer.from(x!, "base64url"));
    } catch {
      // Generated from here on.
    }
    imports = false;
  }
  return generatedKeyPair();
}

/**
 * The public half is encoded where the pair is made: exporting a key that was generated hangs for ever in Node 20 where a
 * garbage collection falls into it (the end of the generating job waits for the lock that the export holds).
 */
export function generatedKeyPair(): KeyPair {
  const publicKeyEncoding = { type: "spki", format: "der" } as const;
  const { privateKey, publicKey } = generateKeyPairSync("x25519", {
    publicKeyEncoding,
  } as object) as {
    privateKey: KeyObject;
    publicKey: unknown;
  };
  return keyPairOf(privateKey, Uint8Array.from((publicKey as Uint8Array).subarray(-32)));
}

/** The key pair of an X25519 private key. */
export function keyPairOf(
  privateKey: KeyObject,
  publicKey: Uint8Array = exportPublic(privateKey),
): KeyPair {
  return {
    publicKey,
    agree: (theirs) => {
      try {
        const shared = diffieHellman({ privateKey, publicKey: importPublic("X25519", theirs) });
        return shared.some((byte) => byte !== 0) ? shared : undefined;
      } catch {
        // OpenSSL refuses a result of zero by itself.
        return undefined;
      }
    },
  };
}

function signingKeyOf(privateKey: KeyObject): SigningKey {
  return {
    publicKey: exportPublic(privateKey),
    sign: (data) => sign(null, data, privateKey),
  };
}

/** What stands before 32 bytes of a private key in PKCS #8 (RFC 8410, section 7). */
const PKCS8: Readonly<Record<"x25519" | "ed25519", string>> = {
  x25519: "302e020100300506032b656e04220420",
  ed25519: "302e020100300506032b657004220420",
};

/** A private key of given bytes: an identity's, or one of a test. */
export function privateKeyOf(curve: "x25519" | "ed25519", bytes: Uint8Array): KeyObject {
  const key = Buffer.concat([Buffer.from(PKCS8[curve], "hex"), bytes]);
  return createPrivateKey({ key, format: "der", type: "pkcs8" });
}

/** By way of a JWK, whose import and export take a fraction of the time that DER takes. */
function importPublic(crv: "X25519" | "Ed25519", bytes: Uint8Array): KeyObject {
  const x = Buffer.from(bytes).toString("base64url");
  return createPublicKey({ key: { kty: "OKP", crv, x }, format: "jwk" });
}

function exportPublic(privateKey: KeyObject): Uint8Array {
  return Buffer.from(createPublicKey(privateKey).export({ format: "jwk" }).x!, "base64url");
}

const BYTES_DRAWN_AT_ONCE = 4096;
const drawn = new Uint8Array(BYTES_DRAWN_AT_ONCE);
let given = drawn.length;

/** Drawn in bulk: one call into the system's generator costs as much as a join's four. What is given away is kept nowhere. */
function drawnBytes(count: number): Uint8Array {
  if (count > drawn.length) return randomBytes(count);
  if (given + count > drawn.length) {
    randomFillSync(drawn);
    given = 0;
  }
  const bytes = drawn.slice(given, given + count);
  drawn.fill(0, given, given + count);
  given += count;
  return bytes;
}

const pool = new Uint32Array(256);
let used = pool.length;

/** At least 0, below 1, and not to be guessed: what decides which packet numbers are skipped. Drawn in bulk. */
export function secureRandom(): number {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  return pool[used++]! / 2 ** 32;
}
