/** The cryptography of the connection protocol on Node's own module. */
import { createHash, createHmac, randomBytes, randomFillSync, timingSafeEqual } from "node:crypto";
import type { ZeroCrypto } from "../zero/crypto.ts";

export const nodeCrypto: ZeroCrypto = {
  hmacSha256: (key, data) => createHmac("sha256", key).update(data).digest(),
  sha256: (data) => createHash("sha256").update(data).digest(),
  randomBytes: (count) => randomBytes(count),
  equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
};

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
