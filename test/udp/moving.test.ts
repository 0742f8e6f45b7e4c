/**
 * Peers that are moved to another port while they talk, over sockets and workers: the client goes along, nothing reliable is lost
 * or comes twice, and a move that fails changes nothing.
 */
import { createSocket } from "node:dgram";
import type { DatagramSocket } from "stardust-udp";
import { expect, it, vi } from "vitest";
import { closing, until } from "../support/arena.ts";
import { Line } from "../support/line.ts";
import { listeningBy } from "../support/listening.ts";
import { matchClient, matchServer, matchSystems, toldTo } from "../support/match.ts";
import { narrowClient, narrowServer, type Server, spentCredit } from "../support/narrow.ts";
import { shopClient, shopServer, shopSystems } from "../support/shop.ts";

it("a peer goes from port to port while both sides talk, at a tenth of loss each way", async () => {
  const line = new Line();
  const server = await narrowServer({ ports: { count: 3 } });
  const client = await narrowClient(server, { wrapSocket: line.wrapSocket });
  await until(() => server.peers.has(client.id));
  line.loss = 0.1;
  const peer = server.peers.get(client.id)!;
  const { id, port: first } = peer;
  const [heardByServer, heardByClient]: [number[], number[]] = [[], []];
  server.receive.line((from, { n }) => {
    expect(from).toBe(peer);
    heardByServer.push(n);
  });
  client.receive.line(({ n }) => void heardByClient.push(n));
  const moved: string[] = [];
  server.on("moved", (who, from) => moved.push(`server ${from} to ${who.port}`));
  client.on("moved", (from) => moved.push(`client ${from} to ${client.port}`));
  let talking = true;
  const talk = async (side: {
    send: { line(m: { n: number; text: string }): boolean };
    drained(): Promise<void>;
  }): Promise<number> => {
    const text = "x".repeat(300);
    for (let n = 0; ; n++) {
      while (!side.send.line({ n, text })) await side.drained();
      if (n % 5 === 4) await new Promise((resolve) => setTimeout(resolve, 1));
      if (!talking) return n + 1;
    }
  };
  const broadcast: number[] = [];
  const heardLoose: number[] = [];
  client.receive.loose(({ n }) => void heardLoose.push(n));
  const shout = async (): Promise<void> => {
    for (let n = 0; talking; n++) {
      const { skipped } = server.broadcast.loose({ n, data: new Uint8Array(1000) });
      if (skipped.length === 0) broadcast.push(n);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  const said = Promise.all([talk(client), talk(peer), shout()]);
  const path = [1, 2, 0, 1].map((index) => server.ports[index]!);
  if (path[0] === first) path.reverse();
  for (const port of path) {
    await peer.moveTo(port);
    expect(peer.port).toBe(port);
    await until(() => client.port === port);
  }
  talking = false;
  const [byClient, byServer] = await said;
  await until(() => heardByServer.length >= byClient && heardByClient.length >= byServer);
  expect(heardByServer).toEqual([...Array(byClient).keys()]);
  expect(heardByClient).toEqual([...Array(byServer).keys()]);
  await until(() => heardLoose.length >= broadcast.length);
  expect(heardLoose.toSorted((a, b) => a - b)).toEqual(broadcast);
  expect(moved.filter((one) => one.startsWith("server"))).toHaveLength(path.length);
  expect(moved.filter((one) => one.startsWith("client"))).toHaveLength(path.length);
  expect([client.id, server.peers.get(id)]).toEqual([id, peer]);
  await until(async () => (await spentCredit(server)) === 0);
  const { ports } = await server.stats();
  expect(ports.reduce((sum, { counters }) => sum + counters["peersAdopted"]!, 0)).toBe(path.length);
  const received = ports.map(({ counters }) => counters["session.messagesReceived"]!);
  expect(received.reduce((sum, count) => sum + count, 0)).toBe(byClient);
  // Each port has counted what came there.
  expect(Math.min(...received)).toBeGreaterThanOrEqual(0);
  expect(ports.map(({ peers }) => peers).toSorted()).toEqual([0, 0, 1]);
});

it("a client that takes another socket on its way is looked for there by the port that has it then", async () => {
  let sockets = 0;
  let [holds, release] = [false, () => {}];
  const server = await narrowServer({ ports: { count: 2 } });
  const client = await narrowClient(server, {
    wrapSocket: (socket) => {
      sockets++;
      return listeningBy(socket, (bytes, pass) => {
        if (holds && Buffer.from(bytes).includes('"msg":"ack"')) release = pass;
        else pass();
      });
    },
  });
  await until(() => server.peers.has(client.id));
  const peer = server.peers.get(client.id)!;
  const nothing = release;
  holds = true;
  await peer.moveTo(server.ports.find((port) => port !== peer.port)!);
  await until(() => release !== nothing);
  const found = client.rebind();
  await until(() => sockets === 2);
  holds = false;
  release();
  await found;
  expect(client.port).toBe(peer.port);
  const { ports } = await server.stats();
  expect(ports.reduce((sum, { counters }) => sum + (counters["peersMoved"] ?? 0), 0)).toBe(1);
  const heard: number[] = [];
  client.receive.line(({ n }) => void heard.push(n));
  peer.send.line({ n: 1, text: "to where it is" });
  await until(() => heard.length === 1);
});

it("its state goes along in the systems, sealed, and so does all that the application has of it", async () => {
  const onFault = vi.fn();
  const server = await matchServer<{ rank: number }>({
    systems: matchSystems,
    authenticate: () => ({ accept: true, body: { team: 1 }, state: { rank: 3 } }),
    onFault,
  });
  const client = await matchClient(server, "ada");
  const told = toldTo(client);
  await until(() => server.peers.has(client.id));
  const peer = server.peers.get(client.id)!;
  const group = server.group("red").add(peer);
  client.send.ask({ what: "join" });
  await until(() => told.length === 1);
  const from = peer.port;
  const to = server.ports.find((port) => port !== from)!;
  await peer.moveTo(to);
  client.send.ask({ what: "me" });
  group.send.tell({ text: "to the group" });
  await until(() => told.length === 5);
  expect(told.slice(1, 3)).toEqual([`leaves ${from}`, `from ${from}, asked 1`]);
  const me = told.find((text) => text.startsWith("{"))!;
  expect(JSON.parse(me)).toMatchObject({
    join: { name: "ada", match: "red" },
    accept: { team: 1 },
    state: { start: { rank: 3 }, asked: 2 },
  });
  expect(told).toContain("to the group");
  expect([peer.state, [...peer.groups]]).toEqual([{ rank: 3 }, ["red"]]);
  // Their groups are those of their port.
  client.send.ask({ what: "groups" });
  await until(() => told.length === 6);
  expect(told[5]).toBe(": 0");
  expect(onFault).not.toHaveBeenCalled();
  // Back, with a state that no thread can be given.
  client.send.ask({ what: "spoil" });
  await peer.moveTo(from);
  client.send.ask({ what: "me" });
  await until(() => told.length === 9);
  expect(JSON.parse(told[8]!).state).toEqual({ asked: 1 });
  expect(onFault.mock.calls.map(([, where]) => where)).toEqual(["systems.state"]);
});

it("systems ask for a move by a message to the application, and are told what became of it", async () => {
  const server = await matchServer({
    systems: matchSystems,
    // All to the port at which the match is not yet.
    systemHandlers: {
      score: (from, { match }) => {
        const to = server.ports.find((port) => port !== from)!;
        for (const peer of server.peers.values()) {
          if (peer.join.match === match && peer.port === from) void peer.moveTo(to);
        }
      },
    },
  });
  const client = await matchClient(server, "ada");
  const told = toldTo(client);
  const { port } = client;
  client.send.ask({ what: "score" });
  await until(() => told.length === 2);
  expect(told).toEqual([`leaves ${port}`, `from ${port}, asked 1`]);
  await until(() => client.port !== port);
  expect(server.peers.get(client.id)!.port).toBe(client.port);
});

it("requests of the application go along, those of the systems end", async () => {
  const server = await shopServer({
    ports: { count: 2 },
    systems: shopSystems,
    responders: {
      buy: async (peer, { item }) => {
        await peer.moveTo(server.ports.find((port) => port !== peer.port)!);
        return { left: item.length, token: new Uint8Array(0) };
      },
    },
  });
  let answer = (): void => {};
  const client = await shopClient(server, {
    responders: { prompt: () => new Promise((resolve) => (answer = () => resolve({}))) },
  });
  await until(() => server.peers.has(client.id));
  const peer = server.peers.get(client.id)!;
  const said: string[] = [];
  client.receive.say(({ text }) => void said.push(text));
  const prompted = peer.request.prompt({ text: "who?" });
  const swapped = client.request.swap({ item: "never", price: 1 });
  const ended = expect(swapped).rejects.toMatchObject({ code: "STARDUST_REQUEST_INTERNAL" });
  expect((await client.request.buy({ item: "lamp", count: 1 })).left).toBe(4);
  await ended;
  answer();
  expect(await prompted).toEqual({});
  // Whoever answers at the new port is asked, and asks, as before.
  expect(await client.request.swap({ item: "hat", price: 1 })).toMatchObject({ price: 2 });
});

/** A socket that hears nothing of some ports, as behind a firewall. */
function deafTo(ports: Set<number>): (socket: DatagramSocket) => DatagramSocket {
  return (socket) => ({
    ...socket,
    send: (bytes, port, address) => socket.send(bytes, port, address),
    close: () => socket.close(),
    listen: (listener) =>
      socket.listen((bytes, address, port) => {
        if (!ports.has(port)) listener(bytes, address, port);
      }),
  });
}

/** Both sides hear each other. */
async function expectTalk(
  server: Server,
  client: Awaited<ReturnType<typeof narrowClient>>,
): Promise<void> {
  const heard: string[] = [];
  const stop = [
    server.receive.line((_peer, { n }) => void heard.push(`client ${n}`)),
    client.receive.line(({ n }) => void heard.push(`server ${n}`)),
  ];
  client.send.line({ n: 1, text: "" });
  server.peers.get(client.id)!.send.line({ n: 2, text: "" });
  await until(() => heard.length === 2);
  for (const end of stop) end();
}

it("stays where it is when the new port is full, unknown, not heard or dies, and can go later", async () => {
  const deaf = new Set<number>();
  const server = await narrowServer({
    ports: { count: 2 },
    maxPeersPerPort: 2,
    wrapSocket: new URL("../support/dying-socket.mjs", import.meta.url),
    onFault: () => {},
  });
  const client = await narrowClient(server, { wrapSocket: deafTo(deaf) });
  await until(() => server.peers.has(client.id));
  const peer = server.peers.get(client.id)!;
  const { port } = peer;
  const other = server.ports.find((one) => one !== port)!;
  await expect(peer.moveTo(1)).rejects.toMatchObject({
    code: "STARDUST_INVALID_OPTION",
    message: expect.stringContaining(`port 1: there are ${port}`),
  });
  await peer.moveTo(port);
  const guests = [];
  while (server.peers.size < 4) {
    guests.push(await narrowClient(server));
    await until(() => server.peers.size === guests.length + 1);
  }
  await expect(peer.moveTo(other)).rejects.toMatchObject({
    code: "STARDUST_MOVE_FAILED",
    message: `port ${other} is full`,
  });
  await Promise.all(guests.map((guest) => guest.close()));
  await until(() => server.peers.size === 1);
  deaf.add(other);
  const unheard = peer.moveTo(other);
  await expect(peer.moveTo(other)).rejects.toThrow("on its way to another port already");
  await expect(unheard).rejects.toMatchObject({
    code: "STARDUST_MOVE_FAILED",
    message: `peer ${peer.id} stays at port ${port}: its client was not heard at port ${other}`,
  });
  await expectTalk(server, client);
  const dying = peer.moveTo(other);
  const socket = createSocket("udp4");
  closing({ [Symbol.asyncDispose]: async () => void socket.close() });
  socket.send("die", other, "127.0.0.1");
  await expect(dying).rejects.toThrow(/stays at port/);
  await expectTalk(server, client);
  deaf.clear();
  await until(() =>
    peer.moveTo(other).then(
      () => true,
      () => false,
    ),
  );
  expect([peer.port, client.id]).toEqual([other, peer.id]);
  await expectTalk(server, client);
});

it("is closed while it is on its way, wherever it is by then, and leaves nothing behind", async () => {
  const server = await narrowServer({ ports: { count: 2 } });
  const [first, second] = server.ports as [number, number];
  for (let i = 0; i < 6; i++) {
    const client = await narrowClient(server);
    await until(() => server.peers.has(client.id));
    const peer = server.peers.get(client.id)!;
    const moving = peer.moveTo(peer.port === first ? second : first).catch(({ code }) => code);
    // From before the client is told to after it is there.
    for (let turn = 0; turn < 2 * i; turn++) await new Promise((resolve) => setImmediate(resolve));
    if (i % 2 === 0) peer.close({ code: "kicked" });
    else void client.close({ code: "kicked" });
    expect(await client.closed).toMatchObject({ code: "kicked" });
    expect(["STARDUST_CLOSED", "STARDUST_MOVE_FAILED", undefined]).toContain(await moving);
    await until(() => server.peers.size === 0);
  }
  await until(async () => (await server.stats()).ports.every(({ peers }) => peers === 0));
  expect(await spentCredit(server)).toBe(0);
});
