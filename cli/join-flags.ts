/** What commands that join a server are told of their joins: the body, and the connect tokens that come with it. */
import { readFileSync } from "node:fs";
import type { IssueTokenOptions } from "../src/tokens.ts";
import { claimsOf } from "./token.ts";
import { type FlagValues, UsageError } from "./usage.ts";

/** A run is over by then. */
const TOKEN_LIFETIME_MS = 600_000;

/** The body of join, undefined where none is given. Throws UsageError. */
export function joinBody(flags: FlagValues): unknown {
  const text = flags["join"] as string | undefined;
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError("--join takes JSON");
  }
}

/** What a token of each join is issued with, undefined where none is asked for. Throws UsageError. */
export function tokenOptions(flags: FlagValues): IssueTokenOptions | undefined {
  const [file, audience, claims] = ["token-key", "audience", "claims"].map(
    (name) => flags[name] as string | undefined,
  );
  if (file === undefined) {
    if (audience === undefined && claims === undefined) return undefined;
    throw new UsageError("--audience and --claims are those of tokens, which --token-key signs");
  }
  const issuer = readFileSync(file, "utf8");
  return { issuer, expiresInMs: TOKEN_LIFETIME_MS, audience, claims: claimsOf(claims) };
}
