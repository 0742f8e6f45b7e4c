/**
 * Messages that have arrived and wait: for one before them, or for room at the sink. Each lies in a chain of cells of
 * one slab, so that it costs no more memory than its charge (payload and MESSAGE_OVERHEAD_BYTES); those of ordered
 * channels are found by their number in one table for all channels. Which message may go is not known here. Worst case:
 * one walk over the table when it grows.
 */
import type { ChannelDefinition } from "../protocol.ts";
import type { ReceivedMessage } from "../received-message.ts";
import { CellChains, NONE } from "./cell-chains.ts";
import type { BlockPool, Slab } from "./slab.ts";

export { NONE };

/** As large as the overhead that a message is charged with: one without a payload takes one cell. */
export const MESSAGE_CELL_BYTES = 64;

/** In the first cell: bytes of the payload, the next message of a queue, the channel, the number. */
const LENGTH_AT = 4;
const QUEUED_AT = 8;
const CHANNEL_AT = 12;
const NUMBER_AT = 16;
/** Then the user's header fields, then the payload. */
const FIRST_HEADER_BYTES = 24;
const MIN_TABLE = 16;
const noUser: Float64Array = new Float64Array(0);
const noUserBytes: Uint8Array = new Uint8Array(0);
/** The table grows when it is fuller than this. */
const MAX_LOAD = 0.875;

/** The buffer in which a stored message is made contiguous for the sink; shared, because the sink may not keep it. */
class Scratch {
  readonly bytes: Uint8Array;
  readonly view: DataView;

  constructor(bytes: number) {
    this.bytes = new Uint8Array(bytes);
    this.view = new DataView(this.bytes.buffer);
  }
}
let shared: Scratch | undefined;

/** Takes the shared buffer for the length of one delivery, since a sink may feed another session. */
export function borrowScratch(bytes: number): Scratch {
  const scratch = shared;
  shared = undefined;
  return scratch !== undefined && scratch.bytes.length >= bytes ? scratch : new Scratch(bytes);
}

export function returnScratch(scratch: Scratch): void {
  if (shared === undefined || shared.bytes.length < scratch.bytes.length) shared = scratch;
}

export class MessageStore {
  private readonly chains: CellChains;
  private readonly slab: Slab;
  private readonly user: Float64Array;
  private readonly userBytes: Uint8Array;
  /** Random, so that nobody can choose numbers that collide in the table. */
  private readonly multiplier: number;
  /** First cells plus one by a hash of channel and number; 0: none. */
  private table: Int32Array | undefined = undefined;
  private indexed = 0;

  /** `random`: from 0 to below 1. */
  constructor(pool: BlockPool, userFields: number, random: () => number) {
    this.chains = new CellChains(pool);
    this.slab = this.chains.slab;
    this.user = userFields === 0 ? noUser : new Float64Array(userFields);
    this.userBytes = userFields === 0 ? noUserBytes : new Uint8Array(this.user.buffer);
    this.multiplier = Math.floor(random() * 2 ** 32) | 1;
  }

  /** Bytes of memory that it takes, but for the rest of its last block. */
  get heldBytes(): number {
    return this.slab.used * this.slab.cellBytes + (this.table?.byteLength ?? 0);
  }

  /** Stores a copy of `source[start..end)` and returns its handle. */
  put(
    channel: number,
    number: number,
    source: Uint8Array,
    start: number,
    end: number,
    user: Float64Array,
  ): number {
    const { chains, slab } = this;
    const first = chains.begin(FIRST_HEADER_BYTES);
    const view = slab.view(first);
    const at = slab.at(first);
    view.setUint32(at + LENGTH_AT, end - start);
    view.setInt32(at + QUEUED_AT, NONE);
    view.setUint32(at + CHANNEL_AT, channel);
    view.setFloat64(at + NUMBER_AT, number);
    if (user.length > 0) {
      this.user.set(user);
      chains.append(this.userBytes, 0, this.userBytes.length);
    }
    chains.append(source, start, end);
    return first;
  }

  /** Lets go of a message; it stands in no queue and no longer in the table. */
  drop(message: number): void {
    this.chains.drop(message);
  }

  /** Bytes of its payload. */
  length(message: number): number {
    return this.slab.view(message).getUint32(this.slab.at(message) + LENGTH_AT);
  }

  /** The message behind this one in a queue, or NONE. */
  queued(message: number): number {
    return this.slab.view(message).getInt32(this.slab.at(message) + QUEUED_AT);
  }

  setQueued(message: number, next: number): void {
    this.slab.view(message).setInt32(this.slab.at(message) + QUEUED_AT, next);
  }

  /** Fills `message` for `channel` with what is stored; valid until the scratch is returned. */
  show(stored: number, channel: ChannelDefinition, message: ReceivedMessage): Scratch {
    const length = this.length(stored);
    const scratch = borrowScratch(length);
    this.chains.enter(stored, FIRST_HEADER_BYTES);
    this.chains.extract(this.userBytes, this.userBytes.length);
    this.chains.extract(scratch.bytes, length);
    message.fill(channel, scratch.bytes, scratch.view, 0, length, this.user);
    return scratch;
  }

  /** From here on `find` finds it. */
  index(message: number): void {
    if (this.table === undefined || this.indexed + 1 > this.table.length * MAX_LOAD) this.grow();
    this.indexed++;
    this.insert(this.table!, message);
  }

  /** The message of a channel with a number, of those that were indexed; or NONE. */
  find(channel: number, number: number): number {
    const { table } = this;
    if (table === undefined) return NONE;
    const mask = table.length - 1;
    for (let slot = this.slotOf(channel, number, mask); ; slot = (slot + 1) & mask) {
      const message = table[slot]! - 1;
      if (message === NONE || this.is(message, channel, number)) return message;
    }
  }

  /** Takes a message that is indexed out of the table. */
  unindex(message: number): void {
    const table = this.table!;
    const mask = table.length - 1;
    this.indexed--;
    if (this.indexed === 0) {
      this.table = undefined;
      return;
    }
    let hole = this.home(message, mask);
    while (table[hole] !== message + 1) hole = (hole + 1) & mask;
    // Those behind it that it had pushed on move up, or they would no longer be found.
    for (let slot = (hole + 1) & mask; table[slot] !== 0; slot = (slot + 1) & mask) {
      const home = this.home(table[slot]! - 1, mask);
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      table[hole] = table[slot]!;
      hole = slot;
    }
    table[hole] = 0;
  }

  private is(message: number, channel: number, number: number): boolean {
    const view = this.slab.view(message);
    const at = this.slab.at(message);
    return (
      view.getFloat64(at + NUMBER_AT) === number && view.getUint32(at + CHANNEL_AT) === channel
    );
  }

  private home(message: number, mask: number): number {
    const view = this.slab.view(message);
    const at = this.slab.at(message);
    return this.slotOf(view.getUint32(at + CHANNEL_AT), view.getFloat64(at + NUMBER_AT), mask);
  }

  /** Numbers of a channel that wait lie within MESSAGE_WINDOW: their low bits tell them apart. */
  private slotOf(channel: number, number: number, mask: number): number {
    const mixed = Math.imul((channel << 15) ^ (number & 0x7fff_ffff), this.multiplier);
    return ((mixed >>> 15) ^ mixed) & mask;
  }

  private insert(table: Int32Array, message: number): void {
    const mask = table.length - 1;
    let slot = this.home(message, mask);
    while (table[slot] !== 0) slot = (slot + 1) & mask;
    table[slot] = message + 1;
  }

  private grow(): void {
    const old = this.table;
    const grown = new Int32Array(old === undefined ? MIN_TABLE : old.length * 2);
    if (old !== undefined) for (const entry of old) if (entry !== 0) this.insert(grown, entry - 1);
    this.table = grown;
  }
}
