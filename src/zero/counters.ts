/**
 * The counters of the connection protocol, one flat object a machine. Every datagram handed to a machine raises
 * exactly one *outcome*, so that their sum is what arrived.
 */

/** What can become of a datagram. Only `accepted` ones may change anything. */
export const zeroOutcomes = [
  "accepted",
  /** Shorter or longer than any zero message. */
  "droppedLength",
  /** Not three zeros and an envelope of version 1 with a connection id at its place. */
  "droppedFrame",
  /** A wrong MAC, or one where there is no key yet. */
  "droppedMac",
  /** Too deep, too many keys, control characters. */
  "droppedScan",
  /** A key that reaches for a prototype. */
  "droppedForbidden",
  "droppedUtf8",
  "droppedJson",
  /** JSON, but no envelope; or a message with a MAC that never has one, or the other way round. */
  "droppedEnvelope",
  /** A message that is not in the spec, or is the other side's to send. */
  "droppedMessage",
  /** Not legal in this state. */
  "droppedState",
  /** Its sys or body is not what the spec says. */
  "droppedSchema",
  /** A sequence number or acknowledgement that makes no sense here. */
  "droppedSequence",
  /** Client: from another port than the one asked. Server: an attach made for another port. */
  "droppedPort",
  /** Client: another connection's id. Server: nobody has this id (an attach is answered with gone). */
  "droppedCid",
  /** Server: the cookie is bad or has expired (answered with gone). */
  "droppedCookie",
  /** Server: a join that is known, from another address (answered with gone). */
  "droppedAddress",
  /** Server: other bytes than the join that this connection id began with. */
  "droppedBytes",
  /** Server: another protocol (answered with reject). Client: an accept that names one. */
  "droppedProtocol",
  /** Server: no room for another join (answered with reject). */
  "droppedFull",
  /** Server: more asked for than the rate limits allow. */
  "droppedRate",
  /** Server: the ask is smaller than its answer would be. */
  "droppedSmall",
  /** Server: the nonce of an ack is not the one sent to its address. */
  "droppedNonce",
] as const;

export type ZeroOutcome = (typeof zeroOutcomes)[number];

const zeroTotals = [
  "datagramsReceived",
  "bytesReceived",
  "datagramsSent",
  "bytesSent",
  /** Datagrams sent again because a timer ran out. */
  "retransmissions",
  /** Client: started again with a new connection id after `gone`. */
  "restarts",
  /** Server, by what was sent. */
  "challengesSent",
  "goneSent",
  "rejectsSent",
  /** Server: answers that came when their join was no longer there. */
  "answersLate",
  /** Server: sends withheld since the address is not proven and had its share. */
  "sendsWithheld",
  /** Datagrams that nobody fetched in time. */
  "outboxFull",
] as const;

export type ZeroCounter = ZeroOutcome | (typeof zeroTotals)[number];
export type ZeroCounters = Record<ZeroCounter, number>;

export function createCounters(): ZeroCounters {
  const counters: Partial<ZeroCounters> = {};
  for (const name of [...zeroOutcomes, ...zeroTotals]) counters[name] = 0;
  return counters as ZeroCounters;
}
