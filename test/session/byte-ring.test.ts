/** The ring of payloads against a plain list: whatever is pushed, written in place or given up, the rest stays as it was. */
import fc from "fast-check";
import { Writer } from "stardust-udp/wire";
import { expect, test } from "vitest";
import { ByteRing } from "#src/session/byte-ring.js";
import { bytesCodec } from "../support/hand-protocol.ts";

const small = bytesCodec(300);
const middle = bytesCodec(4096);
const large = bytesCodec(10_000);

interface Stored {
  readonly position: number;
  readonly bytes: Uint8Array;
}

test("keeps what is kept, and nothing of what is not", () => {
  const step = fc.record({
    kind: fc.constantFrom("push", "small", "middle", "large", "refuse", "throw", "release"),
    length: fc.nat(300),
    fill: fc.nat(255),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const ring = new ByteRing();
      const stored: Stored[] = [];
      for (const { kind, length, fill } of steps) {
        const bytes = new Uint8Array(length).fill(fill);
        if (kind === "push") stored.push({ position: ring.push(bytes, 0, length), bytes });
        else if (kind === "large") {
          stored.push({ position: ring.encode(bytes, length, large), bytes });
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
          ring.copyOut(position, wanted.length, out.bytes, 0);
          expect(Buffer.compare(out.bytes.subarray(0, wanted.length), wanted)).toBe(0);
        }
      }
    }),
    { numRuns: 200 },
  );
});
