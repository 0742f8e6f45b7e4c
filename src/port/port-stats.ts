/**
 * What a port says of itself: sums over the peers that are there and those that have left, and what its worker counts. Built
 * when somebody asks. Worst case: one look at each counter of each peer.
 */
import { type Histogram, noHistogram } from "../histogram.ts";
import type { SessionCounters } from "../session/counters.ts";
import { dropReasons } from "../session/drop-reason.ts";
import type { SessionSums } from "../session/session-stats.ts";
import { type JoinStats, noTraffic, type PeerStats, type PortStats, sumQueues } from "../stats.ts";
import { rejectCounters, type ZeroCounters, zeroDropReasons } from "../zero/counters.ts";
import type { RejectReason } from "../zero/messages.ts";

/** What the worker says. */
export type WorkerStats = Omit<PortStats, "load" | "rings">;

/** With what the application's thread knows better. */
export function withApplication(
  said: WorkerStats,
  known: Pick<PortStats, "load" | "rings">,
  messagesStale: number,
): PortStats {
  return { ...said, ...known, counters: { ...said.counters, messagesStale } };
}

/** What its worker puts together. */
export interface PortParts {
  readonly port: number;
  readonly threadId: number;
  readonly nowMs: number;
  /** How many are there. */
  readonly peers: number;
  /** Their sessions, and those of peers that have left. */
  readonly sums: SessionSums;
  readonly zero: ZeroCounters;
  /** The port's own counters, and those of its sessions and its connection protocol. */
  readonly counters: (sessions: SessionCounters) => Record<string, number>;
  readonly rtt: Histogram;
  readonly eventLoopDelay: Histogram;
  /** Of each peer, where that was asked for. */
  readonly peerStats: readonly PeerStats[] | undefined;
}

export function portStats(parts: PortParts): WorkerStats {
  const { port, threadId, nowMs, peers, sums, zero, rtt, eventLoopDelay, peerStats } = parts;
  const counters = parts.counters(sums.counters);
  const refused = refusedOf(counters);
  const channels = sums.channelStats();
  return {
    atMs: nowMs,
    port,
    peers,
    threadId,
    ...sums.traffic(Object.values(refused).reduce((sum, count) => sum + count, 0)),
    queue: sumQueues(Object.values(channels).map(({ queue }) => queue)),
    channels,
    rtt,
    eventLoopDelay,
    joins: joinsOf(counters, zero),
    refused,
    counters,
    peerStats,
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
