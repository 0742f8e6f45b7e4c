/**
 * Writes datagrams by walking the model: the other direction of read-datagram.ts and read-zero.ts, for golden vectors.
 * What cannot be written by this layout is a bug of the caller's and throws.
 */
import { createHmac } from "node:crypto";
import { bitText, Sink } from "../bytes/sink.ts";
import { payloadFixedBytes } from "../model/channels.ts";
import { hasRole } from "../model/header-roles.ts";
import { Lookup } from "../model/lookup.ts";
import type { ChannelModel, HeaderFieldModel, Model } from "../model/model.ts";
import { Flags, headerItems, holds, MAX_ACK_PAIRS } from "./header-items.ts";

/** What stands in front of the frames. */
export interface DatagramValues {
  /** Where the layout has it. */
  readonly sessionTag?: number;
  /** In full. */
  readonly packetNumber: number;
  readonly wide?: boolean;
  /** Only where datagrams are sealed. */
  readonly keyPhase?: boolean;
  readonly ackNow?: boolean;
  readonly ack?: {
    /** The lower bits of a packet number. */
    readonly largest: number;
    /** In 250 us; 255 is unknown. */
    readonly delay: number;
    /** Run, gap, run, gap, run … from `largest` downwards. */
    readonly runs: readonly number[];
  };
  readonly receiveLimit?: number;
  /** Beside the limit, where the layout has it. */
  readonly clock?: number;
  /** Without frames: the channel whose limit is asked for. */
  readonly asks?: ChannelModel;
  /** Zero bytes behind a datagram that asks for an ack and has no frames. */
  readonly padding?: number;
  /** In the order of `userIndex`. */
  readonly user?: readonly number[];
}

export interface FrameValues {
  readonly channel: ChannelModel;
  /** On numbered channels. */
  readonly number?: number;
  readonly slice?: { readonly index: number; readonly count: number };
  readonly payload: Uint8Array;
}

/** A datagram of the regular protocol; `compat`: between peers that were generated from different versions. */
export function writeDatagram(
  model: Model,
  header: DatagramValues,
  frames: readonly FrameValues[],
  compat = false,
): Uint8Array {
  const sink = new Sink();
  const first = frames[0];
  const flags = new Flags();
  const value = (field: HeaderFieldModel): number => {
    switch (field.role) {
      case "channel":
        return ((first?.channel ?? header.asks)?.id ?? 0) + 1;
      case "ack":
        return Number(header.ack !== undefined);
      case "ack-now":
        return Number(header.ackNow === true);
      case "frames":
        return Number(first !== undefined);
      case "slice":
        return Number(first?.slice !== undefined);
      case "more":
        return Number(frames.length > 1);
      case "wide":
        return Number(header.wide === true);
      case "limit":
        return Number(header.receiveLimit !== undefined);
      case "session-tag":
        return header.sessionTag ?? 0;
      case "key-phase":
        return Number(header.keyPhase === true);
      case "packet-number": {
        const width = model.header.packetNumberBits;
        return header.packetNumber % 2 ** width;
      }
      case "packet-number-high":
        return Math.floor(header.packetNumber / 2 ** model.header.packetNumberBits);
      case "ack-largest":
        return header.ack!.largest;
      case "ack-delay":
        return header.ack!.delay;
      case "receive-limit":
        return header.receiveLimit!;
      case "clock":
        return header.clock ?? 0;
      case undefined:
        return header.user?.[field.userIndex!] ?? 0;
      default:
        return 0;
    }
  };
  for (const item of headerItems([...model.header.clear, ...model.header.sealed])) {
    for (const field of item.fields) {
      if (field.bits !== undefined) flags.set(field, value(field));
    }
    if (!holds(item.fields[0]!, flags)) continue;
    if (item.fields[0]!.type === "ack-ranges") writeAckRuns(sink, header.ack!.runs);
    else if (item.fields[0]!.role === "ack-bits") {
      writeAckBits(sink, header.ack!.runs, item.bytes * 8);
    } else writeItem(sink, item.fields, value);
  }
  if (header.padding !== undefined) sink.push(new Uint8Array(header.padding));
  for (const [i, frame] of frames.entries()) {
    writeFrame(model, sink, frame, frames[i - 1], i < frames.length - 1, compat);
  }
  return sink.bytes;
}

function writeItem(
  sink: Sink,
  fields: readonly HeaderFieldModel[],
  value: (field: HeaderFieldModel) => number,
): void {
  const field = fields[0]!;
  if (field.bits !== undefined) {
    sink.bits(fields.map((one) => bitText(value(one), one.bits!)).join(""));
    return;
  }
  const type = field.type!;
  if (type === "varint") sink.varint(value(field));
  else if (type === "f32" || type === "f64") sink.float(value(field), type === "f32" ? 4 : 8);
  else sink.integer(value(field), Number(type.slice(1)) / 8);
}

function writeAckRuns(sink: Sink, runs: readonly number[]): void {
  const pairs = (runs.length - 1) / 2;
  if (!Number.isInteger(pairs) || pairs > MAX_ACK_PAIRS)
    throw new RangeError(`${runs.length} runs`);
  if (pairs === 0 && runs[0]! <= 128) {
    sink.push([runs[0]! - 1]);
    return;
  }
  sink.push([0x80 + pairs]);
  for (const run of runs) sink.varint(run - 1);
}

function writeAckBits(sink: Sink, runs: readonly number[], width: number): void {
  const text = runs.map((run, i) => (i % 2 === 0 ? "1" : "0").repeat(run)).join("");
  if (text.length > width + 1) throw new RangeError(`${text.length - 1} bits of ${width}`);
  sink.bits(text.slice(1).padEnd(width, "0"));
}

function writeFrame(
  model: Model,
  sink: Sink,
  frame: FrameValues,
  before: FrameValues | undefined,
  more: boolean,
  compat: boolean,
): void {
  const { header } = model;
  const { channel, number = 0, slice, payload } = frame;
  const same = before?.channel === channel;
  const numbers = 2 ** header.messageNumberBits;
  const next = ((before?.number ?? 0) + 1) % numbers;
  const consecutive =
    hasRole(header.frame, "consecutive") && same && channel.numbered && number === next;
  const flags = new Flags();
  const facts = {
    numbered: channel.numbered,
    unsized: compat || slice !== undefined || payloadFixedBytes(channel, Lookup.of(model)) < 0,
  };
  const value = (field: HeaderFieldModel): number => {
    switch (field.role) {
      case "same-channel":
        return Number(same);
      case "slice":
        return Number(slice !== undefined);
      case "more":
        return Number(more);
      case "consecutive":
        return Number(consecutive);
      case "channel":
        return channel.id + 1;
      case "message-number":
        return number;
      case "slice-index":
        return slice!.index;
      case "slice-count":
        return slice!.count;
      case "length":
        return payload.length;
      default:
        return 0;
    }
  };
  for (const item of headerItems(header.frame)) {
    const field = item.fields[0]!;
    if (field.bits !== undefined) for (const one of item.fields) flags.set(one, value(one));
    if (before === undefined && (field.bits !== undefined || field.role === "channel")) continue;
    if (field.role === "channel" && same && hasRole(header.frame, "same-channel")) continue;
    if (field.role === "message-number" && consecutive) continue;
    if (holds(field, flags, facts)) writeItem(sink, item.fields, value);
  }
  sink.push(payload);
}

/** Bytes of a MAC and of a connection id. */
export const ID_BYTES = 16;

export interface ZeroValues {
  readonly cid: string;
  readonly msg: string;
  readonly seq: number;
  readonly ack: number;
  readonly sys: unknown;
  readonly body: unknown;
  /** Padded to so many bytes. */
  readonly padBytes?: number;
  /** With a key there is a MAC. */
  readonly key?: Uint8Array;
  /** Seals so many bytes beside all before them. */
  readonly secret?: { readonly bytes: number; readonly seal: (head: Uint8Array) => Uint8Array };
  /** Makes the signature of all before it. */
  readonly sign?: (head: Uint8Array) => Uint8Array;
}

/** A zero message as a whole datagram. */
export function writeZero(values: ZeroValues): Uint8Array {
  const { cid, msg, seq, ack, sys, body, padBytes = 0, key, secret, sign } = values;
  const members = { v: 1, cid, msg, seq, ack, sys, body };
  let text = `\0\0\0${JSON.stringify(members).slice(0, -1)}`;
  const secretBytes =
    secret === undefined ? 0 : ',"secret":""'.length + Math.ceil((secret.bytes * 4) / 3);
  const sigBytes = sign === undefined ? 0 : ',"sig":""'.length + 86;
  const tail = secretBytes + sigBytes + (key === undefined ? 1 : ',"mac":""}'.length + 22);
  const missing = padBytes - Buffer.byteLength(text) - tail;
  if (missing > 0) text += `,"pad":"${".".repeat(Math.max(0, missing - ',"pad":""'.length))}"`;
  if (secret !== undefined) {
    text += `,"secret":"${Buffer.from(secret.seal(Buffer.from(text))).toString("base64url")}"`;
  }
  if (sign !== undefined) {
    const sig = Buffer.from(sign(Buffer.from(text))).toString("base64url");
    return Uint8Array.from(Buffer.from(`${text},"sig":"${sig}"}`));
  }
  if (key === undefined) return Uint8Array.from(Buffer.from(`${text}}`));
  const mac = createHmac("sha256", key).update(text, "utf8").digest().subarray(0, ID_BYTES);
  return Uint8Array.from(Buffer.from(`${text},"mac":"${mac.toString("base64url")}"}`));
}

/** The keys of plain mode, one a direction, from the ticket in accept. */
export function keysOfTicket(ticket: Uint8Array): { client: Uint8Array; server: Uint8Array } {
  const key = (label: string) =>
    Uint8Array.from(createHmac("sha256", ticket).update(`stardust 1 zero mac ${label}`).digest());
  return { client: key("client to server"), server: key("server to client") };
}
