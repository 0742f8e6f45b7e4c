/** What a handler throws is reported with the peer and the channel that it was about, by the application's and the systems'. */
import { expect, it, vi } from "vitest";
import type { FaultOrigin } from "#src/connection-contract.js";
import { closing, peerOf, until } from "../support/arena.ts";
import { Line } from "../support/line.ts";
import { narrowClient, narrowServer } from "../support/narrow.ts";
import { shopClient, shopServer } from "../support/shop.ts";
import { specUrl } from "../support/specs.ts";

type Server = typeof import("../tmp/specs/deliveries/generated/server.ts");
type Client = typeof import("../tmp/specs/deliveries/generated/client.ts");
const { listen } = (await import(specUrl("deliveries", "generated/server.js").href)) as Server;
const { connect } = (await import(specUrl("deliveries", "generated/client.js").href)) as Client;

const throwing = (spec: string): URL =>
  new URL(`../support/throwing-systems.mjs?${spec}`, import.meta.url);

function fails(): never {
  throw new Error("planted");
}

/** Faults as one line each: the place, the peer, the channel. */
function faultsOf(): { lines: string[]; onFault: Listener } {
  const lines: string[] = [];
  return {
    lines,
    onFault: (_error, where, { peer, channel }) => void lines.push(`${where} ${peer} ${channel}`),
  };
}
type Listener = (error: unknown, where: string, origin: FaultOrigin) => void;

it("of joins, messages, absences and leaves, each with the peer that it was", async () => {
  const line = new Line();
  const { lines, onFault } = faultsOf();
  const server = await narrowServer({
    systems: throwing("narrow"),
    resumeMs: 60_000,
    onFault,
    state: fails,
  });
  for (const event of ["join", "away", "back", "leave"] as const) server.on(event as "join", fails);
  server.receive.line(fails);
  server.receive.line(async () => fails());
  // Not the first, whose id might be anybody's default.
  const other = await narrowClient(server);
  const reconnect = { delayMs: 20, maxDelayMs: 100 };
  const { wrapSocket } = line;
  const client = await narrowClient(server, { reconnect, wrapSocket });
  const { id } = client;
  await until(() => server.peers.size === 2);
  client.send.order({ what: "echo" });
  client.send.line({ n: 1, text: "" });
  await until(() => lines.includes(`receive.line ${id} line`));
  const peer = server.peers.get(id)!;
  line.isUp = false;
  await until(() => peer.isAway && client.isAway);
  line.isUp = true;
  await until(() => !client.isAway);
  await client.close();
  await until(() => server.peers.size === 1);
  const places = ["state", "on join", "on away", "on back", "on leave"];
  const ofSystems = ["state", "join", "away", "back", "leave"].map((part) => `systems.${part}`);
  const expected = [
    ...[...places, ...ofSystems].map((where) => `${where} ${id} undefined`),
    `receive.line ${id} line`,
    `receive.line ${id} line`,
    `systems.receive.order ${id} order`,
  ];
  await until(() => lines.includes(`systems.leave ${id} undefined`));
  expect(lines.filter((one) => one.includes(` ${id} `)).sort()).toEqual(expected.sort());
  const others = [...places.slice(0, 2), ...ofSystems.slice(0, 2)];
  const rest = lines.filter((one) => !one.includes(` ${id} `));
  expect(rest.sort()).toEqual(others.map((where) => `${where} ${other.id} undefined`).sort());
}, 20_000);

it("of notices", async () => {
  const { lines, onFault } = faultsOf();
  const ports = { count: 1 };
  const server = closing(await listen({ ports, systems: throwing("deliveries"), onFault }));
  server.notices.chat(fails);
  const ofClient = faultsOf();
  const client = closing(
    await connect({ port: server.ports[0]!, onFault: ofClient.onFault, handlers: { chat: fails } }),
  );
  client.receive.event(() => {});
  client.notices.spark(fails);
  const { id, send } = await peerOf(server, client);
  send.chat({ n: 3, text: "" }, 3);
  client.send.cue({ n: 5 });
  client.send.spark({ n: 1 }, 1);
  const expected = [`notices.chat ${id} chat`, `systems.notices.event ${id} event`];
  await until(() => expected.every((one) => lines.includes(one)));
  const ofHandlers = ["receive.chat undefined chat", "notices.spark undefined spark"];
  await until(() => ofClient.lines.length === 2);
  expect(ofClient.lines.sort()).toEqual(ofHandlers.sort());
});

it("of what answers requests", async () => {
  const { lines, onFault } = faultsOf();
  const server = await shopServer({
    systems: throwing("shop"),
    onFault,
    responders: { buy: fails },
  });
  const ofClient = faultsOf();
  const client = await shopClient(server, {
    onFault: ofClient.onFault,
    responders: { prompt: fails },
  });
  const { id, request } = await peerOf(server, client);
  await expect(client.request.buy({ item: "rope", count: 1 })).rejects.toThrow("buy");
  await expect(client.request.swap({ item: "rope", price: 1 })).rejects.toThrow("swap");
  await expect(request.prompt({ text: "?" })).rejects.toThrow("prompt");
  const expected = [`respond.buy ${id} buy`, `systems.respond.swap ${id} swap`];
  await until(() => expected.every((one) => lines.includes(one)));
  expect(ofClient.lines).toEqual(["respond.prompt undefined prompt"]);
});

it("is printed with both where nobody listens", async () => {
  const print = vi.spyOn(console, "error").mockImplementation(() => {});
  try {
    const server = await narrowServer({ systems: throwing("narrow") });
    server.receive.line(fails);
    const client = await narrowClient(server);
    client.send.order({ what: "echo" });
    client.send.line({ n: 1, text: "" });
    const { id } = client;
    const said = (): unknown[] => print.mock.calls.map(([text]) => text);
    const expected = [
      `stardust: systems.state of peer ${id}:`,
      `stardust: systems.join of peer ${id}:`,
      `stardust: systems.receive.order of peer ${id}:`,
      `stardust: receive.line of peer ${id}:`,
    ];
    await until(() => said().length === expected.length);
    expect(said().sort()).toEqual(expected.sort());
    await client.close();
    await server.close();
  } finally {
    print.mockRestore();
  }
});
