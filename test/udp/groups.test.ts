/** Groups over real ports, and inside one worker. */
import { expect, it } from "vitest";
import { peerOf, until } from "../support/arena.ts";
import { type Client, matchClient, matchServer, matchSystems, toldTo } from "../support/match.ts";

/** Clients of these names, in this order, and what each is told. */
async function players<S extends { readonly ports: readonly number[] }>(
  server: S,
  names: readonly string[],
): Promise<{ readonly clients: Client[]; readonly told: string[][] }> {
  const clients: Client[] = [];
  for (const name of names) clients.push(await matchClient(server, name));
  return { clients, told: clients.map(toldTo) };
}

it("sends to its members on every port and to nobody else, once each", async () => {
  const server = await matchServer();
  const { clients, told } = await players(server, ["a", "b", "c", "d"]);
  const [a, b, c, d] = await Promise.all(clients.map((client) => peerOf(server, client)));
  const red = server.group("red").add(a!).add(b!).add(c!);
  server.group("blue").add(c!).add(d!);
  expect(red.send.tell({ text: "red" })).toEqual({ sent: 3, skipped: [] });
  expect(server.group("blue").send.tell({ text: "blue" }, { except: d! }).sent).toBe(1);
  expect(red.send.tell({ text: "but a and c" }, { except: [a!, c!] }).sent).toBe(1);
  expect(server.broadcast.tell({ text: "b and d" }, { except: [a!, c!] }).sent).toBe(2);
  expect(server.group("nobody").send.tell({ text: "lost" })).toEqual({ sent: 0, skipped: [] });
  expect(server.broadcast.tell({ text: "end" }).sent).toBe(4);
  await until(() => told.every((lines) => lines.at(-1) === "end"));
  expect(told.map((lines) => lines.slice(0, -1))).toEqual([
    ["red"],
    ["red", "but a and c", "b and d"],
    ["red", "blue"],
    ["b and d"],
  ]);
  expect([a, c, d].map((peer) => [...peer!.groups])).toEqual([["red"], ["red", "blue"], ["blue"]]);
});

it("is left by who goes, and who has gone cannot be added", async () => {
  const server = await matchServer();
  const { clients } = await players(server, ["a", "b"]);
  const [a, b] = await Promise.all(clients.map((client) => peerOf(server, client)));
  const red = server.group("red").add(a!).add(b!);
  const seen: string[][] = [];
  server.on("leave", (peer) => seen.push([...peer.groups]));
  await clients[0]!.close();
  await until(() => seen.length === 1);
  expect(seen).toEqual([["red"]]);
  await until(() => red.size === 1);
  expect([...red]).toEqual([b]);
  expect([...a!.groups]).toEqual([]);
  expect(() => red.add(a!)).toThrow(expect.objectContaining({ code: "STARDUST_CLOSED" }));
  // One that is being closed is still in it, and is sent nothing.
  b!.close();
  expect(red.send.tell({ text: "late" })).toEqual({ sent: 0, skipped: [] });
});

it("refuses a message that is wrong before anybody has it", async () => {
  const server = await matchServer();
  const { clients } = await players(server, ["a"]);
  const red = server.group("red").add(await peerOf(server, clients[0]!));
  expect(() => red.send.tell({ text: 5 } as never)).toThrow(
    expect.objectContaining({ code: "STARDUST_INVALID_MESSAGE" }),
  );
});

it("in systems are those of their port", async () => {
  const server = await matchServer({ systems: matchSystems });
  const { clients, told } = await players(server, ["a", "b", "c", "d"]);
  expect(clients.map(({ port }) => server.ports.indexOf(port))).toEqual([0, 1, 0, 1]);
  const [a, b, c] = clients;
  for (const [i, client] of [a!, b!, c!].entries()) {
    client.send.ask({ what: "join" });
    await until(() => told[i]!.length === 1);
  }
  expect(told.map(([line]) => line)).toEqual(["1 in red", "1 in red", "2 in red", undefined]);
  c!.send.ask({ what: "hail" });
  await until(() => told[0]!.length === 2 && told[2]!.length === 2);
  expect(told.map((lines) => lines[1])).toEqual([
    "hail to red",
    undefined,
    "hail to red",
    undefined,
  ]);
  await a!.close();
  await until(() => server.peers.size === 3);
  c!.send.ask({ what: "hail" });
  await until(() => told[2]!.length === 3);
  c!.send.ask({ what: "groups" });
  await until(() => told[2]!.length === 4);
  expect(told[2]!.slice(2)).toEqual(["hail to red", "red: 1"]);
});
