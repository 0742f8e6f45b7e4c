/**
 * The golden vectors of what is made of an HMAC alone, `docs/mac-vectors.json`: keys and MACs of plain connections, which both
 * sides work out; cookies, nonces and proofs of a loss, which are a server's own business and stand there to be learned from. Private
 * to the tests; docs/connection.md says what each value is.
 */
import { nodeCrypto } from "#src/udp/node-crypto.js";
import { encodeBase64url } from "#src/zero/base64url.js";
import { CookieJar, type CookieSubject } from "#src/zero/cookie.js";
import { buildDatagram } from "#src/zero/envelope.js";
import { plainKeys } from "#src/zero/keys.js";
import { resetKeyOf, resetOf, resetProof } from "#src/zero/reset.js";
import { rising } from "./token-vectors.ts";
import { messageOf, PORTS, World } from "./zero-world.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

const cid = encodeBase64url(rising(0, 16));
const ticket = rising(0);
/** Of a port: all that it draws. */
const secret = rising(0x40);
const fixed = { ...nodeCrypto, randomBytes: (count: number) => rising(0x40, count) };

function plain() {
  const keys = plainKeys(nodeCrypto, ticket);
  const of = { cid, seq: 0, ack: 2 };
  const nonce = encodeBase64url(rising(0xf0, 16).reverse());
  return {
    ticket: hex(ticket),
    clientKey: hex(keys.client),
    serverKey: hex(keys.server),
    fromClient: hex(
      buildDatagram(nodeCrypto, { ...of, msg: "ack", sys: { nonce } }, { key: keys.client }),
    ),
    fromServer: hex(
      buildDatagram(
        nodeCrypto,
        { ...of, msg: "attached", seq: 2, sys: { nonce } },
        { key: keys.server },
      ),
    ),
  };
}

function cookies() {
  const hash = "0123456789abcdef0123456789abcdef";
  const made = (subject: CookieSubject, timeMs: number) => ({
    ...subject,
    timeMs: Math.floor(timeMs),
    cookie: new CookieJar(fixed, 10_000, timeMs).make(subject, timeMs),
  });
  return [
    made({ address: "10.0.0.1", port: 40_000, local: 0, cid, hash }, 0),
    made({ address: "10.0.0.1", port: 40_000, local: 1, cid, hash }, 1234.75),
    made({ address: "2001:db8::1", port: 1, local: 0, cid, hash }, 2 ** 33 + 5),
  ];
}

/** A client that comes to its port from another one of its NAT's, as a machine answers it. */
function nonce() {
  const world = new World({
    serverOptions: { crypto: fixed },
    place: () => PORTS[1],
  });
  const natPort = (towards: number): number => 40_000 + (towards - PORTS[0]);
  const { client } = world.join({ natPort });
  world.runFor(1000);
  const attached = messageOf(world.sentOf("attached")[0]!.bytes);
  const said = { cid: client.cid, counter: 1, address: "10.0.0.1", port: 40_001, local: 0 };
  return { ...said, nonce: attached.sys["nonce"] as string };
}

function loss() {
  const identitySeed = rising(0x80);
  const key = resetKeyOf(nodeCrypto, identitySeed);
  const proof = resetProof(nodeCrypto, key, cid, 12_342);
  return {
    identitySeed: hex(identitySeed),
    resetKey: hex(key),
    cid,
    port: 12_342,
    proof: encodeBase64url(proof),
    reset: resetOf(nodeCrypto, proof),
  };
}

export function makeMacVectors() {
  return {
    about:
      "What is made of an HMAC alone, as docs/connection.md describes it. Keys and datagrams in hex. Only `plain`, and that reset follows from proof, concern both sides; the rest is how our servers do it.",
    plain: plain(),
    secret: hex(secret),
    cookies: cookies(),
    nonce: nonce(),
    loss: loss(),
  };
}
