/**
 * The channels of one direction whose messages count against a receive limit (docs/wire.md, "Flow control"), what each
 * holds of the budget, and how the one varint of a limit says of which it speaks. Constant work, but for making it.
 */
import { BudgetShares } from "../budget-shares.ts";
import { MESSAGE_OVERHEAD_BYTES } from "../limits.ts";
import type { NegotiatedVersion } from "../negotiated-version.ts";
import { maySend, type Protocol, type Role } from "../protocol.ts";
import type { SessionOptions } from "./session-options.ts";

export class FlowChannels {
  readonly budgetBytes: number;
  readonly shares: BudgetShares;
  /** Index of each in the protocol, by its place here: rising ids, those that only one side has left out. */
  readonly indexes: readonly number[];
  /** Places by index; -1: its messages count against no limit. */
  private readonly places: Int32Array;
  /** By place: sent and not known to be handed on (a sender), or arrived and not handed on (a receiver). */
  private readonly held: Float64Array;
  /** What all of them have of the pool. */
  private pooledBytes = 0;

  /** Those that `sender` sends on; `receives`: for the side that they are sent to. */
  constructor(
    protocol: Protocol,
    sender: Role,
    receives: boolean,
    { compat, lacks }: NegotiatedVersion,
  ) {
    const { channels, limits } = protocol;
    const flows = channels.filter(
      ({ index, delivery, direction }) =>
        (delivery === "reliable" || delivery === "reliable-ordered") &&
        maySend(sender, direction) &&
        !lacks.includes(index),
    );
    this.budgetBytes = limits.receiveBudgetBytes;
    this.indexes = flows.map(({ index }) => index);
    this.places = new Int32Array(channels.length).fill(-1);
    this.indexes.forEach((index, place) => {
      this.places[index] = place;
    });
    this.held = new Float64Array(flows.length);
    this.shares = new BudgetShares(
      this.budgetBytes,
      flows.map(
        ({ maxBytes, compatMaxBytes }) =>
          MESSAGE_OVERHEAD_BYTES + (receives && compat ? compatMaxBytes : maxBytes),
      ),
    );
  }

  get count(): number {
    return this.indexes.length;
  }

  placeOf(index: number): number {
    return this.places[index]!;
  }

  heldBytes(place: number): number {
    return this.held[place]!;
  }

  /** What counts changes by so much, up or down. */
  add(place: number, bytes: number): void {
    const held = this.held[place]!;
    this.held[place] = held + bytes;
    this.pooledBytes += this.shares.pooled(place, held + bytes) - this.shares.pooled(place, held);
  }

  /** Whether a message of this cost keeps to the channel's part, or its fair part of the pool. */
  isFair(place: number, costBytes: number): boolean {
    const held = this.held[place]!;
    const others = this.pooledBytes - this.shares.pooled(place, held);
    return this.shares.isFair(place, held + costBytes, others);
  }

  /** Whether a message of this cost keeps to the channel's part, or what there is of the pool. */
  fits(place: number, costBytes: number): boolean {
    const { shares } = this;
    const held = this.held[place]!;
    const grown = shares.pooled(place, held + costBytes);
    return grown === 0 || this.pooledBytes - shares.pooled(place, held) + grown <= shares.poolBytes;
  }

  /** The pool is half taken: senders may wait for every byte. */
  get isTight(): boolean {
    return this.pooledBytes > this.shares.poolBytes / 2;
  }

  /** The limit as it travels: of a channel, and how many bytes of it have been handed on in all. */
  pack(place: number, handedOnBytes: number): number {
    return handedOnBytes * this.count + place;
  }

  placeIn(limit: number): number {
    return limit % this.count;
  }

  handedOnIn(limit: number): number {
    return Math.floor(limit / this.count);
  }

  /** What a limit says, for who looks on: the channel by its index, -1 where none has one. */
  read(limit: number): { readonly channel: number; readonly handedOnBytes: number } {
    if (this.count === 0) return { channel: -1, handedOnBytes: 0 };
    return { channel: this.indexes[this.placeIn(limit)]!, handedOnBytes: this.handedOnIn(limit) };
  }
}

/** Of a session: those that it receives on, or those that it sends on. */
export function flowOf(
  { protocol, role }: SessionOptions,
  negotiated: NegotiatedVersion,
  receives: boolean,
): FlowChannels {
  const other = role === "client" ? "server" : "client";
  return new FlowChannels(protocol, receives ? other : role, receives, negotiated);
}
