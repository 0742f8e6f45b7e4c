/**
 * The golden vectors of connect tokens, `docs/token-vectors.json`: two tokens of fixed keys, a join that brings the first, and
 * what is no token. Private to the tests; docs/connection.md says what each value is.
 */
import { nodeCrypto } from "#src/udp/node-crypto.js";
import { encodeBase64url } from "#src/zero/base64url.js";
import type { SigningKey } from "#src/zero/crypto.js";
import { buildDatagram, openFrame, signatureOf } from "#src/zero/envelope.js";
import { signJoin, signToken, type TokenContents } from "#src/zero/token.js";

export const rising = (from: number, count = 32): Uint8Array =>
  Uint8Array.from({ length: count }, (_, i) => (from + i) & 255);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

export const issuerSeed: Uint8Array = rising(0x60);
export const clientSeed: Uint8Array = rising(0xb0);
export const issuer: SigningKey = nodeCrypto.signingKey(issuerSeed);
export const client: SigningKey = nodeCrypto.signingKey(clientSeed);

/** 2026-07-01T12:00:00Z. */
export const EXPIRES_AT_MS = 1_782_907_200_000;

export const contents: TokenContents = {
  id: rising(0x20, 16),
  clientKey: client.publicKey,
  expiresAtMs: EXPIRES_AT_MS,
  audience: "eu-1",
  claims: { user: 7, name: "Zoë" },
};

/** A token's bytes changed, and signed again by the issuer. */
export function resigned(token: string, change: (bytes: Buffer) => Uint8Array): string {
  const signed = Buffer.from(change(Buffer.from(token, "base64url").subarray(0, -64)));
  const label = Buffer.from("stardust 1 connect token");
  return Buffer.concat([signed, issuer.sign(Buffer.concat([label, signed]))]).toString("base64url");
}

/** With these bytes as claims, whatever they are. */
export function withClaims(claims: string | Uint8Array): string {
  const at = Buffer.from(signToken(issuer, { ...contents, claims: {} }), "base64url").length - 66;
  return resigned(signToken(issuer, { ...contents, claims: {} }), (bytes) =>
    Buffer.concat([bytes.subarray(0, at), Buffer.from(claims as string)]),
  );
}

/** What a reader refuses before it looks at the signature, which is right in each. */
export function refusedTokens(): { readonly case: string; readonly token: string }[] {
  const token = signToken(issuer, contents);
  const atByte = (at: number, value: number) => (bytes: Buffer) => {
    bytes[at] = value;
    return bytes;
  };
  return [
    { case: "version 0", token: resigned(token, atByte(0, 0)) },
    { case: "version 2", token: resigned(token, atByte(0, 2)) },
    {
      case: "an audience of 65 bytes",
      token: signToken(issuer, { ...contents, audience: "a".repeat(65) }),
    },
    { case: "an audience that ends behind the claims", token: resigned(token, atByte(63, 60)) },
    { case: "an audience that is not UTF-8", token: resigned(token, atByte(64, 0xff)) },
    { case: "no claims", token: withClaims("") },
    { case: "claims that are a list", token: withClaims("[]") },
    { case: "claims that are not JSON", token: withClaims("{user:7}") },
    {
      case: "claims with a key that reaches for a prototype",
      token: withClaims('{"__proto__":{"admin":true}}'),
    },
    { case: "claims with such a key, escaped", token: withClaims('{"a":{"\\u005f_proto__":1}}') },
    { case: "claims of 7 levels", token: withClaims('{"a":[[[[[[]]]]]]}') },
    { case: "claims of 513 bytes", token: withClaims(`{"a":"${"x".repeat(505)}"}`) },
    {
      case: "claims that are not UTF-8",
      token: withClaims(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d)),
    },
    { case: "a character too many", token: `${token}A` },
    {
      case: "unused bits set",
      token: `${signToken(issuer, { ...contents, audience: "eu" }).slice(0, -1)}_`,
    },
    { case: "a JSON web token without an algorithm", token: "eyJhbGciOiJub25lIn0.eyJ1c2VyIjo3fQ." },
  ];
}

export function makeTokenVectors() {
  const token = signToken(issuer, contents);
  const plain = { ...contents, audience: "", claims: {} };
  const join = buildDatagram(
    nodeCrypto,
    {
      cid: encodeBase64url(rising(0, 16)),
      msg: "join",
      seq: 1,
      ack: 0,
      sys: {
        cookie: encodeBase64url(rising(0xa0, 22)),
        hash: "0123456789abcdef0123456789abcdef",
        version: 1,
        token,
      },
      body: { name: "ada" },
    },
    { padBytes: 800, sign: (head) => signJoin(nodeCrypto, client, head) },
  );
  const frame = openFrame(join, join.length);
  if (typeof frame === "string") throw new Error(frame);
  return {
    about:
      "Connect tokens, as docs/connection.md describes them. Bytes in hex, tokens as they stand in join.",
    issuerSeed: hex(issuerSeed),
    issuerPublicKey: hex(issuer.publicKey),
    clientSeed: hex(clientSeed),
    clientPublicKey: hex(client.publicKey),
    id: hex(contents.id),
    expiresAtMs: contents.expiresAtMs,
    audience: contents.audience,
    claims: JSON.stringify(contents.claims),
    token,
    tokenOfLittle: signToken(issuer, plain),
    join: hex(join),
    joinSignature: hex(signatureOf(frame)!.signature),
    refused: refusedTokens(),
  };
}
