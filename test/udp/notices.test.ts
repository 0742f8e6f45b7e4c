/** Notices of what became of messages, over real sockets, workers and rings, on links that lose in both directions. */
import { lossySocket, lossySocketUrl } from "stardust-udp/testing";
import { describe, expect, it } from "vitest";
import { closing, pattern, until } from "../support/arena.ts";
import { specUrl } from "../support/specs.ts";

type ServerModule = typeof import("../tmp/specs/deliveries/generated/server.ts");
type ClientModule = typeof import("../tmp/specs/deliveries/generated/client.ts");
const load = (file: string): Promise<unknown> =>
  import(specUrl("deliveries", `generated/${file}.js`).href);
const { listen } = (await load("server")) as ServerModule;
const { connect } = (await load("client")) as ClientModule;
type Client = Awaited<ReturnType<typeof connect>>;
type Server = Awaited<ReturnType<typeof listen>>;

const ROUNDS = 40;
const large = pattern(3000);
const messages = {
  spark: (n: number) => ({ n }),
  photo: (n: number) => ({ n, data: large }),
  pose: (n: number) => ({ n }),
  world: (n: number) => ({ n, data: large }),
  voice: (n: number) => ({ n, sound: pattern(60) }),
  event: (n: number) => ({ n }),
  chat: (n: number) => ({ n, text: `line ${n}` }),
  shot: (n: number) => ({ n }),
  door: (n: number) => ({ n }),
};
type Name = keyof typeof messages;
const names = Object.keys(messages) as Name[];
const kept: readonly Name[] = ["event", "chat", "shot"];

/** What was taken, told and received on the channels of one direction to or from one client. */
class Ledger {
  readonly open = new Set<string>();
  readonly delivered = new Set<string>();
  readonly lost = new Set<string>();
  readonly got = new Set<string>();
  readonly wrong: string[] = [];

  told(name: Name, token: number, outcome: string): void {
    const key = `${name} ${token}`;
    if (!this.open.delete(key)) this.wrong.push(`${key} is told ${outcome}, and was not open`);
    (outcome === "delivered" ? this.delivered : this.lost).add(key);
  }
}

async function lossyServer(loss: number): Promise<Server> {
  return closing(
    await listen({
      ports: { count: 2 },
      wrapSocket: lossySocketUrl,
      wrapSocketData: { loss, jitterMs: 2, seed: 3 },
    }),
  );
}

async function lossyClient(server: Server, port: number, loss: number): Promise<Client> {
  return closing(
    await connect({
      port: server.ports[port]!,
      wrapSocket: (socket) => lossySocket(socket, { loss, delayMs: 2, seed: port + 1 }),
    }),
  );
}

describe("notices", () => {
  it("tell each message's fate once, to clients and to servers, and all before a leave", async () => {
    const server = await lossyServer(0.05);
    const clients = [await lossyClient(server, 0, 0.05), await lossyClient(server, 1, 0.05)];
    await until(() => server.peers.size === 2);
    const down = new Map(clients.map(({ id }) => [id, new Ledger()]));
    const up = new Map(clients.map(({ id }) => [id, new Ledger()]));
    const left: number[] = [];
    server.on("leave", ({ id }) => {
      left.push(down.get(id)!.open.size);
    });
    for (const name of names) {
      server.notices[name]((peer, token, outcome) => down.get(peer.id)!.told(name, token, outcome));
      server.receive[name]((peer, { n }) => void up.get(peer.id)!.got.add(`${name} ${n}`));
      for (const client of clients) {
        client.notices[name]((token, outcome) => up.get(client.id)!.told(name, token, outcome));
        client.receive[name](({ n }) => void down.get(client.id)!.got.add(`${name} ${n}`));
      }
    }
    for (let n = 0; n < ROUNDS; n++) {
      for (const name of names) {
        const message = messages[name](n) as never;
        for (const client of clients) {
          if (client.send[name](message, n)) up.get(client.id)!.open.add(`${name} ${n}`);
        }
        // To both at once, or to each, or with no token to anybody.
        if (n % 3 === 0) {
          const { skipped } = server.broadcast[name](message, { token: n });
          for (const { id } of clients) {
            if (!skipped.includes(id)) down.get(id)!.open.add(`${name} ${n}`);
          }
        } else if (n % 3 === 1) {
          for (const { id, send } of server.peers.values()) {
            if (send[name](message, n)) down.get(id)!.open.add(`${name} ${n}`);
          }
        } else server.broadcast[name](message);
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const ledgers = [...up.values(), ...down.values()];
    await until(() => ledgers.every(({ open }) => open.size === 0));
    for (const ledger of ledgers) {
      await until(() => [...ledger.delivered].every((key) => !isExact(key) || ledger.got.has(key)));
      for (const key of ledger.lost) expect(kept).not.toContain(key.split(" ")[0]);
      expect(ledger.delivered.size).toBeGreaterThan(ledger.lost.size);
    }
    // What is open when a peer leaves is lost, and told before.
    const [first] = clients;
    const peer = server.peers.get(first!.id)!;
    for (let n = ROUNDS; n < ROUNDS + 50; n++) {
      if (peer.send.event({ n }, n)) down.get(peer.id)!.open.add(`event ${n}`);
    }
    peer.close({ lingerMs: 0 });
    await until(() => left.length === 1);
    expect(left).toEqual([0]);
    expect(ledgers.flatMap(({ wrong }) => wrong)).toEqual([]);
  });

  it("go to the systems where those have sent", async () => {
    const server = closing(
      await listen({ ports: { count: 1 }, systems: specUrl("deliveries", "systems.js") }),
    );
    const toldApplication: number[] = [];
    server.notices.event((_peer, token) => void toldApplication.push(token));
    const client = closing(await connect({ port: server.ports[0]! }));
    await until(() => server.peers.has(client.id));
    const lines: string[] = [];
    client.receive.chat(({ n, text }) => void lines.push(`${n} ${text}`));
    client.receive.event(() => {});
    server.peers.get(client.id)!.send.event({ n: 7 }, 7);
    client.send.cue({ n: 5 });
    await until(() => lines.length > 0 && toldApplication.length > 0);
    expect(lines).toEqual(["5 delivered"]);
    expect(toldApplication).toEqual([7]);
  });

  it("of what was on its way to a peer whose worker dies say that it is lost, before its leave", async () => {
    const systems = specUrl("deliveries", "systems.js");
    const server = closing(await listen({ ports: { count: 1 }, systems, onFault: () => {} }));
    // What this client has received, nobody knows. Both are about to vanish: nobody waits for their ends.
    let isSilent = false;
    const client = await connect({
      port: server.ports[0]!,
      wrapSocket: (socket) => ({
        port: socket.port,
        address: socket.address,
        send: (bytes, port, address) => {
          if (!isSilent) socket.send(bytes, port, address);
        },
        listen: (listener) => socket.listen(listener),
        close: () => socket.close(),
      }),
    });
    await until(() => server.peers.has(client.id));
    const { send } = server.peers.get(client.id)!;
    const told: string[] = [];
    for (const name of ["event", "spark"] as const) {
      server.notices[name](
        (_peer, token, outcome) => void told.push(`${name} ${token} ${outcome}`),
      );
    }
    server.on("leave", ({ id }, { code }) => void told.push(`${id} ${code}`));
    const other = await connect({ port: server.ports[0]! });
    isSilent = true;
    for (const n of [1, 2, 3]) {
      expect(send.event({ n }, n)).toBe(true);
      expect(send.spark({ n }, n)).toBe(true);
    }
    other.send.cue({ n: 0 });
    const left = `${client.id} worker-died`;
    await until(() => told.includes(left));
    const lost = [1, 2, 3].flatMap((n) => [`event ${n} lost`, `spark ${n} lost`]);
    expect(
      told
        .slice(0, told.indexOf(left))
        .filter((what) => what.endsWith("lost"))
        .sort(),
    ).toEqual(lost.sort());
  });

  it("are asked for with a whole number, and listened to with a function", async () => {
    const server = closing(await listen({ ports: { count: 1 } }));
    const client = closing(await connect({ port: server.ports[0]! }));
    await until(() => server.peers.has(client.id));
    const peer = server.peers.get(client.id)!;
    for (const token of [-1, 0.5, Number.NaN, 2 ** 53, "7" as never]) {
      const wrong = `token: ${token} is not a whole number from 0 to 2^53 - 1`;
      expect(() => client.send.event({ n: 1 }, token)).toThrow(wrong);
      expect(() => peer.send.event({ n: 1 }, token)).toThrow(wrong);
      expect(() => server.broadcast.event({ n: 1 }, { token })).toThrow(wrong);
    }
    expect(() => client.notices.event(7 as never)).toThrow("notices of event is not a function");
    let told = 0;
    const off = client.notices.event(() => void told++);
    client.notices.event(() => void told++);
    off();
    off();
    client.send.event({ n: 1 }, 2 ** 53 - 1);
    await until(() => told > 0);
    expect(told).toBe(1);
  });
});

/** Channels where what has arrived is always handed on. */
function isExact(key: string): boolean {
  return ["event", "chat", "shot", "spark"].includes(key.split(" ")[0]!);
}
