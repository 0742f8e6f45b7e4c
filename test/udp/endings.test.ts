/** How servers and clients end: in whatever state, however often asked, and with nothing left behind. */
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { getEventListeners, once } from "node:events";
import { fileURLToPath } from "node:url";
import type { DatagramSocket } from "stardust-udp";
import { describe, expect, it, vi } from "vitest";
import { connect } from "#generated/client.js";
import { protocol as arena } from "#generated/protocol.js";
import { arenaClient, arenaServer, closing, peerOf, until } from "../support/arena.ts";
import { narrowClient, narrowServer, narrowSystems } from "../support/narrow.ts";

/** Lets through what `pass` allows; counts what was closed. */
function gate(pass: { in: boolean; out: boolean; closed?: number }) {
  return (socket: DatagramSocket): DatagramSocket => ({
    port: socket.port,
    address: socket.address,
    send: (bytes, port, address) => {
      if (pass.out) socket.send(bytes, port, address);
    },
    listen: (listener) =>
      socket.listen((bytes, address, port) => {
        if (pass.in) listener(bytes, address, port);
      }),
    close: () => {
      pass.closed = (pass.closed ?? 0) + 1;
      return socket.close();
    },
  });
}

/** A client that is about to vanish: nobody waits for its end. */
function lostClient(server: { ports: readonly number[] }, pass: { in: boolean; out: boolean }) {
  return connect({ port: server.ports[0]!, join: { name: "ada" }, wrapSocket: gate(pass) });
}

const text = "x".repeat(200);

describe("a server that closes", () => {
  it("delivers what was sent before, though nothing of it has left the application's thread yet", async () => {
    const server = await arenaServer({ ports: { count: 1 } });
    const client = await arenaClient(server);
    const got: number[] = [];
    client.receive.chat(({ from }) => got.push(from));
    const peer = await peerOf(server, client);
    let sent = 0;
    while (sent < 1500 && peer.send.chat({ from: sent, text })) sent++;
    const closed = server.close({ lingerMs: 5000 });
    // This thread is busy: the worker hears of the close before it is woken for what lies in the ring.
    const end = performance.now() + 50;
    while (performance.now() < end);
    await closed;
    expect(await client.closed).toMatchObject({ code: "shutting-down", by: "remote" });
    expect(got).toEqual(Array.from({ length: sent }, (_, i) => i));
  });

  it("takes nothing more: send and broadcast throw", async () => {
    const server = await arenaServer();
    const client = await arenaClient(server);
    const peer = await peerOf(server, client);
    const closed = server.close();
    const chat = { from: 0, text: "late" };
    expect(() => peer.send.chat(chat)).toThrow(
      expect.objectContaining({ code: "STARDUST_CLOSED" }),
    );
    expect(() => server.broadcast.chat(chat)).toThrow(
      expect.objectContaining({ code: "STARDUST_CLOSED" }),
    );
    await closed;
  });

  it("waits no longer than it was told for a client that is silent", async () => {
    const pass = { in: true, out: true };
    const server = await arenaServer({ ports: { count: 1 } });
    const client = await lostClient(server, pass);
    const peer = await peerOf(server, client);
    pass.in = false;
    pass.out = false;
    while (peer.send.chat({ from: 0, text }));
    const start = performance.now();
    await server.close({ lingerMs: 0 });
    expect(performance.now() - start).toBeLessThan(2500);
    expect(server.peers.size).toBe(0);
  });

  it("tells the joins that are being decided on, and their authenticate", async () => {
    let signal: AbortSignal | undefined;
    const server = await arenaServer({
      ports: { count: 2 },
      authenticate: (_join, _origin, given) => {
        signal = given;
        return new Promise(() => {});
      },
    });
    const joining = arenaClient(server, { port: server.ports[1]! });
    const refused = expect(joining).rejects.toMatchObject({ reason: "shutting-down" });
    await until(() => signal !== undefined);
    await server.close({ lingerMs: 0 });
    expect(signal!.aborted).toBe(true);
    await refused;
  });

  it("ends a worker that never returns", async () => {
    const server = await narrowServer({ systems: narrowSystems });
    const client = await narrowClient(server);
    client.send.order({ what: "echo" });
    await client.messages.line().next();
    client.send.order({ what: "hang" });
    const left = vi.fn();
    server.on("leave", left);
    await client.drained();
    await until(() => client.stats().counters["session.datagramsSent"]! > 2);
    await server.close({ lingerMs: 0 });
    expect(server.peers.size).toBe(0);
    expect(left).toHaveBeenCalledOnce();
  });

  it("lets go of its signal, and one that fires while it opens ends it", async () => {
    const abort = new AbortController();
    const server = await arenaServer({ signal: abort.signal });
    expect(getEventListeners(abort.signal, "abort")).toHaveLength(1);
    await server.close();
    expect(getEventListeners(abort.signal, "abort")).toHaveLength(0);
    const opening = arenaServer({ ports: server.ports, signal: abort.signal });
    abort.abort(new Error("changed my mind"));
    await expect(opening).rejects.toThrow("changed my mind");
    await expect(arenaServer({ signal: abort.signal })).rejects.toThrow("changed my mind");
    // Nothing of it is left on the ports.
    await arenaServer({ ports: server.ports });
  });

  it("refuses a linger that is no time", async () => {
    const server = await arenaServer();
    const client = await arenaClient(server);
    const peer = await peerOf(server, client);
    const invalid = expect.objectContaining({ code: "STARDUST_INVALID_OPTION" });
    await expect(server.close({ lingerMs: Number.NaN })).rejects.toEqual(invalid);
    await expect(client.close({ lingerMs: -1 })).rejects.toEqual(invalid);
    expect(() => peer.close({ lingerMs: Number.NaN })).toThrow(invalid);
    expect(peer.closed).toBe(false);
    // One without an end is no timer that runs out at once.
    client.send.chat({ from: 0, text: "hi" });
    await client.close({ lingerMs: Number.POSITIVE_INFINITY });
    await server.close({ lingerMs: Number.POSITIVE_INFINITY });
  });
});

describe("a server that cannot open", () => {
  it("lets go of the ports it had", async () => {
    const taken = createSocket("udp4");
    taken.bind(0, "127.0.0.1");
    await once(taken, "listening");
    const free = await arenaServer({ ports: { count: 1 } });
    const [port] = free.ports;
    await free.close();
    await expect(arenaServer({ ports: [port!, taken.address().port] })).rejects.toMatchObject({
      code: "STARDUST_PORT_BIND",
      port: taken.address().port,
    });
    taken.close();
    expect((await arenaServer({ ports: [port!] })).ports).toEqual([port]);
  });
});

describe("a peer that is closed", () => {
  it("leaves when its linger is over, though its queue is full and nobody answers", async () => {
    const pass = { in: true, out: true };
    const server = await arenaServer({ ports: { count: 1 } });
    const client = await lostClient(server, pass);
    const peer = await peerOf(server, client);
    pass.in = false;
    pass.out = false;
    while (peer.send.chat({ from: 0, text }));
    const left = new Promise((resolve) => server.on("leave", (_peer, reason) => resolve(reason)));
    const start = performance.now();
    peer.close({ code: "kicked", lingerMs: 100 });
    // Close itself is repeated for five seconds; the idle timeout would be ten.
    expect(await left).toMatchObject({ code: "kicked", by: "local" });
    expect(performance.now() - start).toBeLessThan(arena.limits.idleTimeoutMs - 3000);
  });

  it("gets no more broadcasts", async () => {
    const server = await arenaServer({ ports: { count: 1 } });
    const client = await arenaClient(server);
    const peer = await peerOf(server, client);
    const got: string[] = [];
    client.receive.chat((chat) => got.push(chat.text));
    server.broadcast.chat({ from: 0, text: "before" });
    peer.close({ lingerMs: 20_000 });
    expect(server.broadcast.chat({ from: 0, text: "after" })).toEqual({ sent: 0, skipped: [] });
    await client.closed;
    expect(got).toEqual(["before"]);
  });
});

describe("a client that leaves", () => {
  it("has all it sent delivered, however slowly the server reads", async () => {
    const server = await narrowServer();
    const client = await narrowClient(server);
    const messages = server.messages.line({ limit: 1 });
    let sent = 0;
    for (;;) {
      if (client.send.line({ n: sent, text })) sent++;
      else if (sent >= 280) break;
      else await client.drained();
    }
    const left = new Promise((resolve) => server.on("leave", (_peer, reason) => resolve(reason)));
    // More is under way than the credit between the threads: the rest lies in the worker when it closes.
    const closed = client.close({ lingerMs: 20_000 });
    const got: number[] = [];
    await closed;
    await new Promise((resolve) => setTimeout(resolve, 5500));
    for await (const { message } of messages) {
      got.push(message.n);
      if (got.length === sent) break;
    }
    expect(await left).toMatchObject({ by: "remote" });
    expect(got).toEqual(Array.from({ length: sent }, (_, i) => i));
  });

  it("has all that arrived delivered though it then fell silent", async () => {
    const pass = { in: true, out: true };
    const server = await narrowServer();
    const client = await narrowClient(server, { wrapSocket: gate(pass) });
    const messages = server.messages.line({ limit: 1 });
    let sent = 0;
    // More than a credit lies in the worker then.
    while (sent < 80) {
      if (client.send.line({ n: sent, text: "x".repeat(850) })) sent++;
      else await client.drained();
    }
    await until(async () => {
      const { counters } = (await server.stats()).ports[0]!;
      return counters["session.framesReceived"]! >= sent;
    });
    pass.in = false;
    pass.out = false;
    const left = new Promise((resolve) => server.on("leave", (_peer, reason) => resolve(reason)));
    expect(await left).toMatchObject({ code: "idle-timeout" });
    const got: number[] = [];
    const rest = (async () => {
      for await (const { message } of messages) got.push(message.n);
    })();
    await server.close();
    await rest;
    expect(got).toEqual(Array.from({ length: sent }, (_, i) => i));
  });

  it("still reads what came before a close of the server's", async () => {
    const server = await arenaServer();
    const client = await arenaClient(server);
    const peer = await peerOf(server, client);
    for (let i = 0; i < 5; i++) peer.send.chat({ from: i, text: "read me later" });
    peer.close({ lingerMs: 20_000 });
    await client.closed;
    const got: number[] = [];
    for await (const { from } of client.messages.chat()) got.push(from);
    expect(got).toEqual([0, 1, 2, 3, 4]);
  });

  it("ends whoever waits for room, and nobody who does not listen", async () => {
    const server = await arenaServer();
    const client = await arenaClient(server);
    const unheard: unknown[] = [];
    const onUnheard = (error: unknown): void => void unheard.push(error);
    process.on("unhandledRejection", onUnheard);
    while (client.send.chat({ from: 0, text }));
    void client.drained();
    const waiting = expect(client.drained()).rejects.toMatchObject({ code: "STARDUST_CLOSED" });
    server.receive.chat(() => {});
    await client.close({ lingerMs: 0 });
    await waiting.catch(() => {});
    void client.drained();
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off("unhandledRejection", onUnheard);
    expect(unheard).toEqual([]);
  });
});

/** Loses the zero messages of this name on their way in. */
function losing(msg: string) {
  return (socket: DatagramSocket): DatagramSocket => ({
    port: socket.port,
    address: socket.address,
    send: (bytes, port, address) => socket.send(bytes, port, address),
    listen: (listener) =>
      socket.listen((bytes, address, port) => {
        if (!Buffer.from(bytes).includes(`"msg":"${msg}"`)) listener(bytes, address, port);
      }),
    close: () => socket.close(),
  });
}

describe("connecting", () => {
  it("fails with the server's reason where that closes before the client knows that it has attached", async () => {
    const server = await arenaServer({ ports: { count: 1 } });
    server.on("join", (peer) => peer.close({ code: "kicked", reason: "not you", lingerMs: 0 }));
    const joining = arenaClient(server, { wrapSocket: losing("attached") });
    await expect(joining).rejects.toMatchObject({
      code: "STARDUST_CLOSED",
      message: expect.stringContaining("kicked: not you"),
    });
  });

  it("names both ports that do not answer, and which of them sent the client to the other", async () => {
    const server = await narrowServer({ ports: { count: 2 } });
    const [first, second] = server.ports;
    // The first place is on the other port, the second is kept.
    const joining = narrowClient(server, { port: second!, wrapSocket: losing("attached") });
    await expect(joining).rejects.toMatchObject({
      code: "STARDUST_CONNECT_TIMEOUT",
      message: expect.stringMatching(
        new RegExp(`:${second} .* nor from port ${first}, .* port ${second} had sent`),
      ),
    });
  });

  it("heeds a signal that fires before its socket is open, and lets go of it in the end", async () => {
    const server = await arenaServer();
    const abort = new AbortController();
    const joining = arenaClient(server, { host: "localhost", signal: abort.signal });
    abort.abort();
    await expect(joining).rejects.toMatchObject({ code: "STARDUST_CONNECT_ABORTED" });
    const { signal } = new AbortController();
    const client = await arenaClient(server, { signal });
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    await client.close();
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  it("closes its socket whatever goes wrong", async () => {
    const server = await arenaServer();
    const pass = { in: true, out: true, closed: 0 };
    await expect(
      arenaClient(server, { join: { name: "" }, wrapSocket: gate(pass) }),
    ).rejects.toMatchObject({ code: "STARDUST_INVALID_MESSAGE" });
    let opened: DatagramSocket | undefined;
    await expect(
      arenaClient(server, {
        wrapSocket: (socket) => {
          opened = socket;
          throw new Error("planted");
        },
      }),
    ).rejects.toThrow("planted");
    const again = createSocket("udp4");
    again.bind(opened!.port, opened!.address);
    await once(again, "listening");
    again.close();
  });

  it("works over IPv6 however the address is spelt, and by name", async () => {
    const six = await arenaServer({ host: "::1", ports: { count: 1 } });
    for (const host of ["::1", "0:0:0:0:0:0:0:1"]) {
      const client = await arenaClient(six, { host });
      const peer = await peerOf(six, client);
      expect(peer.address).toMatch(/^\[::1\]:\d+$/);
    }
    const four = await arenaServer({ ports: { count: 1 } });
    const client = await arenaClient(four, { host: "localhost" });
    expect((await peerOf(four, client)).address).toMatch(/^127\.0\.0\.1:\d+$/);
    await expect(arenaClient(four, { host: "nobody.invalid" })).rejects.toMatchObject({
      code: "STARDUST_INVALID_OPTION",
    });
  });

  it.each(["", " ", 7 as never])("refuses %j as the host to listen on", async (host) => {
    await expect(arenaServer({ host })).rejects.toMatchObject({
      code: "STARDUST_INVALID_OPTION",
      message: expect.stringContaining("host: "),
    });
  });

  it.each(["", "0.0.0.0", "::", "0:0:0:0:0:0:0:0"])(
    "refuses %j as a server to dial, at once",
    async (host) => {
      await expect(arenaClient({ ports: [9] }, { host })).rejects.toMatchObject({
        code: "STARDUST_INVALID_OPTION",
        message: expect.stringContaining("host: "),
      });
    },
  );

  it("refuses datagrams of others, and the game's before it is open", async () => {
    const server = await arenaServer({ ports: { count: 2 } });
    let inner: DatagramSocket | undefined;
    const client = await arenaClient(server, {
      wrapSocket: (socket) => {
        inner = socket;
        return socket;
      },
    });
    const refused = (): number => client.stats().counters["datagramsRefused"]!;
    expect(refused()).toBe(0);
    const stranger = createSocket("udp4");
    stranger.bind(0, "127.0.0.1");
    await once(stranger, "listening");
    stranger.send(Uint8Array.of(0, 0, 1, 32, 0, 1), inner!.port, "127.0.0.1");
    await until(() => refused() === 1);
    stranger.close();
    const elsewhere = createSocket("udp4");
    elsewhere.bind(0, "127.0.0.2");
    await once(elsewhere, "listening");
    elsewhere.send(Uint8Array.of(0, 0, 0, 32, 0, 1), inner!.port, "127.0.0.1");
    await until(() => refused() === 2);
    elsewhere.close();
    expect(client.stats().counters["zero.droppedFrame"]).toBe(0);
  });
});

/** Runs a program that uses the built package, and waits for it to end by itself. */
async function program(source: string): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", source], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const timer = setTimeout(() => child.kill("SIGKILL"), 15_000);
  const [code] = (await once(child, "exit")) as [number | null];
  clearTimeout(timer);
  return { code, output };
}

describe("a process", () => {
  const prelude = `
    import { listen } from "#generated/server.js";
    import { connect } from "#generated/client.js";
    const server = await listen({ ports: { count: 2 }, authenticate: () => ({ accept: true, body: { motd: "" } }) });
    const join = { name: "ada" };
    const port = server.ports[0];
    `;
  it.each([
    [
      "server and client are closed",
      "const c = await connect({ port, join }); await c.close(); await server.close();",
    ],
    [
      "the server has closed its client",
      "const c = await connect({ port, join }); await server.close(); await c.closed;",
    ],
    [
      "connect has failed",
      "await server.close(); const signal = AbortSignal.timeout(300); await connect({ port, join, signal }).catch(() => {});",
    ],
    [
      "a join was cut short by the close",
      "const signal = AbortSignal.timeout(50); const c = connect({ port, join, signal }).catch(() => {}); await server.close(); await c;",
    ],
  ])("ends by itself when %s", async (_what, source) => {
    const start = performance.now();
    const { code, output } = await program(`${prelude}${source} console.log("done");`);
    expect(output).toBe("done\n");
    expect(code).toBe(0);
    expect(performance.now() - start).toBeLessThan(6000);
  });
});

it("two clients of one process do not disturb each other, nor one that connects to a dead port", async () => {
  const server = await arenaServer();
  server.receive.chat((peer, chat) => peer.send.chat(chat));
  const dead = createSocket("udp4");
  dead.bind(0, "127.0.0.1");
  await once(dead, "listening");
  const { port } = dead.address();
  dead.close();
  const abort = new AbortController();
  const nobody = connect({ port, join: { name: "ada" }, signal: abort.signal });
  const refused = expect(nobody).rejects.toMatchObject({ code: "STARDUST_CONNECT_ABORTED" });
  const [one, two] = [await arenaClient(server), await arenaClient(server)];
  const gone = one.messages.chat();
  one.send.chat({ from: 1, text: "one" });
  expect((await gone.next()).value).toMatchObject({ from: 1 });
  await one.close();
  const echo = two.messages.chat();
  two.send.chat({ from: 2, text: "two" });
  expect((await echo.next()).value).toMatchObject({ from: 2 });
  abort.abort();
  await refused;
  closing(two);
});
