/**
 * The joins a port remembers: those the application is deciding on and those it has decided, each until the cookie it
 * came with has expired, so that a late copy makes no second peer. All live equally long, so the oldest expires
 * first, and the table is a map in order of arrival. Full means that a new join is refused; nothing is pushed out.
 * Worst case: `maxEntries` entries with an answer of one datagram each.
 */
export interface JoinEntry {
  readonly cid: string;
  /** SHA-256 of the frozen bytes of join 2. */
  readonly digest: Uint8Array;
  readonly address: string;
  readonly port: number;
  readonly expiresAtMs: number;
  /** The bytes of accept or reject, once decided. */
  answer: Uint8Array | undefined;
}

export class JoinTable {
  readonly #entries: Map<string, JoinEntry> = new Map();
  readonly #maxPending: number;
  readonly #maxEntries: number;
  #pending = 0;

  constructor(maxPending: number, maxEntries: number) {
    this.#maxPending = maxPending;
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Joins that wait for a decision. */
  get pending(): number {
    return this.#pending;
  }

  get full(): boolean {
    return this.#pending >= this.#maxPending || this.#entries.size >= this.#maxEntries;
  }

  get(cid: string): JoinEntry | undefined {
    return this.#entries.get(cid);
  }

  add(entry: JoinEntry): void {
    this.#entries.set(entry.cid, entry);
    this.#pending++;
  }

  /** Decides a pending join; undefined if there is none. */
  decide(cid: string, answer: Uint8Array): JoinEntry | undefined {
    const entry = this.#entries.get(cid);
    if (entry === undefined || entry.answer !== undefined) return undefined;
    entry.answer = answer;
    this.#pending--;
    return entry;
  }

  /** When the oldest entry expires; infinity where there is none. */
  deadlineMs(): number {
    for (const entry of this.#entries.values()) return entry.expiresAtMs;
    return Number.POSITIVE_INFINITY;
  }

  expire(nowMs: number): void {
    for (const entry of this.#entries.values()) {
      if (entry.expiresAtMs > nowMs) return;
      this.#entries.delete(entry.cid);
      if (entry.answer === undefined) this.#pending--;
    }
  }
}
