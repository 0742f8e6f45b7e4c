/** Channels with `compress` over real sockets: what arrives, what it costs on the way, and what a hostile client gets. */
import { deflateRawSync } from "node:zlib";
import type { DatagramSocket } from "stardust-udp";
import { describe, expect, it } from "vitest";
import { SeededRandom } from "#src/testing/random.js";
import { closing, until } from "../support/arena.ts";
import { specUrl } from "../support/specs.ts";

type ServerModule = typeof import("../tmp/specs/packed/generated/server.ts");
type ClientModule = typeof import("../tmp/specs/packed/generated/client.ts");
type ProtocolModule = typeof import("../tmp/specs/packed/generated/client-protocol.ts");
const load = (file: string): Promise<unknown> =>
  import(specUrl("packed", `generated/${file}.js`).href);
const { listen } = (await load("server")) as ServerModule;
const { connect } = (await load("client")) as ClientModule;
const { protocol } = (await load("client-protocol")) as ProtocolModule;

const random = new SeededRandom(1);
const noise = Uint8Array.from({ length: 20_000 }, () => random.below(256));
const level = (tiles: Uint8Array) => ({ tiles, names: ["x".repeat(40), "grün"], height: 3 });

describe("messages of channels with compress", () => {
  it("arrive both ways, in slices where they do not get shorter", async () => {
    const server = closing(await listen({ ports: { count: 1 } }));
    const client = closing(await connect({ port: server.ports[0]! }));
    server.receive.level((peer, message) => void peer.send.level(message));
    server.receive.profile((peer, message) => void peer.send.profile(message));
    server.receive.hit((peer, message) => void peer.send.hit(message));
    server.receive.empty((peer, message) => void peer.send.empty(message));
    server.receive.cells((peer, message) => void peer.send.cells(message));
    const got: [string, unknown][] = [];
    client.receive.level((message) => got.push(["level", message]));
    client.receive.profile((message) => got.push(["profile", message]));
    client.receive.hit((message) => got.push(["hit", message]));
    client.receive.empty((message) => got.push(["empty", message]));
    client.receive.cells((message) => got.push(["cells", message]));
    const profile = { about: "long ".repeat(90), walls: Array(200).fill(3), rank: 9 };
    const cells = { cells: Array.from({ length: 100 }, (_, i) => i >> 4) };
    client.send.level(level(noise));
    client.send.level(level(new Uint8Array(20_000)));
    client.send.profile(profile);
    client.send.hit({ who: 7 });
    client.send.empty({});
    client.send.cells(cells);
    await until(() => got.length === 6);
    const all = (name: string) => got.filter(([channel]) => channel === name).map(([, m]) => m);
    expect(all("level")).toEqual([level(noise), level(new Uint8Array(20_000))]);
    expect(all("profile")).toEqual([profile]);
    expect(all("hit")).toEqual([{ who: 7 }]);
    expect(all("empty")).toEqual([{}]);
    expect(all("cells")).toEqual([cells]);
  });

  it("take a fraction of the datagrams where they get shorter", async () => {
    const server = closing(await listen({ ports: { count: 1 } }));
    let bytes = 0;
    const wrapSocket = (socket: DatagramSocket): DatagramSocket => ({
      port: socket.port,
      address: socket.address,
      listen: (listener) => socket.listen(listener),
      close: () => socket.close(),
      send: (datagram, port, address) => {
        bytes += datagram.length;
        return socket.send(datagram, port, address);
      },
    });
    const client = closing(await connect({ port: server.ports[0]!, wrapSocket }));
    const got: Uint8Array[] = [];
    server.receive.level((_peer, { tiles }) => got.push(tiles));
    const before = bytes;
    client.send.level(level(new Uint8Array(20_000)));
    await until(() => got.length === 1);
    expect(bytes - before).toBeLessThan(2000);
    client.send.level(level(noise));
    await until(() => got.length === 2);
    expect(bytes - before).toBeGreaterThan(20_000);
  });
});

describe("a client that sends what inflates to more than the channel allows", () => {
  /** A client that sends these bytes as payloads of channel `level`. */
  async function rawClient(port: number): Promise<(payload: Uint8Array) => boolean> {
    const channels = protocol.channels.map((channel) => ({
      ...channel,
      encoder: {
        ...channel.encoder!,
        inPlace: false,
        write(bytes: unknown, w: { bytes: Uint8Array }, at: number) {
          w.bytes.set(bytes as Uint8Array, at);
          return at + (bytes as Uint8Array).length;
        },
      },
    }));
    const { connect: connectWith } = await import("stardust-udp/client");
    const face = {
      send: (target: { send(channel: number, message: unknown): boolean }) => target,
      receive: (target: unknown) => target,
      messages: () => ({}),
      header: () => ({}),
    };
    const client = closing(
      await connectWith({ ...protocol, channels } as never, face as never, { port }),
    );
    const target = client.send as { send(channel: number, message: unknown): boolean };
    return (payload) => target.send(0, payload);
  }

  it("has its messages counted and dropped, in one datagram or in slices, and the others go on", async () => {
    const server = closing(await listen({ ports: { count: 1 } }));
    const send = await rawClient(server.ports[0]!);
    const got: number[] = [];
    server.receive.level((_peer, { tiles }) => got.push(tiles.length));
    // 16 MiB in some kilobytes, and 1 MiB in one datagram: a thousand for one.
    const large = Uint8Array.from([1, ...deflateRawSync(new Uint8Array(2 ** 24))]);
    const small = Uint8Array.from([1, ...deflateRawSync(new Uint8Array(2 ** 20))]);
    expect(large.length).toBeGreaterThan(protocol.limits.sliceBytes);
    expect(small.length).toBeLessThan(protocol.limits.sliceBytes);
    const stored = Uint8Array.of(0, 0, 3, 7, 7, 7, 0);
    for (const payload of [...Array(20).fill([large, small]).flat(), stored]) {
      while (!send(payload)) await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => got.length === 1);
    expect(got).toEqual([3]);
    // Counted on the application's thread, told to the port's.
    await until(async () => {
      const { ports } = await server.stats();
      return ports[0]!.counters["messagesMalformed"] === 40;
    });
    // Nobody is disconnected for it, and others come in.
    const other = closing(await connect({ port: server.ports[0]! }));
    other.send.level(level(new Uint8Array(5)));
    await until(() => got.length === 2);
    expect(server.peers.size).toBe(2);
  });
});
