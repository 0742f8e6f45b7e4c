/**
 * Which frames go into the next datagram. Levels of priority are strict; inside a level channels take turns by
 * deficit round robin (Shreedhar and Varghese, 1995): each turn is worth `weight` datagrams of bytes. Resends of a
 * channel go before its new messages; what is to ride in a further datagram (`redundancy`, and once what was sent again) takes what room is left. What does not fit into the rest of a datagram does not keep smaller frames of
 * other channels out of it; the next datagram begins with what had to wait.
 *
 * The frames are planned first, because whether a frame carries its length depends on whether another follows; then
 * all is written. Worst case: MAX_FRAMES_PER_DATAGRAM frames, plus one look at each channel in use.
 */
import { MAX_FRAMES_PER_DATAGRAM } from "../limits.ts";
import type { HeaderCodec } from "../protocol.ts";
import { FrameHeader } from "../wire/header.ts";
import type { Writer } from "../wire/writer.ts";
import type { SendChannel } from "./channel-send.ts";
import type { SessionCounters } from "./counters.ts";
import type { SendLimit } from "./send-limit.ts";
import type { SentPackets } from "./sent.ts";

/** What became of the wish to add a frame. */
const Added = { yes: 0, nothing: 1, noRoom: 2 } as const;
type Added = (typeof Added)[keyof typeof Added];

/** Which frame of a channel: what is due, only what was lost, or what is to ride in a further datagram. */
const Want = { due: 0, resend: 1, copy: 2 } as const;
type Want = (typeof Want)[keyof typeof Want];

interface Level {
  readonly priority: number;
  readonly channels: SendChannel[];
  /** Whose turn it is. */
  turn: number;
}

/** The frames of one datagram; one plan serves all sessions of a protocol in a thread. */
export class Plan {
  count = 0;
  bytes = 0;
  reliable = false;
  readonly frames: FrameHeader[] = [];
  readonly channels: SendChannel[] = [];
  readonly positions: number[] = [];

  reset(): void {
    this.count = 0;
    this.bytes = 0;
    this.reliable = false;
  }

  frame(index: number): FrameHeader {
    let frame = this.frames[index];
    if (frame === undefined) {
      frame = new FrameHeader();
      this.frames.push(frame);
    }
    return frame;
  }
}

export class Packer {
  /** False only where no channel has anything to send: to be set when one may have got something. */
  mayHaveWork = false;
  private levels: readonly Level[] = [];
  /** Channels of which something may ride in a further datagram, and those with `maxAgeMs`. */
  private readonly copying: SendChannel[] = [];
  private readonly aging: SendChannel[] = [];
  private readonly header: HeaderCodec;
  private readonly quantumBytes: number;
  private readonly compat: boolean;

  constructor(header: HeaderCodec, maxDatagramBytes: number, compat: boolean) {
    this.header = header;
    this.quantumBytes = maxDatagramBytes;
    this.compat = compat;
  }

  add(channel: SendChannel): void {
    if (channel.definition.redundancy !== undefined) this.copying.push(channel);
    if (channel.definition.maxAgeMs !== undefined) this.aging.push(channel);
    const priority = channel.definition.priority;
    const at = this.levels.findIndex((level) => level.priority >= priority);
    const level = this.levels[at];
    if (level !== undefined && level.priority === priority) level.channels.push(channel);
    else {
      const added = { priority, channels: [channel], turn: 0 };
      const before = at < 0 ? this.levels.length : at;
      this.levels = [...this.levels.slice(0, before), added, ...this.levels.slice(before)];
    }
  }

  /** Something waits to be packed. It is asked several times a datagram, mostly where nothing does. */
  get hasWork(): boolean {
    return this.mayHaveWork && this.look();
  }

  private look(): boolean {
    for (const level of this.levels) {
      for (const channel of level.channels) if (channel.hasWork) return true;
    }
    this.mayHaveWork = false;
    return false;
  }

  /** Drops what has waited for longer than its channel allows; says how many messages. */
  expire(nowMs: number): number {
    let expired = 0;
    for (const channel of this.aging) expired += channel.expire(nowMs);
    return expired;
  }

  /** What has found no room in the datagrams of this turn has its age counted. */
  date(nowMs: number): void {
    for (const level of this.levels) for (const channel of level.channels) channel.date(nowMs);
  }

  /** Fills `plan` with frames of at most `roomBytes`, headers included, and commits to them. */
  fill(
    plan: Plan,
    roomBytes: number,
    resendsFirst: boolean,
    limit: SendLimit,
    sent: SentPackets,
    counters: SessionCounters,
  ): void {
    for (const channel of this.copying) channel.beginCopies();
    if (resendsFirst) {
      for (const level of this.levels) {
        for (const channel of level.channels) {
          let added: Added = Added.yes;
          while (added === Added.yes) {
            added = this.addFrame(plan, channel, roomBytes, limit, Want.resend, sent, counters);
          }
        }
      }
    }
    for (const level of this.levels) this.fillLevel(level, plan, roomBytes, limit, sent, counters);
    // No datagram is made for copies alone.
    if (plan.count === 0) return;
    for (const channel of this.copying) {
      let added: Added = Added.yes;
      while (added === Added.yes) {
        added = this.addFrame(plan, channel, roomBytes, limit, Want.copy, sent, counters);
      }
      channel.endCopies();
    }
  }

  /** Writes the frames of `plan` behind the datagram's header. */
  write(plan: Plan, w: Writer): void {
    let previous: FrameHeader | undefined;
    for (let i = 0; i < plan.count; i++) {
      const frame = plan.frames[i]!;
      this.header.writeFrame(frame, previous, w);
      plan.channels[i]!.copyPayload(plan.positions[i]!, frame.payloadBytes, w);
      previous = frame;
    }
  }

  private fillLevel(
    level: Level,
    plan: Plan,
    roomBytes: number,
    limit: SendLimit,
    sent: SentPackets,
    counters: SessionCounters,
  ): void {
    const channels = level.channels;
    const count = channels.length;
    /** The first channel whose turn was cut short by the end of the datagram: it goes on with the next one. */
    let cutShort = -1;
    /** Visits left before all have had nothing to add. */
    let visits = count;
    while (visits > 0) {
      const channel = channels[level.turn]!;
      let added: Added = Added.nothing;
      if (channel.hasWork) {
        if (channel.deficit <= 0) channel.deficit += this.quantumBytes * channel.definition.weight;
        while (channel.deficit > 0) {
          const before = plan.bytes;
          added = this.addFrame(plan, channel, roomBytes, limit, Want.due, sent, counters);
          if (added !== Added.yes) break;
          channel.deficit -= plan.bytes - before;
        }
      }
      if (!channel.hasWork) channel.deficit = 0;
      if (added === Added.noRoom && cutShort < 0) cutShort = level.turn;
      visits = added === Added.yes ? count : visits - 1;
      level.turn = level.turn + 1 < count ? level.turn + 1 : 0;
    }
    if (cutShort >= 0) level.turn = cutShort;
  }

  /** One more frame, if the channel has one and it fits. */
  private addFrame(
    plan: Plan,
    channel: SendChannel,
    roomBytes: number,
    limit: SendLimit,
    want: Want,
    sent: SentPackets,
    counters: SessionCounters,
  ): Added {
    const index = plan.count;
    if (index >= MAX_FRAMES_PER_DATAGRAM) return Added.noRoom;
    const frame = plan.frame(index);
    frame.more = false;
    frame.compat = this.compat;
    const found =
      want === Want.copy
        ? channel.prepareCopy(frame)
        : channel.prepare(frame, limit, want === Want.resend);
    if (!found) return Added.nothing;
    const header = this.header;
    let bytes = plan.bytes + frame.payloadBytes;
    if (index === 0) bytes += header.frameSize(frame, undefined);
    else {
      const previous = plan.frames[index - 1]!;
      const beforeThat = index > 1 ? plan.frames[index - 2] : undefined;
      const alone = header.frameSize(previous, beforeThat);
      previous.more = true;
      bytes += header.frameSize(previous, beforeThat) - alone + header.frameSize(frame, previous);
    }
    if (bytes > roomBytes) {
      if (index > 0) plan.frames[index - 1]!.more = false;
      return Added.noRoom;
    }
    const isResend = channel.headIsResend;
    plan.positions[index] = channel.payloadPosition();
    plan.channels[index] = channel;
    plan.count++;
    plan.bytes = bytes;
    if (want === Want.copy) {
      channel.takeCopy();
      counters.copiesSent++;
    } else {
      if (channel.take(frame, limit)) {
        counters.messagesSent++;
        channel.messagesSent++;
      }
      if (isResend) {
        counters.messagesResent++;
        channel.framesResent++;
        if (!this.copying.includes(channel)) this.copying.push(channel);
      } else channel.bytesSent += frame.payloadBytes;
    }
    counters.framesSent++;
    if (channel.definition.reliable) plan.reliable = true;
    if (channel.tracked) {
      sent.addFrame(frame.channel, frame.number, frame.slice ? frame.sliceIndex : -1);
    }
    return Added.yes;
  }
}
