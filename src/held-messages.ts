/**
 * Messages that wait for a reader, as the bytes that have arrived: decoded, they may take many times the memory that
 * they were charged for. They lie in chains of small cells, so that none takes more than 1.25 times its payload and
 * MESSAGE_OVERHEAD_BYTES (fields of the user's own in the header not counted). Which reader takes which is not known
 * here. What those that have left still have is bounded. Worst case: linear in the bytes of one message.
 */
import { Fifo } from "./fifo.ts";
import { MAX_DEPARTED_ORIGINS } from "./limits.ts";
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

/** What one queue holds from one origin, in order. */
export type Lane = Fifo<number>;

/** Where messages stand in line for a reader (held-queue.ts). */
interface Line<Origin> {
  /** Lets go of all that it holds from one origin. */
  cut(origin: Origin): void;
}

/** An origin that messages are held from: one object for all of them. */
interface Entry<Origin> {
  readonly origin: Origin;
  readonly index: number;
  messages: number;
  /** What they cost. */
  cost: number;
  hasLeft: boolean;
  readonly lanes: Map<Line<Origin>, Lane>;
}

export class HeldMessages<Origin> {
  readonly #chains = new CellChains(pool);
  readonly #cost: (payloadBytes: number) => number;
  readonly #user: Float64Array;
  readonly #userBytes: Uint8Array;
  readonly #byOrigin = new Map<Origin, Entry<Origin>>();
  readonly #entries: (Entry<Origin> | undefined)[] = [];
  readonly #gaps: number[] = [];
  /** Origins that have left, in that order, and the cost of what is held from them. */
  readonly #departed = new Set<Entry<Origin>>();
  #departedCost = 0;

  /** `cost`: of a message with a payload of so many bytes. */
  constructor(userFields: number, cost: (payloadBytes: number) => number) {
    this.#cost = cost;
    this.#user = new Float64Array(userFields);
    this.#userBytes = new Uint8Array(this.#user.buffer);
  }

  /** Stores a copy and returns its handle. */
  put(origin: Origin, received: ReceivedMessage): number {
    const { bytes, start, end, user } = received;
    const entry = this.#entryOf(origin);
    const cost = this.#cost(end - start);
    entry.messages++;
    entry.cost += cost;
    if (entry.hasLeft) this.#departedCost += cost;
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
    const cost = this.cost(held);
    entry.messages--;
    entry.cost -= cost;
    if (entry.hasLeft) this.#departedCost -= cost;
    if (entry.messages === 0) {
      this.#departed.delete(entry);
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

  cost(held: number): number {
    return this.#cost(this.length(held));
  }

  /** What a line holds from a message's origin. */
  lane(held: number, line: Line<Origin>): Lane {
    const { lanes } = this.#entries[this.#get(held, ORIGIN_AT)]!;
    const known = lanes.get(line);
    if (known !== undefined) return known;
    const lane: Lane = new Fifo();
    lanes.set(line, lane);
    return lane;
  }

  /** A line holds nothing from an origin any more; returns its lane, if it had one. */
  dropLane(origin: Origin, line: Line<Origin>): Lane | undefined {
    const lanes = this.#byOrigin.get(origin)?.lanes;
    const lane = lanes?.get(line);
    lanes?.delete(line);
    return lane;
  }

  /**
   * An origin has left. What is held from it waits for its readers like all else, but what all that have left still have
   * costs at most `maxCost`: those that left first lose theirs, all of it, so that what a reader gets of one ends early
   * and has no hole. The last one keeps what it has. Returns how many messages were dropped.
   */
  leave(origin: Origin, maxCost: number): number {
    const last = this.#byOrigin.get(origin);
    if (last === undefined) return 0;
    last.hasLeft = true;
    this.#departed.add(last);
    this.#departedCost += last.cost;
    let dropped = 0;
    for (const entry of this.#departed) {
      const fits = this.#departedCost <= maxCost && this.#departed.size <= MAX_DEPARTED_ORIGINS;
      if (fits || entry === last) break;
      dropped += entry.messages;
      for (const line of entry.lanes.keys()) line.cut(entry.origin);
    }
    return dropped;
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
    const entry: Entry<Origin> = {
      origin,
      index,
      messages: 0,
      cost: 0,
      hasLeft: false,
      lanes: new Map(),
    };
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
