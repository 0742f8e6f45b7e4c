/**
 * That a connect token lets one client in, over all ports of a server. Of the joins that bring the same one the newest holds it:
 * they are all of the client that has its key, and a client that starts again has nothing from the join before. When a
 * peer has come of it, it is used, and remembered until it has ended by any clock; a join of which nothing came leaves it as it
 * was. Nothing is ever forgotten to make room. Worst case: `maxRemembered` entries, all looked at once a second when full.
 */

/** The longest leeway, and a minute for a join that was checked in its token's last moment and is on its way here. */
const GRACE_MS = 120_000;
/** How often those that have ended are looked for, where there is no room. */
const SWEEP_MS = 1000;

/** A join's hold on its token. */
export interface TokenClaim {
  /** The reservation that it has led to. */
  peer: number | undefined;
  /** Another join has the token, or has used it. */
  isLost: boolean;
  /** It is being decided on, and may find another place when it loses one. */
  isPlacing: boolean;
  /** When it is known what has become of the join before it: its place is free, or a peer's. */
  ready: Promise<unknown> | undefined;
  readonly id: string;
}

interface Entry {
  readonly untilMs: number;
  /** Undefined: used. */
  holder: TokenClaim | undefined;
}

export class TokenLedger {
  readonly #maxRemembered: number;
  readonly #entries = new Map<string, Entry>();
  #sweepAtMs = Number.NEGATIVE_INFINITY;

  constructor(maxRemembered: number) {
    this.#maxRemembered = maxRemembered;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * A join brings a token that is good. What it takes the place of is `older`, which has lost it. Times are since 1970.
   */
  claim(
    { id, expiresAtMs }: { readonly id: string; readonly expiresAtMs: number },
    nowMs: number,
  ): { readonly claim: TokenClaim; readonly older: TokenClaim | undefined } | "used" | "full" {
    const known = this.#entries.get(id);
    if (known !== undefined && known.holder === undefined) return "used";
    const claim: TokenClaim = {
      id,
      peer: undefined,
      isLost: false,
      isPlacing: true,
      ready: undefined,
    };
    if (known !== undefined) {
      const older = known.holder!;
      older.isLost = true;
      known.holder = claim;
      return { claim, older };
    }
    if (this.#entries.size >= this.#maxRemembered) this.#sweep(nowMs);
    if (this.#entries.size >= this.#maxRemembered) return "full";
    this.#entries.set(id, { untilMs: expiresAtMs + GRACE_MS, holder: claim });
    return { claim, older: undefined };
  }

  /** A peer has come of it: the token is used. A newer join, which waits for what becomes of this one, has lost it. */
  use({ id }: TokenClaim): void {
    const entry = this.#entries.get(id);
    if (entry?.holder === undefined) return;
    entry.holder.isLost = true;
    entry.holder = undefined;
  }

  /** The join has been decided on. */
  placed(claim: TokenClaim): void {
    claim.isPlacing = false;
    if (claim.peer === undefined) this.release(claim);
  }

  /** Nothing has come of the join, or the peer has left. */
  release(claim: TokenClaim): void {
    if (claim.isPlacing) return;
    if (this.#entries.get(claim.id)?.holder === claim) this.#entries.delete(claim.id);
  }

  #sweep(nowMs: number): void {
    if (nowMs < this.#sweepAtMs && nowMs >= this.#sweepAtMs - SWEEP_MS) return;
    this.#sweepAtMs = nowMs + SWEEP_MS;
    for (const [id, { untilMs, holder }] of this.#entries) {
      if (holder === undefined && untilMs <= nowMs) this.#entries.delete(id);
    }
  }
}
