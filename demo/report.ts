/**
 * What the demo counts, what server and bots tell each other about it, and how the two sides are compared: every
 * reliable message that one side sent must have arrived at the other exactly once and, where the channel promises it,
 * in order.
 */

/** What one side did with reliable messages of one connection. */
export interface ReliableTally {
  sent: number;
  received: number;
  /** Received a second time. */
  duplicated: number;
  /** Received before one that was sent earlier, on an ordered channel. */
  misordered: number;
}

export function emptyTally(): ReliableTally {
  return { sent: 0, received: 0, duplicated: 0, misordered: 0 };
}

/** The link's own counts, of one direction. */
export interface LinkCounts {
  dropped: number;
  passed: number;
}

/** What the bots' process tells the server's. */
export interface BotsReport {
  /** By peer id. */
  readonly tallies: Readonly<Record<number, ReliableTally>>;
  readonly rttMs: number;
  readonly lost: number;
  readonly resent: number;
  readonly errors: number;
  readonly connected: number;
  /** They say and do nothing more. */
  readonly isSilent: boolean;
  readonly link: { readonly toServer: LinkCounts; readonly toClients: LinkCounts };
}

/** The object that `--json` prints. */
export interface Summary {
  /** As they stood when the time was up, before the bots left. */
  ports: { port: number; peers: number; threadId: number }[];
  joined: number;
  left: number;
  /** Messages, seen from the server. */
  sent: number;
  received: number;
  datagrams: { sent: number; received: number };
  /** Datagrams declared lost, both sides. */
  lost: number;
  /** Messages (or slices) sent again, both sides. */
  resent: number;
  /** Median over the bots. */
  rttMs: number;
  link: LinkCounts & { toServer: LinkCounts; toClients: LinkCounts };
  reliable: ReliableTally;
  errors: number;
}

/** Checks one ordered stream of numbers: each is the one before plus one. */
export class OrderCheck {
  #last: number | undefined;
  readonly #tally: ReliableTally;

  constructor(tally: ReliableTally, last?: number) {
    this.#tally = tally;
    this.#last = last;
  }

  take(number: number): void {
    this.#tally.received++;
    if (this.#last !== undefined) {
      if (number === this.#last) this.#tally.duplicated++;
      else if (number !== this.#last + 1) this.#tally.misordered++;
    }
    this.#last = number;
  }
}

/** The number of a bot's line; undefined for what others say, of which nothing is known but that it comes. */
export function botLine(text: string): number | undefined {
  const number = /^#(\d+) hello from \d+$/.exec(text)?.[1];
  return number === undefined ? undefined : Number(number);
}

/** Checks one unordered stream of numbers: each comes once. */
export class OnceCheck {
  readonly #seen = new Set<number>();
  readonly #tally: ReliableTally;

  constructor(tally: ReliableTally) {
    this.#tally = tally;
  }

  take(number: number): void {
    this.#tally.received++;
    if (this.#seen.has(number)) this.#tally.duplicated++;
    this.#seen.add(number);
  }
}

export function addTally(sum: ReliableTally, tally: ReliableTally): void {
  sum.sent += tally.sent;
  sum.received += tally.received;
  sum.duplicated += tally.duplicated;
  sum.misordered += tally.misordered;
}

/** Messages that one side sent and the other did not get, or got too often; 0 when both agree. */
export function disagreement(server: ReliableTally, bot: ReliableTally): number {
  return Math.abs(server.sent - bot.received) + Math.abs(bot.sent - server.received);
}

export function median(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
