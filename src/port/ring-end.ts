/**
 * One end of a port's two rings, whichever thread has it: records out, records in, the bells, and telling each other of
 * room. What the records say is in records-to-worker.ts and records-to-application.ts.
 *
 * A writer that finds no room for a record says so in shared memory and looks again; the reader looks there after it
 * has made some, and answers with a record `ringDrained`. Hints (this, and that a peer's credit has come back) are
 * never lost and never use the room that is kept for joins and leaves: those that find none stay pending. Worst case of
 * sending them: one record for each peer.
 *
 * A drain ends after MAX_DRAIN_RECORDS or MAX_DRAIN_MS, whichever comes first, and goes on in a later turn of the event loop
 * (drain-turns.ts). It gives room back as it goes on, and looks at the clock as often: every MAX_DRAIN_STRIDE records, or,
 * where these take more than STRIDE_MS, as few as take less.
 */
import { MAX_DRAIN_MS, MAX_DRAIN_RECORDS, MAX_DRAIN_STRIDE } from "../limits.ts";
import type { RingStats } from "../stats.ts";
import type { Writer } from "../wire/writer.ts";
import { Doorbell } from "./doorbell.ts";
import { type DrainTurns, drainTurns } from "./drain-turns.ts";
import { type PortMemory, WantsRoom } from "./memory.ts";
import { ToApplication } from "./records-to-application.ts";
import { PEER_BYTES, ToWorker } from "./records-to-worker.ts";
import { Drained, type RecordCallback, RingReader, RingWriter } from "./ring.ts";

/** A stride that took longer is followed by a shorter one. */
const STRIDE_MS = 1;

/** Stands for the ring itself where a peer id is expected. */
const RING = -1;

/** The kinds of records that each side writes. */
interface RecordKinds {
  readonly application: ToWorker;
  readonly worker: ToApplication;
}

/** Kinds of the hints that each side writes. */
const hints: {
  readonly [Side in keyof RecordKinds]: Record<"creditBack" | "ringDrained", RecordKinds[Side]>;
} = {
  application: { creditBack: ToWorker.pump, ringDrained: ToWorker.ringDrained },
  worker: { creditBack: ToApplication.drained, ringDrained: ToApplication.ringDrained },
};

export class RingEnd<Side extends keyof RecordKinds> {
  readonly #out: RingWriter;
  readonly #in: RingReader;
  /** Of what it writes, and what it reads. */
  readonly #capacities: readonly [number, number];
  readonly #bell: Doorbell;
  readonly #otherBell: Doorbell;
  readonly #wantsRoom: Int32Array;
  readonly #ownWord: number;
  readonly #otherWord: number;
  readonly #hints: (typeof hints)[Side];
  /** Peers (or RING) whose hint found no room. */
  readonly #pendingHints = new Set<number>();
  /** The last record that was handed over was not taken. */
  #stopped = false;
  /** The thread's clock as the drain has looked at it last. */
  drainedMs = 0;
  /** Records between two looks at the clock. */
  #stride = MAX_DRAIN_STRIDE;
  readonly #turns: DrainTurns;
  /** A record has been published since the other thread was last rung for. */
  #unrung = false;

  constructor(memory: PortMemory, side: Side, turns: DrainTurns = drainTurns) {
    this.#turns = turns;
    const application = side === "application";
    const other = application ? "worker" : "application";
    this.#out = new RingWriter(application ? memory.toWorker : memory.toApplication);
    this.#in = new RingReader(application ? memory.toApplication : memory.toWorker);
    const { toWorker, toApplication } = memory;
    const both = [toWorker.capacity, toApplication.capacity] as const;
    this.#capacities = application ? both : [both[1], both[0]];
    this.#bell = new Doorbell(memory[`${side}Bell`], turns);
    this.#otherBell = new Doorbell(memory[`${other}Bell`]);
    this.#wantsRoom = new Int32Array(memory.wantsRoom);
    this.#ownWord = WantsRoom[side];
    this.#otherWord = WantsRoom[other];
    this.#hints = hints[side];
  }

  /** From now on `work` is called whenever there are records; it drains them and returns whether more are left. */
  wait(work: () => boolean): void {
    this.#bell.wait(() => !this.#stopped && !this.#in.isEmpty, work);
  }

  /** What `drain` stopped at may be taken now. */
  lookAgain(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#bell.resume();
  }

  close(): void {
    this.#bell.close();
    this.#otherBell.close();
  }

  /** How full both rings are. */
  fill(): { readonly out: RingStats; readonly in: RingStats } {
    const [outBytes, inBytes] = this.#capacities;
    return {
      out: { usedBytes: outBytes - this.#out.freeBytes, capacityBytes: outBytes },
      in: { usedBytes: this.#in.usedBytes, capacityBytes: inBytes },
    };
  }

  /** As `RingWriter.reserve`; where there is no room, asks to be told of some and looks again. */
  reserve(kind: RecordKinds[Side], bytes: number): Writer | undefined {
    // A getter of a message that is being written sends another: the first must not be lost.
    if (this.#out.isOpen) throw new Error("a message is sent while another is being written");
    const w = this.#out.reserve(kind, bytes);
    if (w !== undefined) return w;
    Atomics.store(this.#wantsRoom, this.#ownWord, 1);
    this.#otherBell.ring();
    return this.#out.reserve(kind, bytes);
  }

  /** For records that are never refused: createPortMemory keeps room for all that can be unread at once. */
  reserveUrgent(kind: RecordKinds[Side], bytes: number): Writer {
    const w = this.#out.reserve(kind, bytes, true);
    if (w === undefined) throw new Error("the ring's reserved room is used up");
    return w;
  }

  /** Publishes the record; the other thread is woken when the turn ends with `ringNow`. */
  commit(): void {
    this.#out.commit();
    this.#unrung = true;
  }

  /** Publishes the record and wakes the other thread at the end of this turn. */
  publish(): void {
    this.#out.commit();
    this.#unrung = true;
    this.#otherBell.ring();
  }

  abandon(): void {
    this.#out.abandon();
  }

  /** A record has been published since the other thread was last rung for. */
  get hasNews(): boolean {
    return this.#unrung;
  }

  /** Sends pending hints, and wakes the other thread now if it sleeps and there is anything new for it. */
  ringNow(): void {
    if (this.#pendingHints.size > 0) this.sendPendingHints();
    this.ringForRecords();
  }

  /** The same, and leaves hints where they are. */
  ringForRecords(): void {
    if (!this.#unrung) return;
    // One that is awake looks again before it sleeps.
    this.#unrung = false;
    this.#otherBell.ringNow();
  }

  /** Tells the other side that credit of this peer has come back that it waits for: now, or as soon as there is room. */
  hintCredit(peer: number): void {
    this.#hint(peer);
  }

  /** Sends hints that found no room before: the other side has made some. */
  sendPendingHints(): void {
    const pending = [...this.#pendingHints];
    this.#pendingHints.clear();
    for (const peer of pending) this.#hint(peer);
  }

  /** Hands over what has come, tells the other side of the room this made, and returns whether more is left. */
  drain(take: RecordCallback): boolean {
    const drained = this.#drainSome(take);
    this.#stopped = drained === Drained.stopped;
    if (Atomics.exchange(this.#wantsRoom, this.#otherWord, 0) === 1) this.#hint(RING);
    if (this.#pendingHints.size > 0) this.sendPendingHints();
    return drained === Drained.more;
  }

  /** Drains until nothing is left, it is stopped, or as many records or as much time as may be have gone by. */
  #drainSome(take: RecordCallback): Drained {
    let left = MAX_DRAIN_RECORDS;
    let nowMs = this.#turns.nowMs();
    const endMs = nowMs + MAX_DRAIN_MS;
    for (;;) {
      this.drainedMs = nowMs;
      const records = Math.min(this.#stride, left);
      const drained = this.#in.drain(records, take);
      left -= records;
      if (drained !== Drained.more || left === 0) return drained;
      const beganMs = nowMs;
      nowMs = this.#turns.nowMs();
      if (nowMs - beganMs > STRIDE_MS) this.#stride = Math.max(1, this.#stride >> 1);
      else if (this.#stride < MAX_DRAIN_STRIDE) this.#stride *= 2;
      if (nowMs >= endMs) return drained;
    }
  }

  #hint(peer: number): void {
    const w =
      peer === RING
        ? this.reserve(this.#hints.ringDrained, 0)
        : this.reserve(this.#hints.creditBack, PEER_BYTES);
    if (w === undefined) {
      this.#pendingHints.add(peer);
      return;
    }
    if (peer !== RING) w.u32(peer);
    this.publish();
  }
}
