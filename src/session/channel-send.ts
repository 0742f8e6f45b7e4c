/**
 * The sending side of one channel: what is queued, what is in flight, what must go again.
 *
 * Messages are records in a ring, addressed by a position that counts up; on reliable channels the position is the
 * message number, because they are numbered in the order in which they are first packed. A reliable message is let go
 * when it and all before it are acknowledged (or abandoned); an unreliable one when it is packed. Lost frames wait in
 * a queue of their own and go first. Everything is bounded by `queueBytes`: payload plus MESSAGE_OVERHEAD_BYTES each, and
 * those bytes for each message in flight whose fate is still to be told (notices.ts).
 *
 * `reliable-sequenced` keeps two messages at most: the newest that was packed, which goes again when it is lost, and the
 * newest of all, whose place the next one takes. A message in slices that is under way is finished first: its slices go
 * again, and nothing newer is packed before all have arrived, or under constant loss none ever would.
 *
 * Worst case: releasing as many messages as an ack covers.
 */
import { InvalidMessageError, StardustError } from "../errors.ts";
import { MAX_REDUNDANT_BYTES, MESSAGE_OVERHEAD_BYTES, MESSAGE_WINDOW } from "../limits.ts";
import type { ChannelDefinition } from "../protocol.ts";
import { encodeOnce } from "../wire/encode-once.ts";
import type { FrameHeader } from "../wire/header.ts";
import type { Writer } from "../wire/writer.ts";
import { ByteRing } from "./byte-ring.ts";
import { Copies } from "./copies.ts";
import { ChannelNotices, type Notices } from "./notices.ts";
import { NumberQueue } from "./number-queue.ts";
import type { SendLimit } from "./send-limit.ts";

const State = { queued: 0, inFlight: 1, lost: 2, done: 3 } as const;

/** Fields of a record: where its bytes are, how many, its state, and when it was queued (ms, where its age counts). */
const STRIDE = 4;
const START = 0;
const LENGTH = 1;
const STATE = 2;
const QUEUED_AT = 3;
const MIN_RECORDS = 8;
const WHOLE = -1;

/** A message in slices: each has a state of its own. */
interface SlicedMessage {
  readonly states: Uint8Array;
  done: number;
}

export class SendChannel {
  readonly definition: ChannelDefinition;
  /** Its frames are remembered until they are acknowledged or lost: it needs to know. */
  readonly tracked: boolean;
  /** Deficit round robin (packer.ts): bytes this channel may still send before the next one of its level. */
  deficit = 0;
  queuedBytes = 0;
  /** `send` said false and `drained` is owed: the cost that did not fit, else 0. */
  refusedCost = 0;
  /** Messages whose first frame was sent, payload bytes of frames that were new, frames sent again: packer.ts counts. */
  messagesSent = 0;
  bytesSent = 0;
  framesResent = 0;
  /** Messages that were never sent, since last asked: unreliable ones because of the window, ... */
  droppedUnsent = 0;
  /** ... sequenced ones because of a newer one. */
  replaced = 0;

  /** What `prepare` found to be sent next. */
  private headPosition = 0;
  private headSlice = WHOLE;
  /** What `prepare` found has been sent before. */
  headIsResend = false;

  private readonly sequenced: boolean;
  private readonly sliceBytes: number;
  /** Of channels with `notices`. */
  private readonly notices: ChannelNotices | undefined;
  private readonly ring: ByteRing = new ByteRing();
  private records: Uint32Array = new Uint32Array(MIN_RECORDS * STRIDE);
  private mask = MIN_RECORDS - 1;
  /** Positions: the oldest kept, the first with something never packed, the next to be queued. */
  private oldest = 0;
  private unsent = 0;
  private next = 0;
  /** The first slice of message `unsent` that was never packed. */
  private nextSlice = 0;
  /** The first message whose time in the queue has not been taken. */
  private undated = 0;
  /** Unreliable channels: the next number, which frames say on numbered ones. There and where sequenced: the newest known to have arrived. */
  private nextNumber = 0;
  private newestAcknowledged = -1;
  private sliced: Map<number, SlicedMessage> | undefined = undefined;
  /** Pairs of position and slice. */
  private resends: NumberQueue | undefined = undefined;
  private copies: Copies | undefined = undefined;

  constructor(definition: ChannelDefinition, sliceBytes: number, notices: Notices) {
    this.definition = definition;
    this.tracked = definition.numbered || definition.notices === true;
    this.notices = definition.notices
      ? new ChannelNotices(definition, notices, MIN_RECORDS)
      : undefined;
    this.sequenced = definition.delivery === "reliable-sequenced";
    this.sliceBytes = sliceBytes;
  }

  get isEmpty(): boolean {
    return this.oldest === this.next;
  }

  /** All that counts against `queueBytes`. */
  get heldBytes(): number {
    return this.notices === undefined
      ? this.queuedBytes
      : this.queuedBytes + this.notices.heldBytes;
  }

  /** Something may be ready to be packed; `prepare` decides. */
  get hasWork(): boolean {
    return this.unsent !== this.next || this.hasResends;
  }

  get hasResends(): boolean {
    return this.resends !== undefined && this.resends.length > 0;
  }

  /** `view`: of the same memory as `payload`, where there is one. */
  push(payload: Uint8Array, start: number, end: number, token: number, view?: DataView): boolean {
    const length = end - start;
    this.checkLength(length);
    if (!this.takes(length, token)) return false;
    if (this.sequenced) this.replaceUnsent();
    this.record(this.ring.push(payload, start, end, view), length, token);
    return true;
  }

  pushMessage(message: unknown, token: number): boolean {
    const { encoder } = this.definition;
    if (encoder === undefined) throw noEncoder(this.definition.name);
    if (!encoder.inPlace || this.sequenced) {
      const bytes = encodeOnce(encoder, message);
      return this.push(bytes, 0, bytes.length, token);
    }
    const length = this.ring.stage(message, encoder);
    this.checkLength(length);
    if (!this.takes(length, token)) return false;
    this.record(this.ring.keep(length), length, token);
    return true;
  }

  /** Whether `drained` is due; if so, it is no longer owed. */
  takeDrained(): boolean {
    const cost = this.refusedCost;
    if (cost === 0) return false;
    const limit = this.definition.queueBytes;
    const held = this.heldBytes;
    if (held > 0 && (held + cost > limit || held > limit / 2)) return false;
    this.refusedCost = 0;
    return true;
  }

  /** Finds what is to be sent next: true, and `frame` describes it. `take` then commits to it. */
  prepare(frame: FrameHeader, limit: SendLimit, resendsOnly: boolean): boolean {
    if (this.resends !== undefined && this.prepareResend(frame, this.resends)) return true;
    if (resendsOnly) return false;
    const reliable = this.definition.reliable;
    const numbered = this.definition.numbered;
    if (!reliable && numbered && this.nextSlice === 0) this.dropBeyondWindow();
    if (this.unsent === this.next) return false;
    if (this.sequenced && !this.maySupersede) return false;
    const record = (this.unsent & this.mask) * STRIDE;
    const length = this.records[record + LENGTH]!;
    if (reliable && !this.sequenced && this.nextSlice === 0) {
      if (this.unsent >= this.oldest + MESSAGE_WINDOW) return false;
      if (!limit.allows(this.definition.index, length + MESSAGE_OVERHEAD_BYTES)) return false;
    }
    this.headIsResend = false;
    this.headPosition = this.unsent;
    this.describe(frame, reliable ? this.unsent : this.nextNumber, length, this.nextSlice);
    return true;
  }

  /** Commits to what `prepare` found. True: it was the first frame of its message. */
  take(frame: FrameHeader, limit: SendLimit): boolean {
    const position = this.headPosition;
    const record = (position & this.mask) * STRIDE;
    if (this.headIsResend) {
      this.resends!.shift();
      this.resends!.shift();
      if (this.headSlice === WHOLE) {
        this.leaves(position, record);
        if (this.records[record + LENGTH]! <= MAX_REDUNDANT_BYTES) {
          this.copies ??= new Copies();
          this.copies.addAgain(position);
        }
      } else this.sliced!.get(position)!.states[this.headSlice] = State.inFlight;
      return false;
    }
    const reliable = this.definition.reliable;
    const length = this.records[record + LENGTH]!;
    const first = this.headSlice === WHOLE || this.headSlice === 0;
    if (reliable) {
      if (first) this.begin(position, length, limit);
      if (this.headSlice === WHOLE) this.leaves(position, record);
      else this.slicedAt(position, frame.sliceCount).states[this.headSlice] = State.inFlight;
    } else if (first) {
      this.notices?.left(position, this.nextNumber, frame.slice ? frame.sliceCount : 1);
    }
    if (this.headSlice !== WHOLE && this.headSlice + 1 < frame.sliceCount) {
      this.nextSlice = this.headSlice + 1;
      return first;
    }
    this.nextSlice = 0;
    this.unsent++;
    if (!reliable) {
      this.nextNumber++;
      this.letGo();
    }
    return first;
  }

  /** A datagram is to be filled: what rides in it beside what is packed in it is known from here. */
  beginCopies(): void {
    this.copies?.begin(this, this.hasResends);
  }

  /** Finds the next message that is to ride in a further datagram: true, and `frame` describes it. */
  prepareCopy(frame: FrameHeader): boolean {
    const position = this.copies === undefined ? -1 : this.copies.next(this);
    if (position < 0) return false;
    this.headPosition = position;
    this.describe(frame, position, this.records[(position & this.mask) * STRIDE + LENGTH]!, 0);
    return true;
  }

  /** Commits to what `prepareCopy` found. */
  takeCopy(): void {
    if (this.sequenced) this.notices?.carried(this.headPosition, 1);
    this.copies!.take();
  }

  endCopies(): void {
    this.copies?.end();
  }

  /** For `Copies`. */
  isInFlight(position: number): boolean {
    const at = (position & this.mask) * STRIDE + STATE;
    return position >= this.oldest && this.records[at] === State.inFlight;
  }

  /** Drops unreliable messages that have waited for longer than `maxAgeMs`, the rest of one under way, too. How many? */
  expire(nowMs: number): number {
    const maxAgeMs = this.definition.maxAgeMs!;
    let expired = 0;
    this.date(nowMs);
    while (this.unsent < this.next) {
      const queuedAt = this.records[(this.unsent & this.mask) * STRIDE + QUEUED_AT]!;
      // Both modulo 2^32.
      if (((nowMs >>> 0) - queuedAt) >>> 0 <= maxAgeMs) break;
      if (this.nextSlice > 0) {
        this.notices?.lost(this.nextNumber);
        this.nextNumber++;
      } else this.notices?.dropped(this.unsent);
      this.nextSlice = 0;
      this.unsent++;
      expired++;
      this.letGo();
    }
    return expired;
  }

  /** What waits since before now is to be told from what comes: its age counts from here. */
  date(nowMs: number): void {
    for (let i = Math.max(this.undated, this.unsent); i < this.next; i++) {
      this.records[(i & this.mask) * STRIDE + QUEUED_AT] = nowMs;
    }
    this.undated = this.next;
  }

  /** How long the oldest message of which nothing has left has waited, milliseconds; 0: for less than a turn. */
  ageMs(nowMs: number): number {
    const first = this.nextSlice > 0 ? this.unsent + 1 : this.unsent;
    if (first >= Math.min(this.undated, this.next)) return 0;
    return ((nowMs >>> 0) - this.records[(first & this.mask) * STRIDE + QUEUED_AT]!) >>> 0;
  }

  /** Where the payload of the frame that `take` has committed to begins in the ring. */
  payloadPosition(): number {
    const start = this.records[(this.headPosition & this.mask) * STRIDE + START]!;
    return this.headSlice > 0 ? start + this.headSlice * this.sliceBytes : start;
  }

  copyPayload(position: number, length: number, w: Writer): void {
    this.ring.copyOut(position, length, w);
  }

  /** A frame of this channel has arrived. */
  acknowledged(number: number, slice: number): void {
    if (number > this.newestAcknowledged) this.newestAcknowledged = number;
    if (this.definition.reliable) this.settle(number, slice, true);
    this.notices?.acknowledged(number, slice === WHOLE);
  }

  /** A run of whole messages has arrived. */
  acknowledgedRun(first: number, count: number): void {
    for (let i = 0; i < count; i++) this.acknowledged(first + i, WHOLE);
  }

  /** A datagram with this frame is lost: what that means to whoever wants to be told. */
  noteLost(number: number): void {
    if (this.notices === undefined) return;
    if (this.definition.reliable && number >= this.oldest) {
      if (this.sequenced) this.notices.carried(number, -1);
    } else this.notices.lost(number);
  }

  /** The connection is over: what is not acknowledged is lost. */
  end(): void {
    this.notices?.end(this.oldest, this.next);
  }

  /** A reliable frame is to be sent again, unless it is acknowledged or waiting already. */
  lost(number: number, slice: number): void {
    if (number < this.oldest) return;
    if (slice === WHOLE) {
      const at = (number & this.mask) * STRIDE + STATE;
      if (this.records[at] !== State.inFlight) return;
      this.records[at] = State.lost;
    } else {
      const states = this.sliced?.get(number)?.states;
      if (states === undefined || states[slice] !== State.inFlight) return;
      states[slice] = State.lost;
    }
    this.resends ??= new NumberQueue();
    this.resends.push(number);
    this.resends.push(slice);
  }

  /** A reliable frame is never sent again, arrived or not: as if it had. True: it had not been settled before. */
  abandoned(number: number, slice: number): boolean {
    return this.settle(number, slice, false);
  }

  /** Frees memory that an idle channel does not need. */
  trim(): void {
    if (!this.isEmpty) return;
    this.notices?.trim();
    this.ring.trim();
    this.resends = undefined;
    this.copies = undefined;
    if (this.mask >= MIN_RECORDS) {
      this.records = new Uint32Array(MIN_RECORDS * STRIDE);
      this.mask = MIN_RECORDS - 1;
      this.notices?.resize(this.mask, this.oldest, this.next);
    }
  }

  private checkLength(length: number): void {
    const { fixedBytes, maxBytes } = this.definition;
    if (length > maxBytes) {
      throw new InvalidMessageError("", `${length} bytes are more than the ${maxBytes} allowed`);
    }
    if (fixedBytes >= 0 && length !== fixedBytes) {
      throw new InvalidMessageError("", `${length} bytes where ${fixedBytes} are expected`);
    }
  }

  /** Sequenced channels always have room, but for what is to be told. */
  private takes(length: number, token: number): boolean {
    const cost = length + MESSAGE_OVERHEAD_BYTES;
    const held = this.heldBytes;
    const fits = this.sequenced || held === 0 || held + cost <= this.definition.queueBytes;
    if (fits && (Number.isNaN(token) || !this.notices!.isFull)) return true;
    this.refusedCost = cost;
    return false;
  }

  /** What was queued last and has not begun to be sent is not wanted any more. */
  private replaceUnsent(): void {
    const begun = this.nextSlice > 0 ? this.unsent + 1 : this.unsent;
    if (this.next === begun) return;
    this.next--;
    this.notices?.dropped(this.next);
    if (this.undated > this.next) this.undated = this.next;
    const at = (this.next & this.mask) * STRIDE;
    this.ring.takeBack(this.records[at + START]!);
    this.queuedBytes -= this.records[at + LENGTH]! + MESSAGE_OVERHEAD_BYTES;
    this.replaced++;
  }

  /** Sequenced: nothing in slices is under way, and the numbers in flight stay within the window. */
  private get maySupersede(): boolean {
    if (this.nextSlice > 0) return true;
    if (this.sliced !== undefined && this.sliced.size > 0) return false;
    return this.unsent <= this.newestAcknowledged + MESSAGE_WINDOW;
  }

  /** A reliable message is packed for the first time. */
  private begin(position: number, length: number, limit: SendLimit): void {
    if (this.sequenced) this.supersede();
    else limit.spend(this.definition.index, length + MESSAGE_OVERHEAD_BYTES);
    const copies = this.definition.redundancy;
    if (copies === undefined || this.headSlice !== WHOLE || length > MAX_REDUNDANT_BYTES) return;
    this.copies ??= new Copies();
    this.copies.add(position, copies);
  }

  /** A whole reliable message goes into a datagram. */
  private leaves(position: number, record: number): void {
    this.records[record + STATE] = State.inFlight;
    if (this.sequenced) this.notices?.carried(position, 1);
  }

  /** Those before the newest are not sent again. */
  private supersede(): void {
    for (let position = this.oldest; position < this.unsent; position++) {
      this.records[(position & this.mask) * STRIDE + STATE] = State.done;
      this.notices?.replaced(position);
    }
    this.letGo();
  }

  private record(start: number, length: number, token: number): void {
    if (this.next - this.oldest > this.mask) this.growRecords();
    const at = (this.next & this.mask) * STRIDE;
    this.records[at + START] = start;
    this.records[at + LENGTH] = length;
    this.records[at + STATE] = State.queued;
    this.notices?.queued(this.next, token);
    this.next++;
    this.queuedBytes += length + MESSAGE_OVERHEAD_BYTES;
  }

  private growRecords(): void {
    const old = this.records;
    const oldMask = this.mask;
    this.mask = oldMask * 2 + 1;
    this.records = new Uint32Array((this.mask + 1) * STRIDE);
    this.notices?.resize(this.mask, this.oldest, this.next);
    for (let i = this.oldest; i < this.next; i++) {
      const from = (i & oldMask) * STRIDE;
      const to = (i & this.mask) * STRIDE;
      for (let field = 0; field < STRIDE; field++) this.records[to + field] = old[from + field]!;
    }
  }

  private describe(frame: FrameHeader, number: number, length: number, slice: number): void {
    frame.channel = this.definition.index;
    frame.number = number;
    if (this.definition.fragment && length > this.sliceBytes) {
      const count = Math.ceil(length / this.sliceBytes);
      frame.slice = true;
      frame.sliceIndex = slice;
      frame.sliceCount = count;
      frame.payloadBytes =
        slice + 1 < count ? this.sliceBytes : length - (count - 1) * this.sliceBytes;
      this.headSlice = slice;
    } else {
      frame.slice = false;
      frame.payloadBytes = length;
      this.headSlice = WHOLE;
    }
  }

  private prepareResend(frame: FrameHeader, resends: NumberQueue): boolean {
    while (resends.length > 0) {
      const position = resends.peek(0);
      const slice = resends.peek(1);
      if (this.isLost(position, slice) && this.isSuperseded(slice)) {
        this.replaced++;
        this.settle(position, slice, false);
      } else if (this.isLost(position, slice)) {
        this.headIsResend = true;
        this.headPosition = position;
        const length = this.records[(position & this.mask) * STRIDE + LENGTH]!;
        this.describe(frame, position, length, slice === WHOLE ? 0 : slice);
        return true;
      }
      resends.shift();
      resends.shift();
    }
    return false;
  }

  /** Sequenced: a newer message is there, and may go instead of a whole one that was lost. */
  private isSuperseded(slice: number): boolean {
    return this.sequenced && slice === WHOLE && this.unsent < this.next && this.maySupersede;
  }

  private isLost(position: number, slice: number): boolean {
    if (position < this.oldest) return false;
    if (slice === WHOLE)
      return this.records[(position & this.mask) * STRIDE + STATE] === State.lost;
    return this.sliced?.get(position)?.states[slice] === State.lost;
  }

  private slicedAt(position: number, count: number): SlicedMessage {
    this.sliced ??= new Map();
    let message = this.sliced.get(position);
    if (message === undefined) {
      message = { states: new Uint8Array(count), done: 0 };
      this.sliced.set(position, message);
    }
    return message;
  }

  /** A reliable frame is not sent again: it has arrived, or is given up. */
  private settle(number: number, slice: number, hasArrived: boolean): boolean {
    if (number < this.oldest) return false;
    const at = (number & this.mask) * STRIDE + STATE;
    if (slice !== WHOLE) {
      const message = this.sliced?.get(number);
      if (message === undefined || message.states[slice] === State.done) return false;
      message.states[slice] = State.done;
      if (++message.done < message.states.length) return true;
      this.sliced!.delete(number);
    } else if (this.records[at] === State.done) return false;
    this.records[at] = State.done;
    if (hasArrived) this.notices?.arrived(number);
    else this.notices?.replaced(number);
    if (number === this.oldest) this.letGo();
    return true;
  }

  /** Releases what is finished at the front: reliable messages that are done, unreliable ones that were packed. */
  private letGo(): void {
    const reliable = this.definition.reliable;
    let end = 0;
    let released = false;
    while (this.oldest < this.unsent) {
      const at = (this.oldest & this.mask) * STRIDE;
      if (reliable && this.records[at + STATE] !== State.done) break;
      const length = this.records[at + LENGTH]!;
      end = this.records[at + START]! + length;
      this.queuedBytes -= length + MESSAGE_OVERHEAD_BYTES;
      this.oldest++;
      released = true;
    }
    if (!released) return;
    if (this.isEmpty) this.ring.clear();
    else this.ring.release(end);
  }

  private dropBeyondWindow(): void {
    while (this.unsent < this.next && this.nextNumber > this.newestAcknowledged + MESSAGE_WINDOW) {
      this.notices?.dropped(this.unsent);
      this.unsent++;
      this.droppedUnsent++;
      this.letGo();
    }
  }
}

/** The error for a protocol without this channel's encoder: the facts alone, or the other side's. */
export function noEncoder(channel: string): StardustError {
  return new StardustError(
    "STARDUST_UNSUPPORTED",
    `channel ${channel} has no encoder: a client's session takes generated/client-protocol, a server's generated/server-protocol`,
  );
}
