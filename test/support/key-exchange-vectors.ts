/**
 * The golden vectors of the key exchange, `docs/key-exchange-vectors.json`: a join and an accept of fixed private keys, and
 * all that follows from them. Private to the tests; docs/connection.md says what each value is.
 */
import { keyPairOf, nodeCrypto, privateKeyOf } from "#src/udp/node-crypto.js";
import { encodeBase64url } from "#src/zero/base64url.js";
import type { ZeroCrypto } from "#src/zero/crypto.js";
import { buildDatagram, openFrame } from "#src/zero/envelope.js";
import { answerKeyExchange, ClientKeyExchange } from "#src/zero/key-exchange.js";

const rising = (from: number, count = 32): Uint8Array =>
  Uint8Array.from({ length: count }, (_, i) => (from + i) & 255);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Node's cryptography with one ephemeral key. */
export function cryptoWith(privateKey: Uint8Array): ZeroCrypto {
  return { ...nodeCrypto, keyPair: () => keyPairOf(privateKeyOf("x25519", privateKey)) };
}

export const seeds = {
  clientPrivateKey: rising(0x10),
  serverPrivateKey: rising(0x40),
  identitySeed: rising(0x80),
};
const CID = encodeBase64url(rising(0, 16));
const COOKIE = encodeBase64url(rising(0xa0, 22));
const HASH = "0123456789abcdef0123456789abcdef";

export interface KeyExchangeVectors {
  readonly about: string;
  readonly clientPrivateKey: string;
  readonly clientPublicKey: string;
  readonly serverPrivateKey: string;
  readonly serverPublicKey: string;
  readonly identitySeed: string;
  readonly identityPublicKey: string;
  /** Whole datagrams, three zeros included. */
  readonly join: string;
  readonly accept: string;
  readonly joinDigest: string;
  readonly transcript: string;
  readonly signature: string;
  readonly shared: string;
  readonly clientMacKey: string;
  readonly serverMacKey: string;
  readonly clientSecret: string;
  readonly serverSecret: string;
  /** An attach and an attached with the MAC of these keys. */
  readonly attach: string;
  readonly attached: string;
  /** Public keys of X25519 that agree on nothing. */
  readonly lowOrderKeys: readonly string[];
}

/** Points of low order, and what stands for them (RFC 7748, section 6.1; u-coordinates 0, 1, p - 1, p, p + 1 and two of order 8). */
export const lowOrderKeys: readonly string[] = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

/** A join 2 and a function that makes its accept, with keys of their own each. */
export function exchange(clientKey: Uint8Array, serverKey: Uint8Array, seed: Uint8Array) {
  const client = new ClientKeyExchange(cryptoWith(clientKey));
  const join = buildDatagram(
    nodeCrypto,
    {
      cid: CID,
      msg: "join",
      seq: 1,
      ack: 0,
      sys: { cookie: COOKIE, hash: HASH, version: 1, key: client.key },
      body: { name: "ada" },
    },
    { padBytes: 400 },
  );
  client.sent(join);
  const identity = nodeCrypto.signingKey(seed);
  const answer = answerKeyExchange(
    cryptoWith(serverKey),
    identity,
    { digest: nodeCrypto.sha256(join), key: Buffer.from(client.key, "base64url") },
    ({ key, identity: name }) => ({
      cid: CID,
      msg: "accept",
      seq: 1,
      ack: 1,
      sys: { key, identity: name, port: 40_001, ports: [[40_000, 40_003]], hash: HASH, peer: 7 },
      body: { motd: "welcome" },
    }),
  )!;
  return { client, join, identity, ...answer };
}

export function makeKeyExchangeVectors(): KeyExchangeVectors {
  const { clientPrivateKey, serverPrivateKey, identitySeed } = seeds;
  const { client, join, identity, datagram, keys } = exchange(
    clientPrivateKey,
    serverPrivateKey,
    identitySeed,
  );
  const frame = openFrame(datagram, datagram.length);
  if (typeof frame === "string") throw new Error(frame);
  const accept = client.check(frame);
  if (typeof accept === "string") throw new Error(accept);
  const clientPair = cryptoWith(clientPrivateKey).keyPair();
  const serverPair = cryptoWith(serverPrivateKey).keyPair();
  const nonce = encodeBase64url(rising(0x20, 16));
  return {
    about:
      "One key exchange of a sealed connection, as docs/connection.md describes it. Bytes in hex.",
    clientPrivateKey: hex(clientPrivateKey),
    clientPublicKey: hex(clientPair.publicKey),
    serverPrivateKey: hex(serverPrivateKey),
    serverPublicKey: hex(serverPair.publicKey),
    identitySeed: hex(identitySeed),
    identityPublicKey: hex(identity.publicKey),
    join: hex(join),
    accept: hex(datagram),
    joinDigest: hex(nodeCrypto.sha256(join)),
    transcript: hex(accept.transcript),
    signature: hex(
      Buffer.from(/"sig":"([^"]*)"/.exec(String(Buffer.from(datagram)))![1]!, "base64url"),
    ),
    shared: hex(clientPair.agree(serverPair.publicKey)!),
    clientMacKey: hex(keys.zero.client),
    serverMacKey: hex(keys.zero.server),
    clientSecret: hex(keys.secrets.clientSecret),
    serverSecret: hex(keys.secrets.serverSecret),
    attach: hex(
      buildDatagram(
        nodeCrypto,
        { cid: CID, msg: "attach", seq: 2, ack: 1, sys: { port: 40_001, nonce, counter: 1 } },
        { key: keys.zero.client, padBytes: 196 },
      ),
    ),
    attached: hex(
      buildDatagram(
        nodeCrypto,
        { cid: CID, msg: "attached", seq: 2, ack: 2, sys: { nonce } },
        { key: keys.zero.server },
      ),
    ),
    lowOrderKeys,
  };
}
