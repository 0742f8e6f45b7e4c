/** What the options of `connect` say of keys: the server's, and the connect token with the key that the join is signed with. */
import { type ConnectOptions, serverKeys } from "./connect-options.ts";
import { StardustError } from "./errors.ts";
import type { Protocol } from "./protocol.ts";
import { IDENTITY_PREFIX } from "./server-key.ts";
import { tokenParts } from "./token-text.ts";
import { nodeCrypto } from "./udp/node-crypto.ts";
import type { ZeroClientOptions } from "./zero/client-options.ts";
import type { OwnToken } from "./zero/join.ts";
import { readToken } from "./zero/token.ts";

export type OwnCredentials = Pick<ZeroClientOptions, "serverKeys" | "token">;

/** Throws STARDUST_INVALID_OPTION. */
export function ownCredentials(
  protocol: Protocol,
  { serverKey, identity }: Pick<ConnectOptions, "serverKey" | "identity">,
  token: string | undefined,
): OwnCredentials {
  return { serverKeys: serverKeys(protocol, serverKey), token: ownToken(token, identity) };
}

function wrong(problem: string): StardustError {
  return new StardustError("STARDUST_INVALID_OPTION", problem);
}

/** Undefined without one. Throws STARDUST_INVALID_OPTION for what no server could take. */
function ownToken(text: string | undefined, identity: string | undefined): OwnToken | undefined {
  if (text === undefined) {
    if (identity === undefined) return undefined;
    throw wrong("identity: is the key that a token names, and there is no token");
  }
  const { signed, seed } = tokenParts(text);
  const token = readToken(signed);
  if (token === undefined) throw wrong("token: is cut short, or was changed");
  const key = identity?.trim().slice(IDENTITY_PREFIX.length) ?? seed;
  if (key === undefined) {
    throw wrong("token: was made for a key of the client's own; give the private one as identity");
  }
  const signer = nodeCrypto.signingKey(Buffer.from(key, "base64url"));
  if (!nodeCrypto.equal(signer.publicKey, token.clientKey)) {
    throw wrong("identity: is not the private half of the key that the token names");
  }
  return { signed, key: signer };
}
