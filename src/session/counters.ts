/**
 * The counters of a session, flat numbers since it began. Every datagram given to `handleDatagram` is counted once: in
 * `datagramsReceived`, or under the reason for which it was dropped. Not here: adding the sessions of a port up
 * (../counters.ts). Worst case: counts above 2^31, which are numbers on the heap.
 */
import { type Counts, countersOf } from "../counters.ts";
import { dropReasons } from "./drop-reason.ts";

export const sessionSent = {
  datagramsSent: "datagrams written",
  bytesSent: "bytes of the datagrams written",
  acksSent: "datagrams written with neither frames nor a request for an ack",
  probesSent:
    "datagrams written because a probe timeout ran out, or to ask a receiver whose limit blocks",
  pathProbesSent: "datagrams without frames as large as was to be tried on the path",
  pathProbesLost: "of those, believed lost; they are not among the datagrams lost",
  blackHoles: "times that a path was found to swallow datagrams above maxDatagramBytes",
  framesSent: "frames (whole messages or slices)",
  messagesSent: "messages whose first frame was sent",
  messagesResent: "frames sent again",
  datagramsLost: "datagrams that asked for an ack and are believed lost",
  datagramsUnknown:
    "datagrams believed lost since acks as a bit field had moved past them: nothing said whether they arrived",
  spuriousLosses: "datagrams believed lost and acknowledged after all",
  numbersSkipped: "packet numbers skipped on purpose",
  acknowledgedAhead:
    "acks of a number not used yet, which somebody else has used: it is passed over, and what is in flight sent again",
  framesAbandoned: "reliable frames given up because of `resend: false`",
  unreliableUnsent:
    "unreliable messages on numbered channels never sent: nothing was acknowledged for a window",
  unreliableExpired:
    "unreliable messages never sent, or not whole: older than their channel's maxAgeMs",
  messagesReplaced:
    "reliable-sequenced messages never sent, or not again: a newer one took their place",
  copiesSent:
    "messages that rode in a further datagram before they were known to be lost, or lost again",
} as const;

export const sessionReceived = {
  datagramsReceived: "datagrams applied",
  bytesReceived: "bytes of the datagrams applied",
  acksReceived: "datagrams applied that had an ack block",
  framesReceived: "frames in the datagrams applied",
  messagesReceived: "messages handed on to the application",
  duplicateFrames: "reliable messages or slices that came again in a new datagram",
  old: "messages dropped because a newer one had come before, or after they had been waited for",
  unreliableDropped: "unreliable messages dropped because the application had no room for too long",
  gapsPassed:
    "messages of unreliable-ordered channels that were waited for and did not come in time",
  reassembliesDropped: "unfinished unreliable messages in slices given up",
} as const;

const table: typeof sessionSent & typeof sessionReceived & typeof dropReasons = {
  ...sessionSent,
  ...sessionReceived,
  ...dropReasons,
};

export type SessionCounters = Counts<typeof table>;

export const createSessionCounters: () => SessionCounters = countersOf(table);
