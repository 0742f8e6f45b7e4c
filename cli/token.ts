/**
 * The command `token`: issues a connect token, for tests, tools and backends that are not written in JavaScript. What it
 * prints lets somebody in: it belongs to one player.
 */
import { readFileSync } from "node:fs";
import { StardustError } from "../src/errors.ts";
import { MAX_TOKEN_LIFETIME_MS } from "../src/limits.ts";
import { isServerKey } from "../src/server-key.ts";
import { type IssuedToken, type IssueTokenOptions, issueToken } from "../src/tokens.ts";
import type { ExitCode, Invocation } from "./command.ts";
import { readNumber, UsageError } from "./usage.ts";

const DEFAULT_SECONDS = 60;
const SECONDS = { min: 0.001, max: MAX_TOKEN_LIFETIME_MS / 1000, whole: false };

export async function runToken({ flags, out }: Invocation): Promise<ExitCode> {
  const text = (name: string): string | undefined => flags[name] as string | undefined;
  const file = text("issuer");
  if (file === undefined) {
    throw new UsageError("--issuer names the file with the issuer's private key (stardust keygen)");
  }
  const issued = issue({
    issuer: readFileSync(file, "utf8"),
    expiresInMs: Math.floor((readNumber(flags, "expires", SECONDS) ?? DEFAULT_SECONDS) * 1000),
    clientKey: keyOf(text("client-key")),
    audience: text("audience"),
    claims: claimsOf(text("claims")),
  });
  out(flags["json"] === true ? `${JSON.stringify(issued)}\n` : `${issued.token}\n`);
  return 0;
}

/** Throws UsageError for what makes no token. */
export function issue(options: IssueTokenOptions): IssuedToken {
  try {
    return issueToken(options);
  } catch (error) {
    if (error instanceof StardustError) throw new UsageError(error.message);
    throw error;
  }
}

/** A key as it stands on the command line, or in a file of `stardust keygen`. */
function keyOf(given: string | undefined): string | undefined {
  return given === undefined || isServerKey(given) ? given : readFileSync(given, "utf8");
}

export function claimsOf(json: string | undefined): Readonly<Record<string, unknown>> | undefined {
  if (json === undefined) return undefined;
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new UsageError(`--claims: ${(error as Error).message}`);
  }
}
