/** Real sockets and workers behind links that lose a tenth, delay and reorder, in each direction and at both ends. */
import { lossySocket, lossySocketUrl } from "stardust-udp/testing";
import { expect, it } from "vitest";
import { arenaClient, arenaServer, pattern, peerOf, until } from "../support/arena.ts";

const LINES = 200;
const SEED = Number(process.env["LOSS_SEED"] ?? 7);

it(`keeps each channel's promise at 10 % loss (seed ${SEED})`, { timeout: 90_000 }, async () => {
  const tiles = pattern(100_000);
  const server = await arenaServer<{ lines: string[] }>({
    state: () => ({ lines: [] as string[] }),
    // The workers' sockets lose and reorder too: the module is imported inside each.
    wrapSocket: lossySocketUrl,
    wrapSocketData: { loss: 0.05, jitterMs: 5, seed: SEED },
  });
  server.on("join", (peer) => peer.send.map({ name: "m", width: 100, height: 1000, tiles }));
  server.receive.chat((peer, chat) => peer.state.lines.push(chat.text));
  server.receive.input(() => {});
  const clients = await Promise.all(
    Array.from({ length: 4 }, (_, i) =>
      arenaClient(server, {
        wrapSocket: (socket) =>
          lossySocket(socket, { loss: 0.05, delayMs: 5, jitterMs: 10, seed: SEED + i }),
      }),
    ),
  );
  const seen = clients.map((client) => {
    const got = {
      lines: [] as string[],
      events: [] as number[],
      ticks: [] as number[],
      map: new Uint8Array(),
    };
    client.receive.chat((chat) => got.lines.push(chat.text));
    client.receive.event((event) => got.events.push(event.sequence));
    client.receive.snapshot((snapshot) => got.ticks.push(snapshot.tick));
    const onMap = (map: { tiles: Uint8Array }): void => {
      got.map = new Uint8Array(map.tiles);
    };
    client.receive.map(onMap);
    return got;
  });
  const peers = await Promise.all(clients.map((client) => peerOf(server, client)));
  const lines = Array.from({ length: LINES }, (_, i) => `line ${i}`);
  for (const [i, text] of lines.entries()) {
    for (const client of clients) {
      while (!client.send.chat({ from: 0, text })) await client.drained();
      client.send.input({ sequence: i, moveX: 0, moveY: 0, heading: 0, fire: false, use: false });
    }
    for (const peer of peers) {
      while (!peer.send.chat({ from: 0, text })) await peer.drained();
      while (!peer.send.event({ sequence: i, kind: "hit", subject: 1, amount: 1 }))
        await peer.drained();
      peer.send.snapshot({ tick: i, lastInput: 0, entities: [] });
    }
    // A turn of the event loop, so that there are many datagrams to lose.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await until(() =>
    seen.every(
      (got) => got.lines.length >= LINES && got.events.length >= LINES && got.map.length > 0,
    ),
  );
  await until(() => peers.every((peer) => peer.state.lines.length >= LINES));
  for (const [i, got] of seen.entries()) {
    expect(got.lines).toEqual(lines);
    expect([...got.events].sort((a, b) => a - b)).toEqual(lines.map((_, line) => line));
    expect(got.ticks).toEqual([...new Set(got.ticks)].sort((a, b) => a - b));
    expect(got.ticks.length).toBeGreaterThan(LINES / 10);
    expect(Buffer.compare(got.map, tiles)).toBe(0);
    expect(peers[i]!.state.lines).toEqual(lines);
  }
  const { ports } = await server.stats();
  expect(ports.some(({ counters }) => counters["session.datagramsLost"]! > 0)).toBe(true);
});
