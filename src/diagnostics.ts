/**
 * What happens to connections, told on `node:diagnostics_channel`: for monitoring that is not part of the application. A channel
 * without subscribers costs a look at a flag; what subscribers do is done while the event is told, on the thread that tells it: the
 * application's, a client's its own. The names are stable.
 */
import { type Channel, channel } from "node:diagnostics_channel";
import { type CloseReason, closeCodes } from "./connection-contract.ts";

/** A server listens, or has closed. */
export interface ServerEvent {
  readonly ports: readonly number[];
  /** Of `closed`: why. */
  readonly reason?: CloseReason;
}

export interface PeerEvent {
  readonly id: number;
  readonly port: number;
  /** `address:port` when it joined. */
  readonly address: string;
}

/** A peer is at another port. */
export interface PeerMovedEvent {
  readonly id: number;
  readonly port: number;
  /** The port where it was. */
  readonly from: number;
}

export interface PeerEndEvent extends PeerEvent {
  readonly reason: CloseReason;
}

/** A join that the application's thread refused. */
export interface JoinRejectedEvent {
  /** The port that was asked. */
  readonly port: number;
  readonly address: string;
  /** Of the client. */
  readonly fromPort: number;
  readonly reason: string;
  readonly detail: string;
}

/** What a port's worker has refused by itself of the connection protocol since it last said so. */
export interface PortRefusedEvent {
  readonly port: number;
  /** Datagrams by cause: names of docs/counters.md, such as `zero.droppedToken`. */
  readonly refused: Readonly<Record<string, number>>;
}

export interface WorkerEvent {
  readonly port: number;
  /** Of `down`. */
  readonly error?: Error;
}

export interface ClientEvent {
  readonly id: number;
  readonly port: number;
  /** Of the server. */
  readonly address: string;
}

export interface ClientEndEvent extends ClientEvent {
  readonly reason: CloseReason;
}

/** What is told on each channel. */
export interface DiagnosticEvents {
  readonly "stardust:server:opened": ServerEvent;
  readonly "stardust:server:closed": ServerEvent;
  readonly "stardust:peer:opened": PeerEvent;
  readonly "stardust:peer:closed": PeerEndEvent;
  readonly "stardust:peer:moved": PeerMovedEvent;
  /** Beside `closed`, where the other side has said nothing: it was silent for too long, or the worker died. */
  readonly "stardust:peer:lost": PeerEndEvent;
  readonly "stardust:join:rejected": JoinRejectedEvent;
  /** Not one by one: at most once an eighth of `workerTimeoutMs`, and never where that is Infinity. */
  readonly "stardust:port:refused": PortRefusedEvent;
  readonly "stardust:worker:down": WorkerEvent;
  readonly "stardust:worker:up": WorkerEvent;
  readonly "stardust:client:opened": ClientEvent;
  readonly "stardust:client:closed": ClientEndEvent;
  readonly "stardust:client:lost": ClientEndEvent;
}

/** Whether a connection ended so that the other side has said nothing. */
export function isLoss({ code, by }: CloseReason): boolean {
  // A server that was started again has proved it, so the reason is its own.
  if (code === closeCodes.serverRestarted) return true;
  return by === "local" && (code === closeCodes.idleTimeout || code === closeCodes.workerDied);
}

const channels = new Map<string, Channel>();

/** Tells subscribers, if there are any: `event` is called for them only. */
export function publish<Name extends keyof DiagnosticEvents>(
  name: Name,
  event: () => DiagnosticEvents[Name],
): void {
  let known = channels.get(name);
  if (known === undefined) {
    known = channel(name);
    channels.set(name, known);
  }
  if (known.hasSubscribers) known.publish(event());
}
