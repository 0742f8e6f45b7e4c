/**
 * The keys of a server: that which it signs with, the one it is given or a fresh one, and that which it proves a restart with.
 * They leave this process nowhere.
 */
import { StardustError } from "./errors.ts";
import type { Protocol } from "./protocol.ts";
import { IDENTITY_PREFIX } from "./server-key.ts";
import { nodeCrypto } from "./udp/node-crypto.ts";
import { encodeBase64url } from "./zero/base64url.ts";
import { RESET_KEY_BYTES, resetKeyOf } from "./zero/reset.ts";

export interface ServerIdentity {
  /** 32 bytes. */
  readonly seed: Uint8Array;
  /** As clients are given it. */
  readonly publicKey: string;
}

/** Undefined where the protocol is plain. Throws STARDUST_INVALID_OPTION for a key that it has no use for. */
export function serverIdentity(
  protocol: Protocol,
  identity: string | undefined,
): ServerIdentity | undefined {
  if (protocol.security === "plain") {
    if (identity === undefined) return undefined;
    throw new StardustError(
      "STARDUST_INVALID_OPTION",
      `identity: protocol ${protocol.name} is plain, and nothing is signed there; write \`security: sealed\` in its spec, or leave identity out`,
    );
  }
  const seed =
    identity === undefined
      ? nodeCrypto.randomBytes(32)
      : Buffer.from(identity.trim().slice(IDENTITY_PREFIX.length), "base64url");
  // A copy of its own: what small Buffers share would be sent to the workers with it.
  const own = Uint8Array.from(seed);
  return { seed: own, publicKey: encodeBase64url(nodeCrypto.signingKey(own).publicKey) };
}

/**
 * What the server proves a restart with: of the text that it is given, else of its identity, so that a server that keeps that
 * needs nothing more. Where there is neither it is a fresh one, and only workers of this process have it again.
 */
export function resetKey(
  identity: ServerIdentity | undefined,
  given: string | undefined,
): Uint8Array {
  const secret = given === undefined ? identity?.seed : new TextEncoder().encode(given);
  // A copy of its own, as above.
  if (secret !== undefined) return Uint8Array.from(resetKeyOf(nodeCrypto, secret));
  return Uint8Array.from(nodeCrypto.randomBytes(RESET_KEY_BYTES));
}
