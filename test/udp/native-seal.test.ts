/** Sealing by the compiled part, beside `node:crypto`: what one seals the other opens, byte by byte the same. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CipherName } from "#src/protocol.js";
import type { SealCrypto } from "#src/session/seal-crypto.js";
import { sealCryptoFor } from "#src/udp/choose-seal.js";
import { nodeSealCrypto } from "#src/udp/node-seal.js";
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
  fc.uint8Array({ minLength: least, maxLength: most });
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

  it("is for whom has asked for native sockets, and for nobody else", () => {
    expect(sealCryptoFor("node")).toBe(nodeSealCrypto);
    expect(native).not.toBe(nodeSealCrypto);
    expect(sealCryptoFor("auto")).not.toBe(nodeSealCrypto);
  });

  describe.each(ciphers)("with %s", (cipher) => {
    it("makes of any datagram what node:crypto makes of it, and each opens the other's", () => {
      fc.assert(
        fc.property(datagrams, (datagram) => {
          const ours = sealed(native, cipher, datagram);
          const nodes = sealed(nodeSealCrypto, cipher, datagram);
          expect(ours.bytes).toEqual(nodes.bytes);
          const { key, nonce, before, clear, closed, behind } = datagram;
          for (const [by, { bytes, start, clearEnd, end }] of [
            [native, nodes],
            [nodeSealCrypto, ours],
          ] as const) {
            expect(by.key(cipher, key).open(nonce, bytes, start, clearEnd, end)).toBe(true);
            expect(bytes.subarray(0, end - TAG_BYTES)).toEqual(
              Uint8Array.from([...before, ...clear, ...closed]),
            );
            expect(bytes.subarray(end)).toEqual(behind);
          }
        }),
      );
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
          expect(bytes).toEqual(before);
          // What failed is of no consequence for the next.
          changed[at % changed.length]! ^= 1 << bit;
          expect(native.key(cipher, key).open(nonce, bytes, start, clearEnd, end)).toBe(true);
        }),
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
    const server = closing(await listen({ ports: { count: 1 }, sockets: at }));
    server.receive.say((peer, message) => void peer.send.say(message));
    const [port] = server.ports;
    const client = closing(await connect({ port: port!, join: { name: "ada" }, sockets: by }));
    const heard: string[] = [];
    client.receive.say(({ text }) => heard.push(text));
    for (let number = 0; number < 100; number++) client.send.say({ text: `${number}`, number });
    await until(() => heard.length === 100);
    expect(heard).toEqual(Array.from({ length: 100 }, (_, number) => `${number}`));
    expect(client.security).toBe("opportunistic");
  });
});
