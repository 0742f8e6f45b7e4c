/** A message for several peers on its way to the workers of their ports, and the kinds of its records. */
import type { ChannelDefinition } from "../protocol.ts";
import { ToWorker } from "./records-to-worker.ts";

/** A message for several peers, encoded. */
export interface BroadcastMessage {
  readonly channel: ChannelDefinition;
  readonly bytes: Uint8Array;
  /** Ids of peers that do not get it, of this port or another. */
  readonly except: ReadonlySet<number> | undefined;
  /** Ids of peers whose version lacks the channel. */
  readonly lacking: ReadonlySet<number> | undefined;
  readonly token: number | undefined;
  /** Whether a peer has room for one more token. */
  takesToken(peer: number): boolean;
}

export function broadcastKind(isAll: boolean, isNoticed: boolean): ToWorker {
  if (isAll) return isNoticed ? ToWorker.broadcastNoticed : ToWorker.broadcast;
  return isNoticed ? ToWorker.multicastNoticed : ToWorker.multicast;
}
