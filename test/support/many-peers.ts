/** A server for the dashboard that has no sockets: as many peers as wanted, and a clock of the test's. Peer 7 loses a fifth down, a tenth up. */
import type { DashboardPeer, DashboardServer } from "stardust-udp/dashboard";
import { noHistogram } from "#src/histogram.js";
import { serverStats } from "#src/server-stats.js";
import {
  noTraffic,
  type PeerStats,
  type PortStats,
  type ServerStats,
  type StatsOptions,
} from "#src/stats.js";

class FakePeer implements DashboardPeer {
  readonly isAway = false;
  readonly id: number;

  constructor(id: number) {
    this.id = id;
  }

  stats(): Promise<PeerStats> {
    return Promise.reject(new Error("it has none by itself"));
  }

  trace(): Promise<never> {
    return Promise.reject(new Error("it has none"));
  }
}

/** A server of so many peers whose numbers go up by the same in each second of a clock of the test's. */
export class ManyPeers implements DashboardServer {
  readonly hosts = ["127.0.0.1"];
  readonly peers = new Map<number, FakePeer>();
  readonly asked: (boolean | undefined)[] = [];
  readonly closed: Promise<unknown> = new Promise(() => {});
  seconds = 1;

  constructor(count: number) {
    for (let id = 0; id < count; id++) this.peers.set(id, new FakePeer(id));
  }

  async stats({ peers }: StatsOptions = {}): Promise<ServerStats> {
    this.asked.push(peers);
    const atMs = this.seconds * 1000;
    const ports = [0, 1].map((index) => this.#port(index, atMs, peers === true));
    return serverStats(ports, {
      atMs,
      uptimeMs: atMs,
      joined: this.peers.size,
      left: 0,
      eventLoopDelay: noHistogram,
      authenticate: noHistogram,
      counters: {},
    });
  }

  #port(index: number, atMs: number, withPeers: boolean): PortStats {
    const ids = [...this.peers.keys()].filter((id) => id % 2 === index);
    const ring = { usedBytes: 0, capacityBytes: 1024 };
    return {
      ...noTraffic,
      atMs,
      port: 1000 + index,
      peers: ids.length,
      threadId: index,
      load: 0,
      messagesSent: 50 * this.seconds,
      bytesReceived: 700 * this.seconds,
      queue: { bytes: 0, ageMs: 0 },
      channels: {},
      rtt: noHistogram,
      eventLoopDelay: noHistogram,
      rings: { toWorker: ring, toApplication: ring },
      joins: { joined: ids.length, expired: 0, rejected: { denied: 3 * this.seconds } },
      refused: { "session.seal": 2 * this.seconds },
      counters: {},
      peerStats: withPeers ? ids.map((id) => this.#peer(id, 1000 + index, atMs)) : undefined,
    };
  }

  #peer(id: number, port: number, atMs: number): PeerStats {
    const isLossy = id === 7;
    return {
      ...noTraffic,
      id,
      port,
      address: `10.0.0.${id % 250}:4000`,
      connectedMs: atMs,
      atMs,
      datagramsSent: 100 * this.seconds,
      datagramsAsking: 100 * this.seconds,
      datagramsLost: isLossy ? 20 * this.seconds : 0,
      datagramsReceived: 90 * this.seconds,
      datagramsMissing: isLossy ? 10 * this.seconds : 0,
      rttMs: 1,
      rtt: { smoothedMs: id, minMs: id, jitterMs: 0, latestMs: id },
      loss: { out: 0, in: 0 },
      queue: { bytes: 0, ageMs: 0 },
      congestion: { windowBytes: 1, inFlightBytes: 0, bytesPerSecond: 1, datagramBytes: 1 },
      channels: {},
      refused: {},
    };
  }
}
