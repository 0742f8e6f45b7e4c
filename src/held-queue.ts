/**
 * Messages in the order in which a reader is to have them, as handles (held-messages.ts), each of them once: an iterator
 * has one, and each channel has one for what waits for its first reader. All that is of one origin can be taken out at
 * once. Constant work a message, on average: what was taken out leaves its places behind, and they go when they are more
 * than the messages.
 */
import { Fifo } from "./fifo.ts";
import type { HeldMessages, Lane } from "./held-messages.ts";

export class HeldQueue<Origin> {
  /** Messages that it holds, and what they cost. */
  length = 0;
  cost = 0;
  readonly #held: HeldMessages<Origin>;
  readonly #letGo: (held: number) => void;
  /** For each message the lane that it is next of. */
  #order = new Fifo<Lane>();

  /** `letGo` is called with each message that is cut out. */
  constructor(held: HeldMessages<Origin>, letGo: (held: number) => void) {
    this.#held = held;
    this.#letGo = letGo;
  }

  push(held: number): void {
    const lane = this.#held.lane(held, this);
    lane.push(held);
    this.#order.push(lane);
    this.length++;
    this.cost += this.#held.cost(held);
  }

  /** The oldest, which it no longer holds; undefined: there is none. */
  shift(): number | undefined {
    for (let lane = this.#order.shift(); lane !== undefined; lane = this.#order.shift()) {
      const held = lane.shift();
      // It was cut out.
      if (held === undefined) continue;
      this.length--;
      this.cost -= this.#held.cost(held);
      if (lane.length === 0) this.#held.dropLane(this.#held.origin(held), this);
      return held;
    }
    return undefined;
  }

  /** Lets go of all that it holds from one origin. */
  cut(origin: Origin): void {
    // Whatever comes from there later has a lane of its own, behind what others have here.
    const lane = this.#held.dropLane(origin, this);
    for (let held = lane?.shift(); held !== undefined; held = lane?.shift()) {
      this.length--;
      this.cost -= this.#held.cost(held);
      this.#letGo(held);
    }
    if (this.#order.length > 2 * this.length) this.#order = this.#order.filter(isInUse);
  }
}

const isInUse = (lane: Lane): boolean => lane.length > 0;
