/** Generated headers: random datagrams there and back, bytes by hand, and every form that may not be. */

import fc from "fast-check";
import type { HeaderCodec } from "stardust-udp/protocol";
import {
  DatagramHeader,
  FrameHeader,
  Reader,
  Violation,
  violationNames,
  Writer,
} from "stardust-udp/wire";
import { beforeAll, describe, expect, test } from "vitest";
import type { Model } from "#codegen/model/model.js";
import { generate } from "./support/generate.ts";
import { arenaHeader, bool, bytes, headerModel, Spec, u16 } from "./support/models.ts";

/** 0 fixed 2 bytes, unreliable; 1 any size, numbered; 2 any size, may fragment; 3 any size, unreliable; 4 empty. */
function model(header: Model["header"]): Model {
  const spec = new Spec();
  spec.struct("FixedMessage", { a: u16 });
  spec.channel("fixed", { id: 0 });
  spec.struct("OrderedMessage", { a: bytes(500) });
  spec.channel("ordered", { id: 7, delivery: "reliable-ordered" });
  spec.struct("BigMessage", { a: bytes(262144) });
  spec.channel("big", { id: 8, delivery: "reliable", fragment: true, maxBytes: 5000 });
  spec.struct("LooseMessage", { a: bytes(900), b: bool });
  spec.channel("loose", { id: 0xff_fffe });
  spec.struct("EmptyMessage", {});
  spec.channel("empty", { id: 10, delivery: "reliable" });
  return spec.model({ header });
}

const numbered = [false, true, true, false, true];
const fixed = [2, -1, -1, -1, 0];
const most = [2, 502, 5000, 903, 0];
const SLICE = 1136;

const plainBits = [
  { name: "ack", bits: 1, role: "ack" },
  { name: "frames", bits: 1, role: "frames" },
  { name: "more", bits: 1, role: "more" },
  { name: "night", bits: 1, userIndex: 1 },
  { name: "zone", bits: 11, userIndex: 2 },
  { name: "reserved", bits: 1, role: "reserved" },
] as const;

const layouts: Record<string, Model["header"]> = {
  standard: headerModel(),
  "32-bit numbers and a tick": headerModel(
    {
      clear: [
        ...arenaHeader.clear
          .filter((f) => f.role !== "packet-number-high" && f.role !== "packet-number")
          .map((f) =>
            f.role === "wide" ? { name: "spare", bits: 1, role: "reserved" as const } : f,
          ),
        { name: "packetNumber", type: "u32", role: "packet-number" },
      ],
      sealed: [
        ...arenaHeader.sealed,
        { name: "clock", type: "varint", role: "clock", when: ["limit"] },
        { name: "tick", type: "u32", userIndex: 0 },
      ],
      frame: arenaHeader.frame.map((f) =>
        f.role === "message-number" ? { ...f, type: "u32" as const } : f,
      ),
    },
    { packetNumberBits: 32, widePacketNumberBits: 32, messageNumberBits: 32 },
  ),
  "without slices, short forms, limits": headerModel({
    clear: [
      { name: "channel", type: "u24", role: "channel" },
      ...plainBits,
      { name: "packetNumber", type: "u16", role: "packet-number" },
    ],
    sealed: [
      ...arenaHeader.sealed.filter((f) => f.role !== "receive-limit"),
      { name: "load", type: "f32", userIndex: 0, when: ["night"] },
      { name: "score", type: "varint", userIndex: 3 },
    ],
    frame: [
      { name: "more", bits: 1, role: "more" },
      { name: "channel", type: "u24", role: "channel" },
      { name: "number", type: "u16", role: "message-number", when: ["numbered"] },
      { name: "length", type: "varint", role: "length", when: ["unsized", "more"] },
    ],
  }),
};

const codecs = new Map<string, HeaderCodec>();

beforeAll(async () => {
  for (const [name, layout] of Object.entries(layouts)) {
    const generated = await generate(`header-${codecs.size}`, model(layout));
    codecs.set(name, (await generated.load("header")).header as HeaderCodec);
  }
});

interface Frame {
  channel: number;
  number: number;
  slice: boolean;
  index: number;
  size: number;
}

const frame: fc.Arbitrary<Frame> = fc
  .record({
    channel: fc.nat(4),
    step: fc.integer({ min: 0, max: 2 }),
    slice: fc.boolean(),
    index: fc.nat(3),
    size: fc.nat(200),
  })
  .map(({ channel, step, slice, index, size }) => ({
    channel,
    number: 65534 + step,
    slice: slice && channel === 2,
    index,
    size: fixed[channel]! >= 0 ? fixed[channel]! : slice && channel === 2 ? 0 : size,
  }));

const datagram = fc.record({
  ack: fc.boolean(),
  ackNow: fc.boolean(),
  wide: fc.boolean(),
  limit: fc.boolean(),
  packetNumber: fc.nat(0xffff_ffff),
  largest: fc.nat(0xffff),
  delay: fc.nat(255),
  run: fc.integer({ min: 1, max: 1000 }),
  receiveLimit: fc.maxSafeNat(),
  clock: fc.maxSafeNat(),
  user: fc.tuple(fc.nat(65535), fc.nat(1), fc.nat(2047), fc.maxSafeNat()),
  frames: fc.array(frame, { maxLength: 5 }),
});

/** Reads a datagram up to the first violation; `each` is told of every frame what its header was found to be. */
function readAll(
  codec: HeaderCodec,
  r: Reader,
  each: (frame: FrameHeader, violation: Violation) => void = () => {},
): Violation {
  const h = new DatagramHeader(codec.userFields.length);
  const f = new FrameHeader();
  let violation = codec.readClear(h, f, r) || codec.readSealed(h, r);
  for (
    let first = true;
    violation === Violation.none && h.frames && (first || f.more);
    first = false
  ) {
    violation = codec.readFrame(f, first, r);
    each(f, violation);
  }
  return violation;
}

describe.each(Object.keys(layouts))("the layout %s", (name) => {
  test("carries any datagram there and back, in the bytes announced", () => {
    const codec = codecs.get(name)!;
    const slim = name.startsWith("without");
    fc.assert(
      fc.property(datagram, (given) => {
        const frames = given.frames.map((f) => (slim ? { ...f, slice: false } : f));
        const h = new DatagramHeader(codec.userFields.length);
        h.frames = frames.length > 0;
        h.ack = given.ack || !h.frames;
        h.ackNow = given.ackNow && !slim;
        h.wide = given.wide && codec.packetNumberBits !== codec.widePacketNumberBits && !slim;
        h.limit = given.limit && h.ack && !slim;
        h.packetNumber = given.packetNumber;
        h.acks.largest = given.largest;
        h.acks.delay = given.delay;
        h.acks.firstRun = given.run;
        h.receiveLimit = given.receiveLimit;
        h.clock = given.clock;
        h.user.forEach((_, i) => {
          h.user[i] = given.user[i]!;
        });
        if (slim && h.user[1] === 0) h.user[0] = 0;
        const sent = frames.map((f, i) => {
          const out = new FrameHeader();
          out.channel = f.channel;
          out.number = f.number;
          out.slice = f.slice;
          out.more = i < frames.length - 1;
          out.sliceIndex = f.index;
          out.sliceCount = 4;
          out.payloadBytes = f.slice ? (f.index < 3 ? SLICE : 1 + (f.size % 1000)) : f.size;
          return out;
        });
        const w = new Writer(new Uint8Array(9000));
        codec.writeClear(h, sent[0], w);
        const clearEnd = w.at;
        codec.writeSealed(h, w);
        expect(w.at).toBe(codec.size(h));
        sent.forEach((f, i) => {
          const before = w.at;
          codec.writeFrame(f, sent[i - 1], w);
          expect(w.at - before).toBe(codec.frameSize(f, sent[i - 1]));
          f.payloadStart = w.at;
          w.at += f.payloadBytes;
        });
        const r = Reader.of(w.bytes.subarray(0, w.at));
        const back = new DatagramHeader(codec.userFields.length);
        const current = new FrameHeader();
        expect(codec.readClear(back, current, r)).toBe(Violation.none);
        expect(r.at).toBe(clearEnd);
        const packetBits = h.wide ? codec.widePacketNumberBits : codec.packetNumberBits;
        expect(back.packetNumber).toBe(h.packetNumber % 2 ** packetBits);
        expect(codec.readSealed(back, r)).toBe(Violation.none);
        for (const flag of ["ack", "ackNow", "frames", "wide", "limit", "keyPhase"] as const) {
          expect(back[flag]).toBe(h[flag]);
        }
        if (h.ack) {
          expect([back.acks.largest, back.acks.delay, back.acks.firstRun]).toEqual([
            h.acks.largest,
            h.acks.delay,
            h.acks.firstRun,
          ]);
        }
        if (h.limit) expect(back.receiveLimit).toBe(h.receiveLimit);
        if (h.limit && codec.hasClock) expect(back.clock).toBe(h.clock);
        expect([...back.user]).toEqual([...h.user]);
        // Wire id 1 is a channel, or none.
        if (sent.length === 0) expect(current.channel).toBeLessThanOrEqual(0);
        sent.forEach((f, i) => {
          expect(codec.readFrame(current, i === 0, r)).toBe(Violation.none);
          expect(current.channel).toBe(f.channel);
          expect([current.slice, current.more]).toEqual([f.slice, f.more]);
          expect([current.payloadStart, current.payloadBytes]).toEqual([
            f.payloadStart,
            f.payloadBytes,
          ]);
          if (numbered[f.channel]) {
            expect(current.number).toBe(f.number % 2 ** codec.messageNumberBits);
          }
          if (f.slice) expect([current.sliceIndex, current.sliceCount]).toEqual([f.sliceIndex, 4]);
        });
        expect(r.at).toBe(r.end);
      }),
      { numRuns: 200 },
    );
  });

  test("never throws on any bytes, and never reaches past the end", () => {
    const codec = codecs.get(name)!;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(10), (raw, kind) => {
        const bytes = Uint8Array.from([0, 0, [1, 8, 9, 11, kind][kind % 5]!, ...raw]);
        const r = Reader.of(bytes);
        const violation = readAll(codec, r, (f, found) => {
          expect(r.at).toBeLessThanOrEqual(r.end);
          if (found !== Violation.none) return;
          expect(f.payloadBytes).toBeLessThanOrEqual(most[f.channel]!);
          expect(f.payloadStart + f.payloadBytes).toBe(r.at);
        });
        if (violation === Violation.none) expect(r.at).toBe(r.end);
      }),
      { numRuns: 500 },
    );
  });
});

/** Reads a whole datagram of the standard layout; the name of the first violation. */
function violationOf(hex: string): string {
  const codec = codecs.get("standard")!;
  const bytes = Uint8Array.from(hex.split(" "), (b) => Number.parseInt(b, 16));
  return violationNames[readAll(codec, Reader.of(bytes))]!;
}

describe("by hand", () => {
  test.each([
    ["a lone unreliable message takes ten bytes", "00 00 01 20 1f 83 d9 ab 00 05 aa bb", "none"],
    ["a reliable one its number too", "00 00 08 20 1f 83 d9 ab 00 05 00 09 01", "none"],
    ["an acknowledgement alone", "00 00 01 80 1f 83 d9 ab 00 05 00 04 ff 00", "none"],
    ["a ping", "00 00 01 40 1f 83 d9 ab 00 05", "none"],
    ["a ping with padding", "00 00 01 40 1f 83 d9 ab 00 05 00 00 00", "none"],
    ["a wide number", "00 00 01 44 1f 83 d9 ab 00 01 00 05", "none"],
    ["a limit", "00 00 01 81 1f 83 d9 ab 00 05 00 04 ff 00 ac 02", "none"],
    ["a second frame on the same channel", "00 00 01 28 1f 83 d9 ab 00 05 aa bb 80 cc dd", "none"],
    ["a consecutive one", "00 00 08 28 1f 83 d9 ab 00 05 00 09 01 aa 90 bb", "none"],
    [
      "two of different channels",
      "00 00 08 28 1f 83 d9 ab 00 05 00 09 01 aa 00 00 00 01 cc dd",
      "none",
    ],
    ["the largest channel id", "ff ff ff 20 1f 83 d9 ab 00 05 aa", "none"],

    ["nothing", "00 00 01", "truncated"],
    ["half a packet number", "00 00 01 40 1f 83 d9 ab 00", "truncated"],
    ["an ack block cut short", "00 00 01 80 1f 83 d9 ab 00 05 00 04", "truncated"],
    ["padding that is not zero", "00 00 01 40 1f 83 d9 ab 00 05 00 01", "reservedBits"],
    ["padding behind an ack", "00 00 01 80 1f 83 d9 ab 00 05 00 04 ff 00 00", "payloadSize"],
    ["channel zero", "00 00 00 20 1f 83 d9 ab 00 05 aa bb", "unknownChannel"],
    ["a channel that is not there", "00 00 02 20 1f 83 d9 ab 00 05 aa bb", "unknownChannel"],
    ["no frames, but a channel", "00 00 08 80 1f 83 d9 ab 00 05 00 04 ff 00", "unknownChannel"],
    [
      "a question about a channel that is not there",
      "00 00 02 40 1f 83 d9 ab 00 05",
      "unknownChannel",
    ],
    [
      "zero behind the first frame",
      "00 00 01 28 1f 83 d9 ab 00 05 aa bb 00 00 00 00 aa",
      "unknownChannel",
    ],
    ["none of A, Q and D", "00 00 01 00 1f 83 d9 ab 00 05", "flags"],
    ["F without D", "00 00 01 50 1f 83 d9 ab 00 05", "flags"],
    ["M without D", "00 00 01 48 1f 83 d9 ab 00 05", "flags"],
    ["L without A", "00 00 01 41 1f 83 d9 ab 00 05 01", "flags"],
    ["a key phase in plain", "00 00 01 42 1f 83 d9 ab 00 05", "reservedBits"],
    [
      "a reserved bit of the next byte",
      "00 00 01 28 1f 83 d9 ab 00 05 aa bb 81 cc dd",
      "reservedBits",
    ],
    ["a fixed size that does not fit", "00 00 01 20 1f 83 d9 ab 00 05 aa", "payloadSize"],
    ["a fixed size with something behind", "00 00 01 20 1f 83 d9 ab 00 05 aa bb cc", "payloadSize"],
    ["more announced, nothing there", "00 00 01 28 1f 83 d9 ab 00 05 aa bb", "truncated"],
    [
      "the same channel said in full",
      "00 00 01 28 1f 83 d9 ab 00 05 aa bb 00 00 00 01 cc dd",
      "nonMinimal",
    ],
    [
      "a next number said in full",
      "00 00 08 28 1f 83 d9 ab 00 05 00 09 01 aa 80 00 0a bb",
      "nonMinimal",
    ],
    [
      "consecutive on a channel without numbers",
      "00 00 01 28 1f 83 d9 ab 00 05 aa bb 90 cc dd",
      "flags",
    ],
    [
      "consecutive on another channel",
      "00 00 08 28 1f 83 d9 ab 00 05 00 09 01 aa 10 00 00 09 cc",
      "flags",
    ],
    [
      "a length in two bytes for one",
      "00 00 08 28 1f 83 d9 ab 00 05 00 09 81 00 aa 90 bb",
      "nonMinimal",
    ],
    ["a length beyond the end", "00 00 08 28 1f 83 d9 ab 00 05 00 09 7f aa 90 bb", "truncated"],
    ["a slice on a channel without", "00 00 08 30 1f 83 d9 ab 00 05 00 09 00 02 aa", "sliceBounds"],
    ["one slice alone", "00 00 09 30 1f 83 d9 ab 00 05 00 09 00 01 aa", "sliceBounds"],
    ["an index that is the count", "00 00 09 30 1f 83 d9 ab 00 05 00 09 02 02 aa", "sliceBounds"],
    [
      "more slices than the message may have",
      "00 00 09 30 1f 83 d9 ab 00 05 00 09 05 06 aa",
      "sliceBounds",
    ],
    [
      "a short slice that is not the last",
      "00 00 09 30 1f 83 d9 ab 00 05 00 09 00 02 aa",
      "payloadSize",
    ],
    ["an empty last slice", "00 00 09 30 1f 83 d9 ab 00 05 00 09 01 02", "payloadSize"],
    ["a last slice", "00 00 09 30 1f 83 d9 ab 00 05 00 09 01 02 aa", "none"],
  ])("%s", (_, hex, expected) => {
    expect(violationOf(hex)).toBe(expected);
  });

  test("a message above its channel's maxBytes is refused", () => {
    const payload = (bytes: number) => `00 00 08 20 1f 83 d9 ab 00 05 00 09${" 00".repeat(bytes)}`;
    expect(violationOf(payload(502))).toBe("none");
    expect(violationOf(payload(503))).toBe("payloadSize");
  });
});
