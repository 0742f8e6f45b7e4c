/** A port that is served on the application's thread (`workers: false`): what is as in a worker, and what differs. */
import { spawn, spawnSync } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { threadId } from "node:worker_threads";
import { build } from "esbuild";
import { lossySocket, lossySocketUrl } from "stardust-udp/testing";
import { describe, expect, it } from "vitest";
import { root, temporaryFolder } from "../cli/run.ts";
import { arenaClient, arenaServer, pattern, peerOf, until } from "../support/arena.ts";
import { matchClient, matchServer, matchSystems, toldTo } from "../support/match.ts";
import { skipWithoutNative } from "../support/native-sockets.ts";

const alone = { workers: false, ports: { count: 1 } } as const;
const SEED = 11;
const still = { moveX: 0, moveY: 0, heading: 0, fire: false, use: false };

describe("a server without workers", () => {
  it("has its port on this thread, and says so in its statistics", async () => {
    const server = await arenaServer(alone);
    const client = await arenaClient(server);
    const peer = await peerOf(server, client);
    expect(peer.port).toBe(server.ports[0]);
    const { ports } = await server.stats();
    expect(ports).toHaveLength(1);
    expect(ports[0]).toMatchObject({ threadId, peers: 1, port: server.ports[0] });
    expect(ports[0]!.load).toBeGreaterThanOrEqual(0);
    expect(ports[0]!.joins.joined).toBe(1);
  });

  it(`delivers all that is reliable, in order, at 10 % loss both ways (seed ${SEED})`, async () => {
    const tiles = pattern(60_000);
    const server = await arenaServer<{ lines: string[] }>({
      ...alone,
      state: () => ({ lines: [] as string[] }),
      wrapSocket: lossySocketUrl,
      wrapSocketData: { loss: 0.05, jitterMs: 3, seed: SEED },
    });
    server.on("join", (peer) => peer.send.map({ name: "m", width: 100, height: 600, tiles }));
    server.receive.chat((peer, { text }) => void peer.state.lines.push(text));
    const clients = await Promise.all(
      Array.from({ length: 3 }, (_, i) =>
        arenaClient(server, {
          wrapSocket: (socket) => lossySocket(socket, { loss: 0.05, jitterMs: 3, seed: SEED + i }),
        }),
      ),
    );
    const seen = clients.map((client) => {
      const got = { lines: [] as string[], map: new Uint8Array() };
      client.receive.chat(({ text }) => void got.lines.push(text));
      const onMap = (map: { tiles: Uint8Array }): void => {
        got.map = new Uint8Array(map.tiles);
      };
      client.receive.map(onMap);
      return got;
    });
    const peers = await Promise.all(clients.map((client) => peerOf(server, client)));
    const lines = Array.from({ length: 100 }, (_, i) => `line ${i}`);
    for (const text of lines) {
      for (const client of clients) {
        while (!client.send.chat({ from: 0, text })) await client.drained();
      }
      for (const peer of peers) while (!peer.send.chat({ from: 0, text })) await peer.drained();
      // A turn of the event loop, so that there are many datagrams to lose.
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await until(() => seen.every((got) => got.lines.length === 100 && got.map.length > 0));
    await until(() => peers.every((peer) => peer.state.lines.length === 100));
    for (const got of seen) expect(got).toEqual({ lines, map: tiles });
    for (const { state } of peers) expect(state.lines).toEqual(lines);
  });

  it("hands a message on behind its datagram, before the event loop has a turn", async () => {
    const server = await arenaServer({
      ...alone,
      wrapSocket: new URL("../support/telling-socket.mjs", import.meta.url),
    });
    const client = await arenaClient(server);
    await peerOf(server, client);
    const events: unknown[] = [];
    const onTold = (what: unknown): void => void events.push(what);
    subscribe("test:socket", onTold);
    server.receive.input(() => void events.push("message"));
    for (let sequence = 0; sequence < 20; sequence++) {
      client.send.input({ ...still, sequence });
      await until(() => events.filter((event) => event === "message").length > sequence);
    }
    // Not each of them: now and then an ack or a ping is due, and makes a turn.
    const prompt = events.join().split("datagram,message,turn").length - 1;
    expect(prompt).toBeGreaterThan(10);
    unsubscribe("test:socket", onTold);
  });

  it("lets the event loop run while a handler sends whatever goes", async () => {
    const server = await arenaServer(alone);
    const client = await arenaClient(server);
    const peer = await peerOf(server, client);
    let sent = 0;
    let isOver = false;
    const snapshot = { tick: 0, lastInput: 0, entities: [] };
    const flooding = (async () => {
      while (!isOver) {
        while (!isOver && peer.send.snapshot({ ...snapshot, tick: sent })) sent++;
        await peer.drained();
      }
    })();
    for (let turns = 0; turns < 50; turns++) await new Promise((resolve) => setTimeout(resolve, 1));
    isOver = true;
    await flooding;
    expect(sent).toBeGreaterThan(50);
    expect((await server.stats()).ports[0]!.peers).toBe(1);
  });

  it("sends what a handler has sent when its server closes, and tells everybody", async () => {
    const server = await arenaServer(alone);
    const client = await arenaClient(server);
    const lines: string[] = [];
    client.receive.chat(({ text }) => void lines.push(text));
    const peer = await peerOf(server, client);
    for (let i = 0; i < 20; i++) peer.send.chat({ from: 0, text: `line ${i}` });
    await server.close();
    expect(await client.closed).toMatchObject({ code: "shutting-down", by: "remote" });
    expect(lines).toHaveLength(20);
  });

  it("has systems on this thread where there are such", async () => {
    const systems = join(temporaryFolder("own-systems"), "systems.mjs");
    writeFileSync(
      systems,
      `import { threadId } from "node:worker_threads";
       import systems from ${JSON.stringify(String(matchSystems))};
       globalThis.systemsThread = threadId;
       export default systems;`,
    );
    const server = await matchServer({ ...alone, systems: pathToFileURL(systems) });
    expect((globalThis as { systemsThread?: number }).systemsThread).toBe(threadId);
    const client = await matchClient(server, "ada");
    const told = toldTo(client);
    client.send.ask({ what: "me" });
    await until(() => told.length === 1);
    expect(JSON.parse(told[0]!)).toMatchObject({ join: { name: "ada" } });
  });

  it("has a clock that begins with it, and not with its thread", async () => {
    const before = performance.now();
    const server = await arenaServer(alone);
    expect(server.time()).toBeGreaterThanOrEqual(0);
    const time = server.time();
    expect(time).toBeLessThan(performance.now() - before + 1);
  });

  it("lets peers leave before it closes where it drains, and none that linger where it must not", async () => {
    const server = await arenaServer(alone);
    const client = await arenaClient(server);
    await peerOf(server, client);
    const closing = server.close({ drainMs: 60_000 });
    await client.close();
    await closing;
    const other = await arenaServer(alone);
    const left = await arenaClient(other);
    await peerOf(other, left);
    await other.close({ lingerMs: 0 });
    expect(other.peers.size).toBe(0);
  });

  it.each([
    ["fails to close", 'throw new Error("stuck")'],
    ["never closes", "return new Promise(() => {})"],
  ])("closes though a wrapped socket %s", async (_what, closing) => {
    const wrapSocket = join(temporaryFolder("stuck-socket"), "socket.mjs");
    writeFileSync(
      wrapSocket,
      `export default (socket) => ({
         port: socket.port,
         address: socket.address,
         send: (...args) => socket.send(...args),
         listen: (listener) => socket.listen(listener),
         async close() {
           await socket.close();
           ${closing};
         },
       });`,
    );
    const server = await arenaServer({ ...alone, wrapSocket: pathToFileURL(wrapSocket) });
    const client = await arenaClient(server);
    await peerOf(server, client);
    await server.close({ lingerMs: 0 });
    expect(await client.closed).toMatchObject({ code: "shutting-down" });
  });

  // Where no compiler was, there are none.
  it.skipIf(skipWithoutNative)("has native sockets where they are asked for", async () => {
    const server = await arenaServer({ ...alone, sockets: "native" });
    const client = await arenaClient(server, { sockets: "native" });
    const got = new Promise((resolve) => client.receive.chat(({ text }) => resolve(text)));
    server.receive.chat((peer, chat) => peer.send.chat(chat));
    client.send.chat({ from: 0, text: "hello" });
    expect(await got).toBe("hello");
  });

  it("goes on with a client that comes from another address", async () => {
    const server = await arenaServer(alone);
    const client = await arenaClient(server);
    const peer = await peerOf(server, client);
    const got = new Promise((resolve) => client.receive.chat(({ text }) => resolve(text)));
    peer.send.chat({ from: 0, text: "still you" });
    await client.rebind();
    expect(await got).toBe("still you");
    expect(server.peers.get(client.id)).toBe(peer);
  });

  it("is one of several in a process, each with its clients", async () => {
    const servers = await Promise.all([arenaServer(alone), arenaServer(alone), arenaServer()]);
    const clients = await Promise.all(servers.map((server) => arenaClient(server)));
    for (const [i, server] of servers.entries()) {
      const got = new Promise((resolve) => server.receive.chat((_peer, { text }) => resolve(text)));
      clients[i]!.send.chat({ from: 0, text: `to ${i}` });
      expect(await got).toBe(`to ${i}`);
    }
  });
});

describe("a server without workers is refused", () => {
  it("more than one port, since one thread serves one", async () => {
    await expect(arenaServer({ workers: false })).rejects.toMatchObject({
      code: "STARDUST_INVALID_OPTION",
      message: "workers: false is for one port, which is served on this thread; there are 3",
    });
  });

  it("a port that is taken, and leaves nothing behind", async () => {
    const first = await arenaServer(alone);
    const ports = [...first.ports];
    await expect(arenaServer({ workers: false, ports })).rejects.toMatchObject({
      code: "STARDUST_PORT_BIND",
      port: ports[0],
    });
    const client = await arenaClient(first);
    expect(client.port).toBe(ports[0]);
  });

  it("a move, which has nowhere to go", async () => {
    const server = await arenaServer(alone);
    const peer = await peerOf(server, await arenaClient(server));
    await expect(peer.moveTo(1)).rejects.toMatchObject({ code: "STARDUST_INVALID_OPTION" });
  });
});

describe("a process with such a server", () => {
  const program = join(temporaryFolder("own-thread"), "server.mjs");
  const url = (path: string): string => pathToFileURL(join(root, "dist", path)).href;
  const run = (source: string) => {
    writeFileSync(
      program,
      `import { listen } from ${JSON.stringify(url("generated/server.js"))};
       import { connect } from ${JSON.stringify(url("generated/client.js"))};
       ${source}`,
    );
    return spawnSync(process.execPath, [program], { encoding: "utf8", timeout: 60_000 });
  };

  it("ends by itself once it is closed", () => {
    const { status, stdout, stderr } = run(`
      const server = await listen({ ports: { count: 1 }, workers: false, authenticate: () => ({ accept: true, body: { motd: "" } }) });
      const client = await connect({ port: server.ports[0], join: { name: "ada" } });
      await server.close();
      console.log((await client.closed).code);
    `);
    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: "shutting-down\n",
      stderr: "",
    });
  });

  it("is one file where it is bundled", async () => {
    const outfile = join(temporaryFolder("own-thread-bundle"), "server.mjs");
    const source = `
      import { listen } from ${JSON.stringify(join(root, "dist/generated/server.js"))};
      import { connect } from ${JSON.stringify(join(root, "dist/generated/client.js"))};
      const authenticate = () => ({ accept: true, body: { motd: "" } });
      const server = await listen({ ports: { count: 1 }, workers: false, authenticate });
      server.receive.chat((peer, chat) => peer.send.chat(chat));
      const client = await connect({ port: server.ports[0], join: { name: "ada" } });
      client.receive.chat(async ({ text }) => {
        console.log(text);
        await server.close();
      });
      client.send.chat({ from: 0, text: "hello" });
    `;
    await build({
      stdin: { contents: source, resolveDir: root },
      outfile,
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node20",
    });
    const { status, stdout, stderr } = spawnSync(process.execPath, [outfile], {
      encoding: "utf8",
      timeout: 60_000,
      cwd: "/",
    });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "hello\n", stderr: "" });
  });

  it("stays alive for its port", async () => {
    const child = spawn(
      process.execPath,
      [
        "--input-type=module",
        "-e",
        `const { listen } = await import(${JSON.stringify(url("generated/server.js"))});
         await listen({ ports: { count: 1 }, workers: false });
         setTimeout(() => console.log("still here"), 200).unref();`,
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    const said = await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
    expect(String(said[0])).toBe("still here\n");
    child.kill();
    await once(child, "exit");
  });
});
