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

/** Whatever is asked of it, it hands on to the runtime. */
const bareFace = {
  send: (target: { send(channel: number, message: unknown): boolean }) => target,
  receive: (target: { receive(channel: number, handler: () => void): void }) => target,
  messages: () => ({}),
  header: () => ({}),
};
const reliable = protocol.channels.findIndex(({ name }) => name === "reliable");

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
  const client = closing(
    await connectWith({ ...protocol, channels } as never, bareFace as never, { port }),
  );
  const target = client.send as { send(channel: number, message: unknown): boolean };
  return { client, send: (bytes: Uint8Array) => target.send(reliable, bytes) };
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

it("a server whose message cannot be decoded is left with the reason, and hears it", async () => {
  const server = await sealedServer();
  const left: unknown[] = [];
  server.on("leave", (_peer, { code, reason, by }) => void left.push([code, reason, by]));
  const port = server.ports[0]!;
  const good = closing(await connect({ port } as Parameters<typeof connect>[0]));
  // To this one whatever the server sends is what it cannot decode.
  const decode = (): never => {
    throw new RangeError("planted");
  };
  const channels = protocol.channels.map((channel) => ({
    ...channel,
    decoder: { ...channel.decoder, decode },
  }));
  const client = closing(
    await connectWith({ ...protocol, channels } as never, bareFace as never, { port }),
  );
  const got: unknown[] = [];
  const target = client.receive as { receive(channel: number, handler: () => void): void };
  target.receive(reliable, () => void got.push("a message"));
  await until(() => server.peers.has(client.id));
  server.peers.get(client.id)!.send.reliable({ data: Uint8Array.of(1) });
  const ended = { code: "protocol-violation", reason: "messagesMalformed" };
  expect(await client.closed).toEqual({ ...ended, by: "local" });
  expect(client.stats().counters["messagesMalformed"]).toBe(1);
  expect(got).toEqual([]);
  await until(() => left.length > 0);
  expect(left).toEqual([[ended.code, ended.reason, "remote"]]);
  expect(good.send.reliable({ data: new Uint8Array(3) })).toBe(true);
});
