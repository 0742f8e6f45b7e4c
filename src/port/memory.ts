/**
 * The memory that the application's thread shares with one worker: a ring and a bell in each direction, and the credits
 * of every peer in each direction. Made anew for each worker: nothing of a dead one is used again.
 */
import { MESSAGE_OVERHEAD_BYTES } from "../limits.ts";
import type { Protocol, ServerProtocol } from "../protocol.ts";
import { type ClockMemory, createClocks } from "./clock-table.ts";
import { creditShares } from "./credit-shares.ts";
import { type CreditsMemory, createCredits } from "./credits.ts";
import { createDoorbell, type DoorbellMemory } from "./doorbell.ts";
import { LEAVE_BYTES } from "./records-to-application.ts";
import { CLOSE_BYTES } from "./records-to-worker.ts";
import { createRing, type RingMemory, reservedRoom } from "./ring.ts";

export interface PortMemory {
  readonly toWorker: RingMemory;
  readonly toApplication: RingMemory;
  readonly workerBell: DoorbellMemory;
  readonly applicationBell: DoorbellMemory;
  /** Bytes the application may have under way to each peer. */
  readonly sendCredits: CreditsMemory;
  /** Bytes of each peer that may wait for the application. */
  readonly receiveCredits: CreditsMemory;
  readonly clocks: ClockMemory;
  /** Whose ring was full: see `WantsRoom`. */
  readonly wantsRoom: SharedArrayBuffer;
}

/** Words of `PortMemory.wantsRoom`: 1 where the writing side found its ring full and wants to be told of room. */
export const WantsRoom = { worker: 0, application: 1 } as const;

/** A leave or a close at its largest; a join with its address is shorter. */
const URGENT_RECORD_BYTES = Math.max(LEAVE_BYTES, CLOSE_BYTES);
/** A peer has at most a join (or joined), a leave (or close) and one drained (or pump) unread. */
const URGENT_RECORDS_PER_PEER = 3;
/** The smallest ring: a smaller one would hold up a busy server. */
const MIN_RING_BYTES = 1024 * 1024;

/**
 * The power of two that holds `maxPeers` slots. A peer's slot in the credit tables is the low bits of its id: `peer &
 * (slotSpan(maxPeers) - 1)`.
 */
export function slotSpan(maxPeers: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(2, maxPeers)));
}

/** `isOneThread`: both ends are on the thread that calls this. */
export function createPortMemory(
  protocol: Protocol & Pick<ServerProtocol, "system">,
  maxPeers: number,
  isOneThread = false,
): PortMemory {
  const reserved = reservedRoom(maxPeers * URGENT_RECORDS_PER_PEER, URGENT_RECORD_BYTES);
  let largest = 0;
  let grown = 0;
  for (const { maxBytes, compatMaxBytes } of protocol.channels) {
    largest = Math.max(largest, maxBytes);
    grown = Math.max(grown, compatMaxBytes);
  }
  for (const { maxBytes } of protocol.system ?? []) largest = Math.max(largest, maxBytes);
  // A broadcast's record also lists who does not get it.
  const overhead = 4 * maxPeers + 8 * protocol.header.userFields.length + 256;
  const capacity = Math.max(MIN_RING_BYTES, 4 * reserved, 4 * (largest + overhead));
  // A message of a later version may be larger than any of this one: there is room for it, if not for much more.
  const fromOthers = Math.max(capacity, 2 * (grown + overhead) + reserved);
  const slots = slotSpan(maxPeers);
  return {
    toWorker: createRing(capacity, reserved),
    toApplication: createRing(fromOthers, reserved),
    workerBell: createDoorbell(isOneThread ? "always" : undefined),
    applicationBell: createDoorbell(isOneThread ? "seldom" : undefined),
    sendCredits: createCredits(slots, creditShares(protocol, "server").count),
    receiveCredits: createCredits(slots, creditShares(protocol, "client").count),
    clocks: createClocks(slots),
    wantsRoom: new SharedArrayBuffer(8),
  };
}

/** Of an unreliable channel that a peer's session has no room for. Channels far apart share one. */
export function fullBit(channel: number): number {
  return 1 << (channel & 31);
}

/** What a message of `payloadBytes` costs in credits; empty ones are not free. */
export function creditCost(payloadBytes: number): number {
  return payloadBytes + MESSAGE_OVERHEAD_BYTES;
}

/** Credit cost of a received message: a later version's may be larger than all credit, and then costs all of it. */
export function receiveCost(protocol: Protocol, payloadBytes: number): number {
  return Math.min(creditCost(payloadBytes), protocol.limits.creditBytes);
}
