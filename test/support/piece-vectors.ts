/**
 * The golden vectors of joins in pieces, `docs/piece-vectors.json`: both joins and all pieces that a client of fixed keys sends, readable and
 * sealed. Private to the tests; docs/connection.md says what each value is.
 */
import { keyPairOf, nodeCrypto, privateKeyOf } from "#src/udp/node-crypto.js";
import { encodeBase64url } from "#src/zero/base64url.js";
import { JoinAttempt } from "#src/zero/join.js";
import { RepeatedRequest } from "#src/zero/request.js";
import { readOfferedKey } from "#src/zero/secrets.js";
import { handZeroProtocol } from "./hand-zero.ts";
import { clientPrivateKey, joinPrivateKey, portKey } from "./secret-vectors.ts";
import { rising } from "./token-vectors.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const crypto = {
  ...nodeCrypto,
  randomBytes: (count: number) => rising(0, count),
  keyPair: () => keyPairOf(privateKeyOf("x25519", clientPrivateKey)),
};
const cookie = encodeBase64url(rising(0x40, 22));

/** Three pieces and a short one. */
const ticket = "0123456789abcdef".repeat(190);

function joinOf(body: object, isSecret: boolean) {
  const protocol = handZeroProtocol({
    large: true,
    ...(isSecret && { security: "sealed", secrets: true }),
  });
  const sent: Uint8Array[] = [];
  const parts = { token: undefined, stay: false, body };
  const attempt = new JoinAttempt(crypto, protocol, parts, (piece) => void sent.push(piece));
  const first = attempt.first();
  const to = isSecret ? readOfferedKey(crypto, portKey.text) : undefined;
  const second = attempt.second(cookie, to)!;
  // All of it arrives.
  const request = new RepeatedRequest(
    () => 0,
    () => {},
  );
  for (let count = 0; attempt.hearPieces(count, request, 0) === false; count++);
  return {
    body: JSON.stringify(body),
    join1: hex(first),
    join2: hex(second),
    pieces: sent.map(hex),
  };
}

export function makePieceVectors() {
  return {
    about: "Joins whose body comes in pieces, as docs/connection.md describes them. Bytes in hex.",
    readable: joinOf({ name: "Zoë", ticket }, false),
    joinPrivateKey: hex(joinPrivateKey),
    clientPrivateKey: hex(clientPrivateKey),
    sealed: joinOf({ name: "Zoë", password: "open sesame", ticket }, true),
  };
}
