/**
 * How a port that has lost its peers proves it to them, as in RFC 9000 section 10.3: accept announces the hash of a
 * proof that only who has the server's reset key can work out again, from connection id and port. A client that hears
 * nothing repeats the hash in `rebind`; a port that does not know the connection, but made that hash, answers with the proof.
 *
 * The connection id is readable in a join, and so is the hash in accept. Neither leads to the proof: a port gives it only
 * to who shows it its own hash, of which nobody knows before the port has the reservation, and from then on the port knows the
 * connection as long as it lives. Where a client is told to move, the hash is of the new port and of that move alone: a port that
 * does not expect it any more gives the proof away, and no later move has the same. Worst case: one HMAC and one hash for a rebind without an owner.
 */
import { decodeBase64url, encodeBase64url } from "./base64url.ts";
import type { ZeroCrypto } from "./crypto.ts";
import { ID_BYTES } from "./envelope.ts";

/** A reset key: all ports of a server have the same one, and must have it again after a restart to prove anything. */
export const RESET_KEY_BYTES = 32;

const encoder = new TextEncoder();

/** The reset key that follows from a secret of the server's. */
export function resetKeyOf(crypto: ZeroCrypto, secret: Uint8Array): Uint8Array {
  return crypto.hmacSha256(secret, encoder.encode("stardust 1 reset key"));
}

/** What a port proves with that it has lost this connection, which has come to it by the move of this number, if by any. */
export function resetProof(
  crypto: ZeroCrypto,
  key: Uint8Array,
  cid: string,
  port: number,
  move?: number,
): Uint8Array {
  const moved = move === undefined ? "" : `\n${move}`;
  const text = `reset\n${cid}\n${port}${moved}`;
  return crypto.hmacSha256(key, encoder.encode(text)).subarray(0, ID_BYTES);
}

/** What accept says of it, so that it is known when it comes. */
export function resetOf(crypto: ZeroCrypto, proof: Uint8Array): string {
  return encodeBase64url(crypto.sha256(proof).subarray(0, ID_BYTES));
}

/** Whether `proof` is the one that accept has announced as `reset`. */
export function isResetProof(
  crypto: ZeroCrypto,
  reset: string | undefined,
  proof: string | undefined,
): boolean {
  if (reset === undefined || proof === undefined) return false;
  const bytes = decodeBase64url(proof, ID_BYTES);
  return bytes !== undefined && resetOf(crypto, bytes) === reset;
}
