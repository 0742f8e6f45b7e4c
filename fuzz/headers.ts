/**
 * Fuzzing a generated header reader: datagrams with headers, acks and frames as a session builds them, changed, go to
 * `readClear`, `readSealed` and `readFrame`. Each ends in a violation, or is what the writer makes of what was read: same
 * bytes, same sizes, payloads inside the datagram. Nothing may throw. A third of the cases are of two versions that differ.
 */
import type { HeaderCodec, Protocol } from "stardust-udp/protocol";
import {
  DatagramHeader,
  FrameHeader,
  Reader,
  Violation,
  violationNames,
  Writer,
} from "stardust-udp/wire";
import { MAX_ACK_RANGES, MESSAGE_OVERHEAD_BYTES } from "#src/limits.js";
import type { SeededRandom } from "#src/testing/random.js";
import type { Input } from "./input.ts";
import { fault, sameBytes, type Target, type Verdict } from "./target.ts";

const BEFORE = 5;
const BEHIND = 32;
const MAX_FRAMES = 6;
const MAX_PAIRS: number = MAX_ACK_RANGES - 1;

/** What a datagram begins with, in most layouts. */
const shortest: Uint8Array = new Uint8Array([0, 0, 1, 0x40, 0, 0, 0, 0, 0, 0]);

export class HeaderTarget implements Target {
  readonly spec: string;
  readonly name = "header";
  readonly weight = 20;
  readonly #protocol: Protocol;
  readonly #codec: HeaderCodec;
  readonly #header: DatagramHeader;
  readonly #frame: FrameHeader = new FrameHeader();
  readonly #copies: FrameHeader[] = [];
  #memory: Uint8Array = new Uint8Array(8192);
  #view: DataView = new DataView(this.#memory.buffer);
  readonly #reader: Reader = new Reader();
  #writer: Writer = new Writer(new Uint8Array(8192));
  #other: Uint8Array = shortest;
  /** Of the case: sizes are those of another version, and lengths stand in every frame. */
  #compat = false;

  constructor(spec: string, protocol: Protocol, codec: HeaderCodec) {
    this.spec = spec;
    this.#protocol = protocol;
    this.#codec = codec;
    this.#header = new DatagramHeader(codec.userFields.length);
  }

  make(random: SeededRandom, input: Input): void {
    this.#compat = random.once(3);
    if (random.once(30)) {
      input.randomise(random, random.below(40));
      return;
    }
    if (random.once(8)) {
      // The other half of a splice.
      this.#build(random, input);
      this.#other = input.copy();
    } else this.#other = shortest;
    this.#build(random, input);
    // A built one may break a rule already, and a second fault would hide it.
    if (random.once(3)) return;
    do input.mutate(random, this.#other);
    while (random.once(3));
  }

  /** A datagram as a session might send it; now and then with slices that no session would cut. */
  #build(random: SeededRandom, input: Input): void {
    const codec = this.#codec;
    const h = this.#header;
    const w = input.writer;
    const count = random.once(4) ? 0 : 1 + random.below(MAX_FRAMES);
    h.frames = count > 0;
    h.ack = random.once(2);
    h.ackNow = random.once(4) || !(h.frames || h.ack);
    h.wide = codec.widePacketNumberBits > codec.packetNumberBits && random.once(3);
    h.keyPhase = false;
    h.sessionTag = random.u32();
    h.limit = h.ack && random.once(2);
    h.packetNumber = number(random, h.wide ? codec.widePacketNumberBits : codec.packetNumberBits);
    h.receiveLimit = number(random, 1 + random.below(53));
    if (codec.hasClock === true) h.clock = number(random, 1 + random.below(53));
    h.acks.largest = number(random, codec.ackBits);
    h.acks.delay = random.below(256);
    h.acks.pairs = random.once(2) ? 0 : random.below(random.once(6) ? MAX_PAIRS + 1 : 4);
    h.acks.firstRun = 1 + number(random, 1 + random.below(20));
    for (let i = 0; i < h.acks.pairs; i++) {
      h.acks.gaps[i] = 1 + number(random, 1 + random.below(14));
      h.acks.runs[i] = 1 + number(random, 1 + random.below(14));
    }
    codec.userFields.forEach((field, i) => {
      const part = random.u32() / 2 ** 32;
      const value = random.once(4) ? field.min : field.min + part * (field.max - field.min);
      h.user[i] = field.fraction ? value : Math.floor(value);
    });
    w.at = 0;
    let previous: FrameHeader | undefined;
    const frames: FrameHeader[] = [];
    for (let i = 0; i < count; i++) {
      frames.push(this.#randomFrame(random, previous, i < count - 1));
      previous = frames[i];
    }
    codec.writeClear(h, frames[0], w);
    codec.writeSealed(h, w);
    frames.forEach((frame, i) => {
      codec.writeFrame(frame, i > 0 && random.once(10) ? untrue(frames[i - 1]!) : frames[i - 1], w);
      for (let j = 0; j < frame.payloadBytes; j++) input.bytes[w.at++] = j;
    });
    input.length = w.at;
  }

  #randomFrame(
    random: SeededRandom,
    previous: FrameHeader | undefined,
    more: boolean,
  ): FrameHeader {
    const { channels, limits } = this.#protocol;
    const frame = new FrameHeader();
    frame.compat = this.#compat;
    const same = previous !== undefined && random.once(2);
    const channel = same ? channels[previous.channel]! : random.pick(channels);
    frame.channel = channel.index;
    frame.more = more;
    frame.number = number(random, this.#codec.messageNumberBits);
    if (same && random.once(2)) frame.number = previous.number + 1;
    const slices = Math.ceil(channel.maxBytes / limits.sliceBytes);
    frame.slice = random.once(channel.fragment && slices > 1 ? 3 : 12);
    if (frame.slice) {
      frame.sliceCount = random.once(3) ? Math.max(slices, 2) : 2 + random.below(slices + 1);
      frame.sliceIndex = random.once(2) ? frame.sliceCount - 1 : random.below(frame.sliceCount);
      const last = frame.sliceIndex === frame.sliceCount - 1;
      if (random.once(12)) frame.sliceIndex = frame.sliceCount;
      const short = last && !random.once(4);
      frame.payloadBytes = short ? 1 + random.below(40) : limits.sliceBytes;
      if (random.once(12)) frame.payloadBytes = limits.sliceBytes + 1;
      if (random.once(24)) frame.payloadBytes = 0;
    } else {
      const { fixedBytes } = channel;
      const most = Math.min(channel.maxBytes, random.once(8) ? 4000 : 20);
      const fixed = fixedBytes >= 0 && !frame.compat;
      frame.payloadBytes = fixed ? fixedBytes : random.below(most + 1);
      if (random.once(20)) frame.payloadBytes = Math.min(channel.maxBytes + 1, 5000);
    }
    return frame;
  }

  check(_random: SeededRandom, input: Input): Verdict {
    const { length } = input;
    const r = this.#place(input);
    const { end } = r;
    const h = this.#header;
    const frame = this.#frame;
    frame.compat = this.#compat;
    let frames = 0;
    try {
      let violation = this.#codec.readClear(h, frame, r);
      if (violation === Violation.none) violation = this.#codec.readSealed(h, r);
      if (r.at > end) return fault(`read goes on to byte ${r.at - BEFORE} of ${length}`);
      if (violation !== Violation.none) return judge(violation);
      if (!(h.ack || h.ackNow || h.frames)) return fault("accepts a datagram that says nothing");
      if (h.limit && !h.ack) return fault("accepts a limit without an ack");
      if (!h.frames && (frame.slice || frame.more)) return fault("accepts flags of no frame");
      for (let more = h.frames; more; more = frame.more) {
        const start = r.at;
        violation = this.#codec.readFrame(frame, frames === 0, r);
        if (r.at > end) return fault(`readFrame goes on to byte ${r.at - BEFORE} of ${length}`);
        if (violation !== Violation.none) return judge(violation);
        if (frames > 0 && r.at === start) return fault("readFrame makes no progress");
        if (frame.payloadBytes < 0 || frame.payloadStart + frame.payloadBytes !== r.at) {
          return fault(`payload at ${frame.payloadStart - BEFORE}, ${frame.payloadBytes} bytes`);
        }
        if (this.#protocol.channels[frame.channel] === undefined) {
          return fault(`reads a frame of channel ${frame.channel}`);
        }
        const broken = this.#brokenRule(frame);
        if (broken !== undefined) return fault(`accepts ${broken}`);
        this.#keep(frame, frames++);
      }
      if (r.at !== end) return fault(`ends at byte ${r.at - BEFORE} of ${length}`);
      return this.#rewrite(input, frames);
    } catch (error) {
      return fault(`throws ${String(error)}`);
    }
  }

  /** The rules for one frame, from the channel's definition and not from the tables of the generated header. */
  #brokenRule({ channel: index, slice, ...frame }: FrameHeader): string | undefined {
    const { sliceBytes, creditBytes, receiveBudgetBytes } = this.#protocol.limits;
    const channel = this.#protocol.channels[index]!;
    const { numbered, fragment } = channel;
    // Another version's messages have sizes of their own, within what the budgets bear.
    const bearable = Math.min(creditBytes, receiveBudgetBytes) - MESSAGE_OVERHEAD_BYTES;
    const maxBytes = frame.compat ? bearable : channel.maxBytes;
    const { sliceIndex, sliceCount, payloadBytes } = frame;
    if (!slice) {
      if (payloadBytes > maxBytes) return `${payloadBytes} bytes of at most ${maxBytes}`;
      const { fixedBytes } = channel;
      if (frame.compat || fixedBytes < 0 || payloadBytes === fixedBytes) return undefined;
      return `${payloadBytes} bytes of always ${fixedBytes}`;
    }
    if (!(fragment && numbered)) return "a slice where nothing is sliced";
    if (sliceCount < 2 || sliceIndex >= sliceCount) return `slice ${sliceIndex} of ${sliceCount}`;
    if ((sliceCount - 1) * sliceBytes >= maxBytes)
      return `${sliceCount} slices for ${maxBytes} bytes`;
    const before = sliceIndex * sliceBytes;
    if (payloadBytes < 1 || payloadBytes > sliceBytes || before + payloadBytes > maxBytes) {
      return `a slice of ${payloadBytes} bytes`;
    }
    return sliceIndex < sliceCount - 1 && payloadBytes !== sliceBytes ? "a short slice" : undefined;
  }

  #place(input: Input): Reader {
    const total = BEFORE + input.length + BEHIND;
    if (this.#memory.byteLength < total) {
      this.#memory = new Uint8Array(total * 2);
      this.#view = new DataView(this.#memory.buffer);
    }
    this.#memory.set(input.bytes.subarray(0, input.length), BEFORE);
    this.#memory.fill(1, BEFORE + input.length, total);
    return this.#reader.reset(this.#memory, this.#view, BEFORE, BEFORE + input.length);
  }

  #keep(frame: FrameHeader, index: number): void {
    let copy = this.#copies[index];
    if (copy === undefined) {
      copy = new FrameHeader();
      this.#copies.push(copy);
    }
    copy.channel = frame.channel;
    copy.slice = frame.slice;
    copy.more = frame.more;
    copy.compat = frame.compat;
    copy.number = frame.number;
    copy.sliceIndex = frame.sliceIndex;
    copy.sliceCount = frame.sliceCount;
    copy.payloadStart = frame.payloadStart;
    copy.payloadBytes = frame.payloadBytes;
  }

  #rewrite(input: Input, frames: number): Verdict {
    const codec = this.#codec;
    const h = this.#header;
    const { length } = input;
    if (this.#writer.bytes.byteLength < length + 64) {
      this.#writer = new Writer(new Uint8Array(length * 2));
    }
    const w = this.#writer;
    w.at = 0;
    // Without frames, who asks for an ack may name a channel, whose limit it wants.
    if (frames === 0) this.#keep(this.#frame, 0);
    const isNamed = frames > 0 || this.#frame.channel >= 0;
    codec.writeClear(h, isNamed ? this.#copies[0] : undefined, w);
    codec.writeSealed(h, w);
    if (codec.size(h) !== w.at) return fault(`size says ${codec.size(h)}, write writes ${w.at}`);
    for (let i = 0; i < frames; i++) {
      const frame = this.#copies[i]!;
      const previous = i === 0 ? undefined : this.#copies[i - 1];
      const at = w.at;
      codec.writeFrame(frame, previous, w);
      if (codec.frameSize(frame, previous) !== w.at - at) {
        return fault(`frameSize says ${codec.frameSize(frame, previous)} of frame ${i}`);
      }
      const start = frame.payloadStart - BEFORE;
      if (w.at + frame.payloadBytes > length) return fault("accepts less than the writer writes");
      w.raw(input.bytes.subarray(start, start + frame.payloadBytes));
    }
    // What may stand behind a ping is zeros, and no header says how many.
    if (frames === 0 && h.ackNow && w.at < length) w.raw(new Uint8Array(length - w.at));
    if (w.at !== length) return fault(`accepts ${length} bytes for a datagram of ${w.at}`);
    if (!sameBytes(w.bytes, 0, input.bytes, length))
      return fault("accepts another way to write it");
    return "accepted";
  }
}

/** A previous frame that was not the real one: what is written behind it is not in its shortest form. */
function untrue(previous: FrameHeader): FrameHeader {
  const other = new FrameHeader();
  other.channel = previous.channel;
  other.number = previous.number + 2;
  if (previous.number % 2 === 0) other.channel = -1;
  return other;
}

function judge(violation: Violation): Verdict {
  if (violationNames[violation] === undefined) return fault(`violation ${violation} has no name`);
  return "refused";
}

/** A number of at most so many bits; often small, sometimes the largest. */
function number(random: SeededRandom, bits: number): number {
  const limit = 2 ** bits;
  if (random.once(8)) return limit - 1;
  if (random.once(4)) return random.below(Math.min(limit, 4));
  return bits <= 32
    ? random.u32() % limit
    : (random.u32() * 2 ** 21 + random.below(2 ** 21)) % limit;
}
