/**
 * Fuzzing the connection protocol: a client and a server are led to one of the states of their tables, and one of them is
 * handed a message of either side's, as it is or changed; half of the time by somebody who has the keys to it. Nothing may throw.
 * The datagram raises exactly one counter of `zeroDropReasons`. What is dropped changes nothing that can be seen from
 * outside, and both sides end as they would have without it. What is accepted leads where the tables say, adds one
 * entry at most, and adds no other when it comes again. A server sends one answer, to where it was asked, and none that is
 * larger than the request where no cookie was good; a client sends one datagram, two where it is told to move, or so many pieces of its
 * body as may be under way.
 */
import type { Protocol } from "stardust-udp/protocol";
import { ZERO_WINDOW } from "#src/limits.js";
import { SeededRandom } from "#src/testing/random.js";
import {
  type ZeroClient,
  type ZeroCounters,
  type ZeroDropReason,
  type ZeroServer,
  zeroDropReasons,
} from "#src/zero/index.js";
import { clientStates, serverStates } from "#src/zero/own-messages.js";
import type { Input } from "./input.ts";
import { fault, type Target, type Verdict } from "./target.ts";
import { zeroDatagram } from "./zero-change.ts";
import {
  type Bodies,
  CLIENT_ADDRESS,
  CLIENT_PORT,
  OTHER_PORT,
  PORT,
  SERVER_ADDRESS,
  type Side,
  ZeroPair,
} from "./zero-pair.ts";

const reasons = Object.keys(zeroDropReasons) as ZeroDropReason[];

interface Stage {
  readonly side: Side;
  /** Of the client, or of its connection at the port that is to have its place. */
  readonly state: string;
  lead(pair: ZeroPair, random: SeededRandom): void;
}

function place(pair: ZeroPair, random: SeededRandom): void {
  pair.decide(random.once(2) ? "same port" : "other port");
}

function opened(pair: ZeroPair, random: SeededRandom): void {
  place(pair, random);
  pair.lead("client", "open");
  // The ack that confirms the address.
  if (random.once(2)) pair.lead("server", "open");
}

/** How each state of both tables is reached. */
export const zeroStages: readonly Stage[] = [
  { side: "client", state: "joining", lead: () => {} },
  {
    side: "client",
    state: "joining",
    // Its place is gone when it comes for it.
    lead: (pair, random) => {
      place(pair, random);
      pair.lead("client", "attaching");
      pair.forgetPeer();
      pair.lead("client", "joining");
    },
  },
  { side: "client", state: "proving", lead: (pair) => pair.lead("client", "proving") },
  { side: "client", state: "waiting", lead: (pair) => pair.lead("client", "waiting") },
  {
    side: "client",
    state: "attaching",
    lead: (pair, random) => {
      place(pair, random);
      pair.lead("client", "attaching");
    },
  },
  { side: "client", state: "open", lead: opened },
  {
    side: "client",
    state: "open",
    lead: (pair, random) => {
      opened(pair, random);
      pair.rebindClient();
      // What is to be verified is on its way.
      if (random.once(2)) pair.deliver("server");
    },
  },
  {
    side: "client",
    state: "open",
    // Its port has lost it, and the proof is under way.
    lead: (pair, random) => {
      opened(pair, random);
      pair.forgetPeer();
      pair.rebindClient();
      pair.deliver("server");
    },
  },
  {
    side: "client",
    state: "open",
    lead: (pair, random) => {
      opened(pair, random);
      pair.lead("server", "open");
      pair.moveClient(true);
      pair.deliver("client");
      if (random.once(2)) pair.deliver("server");
      if (random.once(2)) pair.deliver("client");
    },
  },
  {
    side: "client",
    state: "closing",
    lead: (pair, random) => {
      place(pair, random);
      pair.lead("client", random.once(2) ? "attaching" : "open");
      pair.closeClient();
    },
  },
  {
    side: "client",
    state: "draining",
    lead: (pair, random) => {
      opened(pair, random);
      pair.closeServer();
      pair.lead("client", "draining");
    },
  },
  {
    side: "client",
    state: "closed",
    lead: (pair, random) => {
      switch (random.below(3)) {
        case 0:
          pair.decide("reject");
          pair.lead("client", "closed");
          break;
        case 1:
          pair.wait(pair.protocol.limits.handshakeTimeoutMs);
          break;
        default:
          opened(pair, random);
          pair.closeClient();
          pair.lead("client", "closed");
      }
    },
  },
  { side: "server", state: "listening", lead: (pair) => pair.lead("client", "proving") },
  {
    side: "server",
    state: "listening",
    // All is over, and its join forgotten.
    lead: (pair, random) => {
      opened(pair, random);
      pair.forgetPeer();
      pair.wait(pair.protocol.limits.handshakeTimeoutMs + 1);
    },
  },
  { side: "server", state: "pending", lead: (pair) => pair.lead("server", "pending") },
  {
    side: "server",
    state: "answered",
    lead: (pair, random) => {
      switch (random.below(3)) {
        case 0:
          pair.decide("reject");
          pair.lead("server", "answered");
          break;
        case 1:
          // Its place is gone.
          pair.decide("same port");
          pair.lead("client", "attaching");
          pair.forgetPeer();
          break;
        default:
          pair.decide("other port");
          pair.watched = PORT;
          pair.lead("client", "attaching");
      }
    },
  },
  {
    side: "server",
    state: "reserved",
    lead: (pair, random) => {
      place(pair, random);
      pair.lead("server", "reserved");
    },
  },
  {
    side: "server",
    state: "attached",
    lead: (pair, random) => {
      place(pair, random);
      pair.lead("server", "attached");
    },
  },
  {
    side: "server",
    state: "open",
    lead: (pair, random) => {
      place(pair, random);
      pair.lead("server", "open");
    },
  },
  {
    side: "server",
    state: "open",
    lead: (pair, random) => {
      place(pair, random);
      pair.lead("server", "open");
      pair.rebindClient();
      if (random.once(2)) pair.deliver("server");
      if (random.once(2)) pair.deliver("client");
    },
  },
  {
    side: "server",
    state: "expected",
    lead: (pair, random) => {
      place(pair, random);
      pair.lead("server", "open");
      pair.moveClient(random.once(2));
      if (random.once(2)) pair.deliver("client");
      if (random.once(2)) pair.deliver("server");
    },
  },
  {
    side: "server",
    state: "closing",
    lead: (pair, random) => {
      place(pair, random);
      pair.lead("server", random.once(2) ? "attached" : "open");
      pair.closeServer();
    },
  },
  {
    side: "server",
    state: "draining",
    lead: (pair, random) => {
      opened(pair, random);
      pair.closeClient();
      pair.lead("server", "draining");
    },
  },
];

/** Ms that pass before the message comes; timers may lead on from the state. */
const pauses: readonly number[] = [0, 0, 0, 0, 1, 120, 700, 5000, 11_000];

/** Where a datagram comes from, at one side. */
interface From {
  readonly address: string;
  readonly port: number;
  readonly local: number;
}

const towardsServer: readonly From[] = [
  { address: CLIENT_ADDRESS, port: CLIENT_PORT, local: 0 },
  { address: CLIENT_ADDRESS, port: CLIENT_PORT, local: 0 },
  { address: CLIENT_ADDRESS, port: CLIENT_PORT + 1, local: 0 },
  { address: "10.0.0.2", port: CLIENT_PORT, local: 0 },
  { address: CLIENT_ADDRESS, port: CLIENT_PORT, local: 1 },
];

/** What can be seen of a machine from outside. */
interface Looks {
  readonly state: string;
  readonly deadlineMs: number;
  readonly entries: number;
  readonly pending: number;
  readonly peers: number;
}

function looksOfClient(client: ZeroClient): Looks {
  const deadlineMs = client.pollDeadline();
  return { state: client.state, deadlineMs, entries: 0, pending: 0, peers: 0 };
}

function looksOfServer(server: ZeroServer, cid: string): Looks {
  // When it next looks for what has run out may change with any datagram: it has more to look at than this connection.
  return { state: server.stateOf(cid), deadlineMs: 0, ...server.sizes };
}

function isSame(a: Looks, b: Looks): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Which of its reasons a datagram has raised; undefined where that is not exactly one. */
function raised(before: ZeroCounters, after: Readonly<ZeroCounters>): ZeroDropReason | undefined {
  let found: ZeroDropReason | undefined;
  for (const name of reasons) {
    if (after[name] === before[name]) continue;
    if (found !== undefined || after[name] !== before[name] + 1) return undefined;
    found = name;
  }
  return after.datagramsReceived === before.datagramsReceived + 1 ? found : undefined;
}

export class ZeroTarget implements Target {
  readonly spec: string;
  readonly name = "zero";
  readonly weight = 4;
  readonly #protocol: Protocol;
  readonly #bodies: Bodies;

  /** `bodies`: valid ones. */
  constructor(spec: string, protocol: Protocol, bodies: Bodies) {
    this.spec = spec;
    this.#protocol = protocol;
    this.#bodies = bodies;
  }

  /** The input is chance itself: what it changes exists only once both sides run. */
  make(random: SeededRandom, input: Input): void {
    input.randomise(random, 8);
  }

  check(random: SeededRandom, input: Input, thorough: boolean): Verdict {
    const stage = random.pick(zeroStages);
    const seed = random.u32();
    const pauseMs = random.pick(pauses);
    let what = `${stage.side} ${stage.state}`;
    try {
      const led = this.#lead(stage, seed, pauseMs);
      if (typeof led === "string") return fault(`${what}: ${led}`);
      const bytes = zeroDatagram(led, stage.side, random, input);
      input.set(bytes);
      what += `: ${Buffer.from(bytes).toString("latin1")}`;
      // Most come from where they should: the port that has the place, the address of the client.
      const from = stage.side === "server" ? random.pick(towardsServer) : fromServer(led, random);
      led.crypto.lenient = random.once(2);
      const deliver = (): string | ZeroDropReason => hand(led, stage.side, bytes, from);
      const before = looksOf(led, stage.side);
      const reason = deliver();
      if (!isReason(reason)) return fault(`${reason}; ${what}`);
      if (thorough) {
        const after = looksOf(led, stage.side);
        for (let i = 0; i < 3; i++) {
          const again = deliver();
          if (!isReason(again)) return fault(`again: ${again}; ${what}`);
        }
        const { entries, pending, peers } = looksOf(led, stage.side);
        if (entries > after.entries || pending > after.pending || peers > after.peers) {
          return fault(`adds something each time; ${what}`);
        }
      }
      if (Object.keys(Object.prototype).length > 0) return fault(`a prototype grew; ${what}`);
      if (reason === "accepted") return "accepted";
      if (!isSame(looksOf(led, stage.side), before)) return fault(`${reason} changes it; ${what}`);
      if (!thorough) return "refused";
      const twin = this.#lead(stage, seed, pauseMs) as ZeroPair;
      const [end, other] = [endOf(led), endOf(twin)];
      return end === other ? "refused" : fault(`${reason}: ends in ${end}, not ${other}; ${what}`);
    } catch (error) {
      return fault(`throws ${String((error as Error).stack ?? error)}; ${what}`);
    }
  }

  /** Both sides in that state and a while later, or why not. */
  #lead(stage: Stage, seed: number, pauseMs: number): ZeroPair | string {
    const random = new SeededRandom(seed);
    const pair = new ZeroPair(this.#protocol, this.#bodies, random.once(3));
    stage.lead(pair, random);
    const state = pair.stateOf(stage.side);
    if (state !== stage.state) return `is ${state} instead`;
    // Then what the other side says next is under way.
    if (random.once(2)) pair.deliver(stage.side === "client" ? "server" : "client");
    if (pauseMs > 0) pair.wait(pauseMs);
    return pair;
  }
}

function isReason(text: string): text is ZeroDropReason {
  return Object.hasOwn(zeroDropReasons, text);
}

function fromServer(pair: ZeroPair, random: SeededRandom): From {
  const port = random.once(5) ? random.pick([PORT, OTHER_PORT, 9]) : pair.port;
  return { address: SERVER_ADDRESS, port, local: 0 };
}

function looksOf(pair: ZeroPair, side: Side): Looks {
  if (side === "client") return looksOfClient(pair.client);
  return looksOfServer(pair.server, pair.client.cid);
}

/** Whether a message may. Of what is closed, a server knows the join at most. */
function leads(side: Side, before: string, after: string): boolean {
  if (before === after) return true;
  const table: Readonly<Record<string, object>> = side === "client" ? clientStates : serverStates;
  const next = Object.values(table[before]!) as string[];
  const isGone = side === "server" && (after === "listening" || after === "answered");
  return next.includes(after) || (isGone && next.includes("closed"));
}

/** What counted it, or what is wrong. */
function hand(pair: ZeroPair, side: Side, bytes: Uint8Array, from: From): ZeroDropReason | string {
  const machine = side === "client" ? pair.client : pair.server;
  const before = { ...machine.counters };
  const looked = looksOf(pair, side);
  const { address, port, local } = from;
  machine.handleDatagram(bytes, bytes.length, address, port, pair.nowMs, local);
  const reason = raised(before, machine.counters);
  if (reason === undefined) return "is not counted once";
  const looks = looksOf(pair, side);
  if (!leads(side, looked.state, looks.state))
    return `leads from ${looked.state} to ${looks.state}`;
  if (looks.entries > looked.entries + 1 || looks.pending > looked.pending + 1) return "adds two";
  if (looks.peers > looked.peers) return "makes a peer";
  return side === "client"
    ? sentByClient(pair, bytes, reason)
    : sentByServer(pair, bytes, from, reason);
}

function sentByClient(
  pair: ZeroPair,
  bytes: Uint8Array,
  reason: ZeroDropReason,
): ZeroDropReason | string {
  const sent = pair.takeTransmits(pair.client);
  const events = pair.takeEvents(pair.client);
  const most = reason === "accepted" ? 1 : 0;
  // Of a body that comes in pieces as many as may be under way.
  const pieces = pair.protocol.zero.joinBytes === undefined ? most : most * ZERO_WINDOW;
  // Who is told to move says so, and asks at the other port.
  const asks = Buffer.from(bytes).includes('"msg":"move"') ? most : 0;
  if (sent.length > pieces + asks) return `${reason}, and sends ${sent.length}`;
  return events > most ? `${reason}, and tells ${events}` : reason;
}

function sentByServer(
  pair: ZeroPair,
  bytes: Uint8Array,
  from: From,
  reason: ZeroDropReason,
): ZeroDropReason | string {
  const server = pair.server;
  const sent = pair.takeTransmits(server);
  const events = pair.takeEvents(server);
  if (events > (reason === "accepted" ? 1 : 0)) return `${reason}, and tells ${events}`;
  if (sent.length > 1) return `sends ${sent.length}`;
  const [out] = sent;
  if (out === undefined) return reason;
  const isBack = out.address === from.address && out.port === from.port && out.local === from.local;
  if (!isBack) return `answers ${out.address}:${out.port}`;
  // Behind a good cookie the address is proven.
  const isProven = reason === "accepted" && Buffer.from(bytes).includes('"cookie":"');
  const isLarger = out.bytes.length > bytes.length;
  return isLarger && !isProven ? `answers ${bytes.length} bytes with ${out.bytes.length}` : reason;
}

/** Where both sides are when nothing more happens without timers. */
function endOf(pair: ZeroPair): string {
  pair.crypto.lenient = false;
  pair.decide(pair.decision ?? "same port");
  pair.settle();
  return JSON.stringify([
    pair.client.state,
    ...[...pair.servers.values()].map((server) => [server.stateOf(pair.client.cid), server.sizes]),
  ]);
}
