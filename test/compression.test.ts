import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { encodeOnce, MalformedError, Reader } from "stardust-udp/wire";
import { describe, expect, it } from "vitest";
import { compressedDecoder, compressedEncoder } from "#src/compression.js";
import { InvalidMessageError } from "#src/errors.js";

const MAX_BYTES = 100_000;
const COMPAT_MAX_BYTES = 120_000;

/** Messages that are their own bytes. */
const encoder = compressedEncoder<Uint8Array>(MAX_BYTES, (message, w, at) => {
  w.bytes.set(message, at);
  return at + message.length;
});
const decoder = compressedDecoder<Uint8Array>(MAX_BYTES, COMPAT_MAX_BYTES, (r) => {
  const { at, end } = r;
  r.at = end;
  return r.bytes.slice(at, end);
});

function encoded(message: Uint8Array): Uint8Array {
  return encodeOnce(encoder, message).slice();
}

function decoded(payload: Uint8Array, compat = false): Uint8Array {
  const r = Reader.of(payload);
  r.compat = compat;
  return decoder.decode(r);
}

function deflated(bytes: Uint8Array, ...behind: number[]): Uint8Array {
  return Uint8Array.from([1, ...deflateRawSync(bytes), ...behind]);
}

function problemOf(payload: Uint8Array, compat = false): string {
  try {
    decoded(payload, compat);
  } catch (error) {
    expect(error).toBeInstanceOf(MalformedError);
    return (error as MalformedError).problem;
  }
  return "none";
}

describe("a compressed message", () => {
  it("comes back, whatever its bytes, and takes at most one byte more", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.array(fc.nat(3), { maxLength: 6000 }).map((list) => Uint8Array.from(list)),
    );
    fc.assert(
      fc.property(bytes, (message) => {
        const payload = encoded(message);
        expect(payload.length).toBeLessThanOrEqual(message.length + 1);
        expect(decoded(payload)).toEqual(message);
      }),
      { seed: 1 },
    );
  });

  it("is stored where it is small, or does not get shorter, and else deflated", () => {
    expect(encoded(new Uint8Array(63))).toEqual(new Uint8Array(64));
    expect(encoded(new Uint8Array(64))[0]).toBe(1);
    const noise = Uint8Array.from({ length: 200 }, (_, i) => (i * i * 37) ^ (i * 11));
    expect(encoded(noise)).toEqual(Uint8Array.of(0, ...noise));
    const large = encoded(new Uint8Array(MAX_BYTES));
    expect(large[0]).toBe(1);
    expect(large.length).toBeLessThan(1000);
  });

  it("tells by its length what somebody's text in it has in common with a secret beside it", () => {
    const lengthWith = (guess: string): number =>
      encoded(Buffer.from(`{"chat":"${guess}","cookie":"session=hunter2;","score":1201,"x":77}`))
        .length;
    const wrong = ["session=qwzrty9;", "session=letm31n;", "session=pa55w0r;"].map(lengthWith);
    expect(lengthWith("session=hunter2;")).toBeLessThan(Math.min(...wrong));
  });

  it("tells nothing of those before it: nothing of one is used for another", () => {
    const guess = Buffer.from(
      "the secret is hunter2, the secret is hunter2, the secret is hunter2",
    );
    const alone = encoded(guess);
    encoded(Buffer.from("hunter2 ".repeat(500)));
    expect(encoded(guess)).toEqual(alone);
    expect(decoded(alone)).toEqual(Uint8Array.from(guess));
  });

  it("is bounded before it is compressed: what is too long is not sent, however short it would get", () => {
    expect(() => encoded(new Uint8Array(MAX_BYTES + 1))).toThrow(InvalidMessageError);
    expect(decoded(encoded(new Uint8Array(MAX_BYTES)))).toEqual(new Uint8Array(MAX_BYTES));
  });
});

describe("a payload that says it is compressed", () => {
  it("is refused without a form, or with one that nobody knows", () => {
    expect(problemOf(Uint8Array.of())).toMatch(/1 more byte/);
    expect(problemOf(Uint8Array.of(2, 7))).toBe("2 is neither stored nor deflated");
  });

  it("is refused where it is no stream, one that is cut off, or one with something behind it", () => {
    const good = deflated(new Uint8Array(500));
    expect(problemOf(good)).toBe("none");
    expect(problemOf(Uint8Array.of(1))).toBe("is no DEFLATE stream");
    expect(problemOf(Uint8Array.of(1, 7, 7))).toBe("is no DEFLATE stream");
    for (let end = 1; end < good.length; end++) {
      expect(problemOf(good.subarray(0, end)), `${end} bytes`).toBe("is no DEFLATE stream");
    }
    expect(problemOf(deflated(new Uint8Array(500), 0))).toBe("1 bytes left over behind the stream");
    expect(problemOf(deflated(new Uint8Array(500), ...good))).toMatch(/left over/);
  });

  it("is refused where the message itself would have been as short", () => {
    expect(problemOf(deflated(Uint8Array.of(1, 2, 3)))).toBe("is deflated, and no shorter for it");
    const blocks = Uint8Array.of(1, 1, 4, 0, 251, 255, 9, 9, 9, 9);
    expect(problemOf(blocks)).toBe("is deflated, and no shorter for it");
  });

  it("inflates to as much as the channel allows and not a byte more", () => {
    expect(problemOf(deflated(new Uint8Array(MAX_BYTES)))).toBe("none");
    const more = deflated(new Uint8Array(MAX_BYTES + 1));
    expect(problemOf(more)).toBe(`inflates to more than ${MAX_BYTES} bytes`);
    // A peer of another version may have messages that have grown.
    expect(problemOf(more, true)).toBe("none");
    const most = deflated(new Uint8Array(COMPAT_MAX_BYTES + 1));
    expect(problemOf(most, true)).toBe(`inflates to more than ${COMPAT_MAX_BYTES} bytes`);
  });

  it("costs no more memory than the channel allows, whatever it would inflate to", () => {
    // A megabyte of zeros for each kilobyte.
    const bomb = deflated(new Uint8Array(64 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(80_000);
    expect(64 * 1024 * 1024).toBeGreaterThan(bomb.length * 900);
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    for (let i = 0; i < 20; i++) {
      expect(problemOf(bomb)).toBe(`inflates to more than ${MAX_BYTES} bytes`);
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    // What twenty of them leave for the collector: each the bound and a chunk of zlib's, at most.
    expect(most).toBeLessThan(20 * 2 * (MAX_BYTES + 16_384));
  });
});
