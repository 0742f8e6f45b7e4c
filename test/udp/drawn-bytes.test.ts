/** Random bytes of the connection protocol's cryptography, which are drawn in bulk. */
import { describe, expect, it } from "vitest";
import { nodeCrypto } from "#src/udp/node-crypto.js";

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);

describe("random bytes", () => {
  it("are as many as are asked for, and never given twice, wherever what was drawn ends", () => {
    // Sizes that 4,096 is no multiple of, and those that it is.
    for (const count of [16, 20, 32, 33, 4096, 5000]) {
      const all = Array.from({ length: 600 }, () => nodeCrypto.randomBytes(count));
      expect(all.every(({ length }) => length === count)).toBe(true);
      expect(all.some(isZero)).toBe(false);
      expect(new Set(all.map(text)).size).toBe(600);
    }
  });

  it("are no part of one another, and stay as they are while more are drawn", () => {
    const all = Array.from({ length: 300 }, () => nodeCrypto.randomBytes(32));
    const before = all.map(text);
    for (let i = 0; i < 300; i++) nodeCrypto.randomBytes(32);
    expect(all.map(text)).toEqual(before);
    expect(new Set(all.map(({ buffer }) => buffer)).size).toBe(300);
  });

  it("have each bit set about as often as not", () => {
    const bits = new Array<number>(128).fill(0);
    for (let i = 0; i < 4000; i++) {
      const bytes = nodeCrypto.randomBytes(16);
      for (let bit = 0; bit < 128; bit++) bits[bit]! += (bytes[bit >> 3]! >> (bit & 7)) & 1;
    }
    // Six standard deviations and more of 4,000 tosses.
    for (const count of bits) expect(Math.abs(count - 2000)).toBeLessThan(250);
  });
});
