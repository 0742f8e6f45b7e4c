/** What the application's end of a port (handle.ts) tells whoever holds it: the pool. Types alone. */
import type { CloseReason, FaultOrigin } from "../connection-contract.ts";
import type { ReceivedMessage } from "../received-message.ts";
import type { WorkerPost } from "./posts.ts";

/** What a port tells its pool. */
export interface PortListener {
  /** A join with a good cookie is to be decided. */
  onJoinRequest(request: Extract<WorkerPost, { type: "join" }>): void;
  onExpired(peer: number): void;
  /** The client of a peer that is expected there hears this port. */
  onShown(peer: number): void;
  onJoin(peer: number, address: string): void;
  /** A message, valid during the call only. The listener gives its cost back with `release`. */
  onMessage(peer: number, message: ReceivedMessage): void;
  onLeave(peer: number, reason: CloseReason): void;
  /** It is not heard any more and is kept for a while, or is back. */
  onAway(peer: number, isAway: boolean): void;
  onDrained(peer: number): void;
  /** What became of a message that was sent to the peer with a token. */
  onNotice(peer: number, channel: number, token: number, delivered: boolean): void;
  /** The ring to the worker had no room for a message, and has again. */
  onRingDrained(): void;
  /** A message of the systems, valid during the call only. False: not now; it comes again with `drainAgain`. */
  onSystem(
    to: number,
    message: number,
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
  ): boolean;
  /** A handler of the systems threw. */
  onFault(where: string, error: string, origin: FaultOrigin): void;
  onKeys(lines: readonly string[]): void;
  /** The worker has ended; undefined after an orderly close. */
  onExit(error: Error | undefined): void;
}
