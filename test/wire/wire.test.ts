/** The byte-level primitives, each against an oracle that is worked out another way. */
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import {
  AckBlock,
  ackRangesSize,
  checkBytes,
  checkFloat32,
  checkInteger,
  checkList,
  checkMap,
  checkString,
  checkVarint,
  checkZigzag,
  codePointLength,
  dequantise,
  InvalidMessageError,
  jsonEqual,
  MalformedError,
  putBytes,
  putString,
  putVarint,
  putZigzag,
  quantise,
  Reader,
  readAckRanges,
  readBits,
  utf8Length,
  utf8Read,
  utf8Write,
  Violation,
  varintSize,
  Writer,
  writeAckRanges,
  writeBits,
  zigzag,
} from "stardust-udp/wire";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { unzigzag } from "#src/wire/check.js";
import { readTextWith, type TextReader, utf8ReadKnown } from "#src/wire/utf8.js";

const safe = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(300),
  fc.constantFrom(
    127,
    128,
    16383,
    16384,
    2 ** 31,
    2 ** 32,
    2 ** 35 - 1,
    2 ** 35,
    2 ** 49,
    2 ** 53 - 1,
  ),
);

/** LEB128 by BigInt. */
function leb128(value: number): number[] {
  const out: number[] = [];
  let rest = BigInt(value);
  do {
    out.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return out;
}

describe("varints", () => {
  test("are written in the shortest form and read back", () => {
    fc.assert(
      fc.property(safe, (value) => {
        const w = new Writer(new Uint8Array(8));
        w.varint(value);
        expect([...w.bytes.subarray(0, w.at)]).toEqual(leb128(value));
        expect(varintSize(value)).toBe(w.at);
        const r = Reader.of(w.bytes.subarray(0, w.at));
        expect(r.varint()).toBe(value);
        expect(r.at).toBe(r.end);
      }),
    );
  });

  test.each([
    ["80 00", -2],
    ["ff 80 00", -2],
    ["ff ff ff ff ff ff ff 10", -2],
    ["ff ff ff ff ff ff ff 8f 00", -2],
    ["80 80 80 80 80 80 80 80", -2],
    ["", -1],
    ["80", -1],
    ["ff ff ff ff ff ff ff", -1],
  ])("refuses %s", (hex, expected) => {
    const r = Reader.of(fromHex(hex));
    expect(r.tryVarint()).toBe(expected);
    expect(r.at).toBe(0);
    expect(() => r.varint("x")).toThrow(MalformedError);
  });

  test("carry signed numbers by zigzag over their whole range", () => {
    expect([0, -1, 1, -2, 2].map(zigzag)).toEqual([0, 1, 2, 3, 4]);
    expect(zigzag(-(2 ** 52))).toBe(2 ** 53 - 1);
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 52), max: 2 ** 52 - 1 }), (value) => {
        expect(zigzag(value)).toBeGreaterThanOrEqual(0);
        expect(unzigzag(zigzag(value))).toBe(value);
        const w = new Writer(new Uint8Array(8));
        w.varint(zigzag(value));
        expect(Reader.of(w.bytes.subarray(0, w.at)).zigzag()).toBe(value);
      }),
    );
  });
});

test("bit fields lie where a string of bits says, at any offset and width", () => {
  const field = fc.record({ width: fc.integer({ min: 1, max: 32 }), raw: fc.nat(0xffff_ffff) });
  fc.assert(
    fc.property(fc.nat(9), fc.array(field, { minLength: 1, maxLength: 8 }), (offset, fields) => {
      const bytes = new Uint8Array(40);
      let bits = "0".repeat(offset);
      for (const { width, raw } of fields) {
        const value = raw % 2 ** width;
        writeBits(bytes, 1, bits.length, width, value);
        bits += value.toString(2).padStart(width, "0");
      }
      const padded = bits.padEnd(39 * 8, "0");
      const oracle = padded.match(/.{8}/g)!.map((byte) => Number.parseInt(byte, 2));
      expect([...bytes.subarray(1)]).toEqual(oracle);
      let at = offset;
      for (const { width, raw } of fields) {
        expect(readBits(bytes, 1, at, width)).toBe(raw % 2 ** width);
        at += width;
      }
    }),
  );
});

const nodeReader: TextReader = (bytes, start, end) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8", start, end);

describe.each([
  ["TextDecoder", undefined],
  ["Node's own reader", nodeReader],
])("UTF-8, where %s reads what is long,", (_name, reader) => {
  beforeAll(() => readTextWith(reader));
  afterAll(() => readTextWith(undefined));

  /** What both ways of reading make of the bytes; the second time the string may be known. */
  function read(bytes: Uint8Array, at: number, byteLength: number): string | undefined {
    const value = utf8Read(bytes, at, byteLength);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < 2; i++) {
      const known = utf8ReadKnown(bytes, view, at, byteLength);
      if (known !== value) {
        throw new Error(`${known} is not ${value}: ${Buffer.from(bytes).toString("hex")}`);
      }
    }
    return value;
  }

  test("agrees with TextEncoder on well-formed strings, the byte order mark included", () => {
    const strings = fc.oneof(
      fc.string({ unit: "binary", maxLength: 40 }),
      // Short ones of one kind take other ways through the code than long ones.
      fc.string({ unit: "binary-ascii", maxLength: 80 }),
      fc.string({ unit: fc.constantFrom("a", "é", "€", "😀"), maxLength: 30 }),
      fc.constant("\ufeffx"),
    );
    fc.assert(
      fc.property(strings, (value) => {
        const oracle = new TextEncoder().encode(value);
        expect(utf8Length(value)).toBe(oracle.byteLength);
        const bytes = new Uint8Array(oracle.byteLength + 2);
        utf8Write(bytes, 1, value, oracle.byteLength);
        expect(bytes.subarray(1, -1)).toEqual(oracle);
        expect(read(bytes, 1, oracle.byteLength)).toBe(value);
      }),
    );
  });

  function strict(bytes: Uint8Array): string | undefined {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      return undefined;
    }
  }

  test("agrees with a strict TextDecoder on any bytes", () => {
    const whole = fc
      .string({ unit: "binary", maxLength: 80 })
      .map((s) => new TextEncoder().encode(s));
    // Well-formed text with a byte changed, taken away or put in: as near to right as wrong can be.
    const near = fc
      .tuple(whole, fc.nat(), fc.nat(255), fc.nat(2))
      .map(([bytes, place, byte, how]) => {
        const at = bytes.length === 0 ? 0 : place % bytes.length;
        const other = how === 0 ? [] : [byte];
        return Uint8Array.from([
          ...bytes.slice(0, at),
          ...other,
          ...bytes.slice(how === 2 ? at : at + 1),
        ]);
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), whole, near), (bytes) => {
        expect(read(bytes, 0, bytes.byteLength)).toBe(strict(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  test("agrees with it on every kind of sequence, whole and cut off", () => {
    const edges = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff];
    const tails = [0x41, 0x80, 0xbf, 0xc2];
    for (let first = 0x80; first <= 0xff; first++) {
      for (const second of edges) {
        for (const third of tails) {
          for (const fourth of tails) {
            const all = [0x78, first, second, third, fourth];
            for (let length = 2; length <= 5; length++) {
              const bytes = Uint8Array.from(all.slice(0, length));
              if (read(bytes, 0, length) !== strict(bytes)) {
                throw new Error(`differs on ${Buffer.from(bytes).toString("hex")}`);
              }
            }
          }
        }
      }
    }
  });

  test("does not take a short string for one that was read before", () => {
    // Alike in all that decides where a string that was read is kept: its length, its ends and its middle.
    const alike = fc
      .tuple(fc.integer({ min: 4, max: 18 }), fc.array(fc.constantFrom(0x61, 0x62, 0xc3, 0xa9)))
      .map(([length, inner]) => {
        const bytes = new Uint8Array(length).fill(0x78);
        inner.forEach((byte, i) => {
          const at = 1 + (i % (length - 2));
          if (at !== length >> 1) bytes[at] = byte;
        });
        return bytes;
      });
    fc.assert(
      fc.property(fc.array(alike, { maxLength: 20 }), (all) => {
        for (const bytes of [...all, ...all]) {
          expect(read(bytes, 0, bytes.byteLength)).toBe(strict(bytes));
        }
      }),
      { numRuns: 300 },
    );
  });

  test("has no bytes for a surrogate without its partner", () => {
    for (const text of ["\ud800", "a\udc00", "\ud800x", "\udc00\ud800"]) {
      expect(utf8Length(text)).toBe(-1);
    }
  });
});

describe("checking and writing in one pass", () => {
  type Put = (bytes: Uint8Array, at: number) => number;

  /** The bytes between others that `put` writes where there is `room`, or its error's message. */
  function outcome(room: number, put: Put): string {
    const memory = new Uint8Array(room + 20).fill(0x77);
    try {
      return Buffer.from(memory.subarray(10, put(memory, 10))).toString("hex");
    } catch (error) {
      expect(error).toBeInstanceOf(InvalidMessageError);
      return (error as Error).message;
    } finally {
      expect(Buffer.from(memory.subarray(0, 10)).toString("hex")).toBe("77".repeat(10));
      expect(Buffer.from(memory.subarray(10 + room)).toString("hex")).toBe("77".repeat(10));
    }
  }

  /** In two passes: the check, and bytes by other means. */
  function oracle(check: () => void, content: () => number[]): string {
    try {
      check();
      return Buffer.from(content()).toString("hex");
    } catch (error) {
      return (error as Error).message;
    }
  }

  test("strings are those of checkString and TextEncoder, on every way through the code", () => {
    const any = fc.oneof(
      fc.string({ unit: "binary", maxLength: 200 }),
      fc.string({ unit: "binary-ascii", maxLength: 200 }),
      fc.string({ unit: fc.constantFrom("a", "é", "€", "😀", "\ud800", "\udc00"), maxLength: 60 }),
      // Around the longest short one, and where the length grows by a byte because of what is not ASCII.
      fc.nat(3).map((n) => "x".repeat(41 + n)),
      fc.tuple(fc.nat(4), fc.constantFrom("", "é", "€")).map(([n, c]) => "x".repeat(123 + n) + c),
    );
    fc.assert(
      fc.property(any, fc.constantFrom(0, 5, 100, 127, 128, 1000), (value, maxBytes) => {
        const expected = oracle(
          () => checkString("a.b", value, maxBytes),
          () => {
            const bytes = new TextEncoder().encode(value);
            return [...leb128(bytes.length), ...bytes];
          },
        );
        const put: Put = (bytes, at) => putString("a.b", value, maxBytes, bytes, at);
        // The largest takes so much; good or wrong, nothing behind that is touched.
        expect(outcome(leb128(maxBytes).length + maxBytes, put)).toBe(expected);
      }),
      { numRuns: 500 },
    );
  });

  test("numbers are taken exactly where BigInt and Math.fround say so", () => {
    const edges = [8, 16, 31, 32, 52, 53].flatMap((bits) => [
      2 ** bits - 1,
      2 ** bits,
      -(2 ** bits),
    ]);
    const single = 2 ** 128 - 2 ** 103;
    const value = fc.oneof(
      fc.constantFrom(...edges, 0.5, -0, Number.NaN, Number.POSITIVE_INFINITY, -(2 ** 31) - 1),
      fc.constantFrom(single, -single, single - 2 ** 75, 2 ** 75 - single, 1e39),
      fc.double(),
      fc.integer(),
    );
    const holds = (check: () => void) => oracle(check, () => []) === "";
    fc.assert(
      fc.property(value, fc.constantFrom(...edges, 0), fc.constantFrom(...edges), (n, min, max) => {
        const whole = Number.isInteger(n) && BigInt(n) >= BigInt(min) && BigInt(n) <= BigInt(max);
        expect(holds(() => checkInteger("n", n, min, max))).toBe(whole);
        expect(holds(() => checkFloat32("n", n))).toBe(Number.isFinite(Math.fround(n)));
      }),
      { numRuns: 2000 },
    );
  });

  test("bytes and varints are those of their checks", () => {
    const number = fc.oneof(
      safe,
      fc.double(),
      fc.integer(),
      fc.constant(-(2 ** 52)),
      fc.constant(-0),
    );
    fc.assert(
      fc.property(number, fc.uint8Array({ maxLength: 200 }), fc.nat(200), (value, bytes, max) => {
        const varint = oracle(
          () => checkVarint("n", value),
          () => leb128(value),
        );
        expect(outcome(8, (to, at) => putVarint("n", value, to, at))).toBe(varint);
        const signed = oracle(
          () => checkZigzag("n", value),
          () => leb128(value < 0 ? -2 * value - 1 : 2 * value),
        );
        expect(outcome(8, (to, at) => putZigzag("n", value, to, at))).toBe(signed);
        const blob = oracle(
          () => checkBytes("b", bytes, max),
          () => [...leb128(bytes.length), ...bytes],
        );
        const room = leb128(max).length + max;
        expect(outcome(room, (to, at) => putBytes("b", bytes, max, to, at))).toBe(blob);
      }),
    );
  });

  test.each([undefined, null, 1, {}, [], "x".repeat(3), 10n, { length: 1 }])(
    "what is something else is refused as by the checks, case %#",
    (value) => {
      const any = value as never;
      for (const [check, put] of [
        [() => checkVarint("n", any), (to, at) => putVarint("n", any, to, at)],
        [() => checkZigzag("n", any), (to, at) => putZigzag("n", any, to, at)],
        [() => checkString("s", any, 2), (to, at) => putString("s", any, 2, to, at)],
        [() => checkBytes("b", any, 2), (to, at) => putBytes("b", any, 2, to, at)],
      ] as [() => void, Put][]) {
        const expected = oracle(check, () => []);
        if (expected !== "") expect(outcome(100, put)).toBe(expected);
      }
    },
  );
});

test("a quantised value encodes to its own index, stays in range, and errs by half a step at most", () => {
  const range = fc
    .tuple(
      fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      fc.double({ min: 1e-3, max: 1e6, noNaN: true }),
    )
    .map(([min, span]) => [min, min + span] as const);
  fc.assert(
    fc.property(range, fc.integer({ min: 1, max: 24 }), fc.nat(), ([min, max], bits, seed) => {
      const steps = 2 ** bits - 1;
      // A step must be coarser than the doubles around it; no spec can ask for less.
      fc.pre((max - min) / steps > 2 ** -49 * Math.max(Math.abs(min), Math.abs(max)));
      const index = seed % (steps + 1);
      const value = dequantise(index, min, max, steps);
      expect(value).toBeGreaterThanOrEqual(min);
      expect(value).toBeLessThanOrEqual(max);
      expect(quantise(value, min, max, steps)).toBe(index);
      const between = min + ((max - min) * (seed % 1000)) / 1000;
      const back = dequantise(quantise(between, min, max, steps), min, max, steps);
      expect(Math.abs(back - between)).toBeLessThanOrEqual(
        ((max - min) / steps) * 0.5000001 + 1e-9,
      );
    }),
  );
});

describe("values of another realm", () => {
  const other = (code: string): unknown => runInNewContext(code);

  test("are taken like our own: a Map, bytes, a list", () => {
    expect(checkMap("m", other("new Map([[1, 2], [3, 4]])"), 2)).toBe(2);
    expect(checkBytes("b", other("new Uint8Array([1, 2, 3])"), 3)).toBe(4);
    expect(checkList("l", other("[1, 2]"), 2)).toBe(2);
    const to = new Uint8Array(8);
    expect(putBytes("b", other("new Uint8Array([7, 8])") as Uint8Array, 3, to, 0)).toBe(3);
    expect([...to.subarray(0, 3)]).toEqual([2, 7, 8]);
  });

  test.each([
    "new Set([1])",
    "new WeakMap()",
    "new Proxy(new Map(), {})",
    "({ size: 1, [Symbol.toStringTag]: 'Map' })",
    "Object.create(Map.prototype)",
  ])("are no Map where they are %s", (code) => {
    expect(() => checkMap("m", other(code), 2)).toThrow(/must be a Map/);
  });

  test.each([
    "new Int8Array(1)",
    "new Uint8ClampedArray(1)",
    "new DataView(new ArrayBuffer(1))",
    "new ArrayBuffer(1)",
    "new Proxy(new Uint8Array(1), {})",
    "({ length: 1, [Symbol.toStringTag]: 'Uint8Array' })",
  ])("are no bytes where they are %s", (code) => {
    expect(() => checkBytes("b", other(code), 2)).toThrow(/must be a Uint8Array/);
  });
});

describe("ack ranges", () => {
  const pairs = fc.array(
    fc.tuple(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 300 })),
    {
      maxLength: 31,
    },
  );

  test("are read back as written, in the bytes announced", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20000 }), pairs, (firstRun, list) => {
        const acks = new AckBlock();
        acks.firstRun = firstRun;
        acks.pairs = list.length;
        list.forEach(([gap, run], i) => {
          acks.gaps[i] = gap;
          acks.runs[i] = run;
        });
        const w = new Writer(new Uint8Array(300));
        writeAckRanges(w, acks);
        expect(ackRangesSize(acks)).toBe(w.at);
        const back = new AckBlock();
        const r = Reader.of(w.bytes.subarray(0, w.at));
        expect(readAckRanges(r, back)).toBe(Violation.none);
        expect(r.at).toBe(r.end);
        expect(back.firstRun).toBe(firstRun);
        expect(back.pairs).toBe(list.length);
        expect([...back.gaps.subarray(0, back.pairs)]).toEqual(list.map(([gap]) => gap));
        expect([...back.runs.subarray(0, back.pairs)]).toEqual(list.map(([, run]) => run));
        for (let cut = 0; cut < w.at; cut++) {
          const short = Reader.of(w.bytes.subarray(0, cut));
          expect(readAckRanges(short, new AckBlock())).toBe(Violation.truncated);
        }
      }),
      { numRuns: 50 },
    );
  });

  test.each([
    ["00", Violation.none],
    ["7f", Violation.none],
    ["80 7f", Violation.nonMinimal],
    ["80 80 01", Violation.none],
    ["a0 00", Violation.nonMinimal],
    ["81 00 80 00 00", Violation.nonMinimal],
    ["81 00 00", Violation.truncated],
  ])("reads %s as violation %d", (hex, expected) => {
    expect(readAckRanges(Reader.of(fromHex(hex)), new AckBlock())).toBe(expected);
  });
});

describe("what validators ask for", () => {
  test("a string's length is in code points", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(codePointLength(text)).toBe([...text].length);
      }),
    );
    expect(codePointLength("\ud800\ud800\udc00\udc00")).toBe(3);
  });

  test("JSON values are equal whatever the order of members", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        expect(jsonEqual(a, structuredClone(a))).toBe(true);
        if (JSON.stringify(a) !== JSON.stringify(b)) return;
        expect(jsonEqual(a, b)).toBe(true);
      }),
    );
    expect(jsonEqual({ a: 1, b: 2 }, { b: 2, a: 1 })).toBe(true);
    expect(jsonEqual({ a: 1 }, { a: 1, b: 2 })).toBe(false);
    expect(jsonEqual([1], { 0: 1 })).toBe(false);
  });
});

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(
    hex.split(" ").filter((h) => h !== ""),
    (h) => Number.parseInt(h, 16),
  );
}
