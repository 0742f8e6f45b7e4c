/**
 * The sending sides of a session's channels, each made when the first message of its channel is sent: what they are told
 * of acks and losses, and who is owed word that there is room again. What a channel does with a message is not here.
 * Worst case: one visit to each channel.
 */
import { StardustError } from "../errors.ts";
import { missingChannel, type NegotiatedVersion } from "../negotiated-version.ts";
import { maySend, type Protocol, type Role } from "../protocol.ts";
import { SendChannel } from "./channel-send.ts";
import type { SessionCounters } from "./counters.ts";
import type { Packer, Plan } from "./packer.ts";
import type { FrameEvents } from "./sent.ts";
import type { SessionSink } from "./session-options.ts";

export class Senders implements FrameEvents {
  private readonly protocol: Protocol;
  private readonly role: Role;
  private readonly negotiated: NegotiatedVersion;
  private readonly resend: boolean;
  private readonly packer: Packer;
  private readonly counters: SessionCounters;
  private readonly sink: SessionSink;
  private readonly made: (SendChannel | undefined)[] = [];
  private drainedOwed = false;

  /** `resend`: what is lost is sent again. */
  constructor(
    protocol: Protocol,
    role: Role,
    negotiated: NegotiatedVersion,
    resend: boolean,
    packer: Packer,
    counters: SessionCounters,
    sink: SessionSink,
  ) {
    this.protocol = protocol;
    this.role = role;
    this.negotiated = negotiated;
    this.resend = resend;
    this.packer = packer;
    this.counters = counters;
    this.sink = sink;
  }

  /** That of a channel, by its index. Throws StardustError where this side does not send on it. */
  of(index: number): SendChannel {
    const known = this.made[index];
    if (known !== undefined) return known;
    const channel = this.protocol.channels[index];
    if (channel === undefined || !maySend(this.role, channel.direction)) {
      const name = channel === undefined ? `number ${index}` : channel.name;
      throw new StardustError(
        "STARDUST_INVALID_OPTION",
        `a ${this.role} may not send on channel ${name}`,
      );
    }
    if (this.negotiated.lacks.includes(index)) throw missingChannel(channel, this.negotiated);
    const sender = new SendChannel(channel, this.protocol.limits.sliceBytes);
    while (this.made.length <= index) this.made.push(undefined);
    this.made[index] = sender;
    this.packer.add(sender);
    return sender;
  }

  /** Payload bytes plus MESSAGE_OVERHEAD_BYTES for each message queued, or reliable and not yet acknowledged. */
  queuedBytes(index: number): number {
    return this.made[index]?.queuedBytes ?? 0;
  }

  /** Reliable messages are queued or unacknowledged. */
  get unacknowledged(): boolean {
    for (const sender of this.made) {
      if (sender?.definition.reliable === true && !sender.isEmpty) return true;
    }
    return false;
  }

  /** For `SentPackets`. */
  frameAcknowledged(channel: number, number: number, slice: number): void {
    const sender = this.made[channel]!;
    if (slice < 0) sender.acknowledgedRun(number, -slice);
    else sender.acknowledged(number, slice);
    if (sender.refusedCost > 0) this.drainedOwed = true;
  }

  /** For `SentPackets`. */
  frameLost(channel: number, number: number, slice: number): void {
    const sender = this.made[channel]!;
    if (!sender.definition.reliable) return;
    const count = slice < 0 ? -slice : 1;
    for (let i = 0; i < count; i++) {
      const which = slice < 0 ? -1 : slice;
      if (this.resend) sender.lost(number + i, which);
      else if (sender.abandoned(number + i, which)) this.counters.framesAbandoned++;
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
    for (let i = 0; i < plan.count; i++) {
      const channel = plan.channels[i]!;
      if (channel.refusedCost > 0 && !channel.definition.reliable) this.drainedOwed = true;
      counters.unreliableUnsent += channel.droppedUnsent;
      channel.droppedUnsent = 0;
      counters.messagesReplaced += channel.replaced;
      channel.replaced = 0;
    }
  }

  /** Tells the sink of channels that have refused a message and have room now. */
  callDrained(): void {
    if (!this.drainedOwed) return;
    this.drainedOwed = false;
    for (const sender of this.made) {
      if (sender === undefined || sender.refusedCost === 0) continue;
      if (sender.takeDrained()) this.sink.drained?.(sender.definition);
      else if (!sender.definition.reliable) this.drainedOwed = true;
    }
  }

  /** Frees memory that an idle session does not need. */
  trim(): void {
    for (const sender of this.made) sender?.trim();
  }
}
