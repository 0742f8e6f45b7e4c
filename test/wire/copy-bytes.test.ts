/** Copies between memories of all kinds, held against `Uint8Array.set`. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { copyBytes, copyViewed } from "#src/wire/copy-bytes.js";

const SIZE = 1024;

/** Memory of its own, a part of some, Node's kind, and memory that threads share. */
const kinds: readonly (() => Uint8Array)[] = [
  () => new Uint8Array(SIZE),
  () => new Uint8Array(new ArrayBuffer(SIZE + 8), 3, SIZE),
  () => Buffer.alloc(SIZE),
  () => new Uint8Array(new SharedArrayBuffer(SIZE)),
];
const memory = fc.constantFrom(...kinds);
const lengths = fc.oneof(fc.nat(70), fc.integer({ min: 120, max: 136 }), fc.nat(500));

test("copying by words, bytes or as a whole takes those bytes and touches no others", () => {
  fc.assert(
    fc.property(memory, memory, lengths, fc.nat(500), fc.nat(500), (a, b, length, start, at) => {
      const from = a();
      for (let i = 0; i < SIZE; i++) from[i] = (i * 167 + 13) & 0xff;
      const wanted = new Uint8Array(SIZE).fill(0xee);
      wanted.set(Uint8Array.from(from).subarray(start, start + length), at);
      const [plain, viewed] = [b().fill(0xee), b().fill(0xee)];
      copyBytes(from, start, plain, at, length);
      copyViewed(viewOf(from), start, viewed, viewOf(viewed), at, length);
      expect(Buffer.compare(plain, wanted)).toBe(0);
      expect(Buffer.compare(viewed, wanted)).toBe(0);
    }),
    { numRuns: 2000 },
  );
});

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
