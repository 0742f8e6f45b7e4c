/** What `listen` and `connect` are given: wrong options, names with several addresses, signals that many wait for. */
import { spawnSync } from "node:child_process";
import dgram from "node:dgram";
import { once } from "node:events";
import { platform } from "node:os";
import { fileURLToPath } from "node:url";
import { runInNewContext } from "node:vm";
import type { ConnectOptions } from "stardust-udp";
import { describe, expect, it } from "vitest";
import { until } from "../support/arena.ts";
import {
  type ClientOptions,
  narrowClient,
  narrowServer,
  narrowSystems,
  type ServerOptions,
} from "../support/narrow.ts";

/** Nothing of these is what the option takes, whatever it takes. */
const wrong = [Symbol("any"), Number.NaN, null];

describe("an option of another type", () => {
  const ofListen = [
    "host",
    "publicPorts",
    "allowMissingPorts",
    "stayOnPort",
    "workers",
    "maxPeersPerPort",
    "maxPeersPerAddress",
    "maxJoinsPerAddress",
    "maxOpenRequests",
    "limits",
    "workerTimeoutMs",
    "workerHeapBytes",
    "authenticate",
    "state",
    "handlers",
    "systems",
    "wrapSocket",
    "signal",
    "onFault",
    "congestion",
    "keyLog",
    "resend",
    "socketBufferBytes",
    "sockets",
    "coalesceMs",
    "ports",
  ] satisfies (keyof ServerOptions)[];
  it.each(ofListen)("of listen is refused by its name: %s", async (name) => {
    for (const value of wrong) {
      await expect(narrowServer({ [name]: value }), String(value)).rejects.toMatchObject({
        code: "STARDUST_INVALID_OPTION",
        message: expect.stringContaining(`${name}: `),
      });
    }
  });

  const ofConnect = [
    "host",
    "port",
    "join",
    "handlers",
    "maxOpenRequests",
    "signal",
    "wrapSocket",
    "socketBufferBytes",
    "sockets",
    "onFault",
    "congestion",
    "keyLog",
    "resend",
  ] satisfies (keyof ConnectOptions)[];
  it.each(ofConnect)("of connect is refused by its name: %s", async (name) => {
    for (const value of wrong) {
      const options = { [name]: value } as Partial<ClientOptions>;
      await expect(narrowClient({ ports: [9] }, options), String(value)).rejects.toMatchObject({
        code: "STARDUST_INVALID_OPTION",
        message: expect.stringContaining(`${name}: `),
      });
    }
  });

  it("of close, messages and on is refused, and nothing else happens", async () => {
    const faults: unknown[] = [];
    const server = await narrowServer({
      systems: narrowSystems,
      onFault: (error) => faults.push(error),
    });
    const client = await narrowClient(server);
    await until(() => server.peers.has(client.id));
    const peer = server.peers.get(client.id)!;
    const refused = { code: "STARDUST_INVALID_OPTION" };
    const late = { lingerMs: 2 ** 31 };
    for (const options of [
      { code: 5 },
      { reason: {} },
      { lingerMs: "1" },
      late,
      null,
      5,
    ] as never[]) {
      await expect(client.close(options)).rejects.toMatchObject(refused);
      await expect(server.close(options)).rejects.toMatchObject(refused);
      expect(() => peer.close(options)).toThrow(expect.objectContaining(refused));
    }
    // A timer would take it for no time at all, or it would never end.
    await expect(server.close({ drainMs: 2 ** 31 })).rejects.toMatchObject({
      message: "drainMs: must be milliseconds, from 0 to 2147483647, or Infinity, not 2147483648",
    });
    await expect(narrowServer({ workerTimeoutMs: 2 ** 40 })).rejects.toMatchObject(refused);
    for (const options of [{ limit: 0 }, { overflow: "x" }, { signal: {} }, null, 5] as never[]) {
      expect(() => client.messages.line(options)).toThrow(expect.objectContaining(refused));
      expect(() => server.messages.line(options)).toThrow(expect.objectContaining(refused));
    }
    expect(() => server.on("nope" as never, () => {})).toThrow(expect.objectContaining(refused));
    expect(() => server.on("join", 5 as never)).toThrow(expect.objectContaining(refused));
    await expect(narrowServer({ wrapSocketData: () => {} })).rejects.toMatchObject(refused);
    client.send.order({ what: "misclose" });
    await until(() => faults.length > 0);
    expect(String(faults[0])).toContain("code: must be a text, not 5");
    // Both are still there.
    server.receive.line((from, { n, text }) => from.send.line({ n: n + 1, text }));
    const answers: number[] = [];
    client.receive.line(({ n }) => answers.push(n));
    client.send.line({ n: 1, text: "" });
    await until(() => answers.length > 0);
    expect(answers).toEqual([2]);
  });

  it("says what it has to be and what it is", async () => {
    await expect(narrowServer({ maxPeersPerPort: "many" as never })).rejects.toThrow(
      'maxPeersPerPort: must be a whole number from 1 to 65536, not "many"',
    );
    await expect(narrowServer({ maxPeersPerAddress: 0 })).rejects.toThrow(
      "maxPeersPerAddress: must be a whole number, at least 1, or Infinity, not 0",
    );
    await expect(narrowServer({ maxJoinsPerAddress: 1.5 })).rejects.toThrow(
      "maxJoinsPerAddress: must be a whole number, at least 1, or Infinity, not 1.5",
    );
    await expect(narrowServer({ limits: { pendingJoins: 0 } })).rejects.toThrow(
      "limits.pendingJoins: must be a whole number from 1 to 1000000, not 0",
    );
    await expect(narrowServer({ limits: { joins: 5 } as never })).rejects.toThrow(
      "limits.joins: there is no such option of listen; there are unprovenPerSecond, cookiesPerSecond, ",
    );
    await expect(narrowServer({ publicPorts: [0] })).rejects.toThrow(
      "publicPorts: must be a list, of which each is a whole number from 1 to 65535, not [0]",
    );
    await expect(narrowServer({ systems: "systems.js" })).rejects.toThrow("import.meta.url");
  });
});

describe("localhost", () => {
  const hasIPv6 = (): Promise<boolean> => {
    const socket = dgram.createSocket("udp6");
    return new Promise((resolve) => {
      socket.once("error", () => resolve(false));
      socket.bind(0, "::1", () => socket.close(() => resolve(true)));
    });
  };

  it.each(["::1", "127.0.0.1"])("reaches a server that listens on %s alone", async (host) => {
    // Some containers have no IPv6: then there is no server to be reached.
    if (host === "::1" && !(await hasIPv6())) return;
    const server = await narrowServer({ host });
    const client = await narrowClient(server, { host: "localhost" });
    await until(() => server.peers.has(client.id));
    expect(server.peers.size).toBe(1);
  });

  it("is refused once where its server refuses", async () => {
    let asked = 0;
    const server = await narrowServer({
      authenticate: () => {
        asked++;
        return { accept: false };
      },
    });
    await expect(narrowClient(server, { host: "localhost" })).rejects.toMatchObject({
      code: "STARDUST_CONNECT_REJECTED",
    });
    expect(asked).toBe(1);
  });

  it("without a server is a timeout, or the abort of whoever waits", async () => {
    const signal = AbortSignal.timeout(400);
    await expect(narrowClient({ ports: [9] }, { host: "localhost", signal })).rejects.toMatchObject(
      {
        code: "STARDUST_CONNECT_ABORTED",
      },
    );
  });
});

describe("an AbortSignal", () => {
  it("ends fifty clients and iterators without a warning of a leak", async () => {
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on("warning", note);
    try {
      const server = await narrowServer();
      const abort = new AbortController();
      const { signal } = abort;
      const clients = [];
      for (let i = 0; i < 25; i++) clients.push(await narrowClient(server, { signal }));
      const ends = clients.map((client) => client.messages.line({ signal }).next());
      abort.abort();
      await Promise.all(clients.map(({ closed }) => closed));
      expect(await Promise.all(ends)).toEqual(
        clients.map(() => ({ value: undefined, done: true })),
      );
      // Warnings are emitted in the next tick.
      await new Promise((resolve) => setImmediate(resolve));
      expect(warnings).toEqual([]);
    } finally {
      process.off("warning", note);
    }
  });

  it("that is fired after its clients have closed asks nothing of them", async () => {
    const server = await narrowServer();
    const abort = new AbortController();
    const client = await narrowClient(server, { signal: abort.signal });
    await client.close({ code: "done" });
    abort.abort();
    expect(await client.closed).toMatchObject({ code: "done" });
  });

  it("may be of another realm", async () => {
    const server = await narrowServer();
    const abort = new AbortController();
    // As jsdom's are: an object of another class that behaves like one.
    const foreign = runInNewContext(
      `({
        aborted: false,
        reason: undefined,
        addEventListener: (...args) => signal.addEventListener(...args),
        removeEventListener: (...args) => signal.removeEventListener(...args),
      })`,
      { signal: abort.signal },
    );
    const client = await narrowClient(server, { signal: foreign });
    abort.abort();
    expect(await client.closed).toMatchObject({ by: "local" });
  });
});

describe("a port that cannot be bound", () => {
  it("keeps what the system said, its code included, across the thread", async () => {
    const other = dgram.createSocket("udp4").bind(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address();
    await expect(narrowServer({ ports: [port] })).rejects.toMatchObject({
      code: "STARDUST_PORT_BIND",
      port,
      cause: { code: "EADDRINUSE", errno: expect.any(Number), syscall: "bind" },
    });
    other.close();
  });

  // Only a shell sets how many files a process may open, and Windows has no such limit.
  it.skipIf(platform() === "win32")("for want of files is an error of ours with its cause", () => {
    const server = fileURLToPath(
      new URL("../tmp/dist/narrow/generated/server.js", import.meta.url),
    );
    const program = `
      const { listen } = await import(${JSON.stringify(server)});
      try { await (await listen({ ports: { count: 64 } })).close(); console.log("none"); }
      catch ({ name, code, cause }) { console.log(name, code, cause?.code); }`;
    const command = 'ulimit -n 90 && exec "$0" --input-type=module --eval "$1"';
    const { stdout, stderr } = spawnSync("sh", ["-c", command, process.execPath, program], {
      encoding: "utf8",
    });
    expect(stdout, stderr).toMatch(/^\w+ STARDUST_(WORKER_DIED|PORT_BIND) EMFILE\n$/);
  });
});
