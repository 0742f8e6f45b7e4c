/** A spec of another shape than the arena's, over real sockets: its own header, timeouts and systems. */
import { describe, expect, it, vi } from "vitest";
import { closing, until } from "../support/arena.ts";
import { specUrl } from "../support/specs.ts";

// The types are those of the generated TypeScript; the modules are imported from where the global setup compiled it.
type ServerModule = typeof import("../tmp/specs/robot/generated/server.ts");
type ClientModule = typeof import("../tmp/specs/robot/generated/client.ts");
const { listen } = (await import(specUrl("robot", "generated/server.js").href)) as ServerModule;
const { connect } = (await import(specUrl("robot", "generated/client.js").href)) as ClientModule;
const systems = specUrl("robot", "systems.js");

describe("a spec of one's own", () => {
  it("has its own header field in every handler's context, each way, set in order with messages", async () => {
    const server = closing(await listen({ ports: { count: 2 } }));
    const client = closing(await connect({ port: server.ports[0]! }));
    const seen: number[] = [];
    server.receive.report((peer, report, context) => {
      seen.push(context.header.tick);
      server.header.tick = 1000 + report.code;
      peer.send.report({ code: report.code });
    });
    const answers: [number, number][] = [];
    client.receive.report((report, context) => answers.push([report.code, context.header.tick]));
    client.send.report({ code: 1 });
    await until(() => answers.length === 1);
    client.header.tick = 4_294_967_295;
    client.send.report({ code: 2, text: "with a tick" });
    await until(() => answers.length === 2);
    expect(seen).toEqual([0, 4_294_967_295]);
    expect(answers).toEqual([
      [1, 1001],
      [2, 1002],
    ]);
    expect(client.header.tick).toBe(4_294_967_295);
    expect(() => {
      client.header.tick = -1;
    }).toThrow(/header\.tick/);
  });

  it("carries the largest channel id and lists of quantised numbers", async () => {
    const server = closing(await listen({ ports: { count: 1 } }));
    const client = closing(await connect({ port: server.ports[0]! }));
    const got = new Promise<{ joints: readonly { angle: number; torque: number }[] }>((resolve) => {
      server.receive.joints((_peer, joints) => resolve(joints));
    });
    client.send.joints({
      joints: [
        { angle: 1.5, torque: 0.25 },
        { angle: -3.2, torque: -8 },
      ],
    });
    const { joints } = await got;
    expect(joints).toHaveLength(2);
    expect(joints[0]!.angle).toBeCloseTo(1.5, 2);
    expect(joints[1]).toEqual({ angle: expect.closeTo(-3.2, 6), torque: -8 });
  });
});

describe("systems", () => {
  it("run in the worker of their port: join, handlers, state and tick", async () => {
    const server = closing(await listen({ ports: { count: 2 }, systems }));
    const onApplication = vi.fn();
    server.receive.report(onApplication);
    const clients = await Promise.all(
      Array.from({ length: 2 }, async () => closing(await connect({ port: server.ports[0]! }))),
    );
    const threads: number[] = [];
    for (const client of clients) {
      const commands: { name: string; value: number }[] = [];
      const reports: unknown[] = [];
      client.receive.command((command) => commands.push(command));
      client.receive.report((report) => reports.push(report));
      client.header.tick = 77;
      client.send.report({ code: 5 });
      await until(() => reports.length === 1 && commands.length >= 2);
      expect(reports).toEqual([{ code: 6, text: "tick 77" }]);
      expect(commands.map(({ name }) => name).slice(0, 2)).toEqual(["hello", "third"]);
      threads.push(commands[0]!.value);
    }
    expect(new Set(threads).size).toBe(2);
    expect(threads).not.toContain(0);
    expect(onApplication).not.toHaveBeenCalled();
  });

  it("may send as soon as a peer joins: its client takes it, with nothing refused or sent again", async () => {
    const server = closing(await listen({ ports: { count: 1 }, systems }));
    const client = closing(await connect({ port: server.ports[0]! }));
    const commands: string[] = [];
    client.receive.command((command) => commands.push(command.name));
    await until(() => commands.length >= 1);
    expect(commands[0]).toBe("hello");
    expect(client.stats().counters["datagramsRefused"]).toBe(0);
  });

  it("that throw are reported, and the worker goes on", async () => {
    const onFault = vi.fn();
    const server = closing(await listen({ ports: { count: 1 }, systems, onFault }));
    const client = closing(await connect({ port: server.ports[0]! }));
    const reports: number[] = [];
    client.receive.report((report) => reports.push(report.code));
    client.send.report({ code: 8 });
    client.send.report({ code: 1 });
    // The answer comes over the network and the fault from the worker: either may be here first.
    await until(() => reports.length === 1 && onFault.mock.calls.length > 0);
    expect(onFault).toHaveBeenCalledWith(
      expect.stringContaining("planted in systems"),
      "systems.receive.report",
      { peer: client.id, channel: "report" },
    );
  });
});

describe("a worker that dies", () => {
  it("takes down its own peers only, and its port comes back", async () => {
    const onFault = vi.fn();
    const server = closing(await listen({ ports: { count: 2 }, systems, onFault }));
    const left: [number, string][] = [];
    server.on("leave", (peer, reason) => left.push([peer.port, reason.code]));
    server.header.tick = 4711;
    const doomed = closing(await connect({ port: server.ports[0]! }));
    const other = closing(await connect({ port: server.ports[0]! }));
    expect([doomed.port, other.port]).toEqual(server.ports);
    doomed.send.report({ code: 9 });
    await until(() => left.length === 1);
    expect(left).toEqual([[server.ports[0], "worker-died"]]);
    expect(onFault).toHaveBeenCalledWith(expect.anything(), `port ${server.ports[0]}`, {});
    const reports: number[] = [];
    other.receive.report((report) => reports.push(report.code));
    other.send.report({ code: 1 });
    await until(() => reports.length === 1);
    // It asks the port, which proves that it has lost it, if it is bound anew in time.
    const { code } = await doomed.closed;
    expect(["server-restarted", "idle-timeout"]).toContain(code);
    // The port is bound again, empty, and so the first with the shortest list; header fields that were set still stand.
    let tick = 0;
    await until(async () => {
      const client = await connect({
        port: server.ports[1]!,
        handlers: {
          command: (_command, { header }) => {
            tick = header.tick;
          },
        },
      }).catch(() => undefined);
      if (client === undefined) return false;
      closing(client);
      return client.port === server.ports[0];
    });
    await until(() => tick !== 0);
    expect(tick).toBe(4711);
  });
});

describe("silence", () => {
  it("is broken by keep-alives for as long as both sides are there", async () => {
    const server = closing(await listen({ ports: { count: 1 } }));
    const client = closing(await connect({ port: server.ports[0]! }));
    const pings = (): number => client.stats().counters["datagramsReceived"] ?? 0;
    const before = pings();
    // Longer than the idle timeout: three keep-alives and more of each side.
    await until(() => pings() > before + 14);
    expect(server.peers.size).toBe(1);
  });

  it("of a client that vanished ends its peer with the idle timeout", async () => {
    const server = closing(await listen({ ports: { count: 1 } }));
    let silent = false;
    const client = closing(
      await connect({
        port: server.ports[0]!,
        wrapSocket: (socket) => ({
          port: socket.port,
          address: socket.address,
          send: (bytes, port, address) => {
            if (!silent) socket.send(bytes, port, address);
          },
          listen: (listener) => {
            socket.listen((bytes, address, port) => {
              if (!silent) listener(bytes, address, port);
            });
          },
          close: () => socket.close(),
        }),
      }),
    );
    const left = new Promise((resolve) => server.on("leave", (_peer, reason) => resolve(reason)));
    silent = true;
    expect(await left).toMatchObject({ code: "idle-timeout", by: "local" });
    expect(await client.closed).toMatchObject({ code: "idle-timeout", by: "local" });
  });

  it("of a server is a connect timeout that names the address", async () => {
    const server = await listen({ ports: { count: 1 } });
    const [port] = server.ports;
    await server.close();
    await expect(connect({ port: port! })).rejects.toMatchObject({
      code: "STARDUST_CONNECT_TIMEOUT",
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
  });

  it("of authenticate is a rejection when its time is up, and its signal fires", async () => {
    let aborted = false;
    const server = closing(
      await listen({
        ports: { count: 1 },
        authenticate: (_join, _origin, signal) => {
          signal.addEventListener("abort", () => {
            aborted = true;
          });
          return new Promise(() => {});
        },
      }),
    );
    await expect(connect({ port: server.ports[0]! })).rejects.toMatchObject({
      code: "STARDUST_CONNECT_REJECTED",
      reason: "timeout",
    });
    expect(aborted).toBe(true);
  });
});
