/**
 * Messages that wait for a reader, as the bytes that have arrived: decoded, they may take many times the memory that
 * they were charged for. They lie in chains of small cells, so that none takes more than 1.25 times its payload and
 * MESSAGE_OVERHEAD_BYTES (fields of the user's own in the header not counted). Which reader takes which is not known
 * here. Worst case: linear in the bytes of one message.
 */
import type { ChannelDefinition } from "./protocol.ts";
import { ReceivedMessage } from "./received-message.ts";
import { CellChains } from "./session/cell-chains.ts";
import { borrowScratch, returnScratch } from "./session/message-store.ts";
import { BlockPool } from "./session/slab.ts";

/** Less than what a message costs beside its payload: little is lost behind the last byte, and little to the links. */
const CELL_BYTES = 48;
/** In the first cell: bytes of the payload, its origin's index, and in one word how many readers it has and its marks. */
const LENGTH_AT = 4;
const ORIGIN_AT = 8;
const READERS_AT = 12;
/** Then the user's header fields, then the payload. */
const FIRST_HEADER_BYTES = 16;

const READERS_SHIFT = 8;
const MARKS = 0xff;

/** What is known of a held message. */
export const Mark = {
  /** Its cost has been given back already. */
  released: 1,
  /** One reader has found that it cannot be decoded, and it is counted. */
  malformed: 2,
} as const;
export type Mark = (typeof Mark)[keyof typeof Mark];

/** For all dispatchers of a thread: cells are alike in all protocols. */
const pool = new BlockPool(CELL_BYTES);

/** An origin that messages are held from: one object for all of them. */
interface Entry<Origin> {
  readonly origin: Origin;
  readonly index: number;
  messages: number;
}

export class HeldMessages<Origin> {
  readonly #chains = new CellChains(pool);
  readonly #user: Float64Array;
  readonly #userBytes: Uint8Array;
  readonly #byOrigin = new Map<Origin, Entry<Origin>>();
  readonly #entries: (Entry<Origin> | undefined)[] = [];
  readonly #gaps: number[] = [];

  constructor(userFields: number) {
    this.#user = new Float64Array(userFields);
    this.#userBytes = new Uint8Array(this.#user.buffer);
  }

  /** Stores a copy and returns its handle. */
  put(origin: Origin, received: ReceivedMessage): number {
    const { bytes, start, end, user } = received;
    const entry = this.#entryOf(origin);
    entry.messages++;
    const held = this.#chains.begin(FIRST_HEADER_BYTES);
    this.#set(held, LENGTH_AT, end - start);
    this.#set(held, ORIGIN_AT, entry.index);
    this.#set(held, READERS_AT, 0);
    this.#user.set(user);
    this.#chains.append(this.#userBytes, 0, this.#userBytes.length);
    this.#chains.append(bytes, start, end);
    return held;
  }

  drop(held: number): void {
    const entry = this.#entries[this.#get(held, ORIGIN_AT)]!;
    entry.messages--;
    if (entry.messages === 0) {
      this.#byOrigin.delete(entry.origin);
      this.#entries[entry.index] = undefined;
      this.#gaps.push(entry.index);
    }
    this.#chains.drop(held);
  }

  origin(held: number): Origin {
    return this.#entries[this.#get(held, ORIGIN_AT)]!.origin;
  }

  /** Bytes of its payload. */
  length(held: number): number {
    return this.#get(held, LENGTH_AT);
  }

  setReaders(held: number, readers: number): void {
    const marks = this.#get(held, READERS_AT) & MARKS;
    this.#set(held, READERS_AT, readers * 2 ** READERS_SHIFT + marks);
  }

  /** One reader less; returns how many are left. */
  settle(held: number): number {
    const readers = (this.#get(held, READERS_AT) >>> READERS_SHIFT) - 1;
    this.setReaders(held, readers);
    return readers;
  }

  mark(held: number, mark: Mark): void {
    this.#set(held, READERS_AT, (this.#get(held, READERS_AT) | mark) >>> 0);
  }

  isMarked(held: number, mark: Mark): boolean {
    return (this.#get(held, READERS_AT) & mark) !== 0;
  }

  /** Calls `use` with what is stored, whole and in one piece; it may store, show and drop others, and this one. */
  show<T>(held: number, channel: ChannelDefinition, use: (received: ReceivedMessage) => T): T {
    const length = this.length(held);
    const scratch = borrowScratch(length);
    try {
      this.#chains.enter(held, FIRST_HEADER_BYTES);
      this.#chains.extract(this.#userBytes, this.#userBytes.length);
      this.#chains.extract(scratch.bytes, length);
      const received = new ReceivedMessage();
      received.fill(channel, scratch.bytes, scratch.view, 0, length, this.#user.slice());
      return use(received);
    } finally {
      returnScratch(scratch);
    }
  }

  #entryOf(origin: Origin): Entry<Origin> {
    const known = this.#byOrigin.get(origin);
    if (known !== undefined) return known;
    const index = this.#gaps.pop() ?? this.#entries.length;
    const entry = { origin, index, messages: 0 };
    this.#byOrigin.set(origin, entry);
    this.#entries[index] = entry;
    return entry;
  }

  #get(held: number, field: number): number {
    const { slab } = this.#chains;
    return slab.view(held).getUint32(slab.at(held) + field);
  }

  #set(held: number, field: number, value: number): void {
    const { slab } = this.#chains;
    slab.view(held).setUint32(slab.at(held) + field, value);
  }
}
