/**
 * The channels of one direction whose messages count against a receive limit (docs/wire.md, "Flow control"), what each
 * holds of the budget, and how the one varint of a limit says of which it speaks. Constant work, but for making it.
 */
import { BudgetShares } from "../budget-shares.ts";
import { MESSAGE_OVERHEAD_BYTES } from "../limits.ts";
import type { NegotiatedVersion } from "../negotiated-version.ts";
import { maySend, type Protocol, type Role } from "../protocol.ts";
import { doubles } from "./doubles.ts";
import type { SessionOptions } from "./session-options.ts";

/** Numbers that a session has of each channel, by place: what is held, all that has passed, and what is known of that. */
const AMOUNTS = 3;
const HELD = 0;
const PASSED = 1;
const KNOWN = 2;

/** What does not change, for all sessions of a side that have negotiated the same. */
class FlowTable {
  readonly budgetBytes: number;
  readonly shares: BudgetShares;
  readonly indexes: readonly number[];
  /** Places by index; -1: its messages count against no limit. */
  readonly places: Int32Array;
  /** The numbers of a session in which nothing has passed yet: never written. */
  readonly noAmounts: number[];

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
    this.noAmounts = doubles(flows.length * AMOUNTS);
    this.shares = new BudgetShares(
      this.budgetBytes,
      flows.map(
        ({ maxBytes, compatMaxBytes }) =>
          MESSAGE_OVERHEAD_BYTES + (receives && compat ? compatMaxBytes : maxBytes),
      ),
    );
  }
}

/** By protocol, then by what else it depends on: a side has few, one for each version that it knows. */
const tables: WeakMap<Protocol, Map<string, FlowTable>> = new WeakMap();

function tableOf(
  protocol: Protocol,
  sender: Role,
  receives: boolean,
  negotiated: NegotiatedVersion,
): FlowTable {
  let known = tables.get(protocol);
  if (known === undefined) {
    known = new Map();
    tables.set(protocol, known);
  }
  const { compat, lacks } = negotiated;
  const key = `${sender} ${receives} ${compat} ${lacks.length === 0 ? "" : lacks.join()}`;
  let table = known.get(key);
  if (table === undefined) {
    table = new FlowTable(protocol, sender, receives, negotiated);
    known.set(key, table);
  }
  return table;
}

export class FlowChannels {
  private readonly table: FlowTable;
  /** The same as of the table: they are looked at for each message. */
  readonly shares: BudgetShares;
  private readonly places: Int32Array;
  /** Of the session alone once it has begun; until then it shares those of the table, which are never written. */
  private amounts: number[];
  /** What all of them have of the pool. */
  private pooledBytes = 0;

  /** Those that `sender` sends on; `receives`: for the side that they are sent to. */
  constructor(protocol: Protocol, sender: Role, receives: boolean, negotiated: NegotiatedVersion) {
    this.table = tableOf(protocol, sender, receives, negotiated);
    this.shares = this.table.shares;
    this.places = this.table.places;
    this.amounts = this.table.noAmounts;
  }

  get budgetBytes(): number {
    return this.table.budgetBytes;
  }

  /** Index of each in the protocol, by its place here: rising ids, those that only one side has left out. */
  get indexes(): readonly number[] {
    return this.table.indexes;
  }

  get count(): number {
    return this.table.indexes.length;
  }

  placeOf(index: number): number {
    return this.places[index]!;
  }

  /** Sent and not known to be handed on (a sender), or arrived and not handed on (a receiver). */
  heldBytes(place: number): number {
    return this.amounts[place * AMOUNTS + HELD]!;
  }

  /** All that was spent (a sender), or handed on (a receiver). */
  passedBytes(place: number): number {
    return this.amounts[place * AMOUNTS + PASSED]!;
  }

  /** One of its channels is used: from here on numbers may change. */
  begin(): void {
    if (this.amounts === this.table.noAmounts) this.amounts = this.amounts.slice();
  }

  /** More has passed. Returns how much that is beyond what is known to be handed on. */
  pass(place: number, bytes: number): number {
    const { amounts } = this;
    const at = place * AMOUNTS;
    const passed = amounts[at + PASSED]! + bytes;
    amounts[at + PASSED] = passed;
    return passed - amounts[at + KNOWN]!;
  }

  /** What of all that has passed the one side has told the other to be handed on. */
  knownBytes(place: number): number {
    return this.amounts[place * AMOUNTS + KNOWN]!;
  }

  know(place: number, bytes: number): void {
    // Where nothing has passed, nothing else can be known.
    if (bytes !== this.knownBytes(place)) this.amounts[place * AMOUNTS + KNOWN] = bytes;
  }

  /** What counts changes by so much, up or down. */
  add(place: number, bytes: number): void {
    const { amounts } = this;
    const at = place * AMOUNTS + HELD;
    const held = amounts[at]!;
    amounts[at] = held + bytes;
    this.pooledBytes += this.shares.pooled(place, held + bytes) - this.shares.pooled(place, held);
  }

  /** Whether a message of this cost keeps to the channel's part, or its fair part of the pool. */
  isFair(place: number, costBytes: number): boolean {
    const held = this.amounts[place * AMOUNTS + HELD]!;
    const others = this.pooledBytes - this.shares.pooled(place, held);
    return this.shares.isFair(place, held + costBytes, others);
  }

  /** Whether a message of this cost keeps to the channel's part, or what there is of the pool. */
  fits(place: number, costBytes: number): boolean {
    const { shares } = this;
    const held = this.amounts[place * AMOUNTS + HELD]!;
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
