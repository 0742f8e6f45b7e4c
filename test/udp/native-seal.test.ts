/** Sealing by the compiled part, beside `node:crypto`: what one seals the other opens, byte by byte the same. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { CipherName } from "#src/protocol.js";
import type { SealCrypto } from "#src/session/seal-crypto.js";
import { sealCryptoFor } from "#src/udp/choose-seal.js";
import { nativeThread } from "#src/udp/native-binding.js";
import { nodeSealCrypto } from "#src/udp/node-seal.js";
import { root, temporaryFolder } from "../cli/run.ts";
import { closing, until } from "../support/arena.ts";
import { skipWithoutNative } from "../support/native-sockets.ts";
import { makeSealingVectors } from "../support/sealing-vectors.ts";
import { specUrl } from "../support/specs.ts";

const { listen } = (await import(
  specUrl("sealed", "generated/server.js").href
)) as typeof import("../tmp/specs/sealed/generated/server.ts");
const { connect } = (await import(
  specUrl("sealed", "generated/client.js").href
)) as typeof import("../tmp/specs/sealed/generated/client.ts");

const TAG_BYTES = 16;
const ciphers: readonly CipherName[] = ["aes-256-gcm", "chacha20-poly1305"];

const bytesOf = (most: number, least = most) =>
  fc.uint8Array({ minLength: least, maxLength: most, size: "max" });
/** A datagram anywhere in a buffer: what is before it, in clear, to be sealed, behind the tag. */
const datagrams = fc.record({
  key: bytesOf(32),
  nonce: bytesOf(12),
  before: bytesOf(20, 0),
  clear: bytesOf(40, 0),
  closed: bytesOf(1500, 0),
  behind: bytesOf(20, 0),
});
type Datagram = typeof datagrams extends fc.Arbitrary<infer D> ? D : never;

/** Around the blocks of both ciphers and the strides of their code, and the largest. */
const SIZES = [
  0,
  1,
  15,
  16,
  17,
  31,
  63,
  64,
  65,
  127,
  128,
  129,
  191,
  192,
  255,
  256,
  257,
  511,
  512,
  513,
  1024,
  1500,
  65_535 - 46 - TAG_BYTES,
];

/**
 * For workers, as what wraps their sockets: counts what they have the compiled part seal and open. `wrapSocketData` is two
 * counts in shared memory.
 */
const counting = join(temporaryFolder("native-seal"), "counting.mjs");
writeFileSync(
  counting,
  `import { nativeThread } from ${JSON.stringify(pathToFileURL(join(root, "dist/src/udp/native-binding.js")).href)};
  export default (socket, counts) => {
    const { binding } = nativeThread();
    for (const [i, name] of ["seal", "unseal"].entries()) {
      const call = binding[name];
      binding[name] = (...all) => {
        Atomics.add(counts, i, 1);
        return call(...all);
      };
    }
    return socket;
  };`,
);

afterEach(() => {
  vi.restoreAllMocks();
});

/** To look for a smaller one that fails takes minutes, and says no more: the sizes below have names. */
const NOT_SMALLER = { endOnFailure: true };

/** Told without a word of where they differ, which would take long for each of many. */
const areSame = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0;

/** Sealed in its place by one, with the marks of where it stands. */
function sealed(by: SealCrypto, cipher: CipherName, datagram: Datagram) {
  const { key, nonce, before, clear, closed, behind } = datagram;
  const tag = new Uint8Array(TAG_BYTES);
  const bytes = Uint8Array.from([...before, ...clear, ...closed, ...tag, ...behind]);
  const start = before.length;
  const clearEnd = start + clear.length;
  const end = clearEnd + closed.length;
  by.key(cipher, key).seal(nonce, bytes, start, clearEnd, end);
  return { bytes, start, clearEnd, end: end + TAG_BYTES };
}

// The compiled part is there only where a C compiler is.
describe.skipIf(skipWithoutNative)("sealing by the compiled part", () => {
  const native = sealCryptoFor("native");

  it("is for who has asked for native sockets, and for nobody else", () => {
    expect(sealCryptoFor("node")).toBe(nodeSealCrypto);
    expect(native).not.toBe(nodeSealCrypto);
    expect(sealCryptoFor("auto")).not.toBe(nodeSealCrypto);
  });

  it("is left to node:crypto where a Node does not let it see its OpenSSL", () => {
    const binding = nativeThread()!.binding as { seals: boolean };
    expect(binding.seals).toBe(true);
    binding.seals = false;
    try {
      expect(sealCryptoFor("native")).toBe(nodeSealCrypto);
    } finally {
      binding.seals = true;
    }
  });

  it("takes no key and no nonce of another length", () => {
    const key = native.key("aes-256-gcm", new Uint8Array(32));
    for (const length of [0, 31, 33]) {
      const wrong = new Uint8Array(length);
      expect(() => native.key("aes-256-gcm", wrong)).toThrow(`a key of ${length} bytes`);
      expect(() => key.seal(wrong, new Uint8Array(60), 0, 6, 20)).toThrow(RangeError);
      expect(() => key.open(wrong, new Uint8Array(60), 0, 6, 50)).toThrow(RangeError);
    }
  });

  describe.each(ciphers)("with %s", (cipher) => {
    it("makes of any datagram what node:crypto makes of it, and each opens the other's", () => {
      fc.assert(
        fc.property(datagrams, (datagram) => {
          const ours = sealed(native, cipher, datagram);
          const nodes = sealed(nodeSealCrypto, cipher, datagram);
          expect(areSame(ours.bytes, nodes.bytes)).toBe(true);
          const { key, nonce, before, clear, closed, behind } = datagram;
          for (const [by, { bytes, start, clearEnd, end }] of [
            [native, nodes],
            [nodeSealCrypto, ours],
          ] as const) {
            expect(by.key(cipher, key).open(nonce, bytes, start, clearEnd, end)).toBe(true);
            const opened = Uint8Array.from([...before, ...clear, ...closed]);
            expect(areSame(bytes.subarray(0, end - TAG_BYTES), opened)).toBe(true);
            expect(areSame(bytes.subarray(end), behind)).toBe(true);
          }
        }),
        NOT_SMALLER,
      );
    });

    it.each(SIZES)("seals and opens %i bytes as node:crypto does", (size) => {
      const fill = (length: number, first: number) =>
        Uint8Array.from({ length }, (_, i) => first + i * 7 + (i >> 8));
      const datagram = {
        key: fill(32, 1),
        nonce: fill(12, 2),
        before: fill(3, 3),
        clear: fill(46, 4),
        closed: fill(size, 5),
        behind: fill(3, 6),
      };
      const ours = sealed(native, cipher, datagram);
      expect(areSame(ours.bytes, sealed(nodeSealCrypto, cipher, datagram).bytes)).toBe(true);
      const { bytes, start, clearEnd, end } = ours;
      const key = native.key(cipher, datagram.key);
      bytes[end - 1]! ^= 1;
      const changed = bytes.slice();
      expect(key.open(datagram.nonce, bytes, start, clearEnd, end)).toBe(false);
      expect(areSame(bytes, changed)).toBe(true);
      bytes[end - 1]! ^= 1;
      expect(key.open(datagram.nonce, bytes, start, clearEnd, end)).toBe(true);
      expect(areSame(bytes.subarray(clearEnd, end - TAG_BYTES), datagram.closed)).toBe(true);
    });

    it("opens nothing of which a bit was changed, or with another key or nonce, and leaves it as it was", () => {
      const changes = fc.record({
        datagram: datagrams,
        what: fc.constantFrom("bytes", "key", "nonce"),
        at: fc.nat(),
        bit: fc.nat(7),
      });
      fc.assert(
        fc.property(changes, ({ datagram, what, at, bit }) => {
          const { bytes, start, clearEnd, end } = sealed(native, cipher, datagram);
          const { key, nonce } = datagram;
          const changed = { bytes: bytes.subarray(start, end), key, nonce }[what];
          changed[at % changed.length]! ^= 1 << bit;
          const before = bytes.slice();
          expect(native.key(cipher, key).open(nonce, bytes, start, clearEnd, end)).toBe(false);
          expect(areSame(bytes, before)).toBe(true);
          // What failed is of no consequence for the next.
          changed[at % changed.length]! ^= 1 << bit;
          expect(native.key(cipher, key).open(nonce, bytes, start, clearEnd, end)).toBe(true);
        }),
        NOT_SMALLER,
      );
    });

    it("opens nothing that has no room for a tag", () => {
      const key = native.key(cipher, new Uint8Array(32));
      for (let end = 0; end < 6 + TAG_BYTES; end++) {
        const bytes = new Uint8Array(60).fill(end);
        expect(key.open(new Uint8Array(12), bytes, 0, 6, end)).toBe(false);
        expect(bytes).toEqual(new Uint8Array(60).fill(end));
      }
    });
  });

  it("seals the golden vectors", () => {
    expect(makeSealingVectors(native)).toEqual(makeSealingVectors());
  });

  it.each([
    ["native", "native"],
    ["native", "node"],
    ["node", "native"],
  ] as const)("carries messages both ways: %s server, %s client", async (at, by) => {
    const counts = new Int32Array(new SharedArrayBuffer(8));
    const wrapping = { wrapSocket: pathToFileURL(counting), wrapSocketData: counts };
    const server = closing(await listen({ ports: { count: 1 }, sockets: at, ...wrapping }));
    const calls = (["seal", "unseal"] as const).map((name) =>
      vi.spyOn(nativeThread()!.binding, name),
    );
    server.receive.say((peer, message) => void peer.send.say(message));
    const [port] = server.ports;
    const client = closing(await connect({ port: port!, join: { name: "ada" }, sockets: by }));
    const heard: string[] = [];
    client.receive.say(({ text }) => heard.push(text));
    for (let number = 0; number < 100; number++) client.send.say({ text: `${number}`, number });
    await until(() => heard.length === 100);
    expect(heard).toEqual(Array.from({ length: 100 }, (_, number) => `${number}`));
    // Whoever has native sockets seals so, and who has others does not.
    expect([...counts].map((count) => count > 0)).toEqual(Array(2).fill(at === "native"));
    const called = calls.map((call) => call.mock.calls.length > 0);
    expect(called).toEqual(Array(2).fill(by === "native"));
  });
});
