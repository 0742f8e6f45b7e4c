/** Datagrams of a hand protocol that no honest peer would send, field by field. */
import type { Protocol } from "#src/protocol.js";
import type { DropReason } from "#src/session/drop-reason.js";
import { DatagramHeader, FrameHeader } from "#src/wire/header.js";
import { Writer } from "#src/wire/writer.js";
import { channelIndex } from "./hand-protocol.js";
import type { Side } from "./session-pair.js";

export interface Forged {
  number: number;
  ack?: { largest: number; firstRun?: number };
  wide?: boolean;
  channel?: string;
  message?: number;
  slice?: [number, number];
  payload?: Uint8Array;
  /** Another slice of the same message, in the same datagram. */
  behind?: { readonly slice: readonly [number, number]; readonly payload: Uint8Array };
}

export function forge(protocol: Protocol, parts: Forged): Uint8Array {
  const h = new DatagramHeader(0);
  h.packetNumber = parts.number;
  h.wide = parts.wide ?? false;
  h.ackNow = parts.channel === undefined && parts.ack === undefined;
  if (parts.ack !== undefined) {
    h.ack = true;
    h.acks.largest = parts.ack.largest;
    h.acks.firstRun = parts.ack.firstRun ?? 1;
  }
  let frame: FrameHeader | undefined;
  if (parts.channel !== undefined) {
    h.frames = true;
    frame = new FrameHeader();
    frame.channel = channelIndex(protocol, parts.channel);
    frame.number = parts.message ?? 0;
    frame.payloadBytes = parts.payload?.length ?? 0;
    frame.more = parts.behind !== undefined;
    if (parts.slice !== undefined) {
      frame.slice = true;
      frame.sliceIndex = parts.slice[0];
      frame.sliceCount = parts.slice[1];
    }
  }
  const w = new Writer(new Uint8Array(2000));
  protocol.header.writeClear(h, frame, w);
  protocol.header.writeSealed(h, w);
  if (frame !== undefined) protocol.header.writeFrame(frame, undefined, w);
  if (parts.payload !== undefined) w.raw(parts.payload);
  if (frame !== undefined && parts.behind !== undefined) {
    const { slice, payload } = parts.behind;
    const next = new FrameHeader();
    next.channel = frame.channel;
    next.number = frame.number;
    next.payloadBytes = payload.length;
    next.slice = true;
    [next.sliceIndex, next.sliceCount] = slice;
    protocol.header.writeFrame(next, frame, w);
    w.raw(payload);
  }
  return w.bytes.slice(0, w.at);
}

/** Returns why the datagram was dropped, if it was. */
export function give(to: Side, datagram: Uint8Array, nowMs = 0): DropReason | undefined {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  return to.session.handleDatagram(datagram, view, datagram.length, nowMs);
}
