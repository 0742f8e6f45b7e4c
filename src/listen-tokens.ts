/** The option `tokens` of `listen`, checked, in the form in which each thread is given its part. */
import { StardustError } from "./errors.ts";
import { MAX_TOKEN_AUDIENCE_BYTES, MAX_TOKEN_ISSUERS } from "./limits.ts";
import type { TokenOptions } from "./listen-options.ts";
import { checkOptions, type OptionsOf, oneOrList, serverKeyText, text, whole } from "./options.ts";
import { sameIssuer, type TokenRules } from "./zero/token.ts";

const DEFAULT_LEEWAY_MS = 5000;
const MAX_LEEWAY_MS = 60_000;
const DEFAULT_REMEMBERED = 65_536;

const tokenOptions: OptionsOf<TokenOptions> = {
  issuers: oneOrList(serverKeyText),
  audience: text,
  leewayMs: whole(0, MAX_LEEWAY_MS),
  maxRemembered: whole(1, 2 ** 24),
};

export interface CheckedTokens {
  /** For the workers. */
  readonly rules: TokenRules;
  /** For the application's thread. */
  readonly maxRemembered: number;
}

/** Undefined without the option. Throws STARDUST_INVALID_OPTION. */
export function checkTokens(options: TokenOptions | undefined): CheckedTokens | undefined {
  if (options === undefined) return undefined;
  checkOptions("listen", options, tokenOptions, "tokens");
  const wrong = (problem: string): StardustError =>
    new StardustError("STARDUST_INVALID_OPTION", `tokens.${problem}`);
  const {
    audience = "",
    leewayMs = DEFAULT_LEEWAY_MS,
    maxRemembered = DEFAULT_REMEMBERED,
  } = options;
  // A copy of its own each: what small Buffers share would be sent to the workers with it.
  const issuers = [options.issuers ?? []]
    .flat()
    .map((key) => Uint8Array.from(Buffer.from(key.trim(), "base64url")));
  if (issuers.length === 0) throw wrong("issuers: the public keys of those whose tokens are good");
  if (issuers.length > MAX_TOKEN_ISSUERS) throw wrong(`issuers: at most ${MAX_TOKEN_ISSUERS}`);
  if (issuers.some((key, i) => issuers.slice(0, i).some((other) => sameIssuer(key, other)))) {
    throw wrong("issuers: two of them begin alike; name each once");
  }
  if (!audience.isWellFormed() || Buffer.byteLength(audience) > MAX_TOKEN_AUDIENCE_BYTES) {
    throw wrong(`audience: at most ${MAX_TOKEN_AUDIENCE_BYTES} bytes of well-formed text`);
  }
  return { rules: { issuers, audience, leewayMs }, maxRemembered };
}
