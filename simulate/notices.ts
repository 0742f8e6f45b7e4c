/**
 * An oracle of what the sender of one channel and direction is told: of each message that was taken with a token once, and
 * `delivered` only of what did arrive. A token here is the index of its message at the oracle of deliveries. Holds every
 * token.
 */
import type { ChannelDefinition } from "stardust-udp/protocol";
import { type Oracle, promises } from "./oracle.ts";

/** What may have kept a message that had arrived from being handed on. */
export interface Circumstances {
  /** The path may have let something overtake. */
  readonly reordered: boolean;
  /** The application has refused messages. */
  readonly busy: boolean;
  /** Unfinished unreliable messages were given up at the receiver. */
  readonly reassembliesDropped: boolean;
  /** Something was lost, or never sent, as far as the sender has counted. */
  readonly lossCounted: boolean;
}

export class NoticeOracle {
  readonly #channel: ChannelDefinition;
  readonly #open: Set<number> = new Set();
  readonly #delivered: Set<number> = new Set();
  #lost = 0;

  constructor(channel: ChannelDefinition) {
    this.#channel = channel;
  }

  /** Whether the message with this index is sent with a token: most are. */
  asks(index: number): boolean {
    return this.#channel.notices === true && index % 3 !== 2;
  }

  /** A message was taken with a token. */
  taken(token: number): void {
    this.#open.add(token);
  }

  /** The sender is told: what is wrong with that; empty: nothing. */
  told(token: number, delivered: boolean): string {
    if (!this.#open.delete(token)) return `of message ${token} it is told what nobody asked`;
    if (delivered) this.#delivered.add(token);
    else this.#lost++;
    return "";
  }

  /** All is over. */
  finish(oracle: Oracle, how: Circumstances): string {
    const { delivery, reliable, fragment } = this.#channel;
    for (const token of this.#open) return `of message ${token} nothing is told`;
    const { all, inOrder } = promises[delivery];
    if (all && this.#lost > 0) return `${this.#lost} are told lost`;
    // What was overtaken on a sequenced channel was dropped there, and never counted as lost on the way.
    const isExcused = how.lossCounted || (inOrder && how.reordered);
    if (this.#lost > 0 && !isExcused) return `${this.#lost} are told lost, and none was`;
    if (!all && (how.busy || (fragment && !reliable && how.reassembliesDropped))) return "";
    for (const token of this.#delivered) {
      if (oracle.has(token)) continue;
      const overtaken = inOrder && !all && how.reordered && token < oracle.newest;
      if (!overtaken) return `message ${token} is told delivered, and never came`;
    }
    return "";
  }
}
