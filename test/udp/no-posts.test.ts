/** No message of a peer or of systems travels by `postMessage`: what the threads post to each other is counted while thousands go both ways. */
import { Worker } from "node:worker_threads";
import { afterEach, expect, it, vi } from "vitest";
import { until } from "../support/arena.ts";
import { type Client, matchClient, matchServer, matchSystems, toldTo } from "../support/match.ts";
import { narrowClient, narrowServer, sendMuch } from "../support/narrow.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

/** Counts what all threads post from now on, by who and what. */
function countPosts(): Record<string, number> {
  const posted: Record<string, number> = {};
  const note = (from: string, { type }: { readonly type: string }): void => {
    posted[`${from}: ${type}`] = (posted[`${from}: ${type}`] ?? 0) + 1;
  };
  const post = Worker.prototype.postMessage;
  vi.spyOn(Worker.prototype, "postMessage").mockImplementation(function (
    this: Worker,
    message: { readonly type: string },
    ...rest: unknown[]
  ) {
    note("application", message);
    return Reflect.apply(post, this, [message, ...rest]);
  });
  const emit = Worker.prototype.emit;
  vi.spyOn(Worker.prototype, "emit").mockImplementation(function (this: Worker, event, ...args) {
    if (event === "message") note("worker", args[0] as { readonly type: string });
    return Reflect.apply(emit, this, [event, ...args]);
  });
  return posted;
}

/** What was posted beside signs of life. */
function othersOf(posted: Record<string, number>): string[] {
  return Object.keys(posted).filter((type) => !/^(application: ping|worker: pong)$/.test(type));
}

it("messages of peers, broadcasts and closes are posted by neither thread", async () => {
  const posted = countPosts();
  const server = await narrowServer({ ports: { count: 2 } });
  const clients = await Promise.all([narrowClient(server), narrowClient(server)]);
  await until(() => server.peers.size === 2);
  expect(posted["application: reserve"]).toBe(2);
  // The port that got both joins has taken one of them, and answers that by itself.
  expect(posted["application: answer"]).toBe(1);
  for (const type of Object.keys(posted)) delete posted[type];

  const got = { server: 0, clients: 0 };
  server.receive.line(async (peer, line) => {
    got.server++;
    while (!peer.send.line(line)) await peer.drained();
  });
  for (const client of clients) {
    client.receive.line(() => {
      got.clients++;
    });
  }
  const COUNT = 500;
  await Promise.all(
    clients.map(async (client) => {
      for (let n = 0; n < COUNT; n++) {
        while (!client.send.line({ n, text: "there and back" })) await client.drained();
        if (n % 10 === 0) server.broadcast.state({ n });
      }
    }),
  );
  await until(() => got.server === 2 * COUNT && got.clients === 2 * COUNT);
  for (const peer of server.peers.values()) peer.close();
  await until(() => server.peers.size === 0);
  expect(othersOf(posted)).toEqual([]);
});

it("nor are large ones, which are cut in two where a ring's memory ends", async () => {
  const posted = countPosts();
  const server = await narrowServer();
  const client = await narrowClient(server);
  await until(() => server.peers.size === 1);
  expect(posted["application: reserve"]).toBe(1);
  for (const type of Object.keys(posted)) delete posted[type];
  const got = { server: 0, client: 0 };
  const isWhole = (data: Uint8Array): boolean => data.length === 60_000;
  server.receive.big((_peer, { data }) => void (isWhole(data) && got.server++));
  client.receive.big(({ data }) => void (isWhole(data) && got.client++));
  // Several times around rings of 1 MiB.
  const COUNT = 60;
  const [peer] = server.peers.values();
  const data = new Uint8Array(60_000);
  const sending = (async () => {
    for (let n = 0; n < COUNT; n++) {
      while (!client.send.big({ n, data })) await client.drained();
    }
  })();
  await Promise.all([sending, sendMuch(peer!, COUNT)]);
  await until(() => got.server === COUNT && got.client === COUNT);
  expect(othersOf(posted)).toEqual([]);
});

it("nor is what systems say to the application, to each other and to their peers", async () => {
  const posted = countPosts();
  const scores: number[] = [];
  const server = await matchServer({
    systems: matchSystems,
    systemHandlers: {
      score: (_port, { log }) => void scores.push(log.length),
    },
  });
  const clients: Client[] = [];
  for (const name of ["ada", "bob"]) clients.push(await matchClient(server, name));
  const [ada, bob] = clients.map(toldTo);
  await until(() => server.peers.size === 2);
  expect(posted["application: reserve"]).toBe(2);
  for (const type of Object.keys(posted)) delete posted[type];
  // Several times around the ring, each of the size that may be cut.
  clients[0]!.send.ask({ what: "score 60 60000" });
  clients[0]!.send.ask({ what: "rumour 2000" });
  for (let n = 0; n < 50; n++) clients[0]!.send.ask({ what: "all" });
  for (let round = 1; round <= 50; round++) {
    while (!server.systems.broadcast.start({ match: "red", round })) await server.systems.drained();
  }
  await until(() => scores.length === 60 && ada!.length === 100 && bob!.length === 50);
  await until(async () => {
    const before = bob!.length;
    clients[1]!.send.ask({ what: "rumours" });
    await until(() => bob!.length > before);
    return bob!.at(-1)!.startsWith("2000:");
  });
  expect(scores.every((bytes) => bytes === 60_000)).toBe(true);
  expect(ada!.filter((text) => text === "to all here")).toHaveLength(50);
  expect(othersOf(posted)).toEqual([]);
});
