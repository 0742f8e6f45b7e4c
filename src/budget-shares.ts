/**
 * How channels share a budget of bytes, so that one whose reader stands still holds up no other: each has a part of its
 * own, which holds at least its largest message, and what is left is a pool of which none takes all. Sessions use it for
 * what the other side holds, ports for what lies between two threads. Who holds how much is not here. Constant work.
 */

import { OWN_SHARE, POOL_SHARE } from "./limits.ts";

export class BudgetShares {
  readonly poolBytes: number;
  /** All parts and the pool: nothing that keeps to the shares is more. The budget, where messages are small beside it. */
  readonly totalBytes: number;
  /** By place. */
  readonly #ownBytes: Float64Array;

  /** `largest`: for each place of a channel the cost of its largest message. One alone has all of the budget. */
  constructor(budgetBytes: number, largest: readonly number[]) {
    const isAlone = largest.length === 1;
    const ownBytes = isAlone ? budgetBytes : Math.floor((budgetBytes * OWN_SHARE) / largest.length);
    this.poolBytes = isAlone ? 0 : Math.floor(budgetBytes * (1 - OWN_SHARE));
    this.#ownBytes = Float64Array.from(largest, (bytes) => Math.max(bytes, ownBytes));
    this.totalBytes = this.#ownBytes.reduce((sum, bytes) => sum + bytes, this.poolBytes);
  }

  /** What a channel has for itself. */
  own(place: number): number {
    return this.#ownBytes[place]!;
  }

  /** What a channel that holds so much has of the pool. */
  pooled(place: number, heldBytes: number): number {
    return Math.max(0, heldBytes - this.#ownBytes[place]!);
  }

  /** Whether a channel may hold so much, where the others have so much of the pool: what a sender keeps to. */
  isFair(place: number, heldBytes: number, othersPooled: number): boolean {
    return this.pooled(place, heldBytes) <= (this.poolBytes - othersPooled) * POOL_SHARE;
  }
}
