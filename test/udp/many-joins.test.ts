/**
 * Everybody who joins at once over a bad network gets in: 500 of them, over the three ports of one server. All run in one
 * process here, clients and workers on the same processors; `JOINS` makes more or fewer of them.
 */
import { lossySocket } from "stardust-udp/testing";
import { expect, it } from "vitest";
import { arenaClient, arenaServer, peersByPort, until } from "../support/arena.ts";

const joins = Number(process.env["JOINS"] ?? 500);

it("lets everybody in who joins at once with a fifth lost each way, once each, spread exactly", {
  timeout: 60_000,
}, async () => {
  const server = await arenaServer();
  const announced: number[] = [];
  server.on("join", ({ id }) => announced.push(id));
  // One that runs into its deadline rejects.
  const clients = await Promise.all(
    Array.from({ length: joins }, (_, i) =>
      arenaClient(server, {
        port: server.ports[i % 3]!,
        join: { name: `bot${i}` },
        wrapSocket: (socket) => lossySocket(socket, { loss: 0.2, seed: i + 1 }),
      }),
    ),
  );
  await until(() => announced.length >= joins);
  expect(await peersByPort(server)).toEqual([0, 1, 2].map((i) => Math.ceil((joins - i) / 3)));
  const ids = clients.map(({ id }) => id);
  expect(announced.toSorted()).toEqual(ids.toSorted());
  expect(new Set(ids).size).toBe(joins);
  expect(await server.stats()).toMatchObject({ joined: joins, left: 0 });
  // All at once: each waits for its last acknowledgements.
  await Promise.all(clients.map((client) => client.close({ lingerMs: 0 })));
});
