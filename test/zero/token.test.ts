/** Connect tokens by themselves: their bytes, what is none, what a port finds out about one, their golden vectors. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nodeCrypto } from "#src/udp/node-crypto.js";
import { encodeBase64url } from "#src/zero/base64url.js";
import type { ZeroCrypto } from "#src/zero/crypto.js";
import { buildDatagram, type Frame, openFrame } from "#src/zero/envelope.js";
import {
  readToken,
  signJoin,
  signToken,
  TokenCheck,
  type TokenContents,
  type TokenRules,
} from "#src/zero/token.js";
import { runPython, skipWithoutPython } from "../support/python.ts";
import {
  client,
  contents,
  EXPIRES_AT_MS,
  issuer,
  makeTokenVectors,
  refusedTokens,
  rising,
} from "../support/token-vectors.ts";

const other = nodeCrypto.signingKey(rising(0x11));
const rules: TokenRules = { issuers: [issuer.publicKey], audience: "eu-1", leewayMs: 5000 };

/** A join that brings this token, signed by `key`. */
function joinWith(token: string, key = client, sys: object = {}): Frame {
  const message = { cid: "A".repeat(22), msg: "join", seq: 1, ack: 0 } as const;
  const cookie = "C".repeat(30);
  const bytes = buildDatagram(
    nodeCrypto,
    { ...message, sys: { cookie, hash: "0".repeat(32), version: 1, token, ...sys } },
    { padBytes: 1200, sign: (head) => signJoin(nodeCrypto, key, head) },
  );
  const frame = openFrame(bytes, bytes.length);
  if (typeof frame === "string") throw new Error(frame);
  return frame;
}

/** What a port says of a token, at a time relative to the token's end. */
function said(
  token: string,
  o: { rules?: Partial<TokenRules>; leftMs?: number; join?: Frame } = {},
) {
  const now = EXPIRES_AT_MS - (o.leftMs ?? 60_000);
  const check = new TokenCheck(nodeCrypto, { ...rules, ...o.rules }, () => now);
  const read = check.read(token);
  return typeof read === "string" ? read : check.verify(read, o.join ?? joinWith(token));
}

const token = signToken(issuer, contents);

describe("a connect token", () => {
  it("says what its issuer said, and whose it is", () => {
    expect(said(token)).toEqual({
      id: encodeBase64url(contents.id),
      issuer: encodeBase64url(issuer.publicKey),
      clientKey: encodeBase64url(client.publicKey),
      expiresAtMs: EXPIRES_AT_MS,
      claims: { user: 7, name: "Zoë" },
    });
  });

  it("is read as it was written, whatever it says", () => {
    const bytes = (count: number) => fc.uint8Array({ minLength: count, maxLength: count });
    const all = fc.record<TokenContents>({
      id: bytes(16),
      clientKey: bytes(32),
      expiresAtMs: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
      audience: fc.string({ unit: "grapheme", maxLength: 6 }),
      claims: fc.dictionary(fc.constantFrom("a", "b", "ü"), fc.string({ maxLength: 20 })),
    });
    fc.assert(
      fc.property(all, (given) => {
        const read = readToken(signToken(issuer, given))!;
        expect({ ...read, id: [...read.id], clientKey: [...read.clientKey] }).toMatchObject({
          ...given,
          id: [...given.id],
          clientKey: [...given.clientKey],
          claims: JSON.parse(JSON.stringify(given.claims)),
        });
      }),
      { numRuns: 60 },
    );
  });

  it.each(refusedTokens())("is none with $case", ({ token: text }) => {
    expect(readToken(text)).toBeUndefined();
    expect(said(text, { join: joinWith(token) })).toBe("malformed");
  });

  it("is refused with any bit changed, and so is one of another issuer in the first one's name", () => {
    const whole = Buffer.from(token, "base64url");
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole);
      changed[at]! ^= 1 << (at % 8);
      const text = changed.toString("base64url");
      expect(typeof said(text, { join: joinWith(text) }), `byte ${at}`).toBe("string");
    }
    const named = { ...other, publicKey: issuer.publicKey };
    expect(said(signToken(named, contents))).toBe("forged");
  });

  it("is of an issuer that the server names, be it one of several", () => {
    expect(said(signToken(other, contents))).toBe("issuer");
    const both = { issuers: [other.publicKey, issuer.publicKey] };
    expect(said(token, { rules: both })).toMatchObject({ claims: { user: 7 } });
    expect(said(signToken(other, contents), { rules: both })).toMatchObject({
      issuer: encodeBase64url(other.publicKey),
    });
  });

  it("is for the audience that it names, and one that names none for servers that have none", () => {
    const everywhere = signToken(issuer, { ...contents, audience: "" });
    expect(said(token, { rules: { audience: "eu-2" } })).toBe("audience");
    expect(said(token, { rules: { audience: "" } })).toBe("audience");
    expect(said(everywhere)).toBe("audience");
    expect(typeof said(everywhere, { rules: { audience: "" } })).toBe("object");
  });

  it("ends when it says, give or take the leeway, and may not live for more than a day", () => {
    for (const [leftMs, answer] of [
      [-5000, "object"],
      [-5001, "expired"],
      [86_405_000, "object"],
      [86_405_001, "lifetime"],
    ] as const) {
      const got = said(token, { leftMs });
      expect(typeof got === "string" ? got : typeof got, `${leftMs}`).toBe(answer);
    }
    expect(said(token, { leftMs: -1, rules: { leewayMs: 0 } })).toBe("expired");
  });

  it("is of no use to who has another key, and no join to who changes a byte of it", () => {
    expect(said(token, { join: joinWith(token, other) })).toBe("client");
    const join = joinWith(token);
    for (let at = 3; at < join.sigAt; at += 4) {
      const bytes = join.bytes.slice();
      bytes[at]! ^= 1;
      expect(said(token, { join: { ...join, bytes } }), `byte ${at}`).toBe("client");
    }
  });

  it("costs no public-key cryptography before all else is right, and one check where its issuer did not sign it", () => {
    let checks = 0;
    const counting: ZeroCrypto = {
      ...nodeCrypto,
      verify: (...all) => {
        checks++;
        return nodeCrypto.verify(...all);
      },
    };
    const check = new TokenCheck(counting, rules, () => EXPIRES_AT_MS - 1000);
    const late = signToken(issuer, { ...contents, expiresAtMs: EXPIRES_AT_MS - 9000 });
    const elsewhere = signToken(issuer, { ...contents, audience: "us" });
    const cheap = [undefined, "", "A".repeat(200), late, elsewhere, signToken(other, contents)];
    expect(cheap.map((text) => typeof check.read(text))).toEqual(cheap.map(() => "string"));
    expect(checks).toBe(0);
    const forged = check.read(`${token.slice(0, -4)}AAAA`);
    expect(check.verify(forged as never, joinWith(token))).toBe("forged");
    expect(checks).toBe(1);
  });
});

describe("the golden vectors of connect tokens", () => {
  const file = fileURLToPath(new URL("../../docs/token-vectors.json", import.meta.url));

  it("are what we make (`npx vitest run test/zero/token -u` writes them)", async () => {
    await expect(`${JSON.stringify(makeTokenVectors(), null, 2)}\n`).toMatchFileSnapshot(file);
  });

  it("have a join that a port takes", () => {
    const kept = JSON.parse(readFileSync(file, "utf8")) as { token: string; join: string };
    const bytes = Uint8Array.from(Buffer.from(kept.join, "hex"));
    expect(said(kept.token, { join: openFrame(bytes, bytes.length) as Frame })).toMatchObject({
      claims: { user: 7 },
    });
  });

  // Without the package there is nothing to run; where CI is set that fails instead.
  it.skipIf(skipWithoutPython)("are what a program in Python finds by the document alone", () => {
    const program = fileURLToPath(new URL("../support/independent/tokens.py", import.meta.url));
    expect(runPython([program, file])).toEqual({ status: 0, said: "problems: 0\n" });
  });
});
