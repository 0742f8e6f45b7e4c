/**
 * Records in the ring from a port's worker to the application's thread: their kinds, and of each how it is written and
 * read, one beside the other. They are private to the two threads, which run the same build: nothing is checked, and a
 * kind that is not read is an error of the compiler. Not here: who writes them (link.ts), and what becomes of them
 * (handle.ts).
 */
import type { CloseReason } from "../connection-contract.ts";
import { utf8Length, utf8Read } from "../wire/utf8.ts";
import type { Writer } from "../wire/writer.ts";
import {
  MAX_CODE_BYTES,
  MAX_REASON_BYTES,
  MAX_TEXTS_BYTES,
  readText,
  textEnd,
  writeText,
} from "./record-text.ts";
import { SYSTEM_BYTES } from "./records-to-worker.ts";

/** Kinds of records. None has the number of one that goes to the worker, so the compiler tells the two apart. */
export const ToApplication = {
  join: 1,
  message: 2,
  leave: 3,
  /** A refused send to this peer may be tried again. */
  drained: 4,
  /** The ring to the worker was full and has room again. */
  ringDrained: 5,
  /** What became of a message that the application sent with a token. */
  notice: 6,
  /** A message of the systems, for the application or for those of other ports. */
  system: 7,
  /** A peer is away, or back. */
  away: 8,
  /** A peer has gone to another port: nothing more of it comes from this one. */
  letGo: 9,
  /** As `message`, behind the time it was written at: of a channel with `maxAgeMs`. */
  stampedMessage: 10,
} as const;
export type ToApplication = (typeof ToApplication)[keyof typeof ToApplication];

/** What the worker says, record by record. `bytes` are valid during the call only. */
export interface PortReports {
  join(peer: number, address: string, port: number): void;
  /** The user's header fields have been read into the array that was handed in. `stamp`: when it was written, or 0. */
  message(
    peer: number,
    channel: number,
    stamp: number,
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
  ): void;
  leave(peer: number, reason: CloseReason): void;
  drained(peer: number): void;
  notice(peer: number, channel: number, token: number, delivered: boolean): void;
  away(peer: number, isAway: boolean): void;
  letGo(peer: number): void;
  ringHasRoom(): void;
  /** A message of the systems. False: not now, its receiver has no room; it is to be handed over again. */
  system(
    to: number,
    message: number,
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
  ): boolean;
}

/** Hands a record to whom it is for; `user` takes the header fields of a message. False: it is to be handed over again. */
export function readForApplication(
  kind: number,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  user: Float64Array,
  reports: PortReports,
): boolean {
  const record = kind as ToApplication;
  switch (record) {
    case ToApplication.message:
      readMessage(0, bytes, view, start, end, user, reports);
      break;
    case ToApplication.stampedMessage:
      readMessage(view.getUint32(start), bytes, view, start + STAMP_BYTES, end, user, reports);
      break;
    case ToApplication.join:
      readJoin(bytes, view, start, reports);
      break;
    case ToApplication.leave:
      readLeave(bytes, view, start, reports);
      break;
    case ToApplication.drained:
      reports.drained(view.getUint32(start));
      break;
    case ToApplication.notice:
      readNotice(bytes, view, start, reports);
      break;
    case ToApplication.away:
      reports.away(view.getUint32(start), bytes[start + 4] === 1);
      break;
    case ToApplication.letGo:
      reports.letGo(view.getUint32(start));
      break;
    case ToApplication.ringDrained:
      reports.ringHasRoom();
      break;
    case ToApplication.system: {
      const [to, message] = [view.getUint32(start), view.getUint16(start + 4)];
      return reports.system(to, message, bytes, view, start + SYSTEM_BYTES, end);
    }
    default:
      record satisfies never;
  }
  return true;
}

/** In front of a stamped message. */
export const STAMP_BYTES = 4;

export function messageBytes(userFields: number, payloadBytes: number): number {
  return 6 + 8 * userFields + payloadBytes;
}

export function writeMessage(
  w: Writer,
  peer: number,
  channel: number,
  user: Float64Array,
  view: DataView,
  start: number,
  end: number,
): void {
  w.u32(peer);
  w.u16(channel);
  for (let i = 0; i < user.length; i++) w.view.setFloat64(w.take(8), user[i]!);
  w.copy(view, start, end);
}

function readMessage(
  stamp: number,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  user: Float64Array,
  reports: PortReports,
): void {
  for (let i = 0; i < user.length; i++) user[i] = view.getFloat64(start + 6 + 8 * i);
  const payloadAt = start + messageBytes(user.length, 0);
  const channel = view.getUint16(start + 4);
  reports.message(view.getUint32(start), channel, stamp, bytes, view, payloadAt, end);
}

/** The address stands behind its length: no address is longer than one byte of varint can say. */
export function joinBytes(address: string): number {
  return 7 + utf8Length(address);
}

export function writeJoin(w: Writer, peer: number, address: string, port: number): void {
  w.u32(peer);
  w.u16(port);
  w.string(address, utf8Length(address));
}

function readJoin(bytes: Uint8Array, view: DataView, start: number, reports: PortReports): void {
  const address = utf8Read(bytes, start + 7, bytes[start + 6]!) ?? "";
  reports.join(view.getUint32(start), address, view.getUint16(start + 4));
}

export const NOTICE_BYTES = 15;

export function writeNotice(
  w: Writer,
  peer: number,
  channel: number,
  token: number,
  delivered: boolean,
): void {
  w.u32(peer);
  w.u16(channel);
  w.u8(delivered ? 1 : 0);
  w.view.setFloat64(w.take(8), token);
}

function readNotice(bytes: Uint8Array, view: DataView, start: number, reports: PortReports): void {
  const delivered = bytes[start + 6] === 1;
  reports.notice(
    view.getUint32(start),
    view.getUint16(start + 4),
    view.getFloat64(start + 7),
    delivered,
  );
}

export const AWAY_BYTES = 5;

export function writeAway(w: Writer, peer: number, isAway: boolean): void {
  w.u32(peer);
  w.u8(isAway ? 1 : 0);
}

/** The longest leave. */
export const LEAVE_BYTES: number = 5 + MAX_TEXTS_BYTES;

export function writeLeave(w: Writer, peer: number, reason: CloseReason): void {
  w.u32(peer);
  w.u8(reason.by === "remote" ? 1 : 0);
  writeText(w, reason.code, MAX_CODE_BYTES);
  writeText(w, reason.reason, MAX_REASON_BYTES);
}

function readLeave(bytes: Uint8Array, view: DataView, start: number, reports: PortReports): void {
  const codeAt = start + 5;
  reports.leave(view.getUint32(start), {
    code: readText(bytes, view, codeAt),
    reason: readText(bytes, view, textEnd(view, codeAt)),
    by: bytes[start + 4] === 1 ? "remote" : "local",
  });
}
