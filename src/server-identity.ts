/** The signing key of a server: the one it is given, or a fresh one. Its private half leaves this process nowhere. */
import { StardustError } from "./errors.ts";
import type { Protocol } from "./protocol.ts";
import { IDENTITY_PREFIX } from "./server-key.ts";
import { nodeCrypto } from "./udp/node-crypto.ts";
import { encodeBase64url } from "./zero/base64url.ts";

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
