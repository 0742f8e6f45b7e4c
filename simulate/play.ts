/**
 * Plays one scenario: two sessions over a simulated path in virtual time, an oracle for each channel and direction, and
 * bounds that hold at every step. Then the path is healed, and both sides must come to rest: nothing held, nothing in
 * flight, and silence. Worst case: MAX_SETTLE_MS of virtual time.
 */
import type { ChannelDefinition, Protocol, Role } from "stardust-udp/protocol";
import { Pair, type PairOptions, SeededRandom, type Session } from "stardust-udp/testing";
import {
  MAX_BURST_DATAGRAMS,
  MAX_KNOWN_RANGES,
  MAX_OUTSTANDING_DATAGRAMS,
  MAX_UNRELIABLE_REASSEMBLIES,
} from "#src/limits.js";
import { sameVersion } from "#src/negotiated-version.js";
import { largestDatagramBytes } from "#src/protocol.js";
import { congestionControllers, DEFAULT_CONGESTION } from "#src/session/congestion/choose.js";
import { FixedController } from "#src/session/congestion/fixed.js";
import { type DropReason, dropReasons } from "#src/session/drop-reason.js";
import type { SessionOptions } from "#src/session/session.js";
import { nodeSealCrypto } from "#src/udp/node-seal.js";
import { ackRanges, age, holdings, mayHoldBytes, outstanding } from "./inside.ts";
import { type Circumstances, NoticeOracle } from "./notices.ts";
import { Oracle } from "./oracle.ts";
import { keepsOrder, losesNothing, type Path, type Scenario, tellsLies } from "./scenario.ts";

/** What a session is made by: the real class, or one with a fault. */
export type SessionClass = new (options: SessionOptions) => Session;

export interface Outcome {
  /** What is wrong; empty: nothing. */
  readonly problem: string;
  /** When it was seen, virtual milliseconds; else the end. */
  readonly atMs: number;
  /** When everything had arrived that was to arrive; 0: it never had. */
  readonly settledAtMs: number;
  /** Datagrams that one side remembered at once. */
  readonly mostOutstanding: number;
  readonly sent: number;
  readonly delivered: number;
  readonly datagrams: number;
}

/** Of virtual time, for everything to arrive: at 90 % loss each way one exchange in a hundred gets through. */
const MAX_SETTLE_MS = 24 * 3_600_000;
const HEALED_MS = 3000;
const SILENT_MS = 30_000;
const healed = { delayMs: 5 };
const PROBES_AT_ONCE = 2;
/** Where datagrams tell lies, nothing need arrive: so long is looked whether anything breaks. */
const LIES_SETTLE_MS = 60_000;
/** Secrets of sealed sessions: nothing here depends on them. */
const secrets = {
  clientSecret: new Uint8Array(32).fill(1),
  serverSecret: new Uint8Array(32).fill(2),
};
/** So often that each run has several updates. */
const UPDATE_AFTER = 20;
/** What honest peers see of each other. */
const innocent: ReadonlySet<string> = new Set<DropReason>(["duplicates", "tooOld", "jump"]);

/** Who looks on. */
export type Watch = Pick<PairOptions<Session, Session>, "trace">;

class Failed extends Error {}

class Side {
  readonly session: Session;
  readonly role: Role;
  readonly sends: Map<number, Oracle> = new Map();
  readonly notices: Map<number, NoticeOracle> = new Map();
  accepting = true;
  /** Its application takes nothing of this channel. */
  stopped: ChannelDefinition | undefined = undefined;
  /** Data datagrams at this instant. */
  #burst = 0;
  #burstAtMs = -1;
  #framesSent = 0;
  /** Of datagrams without data: they do not wait for the window. */
  otherBytes = 0;

  constructor(protocol: Protocol, role: Role, s: Scenario, Made: SessionClass, other: () => Side) {
    const random = new SeededRandom(s.seed, role === "client" ? 1 : 2);
    const lies = canLie(protocol, s.path);
    this.role = role;
    this.session = new Made({
      protocol,
      role,
      nowMs: 0,
      random: () => random.next(),
      ...(protocol.security === "sealed" && {
        sealing: { crypto: nodeSealCrypto, ...secrets, limits: { updateAfter: UPDATE_AFTER } },
      }),
      negotiated: { ...sameVersion(protocol), compat: s.compat === true },
      congestion:
        s.windowBytes === undefined
          ? congestionControllers[s.newreno === true ? "newreno" : DEFAULT_CONGESTION]
          : () => new FixedController({ windowBytes: s.windowBytes }),
      sink: {
        deliver: ({ channel, bytes, start, end }) => {
          if (!this.accepting || channel === this.stopped) return false;
          const oracle = other().sends.get(channel.index);
          const problem = oracle?.deliver(bytes, start, end) ?? "nobody has sent anything";
          if (problem !== "" && !lies) throw new Failed(`${channel.name} to ${role}: ${problem}`);
          return true;
        },
        notice: (channel, token, delivered) => {
          const problem = this.notices.get(channel.index)!.told(token, delivered);
          if (problem !== "") throw new Failed(`${channel.name} from ${role}: ${problem}`);
        },
      },
    });
  }

  /** A datagram of this side leaves. */
  left(bytes: number, nowMs: number): void {
    const { framesSent } = this.session.counters;
    if (framesSent === this.#framesSent) {
      this.otherBytes += bytes;
      return;
    }
    this.#framesSent = framesSent;
    if (nowMs !== this.#burstAtMs) this.#burst = 0;
    this.#burstAtMs = nowMs;
    if (++this.#burst > MAX_BURST_DATAGRAMS + PROBES_AT_ONCE) {
      throw new Failed(`${this.role} sends ${this.#burst} datagrams of data at once`);
    }
  }
}

export function play(
  protocol: Protocol,
  scenario: Scenario,
  Made: SessionClass,
  watch: Watch = {},
): Outcome {
  return new Play(protocol, scenario, Made, watch).run();
}

/** One way, at least. */
function delayOf({ fromClient }: Path): number {
  return fromClient.delayMs ?? 0;
}

/** Whether somebody may believe what was never sent: nobody does whose datagrams are sealed. */
function canLie({ security }: Protocol, path: Path): boolean {
  return security === "plain" && tellsLies(path);
}

/** Whether what is not read counts against a limit of its channel. */
function isLimited(delivery: ChannelDefinition["delivery"]): boolean {
  return delivery === "reliable" || delivery === "reliable-ordered";
}

class Play {
  readonly protocol: Protocol;
  readonly scenario: Scenario;
  readonly client: Side;
  readonly server: Side;
  readonly pair: Pair<Session, Session>;
  readonly random: SeededRandom;
  readonly channels: readonly ChannelDefinition[];
  /** What is left of the move, if there is one. */
  readonly moves: [atMs: number, make: () => void][];
  settledAtMs = 0;
  mostOutstanding = 0;

  constructor(protocol: Protocol, scenario: Scenario, Made: SessionClass, watch: Watch) {
    this.protocol = protocol;
    this.scenario = scenario;
    const { mode, seed, path } = scenario;
    this.channels = protocol.channels.filter((c) => mode === "all" || c.delivery === mode);
    this.random = new SeededRandom(seed, 3);
    this.moves = this.movesOf(scenario);
    this.client = new Side(protocol, "client", scenario, Made, () => this.server);
    this.server = new Side(protocol, "server", scenario, Made, () => this.client);
    this.pair = new Pair({
      a: this.client.session,
      b: this.server.session,
      fromA: path.fromClient,
      fromB: path.fromServer ?? path.fromClient,
      seed,
      tap: (from, { length }, nowMs) =>
        (from === "a" ? this.client : this.server).left(length, nowMs),
      ...watch,
    });
    if (scenario.stopped !== undefined) {
      const limited = this.channels.filter(({ delivery }) => isLimited(delivery));
      this.server.stopped = limited[scenario.stopped % limited.length];
    }
    const { packets = 0, numbers = 0 } = scenario;
    if (packets + numbers > 0) {
      age(protocol, this.client.session, this.server.session, packets, numbers);
    }
  }

  run(): Outcome {
    let problem = "";
    try {
      this.talk();
      this.comeBack();
      this.settle();
      this.rest();
    } catch (error) {
      problem =
        error instanceof Failed ? error.message : `throws ${String((error as Error).stack)}`;
    }
    const { client, server, pair } = this;
    const oracles = [...client.sends.values(), ...server.sends.values()];
    return {
      problem,
      atMs: pair.time.nowMs,
      settledAtMs: this.settledAtMs,
      mostOutstanding: this.mostOutstanding,
      sent: oracles.reduce((sum, { sent }) => sum + sent, 0),
      delivered: oracles.reduce((sum, { delivered }) => sum + delivered, 0),
      datagrams: client.session.counters.datagramsSent + server.session.counters.datagramsSent,
    };
  }

  /** Both sides send what they have to send, and what they have no room for when there is room again. */
  talk(): void {
    const { scenario, pair } = this;
    const sides = scenario.bothWays ? [this.client, this.server] : [this.client];
    const waiting = sides.map((side) => ({ side, left: scenario.messages }));
    while (waiting.some(({ left }) => left > 0)) {
      for (const one of waiting) {
        for (let i = 0; i < scenario.perTick && one.left > 0; i++) {
          if (!this.send(one.side)) break;
          one.left--;
        }
      }
      this.goTo(pair.time.nowMs + scenario.tickMs);
      if (pair.time.nowMs > MAX_SETTLE_MS) throw new Failed("no room for a message, for ever");
    }
    const { busyMs, later, move } = scenario;
    // With a move until both know of it.
    const knownMs = move === undefined ? 0 : move.atMs + move.gapMs + delayOf(move.path);
    const until = Math.max(busyMs?.[1] ?? 0, later?.atMs ?? 0, knownMs);
    this.goTo(until);
  }

  send(side: Side): boolean {
    const { stopped } = this.server;
    const fills = stopped !== undefined && side === this.client && this.random.chance(0.5);
    const channel = fills ? stopped : this.random.pick(this.channels);
    let oracle = side.sends.get(channel.index);
    if (oracle === undefined) {
      oracle = new Oracle(channel.delivery);
      side.sends.set(channel.index, oracle);
      side.notices.set(channel.index, new NoticeOracle(channel));
    }
    const { session } = side;
    const notices = side.notices.get(channel.index)!;
    const payload = this.payload(channel, oracle.sent);
    const token = notices.asks(oracle.sent) ? oracle.sent : undefined;
    if (!session.send(channel.index, payload, 0, payload.length, token)) return false;
    if (token !== undefined) notices.taken(token);
    oracle.taken(payload);
    return true;
  }

  payload(channel: ChannelDefinition, index: number): Uint8Array {
    const payload = new Uint8Array(this.size(channel));
    const salt = index * 31 + channel.index;
    for (let i = 0; i < payload.length; i++) payload[i] = salt + i * 7 + (i >> 8) * 13;
    if (payload.length >= 4) new DataView(payload.buffer).setUint32(0, index);
    return payload;
  }

  size({ fixedBytes, maxBytes, fragment }: ChannelDefinition): number {
    if (fixedBytes >= 0) return fixedBytes;
    const { random } = this;
    const { sliceBytes } = this.protocol.limits;
    const { sizes } = this.scenario;
    if (random.chance(0.15)) return random.integer(0, 5);
    if (sizes === "small" || random.chance(sizes === "large" ? 0.2 : 0.6)) {
      return random.integer(4, 80);
    }
    const whole = Math.min(maxBytes, sliceBytes);
    const sliced = fragment && maxBytes > 4 * sliceBytes;
    if (!sliced || random.chance(sizes === "large" ? 0.5 : 0.8)) return random.integer(0, whole);
    // Around the edges of slices, too: a small last one may ride with the one before.
    if (random.chance(0.5)) return sliceBytes * random.pick([1, 1, 2, 3]) + random.integer(-1, 20);
    return random.integer(whole, 4 * sliceBytes);
  }

  /** Lets time pass, with what is to happen on the way. */
  goTo(atMs: number): void {
    const { pair, scenario, server } = this;
    const { busyMs, later } = scenario;
    const turns = [later?.atMs, busyMs?.[0], busyMs?.[1], ...this.moves.map(([turn]) => turn)]
      .filter((turn) => turn !== undefined && turn >= pair.time.nowMs && turn <= atMs)
      .sort((a, b) => a! - b!);
    for (const turn of [...turns, atMs]) {
      if (turn! > pair.time.nowMs) pair.run(turn! - pair.time.nowMs);
      else pair.flush();
      const { nowMs } = pair.time;
      if (later !== undefined && nowMs >= later.atMs) this.setPath(later.path);
      while (this.moves.length > 0 && nowMs >= this.moves[0]![0]) this.moves.shift()![1]();
      if (busyMs !== undefined) {
        const accepting = nowMs < busyMs[0] || nowMs >= busyMs[1];
        if (accepting && !server.accepting) {
          server.accepting = true;
          server.session.pump();
        }
        server.accepting = accepting;
      }
      this.checkBounds();
    }
  }

  /** All that was sent on other channels arrives while nobody reads one of them; then somebody does. */
  comeBack(): void {
    const { client, server, pair, scenario } = this;
    const { stopped } = server;
    if (stopped === undefined) return;
    const others = this.channels.filter((channel) => channel !== stopped);
    const haveLeft = (): boolean => {
      this.checkBounds();
      return others.every(({ index }) => client.session.queuedBytes(index) === 0);
    };
    const lies = canLie(this.protocol, scenario.path);
    if (!pair.runUntil(haveLeft, lies ? LIES_SETTLE_MS : MAX_SETTLE_MS) && !lies) {
      throw new Failed(`other channels stand still while nobody reads ${stopped.name}`);
    }
    server.stopped = undefined;
    server.session.pump();
  }

  /** What a move is made of, and when. */
  movesOf({ move }: Scenario): [atMs: number, make: () => void][] {
    if (move === undefined) return [];
    const { atMs, gapMs, path, isElsewhere } = move;
    const provenMs = atMs + gapMs;
    return [
      [
        atMs,
        () => {
          // What the client has sent is on its way; what is sent to it finds nobody.
          this.pair.linkFromB.loseAll();
          this.setPath({ fromClient: { loss: 1 } });
        },
      ],
      [
        provenMs,
        () => {
          this.setPath(path);
          this.moveSide(this.server, isElsewhere);
        },
      ],
      [provenMs + delayOf(path), () => this.moveSide(this.client, isElsewhere)],
    ];
  }

  /** Of another path nothing is known; of a port that is another all of it holds. */
  moveSide({ session, role }: Side, isElsewhere: boolean): void {
    const known = () => [session.rttMs, session.datagramBytes, session.bytesInFlight];
    const { maxDatagramBytes } = this.protocol.limits;
    const expected = isElsewhere ? [0, maxDatagramBytes, 0] : known();
    session.move(isElsewhere, this.pair.time.nowMs);
    if (`${known()}` !== `${expected}`) {
      throw new Failed(`${role} has moved, and knows ${known()} of its path, not ${expected}`);
    }
  }

  setPath(path: Path): void {
    this.pair.linkFromA.options = path.fromClient;
    this.pair.linkFromB.options = path.fromServer ?? path.fromClient;
  }

  /** What is owed arrives, over the path as it is. */
  settle(): void {
    const { scenario, pair, client, server } = this;
    const settled = (): boolean => {
      this.checkBounds();
      return [client, server].every(
        ({ session }) =>
          !session.unacknowledged &&
          this.channels.every(({ index }) => session.queuedBytes(index) === 0),
      );
    };
    const lies = canLie(this.protocol, scenario.path);
    const arrives = pair.runUntil(settled, lies ? LIES_SETTLE_MS : MAX_SETTLE_MS);
    if (lies) return;
    this.settledAtMs = pair.time.nowMs;
    if (!arrives) {
      const owed = [client, server].some(({ session }) => session.unacknowledged);
      throw new Failed(
        owed ? "reliable messages are never acknowledged" : "messages are never sent",
      );
    }
    pair.run(1000);
    const { busyMs, move, path } = scenario;
    const faithful = losesNothing(path) && busyMs === undefined && move === undefined;
    const ordered = faithful && keepsOrder(scenario.path);
    for (const side of [client, server]) {
      for (const [index, oracle] of side.sends) {
        const { name, fragment, reliable, maxAgeMs } = this.protocol.channels[index]!;
        // Few unfinished unreliable messages are kept: where slices overtake, some are given up. And some become too old.
        const inTime = maxAgeMs === undefined || side.session.counters.unreliableExpired === 0;
        const nothingLost = inTime && (fragment && !reliable ? ordered : faithful);
        const problem =
          oracle.finish(nothingLost, ordered) ||
          side.notices.get(index)!.finish(oracle, this.circumstances(side));
        if (problem !== "") throw new Failed(`${name} from ${side.role}: ${problem}`);
      }
    }
  }

  /** Of what `side` has sent. */
  circumstances(side: Side): Circumstances {
    const { path, busyMs, later, move } = this.scenario;
    const other = side === this.client ? this.server : this.client;
    const { counters } = side.session;
    const causes = [
      "datagramsLost",
      "messagesReplaced",
      "unreliableUnsent",
      "unreliableExpired",
    ] as const;
    return {
      // What went the longer way before a move is overtaken by what goes the new one.
      reordered:
        !keepsOrder(path) || move !== undefined || (later !== undefined && !keepsOrder(later.path)),
      busy: busyMs !== undefined,
      reassembliesDropped: other.session.counters.reassembliesDropped > 0,
      lossCounted: causes.some((cause) => counters[cause] > 0),
    };
  }

  /** On a path without faults both sides come to rest. */
  rest(): void {
    const { pair, client, server, scenario } = this;
    const sides = [client, server];
    this.setPath({ fromClient: healed });
    pair.run(HEALED_MS);
    for (let i = 0; i < 2; i++) {
      for (const { session } of sides) session.ping();
      pair.run(HEALED_MS);
    }
    const datagrams = () => sides.reduce((n, { session }) => n + session.counters.datagramsSent, 0);
    const before = datagrams();
    pair.run(SILENT_MS);
    const lies = canLie(this.protocol, scenario.path);
    // Who believed an ack that nobody sent waits, and asks, for ever.
    if (lies) return;
    if (datagrams() !== before) {
      throw new Failed(`${datagrams() - before} datagrams are sent while there is nothing to say`);
    }
    for (const { session, role } of sides) {
      for (const [what, bytes] of Object.entries(holdings(session))) {
        if (bytes !== 0) throw new Failed(`${role} at rest: ${what} is ${bytes}`);
      }
      for (const { index, name } of this.protocol.channels) {
        const bytes = session.queuedBytes(index);
        if (bytes !== 0) throw new Failed(`${role} at rest: ${bytes} bytes are queued on ${name}`);
      }
      if (session.failure !== undefined) {
        throw new Failed(`${role} has closed for an honest peer: ${session.failure.reason}`);
      }
      // What was damaged on the way and refused is to no one's blame.
      if (tellsLies(scenario.path)) continue;
      for (const reason of Object.keys(dropReasons) as DropReason[]) {
        const count = session.counters[reason];
        if (count !== 0 && !innocent.has(reason)) {
          throw new Failed(`${role} has dropped ${count} datagrams of an honest peer: ${reason}`);
        }
      }
    }
  }

  checkBounds(): void {
    const { sliceBytes } = this.protocol.limits;
    const largestBytes = largestDatagramBytes(this.protocol.limits);
    const { windowBytes } = this.scenario;
    const beside = MAX_UNRELIABLE_REASSEMBLIES * sliceBytes;
    for (const { session, role, otherBytes } of [this.client, this.server]) {
      const held = holdings(session);
      if (held.bytesInFlight < 0) throw new Failed(`${role}: ${held.bytesInFlight} in flight`);
      if (windowBytes !== undefined) {
        // What closes the window; probes, and datagrams without data, which do not wait for it.
        const beyond = (1 + session.counters.probesSent) * largestBytes + otherBytes;
        if (held.bytesInFlight > windowBytes + beyond) {
          throw new Failed(`${role}: ${held.bytesInFlight} bytes in flight of ${windowBytes}`);
        }
      }
      const most = mayHoldBytes(session);
      if (held.chargedBytes > most || held.sliceBytes > 1.5 * most + beside) {
        throw new Failed(`${role} holds ${held.chargedBytes} bytes, ${held.sliceBytes} in slices`);
      }
      this.mostOutstanding = Math.max(this.mostOutstanding, outstanding(session));
      if (outstanding(session) > 2 * MAX_OUTSTANDING_DATAGRAMS) {
        throw new Failed(`${role} remembers ${outstanding(session)} datagrams`);
      }
      if (ackRanges(session) > MAX_KNOWN_RANGES) throw new Failed(`${role}: too many ack ranges`);
    }
  }
}
