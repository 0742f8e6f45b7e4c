/**
 * Every schedule of a connection with at most so many faults, walked breadth-first on the real machines: one client, two
 * ports of a server, an application that decides, and maybe a stranger who has read the client's connection id and joins under it. A fault is a datagram dropped, delivered twice, or overtaken; time that
 * passes while one is under way; a client whose address changes, before it is open or after; the stranger. All else is the ordinary course: the oldest datagram
 * arrives, and where none is under way, the next timer is due.
 *
 * A machine knows nothing but what it was given: two schedules after which each machine has been given the same, at the
 * same times, and the same is under way, are one state, and go on as one. So nothing is left out, and nothing assumed.
 * The machines cannot be copied: a state is reached by its schedule, from the beginning.
 */
import { createHash } from "node:crypto";
import type { Protocol } from "#src/protocol.js";
import { ZeroClient } from "#src/zero/client.js";
import type { ZeroClientEvent, ZeroServerEvent } from "#src/zero/events.js";
import type { OwnToken } from "#src/zero/join.js";
import { ZeroServer } from "#src/zero/server.js";
import type { ZeroServerOptions } from "#src/zero/server-options.js";
import { identity, PORTS, seeded, testCrypto } from "./zero-world.ts";

export interface Scenario {
  readonly name: string;
  readonly protocol: Protocol;
  /** How long the application takes for its decision; missing: it decides at once. */
  readonly authenticateMs?: number;
  readonly decision: "other port" | "same port" | "second port" | "reject";
  /** The client's address may change once, which is a fault too; it notices by silence once it is open. */
  readonly moves?: boolean;
  /** Each destination sees the client at another port of its NAT. */
  readonly mapsEach?: boolean;
  /** Nothing gets through to the chosen port, or nothing comes back from it: a firewall of the client's. */
  readonly cutOff?: "there" | "back";
  /** Once, at any time, a stranger begins to join at this port, at first under the client's connection id. */
  readonly stranger?: "same port" | "other port";
  /** Who closes once it is open. */
  readonly closes?: "client" | "server";
  /** Sealed: once a peer's address is proven, its session sends a datagram, which opens at its client alone. */
  readonly greets?: boolean;
  /** The body of join; default: a name. */
  readonly join?: object;
  /** The server asks for a connect token, and the client has this one. */
  readonly token?: { readonly own: OwnToken; readonly rules: ZeroServerOptions["tokens"] };
}

/** What happens next. Numbers count the datagrams under way, oldest first. */
type Step =
  | { readonly kind: "deliver" | "drop" | "repeat"; readonly at: number }
  | { readonly kind: "timer" | "wait" | "move" | "silence" | "close" | "intrude" };

interface Flight {
  readonly to: Client | number;
  /** Where it says that it comes from. */
  readonly address: string;
  readonly port: number;
  /** What the client's network has at the other end. */
  readonly seenAs: string;
  readonly bytes: Uint8Array;
}

/** Longer than any cookie, reservation or deadline lives. */
const LONG_MS = 2_500;
const ADDRESSES = ["10.0.0.1", "10.0.0.2"] as const;
const SERVER = "10.0.0.9";
const STRANGER = "10.0.0.66";
/** What the stranger says of itself. */
const strangersJoin = { name: "eve" };
const OPEN_PORTS = [PORTS[0], PORTS[1]] as const;

class History {
  #text = "";
  add(...facts: (string | number | Uint8Array)[]): void {
    const hash = createHash("sha1").update(this.#text);
    for (const fact of facts)
      hash.update(typeof fact === "number" ? String(fact) : fact).update("|");
    this.#text = hash.digest("base64");
  }
  get text(): string {
    return this.#text;
  }
}

/** Pauses without jitter: a schedule says itself what is early and what is late. */
const exact = (): number => 0;

/** Stands for a sealed datagram of this connection's session: who has another id does not have the keys either. */
const greeting = (cid: string): Buffer => Buffer.from(`sealed ${cid}`);

/** A machine of a client, and what it has told. */
class Client {
  readonly name: string;
  readonly machine: ZeroClient;
  readonly body: object;
  readonly history: History = new History();
  readonly events: ZeroClientEvent[] = [];

  constructor(name: string, machine: ZeroClient, body: object) {
    this.name = name;
    this.machine = machine;
    this.body = body;
  }
}

/** Who is let in, or was to be. */
export interface Reserved {
  readonly port: number;
  readonly peer: number;
  readonly cid: string;
  /** Of its join. */
  readonly body: unknown;
}

/** One run of the machines, as far as its schedule goes. */
class Run {
  readonly scenario: Scenario;
  readonly client: ZeroClient;
  readonly #own: Client;
  /** Once it has begun. */
  stranger: Client | undefined = undefined;
  readonly servers: Map<number, ZeroServer> = new Map();
  readonly serverEvents: { readonly port: number; readonly event: ZeroServerEvent }[] = [];
  readonly reserved: Reserved[] = [];
  turnedAway = 0;
  flights: Flight[] = [];
  decisions: { readonly atMs: number; readonly port: number; readonly decide: () => void }[] = [];
  nowMs = 1000;
  moved = false;
  /** It has noticed that nobody answers, and asks the server to look for it. */
  searching = false;
  closed = false;
  /** For so long that deadlines have passed, with a datagram under way. */
  waited = false;
  readonly #histories: Record<string, History> = {};
  readonly #greetings: { readonly cid: string; readonly seenAs: string }[] = [];

  constructor(scenario: Scenario) {
    this.scenario = scenario;
    const { protocol } = scenario;
    for (const port of OPEN_PORTS) {
      this.#histories[port] = new History();
      const crypto = testCrypto(seeded(port));
      const ports = [[PORTS[0], PORTS[1]]] as const;
      const tokens = scenario.token?.rules;
      const own = protocol.security === "sealed" ? { identity, tokens } : { tokens };
      const { nowMs } = this;
      this.servers.set(
        port,
        new ZeroServer({ protocol, crypto, port, ports, random: exact, nowMs, ...own }),
      );
    }
    const join = scenario.join ?? { name: "bot" };
    this.client = new ZeroClient({
      protocol,
      crypto: testCrypto(seeded(1)),
      port: PORTS[0],
      join,
      token: scenario.token?.own,
      random: exact,
      nowMs: this.nowMs,
    });
    this.#own = new Client("client", this.client, join);
    this.#pump();
  }

  /** Both, where there is a stranger. */
  get clients(): readonly Client[] {
    return this.stranger === undefined ? [this.#own] : [this.#own, this.stranger];
  }

  /** Whoever has read the client's connection id, at another address: another machine, whose first id is the same. */
  #intrude(): void {
    const { protocol, stranger } = this.scenario;
    const ids = [Buffer.from(this.client.cid, "base64url")];
    const crypto = testCrypto(seeded(2));
    const machine = new ZeroClient({
      protocol,
      crypto: { ...crypto, randomBytes: (count) => ids.shift() ?? crypto.randomBytes(count) },
      port: PORTS[stranger === "same port" ? 0 : 1],
      join: strangersJoin,
      random: exact,
      nowMs: this.nowMs,
    });
    this.stranger = new Client("stranger", machine, strangersJoin);
    this.stranger.history.add("intrude", this.nowMs, this.client.cid);
  }

  /** What makes this state another than others. */
  get fingerprint(): string {
    const hash = createHash("sha1");
    hash.update(`${this.nowMs} ${this.moved} ${this.searching} ${this.closed}`);
    for (const history of Object.values(this.#histories)) hash.update(history.text);
    for (const { name, history } of this.clients) hash.update(name).update(history.text);
    for (const { to, seenAs, bytes } of this.flights) {
      const name = typeof to === "number" ? to : to.name;
      hash.update(`|${name} ${seenAs} `).update(bytes);
    }
    return hash.digest("base64");
  }

  get isQuiet(): boolean {
    return this.flights.length === 0;
  }

  get nextTimerMs(): number {
    return Math.min(
      ...this.clients.map(({ machine }) => machine.pollDeadline()),
      ...[...this.servers.values()].map((server) => server.pollDeadline()),
      ...this.decisions.map(({ atMs }) => atMs),
    );
  }

  take(step: Step): void {
    switch (step.kind) {
      case "deliver":
        this.#arrive(this.flights.splice(step.at, 1)[0]!);
        break;
      case "drop":
        this.flights.splice(step.at, 1);
        break;
      case "repeat": {
        const flight = this.flights.splice(step.at, 1)[0]!;
        this.#arrive(flight);
        this.flights.push(flight);
        break;
      }
      case "timer":
        this.#passUntil(this.nextTimerMs);
        break;
      case "wait":
        this.waited = true;
        this.#passUntil(this.nowMs + LONG_MS);
        break;
      case "move":
        this.moved = true;
        break;
      case "intrude":
        this.#intrude();
        break;
      case "silence":
        this.searching = true;
        this.#own.history.add("silence", this.nowMs);
        this.client.rebind(this.nowMs);
        break;
      case "close":
        this.close();
        break;
    }
    this.#pump();
  }

  close(): void {
    this.closed = true;
    if (this.scenario.closes === "server") {
      const peer = this.attachedPeers.at(-1)!;
      this.#histories[peer.port]!.add("close", this.nowMs);
      this.servers.get(peer.port)!.close(peer.peer, "kicked", "", this.nowMs);
    } else {
      this.#own.history.add("close", this.nowMs);
      this.client.close("bye", "", this.nowMs);
    }
    this.#pump();
  }

  /** Where its server has the client that is open; undefined: nowhere. */
  get place(): string | undefined {
    const placed = this.serverEvents.filter(
      ({ event: { type } }) => type === "attached" || type === "confirmed",
    );
    const event = placed.at(-1)?.event;
    return event !== undefined && "address" in event ? `${event.address}:${event.port}` : undefined;
  }

  /** The client is open, and what its server sends it goes to where it no longer is. */
  get isLost(): boolean {
    return (
      this.client.state === "open" && this.moved && this.place !== this.#seenAs(this.#peerPort)
    );
  }

  get #peerPort(): number {
    return this.attachedPeers.at(-1)!.port;
  }

  /** Nothing is said to, or heard from, this port. */
  #isCutOff(port: number, way: Scenario["cutOff"]): boolean {
    return this.scenario.cutOff === way && port !== PORTS[0];
  }

  get attachedPeers(): { readonly port: number; readonly peer: number }[] {
    return this.serverEvents.flatMap(({ port, event }) =>
      event.type === "attached" ? [{ port, peer: event.peer }] : [],
    );
  }

  /** Lets time pass, timer after timer, with whatever is under way still under way. */
  #passUntil(untilMs: number): void {
    for (;;) {
      const dueMs = this.nextTimerMs;
      if (dueMs > untilMs) break;
      this.nowMs = Math.max(this.nowMs, dueMs);
      for (const { machine, history } of this.clients) {
        if (machine.pollDeadline() > this.nowMs) continue;
        history.add("timer", this.nowMs);
        machine.handleTimeout(this.nowMs);
      }
      for (const [port, server] of this.servers) {
        if (server.pollDeadline() > this.nowMs) continue;
        this.#histories[port]!.add("timer", this.nowMs);
        server.handleTimeout(this.nowMs);
      }
      const due = this.decisions.filter(({ atMs }) => atMs <= this.nowMs);
      this.decisions = this.decisions.filter(({ atMs }) => atMs > this.nowMs);
      for (const { decide } of due) decide();
      this.#pump();
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
  }

  #arrive({ to, address, port, seenAs, bytes }: Flight): void {
    if (typeof to !== "number") {
      // The network drops what goes to an address that the client no longer has.
      if (to === this.#own && seenAs !== this.#seenAs(port)) return;
      if (this.#isCutOff(port, "back")) return;
      const { machine, history } = to;
      history.add(this.nowMs, port, bytes);
      const isRegular = bytes[0] !== 0;
      if (!isRegular) machine.handleDatagram(bytes, bytes.length, address, port, this.nowMs);
      else if (Buffer.from(bytes).equals(greeting(machine.cid))) machine.assumeAttached();
      return;
    }
    if (this.#isCutOff(to, "there")) return;
    this.#histories[to]!.add(this.nowMs, seenAs, bytes);
    this.servers.get(to)!.handleDatagram(bytes, bytes.length, address, port, this.nowMs);
  }

  #seenAs(serverPort: number): string {
    return `${this.#address}:${this.#natPort(serverPort)}`;
  }

  get #address(): string {
    return ADDRESSES[this.moved ? 1 : 0];
  }

  #natPort(serverPort: number): number {
    return this.scenario.mapsEach === true ? 40_000 + serverPort : 40_000;
  }

  #pump(): void {
    for (const client of this.clients) {
      const { machine, events } = client;
      for (let out = machine.pollTransmit(this.nowMs); out !== undefined; ) {
        const { bytes, port: to } = out;
        const [address, port] =
          client === this.#own ? [this.#address, this.#natPort(to)] : [STRANGER, 40_000];
        this.flights.push({ to, address, port, seenAs: `${address}:${port}`, bytes });
        out = machine.pollTransmit(this.nowMs);
      }
      for (let event = machine.pollEvent(); event !== undefined; event = machine.pollEvent()) {
        events.push(event);
        if (client === this.#own && event.type === "rebound") this.searching = false;
      }
    }
    for (const [port, server] of this.servers) {
      for (let event = server.pollEvent(); event !== undefined; event = server.pollEvent()) {
        this.serverEvents.push({ port, event });
        if (event.type === "join") this.#join(port, event);
        if (this.scenario.greets === true) this.#greet(event);
      }
      for (let out = server.pollTransmit(this.nowMs); out !== undefined; ) {
        const seenAs = `${out.address}:${out.port}`;
        const to = out.address === STRANGER ? this.stranger! : this.#own;
        this.flights.push({ to, address: SERVER, port, seenAs, bytes: out.bytes });
        out = server.pollTransmit(this.nowMs);
      }
      for (const { cid, seenAs } of this.#greetings.splice(0)) {
        this.flights.push({ to: this.#own, address: SERVER, port, seenAs, bytes: greeting(cid) });
      }
    }
  }

  #greet(event: ZeroServerEvent): void {
    if (event.type !== "confirmed" && !(event.type === "attached" && event.proven)) return;
    const { cid } = this.reserved.find(({ peer }) => peer === event.peer)!;
    this.#greetings.push({ cid, seenAs: `${event.address}:${event.port}` });
  }

  #join(port: number, event: Extract<ZeroServerEvent, { type: "join" }>): void {
    const atMs = this.nowMs + (this.scenario.authenticateMs ?? 0);
    const decide = (): void => this.#decide(port, event);
    if (this.scenario.authenticateMs === undefined) decide();
    else this.decisions.push({ atMs, port, decide });
  }

  #decide(port: number, event: Extract<ZeroServerEvent, { type: "join" }>): void {
    const asked = this.servers.get(port)!;
    this.#histories[port]!.add("decided", this.nowMs);
    if (this.scenario.decision === "reject") {
      asked.reject(event.cid, "denied", "not today", this.nowMs);
      return;
    }
    const { decision } = this.scenario;
    const other = decision === "second port" ? PORTS[1] : OPEN_PORTS.find((one) => one !== port)!;
    const chosen = decision === "same port" || event.stay ? port : other;
    if (this.servers.get(chosen)!.hasPlaced(event.cid, this.nowMs)) {
      this.turnedAway++;
      asked.turnAway(event.cid, this.nowMs);
      return;
    }
    const peer = this.reserved.length + 1;
    this.#histories[chosen]!.add("reserve", this.nowMs, event.cid);
    const accept = this.servers.get(chosen)!.reserve({
      ...event,
      peer,
      accept: { motd: "welcome" },
      nowMs: this.nowMs,
    })!;
    this.reserved.push({ port: chosen, peer, cid: event.cid, body: event.body });
    asked.answer(event.cid, accept, this.nowMs);
  }
}

export interface Explored {
  /** Different states, the first included. */
  readonly states: number;
  /** Ways that end: everything is quiet, and stays so. */
  readonly ends: number;
  /** How many of them ended so. */
  readonly endings: Readonly<Record<string, number>>;
  /** The steps of the longest way. */
  readonly deepest: number;
}

/** What came of a schedule: how it ended, or what is wrong with it. */
export type Judge = (run: Finished) => string;

/** A run that is at its end. */
export interface Finished {
  readonly scenario: Scenario;
  readonly faults: number;
  /** Deadlines have passed while a datagram was under way. */
  readonly waited: boolean;
  /** The client, and the stranger where there was one. */
  readonly clients: readonly {
    readonly name: string;
    readonly state: string;
    readonly body: object;
    readonly events: readonly ZeroClientEvent[];
  }[];
  readonly serverEvents: readonly { readonly port: number; readonly event: ZeroServerEvent }[];
  readonly reserved: readonly Reserved[];
  /** Joins under a connection id that had a place at the chosen port already. */
  readonly turnedAway: number;
  /** The client is open, and its server has it elsewhere. */
  readonly isLost: boolean;
  /** What the ports still have, after all their timers. */
  readonly peersLeft: number;
  readonly joinsLeft: number;
}

interface Node {
  readonly step: Step | undefined;
  readonly before: Node | undefined;
  readonly faults: number;
  readonly depth: number;
}

function scheduleOf(node: Node): Step[] {
  const steps: Step[] = [];
  for (let at: Node | undefined = node; at?.step !== undefined; at = at.before) steps.push(at.step);
  return steps.reverse();
}

/** A schedule as one reads it. */
function words(steps: readonly Step[]): string {
  return steps.map((step) => ("at" in step ? `${step.kind} ${step.at}` : step.kind)).join(", ");
}

function replay(scenario: Scenario, steps: readonly Step[]): Run {
  const run = new Run(scenario);
  for (const step of steps) run.take(step);
  return run;
}

/** All that may happen next, with what it costs. */
function choices(run: Run, faultsLeft: number): { readonly step: Step; readonly cost: number }[] {
  const found: { step: Step; cost: number }[] = [];
  const { scenario, flights } = run;
  if (run.isQuiet) {
    const isOpen =
      run.client.state === "open" && run.client.pollDeadline() === Number.POSITIVE_INFINITY;
    if (run.isLost && !run.searching) found.push({ step: { kind: "silence" }, cost: 0 });
    else if (isOpen && !run.closed && scenario.closes !== undefined) {
      found.push({ step: { kind: "close" }, cost: 0 });
    } else if (run.nextTimerMs < Number.POSITIVE_INFINITY) {
      found.push({ step: { kind: "timer" }, cost: 0 });
    }
  } else {
    found.push({ step: { kind: "deliver", at: 0 }, cost: 0 });
    if (faultsLeft > 0) {
      found.push({ step: { kind: "drop", at: 0 }, cost: 1 });
      found.push({ step: { kind: "repeat", at: 0 }, cost: 1 });
      for (let at = 1; at < flights.length; at++) {
        found.push({ step: { kind: "deliver", at }, cost: 1 });
      }
      if (run.nextTimerMs < Number.POSITIVE_INFINITY) {
        found.push({ step: { kind: "timer" }, cost: 1 });
      }
      found.push({ step: { kind: "wait" }, cost: 1 });
    }
  }
  if (faultsLeft > 0 && scenario.moves === true && !run.moved) {
    found.push({ step: { kind: "move" }, cost: 1 });
  }
  const mayIntrude = scenario.stranger !== undefined && run.stranger === undefined;
  if (faultsLeft > 0 && mayIntrude && run.client.cid !== "") {
    found.push({ step: { kind: "intrude" }, cost: 1 });
  }
  return found;
}

/** Walks all schedules with at most `faults` faults. Throws, with the schedule, where `judge` does. */
export function explore(scenario: Scenario, faults: number, judge: Judge): Explored {
  // The fewest faults with which a state was reached: with more, nothing new follows from it.
  const seen = new Set<string>();
  const endings: Record<string, number> = {};
  let ends = 0;
  let deepest = 0;
  // By faults, so that each state is first reached with the fewest.
  const levels: Node[][] = Array.from({ length: faults + 1 }, () => []);
  levels[0]!.push({ step: undefined, before: undefined, faults: 0, depth: 0 });
  for (const level of levels) {
    for (let next = level.pop(); next !== undefined; next = level.pop()) {
      let node = next;
      const run = replay(scenario, scheduleOf(node));
      // Along the ordinary course without replaying each of its steps.
      for (;;) {
        if (seen.has(run.fingerprint)) break;
        seen.add(run.fingerprint);
        deepest = Math.max(deepest, node.depth);
        const all = choices(run, faults - node.faults);
        for (const { step, cost } of all) {
          if (cost === 0) continue;
          const reached = { step, before: node, faults: node.faults + cost, depth: node.depth + 1 };
          levels[reached.faults]!.push(reached);
        }
        const ordinary = all.find(({ cost }) => cost === 0);
        if (ordinary === undefined) {
          ends++;
          const ending = end(run, node, judge);
          endings[ending] = (endings[ending] ?? 0) + 1;
          break;
        }
        node = { step: ordinary.step, before: node, faults: node.faults, depth: node.depth + 1 };
        run.take(ordinary.step);
      }
    }
  }
  return { states: seen.size, ends, endings, deepest };
}

function end(run: Run, node: Node, judge: Judge): string {
  const { scenario, serverEvents, reserved, turnedAway } = run;
  const sizes = [...run.servers.values()].map((server) => server.sizes);
  try {
    return judge({
      scenario,
      faults: node.faults,
      waited: run.waited,
      clients: run.clients.map(({ name, machine, body, events }) => {
        return { name, state: machine.state, body, events };
      }),
      serverEvents,
      reserved,
      turnedAway,
      isLost: run.isLost,
      peersLeft: sizes.reduce((sum, { peers }) => sum + peers, 0),
      joinsLeft: sizes.reduce((sum, { entries }) => sum + entries, 0),
    });
  } catch (error) {
    const schedule = words(scheduleOf(node));
    throw new Error(`${scenario.name}, ${node.faults} faults: ${schedule}`, { cause: error });
  }
}
