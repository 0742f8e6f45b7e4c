/** A protocol without the code that a side calls is refused before anything is opened, by channel and half. */
import { connect } from "stardust-udp/client";
import type { ServerProtocol } from "stardust-udp/protocol";
import { listen } from "stardust-udp/server";
import { Session } from "stardust-udp/testing";
import { describe, expect, it } from "vitest";
import { protocol as clients } from "#generated/client-protocol.js";
import { protocol as facts } from "#generated/protocol.js";
import { protocol as servers } from "#generated/server-protocol.js";
import { missingCodec, type Role } from "#src/protocol.js";
import { protocol as plain } from "../support/plain-arena.ts";

const bare = () => ({});
const face = { send: bare, receive: bare, messages: bare, header: bare, broadcast: bare } as never;
const sides = { client: clients, server: servers };

describe("a protocol without the code of a side's messages", () => {
  it("is refused by connect and listen, which say whose it should be", async () => {
    for (const wrong of [facts, servers]) {
      await expect(connect(wrong, face, { port: 9 })).rejects.toMatchObject({
        code: "STARDUST_UNSUPPORTED",
        message: expect.stringMatching(
          /channel input has no encoder, and a client sends on it: generate again, .*generated\/client-protocol/,
        ),
      });
    }
    for (const wrong of [facts, clients]) {
      const protocol: ServerProtocol = { ...wrong, url: servers.url };
      await expect(listen(protocol, face, { ports: { count: 1 } })).rejects.toMatchObject({
        code: "STARDUST_UNSUPPORTED",
        message: expect.stringMatching(
          /channel input has no decoder, and a server receives on it: generate again, .*generated\/server-protocol/,
        ),
      });
    }
  });

  it("is refused for any half that the side calls, and for none that it does not", () => {
    for (const role of ["client", "server"] as Role[]) {
      const protocol = sides[role];
      expect(missingCodec(protocol, role)).toBeUndefined();
      for (const { index, name, ...channel } of protocol.channels) {
        for (const half of ["encoder", "decoder"] as const) {
          const channels = protocol.channels.map((other) =>
            other.index === index ? { ...other, [half]: undefined } : other,
          );
          const found = missingCodec({ ...protocol, channels }, role);
          if (channel[half] === undefined) expect(found).toBeUndefined();
          else expect(found).toMatch(`channel ${name} has no ${half}`);
        }
      }
    }
  });

  it("does not start workers that would import it", async () => {
    const { href } = new URL("../../dist/generated/protocol.js", import.meta.url);
    const listening = listen({ ...servers, url: href }, face, { ports: { count: 1 } });
    await expect(listening).rejects.toMatchObject({
      code: "STARDUST_WORKER_IMPORT",
      message: expect.stringContaining("channel input has no decoder"),
    });
  });

  it("is named by a session when it is to send a message", () => {
    const sink = { deliver: () => true };
    const options = { protocol: plain, nowMs: 0, random: () => 0.5, sink };
    const session = new Session({ ...options, role: "client" });
    expect(() => session.sendMessage(0, {})).toThrow(/channel input has no encoder/);
  });
});
