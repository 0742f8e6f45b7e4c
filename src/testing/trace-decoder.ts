/**
 * Reads the header of datagrams for a trace, from outside of both endpoints: whole packet numbers follow from what each
 * side has sent so far. Refuses nothing; of what cannot be read it says why. Not here: payloads, and whether a session
 * would take the datagram. Worst case: its frames.
 */
import { sameVersion } from "../negotiated-version.ts";
import type { Protocol, Role } from "../protocol.ts";
import { FlowChannels } from "../session/flow-channels.ts";
import { rebuildAcknowledged, rebuildNumber } from "../session/packet-numbers.ts";
import { type TracedDatagram, type TracedFrame, tracedAck } from "../trace/datagram.ts";
import {
  type AckBlock,
  DatagramHeader,
  FrameHeader,
  Violation,
  violationNames,
} from "../wire/header.ts";
import { Reader } from "../wire/reader.ts";

const CLOCK_UNIT_MS = 0.25;

export class DatagramDecoder {
  readonly #protocol: Protocol;
  readonly #header: DatagramHeader;
  readonly #frame: FrameHeader = new FrameHeader();
  readonly #reader: Reader = new Reader();
  /** The largest packet number that each side has sent. */
  readonly #largest: { a: number; b: number } = { a: -1, b: -1 };

  /** The channels whose limits are told to each side: those that it sends on. */
  readonly #flows: Readonly<Record<"a" | "b", FlowChannels>>;

  constructor(protocol: Protocol) {
    this.#protocol = protocol;
    const flow = (sender: Role): FlowChannels =>
      new FlowChannels(protocol, sender, false, sameVersion(protocol));
    this.#flows = { a: flow("client"), b: flow("server") };
    this.#header = new DatagramHeader(protocol.header.userFields.length);
  }

  decode(from: "a" | "b", datagram: Uint8Array): TracedDatagram {
    const bytes = datagram.length;
    if (bytes >= 3 && datagram[0] === 0 && datagram[1] === 0 && datagram[2] === 0) {
      return { bytes, note: "connection protocol" };
    }
    const codec = this.#protocol.header;
    const header = this.#header;
    const frame = this.#frame;
    const reader = this.#reader;
    const view = new DataView(datagram.buffer, datagram.byteOffset, bytes);
    reader.reset(datagram, view, 0, bytes);
    frame.compat = false;
    const clear = codec.readClear(header, frame, reader);
    if (clear !== Violation.none) return { bytes, note: violationNames[clear] };
    const bits = header.wide ? codec.widePacketNumberBits : codec.packetNumberBits;
    const packetNumber = rebuildNumber(header.packetNumber, bits, this.#largest[from] + 1);
    this.#largest[from] = Math.max(this.#largest[from], packetNumber);
    const sealed = codec.readSealed(header, reader);
    if (sealed !== Violation.none) return { bytes, packetNumber, note: violationNames[sealed] };
    const ack = header.ack ? this.#ackOf(from, header.acks) : undefined;
    const { note, frames } = this.#frames(header.frames);
    return {
      bytes,
      packetNumber,
      ackNow: header.ackNow ? true : undefined,
      ack,
      limit: header.limit ? this.#limitOf(from, header.receiveLimit) : undefined,
      clockMs: header.limit && codec.hasClock ? header.clock * CLOCK_UNIT_MS : undefined,
      frames,
      note,
    };
  }

  #ackOf(from: "a" | "b", acks: AckBlock): NonNullable<TracedDatagram["ack"]> {
    const others = this.#largest[from === "a" ? "b" : "a"];
    return tracedAck(
      acks,
      rebuildAcknowledged(acks.largest, this.#protocol.header.ackBits, others),
    );
  }

  #limitOf(from: "a" | "b", limit: number): TracedDatagram["limit"] {
    const { channel, handedOnBytes } = this.#flows[from === "a" ? "b" : "a"].read(limit);
    return { channel: this.#protocol.channels[channel]?.name, handedOnBytes };
  }

  #frames(some: boolean): Pick<TracedDatagram, "frames" | "note"> {
    if (!some) return { note: undefined, frames: undefined };
    const { channels, header: codec } = this.#protocol;
    const frame = this.#frame;
    const frames: TracedFrame[] = [];
    for (let isFirst = true; isFirst || frame.more; isFirst = false) {
      const violation = codec.readFrame(frame, isFirst, this.#reader);
      if (violation !== Violation.none) return { frames, note: violationNames[violation] };
      const channel = channels[frame.channel]!;
      frames.push({
        channel: channel.name,
        number: channel.numbered ? frame.number : undefined,
        slice: frame.slice ? [frame.sliceIndex, frame.sliceCount] : undefined,
        bytes: frame.payloadBytes,
      });
    }
    return { frames, note: undefined };
  }
}
