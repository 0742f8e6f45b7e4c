/**
 * What is counted, and how counts are kept. A table has a row for each counter: its name and what it counts; types,
 * objects of counts, docs/counters.md and `stardust explain` come from it. Names are stable. session/ and zero/ have
 * tables of their own. A name that no table has does not compile.
 */

/** Counters of requests: of a client, of a server's application, and of the systems of a port. */
export const requestCounters = {
  requestsMade: "requests that were made",
  requestsOverLimit: "requests that were not made because as many to this peer were open as may be",
  requestsTimedOut: "requests that were given up because their time had passed",
  requestsAborted: "requests that were given up because their signal fired",
  answersUnknown:
    "answers to no request that is open: it was given up before, or has been answered already",
  requestsAnswered: "requests that were given to a responder",
  requestsCancelled: "of those, the ones that were given up before they were answered",
  requestsFailed: "of those, the ones whose responder failed",
  requestsUnanswered: "requests to a channel without a responder",
  requestsBusy: "requests refused because as many of this peer were being answered as may be",
  requestsRepeated: "requests with the number of one that is being answered; dropped",
  requestsAstray: "requests, or answers, from a side that may not ask or answer there; dropped",
  cancelsUnknown: "cancels of no request that is being answered: they came late, or early",
  answersDropped: "answers dropped because too many were waiting for room in the peer's queue",
} as const;

/** The counters of a port that are not of one of its protocols. */
export const portCounters = {
  datagramsReceived: "datagrams that reached the socket, of both protocols",
  datagramsSent: "datagrams handed to the socket, of both protocols",
  datagramsRunt: "received ones shorter than 4 bytes; dropped",
  datagramsFromStrangers:
    "regular datagrams from an address that no peer of this port has, or to another address of ours than its peer's; dropped",
  peersJoined: "clients that were let in, and have come",
  joinsExpired: "clients that were let in, and have not come in time",
  peersMoved: "times that a peer has proven to be at another address than before",
  peersLetGo: "peers that have gone on at another port of this server",
  peersAdopted: "peers that have come from another port of this server",
  joinsStayed:
    "joins kept on this port, which they had asked, because their client could not reach the port that it was sent to",
  joinsOverAddress: "joins rejected because their address has as many peers as one may have",
  joinsOfRefusedKey: "joins rejected because the key they brought gives no shared secret",
  joinsOfTakenId:
    "joins answered with `gone` because their connection id has a place already, from a join at another port",
  joinsOfUsedToken: "joins rejected because their connect token has let somebody in already",
  joinsOverTokens:
    "joins rejected because as many connect tokens are remembered as `tokens.maxRemembered` says",
  messagesShed:
    "unreliable messages that waited for room in their peer's session, until a newer one came (unreliable-sequenced) or maxAgeMs had passed",
  messagesStale:
    "unreliable messages of peers that had waited longer for the application's thread than their channel's maxAgeMs; dropped",
  peersAway: "times that a peer was not heard any more and was kept for `resumeMs`",
  peersBack: "times that such a peer came back",
  messagesAway: "unreliable messages for a peer that was away; dropped",
  messagesToNobody: "messages for a peer that had left, or was about to, when the worker took them",
  messagesMalformed: "received messages that could not be decoded; dropped",
  sendCreditSpent:
    "credit bytes spent on messages to peers and not given back yet; 0 when all is delivered",
  receiveCreditSpent: "the same of messages from peers to the application's thread",
} as const;

/** Counters of a server that are not of one of its ports. */
export const serverCounters = {
  messagesLeftBehind:
    "messages that waited at an iterator, dropped because their peer had left and others that left later had too much there",
} as const;

/** Counters of a client, beside those of its session and of the connection protocol. */
export const clientCounters = {
  datagramsReceived: "datagrams that reached the socket, from anybody",
  datagramsSent: "datagrams handed to the socket",
  datagramsRefused:
    "received ones not looked into: a stranger's, a runt, or regular ones before the connection is open",
  socketsRefused: "times that the system gave no new socket, and the old one went on",
  messagesMalformed: "received messages that could not be decoded; dropped",
  reconnects: "times that the client has joined again after a loss",
  resumes: "times that the client has found its place kept after a loss",
} as const;

/** A port or client also counts what the state of a connection does not expect (connection/lifecycle.ts), by its name. */
export type CounterName =
  | keyof typeof portCounters
  | keyof typeof clientCounters
  | keyof typeof requestCounters
  | `unexpected.${string}.${string}`;

export type CounterTable = Readonly<Record<string, string>>;
/** A count for each row of a table. */
export type Counts<Table extends CounterTable> = { -readonly [name in keyof Table]: number };

/**
 * Makes objects with a count of 0 for each row. All are copies of one, and that one is a copy of the table: so they
 * share one hidden class, and `counts.name++` is as fast as on a class. Names that are added one by one to an empty
 * object make it a dictionary.
 */
export function countersOf<Table extends CounterTable>(table: Table): () => Counts<Table> {
  const zeros: Record<string, unknown> = { ...table };
  for (const name in table) zeros[name] = 0;
  return () => ({ ...zeros }) as Counts<Table>;
}

/**
 * Counts by name, the port's own and, under a prefix, the sum of others. A count starts at zero when it is first asked
 * for. Adding is one map look-up, so the hot paths of session/ and zero/ keep objects of their own, which are added up
 * here on request.
 */
export class Counters {
  readonly #counts: Map<string, number>;

  constructor(counts: Iterable<readonly [string, number]> = []) {
    this.#counts = new Map(counts);
  }

  add(name: CounterName, count = 1): void {
    this.#add(name, count);
  }

  /** Adds all counts of an object, each under `prefix.name`, or its name alone. */
  addAll(prefix: "" | "session" | "zero", counts: Readonly<Record<string, number>>): void {
    const before = prefix === "" ? "" : `${prefix}.`;
    for (const name in counts) this.#add(before + name, counts[name]!);
  }

  /** Adds all counts of another. */
  merge(other: Counters): void {
    for (const [name, count] of other.#counts) this.#add(name, count);
  }

  copy(): Counters {
    return new Counters(this.#counts);
  }

  toObject(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }

  #add(name: string, count: number): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
  }
}
