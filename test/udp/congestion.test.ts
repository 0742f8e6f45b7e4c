/** Which congestion controller a server and a client use is chosen where they are made, by a name or as a user's own. */
import { BroadcastChannel } from "node:worker_threads";
import type { CongestionChoice, CongestionController, CongestionSetup } from "stardust-udp";
import { expect, it } from "vitest";
import { closing, until } from "../support/arena.ts";
import {
  type Client,
  narrowClient,
  narrowServer,
  protocol,
  type Server,
} from "../support/narrow.ts";

const ownUrl = new URL("../support/own-congestion.mjs", import.meta.url);

/** Fifty lines there and back. */
async function talk(server: Server, client: Client): Promise<void> {
  let back = 0;
  server.receive.line((peer, message) => void peer.send.line(message));
  client.receive.line(() => void back++);
  for (let n = 0; n < 50; n++) {
    while (!client.send.line({ n, text: "x".repeat(500) })) await client.drained();
  }
  await until(() => back === 50);
}

const choices: CongestionChoice[] = [
  "stardust",
  "newreno",
  "fixed",
  { fixed: { windowBytes: 5000, pacingBytesPerMs: 1000 } },
];
it.each(choices)("%o carries what is sent, at both ends", async (congestion) => {
  const server = await narrowServer({ congestion });
  await talk(server, await narrowClient(server, { congestion }));
});

it("a user's own is made once for each connection: at the client from a function, in workers from a module", async () => {
  const channel = new BroadcastChannel("own-congestion");
  const told: unknown[] = [];
  channel.onmessage = (event) => void told.push((event as { data: unknown }).data);
  closing({ [Symbol.asyncDispose]: async () => channel.close() });
  const { default: factory } = (await import(ownUrl.href)) as {
    default: (setup: CongestionSetup) => CongestionController;
  };
  const made: CongestionSetup[] = [];
  const own = (setup: CongestionSetup): CongestionController => {
    made.push(setup);
    return factory(setup);
  };
  const server = await narrowServer({ congestion: { module: ownUrl } });
  const client = await narrowClient(server, { congestion: own });
  await talk(server, client);
  const { maxDatagramBytes } = protocol.limits;
  expect(made).toEqual([{ maxDatagramBytes, nowMs: expect.any(Number) }]);
  // The worker's; and this thread's own, from the import above.
  await until(() => told.length >= 2);
  expect(told).toEqual([maxDatagramBytes, maxDatagramBytes]);
});

it.each([
  "reno",
  "toString",
  {},
  { fixed: { windowBytes: 0 } },
  { fixed: { window: 5000 } },
  { fixed: {}, module: "x" },
  { module: "./own.js" },
])("what is none is refused by its name: %o", async (congestion) => {
  const options = { congestion: congestion as never };
  const refused = {
    code: "STARDUST_INVALID_OPTION",
    message: expect.stringContaining('congestion: must be "stardust", "newreno"'),
  };
  await expect(narrowServer(options)).rejects.toMatchObject(refused);
  await expect(narrowClient({ ports: [9] }, options)).rejects.toMatchObject(refused);
});

it("a module that exports no function by default is told by its address", async () => {
  const module = new URL("../../dist/src/limits.js", import.meta.url);
  await expect(narrowServer({ congestion: { module } })).rejects.toMatchObject({
    code: "STARDUST_WORKER_IMPORT",
    message: expect.stringContaining("is not a function that makes a congestion controller"),
  });
});
