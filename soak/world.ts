/**
 * The world of a soak: one server of three ports, one of which is spared when workers die, clients in the same process over lossy sockets, and the account of every
 * connection. It knows what each end has been promised, and throws (`fail`) at the first thing that is otherwise. What happens
 * when is soak.ts's.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { PortBindError } from "stardust-udp";
import { lossySocket, type SeededRandom } from "stardust-udp/testing";
import { Account, type Channel } from "./account.ts";
import { type Client, connect, listen, type Server, systemsUrl } from "./narrow.ts";
import { workerHeapUrl } from "./workers-held.ts";

/** A worker that does not answer for so long is ended. */
const WORKER_TIMEOUT_MS = 2000;
const LINGER_MS = 20_000;
/** A port comes back within some seconds, longer where it keeps dying. */
const JOIN_WITHIN_MS = 60_000;
const JOIN_PAUSE_MS = 50;
export const PORTS = 3;
/** Where ports are looked for: below those that systems hand out, 32,768 on Linux and higher elsewhere. */
const FIRST_PORT = 20_000;
const PORT_RANGES = 2000;
/** Of these one worker lives as long as the soak, so that what it holds can be compared. */
const SPARED = PORTS - 1;
export const PEERS_PER_PORT = 4;

/** Who has ended a connection: then what the other side had sent may be missing. */
type EndedBy = "client" | "server" | "crash";

export interface Member {
  readonly client: Client;
  readonly toClient: Account;
  readonly toServer: Account;
  endedBy: EndedBy | undefined;
  /** Each side has been told of the end. */
  left: boolean;
  closed: boolean;
}

export interface WorldOptions {
  readonly random: SeededRandom;
  /** False, to show that the soak notices: nothing that is lost is sent again. */
  readonly resend: boolean;
  readonly systems?: URL | undefined;
}

/**
 * Listens on ports that the system gives to nobody who asks for any: while a worker is dead, its port would be free for whatever
 * else runs on this machine.
 */
async function listenBelow(options: Omit<Parameters<typeof listen>[0], "ports">): Promise<Server> {
  let first = FIRST_PORT + PORTS * (process.pid % PORT_RANGES);
  for (let left = PORT_RANGES; ; left--, first += PORTS) {
    const ports = Array.from({ length: PORTS }, (_, i) => first + i);
    try {
      return await listen({ ...options, ports });
    } catch (error) {
      if (!(error instanceof PortBindError) || left === 0) throw error;
    }
  }
}

export class World {
  readonly server: Server;
  /** By id, of connections of which something may still come. */
  readonly members: Map<number, Member> = new Map();
  /** Ports whose worker was told to die, and has not yet been seen to be dead. */
  readonly doomed: Set<number> = new Set();
  joins = 0;
  crashes = 0;
  /** Messages that came, of connections that are over. */
  received = 0;
  #failure: Error | undefined;
  readonly #random: SeededRandom;
  readonly #resend: boolean;
  /** Ids whose join has been announced, and whose leave has not. */
  readonly #present = new Set<number>();
  /** Of joins that a client does not know of yet. */
  readonly #early = new Map<number, Account>();
  /** Ids that had left before their client knew that it was in. */
  readonly #gone = new Set<number>();
  /** Readers are slow. */
  #reading = true;
  #slowReader: Promise<void>;

  private constructor(server: Server, { random, resend }: WorldOptions) {
    this.server = server;
    this.#random = random;
    this.#resend = resend;
    server.on("join", ({ id }) => this.#guard(() => this.#joined(id)));
    server.on("leave", ({ id, port }, { code }) => this.#guard(() => this.#left(id, port, code)));
    server.receive.line((peer, { n }) => this.#arrived(peer.id, "line", n));
    server.receive.big((peer, { n }) => this.#arrived(peer.id, "big", n));
    server.receive.state(() => {});
    server.receive.blob(() => {});
    this.#slowReader = this.#readSlowly();
  }

  static async open(options: WorldOptions): Promise<World> {
    let world: World | undefined;
    const server = await listenBelow({
      maxPeersPerPort: PEERS_PER_PORT,
      systems: options.systems ?? systemsUrl,
      wrapSocket: workerHeapUrl,
      workerTimeoutMs: WORKER_TIMEOUT_MS,
      onFault: (error, where) => world?.faulted(error, where),
    });
    world = new World(server, options);
    return world;
  }

  /** Throws what has gone wrong since. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Connects one more; undefined where nobody was let in, which a worker that is dead explains. */
  async join(port: number): Promise<Member | undefined> {
    const untilMs = performance.now() + JOIN_WITHIN_MS;
    const refusals: Record<string, number> = {};
    while (performance.now() < untilMs) {
      this.check();
      const seed = this.#random.u32();
      try {
        const client = await connect({
          port,
          resend: this.#resend,
          onFault: (error) => this.fail(`a client's handler: ${String(error)}`),
          wrapSocket: (socket) => lossySocket(socket, { loss: 0.02, jitterMs: 2, seed }),
        });
        return this.#add(client);
      } catch (error) {
        const { code, reason } = error as { code?: string; reason?: string };
        if (reason === "full") return undefined;
        const why = reason ?? String(code);
        refusals[why] = (refusals[why] ?? 0) + 1;
        // The 1.5 s of this spec's handshake are gone while a worker is dead, or the machine has something else to do.
        if (code !== "STARDUST_CONNECT_TIMEOUT" && code !== "STARDUST_CONNECT_REJECTED")
          throw error;
        await sleep(JOIN_PAUSE_MS);
      }
    }
    throw this.fail(
      `port ${port} has let nobody in for ${JOIN_WITHIN_MS} ms: ${JSON.stringify(refusals)}`,
    );
  }

  /** Members that can be sent to, by both sides. */
  get open(): Member[] {
    return [...this.members.values()].filter(
      ({ endedBy, left, closed, client }) =>
        endedBy === undefined && !left && !closed && this.server.peers.has(client.id),
    );
  }

  close(member: Member, by: "client" | "server"): void {
    member.endedBy = by;
    const { client } = member;
    if (by === "client") void client.close({ lingerMs: LINGER_MS });
    else this.server.peers.get(client.id)?.close({ lingerMs: LINGER_MS });
  }

  /** The worker of a member's port ends by itself, or never answers again. */
  crash(member: Member, how: "die" | "hang"): void {
    const { port } = member.client;
    if (port === this.server.ports[SPARED]) return;
    if (this.doomed.has(port) || !member.client.send.order({ what: how })) return;
    this.doomed.add(port);
    for (const one of this.members.values()) {
      if (one.client.port === port) one.endedBy = "crash";
    }
  }

  /** Readers take what there is, as fast as they can, until `hurry(false)`. */
  hurry(yes: boolean): void {
    this.#reading = !yes;
  }

  /** Whether nothing is under way any more, and each side knows who is there. */
  get isSettled(): boolean {
    for (const [id, member] of this.members) {
      const { endedBy, left, closed, toClient, toServer } = member;
      if (endedBy !== undefined && !(left && closed)) return false;
      if (endedBy === undefined && toClient.underWay + toServer.underWay > 0) return false;
      // Who closes has what it sent before acknowledged first; of a crash nothing is promised.
      if (endedBy === "client" && toServer.underWay > 0) return false;
      if (endedBy === "server" && toClient.underWay > 0) return false;
      if (endedBy !== undefined) this.#forget(id, member);
    }
    return this.doomed.size === 0 && this.#present.size === this.members.size;
  }

  /** What is not settled, for people. */
  get unsettled(): string {
    const rows = [...this.members].map(
      ([id, { endedBy, left, closed, toClient, toServer }]) =>
        `${id} (${endedBy ?? "open"}${left ? ", left" : ""}${closed ? ", closed" : ""}): ${toClient}; ${toServer}`,
    );
    return [`${this.#present.size} present, doomed: ${[...this.doomed].join(" ")}`, ...rows].join(
      "\n",
    );
  }

  async end(): Promise<void> {
    this.hurry(true);
    await this.server.close();
    await this.#slowReader;
    await Promise.all([...this.members.values()].map(({ client }) => client.closed));
  }

  /** Kept, and thrown by the next `check`. */
  fail(what: string): Error {
    this.#failure ??= new Error(what);
    return this.#failure;
  }

  faulted(error: unknown, where: string): void {
    const died = (error as { code?: string }).code === "STARDUST_WORKER_DIED";
    if (!died) {
      this.fail(`onFault: ${where}: ${String(error)}`);
      return;
    }
    if (this.doomed.size === 0)
      this.fail(`a worker died that nobody has told to: ${String(error)}`);
    this.crashes++;
    const port = [...this.doomed].find((one) => String(error).includes(String(one)));
    if (port === undefined) this.fail(`${String(error)} is none of ${[...this.doomed].join(", ")}`);
    else this.doomed.delete(port);
  }

  #add(client: Client): Member {
    const { id, port } = client;
    this.joins++;
    const old = this.members.get(id);
    if (old !== undefined) throw this.fail(`id ${id} has been given twice`);
    const member: Member = {
      client,
      toClient: new Account(`to client ${id}`),
      toServer: this.#early.get(id) ?? new Account(`from client ${id}`),
      endedBy: this.doomed.has(port) ? "crash" : undefined,
      left: this.#gone.delete(id),
      closed: false,
    };
    this.#early.delete(id);
    this.members.set(id, member);
    const came = (channel: Channel, n: number): void =>
      this.#guard(() => member.toClient.came(channel, n));
    client.receive.loose(({ n }) => came("loose", n));
    client.receive.big(({ n }) => came("big", n));
    client.receive.state(() => {});
    client.receive.blob(() => {});
    void this.#readLines(client, (n) => came("line", n));
    void client.closed.then(({ code }) => {
      member.closed = true;
      // Where its port died before it was told of here.
      if (code === "server-restarted") member.endedBy = "crash";
      if (member.endedBy === undefined) this.fail(`client ${id} was disconnected: ${code}`);
    });
    return member;
  }

  async #readLines(client: Client, came: (n: number) => void): Promise<void> {
    for await (const { n } of client.messages.line({ limit: 2 })) {
      came(n);
      if (this.#reading && this.#random.chance(0.05)) await sleep(1);
    }
  }

  async #readSlowly(): Promise<void> {
    for await (const { peer, message } of this.server.messages.loose({ limit: 2 })) {
      this.#arrived(peer.id, "loose", message.n);
      if (this.#reading && this.#random.chance(0.2)) await sleep(1);
    }
  }

  #arrived(id: number, channel: Channel, n: number): void {
    this.#guard(() => {
      const account = this.members.get(id)?.toServer ?? this.#early.get(id);
      // Nothing is sent before `connect` has resolved; what comes after the end has been accounted for.
      account?.came(channel, n);
    });
  }

  #joined(id: number): void {
    if (this.#present.has(id)) throw new Error(`join of ${id}, which is there already`);
    this.#present.add(id);
    if (!this.members.has(id)) this.#early.set(id, new Account(`from client ${id}`));
  }

  #left(id: number, port: number, code: string): void {
    if (!this.#present.delete(id)) throw new Error(`leave of ${id}, which is not there`);
    this.#early.delete(id);
    const member = this.members.get(id);
    if (code === "worker-died" && member !== undefined) member.endedBy = "crash";
    if (member === undefined) {
      this.#gone.add(id);
      return;
    }
    if (member.endedBy === undefined) throw new Error(`peer ${id} of port ${port} left: ${code}`);
    member.left = true;
  }

  #forget(id: number, { toClient, toServer }: Member): void {
    this.received += toClient.received + toServer.received;
    this.members.delete(id);
  }

  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.fail((error as Error).message);
    }
  }
}
