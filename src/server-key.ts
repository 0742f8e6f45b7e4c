/**
 * A server's signing key as its users write it: the private half, called identity, as `stardust keygen` prints it, and the
 * public half, which clients are given. Each has one text (white space around it, as files have, does not count), and neither
 * can be taken for the other: a private key that was given to clients is refused there.
 */

/** In front of the 43 characters (base64url) of an Ed25519 seed. */
export const IDENTITY_PREFIX = "stardust-identity-";

/** 32 bytes of base64url: the last character has two bits that are not used, and zero. */
const KEY = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

/** Whether this is the text of a private key. */
export function isIdentity(value: unknown): value is string {
  if (typeof value !== "string") return false;
  const text = value.trim();
  return text.startsWith(IDENTITY_PREFIX) && KEY.test(text.slice(IDENTITY_PREFIX.length));
}

/** Whether this is the text of a public key. */
export function isServerKey(value: unknown): value is string {
  return typeof value === "string" && KEY.test(value.trim());
}
