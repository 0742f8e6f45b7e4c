/** Clocks over sockets and workers: client, server and worker are one process here, so the true time is known. */
import { expect, it } from "vitest";
import { arenaClient, arenaServer, closing, until } from "../support/arena.ts";
import { specUrl } from "../support/specs.ts";

type ServerModule = typeof import("../tmp/specs/robot/generated/server.ts");
type ClientModule = typeof import("../tmp/specs/robot/generated/client.ts");
const load = (file: string): Promise<unknown> =>
  import(specUrl("robot", `generated/${file}.js`).href);
const { listen } = (await load("server")) as ServerModule;
const { connect } = (await load("client")) as ClientModule;

it.each([
  ["in workers", { ports: { count: 2 } }],
  ["on the application's thread", { ports: { count: 1 }, workers: false }],
])("client and server know each other's clock as well as they say, %s", async (_where, options) => {
  const server = closing(await listen(options));
  const client = closing(await connect({ port: server.ports.at(-1)! }));
  await until(() => server.peers.has(client.id));
  const peer = server.peers.get(client.id)!;
  expect(client.clock).toBe(client.clock);
  await until(() => {
    client.send.report({ code: 1 });
    peer.send.report({ code: 2 });
    return Math.max(client.clock.errorMs, peer.clock.errorMs) < Number.POSITIVE_INFINITY;
  });
  for (let i = 0; i < 20; i++) {
    const beforeMs = server.time();
    const believedMs = client.serverTime();
    const { errorMs } = client.clock;
    const afterMs = server.time();
    expect(believedMs).toBeGreaterThanOrEqual(beforeMs - errorMs);
    expect(believedMs).toBeLessThanOrEqual(afterMs + errorMs);
    const ownMs = client.time();
    expect(Math.abs(peer.clock.now() - ownMs)).toBeLessThanOrEqual(
      peer.clock.errorMs + client.time() - ownMs,
    );
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(Math.abs(client.clock.offsetMs)).toBeGreaterThan(0);
  await client.close();
  await until(() => server.peers.size === 0);
  expect(peer.clock.errorMs).toBe(Number.POSITIVE_INFINITY);
});

it("says where the header has no clock", async () => {
  const server = await arenaServer({ ports: { count: 1 } });
  const client = await arenaClient(server);
  await until(() => server.peers.size === 1);
  const [peer] = server.peers.values();
  for (const ask of [() => client.serverTime(), () => client.clock, () => peer!.clock]) {
    expect(ask).toThrow(expect.objectContaining({ code: "STARDUST_UNSUPPORTED" }));
  }
  expect(server.time()).toBeGreaterThan(0);
});
