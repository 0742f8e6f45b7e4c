/** The key exchange of sealed mode by itself: its cryptography, both halves, its golden vectors. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { freshKeyPair, generatedKeyPair, nodeCrypto } from "#src/udp/node-crypto.js";
import { buildDatagram, checkMac, type Frame, openFrame, parseFrame } from "#src/zero/envelope.js";
import { answerKeyExchange, ClientKeyExchange } from "#src/zero/key-exchange.js";
import {
  cryptoWith,
  exchange,
  type KeyExchangeVectors,
  lowOrderKeys,
  makeKeyExchangeVectors,
  seeds,
} from "../support/key-exchange-vectors.ts";
import { runPython, skipWithoutPython } from "../support/python.ts";

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
const hex = (value: Uint8Array | undefined): string | undefined =>
  value && Buffer.from(value).toString("hex");

function frameOf(datagram: Uint8Array): Frame {
  const frame = openFrame(datagram, datagram.length);
  if (typeof frame === "string") throw new Error(frame);
  return frame;
}

const standard = () => exchange(seeds.clientPrivateKey, seeds.serverPrivateKey, seeds.identitySeed);

describe("Node's cryptography", () => {
  it("makes key pairs whose halves belong together, in both ways", () => {
    for (let i = 0; i < 32; i++) {
      const [made, generated] = [freshKeyPair(), generatedKeyPair()];
      const shared = made.agree(generated.publicKey);
      expect(shared).toHaveLength(32);
      expect(hex(generated.agree(made.publicKey))).toBe(hex(shared));
    }
    const keys = Array.from({ length: 100 }, () => hex(freshKeyPair().publicKey));
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("agrees as in RFC 7748, section 6.1", () => {
    const alice = cryptoWith(
      bytes("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"),
    ).keyPair();
    const bob = cryptoWith(
      bytes("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"),
    ).keyPair();
    expect(hex(alice.publicKey)).toBe(
      "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
    );
    const shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
    expect(hex(alice.agree(bob.publicKey))).toBe(shared);
    expect(hex(bob.agree(alice.publicKey))).toBe(shared);
  });

  it("signs as in RFC 8032, section 7.1, test 1, and takes no other signature, key or text", () => {
    const key = nodeCrypto.signingKey(
      bytes("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"),
    );
    expect(hex(key.publicKey)).toBe(
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    );
    const nothing = new Uint8Array();
    const signature = key.sign(nothing);
    expect(hex(signature)).toBe(
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    );
    expect(nodeCrypto.verify(key.publicKey, nothing, signature)).toBe(true);
    expect(nodeCrypto.verify(key.publicKey, Uint8Array.of(0), signature)).toBe(false);
    for (const other of [new Uint8Array(32), new Uint8Array(32).fill(255), new Uint8Array(3)]) {
      expect(nodeCrypto.verify(other, nothing, signature)).toBe(false);
      expect(nodeCrypto.verify(key.publicKey, nothing, other)).toBe(false);
    }
  });

  it.each(lowOrderKeys)("agrees on nothing with the point of low order %s", (key) => {
    expect(nodeCrypto.keyPair().agree(bytes(key))).toBeUndefined();
  });

  it("makes another key pair each time, and agrees with all of them", () => {
    const [a, b, c] = [nodeCrypto.keyPair(), nodeCrypto.keyPair(), nodeCrypto.keyPair()];
    expect(a.agree(b.publicKey)).toEqual(b.agree(a.publicKey));
    expect(a.agree(c.publicKey)).not.toEqual(a.agree(b.publicKey));
    expect(a.agree(new Uint8Array(31))).toBeUndefined();
  });
});

describe("the two halves of a key exchange", () => {
  it("have the same keys in the end, one for each direction and use", () => {
    const { client, datagram, keys, identity } = standard();
    const accept = client.check(frameOf(datagram));
    if (typeof accept === "string") throw new Error(accept);
    expect(client.keysOf(accept)).toEqual(keys);
    expect(accept.identity).toBe(Buffer.from(identity.publicKey).toString("base64url"));
    const all = [...Object.values(keys.zero), ...Object.values(keys.secrets)].map(hex);
    expect(new Set(all).size).toBe(4);
    expect(all.every((key) => key?.length === 64)).toBe(true);
  });

  it("have other keys for another key or another byte of either datagram", () => {
    const keysOf = (made: ReturnType<typeof exchange>) => JSON.stringify(made.keys);
    const other = new Uint8Array(32).fill(7);
    const { clientPrivateKey, serverPrivateKey, identitySeed } = seeds;
    const all = [
      standard(),
      exchange(other, serverPrivateKey, identitySeed),
      exchange(clientPrivateKey, other, identitySeed),
      exchange(clientPrivateKey, serverPrivateKey, other),
    ].map(keysOf);
    expect(new Set(all).size).toBe(all.length);
  });

  it("take no accept of which a bit was changed, wherever", () => {
    const { client, datagram } = standard();
    for (let at = 0; at < datagram.length; at++) {
      const changed = datagram.slice();
      changed[at]! ^= 1 << (at % 8);
      const frame = openFrame(changed, changed.length);
      if (typeof frame === "string") continue;
      expect(typeof client.check(frame), `byte ${at}`).toBe("string");
    }
  });

  it("take no accept for another join, be it one bit of it", () => {
    const { client, join, datagram } = standard();
    for (let at = 0; at < join.length; at++) {
      const changed = join.slice();
      changed[at]! ^= 1;
      client.sent(changed);
      expect(client.check(frameOf(datagram)), `byte ${at}`).toBe("droppedSignature");
    }
    client.sent(join);
    expect(client.check(frameOf(datagram))).not.toBe("droppedSignature");
  });

  it("take no accept that another identity has signed in the name of the first", () => {
    const { client, join, datagram } = standard();
    const other = nodeCrypto.signingKey(new Uint8Array(32).fill(9));
    const text = Buffer.from(datagram).toString("latin1", 3);
    const { seq, ack, cid, sys, body } = JSON.parse(text);
    const forged = answerKeyExchange(
      nodeCrypto,
      other,
      { digest: nodeCrypto.sha256(join), key: Buffer.from(client.key, "base64url") },
      ({ key }) => ({ cid, msg: "accept", seq, ack, sys: { ...sys, key }, body }),
    )!;
    expect(client.check(frameOf(forged.datagram))).toBe("droppedSignature");
  });

  it("answer a client's key of low order with nothing", () => {
    for (const key of lowOrderKeys) {
      const { join, identity } = standard();
      const answer = answerKeyExchange(
        nodeCrypto,
        identity,
        { digest: nodeCrypto.sha256(join), key: bytes(key) },
        () => {
          throw new Error("no accept is to be made");
        },
      );
      expect(answer, key).toBeUndefined();
    }
  });

  it("have no keys of a server's key of low order, though it is signed", () => {
    const { client, join, identity } = standard();
    for (const low of lowOrderKeys) {
      const lowKey = {
        publicKey: bytes(low),
        agree: () => new Uint8Array(32),
      };
      const { datagram } = answerKeyExchange(
        { ...nodeCrypto, keyPair: () => lowKey },
        identity,
        { digest: nodeCrypto.sha256(join), key: Buffer.from(client.key, "base64url") },
        ({ key, identity: name }) => ({
          cid: "A".repeat(22),
          msg: "accept",
          seq: 1,
          ack: 1,
          sys: { key, identity: name, port: 1, ports: [[1, 1]], hash: "0".repeat(32), peer: 1 },
        }),
      )!;
      const accept = client.check(frameOf(datagram));
      if (typeof accept === "string") throw new Error(accept);
      expect(client.keysOf(accept), low).toBeUndefined();
    }
  });

  it("look at no accept before join 2 is out", () => {
    expect(new ClientKeyExchange(nodeCrypto).check(frameOf(standard().datagram))).toBe(
      "droppedEnvelope",
    );
  });
});

describe("the member sig", () => {
  const message = { cid: "A".repeat(22), msg: "gone", seq: 0, ack: 0, sys: {} } as const;
  const signed = buildDatagram(nodeCrypto, message, { sign: () => new Uint8Array(64).fill(3) });
  const text = Buffer.from(signed).toString("latin1");

  it("closes the datagram 96 bytes before its end", () => {
    expect(frameOf(signed).sigAt).toBe(signed.length - 96);
    expect(frameOf(signed).macAt).toBe(-1);
    expect(parseFrame(frameOf(signed))).toMatchObject({ msg: "gone" });
  });

  it.each([
    ["not the last", text.replace(/,"sig":("[^"]*")}$/, ',"sig":$1,"x":1}')],
    ["shorter", text.replace(/..("})$/, "$1")],
    ["with unused bits set", text.replace(/.("})$/, "B$1")],
    ["a number", text.replace(/"sig":".*/, '"sig":1}')],
    ["there twice, the last in another form", text.replace(/}$/, ',"sig":""}')],
    ["in front of a MAC", text.replace(/}$/, `,"mac":"${"A".repeat(22)}"}`)],
  ])("is refused where it is %s", (_, changed) => {
    const frame = openFrame(Buffer.from(changed, "latin1"), changed.length);
    if (typeof frame === "string") throw new Error(frame);
    expect(frame.sigAt).toBe(-1);
    expect(parseFrame(frame)).toBe("droppedEnvelope");
  });

  it("and a MAC are never taken for each other", () => {
    const key = new Uint8Array(32);
    const withMac = buildDatagram(
      nodeCrypto,
      { ...message, msg: "close", sys: { code: "x" } },
      { key },
    );
    expect(frameOf(withMac).sigAt).toBe(-1);
    expect(checkMac(nodeCrypto, frameOf(withMac), key)).toBe(true);
  });
});

describe("the golden vectors of the key exchange", () => {
  const file = new URL("../../docs/key-exchange-vectors.json", import.meta.url);

  it("are what our halves do (`npx vitest run test/zero/key-exchange -u` writes them)", async () => {
    const made = `${JSON.stringify(makeKeyExchangeVectors(), null, 2)}\n`;
    await expect(made).toMatchFileSnapshot(fileURLToPath(file));
  });

  it("are taken by the client's half", () => {
    const kept = JSON.parse(readFileSync(file, "utf8")) as KeyExchangeVectors;
    const client = new ClientKeyExchange(cryptoWith(bytes(kept.clientPrivateKey)));
    client.sent(bytes(kept.join));
    const accept = client.check(frameOf(bytes(kept.accept)));
    if (typeof accept === "string") throw new Error(accept);
    expect(hex(accept.transcript)).toBe(kept.transcript);
    const keys = client.keysOf(accept)!;
    expect(hex(keys.zero.server)).toBe(kept.serverMacKey);
    expect(hex(keys.secrets.clientSecret)).toBe(kept.clientSecret);
    expect(checkMac(nodeCrypto, frameOf(bytes(kept.attached)), keys.zero.server)).toBe(true);
  });

  // Without the package there is nothing to run; where CI is set that fails instead.
  it.skipIf(skipWithoutPython)("are what a program in Python finds by the document alone", () => {
    const program = fileURLToPath(
      new URL("../support/independent/key_exchange.py", import.meta.url),
    );
    expect(runPython([program, fileURLToPath(file)])).toEqual({ status: 0, said: "problems: 0\n" });
  });
});
