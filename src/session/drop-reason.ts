/**
 * Why a session drops a received datagram whole. Each reason is the name of the counter that rises. Counting is all that
 * is done about a bad datagram, since a forged one must not be able to end a session; but what is found behind a good tag
 * the other side has done, and that ends it. Not here: the checks themselves. An unknown name does not compile.
 */
import { Violation, type ViolationName } from "../wire/header.ts";

/** The reasons, each with what it says of the datagram. */
export const dropReasons = {
  sessionTag: "not the tag of its connection: made by somebody who knows no more than addresses",
  seal: "it does not open with the keys of its connection: forged, changed, or of keys that are gone",
  duplicates: "its packet number was received before (networks do this; nobody is to blame)",
  tooOld: "so late that its numbers can no longer be told from newer ones",
  truncated: "it ends in the middle of a field",
  reservedBits: "a reserved bit is set, or the key phase of a plain session",
  nonMinimal: "a number or a choice is not written in its shortest form",
  unknownChannel: "a channel that the protocol does not have",
  flags: "flags that contradict each other",
  sliceBounds: "slice index or count impossible on this channel",
  payloadSize:
    "a payload of a size that its channel does not have, or bytes behind an acknowledgement without frames",
  acknowledgedUnsent:
    "it acknowledges a number that was skipped on purpose, or is none; in a sealed session also one not used yet",
  direction: "a frame on a channel on which this side may not be sent to",
  messageWindow: "a message number further ahead than the window allows",
  sliceMismatch:
    "slices of one message contradict each other, or one does not have the size that its index asks for",
  receiveLimit: "more bytes of reliable messages than this side has promised to take",
  jump: "a packet number so far ahead that a second datagram has to confirm it",
  packetNumber: "a packet number beyond what a session may use",
} as const;

export type DropReason = keyof typeof dropReasons;

/** By number of the violation, which has its reason's name. */
const ofViolation: readonly (DropReason | undefined)[] = Object.entries(Violation).map(([name]) =>
  name === "none" ? undefined : (name as ViolationName),
);

/** The reason that a layout's codec gives by number; undefined for none. */
export function reasonOf(violation: Violation): DropReason | undefined {
  return ofViolation[violation];
}
