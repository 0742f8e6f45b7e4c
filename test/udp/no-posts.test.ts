/** No message of a peer travels by `postMessage`: what the threads post to each other is counted while thousands go both ways. */
import { Worker } from "node:worker_threads";
import { afterEach, expect, it, vi } from "vitest";
import { until } from "../support/arena.ts";
import { narrowClient, narrowServer } from "../support/narrow.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

it("messages of peers, broadcasts and closes are posted by neither thread", async () => {
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
  // Signs of life are all that was posted.
  const others = Object.keys(posted).filter(
    (type) => !/^(application: ping|worker: pong)$/.test(type),
  );
  expect(others).toEqual([]);
});
