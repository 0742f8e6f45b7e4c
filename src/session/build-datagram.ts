/**
 * Where a datagram is built: its header, the frames for which there is room, then the bytes of both, and in a sealed one
 * the seal. Not here: whether one is due and what it must have in it (session.ts), which frames those are (packer.ts).
 * Worst case: that of the packer, and one look at each range of an ack.
 */
import type { Protocol } from "../protocol.ts";
import type { DatagramHeader, FrameHeader } from "../wire/header.ts";
import type { Writer } from "../wire/writer.ts";
import type { SessionCounters } from "./counters.ts";
import { roomBytes, trimAcks } from "./datagram-space.ts";
import type { Packer, Plan } from "./packer.ts";
import { powerOfTwo } from "./packet-numbers.ts";
import type { ReceivedPackets } from "./received.ts";
import { TAG_BYTES } from "./seal-crypto.ts";
import type { SendKeys } from "./seal-keys.ts";
import type { SendLimit } from "./send-limit.ts";
import type { SentPackets } from "./sent.ts";
import type { SessionOptions } from "./session-options.ts";
import { plannedFrames, type SessionTracer } from "./tracer.ts";

export class DatagramBuilder {
  /** The ack block of the datagram being built leaves out the oldest ranges. */
  trimmed = false;
  /** Is told of all that is built, while there is one. */
  tracer: SessionTracer | undefined = undefined;
  private readonly protocol: Protocol;
  private readonly tag: number;
  private readonly sent: SentPackets;
  private readonly received: ReceivedPackets;
  private readonly packer: Packer;
  private readonly counters: SessionCounters;
  /** Where the session is sealed. */
  private readonly keys: SendKeys | undefined;

  constructor(
    { protocol, tag = 0 }: SessionOptions,
    sent: SentPackets,
    received: ReceivedPackets,
    packer: Packer,
    counters: SessionCounters,
    keys: SendKeys | undefined,
  ) {
    this.protocol = protocol;
    this.tag = tag;
    this.sent = sent;
    this.received = received;
    this.packer = packer;
    this.counters = counters;
    this.keys = keys;
  }

  /** A new datagram, without frames, whose `header` says what the session wants in it: `ack`, `limit`, `ackNow`. */
  begin(header: DatagramHeader, plan: Plan, user: Float64Array, nowMs: number): void {
    const { sent, received } = this;
    const codec = this.protocol.header;
    header.sessionTag = this.tag;
    header.packetNumber = sent.begin();
    header.wide =
      codec.widePacketNumberBits > codec.packetNumberBits &&
      header.packetNumber - sent.largestAcknowledged >= powerOfTwo(codec.packetNumberBits - 2);
    for (let i = 0; i < user.length; i++) header.user[i] = user[i]!;
    if (header.ack) {
      received.prune(received.largest - sent.ackSpan - 1);
      received.fill(header.acks, nowMs);
    }
    header.frames = false;
    this.trimmed = false;
    plan.reset();
  }

  /**
   * Plans the frames that are waiting, as far as they fit into a datagram of so many bytes. Where there are none, the ack
   * block is whole again.
   */
  fill(
    header: DatagramHeader,
    plan: Plan,
    resendsFirst: boolean,
    limit: SendLimit,
    datagramBytes: number,
    nowMs: number,
  ): void {
    const { protocol, sent, counters } = this;
    header.frames = true;
    this.trimmed = header.ack && trimAcks(header, protocol.header);
    const room = roomBytes(header, protocol, datagramBytes);
    this.packer.fill(plan, room, resendsFirst, limit, sent, counters);
    if (plan.count > 0) return;
    header.frames = false;
    if (this.trimmed) this.received.fill(header.acks, nowMs);
    this.trimmed = false;
  }

  /**
   * Writes all of it at `w.at`, and returns its bytes: without frames at least `leastBytes`, with padding, and in the name
   * of the channel `asks` (an index), if any.
   */
  write(
    header: DatagramHeader,
    plan: Plan,
    w: Writer,
    nowMs: number,
    leastBytes = 0,
    asks = -1,
  ): number {
    const codec = this.protocol.header;
    const { keys, sent } = this;
    const at = w.at;
    const number = header.packetNumber;
    if (keys !== undefined) {
      keys.begin(number, sent.largestAcknowledged, nowMs);
      header.keyPhase = keys.phase;
    }
    codec.writeClear(header, header.frames ? plan.frames[0] : this.asking(plan, asks), w);
    const clearEnd = w.at;
    codec.writeSealed(header, w);
    this.packer.write(plan, w);
    const tagBytes = keys === undefined ? 0 : TAG_BYTES;
    const padding = leastBytes - (w.at - at) - tagBytes;
    if (padding > 0) w.bytes.fill(0, w.at, w.take(padding) + padding);
    keys?.seal(number, w.bytes, at, clearEnd, w.at);
    w.at += tagBytes;
    const bytes = w.at - at;
    this.tracer?.sent(header, plannedFrames(this.protocol, plan), bytes, nowMs);
    return bytes;
  }

  /** A frame that is not there, for the channel that a datagram without frames speaks of. */
  private asking(plan: Plan, channel: number): FrameHeader | undefined {
    if (channel < 0) return undefined;
    const frame = plan.frame(0);
    frame.channel = channel;
    frame.slice = false;
    frame.more = false;
    return frame;
  }
}
