/** What a server says of itself: its ports put together, and what its application's thread knows. */
import { type Histogram, mergeHistograms } from "./histogram.ts";
import {
  type PortStats,
  type ServerStats,
  sumChannels,
  sumCounts,
  sumJoins,
  sumQueues,
  sumTraffic,
} from "./stats.ts";

/** What is not a port's. */
export interface OwnStats {
  readonly atMs: number;
  readonly uptimeMs: number;
  readonly joined: number;
  readonly left: number;
  readonly eventLoopDelay: Histogram;
  readonly authenticate: Histogram;
  readonly counters: Readonly<Record<string, number>>;
}

export function serverStats(ports: readonly PortStats[], own: OwnStats): ServerStats {
  return {
    ...own,
    ...sumTraffic(ports),
    queue: sumQueues(ports.map(({ queue }) => queue)),
    channels: sumChannels(ports.map(({ channels }) => channels)),
    rtt: mergeHistograms(ports.map(({ rtt }) => rtt)),
    joins: sumJoins(ports.map(({ joins }) => joins)),
    refused: sumCounts(ports.map(({ refused }) => refused)),
    ports,
  };
}
