/**
 * A byte ring in shared memory between two threads: one writes, one reads, nobody locks. Records are a kind and bytes;
 * what they mean is not known here. Not here either: waking the other thread (doorbell.ts) and fairness between peers
 * (credits.ts).
 *
 * Positions are bytes written and read so far, modulo 2^32; the capacity is a power of two. The writer fills memory
 * behind `head` and then stores `head`: only whole records are ever visible, and an encoder that throws publishes
 * nothing. A small record is encoded and read in place; where the end of the memory is too near, it is padded. One that may be
 * large is encoded beside the ring, and goes across in one copy, or in two pieces that are published together where the end cuts
 * it in two; one that is large, or cut, is read beside the ring. V8 copies between shared memory and other by single bytes, seven
 * times as slowly, unless both begin equally far from a multiple of eight, which records do, and what is in them does not.
 *
 * Worst case: one record costs its bytes, a large one twice as much on either side, and once more each time that it is not
 * taken. Memory: the capacity, and on either side one largest record and an eighth of it if there are large ones.
 */
import { MAX_DRAIN_RECORDS } from "../limits.ts";
import { Writer } from "../wire/writer.ts";

/** Words of the control block; those of the writer and of the reader lie in cache lines of their own. */
const HEAD_WORD = 0;
const TAIL_WORD = 16;
const CONTROL_BYTES = 128;

/** Before each record: its payload's length (u32), its kind (u8) and its form (u8). */
const HEADER_BYTES = 8;
/** A record that may have more is large. What encoders write in place, up to 4 KiB, is not, whatever it may have. */
export const LARGE_BYTES = 4608;
const MIN_CAPACITY = 256;
const MAX_CAPACITY = 2 ** 30;

const FORM_WHOLE = 0;
/** The rest up to the end of the memory is empty. */
const FORM_PADDING = 1;
/** The record's first piece; the second stands at the start of the memory. */
const FORM_SPLIT = 2;
/** The second piece. */
const FORM_REST = 3;

/** What both ends are made from. Survives `postMessage` and `workerData`: a copy means the same memory. */
export interface RingMemory {
  readonly shared: SharedArrayBuffer;
  /** Bytes for records, a power of two. */
  readonly capacity: number;
  /** Bytes that only records written with `urgent` may use. */
  readonly reservedBytes: number;
}

/** Bytes of the ring that a record of `payloadBytes` takes. */
export function recordBytes(payloadBytes: number): number {
  return HEADER_BYTES + ((payloadBytes + 7) & ~7);
}

/** `reservedBytes` with which `records` unread urgent records of `payloadBytes` each always fit. */
export function reservedRoom(records: number, payloadBytes: number): number {
  // One more: the end of the memory may have to be padded, once, by less than a record.
  return (records + 1) * recordBytes(payloadBytes);
}

/** Where `drain` stopped. */
export const Drained = {
  /** Everything that was there has been taken. */
  empty: 0,
  /** The limit was reached and there is more: let the event loop have a turn first. */
  more: 1,
  /** The callback returned false; its record is still there. */
  stopped: 2,
} as const;
export type Drained = (typeof Drained)[keyof typeof Drained];

/**
 * Takes one record, whose bytes are `bytes[start..end)`; `view` covers the same memory as `bytes`. Valid during the
 * call only; `start` is a multiple of 8. False: not now, the record stays and is handed over again by the next drain.
 */
export type RecordCallback = (
  kind: number,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
) => boolean;

/**
 * Allocates a ring. `minCapacity` is rounded up to a power of two; twice the largest record and the reserved room is
 * the least that works well. Throws RangeError.
 */
export function createRing(minCapacity: number, reservedBytes = 0): RingMemory {
  let capacity = MIN_CAPACITY;
  while (capacity < minCapacity) capacity *= 2;
  if (!(capacity <= MAX_CAPACITY)) throw new RangeError(`a ring of ${minCapacity} bytes`);
  if (!(reservedBytes >= 0 && reservedBytes <= capacity / 4)) {
    throw new RangeError(`${reservedBytes} reserved bytes in a ring of ${capacity}`);
  }
  const reserved = (reservedBytes + 7) & ~7;
  return {
    shared: new SharedArrayBuffer(CONTROL_BYTES + capacity),
    capacity,
    reservedBytes: reserved,
  };
}

/** The largest payload that a ring takes when it is empty. */
export function maxRecordBytes(memory: RingMemory): number {
  return memory.capacity - memory.reservedBytes - 2 * HEADER_BYTES;
}

/** The writing end. There is one, on one thread, for the ring's whole life. */
export class RingWriter {
  readonly #control: Int32Array;
  readonly #words: Uint32Array;
  readonly #bytes: Uint8Array;
  readonly #capacity: number;
  readonly #reservedBytes: number;
  readonly #maxRecordBytes: number;
  readonly #inPlace: Writer;
  /** Where a large record is encoded; grows to the largest. */
  #beside: Writer | undefined;
  #head = 0;
  /** The reader's position when last looked at: the true one is here or further on. */
  #tail = 0;
  /** The record being written: its writer, or undefined where there is none. */
  #open: Writer | undefined;
  #openKind = 0;
  #openStart = 0;
  #openEnd = 0;
  /** Bytes of padding in front of it. */
  #openPadding = 0;

  constructor(memory: RingMemory) {
    this.#control = new Int32Array(memory.shared, 0, CONTROL_BYTES / 4);
    this.#words = new Uint32Array(memory.shared, CONTROL_BYTES);
    this.#bytes = new Uint8Array(memory.shared, CONTROL_BYTES);
    this.#inPlace = new Writer(this.#bytes);
    this.#capacity = memory.capacity;
    this.#reservedBytes = memory.reservedBytes;
    this.#maxRecordBytes = maxRecordBytes(memory);
    this.#head = Atomics.load(this.#control, HEAD_WORD) >>> 0;
    this.#tail = Atomics.load(this.#control, TAIL_WORD) >>> 0;
  }

  /** A record is being written: neither committed nor abandoned. */
  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /**
   * Makes room for a record of at most `bytes` and returns a writer that stands at its start, or undefined while there
   * is no room: then nothing has happened. Write, then `commit` or, if the encoder has thrown, `abandon`. `urgent`
   * records may use the reserved room. Throws RangeError for a record that can never fit.
   */
  reserve(kind: number, bytes: number, urgent = false): Writer | undefined {
    if (this.#open !== undefined)
      throw new Error("a ring's record was neither committed nor abandoned");
    if (!(bytes >= 0 && bytes <= this.#maxRecordBytes))
      throw new RangeError(`a record of ${bytes} bytes`);
    const capacity = this.#capacity;
    const at = this.#head & (capacity - 1);
    const toEnd = capacity - at;
    let need = HEADER_BYTES + ((bytes + 7) & ~7);
    let padding = 0;
    const isBeside = bytes > LARGE_BYTES || (need > toEnd && need > capacity / 4);
    if (need > toEnd) {
      if (isBeside) need += HEADER_BYTES;
      else padding = toEnd;
    }
    if (!this.#hasRoom(padding + need + (urgent ? 0 : this.#reservedBytes))) return undefined;
    let writer = this.#inPlace;
    if (isBeside) {
      writer = this.#writerBeside(bytes);
      writer.at = 0;
    } else {
      writer.at = (padding > 0 ? 0 : at) + HEADER_BYTES;
    }
    this.#open = writer;
    this.#openKind = kind;
    this.#openPadding = padding;
    this.#openStart = writer.at;
    this.#openEnd = writer.at + bytes;
    return writer;
  }

  /** Publishes the record as it was written, which may be shorter than what was reserved, never longer. */
  commit(): void {
    const writer = this.#open;
    if (writer === undefined) throw new Error("no record to commit");
    this.#open = undefined;
    if (writer.at < this.#openStart || writer.at > this.#openEnd) {
      throw new RangeError(`${writer.at - this.#openEnd} bytes past the end of a ring's record`);
    }
    const length = writer.at - this.#openStart;
    if (writer !== this.#inPlace) {
      this.#publishBeside(writer.bytes, length);
      return;
    }
    if (this.#openPadding > 0) this.#header(this.#head & (this.#capacity - 1), 0, 0, FORM_PADDING);
    this.#header(this.#openStart - HEADER_BYTES, length, this.#openKind, FORM_WHOLE);
    this.#advance(this.#openPadding + HEADER_BYTES + ((length + 7) & ~7));
  }

  /** Forgets the record being written, if there is one. */
  abandon(): void {
    this.#open = undefined;
  }

  /** Writes a record that exists as bytes. False: no room, not taken. */
  write(kind: number, source: Uint8Array, urgent = false): boolean {
    const writer = this.reserve(kind, source.byteLength, urgent);
    if (writer === undefined) return false;
    writer.raw(source);
    this.commit();
    return true;
  }

  /** Bytes that are free, the reserved ones included. */
  get freeBytes(): number {
    this.#tail = Atomics.load(this.#control, TAIL_WORD) >>> 0;
    return this.#capacity - ((this.#head - this.#tail) >>> 0);
  }

  #hasRoom(bytes: number): boolean {
    if (this.#capacity - ((this.#head - this.#tail) >>> 0) >= bytes) return true;
    return this.freeBytes >= bytes;
  }

  #writerBeside(bytes: number): Writer {
    let writer = this.#beside;
    if (writer === undefined || writer.bytes.byteLength < bytes) {
      writer = new Writer(scratch(bytes, this.#capacity));
      this.#beside = writer;
    }
    return writer;
  }

  #publishBeside(source: Uint8Array, length: number): void {
    const at = this.#head & (this.#capacity - 1);
    const room = this.#capacity - at - HEADER_BYTES;
    if (length <= room) {
      this.#bytes.set(source.subarray(0, length), at + HEADER_BYTES);
      this.#header(at, length, this.#openKind, FORM_WHOLE);
      this.#advance(HEADER_BYTES + ((length + 7) & ~7));
      return;
    }
    this.#bytes.set(source.subarray(0, room), at + HEADER_BYTES);
    this.#bytes.set(source.subarray(room, length), HEADER_BYTES);
    this.#header(at, room, this.#openKind, FORM_SPLIT);
    this.#header(0, length - room, this.#openKind, FORM_REST);
    this.#advance(2 * HEADER_BYTES + room + ((length - room + 7) & ~7));
  }

  #header(at: number, length: number, kind: number, form: number): void {
    this.#words[at >>> 2] = length;
    this.#words[(at >>> 2) + 1] = (kind & 0xff) | (form << 8);
  }

  #advance(bytes: number): void {
    this.#head = (this.#head + bytes) >>> 0;
    Atomics.store(this.#control, HEAD_WORD, this.#head | 0);
  }
}

/** The reading end. There is one, on one thread, for the ring's whole life. */
export class RingReader {
  readonly #control: Int32Array;
  readonly #words: Uint32Array;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #capacity: number;
  #tail = 0;
  /** Where a large record is read, and one in two pieces put together; grows to the largest. */
  #whole: Uint8Array = new Uint8Array(0);
  #wholeView: DataView = new DataView(this.#whole.buffer);
  #draining = false;

  constructor(memory: RingMemory) {
    this.#control = new Int32Array(memory.shared, 0, CONTROL_BYTES / 4);
    this.#words = new Uint32Array(memory.shared, CONTROL_BYTES);
    this.#bytes = new Uint8Array(memory.shared, CONTROL_BYTES);
    this.#view = new DataView(memory.shared, CONTROL_BYTES);
    this.#capacity = memory.capacity;
    this.#tail = Atomics.load(this.#control, TAIL_WORD) >>> 0;
  }

  /** Whether there is no record to read just now. */
  get isEmpty(): boolean {
    return Atomics.load(this.#control, HEAD_WORD) >>> 0 === this.#tail;
  }

  /** Bytes of records that were not read when it was last drained to the end, or that came since. */
  get usedBytes(): number {
    return ((Atomics.load(this.#control, HEAD_WORD) >>> 0) - this.#tail) >>> 0;
  }

  /**
   * Hands over up to `limit` records (never more than MAX_DRAIN_RECORDS) in order, and gives their room back to the
   * writer when done. A callback that throws has taken its record; the error goes on to the caller.
   */
  drain(limit: number, callback: RecordCallback): Drained {
    if (this.#draining) throw new Error("a ring is drained from within its own drain");
    const mask = this.#capacity - 1;
    const words = this.#words;
    const head = Atomics.load(this.#control, HEAD_WORD) >>> 0;
    let left = Math.min(limit, MAX_DRAIN_RECORDS);
    let tail = this.#tail;
    let next = tail;
    this.#draining = true;
    try {
      while (tail !== head) {
        const at = tail & mask;
        const length = words[at >>> 2]!;
        const kindAndForm = words[(at >>> 2) + 1]!;
        const form = kindAndForm >>> 8;
        if (form === FORM_PADDING) {
          tail = next = (tail + this.#capacity - at) >>> 0;
          continue;
        }
        if (left-- <= 0) return Drained.more;
        const kind = kindAndForm & 0xff;
        const start = at + HEADER_BYTES;
        const isSplit = form !== FORM_WHOLE;
        const rest = isSplit ? words[0]! : 0;
        const isBeside = isSplit || length > LARGE_BYTES;
        // Before it counts as taken: there may be no memory.
        if (isBeside) this.#join(start, length, rest);
        next = (tail + HEADER_BYTES + ((length + 7) & ~7)) >>> 0;
        if (isSplit) next = (next + HEADER_BYTES + ((rest + 7) & ~7)) >>> 0;
        const taken = isBeside
          ? callback(kind, this.#whole, this.#wholeView, 0, length + rest)
          : callback(kind, this.#bytes, this.#view, start, start + length);
        if (!taken) {
          next = tail;
          return Drained.stopped;
        }
        tail = next;
      }
      return Drained.empty;
    } finally {
      this.#draining = false;
      if (next !== this.#tail) {
        this.#tail = next;
        Atomics.store(this.#control, TAIL_WORD, next | 0);
      }
    }
  }

  #join(start: number, length: number, rest: number): void {
    if (this.#whole.byteLength < length + rest) {
      this.#whole = scratch(length + rest, this.#capacity);
      this.#wholeView = new DataView(this.#whole.buffer);
    }
    this.#whole.set(this.#bytes.subarray(start, start + length), 0);
    if (rest > 0) this.#whole.set(this.#bytes.subarray(HEADER_BYTES, HEADER_BYTES + rest), length);
  }
}

/** At least `bytes`, and some more, so that records that grow a little do not allocate each time. */
function scratch(bytes: number, capacity: number): Uint8Array<ArrayBuffer> {
  const size = (bytes + bytes / 8 + 4095) & ~4095;
  return new Uint8Array(Math.min(size, capacity));
}
