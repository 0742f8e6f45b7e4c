/**
 * A soak: rounds of random sends, joins, closes, crashes and changes of address, and between them a rest in which everything
 * must have arrived, every credit be given back, every place be known and nothing have grown. What is decided follows from
 * the seed; when it happens does not, since sockets and threads are real.
 */
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { SeededRandom } from "stardust-udp/testing";
import { type Channel, channels } from "./account.ts";
import { type Held, held, leakSince, SOCKET } from "./measures.ts";
import type { Client, Send, Server } from "./narrow.ts";
import { heldByWorkers } from "./workers-held.ts";
import { type Member, PEERS_PER_PORT, PORTS, World } from "./world.ts";

const STEPS = 1200;
/** All that is under way must have arrived by then. */
const REST_MS = 60_000;
/** Rounds until memory is compared: what fills once has filled. */
const WARM_UP_ROUNDS = 2;
/** Sockets that have been replaced, or whose client has just left, and that are not closed yet. */
const SOCKETS_CLOSING = 8;
/** Decisions that a failure shows. */
const REMEMBERED = 40;

export interface SoakResult {
  readonly rounds: number;
  readonly joins: number;
  readonly crashes: number;
  readonly rebinds: number;
  /** Reliable messages that were taken, and those of them that arrived. */
  readonly taken: number;
  readonly received: number;
  readonly refused: number;
  readonly first: Held;
  readonly last: Held;
}

export interface SoakSettings {
  readonly seed: number;
  /** Asked before each round; the rest of a round is always waited for. */
  readonly goesOn: (rounds: number) => boolean;
  readonly onRound?: (round: number, result: SoakResult) => void;
  /** Steps of a round; default 1200. */
  readonly steps?: number;
  /** How often a worker dies where it could, from 0 to 5, the default. */
  readonly crashes?: number;
  readonly resend?: boolean;
  readonly restMs?: number;
  /** Other systems than the spec's own, to show that what workers keep is noticed. */
  readonly systems?: URL;
}

/** Throws at the first promise that is broken, with the decisions before it. */
export async function soak(settings: SoakSettings): Promise<SoakResult> {
  const random = new SeededRandom(settings.seed);
  const { resend = true, systems } = settings;
  const world = await World.open({ random, resend, systems });
  const run = new Soak(world, random, settings);
  try {
    return await run.run();
  } catch (error) {
    const message = `${(error as Error).message}\nthe last decisions:\n  ${run.decisions.join("\n  ")}`;
    throw new Error(message, { cause: error });
  } finally {
    await world.end();
  }
}

class Soak {
  readonly decisions: string[] = [];
  readonly #world: World;
  readonly #random: SeededRandom;
  readonly #o: SoakSettings;
  #n = 0;
  #taken = 0;
  #refused = 0;
  #rebinds = 0;
  readonly #rebinding = new Set<Promise<void>>();

  constructor(world: World, random: SeededRandom, settings: SoakSettings) {
    this.#world = world;
    this.#random = random;
    this.#o = settings;
  }

  async run(): Promise<SoakResult> {
    let first: Held | undefined;
    for (let round = 1; ; round++) {
      for (let step = 0; step < (this.#o.steps ?? STEPS); step++) {
        await this.#step();
        this.#world.check();
      }
      await this.#rest();
      const now = held(await heldByWorkers(await this.#threads()));
      if (first === undefined || round <= WARM_UP_ROUNDS) first = now;
      const leak = leakSince(first, now);
      const sockets = now.handles[SOCKET] ?? 0;
      if (sockets > this.#world.members.size + SOCKETS_CLOSING) {
        throw new Error(
          `after round ${round} ${sockets} sockets of ${this.#world.members.size} clients`,
        );
      }
      if (leak !== undefined) throw new Error(`after round ${round} ${leak}`);
      const result = this.#result(round, first, now);
      this.#o.onRound?.(round, result);
      if (!this.#o.goesOn(round)) return result;
    }
  }

  async #threads(): Promise<number[]> {
    const { ports } = await this.#world.server.stats();
    return ports.map(({ threadId }) => threadId);
  }

  #result(rounds: number, first: Held, last: Held): SoakResult {
    const { joins, crashes, received, members } = this.#world;
    let arrived = received;
    for (const { toClient, toServer } of members.values()) {
      arrived += toClient.received + toServer.received;
    }
    const counts = { taken: this.#taken, received: arrived, refused: this.#refused };
    return { rounds, joins, crashes, rebinds: this.#rebinds, ...counts, first, last };
  }

  async #step(): Promise<void> {
    const world = this.#world;
    const { server } = world;
    const { open } = world;
    const one = open[this.#below(open.length)];
    const dice = this.#below(1000);
    if (one === undefined || dice < 12) {
      const port = server.ports[this.#below(PORTS)]!;
      if (server.peers.size < PORTS * PEERS_PER_PORT - 1) {
        this.#decide(`join at ${port}`);
        await world.join(port);
      }
    } else if (dice < 400) this.#sendSome(one, "client");
    else if (dice < 740) this.#sendSome(one, "server");
    else if (dice < 840) this.#broadcast(one, open);
    else if (dice < 890) this.#sendUnreliable(one.client, server);
    else if (dice < 900) {
      this.#decide(`close ${one.client.id} by the client`);
      world.close(one, "client");
    } else if (dice < 910) {
      this.#decide(`close ${one.client.id} by the server`);
      world.close(one, "server");
    } else if (dice < 925) this.#rebind(one);
    else if (dice < 930) this.#crash(one);
    else if (dice < 960) await turn();
    else await sleep(this.#below(6));
  }

  /** As many as fate says, on one channel. */
  #sendSome(member: Member, from: "client" | "server"): void {
    const { client, toClient, toServer } = member;
    const to = from === "client" ? client.send : this.#world.server.peers.get(client.id)!.send;
    const account = from === "client" ? toServer : toClient;
    const channel = channels[this.#below(channels.length)]!;
    for (let i = this.#below(8); i >= 0; i--) {
      if (!this.#send(to, channel)) continue;
      this.#taken++;
      account.taken(channel, this.#n);
    }
  }

  #send(to: Send, channel: Channel): boolean {
    const n = ++this.#n;
    const text = (): string => "x".repeat(this.#below(900));
    const data = (most: number): Uint8Array => new Uint8Array(this.#below(most));
    const large = this.#below(8) === 0;
    const taken =
      channel === "line"
        ? to.line({ n, text: text() })
        : channel === "loose"
          ? to.loose({ n, data: data(3000) })
          : to.big({ n, data: large ? new Uint8Array(65_400) : data(20_000) });
    if (!taken) this.#refused++;
    return taken;
  }

  #broadcast(one: Member, open: readonly Member[]): void {
    const { server } = this.#world;
    const except = this.#random.chance(0.3) ? server.peers.get(one.client.id) : undefined;
    const n = ++this.#n;
    const { skipped } = server.broadcast.line({ n, text: "to all" }, { except });
    for (const { client, toClient, endedBy } of this.#world.members.values()) {
      // Broadcasts are not for a peer from its close on.
      const isThere =
        endedBy !== "server" && server.peers.has(client.id) && client.id !== except?.id;
      if (!isThere || skipped.includes(client.id)) continue;
      this.#taken++;
      toClient.taken("line", n);
    }
    this.#refused += skipped.length;
    if (open.length === 0) this.#decide("broadcast to nobody");
  }

  #sendUnreliable(client: Client, server: Server): void {
    const n = ++this.#n;
    server.broadcast.blob({ n, data: new Uint8Array(this.#below(1000)) });
    client.send.blob({ n, data: new Uint8Array(this.#below(1000)) });
    client.send.state({ n });
  }

  #rebind({ client }: Member): void {
    this.#decide(`rebind ${client.id}`);
    this.#rebinds++;
    const found = client.rebind();
    this.#rebinding.add(found);
    void found.then(() => this.#rebinding.delete(found));
  }

  #crash(one: Member): void {
    if (this.#below(5) >= (this.#o.crashes ?? 5)) return;
    const how = this.#below(8) === 0 ? "hang" : "die";
    this.#decide(`port ${one.client.port}: ${how}`);
    this.#world.crash(one, how);
  }

  /** Nothing more is sent: all that was promised must come true. */
  async #rest(): Promise<void> {
    const world = this.#world;
    const { server } = world;
    this.#decide("rest");
    world.hurry(true);
    const untilMs = performance.now() + (this.#o.restMs ?? REST_MS);
    const problem = async (): Promise<string | undefined> => {
      if (!world.isSettled) return world.unsettled;
      if (this.#rebinding.size > 0) return `${this.#rebinding.size} clients look for their server`;
      const { ports } = await server.stats();
      const spent = ports.map(
        ({ counters }) =>
          (counters["sendCreditSpent"] ?? 0) + (counters["receiveCreditSpent"] ?? 0),
      );
      if (spent.some((bytes) => bytes !== 0))
        return `credit is not given back: ${spent.join(", ")}`;
      const peers = ports.map((port) => port.peers);
      const there = peers.reduce((sum, more) => sum + more, 0);
      const known = server.peers.size;
      if (there !== known || known !== world.members.size) {
        return `ports have ${peers.join(" + ")} peers, the server knows ${known}, clients ${world.members.size}`;
      }
      return undefined;
    };
    for (let wrong = await problem(); wrong !== undefined; wrong = await problem()) {
      world.check();
      if (performance.now() > untilMs) throw new Error(`something never came true: ${wrong}`);
      await sleep(5);
    }
    world.check();
    await this.#fill();
    world.hurry(false);
  }

  /** No place has been lost: as many get in as there are places, and not one more. Then they leave again. */
  async #fill(): Promise<void> {
    const world = this.#world;
    const capacity = PORTS * PEERS_PER_PORT;
    const added: Member[] = [];
    const filledMs = performance.now() + (this.#o.restMs ?? REST_MS);
    for (;;) {
      const member = await world.join(world.server.ports[0]!);
      if (member !== undefined) added.push(member);
      else if (world.members.size === capacity) break;
      // A join that gave up has a place promised, until that expires.
      else if (performance.now() < filledMs) await sleep(50);
      else throw new Error(`${world.members.size} of ${capacity} places could be filled`);
      if (world.members.size > capacity) throw new Error("more were let in than there are places");
    }
    while (added.some(({ client }) => !world.server.peers.has(client.id))) await sleep(2);
    for (const member of added) world.close(member, "client");
    const untilMs = performance.now() + (this.#o.restMs ?? REST_MS);
    while (!world.isSettled) {
      world.check();
      if (performance.now() > untilMs)
        throw new Error(`places are not given back: ${world.unsettled}`);
      await sleep(2);
    }
  }

  #decide(what: string): void {
    this.decisions.push(what);
    if (this.decisions.length > REMEMBERED) this.decisions.shift();
  }

  #below(n: number): number {
    return Math.floor(this.#random.next() * n);
  }
}
