/** What a probe finds out of a server: one row for each rule of docs/wire.md and docs/connection.md that shows from outside. */

export type Level = "MUST" | "SHOULD";

export type Outcome =
  | { readonly result: "pass" }
  /** `detail`: what was seen instead, or why nothing could be. */
  | { readonly result: "fail" | "not observable"; readonly detail: string };

/** A rule, and how it is tried with what a group of rules has in common. */
export interface Rule<Context> {
  /** Stable: what `--only` takes. */
  readonly id: string;
  readonly level: Level;
  /** Page and section. */
  readonly where: string;
  readonly says: string;
  /** It is tried on a connection of its own, from a socket of its own: it needs a fresh one, or leaves none behind. */
  readonly alone?: true;
  check(context: Context): Promise<Outcome>;
}

export const pass: Outcome = { result: "pass" };
export const fail = (detail: string): Outcome => ({ result: "fail", detail });
export const unseen = (detail: string): Outcome => ({ result: "not observable", detail });
