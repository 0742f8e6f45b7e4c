/** A server with a list of addresses: whoever asks at one of them hears from that one, and from no other. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { platform } from "node:os";
import type { DatagramSocket } from "stardust-udp";
import { lossySocketUrl } from "stardust-udp/testing";
import { describe, expect, it } from "vitest";
import { closing, until } from "../support/arena.ts";
import {
  type Client,
  narrowClient,
  narrowServer,
  narrowSystems,
  type Server,
  type ServerOptions,
} from "../support/narrow.ts";

const A = "127.0.0.1";
const B = "127.0.0.2";

async function boundSocket(host: string, port = 0): Promise<Socket> {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  socket.bind(port, host);
  await once(socket, "listening");
  closing({ [Symbol.asyncDispose]: async () => void socket.close() });
  return socket;
}

const hasIPv6 = await boundAndClosed("::1");

/** Whether this can be bound. */
function boundAndClosed(host: string, port = 0): Promise<boolean> {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  return new Promise((resolve) => {
    socket.once("error", () => resolve(false));
    socket.bind(port, host, () => socket.close(() => resolve(true)));
  });
}

const HOSTS: readonly string[] = hasIPv6 ? [A, B, "::1"] : [A, B];

/** For `wrapSocket` of a client: notes where what it hears comes from, whether the client takes it or not. */
function noting(sources: Set<string>): (socket: DatagramSocket) => DatagramSocket {
  return (socket) => ({
    port: socket.port,
    address: socket.address,
    send: (bytes, port, address) => socket.send(bytes, port, address),
    listen: (listener) =>
      socket.listen((bytes, address, port) => {
        sources.add(address);
        listener(bytes, address, port);
      }),
    close: () => socket.close(),
  });
}

/** Answers each line with the same line. */
function echo(server: Server): void {
  server.receive.line((peer, message) => void peer.send.line(message));
}

/** As many lines there and back, in order. */
async function exchange(client: Client, lines: number): Promise<void> {
  const heard: number[] = [];
  const stop = client.receive.line(({ n }) => heard.push(n));
  for (let n = 0; n < lines; n++) {
    while (!client.send.line({ n, text: "x".repeat(100) })) await client.drained();
  }
  await until(() => heard.length === lines);
  expect(heard).toEqual(Array.from({ length: lines }, (_, n) => n));
  stop();
}

const counted = async (server: Server, name: string): Promise<number> => {
  const { ports } = await server.stats();
  return ports.reduce((sum, { counters }) => sum + (counters[name] ?? 0), 0);
};

/** Whether a datagram is of the connection protocol. */
const isZero = (bytes: Uint8Array): boolean => bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 0;
const isMessage = (bytes: Uint8Array, msg: string): boolean =>
  Buffer.from(bytes).includes(`"msg":"${msg}"`);

// Only Linux has all of 127.0.0.0/8 without being asked.
describe.skipIf(platform() !== "linux")("a server with several addresses", () => {
  it("answers each client from the one that it asked, until the close, on every port", async () => {
    const server = await narrowServer({ host: HOSTS, ports: { count: 2 } });
    expect(server.hosts).toEqual(HOSTS);
    echo(server);
    const clients: { host: string; client: Client; sources: Set<string> }[] = [];
    for (const host of HOSTS) {
      for (const port of server.ports) {
        const sources = new Set<string>();
        const client = await narrowClient(server, { host, port, wrapSocket: noting(sources) });
        clients.push({ host, client, sources });
      }
    }
    expect(new Set(clients.map(({ client }) => client.port))).toEqual(new Set(server.ports));
    await Promise.all(clients.map(({ client }) => exchange(client, 20)));
    await server.close({ reason: "night" });
    for (const { host, client, sources } of clients) {
      expect(await client.closed, host).toMatchObject({ code: "night", by: "remote" });
      expect([...sources], host).toEqual([host]);
    }
  });

  it("frees all of them when it closes", async () => {
    const server = await narrowServer({ host: HOSTS, ports: { count: 2 } });
    const { ports } = server;
    await server.close();
    for (const host of HOSTS) {
      for (const port of ports) expect(await boundAndClosed(host, port), host).toBe(true);
    }
  });

  it("keeps two clients apart that have one address and port, by what they asked", async () => {
    const server = await narrowServer({ host: [A, B] });
    echo(server);
    const shared = await boundSocket(A);
    const overShared =
      (host: string) =>
      (replaced: DatagramSocket): DatagramSocket => ({
        port: shared.address().port,
        address: A,
        send: (bytes, port, address) => shared.send(Uint8Array.from(bytes), port, address),
        listen: (listener) => {
          shared.on("message", (bytes, from) => {
            if (from.address === host) listener(bytes, from.address, from.port);
          });
        },
        close: () => replaced.close(),
      });
    const clients = [];
    for (const host of [A, B]) {
      clients.push(await narrowClient(server, { host, wrapSocket: overShared(host) }));
    }
    await Promise.all(clients.map((client) => exchange(client, 20)));
    expect(new Set([...server.peers.values()].map(({ address }) => address)).size).toBe(1);
    expect(server.peers.size).toBe(2);
  });

  it("tells authenticate which one was asked", async () => {
    const asked: string[] = [];
    const server = await narrowServer({
      host: [A, B],
      authenticate: (_join, { host }) => {
        asked.push(host);
        return { accept: true };
      },
    });
    for (const host of [B, A, B]) await narrowClient(server, { host });
    expect(asked).toEqual([B, A, B]);
  });

  it("says gone from the one that was asked", async () => {
    const server = await narrowServer({ host: [A, B] });
    let join: Uint8Array | undefined;
    await narrowClient(server, {
      wrapSocket: (socket) => ({
        ...noting(new Set())(socket),
        send: (bytes, port, address) => {
          if (isMessage(bytes, "join")) join = Uint8Array.from(bytes);
          socket.send(bytes, port, address);
        },
      }),
    });
    const stranger = await boundSocket(A);
    for (const host of [B, A]) {
      const answer = once(stranger, "message");
      // Its cookie is another's.
      stranger.send(join!, server.ports[0]!, host);
      const [bytes, from] = await answer;
      expect(isMessage(bytes, "gone")).toBe(true);
      expect(from.address).toBe(host);
    }
  });

  it("answers from the one that an attach came to, where the join came to another", async () => {
    const server = await narrowServer({ host: [A, B] });
    echo(server);
    const late: string[] = [];
    let hasMoved = false;
    // As behind a router that leads the two to different addresses of the server.
    const client = await narrowClient(server, {
      wrapSocket: (socket) => ({
        ...noting(new Set())(socket),
        send: (bytes, port, address) => {
          hasMoved ||= isMessage(bytes, "attach");
          socket.send(bytes, port, hasMoved ? B : address);
        },
        listen: (listener) =>
          socket.listen((bytes, address, port) => {
            if (hasMoved) late.push(address);
            listener(bytes, A, port);
          }),
      }),
    });
    await exchange(client, 20);
    await server.close();
    await client.closed;
    // Answers to what was sent before, an accept that was repeated, come from the first.
    const first = late.indexOf(B);
    expect(new Set(late.slice(first))).toEqual(new Set([B]));
    expect(first).toBeLessThanOrEqual(1);
  });

  it("hears a peer's datagrams at the peer's own address of it alone", async () => {
    const server = await narrowServer({ host: [A, B] });
    echo(server);
    let socket!: DatagramSocket;
    let regular: Uint8Array | undefined;
    const client = await narrowClient(server, {
      wrapSocket: (plain) => {
        socket = plain;
        return {
          ...noting(new Set())(plain),
          send: (bytes, port, address) => {
            if (!isZero(bytes)) regular = Uint8Array.from(bytes);
            plain.send(bytes, port, address);
          },
        };
      },
    });
    await exchange(client, 5);
    expect(await counted(server, "datagramsFromStrangers")).toBe(0);
    socket.send(regular!, client.port, B);
    await until(async () => (await counted(server, "datagramsFromStrangers")) === 1);
    await exchange(client, 5);
  });

  it("has all of them again when a worker has died", async () => {
    const server = await narrowServer({ host: HOSTS, onFault: () => {}, systems: narrowSystems });
    const { ports } = server;
    const doomed = await narrowClient(server, { host: B });
    await until(() => server.peers.has(doomed.id));
    doomed.send.order({ what: "die" });
    doomed.flush();
    await until(() => server.peers.size === 0);
    for (const host of HOSTS) {
      await until(
        async () => (await narrowClient(server, { host }).catch(() => undefined)) !== undefined,
      );
    }
    expect(server.ports).toEqual(ports);
  });

  it("counts the peers of a client's address over all of them", async () => {
    const server = await narrowServer({ host: [A, B], maxPeersPerAddress: 1 });
    await narrowClient(server, { host: A });
    await expect(narrowClient(server, { host: B })).rejects.toMatchObject({ reason: "full" });
  });

  it("wraps the socket of each", async () => {
    const server = await narrowServer({
      host: [A, B],
      wrapSocket: lossySocketUrl,
      wrapSocketData: { loss: 1 },
    });
    const lost = { code: "STARDUST_CONNECT_TIMEOUT" };
    await Promise.all(
      [A, B].map((host) => expect(narrowClient(server, { host })).rejects.toMatchObject(lost)),
    );
  });

  it("binds a port on all of them or on none, and says which one failed", async () => {
    const other = await boundSocket(B);
    const { port } = other.address();
    await expect(narrowServer({ host: [A, B], ports: [port] })).rejects.toMatchObject({
      code: "STARDUST_PORT_BIND",
      message: expect.stringContaining(`port ${port} on ${B}: `),
      port,
      host: B,
      cause: { code: "EADDRINUSE" },
    });
    expect(await boundAndClosed(A, port)).toBe(true);
  });

  it("goes on without a port that one of them lacks, where that is allowed", async () => {
    const other = await boundSocket(B);
    const { port } = other.address();
    const options: Partial<ServerOptions> = { host: [A, B], ports: [port, 0] };
    const server = await narrowServer({ ...options, allowMissingPorts: true });
    expect(server.ports.length).toBe(1);
    expect(server.ports).not.toContain(port);
    for (const host of [A, B]) await narrowClient(server, { host });
    expect(await boundAndClosed(A, port)).toBe(true);
  });
});

describe("all addresses of both families", () => {
  it("are there where CI runs", () => {
    // Some containers have no IPv6, and skip what follows.
    if (process.env["CI"] !== undefined) expect(hasIPv6, "this machine has no IPv6").toBe(true);
  });

  // As said above: there is no IPv6.
  it.skipIf(!hasIPv6)("are those of :: alone", async () => {
    const server = await narrowServer({ host: "::", ports: { count: 2 } });
    echo(server);
    for (const port of server.ports) {
      for (const host of [A, "::1"]) {
        const sources = new Set<string>();
        const client = await narrowClient(server, { host, port, wrapSocket: noting(sources) });
        await exchange(client, 5);
        expect([...sources]).toEqual([host]);
        const { address } = server.peers.get(client.id)!;
        expect(address).toMatch(host === "::1" ? /^\[::1\]:\d+$/ : /^\[::ffff:127\.0\.0\.1\]:\d+$/);
      }
    }
  });

  // Some containers have no IPv6.
  it.skipIf(!hasIPv6)("are a list of two", async () => {
    const server = await narrowServer({ host: ["0.0.0.0", "::"] });
    echo(server);
    for (const host of [A, "::1"]) {
      const sources = new Set<string>();
      const client = await narrowClient(server, { host, wrapSocket: noting(sources) });
      await exchange(client, 5);
      expect([...sources]).toEqual([host]);
    }
  });
});

describe("a list of addresses", () => {
  const many = Array.from({ length: 17 }, (_, i) => `127.0.1.${i}`);
  const wrong: [string, unknown, string][] = [
    ["that is empty", [], "host: the list is empty; give at least one address, or leave host out"],
    ["with an empty text", [A, ""], 'host: "" is no name or address'],
    [
      "with something else",
      [A, 7],
      'host: must be a text, or a list of them, not ["127.0.0.1", 7]',
    ],
    ["that is too long", many, "host: 17 addresses; at most 16 are possible"],
    ["with one twice", [A, B, A], `host: ${A} stands in the list twice; give each address once`],
    [
      "with one in two spellings",
      ["::1", "0:0:0:0:0:0:0:1"],
      "host: ::1 and 0:0:0:0:0:0:0:1 are the same address; give each address once",
    ],
    [
      "with a name and its address",
      ["localhost", A],
      `host: localhost and ${A} are the same address; give each address once`,
    ],
    [
      "with an IPv4 address and its IPv4-mapped form",
      [A, "::ffff:127.0.0.1"],
      `host: ${A} and ::ffff:127.0.0.1 are the same address; give each address once`,
    ],
    [
      "in which 0.0.0.0 covers another",
      [A, "0.0.0.0"],
      `host: 0.0.0.0 is all IPv4 addresses, ${A} too; give one or the other`,
    ],
    [
      "in which :: covers another",
      ["::", A, "::1"],
      "host: :: is all IPv6 addresses, ::1 too; give one or the other",
    ],
  ];
  it.each(wrong)("%s is refused, with what to do", async (_what, host, message) => {
    await expect(
      narrowServer({ host: host as NonNullable<ServerOptions["host"]> }),
    ).rejects.toMatchObject({
      code: "STARDUST_INVALID_OPTION",
      message: expect.stringContaining(message),
    });
  });

  it("of one is as good as the one", async () => {
    const server = await narrowServer({ host: [A] });
    expect(server.hosts).toEqual([A]);
    await narrowClient(server);
  });
});
