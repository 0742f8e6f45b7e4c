/**
 * The counters of the connection protocol, one flat object a machine. Every datagram handed to a machine raises exactly
 * one of `zeroDropReasons`, of which `accepted` is the good one, so that their sum is what arrived. An unknown name
 * does not compile.
 */
import { type Counts, countersOf } from "../counters.ts";
import type { RejectSys } from "./own-messages.ts";

/** A counter for each result of handling a datagram. Only `accepted` ones may change anything. */
export const zeroDropReasons = {
  accepted: "it was legal here, repetitions included",
  droppedLength: "shorter than 5 or longer than 1,500 bytes",
  droppedFrame: "not three zeros and an envelope of version 1 with a connection id at its place",
  droppedMac: "a wrong MAC, or one where there is no key yet",
  droppedSignature:
    "client, sealed: an accept that the server it names has not signed for this join, or a challenge whose key it has not signed",
  droppedKey: "client, sealed: the key of accept, or of a challenge, gives no shared secret",
  droppedScan: "JSON deeper than 6 levels, with more than 64 keys, or with control characters",
  droppedForbidden: "a key that reaches for a prototype (`__proto__`, `constructor`, `prototype`)",
  droppedUtf8: "not well-formed UTF-8, or half of a surrogate pair written as an escape",
  droppedJson: "not JSON",
  droppedEnvelope:
    "JSON but no envelope; or a MAC where there never is one, or none where there must be",
  droppedMessage: "a message that the spec does not have, or that is the other side's to send",
  droppedState: "not legal in this state",
  droppedSchema: "its `sys` or `body` is not what the spec says",
  droppedSequence: "a sequence number or acknowledgement that makes no sense here",
  droppedPort:
    "client: from a port that was not asked, or an accept for one not announced; server: an attach for another",
  droppedCid:
    "client: another connection's id; server: nobody's (an attach is answered with `gone`)",
  droppedCookie: "server: the cookie is bad or has expired (answered with `gone`)",
  droppedAddress:
    "server: a join with a known connection id from another address (answered with `gone`)",
  droppedBytes: "server: other bytes than the join that this connection id began with",
  droppedProtocol:
    "server: a join of another protocol (answered with `reject`); client: such an accept",
  droppedFull: "server: no room for another join (answered with `reject` where its table is full)",
  droppedAddressFull:
    "server: a join of an address that has its share of joins (answered with `reject`)",
  droppedSecret: "join: its secret members cannot be opened, or are not what they must be",
  droppedPieces: "server: a join whose body is longer than is of use here (answered with `reject`)",
  droppedToken:
    "server: a join without a connect token that it takes (answered with `reject`, whose detail says why)",
  droppedRate: "server: more was asked without proof than the rate limits allow",
  droppedSmall: "server: the request is smaller than its answer would be",
  droppedProof: "client, attached: `gone` without the proof that accept announced",
  droppedTag: "server: an attach with another tag than its accept gave",
  droppedNonce:
    "the nonce of an ack is missing, or not the one sent to its address; client: not the one that it confirms",
  droppedCounter:
    "server: a rebind that is older than the address; client: an answer to none that is under way",
} as const;

export const zeroTotals = {
  datagramsReceived: "datagrams given to the machine",
  bytesReceived: "bytes of the datagrams given to the machine",
  datagramsSent: "datagrams it sent",
  bytesSent: "bytes of the datagrams it sent",
  retransmissions: "datagrams sent again because a timer ran out",
  rebinds: "client: the server asked to look for it at another address; repetitions not counted",
  moves: "client: told by the server to go on at another port",
  restarts: "client: begun again with a new connection id after `gone`",
  staysAsked:
    "client: begun again to stay on the port that was dialled, since the one that accept named did not answer",
  challengesSent: "server: challenges sent",
  goneSent: "server: `gone` sent",
  proofsSent: "server: those with the proof that a peer of this port is lost",
  rejectsSent: "server: rejects made",
  rejectedProtocol: "server: of those, because the client speaks another protocol or version",
  rejectedFull: "server: because there was no room, for it or for its address",
  rejectedDenied: "server: because `authenticate` or the rules for tokens said no",
  rejectedTimeout: "server: because `authenticate` took too long",
  rejectedShuttingDown: "server: because the server was closing, or letting nobody in any more",
  rejectedInternal: "server: because something of the application's threw or answered nonsense",
  answersLate: "server: decisions that came when their join was no longer remembered",
  sendsWithheld: "server: sends held back because the address has proved nothing and had its share",
  outboxFull: "datagrams that nobody fetched in time",
  sequenceSent: "numbered messages and pieces of joins that it sent, repetitions not counted",
  sequenceResent: "of these, sent again because their timeout ran out",
  sequenceAcknowledged: "of these, acknowledged by the other side",
  sequenceReceived: "numbered messages and pieces that came next in their order",
  sequenceHeld: "those that came early, and were held for one before them",
  sequenceDuplicates: "those that were there already",
  sequenceBeyond: "those further ahead than are held; dropped",
} as const;

/** What counts a reject, by its reason. */
export const rejectCounters: Readonly<
  Record<RejectSys["reason"], Extract<keyof typeof zeroTotals, `rejected${string}`>>
> = {
  protocol: "rejectedProtocol",
  full: "rejectedFull",
  denied: "rejectedDenied",
  timeout: "rejectedTimeout",
  "shutting-down": "rejectedShuttingDown",
  internal: "rejectedInternal",
};

const table: typeof zeroDropReasons & typeof zeroTotals = { ...zeroDropReasons, ...zeroTotals };

export type ZeroDropReason = keyof typeof zeroDropReasons;
export type ZeroCounter = keyof typeof table;
export type ZeroCounters = Counts<typeof table>;

export const createCounters: () => ZeroCounters = countersOf(table);

/** The sum of what became of all datagrams: as many as were received. */
export function countedDatagrams(counters: Readonly<ZeroCounters>): number {
  let sum = 0;
  for (const name in zeroDropReasons) sum += counters[name as ZeroDropReason];
  return sum;
}
