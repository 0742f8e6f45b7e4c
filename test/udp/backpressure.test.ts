/** Refused is not taken, taken is delivered; and what is refused can be tried again when `drained` says so. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { until } from "../support/arena.ts";
import {
  type Client,
  narrowClient,
  narrowServer,
  type Server,
  spentCredit,
} from "../support/narrow.ts";
import { specUrl } from "../support/specs.ts";

async function peerOf(server: Server, client: Client) {
  await until(() => server.peers.has(client.id));
  return server.peers.get(client.id)!;
}

const whole = new Uint8Array(65_400);

describe("a message that takes a whole credit", () => {
  it("is taken once all before it is delivered, each way", async () => {
    const server = await narrowServer();
    const client = await narrowClient(server);
    const peer = await peerOf(server, client);
    const atClient: string[] = [];
    const atServer: string[] = [];
    client.receive.line(({ n }) => atClient.push(`line ${n}`));
    client.receive.big(({ n, data }) => atClient.push(`big ${n} ${data.length}`));
    server.receive.line((_peer, { n }) => atServer.push(`line ${n}`));
    server.receive.big((_peer, { n, data }) => atServer.push(`big ${n} ${data.length}`));
    const forClient: string[] = [];
    const forServer: string[] = [];
    let refused = 0;
    for (let n = 0; n < 20; n++) {
      expect(peer.send.line({ n, text: "small" })).toBe(true);
      // As long as the line's credit is not back; how long that is, the worker decides.
      while (!peer.send.big({ n, data: whole })) {
        refused++;
        await peer.drained();
      }
      while (!client.send.line({ n, text: "small" })) await client.drained();
      while (!client.send.big({ n, data: whole })) await client.drained();
      forClient.push(`line ${n}`, `big ${n} 65400`);
      forServer.push(`line ${n}`, `big ${n} 65400`);
      // Refused, nothing of it is left behind; taken, because all credit is back already, it comes.
      if (peer.send.big({ n: 99, data: whole })) forClient.push("big 99 65400");
      else refused++;
      await until(
        () => atClient.length === forClient.length && atServer.length === forServer.length,
      );
    }
    expect([...atClient].sort()).toEqual([...forClient].sort());
    expect([...atServer].sort()).toEqual([...forServer].sort());
    expect(refused).toBeGreaterThan(0);
    await until(async () => (await spentCredit(server)) === 0);
  });
});

describe("a ring that is full", () => {
  it("holds up, loses nothing and is fair, with more credit than room", {
    timeout: 60_000,
  }, async () => {
    // 24 credits of 64 KiB are more than the ring's 1 MiB, in both directions.
    const server = await narrowServer({ maxPeersPerPort: 24 });
    const clients = await Promise.all(Array.from({ length: 24 }, () => narrowClient(server)));
    await until(() => server.peers.size === 24);
    const got = new Map<number, number[]>(clients.map(({ id }) => [id, []]));
    const text = "x".repeat(880);
    const taken = new Map<number, number[]>(clients.map(({ id }) => [id, []]));
    for (const { id, receive } of clients) receive.line(({ n }) => got.get(id)!.push(n));
    let n = 0;
    let refusedByRing = 0;
    let leftOut = 0;
    for (let round = 0; round < 6; round++) {
      for (const peer of server.peers.values()) {
        const list = taken.get(peer.id)!;
        const before = list.length;
        while (peer.send.line({ n: ++n, text })) list.push(n);
        // A fresh credit would hold 68 of them.
        if (round === 0 && list.length - before < 40) refusedByRing++;
      }
      const { sent, skipped } = server.broadcast.line({ n: ++n, text });
      expect(sent + skipped.length).toBe(24);
      leftOut += skipped.length;
      for (const [id, list] of taken) if (!skipped.includes(id)) list.push(n);
      // All were refused something, by their credit or by the ring: each is told when it can go on.
      await Promise.all([...server.peers.values()].map((peer) => peer.drained()));
    }
    // Which of the two refuses depends on how soon the worker gets its turn; that something does, does not.
    expect(refusedByRing + leftOut).toBeGreaterThan(0);
    await until(() => clients.every(({ id }) => got.get(id)!.length === taken.get(id)!.length));
    expect(got).toEqual(taken);

    await until(async () => (await spentCredit(server)) === 0);
  });

  it("each way, with an application that stands still for two seconds, loses nothing either", {
    timeout: 60_000,
  }, async () => {
    const PEERS = 24;
    const MESSAGES = 150;
    const server = await narrowServer({ maxPeersPerPort: PEERS });
    const got = new Map<number, number[]>();
    server.receive.line((peer, { n }) => {
      if (!got.has(peer.id)) got.set(peer.id, []);
      got.get(peer.id)!.push(n);
    });
    // On a thread of their own: this one is to do nothing at all for a while.
    const senders = new Worker(new URL("../support/narrow-senders.mjs", import.meta.url), {
      workerData: {
        client: specUrl("narrow", "generated/client.js").href,
        port: server.ports[0],
        clients: PEERS,
        messages: MESSAGES,
      },
    });
    await once(senders, "message");
    await until(() => server.peers.size === PEERS);
    senders.postMessage("go");
    // It has filled what leads to the workers, too, when it stops.
    const sent = new Map<number, number[]>([...server.peers.keys()].map((id) => [id, []]));
    const text = "x".repeat(880);
    let n = 0;
    const sendAll = (): void => {
      for (const { id, send } of server.peers.values()) {
        while (send.line({ n, text })) sent.get(id)!.push(n++);
      }
    };
    sendAll();
    expect(n).toBeGreaterThan(500);
    const end = performance.now() + 2000;
    while (performance.now() < end);
    await until(
      () => [...got.values()].filter(({ length }) => length === MESSAGES).length === PEERS,
    );
    for (const list of got.values()) {
      expect(list).toEqual(Array.from({ length: MESSAGES }, (_, n) => n));
    }
    // And it goes on both ways.
    await Promise.all([...server.peers.values()].map((peer) => peer.drained()));
    sendAll();
    await until(async () => (await spentCredit(server)) === 0);
    await until(async () => {
      senders.postMessage("tell");
      const [came] = (await once(senders, "message")) as [Map<number, number[]>];
      return [...sent].every(([id, list]) => came.get(id)!.length === list.length);
    });
    senders.postMessage("tell");
    expect((await once(senders, "message"))[0]).toEqual(sent);
    senders.postMessage("close");
    await once(senders, "exit");
    await until(() => server.peers.size === 0);
  });
});

describe("a session that has no room for unreliable messages", () => {
  const data = new Uint8Array(1000);

  it("sheds none that send has taken, and send says false until there is room", async () => {
    const server = await narrowServer();
    const client = await narrowClient(server);
    const peer = await peerOf(server, client);
    const got: number[] = [];
    client.receive.shot(({ n }) => got.push(n));
    let refused = 0;
    let skipped = 0;
    for (let n = 0; n < 400; n++) {
      while (
        n % 2 === 0 ? !peer.send.shot({ n, data }) : server.broadcast.shot({ n, data }).sent === 0
      ) {
        if (n % 2 === 0) refused++;
        else skipped++;
        await peer.drained();
      }
    }
    await until(() => got.length === 400);
    expect(got).toEqual(Array.from({ length: 400 }, (_, n) => n));
    expect(refused + skipped).toBeGreaterThan(0);
    await until(async () => (await spentCredit(server)) === 0);
    expect((await server.stats()).ports[0]!.counters["messagesShed"] ?? 0).toBe(0);
  });

  it("holds up neither other channels nor what is newer, while nothing gets through", async () => {
    const server = await narrowServer();
    let isCut = false;
    const client = await narrowClient(server, {
      wrapSocket: (socket) => ({
        port: socket.port,
        address: socket.address,
        send: (bytes, port, address) => socket.send(bytes, port, address),
        listen: (listener) =>
          socket.listen((...datagram) => {
            if (!isCut) listener(...datagram);
          }),
        close: () => socket.close(),
      }),
    });
    const peer = await peerOf(server, client);
    const aims: number[] = [];
    const lines: number[] = [];
    const shots: number[] = [];
    client.receive.aim(({ n }) => aims.push(n));
    client.receive.line(({ n }) => lines.push(n));
    client.receive.shot(({ n }) => shots.push(n));
    isCut = true;
    let aimed = 0;
    let shot = 0;
    const aim = (): boolean => peer.send.aim({ n: aimed, data }) && ++aimed > 0;
    const shoot = (): boolean => peer.send.shot({ n: shot, data }) && ++shot > 0;
    // As a game that sends state at every tick, and does not look at what send says.
    await until(async () => {
      let isRefused = false;
      for (let i = 0; i < 5; i++) isRefused = !aim() && !shoot();
      const { messagesShed = 0 } = (await server.stats()).ports[0]!.counters;
      return isRefused && messagesShed > 0;
    });
    expect(peer.send.line({ n: 1, text: "x".repeat(900) })).toBe(true);
    isCut = false;
    await peer.drained();
    await until(() => lines.length === 1 && aims.at(-1) === aimed - 1 && shots.at(-1) === shot - 1);
    await until(async () => (await spentCredit(server)) === 0);
    expect(aim()).toBe(true);
    await until(() => aims.at(-1) === aimed - 1);
  });
});

describe("a message whose getter sends another to the same port", () => {
  it("goes out alone: the other is refused with words that say why", async () => {
    const server = await narrowServer({ ports: { count: 1 } });
    const client = await narrowClient(server);
    const peer = await peerOf(server, client);
    const lines: string[] = [];
    client.receive.line(({ text }) => lines.push(text));
    const refused: string[] = [];
    peer.send.line({
      n: 1,
      get text() {
        try {
          peer.send.line({ n: 0, text: "from within" });
        } catch (error) {
          refused.push((error as Error).message);
        }
        return "outer";
      },
    });
    peer.send.line({ n: 2, text: "last" });
    await until(() => lines.length === 2);
    expect(lines).toEqual(["outer", "last"]);
    expect(refused).toEqual(["a message is sent while another is being written"]);
    await until(async () => (await spentCredit(server)) === 0);
  });
});

describe("a large message whose getter says something else the second time", () => {
  it("is one of the two on either side, and nothing of what lies beside it is lost", async () => {
    const server = await narrowServer({ ports: { count: 1 } });
    const client = await narrowClient(server);
    const peer = await peerOf(server, client);
    const read: string[] = [];
    client.receive.line(({ text }) => read.push(`client: ${text}`));
    server.receive.line((_, { text }) => read.push(`server: ${text}`));
    const large: number[] = [];
    client.receive.big(({ data }) => large.push(data.length));
    server.receive.big((_, { data }) => large.push(data.length));
    for (const send of [client.send, peer.send]) {
      send.line({ n: 0, text: "first" });
      for (const [first, second] of [
        [1, 60_000],
        [60_000, 1],
      ]) {
        const lengths = [first!, second!];
        const changing = {
          n: 1,
          get data() {
            return new Uint8Array(lengths.shift() ?? 7);
          },
        };
        expect(send.big(changing)).toBe(true);
      }
      send.line({ n: 2, text: "last" });
    }
    await until(() => read.length === 4 && large.length === 4);
    expect(read.sort()).toEqual(["client: first", "client: last", "server: first", "server: last"]);
    for (const length of large) expect([1, 60_000, 7]).toContain(length);
    await until(async () => (await spentCredit(server)) === 0);
  });
});

describe("a broadcast", () => {
  it("of a join listener is for the peer that joins, before anything sent later", async () => {
    const server = await narrowServer({ ports: { count: 2 } });
    server.on("join", (peer) => {
      server.broadcast.line({ n: peer.id, text: "broadcast" });
      peer.send.line({ n: peer.id, text: "sent" });
    });
    for (let i = 0; i < 4; i++) {
      const client = await narrowClient(server);
      const got: string[] = [];
      client.receive.line(({ text, n }) => {
        if (n === client.id) got.push(text);
      });
      await until(() => got.length === 2);
      expect(got).toEqual(["broadcast", "sent"]);
    }
  });

  it("is encoded once, whatever a getter of it says next time, or sends", async () => {
    const server = await narrowServer({ ports: { count: 2 } });
    const clients = [await narrowClient(server), await narrowClient(server)];
    const peers = [await peerOf(server, clients[0]!), await peerOf(server, clients[1]!)];
    const got = clients.map((client) => {
      const lines: string[] = [];
      client.receive.line(({ text }) => lines.push(text));
      client.receive.big(({ data }) => lines.push(`${data.length} bytes`));
      return lines;
    });
    let asked = 0;
    server.broadcast.line({
      n: 1,
      get text() {
        if (asked === 0) for (const peer of peers) peer.send.line({ n: 0, text: "from within" });
        return asked++ === 0 ? "short" : "long".repeat(20);
      },
    });
    for (const lengths of [
      [1, 60_000],
      [60_000, 1],
    ]) {
      const growing = {
        n: 2,
        get data() {
          return new Uint8Array(lengths.shift() ?? 7);
        },
      };
      expect(server.broadcast.big(growing).sent).toBe(2);
    }
    server.broadcast.line({ n: 3, text: "last" });
    await until(() => got.every((lines) => lines.length === 5));
    const ofLines = (lines: string[]) => lines.filter((line) => !line.endsWith(" bytes"));
    for (const lines of got) expect(ofLines(lines)).toEqual(["from within", "short", "last"]);
    const ofData = (lines: string[]) => lines.filter((line) => line.endsWith(" bytes"));
    expect(ofData(got[0]!)).toEqual(ofData(got[1]!));
    for (const line of ofData(got[0]!))
      expect(["1 bytes", "60000 bytes", "7 bytes"]).toContain(line);
    await until(async () => (await spentCredit(server)) === 0);
  });

  it("that left a peer out is a send that was refused: drained waits for room", async () => {
    const server = await narrowServer();
    const client = await narrowClient(server);
    const peer = await peerOf(server, client);
    const reading = client.messages.big({ limit: 1 });
    let taken = 0;
    while (server.broadcast.big({ n: taken, data: whole }).sent === 1 || taken < 3) {
      taken++;
      if (taken >= 3) break;
      await peer.drained();
    }
    while (server.broadcast.big({ n: taken, data: whole }).sent === 1) taken++;
    let drained = false;
    void peer.drained().then(() => {
      drained = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(drained).toBe(false);
    await reading.next();
    await reading.next();
    await until(() => drained);
  });
});

it("a peer's join, messages and leave come in order, to handlers that its join puts there", async () => {
  const server = await narrowServer();
  const events: string[] = [];
  let ready = false;
  server.on("join", (peer) => {
    events.push(`join ${peer.id}`);
    if (ready) return;
    ready = true;
    server.receive.line((sender, { n }) => events.push(`line ${sender.id} ${n}`));
  });
  server.on("leave", (peer) => events.push(`leave ${peer.id}`));
  const ids: number[] = [];
  for (let i = 0; i < 3; i++) {
    const client = await narrowClient(server);
    ids.push(client.id);
    for (let n = 0; n < 3; n++) client.send.line({ n, text: "" });
    // This thread has seen nothing of it before all of it has happened.
    const end = performance.now() + 30;
    const closed = client.close();
    while (performance.now() < end);
    await closed;
  }
  await until(() => events.length === 15);
  expect(events).toEqual(
    ids.flatMap((id) => [
      `join ${id}`,
      `line ${id} 0`,
      `line ${id} 1`,
      `line ${id} 2`,
      `leave ${id}`,
    ]),
  );
});
