/**
 * Off the path: whoever knows both addresses of a connection and can send from each, but sees no packets. Nothing that
 * they send, of either protocol and in either direction, has an effect.
 */
import type { DatagramListener, DatagramSocket } from "stardust-udp";
import { SeededRandom } from "stardust-udp/testing";
import { describe, expect, it } from "vitest";
import { protocol as arena } from "#generated/protocol.js";
import { encode } from "#generated/testing.js";
import { nodeCrypto } from "#src/udp/node-crypto.js";
import { DatagramHeader, FrameHeader } from "#src/wire/header.js";
import { Writer } from "#src/wire/writer.js";
import { buildDatagram, type ZeroMessage } from "#src/zero/envelope.js";
import type { MessageName, SysOf } from "#src/zero/own-messages.js";
import { arenaClient, arenaServer, peerOf, until } from "../support/arena.ts";

const random = new SeededRandom(1);
const chat = arena.channels.findIndex(({ name }) => name === "chat");
const text22 = (): string => Buffer.from(random.fill(new Uint8Array(16))).toString("base64url");

/** A regular datagram with a guessed tag; with a line of chat where there is one. */
function forged(parts: Partial<DatagramHeader>, line?: string): Uint8Array {
  const h = Object.assign(new DatagramHeader(0), { sessionTag: random.u32() }, parts);
  const w = new Writer(new Uint8Array(1200));
  const payload = encode.chat({ from: 0, text: line ?? "" });
  const frame = Object.assign(new FrameHeader(), {
    channel: chat,
    number: h.packetNumber,
    payloadBytes: payload.length,
  });
  h.frames = line !== undefined;
  arena.header.writeClear(h, h.frames ? frame : undefined, w);
  arena.header.writeSealed(h, w);
  if (h.frames) {
    arena.header.writeFrame(frame, undefined, w);
    w.raw(payload);
  }
  return w.bytes.slice(0, w.at);
}

/** One of each kind with packet numbers about `number`: what inserts, what acknowledges, what moves the window. */
function forgedRegular(number: number): Uint8Array[] {
  const acks = Object.assign(new DatagramHeader(0).acks, { largest: number, firstRun: number + 1 });
  return [
    forged({ packetNumber: number }, "forged"),
    forged({ packetNumber: number, ackNow: true }),
    forged({ packetNumber: number + 5000, wide: true, ackNow: true }),
    forged({ packetNumber: number + 1, ack: true, acks }),
    forged({ packetNumber: number + 2, ack: true, acks, limit: true, receiveLimit: 2 ** 50 }),
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

const ROUNDS = 60;
const LINES = 200;

describe("a forger who sees no packets, with the address of the other side as source,", () => {
  it("inserts nothing at a server, loses nothing and ends nothing", async () => {
    const server = await arenaServer({ ports: { count: 1 } });
    const port = server.ports[0]!;
    const heard: string[] = [];
    server.receive.chat((_peer, { text }) => void heard.push(text));
    let victim: DatagramSocket | undefined;
    const client = await arenaClient(server, {
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
    const server = await arenaServer({ ports: { count: 1 } });
    const port = server.ports[0]!;
    let listener: DatagramListener | undefined;
    const client = await arenaClient(server, {
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
