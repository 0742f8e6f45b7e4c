/**
 * Off the path: whoever knows both addresses of a connection and can send from each, but sees no packets. Nothing that
 * they send, of either protocol and in either direction, has an effect.
 */
import type { DatagramListener, DatagramSocket } from "stardust-udp";
import { SeededRandom } from "stardust-udp/testing";
import { describe, expect, it } from "vitest";
import { nodeCrypto } from "#src/udp/node-crypto.js";
import { DatagramHeader } from "#src/wire/header.js";
import { buildDatagram, type ZeroMessage } from "#src/zero/envelope.js";
import type { MessageName, SysOf } from "#src/zero/own-messages.js";
import { peerOf, until } from "../support/arena.ts";
import { forgedDatagram } from "../support/forge-arena.ts";
import { protocol as arena, plainClient, plainServer } from "../support/plain-arena.ts";
import { tap } from "../support/tap.ts";

const random = new SeededRandom(1);
const text22 = (): string => Buffer.from(random.fill(new Uint8Array(16))).toString("base64url");

/** One of each kind with packet numbers about `number`: what inserts, what acknowledges, what moves the window. */
function forgedRegular(number: number): Uint8Array[] {
  const acks = Object.assign(new DatagramHeader(0).acks, { largest: number, firstRun: number + 1 });
  return [
    forgedDatagram({ packetNumber: number }, number, "forged"),
    forgedDatagram({ packetNumber: number, ackNow: true }),
    forgedDatagram({ packetNumber: number + 5000, wide: true, ackNow: true }),
    forgedDatagram({ packetNumber: number + 1, ack: true, acks }),
    forgedDatagram({
      packetNumber: number + 2,
      ack: true,
      acks,
      limit: true,
      receiveLimit: 2 ** 50,
    }),
  ];
}

/** One of each zero message of a side, with a guessed connection id and a guessed key. */
function forgedZero(from: "client" | "server", port: number): Uint8Array[] {
  const [nonce, hash] = [text22(), arena.hash];
  const ticket = Buffer.from(random.fill(new Uint8Array(32))).toString("base64url");
  const close = { code: "forged" };
  const given: { [M in MessageName]?: [number, number, SysOf[M]] } =
    from === "client"
      ? {
          join: [1, 0, { version: 1, hash, cookie: nonce }],
          attach: [2, 1, { port, tag: random.u32(), nonce, counter: 1 }],
          ack: [0, 2, { nonce }],
          close: [3, 2, close],
        }
      : {
          challenge: [0, 0, { cookie: nonce }],
          processing: [0, 1, {}],
          accept: [1, 1, { port, ports: [[port, port]], ticket, hash, peer: 0, tag: 1 }],
          reject: [1, 1, { reason: "denied" }],
          attached: [2, 2, { nonce }],
          ack: [0, 3, {}],
          close: [3, 2, close],
          gone: [0, 0, {}],
        };
  return Object.entries(given).map(([msg, [seq, ack, sys]]) => {
    const message = { cid: text22(), msg, seq, ack, sys } as ZeroMessage<MessageName>;
    const signed = ["attach", "attached", "ack", "close"].includes(msg);
    const key = random.fill(new Uint8Array(32));
    return buildDatagram(nodeCrypto, message, { padBytes: 200, ...(signed ? { key } : {}) });
  });
}

describe("a forger who has seen one packet", () => {
  it("knows the tag, and is taken for the peer", async () => {
    const server = await plainServer({ ports: { count: 1 } });
    const heard: string[] = [];
    server.receive.chat((_peer, { text }) => void heard.push(text));
    let seen: Uint8Array | undefined;
    let victim: DatagramSocket | undefined;
    const client = await plainClient(server, {
      wrapSocket: (socket) => {
        victim = socket;
        return {
          ...tap([])(socket),
          send: (bytes, port, address) => {
            if (bytes[2] !== 0) seen = Uint8Array.from(bytes);
            socket.send(bytes, port, address);
          },
        };
      },
    });
    client.send.ready({ mapChecksum: 1 });
    await until(() => seen !== undefined);
    const sessionTag = new DataView(seen!.buffer).getUint32(4);
    victim!.send(
      forgedDatagram({ sessionTag, packetNumber: 9 }, 0, "forged"),
      client.port,
      "127.0.0.1",
    );
    await until(() => heard.length > 0);
    expect(heard).toEqual(["forged"]);
  });
});

const ROUNDS = 60;
const LINES = 200;

describe("a forger who sees no packets, with the address of the other side as source,", () => {
  it("inserts nothing at a server, loses nothing and ends nothing", async () => {
    const server = await plainServer({ ports: { count: 1 } });
    const port = server.ports[0]!;
    const heard: string[] = [];
    server.receive.chat((_peer, { text }) => void heard.push(text));
    let victim: DatagramSocket | undefined;
    const client = await plainClient(server, {
      wrapSocket: (socket) => {
        victim = socket;
        return socket;
      },
    });
    const peer = await peerOf(server, client);
    const lines = Array.from({ length: LINES }, (_, i) => `line ${i}`);
    let sent = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const datagrams = [...forgedRegular(round + 1), ...forgedZero("client", port)];
      for (const bytes of datagrams) victim!.send(bytes, port, "127.0.0.1");
      sent += 5;
      for (const text of lines.slice((round * LINES) / ROUNDS, ((round + 1) * LINES) / ROUNDS)) {
        client.send.chat({ from: 0, text });
      }
      // A turn for the lines to go out between the forged ones.
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => heard.length >= LINES);
    await client.drained();
    expect(heard).toEqual(lines);
    const of = async (name: string): Promise<number> =>
      (await server.stats()).ports[0]!.counters[name] ?? 0;
    await until(async () => (await of("session.sessionTag")) >= sent);
    expect(await of("session.sessionTag")).toBe(sent);
    for (const name of ["session.duplicates", "session.jump", "session.acknowledgedAhead"]) {
      expect(await of(name), name).toBe(0);
    }
    expect([...server.peers.values()]).toEqual([peer]);
  });

  it("inserts nothing at a client, loses nothing and ends nothing", async () => {
    const server = await plainServer({ ports: { count: 1 } });
    const port = server.ports[0]!;
    let listener: DatagramListener | undefined;
    const client = await plainClient(server, {
      wrapSocket: (socket) => ({
        port: socket.port,
        address: socket.address,
        send: (bytes, to, address) => socket.send(bytes, to, address),
        listen: (given) => {
          listener = given;
          socket.listen(given);
        },
        close: () => socket.close(),
      }),
    });
    const peer = await peerOf(server, client);
    const heard: string[] = [];
    client.receive.chat(({ text }) => void heard.push(text));
    const lines = Array.from({ length: LINES }, (_, i) => `line ${i}`);
    let sent = 0;
    for (let round = 0; round < ROUNDS; round++) {
      for (const bytes of [...forgedRegular(round + 1), ...forgedZero("server", port)]) {
        listener!(bytes, "127.0.0.1", port);
      }
      sent += 5;
      for (const text of lines.slice((round * LINES) / ROUNDS, ((round + 1) * LINES) / ROUNDS)) {
        peer.send.chat({ from: 0, text });
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => heard.length >= LINES);
    expect(heard).toEqual(lines);
    const { counters } = client.stats();
    expect(counters["session.sessionTag"]).toBe(sent);
    expect(counters["session.duplicates"]).toBe(0);
    expect(server.peers.has(peer.id)).toBe(true);
    // The connection is as alive as before, the other way too.
    client.send.chat({ from: 0, text: "still here" });
    expect((await server.messages.chat().next()).value).toMatchObject({
      message: { text: "still here" },
    });
  });
});
