/**
 * Credit of messages that the application has taken, on its way back to the port that they came from. Each return is two atomic
 * operations and a look at who waits: while records are read, what follows one another of one peer and channel goes back together.
 * It goes to the slot that the peer had when its message was taken, and nothing is kept back when the reading is over: no other
 * peer gets that slot before. Worst case: a message more than HELD_BYTES.
 */
import type { Credits } from "./credits.ts";

/** A small part of what any channel may have waiting, and a hundred small messages. */
const HELD_BYTES = 8192;

export class ReturnedCredit {
  readonly credits: Credits;
  readonly #slotOf: (peer: number) => number;
  readonly #onWanted: (peer: number) => void;
  #isReading = false;
  #peer = -1;
  #slot = 0;
  #channel = -1;
  #cost = 0;

  /** `onWanted` is called with a peer whose port waits for what has come back. */
  constructor(
    credits: Credits,
    slotOf: (peer: number) => number,
    onWanted: (peer: number) => void,
  ) {
    this.credits = credits;
    this.#slotOf = slotOf;
    this.#onWanted = onWanted;
  }

  /** Reads records, in which messages may be taken. */
  reading(read: () => boolean): boolean {
    this.#isReading = true;
    try {
      return read();
    } finally {
      this.#isReading = false;
      this.#flush();
    }
  }

  release(peer: number, channel: number, cost: number): void {
    if (peer !== this.#peer || channel !== this.#channel) {
      this.#flush();
      this.#peer = peer;
      this.#channel = channel;
    }
    if (this.#cost === 0) {
      // Anew for each run: a peer may have come back to another slot.
      this.#slot = this.#slotOf(peer);
    }
    this.#cost += cost;
    if (!this.#isReading || this.#cost > HELD_BYTES) this.#flush();
  }

  #flush(): void {
    const cost = this.#cost;
    if (cost === 0) return;
    this.#cost = 0;
    if (this.credits.add(this.#slot, this.#channel, cost)) this.#onWanted(this.#peer);
  }
}
