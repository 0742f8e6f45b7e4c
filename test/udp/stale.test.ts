/** Unreliable messages for an application's thread that is busy, with threads and sockets: dropped by age, and no others. */
import { expect, it } from "vitest";
import { closing, until } from "../support/arena.ts";
import { specUrl } from "../support/specs.ts";

type ServerModule = typeof import("../tmp/specs/modes-layout/generated/server.ts");
type ClientModule = typeof import("../tmp/specs/modes-layout/generated/client.ts");
const load = (file: string): Promise<unknown> =>
  import(specUrl("modes-layout", `generated/${file}.js`).href);
const { listen } = (await load("server")) as ServerModule;
const { connect } = (await load("client")) as ClientModule;

it("on a channel with maxAgeMs what is too old is dropped and counted, its credit comes back, and all else is handled", async () => {
  const server = closing(await listen({ ports: { count: 1 } }));
  const client = closing(await connect({ port: server.ports[0]! }));
  const counters = async () => (await server.stats()).ports[0]!.counters;
  expect((await counters())["messagesStale"]).toBe(0);
  let [aged, ageless] = [0, 0];
  server.receive.unreliable(() => {
    aged++;
  });
  server.receive.unreliableFixed(() => {
    ageless++;
  });
  let sent = 0;
  const send = (): void => {
    expect(client.send.unreliable({ data: new Uint8Array(10) })).toBe(true);
    expect(client.send.unreliableFixed({ a: 1n, b: 2n })).toBe(true);
    sent++;
    client.flush();
  };
  // As often as it takes until the worker was quick enough to have one waiting.
  await until(async () => {
    send();
    const end = performance.now() + 200;
    while (performance.now() < end);
    return (await counters())["messagesStale"]! > 0;
  });
  await until(() => ageless === sent);
  await until(async () => {
    const { messagesStale, receiveCreditSpent } = await counters();
    expect(aged + messagesStale!).toBeLessThanOrEqual(sent);
    return receiveCreditSpent === 0;
  });
  const before = aged;
  await until(() => {
    send();
    return aged > before;
  });
});
