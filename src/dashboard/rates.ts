/** What two readings of statistics differ in: rates, and losses of the last seconds. Counts that went back began anew. */
import type { ChannelStats, TrafficStats } from "../stats.ts";
import { noTraffic } from "../stats.ts";
import type { ChannelState, Loss, Rates } from "./state.ts";

/** What has happened so long ago counts half. */
const HALF_LIFE_S = 5;
/** Of fewer datagrams no part is said. */
const MIN_DATAGRAMS = 30;

export const noRates: Rates = {
  messagesDown: 0,
  messagesUp: 0,
  datagramsDown: 0,
  datagramsUp: 0,
  bytesDown: 0,
  bytesUp: 0,
  resent: 0,
};

export function perSecond(now: number, before: number, seconds: number): number {
  return Math.max(0, now - before) / seconds;
}

/** Of a server, a port or a peer: what it sends goes down. Without a reading before, the mean of all `seconds` since the beginning. */
export function ratesOf(
  now: TrafficStats,
  before: TrafficStats | undefined,
  seconds: number,
): Rates {
  const since = before ?? noTraffic;
  const rate = (name: keyof TrafficStats): number => perSecond(now[name], since[name], seconds);
  return {
    messagesDown: rate("messagesSent"),
    messagesUp: rate("messagesReceived"),
    datagramsDown: rate("datagramsSent"),
    datagramsUp: rate("datagramsReceived"),
    bytesDown: rate("bytesSent"),
    bytesUp: rate("bytesReceived"),
    resent: rate("framesResent"),
  };
}

export function channelStates(
  channels: Readonly<Record<string, ChannelStats>>,
  before: Readonly<Record<string, ChannelStats>> | undefined,
  seconds: number,
  max: number,
): ChannelState[] {
  return Object.entries(channels)
    .slice(0, max)
    .map(([name, now]) => {
      const was = before?.[name] ?? now;
      const rate = (key: Exclude<keyof ChannelStats, "queue">): number =>
        perSecond(now[key], was[key], seconds);
      return {
        name,
        messagesDown: now.messagesSent,
        messagesUp: now.messagesReceived,
        bytesDown: now.bytesSent,
        bytesUp: now.bytesReceived,
        messagesDownRate: rate("messagesSent"),
        messagesUpRate: rate("messagesReceived"),
        bytesDownRate: rate("bytesSent"),
        bytesUpRate: rate("bytesReceived"),
        resentRate: rate("framesResent"),
        queueBytes: now.queue.bytes,
        queueAgeMs: now.queue.ageMs,
      };
    });
}

/**
 * What was lost lately. The first reading counts from the beginning, and fades as all others do; so there is something to say
 * at once.
 */
export class RecentLoss {
  #before: TrafficStats = noTraffic;
  #asked = 0;
  #lost = 0;
  #came = 0;
  #missing = 0;

  take(now: TrafficStats, seconds: number): void {
    const before = now.datagramsSent < this.#before.datagramsSent ? noTraffic : this.#before;
    const keep = 0.5 ** (seconds / HALF_LIFE_S);
    const add = (sum: number, name: keyof TrafficStats): number =>
      // What was taken for lost may come after all.
      Math.max(0, sum * keep + now[name] - before[name]);
    this.#asked = add(this.#asked, "datagramsAsking");
    this.#lost = add(this.#lost, "datagramsLost");
    this.#came = add(this.#came, "datagramsReceived");
    this.#missing = add(this.#missing, "datagramsMissing");
    this.#before = now;
  }

  get loss(): Loss {
    const sent = this.#came + this.#missing;
    return {
      down: this.#asked < MIN_DATAGRAMS ? 0 : Math.min(1, this.#lost / this.#asked),
      up: sent < MIN_DATAGRAMS ? 0 : this.#missing / sent,
    };
  }
}
