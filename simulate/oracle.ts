/**
 * What each delivery mode promises, as data, and an oracle of one channel and direction that holds what is delivered
 * against what was sent, message by message. A message of four bytes and more says in its first four which one it is;
 * smaller ones are told apart as far as their bytes do. Holds every message that was sent.
 */
import type { Delivery } from "stardust-udp/protocol";

export interface ModePromise {
  /** What is delivered comes in the order in which it was sent, gaps or not. */
  readonly inOrder: boolean;
  /** In the end everything has been delivered. */
  readonly all: boolean;
  /** In the end the newest has been delivered, and last. */
  readonly newest: boolean;
  /** Everything is delivered where the link loses nothing: whatever it does, if it keeps the order, or not even then. */
  readonly ifNothingLost: "all" | "all in order" | "";
}

/** In every mode, too: nothing that was not sent, nothing twice, every byte as it was. */
export const promises: Readonly<Record<Delivery, ModePromise>> = {
  unreliable: { inOrder: false, all: false, newest: false, ifNothingLost: "all" },
  "unreliable-sequenced": {
    inOrder: true,
    all: false,
    newest: false,
    ifNothingLost: "all in order",
  },
  "unreliable-ordered": { inOrder: true, all: false, newest: false, ifNothingLost: "all in order" },
  reliable: { inOrder: false, all: true, newest: false, ifNothingLost: "all" },
  "reliable-ordered": { inOrder: true, all: true, newest: true, ifNothingLost: "all" },
  // What waits at the sender is replaced by what is newer.
  "reliable-sequenced": { inOrder: true, all: false, newest: true, ifNothingLost: "" },
};

/** Bytes that say which message it is. */
const INDEX_BYTES = 4;

export class Oracle {
  readonly #promise: ModePromise;
  readonly #sent: Uint8Array[] = [];
  /** By index: has been delivered. Only of messages that say their index. */
  readonly #seen: Set<number> = new Set();
  /** Small ones by their bytes: the indices at which they were sent, and how many have come. */
  readonly #small: Map<string, { readonly indices: number[]; came: number }> = new Map();
  #delivered = 0;
  /** The newest delivered; in order, small ones are taken for the oldest that they can be. */
  #last = -1;
  #lastBytes: Uint8Array = new Uint8Array(0);

  constructor(delivery: Delivery) {
    this.#promise = promises[delivery];
  }

  get sent(): number {
    return this.#sent.length;
  }

  get delivered(): number {
    return this.#delivered;
  }

  /** The index of the newest that was delivered, of those that say it; -1: none. */
  get newest(): number {
    return this.#last;
  }

  /** Whether a message has been delivered; of one too small to say its index, whether it may have been. */
  has(index: number): boolean {
    const payload = this.#sent[index]!;
    if (payload.length >= INDEX_BYTES) return this.#seen.has(index);
    return this.#small.get(payload.join())!.came > 0;
  }

  /** The channel has taken this message; the oracle keeps it. */
  taken(payload: Uint8Array): void {
    if (payload.length < INDEX_BYTES) {
      const key = payload.join();
      const small = this.#small.get(key) ?? { indices: [], came: 0 };
      small.indices.push(this.#sent.length);
      this.#small.set(key, small);
    }
    this.#sent.push(payload);
  }

  /** `bytes[start..end)` is delivered: what is wrong with that; empty: nothing. */
  deliver(bytes: Uint8Array, start: number, end: number): string {
    this.#delivered++;
    const payload = bytes.subarray(start, end);
    this.#lastBytes = payload.slice();
    if (payload.length < INDEX_BYTES) return this.#deliverSmall(payload);
    const index = new DataView(bytes.buffer, bytes.byteOffset + start).getUint32(0);
    const original = this.#sent[index];
    if (original === undefined) return `message ${index} was never sent`;
    if (Buffer.compare(original, payload) !== 0) return `message ${index} differs`;
    if (this.#seen.has(index)) return `message ${index} came twice`;
    this.#seen.add(index);
    if (this.#promise.inOrder && index <= this.#last) {
      return `message ${index} came after ${this.#last}`;
    }
    this.#last = index;
    return "";
  }

  /** All is over. `nothingLost`: the link has lost nothing; `orderKept`: nor reordered anything. */
  finish(nothingLost: boolean, orderKept: boolean): string {
    const promise = this.#promise;
    const sent = this.#sent.length;
    const { ifNothingLost } = promise;
    const all =
      promise.all ||
      (nothingLost && (ifNothingLost === "all" || (ifNothingLost !== "" && orderKept)));
    if (all && this.#delivered !== sent) return `${this.#delivered} of ${sent} came`;
    const newest = this.#sent.at(-1);
    if (promise.newest && newest !== undefined) {
      const isLast = this.#delivered > 0 && Buffer.compare(this.#lastBytes, newest) === 0;
      if (!isLast) return `the newest, ${sent - 1}, is not the last that came: ${this.#last}`;
    }
    return "";
  }

  #deliverSmall(payload: Uint8Array): string {
    const name = `a message [${payload.join()}]`;
    const small = this.#small.get(payload.join());
    if (small === undefined) return `${name} was never sent`;
    if (++small.came > small.indices.length) return `${name} came once more than it was sent`;
    if (!this.#promise.inOrder) return "";
    const index = small.indices.find((candidate) => candidate > this.#last);
    if (index === undefined) return `${name} came after ${this.#last}`;
    this.#last = index;
    return "";
  }
}
