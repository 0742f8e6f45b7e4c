/** The independent parser itself, on datagrams written by hand from docs/wire.md and docs/connection.md. */
import { describe, expect, test } from "vitest";
import {
  CaptureError,
  IndependentParser,
  type RegularCapture,
  type Side,
} from "./independent-parser.ts";

const arena = new URL("../specs/arena-plain.yaml", import.meta.url);
/** For datagrams that have nothing to do with each other. */
const shared = new IndependentParser(arena);

function hex(...parts: string[]): Uint8Array {
  const text = parts.join("").replaceAll(/\s/g, "");
  return Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

function regular(from: Side, ...parts: string[]): RegularCapture {
  const capture = shared.parse(hex(...parts), from);
  if (capture.kind !== "regular") throw new Error("taken for a zero message");
  return capture;
}

const bad = (from: Side, ...parts: string[]): void => void regular(from, ...parts);

// sequence 7; moveX 255 = 1, moveY 0 = -1, heading 0, fire, not use: 8 + 8 + 8 + 1 + 1 bits, 6 of padding.
const INPUT = "ff 00 00 80  00 00 00 07";
// from 0, "hi"
const CHAT = "00 00 00 00  02 68 69";
// kind 1 (pickup), object absent: 01 0 00000; sequence 1, subject 2, amount -3
const EVENT = "40  00 00 00 01  00 02  ff fd";

describe("a regular datagram by hand", () => {
  test("of one unreliable message takes 10 bytes of header", () => {
    const capture = regular("client", "000001 20 1f83d9ab 0005", INPUT);
    expect(capture).toMatchObject({ packetNumber: 5, wide: false, ackNow: false, ack: undefined });
    expect(capture.frames).toHaveLength(1);
    expect(capture.frames[0]).toMatchObject({ channel: "input", number: undefined });
    expect(capture.frames[0]!.message).toEqual({
      sequence: 7,
      moveX: 1,
      moveY: -1,
      heading: 0,
      fire: true,
      use: false,
    });
  });

  test("carries acks, a limit and a wide number", () => {
    const capture = regular("server", "000001 c5 1f83d9ab 0001 0002", "0009 04 03", "8008");
    expect(capture.packetNumber).toBe(65538);
    expect(capture.ackNow).toBe(true);
    expect(capture.ack).toEqual({ largest: 9, delay: 4, ranges: [[6, 9]] });
    expect(capture.receiveLimit).toBe(1024);
    expect(capture.frames).toEqual([]);
    // 0x82: first run 1, then gap 1 run 2, gap 3 run 1.
    expect(
      regular("server", "000001 80 1f83d9ab 0000 0064 ff 82 00 00 01 02 00").ack!.ranges,
    ).toEqual([
      [100, 100],
      [97, 98],
      [93, 93],
    ]);
    expect(regular("server", "000001 80 1f83d9ab 0000 0064 ff 80 8001").ack!.ranges).toEqual([
      [-28, 100],
    ]);
  });

  test("packs more messages: the same channel in one byte, another in four", () => {
    const { frames } = regular(
      "server",
      ["000003 28 1f83d9ab 0000", "000a 07", CHAT].join(""),
      ["b0 07", CHAT].join(""),
      ["20 000004 0000 09", EVENT].join(""),
      ["80 0005", EVENT].join(""),
    );
    expect(frames.map(({ channel, number }) => [channel, number])).toEqual([
      ["chat", 10],
      ["chat", 11],
      ["event", 0],
      ["event", 5],
    ]);
    expect(frames[1]!.message).toEqual({ from: 0, text: "hi" });
    expect(frames[2]!.message).toEqual({ sequence: 1, kind: "pickup", subject: 2, amount: -3 });
  });

  test("decodes lists of structs with bit blocks of their own and optional members", () => {
    // Entity: kind 2 (2 bits), heading 8, health 100 (7 bits), weapon: present 1, value 2: 20 bits, then id, then at.
    const entity = `${bits("10 00000000 1100100 1 10")} 0003 8000 0000`;
    const capture = regular("server", "000002 20 1f83d9ab 0000", "00000001 00000002 01", entity);
    const { entities } = capture.frames[0]!.message as { entities: Record<string, unknown>[] };
    expect(entities).toHaveLength(1);
    expect(entities[0]).toMatchObject({ id: 3, kind: "potion", health: 100, weapon: "bow" });
    expect(entities[0]!["at"]).toEqual({ x: -512 + (0x8000 / 65535) * 1024, y: -512 });
    const none = `${bits("10 00000000 1100100 0 00")} 0003 8000 0000`;
    const without = regular("server", "000002 20 1f83d9ab 0000", "00000001 00000002 01", none);
    const list = (without.frames[0]!.message as { entities: object[] }).entities;
    expect(list[0]).not.toHaveProperty("weapon");
    const dirty = `${bits("10 00000000 1100100 0 10")} 0003 8000 0000`;
    expect(() => bad("server", "000002 20 1f83d9ab 0000", "00000001 00000002 01", dirty)).toThrow(
      "absent",
    );
  });

  test.each<[string, Side, string]>([
    ["none of the flags", "client", "000001 00 1f83d9ab 0000"],
    ["flags F and M need D", "client", "000001 48 1f83d9ab 0000"],
    ["flag L needs A", "client", "000001 41 1f83d9ab 0000"],
    ["flag K in", "client", "000001 42 1f83d9ab 0000"],
    ["channel that is not 1", "client", "000002 80 1f83d9ab 0000 0000 ff 00"],
    ["channel 254 is not in the spec", "client", "0000ff 40 1f83d9ab 0000"],
    ["padding that is not zero", "client", "000001 40 1f83d9ab 0000 0001"],
    ["left over", "client", "000001 80 1f83d9ab 0000 0000 ff 00 00"],
    ["left over", "client", `000001 20 1f83d9ab 0000 ${INPUT} 00`],
    ["not in the spec", "client", `000009 20 1f83d9ab 0000 ${INPUT}`],
    ["sent by the server", "server", `000001 20 1f83d9ab 0000 ${INPUT}`],
    ["padding bits", "client", "000001 20 1f83d9ab 0000 ff000081 00000007"],
    ["bytes expected", "client", "000001 20 1f83d9ab 0000 ff000080 000000"],
    ["short run", "server", "000001 80 1f83d9ab 0000 0064 ff 80 7f"],
    ["32 pairs", "server", "000001 80 1f83d9ab 0000 0064 ff a0 00"],
    ["shortest form", "server", "000001 81 1f83d9ab 0000 0064 ff 00 8000"],
    ["more than 8 bytes", "server", "000001 81 1f83d9ab 0000 0064 ff 00 ffffffffffffffffff01"],
    ["above 2^53", "server", "000001 81 1f83d9ab 0000 0064 ff 00 ffffffffffffff7f"],
    ["reserved bits", "server", `000003 28 1f83d9ab 0000 000a 07 ${CHAT} 91 ${CHAT}`],
    [
      "though it is consecutive",
      "server",
      `000003 28 1f83d9ab 0000 000a 07 ${CHAT} 80 000b ${CHAT}`,
    ],
    [
      "though it is the same",
      "server",
      `000003 28 1f83d9ab 0000 000a 07 ${CHAT} 00 000003 000c ${CHAT}`,
    ],
    ["not same and numbered", "client", `000001 28 1f83d9ab 0000 ${INPUT} 90 ${INPUT}`],
    ["id zero", "server", `000003 28 1f83d9ab 0000 000a 07 ${CHAT} 00 000000 000c ${CHAT}`],
    ["bytes expected", "server", `000003 28 1f83d9ab 0000 000a 07 ${CHAT}`],
    ["not UTF-8", "server", "000003 20 1f83d9ab 0000 000a 00000000 02 c080"],
    ["chat: 247 bytes", "server", `000003 20 1f83d9ab 0000 000a 00000000 f101 ${"61".repeat(241)}`],
    ["at most 64", "server", `000006 20 1f83d9ab 0000 0000 41 ${"61".repeat(65)} 0000 0000 00`],
    [
      "step 127 of 100",
      "server",
      `000002 20 1f83d9ab 0000 0000000000000000 01 ${bits("00 00000000 1111111 000")} 000300000000`,
    ],
    [
      "no value of the enum",
      "server",
      `000002 20 1f83d9ab 0000 0000000000000000 01 ${bits("11 00000000 0000000 000")} 000300000000`,
    ],
  ])("is refused: %s", (problem, from, text) => {
    expect(() => bad(from, text)).toThrow(CaptureError);
    expect(() => bad(from, text)).toThrow(problem);
  });
});

describe("slices", () => {
  // name "m", 30 x 40, 1200 tiles.
  const map = Uint8Array.from([1, 0x6d, 0, 30, 0, 40, 0xb0, 0x09, ...Array<number>(1200).fill(5)]);
  const slice = (index: number, count: number, payload: Uint8Array): Uint8Array =>
    Uint8Array.from([0, 0, 6, 0x30, 1, 2, 3, 4, 0, index, 0, 0, index, count, ...payload]);

  test("are collected in any order and decoded when the last is there", () => {
    const parser = new IndependentParser(arena);
    const { sliceBytes } = parser;
    // 1200 - (3 + 1 + 4 + 4 + 2 + 4) - 32 - 16
    expect(sliceBytes).toBe(1134);
    const parts = [map.subarray(0, sliceBytes), map.subarray(sliceBytes)];
    const second = parser.parse(slice(1, 2, parts[1]!), "server") as RegularCapture;
    expect(second.frames[0]).toMatchObject({ slice: { index: 1, count: 2 }, message: undefined });
    const first = parser.parse(slice(0, 2, parts[0]!), "server") as RegularCapture;
    expect(first.frames[0]!.message).toMatchObject({ name: "m", width: 30, height: 40 });
    // A resend after that is no new message; other bytes under the same number are a lie.
    const again = parser.parse(slice(1, 2, parts[1]!), "server") as RegularCapture;
    expect(again.frames[0]!.message).toBeUndefined();
    const other = parts[1]!.map((byte) => byte ^ 1);
    expect(() => parser.parse(slice(1, 2, other), "server")).toThrow("other bytes");
    expect(() => parser.parse(slice(0, 3, parts[0]!), "server")).toThrow("another slice said 2");
  });

  test("have exactly the size that the layout leaves, and bounds", () => {
    const refuse = (index: number, count: number, bytes: number, problem: string): void => {
      const parser = new IndependentParser(arena);
      const datagram = slice(index, count, new Uint8Array(bytes));
      expect(() => parser.parse(datagram, "server")).toThrow(problem);
    };
    refuse(0, 2, 1133, "slices have 1134");
    refuse(1, 2, 1135, "slices have 1134");
    refuse(1, 2, 0, "slices have 1134");
    refuse(2, 2, 10, "index and count");
    refuse(0, 1, 10, "index and count");
    const large = Uint8Array.from([
      0,
      0,
      6,
      0x30,
      ...[1, 2, 3, 4],
      0,
      0,
      0,
      0,
      0,
      0xe8,
      0x07,
      ...new Uint8Array(1134),
    ]);
    expect(() => new IndependentParser(arena).parse(large, "server")).toThrow("maxBytes");
  });
});

describe("other specs than the example", () => {
  const spec = `
stardust: 1
protocol: { name: shapes, version: 1 }
security: plain
header:
  clear:
    - { name: channel, type: u24, role: channel }
    - { name: ack, bits: 1, role: ack }
    - { name: ackNow, bits: 1, role: ack-now }
    - { name: frames, bits: 1, role: frames }
    - { name: slice, bits: 1, role: slice }
    - { name: more, bits: 1, role: more }
    - { name: limit, bits: 1, role: limit }
    - { name: spare, bits: 2, role: reserved }
    - { name: packetNumber, type: u32, role: packet-number }
  sealed:
    - { name: tick, type: u32 }
    - { name: ackLargest, type: u32, role: ack-largest, when: [ack] }
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
channels:
  all:
    id: 16777214
    delivery: unreliable
    message:
      a: u64
      b: i64
      c: varint
      d: svarint
      e: f32
      f: f64
      g: { list: { of: bool, max: 3 } }
      h: { type: u16, optional: true }
      i: { bytes: { maxBytes: 4 } }
      j: { i8: { min: -3, max: 3 } }
      k: { type: bool, optional: true }
`;

  test("may lay out the header otherwise, add fields, and use the other types", () => {
    const capture = new IndependentParser(spec).parse(
      hex(
        "ffffff 20 00000001 0000002a",
        // h present, j = 3 (step 6), k present and false
        bits("1 110 10"),
        "ffffffffffffffff ffffffffffffffff ac02 03 3f800000 3ff8000000000000",
        "02 80 00  1234  02 0102",
      ),
      "client",
    ) as RegularCapture;
    expect(capture.user).toEqual({ tick: 42 });
    expect(capture.frames[0]!.message).toEqual({
      a: 2n ** 64n - 1n,
      b: -1n,
      c: 300,
      d: -2,
      e: 1,
      f: 1.5,
      g: [true, false],
      h: 0x1234,
      i: Uint8Array.of(1, 2),
      j: 3,
      k: false,
    });
  });

  test("may say acks as a bit field, of the numbers below the largest", () => {
    const text = spec.replace(/type: ack-ranges, role: ack-ranges/, "type: u32, role: ack-bits");
    expect(text).not.toBe(spec);
    const capture = new IndependentParser(text).parse(
      hex("000001 80 00000001 0000002a 0000000a ff cbc00000"),
      "client",
    ) as RegularCapture;
    expect(capture.ack!.ranges).toEqual([
      [8, 10],
      [5, 5],
      [0, 3],
    ]);
  });

  test("may leave the header out: the default layout is used", () => {
    const text = `
security: plain
channels: { one: { id: 0, delivery: reliable, message: { a: u8 } } }
`;
    const parser = new IndependentParser(text);
    const capture = parser.parse(
      hex("000001 20 1f83d9ab 0000 0000 07"),
      "server",
    ) as RegularCapture;
    expect(capture.frames[0]).toMatchObject({ channel: "one", number: 0, message: { a: 7 } });
    expect(() => parser.parse(hex("000001 28 1f83d9ab 0000 0000 01 07 90 07"), "server")).toThrow(
      CaptureError,
    );
    const compat = new IndependentParser(text, { compat: true });
    const both = compat.parse(
      hex("000001 28 1f83d9ab 0000 0000 01 07 90 08"),
      "server",
    ) as RegularCapture;
    expect(both.frames.map(({ message }) => message)).toEqual([{ a: 7 }, { a: 8 }]);
  });

  test("that are sealed are said not to be covered", () => {
    expect(() => new IndependentParser("security: sealed\nchannels: {}\n")).toThrow("not covered");
  });
});

describe("a zero message by hand", () => {
  const cid = "abcdefghijklmnopqrstu_";
  const mac = "ABCDEFGHIJKLMNOPQRSTU-";
  const nonce = "0123456789012345678901";
  const hash = "0".repeat(32);
  const head = `{"v":1,"cid":"${cid}"`;
  const zero = (text: string): Uint8Array =>
    Uint8Array.from([0, 0, 0, ...new TextEncoder().encode(text)]);
  const joinSys = `{"version":1,"hash":"${hash}"}`;
  const join = (sys: string, seq: number, body = '{"name":"ada"}', bytes = 1200): Uint8Array => {
    const open = `${head},"msg":"join","seq":${seq},"ack":0,"sys":${sys},"body":${body},"pad":"`;
    return zero(`${open}${"x".repeat(bytes - 3 - open.length - 2)}"}`);
  };
  const parse = (bytes: Uint8Array, from: Side = "client"): unknown => shared.parse(bytes, from);

  test("is three zeros and one JSON object that its schemas accept", () => {
    expect(parse(join(joinSys, 0))).toMatchObject({ kind: "zero", message: "join" });
    const proven = `{"version":1,"hash":"${hash}","cookie":"${nonce}"}`;
    expect(parse(join(proven, 1))).toMatchObject({ message: "join" });
    const attach = `{"port":1,"tag":7,"nonce":"${nonce}","counter":0}`;
    expect(
      parse(zero(`${head},"msg":"attach","seq":2,"ack":1,"sys":${attach},"mac":"${mac}"}`)),
    ).toMatchObject({ message: "attach" });
    expect(parse(zero(`${head},"msg":"gone","seq":0,"ack":0,"sys":{}}`), "server")).toMatchObject({
      message: "gone",
    });
  });

  test.each<[string, Uint8Array, Side?]>([
    ["not one JSON object", zero(`${head},"msg":"gone","seq":0,"ack":0,"sys":{}} `), "server"],
    ["not one JSON object", zero(`[${head}}]`), "server"],
    ["JSON", zero(`${head},"msg":"gone","seq":0,"ack":0,"sys":{}}{}`), "server"],
    ["not UTF-8", Uint8Array.from([...zero("{"), 0xc0, 0x80, 0x7d]), "server"],
    ["twice", zero(`${head},"msg":"gone","msg":"gone","seq":0,"ack":0,"sys":{}}`), "server"],
    ["order", zero(`${head},"seq":0,"msg":"gone","ack":0,"sys":{}}`), "server"],
    ["order", zero(`{"cid":"${cid}","v":1,"msg":"gone","seq":0,"ack":0,"sys":{}}`), "server"],
    ["offset", zero(`{"v":1, "cid":"${cid}","msg":"gone","seq":0,"ack":0,"sys":{}}`), "server"],
    ["member extra", zero(`${head},"msg":"gone","seq":0,"ack":0,"sys":{},"extra":1}`), "server"],
    ["sys is missing", zero(`${head},"msg":"gone","seq":0,"ack":0}`), "server"],
    ["v is not 1", zero(`{"v":2,"cid":"${cid}","msg":"gone","seq":0,"ack":0,"sys":{}}`), "server"],
    ["cid", zero(`{"v":1,"cid":"short","msg":"gone","seq":0,"ack":0,"sys":{}}`), "server"],
    ["not in the spec", zero(`${head},"msg":"constructor","seq":0,"ack":0,"sys":{}}`), "server"],
    ["sent by the client", zero(`${head},"msg":"gone","seq":0,"ack":0,"sys":{}}`), "client"],
    ["seq is 1, not 0", zero(`${head},"msg":"gone","seq":1,"ack":0,"sys":{}}`), "server"],
    ["has a mac", zero(`${head},"msg":"gone","seq":0,"ack":0,"sys":{},"mac":"${mac}"}`), "server"],
    ["has no mac", zero(`${head},"msg":"ack","seq":0,"ack":2,"sys":{}}`)],
    ["is padded", zero(`${head},"msg":"gone","seq":0,"ack":0,"sys":{},"pad":"x"}`), "server"],
    ["not padded", join(joinSys, 0, undefined, 1199)],
    ["1201 bytes", join(joinSys, 0, undefined, 1201)],
    ["seq is 0, not 1", join(`{"version":1,"hash":"${hash}","cookie":"${nonce}"}`, 0)],
    ["join.sys/version", join(`{"version":-1,"hash":"${hash}"}`, 0)],
    ["join.body", join(joinSys, 0, "{}")],
    ["additional properties", join(joinSys, 0, '{"name":"ada","admin":true}')],
  ])("is refused: %s", (problem, bytes, from) => {
    expect(() => parse(bytes, from)).toThrow(CaptureError);
    expect(() => parse(bytes, from)).toThrow(problem);
  });

  test("of attached is not larger than the attach that it answers", () => {
    const parser = new IndependentParser(arena);
    const sys = `{"port":1,"tag":7,"nonce":"${nonce}","counter":0}`;
    const attach = `${head},"msg":"attach","seq":2,"ack":1,"sys":${sys},"mac":"${mac}"}`;
    parser.parse(zero(attach), "client");
    const long = `{"nonce":"${nonce}","more":"${"x".repeat(100)}"}`;
    const attached = `${head},"msg":"attached","seq":2,"ack":2,"sys":${long},"mac":"${mac}"}`;
    expect(() => parser.parse(zero(attached), "server")).toThrow("answer the");
  });
});

/** A bit block from its bits, padded with zeros. */
function bits(text: string): string {
  const all = text.replaceAll(" ", "");
  const padded = all.padEnd(Math.ceil(all.length / 8) * 8, "0");
  return (padded.match(/.{8}/g) ?? [])
    .map((byte) => Number.parseInt(byte, 2).toString(16).padStart(2, "0"))
    .join("");
}
