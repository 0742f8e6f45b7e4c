/** The ring against a plain array that behaves as it should, on one thread; the threads are in threads.test.ts. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MAX_DRAIN_RECORDS } from "#src/limits.js";
import {
  createRing,
  Drained,
  LARGE_BYTES,
  maxRecordBytes,
  type RingMemory,
  RingReader,
  RingWriter,
  recordBytes,
  reservedRoom,
} from "#src/port/ring.js";

interface Record {
  kind: number;
  bytes: number[];
}

function payload(seed: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (seed * 31 + i * 7) & 0xff;
  return bytes;
}

function take(reader: RingReader, limit = Number.POSITIVE_INFINITY): Record[] {
  const records: Record[] = [];
  reader.drain(limit, (kind, bytes, _view, start, end) => {
    records.push({ kind, bytes: [...bytes.subarray(start, end)] });
    return true;
  });
  return records;
}

/** Both ends, as two threads get them: each through a structured clone. */
function ends(memory: RingMemory): { writer: RingWriter; reader: RingReader } {
  return {
    writer: new RingWriter(structuredClone(memory)),
    reader: new RingReader(structuredClone(memory)),
  };
}

type Step =
  | { do: "write"; size: number; commit: boolean; shorter: number; urgent: boolean }
  | { do: "drain"; limit: number; stopAt: number; throwAt: number };

const steps = (largest: number): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.oneof(
      fc.record({
        do: fc.constant("write" as const),
        size: fc.oneof(
          fc.integer({ min: 0, max: 40 }),
          fc.integer({ min: 0, max: Math.floor(largest / 4) }),
          fc.integer({ min: 0, max: largest }),
        ),
        commit: fc.boolean().map((no) => !no),
        shorter: fc.integer({ min: 0, max: 9 }),
        urgent: fc.boolean(),
      }),
      fc.record({
        do: fc.constant("drain" as const),
        limit: fc.integer({ min: 0, max: 20 }),
        stopAt: fc.integer({ min: 0, max: 25 }),
        throwAt: fc.integer({ min: 0, max: 40 }),
      }),
    ),
    { maxLength: 200 },
  );

describe("a ring", () => {
  test("behaves as a bounded list of records, whatever is done to it", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(256, 512, 4096, 32_768),
        fc.constantFrom(0, 16, 64),
        fc
          .integer({ min: 0, max: 3 })
          .chain((s) => fc.tuple(fc.constant(s), fc.oneof(steps(600), steps(12_000)))),
        (capacity, reserved, [spins, list]) => {
          const memory = createRing(capacity, reserved);
          // Begin anywhere, also where positions wrap at 2^32.
          const start = spins === 0 ? 0 : -8 * spins;
          new Int32Array(memory.shared, 0, 32).set([start], 0);
          new Int32Array(memory.shared, 0, 32).set([start], 16);
          const { writer, reader } = ends(memory);
          const oracle: Record[] = [];
          let seed = 0;
          for (const step of list) {
            if (step.do === "write") {
              seed++;
              const size = Math.min(step.size, maxRecordBytes(memory));
              const free = writer.freeBytes;
              const w = writer.reserve(seed & 0xff, size, step.urgent);
              if (w === undefined) {
                // Refused only where there is little room: never more than the record twice and what is reserved.
                expect(free).toBeLessThan(2 * recordBytes(size) + 8 + (step.urgent ? 0 : reserved));
                continue;
              }
              const bytes = payload(seed, Math.max(0, size - step.shorter));
              w.raw(bytes);
              if (step.commit) {
                writer.commit();
                oracle.push({ kind: seed & 0xff, bytes: [...bytes] });
                if (!step.urgent) expect(writer.freeBytes).toBeGreaterThanOrEqual(reserved);
              } else {
                writer.abandon();
              }
            } else {
              let seen = 0;
              const drain = (): Drained =>
                reader.drain(step.limit, (kind, bytes, view, start, end) => {
                  expect(start % 8).toBe(0);
                  expect(view.buffer).toBe(bytes.buffer);
                  // A copy out of shared memory is slow where it does not begin at a word.
                  const isBeside = !(bytes.buffer instanceof SharedArrayBuffer);
                  if (end - start > LARGE_BYTES) expect(isBeside).toBe(true);
                  if (seen === step.stopAt) return false;
                  const expected = oracle.shift();
                  expect({ kind, bytes: [...bytes.subarray(start, end)] }).toEqual(expected);
                  if (seen++ === step.throwAt) throw new Error("planned");
                  return true;
                });
              let result: Drained | "thrown";
              try {
                result = drain();
              } catch (error) {
                expect((error as Error).message).toBe("planned");
                result = "thrown";
              }
              if (result === Drained.empty) expect(oracle).toHaveLength(0);
              if (result === Drained.more) expect(seen).toBe(step.limit);
              if (result === Drained.stopped) expect(seen).toBe(step.stopAt);
              expect(reader.isEmpty).toBe(oracle.length === 0);
            }
          }
          expect(take(reader)).toEqual(oracle);
          expect(writer.freeBytes).toBe(memory.capacity);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("takes a record of the largest size from any position, in two pieces if need be", () => {
    const memory = createRing(1024, 32);
    const { writer, reader } = ends(memory);
    const largest = maxRecordBytes(memory);
    for (let i = 0; i < 300; i++) {
      expect(writer.write(1, payload(i, i % 50))).toBe(true);
      expect(take(reader)).toHaveLength(1);
      expect(writer.write(2, payload(i, largest))).toBe(true);
      expect(take(reader)).toEqual([{ kind: 2, bytes: [...payload(i, largest)] }]);
    }
    expect(() => writer.reserve(0, largest + 1)).toThrow(RangeError);
  });

  test("shows nothing of a record before it is committed", () => {
    const { writer, reader } = ends(createRing(1024));
    for (const size of [8, 700]) {
      const w = writer.reserve(1, size)!;
      w.raw(payload(1, size));
      expect(reader.isEmpty).toBe(true);
      writer.commit();
      expect(take(reader)).toHaveLength(1);
    }
  });

  test("publishes nothing of an encoder that threw, and goes on", () => {
    const { writer, reader } = ends(createRing(256));
    const encode = (fail: boolean): void => {
      const w = writer.reserve(1, 16)!;
      try {
        w.u32(7);
        if (fail) throw new Error("wrong member");
        writer.commit();
      } catch {
        writer.abandon();
      }
    };
    for (let i = 0; i < 100; i++) encode(true);
    encode(false);
    expect(take(reader)).toEqual([{ kind: 1, bytes: [0, 0, 0, 7] }]);
  });

  test("refuses a reserve within a reserve, a commit of nothing and one past its end", () => {
    const { writer, reader } = ends(createRing(256));
    expect(() => writer.commit()).toThrow("no record");
    writer.reserve(1, 4)!.u32(1);
    expect(() => writer.reserve(1, 4)).toThrow("neither committed");
    writer.commit();
    writer.reserve(1, 4)!.raw(new Uint8Array(5));
    expect(() => writer.commit()).toThrow(RangeError);
    expect(take(reader)).toHaveLength(1);
  });

  test("keeps the reserved room for urgent records, wherever the end of the memory is", () => {
    const room = reservedRoom(10, 20);
    for (let shift = 0; shift < 40; shift++) {
      const { writer, reader } = ends(createRing(2048, room));
      for (let i = 0; i < shift; i++) writer.write(0, payload(0, 50));
      take(reader);
      while (writer.write(0, payload(1, 3 + shift))) {}
      for (let i = 0; i < 10; i++) expect(writer.write(9, payload(i, 20), true)).toBe(true);
      expect(take(reader).filter((record) => record.kind === 9)).toHaveLength(10);
    }
  });

  test("gives the event loop a turn after a bounded number of records, whatever the limit", () => {
    const { writer, reader } = ends(createRing(1 << 16));
    for (let i = 0; i < MAX_DRAIN_RECORDS + 1; i++) writer.write(1, payload(i, 1));
    let seen = 0;
    const count = (): boolean => {
      seen++;
      return true;
    };
    expect(reader.drain(Number.POSITIVE_INFINITY, count)).toBe(Drained.more);
    expect(seen).toBe(MAX_DRAIN_RECORDS);
    expect(reader.drain(1, count)).toBe(Drained.empty);
  });

  test("refuses to be drained from within its own drain", () => {
    const { writer, reader } = ends(createRing(256));
    writer.write(1, payload(1, 1));
    expect(() => reader.drain(1, () => reader.drain(1, () => true) === Drained.empty)).toThrow(
      "within its own drain",
    );
    writer.write(1, payload(2, 2));
    expect(take(reader)).toHaveLength(1);
  });

  test("refuses sizes that make no sense", () => {
    expect(() => createRing(2 ** 31)).toThrow(RangeError);
    expect(() => createRing(Number.NaN, Number.NaN)).toThrow(RangeError);
    expect(() => createRing(1024, 513)).toThrow(RangeError);
  });
});
