/** The cryptography of the connection protocol on Node's own module. */
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { ZeroCrypto } from "../zero/crypto.ts";

export const nodeCrypto: ZeroCrypto = {
  hmacSha256: (key, data) => createHmac("sha256", key).update(data).digest(),
  sha256: (data) => createHash("sha256").update(data).digest(),
  randomBytes: (count) => randomBytes(count),
  equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
};
