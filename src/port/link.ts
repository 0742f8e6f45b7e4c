/**
 * The worker's end of the shared memory: writes joins, messages and leaves, and reads what the application wants done.
 * The other end is handle.ts.
 */

import type { CloseReason } from "../connection-contract.ts";
import type { Protocol } from "../protocol.ts";
import type { ReceivedMessage } from "../received-message.ts";
import { utf8Length } from "../wire/utf8.ts";
import { Credits } from "./credits.ts";
import { MAX_CODE_BYTES, MAX_REASON_BYTES, type PortMemory, receiveCost } from "./memory.ts";
import { readText, writeText } from "./record-text.ts";
import { ToApplication, ToWorker } from "./records.ts";
import { RingEnd } from "./ring-end.ts";

const NOBODY: Set<number> = new Set();

/** What became of a message for the application. */
export type DeliveryVerdict = "taken" | "no-credit" | "no-ring";

/** What the application wants done, record by record: the worker's owner does it. `bytes` are valid during the call only. */
export interface PortCommands {
  /** A message for one peer; its credit is spent. */
  send(peer: number, channel: number, bytes: Uint8Array, start: number, end: number): void;
  /** A message for all joined peers but the `skipped`; on reliable channels its credit is spent for each. */
  broadcast(
    channel: number,
    skipped: ReadonlySet<number>,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void;
  close(peer: number, code: string, reason: string, lingerMs: number): void;
  setHeader(field: number, value: number): void;
  /** The application has seen the peer's join. */
  setJoined(peer: number): void;
  /** Receive credit of this peer has come back. */
  pump(peer: number): void;
  /** The ring to the application has room again. */
  ringHasRoom(): void;
  /** A message of this peer could not be decoded. */
  malformed(peer: number): void;
}

export class PortLink {
  readonly #protocol: Protocol;
  readonly #end: RingEnd;
  readonly #sendCredits: Credits;
  readonly #receiveCredits: Credits;
  #commands: PortCommands | undefined;

  constructor(memory: PortMemory, protocol: Protocol) {
    this.#protocol = protocol;
    this.#end = new RingEnd(memory, "worker");
    this.#sendCredits = new Credits(memory.sendCredits);
    this.#receiveCredits = new Credits(memory.receiveCredits);
  }

  /** From now on `commands` is given what the application writes. */
  start(commands: PortCommands): void {
    this.#commands = commands;
    this.#end.wait(() => this.#drain());
  }

  close(): void {
    this.#end.close();
  }

  /** Wakes the application if it sleeps: at the end of each turn. */
  ring(): void {
    this.#end.ringNow();
  }

  join(peer: number, address: string, port: number): void {
    const length = utf8Length(address);
    const w = this.#end.reserveUrgent(ToApplication.join, 6 + 8 + length);
    w.u32(peer);
    w.u16(port);
    w.string(address, length);
    this.#end.commit();
  }

  leave(peer: number, reason: CloseReason): void {
    const w = this.#end.reserveUrgent(
      ToApplication.leave,
      5 + 4 + MAX_CODE_BYTES + MAX_REASON_BYTES,
    );
    w.u32(peer);
    w.u8(reason.by === "remote" ? 1 : 0);
    writeText(w, reason.code, MAX_CODE_BYTES);
    writeText(w, reason.reason, MAX_REASON_BYTES);
    this.#end.commit();
  }

  /** A message, if the peer has credit (or is `leaving`, and this is the last that comes) and the ring has room. */
  message(peer: number, slot: number, message: ReceivedMessage, leaving: boolean): DeliveryVerdict {
    const { bytes, start, end, user } = message;
    const cost = receiveCost(this.#protocol, end - start);
    if (leaving) this.#receiveCredits.overspend(slot, cost);
    else if (!this.#receiveCredits.spend(slot, cost)) return "no-credit";
    const w = this.#end.reserve(ToApplication.message, 6 + 8 * user.length + end - start);
    if (w === undefined) {
      this.#receiveCredits.refund(slot, cost);
      return "no-ring";
    }
    w.u32(peer);
    w.u16(message.channel.index);
    for (let i = 0; i < user.length; i++) w.view.setFloat64(w.take(8), user[i]!);
    w.bytes.set(bytes.subarray(start, end), w.take(end - start));
    this.#end.commit();
    return "taken";
  }

  /** Gives credit back that the application had spent; true where a refused send is waiting for it. */
  refund(slot: number, cost: number): boolean {
    return this.#sendCredits.add(slot, cost);
  }

  /** Credit that is left just now. */
  sendCredit(slot: number): number {
    return this.#sendCredits.available(slot);
  }

  receiveCredit(slot: number): number {
    return this.#receiveCredits.available(slot);
  }

  /** A refused send of this peer may be tried again. */
  drained(peer: number): void {
    this.#end.hintCredit(peer);
  }

  /** Everything that the application has written so far is done when this returns. */
  drainAll(): void {
    while (this.#drain());
  }

  #drain(): boolean {
    return this.#end.drain(this.#take);
  }

  readonly #take = (
    kind: number,
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
  ): boolean => {
    const commands = this.#commands!;
    const record = kind as ToWorker;
    switch (record) {
      case ToWorker.send:
        commands.send(view.getUint32(start), view.getUint16(start + 4), bytes, start + 6, end);
        break;
      case ToWorker.broadcast: {
        const count = view.getUint16(start + 2);
        const skipped = count === 0 ? NOBODY : new Set<number>();
        for (let i = 0; i < count; i++) skipped.add(view.getUint32(start + 4 + 4 * i));
        commands.broadcast(view.getUint16(start), skipped, bytes, start + 4 + 4 * count, end);
        break;
      }
      case ToWorker.close: {
        const codeAt = start + 12;
        const reasonAt = codeAt + 2 + view.getUint16(codeAt);
        commands.close(
          view.getUint32(start),
          readText(bytes, view, codeAt),
          readText(bytes, view, reasonAt),
          view.getFloat64(start + 4),
        );
        break;
      }
      case ToWorker.header:
        commands.setHeader(view.getUint16(start), view.getFloat64(start + 2));
        break;
      case ToWorker.joined:
        commands.setJoined(view.getUint32(start));
        break;
      case ToWorker.pump:
        commands.pump(view.getUint32(start));
        break;
      case ToWorker.ringDrained:
        this.#end.payOwed();
        commands.ringHasRoom();
        break;
      case ToWorker.malformed:
        commands.malformed(view.getUint32(start));
        break;
      default:
        record satisfies never;
    }
    return true;
  };
}
