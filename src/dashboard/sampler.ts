/**
 * Reads a server's statistics and keeps what rates, losses and curves need of the readings before. Peers are asked only while somebody
 * looks, and of many not every second. Memory: HISTORY points, and a few numbers a peer while somebody looks. Worst case of a look: one
 * sort of all peers.
 */
import { type Histogram, noHistogram, percentile, sinceHistogram } from "../histogram.ts";
import type { PeerStats, PortStats, ServerStats, StatsOptions } from "../stats.ts";
import { refusedCauses, rejectedCauses } from "./causes.ts";
import { findingsOf, peerTrouble, portTrouble } from "./findings.ts";
import { channelStates, perSecond, RecentLoss, ratesOf } from "./rates.ts";
import {
  type DashboardState,
  type HistoryPoint,
  MAX_CHANNELS,
  MAX_CHIPS,
  MAX_LABEL,
  MAX_PORTS,
  type PeerDetail,
  type PeerState,
  type PeersPage,
  type PeersQuery,
  type PortState,
} from "./state.ts";

/** Points of the curves: five minutes, while somebody looks. */
const HISTORY = 300;
/** Peers that are asked in a second, as a mean: of more, each is asked less often. */
const PEERS_PER_SECOND = 500;

/** What is asked: of a server, whatever its protocol. */
export interface SampledServer<Peer> {
  readonly hosts: readonly string[];
  readonly peers: ReadonlyMap<number, Peer>;
  stats(options?: StatsOptions): Promise<ServerStats>;
}

/** How late event loops are: one in twenty of the timers of so many readings is later. */
const LATE_SHARE = 0.95;
const LATE_READINGS = 10;

/** A reading of a peer, and what is remembered of it until the next. */
interface Known {
  readonly stats: PeerStats;
  readonly recent: RecentLoss;
  readonly state: PeerState;
}

type Detail = Omit<PeerDetail, "trace">;

export class Sampler<Peer extends { readonly isAway: boolean }> {
  readonly history: HistoryPoint[] = [];
  readonly #server: SampledServer<Peer>;
  readonly #label: (peer: Peer) => string;
  readonly #run: string;
  readonly #title: string;
  readonly #hasScene: boolean;
  readonly #recent = new RecentLoss();
  readonly #recentOfPorts = new Map<number, RecentLoss>();
  readonly #loopDelay = new Lately();
  readonly #loopDelayOfPorts = new Map<number, Lately>();
  #before: ServerStats | undefined;
  #peers = new Map<number, Known>();
  /** Not well, the worst first. */
  #suffering: readonly PeerState[] = [];
  #peersAtMs = Number.NEGATIVE_INFINITY;
  #state: Omit<DashboardState, "peersPage"> | undefined;

  constructor(
    server: SampledServer<Peer>,
    label: (peer: Peer) => string,
    about: { readonly run: string; readonly title: string; readonly hasScene: boolean },
  ) {
    this.#server = server;
    this.#label = label;
    this.#run = about.run;
    this.#title = about.title;
    this.#hasScene = about.hasScene;
  }

  /** Reads. `watched`: somebody looks, so peers are read too. */
  async sample(watched: boolean): Promise<void> {
    const { size } = this.#server.peers;
    const everyMs = (size / PEERS_PER_SECOND) * 1000;
    const isDue = performance.now() - this.#peersAtMs >= everyMs;
    if (!watched) this.#forgetPeers();
    const stats = await this.#server.stats({ peers: watched && isDue });
    if (watched && isDue) this.#takePeers(stats.ports);
    this.#takeServer(stats);
    this.#before = stats;
  }

  /** Nothing before the first `sample`. */
  state(query: PeersQuery): DashboardState | undefined {
    if (this.#state === undefined) return undefined;
    return { ...this.#state, peersPage: this.#page(query) };
  }

  level(peer: number): PeerState["level"] {
    return this.#peers.get(peer)?.state.level ?? 0;
  }

  /** Whether peers have been read since somebody looks. */
  get knowsPeers(): boolean {
    return Number.isFinite(this.#peersAtMs);
  }

  /** 0: not known yet. */
  portOf(peer: number): number {
    return this.#peers.get(peer)?.state.port ?? 0;
  }

  /** A peer by itself, from a reading of it. `before`: the reading before. */
  detail(stats: PeerStats, before: PeerStats | undefined): Detail {
    const known = this.#peers.get(stats.id);
    const seconds = secondsBetween(stats, before);
    const recent = known?.recent ?? new RecentLoss();
    if (known === undefined) recent.take(stats, seconds);
    const { bytesPerSecond, datagramBytes } = stats.congestion;
    return {
      ...this.#peerState(stats, before, recent),
      latestMs: stats.rtt.latestMs,
      bytesPerSecond: Number.isFinite(bytesPerSecond) ? bytesPerSecond : undefined,
      datagramBytes,
      channels: channelStates(stats.channels, before?.channels, seconds, MAX_CHANNELS),
      refused: refusedCauses(stats.refused, before?.refused, seconds),
    };
  }

  labelOf(id: number): string {
    const peer = this.#server.peers.get(id);
    return peer === undefined ? "" : String(this.#label(peer)).slice(0, MAX_LABEL);
  }

  #forgetPeers(): void {
    this.#peers.clear();
    this.#suffering = [];
    this.#peersAtMs = Number.NEGATIVE_INFINITY;
  }

  #takePeers(ports: readonly PortStats[]): void {
    const peers = new Map<number, Known>();
    for (const stats of ports.flatMap(({ peerStats = [] }) => peerStats)) {
      const before = this.#peers.get(stats.id);
      const recent = before?.recent ?? new RecentLoss();
      recent.take(stats, secondsBetween(stats, before?.stats));
      peers.set(stats.id, { stats, recent, state: this.#peerState(stats, before?.stats, recent) });
    }
    this.#peers = peers;
    this.#peersAtMs = performance.now();
    this.#suffering = [...peers.values()]
      .map(({ state }) => state)
      .filter(({ level }) => level > 0)
      .sort((a, b) => b.level - a.level || worse(b) - worse(a) || a.id - b.id);
  }

  #peerState(stats: PeerStats, before: PeerStats | undefined, recent: RecentLoss): PeerState {
    const seconds = secondsBetween(stats, before);
    const refusedBefore = before?.datagramsRefused ?? stats.datagramsRefused;
    const measured = {
      id: stats.id,
      label: this.labelOf(stats.id),
      port: stats.port,
      address: stats.address,
      isAway: this.#server.peers.get(stats.id)?.isAway ?? false,
      connectedMs: stats.connectedMs,
      rates: ratesOf(stats, before, before === undefined ? stats.connectedMs / 1000 : seconds),
      loss: recent.loss,
      rttMs: stats.rtt.smoothedMs,
      rttMinMs: stats.rtt.minMs,
      jitterMs: stats.rtt.jitterMs,
      queueBytes: stats.queue.bytes,
      queueAgeMs: stats.queue.ageMs,
      windowBytes: stats.congestion.windowBytes,
      inFlightBytes: stats.congestion.inFlightBytes,
      refusedRate: perSecond(stats.datagramsRefused, refusedBefore, seconds),
    };
    return { ...measured, ...peerTrouble(measured) };
  }

  #takeServer(stats: ServerStats): void {
    const before = this.#before;
    const seconds = secondsBetween(stats, before);
    this.#recent.take(stats, seconds);
    const rates = ratesOf(stats, before, before === undefined ? stats.uptimeMs / 1000 : seconds);
    const { loss } = this.#recent;
    const rtt = lately(stats.rtt, before?.rtt);
    const ports = stats.ports.slice(0, MAX_PORTS).map((port) => this.#portState(port, before));
    const loopDelayMs = percentile(this.#loopDelay.take(stats.eventLoopDelay), LATE_SHARE);
    const rttMs = percentile(rtt, 0.5);
    const rttP99Ms = percentile(rtt, 0.99);
    const atMs = Date.now();
    this.#state = {
      title: this.#title,
      run: this.#run,
      atMs,
      uptimeMs: stats.uptimeMs,
      hosts: this.#server.hosts,
      peers: stats.ports.reduce((sum, { peers }) => sum + peers, 0),
      joined: stats.joined,
      left: stats.left,
      rates,
      loss,
      rttMs,
      rttP99Ms,
      queueBytes: stats.queue.bytes,
      queueAgeMs: stats.queue.ageMs,
      loopDelayMs,
      authenticateMs: percentile(stats.authenticate, 0.99),
      ports,
      morePorts: stats.ports.length - ports.length,
      channels: channelStates(stats.channels, before?.channels, seconds, MAX_CHANNELS),
      refused: refusedCauses(stats.refused, before?.refused, seconds),
      rejected: rejectedCauses(stats.joins.rejected, before?.joins.rejected, seconds),
      expired: stats.joins.expired,
      findings: findingsOf(ports, this.#suffering, loopDelayMs),
      hasScene: this.#hasScene,
    };
    if (before === undefined) return;
    const { messagesDown, messagesUp, bytesDown, bytesUp } = rates;
    const { down, up } = loss;
    const times = [rttMs, rttP99Ms] as const;
    this.history.push([atMs, messagesDown, messagesUp, bytesDown, bytesUp, ...times, down, up]);
    if (this.history.length > HISTORY) this.history.shift();
  }

  #portState(stats: PortStats, serverBefore: ServerStats | undefined): PortState {
    const { port } = stats;
    const before = serverBefore?.ports.find((other) => other.port === port);
    const seconds = secondsBetween(stats, before);
    const recent = made(this.#recentOfPorts, port, () => new RecentLoss());
    recent.take(stats, seconds);
    const loopDelay = made(this.#loopDelayOfPorts, port, () => new Lately());
    const rtt = lately(stats.rtt, before?.rtt);
    const { toWorker, toApplication } = stats.rings;
    const numbers = {
      port,
      threadId: stats.threadId,
      peers: stats.peers,
      joined: stats.joins.joined,
      load: stats.load,
      rates: ratesOf(stats, before ?? stats, seconds),
      loss: recent.loss,
      rttMs: percentile(rtt, 0.5),
      rttP99Ms: percentile(rtt, 0.99),
      queueBytes: stats.queue.bytes,
      queueAgeMs: stats.queue.ageMs,
      loopDelayMs: percentile(loopDelay.take(stats.eventLoopDelay), LATE_SHARE),
      ringToWorker: toWorker.usedBytes / toWorker.capacityBytes,
      ringToApplication: toApplication.usedBytes / toApplication.capacityBytes,
    };
    const suffering = this.#suffering.filter((peer) => peer.port === port);
    return {
      ...numbers,
      ...portTrouble(numbers, suffering),
      suffering: suffering.length,
      chips: this.#chips(port, suffering),
    };
  }

  /** In the order of their ids, so that none changes its place. */
  #chips(port: number, suffering: readonly PeerState[]): PortState["chips"] {
    const chosen = suffering.slice(0, MAX_CHIPS);
    for (const { state } of this.#peers.values()) {
      if (chosen.length === MAX_CHIPS) break;
      if (state.port === port && state.level === 0) chosen.push(state);
    }
    return chosen.map(({ id, label, level }) => ({ id, label, level })).sort((a, b) => a.id - b.id);
  }

  #page({ sort, port, find, from, limit }: PeersQuery): PeersPage {
    const wanted = find.toLowerCase();
    const matching: PeerState[] = [];
    for (const { state } of this.#peers.values()) {
      if (port !== undefined && state.port !== port) continue;
      if (wanted !== "" && !wordsOf(state).includes(wanted)) continue;
      matching.push(state);
    }
    matching.sort((a, b) => compare(a, b, sort) || a.id - b.id);
    const first = Math.min(from, Math.max(0, matching.length - 1));
    return {
      total: this.#server.peers.size,
      matching: matching.length,
      from: first,
      rows: matching.slice(first, first + limit),
      ageMs: Math.max(0, performance.now() - this.#peersAtMs),
    };
  }
}

function secondsBetween(
  now: { readonly atMs: number },
  before?: { readonly atMs: number },
): number {
  return Math.max(0.001, (now.atMs - (before?.atMs ?? 0)) / 1000);
}

/** What came since the reading before, or all where nothing did; a worker that was started again counts from 0. */
function lately(now: Histogram, before: Histogram = noHistogram): Histogram {
  return sinceHistogram(now, before.count >= now.count ? noHistogram : before);
}

/** What a histogram has counted over the last readings: of few samples one alone says nothing. */
class Lately {
  readonly #readings: Histogram[] = [];

  take(now: Histogram): Histogram {
    if ((this.#readings.at(-1)?.count ?? 0) > now.count) this.#readings.length = 0;
    this.#readings.push(now);
    if (this.#readings.length > LATE_READINGS) this.#readings.shift();
    return lately(now, this.#readings[0] === now ? undefined : this.#readings[0]);
  }
}

function made<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

function worse({ loss }: PeerState): number {
  return Math.max(loss.down, loss.up);
}

function wordsOf({ id, label, address }: PeerState): string {
  return `${id} ${label} ${address}`.toLowerCase();
}

const keys: Readonly<Record<Exclude<PeersQuery["sort"], "name">, (peer: PeerState) => number>> = {
  loss: (peer) => -worse(peer),
  rtt: ({ rttMs }) => -rttMs,
  queue: ({ queueBytes }) => -queueBytes,
  resent: ({ rates }) => -rates.resent,
  down: ({ rates }) => -rates.bytesDown,
  up: ({ rates }) => -rates.bytesUp,
  id: ({ id }) => id,
};

function compare(a: PeerState, b: PeerState, sort: PeersQuery["sort"]): number {
  if (sort === "name") return a.label < b.label ? -1 : a.label > b.label ? 1 : 0;
  return keys[sort](a) - keys[sort](b);
}
