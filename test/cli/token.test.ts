import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { issueToken, newIdentity } from "stardust-udp/tokens";
import { beforeAll, describe, expect, it } from "vitest";
import { isTokenText, tokenParts } from "#src/token-text.js";
import { nodeCrypto } from "#src/udp/node-crypto.js";
import { encodeBase64url } from "#src/zero/base64url.js";
import { readToken } from "#src/zero/token.js";
import { stardust, temporaryFolder } from "./run.ts";

let folder: string;
beforeAll(() => {
  folder = temporaryFolder("token");
  stardust(folder, "keygen", "backend.key");
  stardust(folder, "keygen", "player.key");
});
const keyIn = (file: string): string => readFileSync(join(folder, file), "utf8").trim();

/** What a token says, and the public half of the private key in it. */
function inside(text: string) {
  const { signed, seed } = tokenParts(text);
  const read = readToken(signed)!;
  const own =
    seed && encodeBase64url(nodeCrypto.signingKey(Buffer.from(seed, "base64url")).publicKey);
  return { ...read, clientKey: encodeBase64url(read.clientKey), own };
}

describe("stardust token", () => {
  it("prints a token that the issuer in the file has signed, with the player's private key in it", () => {
    const { code, out, err } = stardust(folder, "token", "--issuer", "backend.key");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(isTokenText(out)).toBe(true);
    const token = inside(out);
    expect(token.own).toBe(token.clientKey);
    expect(token.claims).toEqual({});
    const issuer = Buffer.from(keyIn("backend.key.pub"), "base64url");
    const said = Buffer.concat([Buffer.from("stardust 1 connect token"), token.signed]);
    expect(nodeCrypto.verify(issuer, said, token.signature)).toBe(true);
  });

  it("takes claims, an audience, a life and a key of the player's own, from a file or as it is", () => {
    const before = Date.now();
    for (const key of ["player.key.pub", keyIn("player.key.pub")]) {
      const args = ["--claims", '{"user":7}', "--audience", "eu-1", "--expires", "90"];
      const { out } = stardust(
        folder,
        "token",
        "--issuer",
        "backend.key",
        "--client-key",
        key,
        ...args,
      );
      const token = inside(out);
      expect(token).toMatchObject({ claims: { user: 7 }, audience: "eu-1", own: undefined });
      expect(token.clientKey).toBe(keyIn("player.key.pub"));
      expect(token.expiresAtMs).toBeGreaterThanOrEqual(before + 90_000);
      expect(token.expiresAtMs).toBeLessThanOrEqual(Date.now() + 90_000);
    }
  });

  it("prints JSON for programs", () => {
    const { out } = stardust(folder, "token", "--issuer", "backend.key", "--json");
    const { token, id, expiresAtMs } = JSON.parse(out);
    expect(encodeBase64url(inside(token).id)).toBe(id);
    expect(inside(token).expiresAtMs).toBe(expiresAtMs);
  });

  it.each([
    [[], /--issuer names the file/],
    [["--issuer", "backend.key.pub"], /^stardust: issuer: must be a private key/],
    [["--issuer", "missing.key"], /ENOENT/],
    [["--issuer", "backend.key", "--expires", "soon"], /--expires takes a number/],
    [["--issuer", "backend.key", "--expires", "86401"], /--expires takes a number/],
    [["--issuer", "backend.key", "--claims", "{"], /--claims: /],
    [["--issuer", "backend.key", "--claims", "[1]"], /claims: must be an object/],
    [["--issuer", "backend.key", "--claims", '{"__proto__":1}'], /claims: at most 6 levels/],
    [["--issuer", "backend.key", "--client-key", "player.key"], /clientKey: must be a public key/],
  ])("says what is wrong with %j, and shows no key", (args, message) => {
    const { code, out, err } = stardust(folder, "token", ...args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(message);
    for (const file of ["backend.key", "player.key"]) expect(err).not.toContain(keyIn(file));
  });

  it("reads a key that a file ends with a line break", () => {
    writeFileSync(join(folder, "c.key"), `${newIdentity().identity}\n\n`);
    expect(stardust(folder, "token", "--issuer", "c.key").code).toBe(0);
  });
});

describe("issueToken", () => {
  const { identity: issuer, publicKey } = newIdentity();

  it("makes another token each time", () => {
    const all = [1, 2, 3].map(() => issueToken({ issuer, expiresInMs: 1000 }));
    expect(new Set(all.map(({ id }) => id)).size).toBe(3);
    expect(new Set(all.map(({ token }) => inside(token).clientKey)).size).toBe(3);
  });

  it("says of claims what JSON says of them", () => {
    const claims = { at: new Date(0), none: undefined, nested: { list: [1, "ü"] } };
    const { token } = issueToken({ issuer, expiresInMs: 1000, claims });
    expect(inside(token).claims).toEqual(JSON.parse(JSON.stringify(claims)));
  });

  const cyclic: Record<string, unknown> = {};
  cyclic["self"] = cyclic;
  it.each([
    ["issuer", { issuer: publicKey }, /^issuer: must be a private key/],
    ["issuer", { issuer: undefined }, /^issuer: /],
    ["expiresInMs", { expiresInMs: undefined }, /^expiresInMs: /],
    ["expiresInMs", { expiresInMs: 0 }, /^expiresInMs: must be a whole number from 1 to 86400000/],
    ["expiresInMs", { expiresInMs: 86_400_001 }, /^expiresInMs: /],
    ["clientKey", { clientKey: issuer }, /^clientKey: must be a public key/],
    ["audience", { audience: "ü".repeat(33) }, /^audience: at most 64 bytes/],
    ["audience", { audience: "\ud83d" }, /^audience: .*well-formed/],
    ["claims", { claims: { a: "x".repeat(505) } }, /^claims: 513 bytes of JSON, at most 512/],
    ["claims", { claims: [1] }, /^claims: must be an object/],
    ["claims", { claims: cyclic }, /^claims: .*circular/i],
    ["claims", { claims: { a: { constructor: 1 } } }, /^claims: at most 6 levels/],
    ["claims", { claims: { a: [[[[[[1]]]]]] } }, /^claims: at most 6 levels/],
    ["claims", { claims: { a: "\ud83d" } }, /^claims: at most 6 levels/],
  ])("refuses a wrong %s: %j", (_, wrong, message) => {
    const options = { issuer, expiresInMs: 1000, ...wrong } as Parameters<typeof issueToken>[0];
    expect(() => issueToken(options)).toThrow(message);
  });
});
