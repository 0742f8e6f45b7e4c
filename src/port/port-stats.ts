/**
 * What a port says of itself: sums over the peers that are there and those that have left, and what its worker counts. Built
 * when somebody asks. Worst case: one look at each counter of each peer.
 */
import { type Histogram, noHistogram } from "../histogram.ts";
import type { Protocol } from "../protocol.ts";
import { createSessionCounters, type SessionCounters } from "../session/counters.ts";
import { dropReasons } from "../session/drop-reason.ts";
import type { Session } from "../session/session.ts";
import {
  type ChannelStats,
  type ConnectionStats,
  type JoinStats,
  noChannel,
  noTraffic,
  type PeerStats,
  type PortStats,
  sumChannels,
  sumQueues,
  sumTraffic,
  type TrafficStats,
} from "../stats.ts";
import { rejectCounters, type ZeroCounters, zeroDropReasons } from "../zero/counters.ts";
import type { RejectReason } from "../zero/messages.ts";

/** What the worker says; what the application's thread knows better is added there (handle.ts). */
export type WorkerStats = Omit<PortStats, "load" | "rings">;

/** Of one peer. */
export interface PeerReading {
  readonly session: Session;
  readonly stats: PeerStats;
}

/** What peers that have left have done, and what all have. */
export class PortTally {
  readonly #counters: SessionCounters = createSessionCounters();
  #traffic: TrafficStats = noTraffic;
  #channels: Readonly<Record<string, ChannelStats>>;

  constructor({ channels }: Protocol) {
    this.#channels = Object.fromEntries(channels.map(({ name }) => [name, noChannel]));
  }

  /** A peer has left. */
  keep(session: Session, nowMs: number): void {
    addCounts(this.#counters, session.counters);
    const stats = session.stats(nowMs);
    this.#traffic = sumTraffic([this.#traffic, stats]);
    this.#channels = withoutQueues(sumChannels([this.#channels, stats.channels]));
  }

  /** Of all sessions, those that have left included. */
  sum(
    sessions: readonly Session[],
    stats: readonly ConnectionStats[],
  ): {
    readonly counters: SessionCounters;
    readonly traffic: TrafficStats;
    readonly channels: Readonly<Record<string, ChannelStats>>;
  } {
    const counters = { ...this.#counters };
    for (const session of sessions) addCounts(counters, session.counters);
    return {
      counters,
      traffic: sumTraffic([this.#traffic, ...stats]),
      channels: sumChannels([this.#channels, ...stats.map(({ channels }) => channels)]),
    };
  }
}

/** What its worker puts together. */
export interface PortParts {
  readonly port: number;
  readonly threadId: number;
  readonly nowMs: number;
  readonly peers: readonly PeerReading[];
  readonly tally: PortTally;
  readonly zero: ZeroCounters;
  /** The port's own counters, and those of its sessions and its connection protocol. */
  readonly counters: (sessions: SessionCounters) => Record<string, number>;
  readonly rtt: Histogram;
  readonly eventLoopDelay: Histogram;
  readonly withPeers: boolean;
}

export function portStats(parts: PortParts): WorkerStats {
  const { port, threadId, nowMs, peers, tally, zero, rtt, eventLoopDelay, withPeers } = parts;
  const stats = peers.map((peer) => peer.stats);
  const all = tally.sum(
    peers.map(({ session }) => session),
    stats,
  );
  const counters = parts.counters(all.counters);
  const refused = refusedOf(counters);
  const { traffic, channels } = all;
  return {
    atMs: nowMs,
    port,
    peers: peers.length,
    threadId,
    ...traffic,
    datagramsRefused: Object.values(refused).reduce((sum, count) => sum + count, 0),
    queue: sumQueues(stats.map(({ queue }) => queue)),
    channels,
    rtt,
    eventLoopDelay,
    joins: joinsOf(counters, zero),
    refused,
    counters,
    peerStats: withPeers ? stats : undefined,
  };
}

/** Of a port of which nothing is known. */
export function noStats(port: number, threadId: number): WorkerStats {
  return {
    atMs: 0,
    port,
    peers: 0,
    threadId,
    ...noTraffic,
    queue: { bytes: 0, ageMs: 0 },
    channels: {},
    rtt: noHistogram,
    eventLoopDelay: noHistogram,
    joins: { joined: 0, expired: 0, rejected: {} },
    refused: {},
    counters: {},
  };
}

/** Those of the port that say of a datagram that it was refused. */
function refusedOf(counters: Readonly<Record<string, number>>): Record<string, number> {
  const names = [
    "datagramsRunt",
    "datagramsFromStrangers",
    ...Object.keys(dropReasons).map((name) => `session.${name}`),
    ...Object.keys(zeroDropReasons)
      .filter((name) => name !== "accepted")
      .map((name) => `zero.${name}`),
  ];
  const refused: Record<string, number> = {};
  for (const name of names) {
    const count = counters[name] ?? 0;
    if (count > 0) refused[name] = count;
  }
  return refused;
}

function joinsOf(counters: Readonly<Record<string, number>>, zero: ZeroCounters): JoinStats {
  const rejected: Record<string, number> = {};
  for (const [reason, counter] of Object.entries(rejectCounters)) {
    rejected[reason satisfies string as RejectReason] = zero[counter];
  }
  return {
    joined: counters["peersJoined"] ?? 0,
    expired: counters["joinsExpired"] ?? 0,
    rejected,
  };
}

function withoutQueues(channels: Record<string, ChannelStats>): Record<string, ChannelStats> {
  return Object.fromEntries(
    Object.entries(channels).map(([name, channel]) => [
      name,
      { ...channel, queue: { bytes: 0, ageMs: 0 } },
    ]),
  );
}

function addCounts(to: SessionCounters, from: Readonly<SessionCounters>): void {
  for (const name in from) {
    to[name as keyof SessionCounters] += from[name as keyof SessionCounters];
  }
}
