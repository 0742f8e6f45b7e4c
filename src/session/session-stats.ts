/**
 * What a session says of itself: its counters put in order, and what only it knows of the path and of what waits. Nothing
 * is counted here. Worst case: one look at each channel and each counter.
 */
import { SKIP_ONE_IN } from "../limits.ts";
import type { ChannelDefinition, Protocol } from "../protocol.ts";
import {
  type ChannelStats,
  type ConnectionStats,
  type QueueStats,
  sumQueues,
  type TrafficStats,
} from "../stats.ts";
import type { CongestionController } from "./congestion/controller.ts";
import { createSessionCounters, type SessionCounters } from "./counters.ts";
import { type DropReason, dropReasons } from "./drop-reason.ts";
import type { PathMtu } from "./path-mtu.ts";
import type { RttEstimator } from "./rtt.ts";
import type { Senders } from "./senders.ts";
import type { SentPackets } from "./sent.ts";

/** What it is read from. */
export interface SessionParts {
  readonly protocol: Protocol;
  readonly counters: SessionCounters;
  readonly rtt: RttEstimator;
  readonly sent: SentPackets;
  readonly path: PathMtu;
  readonly controller: CongestionController;
  readonly senders: Senders;
  /** Messages and payload bytes that were handed on, a pair for each channel; empty where none was. */
  readonly received: readonly number[];
  /** The largest packet number that came; -1 before the first. */
  readonly largest: number;
}

const NOTHING: QueueStats = { bytes: 0, ageMs: 0 };

export function sessionStats(parts: SessionParts, nowMs: number): ConnectionStats {
  const { counters, rtt, sent, path, controller, largest } = parts;
  const channels = channelStats(parts, nowMs);
  const refused: Record<string, number> = {};
  let datagramsRefused = 0;
  for (const name in dropReasons) {
    const count = counters[name as DropReason];
    if (count > 0) refused[name] = count;
    datagramsRefused += count;
  }
  const traffic = trafficOf(
    counters,
    lostOf(counters),
    missingOf(counters, largest),
    datagramsRefused,
  );
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

/** Of one session, or of several whose counters were added up. */
function trafficOf(
  counters: SessionCounters,
  datagramsLost: number,
  datagramsMissing: number,
  datagramsRefused: number,
): TrafficStats {
  const { datagramsSent, datagramsReceived, bytesSent, bytesReceived } = counters;
  return {
    datagramsSent,
    datagramsReceived,
    bytesSent,
    bytesReceived,
    messagesSent: counters.messagesSent,
    messagesReceived: counters.messagesReceived,
    framesResent: counters.messagesResent,
    datagramsAsking: datagramsSent - counters.acksSent - counters.pathProbesSent,
    datagramsLost,
    datagramsMissing,
    datagramsRefused,
  };
}

function lostOf({ datagramsLost, spuriousLosses }: SessionCounters): number {
  return Math.max(0, datagramsLost - spuriousLosses);
}

function missingOf({ datagramsReceived }: SessionCounters, largest: number): number {
  const skipped = Math.round((largest + 1) / SKIP_ONE_IN);
  return Math.max(0, largest + 1 - datagramsReceived - skipped);
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
      messagesReceived: received[2 * index] ?? 0,
      bytesReceived: received[2 * index + 1] ?? 0,
      queue:
        sender === undefined ? NOTHING : { bytes: sender.heldBytes, ageMs: sender.ageMs(nowMs) },
    };
  }
  return all;
}

function share(part: number, of: number): number {
  return of === 0 ? 0 : Math.min(1, part / of);
}

/** Words of a channel in `SessionSums`. */
const WORDS = 7;
const counterNames = Object.keys(createSessionCounters()) as readonly (keyof SessionCounters)[];

/** The numbers of several sessions, added up: nothing is made for each of them. */
export class SessionSums {
  /** Of each counter, in the order of `counterNames`, which all sessions' counters have: by name each would be looked up. */
  private readonly counts: Float64Array = new Float64Array(counterNames.length);
  private readonly channels: readonly ChannelDefinition[];
  /** Of each channel: messages and bytes sent, frames resent, messages and bytes received, bytes that wait, age of the oldest. */
  private readonly words: Float64Array;
  private lost = 0;
  private missing = 0;

  constructor(channels: readonly ChannelDefinition[]) {
    this.channels = channels;
    this.words = new Float64Array(WORDS * channels.length);
  }

  /** The same numbers, to which more can be added. */
  copy(): SessionSums {
    const sums = new SessionSums(this.channels);
    sums.counts.set(this.counts);
    sums.words.set(this.words);
    sums.lost = this.lost;
    sums.missing = this.missing;
    return sums;
  }

  /** Takes off what sessions have brought along from elsewhere, where it was counted; what waits is here now. */
  subtract(others: SessionSums): void {
    others.dropQueues();
    for (let at = 0; at < this.counts.length; at++) this.counts[at]! -= others.counts[at]!;
    this.lost -= others.lost;
    this.missing -= others.missing;
    for (let at = 0; at < this.words.length; at++) this.words[at]! -= others.words[at]!;
  }

  add({ counters, senders, received, largest }: SessionParts, nowMs: number): void {
    const { counts, words } = this;
    const own = Object.values(counters);
    for (let at = 0; at < own.length; at++) counts[at]! += own[at]!;
    this.lost += lostOf(counters);
    this.missing += missingOf(counters, largest);
    for (let index = 0; index < this.channels.length; index++) {
      const at = index * WORDS;
      const sender = senders.made(index);
      words[at + 3]! += received[2 * index] ?? 0;
      words[at + 4]! += received[2 * index + 1] ?? 0;
      if (sender === undefined) continue;
      words[at]! += sender.messagesSent;
      words[at + 1]! += sender.bytesSent;
      words[at + 2]! += sender.framesResent;
      this.addQueue(index, sender.heldBytes, sender.ageMs(nowMs));
    }
  }

  /** What waits on a channel elsewhere than in a session. */
  addQueue(index: number, bytes: number, ageMs: number): void {
    const at = index * WORDS;
    this.words[at + 5]! += bytes;
    if (ageMs > this.words[at + 6]!) this.words[at + 6] = ageMs;
  }

  /** Those whose numbers are here have ended: nothing of theirs waits. */
  dropQueues(): void {
    for (let at = 0; at < this.words.length; at += WORDS) this.words.fill(0, at + 5, at + 7);
  }

  get counters(): SessionCounters {
    const counters = createSessionCounters();
    counterNames.forEach((name, at) => {
      counters[name] = this.counts[at]!;
    });
    return counters;
  }

  traffic(datagramsRefused: number): TrafficStats {
    return trafficOf(this.counters, this.lost, this.missing, datagramsRefused);
  }

  channelStats(): Record<string, ChannelStats> {
    const all: Record<string, ChannelStats> = {};
    for (const { name, index } of this.channels) {
      const words = this.words.subarray(index * WORDS, (index + 1) * WORDS);
      all[name] = {
        messagesSent: words[0]!,
        bytesSent: words[1]!,
        framesResent: words[2]!,
        messagesReceived: words[3]!,
        bytesReceived: words[4]!,
        queue: { bytes: words[5]!, ageMs: words[6]! },
      };
    }
    return all;
  }
}
