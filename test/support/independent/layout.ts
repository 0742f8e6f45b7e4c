/**
 * Headers by docs/wire.md alone, in both directions and for any layout: reads the `header` lists field by field and
 * keeps payloads as bytes. Slow, and strict: what is not exactly as the page says throws `CaptureError`. Imports
 * nothing of src/, codegen/ or generated/. Not here: what only a session knows, and the bytes of messages (regular.ts).
 */
import { Bits, Cursor, fail } from "./bytes.ts";

export interface LayoutField {
  readonly name: string;
  readonly type?: string;
  readonly bits?: number;
  readonly role?: string;
  readonly when?: readonly string[];
}

export interface LayoutLists {
  readonly clear: readonly LayoutField[];
  readonly sealed: readonly LayoutField[];
  readonly frame: readonly LayoutField[];
}

export interface LayoutChannel {
  readonly id: number;
  readonly numbered: boolean;
  readonly fragment: boolean;
  readonly maxBytes: number;
  /** For peers of another version. */
  readonly compatMaxBytes: number;
  /** Or -1. */
  readonly fixedBytes: number;
}

/** Runs of received numbers and the gaps between them, from the largest downwards. */
export interface PlainAcks {
  largest: number;
  delay: number;
  /** Runs and gaps by turns, each 1 and up; begins and ends with a run. */
  runs: number[];
}

export interface PlainFrame {
  channel: number;
  /** Missing where the channel has no numbers. */
  number?: number | undefined;
  slice?: { index: number; count: number } | undefined;
  payload: Uint8Array;
}

/** Numbers are full when written, and as much of them as the layout holds when read. */
export interface PlainDatagram {
  /** 0 where the layout has none. */
  tag: number;
  packetNumber: number;
  wide: boolean;
  ackNow: boolean;
  acks?: PlainAcks | undefined;
  limit?: number | undefined;
  /** With a limit, where the layout has it. */
  clock?: number | undefined;
  /** Without frames: id of the channel whose limit is asked for, where that is not 0. */
  asks?: number | undefined;
  /** Zero bytes behind a datagram that asks for an ack and has no frames. */
  padding?: number | undefined;
  /** 0 where a field is not there. */
  user: Record<string, number>;
  frames: PlainFrame[];
}

const TYPE_BYTES: Readonly<Record<string, number>> = {
  ...{ u8: 1, u16: 2, u24: 3, u32: 4, u64: 8 },
  ...{ i8: 1, i16: 2, i32: 4, f32: 4, f64: 8 },
};

function bytesOf(field: LayoutField): number {
  return TYPE_BYTES[field.type ?? ""] ?? fail(`${field.name}: no size`);
}

/** What a list's fields hold while it is read or written: by role, or the name of a field of the user's own. */
type Values = Map<string, number>;

const keyOf = (field: LayoutField): string => field.role ?? `user ${field.name}`;

class ByteWriter {
  readonly bytes: number[] = [];
  #bits = "";

  unsigned(value: number, count: number): void {
    const all = BigInt.asUintN(count * 8, BigInt(value));
    for (let i = count - 1; i >= 0; i--) this.bytes.push(Number((all >> BigInt(8 * i)) & 255n));
  }

  float(value: number, count: number): void {
    const view = new DataView(new ArrayBuffer(count));
    if (count === 4) view.setFloat32(0, value);
    else view.setFloat64(0, value);
    for (let i = 0; i < count; i++) this.bytes.push(view.getUint8(i));
  }

  varint(value: number): void {
    let rest = BigInt(value);
    for (; rest > 127n; rest /= 128n) this.bytes.push(Number(rest % 128n) + 128);
    this.bytes.push(Number(rest));
  }

  bits(value: number, count: number): void {
    this.#bits += value.toString(2).padStart(count, "0");
    for (; this.#bits.length >= 8; this.#bits = this.#bits.slice(8)) {
      this.bytes.push(Number.parseInt(this.#bits.slice(0, 8), 2));
    }
  }
}

export class Layout {
  readonly sliceBytes: number;
  readonly #lists: LayoutLists;
  readonly #channels: ReadonlyMap<number, LayoutChannel>;

  /** `compat`: as peers of different versions write. */
  constructor(
    lists: LayoutLists,
    channels: readonly LayoutChannel[],
    maxDatagramBytes: number,
    compat = false,
  ) {
    this.#lists = lists;
    const grown = (channel: LayoutChannel): LayoutChannel =>
      compat ? { ...channel, fixedBytes: -1, maxBytes: channel.compatMaxBytes } : channel;
    this.#channels = new Map(channels.map((channel) => [channel.id, grown(channel)]));
    this.sliceBytes = maxDatagramBytes - this.#longestHeader() - 32 - 16;
  }

  encode(datagram: PlainDatagram): Uint8Array {
    const { acks, frames } = datagram;
    const out = new ByteWriter();
    const first = frames[0];
    const high = Math.floor(datagram.packetNumber / 2 ** 16);
    const values: Values = new Map([
      ["channel", (first?.channel ?? datagram.asks ?? 0) + 1],
      ["ack", Number(acks !== undefined)],
      ["ack-now", Number(datagram.ackNow)],
      ["frames", Number(first !== undefined)],
      ["slice", Number(first?.slice !== undefined)],
      ["more", Number(frames.length > 1)],
      ["wide", Number(datagram.wide)],
      ["limit", Number(datagram.limit !== undefined)],
      ["key-phase", 0],
      ["reserved", 0],
      ["session-tag", datagram.tag],
      ["packet-number", datagram.packetNumber],
      ["packet-number-high", high],
      ["ack-largest", acks?.largest ?? 0],
      ["ack-delay", acks?.delay ?? 0],
      ["receive-limit", datagram.limit ?? 0],
      ["clock", datagram.clock ?? 0],
    ]);
    for (const [name, value] of Object.entries(datagram.user)) values.set(`user ${name}`, value);
    const once = [...this.#lists.clear, ...this.#lists.sealed];
    for (const field of once) {
      if (this.#holds(field, once, values)) this.#write(out, field, values, acks);
    }
    frames.forEach((frame, i) => {
      this.#writeFrame(out, frame, frames[i - 1], i + 1 < frames.length);
      out.bytes.push(...frame.payload);
    });
    for (let i = 0; i < (datagram.padding ?? 0); i++) out.bytes.push(0);
    return Uint8Array.from(out.bytes);
  }

  decode(bytes: Uint8Array): PlainDatagram {
    const at = new Cursor(bytes);
    const values: Values = new Map();
    const once = [...this.#lists.clear, ...this.#lists.sealed];
    const runs = this.#readList(at, this.#lists.clear, once, values, false);
    const has = (role: string): boolean => (values.get(role) ?? 0) !== 0;
    if ((has("slice") || has("more")) && !has("frames")) fail("F or M without D");
    if (has("limit") && !has("ack")) fail("L without A");
    if (!has("ack") && !has("ack-now") && !has("frames")) fail("none of A, Q, D");
    if (has("key-phase")) fail("K");
    runs.push(...this.#readList(at, this.#lists.sealed, once, values, false));
    const frames: PlainFrame[] = [];
    let padding = 0;
    if (has("frames")) this.#readFrames(at, values, frames);
    else {
      const asks = values.get("channel")! - 1;
      if (asks !== 0 && !has("ack-now")) fail("no frame, no question, and not channel 1");
      if (asks !== 0) this.#channelOf(values);
      if (at.left > 0 && !has("ack-now")) fail("bytes behind the header");
      padding = at.left;
      if (at.take(padding, "padding").some((byte) => byte !== 0)) fail("padding is not zero");
    }
    const user: Record<string, number> = {};
    for (const field of once) {
      if (field.role === undefined) user[field.name] = values.get(keyOf(field)) ?? 0;
    }
    return {
      tag: values.get("session-tag") ?? 0,
      packetNumber: (values.get("packet-number-high") ?? 0) * 65536 + values.get("packet-number")!,
      wide: has("wide"),
      ackNow: has("ack-now"),
      padding: padding === 0 ? undefined : padding,
      asks: has("frames") || values.get("channel") === 1 ? undefined : values.get("channel")! - 1,
      acks: has("ack")
        ? { largest: values.get("ack-largest")!, delay: values.get("ack-delay")!, runs }
        : undefined,
      limit: has("limit") ? values.get("receive-limit") : undefined,
      clock: has("limit") ? values.get("clock") : undefined,
      user,
      frames,
    };
  }

  /** Flags by the name of their field; `scope` are the fields that `when` may name. */
  #holds(field: LayoutField, scope: readonly LayoutField[], values: Values): boolean {
    return (field.when ?? []).every((name) => {
      if (name === "numbered" || name === "unsized") {
        const channel = this.#channels.get(values.get("channel")! - 1)!;
        if (name === "numbered") return channel.numbered;
        return values.get("slice") === 1 || channel.fixedBytes < 0;
      }
      const flag = scope.find((f) => f.name === name) ?? fail(`${name} is no flag`);
      return values.get(keyOf(flag)) === 1;
    });
  }

  #write(out: ByteWriter, field: LayoutField, values: Values, acks: PlainAcks | undefined): void {
    const value = values.get(keyOf(field)) ?? 0;
    if (field.bits !== undefined) out.bits(value, field.bits);
    else if (field.role === "ack-ranges") writeRanges(out, acks!.runs);
    else if (field.role === "ack-bits") {
      for (const bit of fieldOf(acks!.runs, 8 * bytesOf(field))) out.bits(bit, 1);
    } else if (field.type === "varint") out.varint(value);
    else if (field.type!.startsWith("f")) out.float(value, bytesOf(field));
    else out.unsigned(value, bytesOf(field));
  }

  #writeFrame(
    out: ByteWriter,
    frame: PlainFrame,
    before: PlainFrame | undefined,
    isFollowed: boolean,
  ): void {
    const numbers = 2 ** (8 * bytesOf(this.#lists.frame.find((f) => f.role === "message-number")!));
    const same = before?.channel === frame.channel;
    const numbered = this.#channels.get(frame.channel)!.numbered;
    const step = numbered && same ? frame.number! - before.number! : 0;
    const consecutive = ((step % numbers) + numbers) % numbers === 1;
    const values: Values = new Map([
      ["channel", frame.channel + 1],
      ["same-channel", Number(same)],
      ["slice", Number(frame.slice !== undefined)],
      ["more", Number(isFollowed)],
      ["consecutive", Number(consecutive)],
      ["reserved", 0],
      ["message-number", frame.number ?? 0],
      ["slice-index", frame.slice?.index ?? 0],
      ["slice-count", frame.slice?.count ?? 0],
      ["length", frame.payload.length],
    ]);
    for (const field of this.#lists.frame) {
      if (before === undefined && (field.bits !== undefined || field.role === "channel")) continue;
      if (field.role === "channel" && same) continue;
      if (field.role === "message-number" && consecutive) continue;
      if (!this.#holds(field, this.#lists.frame, values)) continue;
      this.#write(out, field, values, undefined);
    }
  }

  /** Reads the fields of a list that are there; returns what an ack field said. */
  #readList(
    at: Cursor,
    list: readonly LayoutField[],
    scope: readonly LayoutField[],
    values: Values,
    skipBits: boolean,
  ): number[] {
    const runs: number[] = [];
    for (let i = 0; i < list.length; i++) {
      const field = list[i]!;
      if (field.bits !== undefined) {
        const group = [field];
        while (list[i + 1]?.bits !== undefined) group.push(list[++i]!);
        if (skipBits) continue;
        const width = group.reduce((sum, { bits }) => sum + bits!, 0);
        const bits = new Bits(at.take(width / 8, field.name));
        for (const one of group) {
          const value = bits.take(one.bits!);
          if (one.role === "reserved" && value !== 0) fail(`${one.name} is reserved`);
          values.set(keyOf(one), value);
        }
        continue;
      }
      if (list === this.#lists.frame && !this.#inFrame(field, values, skipBits)) continue;
      if (!this.#holds(field, scope, values)) continue;
      if (field.role === "ack-ranges") runs.push(...readRanges(at));
      else if (field.role === "ack-bits") runs.push(...readField(at, bytesOf(field)));
      else values.set(keyOf(field), readValue(at, field));
      if (list === this.#lists.frame && field.role === "channel") this.#channelOf(values);
    }
    return runs;
  }

  /** What a role implies beyond `when`. */
  #inFrame(field: LayoutField, values: Values, isFirst: boolean): boolean {
    if (field.role === "channel") return !isFirst && values.get("same-channel") !== 1;
    return field.role !== "message-number" || values.get("consecutive") !== 1;
  }

  #channelOf(values: Values): LayoutChannel {
    const id = values.get("channel")! - 1;
    return this.#channels.get(id) ?? fail(`channel ${id} is not there`);
  }

  #readFrames(at: Cursor, datagram: Values, frames: PlainFrame[]): void {
    const width = bytesOf(this.#lists.frame.find((f) => f.role === "message-number")!);
    let before: PlainFrame | undefined;
    for (let more = true; more; before = frames.at(-1)) {
      const values: Values = new Map([
        ["channel", before === undefined ? datagram.get("channel")! : before.channel + 1],
        ["slice", datagram.get("slice")!],
        ["more", datagram.get("more")!],
      ]);
      if (before === undefined) this.#channelOf(values);
      this.#readList(at, this.#lists.frame, this.#lists.frame, values, before === undefined);
      const channel = this.#channelOf(values);
      const flag = (role: string): boolean => values.get(role) === 1;
      const next = ((before?.number ?? 0) + 1) % 2 ** (8 * width);
      if (before !== undefined && !flag("same-channel") && before.channel === channel.id) {
        fail("the same channel, written out");
      }
      if (flag("consecutive")) {
        if (!flag("same-channel") || !channel.numbered) fail("C on another channel, or unnumbered");
        values.set("message-number", next);
      } else if (flag("same-channel") && values.get("message-number") === next) {
        fail("the next number, written out");
      }
      more = flag("more");
      const slice = flag("slice")
        ? { index: values.get("slice-index")!, count: values.get("slice-count")! }
        : undefined;
      let bytes = at.left;
      if (more) {
        bytes = slice !== undefined || channel.fixedBytes < 0 ? values.get("length")! : -1;
        if (bytes < 0) bytes = channel.fixedBytes;
      }
      const payload = at.take(bytes, "payload");
      this.#checkPayload(channel, slice, bytes);
      const number = channel.numbered ? values.get("message-number") : undefined;
      frames.push({ channel: channel.id, number, slice, payload });
    }
  }

  #checkPayload(channel: LayoutChannel, slice: PlainFrame["slice"], bytes: number): void {
    if (slice === undefined) {
      if (bytes > channel.maxBytes) fail("longer than maxBytes");
      if (channel.fixedBytes >= 0 && bytes !== channel.fixedBytes) fail("not the fixed size");
      return;
    }
    const { index, count } = slice;
    if (!channel.fragment || count < 2 || index >= count) fail("slice, index and count");
    if ((count - 1) * this.sliceBytes >= channel.maxBytes) fail("more slices than maxBytes");
    const last = index === count - 1;
    if (last ? bytes < 1 || bytes > this.sliceBytes : bytes !== this.sliceBytes) fail("slice size");
    if (index * this.sliceBytes + bytes > channel.maxBytes) fail("slices longer than maxBytes");
  }

  /** All that stands once, but the fields of the ack block and the limit; then number, index and count. */
  #longestHeader(): number {
    const apart = ["ack-largest", "ack-delay", "ack-ranges", "ack-bits", "receive-limit", "clock"];
    let bits = 0;
    for (const field of [...this.#lists.clear, ...this.#lists.sealed]) {
      if (apart.includes(field.role ?? "")) continue;
      bits += field.bits ?? 8 * bytesOf(field);
    }
    const number = this.#lists.frame.find((field) => field.role === "message-number")!;
    return bits / 8 + bytesOf(number) + 4;
  }
}

function readValue(at: Cursor, field: LayoutField): number {
  if (field.type === "varint") return at.varint(field.name);
  const bytes = bytesOf(field);
  if (field.type!.startsWith("f")) {
    const value = at.float(bytes as 4 | 8, field.name);
    return Number.isFinite(value) ? value : fail(`${field.name} is not finite`);
  }
  const signed = field.type!.startsWith("i");
  return Number(signed ? at.signed(bytes, field.name) : at.unsigned(bytes, field.name));
}

function writeRanges(out: ByteWriter, runs: readonly number[]): void {
  if (runs.length === 1 && runs[0]! <= 128) {
    out.bytes.push(runs[0]! - 1);
    return;
  }
  out.bytes.push(0x80 + (runs.length - 1) / 2);
  for (const run of runs) out.varint(run - 1);
}

function readRanges(at: Cursor): number[] {
  const first = at.take(1, "ranges")[0]!;
  if (first < 0x80) return [first + 1];
  const pairs = first - 0x80;
  if (pairs > 31) fail("more than 31 pairs");
  const runs = Array.from({ length: 1 + 2 * pairs }, () => at.varint("range") + 1);
  if (pairs === 0 && runs[0]! <= 128) fail("a short run, the long way");
  return runs;
}

/** One bit for each number below the largest. */
function fieldOf(runs: readonly number[], count: number): number[] {
  const bits: number[] = [];
  runs.forEach((length, i) => {
    for (let n = 0; n < length && bits.length <= count; n++) bits.push(i % 2 === 0 ? 1 : 0);
  });
  while (bits.length <= count) bits.push(0);
  return bits.slice(1, count + 1);
}

function readField(at: Cursor, bytes: number): number[] {
  const bits = new Bits(at.take(bytes, "ack field"));
  const runs = [1];
  let received = true;
  for (let i = 0; i < 8 * bytes; i++) {
    if ((bits.take(1) === 1) === received) runs[runs.length - 1]!++;
    else {
      runs.push(1);
      received = !received;
    }
  }
  if (!received) runs.pop();
  return runs;
}
