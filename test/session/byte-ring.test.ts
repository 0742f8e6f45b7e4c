/** The ring of payloads against a plain list: whatever is pushed, written in place or given up, the rest stays as it was. */
import fc from "fast-check";
import { Writer } from "stardust-udp/wire";
import { describe, expect, test } from "vitest";
import type { MessageEncoder } from "#src/protocol.js";
import { ByteRing } from "#src/session/byte-ring.js";
import { bytesCodec } from "../support/hand-protocol.ts";

const small = bytesCodec(300).encoder;
const middle = bytesCodec(4096).encoder;

interface Stored {
  readonly position: number;
  readonly bytes: Uint8Array;
}

test("keeps what is kept, and nothing of what is not", () => {
  const step = fc.record({
    kind: fc.constantFrom("push", "pushViewed", "small", "middle", "refuse", "throw", "release"),
    length: fc.nat(300),
    fill: fc.nat(255),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const ring = new ByteRing();
      const stored: Stored[] = [];
      for (const { kind, length, fill } of steps) {
        const bytes = Uint8Array.from({ length }, (_, i) => fill + 7 * i);
        if (kind === "push") stored.push({ position: ring.push(bytes, 0, length), bytes });
        else if (kind === "pushViewed") {
          const view = new DataView(bytes.buffer);
          stored.push({ position: ring.push(bytes, 0, length, view), bytes });
        } else if (kind === "release") {
          const first = stored.shift();
          if (first === undefined) continue;
          if (stored.length === 0) ring.clear();
          else ring.release(first.position + first.bytes.length);
        } else if (kind === "throw") {
          expect(() => ring.stage("no bytes" as never, small)).toThrow("not bytes");
        } else {
          expect(ring.stage(bytes, kind === "middle" ? middle : small)).toBe(length);
          if (kind !== "refuse") stored.push({ position: ring.keep(length), bytes });
        }
        const out = new Writer(new Uint8Array(400));
        for (const { position, bytes: wanted } of stored) {
          out.at = 0;
          ring.copyOut(position, wanted.length, out);
          expect(out.at).toBe(wanted.length);
          expect(Buffer.compare(out.bytes.subarray(0, wanted.length), wanted)).toBe(0);
        }
      }
    }),
    { numRuns: 200 },
  );
});

describe("a message that does something while it is written", () => {
  /** Ten bytes, the fifth asked of the message. */
  const asking: MessageEncoder<() => number> = {
    ...(small as unknown as MessageEncoder<() => number>),
    write(message, w, at) {
      w.bytes.fill(1, at, at + 5);
      w.bytes[at + 5] = message();
      w.bytes.fill(1, at + 6, at + 10);
      return at + 10;
    },
  };
  const wanted = [1, 1, 1, 1, 1, 2, 1, 1, 1, 1];

  function stored(ring: ByteRing, position: number): number[] {
    const out = new Writer(new Uint8Array(10));
    ring.copyOut(position, 10, out);
    return [...out.bytes];
  }

  test("cannot send another", () => {
    const ring = new ByteRing();
    const other = new ByteRing();
    const sending = (into: ByteRing) => (): number => {
      const bytes = new Uint8Array(300).fill(9);
      const send = () => into.stage(bytes, small);
      expect(send).toThrow("a message is sent while another is being written");
      return 2;
    };
    // In place or beside the ring, of the same channel or another.
    for (const kept of [0, 250, 505]) {
      if (kept > 0) ring.push(new Uint8Array(kept), 0, kept);
      for (const into of [ring, other]) {
        const staged = ring.stage(sending(into), asking);
        expect(stored(ring, ring.keep(staged))).toEqual(wanted);
      }
    }
    const thrower = () => {
      throw new Error("mine");
    };
    expect(() => ring.stage(thrower, asking)).toThrow("mine");
    ring.stage(() => 2, asking);
    expect(stored(ring, ring.keep(10))).toEqual(wanted);
  });

  test("may have others sent away meanwhile", () => {
    const ring = new ByteRing();
    ring.push(new Uint8Array(20), 0, 20);
    const staged = ring.stage(() => {
      ring.clear();
      return 2;
    }, asking);
    expect(stored(ring, ring.keep(staged))).toEqual(wanted);
  });
});
