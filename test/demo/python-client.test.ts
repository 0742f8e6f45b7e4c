/**
 * A client that was written in Python from the documents alone joins a sealed arena, chats and leaves; and joins with what other specs
 * want: secret members, a connect token, a body in pieces.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { lossySocketUrl } from "stardust-udp/testing";
import { issueToken, newIdentity } from "stardust-udp/tokens";
import { describe, expect, it } from "vitest";
import { arenaServer, closing, until } from "../support/arena.ts";
import { python, runPython, skipWithoutPython } from "../support/python.ts";
import { specSource, specUrl } from "../support/specs.ts";

const client = fileURLToPath(new URL("../../examples/python-client/client.py", import.meta.url));

/** Runs it to its end. */
async function run(
  port: number,
  args: readonly string[],
): Promise<{ code: unknown; said: string }> {
  const child = spawn(python, [client, `127.0.0.1:${port}`, ...args]);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (part: string) => {
      said += part;
    });
  }
  const [code] = await once(child, "close");
  return { code, said };
}

type Listen = typeof import("../tmp/specs/ticket/generated/server.ts")["listen"];

/** A server of this spec, which says on channel `say` what it has heard there; and what its `authenticate` was asked. */
async function echoing(spec: "lobby" | "ticket", options: object) {
  const { listen } = (await import(specUrl(spec, "generated/server.js").href)) as {
    listen: Listen;
  };
  const asked: unknown[] = [];
  const server = closing(
    await listen({
      ports: { count: 2 },
      authenticate: (body: unknown, { token }: { token?: { claims: object } }) => {
        asked.push([body, token?.claims]);
        return { accept: true };
      },
      ...options,
    } as Parameters<Listen>[0]),
  );
  server.receive.say((peer, { text }) => void peer.send.say({ text }));
  const docs = [fileURLToPath(specSource(spec, "generated")), "docs"];
  return { server, asked, docs };
}

describe("the client in Python", () => {
  // Skipped only where its package `cryptography` is not installed, and never in CI.
  it.skipIf(skipWithoutPython)("reads and writes every golden vector as they say", () => {
    const { status, said } = runPython([client, "--self-test"]);
    expect(status, said).toBe(0);
    expect(said).toMatch(/joins +\d{2,} good, 0 wrong/);
    expect(said).toMatch(/session +\d{2,} good, 0 wrong/);
  });

  // As above.
  it.skipIf(skipWithoutPython)(
    "joins a sealed arena whose key it was given, chats and leaves",
    async () => {
      const server = await arenaServer({ ports: { count: 3 } });
      const heard: string[] = [];
      server.receive.chat((peer, { text }) => {
        heard.push(text);
        server.broadcast.chat({ from: peer.id, text: `you said: ${text}` });
      });
      const left: unknown[] = [];
      server.on("leave", (_peer, { code, by }) => void left.push([code, by]));
      const text = "grüße aus Python";
      const args = [`--server-key=${server.publicKey!}`, "--say", text, "--seconds", "4"];
      const { code, said } = await run(server.ports[1]!, args);
      expect(code, said).toBe(0);
      expect(said).toContain("attached\n");
      expect(said).toContain(`you said: ${text}\n`);
      expect(said).toContain("left: close was acknowledged");
      expect(said).not.toContain("opportunistic");
      expect(heard).toEqual([text]);
      await until(() => left.length > 0);
      expect(left).toEqual([["done", "remote"]]);
    },
  );

  // As above.
  it.skipIf(skipWithoutPython)(
    "joins with a password that nobody on the way may read",
    async () => {
      const { server, asked, docs } = await echoing("lobby", {});
      const body = { name: "ada", password: "grüne Gurke", pin: 4711 };
      const args = ["--join", JSON.stringify(body), "--seconds", "9", "--docs", ...docs];
      const { code, said } = await run(server.ports[0]!, [
        `--server-key=${server.publicKey!}`,
        ...args,
      ]);
      expect(code, said).toBe(0);
      expect(said).toContain('say: {"text": "hello from Python"}');
      expect(said).toContain("left: close was acknowledged");
      expect(asked).toEqual([[body, undefined]]);
      // To another server it says nothing of it.
      const other = newIdentity().publicKey;
      const refused = await run(server.ports[0]!, [`--server-key=${other}`, ...args]);
      expect(refused.code).toBe(1);
      expect(refused.said).toContain("the server is another one");
      expect(asked).toHaveLength(1);
    },
  );

  // As above.
  it.skipIf(skipWithoutPython)(
    "joins with a connect token and a ticket of 4 KiB in pieces, a tenth of all lost",
    async () => {
      const backend = newIdentity();
      const { server, asked, docs } = await echoing("ticket", {
        tokens: { issuers: backend.publicKey },
        wrapSocket: lossySocketUrl,
        wrapSocketData: { loss: 0.1, seed: 3 },
      });
      const { token } = issueToken({
        issuer: backend.identity,
        expiresInMs: 60_000,
        claims: { user: 7 },
      });
      const body = { name: "ada", ticket: "0123456789abcdef".repeat(250), proof: "AA==" };
      const args = ["--join", JSON.stringify(body), "--seconds", "9", "--docs", ...docs];
      const { code, said } = await run(server.ports[0]!, [`--token=${token}`, ...args]);
      expect(code, said).toBe(0);
      expect(said).toContain('say: {"text": "hello from Python"}');
      for (const each of asked) expect(each).toEqual([body, { user: 7 }]);
      expect(asked.length).toBeGreaterThan(0);
      // Once: the same token lets nobody in again.
      const again = await run(server.ports[1]!, [`--token=${token}`, ...args]);
      expect(again.said).toContain("token used");
    },
  );
});
