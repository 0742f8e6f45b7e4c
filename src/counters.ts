/**
 * Named counts in one flat place. Names are stable (docs/counters.md); a count starts at zero when it is first asked
 * for. Adding is one map look-up, so the hot paths of session/ and zero/ keep objects of their own, which are added up
 * here when somebody asks.
 */
export class Counters {
  readonly #counts: Map<string, number>;

  constructor(counts: Iterable<readonly [string, number]> = []) {
    this.#counts = new Map(counts);
  }

  add(name: string, count = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
  }

  /** Adds all numbers of a flat object, each under `prefix.name`. */
  addAll(prefix: string, counts: object): void {
    for (const [name, count] of Object.entries(counts)) {
      if (typeof count === "number") this.add(`${prefix}.${name}`, count);
    }
  }

  copy(): Counters {
    return new Counters(this.#counts);
  }

  toObject(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }
}
