/**
 * Clients whose address changes while they are connected, over real sockets: behind NATs of all kinds that forget them, and
 * from one address of the machine to another. Nothing reliable is lost, nothing comes twice, and all is in order.
 */
import type { DatagramSocket } from "stardust-udp";
import { lossySocketUrl } from "stardust-udp/testing";
import { describe, expect, it } from "vitest";
import { closing, until } from "../support/arena.ts";
import { listeningBy } from "../support/listening.ts";
import { narrowClient, narrowServer } from "../support/narrow.ts";
import { Nat } from "../support/nat.ts";
import { specUrl } from "../support/specs.ts";

const load = (spec: string, file: string): Promise<unknown> =>
  import(specUrl(spec, `generated/${file}.js`).href);
type SealedServer = typeof import("../tmp/specs/sealed/generated/server.ts");
type SealedClient = typeof import("../tmp/specs/sealed/generated/client.ts");
const sealed = {
  listen: ((await load("sealed", "server")) as SealedServer).listen,
  connect: ((await load("sealed", "client")) as SealedClient).connect,
};
type PlainServer = typeof import("../tmp/specs/deliveries/generated/server.ts");
type PlainClient = typeof import("../tmp/specs/deliveries/generated/client.ts");
const plain = {
  listen: ((await load("deliveries", "server")) as PlainServer).listen,
  connect: ((await load("deliveries", "client")) as PlainClient).connect,
};

type Wrap = (socket: DatagramSocket) => DatagramSocket;
type Range = { readonly ports: readonly number[] };

/** What the tests need of a server and a client, whichever protocol they have. */
interface Talk {
  /** Sent and heard on each side: numbers, in order and without a gap. */
  readonly heardByServer: number[];
  readonly heardByClient: number[];
  /** The next number, each way. */
  readonly say: () => void;
  readonly client: {
    readonly closed: Promise<{ readonly code: string }>;
    rebind(): Promise<void>;
    stats(): { readonly counters: Readonly<Record<string, number>> };
  };
  readonly moved: () => Promise<number>;
  readonly peers: () => number;
}

async function movedOf(server: {
  stats(): Promise<{ ports: readonly { counters: Readonly<Record<string, number>> }[] }>;
}): Promise<number> {
  const { ports } = await server.stats();
  return ports.reduce((sum, { counters }) => sum + (counters["peersMoved"] ?? 0), 0);
}

type PlainOptions = Parameters<PlainServer["listen"]>[0];
type PlainConnect = Parameters<PlainClient["connect"]>[0];

async function plainServer(options: Partial<PlainOptions> = {}) {
  return closing(await plain.listen({ ports: { count: 1 }, ...options } as PlainOptions));
}

async function plainClient({ ports }: Range, options: Partial<PlainConnect> = {}) {
  return closing(await plain.connect({ port: ports[0]!, ...options } as PlainConnect));
}

/** `count` ports; the client is put on the last, which it does not dial. */
async function plainTalk(wrapSocket: Wrap, count = 1): Promise<Talk> {
  const server = await plainServer({ ports: { count } });
  await fill(server, plainClient, count);
  const client = await plainClient(server, { wrapSocket });
  await until(() => server.peers.has(client.id));
  const peer = server.peers.get(client.id)!;
  const [heardByServer, heardByClient]: [number[], number[]] = [[], []];
  server.receive.chat((from, { n }) => {
    if (from.id === client.id) heardByServer.push(n);
  });
  client.receive.chat(({ n }) => void heardByClient.push(n));
  let n = 0;
  const say = (): void => {
    client.send.chat({ n, text: "to the server" });
    peer.send.chat({ n, text: "to the client" });
    n++;
  };
  const [moved, peers] = [() => movedOf(server), () => server.peers.size];
  return { heardByServer, heardByClient, say, client, moved, peers };
}

async function sealedTalk(wrapSocket: Wrap, count = 1): Promise<Talk> {
  type Options = Parameters<SealedServer["listen"]>[0];
  type Connect = Parameters<SealedClient["connect"]>[0];
  const server = closing(await sealed.listen({ ports: { count } } as Options));
  const open = async ({ ports }: Range, options: Partial<Connect> = {}) =>
    closing(
      await sealed.connect({ port: ports[0]!, join: { name: "ada" }, ...options } as Connect),
    );
  await fill(server, open, count);
  const client = await open(server, { wrapSocket });
  await until(() => server.peers.has(client.id));
  const peer = server.peers.get(client.id)!;
  const [heardByServer, heardByClient]: [number[], number[]] = [[], []];
  server.receive.say((from, { number }) => {
    if (from.id === client.id) heardByServer.push(number);
  });
  client.receive.say(({ number }) => void heardByClient.push(number));
  let number = 0;
  const say = (): void => {
    client.send.say({ number, text: "to the server" });
    peer.send.say({ number, text: "to the client" });
    number++;
  };
  const [moved, peers] = [() => movedOf(server), () => server.peers.size];
  return { heardByServer, heardByClient, say, client, moved, peers };
}

/** Others take the places of all ports but the last. */
async function fill(
  server: Range,
  open: (range: Range) => Promise<unknown>,
  count: number,
): Promise<void> {
  for (let i = 1; i < count; i++) await open(server);
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Talks until so many numbers have come both ways. */
async function talk(pair: Talk, total: number, from = 0): Promise<void> {
  for (let i = from; i < total; i++) {
    pair.say();
    await until(() => pair.heardByServer.length > i - 8 && pair.heardByClient.length > i - 8);
  }
}

async function expectAll({ heardByServer, heardByClient }: Talk, total: number): Promise<void> {
  await until(() => heardByServer.length >= total && heardByClient.length >= total);
  expect(heardByServer).toEqual(upTo(total));
  expect(heardByClient).toEqual(upTo(total));
}

/** Sockets whose client is not heard, or does not hear, or not what holds a text, or has no use of its first, while a test says so. */
function troubled() {
  const closed: number[] = [];
  const listeners: Parameters<DatagramSocket["listen"]>[0][] = [];
  const trouble = {
    ...{ isMute: false, isDeaf: false, deafTo: "", isFirstBroken: false, sockets: 0 },
    ...{ closed, listeners, serverPort: 0 },
  };
  const wrap: Wrap = (socket) => {
    const mine = trouble.sockets++;
    return {
      port: socket.port,
      address: socket.address,
      send: (bytes, port, address) => {
        const isBroken = mine === 0 && trouble.isFirstBroken;
        if (!trouble.isMute && !isBroken) socket.send(bytes, port, address);
      },
      listen: (listener) => {
        listeners[mine] = listener;
        socket.listen((bytes, address, port) => {
          const { isDeaf, isFirstBroken, deafTo } = trouble;
          trouble.serverPort = port;
          if (isDeaf || (mine === 0 && isFirstBroken)) return;
          if (deafTo !== "" && Buffer.from(bytes).includes(deafTo)) return;
          listener(bytes, address, port);
        });
      },
      close: () => {
        closed.push(mine);
        return socket.close();
      },
    };
  };
  return { trouble, wrap };
}

const kinds = [
  { kind: "full cone", security: "plain", open: plainTalk },
  { kind: "address-restricted", security: "sealed", open: sealedTalk },
  { kind: "port-restricted", security: "plain", open: plainTalk },
  { kind: "symmetric", security: "plain", open: plainTalk },
  { kind: "symmetric", security: "sealed", open: sealedTalk },
] as const;

describe.each(kinds)("behind a NAT that is $kind, a $security client", ({ kind, open }) => {
  it("joins, and stays when the NAT maps it anew in mid-session, with messages under way both ways", async () => {
    const nat = new Nat(kind);
    const pair = await open(nat.wrap, 2);
    await talk(pair, 20);
    await nat.forget();
    await talk(pair, 40, 20);
    await expectAll(pair, 40);
    await until(async () => (await pair.moved()) >= 1);
    expect(pair.peers()).toBe(2);
  });
});

describe.each([
  ["plain", plainTalk],
  ["sealed", sealedTalk],
] as const)("a %s client", (_, open) => {
  it("moves from one address to another", async () => {
    const nat = new Nat("port-restricted");
    const pair = await open(nat.wrap);
    await talk(pair, 20);
    nat.address = "127.0.0.2";
    await nat.forget();
    await talk(pair, 40, 20);
    await expectAll(pair, 40);
    await until(async () => (await pair.moved()) >= 1);
  });

  it("moves to a new socket when it is told to, and is found there before it says anything more", async () => {
    const { trouble, wrap } = troubled();
    const pair = await open(wrap);
    await talk(pair, 10);
    await expectAll(pair, 10);
    await pair.client.rebind();
    expect(trouble.sockets).toBeGreaterThan(1);
    // The one before is of no use any more.
    expect(trouble.closed).toContain(0);
    expect(await pair.moved()).toBeGreaterThan(0);
    await Promise.all([pair.client.rebind(), pair.client.rebind()]);
    await talk(pair, 20, 10);
    await expectAll(pair, 20);
  });
});

describe("a client that hears nothing", () => {
  it("stays when a NAT forgets it after some silence, though nobody says anything", async () => {
    const nat = new Nat("symmetric");
    const pair = await plainTalk(nat.wrap);
    await talk(pair, 5);
    await expectAll(pair, 5);
    // Shorter than the pause between keep-alives: each of these comes from another port.
    nat.idleMs = 100;
    await until(async () => (await pair.moved()) >= 1);
    nat.idleMs = Number.POSITIVE_INFINITY;
    await talk(pair, 10, 5);
    await expectAll(pair, 10);
  });

  it("takes a new socket by itself when the old one is of no use any more", async () => {
    let sockets = 0;
    const broken = { first: false };
    const pair = await sealedTalk((socket) => {
      const isFirst = sockets++ === 0;
      return {
        port: socket.port,
        address: socket.address,
        send: (bytes, port, address) => {
          if (!(isFirst && broken.first)) socket.send(bytes, port, address);
        },
        listen: (listener) =>
          socket.listen((bytes, address, port) => {
            if (!(isFirst && broken.first)) listener(bytes, address, port);
          }),
        close: () => socket.close(),
      };
    });
    await talk(pair, 10);
    broken.first = true;
    await talk(pair, 20, 10);
    await expectAll(pair, 20);
    expect(sockets).toBeGreaterThan(1);
  });
});

/** Talks until `isOver`, so slowly that the server's window is not full of what nobody acknowledges; returns what was said. */
async function talkSlowly(pair: Talk, from: number, isOver: () => boolean): Promise<number> {
  let said = from;
  let nextMs = 0;
  await until(() => {
    if (performance.now() >= nextMs) {
      pair.say();
      said++;
      nextMs = performance.now() + 100;
    }
    return isOver();
  });
  return said;
}

describe("a client that hears the server, and is not heard", () => {
  it("asks to be looked for from the socket that it has, and goes on where it was", async () => {
    const { trouble, wrap } = troubled();
    const pair = await plainTalk(wrap);
    await talk(pair, 10);
    await expectAll(pair, 10);
    trouble.isMute = true;
    // The first event `unheard` is behind the third transmission.
    const retransmissions = () => pair.client.stats().counters["zero.retransmissions"] ?? 0;
    const before = retransmissions();
    const said = await talkSlowly(pair, 10, () => retransmissions() >= before + 4);
    trouble.isMute = false;
    await expectAll(pair, said);
    expect(trouble.sockets).toBe(1);
  });

  it("asks no second time beside the first, whose answer would be lost by that", async () => {
    const { trouble, wrap } = troubled();
    const pair = await plainTalk(wrap);
    await talk(pair, 10);
    await expectAll(pair, 10);
    const count = (name: string) => pair.client.stats().counters[name] ?? 0;
    const rebinds = count("zero.rebinds");
    Object.assign(trouble, { isMute: true, deafTo: '"msg"' });
    let said = await talkSlowly(pair, 10, () => count("zero.rebinds") > rebinds);
    // What it says arrives, and is acknowledged; its rebind is not answered. Then there is silence once more.
    trouble.isMute = false;
    await expectAll(pair, said);
    trouble.isMute = true;
    const repeated = count("zero.retransmissions");
    // Two of the pauses that come behind the third transmission are longer than the silence that it takes.
    said = await talkSlowly(
      pair,
      said,
      () => count("zero.retransmissions") >= Math.max(repeated + 2, 5),
    );
    Object.assign(trouble, { isMute: false, deafTo: "" });
    await expectAll(pair, said);
    expect(count("zero.rebinds")).toBe(rebinds + 1);
  });

  it("hears it at the socket that it has replaced, and goes back there", async () => {
    const { trouble, wrap } = troubled();
    const pair = await plainTalk(wrap);
    await talk(pair, 10);
    await expectAll(pair, 10);
    Object.assign(trouble, { isMute: true, isDeaf: true });
    pair.say();
    await until(() => trouble.sockets > 1);
    trouble.isDeaf = false;
    // As many as it has taken in the place of the first: it may take another before the server says something.
    const said = await talkSlowly(pair, 11, () => trouble.closed.length === trouble.sockets - 1);
    expect(trouble.closed).not.toContain(0);
    expect(await pair.moved()).toBe(0);
    trouble.isMute = false;
    await expectAll(pair, said);
  });

  it("goes back for nothing that comes in the server's name to the socket that it has replaced", async () => {
    const { trouble, wrap } = troubled();
    const pair = await plainTalk(wrap);
    await talk(pair, 10);
    await expectAll(pair, 10);
    // The server finds it at its second socket, and its answer that says so does not come.
    Object.assign(trouble, { isFirstBroken: true, deafTo: '"msg":"ack"' });
    const retransmissions = () => pair.client.stats().counters["zero.retransmissions"] ?? 0;
    let isThere = false;
    void until(async () => (await pair.moved()) > 0).then(() => {
      isThere = true;
    });
    let said = await talkSlowly(pair, 10, () => isThere);
    const before = retransmissions();
    // In the server's name, but nothing that it would send.
    const junk = Uint8Array.from({ length: 40 }, (_, i) => 255 - i);
    said = await talkSlowly(pair, said, () => {
      trouble.listeners[0]!(junk, "127.0.0.1", trouble.serverPort);
      return retransmissions() >= before + 3;
    });
    trouble.deafTo = "";
    said = await talkSlowly(pair, said, () => trouble.closed.length > 0);
    await expectAll(pair, said);
    expect([trouble.sockets, trouble.closed]).toEqual([2, [0]]);
  });
});

describe("a client that asks to be looked for", () => {
  it("is told when its connection ends first", async () => {
    const nat = new Nat("full cone");
    const client = await narrowClient(await narrowServer(), { wrapSocket: nat.wrap });
    nat.isCut = true;
    await client.rebind();
    expect(await client.closed).toMatchObject({ code: "idle-timeout" });
    // And at once where it is no more.
    await client.rebind();
  });

  it("is told when it has been found at its newest socket, not when an answer comes to the one before", async () => {
    let sockets = 0;
    /** On which socket each ack came that the client has heard. */
    const acks: number[] = [];
    let [holds, release] = [false, () => {}];
    const pair = await plainTalk((socket) => {
      const mine = sockets++;
      return listeningBy(socket, (bytes, hand) => {
        const isAck = Buffer.from(bytes).includes('"msg":"ack"');
        const pass = (): void => {
          if (isAck) acks.push(mine);
          hand();
        };
        if (isAck && holds) release = pass;
        else pass();
      });
    });
    await pair.client.rebind();
    holds = true;
    const nothing = release;
    const first = pair.client.rebind();
    await until(() => release !== nothing);
    holds = false;
    const second = pair.client.rebind();
    release();
    await second;
    expect(acks).toContain(sockets - 1);
    await first;
  });

  it("keeps its socket where the system gives no other", async () => {
    let sockets = 0;
    const pair = await plainTalk((socket) => {
      if (sockets++ > 0) throw new Error("none left");
      return socket;
    });
    await pair.client.rebind();
    expect(pair.client.stats().counters["socketsRefused"]).toBeGreaterThan(0);
    await talk(pair, 10);
    await expectAll(pair, 10);
  });
});

it("stays when a NAT in front of the server's socket forgets it", async () => {
  const server = await plainServer({
    wrapSocket: lossySocketUrl,
    wrapSocketData: { rebindsAtMs: [1000] },
  });
  const client = await plainClient(server);
  const heard: number[] = [];
  server.receive.chat((_, { n }) => void heard.push(n));
  let n = 0;
  await until(async () => {
    if (heard.length === n) client.send.chat({ n: n++, text: "still here" });
    return (await movedOf(server)) >= 1;
  });
  await until(() => heard.length === n);
  expect(heard).toEqual(upTo(n));
});
