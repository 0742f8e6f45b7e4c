/** docs/mac-vectors.json: what is made of an HMAC alone, made again, found by another program, and taken by the machines. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { nodeCrypto } from "#src/udp/node-crypto.js";
import { CookieJar } from "#src/zero/cookie.js";
import { checkMac, type Frame, openFrame } from "#src/zero/envelope.js";
import { keysOfTicket } from "#src/zero/keys.js";
import { isResetProof } from "#src/zero/reset.js";
import { makeMacVectors } from "../support/mac-vectors.ts";
import { runPython, skipWithoutPython } from "../support/python.ts";
import { rising } from "../support/token-vectors.ts";

describe("the vectors of cookies and MACs", () => {
  const file = fileURLToPath(new URL("../../docs/mac-vectors.json", import.meta.url));
  const kept = (): ReturnType<typeof makeMacVectors> => JSON.parse(readFileSync(file, "utf8"));

  it("are what we make (`npx vitest run test/zero/mac-vectors -u` writes them)", async () => {
    await expect(`${JSON.stringify(makeMacVectors(), null, 2)}\n`).toMatchFileSnapshot(file);
  });

  it("are taken: the MACs by the keys of the ticket, the cookies by a jar, the proof of a loss", () => {
    const { plain, cookies, loss } = kept();
    const keys = keysOfTicket(nodeCrypto, Buffer.from(plain.ticket, "hex").toString("base64url"))!;
    const frameOf = (hex: string): Frame => {
      const bytes = Uint8Array.from(Buffer.from(hex, "hex"));
      return openFrame(bytes, bytes.length) as Frame;
    };
    expect(checkMac(nodeCrypto, frameOf(plain.fromClient), keys.client)).toBe(true);
    expect(checkMac(nodeCrypto, frameOf(plain.fromClient), keys.server)).toBe(false);
    expect(checkMac(nodeCrypto, frameOf(plain.fromServer), keys.server)).toBe(true);
    const crypto = { ...nodeCrypto, randomBytes: (count: number) => rising(0x40, count) };
    for (const { timeMs, cookie, ...subject } of cookies) {
      const jar = new CookieJar(crypto, 10_000, timeMs);
      expect(jar.check(cookie, subject, timeMs + 1)).toBe(true);
      expect(jar.check(cookie, { ...subject, port: subject.port + 1 }, timeMs + 1)).toBe(false);
    }
    expect(isResetProof(nodeCrypto, loss.reset, loss.proof)).toBe(true);
  });

  it("are what the document shows", () => {
    const document = readFileSync(new URL("../../docs/connection.md", import.meta.url), "utf8");
    const { plain } = kept();
    for (const said of [plain.clientKey, plain.serverKey])
      expect(document).toContain(`\`${said}\``);
    expect(document).toContain(Buffer.from(plain.fromClient, "hex").subarray(3).toString());
  });

  // Without the package there is nothing to run; where CI is set that fails instead.
  it.skipIf(skipWithoutPython)("are what a program in Python finds by the document alone", () => {
    const program = fileURLToPath(new URL("../support/independent/macs.py", import.meta.url));
    expect(runPython([program, file])).toEqual({ status: 0, said: "problems: 0\n" });
  });
});
