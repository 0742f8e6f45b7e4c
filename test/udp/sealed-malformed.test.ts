/** Over real sockets: what cannot be decoded ends a sealed connection, since nobody but its other side can have sent it. */
import { connect as connectWith } from "stardust-udp/client";
import type { Protocol } from "stardust-udp/protocol";
import { expect, it } from "vitest";
import { closing, until } from "../support/arena.ts";
import { specUrl } from "../support/specs.ts";

type ServerModule = typeof import("../tmp/specs/modes-sealed/generated/server.ts");
type ClientModule = typeof import("../tmp/specs/modes-sealed/generated/client.ts");
const load = (file: string): Promise<unknown> =>
  import(specUrl("modes-sealed", `generated/${file}.js`).href);
const { listen } = (await load("server")) as ServerModule;
const { connect } = (await load("client")) as ClientModule;
const { protocol } = (await load("client-protocol")) as { protocol: Protocol };

async function sealedServer() {
  const options = { ports: { count: 1 }, authenticate: () => ({ accept: true }) };
  const server = closing(await listen(options as Parameters<typeof listen>[0]));
  server.receive.reliable(() => {});
  return server;
}

/** A client that sends bytes on channel `reliable` that no decoder takes. */
async function rogue(port: number) {
  const channels = protocol.channels.map((channel) => ({
    ...channel,
    encoder: {
      ...channel.encoder,
      inPlace: false,
      write(bytes: Uint8Array, w: { bytes: Uint8Array }, at: number) {
        w.bytes.set(bytes, at);
        return at + bytes.length;
      },
    },
  }));
  const face = {
    send: (target: { send(channel: number, message: unknown): boolean }) => target,
    receive: () => ({}),
    messages: () => ({}),
    header: () => ({}),
  };
  const client = closing(
    await connectWith({ ...protocol, channels } as never, face as never, { port }),
  );
  const target = client.send as { send(channel: number, message: unknown): boolean };
  const index = protocol.channels.findIndex(({ name }) => name === "reliable");
  return { client, send: (bytes: Uint8Array) => target.send(index, bytes) };
}

it("a peer whose message cannot be decoded is closed with the reason, and another is not", async () => {
  const server = await sealedServer();
  const left: unknown[] = [];
  server.on("leave", (_peer, { code, reason, by }) => void left.push([code, reason, by]));
  const port = server.ports[0]!;
  const good = closing(await connect({ port } as Parameters<typeof connect>[0]));
  const bad = await rogue(port);
  expect(bad.send(Uint8Array.of(0xff, 0xff, 0xff))).toBe(true);
  const ended = { code: "protocol-violation", reason: "messagesMalformed" };
  expect(await bad.client.closed).toEqual({ ...ended, by: "remote" });
  await until(() => left.length > 0);
  expect(left).toEqual([[ended.code, ended.reason, "local"]]);
  expect(good.send.reliable({ data: new Uint8Array(3) })).toBe(true);
  expect(server.peers.size).toBe(1);
});
