/**
 * A protocol written by hand: the default layout of docs/wire.md from its table, but without the session tag, and
 * channels that carry plain bytes. With it the session is tested without the generator.
 */

import { InvalidMessageError, MalformedError } from "#src/errors.js";
import type {
  ChannelDefinition,
  CipherName,
  Delivery,
  Direction,
  HeaderCodec,
  MessageDecoder,
  MessageEncoder,
  Protocol,
  ProtocolLimits,
  UserField,
} from "#src/protocol.js";
import {
  type AckBlock,
  ackRangesSize,
  type DatagramHeader,
  type FrameHeader,
  readAckRanges,
  readPadding,
  Violation,
  writeAckRanges,
} from "#src/wire/header.js";
import { emptied } from "#src/wire/json.js";
import type { Reader } from "#src/wire/reader.js";
import { varintSize, type Writer } from "#src/wire/writer.js";

const A = 0x80;
const Q = 0x40;
const D = 0x20;
const F = 0x10;
const M = 0x08;
const W = 0x04;
const K = 0x02;
const L = 0x01;

const SAME = 0x80;
const SLICE = 0x40;
const MORE = 0x20;
const CONSECUTIVE = 0x10;

export interface HandCodec {
  readonly encoder: MessageEncoder<Uint8Array>;
  readonly decoder: MessageDecoder<Uint8Array>;
}

/** Payloads are bytes, any or exactly `fixedBytes` of them. */
export function bytesCodec(maxBytes: number, fixedBytes = -1): HandCodec {
  const encoder: MessageEncoder<Uint8Array> = {
    maxBytes,
    inPlace: maxBytes <= 4096,
    write(message, w, at) {
      if (!(message instanceof Uint8Array)) throw new InvalidMessageError("", "not bytes");
      if (message.length > maxBytes) throw new InvalidMessageError("", "too large");
      w.bytes.set(message, at);
      return at + message.length;
    },
  };
  const decoder: MessageDecoder<Uint8Array> = {
    decode(r) {
      if (fixedBytes >= 0 && r.end - r.at !== fixedBytes) throw new MalformedError("", "size", 0);
      const copy = r.bytes.slice(r.at, r.end);
      r.at = r.end;
      return copy;
    },
  };
  return { encoder, decoder };
}

class DefaultLayout implements HeaderCodec {
  readonly userFields: readonly UserField[];
  readonly hasSessionTag = false;
  readonly packetNumberBits = 16;
  readonly widePacketNumberBits = 32;
  readonly ackBits = 16;
  readonly messageNumberBits = 16;
  readonly #channels: readonly ChannelDefinition[];
  readonly #byId: Map<number, ChannelDefinition>;
  readonly #sealed: boolean;
  readonly hasClock: boolean;

  constructor(
    channels: readonly ChannelDefinition[],
    userFieldCount: number,
    sealed: boolean,
    hasClock: boolean,
  ) {
    this.#sealed = sealed;
    this.hasClock = hasClock;
    this.#channels = channels;
    this.#byId = new Map(channels.map((channel) => [channel.id, channel]));
    this.userFields = Array.from({ length: userFieldCount }, (_, i) => ({
      name: `user${i}`,
      min: 0,
      max: 0xffff_ffff,
      fraction: false,
    }));
  }

  size(h: DatagramHeader): number {
    let bytes = 3 + 1 + (h.wide ? 4 : 2);
    if (h.ack) bytes += 2 + 1 + ackRangesSize(h.acks);
    if (h.limit) bytes += varintSize(h.receiveLimit);
    if (h.limit && this.hasClock) bytes += varintSize(h.clock);
    return bytes + 4 * this.userFields.length;
  }

  writeClear(h: DatagramHeader, first: FrameHeader | undefined, w: Writer): void {
    w.u24(first === undefined ? 1 : this.#channels[first.channel]!.id + 1);
    let flags = 0;
    if (h.ack) flags |= A;
    if (h.ackNow) flags |= Q;
    if (h.frames) flags |= D;
    if (first?.slice === true) flags |= F;
    if (first?.more === true) flags |= M;
    if (h.wide) flags |= W;
    if (h.keyPhase) flags |= K;
    if (h.limit) flags |= L;
    w.u8(flags);
    if (h.wide) w.u32(h.packetNumber % 2 ** 32);
    else w.u16(h.packetNumber % 2 ** 16);
  }

  writeSealed(h: DatagramHeader, w: Writer): void {
    if (h.ack) {
      w.u16(h.acks.largest % 2 ** 16);
      w.u8(h.acks.delay);
      writeAckRanges(w, h.acks);
    }
    if (h.limit) w.varint(h.receiveLimit);
    if (h.limit && this.hasClock) w.varint(h.clock);
    for (let i = 0; i < this.userFields.length; i++) w.u32(h.user[i]!);
  }

  readClear(h: DatagramHeader, first: FrameHeader, r: Reader): Violation {
    if (r.end - r.at < 6) return Violation.truncated;
    const id = u24(r) - 1;
    const flags = r.bytes[r.at++]!;
    h.ack = (flags & A) !== 0;
    h.ackNow = (flags & Q) !== 0;
    h.frames = (flags & D) !== 0;
    h.wide = (flags & W) !== 0;
    h.keyPhase = (flags & K) !== 0;
    h.limit = (flags & L) !== 0;
    if (h.keyPhase && !this.#sealed) return Violation.reservedBits;
    if (!h.frames && (flags & (F | M)) !== 0) return Violation.flags;
    if (h.limit && !h.ack) return Violation.flags;
    if ((flags & (A | Q | D)) === 0) return Violation.flags;
    if (h.frames) {
      const channel = this.#byId.get(id);
      if (channel === undefined) return Violation.unknownChannel;
      first.channel = channel.index;
      first.slice = (flags & F) !== 0;
      first.more = (flags & M) !== 0;
    } else {
      first.channel = this.#byId.get(id)?.index ?? -1;
      if (id !== 0 && (!h.ackNow || first.channel < 0)) return Violation.unknownChannel;
      first.slice = false;
      first.more = false;
    }
    if (h.wide) {
      if (r.end - r.at < 4) return Violation.truncated;
      h.packetNumber = r.view.getUint32(r.at);
      r.at += 4;
    } else {
      h.packetNumber = r.view.getUint16(r.at);
      r.at += 2;
    }
    return Violation.none;
  }

  readSealed(h: DatagramHeader, r: Reader): Violation {
    if (h.ack) {
      const problem = readAcks(h.acks, r);
      if (problem !== Violation.none) return problem;
    }
    if (h.limit) {
      h.receiveLimit = r.tryVarint();
      if (h.receiveLimit < 0) return Violation.nonMinimal;
      if (this.hasClock) h.clock = r.tryVarint();
      if (h.clock < 0) return Violation.nonMinimal;
    }
    const count = this.userFields.length;
    if (r.end - r.at < 4 * count) return Violation.truncated;
    for (let i = 0; i < count; i++) {
      h.user[i] = r.view.getUint32(r.at);
      r.at += 4;
    }
    return h.frames ? Violation.none : readPadding(h, r);
  }

  frameSize(frame: FrameHeader, previous: FrameHeader | undefined): number {
    const channel = this.#channels[frame.channel]!;
    let bytes = 0;
    const same = previous !== undefined && previous.channel === frame.channel;
    if (previous !== undefined) bytes += same ? 1 : 4;
    const consecutive = same && frame.number === previous.number + 1;
    if (channel.numbered && !consecutive) bytes += 2;
    if (frame.slice) bytes += varintSize(frame.sliceIndex) + varintSize(frame.sliceCount);
    if (frame.more && isUnsized(channel, frame.slice)) bytes += varintSize(frame.payloadBytes);
    return bytes;
  }

  writeFrame(frame: FrameHeader, previous: FrameHeader | undefined, w: Writer): void {
    const channel = this.#channels[frame.channel]!;
    const same = previous !== undefined && previous.channel === frame.channel;
    const consecutive = channel.numbered && same && frame.number === previous.number + 1;
    if (previous !== undefined) {
      let next = same ? SAME : 0;
      if (frame.slice) next |= SLICE;
      if (frame.more) next |= MORE;
      if (consecutive) next |= CONSECUTIVE;
      w.u8(next);
      if (!same) w.u24(channel.id + 1);
    }
    if (channel.numbered && !consecutive) w.u16(frame.number % 2 ** 16);
    if (frame.slice) {
      w.varint(frame.sliceIndex);
      w.varint(frame.sliceCount);
    }
    if (frame.more && isUnsized(channel, frame.slice)) w.varint(frame.payloadBytes);
  }

  readFrame(frame: FrameHeader, isFirst: boolean, r: Reader): Violation {
    const before = frame.number;
    let consecutive = false;
    let same = false;
    if (!isFirst) {
      if (r.at >= r.end) return Violation.truncated;
      const next = r.bytes[r.at++]!;
      if ((next & 0x0f) !== 0) return Violation.reservedBits;
      same = (next & SAME) !== 0;
      frame.slice = (next & SLICE) !== 0;
      frame.more = (next & MORE) !== 0;
      consecutive = (next & CONSECUTIVE) !== 0;
      if (!same) {
        if (r.end - r.at < 3) return Violation.truncated;
        const channel = this.#byId.get(u24(r) - 1);
        if (channel === undefined) return Violation.unknownChannel;
        if (channel.index === frame.channel) return Violation.nonMinimal;
        frame.channel = channel.index;
      }
    }
    const channel = this.#channels[frame.channel]!;
    if (consecutive && !(same && channel.numbered)) return Violation.flags;
    if (channel.numbered) {
      if (consecutive) frame.number = (before + 1) % 2 ** 16;
      else {
        if (r.end - r.at < 2) return Violation.truncated;
        frame.number = r.view.getUint16(r.at);
        r.at += 2;
        if (same && frame.number === (before + 1) % 2 ** 16) return Violation.nonMinimal;
      }
    }
    if (frame.slice) {
      if (!channel.fragment) return Violation.sliceBounds;
      frame.sliceIndex = r.tryVarint();
      frame.sliceCount = r.tryVarint();
      if (frame.sliceIndex < 0 || frame.sliceCount < 0) return Violation.nonMinimal;
      if (frame.sliceCount < 2 || frame.sliceIndex >= frame.sliceCount) {
        return Violation.sliceBounds;
      }
    }
    const fixed = isUnsized(channel, frame.slice) ? -1 : channel.fixedBytes;
    let bytes = r.end - r.at;
    if (frame.more) {
      bytes = fixed >= 0 ? fixed : r.tryVarint();
      if (bytes < 0) return Violation.nonMinimal;
      if (bytes > r.end - r.at) return Violation.truncated;
    } else if (fixed >= 0 && bytes !== fixed) return Violation.payloadSize;
    frame.payloadStart = r.at;
    frame.payloadBytes = bytes;
    r.at += bytes;
    return Violation.none;
  }
}

function readAcks(acks: AckBlock, r: Reader): Violation {
  if (r.end - r.at < 3) return Violation.truncated;
  acks.largest = r.view.getUint16(r.at);
  acks.delay = r.bytes[r.at + 2]!;
  r.at += 3;
  return readAckRanges(r, acks);
}

function u24(r: Reader): number {
  const value = (r.bytes[r.at]! << 16) | (r.bytes[r.at + 1]! << 8) | r.bytes[r.at + 2]!;
  r.at += 3;
  return value;
}

function isUnsized(channel: ChannelDefinition, slice: boolean): boolean {
  return slice || channel.fixedBytes < 0;
}

/** What a test says about a channel; the rest has defaults. */
export interface HandChannel {
  readonly name: string;
  readonly delivery: Delivery;
  readonly id?: number;
  readonly direction?: Direction;
  readonly fixedBytes?: number;
  readonly maxBytes?: number;
  readonly fragment?: boolean;
  readonly queueBytes?: number;
  readonly priority?: number;
  readonly weight?: number;
  readonly maxAgeMs?: number;
  readonly maxGapMs?: number;
  readonly redundancy?: number;
  readonly notices?: boolean;
}

export interface HandOptions {
  readonly channels?: readonly HandChannel[];
  readonly userFields?: number;
  readonly limits?: Partial<ProtocolLimits>;
  /** Sealed with it. */
  readonly cipher?: CipherName;
  /** The layout has a clock. */
  readonly clock?: boolean;
}

/** One channel of each kind; tests name them by `channelIndex`. */
export const standardChannels: readonly HandChannel[] = [
  { name: "input", delivery: "unreliable", fixedBytes: 8 },
  { name: "state", delivery: "unreliable" },
  { name: "pose", delivery: "unreliable-sequenced" },
  { name: "world", delivery: "unreliable-sequenced", fragment: true, maxBytes: 16_384 },
  { name: "voice", delivery: "unreliable-ordered" },
  { name: "scene", delivery: "unreliable-ordered", fragment: true, maxBytes: 16_384 },
  { name: "photo", delivery: "unreliable", fragment: true, maxBytes: 16_384 },
  { name: "event", delivery: "reliable" },
  { name: "tick", delivery: "reliable", fixedBytes: 4 },
  { name: "chat", delivery: "reliable-ordered" },
  { name: "map", delivery: "reliable-ordered", fragment: true, maxBytes: 1_048_576, priority: 4 },
  { name: "file", delivery: "reliable", fragment: true, maxBytes: 65_536, priority: 4 },
  { name: "door", delivery: "reliable-sequenced" },
  { name: "level", delivery: "reliable-sequenced", fragment: true, maxBytes: 65_536 },
  { name: "shot", delivery: "reliable-ordered", maxBytes: 80, redundancy: 2 },
  { name: "order", delivery: "reliable-ordered", direction: "client-to-server" },
];

export function channelIndex(protocol: Protocol, name: string): number {
  const channel = protocol.channels.find((c) => c.name === name);
  if (channel === undefined) throw new Error(`no channel ${name}`);
  return channel.index;
}

export function handProtocol(options: HandOptions = {}): Protocol {
  const userFields = options.userFields ?? 0;
  const sliceBytes = 1200 - (3 + 1 + 4 + 4 * userFields + 2 + 4) - 32 - 16;
  const channels = (options.channels ?? standardChannels).map((c, index): ChannelDefinition => {
    const reliable = c.delivery.startsWith("reliable");
    const fragment = c.fragment ?? false;
    const fixedBytes = c.fixedBytes ?? -1;
    const maxBytes = c.maxBytes ?? (fixedBytes >= 0 ? fixedBytes : sliceBytes);
    return {
      index,
      name: c.name,
      id: c.id ?? index,
      delivery: c.delivery,
      direction: c.direction ?? "both",
      numbered: reliable || fragment || c.delivery === "unreliable-ordered",
      reliable,
      fragment,
      maxBytes,
      compatMaxBytes: maxBytes,
      queueBytes: c.queueBytes ?? 2_097_152,
      priority: c.priority ?? 1,
      weight: c.weight ?? 1,
      maxAgeMs: c.maxAgeMs,
      maxGapMs: c.maxGapMs ?? 40,
      redundancy: c.redundancy,
      notices: c.notices,
      fixedBytes,
      ...bytesCodec(maxBytes, fixedBytes),
    };
  });
  return {
    stardust: 4,
    name: "hand",
    version: 1,
    hash: "00000000000000000000000000000000",
    versions: [],
    security: options.cipher === undefined ? "plain" : "sealed",
    cipher: options.cipher,
    limits: {
      maxDatagramBytes: 1200,
      sliceBytes,
      receiveBudgetBytes: 1_048_576,
      creditBytes: 524_288,
      idleTimeoutMs: 10_000,
      keepAliveMs: 2500,
      handshakeTimeoutMs: 10_000,
      authenticateTimeoutMs: 5000,
      maxAckDelayMs: 20,
      ...options.limits,
    },
    header: new DefaultLayout(
      channels,
      userFields,
      options.cipher !== undefined,
      options.clock ?? false,
    ),
    channels,
    zero: { bodies: { join: emptied, accept: emptied } },
  };
}
