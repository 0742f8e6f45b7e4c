/**
 * The worker's end of the shared memory: writes joins, messages and leaves, and reads what the application wants done.
 * The other end is handle.ts.
 */

import type { CloseReason } from "../connection-contract.ts";
import type { Protocol } from "../protocol.ts";
import type { ReceivedMessage } from "../received-message.ts";
import { nowMs } from "../udp/turn.ts";
import { stampOf } from "./arriving.ts";
import { ClockTable } from "./clock-table.ts";
import { creditShares } from "./credit-shares.ts";
import { Credits } from "./credits.ts";
import { type PortMemory, receiveCost } from "./memory.ts";
import {
  AWAY_BYTES,
  joinBytes,
  LEAVE_BYTES,
  messageBytes,
  NOTICE_BYTES,
  STAMP_BYTES,
  ToApplication,
  writeAway,
  writeJoin,
  writeLeave,
  writeMessage,
  writeNotice,
} from "./records-to-application.ts";
import {
  PEER_BYTES,
  type PortCommands,
  readForWorker,
  SYSTEM_BYTES,
  ToWorker,
  writeSystem,
} from "./records-to-worker.ts";
import type { RecordCallback } from "./ring.ts";
import { RingEnd } from "./ring-end.ts";

/** Messages with a stamp that one look at the clock is for. */
const STAMPS_PER_LOOK = 16;

/** What became of a message for the application. */
export type DeliveryVerdict = "taken" | "no-credit" | "no-ring";

export class PortLink {
  readonly #protocol: Protocol;
  readonly #end: RingEnd<"worker">;
  readonly #sendCredits: Credits;
  readonly #receiveCredits: Credits;
  readonly #clocks: ClockTable;
  readonly #clock: () => number;
  #commands: PortCommands | undefined;
  /** When this turn's latest messages were written, and how many more may say the same. */
  #stamp = 0;
  #stampsLeft = 0;
  /** `ringSoon` was called, and the microtask has not come. */
  #isRinging = false;

  constructor(memory: PortMemory, protocol: Protocol, clock: () => number = nowMs) {
    this.#clock = clock;
    this.#protocol = protocol;
    this.#end = new RingEnd(memory, "worker");
    this.#sendCredits = new Credits(memory.sendCredits, creditShares(protocol, "server"));
    this.#receiveCredits = new Credits(memory.receiveCredits, creditShares(protocol, "client"));
    this.#clocks = new ClockTable(memory.clocks);
  }

  /** From now on `commands` is given what the application writes. */
  start(commands: PortCommands): void {
    this.#commands = commands;
    this.#end.wait(() => this.#drain());
  }

  close(): void {
    this.#end.close();
  }

  /** There are records for the application that it is to be woken for. */
  get hasNews(): boolean {
    return this.#end.hasNews;
  }

  /** Wakes the application for records if it sleeps, behind what is running: where a turn would have nothing else to do. */
  ringSoon(): void {
    if (this.#isRinging) return;
    this.#isRinging = true;
    queueMicrotask(this.#ringLate);
  }

  readonly #ringLate = (): void => {
    this.#isRinging = false;
    this.#stampsLeft = 0;
    this.#end.ringForRecords();
  };

  /** Wakes the application if it sleeps: at the end of each turn. */
  ring(): void {
    this.#stampsLeft = 0;
    this.#end.ringNow();
  }

  join(peer: number, address: string, port: number): void {
    const w = this.#end.reserveUrgent(ToApplication.join, joinBytes(address));
    writeJoin(w, peer, address, port);
    this.#end.commit();
  }

  leave(peer: number, reason: CloseReason): void {
    writeLeave(this.#end.reserveUrgent(ToApplication.leave, LEAVE_BYTES), peer, reason);
    this.#end.commit();
  }

  /** It has gone to another port, in the place of its leave. */
  letGo(peer: number): void {
    const w = this.#end.reserveUrgent(ToApplication.letGo, PEER_BYTES);
    w.u32(peer);
    this.#end.commit();
  }

  /** A message, if the peer has credit on its channel (or is `leaving`, and this is the last that comes) and the ring has room. */
  message(peer: number, slot: number, message: ReceivedMessage, leaving: boolean): DeliveryVerdict {
    const { view, channel, start, end, user } = message;
    const cost = receiveCost(this.#protocol, end - start);
    if (leaving) this.#receiveCredits.overspend(slot, channel.index, cost);
    else if (!this.#receiveCredits.spend(slot, channel.index, cost)) return "no-credit";
    const isStamped = channel.maxAgeMs !== undefined;
    const size = messageBytes(user.length, end - start);
    const w = isStamped
      ? this.#end.reserve(ToApplication.stampedMessage, STAMP_BYTES + size)
      : this.#end.reserve(ToApplication.message, size);
    if (w === undefined) {
      this.#receiveCredits.refund(slot, channel.index, cost);
      return "no-ring";
    }
    if (isStamped) w.u32(this.#stampNow());
    writeMessage(w, peer, channel.index, user, view, start, end);
    this.#end.commit();
    return "taken";
  }

  /** What became of a message that the application sent with a token. False: the ring has no room. */
  notice(peer: number, channel: number, token: number, delivered: boolean): boolean {
    const w = this.#end.reserve(ToApplication.notice, NOTICE_BYTES);
    if (w === undefined) return false;
    writeNotice(w, peer, channel, token, delivered);
    this.#end.commit();
    return true;
  }

  /** Whether a peer is away. False: the ring has no room. */
  away(peer: number, isAway: boolean): boolean {
    const w = this.#end.reserve(ToApplication.away, AWAY_BYTES);
    if (w === undefined) return false;
    writeAway(w, peer, isAway);
    this.#end.commit();
    return true;
  }

  /** A message of the systems, for the application or for those of other ports. False: the ring has no room. */
  system(to: number, message: number, payload: Uint8Array): boolean {
    const w = this.#end.reserve(ToApplication.system, SYSTEM_BYTES + payload.length);
    if (w === undefined) return false;
    writeSystem(w, to, message);
    w.raw(payload);
    this.#end.publish();
    return true;
  }

  /** Gives credit back that the application had spent; true where a refused send is waiting for it. */
  refund(slot: number, channel: number, cost: number): boolean {
    return this.#sendCredits.add(slot, channel, cost);
  }

  /** Which unreliable channels a session has no room for; true where a refused send is waiting for one. */
  setFull(slot: number, bits: number): boolean {
    return this.#sendCredits.setFull(slot, bits);
  }

  /** More is known of a peer's clock. */
  clock(slot: number, words: Float64Array): void {
    this.#clocks.write(slot, words);
  }

  /** Credit that is spent just now. */
  sendSpent(slot: number): number {
    return this.#sendCredits.spentBytes(slot);
  }

  receiveSpent(slot: number): number {
    return this.#receiveCredits.spentBytes(slot);
  }

  /** A refused send of this peer may be tried again. */
  drained(peer: number): void {
    this.#end.hintCredit(peer);
  }

  /** Everything that the application has written so far is done when this returns. */
  drainAll(): void {
    while (this.#drain());
  }

  /** The clock is looked at anew after each turn. */
  #stampNow(): number {
    if (this.#stampsLeft === 0) {
      this.#stamp = stampOf(this.#clock());
      this.#stampsLeft = STAMPS_PER_LOOK;
    }
    this.#stampsLeft--;
    return this.#stamp;
  }

  #drain(): boolean {
    return this.#end.drain(this.#take);
  }

  readonly #take: RecordCallback = (kind, bytes, view, start, end) => {
    if (kind === ToWorker.ringDrained) this.#end.sendPendingHints();
    readForWorker(kind, bytes, view, start, end, this.#commands!);
    return true;
  };
}
