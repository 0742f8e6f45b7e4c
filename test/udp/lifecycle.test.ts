import { connect as connectWith } from "stardust-udp/client";
import { describe, expect, it, vi } from "vitest";
import { protocol } from "#generated/client-protocol.js";
import { arenaClient, arenaServer, closing, peerOf, until } from "../support/arena.ts";

describe("joining", () => {
  it("carries the body of join one way and of accept the other", async () => {
    const server = await arenaServer();
    const client = await arenaClient(server, { join: { name: "grace", spectator: true } });
    expect(client.accept).toEqual({ motd: "hi" });
    const peer = await peerOf(server, client);
    expect(peer.join).toEqual({ name: "grace", spectator: true });
    expect(peer.port).toBe(client.port);
  });

  it("is refused by the application with its own words", async () => {
    const server = await arenaServer({
      authenticate: (join) => ({ accept: false, detail: `no ${join.name}s here` }),
    });
    await expect(arenaClient(server)).rejects.toMatchObject({
      code: "STARDUST_CONNECT_REJECTED",
      reason: "denied",
      detail: "no adas here",
    });
    expect(server.peers.size).toBe(0);
  });

  it("is refused when authenticate throws, and the server hears of it", async () => {
    const onFault = vi.fn();
    const server = await arenaServer({
      onFault,
      authenticate: () => {
        throw new Error("planted");
      },
    });
    await expect(arenaClient(server)).rejects.toMatchObject({ reason: "internal" });
    expect(onFault).toHaveBeenCalledWith(
      expect.objectContaining({ message: "planted" }),
      "authenticate",
      {},
    );
  });

  it("is refused when authenticate answers with a body that the spec does not allow", async () => {
    const onFault = vi.fn();
    const server = await arenaServer({
      onFault,
      authenticate: () => ({ accept: true, body: { motd: 7 as never } }),
    });
    await expect(arenaClient(server)).rejects.toMatchObject({ reason: "internal" });
    expect(onFault).toHaveBeenCalledOnce();
  });

  it("names both versions and hashes when the specs differ", async () => {
    const server = await arenaServer();
    const other = { ...protocol, version: 9, hash: "0".repeat(32) };
    const bare = () => ({});
    const face = { send: bare, receive: bare, messages: bare, header: bare };
    await expect(
      connectWith(other, face as never, { port: server.ports[0]!, join: { name: "ada" } }),
    ).rejects.toMatchObject({
      code: "STARDUST_CONNECT_PROTOCOL",
      message: expect.stringMatching(
        new RegExp(`version ${protocol.version} .*${protocol.hash}.*version 9 .*0{32}`),
      ),
    });
  });

  it("says that it is another game where the names differ, with the server's own name", async () => {
    const server = await arenaServer();
    const other = { ...protocol, name: "chess", hash: "0".repeat(32) };
    const bare = () => ({});
    const face = { send: bare, receive: bare, messages: bare, header: bare };
    await expect(
      connectWith(other, face as never, { port: server.ports[0]!, join: { name: "ada" } }),
    ).rejects.toMatchObject({
      protocol: protocol.name,
      message: expect.stringMatching(
        new RegExp(`server speaks ${protocol.name} .*this client chess .*another game`),
      ),
    });
  });

  it("is refused before a byte is sent when the body does not match the spec", async () => {
    const server = await arenaServer();
    await expect(arenaClient(server, { join: { name: "" } })).rejects.toMatchObject({
      code: "STARDUST_INVALID_MESSAGE",
    });
  });

  it("is ended by its signal", async () => {
    const server = await arenaServer({ authenticate: () => new Promise(() => {}) });
    const abort = new AbortController();
    const joining = arenaClient(server, { signal: abort.signal });
    setImmediate(() => abort.abort());
    await expect(joining).rejects.toMatchObject({ code: "STARDUST_CONNECT_ABORTED" });
    await expect(arenaClient(server, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "STARDUST_CONNECT_ABORTED",
    });
  });
});

describe("a port", () => {
  it("that is taken is named", async () => {
    const first = await arenaServer({ ports: { count: 1 } });
    const [port] = first.ports;
    await expect(arenaServer({ ports: [port!] })).rejects.toMatchObject({
      code: "STARDUST_PORT_BIND",
      port,
      message: expect.stringContaining(String(port)),
    });
    const second = await arenaServer({ ports: [port!, 0], allowMissingPorts: true });
    expect(second.ports).toHaveLength(1);
    expect((await arenaClient(second)).port).toBe(second.ports[0]);
  });
});

/** Where all that was sent must arrive, however long this machine stands still. */
const patient = { lingerMs: 20_000 };

describe("closing", () => {
  it("by a client tells the server why, after everything that was sent", async () => {
    const server = await arenaServer();
    const lines: number[] = [];
    const left = new Promise((resolve) =>
      server.on("leave", (_peer, reason) => resolve({ reason, lines: [...lines] })),
    );
    server.receive.chat((_peer, chat) => lines.push(chat.from));
    const client = await arenaClient(server);
    for (let i = 0; i < 200; i++) client.send.chat({ from: i, text: "bye" });
    await Promise.all([
      client.close({ code: "bored", reason: "nothing to do", ...patient }),
      client.close(),
    ]);
    expect(await left).toEqual({
      reason: { code: "bored", reason: "nothing to do", by: "remote" },
      lines: Array.from({ length: 200 }, (_, i) => i),
    });
    expect(await client.closed).toEqual({ code: "bored", reason: "nothing to do", by: "local" });
    expect(() => client.send.chat({ from: 0, text: "late" })).toThrow(
      expect.objectContaining({ code: "STARDUST_CLOSED" }),
    );
    await expect(client.drained()).rejects.toMatchObject({ code: "STARDUST_CLOSED" });
  });

  it("by the server's peer tells the client why, after everything that was sent", async () => {
    const server = await arenaServer();
    const client = await arenaClient(server);
    const lines: number[] = [];
    client.receive.chat((chat) => lines.push(chat.from));
    const peer = await peerOf(server, client);
    for (let i = 0; i < 200; i++) peer.send.chat({ from: i, text: "bye" });
    peer.close({ code: "kicked", reason: "too loud", ...patient });
    expect(() => peer.send.chat({ from: 0, text: "late" })).toThrow(
      expect.objectContaining({ code: "STARDUST_CLOSED" }),
    );
    expect(await client.closed).toEqual({ code: "kicked", reason: "too loud", by: "remote" });
    expect(lines).toHaveLength(200);
    await until(() => !server.peers.has(peer.id));
  });

  it("of the server tells all clients, ends its threads and lets the ports go", async () => {
    const server = await arenaServer();
    const clients = await Promise.all(Array.from({ length: 4 }, () => arenaClient(server)));
    await Promise.all([server.close({ reason: "bedtime" }), server.close()]);
    for (const client of clients) {
      expect(await client.closed).toMatchObject({ code: "bedtime", by: "remote" });
    }
    expect(await server.closed).toMatchObject({ code: "bedtime" });
    await arenaServer({ ports: server.ports });
  });

  it("happens at the end of an `await using` block, and on a signal", async () => {
    const abort = new AbortController();
    const server = await arenaServer({ signal: abort.signal });
    let closed: Promise<unknown>;
    {
      await using client = await arenaClient(server);
      closed = client.closed;
    }
    expect(await closed).toMatchObject({ by: "local" });
    const other = await arenaClient(server);
    abort.abort();
    expect(await other.closed).toMatchObject({ code: "shutting-down", by: "remote" });
    await server.closed;
  });
});

it("closing twice in a row is harmless for a client that never connected", async () => {
  const server = closing(await arenaServer());
  await server.close();
  await server[Symbol.asyncDispose]();
});
