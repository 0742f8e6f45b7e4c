import { emptiestPort, fullestPort, type PortLoad } from "stardust-udp/server";
import { expect, it } from "vitest";
import { arenaClient, arenaServer, peersByPort, until } from "../support/arena.ts";

it("spreads clients over the ports in the order of the seed's picture", async () => {
  const server = await arenaServer();
  const [x, y, z] = server.ports;
  const ports: number[] = [];
  for (let i = 0; i < 7; i++) ports.push((await arenaClient(server)).port);
  // A, D and G on the first, B and E on the second, C and F on the third.
  expect(ports).toEqual([x, y, z, x, y, z, x]);
  expect(await peersByPort(server)).toEqual([3, 2, 2]);
});

it("spreads a burst of joins, whichever port they ask, as exactly as a trickle", async () => {
  const server = await arenaServer();
  await Promise.all(
    Array.from({ length: 12 }, (_, i) => arenaClient(server, { port: server.ports[i % 3]! })),
  );
  expect(await peersByPort(server)).toEqual([4, 4, 4]);
});

it("fills the port whose peers have left before the others", async () => {
  const server = await arenaServer();
  const clients = [];
  for (let i = 0; i < 6; i++) clients.push(await arenaClient(server));
  const second = server.ports[1]!;
  for (const client of clients) if (client.port === second) await client.close();
  await until(() => server.peers.size === 4);
  expect((await arenaClient(server)).port).toBe(second);
  expect((await arenaClient(server)).port).toBe(second);
  expect((await arenaClient(server)).port).toBe(server.ports[0]);
});

it("tells a client that all ports are full", async () => {
  const server = await arenaServer({ ports: { count: 1 }, maxPeersPerPort: 1 });
  await arenaClient(server);
  await expect(arenaClient(server)).rejects.toMatchObject({
    code: "STARDUST_CONNECT_REJECTED",
    reason: "full",
  });
});

it("gives each port a thread of its own that is not the main one", async () => {
  const server = await arenaServer();
  const { ports } = await server.stats();
  const threads = new Set(ports.map(({ threadId }) => threadId));
  expect(threads.size).toBe(3);
  expect(threads.has(0)).toBe(false);
});

const accept = { accept: true, body: { motd: "hi" } } as const;

it("puts a client where the application says, and asks the default rule where it says nothing", async () => {
  const matches = new Map<string, number>();
  const server = await arenaServer({
    place: ({ join, ports }) => {
      const match = /^(.*)-\d$/.exec(join.name)?.[1];
      if (match === undefined) return undefined;
      const port = matches.get(match) ?? emptiestPort(ports);
      if (port !== undefined) matches.set(match, port);
      return port;
    },
  });
  const names = ["red-1", "blue-1", "red-2", "ada", "blue-2", "red-3", "bob"];
  const at = new Map<string, number>();
  for (const name of names) {
    at.set(name, server.ports.indexOf((await arenaClient(server, { join: { name } })).port));
  }
  expect(Object.fromEntries(at)).toEqual({
    "red-1": 0,
    "blue-1": 1,
    "red-2": 0,
    ada: 2,
    "blue-2": 1,
    "red-3": 0,
    bob: 2,
  });
  expect(await peersByPort(server)).toEqual([3, 2, 2]);
});

it("asks with what the join, authenticate and the ports say", async () => {
  const asked: unknown[] = [];
  const server = await arenaServer<{ level: number }>({
    ports: { count: 2 },
    maxPeersPerPort: 4,
    authenticate: ({ name }) => ({
      accept: true,
      body: { motd: `hello ${name}` },
      state: { level: name.length },
    }),
    place: ({ join, accept: body, state, stay, origin, ports }) => {
      asked.push({ name: join.name, motd: body.motd, level: state?.level, stay });
      asked.push({ address: origin.address, host: origin.host });
      asked.push(ports.map(({ port, peers, promised, room }) => [port, peers, promised, room]));
      expect(ports.every(({ load }) => load >= 0 && load <= 1)).toBe(true);
      return ports[1]!.port;
    },
  });
  const [x, y] = server.ports;
  const first = await arenaClient(server, { join: { name: "ada" } });
  await until(() => server.peers.has(first.id));
  expect(server.peers.get(first.id)!.state).toEqual({ level: 3 });
  await arenaClient(server, { join: { name: "bob" } });
  const origin = { address: "127.0.0.1", host: "127.0.0.1" };
  expect(asked).toEqual([
    { name: "ada", motd: "hello ada", level: 3, stay: undefined },
    origin,
    [
      [x, 0, 0, 4],
      [y, 0, 0, 4],
    ],
    { name: "bob", motd: "hello bob", level: 3, stay: undefined },
    origin,
    [
      [x, 0, 0, 4],
      [y, 1, 0, 3],
    ],
  ]);
});

it("counts a place that is promised until its client is there", async () => {
  let seen: readonly PortLoad[] = [];
  const server = await arenaServer({
    ports: { count: 1 },
    place: ({ ports }) => {
      seen = ports;
      return undefined;
    },
  });
  await Promise.all([arenaClient(server), arenaClient(server), arenaClient(server)]);
  const { peers, promised } = seen[0]!;
  expect(peers + promised).toBe(2);
});

it("makes the state of a peer of what authenticate has answered", async () => {
  const server = await arenaServer<string>({
    authenticate: ({ name }) => ({ ...accept, state: `account of ${name}` }),
    state: (peer, start): string => `${start}, on port ${server.ports.indexOf(peer.port)}`,
  });
  const client = await arenaClient(server);
  await until(() => server.peers.has(client.id));
  expect(server.peers.get(client.id)!.state).toBe("account of ada, on port 0");
});

it("rejects with full where the application names a port without room", async () => {
  const server = await arenaServer({
    ports: { count: 2 },
    maxPeersPerPort: 1,
    place: ({ ports }) => ports[0]!.port,
  });
  await arenaClient(server);
  await expect(arenaClient(server)).rejects.toMatchObject({ reason: "full" });
});

it.each([
  [
    "throws",
    () => {
      throw new Error("no such match");
    },
    /no such match/,
  ],
  [
    "names a port that is none of the server's",
    () => 1,
    /one of the ports [\d, ]+, or undefined; not 1$/,
  ],
  ["answers with a promise", (() => Promise.resolve(1)) as never, /must answer at once/],
])("rejects and says so where place %s", async (_, place: () => number, problem) => {
  const faults: string[] = [];
  const onFault = (error: unknown, where: string): void => {
    faults.push(`${where}: ${(error as Error).message}`);
  };
  const server = await arenaServer({ place, onFault });
  await expect(arenaClient(server)).rejects.toMatchObject({ reason: "internal" });
  expect(faults).toEqual([expect.stringMatching(problem)]);
  expect(faults[0]).toMatch(/^place: /);
});

it("refuses a place that is no function", async () => {
  await expect(arenaServer({ place: 12341 as never })).rejects.toMatchObject({
    code: "STARDUST_INVALID_OPTION",
  });
});

it("fills one port after the other where place says so, and a port that has room again before a new one", async () => {
  const server = await arenaServer({
    // However busy the machine is.
    place: ({ ports }) => fullestPort(ports, { peers: 3, load: Number.POSITIVE_INFINITY }),
  });
  // A burst: what is promised counts.
  const clients = await Promise.all(Array.from({ length: 7 }, () => arenaClient(server)));
  expect(await peersByPort(server)).toEqual([3, 3, 1]);
  const [first] = server.ports;
  await clients.find(({ port }) => port === first)!.close();
  await until(() => server.peers.size === 6);
  expect((await arenaClient(server)).port).toBe(first);
  // All are as full as they should be: the default rule takes over, and tears nobody away.
  for (let i = 0; i < 4; i++) await arenaClient(server);
  expect(await peersByPort(server)).toEqual([4, 4, 3]);
});
