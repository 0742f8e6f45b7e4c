/** Messages written into memory that is kept: as large as they are, by one pass, and never more than their channel takes. */
import { encodeOnce, InvalidMessageError, type Writer } from "stardust-udp/wire";
import { expect, test } from "vitest";

/** A message of numbers, each asked for once and written in eight bytes. */
const numbers = (maxBytes: number) => ({
  maxBytes,
  write(message: Iterable<number>, w: Writer, at: number): number {
    for (const value of message) {
      w.view.setFloat64(at, value);
      at += 8;
    }
    return at;
  },
});

/** As numbers, byte by byte: what is behind the end of the memory is lost without a word. */
const silent = (maxBytes: number) => ({
  maxBytes,
  write(message: Iterable<number>, w: Writer, at: number): number {
    for (const value of message) w.bytes[at++] = value;
    return at;
  },
});

function read(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / 8 }, (_, i) => view.getFloat64(8 * i));
}

function* upTo(count: number): Generator<number> {
  for (let i = 0; i < count; i++) yield i;
}

test.each([0, 1, 511, 512, 513, 100_000])("%i numbers are as many bytes", (count) => {
  const all = [...upTo(count)];
  expect(read(encodeOnce(numbers(800_000), all))).toEqual(all);
  const few = all.map((value) => value & 0xff);
  expect([...encodeOnce(silent(800_000), few)]).toEqual(few);
});

test("one byte more than the channel takes is refused, whatever the memory has grown to", () => {
  for (const encoder of [numbers(8000), silent(1000)]) {
    const all = [...upTo(1001)];
    expect(() => encodeOnce(encoder, all)).toThrow(InvalidMessageError);
    expect(() => encodeOnce(encoder, all)).toThrow(/takes at least \d+ bytes, \d+ are allowed/);
    expect(encodeOnce(encoder, all.slice(1)).length).toBe(encoder.maxBytes);
    encodeOnce(numbers(2 ** 22), upTo(2 ** 17));
  }
});

test("a message that says something else each time is what one pass saw", () => {
  const lengths = [50_000, 3, 40_000, 7];
  const changing = {
    *[Symbol.iterator](): Generator<number> {
      yield* upTo(lengths[0]!);
      lengths.push(lengths.shift()!);
    },
  };
  for (let i = 0; i < 8; i++) {
    const seen = read(encodeOnce(numbers(2 ** 20), changing));
    expect(seen).toEqual([...upTo(seen.length)]);
    expect([50_000, 3, 40_000, 7]).toContain(seen.length);
  }
});

test("a message may encode another while it is written", () => {
  function* outer(): Generator<number> {
    yield 1;
    expect(read(encodeOnce(numbers(100), [8, 9]))).toEqual([8, 9]);
    yield 2;
  }
  expect(read(encodeOnce(numbers(100), outer()))).toEqual([1, 2]);
});

test("an error of the message's own goes out as it is, and is met once", () => {
  let asked = 0;
  const thrower = {
    // biome-ignore lint/correctness/useYield: it ends before it has anything to give
    *[Symbol.iterator](): Generator<number> {
      asked++;
      throw new RangeError("mine");
    },
  };
  expect(() => encodeOnce(numbers(2 ** 20), thrower)).toThrow(new RangeError("mine"));
  expect(asked).toBe(1);
  expect(read(encodeOnce(numbers(100), [4]))).toEqual([4]);
});
