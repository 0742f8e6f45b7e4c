/**
 * The sending sides of a session's channels, each made when the first message of its channel is sent: what they are told
 * of acks and losses, who is owed word that there is room again, and whose fate is to be told. What a channel does with a message is not here.
 * Worst case: one visit to each channel.
 */
import { StardustError } from "../errors.ts";
import { missingChannel, type NegotiatedVersion } from "../negotiated-version.ts";
import { maySend, type Protocol, type Role } from "../protocol.ts";
import { noneByChannel, placed } from "./by-channel.ts";
import { SendChannel } from "./channel-send.ts";
import type { SessionCounters } from "./counters.ts";
import type { FlowChannels } from "./flow-channels.ts";
import { NO_TOKEN, Notices } from "./notices.ts";
import type { Packer, Plan } from "./packer.ts";
import type { FrameEvents } from "./sent.ts";
import type { SessionOptions, SessionSink } from "./session-options.ts";

export class Senders implements FrameEvents {
  /** What became of messages that were sent with a token. */
  readonly notices: Notices = new Notices();
  private readonly protocol: Protocol;
  private readonly role: Role;
  private readonly negotiated: NegotiatedVersion;
  private readonly resend: boolean;
  private readonly packer: Packer;
  private readonly counters: SessionCounters;
  private readonly flow: FlowChannels;
  private readonly sink: SessionSink;
  private channels: (SendChannel | undefined)[] = noneByChannel;
  private drainedOwed = false;
  /** A channel that was in the last datagram has refused a message, and waits for acks before it takes another. */
  waitsForRoom = false;

  constructor(
    options: SessionOptions,
    negotiated: NegotiatedVersion,
    packer: Packer,
    counters: SessionCounters,
    flow: FlowChannels,
  ) {
    this.protocol = options.protocol;
    this.role = options.role;
    this.negotiated = negotiated;
    this.resend = options.resend ?? true;
    this.packer = packer;
    this.counters = counters;
    this.flow = flow;
    this.sink = options.sink;
  }

  /** That of a channel, where anything has been sent on it. */
  made(index: number): SendChannel | undefined {
    return this.channels[index];
  }

  /**
   * That of a channel, by its index. Throws StardustError where this side does not send on it, or messages have no
   * `token` there.
   */
  of(index: number, token: number = NO_TOKEN): SendChannel {
    const sender = this.channels[index] ?? this.make(index);
    if (!Number.isNaN(token) && !sender.definition.notices) {
      throw new StardustError(
        "STARDUST_INVALID_OPTION",
        `token: channel ${sender.definition.name} has no notices`,
      );
    }
    return sender;
  }

  private make(index: number): SendChannel {
    const channel = this.protocol.channels[index];
    if (channel === undefined || !maySend(this.role, channel.direction)) {
      const name = channel === undefined ? `number ${index}` : channel.name;
      throw new StardustError(
        "STARDUST_INVALID_OPTION",
        `a ${this.role} may not send on channel ${name}`,
      );
    }
    if (this.negotiated.lacks.includes(index)) throw missingChannel(channel, this.negotiated);
    const sender = new SendChannel(channel, this.protocol.limits.sliceBytes, this.notices);
    this.channels = placed(this.channels, index, sender);
    this.flow.begin();
    this.packer.add(sender);
    return sender;
  }

  /**
   * Payload bytes plus MESSAGE_OVERHEAD_BYTES for each message queued, or reliable and not yet acknowledged; the latter
   * for each other one whose fate is to be told.
   */
  queuedBytes(index: number): number {
    return this.channels[index]?.heldBytes ?? 0;
  }

  /** Something waits to leave, or to be told. */
  get hasWork(): boolean {
    return this.packer.hasWork || this.notices.inFlight > 0;
  }

  /** Reliable messages are queued or unacknowledged. */
  get unacknowledged(): boolean {
    for (const sender of this.channels) {
      if (sender?.definition.reliable === true && !sender.isEmpty) return true;
    }
    return false;
  }

  /** For `SentPackets`. */
  frameAcknowledged(channel: number, number: number, slice: number): void {
    const sender = this.channels[channel]!;
    if (slice < 0) sender.acknowledgedRun(number, -slice);
    else sender.acknowledged(number, slice);
    if (sender.refusedCost > 0) this.drainedOwed = true;
  }

  /** For `SentPackets`. */
  frameLost(channel: number, number: number, slice: number): void {
    const sender = this.channels[channel]!;
    const count = slice < 0 ? -slice : 1;
    if (sender.definition.notices) for (let i = 0; i < count; i++) sender.noteLost(number + i);
    this.frameDue(channel, number, slice);
  }

  /** For `SentPackets`. */
  frameDue(channel: number, number: number, slice: number): void {
    const sender = this.channels[channel]!;
    this.packer.mayHaveWork = true;
    if (sender.definition.reliable) {
      const count = slice < 0 ? -slice : 1;
      for (let i = 0; i < count; i++) {
        const which = slice < 0 ? -1 : slice;
        if (this.resend) sender.lost(number + i, which);
        else if (sender.abandoned(number + i, which)) this.counters.framesAbandoned++;
      }
    }
    if (sender.refusedCost > 0) this.drainedOwed = true;
  }

  /** Drops what has waited for longer than its channel allows. */
  expire(nowMs: number): void {
    const expired = this.packer.expire(nowMs);
    if (expired === 0) return;
    this.counters.unreliableExpired += expired;
    this.drainedOwed = true;
  }

  /** The frames of `plan` have left. */
  left(plan: Plan): void {
    const { counters } = this;
    this.waitsForRoom = false;
    for (let i = 0; i < plan.count; i++) {
      const channel = plan.channels[i]!;
      if (channel.refusedCost > 0) {
        if (channel.definition.reliable) this.waitsForRoom = true;
        else this.drainedOwed = true;
      }
      counters.unreliableUnsent += channel.droppedUnsent;
      channel.droppedUnsent = 0;
      counters.messagesReplaced += channel.replaced;
      channel.replaced = 0;
    }
  }

  /** Tells the sink what became of messages, and of channels that have refused one and have room now. */
  tell(): void {
    if (!this.notices.isEmpty) {
      this.drainedOwed = true;
      this.notices.tell(this.sink, this.protocol.channels);
    }
    if (!this.drainedOwed) return;
    this.drainedOwed = false;
    for (const sender of this.channels) {
      if (sender === undefined || sender.refusedCost === 0) continue;
      if (sender.takeDrained()) this.sink.drained?.(sender.definition);
      else if (!sender.definition.reliable) this.drainedOwed = true;
    }
  }

  /** The connection is over: messages whose fate is not known are lost, and all is told. */
  end(): void {
    for (const sender of this.channels) sender?.end();
    this.notices.tell(this.sink, this.protocol.channels);
  }

  /** Frees memory that an idle session does not need. */
  trim(): void {
    for (const sender of this.channels) sender?.trim();
  }
}
