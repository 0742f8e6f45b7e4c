/**
 * Takes one datagram apart by the model: header, frames and messages of the regular protocol here, zero messages in
 * read-zero.ts. Never throws: the first violation is the reading's `problem`, and what stands before it is in `parts`.
 * Not checked, because one datagram cannot show it: whether what it acknowledges was ever sent, whether a wide packet
 * number was due, and MACs.
 */

import { ByteCursor, inBytes, type Part, Problem } from "../bytes/cursor.ts";
import { compatMaxBytes, payloadFixedBytes, payloadMaxBytes } from "../model/channels.ts";
import type { Side } from "../model/delivery.ts";
import { hasRole } from "../model/header-roles.ts";
import { Lookup } from "../model/lookup.ts";
import type { ChannelModel, HeaderFieldModel, Model } from "../model/model.ts";
import { readPayload } from "./compression.ts";
import type { FrameReading, Reading, ReadOptions } from "./datagram.ts";
import {
  Flags,
  type FrameFacts,
  type HeaderItem,
  headerItems,
  holds,
  MAX_ACK_PAIRS,
} from "./header-items.ts";
import { readZero } from "./read-zero.ts";
import { limitedChannels, limitText, readLimit } from "./receive-limit.ts";

/** Behind the ciphertext of a sealed datagram. */
const TAG_BYTES = 16;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Reads datagrams of one protocol. */
export class DatagramReader {
  readonly lookup: Lookup;
  readonly #model: Model;
  readonly #channels: ReadonlyMap<number, ChannelModel>;
  readonly #clear: readonly HeaderItem[];
  readonly #sealed: readonly HeaderItem[];
  readonly #frame: readonly HeaderItem[];

  constructor(model: Model) {
    this.lookup = Lookup.of(model);
    this.#model = model;
    this.#channels = new Map(model.channels.map((channel) => [channel.id + 1, channel]));
    this.#clear = headerItems(model.header.clear);
    this.#sealed = headerItems(model.header.sealed);
    this.#frame = headerItems(model.header.frame);
  }

  read(bytes: Uint8Array, options: ReadOptions = {}): Reading {
    const s = new ByteCursor(bytes, options.compat);
    const isZero = bytes.length >= 3 && bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 0;
    const reading: Mutable<Reading> = {
      kind: isZero ? "zero" : "regular",
      bytes: bytes.length,
      frames: [],
      parts: s.parts,
    };
    try {
      const { maxDatagramBytes, maxPathDatagramBytes = maxDatagramBytes } = this.#model.limits;
      const limit = isZero ? maxDatagramBytes : maxPathDatagramBytes;
      if (bytes.length > limit) s.fail(`${bytes.length} bytes, at most ${limit}`, "", limit);
      if (isZero) readZero(this.#model, s, reading, options.from);
      else new RegularReading(this, s, reading, options.from).read(options.sealed === true);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const { at, path, problem } = error;
      reading.problem = { at, path, problem };
      const read = endOf(s.parts);
      if (read < bytes.length) {
        s.parts.push({ name: "not read", at: read, bytes: bytes.length - read });
      }
    }
    return reading;
  }

  get model(): Model {
    return this.#model;
  }

  channel(wireId: number): ChannelModel | undefined {
    return this.#channels.get(wireId);
  }

  items(list: "clear" | "sealed" | "frame"): readonly HeaderItem[] {
    if (list === "clear") return this.#clear;
    return list === "sealed" ? this.#sealed : this.#frame;
  }
}

/** The byte behind the last one that a leaf covers. */
function endOf(parts: readonly Part[]): number {
  const ends = parts.map((part) =>
    part.parts === undefined ? part.at + part.bytes : endOf(part.parts),
  );
  return Math.max(0, ...ends);
}

/** One field that was read, handed to whoever knows what its role means. */
type Take = (field: HeaderFieldModel, value: number, at: number) => void;

/** The field that says which numbers were received. */
type TakeRuns = (item: HeaderItem) => void;

class RegularReading {
  readonly #reader: DatagramReader;
  readonly #s: ByteCursor;
  readonly #reading: Mutable<Reading>;
  readonly #from: Side | undefined;
  readonly #flags = new Flags();
  readonly #frames: FrameReading[] = [];
  /** Bytes of the fields that stand once, by role. */
  readonly #places = new Map<string, number>();
  #wireId = 0;
  #high = 0;

  constructor(
    reader: DatagramReader,
    s: ByteCursor,
    reading: Mutable<Reading>,
    from: Side | undefined,
  ) {
    this.#reader = reader;
    this.#s = s;
    this.#reading = reading;
    this.#from = from;
    reading.frames = this.#frames;
  }

  read(isSealed: boolean): void {
    const s = this.#s;
    const user: Record<string, number> = {};
    const ack = { largest: 0, delay: 255, runs: [] as readonly number[] };
    const take: Take = (field, value, at) => {
      this.#flags.set(field, value);
      this.#places.set(field.role ?? "", at);
      switch (field.role) {
        case "channel":
          this.#wireId = value;
          this.#reading.wireId = value;
          return;
        case "session-tag":
          this.#reading.sessionTag = value;
          return;
        case "packet-number-high":
          this.#high = value;
          return;
        case "packet-number": {
          const low = 2 ** this.#reader.model.header.packetNumberBits;
          this.#reading.packetNumber = this.#high * low + value;
          return;
        }
        case "ack-largest":
          ack.largest = value;
          return;
        case "ack-delay":
          ack.delay = value;
          return;
        case "ack-now":
          this.#reading.ackNow = value !== 0;
          return;
        case "receive-limit":
          this.#takeLimit(field, value, at);
          return;
        case "clock":
          this.#reading.clock = value;
          return;
        case "key-phase":
          if (this.#reader.model.security === "sealed") this.#reading.keyPhase = value !== 0;
          else if (value !== 0) {
            s.fail("the key phase is set, but the session is plain", field.name, at);
          }
          return;
        case undefined:
          user[field.name] = value;
      }
    };
    const ranges: TakeRuns = ({ fields, bytes }) => {
      const [field] = fields;
      ack.runs = field!.role === "ack-bits" ? readAckBits(s, field!.name, bytes) : readAckRuns(s);
    };
    this.#items("clear", take, ranges);
    const { packetNumberBits, widePacketNumberBits } = this.#reader.model.header;
    this.#reading.packetNumberBits = this.#flags.role("wide")
      ? widePacketNumberBits
      : packetNumberBits;
    this.#reading.clearBytes = s.at;
    this.#checkFlags();
    if (!this.#flags.role("frames")) this.#nameAsked();
    this.#reading.user = user;
    if (isSealed) {
      this.#nameSealed();
      return;
    }
    this.#items("sealed", take, ranges);
    if (this.#flags.role("ack")) this.#reading.ack = ack;
    if (this.#flags.role("frames")) this.#readFrames();
    else if (s.left > 0) this.#readPadding();
  }

  /** What only the two sides can read, and the tag that shows them that it is theirs. */
  #nameSealed(): void {
    const s = this.#s;
    if (s.left < TAG_BYTES) {
      s.fail(`${inBytes(s.left)} behind the clear part, and a tag has ${TAG_BYTES}`, "tag");
    }
    const sealedBytes = s.left - TAG_BYTES;
    if (sealedBytes > 0) s.leaf("sealed", s.take(sealedBytes, "sealed"), {});
    s.leaf("tag", s.take(TAG_BYTES, "tag"), {});
  }

  #readPadding(): void {
    const s = this.#s;
    if (!this.#flags.role("ack-now")) {
      s.fail(`${inBytes(s.left)} left over behind a datagram without frames`);
    }
    const at = s.take(s.left, "padding");
    const wrong = s.bytes.subarray(at).findIndex((byte) => byte !== 0);
    if (wrong >= 0) s.fail("padding that is not zero", "padding", at + wrong);
    s.leaf("padding", at, {});
  }

  #items(list: "clear" | "sealed", take: Take, ranges: TakeRuns): void {
    for (const item of this.#reader.items(list)) {
      if (holds(item.fields[0]!, this.#flags)) this.#item(item, take, ranges);
    }
  }

  #item(item: HeaderItem, take: Take, ranges: TakeRuns = () => {}): void {
    const s = this.#s;
    const field = item.fields[0]!;
    const at = s.at;
    if (field.bits !== undefined) {
      this.#bits(item, take);
      return;
    }
    const unit = field.unit === undefined ? {} : { unit: field.unit };
    if (field.role === "ack-bits") {
      ranges(item);
      return;
    }
    switch (field.type) {
      case "ack-ranges":
        s.group(field.name, () => ranges(item));
        return;
      case "varint": {
        const value = s.varint(field.name);
        s.leaf(field.name, at, { value, ...unit, ...this.#limitText(field, value) });
        take(field, value, at);
        return;
      }
      case "f32":
      case "f64": {
        s.take(item.bytes, field.name);
        const value = field.type === "f32" ? s.view.getFloat32(at) : s.view.getFloat64(at);
        s.leaf(field.name, at, { value: Number.isFinite(value) ? value : String(value), ...unit });
        if (!Number.isFinite(value)) s.fail(`${value} is not finite`, field.name, at);
        take(field, value, at);
        return;
      }
      default: {
        let value = s.unsigned(item.bytes, field.name);
        const half = 2 ** (item.bytes * 8 - 1);
        if (field.type!.startsWith("i") && value >= half) value -= 2 * half;
        s.leaf(field.name, at, { value, ...unit, ...this.#channelText(field, value) });
        take(field, value, at);
      }
    }
  }

  /** Which channel a wire id is. */
  #channelText(field: HeaderFieldModel, wireId: number): { text: string } | undefined {
    if (field.role !== "channel") return undefined;
    const channel = this.#reader.channel(wireId);
    if (channel === undefined) return { text: wireId === 1 ? "no frames" : "not in the spec" };
    return { text: `${channel.name}, id ${channel.id}` };
  }

  /** Of a datagram without frames: its channel is the one whose limit is asked for, or none. */
  #nameAsked(): void {
    const { parts } = this.#s;
    const at = this.#places.get("channel");
    const i = parts.findIndex((part) => part.at === at);
    const part = parts[i];
    if (part === undefined) return;
    const channel = this.#reader.channel(this.#wireId);
    const senders: readonly Side[] = this.#from === undefined ? ["client", "server"] : [this.#from];
    const { model } = this.#reader;
    const isAsked =
      channel !== undefined &&
      this.#flags.role("ack-now") &&
      senders.some((side) => limitedChannels(model, side).includes(channel));
    const asked = isAsked ? `asks for the limit of ${channel.name}` : "no frames";
    parts[i] = { ...part, text: this.#wireId === 1 || isAsked ? asked : part.text! };
  }

  #limitText(field: HeaderFieldModel, limit: number): { text: string } | undefined {
    if (field.role !== "receive-limit" || this.#s.compat) return undefined;
    return { text: limitText(this.#reader.model, limit, this.#from) };
  }

  /** Between two versions nobody knows here which channels both have. */
  #takeLimit({ name }: HeaderFieldModel, value: number, at: number): void {
    const s = this.#s;
    this.#reading.receiveLimit = value;
    if (this.#from === undefined || s.compat) return;
    const limit = readLimit(this.#reader.model, value, this.#from);
    if (limit !== undefined) this.#reading.limit = limit;
    else if (value !== 0) s.fail(`${value}, but no channel has a limit`, name, at);
  }

  #bits(item: HeaderItem, take: Take): void {
    const s = this.#s;
    const block = s.take(item.bytes, item.fields[0]!.name);
    let offset = 0;
    for (const field of item.fields) {
      const at = block + Math.floor(offset / 8);
      const value = s.bits(block, offset, field.bits!);
      s.bitLeaf(field.name, block, offset, field.bits!, { value });
      if (field.role === "reserved" && value !== 0) s.fail("reserved bits are set", field.name, at);
      take(field, value, at);
      offset += field.bits!;
    }
  }

  #checkFlags(): void {
    const s = this.#s;
    const { model } = this.#reader;
    const has = (role: Parameters<Flags["role"]>[0]): boolean => this.#flags.role(role);
    const name = (role: string): string =>
      model.header.clear.find((field) => field.role === role)?.name ?? role;
    const at = (role: string): number => this.#places.get(role) ?? s.at;
    const frames = name("frames");
    for (const role of ["slice", "more"] as const) {
      if (has(role) && !has("frames")) {
        s.fail(`is set, but ${frames} is not`, name(role), at(role));
      }
    }
    if (has("limit") && !has("ack")) {
      s.fail(`is set, but ${name("ack")} is not`, name("limit"), at("limit"));
    }
    if (!has("ack") && !has("ack-now") && !has("frames")) {
      s.fail(`none of ${name("ack")}, ${name("ack-now")} and ${frames} is set`, "", at("frames"));
    }
    if (has("frames")) {
      if (this.#reader.channel(this.#wireId) === undefined) {
        s.fail(`wire id ${this.#wireId} is no channel of the spec`, name("channel"), at("channel"));
      }
    } else if (this.#wireId !== 1) {
      const found =
        this.#reader.channel(this.#wireId) === undefined ? "no channel of the spec" : "";
      const problem = has("ack-now") ? found : "without frames and a request for an ack it is 1";
      if (problem !== "") {
        s.fail(`wire id ${this.#wireId}: ${problem}`, name("channel"), at("channel"));
      }
    }
  }

  #readFrames(): void {
    let before: FrameReading | undefined;
    for (let more = true; more; ) {
      const index = this.#frames.length;
      const frame = this.#s.group(`frame ${index}`, () => this.#readFrame(before));
      before = frame.reading;
      more = frame.more;
    }
  }

  #readFrame(before: FrameReading | undefined): { reading: FrameReading; more: boolean } {
    const s = this.#s;
    const { header } = this.#reader.model;
    const flags = new Flags();
    if (before === undefined) {
      // No next byte: its bits are those of the flags, and its channel stands in front.
      for (const field of header.frame) {
        if (field.bits === undefined) continue;
        const shared = field.role === "slice" || field.role === "more";
        flags.set(field, shared && this.#flags.role(field.role as "slice" | "more") ? 1 : 0);
      }
    }
    let channel = before?.channel ?? this.#reader.channel(this.#wireId)!;
    let same = before === undefined ? false : !hasRole(header.frame, "channel");
    let number: number | undefined;
    let length = -1;
    let sliceIndex = 0;
    let sliceCount = 0;
    const fixed = () => payloadFixedBytes(channel, this.#reader.lookup);
    const facts = (): FrameFacts => ({
      numbered: channel.numbered,
      unsized: s.compat || flags.role("slice") || fixed() < 0,
    });
    const numbers = 2 ** header.messageNumberBits;
    const next = () => ((before?.number ?? 0) + 1) % numbers;
    const take: Take = (field, value, at) => {
      flags.set(field, value);
      if (field.role === "channel") {
        const found = this.#reader.channel(value);
        if (found === undefined)
          return s.fail(`wire id ${value} is no channel of the spec`, field.name, at);
        same = found === before?.channel;
        if (same && hasRole(header.frame, "same-channel")) {
          s.fail("is written out, though it is that of the frame before", field.name, at);
        }
        channel = found;
      } else if (field.role === "message-number") {
        if (hasRole(header.frame, "consecutive") && same && channel.numbered && value === next()) {
          s.fail("is written out, though it is the one before plus one", field.name, at);
        }
        number = value;
      } else if (field.role === "slice-index") sliceIndex = value;
      else if (field.role === "slice-count") sliceCount = value;
      else if (field.role === "length") length = value;
    };
    for (const item of this.#reader.items("frame")) {
      const field = item.fields[0]!;
      if (before === undefined && (field.bits !== undefined || field.role === "channel")) continue;
      if (field.role === "channel") {
        same = flags.role("same-channel");
        if (same) continue;
      }
      if (!holds(field, flags, facts())) continue;
      if (field.role === "message-number" && flags.role("consecutive")) continue;
      this.#item(item, take);
    }
    if (flags.role("consecutive")) {
      if (!same || !channel.numbered) s.fail("consecutive, but not the same numbered channel");
      number = next();
    }
    if (this.#from !== undefined && channel.direction !== "both") {
      if (!channel.direction.startsWith(`${this.#from}-to-`)) {
        s.fail(`channel ${channel.name} is ${channel.direction}, but the ${this.#from} sent it`);
      }
    }
    const slice = flags.role("slice") ? { index: sliceIndex, count: sliceCount } : undefined;
    const more = flags.role("more");
    const reading = this.#payload(channel, number, slice, length, more);
    this.#frames.push(reading);
    return { reading, more };
  }

  #payload(
    channel: ChannelModel,
    number: number | undefined,
    slice: FrameReading["slice"],
    length: number,
    more: boolean,
  ): FrameReading {
    const s = this.#s;
    const most = this.#most(channel);
    const fixed = slice || s.compat ? -1 : payloadFixedBytes(channel, this.#reader.lookup);
    const bytes = length >= 0 ? length : more && fixed >= 0 ? fixed : s.left;
    if (bytes > s.left) s.fail(`a payload of ${inBytes(bytes)}, ${s.left} left`);
    if (!more && bytes !== s.left)
      s.fail(`${inBytes(s.left - bytes)} left over behind the last frame`);
    if (slice) this.#checkSlice(channel, slice, bytes, most);
    else if (fixed >= 0 && bytes !== fixed)
      s.fail(`a payload of ${inBytes(bytes)}, always ${fixed}`);
    else if (bytes > most) s.fail(`a payload of ${inBytes(bytes)}, at most ${most}`);
    const at = s.at;
    const payload = s.bytes.slice(at, at + bytes);
    const base = { channel, ...(number === undefined ? {} : { number }), payload };
    if (slice) {
      s.take(bytes, "slice");
      s.leaf("slice", at, { value: payload, text: `${slice.index} of ${slice.count}` });
      return { ...base, slice };
    }
    const { end } = s;
    s.end = at + bytes;
    try {
      const text = number === undefined ? {} : { text: `message ${number}` };
      const read = s.group(channel.name, () => readPayload(this.#reader.model, channel, s), text);
      return { ...base, ...read };
    } finally {
      s.end = end;
    }
  }

  #most(channel: ChannelModel): number {
    return this.#s.compat ? compatMaxBytes(this.#reader.model, channel) : payloadMaxBytes(channel);
  }

  #checkSlice(
    channel: ChannelModel,
    { index, count }: { index: number; count: number },
    bytes: number,
    most: number,
  ): void {
    const s = this.#s;
    const { sliceBytes } = this.#reader.model.limits;
    if (!channel.fragment) s.fail(`a slice, but ${channel.name} does not fragment`);
    if (count < 2 || index >= count) s.fail(`slice ${index} of ${count}`);
    if ((count - 1) * sliceBytes >= most) {
      s.fail(`${count} slices of ${sliceBytes} bytes, the message has at most ${most}`);
    }
    const last = index === count - 1;
    if (last ? bytes < 1 || bytes > sliceBytes : bytes !== sliceBytes) {
      s.fail(
        `a slice of ${inBytes(bytes)}, ${last ? "1 to" : "all but the last have"} ${sliceBytes}`,
      );
    }
    if (index * sliceBytes + bytes > most) {
      s.fail(`reaches byte ${index * sliceBytes + bytes} of at most ${most}`);
    }
  }
}

/** One bit for each number below the largest; that one is received by being named. */
function readAckBits(s: ByteCursor, name: string, bytes: number): number[] {
  const at = s.take(bytes, name);
  const bits = Array.from(s.bytes.subarray(at, at + bytes), (b) => b.toString(2).padStart(8, "0"));
  const runs = `1${bits.join("")}`.replace(/0+$/, "").match(/1+|0+/g)!;
  const value = BigInt(`0b${bits.join("")}`);
  s.leaf(name, at, { value: bytes === 8 ? value : Number(value) });
  return runs.map((run) => run.length);
}

/** The tail of an ack block: runs and gaps, alternating, from the largest downwards. */
function readAckRuns(s: ByteCursor): number[] {
  const start = s.at;
  const first = s.bytes[s.take(1, "count")]!;
  if (first < 0x80) {
    s.leaf("run", start, { value: first + 1 });
    return [first + 1];
  }
  const pairs = first - 0x80;
  s.leaf("pairs", start, { value: pairs });
  if (pairs > MAX_ACK_PAIRS) s.fail(`${pairs} pairs, at most ${MAX_ACK_PAIRS}`, "pairs", start);
  const runs: number[] = [];
  const one = (name: string) => {
    const at = s.at;
    const value = s.varint(name) + 1;
    s.leaf(name, at, { value });
    runs.push(value);
  };
  one("run");
  if (pairs === 0 && runs[0]! <= 128) s.fail("a short run in the long form", "run", start);
  for (let i = 0; i < pairs; i++) {
    one("gap");
    one("run");
  }
  return runs;
}
