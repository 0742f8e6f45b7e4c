/** Who has which address: what is sent from a peer's address by somebody else takes nothing from the peer. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import type { DatagramSocket } from "stardust-udp";
import { describe, expect, it } from "vitest";
import type { Server } from "#generated/server.js";
import { arenaClient, arenaServer, closing, peerOf, until } from "../support/arena.ts";
import { forgedDatagram } from "../support/forge-arena.ts";
import {
  type Client,
  type Server as PlainServer,
  plainClient,
  plainServer,
} from "../support/plain-arena.ts";

/** Closed after the clients that were opened later. */
async function openSocket(): Promise<Socket> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  closing({ [Symbol.asyncDispose]: async () => void socket.close() });
  return socket;
}

const isMessage = (bytes: Uint8Array, msg: string): boolean =>
  Buffer.from(bytes).includes(`"msg":"${msg}"`);

/** For `wrapSocket`: gives the socket itself away. */
function keep(into: { socket?: DatagramSocket }): (socket: DatagramSocket) => DatagramSocket {
  return (socket) => {
    into.socket = socket;
    return socket;
  };
}

/** For `wrapSocket`: what `instead` takes goes out by it, all else by the socket. */
function diverting(
  instead: (bytes: Uint8Array, port: number) => DatagramSocket | Socket | undefined,
): (socket: DatagramSocket) => DatagramSocket {
  return (socket) => ({
    port: socket.port,
    address: socket.address,
    send: (bytes, port, address) => {
      const other = instead(bytes, port);
      if (other === undefined) socket.send(bytes, port, address);
      else other.send(Uint8Array.from(bytes), port, address);
    },
    listen: (listener) => socket.listen(listener),
    close: () => socket.close(),
  });
}

interface Attacker {
  readonly socket: DatagramSocket;
  /** Of its own accept; none where the arena is sealed. */
  tag: number;
}

/** Joins with a socket of its own, but attaches from where `victim` is. */
function spoofingAttach(
  join: typeof plainClient | typeof arenaClient,
  server: Server | PlainServer,
  victim: DatagramSocket | Socket,
): Promise<Attacker> {
  return new Promise((resolve) => {
    const abort = new AbortController();
    join(server, {
      signal: abort.signal,
      wrapSocket: (socket) => {
        const attacker: Attacker = { socket, tag: 0 };
        resolve(attacker);
        return {
          ...diverting((bytes) => (isMessage(bytes, "attach") ? victim : undefined))(socket),
          listen: (listener) =>
            socket.listen((bytes, address, port) => {
              const [, tag] = /"tag":(\d+)/.exec(Buffer.from(bytes).toString("latin1")) ?? [];
              if (tag !== undefined) attacker.tag = Number(tag);
              listener(bytes, address, port);
            }),
        };
      },
    }).catch(() => {});
    closing({ [Symbol.asyncDispose]: async () => abort.abort() });
  });
}

/** All lines of chat with the id of the peer that they are said to be of; each is answered. */
function listenTo(server: Server | PlainServer): { peer: number; text: string }[] {
  const heard: { peer: number; text: string }[] = [];
  server.receive.chat((peer, { text }) => {
    heard.push({ peer: peer.id, text });
    peer.send.chat({ from: peer.id, text });
  });
  return heard;
}

describe("an attach from the address of a peer", () => {
  it("takes nothing from it: 20 peers of 20 go on, and nobody's messages are taken for another's", async () => {
    // Plain, where a source address and a tag are all that tells whose a datagram is.
    const server = await plainServer({ ports: { count: 1 } });
    const port = server.ports[0]!;
    const heard = listenTo(server);
    const victims: {
      readonly client: Client;
      readonly socket: DatagramSocket;
      readonly lines: AsyncIterator<{ readonly from: number; readonly text: string }>;
    }[] = [];
    for (let i = 0; i < 20; i++) {
      const own: { socket?: DatagramSocket } = {};
      const client = await plainClient(server, { wrapSocket: keep(own) });
      victims.push({ client, socket: own.socket!, lines: client.messages.chat() });
    }
    for (let i = 0; i < 20; i++) {
      const victim = victims[i]!;
      const [line, before] = [`victim ${i}`, server.peers.size];
      victim.client.send.chat({ from: 0, text: line });
      expect((await victim.lines.next()).value).toMatchObject({ text: line });
      const attacker = await spoofingAttach(plainClient, server, victim.socket);
      // Its attach has been taken: there is a peer more.
      await until(() => server.peers.size > before);
      const datagram = forgedDatagram(
        { sessionTag: attacker.tag, packetNumber: 0 },
        0,
        `attacker ${i}`,
      );
      // From its own address, and from the one that it claims.
      attacker.socket.send(datagram, port, "127.0.0.1");
      victim.socket.send(datagram, port, "127.0.0.1");
    }
    for (const [i, { client, lines }] of victims.entries()) {
      client.send.chat({ from: 0, text: `victim ${i} again` });
      expect((await lines.next()).value).toEqual({ from: client.id, text: `victim ${i} again` });
      expect(server.peers.has(client.id)).toBe(true);
    }
    await until(async () => {
      const { counters } = (await server.stats()).ports[0]!;
      return counters["datagramsFromStrangers"]! >= 20;
    });
    expect(server.peers.size).toBe(40);
    expect(heard).toEqual(
      ["", " again"].flatMap((again) =>
        victims.map(({ client }, i) => ({ peer: client.id, text: `victim ${i}${again}` })),
      ),
    );
  });

  it("leaves the address that the application is told the one that has answered", async () => {
    const server = await arenaServer({ ports: { count: 1 } });
    const attacker = await spoofingAttach(arenaClient, server, await openSocket());
    await until(() => server.peers.size === 1);
    const [peer] = server.peers.values();
    expect(peer!.address).toBe(`127.0.0.1:${attacker.socket.port}`);
  });
});

describe("a rebind from the address of a peer", () => {
  it("takes nothing from it, and moves who has sent it nowhere", async () => {
    const server = await arenaServer({ ports: { count: 1 } });
    const heard = listenTo(server);
    const own: { socket?: DatagramSocket } = {};
    const victim = await arenaClient(server, { wrapSocket: keep(own) });
    const lines = victim.messages.chat();
    const attacker = await arenaClient(server, {
      // All else comes from where the attacker is.
      wrapSocket: diverting((bytes) => (isMessage(bytes, "rebind") ? own.socket : undefined)),
    });
    void attacker.rebind();
    // What is to be verified reaches the victim, whose connection it is not.
    await until(() => victim.stats().counters["zero.droppedCid"]! > 0);
    victim.send.chat({ from: 0, text: "still here" });
    expect((await lines.next()).value).toEqual({ from: victim.id, text: "still here" });
    const { counters } = (await server.stats()).ports[0]!;
    expect(counters["peersMoved"] ?? 0).toBe(0);
    expect(heard).toEqual([{ peer: victim.id, text: "still here" }]);
  });
});

describe("a client behind a NAT", () => {
  it("that has another address towards another port joins and is heard, two of them as well", async () => {
    const server = await arenaServer({ ports: { count: 2 } });
    const heard = listenTo(server);
    const [first, second] = server.ports;
    const ids: number[] = [];
    for (const text of ["one", "two"]) {
      // They ask the port on which their place is not.
      const dialled = text === "one" ? second! : first!;
      const mapping = await openSocket();
      const client = await arenaClient(server, {
        port: dialled,
        wrapSocket: (socket) => {
          const wrapped = diverting((_bytes, port) => (port === dialled ? undefined : mapping))(
            socket,
          );
          return {
            ...wrapped,
            listen: (listener) => {
              socket.listen(listener);
              mapping.on("message", (bytes, from) => listener(bytes, from.address, from.port));
            },
          };
        },
      });
      expect(client.port).not.toBe(dialled);
      const lines = client.messages.chat();
      client.send.chat({ from: 0, text });
      expect((await lines.next()).value).toEqual({ from: client.id, text });
      ids.push(client.id);
    }
    expect(heard).toEqual([
      { peer: ids[0], text: "one" },
      { peer: ids[1], text: "two" },
    ]);
  });
});

describe("a client that starts again from its address and port", () => {
  it("joins while its old peer is still there, and is heard as the new one", async () => {
    const server = await arenaServer({ ports: { count: 1 } });
    const heard = listenTo(server);
    const own: { socket?: DatagramSocket } = {};
    let silent = false;
    const unheard = await openSocket();
    const before = await arenaClient(server, {
      wrapSocket: (socket) => diverting(() => (silent ? unheard : undefined))(keep(own)(socket)),
    });
    const old = await peerOf(server, before);
    silent = true;
    const shared = own.socket!;
    const after = await arenaClient(server, {
      wrapSocket: (socket) => ({
        port: shared.port,
        address: shared.address,
        send: (bytes, port, address) => shared.send(bytes, port, address),
        listen: (listener) => shared.listen(listener),
        close: () => socket.close(),
      }),
    });
    const peer = await peerOf(server, after);
    expect(peer.address).toBe(old.address);
    const lines = after.messages.chat();
    after.send.chat({ from: 0, text: "back again" });
    expect((await lines.next()).value).toEqual({ from: after.id, text: "back again" });
    expect(heard).toEqual([{ peer: after.id, text: "back again" }]);
    expect(server.peers.has(old.id)).toBe(true);
  });
});
