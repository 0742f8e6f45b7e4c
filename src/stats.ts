/**
 * What a server, a port, a peer and a client say of themselves: types, and sums of them. Counts begin with what they are
 * of: a connection when it is open, a port when its worker starts. Rates are the reader's: what two looks differ in, by what
 * their `atMs` do. Not here: who counts (session/session-stats.ts, port/port-stats.ts).
 */
import type { Histogram } from "./histogram.ts";

/** What has gone either way, as counts. */
export interface TrafficStats {
  /** Datagrams of the regular protocol. */
  readonly datagramsSent: number;
  readonly datagramsReceived: number;
  /** Their bytes, headers of UDP and IP not counted. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly messagesSent: number;
  readonly messagesReceived: number;
  /** Frames (whole messages or slices) that were sent again. */
  readonly framesResent: number;
  /** Of `datagramsSent`, those that asked for an ack: the only ones of which a loss is noticed. */
  readonly datagramsAsking: number;
  /** Of those, believed lost, less those that arrived after all. */
  readonly datagramsLost: number;
  /**
   * Datagrams that the other side has numbered and that are not here. An estimate: it leaves about one number in 4,096 out
   * on purpose, which is taken off; what is late counts until it comes.
   */
  readonly datagramsMissing: number;
  /** Datagrams that came and were refused; `refused` says why. */
  readonly datagramsRefused: number;
}

/** Round trips; milliseconds, ack delays taken off. All are 0 before the first sample. */
export interface RttStats {
  /** An exponential average (RFC 9002 5.3). */
  readonly smoothedMs: number;
  /** Of the last 5 to 10 seconds. */
  readonly minMs: number;
  /** How far samples lie from the average, itself one. */
  readonly jitterMs: number;
  readonly latestMs: number;
}

/** Parts from 0 to 1, since the beginning. */
export interface LossStats {
  /** Of what this side sent and wanted acknowledged. */
  readonly out: number;
  /** Of what the other side sent. */
  readonly in: number;
}

/** What waits to leave. */
export interface QueueStats {
  /** Payload bytes and 64 for each message: what has not been sent, and what is reliable and not acknowledged. */
  readonly bytes: number;
  /** How long the oldest message that has not left at all has waited; 0: none waits longer than for its turn. */
  readonly ageMs: number;
}

export interface CongestionStats {
  /** Data is sent while less than this is in flight. */
  readonly windowBytes: number;
  readonly inFlightBytes: number;
  /** How fast data leaves, bytes a second; Infinity: only bursts are bounded. */
  readonly bytesPerSecond: number;
  /** The largest datagram, as far as is known of the path. */
  readonly datagramBytes: number;
}

/** Of one channel. Bytes are those of payloads; of what was sent, each counts once. */
export interface ChannelStats {
  readonly messagesSent: number;
  readonly bytesSent: number;
  readonly framesResent: number;
  readonly messagesReceived: number;
  readonly bytesReceived: number;
  readonly queue: QueueStats;
}

/** Numbers of one connection, seen from this side. */
export interface ConnectionStats extends TrafficStats {
  /** When this was read, milliseconds on a clock of this thread that never goes back. */
  readonly atMs: number;
  /** Smoothed round-trip time; 0 before the first sample. As `rtt.smoothedMs`. */
  readonly rttMs: number;
  readonly rtt: RttStats;
  readonly loss: LossStats;
  /** Of all channels: the bytes of all, the age of the oldest. */
  readonly queue: QueueStats;
  readonly congestion: CongestionStats;
  /** By name. */
  readonly channels: Readonly<Record<string, ChannelStats>>;
  /** Datagrams by why they were refused: the names are those of docs/counters.md, without `session.`. */
  readonly refused: Readonly<Record<string, number>>;
}

/** Of a peer, at the server. */
export interface PeerStats extends ConnectionStats {
  readonly id: number;
  /** The port that owns it. */
  readonly port: number;
  /** `address:port` where it is now. */
  readonly address: string;
  /** How long it has been there. */
  readonly connectedMs: number;
}

/** What a ring of a port has unread just now. */
export interface RingStats {
  readonly usedBytes: number;
  readonly capacityBytes: number;
}

/** What became of those who wanted to join. */
export interface JoinStats {
  /** Clients that were let in, and came. */
  readonly joined: number;
  /** Clients that were let in, and did not come in time. */
  readonly expired: number;
  /** Refused, by reason: the `reason` of a ConnectRejectedError, and `protocol`. */
  readonly rejected: Readonly<Record<string, number>>;
}

/** What one port has done so far. */
export interface PortStats extends TrafficStats {
  readonly atMs: number;
  readonly port: number;
  readonly peers: number;
  /** Id of the thread that owns the socket: its worker, or this thread. */
  readonly threadId: number;
  /** Part of the time that its thread has been busy, 0 to 1, over the last second or so; 0 where nothing is known yet. */
  readonly load: number;
  /** Of the peers that are there: the bytes of all queues, the age of the oldest message. */
  readonly queue: QueueStats;
  /** By name, over all peers; those that have left included, but for `queue`. */
  readonly channels: Readonly<Record<string, ChannelStats>>;
  /** Round trips of all its peers, a count for each sample. */
  readonly rtt: Histogram;
  /** How late timers of its worker's event loop fire. */
  readonly eventLoopDelay: Histogram;
  readonly rings: { readonly toWorker: RingStats; readonly toApplication: RingStats };
  readonly joins: JoinStats;
  /** Datagrams by why they were refused, of both protocols: the names of docs/counters.md. */
  readonly refused: Readonly<Record<string, number>>;
  /** Names and counts, see docs/counters.md. */
  readonly counters: Readonly<Record<string, number>>;
  /** Those that are there, where they were asked for: `stats({ peers: true })`. */
  readonly peerStats?: readonly PeerStats[] | undefined;
}

/** Of a server: its ports, and their sums. */
export interface ServerStats extends TrafficStats {
  readonly atMs: number;
  /** Since `listen`. */
  readonly uptimeMs: number;
  readonly ports: readonly PortStats[];
  readonly joined: number;
  readonly left: number;
  readonly queue: QueueStats;
  readonly channels: Readonly<Record<string, ChannelStats>>;
  readonly rtt: Histogram;
  /** How late timers fire on the application's thread. */
  readonly eventLoopDelay: Histogram;
  /** How long `authenticate` has taken. */
  readonly authenticate: Histogram;
  readonly joins: JoinStats;
  readonly refused: Readonly<Record<string, number>>;
  /** What is not a port's, by name (docs/counters.md). */
  readonly counters: Readonly<Record<string, number>>;
}

export interface StatsOptions {
  /** With each peer's own, in `ports[…].peerStats`; default false. Costs the workers more: docs/counters.md. */
  readonly peers?: boolean | undefined;
}

export const noTraffic: TrafficStats = {
  datagramsSent: 0,
  datagramsReceived: 0,
  bytesSent: 0,
  bytesReceived: 0,
  messagesSent: 0,
  messagesReceived: 0,
  framesResent: 0,
  datagramsAsking: 0,
  datagramsLost: 0,
  datagramsMissing: 0,
  datagramsRefused: 0,
};

export function sumTraffic(all: Iterable<TrafficStats>): TrafficStats {
  const sum: { -readonly [name in keyof TrafficStats]: number } = { ...noTraffic };
  for (const one of all) {
    for (const name in noTraffic)
      sum[name as keyof TrafficStats] += one[name as keyof TrafficStats];
  }
  return sum;
}

export function sumQueues(queues: Iterable<QueueStats>): QueueStats {
  let bytes = 0;
  let ageMs = 0;
  for (const queue of queues) {
    bytes += queue.bytes;
    ageMs = Math.max(ageMs, queue.ageMs);
  }
  return { bytes, ageMs };
}

export function sumChannels(
  all: readonly Readonly<Record<string, ChannelStats>>[],
): Record<string, ChannelStats> {
  const sums: Record<string, ChannelStats> = {};
  for (const channels of all) {
    for (const [name, channel] of Object.entries(channels)) {
      const before = sums[name];
      sums[name] = before === undefined ? channel : addChannels(before, channel);
    }
  }
  return sums;
}

function addChannels(a: ChannelStats, b: ChannelStats): ChannelStats {
  return {
    messagesSent: a.messagesSent + b.messagesSent,
    bytesSent: a.bytesSent + b.bytesSent,
    framesResent: a.framesResent + b.framesResent,
    messagesReceived: a.messagesReceived + b.messagesReceived,
    bytesReceived: a.bytesReceived + b.bytesReceived,
    queue: sumQueues([a.queue, b.queue]),
  };
}

/** Adds counts up, name by name. */
export function sumCounts(
  all: readonly Readonly<Record<string, number>>[],
): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const counts of all) {
    for (const name in counts) sums[name] = (sums[name] ?? 0) + counts[name]!;
  }
  return sums;
}

export function sumJoins(all: readonly JoinStats[]): JoinStats {
  return {
    joined: all.reduce((sum, { joined }) => sum + joined, 0),
    expired: all.reduce((sum, { expired }) => sum + expired, 0),
    rejected: sumCounts(all.map(({ rejected }) => rejected)),
  };
}
