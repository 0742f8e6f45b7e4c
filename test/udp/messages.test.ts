import { describe, expect, it } from "vitest";
import { example } from "#generated/testing.js";
import type { ChatMessage } from "#generated/types.js";
import { arenaClient, arenaServer, pattern, peerOf, until } from "../support/arena.ts";

describe("messages", () => {
  it("of every channel a client may send reach the server", async () => {
    const server = await arenaServer();
    const got: Record<string, unknown> = {};
    server.receive.input((_peer, input) => {
      got["input"] = input;
    });
    server.receive.chat((_peer, chat) => {
      got["chat"] = chat;
    });
    server.receive.ready((_peer, ready) => {
      got["ready"] = ready;
    });
    const client = await arenaClient(server);
    expect(client.send.input(example.input())).toBe(true);
    expect(client.send.chat({ from: 0, text: "grüß dich 👋" })).toBe(true);
    expect(client.send.ready({ mapChecksum: 4_294_967_295 })).toBe(true);
    await until(() => Object.keys(got).length === 3);
    expect(got["input"]).toMatchObject({ sequence: example.input().sequence });
    expect(got["chat"]).toEqual({ from: 0, text: "grüß dich 👋" });
    expect(got["ready"]).toEqual({ mapChecksum: 4_294_967_295 });
  });

  it("of every channel the server may send reach a client, those of the join listener too", async () => {
    const server = await arenaServer();
    server.on("join", (peer) => peer.send.chat({ from: peer.id, text: "welcome" }));
    const got: Record<string, unknown> = {};
    const client = await arenaClient(server, {
      handlers: {
        chat: (chat) => {
          got["chat"] = chat;
        },
        snapshot: (snapshot) => {
          got["snapshot"] = snapshot;
        },
        event: (event) => {
          got["event"] = event;
        },
        map: (map) => {
          got["map"] = map;
        },
      },
    });
    const peer = await peerOf(server, client);
    const entity = {
      id: 7,
      kind: "player" as const,
      at: { x: 1, y: -2 },
      heading: 0,
      health: 100,
      weapon: "bow" as const,
    };
    peer.send.snapshot({ tick: 1, lastInput: 2, entities: [entity, { ...entity, id: 8 }] });
    peer.send.event({ sequence: 1, kind: "spawn", subject: 7, amount: -5 });
    peer.send.map({ name: "pit", width: 4, height: 2, tiles: pattern(8) });
    await until(() => Object.keys(got).length === 4);
    expect(got["chat"]).toEqual({ from: peer.id, text: "welcome" });
    expect(got["snapshot"]).toMatchObject({
      tick: 1,
      lastInput: 2,
      entities: [{ id: 7 }, { id: 8 }],
    });
    expect(got["event"]).toMatchObject({ sequence: 1, kind: "spawn", subject: 7, amount: -5 });
    expect(got["map"]).toMatchObject({ name: "pit", tiles: pattern(8) });
  });

  it.each([[undefined], [208 * 1024]])(
    "of 256 KiB arrive intact, with a receive buffer of %s bytes",
    async (socketBufferBytes) => {
      const server = await arenaServer({ ports: { count: 1 }, socketBufferBytes });
      const client = await arenaClient(server, { socketBufferBytes });
      const peer = await peerOf(server, client);
      const tiles = pattern(262_144);
      const arrived = new Promise<Uint8Array>((resolve) => {
        const onMap = (map: { tiles: Uint8Array }): void => resolve(map.tiles);
        client.receive.map(onMap);
      });
      expect(peer.send.map({ name: "big", width: 512, height: 512, tiles })).toBe(true);
      expect(Buffer.compare(await arrived, tiles)).toBe(0);
    },
  );

  it("are broadcast to everyone but those excepted", async () => {
    const server = await arenaServer();
    const clients = await Promise.all(Array.from({ length: 5 }, () => arenaClient(server)));
    await until(() => server.peers.size === 5);
    const got = new Map<number, string[]>();
    for (const client of clients) {
      got.set(client.id, []);
      client.receive.chat((chat) => got.get(client.id)!.push(chat.text));
    }
    const except = server.peers.get(clients[0]!.id);
    expect(server.broadcast.chat({ from: 0, text: "but one" }, { except })).toEqual({
      sent: 4,
      skipped: [],
    });
    server.broadcast.chat({ from: 0, text: "all" });
    await until(() => [...got.values()].every((lines) => lines.includes("all")));
    expect(clients.map(({ id }) => got.get(id))).toEqual([
      ["all"],
      ["but one", "all"],
      ["but one", "all"],
      ["but one", "all"],
      ["but one", "all"],
    ]);
  });

  it("wait for the first handler, and for an iterator", async () => {
    const server = await arenaServer();
    const client = await arenaClient(server);
    const peer = await peerOf(server, client);
    for (let i = 0; i < 10; i++) peer.send.chat({ from: i, text: "early" });
    peer.send.event({ sequence: 1, kind: "hit", subject: 1, amount: 0 });
    // The event is behind the chat lines in the ring: once it has come, they have.
    for await (const event of client.messages.event()) {
      expect(event.sequence).toBe(1);
      break;
    }
    const got: number[] = [];
    for await (const chat of client.messages.chat({ limit: 4 })) {
      got.push(chat.from);
      if (got.length === 10) break;
    }
    expect(got).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("iterated on the server come with their peer", async () => {
    const server = await arenaServer();
    const client = await arenaClient(server);
    client.send.chat({ from: 0, text: "hello" });
    for await (const { peer, message } of server.messages.chat()) {
      expect([peer.id, message.text]).toEqual([client.id, "hello"]);
      break;
    }
  });

  it("that do not match the spec are refused with the member's path, and cost nothing", async () => {
    const server = await arenaServer();
    const client = await arenaClient(server);
    const peer = await peerOf(server, client);
    const bad = {
      tick: 1,
      lastInput: 2,
      entities: [{ ...example.snapshot().entities[0]!, id: -1 }],
    };
    for (let i = 0; i < 1000; i++) {
      expect(() => peer.send.snapshot(bad as never)).toThrow(
        expect.objectContaining({ code: "STARDUST_INVALID_MESSAGE", path: "entities[0].id" }),
      );
    }
    expect(() => client.send.chat({ from: 0, text: "x".repeat(241) })).toThrow(
      expect.objectContaining({ code: "STARDUST_INVALID_MESSAGE", path: "text" }),
    );
    expect(peer.send.snapshot(example.snapshot())).toBe(true);
  });

  it("are refused when a reader is slow, and nothing that was taken is lost or out of order", async () => {
    const server = await arenaServer({ ports: { count: 1 } });
    const client = await arenaClient(server);
    const peer = await peerOf(server, client);
    const chats: AsyncIterableIterator<ChatMessage> = client.messages.chat({ limit: 4 });
    const text = "x".repeat(200);
    let sent = 0;
    while (sent < 20_000 && peer.send.chat({ from: sent, text })) sent++;
    // More than fits between the two, and it said so.
    expect(sent).toBeLessThan(20_000);
    const drained = peer.drained();
    let next = 0;
    for await (const chat of chats) {
      expect(chat.from).toBe(next);
      next++;
      if (next === sent) break;
    }
    await drained;
    expect(peer.send.chat({ from: sent, text })).toBe(true);
  });

  it("to one peer whose queue is full do not hold back those to another", async () => {
    const server = await arenaServer({ ports: { count: 1 } });
    const slow = await arenaClient(server);
    const quick = await arenaClient(server);
    const slowPeer = await peerOf(server, slow);
    const quickPeer = await peerOf(server, quick);
    const text = "x".repeat(200);
    slow.messages.chat({ limit: 1 });
    const echoes = quick.messages.chat();
    // Full is when it stays refused while the other peer gets twenty messages, one after the other.
    for (let refused = 0; refused < 20; refused++) {
      while (slowPeer.send.chat({ from: 1, text })) refused = 0;
      expect(quickPeer.send.chat({ from: refused, text: "through" })).toBe(true);
      expect((await echoes.next()).value).toEqual({ from: refused, text: "through" });
    }
    let told = server.broadcast.chat({ from: 0, text });
    // What was still under way to the slow one may have made room.
    while (told.sent === 2) told = server.broadcast.chat({ from: 0, text });
    expect(told).toEqual({ sent: 1, skipped: [slowPeer.id] });
  });
});
