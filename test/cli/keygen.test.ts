import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isIdentity, isServerKey } from "#src/server-key.js";
import { nodeCrypto } from "#src/udp/node-crypto.js";
import { stardust, temporaryFolder } from "./run.ts";

/** The public key of a private one, worked out here. */
function publicOf(identity: string): string {
  const seed = Buffer.from(identity.replace("stardust-identity-", ""), "base64url");
  return Buffer.from(nodeCrypto.signingKey(seed).publicKey).toString("base64url");
}

describe("stardust keygen", () => {
  it("prints another pair of keys each time, whose halves belong together", () => {
    const folder = temporaryFolder("keygen");
    const pairs = [1, 2].map(() => {
      const { code, out, err } = stardust(folder, "keygen");
      expect({ code, err }).toEqual({ code: 0, err: "" });
      const [, identity, serverKey] = /^identity {3}(\S+)\nserverKey {2}(\S+)\n$/.exec(out)!;
      expect(isIdentity(identity)).toBe(true);
      expect(isServerKey(serverKey)).toBe(true);
      expect(publicOf(identity!)).toBe(serverKey);
      return identity;
    });
    expect(pairs[0]).not.toBe(pairs[1]);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("writes them into files, of which only their owner reads the private one", () => {
    const folder = temporaryFolder("keygen");
    const { code, out } = stardust(folder, "keygen", "server.key");
    const [identity, serverKey] = ["server.key", "server.key.pub"].map((file) =>
      readFileSync(join(folder, file), "utf8").trim(),
    );
    expect(code).toBe(0);
    expect(isIdentity(identity)).toBe(true);
    expect(publicOf(identity!)).toBe(serverKey);
    expect(out).toContain(serverKey);
    expect(out).not.toContain(identity!.slice(-43));
    // Windows has no such bits.
    if (process.platform !== "win32") {
      expect(statSync(join(folder, "server.key")).mode & 0o777).toBe(0o600);
    }
  });

  it("overwrites neither file, and leaves no half of a pair behind", () => {
    const folder = temporaryFolder("keygen");
    stardust(folder, "keygen", "a.key");
    const before = readFileSync(join(folder, "a.key"), "utf8");
    const again = stardust(folder, "keygen", "a.key");
    expect(again).toMatchObject({ code: 2, out: "" });
    expect(again.err).toContain("a.key is there already and stays as it is");
    expect(readFileSync(join(folder, "a.key"), "utf8")).toBe(before);
    writeFileSync(join(folder, "b.key.pub"), "mine");
    expect(stardust(folder, "keygen", "b.key").code).toBe(2);
    expect(existsSync(join(folder, "b.key"))).toBe(false);
    expect(readFileSync(join(folder, "b.key.pub"), "utf8")).toBe("mine");
    expect(stardust(folder, "keygen", "no/such/folder.key").err).toContain("ENOENT");
  });

  it("prints JSON for programs, with no private key where that went into a file", () => {
    const folder = temporaryFolder("keygen");
    const { identity, serverKey } = JSON.parse(stardust(folder, "keygen", "--json").out);
    expect(publicOf(identity)).toBe(serverKey);
    const said = JSON.parse(stardust(folder, "keygen", "x", "--json").out);
    expect(said).toEqual({
      identityFile: "x",
      serverKeyFile: "x.pub",
      serverKey: readFileSync(join(folder, "x.pub"), "utf8").trim(),
    });
  });
});
