/** A flood of 100,000 random, mutated and replayed datagrams at one port: everything is counted, peers are served. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { DatagramSocket } from "stardust-udp";
import { SeededRandom } from "stardust-udp/testing";
import { expect, it } from "vitest";
import { dropReasons } from "#src/session/drop-reason.js";
import { zeroDropReasons } from "#src/zero/counters.js";
import { arenaClient, arenaServer, peerOf, until } from "../support/arena.ts";
import { type Captured, tap } from "../support/tap.ts";

const DATAGRAMS = 100_000;
const BATCH = 1000;
const SEED = Number(process.env["FLOOD_SEED"] ?? 1);

it.each([
  ["a worker", {}, BATCH],
  // Nothing is read while this thread sends: as many as a stock receive buffer holds.
  ["the application's thread", { workers: false }, BATCH / 10],
])(
  `counts every datagram of a flood once, and serves its peers all the while, on %s (seed ${SEED})`,
  {
    timeout: 120_000,
  },
  async (_where, options, batch) => {
    const server = await arenaServer({ ports: { count: 1 }, onFault: () => {}, ...options });
    const [port] = server.ports;
    server.receive.chat((peer, chat) => peer.send.chat(chat));
    server.receive.input(() => {});
    server.receive.ready(() => {});
    const captured: Captured[] = [];
    let inner: DatagramSocket | undefined;
    // One client whose own address the flood comes from too.
    const victim = await arenaClient(server, {
      wrapSocket: (socket) => {
        inner = socket;
        return tap(captured)(socket);
      },
    });
    const witness = await arenaClient(server);
    const peer = await peerOf(server, witness);
    for (let i = 0; i < 40; i++) {
      victim.send.chat({ from: 0, text: `line ${i}` });
      victim.send.input({ sequence: i, moveX: 0, moveY: 0, heading: 0, fire: false, use: true });
      victim.flush();
    }
    await until(() => captured.length > 60);
    const corpus = captured.filter(({ from }) => from === "client").map(({ bytes }) => bytes);
    const stranger = createSocket("udp4");
    stranger.bind(0, "127.0.0.1");
    await once(stranger, "listening");
    stranger.on("message", () => {});

    const random = new SeededRandom(SEED);
    const below = (n: number): number => Math.floor(random.next() * n);
    const make = (): Uint8Array => {
      const kind = below(4);
      if (kind === 0) return Uint8Array.from({ length: below(1400) }, () => below(256));
      const bytes = new Uint8Array(corpus[below(corpus.length)]!);
      if (kind === 1) return bytes;
      for (let i = below(4); i >= 0; i--) bytes[below(bytes.length)] = below(256);
      return kind === 2 ? bytes : bytes.subarray(0, below(bytes.length + 1));
    };
    const arrived = async (): Promise<number> => {
      const { counters } = (await server.stats()).ports[0]!;
      return counters["datagramsReceived"]!;
    };

    const echoes = witness.messages.chat();
    const victimEchoes = victim.messages.chat();
    for (let i = 0; i < 40; i++) await victimEchoes.next();
    let echoed = 0;
    const start = await arrived();
    for (let sent = 0; sent < DATAGRAMS; ) {
      for (let i = 0; i < batch; i++, sent++) {
        const bytes = make();
        if (below(2) === 0) stranger.send(bytes, port, "127.0.0.1");
        else inner!.send(bytes, port!, "127.0.0.1");
      }
      witness.send.chat({ from: sent, text: "still there?" });
      expect((await echoes.next()).value).toEqual({ from: sent, text: "still there?" });
      victim.send.chat({ from: sent, text: "and this one?" });
      expect((await victimEchoes.next()).value).toEqual({ from: sent, text: "and this one?" });
      echoed++;
      let before = -1;
      await until(async () => {
        const now = await arrived();
        const settled = now - start >= sent || now === before;
        before = now;
        return settled;
      });
    }
    stranger.close();

    expect(echoed).toBe(DATAGRAMS / batch);
    expect(peer.closed).toBe(false);
    const { ports } = await server.stats();
    const { counters } = ports[0]!;
    const count = (name: string): number => counters[name] ?? 0;
    const outcomes = [
      "datagramsRunt",
      "datagramsFromStrangers",
      ...Object.keys(zeroDropReasons).map((name) => `zero.${name}`),
      "session.datagramsReceived",
      ...Object.keys(dropReasons).map((name) => `session.${name}`),
    ];
    const sum = outcomes.reduce((total, name) => total + count(name), 0);
    expect(sum).toBe(count("datagramsReceived"));
    // A loopback loses nothing at this pace; a little slack for a machine that stalls.
    expect(count("datagramsReceived") - start).toBeGreaterThan(DATAGRAMS * 0.98);
    // The flood met every guard it was aimed at.
    for (const name of [
      "datagramsRunt",
      "datagramsFromStrangers",
      "zero.droppedFrame",
      "session.duplicates",
      "session.seal",
    ]) {
      expect(count(name), name).toBeGreaterThan(0);
    }
    expect((await arenaClient(server)).port).toBe(port);
  },
);
