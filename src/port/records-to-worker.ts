/**
 * Records in the ring from the application's thread to a port's worker: their kinds, and of each how it is written and
 * read, one beside the other. They are private to the two threads, which run the same build: nothing is checked, and a
 * kind that is not read is an error of the compiler. Not here: who writes them (handle.ts), and what is done with them
 * (`PortCommands`, the worker's owner).
 */
import type { Writer } from "../wire/writer.ts";
import {
  MAX_CODE_BYTES,
  MAX_REASON_BYTES,
  MAX_TEXTS_BYTES,
  readText,
  textEnd,
  writeText,
} from "./record-text.ts";

/** Kinds of records. None has the number of one that goes to the application, so the compiler tells the two apart. */
export const ToWorker = {
  /** A message for one peer. */
  send: 17,
  /** A message for all joined peers but those listed. */
  broadcast: 18,
  close: 19,
  /** A header field of the user's own. */
  header: 20,
  /** The application has seen the join; broadcasts reach the peer from here on. */
  joined: 21,
  /** Credit of a peer has come back that the worker is waiting for. */
  pump: 22,
  /** A message of this peer could not be decoded. */
  malformed: 23,
  /** The ring to the application was full and has room again. */
  ringDrained: 24,
  /** As `send` and `broadcast`, with a token whose fate is to be told. */
  sendNoticed: 25,
  broadcastNoticed: 26,
  /** A message for the peers listed; and with a token. */
  multicast: 27,
  multicastNoticed: 28,
  /** A message for the systems. */
  system: 29,
} as const;
export type ToWorker = (typeof ToWorker)[keyof typeof ToWorker];

/** What the application wants done, record by record: the worker's owner does it. `bytes` are valid during the call only. */
export interface PortCommands {
  /** A message for one peer; its credit is spent. Where it has a `token`, its fate is to be told. */
  send(
    peer: number,
    channel: number,
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
    token?: number,
  ): void;
  /** A message for all joined peers but the `skipped`; on reliable channels its credit is spent for each. */
  broadcast(
    channel: number,
    skipped: ReadonlySet<number>,
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
    token?: number,
  ): void;
  /** A message for these peers; its credit is spent for each. */
  multicast(
    channel: number,
    peers: readonly number[],
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
    token?: number,
  ): void;
  /** A message for the systems, from those of port `from` or from the application (TO_APPLICATION). */
  system(
    from: number,
    message: number,
    bytes: Uint8Array,
    view: DataView,
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

const NOBODY: ReadonlySet<number> = new Set();

/** Hands a record to the command that it asks for. */
export function readForWorker(
  kind: number,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  commands: PortCommands,
): void {
  const record = kind as ToWorker;
  switch (record) {
    case ToWorker.send:
      readSend(bytes, view, start, end, commands);
      break;
    case ToWorker.broadcast:
      readBroadcast(bytes, view, start, end, commands);
      break;
    case ToWorker.sendNoticed:
      readSend(bytes, view, start + TOKEN_BYTES, end, commands, view.getFloat64(start));
      break;
    case ToWorker.broadcastNoticed:
      readBroadcast(bytes, view, start + TOKEN_BYTES, end, commands, view.getFloat64(start));
      break;
    case ToWorker.multicast:
      readMulticast(bytes, view, start, end, commands);
      break;
    case ToWorker.multicastNoticed:
      readMulticast(bytes, view, start + TOKEN_BYTES, end, commands, view.getFloat64(start));
      break;
    case ToWorker.system: {
      const payloadAt = start + SYSTEM_BYTES;
      const [from, message] = [view.getUint32(start), view.getUint16(start + 4)];
      commands.system(from, message, bytes, view, payloadAt, end);
      break;
    }
    case ToWorker.close:
      readClose(bytes, view, start, commands);
      break;
    case ToWorker.header:
      readHeader(view, start, commands);
      break;
    case ToWorker.joined:
      commands.setJoined(view.getUint32(start));
      break;
    case ToWorker.pump:
      commands.pump(view.getUint32(start));
      break;
    case ToWorker.malformed:
      commands.malformed(view.getUint32(start));
      break;
    case ToWorker.ringDrained:
      commands.ringHasRoom();
      break;
    default:
      record satisfies never;
  }
}

/** Of records that say nothing but which peer. */
export const PEER_BYTES = 4;

/** Before a send or a broadcast with a token. */
export const TOKEN_BYTES = 8;

export function writeToken(w: Writer, token: number): void {
  w.view.setFloat64(w.take(TOKEN_BYTES), token);
}

/** What stands before the message. */
export const SEND_BYTES = 6;

/** The message's bytes follow. */
export function writeSend(w: Writer, peer: number, channel: number): void {
  w.u32(peer);
  w.u16(channel);
}

function readSend(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  commands: PortCommands,
  token?: number,
): void {
  const channel = view.getUint16(start + 4);
  commands.send(view.getUint32(start), channel, bytes, view, start + SEND_BYTES, end, token);
}

/** What stands before the message of a broadcast or multicast, where so many peers are listed. */
export function listBytes(peers: number): number {
  return 6 + 4 * peers;
}

/** The message's bytes follow. */
export function writeList(w: Writer, channel: number, peers: readonly number[]): void {
  w.u16(channel);
  w.u32(peers.length);
  for (const peer of peers) w.u32(peer);
}

function readList(view: DataView, start: number): number[] {
  const count = view.getUint32(start + 2);
  const peers = new Array<number>(count);
  for (let i = 0; i < count; i++) peers[i] = view.getUint32(start + listBytes(i));
  return peers;
}

function readBroadcast(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  commands: PortCommands,
  token?: number,
): void {
  const listed = readList(view, start);
  const skipped = listed.length === 0 ? NOBODY : new Set(listed);
  const payloadAt = start + listBytes(listed.length);
  commands.broadcast(view.getUint16(start), skipped, bytes, view, payloadAt, end, token);
}

function readMulticast(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  commands: PortCommands,
  token?: number,
): void {
  const peers = readList(view, start);
  const payloadAt = start + listBytes(peers.length);
  commands.multicast(view.getUint16(start), peers, bytes, view, payloadAt, end, token);
}

/** What stands before a message of the systems, in both directions; its bytes follow. */
export const SYSTEM_BYTES = 6;

/** `other`: whom it comes from, on the way to a worker; whom it is for, on the way from one. */
export function writeSystem(w: Writer, other: number, message: number): void {
  w.u32(other);
  w.u16(message);
}

/** The longest close. */
export const CLOSE_BYTES: number = 12 + MAX_TEXTS_BYTES;

export function writeClose(
  w: Writer,
  peer: number,
  code: string,
  reason: string,
  lingerMs: number,
): void {
  w.u32(peer);
  w.view.setFloat64(w.take(8), lingerMs);
  writeText(w, code, MAX_CODE_BYTES);
  writeText(w, reason, MAX_REASON_BYTES);
}

function readClose(bytes: Uint8Array, view: DataView, start: number, commands: PortCommands): void {
  const codeAt = start + 12;
  const code = readText(bytes, view, codeAt);
  const reason = readText(bytes, view, textEnd(view, codeAt));
  commands.close(view.getUint32(start), code, reason, view.getFloat64(start + 4));
}

export const HEADER_BYTES = 10;

export function writeHeader(w: Writer, field: number, value: number): void {
  w.u16(field);
  w.view.setFloat64(w.take(8), value);
}

function readHeader(view: DataView, start: number, commands: PortCommands): void {
  commands.setHeader(view.getUint16(start), view.getFloat64(start + 2));
}
