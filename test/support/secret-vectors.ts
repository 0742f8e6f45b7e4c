/**
 * The golden vectors of secret members, `docs/secret-vectors.json`: a challenge and the join 2 that answers it, of fixed keys, and joins
 * that are refused. Private to the tests; docs/connection.md says what each value is.
 */
import { keyPairOf, nodeCrypto, privateKeyOf } from "#src/udp/node-crypto.js";
import { encodeBase64url } from "#src/zero/base64url.js";
import { buildDatagram, openFrame, secretOf } from "#src/zero/envelope.js";
import { PortJoinKey, readOfferedKey, sealSecret } from "#src/zero/secrets.js";
import { rising } from "./token-vectors.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

export const identitySeed: Uint8Array = rising(0x80);
export const joinPrivateKey: Uint8Array = rising(0xa0);
export const clientPrivateKey: Uint8Array = rising(0x10);
const identity = nodeCrypto.signingKey(identitySeed);
const pair = keyPairOf(privateKeyOf("x25519", clientPrivateKey));
export const portKey: PortJoinKey = new PortJoinKey(
  { ...nodeCrypto, keyPair: () => keyPairOf(privateKeyOf("x25519", joinPrivateKey)) },
  identity,
);

const cid = encodeBase64url(rising(0, 16));
const cookie = encodeBase64url(rising(0x40, 22));
export const members = { password: "Zoë’s", pin: 4711 };

/** A join 2, whose head is what `changed` makes of it after sealing. */
function joinOf(changed: (text: string) => string = (text) => text): Uint8Array {
  const offered = readOfferedKey(nodeCrypto, portKey.text)!;
  const sys = {
    cookie,
    hash: "0123456789abcdef0123456789abcdef",
    version: 1,
    key: encodeBase64url(pair.publicKey),
  };
  const join = buildDatagram(
    nodeCrypto,
    { cid, msg: "join", seq: 1, ack: 0, sys, body: { name: "ada" } },
    { padBytes: 700, secret: sealSecret(nodeCrypto, pair, offered.key, members)! },
  );
  return Buffer.from(changed(Buffer.from(join).toString("latin1")), "latin1");
}

/** What the port of the vectors finds in a join. */
export function openedBy(join: Uint8Array): unknown {
  const frame = openFrame(join, join.length);
  if (typeof frame === "string") return frame;
  const { secret } = JSON.parse(Buffer.from(join.subarray(3)).toString());
  const found = secretOf(frame, secret);
  return found && portKey.open(pair.publicKey, found.head, found.sealed);
}

export function makeSecretVectors() {
  const challenge = buildDatagram(nodeCrypto, {
    cid,
    msg: "challenge",
    seq: 0,
    ack: 0,
    sys: { cookie, joinKey: portKey.text },
  });
  const swap = (at: number) => (text: string) => {
    const where = text.indexOf('"secret":"') + '"secret":"'.length + at;
    const other = text[where] === "A" ? "B" : "A";
    return `${text.slice(0, where)}${other}${text.slice(where + 1)}`;
  };
  return {
    about: "Secret members of join, as docs/connection.md describes them. Bytes in hex.",
    identitySeed: hex(identitySeed),
    identity: encodeBase64url(identity.publicKey),
    joinPrivateKey: hex(joinPrivateKey),
    clientPrivateKey: hex(clientPrivateKey),
    joinKey: portKey.text,
    challenge: hex(challenge),
    members: JSON.stringify(members),
    join: hex(joinOf()),
    refused: [
      { case: "another name", join: hex(joinOf((text) => text.replace('"ada"', '"bob"'))) },
      {
        case: "another cookie",
        join: hex(joinOf((text) => text.replace(cookie, `A${cookie.slice(1)}`))),
      },
      { case: "a padding that is shorter", join: hex(joinOf((text) => text.replace("..", "."))) },
      { case: "another first byte", join: hex(joinOf(swap(0))) },
      { case: "another byte of the tag", join: hex(joinOf(swap(100))) },
    ],
  };
}
