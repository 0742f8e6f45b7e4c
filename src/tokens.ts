/**
 * `stardust-udp/tokens`: connect tokens for the program that decides who may join, a web backend say. It needs neither the
 * spec nor the server. What a server finds out about a token is zero/token.ts's.
 */
import { StardustError } from "./errors.ts";
import {
  MAX_TOKEN_AUDIENCE_BYTES,
  MAX_TOKEN_CLAIMS_BYTES,
  MAX_TOKEN_LIFETIME_MS,
} from "./limits.ts";
import {
  checkOptions,
  identityText,
  type OptionsOf,
  object,
  serverKeyText,
  text,
  whole,
} from "./options.ts";
import { IDENTITY_PREFIX } from "./server-key.ts";
import { TOKEN_PREFIX } from "./token-text.ts";
import { nodeCrypto } from "./udp/node-crypto.ts";
import { encodeBase64url } from "./zero/base64url.ts";
import { readToken, signToken, TOKEN_ID_BYTES } from "./zero/token.ts";

export interface IssueTokenOptions {
  /** The issuer's private key, as `stardust keygen` prints it. Servers are given the public half. */
  readonly issuer: string;
  /** For how long it lets somebody in, milliseconds, from 1 to a day. Short is good: a minute is enough to connect. */
  readonly expiresInMs: number;
  /**
   * The public key of the client, which then has the private one itself (`connect({ token, identity })`). Default: a new pair,
   * whose private key stands in the token, so that the token is all that a player needs.
   */
  readonly clientKey?: string | undefined;
  /** For whom it is: servers whose `tokens.audience` is the same take it. At most 64 bytes; default: those that have none. */
  readonly audience?: string | undefined;
  /** What the server is told of the player. At most 512 bytes of JSON, and what a join has room for. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
}

export interface IssuedToken {
  /** For the player, over HTTPS, and for nobody else. */
  readonly token: string;
  /** Its name, 22 characters: no secret. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
}

const issueOptions: OptionsOf<IssueTokenOptions> = {
  issuer: identityText,
  expiresInMs: whole(1, MAX_TOKEN_LIFETIME_MS),
  clientKey: serverKeyText,
  audience: text,
  claims: object,
};

function wrong(problem: string): StardustError {
  return new StardustError("STARDUST_INVALID_OPTION", problem);
}

/** Makes a token that lets one client in, once. Throws STARDUST_INVALID_OPTION. */
export function issueToken(options: IssueTokenOptions): IssuedToken {
  checkOptions("issueToken", options, issueOptions);
  const { issuer, expiresInMs, clientKey, audience = "", claims = {} } = options;
  if (issuer === undefined) throw wrong("issuer: the private key of whoever lets players in");
  if (expiresInMs === undefined) throw wrong("expiresInMs: for how long it lets somebody in");
  const seed = clientKey === undefined ? nodeCrypto.randomBytes(32) : undefined;
  const id = nodeCrypto.randomBytes(TOKEN_ID_BYTES);
  const expiresAtMs = Date.now() + expiresInMs;
  const signed = signToken(nodeCrypto.signingKey(seedOf(issuer)), {
    id,
    clientKey:
      seed === undefined
        ? Buffer.from(clientKey!.trim(), "base64url")
        : nodeCrypto.signingKey(seed).publicKey,
    expiresAtMs,
    audience: checkAudience(audience),
    claims: checkClaims(claims),
  });
  // What is left are claims that no zero message may hold.
  if (readToken(signed) === undefined) {
    throw wrong(
      "claims: at most 6 levels and 64 keys, none of them __proto__, constructor or prototype, and well-formed text",
    );
  }
  return {
    token: TOKEN_PREFIX + signed + (seed === undefined ? "" : `.${encodeBase64url(seed)}`),
    id: encodeBase64url(id),
    expiresAtMs,
  };
}

/** A new key pair: of an issuer, or of a client for `clientKey` and `connect({ identity })`. */
export function newIdentity(): { readonly identity: string; readonly publicKey: string } {
  const seed = nodeCrypto.randomBytes(32);
  return {
    identity: IDENTITY_PREFIX + encodeBase64url(seed),
    publicKey: encodeBase64url(nodeCrypto.signingKey(seed).publicKey),
  };
}

function seedOf(identity: string): Uint8Array {
  return Buffer.from(identity.trim().slice(IDENTITY_PREFIX.length), "base64url");
}

function checkAudience(audience: string): string {
  if (audience.isWellFormed() && Buffer.byteLength(audience) <= MAX_TOKEN_AUDIENCE_BYTES) {
    return audience;
  }
  throw wrong(`audience: at most ${MAX_TOKEN_AUDIENCE_BYTES} bytes of well-formed text`);
}

/** As they will be read: what JSON leaves out is gone. */
function checkClaims(claims: object): Readonly<Record<string, unknown>> {
  let json: string | undefined;
  try {
    json = JSON.stringify(claims);
  } catch (error) {
    throw wrong(`claims: ${(error as Error).message}`);
  }
  if (json?.startsWith("{") !== true) throw wrong("claims: must be an object of JSON");
  const bytes = Buffer.byteLength(json);
  if (bytes <= MAX_TOKEN_CLAIMS_BYTES) return JSON.parse(json);
  throw wrong(`claims: ${bytes} bytes of JSON, at most ${MAX_TOKEN_CLAIMS_BYTES}`);
}
