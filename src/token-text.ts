/**
 * A connect token as its users write it, as a backend hands it to a player: `stardust-token-`, the signed part, and, where
 * the backend has made the client's key, a dot and the private one. Only the signed part goes to a server.
 */

export const TOKEN_PREFIX = "stardust-token-";

const TEXT = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])?$/;

/** Whether this could be a token; white space around it, as files have, does not count. */
export function isTokenText(value: unknown): value is string {
  if (typeof value !== "string") return false;
  const text = value.trim();
  return text.startsWith(TOKEN_PREFIX) && TEXT.test(text.slice(TOKEN_PREFIX.length));
}

/** The signed part, and the private key of 43 characters that may stand behind it. */
export function tokenParts(text: string): { readonly signed: string; readonly seed?: string } {
  const [signed, seed] = text.trim().slice(TOKEN_PREFIX.length).split(".");
  return seed === undefined ? { signed: signed! } : { signed: signed!, seed };
}
