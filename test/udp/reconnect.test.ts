/**
 * Clients that lose their server and join again, over sockets: a worker that dies, a server that is started again, a network
 * that is down. What somebody has meant is never retried.
 */
import { createSocket } from "node:dgram";
import { lossySocket, lossySocketUrl } from "stardust-udp/testing";
import { describe, expect, it } from "vitest";
import { closing, until } from "../support/arena.ts";
import { Line } from "../support/line.ts";
import { type Client, matchClient, matchServer, toldTo } from "../support/match.ts";
import { narrowClient, narrowServer } from "../support/narrow.ts";

const identity = `stardust-identity-${Buffer.alloc(32, 8).toString("base64url")}`;
const dying = new URL("../support/dying-socket.mjs", import.meta.url);
const quick = { delayMs: 20, maxDelayMs: 100 };

/** What a client is told of itself, in words. */
function eventsOf(client: Client): string[] {
  const events: string[] = [];
  client.on("reconnecting", ({ attempt, reason }) => events.push(`${attempt}: ${reason.code}`));
  client.on("reconnected", ({ attempt }) => events.push(`back with ${attempt}`));
  client.on("lost", ({ code, by }) => events.push(`lost: ${code}, ${by}`));
  return events;
}

async function kill(port: number): Promise<void> {
  const socket = createSocket("udp4");
  closing({ [Symbol.asyncDispose]: async () => void socket.close() });
  socket.send("die", port, "127.0.0.1");
}

describe("a client whose worker dies", () => {
  it("joins again, and what its user holds goes on", async () => {
    const server = await matchServer({
      ports: { count: 1 },
      wrapSocket: dying,
      onFault: () => {},
    });
    const heard: string[] = [];
    server.receive.ask((peer, { what }) => {
      heard.push(what);
      peer.send.tell({ text: `heard ${what}` });
    });
    const attempts: number[] = [];
    const client = await matchClient(server, "ada", {
      reconnect: quick,
      join: async (attempt) => {
        attempts.push(attempt);
        return { name: `ada ${attempt}`, match: "red" };
      },
    });
    const [events, told, { id }] = [eventsOf(client), toldTo(client), client];
    const iterator = client.messages.tell();
    client.send.ask({ what: "one" });
    await until(() => told.length === 1);
    await kill(client.port);
    client.send.ask({ what: "is anybody there?" });
    await until(() => client.isAway);
    // While it is away nothing is taken, and nothing throws.
    expect(client.send.ask({ what: "refused" })).toBe(false);
    await client.drained();
    expect(client.isAway).toBe(false);
    expect(client.send.ask({ what: "two" })).toBe(true);
    await until(() => told.length === 2);
    expect(told).toEqual(["heard one", "heard two"]);
    expect(heard).toEqual(["one", "two"]);
    expect(events[0]).toBe("1: server-restarted");
    expect(events.at(-1)).toBe(`back with ${events.length - 1}`);
    expect(attempts).toEqual([...attempts.keys()]);
    expect(client.id).not.toBe(id);
    const { name } = server.peers.get(client.id)!.join;
    expect(name).toBe(`ada ${attempts.at(-1)}`);
    expect(client.stats().counters["reconnects"]).toBe(1);
    // The iterator has lived through it.
    expect((await iterator.next()).value).toEqual({ text: "heard one" });
    expect((await iterator.next()).value).toEqual({ text: "heard two" });
    await client.close();
    expect(await client.closed).toMatchObject({ code: "closed", by: "local" });
    expect(events.filter((event) => event.startsWith("lost"))).toEqual([]);
  });
});

describe("a client whose server is started again", () => {
  it("joins the new one once it is there", async () => {
    const server = await matchServer({ ports: { count: 1 }, identity });
    const { ports } = server;
    const client = await matchClient(server, "ada", { reconnect: quick });
    const events = eventsOf(client);
    await until(() => server.peers.has(client.id));
    // It says so: `shutting-down` is no word of the application's.
    await server.close();
    await until(() => client.isAway);
    const again = await matchServer({ ports, identity });
    await until(() => !client.isAway);
    await until(() => again.peers.has(client.id));
    expect(events[0]).toBe("1: shutting-down");
    expect(events.at(-1)).toMatch(/^back/);
  });

  it("is lost when the new one does not want it", async () => {
    const server = await matchServer({ ports: { count: 1 }, identity });
    const { ports } = server;
    const client = await matchClient(server, "ada", { reconnect: quick });
    const events = eventsOf(client);
    await until(() => server.peers.has(client.id));
    await server.close();
    await matchServer({
      ports,
      identity,
      authenticate: () => ({ accept: false, detail: "not any more" }),
    });
    expect(await client.closed).toEqual({
      code: "not-connected",
      reason: "rejected: denied (not any more)",
      by: "remote",
    });
    expect(events.at(-1)).toBe("lost: not-connected, remote");
    expect(() => client.send.ask({ what: "?" })).toThrow(
      expect.objectContaining({ code: "STARDUST_CLOSED" }),
    );
  });
});

describe("a client whose server stays away", () => {
  async function stranded(reconnect: object, signal?: AbortSignal) {
    const server = await matchServer({ ports: { count: 1 } });
    const client = await matchClient(server, "ada", { reconnect, signal });
    const events = eventsOf(client);
    await until(() => server.peers.has(client.id));
    await server.close();
    await until(() => client.isAway);
    return { client, events };
  }

  it("gives up after so much time, for the reason of the loss", async () => {
    const { client, events } = await stranded({ ...quick, deadlineMs: 150 });
    const drained = client.drained();
    expect(client.send.ask({ what: "?" })).toBe(false);
    await expect(client.drained()).rejects.toMatchObject({ code: "STARDUST_CLOSED" });
    await drained;
    expect(await client.closed).toMatchObject({ code: "shutting-down", by: "remote" });
    expect(events.at(-1)).toBe("lost: shutting-down, remote");
  });

  it("gives up after so many attempts", async () => {
    let calls = 0;
    const server = await matchServer({ ports: { count: 1 } });
    const client = await matchClient(server, "ada", {
      reconnect: { ...quick, attempts: 3 },
      join: () => {
        if (calls++ > 0) throw new Error("the backend is away");
        return { name: "ada", match: "red" };
      },
    });
    const events = eventsOf(client);
    await until(() => server.peers.has(client.id));
    await server.close();
    expect(await client.closed).toMatchObject({ code: "shutting-down" });
    expect(events).toEqual([
      "1: shutting-down",
      "2: not-connected",
      "3: not-connected",
      "lost: shutting-down, remote",
    ]);
    expect(calls).toBe(4);
  });

  it("ends at once when it is closed", async () => {
    const { client, events } = await stranded({ delayMs: 1_000_000, maxDelayMs: 1_000_000 });
    await client.close({ code: "enough", reason: "of this" });
    expect(await client.closed).toEqual({ code: "enough", reason: "of this", by: "local" });
    expect(events).toEqual(["1: shutting-down"]);
  });

  it("ends at once when its signal fires, in the middle of an attempt too", async () => {
    const controller = new AbortController();
    const { client, events } = await stranded(quick, controller.signal);
    await until(() => events.length > 0);
    controller.abort();
    expect(await client.closed).toMatchObject({ code: "closed", by: "local" });
    expect(events.every((event) => !event.startsWith("lost"))).toBe(true);
  });
});

it("a network that is down for longer than the idle timeout is a loss, and the client is back when it is up", async () => {
  const line = new Line();
  const server = await narrowServer();
  const client = await narrowClient(server, { reconnect: quick, wrapSocket: line.wrapSocket });
  const events: string[] = [];
  client.on("reconnecting", ({ reason }) => events.push(reason.code));
  await until(() => server.peers.has(client.id));
  line.isUp = false;
  await until(() => client.isAway);
  expect(events[0]).toBe("idle-timeout");
  line.isUp = true;
  await until(() => !client.isAway);
  await until(() => server.peers.has(client.id));
});

describe("a close that somebody has meant", () => {
  it("is final: kicked, to four clients of which each loses three datagrams of ten both ways", async () => {
    const server = await matchServer({
      ports: { count: 1 },
      wrapSocket: lossySocketUrl,
      wrapSocketData: { loss: 0.3, seed: 5 },
    });
    const clients = await Promise.all(
      Array.from({ length: 4 }, (_, i) =>
        matchClient(server, `bot ${i}`, {
          reconnect: quick,
          wrapSocket: (s) => lossySocket(s, { loss: 0.3, seed: 50 + i }),
        }),
      ),
    );
    const events = clients.map(eventsOf);
    await until(() => server.peers.size === 4);
    for (const peer of server.peers.values()) peer.close({ code: "kicked", reason: "no bots" });
    for (const { closed } of clients) {
      expect(await closed).toEqual({ code: "kicked", reason: "no bots", by: "remote" });
    }
    for (const told of events) expect(told).toEqual(["lost: kicked, remote"]);
  });

  it("is retried where the client has been told that its code means so", async () => {
    const server = await matchServer({ ports: { count: 1 } });
    const client = await matchClient(server, "ada", {
      reconnect: { ...quick, retryCodes: ["next-map"] },
    });
    const events = eventsOf(client);
    await until(() => server.peers.has(client.id));
    server.peers.get(client.id)!.close({ code: "next-map" });
    await until(() => events.length === 2);
    expect(events).toEqual(["1: next-map", "back with 1"]);
  });

  it("is told without the option too, as lost", async () => {
    const server = await matchServer({ ports: { count: 1 } });
    const client = await matchClient(server, "ada");
    const events = eventsOf(client);
    await until(() => server.peers.has(client.id));
    server.peers.get(client.id)!.close({ code: "kicked" });
    await client.closed;
    expect(events).toEqual(["lost: kicked, remote"]);
  });
});

it("hears of being connected again before it is told anything, where attached was lost", async () => {
  let isFirst = true;
  let hidden = 0;
  const server = await matchServer({ ports: { count: 1 } });
  server.on("join", (peer) => void peer.send.tell({ text: `welcome ${peer.join.name}` }));
  const client = await matchClient(server, "ada", {
    reconnect: quick,
    wrapSocket: (socket) => ({
      port: socket.port,
      address: socket.address,
      send: (bytes, port, address) => socket.send(bytes, port, address),
      close: () => socket.close(),
      listen: (listener) =>
        socket.listen((bytes, address, port) => {
          if (!isFirst && Buffer.from(bytes).includes('"msg":"attached"')) hidden++;
          else listener(bytes, address, port);
        }),
    }),
  });
  const heard: string[] = [];
  client.receive.tell(({ text }) => heard.push(text));
  client.on("reconnected", ({ isResumed }) => heard.push(`again ${isResumed}`));
  await until(() => heard.length === 1);
  isFirst = false;
  // A code that is not final.
  server.peers.get(client.id)!.close({ code: "shutting-down" });
  await until(() => heard.length === 3);
  expect(heard).toEqual(["welcome ada", "again false", "welcome ada"]);
  expect(hidden).toBeGreaterThan(0);
});
