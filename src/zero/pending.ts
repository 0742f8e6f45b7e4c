/**
 * The joins a port remembers: those the application is deciding on and those it has decided, each until the cookie it
 * came with has expired, so that a late copy makes no second peer. All live equally long, so the oldest expires
 * first, and the table is a map in order of arrival. Full means that a new join is refused; nothing is pushed out. No
 * address has more than its share of it. Worst case: `maxEntries` entries with an answer of one datagram each,
 * and `maxCollected` bodies that come in pieces.
 */
import { AddressCounts } from "./address-counts.ts";
import type { JoinEvent } from "./events.ts";
import type { NetworkPath } from "./network-path.ts";
import type { PieceCollector } from "./pieces.ts";

/** A join whose body follows it. */
export interface CollectedJoin {
  readonly collector: PieceCollector;
  /** SHA-256 of the body as base64url, where it is not sealed. */
  readonly digest: string | undefined;
  /** What the application will be told, but for the body. */
  readonly event: Omit<JoinEvent, "body">;
}

export interface JoinEntry extends NetworkPath {
  readonly cid: string;
  /** SHA-256 of the frozen bytes of join 2. */
  readonly digest: Uint8Array;
  readonly expiresAtMs: number;
  /** Where its body comes in pieces. */
  readonly collected?: CollectedJoin | undefined;
  /** The bytes of accept or reject, once decided. */
  answer: Uint8Array | undefined;
}

export class JoinTable {
  readonly #entries: Map<string, JoinEntry> = new Map();
  readonly #maxPending: number;
  readonly #maxEntries: number;
  readonly #pendingOf: AddressCounts;
  readonly #entriesOf: AddressCounts;
  readonly #maxCollected: number;
  readonly #collectedOf: AddressCounts;
  #pending = 0;
  #collected = 0;

  /**
   * `maxPendingPerAddress` holds for every address, and infinity is no share at all; undefined: a quarter, of all but
   * this machine's own. Of the entries an address has a quarter.
   */
  constructor(
    maxPending: number,
    maxEntries: number,
    maxPendingPerAddress?: number,
    maxCollected = 0,
  ) {
    this.#maxPending = maxPending;
    this.#maxEntries = maxEntries;
    const loopback = maxPendingPerAddress !== undefined;
    const perAddress = maxPendingPerAddress ?? Math.ceil(maxPending / 4);
    const entries = Number.isFinite(perAddress) ? Math.ceil(maxEntries / 4) : perAddress;
    this.#pendingOf = new AddressCounts(perAddress, loopback);
    this.#entriesOf = new AddressCounts(entries, loopback);
    this.#maxCollected = maxCollected;
    const collected = Number.isFinite(perAddress) ? Math.ceil(maxCollected / 4) : perAddress;
    this.#collectedOf = new AddressCounts(collected, loopback);
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

  /** Whether this address has its share, of those that wait or of all. */
  isFullFor(address: string): boolean {
    return !this.#pendingOf.hasRoom(address) || !this.#entriesOf.hasRoom(address);
  }

  /** Joins that wait and whose bodies come in pieces. */
  get collected(): number {
    return this.#collected;
  }

  /** The same of joins whose bodies come in pieces: those that wait have room for as many of them. */
  get fullOfPieces(): boolean {
    return this.#collected >= this.#maxCollected;
  }

  isFullOfPiecesFor(address: string): boolean {
    return !this.#collectedOf.hasRoom(address);
  }

  get(cid: string): JoinEntry | undefined {
    return this.#entries.get(cid);
  }

  add(entry: JoinEntry): void {
    this.#entries.set(entry.cid, entry);
    this.#entriesOf.add(entry.address);
    this.#pendingOf.add(entry.address);
    this.#pending++;
    if (entry.collected === undefined) return;
    this.#collectedOf.add(entry.address);
    this.#collected++;
  }

  /** Decides a pending join; undefined if there is none. */
  decide(cid: string, answer: Uint8Array): JoinEntry | undefined {
    const entry = this.#entries.get(cid);
    if (entry === undefined || entry.answer !== undefined) return undefined;
    entry.answer = answer;
    this.#noLongerPending(entry);
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
      this.#entriesOf.remove(entry.address);
      if (entry.answer === undefined) this.#noLongerPending(entry);
    }
  }

  #noLongerPending(entry: JoinEntry): void {
    this.#pendingOf.remove(entry.address);
    this.#pending--;
    if (entry.collected === undefined) return;
    this.#collectedOf.remove(entry.address);
    this.#collected--;
  }
}
