/** What the application's own code throws, and what hostile clients send: reported or counted, and all goes on. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { connect as connectArena } from "#generated/client.js";
import { protocol as arena } from "#generated/client-protocol.js";
import { nodeCrypto } from "#src/udp/node-crypto.js";
import { ZeroClient } from "#src/zero/client.js";
import { arenaClient, arenaServer, closing, peerOf, until } from "../support/arena.ts";
import {
  narrowClient,
  narrowServer,
  narrowSystems,
  rawClient,
  spentCredit,
} from "../support/narrow.ts";

const unheard: unknown[] = [];
const onUnheard = (error: unknown): void => void unheard.push(error);
beforeEach(() => {
  process.on("unhandledRejection", onUnheard);
  process.on("uncaughtException", onUnheard);
});
afterEach(async () => {
  await new Promise((resolve) => setTimeout(resolve, 10));
  process.off("unhandledRejection", onUnheard);
  process.off("uncaughtException", onUnheard);
  expect(unheard.splice(0)).toEqual([]);
});

function fail(what: string): never {
  throw new Error(what);
}

describe("an application that throws", () => {
  it("everywhere, and in onFault too, loses no message", async () => {
    const print = vi.spyOn(console, "error").mockImplementation(() => {});
    const faults: string[] = [];
    const server = await arenaServer({
      ports: { count: 1 },
      onFault: (error, where) => {
        faults.push(where);
        throw error;
      },
      state: () => fail("state"),
    });
    server.on("join", () => fail("join"));
    server.on("join", async () => {
      await Promise.resolve();
      fail("join, later");
    });
    server.on("leave", () => fail("leave"));
    const got: number[] = [];
    server.receive.chat(() => fail("handler"));
    server.receive.chat(async () => fail("handler, later"));
    server.receive.chat((_peer, { from }) => got.push(from));
    const client = await arenaClient(server);
    for (let i = 0; i < 100; i++) client.send.chat({ from: i, text: "hi" });
    await until(() => got.length === 100);
    expect(got).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(await spentCredit(server as never)).toBe(0);
    await client.close();
    await until(() => server.peers.size === 0);
    expect(new Set(faults)).toEqual(new Set(["state", "on join", "receive.chat", "on leave"]));
    expect(faults.filter((where) => where === "receive.chat")).toHaveLength(200);
    expect(print).toHaveBeenCalledTimes(2 * faults.length);
    print.mockRestore();
  });

  it("in an onFault that is asynchronous is printed, and ends nothing", async () => {
    const print = vi.spyOn(console, "error").mockImplementation(() => {});
    const server = await narrowServer({
      onFault: (async () => fail("onFault, later")) as () => void,
      authenticate: () => fail("authenticate"),
    });
    await expect(narrowClient(server)).rejects.toMatchObject({ reason: "internal" });
    await until(() => print.mock.calls.length === 2);
    expect(print.mock.calls.map((call) => String(call[1]))).toEqual([
      "Error: authenticate",
      "Error: onFault, later",
    ]);
    print.mockRestore();
  });

  it("in a client's handlers and onFault loses no message", async () => {
    const print = vi.spyOn(console, "error").mockImplementation(() => {});
    const server = await arenaServer({ ports: { count: 1 } });
    const client = await arenaClient(server, { onFault: () => fail("onFault") });
    const got: number[] = [];
    client.receive.chat(() => fail("handler"));
    client.receive.chat(async ({ from }) => {
      got.push(from);
      fail("handler, later");
    });
    const peer = await peerOf(server, client);
    for (let i = 0; i < 50; i++) peer.send.chat({ from: i, text: "hi" });
    await until(() => got.length === 50);
    // Two faults a message, and what onFault itself threw.
    await until(() => print.mock.calls.length === 200);
    print.mockRestore();
  });

  it.each([
    ["is no answer", () => undefined],
    ["is null", () => null],
    ["is a word", () => "yes"],
    ["cannot be cloned", () => ({ accept: true, body: { motd: () => {} } })],
    ["is rejected", () => Promise.reject(new Error("planted"))],
    [
      "has accessors that throw",
      () => ({
        get accept() {
          return fail("accept");
        },
      }),
    ],
    ["refuses with what cannot be a text", () => ({ accept: false, detail: Object.create(null) })],
    [
      "has a body that throws",
      () => ({
        accept: true,
        get body() {
          return fail("body");
        },
      }),
    ],
  ])(
    "when authenticate's answer %s the join is refused, and its slot is free",
    async (_what, answer) => {
      const onFault = vi.fn();
      let bad = true;
      const server = await arenaServer({
        ports: { count: 1 },
        maxPeersPerPort: 1,
        onFault,
        authenticate: () => (bad ? (answer() as never) : { accept: true, body: { motd: "" } }),
      });
      await expect(arenaClient(server)).rejects.toMatchObject({ reason: "internal" });
      expect(onFault).toHaveBeenCalledOnce();
      bad = false;
      await arenaClient(server);
    },
  );

  it.each([
    ["nothing", () => undefined],
    ["null", () => null],
    ["an empty object", () => ({})],
    ["a number that is true", () => ({ accept: 1 })],
  ])(
    "authenticate that answers %s lets nobody in, even where accept has no body",
    async (_what, answer) => {
      const onFault = vi.fn();
      const server = await narrowServer({ onFault, authenticate: () => answer() as never });
      await expect(narrowClient(server)).rejects.toMatchObject({ reason: "internal" });
      expect(onFault).toHaveBeenCalledWith(
        expect.objectContaining({ code: "STARDUST_INVALID_OPTION" }),
        "authenticate",
        {},
      );
      expect(server.peers.size).toBe(0);
    },
  );

  it("when authenticate refuses with something that is no text the worker lives", async () => {
    const server = await arenaServer({
      ports: { count: 1 },
      authenticate: () => ({ accept: false, detail: 42 as never }),
    });
    for (let i = 0; i < 2; i++)
      await expect(arenaClient(server)).rejects.toMatchObject({ reason: "denied", detail: "42" });
  });

  it("late, after its time, is not heard of again", async () => {
    const onFault = vi.fn();
    const server = await narrowServer({
      onFault,
      authenticate: async (_join, _origin, signal) => {
        await once(signal, "abort");
        return fail("late");
      },
    });
    await expect(narrowClient(server)).rejects.toMatchObject({ reason: "timeout" });
    expect(onFault).not.toHaveBeenCalled();
  });

  it("in a promise of its systems is reported, and its worker goes on", async () => {
    const onFault = vi.fn();
    const server = await narrowServer({ systems: narrowSystems, onFault });
    const client = await narrowClient(server);
    client.send.order({ what: "reject" });
    client.send.order({ what: "echo" });
    expect((await client.messages.line().next()).value).toMatchObject({ text: "echo" });
    // Its systems may be quicker than the news of its join.
    await until(() => server.peers.has(client.id));
    await until(() => onFault.mock.calls.length > 0);
    expect(onFault.mock.calls).toEqual([
      [
        expect.stringContaining("planted in a promise"),
        "systems.receive.order",
        { peer: client.id, channel: "order" },
      ],
    ]);
  });
});

describe("malformed messages", () => {
  it("are counted, cost their peer nothing for good, and do not end it", async () => {
    const server = await narrowServer();
    const got = vi.fn();
    server.receive.line(got);
    const raw = await rawClient(server);
    let sent = 0;
    // Several times the credit.
    while (sent < 600) {
      if (raw.line(new Uint8Array(300).fill(0xff))) sent++;
      else await new Promise((resolve) => setImmediate(resolve));
    }
    await until(async () => {
      const { counters } = (await server.stats()).ports[0]!;
      return counters["messagesMalformed"] === sent;
    });
    expect(got).not.toHaveBeenCalled();
    expect(server.peers.has(raw.id)).toBe(true);
    await until(async () => (await spentCredit(server)) === 0);
  });

  it("that wait at an iterator are counted when it comes to them, though their peer has left", async () => {
    const server = await narrowServer();
    const reader = server.messages.line();
    const raw = await rawClient(server);
    expect(raw.line(new Uint8Array(300).fill(0xff))).toBe(true);
    await until(async () => (await spentCredit(server)) > 0);
    server.peers.get(raw.id)!.close();
    await until(() => server.peers.size === 0);
    const counted = async () => (await server.stats()).ports[0]!.counters["messagesMalformed"] ?? 0;
    expect(await counted()).toBe(0);
    const next = reader.next();
    await until(async () => (await counted()) === 1);
    await reader.return!();
    expect(await next).toEqual({ done: true, value: undefined });
  });
});

describe("channels that nobody reads", () => {
  const text = "x".repeat(800);

  it.each([
    // More than half of a credit, or than the queue of a client; less than half of a budget beside it.
    ["server", 56],
    ["client", 30],
  ])(
    "have their share at a %s while the others go on, and a late reader gets all",
    async (side, count) => {
      const server = await narrowServer();
      const client = await narrowClient(server);
      await until(() => server.peers.has(client.id));
      const peer = server.peers.get(client.id)!;
      const from = side === "server" ? client : peer;
      const loose: number[] = [];
      const lines: number[] = [];
      const onLoose = ({ n }: { n: number }): number => loose.push(n);
      const onLine = ({ n }: { n: number }): number => lines.push(n);
      if (side === "server") server.receive.loose((_, message) => onLoose(message));
      else client.receive.loose(onLoose);
      const sendLine = async (n: number): Promise<void> => {
        while (!from.send.line({ n, text })) await from.drained();
      };
      for (let n = 0; n < count; n++) await sendLine(n);
      const data = new Uint8Array(2900);
      for (let n = 0; n < 100; n++) while (!from.send.loose({ n, data })) await from.drained();
      await until(() => loose.length === 100);
      if (side === "server") server.receive.line((_, message) => onLine(message));
      else client.receive.line(onLine);
      await until(() => lines.length === count);
      // They have a reader now, and are not held back again.
      for (let n = count; n < 200; n++) await sendLine(n);
      await until(() => lines.length === 200);
      expect(lines).toEqual(Array.from({ length: 200 }, (_, n) => n));
      await until(async () => (await spentCredit(server)) === 0);
    },
  );

  it.each(["server", "client"])(
    "and whose %s reads late hold up themselves alone, for ever if it likes",
    async (side) => {
      const server = await narrowServer();
      const client = await narrowClient(server);
      await until(() => server.peers.has(client.id));
      const peer = server.peers.get(client.id)!;
      const [from, to] = side === "server" ? [client, server] : [peer, client];
      const loose: number[] = [];
      const lines: number[] = [];
      const onLoose = ({ n }: { n: number }): number => loose.push(n);
      const onLine = ({ n }: { n: number }): number => lines.push(n);
      if (to === server) server.receive.loose((_, message) => onLoose(message));
      else client.receive.loose(onLoose);
      // An iterator that nobody takes from, and a channel without a reader.
      const stopped = to === server ? server.messages.big({ limit: 1 }) : client.messages.big();
      let sent = 0;
      const large = new Uint8Array(30_000);
      const filling = (async () => {
        for (; sent < 400; sent++) while (!from.send.line({ n: sent, text })) await from.drained();
      })();
      const larges = (async () => {
        for (let n = 0; n < 12; n++) {
          while (!from.send.big({ n, data: large })) await from.drained();
        }
      })();
      // Full is when nothing more is taken while the third channel carries many times the budget.
      const data = new Uint8Array(2900);
      for (let n = 0, before = -1; n < 100 || sent !== before; n++) {
        before = sent;
        while (!from.send.loose({ n, data })) await from.drained();
        await until(() => loose.length > n);
      }
      expect(sent).toBeLessThan(400);
      if (to === server) server.receive.line((_, line) => onLine(line));
      else client.receive.line(onLine);
      await filling;
      for (let n = 0; n < 12; n++) expect((await stopped.next()).done).toBe(false);
      await larges;
      await until(() => lines.length === 400);
      expect(lines).toEqual(Array.from({ length: 400 }, (_, n) => n));
      await until(async () => (await spentCredit(server)) === 0);
    },
  );

  it("of unreliable messages hold up no other channel", async () => {
    const server = await narrowServer();
    const client = await narrowClient(server);
    for (let n = 0; n < 300; n++) {
      client.send.blob({ n, data: new Uint8Array(1000) });
      if (n % 8 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(client.send.big({ n: 1, data: new Uint8Array(65_400) })).toBe(true);
    const { value } = await server.messages.big().next();
    expect(value.message.data).toHaveLength(65_400);
  });
});

describe("messages of peers that have left", () => {
  it("at an iterator that nobody asks are one credit's, whoever joins again, and little is not lost", async () => {
    const server = await narrowServer();
    const reader = server.messages.line();
    const sendAndLeave = async (count: number): Promise<number> => {
      const client = await narrowClient(server);
      for (let n = 0; n < count; n++) {
        while (!client.send.line({ n, text: "x".repeat(800) })) await client.drained();
      }
      await client.close({ lingerMs: 10_000 });
      return client.id;
    };
    const leftBehind = async () => (await server.stats()).counters["messagesLeftBehind"];
    const next = async () => {
      const { value } = await reader.next();
      return [value.peer.id, value.message.n];
    };
    // 52 of 64 KiB each time.
    const ids: number[] = [];
    for (let joined = 1; joined <= 5; joined++) {
      ids.push(await sendAndLeave(60));
      await until(async () => (await server.stats()).left === joined);
      expect(await leftBehind()).toBe((joined - 1) * 60);
    }
    for (let n = 0; n < 60; n++) expect(await next()).toEqual([ids[4], n]);
    const few = [await sendAndLeave(3), await sendAndLeave(3)];
    await until(async () => (await server.stats()).left === 7);
    for (const id of few) for (let n = 0; n < 3; n++) expect(await next()).toEqual([id, n]);
    expect(await leftBehind()).toBe(240);
  });
});

describe("joins", () => {
  it("that are accepted and not taken up free their slots", async () => {
    const server = await narrowServer({ maxPeersPerPort: 1 });
    const stopped = narrowClient(server, {
      wrapSocket: (socket) => ({
        port: socket.port,
        address: socket.address,
        send: (bytes, port, address) => {
          if (!Buffer.from(bytes).includes('"msg":"attach"')) socket.send(bytes, port, address);
        },
        listen: (listener) => socket.listen(listener),
        close: () => socket.close(),
      }),
    });
    const timedOut = expect(stopped).rejects.toMatchObject({ code: "STARDUST_CONNECT_TIMEOUT" });
    await until(async () => {
      const refused = await narrowClient(server).catch((error) => error.reason);
      return refused === "full";
    });
    await timedOut;
    await until(async () => (await narrowClient(server).catch(() => undefined)) !== undefined);
    await expect(narrowClient(server)).rejects.toMatchObject({ reason: "full" });
  });

  it("in a flood, each with a good cookie, are bounded: the rest is told that it is full", {
    timeout: 60_000,
  }, async () => {
    const MAX = 1024;
    let asked = 0;
    let allow: () => void = () => {};
    const allowed = new Promise<void>((resolve) => {
      allow = resolve;
    });
    const server = await arenaServer({
      ports: { count: 1 },
      authenticate: async () => {
        asked++;
        await allowed;
        return { accept: false, detail: "flood" };
      },
    });
    const [port] = server.ports;
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    socket.setRecvBufferSize(4 * 1024 * 1024);
    const clients = new Map<string, ZeroClient>();
    const rejected: string[] = [];
    const service = (client: ZeroClient): void => {
      const now = performance.now();
      client.handleTimeout(now);
      for (let out = client.pollTransmit(now); out !== undefined; out = client.pollTransmit(now))
        socket.send(out.bytes, out.port, "127.0.0.1");
      for (let event = client.pollEvent(); event !== undefined; event = client.pollEvent())
        if (event.type === "rejected") rejected.push(event.reason);
    };
    socket.on("message", (bytes) => {
      const cid = /"cid":"([^"]+)"/.exec(bytes.toString("latin1", 0, 80))?.[1];
      const client = cid === undefined ? undefined : clients.get(cid);
      client?.handleDatagram(bytes, bytes.byteLength, "10.0.0.1", port!, performance.now());
      if (client !== undefined) service(client);
    });
    for (let i = 0; i < MAX + 200; i++) {
      const client = new ZeroClient({
        protocol: arena,
        crypto: nodeCrypto,
        port: port!,
        join: { name: "flood" },
        random: Math.random,
        nowMs: performance.now(),
      });
      clients.set(client.cid, client);
      service(client);
      if (i % 32 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const repeat = setInterval(() => {
      for (const client of clients.values()) service(client);
    }, 200);
    await until(() => rejected.length >= 200);
    clearInterval(repeat);
    expect(asked).toBeLessThanOrEqual(MAX);
    expect(new Set(rejected)).toEqual(new Set(["full"]));
    allow();
    socket.close();
    // And the port is there for those who mean it.
    const late = await connectArena({ port: port!, join: { name: "ada" } }).catch((error) => error);
    expect(late).toMatchObject({ reason: "denied" });
  });
});

describe("a worker that dies", () => {
  it("leaves its joins to the other ports, and can be closed at any time", async () => {
    const onFault = vi.fn();
    let release: () => void = () => {};
    let hold: Promise<void> | undefined;
    let waiting = 0;
    const server = await narrowServer({
      ports: { count: 2 },
      systems: narrowSystems,
      onFault,
      authenticate: async () => {
        waiting++;
        await hold;
        waiting--;
        return { accept: true };
      },
    });
    const doomed = await narrowClient(server);
    const other = await narrowClient(server);
    expect([doomed.port, other.port]).toEqual(server.ports);
    await until(() => server.peers.size === 2);
    waiting = 0;
    // Asked at the port that stays, being decided while the other dies: it has fewer peers then, and no worker.
    hold = new Promise((resolve) => {
      release = resolve;
    });
    const joining = narrowClient(server, { port: other.port });
    await until(() => waiting === 1);
    const left = new Promise((resolve) => server.on("leave", (peer) => resolve(peer.id)));
    doomed.send.order({ what: "stall" });
    doomed.flush();
    await new Promise((resolve) => setTimeout(resolve, 200));
    // The first of the shortest lists is that of the worker which answers nothing any more, and then dies.
    const stats = server.stats();
    release();
    expect((await stats).ports).toHaveLength(2);
    expect(await left).toBe(doomed.id);
    expect((await joining).port).toBe(other.port);
    expect((await server.stats()).ports).toHaveLength(2);
    other.send.order({ what: "echo" });
    expect((await other.messages.line().next()).value).toMatchObject({ text: "echo" });
    expect(onFault.mock.calls.map(([, where]) => where)).toEqual([`port ${doomed.port}`]);
    // Again, and closed while it starts.
    const ports = [...server.ports];
    await until(async () => {
      const client = await narrowClient(server, { port: ports[1]! });
      if (client.port !== ports[0]) {
        // The worker is not back yet; until it is, the port that stays must not fill up.
        await client.close();
        return false;
      }
      client.send.order({ what: "die" });
      return true;
    });
    await until(() => onFault.mock.calls.length === 2);
    await new Promise((resolve) => setTimeout(resolve, 210));
    const start = performance.now();
    await server.close();
    // By itself: nobody had to end its thread.
    expect(performance.now() - start).toBeLessThan(3000);
    closing(await narrowServer({ ports }));
  });
});

describe("a worker that never returns", () => {
  it("is ended: its peers leave, joins go to other ports, and its port comes back", async () => {
    const onFault = vi.fn();
    const server = await narrowServer({
      ports: { count: 2 },
      systems: narrowSystems,
      workerTimeoutMs: 1500,
      onFault,
    });
    const doomed = await narrowClient(server);
    await until(() => server.peers.size === 1);
    const left = new Promise((resolve) => {
      server.on("leave", (peer, reason) => resolve([peer.id, reason.code]));
    });
    doomed.send.order({ what: "hang" });
    doomed.flush();
    // Nobody waits for its numbers, though it is not known yet that it hangs.
    expect((await server.stats()).ports.map(({ port }) => port)).toEqual(server.ports);
    // Whoever joins meanwhile is let in, at the other port.
    const other = await narrowClient(server, { port: server.ports[1]! });
    expect(other.port).toBe(server.ports[1]);
    expect(await left).toEqual([doomed.id, "worker-died"]);
    await until(() => onFault.mock.calls.length > 0);
    expect(onFault.mock.calls).toEqual([
      [
        expect.objectContaining({
          code: "STARDUST_WORKER_DIED",
          message: expect.stringContaining("has answered nothing for 1500 ms"),
        }),
        `port ${doomed.port}`,
        {},
      ],
    ]);
    // It has fewer peers now, so it is the next one's port as soon as it is back.
    await until(async () => {
      const client = await narrowClient(server, { port: other.port });
      if (client.port === doomed.port) return true;
      await client.close();
      return false;
    });
  });
});
