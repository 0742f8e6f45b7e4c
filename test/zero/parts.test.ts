import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { nodeCrypto } from "#src/udp/node-crypto.js";
import { base64urlLength, decodeBase64url, encodeBase64url } from "#src/zero/base64url.js";
import { CookieJar } from "#src/zero/cookie.js";
import { buildDatagram, checkMac, type Frame, openFrame } from "#src/zero/envelope.js";
import { keysOfTicket } from "#src/zero/keys.js";
import { cutCode, cutDetail, cutReason } from "#src/zero/messages.js";
import { scanJson } from "#src/zero/scan.js";
import { sysSchemas, zeroYaml } from "../support/hand-zero.ts";
import { seeded, testCrypto } from "../support/zero-world.ts";

describe("base64url", () => {
  it("agrees with Node's for every length", () => {
    const { randomBytes } = testCrypto(seeded(3));
    for (let n = 0; n < 70; n++) {
      const bytes = randomBytes(n);
      const text = encodeBase64url(bytes);
      expect(text).toBe(Buffer.from(bytes).toString("base64url"));
      expect(text.length).toBe(base64urlLength(n));
      expect(decodeBase64url(text, n)).toEqual(bytes);
    }
  });

  it("reads exactly what it writes", () => {
    expect(decodeBase64url("AA", 1)).toEqual(Uint8Array.of(0));
    for (const text of ["AB", "A=", "A", "AAA", "A+", "A/", "Aé", "A\u0000"]) {
      expect(decodeBase64url(text, 1), text).toBeUndefined();
    }
  });
});

describe("a cookie", () => {
  const client = { address: "10.0.0.1", port: 40_000, local: 0 };
  const subject = { ...client, cid: "A".repeat(22), hash: "0".repeat(32) };

  it("is good for who it was made for, until it is too old, across changes of the secret", () => {
    const jar = new CookieJar(nodeCrypto, 10_000, 500.25);
    for (let nowMs = 500.5; nowMs < 100_000; nowMs += 777.3) {
      const cookie = jar.make(subject, nowMs);
      expect(cookie).toMatch(/^[\w-]{30}$/);
      const ahead = new CookieJar(nodeCrypto, 10_000, nowMs);
      expect(ahead.check(cookie, subject, nowMs)).toBe(false);
      for (const other of [
        { address: "10.0.0.2" },
        { port: 40_001 },
        { local: 1 },
        { cid: `B${"A".repeat(21)}` },
        { hash: "1".repeat(32) },
      ]) {
        expect(jar.check(cookie, { ...subject, ...other }, nowMs)).toBe(false);
      }
      expect(jar.check(cookie, subject, nowMs)).toBe(true);
    }
    const kept = new CookieJar(nodeCrypto, 10_000, 0);
    const cookies = [0, 3000, 9999, 10_000].map(
      (nowMs) => [nowMs, kept.make(subject, nowMs)] as const,
    );
    for (const [madeMs, cookie] of cookies) {
      expect(kept.check(cookie, subject, madeMs + 9999)).toBe(true);
      expect(kept.check(cookie, subject, madeMs + 10_000)).toBe(false);
    }
    expect(kept.check(cookies[3]![1], subject, 25_000)).toBe(false);
  });

  it("of the future, of another jar or with a bit changed is not", () => {
    const jar = new CookieJar(nodeCrypto, 10_000, 0);
    const cookie = jar.make(subject, 5000);
    expect(jar.check(cookie, subject, 4000)).toBe(false);
    for (let i = 0; i < cookie.length - 1; i++) {
      const letter = cookie[i] === "A" ? "B" : "A";
      const changed = cookie.slice(0, i) + letter + cookie.slice(i + 1);
      expect(jar.check(changed, subject, 5000)).toBe(false);
    }
    expect(jar.check("", subject, 5000)).toBe(false);
  });
});

describe("an envelope", () => {
  const message = {
    cid: "A".repeat(22),
    msg: "close",
    seq: 3,
    ack: 2,
    sys: { code: '","mac":"' },
  } as const;

  it("has its MAC at a fixed place at its end, and nothing inside can pass for it", () => {
    const keys = keysOfTicket(nodeCrypto, "A".repeat(43))!;
    const bytes = buildDatagram(nodeCrypto, message, { key: keys.client });
    const frame = openFrame(bytes, bytes.length) as Frame;
    expect(frame.macAt).toBe(bytes.length - 32);
    expect(checkMac(nodeCrypto, frame, keys.client)).toBe(true);
    expect(checkMac(nodeCrypto, frame, keys.server)).toBe(false);
    const plain = buildDatagram(nodeCrypto, {
      ...message,
      sys: { code: "x" },
      body: { x: `,"mac":"${"A".repeat(22)}` },
    });
    expect((openFrame(plain, plain.length) as Frame).macAt).toBe(-1);
  });

  it("is padded to the byte, or by as little as a pad takes", () => {
    const length = buildDatagram(nodeCrypto, message).length;
    for (let padBytes = length - 2; padBytes < length + 40; padBytes++) {
      const padded = buildDatagram(nodeCrypto, message, { padBytes }).length;
      if (padBytes <= length) expect(padded).toBe(length);
      else expect(padded).toBe(Math.max(padBytes, length + 9));
      expect(
        buildDatagram(nodeCrypto, message, { padBytes, maxBytes: padBytes }).length,
      ).toBeLessThanOrEqual(Math.max(length, padBytes));
    }
  });
});

describe("a text of the application's", () => {
  it("that holds half of a surrogate pair is sent with U+FFFD instead", () => {
    for (const cut of [cutCode, cutReason, cutDetail]) {
      expect(cut("a\ud83db")).toBe("a\ufffdb");
      expect(cut("\ud83d\ude80")).toBe("\ud83d\ude80");
      expect(cut("\ude80".repeat(5000)).isWellFormed()).toBe(true);
    }
  });
});

describe("the scan", () => {
  const scan = (text: string): string | undefined => {
    const bytes = new TextEncoder().encode(text);
    return scanJson(bytes, 0, bytes.length);
  };

  it("finds keys that reach for a prototype before anything is parsed, and only keys", () => {
    for (const name of ["__proto__", "constructor", "prototype"]) {
      expect(scan(`{"a":[{"${name}":1}]}`)).toBe("forbidden");
      expect(scan(`{"${name}"  :1}`)).toBe("forbidden");
      expect(scan(`{"a":"${name}","b":["${name}"],"${name}s":1}`)).toBeUndefined();
    }
  });

  it("looks at each byte of a string, wherever it stands", () => {
    for (let byte = 0; byte < 256; byte++) {
      for (let before = 0; before < 9; before++) {
        const bytes = new TextEncoder().encode(`["${"x".repeat(before)}x${"y".repeat(6)}"]`);
        bytes[2 + before] = byte;
        const found = scanJson(bytes, 0, bytes.length);
        // A quote ends the string, and the last one begins another that does not end.
        const isBad = byte < 0x20 || byte === 0x22;
        expect(found, `${byte} behind ${before}`).toBe(isBad ? "scan" : undefined);
      }
    }
  });

  it("is not misled by brackets and quotes in strings", () => {
    expect(scan(String.raw`{"a":"[[[[[[[[{{{{\\\"}]"}`)).toBeUndefined();
    expect(scan(String.raw`{"a":"\\"}`)).toBeUndefined();
    expect(scan(String.raw`{"a":"\\\"}`)).toBe("scan");
    expect(scan(`{"a":"\\`)).toBe("scan");
  });
});

describe("the arena's spec", () => {
  const [sealed, plain] = ["protocol.yaml", "test/specs/arena-plain.yaml"].map((file) =>
    parse(readFileSync(new URL(`../../${file}`, import.meta.url), "utf8")),
  );

  it("is the same game where it is plain", () => {
    for (const section of ["limits", "types", "channels"])
      expect(plain[section], section).toEqual(sealed[section]);
    expect([sealed.security, plain.security]).toEqual(["sealed", "plain"]);
  });

  it.each([
    ["sealed", sealed],
    ["plain", plain],
  ])("repeats the connection protocol's own messages in full (%s)", (_, spec) => {
    const stated = Object.entries(spec.zero).map(([name, message]) => {
      const { body: _, ...rest } = message as { body: object };
      return [name, rest];
    });
    const schemas = sysSchemas(spec.security);
    const messages = Object.entries(zeroYaml.messages).map(([name, message]) => [
      name,
      { ...message, sys: schemas[name] },
    ]);
    const described = JSON.stringify(Object.fromEntries(messages));
    const bare = JSON.parse(described, (key, value) => (key === "description" ? undefined : value));
    expect(Object.fromEntries(stated)).toEqual(bare);
  });
});
