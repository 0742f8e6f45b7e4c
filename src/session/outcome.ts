/**
 * What became of a received datagram, and the counters of a session. Counting is all that plain mode does about a
 * bad datagram: whoever can forge one must not be able to end a session with it.
 */
/**
 * Zero: applied. The codes of `Violation` come from the layout (wire/header.ts), those from 16 on from the session.
 * A const object, not an enum: erasable syntax.
 */
export const DatagramOutcome = {
  none: 0,
  truncated: 1,
  reservedBits: 2,
  nonMinimal: 3,
  unknownChannel: 4,
  flags: 5,
  sliceBounds: 6,
  payloadSize: 7,
  /** Its packet number was received before. Networks do this; nobody is to blame. */
  duplicate: 16,
  /** So late that its number, or its message numbers, can no longer be told apart from newer ones. */
  tooOld: 17,
  /** It acknowledges a packet number that was never sent, or skipped on purpose. */
  acknowledgedUnsent: 18,
  /** A frame on a channel that the other side may not send on. */
  direction: 19,
  /** A message number further ahead than the window allows. */
  messageWindow: 20,
  /** Slices of one message contradict each other, or one is not of the size that its place demands. */
  sliceMismatch: 21,
  /** More bytes of reliable messages than this side has promised to take. */
  receiveLimit: 22,
  /** The packet number is beyond what a session may use. */
  packetNumber: 23,
  /** Its packet number is far ahead of all others, and no other has confirmed it yet. */
  jump: 24,
} as const;
export type DatagramOutcome = (typeof DatagramOutcome)[keyof typeof DatagramOutcome];

/** Flat numbers since the session began. Every datagram given to `handleDatagram` is in exactly one of the two lists. */
export class SessionCounters {
  datagramsSent = 0;
  bytesSent = 0;
  /** Of `datagramsSent`: those with neither frames nor a request for an ack. */
  acksSent = 0;
  /** Of `datagramsSent`: those sent because a probe timeout ran out, or to ask a blocked receiver. */
  probesSent = 0;
  framesSent = 0;
  /** Messages of which the first frame was sent. */
  messagesSent = 0;
  /** Frames (whole messages or slices) sent again. */
  messagesResent = 0;
  /** Datagrams that asked for an ack and are believed lost. */
  datagramsLost = 0;
  /** Of `datagramsLost`: those that acks as a bit field had moved past, so that nothing said whether they arrived. */
  datagramsUnknown = 0;
  /** Of `datagramsLost`: those that were acknowledged after all. */
  spuriousLosses = 0;
  /** Packet numbers skipped on purpose. */
  numbersSkipped = 0;
  /** Reliable frames given up because the session was told never to resend. */
  framesAbandoned = 0;
  /** Unreliable messages dropped before they were sent: nothing was acknowledged for a whole window of them. */
  unreliableUnsent = 0;

  /** Datagrams applied. */
  datagramsReceived = 0;
  bytesReceived = 0;
  acksReceived = 0;
  framesReceived = 0;
  /** Messages the sink has taken. */
  messagesReceived = 0;
  /** Reliable messages or slices that came again in a new datagram. */
  duplicateFrames = 0;
  /** Sequenced messages dropped: a newer one had come before. */
  old = 0;
  /** Unreliable messages dropped: the sink had no room for too long. */
  unreliableDropped = 0;
  /** Unfinished unreliable messages given up. */
  reassembliesDropped = 0;

  /** Datagrams dropped whole, by reason. */
  duplicates = 0;
  tooOld = 0;
  truncated = 0;
  reservedBits = 0;
  nonMinimal = 0;
  unknownChannel = 0;
  flags = 0;
  sliceBounds = 0;
  payloadSize = 0;
  acknowledgedUnsent = 0;
  direction = 0;
  messageWindow = 0;
  sliceMismatch = 0;
  receiveLimit = 0;
  packetNumber = 0;
  jump = 0;

  /** Counts a datagram that was not applied. */
  dropped(outcome: DatagramOutcome): void {
    switch (outcome) {
      case DatagramOutcome.none:
        break;
      case DatagramOutcome.duplicate:
        this.duplicates++;
        break;
      case DatagramOutcome.tooOld:
        this.tooOld++;
        break;
      case DatagramOutcome.truncated:
        this.truncated++;
        break;
      case DatagramOutcome.reservedBits:
        this.reservedBits++;
        break;
      case DatagramOutcome.nonMinimal:
        this.nonMinimal++;
        break;
      case DatagramOutcome.unknownChannel:
        this.unknownChannel++;
        break;
      case DatagramOutcome.flags:
        this.flags++;
        break;
      case DatagramOutcome.sliceBounds:
        this.sliceBounds++;
        break;
      case DatagramOutcome.payloadSize:
        this.payloadSize++;
        break;
      case DatagramOutcome.acknowledgedUnsent:
        this.acknowledgedUnsent++;
        break;
      case DatagramOutcome.direction:
        this.direction++;
        break;
      case DatagramOutcome.messageWindow:
        this.messageWindow++;
        break;
      case DatagramOutcome.sliceMismatch:
        this.sliceMismatch++;
        break;
      case DatagramOutcome.receiveLimit:
        this.receiveLimit++;
        break;
      case DatagramOutcome.packetNumber:
        this.packetNumber++;
        break;
      case DatagramOutcome.jump:
        this.jump++;
        break;
      default:
        outcome satisfies never;
    }
  }
}

/** The counters in which each datagram given to a session is once. */
export const sessionOutcomeNames: readonly (keyof SessionCounters)[] = [
  "datagramsReceived",
  "duplicates",
  "tooOld",
  "truncated",
  "reservedBits",
  "nonMinimal",
  "unknownChannel",
  "flags",
  "sliceBounds",
  "payloadSize",
  "acknowledgedUnsent",
  "direction",
  "messageWindow",
  "sliceMismatch",
  "receiveLimit",
  "packetNumber",
  "jump",
];
