/**
 * How many peers a server carries, as a search: doubled while all is well, then halved between the most that were carried and
 * the fewest that were not, until the two are within a tenth. It decides how many are tried next, and nothing else.
 */
export class LimitSearch {
  /** The most that were carried. */
  carried = 0;
  /** The fewest that were not; Infinity: all that were tried were. */
  failed: number = Number.POSITIVE_INFINITY;
  readonly #max: number;
  #next: number;

  constructor(first: number, max: number) {
    this.#max = max;
    this.#next = Math.min(first, max);
  }

  /** How many to try; undefined: it is known. */
  get next(): number | undefined {
    if (this.carried >= this.#max) return undefined;
    if (this.failed - this.carried <= Math.max(1, this.carried / 10)) return undefined;
    return this.#next;
  }

  /** So many were tried. */
  tried(peers: number, wasCarried: boolean): void {
    if (wasCarried) this.carried = Math.max(this.carried, peers);
    else this.failed = Math.min(this.failed, peers);
    this.#next =
      this.failed === Number.POSITIVE_INFINITY
        ? Math.min(this.carried * 2, this.#max)
        : Math.floor((this.carried + this.failed) / 2);
  }
}
