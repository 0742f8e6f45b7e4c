/**
 * Credit of messages that the application has taken, on its way back to the port that they came from. Each return is two atomic
 * operations and a look at who waits: while records are read, what follows one another of one peer and channel goes back together.
 * Nothing is kept back when the reading is over, nor when a peer is forgotten, whose slot another may get. Worst case: a message
 * more than HELD_BYTES.
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
      this.flush();
    }
  }

  release(peer: number, channel: number, cost: number): void {
    if (peer !== this.#peer || channel !== this.#channel) {
      this.flush();
      this.#peer = peer;
      this.#channel = channel;
    }
    this.#cost += cost;
    if (!this.#isReading || this.#cost > HELD_BYTES) this.flush();
  }

  /** Gives back all. */
  flush(): void {
    const cost = this.#cost;
    if (cost === 0) return;
    this.#cost = 0;
    const slot = this.#slotOf(this.#peer);
    if (this.credits.add(slot, this.#channel, cost)) this.#onWanted(this.#peer);
  }
}
