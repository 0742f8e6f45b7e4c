/**
 * What a session says of itself: its counters put in order, and what only it knows of the path and of what waits. Nothing
 * is counted here. Worst case: one look at each channel and each counter.
 */
import { SKIP_ONE_IN } from "../limits.ts";
import type { Protocol } from "../protocol.ts";
import {
  type ChannelStats,
  type ConnectionStats,
  type QueueStats,
  sumQueues,
  type TrafficStats,
} from "../stats.ts";
import type { CongestionController } from "./congestion/controller.ts";
import type { SessionCounters } from "./counters.ts";
import { type DropReason, dropReasons } from "./drop-reason.ts";
import type { PathMtu } from "./path-mtu.ts";
import type { RttEstimator } from "./rtt.ts";
import type { Senders } from "./senders.ts";
import type { SentPackets } from "./sent.ts";

/** What it is read from. */
interface SessionParts {
  readonly protocol: Protocol;
  readonly counters: SessionCounters;
  readonly rtt: RttEstimator;
  readonly sent: SentPackets;
  readonly path: PathMtu;
  readonly controller: CongestionController;
  readonly senders: Senders;
  readonly received: {
    /** Messages and payload bytes, a pair for each channel. */
    readonly counts: Float64Array;
    /** The largest packet number; -1 before the first. */
    readonly largest: number;
  };
}

const NOTHING: QueueStats = { bytes: 0, ageMs: 0 };

export function sessionStats(parts: SessionParts, nowMs: number): ConnectionStats {
  const { counters, rtt, sent, path, controller, received } = parts;
  const channels = channelStats(parts, nowMs);
  const refused: Record<string, number> = {};
  let datagramsRefused = 0;
  for (const name in dropReasons) {
    const count = counters[name as DropReason];
    if (count > 0) refused[name] = count;
    datagramsRefused += count;
  }
  const traffic = trafficOf(counters, received.largest, datagramsRefused);
  const numbered = traffic.datagramsReceived + traffic.datagramsMissing;
  const rtts = rtt.stats();
  return {
    atMs: nowMs,
    ...traffic,
    rttMs: rtts.smoothedMs,
    rtt: rtts,
    loss: {
      out: share(traffic.datagramsLost, traffic.datagramsAsking),
      in: share(traffic.datagramsMissing, numbered),
    },
    queue: sumQueues(Object.values(channels).map(({ queue }) => queue)),
    congestion: {
      windowBytes: controller.windowBytes,
      inFlightBytes: sent.bytesInFlight,
      bytesPerSecond: controller.pacingBytesPerMs * 1000,
      datagramBytes: path.datagramBytes,
    },
    channels,
    refused,
  };
}

function trafficOf(
  counters: SessionCounters,
  largest: number,
  datagramsRefused: number,
): TrafficStats {
  const { datagramsSent, datagramsReceived, bytesSent, bytesReceived } = counters;
  const skipped = Math.round((largest + 1) / SKIP_ONE_IN);
  return {
    datagramsSent,
    datagramsReceived,
    bytesSent,
    bytesReceived,
    messagesSent: counters.messagesSent,
    messagesReceived: counters.messagesReceived,
    framesResent: counters.messagesResent,
    datagramsAsking: datagramsSent - counters.acksSent - counters.pathProbesSent,
    datagramsLost: Math.max(0, counters.datagramsLost - counters.spuriousLosses),
    datagramsMissing: Math.max(0, largest + 1 - datagramsReceived - skipped),
    datagramsRefused,
  };
}

function channelStats(
  { protocol, senders, received }: SessionParts,
  nowMs: number,
): Record<string, ChannelStats> {
  const all: Record<string, ChannelStats> = {};
  for (const { name, index } of protocol.channels) {
    const sender = senders.made(index);
    all[name] = {
      messagesSent: sender?.messagesSent ?? 0,
      bytesSent: sender?.bytesSent ?? 0,
      framesResent: sender?.framesResent ?? 0,
      messagesReceived: received.counts[2 * index]!,
      bytesReceived: received.counts[2 * index + 1]!,
      queue:
        sender === undefined ? NOTHING : { bytes: sender.heldBytes, ageMs: sender.ageMs(nowMs) },
    };
  }
  return all;
}

function share(part: number, of: number): number {
  return of === 0 ? 0 : Math.min(1, part / of);
}
