/**
 * Where a received datagram is opened: everything that can be wrong with it is found here, before any of it is applied.
 * First the clear part of the header: session tag, packet number, whether that came before. Then, and only then, what
 * stands behind: a sealed datagram is opened between the two. Not here: what an accepted one changes
 * (session.ts). Worst case: one attempt to open it, one visit to each frame, and one look at each range of an ack.
 */
import { MAX_PACKET_NUMBER } from "../limits.ts";
import type { NegotiatedVersion } from "../negotiated-version.ts";
import { maySend, type Protocol, type Role } from "../protocol.ts";
import { Violation } from "../wire/header.ts";
import { type DropReason, reasonOf } from "./drop-reason.ts";
import { type DuplicateWindow, rebuildNumber } from "./packet-numbers.ts";
import type { ReceiveContext } from "./receive-context.ts";
import type { ReceiveLimit } from "./receive-limit.ts";
import type { Receivers } from "./receivers.ts";
import { TAG_BYTES } from "./seal-crypto.ts";
import type { ReceiveKeys } from "./seal-keys.ts";
import type { SendLimit } from "./send-limit.ts";
import type { SentPackets } from "./sent.ts";
import type { SessionOptions } from "./session-options.ts";
import { openedFrames, type SessionTracer } from "./tracer.ts";
import type { Workspace } from "./workspace.ts";

export class DatagramOpener {
  private readonly protocol: Protocol;
  private readonly role: Role;
  private readonly negotiated: NegotiatedVersion;
  private readonly tag: number;
  private readonly duplicates: DuplicateWindow;
  private readonly sent: SentPackets;
  private readonly sendLimit: SendLimit;
  private readonly receiveLimit: ReceiveLimit;
  private readonly receivers: Receivers;
  private readonly context: ReceiveContext;
  /** Where the session is sealed. */
  private readonly keys: ReceiveKeys | undefined;
  /** The datagram that was opened last had a good tag: whatever is wrong with it, the other side has done. */
  isAuthentic = false;
  /** Is told of all that is opened, while there is one. */
  tracer: SessionTracer | undefined = undefined;

  constructor(
    { protocol, role, tag = 0 }: SessionOptions,
    negotiated: NegotiatedVersion,
    duplicates: DuplicateWindow,
    sent: SentPackets,
    sendLimit: SendLimit,
    receivers: Receivers,
    context: ReceiveContext,
    keys: ReceiveKeys | undefined,
  ) {
    this.protocol = protocol;
    this.role = role;
    this.negotiated = negotiated;
    this.tag = tag;
    this.duplicates = duplicates;
    this.sent = sent;
    this.sendLimit = sendLimit;
    this.receiveLimit = context.limit;
    this.receivers = receivers;
    this.context = context;
    this.keys = keys;
  }

  /**
   * Reads the datagram of `space.reader`: its header into `space.in`, with the whole packet number, its frames into
   * `space.frames`. Returns why it is to be dropped, if it is. Changes nothing but `space`, scratch, a number under
   * suspicion, and where it is sealed the keys and the bytes themselves, which are open then.
   */
  open(space: Workspace, nowMs: number): DropReason | undefined {
    const { at, end } = space.reader;
    const reason = this.check(space, nowMs);
    const { tracer } = this;
    if (tracer === undefined) return reason;
    if (reason !== undefined) tracer.refused(end - at, reason, nowMs);
    else tracer.received(space.in, openedFrames(this.protocol, space.frames), end - at, nowMs);
    return reason;
  }

  private check(space: Workspace, nowMs: number): DropReason | undefined {
    this.isAuthentic = false;
    const codec = this.protocol.header;
    const { in: header, frame, reader } = space;
    space.frames.count = 0;
    frame.compat = this.negotiated.compat;
    const clear = codec.readClear(header, frame, reader);
    if (clear !== Violation.none) return reasonOf(clear);
    if (codec.hasSessionTag && header.sessionTag !== this.tag) return "sessionTag";
    const bits = header.wide ? codec.widePacketNumberBits : codec.packetNumberBits;
    const number = rebuildNumber(header.packetNumber, bits, this.duplicates.largest + 1);
    if (number >= MAX_PACKET_NUMBER) return "packetNumber";
    header.packetNumber = number;
    if (this.duplicates.isTooOld(number)) return "tooOld";
    if (this.duplicates.has(number)) return "duplicates";
    if (this.keys !== undefined) {
      const { bytes, at, end } = reader;
      if (!this.keys.open(header.keyPhase, number, bytes, 0, at, end, nowMs)) return "seal";
      this.isAuthentic = true;
      reader.end = end - TAG_BYTES;
    }
    const sealed = codec.readSealed(header, reader);
    if (sealed !== Violation.none) return reasonOf(sealed);
    if (header.ack) {
      const acks = this.sent.check(header.acks, codec.ackBits);
      if (acks !== undefined) return acks;
      // In plain mode somebody else may have made the datagram that this side has not sent; here there is nobody else.
      if (this.isAuthentic && header.acks.largest >= this.sent.next) return "acknowledgedUnsent";
    }
    if (header.limit) {
      const limit = this.sendLimit.check(header.receiveLimit, this.isAuthentic);
      if (limit !== undefined) return limit;
    }
    if (header.frames) {
      this.receiveLimit.beginCheck();
      const frames = this.readFrames(space, number);
      this.receiveLimit.endCheck();
      if (frames !== undefined) return frames;
    }
    if (this.isAuthentic) return undefined;
    // Without a tag anybody can make a datagram with any number: one alone must not move the window far.
    return this.duplicates.isJump(number, this.sent.numberSpace) ? "jump" : undefined;
  }

  private readFrames(space: Workspace, number: number): DropReason | undefined {
    const codec = this.protocol.header;
    const { frame, reader, frames } = space;
    let numbered = false;
    for (let isFirst = true; isFirst || frame.more; isFirst = false) {
      const problem = codec.readFrame(frame, isFirst, reader);
      if (problem !== Violation.none) return reasonOf(problem);
      const channel = this.protocol.channels[frame.channel]!;
      if (maySend(this.role, channel.direction) && channel.direction !== "both") {
        return "direction";
      }
      if (this.negotiated.lacks.includes(frame.channel)) return "unknownChannel";
      const receiver = this.receivers.of(frame.channel);
      const index = frame.slice ? frame.sliceIndex : 0;
      const count = frame.slice ? frame.sliceCount : 0;
      const message = channel.numbered ? receiver.rebuild(frame.number) : 0;
      const found = receiver.check(message, index, count, frame.payloadBytes);
      if (found !== undefined) return found;
      if (channel.numbered) numbered = true;
      frames.add(frame, message);
    }
    return numbered && this.context.age.isTooLate(number) ? "tooOld" : undefined;
  }
}
