/**
 * What the threads of a load count, and how their counts are added up. Counts only grow, so that a difference of two tallies
 * is what has happened between them. Not here: latencies, which are histograms that threads share.
 */

/** Counts by reason. */
export type Reasons = Record<string, number>;

export interface Tally {
  /** Connected now, and joins under way. */
  peers: number;
  joining: number;
  joined: number;
  /** Joins that failed, and peers that were lost, by why. */
  failed: Reasons;
  lost: Reasons;
  /** Promises that were broken, by what. */
  broken: Reasons;
  /** What went wrong in the load itself, by what: no more sockets, say. */
  own: Reasons;
  /** Messages, as the sessions of the peers count them. */
  sent: number;
  received: number;
  /** Messages that `send` did not take. */
  refused: number;
  /** Messages that were due and came too late to be made up for: the load itself was too slow. */
  late: number;
  /** On the channel `--echo`: sent, come back, and (where it is unreliable) not come back. */
  echoSent: number;
  echoReturned: number;
  datagramsSent: number;
  datagramsReceived: number;
  datagramsLost: number;
  resent: number;
  /** Milliseconds that the event loop was busy, and that there were, of all threads. */
  busyMs: number;
  elapsedMs: number;
  /** Peers with reliable messages not acknowledged, or echoes not come back; known once peers are quiet. */
  waiting: number;
  /** The last order that has been carried out: all peers that were to join have, or have failed. */
  reached: number;
}

export function emptyTally(): Tally {
  return {
    peers: 0,
    joining: 0,
    joined: 0,
    failed: {},
    lost: {},
    broken: {},
    own: {},
    sent: 0,
    received: 0,
    refused: 0,
    late: 0,
    echoSent: 0,
    echoReturned: 0,
    datagramsSent: 0,
    datagramsReceived: 0,
    datagramsLost: 0,
    resent: 0,
    busyMs: 0,
    elapsedMs: 0,
    waiting: 0,
    reached: 0,
  };
}

/** Different reasons that are told apart; what comes later is counted with the last. */
const MAX_REASONS = 32;

export function count(reasons: Reasons, why: string, times = 1): void {
  const known = why in reasons || Object.keys(reasons).length < MAX_REASONS;
  const name = known ? why : "other";
  reasons[name] = (reasons[name] ?? 0) + times;
}

export function total(reasons: Reasons): number {
  return Object.values(reasons).reduce((sum, times) => sum + times, 0);
}

/** What all threads have counted; the order that all of them have carried out. */
export function sumOf(tallies: readonly Tally[]): Tally {
  const sum = emptyTally();
  for (const tally of tallies) {
    for (const name of Object.keys(sum) as (keyof Tally)[]) {
      const value = tally[name];
      if (typeof value === "number") (sum[name] as number) += value;
      else
        for (const [why, times] of Object.entries(value)) count(sum[name] as Reasons, why, times);
    }
  }
  sum.reached = Math.min(...tallies.map(({ reached }) => reached));
  return sum;
}

/** The reason that has grown most since `before`, with by how much; undefined: none has. */
export function grown(
  now: Reasons,
  before: Reasons,
): { readonly why: string; readonly times: number } | undefined {
  let most: { why: string; times: number } | undefined;
  for (const [why, times] of Object.entries(now)) {
    const more = times - (before[why] ?? 0);
    if (more > (most?.times ?? 0)) most = { why, times: more };
  }
  return most;
}
