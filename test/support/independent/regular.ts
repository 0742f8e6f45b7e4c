/**
 * The regular protocol by docs/wire.md: interprets the `header:` lists of the spec field by field, then decodes each
 * frame's payload. Keeps the slices it has seen, so one instance reads one capture, in order. Imports nothing of src/
 * or generated/.
 *
 * Not covered, and refused: sealed sessions. Not checked, because one datagram cannot show it: whether an
 * acknowledged number was ever sent, and whether a wide packet number was due.
 */
import { inflateRawSync } from "node:zlib";
import { parse as parseYaml } from "yaml";
import { Bits, Cursor, fail } from "./bytes.ts";
import { isMap, Messages, type Yaml } from "./messages.ts";
import type { Side } from "./zero.ts";

export interface FrameCapture {
  readonly channel: string;
  /** As on the wire: u16. */
  readonly number: number | undefined;
  readonly slice: { readonly index: number; readonly count: number } | undefined;
  readonly payload: Uint8Array;
  /** The decoded message; for a slice only where it was the last one missing. */
  readonly message: unknown;
}

export interface RegularCapture {
  readonly kind: "regular";
  /** Where the layout has one. */
  readonly tag: number | undefined;
  readonly packetNumber: number;
  readonly wide: boolean;
  readonly ackNow: boolean;
  /** Ranges downwards, as [first, last] with first <= last; relative to the truncated `largest`. */
  readonly ack: { largest: number; delay: number; ranges: [number, number][] } | undefined;
  readonly receiveLimit: number | undefined;
  readonly clock: number | undefined;
  /** Fields of the user's own. */
  readonly user: Readonly<Record<string, number>>;
  readonly frames: readonly FrameCapture[];
}

interface Field {
  readonly name: string;
  readonly type?: string;
  readonly bits?: number;
  readonly role?: string;
  readonly when?: readonly string[];
}

interface Channel {
  readonly name: string;
  readonly type: ReturnType<Messages["resolveMessage"]>;
  readonly direction: string;
  readonly numbered: boolean;
  readonly fragment: boolean;
  readonly compress: boolean;
  readonly maxBytes: number;
  /** Or -1. */
  readonly fixedBytes: number;
}

/** The default layout of docs/wire.md, for a spec without a header. */
const DEFAULT_HEADER = `
clear:
  - { name: channel, type: u24, role: channel }
  - { name: ack, bits: 1, role: ack }
  - { name: ackNow, bits: 1, role: ack-now }
  - { name: frames, bits: 1, role: frames }
  - { name: slice, bits: 1, role: slice }
  - { name: more, bits: 1, role: more }
  - { name: wide, bits: 1, role: wide }
  - { name: keyPhase, bits: 1, role: key-phase }
  - { name: limit, bits: 1, role: limit }
  - { name: sessionTag, type: u32, role: session-tag }
  - { name: packetNumberHigh, type: u16, role: packet-number-high, when: [wide] }
  - { name: packetNumber, type: u16, role: packet-number }
sealed:
  - { name: ackLargest, type: u16, role: ack-largest, when: [ack] }
  - { name: ackDelay, type: u8, role: ack-delay, when: [ack] }
  - { name: ackRanges, type: ack-ranges, role: ack-ranges, when: [ack] }
  - { name: receiveLimit, type: varint, role: receive-limit, when: [limit] }
frame:
  - { name: same, bits: 1, role: same-channel }
  - { name: slice, bits: 1, role: slice }
  - { name: more, bits: 1, role: more }
  - { name: consecutive, bits: 1, role: consecutive }
  - { name: reserved, bits: 4, role: reserved }
  - { name: channel, type: u24, role: channel }
  - { name: number, type: u16, role: message-number, when: [numbered] }
  - { name: sliceIndex, type: varint, role: slice-index, when: [slice] }
  - { name: sliceCount, type: varint, role: slice-count, when: [slice] }
  - { name: length, type: varint, role: length, when: [unsized, more] }
`;

const RELIABLE = new Set(["reliable", "reliable-ordered", "reliable-sequenced"]);
/** How far apart two messages with open slices can be: the window of message numbers. */
const MESSAGE_WINDOW = 2 ** 14;

interface Assembly {
  readonly count: number;
  readonly slices: Map<number, Uint8Array>;
}

/** What the fields of one header come to: by role for the runtime's, by name for conditions and the user's. */
class Values {
  readonly roles = new Map<string, number>();
  readonly names = new Map<string, number>();
  readonly user: Record<string, number> = {};
  ranges: [number, number][] = [];

  has(role: string): boolean {
    return (this.roles.get(role) ?? 0) !== 0;
  }

  set(field: Field, value: number): void {
    this.names.set(field.name, value);
    if (field.role !== undefined) this.roles.set(field.role, value);
    else this.user[field.name] = value;
  }
}

export class RegularParser {
  readonly sliceBytes: number;
  readonly #clear: readonly Field[];
  readonly #sealed: readonly Field[];
  readonly #frame: readonly Field[];
  readonly #messages: Messages;
  readonly #channels = new Map<number, Channel>();
  readonly #maxDatagramBytes: number;
  readonly #compat: boolean;
  readonly #receiveBudgetBytes: number;
  /** How many message numbers there are before they come round. */
  readonly #numbers: number;
  readonly #assemblies = new Map<string, Assembly>();

  constructor(spec: Yaml, maxDatagramBytes: number, compat: boolean) {
    const header = (spec["header"] ?? parseYaml(DEFAULT_HEADER)) as Record<string, Field[]>;
    this.#clear = header["clear"] ?? [];
    this.#sealed = header["sealed"] ?? [];
    this.#frame = header["frame"] ?? [];
    this.#maxDatagramBytes = maxDatagramBytes;
    this.#compat = compat;
    const number = this.#frame.find((field) => field.role === "message-number");
    this.#numbers = number === undefined ? 2 ** 16 : 2 ** typeBits(number);
    const limits = (spec["limits"] ?? {}) as Record<string, number>;
    this.#receiveBudgetBytes = limits["receiveBudgetBytes"] ?? 2 ** 20;
    this.#messages = new Messages((spec["types"] ?? {}) as Yaml, limits, { compat });
    this.sliceBytes = maxDatagramBytes - this.#longestHeader() - 32 - 16;
    for (const [name, value] of Object.entries((spec["channels"] ?? {}) as Yaml)) {
      if (isMap(value)) this.#channels.set(value["id"] as number, this.#channel(name, value));
    }
  }

  parse(bytes: Uint8Array, from: Side): RegularCapture {
    if (bytes.length > this.#maxDatagramBytes) fail(`a datagram of ${bytes.length} bytes`);
    const at = new Cursor(bytes);
    const values = new Values();
    this.#read(this.#clear, at, values, undefined, true);
    const has = (role: string): boolean => values.has(role);
    if ((has("slice") || has("more")) && !has("frames")) fail("flags F and M need D");
    if (has("limit") && !has("ack")) fail("flag L needs A");
    if (!has("ack") && !has("ack-now") && !has("frames")) fail("none of the flags A, Q and D");
    if (has("key-phase")) fail("flag K in a plain session");
    this.#read(this.#sealed, at, values, undefined, true);

    const frames: FrameCapture[] = [];
    if (has("frames")) this.#frames(at, values, from, frames);
    else if (values.roles.get("channel") !== 1) {
      if (!has("ack-now")) fail("neither frames nor a question, but a channel that is not 1");
      this.#known(values.roles.get("channel")!);
    }
    const padding = has("ack-now") && !has("frames") ? at.left : 0;
    for (let i = 0; i < padding; i++)
      if (at.unsigned(1, "padding") !== 0n) fail("padding that is not zero");
    if (at.left > 0) fail(`${at.left} bytes left over behind the datagram`);
    const low = this.#clear.find((field) => field.role === "packet-number");
    const high = values.roles.get("packet-number-high") ?? 0;
    return {
      kind: "regular",
      tag: values.roles.get("session-tag"),
      packetNumber: high * 2 ** typeBits(low!) + values.roles.get("packet-number")!,
      wide: has("wide"),
      ackNow: has("ack-now"),
      ack: has("ack")
        ? {
            largest: values.roles.get("ack-largest")!,
            delay: values.roles.get("ack-delay")!,
            ranges: values.ranges.map(([low, high]): [number, number] => {
              const largest = values.roles.get("ack-largest")!;
              return [largest - low, largest - high];
            }),
          }
        : undefined,
      receiveLimit: has("limit") ? values.roles.get("receive-limit") : undefined,
      clock: has("limit") ? values.roles.get("clock") : undefined,
      user: values.user,
      frames,
    };
  }

  #frames(at: Cursor, datagram: Values, from: Side, frames: FrameCapture[]): void {
    let before: { wireId: number; number: number | undefined } | undefined;
    for (let more = true; more; ) {
      const values = new Values();
      for (const [name, value] of datagram.names) values.names.set(name, value);
      if (before === undefined) {
        // No next byte: its bits are those of the flags, and its channel stands in front.
        for (const field of this.#frame) {
          if (field.bits !== undefined) values.set(field, datagram.roles.get(shared(field)) ?? 0);
        }
        values.roles.set("channel", datagram.roles.get("channel")!);
      }
      this.#read(this.#frame, at, values, before, before === undefined);
      const wireId = values.roles.get("channel")!;
      const channel = this.#known(wireId);
      const number = values.roles.get("message-number");
      if (before !== undefined) checkNext(values, before, wireId, channel, this.#numbers);
      if (channel.direction !== "both" && !channel.direction.startsWith(`${from}-to-`)) {
        fail(`${channel.name}: sent by the ${from}`);
      }
      if (number !== undefined) this.#forget(channel, from, number);
      more = values.has("more");
      const slice = values.has("slice")
        ? { index: values.roles.get("slice-index")!, count: values.roles.get("slice-count")! }
        : undefined;
      const payload = this.#payload(at, channel, values, slice !== undefined, more);
      const message =
        slice === undefined
          ? this.#decode(channel, payload)
          : this.#slice(channel, from, number!, slice, payload);
      frames.push({ channel: channel.name, number, slice, payload, message });
      before = { wireId, number };
    }
  }

  #payload(
    at: Cursor,
    channel: Channel,
    values: Values,
    slice: boolean,
    more: boolean,
  ): Uint8Array {
    let bytes = values.roles.get("length");
    if (bytes === undefined) {
      const fixed = !slice && channel.fixedBytes >= 0 && !this.#compat;
      bytes = fixed ? channel.fixedBytes : at.left;
      if (!fixed && more) fail(`${channel.name}: no length, but another frame follows`);
    }
    if (!slice && bytes > channel.maxBytes) fail(`${channel.name}: ${bytes} bytes`);
    return at.take(bytes, `payload of ${channel.name}`);
  }

  #slice(
    channel: Channel,
    from: Side,
    number: number,
    { index, count }: { index: number; count: number },
    payload: Uint8Array,
  ): unknown {
    const what = `${channel.name} ${number}, slice ${index} of ${count}`;
    if (!channel.fragment) fail(`${what}: the channel does not fragment`);
    if (count < 2 || index >= count) fail(`${what}: index and count`);
    if ((count - 1) * this.sliceBytes >= channel.maxBytes) fail(`${what}: larger than maxBytes`);
    const last = index === count - 1;
    if (
      last
        ? payload.length < 1 || payload.length > this.sliceBytes
        : payload.length !== this.sliceBytes
    ) {
      fail(`${what}: ${payload.length} bytes, slices have ${this.sliceBytes}`);
    }
    const key = `${from}/${channel.name}/`;
    const assembly = this.#assemblies.get(key + number) ?? { count, slices: new Map() };
    this.#assemblies.set(key + number, assembly);
    if (assembly.count !== count) fail(`${what}: another slice said ${assembly.count}`);
    const seen = assembly.slices.get(index);
    if (seen !== undefined) {
      if (Buffer.compare(seen, payload) !== 0) fail(`${what}: sent again with other bytes`);
      return undefined;
    }
    assembly.slices.set(index, payload);
    if (assembly.slices.size < count) return undefined;
    const whole = Buffer.concat([...Array(count).keys()].map((i) => assembly.slices.get(i)!));
    if (whole.length > channel.maxBytes) fail(`${channel.name}: ${whole.length} bytes`);
    return this.#decode(channel, new Uint8Array(whole));
  }

  /** Numbers come round again: drops what has left the window around `number`. */
  #forget(channel: Channel, from: Side, number: number): void {
    const key = `${from}/${channel.name}/`;
    for (const other of this.#assemblies.keys()) {
      if (!other.startsWith(key)) continue;
      const behind = (number - Number(other.slice(key.length)) + this.#numbers) % this.#numbers;
      if (behind > MESSAGE_WINDOW && behind < this.#numbers - MESSAGE_WINDOW) {
        this.#assemblies.delete(other);
      }
    }
  }

  #decode(channel: Channel, given: Uint8Array): unknown {
    const payload = channel.compress ? inflated(given, channel.maxBytes - 1) : given;
    return this.#messages.decode(channel.type, new Cursor(payload), channel.name);
  }

  #known(wireId: number): Channel {
    if (wireId === 0) fail("channel id zero behind the first frame");
    return this.#channels.get(wireId - 1) ?? fail(`channel ${wireId - 1} is not in the spec`);
  }

  /** Reads the fields that are there, in order. `before` is given for frames behind the first. */
  #read(
    fields: readonly Field[],
    at: Cursor,
    values: Values,
    before: { wireId: number; number: number | undefined } | undefined,
    first: boolean,
  ): void {
    const isFrame = fields === this.#frame;
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i]!;
      if (field.bits !== undefined) {
        let run = 1;
        while (fields[i + run]?.bits !== undefined && sameWhen(field, fields[i + run]!)) run++;
        const group = fields.slice(i, i + run);
        i += run - 1;
        if ((isFrame && first) || !this.#holds(field, values)) continue;
        const width = group.reduce((sum, { bits }) => sum + bits!, 0);
        const bits = new Bits(at.take(Math.ceil(width / 8), field.name));
        for (const one of group) {
          const value = bits.take(one.bits!);
          if (one.role === "reserved" && value !== 0) fail(`${one.name}: reserved bits are set`);
          values.set(one, value);
        }
        bits.finish(field.name);
        continue;
      }
      if (isFrame && field.role === "channel") {
        if (first) continue;
        if (values.has("same-channel")) {
          values.set(field, before!.wireId);
          continue;
        }
      }
      if (!this.#holds(field, values)) continue;
      if (isFrame && field.role === "message-number" && values.has("consecutive")) {
        const previous = before?.number ?? fail("consecutive to a frame without a number");
        values.set(field, (previous + 1) % this.#numbers);
        continue;
      }
      if (field.type === "ack-ranges") {
        values.ranges = readRanges(at);
        continue;
      }
      if (field.role === "ack-bits") {
        values.ranges = readAckField(at, typeBits(field));
        continue;
      }
      values.set(field, readField(at, field));
    }
  }

  #holds(field: Field, values: Values): boolean {
    return (field.when ?? []).every((condition) => {
      if (condition === "numbered") return this.#known(values.roles.get("channel")!).numbered;
      if (condition === "unsized") {
        const { fixedBytes } = this.#known(values.roles.get("channel")!);
        return this.#compat || values.has("slice") || fixedBytes < 0;
      }
      return (values.names.get(condition) ?? fail(`condition ${condition} names no flag`)) !== 0;
    });
  }

  /** The longest header of a datagram that carries one slice; acks and limit have room of their own. */
  #longestHeader(): number {
    const apart = /^(ack-(largest|delay|ranges|bits)|receive-limit|clock)$/;
    let bits = 0;
    let bytes = 0;
    for (const field of [...this.#clear, ...this.#sealed]) {
      if (apart.test(field.role ?? "")) continue;
      bits += field.bits ?? 0;
      if (field.bits === undefined) bytes += field.type === "varint" ? 8 : typeBits(field) / 8;
    }
    for (const field of this.#frame) {
      if (field.role === "message-number") bytes += typeBits(field) / 8;
      if (field.role === "slice-index" || field.role === "slice-count") bytes += 2;
    }
    return bytes + Math.ceil(bits / 8);
  }

  /** What has grown in another version: as much as the receive budget and the slices hold. */
  #grown(fragment: boolean): number {
    const most = fragment ? 16_383 * this.sliceBytes : this.#maxDatagramBytes;
    return Math.min(this.#receiveBudgetBytes - 64, most);
  }

  #channel(name: string, value: Yaml): Channel {
    const delivery = String(value["delivery"]);
    const reliable = RELIABLE.has(delivery);
    const fragment = (value["fragment"] as boolean | undefined) ?? reliable;
    const type = this.#messages.resolveMessage(value["message"], value["extensible"] === true);
    const [least, most] = this.#messages.sizes(type);
    const compress = value["compress"] === true;
    // One byte in front says stored or deflated, and makes any size possible.
    const maxBytes = ((value["maxBytes"] as number | undefined) ?? most) + (compress ? 1 : 0);
    return {
      name,
      type,
      direction: String(value["direction"] ?? "both"),
      numbered: reliable || delivery === "unreliable-ordered" || fragment,
      fragment,
      maxBytes: this.#compat && this.#messages.mayGrow(type) ? this.#grown(fragment) : maxBytes,
      fixedBytes: least === most && !compress ? least : -1,
      compress,
    };
  }
}

/** The message in a payload of a channel with `compress`, of at most `most` bytes. */
function inflated(payload: Uint8Array, most: number): Uint8Array {
  if (payload.length === 0) fail("no byte that says stored or deflated");
  const rest = payload.subarray(1);
  if (payload[0] === 0) return rest;
  if (payload[0] !== 1) fail(`form ${payload[0]}`);
  let out: Uint8Array = rest;
  try {
    out = new Uint8Array(inflateRawSync(rest, { maxOutputLength: Math.max(1, most) }));
    // A stream that goes on behind itself would inflate without its last byte too.
    inflateRawSync(rest.subarray(0, -1), { maxOutputLength: Math.max(1, most) });
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error;
    if (error.code === "Z_BUF_ERROR" && out !== rest) {
      return out.length > rest.length ? out : fail("deflated, and no shorter");
    }
    fail(`deflated: ${error.message}`);
  }
  return fail("bytes behind the stream");
}

/** The role of a frame's bit among the datagram's flags: F and M are shared, the others are the frame's alone. */
function shared(field: Field): string {
  return field.role === "slice" || field.role === "more" ? field.role : "";
}

/** One way to write each thing: what can be left out is. */
function checkNext(
  values: Values,
  before: { wireId: number; number: number | undefined },
  wireId: number,
  channel: Channel,
  numbers: number,
): void {
  const same = values.has("same-channel");
  if (!same && wireId === before.wireId)
    fail(`${channel.name}: written out, though it is the same`);
  if (values.has("consecutive")) {
    if (!same || !channel.numbered) fail(`${channel.name}: consecutive, but not same and numbered`);
  } else if (same && channel.numbered) {
    const number = values.roles.get("message-number")!;
    if (number === (before.number! + 1) % numbers) {
      fail(`${channel.name}: number ${number} written out, though it is consecutive`);
    }
  }
}

function sameWhen(a: Field, b: Field): boolean {
  return (a.when ?? []).join() === (b.when ?? []).join();
}

function typeBits(field: Field): number {
  return Number(/^[uif](\d+)$/.exec(field.type ?? "")?.[1] ?? fail(`${field.name}: no width`));
}

function readField(at: Cursor, field: Field): number {
  if (field.type === "varint") return at.varint(field.name);
  const bytes = typeBits(field) / 8;
  if (field.type!.startsWith("f")) {
    const float = at.float(bytes as 4 | 8, field.name);
    return Number.isFinite(float) ? float : fail(`${field.name}: not finite`);
  }
  const value = field.type!.startsWith("i")
    ? at.signed(bytes, field.name)
    : at.unsigned(bytes, field.name);
  return Number(value);
}

/**
 * 0x00-0x7f: one run; 0x80+n: first run, then n pairs of gap and run, downwards. Both ends of each range, as how far
 * they lie below the largest: the largest may stand behind the ranges.
 */
function readRanges(at: Cursor): [number, number][] {
  const first = at.take(1, "ack ranges")[0]!;
  if (first < 0x80) return [[first, 0]];
  const pairs = first - 0x80;
  if (pairs > 31) fail(`ack ranges: ${pairs} pairs`);
  let low = at.varint("ack run");
  if (pairs === 0 && low + 1 <= 128) fail("ack ranges: a short run written the long way");
  const ranges: [number, number][] = [[low, 0]];
  for (let i = 0; i < pairs; i++) {
    const high = low + 1 + (at.varint("ack gap") + 1);
    low = high + at.varint("ack run");
    ranges.push([low, high]);
  }
  return ranges;
}

/** The same of a bit field: a bit for each number below the largest, which itself is received. */
function readAckField(at: Cursor, width: number): [number, number][] {
  const bits = new Bits(at.take(width / 8, "ack field"));
  const ranges: [number, number][] = [[0, 0]];
  for (let below = 1; below <= width; below++) {
    if (bits.take(1) === 0) continue;
    const last = ranges.at(-1)!;
    if (last[0] === below - 1) last[0] = below;
    else ranges.push([below, below]);
  }
  return ranges;
}
