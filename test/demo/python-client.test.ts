/** A client that was written in Python from the documents alone joins a sealed arena, chats and leaves. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { arenaServer, until } from "../support/arena.ts";
import { python, runPython, skipWithoutPython } from "../support/python.ts";

const client = fileURLToPath(new URL("../../examples/python-client/client.py", import.meta.url));

describe("the client in Python", () => {
  // Skipped only where its package `cryptography` is not installed, and never in CI.
  it.skipIf(skipWithoutPython)("reads and writes every golden vector as they say", () => {
    const { status, said } = runPython([client, "--self-test"]);
    expect(status, said).toBe(0);
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
      const child = spawn(python, [client, `127.0.0.1:${server.ports[1]}`, ...args]);
      let said = "";
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (part: string) => {
          said += part;
        });
      }
      const [code] = await once(child, "close");
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
});
