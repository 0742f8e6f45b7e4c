/** The golden vectors of a sealed spec: its accept is signed, and both halves of the runtime's key exchange take them. */
import { describe, expect, it } from "vitest";
import { emitVectors } from "#codegen/emit/vectors.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { loadSpec } from "#codegen/spec/load.js";
import { nodeCrypto } from "#src/udp/node-crypto.js";
import { checkMac, type Frame, openFrame } from "#src/zero/envelope.js";
import { ClientKeyExchange } from "#src/zero/key-exchange.js";
import { cryptoWith } from "../support/key-exchange-vectors.ts";

// biome-ignore lint/suspicious/noExplicitAny: vectors are JSON
type Any = any;

const loaded = loadSpec(
  "stardust: 1\nprotocol: { name: game }\nsecurity: plain\nchannels: { a: { id: 0, delivery: unreliable, message: { t: u8 } } }\n",
  "protocol.yaml",
);
const sealed = resolveSpec({ ...loaded, spec: { ...loaded.spec!, security: "sealed" } })!;
const { keys, zero }: Any = JSON.parse(emitVectors(sealed));
const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));

function frame(name: string): Frame {
  const found = zero.find((one: Any) => one.case === name);
  const all = bytes(found.hex);
  const opened = openFrame(all, all.length);
  if (typeof opened === "string") throw new Error(opened);
  return opened;
}

describe("the golden vectors of a sealed spec", () => {
  const client = new ClientKeyExchange(cryptoWith(bytes(keys.clientPrivateKey)));
  client.sent(frame("join from the client: all members").bytes);

  it("give the secrets that the runtime gets from their join and accept", () => {
    const accept = client.check(frame("accept from the server: what is required"));
    if (typeof accept === "string") throw new Error(accept);
    const made = client.keysOf(accept)!;
    const told = { ...made.zero, ...made.secrets };
    for (const [name, key] of Object.entries(told)) {
      expect(Buffer.from(key).toString("hex"), name).toBe(keys[name]);
    }
    expect(
      checkMac(nodeCrypto, frame("attach from the client: all members"), made.zero.client),
    ).toBe(true);
    expect(
      checkMac(nodeCrypto, frame("attached from the server: all members"), made.zero.server),
    ).toBe(true);
  });

  it("have an accept with all members that is signed too", () => {
    expect(typeof client.check(frame("accept from the server: all members"))).toBe("object");
  });

  it("have the client's key in both joins, and neither ticket nor tag", () => {
    for (const { case: name, sys } of zero) {
      expect(Object.hasOwn(sys, "ticket") || Object.hasOwn(sys, "tag"), name).toBe(false);
      expect(Object.hasOwn(sys, "key"), name).toBe(/^(join|accept) /.test(name));
    }
  });
});
