/** The section `system`: what the application and the systems in the workers say to each other, over real threads. */
import { expect, it } from "vitest";
import { listen } from "#src/server.js";
import { until } from "../support/arena.ts";
import { type Client, matchClient, matchServer, matchSystems, toldTo } from "../support/match.ts";
import { specUrl } from "../support/specs.ts";

interface Score {
  readonly port: number;
  readonly points: number;
  readonly bytes: number;
}

it("reaches the systems of one port, or of all, in the order in which it was said", async () => {
  const server = await matchServer({ systems: matchSystems });
  const [x, y] = server.ports;
  const clients = [await matchClient(server, "ada"), await matchClient(server, "bob")];
  expect(clients.map(({ port }) => port)).toEqual([x, y]);
  const told = clients.map(toldTo);
  await until(() => server.peers.size === 2);
  expect(server.systems.send.start(x!, { match: "red", round: 1 })).toBe(true);
  expect(server.systems.broadcast.start({ match: "red", round: 2 })).toBe(true);
  expect(server.systems.send.start(y!, { match: "blue", round: 3 })).toBe(true);
  expect(server.systems.send.start(y!, { match: "red", round: 4 })).toBe(true);
  await until(() => told.every((lines) => lines.length === 2));
  expect(told).toEqual([
    ["round 1", "round 2"],
    ["round 2", "round 4"],
  ]);
});

it("reaches the application from each port, with nothing lost where its ring is full", async () => {
  const scores: Score[] = [];
  const server = await matchServer({
    systems: matchSystems,
    systemHandlers: {
      score: (port, { points, log }) => {
        expect(log.every((byte) => byte === points % 256)).toBe(true);
        scores.push({ port, points, bytes: log.length });
      },
    },
  });
  const more: number[] = [];
  const off = server.systems.receive.score((_, { points }) => more.push(points));
  const clients = [await matchClient(server, "ada"), await matchClient(server, "bob")];
  // Ten times what a ring holds.
  for (const client of clients) client.send.ask({ what: "score 200 60000" });
  await until(() => scores.length === 400);
  for (const port of server.ports) {
    const own = scores.filter((score) => score.port === port);
    expect(own.map(({ points }) => points)).toEqual(Array.from({ length: 200 }, (_, i) => i));
    expect(own.every(({ bytes }) => bytes === 60_000)).toBe(true);
  }
  expect(more).toHaveLength(400);
  off();
  clients[0]!.send.ask({ what: "score 1 5" });
  await until(() => scores.length === 401);
  expect(more).toHaveLength(400);
});

it("reaches the systems of other ports, which know from whom", async () => {
  const server = await matchServer({ systems: matchSystems, ports: { count: 3 } });
  const clients: Client[] = [];
  for (const name of ["ada", "bob", "eve"]) clients.push(await matchClient(server, name));
  const [x, y] = server.ports;
  const told = clients.map(toldTo);
  const say = async (index: number, what: string): Promise<string> => {
    const before = told[index]!.length;
    clients[index]!.send.ask({ what });
    await until(() => told[index]!.length > before);
    return told[index]!.at(-1)!;
  };
  clients[0]!.send.ask({ what: "rumour 2" });
  await until(async () => (await say(2, "rumours")).startsWith("2:"));
  clients[1]!.send.ask({ what: "rumour" });
  await until(async () => (await say(2, "rumours")).startsWith("3:"));
  expect(await say(2, "rumours")).toBe(
    `3: 0 of ada from ${x},1 of ada from ${x},0 of bob from ${y}`,
  );
  clients[1]!.send.ask({ what: "self" });
  await until(async () => (await say(1, "rumours")).startsWith("3:"));
  expect(await say(1, "rumours")).toMatch(new RegExp(`,7 of self from ${y}$`));
  expect(await say(0, "rumours")).toBe(`1: 0 of bob from ${y}`);
});

it("between ports nothing is lost that finds a full ring on its way", async () => {
  const server = await matchServer({ systems: matchSystems });
  const clients = [await matchClient(server, "ada"), await matchClient(server, "bob")];
  const told = toldTo(clients[1]!);
  // Ten times what a ring holds, of each of them to the other.
  for (const client of clients) client.send.ask({ what: "rumour 200000" });
  await until(async () => {
    const before = told.length;
    clients[1]!.send.ask({ what: "rumours" });
    await until(() => told.length > before);
    return told.at(-1)!.startsWith("200000:");
  });
  const last = [199_996, 199_997, 199_998, 199_999];
  const from = server.ports[0]!;
  expect(told.at(-1)).toBe(`200000: ${last.map((n) => `${n} of ada from ${from}`)}`);
});

it("says false where a ring is full, to everybody or nobody, and when there is room", async () => {
  const server = await matchServer({ systems: matchSystems });
  const client = await matchClient(server, "ada");
  const told = toldTo(client);
  await until(() => server.peers.size === 1);
  let taken = 0;
  // In one turn: no worker has room again before it has ended.
  while (server.systems.send.start(server.ports[1]!, { match: "none", round: 0 })) taken++;
  expect(taken).toBeGreaterThan(1000);
  expect(server.systems.broadcast.start({ match: "red", round: 1 })).toBe(false);
  expect(server.systems.send.start(server.ports[0]!, { match: "red", round: 2 })).toBe(true);
  await server.systems.drained();
  expect(server.systems.broadcast.start({ match: "red", round: 3 })).toBe(true);
  await until(() => told.length === 2);
  expect(told).toEqual(["round 2", "round 3"]);
});

it("is reported where nobody handles it, once, and where a handler throws", async () => {
  const faults: string[] = [];
  const server = await matchServer({
    systems: matchSystems,
    onFault: (error, where) => faults.push(`${where}: ${error}`),
    systemHandlers: {
      score: () => {
        throw new Error("planted in the application");
      },
    },
  });
  const client = await matchClient(server, "ada");
  for (const what of ["sigh", "sigh", "score"]) client.send.ask({ what });
  const [port] = server.ports;
  for (let i = 0; i < 2; i++) server.systems.send.silent(port!, { a: 1 });
  server.systems.send.start(port!, { match: "red", round: 666 });
  await until(() => faults.length === 4);
  expect(faults.sort()).toEqual([
    expect.stringMatching(/^systems.receive.score: .*planted in the application/),
    expect.stringMatching(/^systems.sigh: .*nobody handles the system message sigh/),
    expect.stringMatching(/^systems.system.start: .*planted in system/),
    expect.stringMatching(/^systems.system: .*nobody handles the system message silent/),
  ]);
});

it("is refused at the start where systems were built with another section", async () => {
  const stale = specUrl("match", "stale-systems.js");
  await expect(matchServer({ systems: stale })).rejects.toMatchObject({
    code: "STARDUST_WORKER_IMPORT",
    message: expect.stringMatching(
      /stale-systems\.js was generated with another section `system` than the server: generate/,
    ),
  });
  const { protocol } = (await import(
    specUrl("match", "generated/server-protocol.js").href
  )) as typeof import("../tmp/specs/match/generated/server-protocol.ts");
  const older = { ...protocol, systemHash: "0".repeat(32) };
  const none = () => ({});
  const face = { send: none, broadcast: none, receive: none, messages: none, header: none };
  const listening = listen(older, face as never, { ports: { count: 1 } });
  await expect(listening).rejects.toThrow(/another section `system` than the application's thread/);
});

it("refuses what is wrong, who is not there, and where there are no systems", async () => {
  const server = await matchServer({ systems: matchSystems });
  const [port] = server.ports;
  const round = 70_000;
  expect(() => server.systems.send.start(port!, { match: "red", round })).toThrow(
    expect.objectContaining({ where: "start", path: "round" }),
  );
  expect(() => server.systems.send.start(1, { match: "red", round: 1 })).toThrow(
    /port 1: there are \d+, \d+/,
  );
  await server.close();
  expect(() => server.systems.broadcast.start({ match: "red", round: 1 })).toThrow(
    expect.objectContaining({ code: "STARDUST_CLOSED" }),
  );
  const bare = await matchServer();
  expect(() => bare.systems.broadcast.start({ match: "red", round: 1 })).toThrow(/no systems/);
  const systemHandlers = { start: () => {} } as never;
  await expect(matchServer({ systemHandlers })).rejects.toThrow(
    /systemHandlers.start: there is no such message .* there are score, sigh$/,
  );
});
