/**
 * Types of the public API that every layer speaks of, from a port's worker up to the server and the client: where a
 * join comes from and what may be answered to it, how a connection is closed and why it has ended, what a port has
 * counted. Also the codes with which Stardust itself closes.
 */

/** Codes of Stardust's own in a CloseReason; an application may use any others. */
export const closeCodes = {
  /** `close` was called without a code. */
  closed: "closed",
  /** The handshake failed, or no attach came for the reservation. */
  notConnected: "not-connected",
  /** Nothing was heard for `limits.idleTimeoutMs`. */
  idleTimeout: "idle-timeout",
  /** The server closed. */
  shuttingDown: "shutting-down",
  /** The other side of a sealed connection has sent what no peer may send; the reason is the counter of it. */
  protocolViolation: "protocol-violation",
  /** A key of a sealed connection has been used as often as it may be. */
  keysSpent: "keys-spent",
  /** The server, or the worker of the client's port, was started again and has lost the connection: it has proved so. */
  serverRestarted: "server-restarted",
  /** The worker thread of the peer's port ended. */
  workerDied: "worker-died",
  /** To the systems of a port: the peer goes on at another port (`peer.moveTo`). */
  moved: "moved",
} as const;

/** What `authenticate` may answer: the body of accept and the start of `peer.state`, or why not. */
export type Authentication<Accept extends object, State = unknown> =
  | (Partial<Record<keyof Accept, never>> extends Accept
      ? { readonly accept: true; readonly body?: Accept; readonly state?: State }
      : { readonly accept: true; readonly body: Accept; readonly state?: State })
  | { readonly accept: false; readonly detail?: string };

/** One port of the pool, to whoever places a new peer. What it says is of the moment at which it is read. */
export interface PortLoad {
  /** Its number, one of `server.ports`. */
  readonly port: number;
  /** Peers that are there. */
  readonly peers: number;
  /** Places of clients that were let in and are not there yet. */
  readonly promised: number;
  /** How many more it takes; 0 while its worker is not there. */
  readonly room: number;
  /** Part of the time that its worker has been busy, 0 to 1, over the last second or so, the longer the longer `workerTimeoutMs` is; 0 where nothing is known yet. */
  readonly load: number;
}

/** What `place` is asked: where a client that was let in is to go. */
export interface Placing<Join extends object, Accept extends object, State> {
  /** The validated body of its join. */
  readonly join: Join;
  readonly origin: JoinOrigin;
  /** What `authenticate` has answered: the body of accept, empty where there is none. */
  readonly accept: Accept;
  /** And the start of `peer.state`. */
  readonly state: State | undefined;
  /** All ports, in the order of `server.ports`. */
  readonly ports: readonly PortLoad[];
  /**
   * The port that it asks to be kept on, since it could not reach the one that it was sent to. Undefined: it asks for
   * none, or `stayOnPort` is false.
   */
  readonly stay: number | undefined;
}

/** Of what something that went wrong is about, as much as is known. */
export interface FaultOrigin {
  /** The id of the peer whose handler it was; on a server. */
  readonly peer?: number | undefined;
  /** The name of the channel. */
  readonly channel?: string | undefined;
}

/** Where a join comes from. */
export interface JoinOrigin {
  readonly address: string;
  readonly port: number;
  /** The server's own address that was asked, one of `server.hosts`. */
  readonly host: string;
  /** Of the connect token that it brought, whose issuer and client have been proven; where `listen` has `tokens`. */
  readonly token?: JoinToken | undefined;
}

/** What the connect token of a join says. */
export interface JoinToken {
  /** Its own, 22 characters. */
  readonly id: string;
  /** The public key of its issuer, one of `tokens.issuers`. */
  readonly issuer: string;
  /** The public key of the client: it has shown that it has the private one. */
  readonly clientKey: string;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
  /** What the issuer says of the player: a JSON object of at most 512 bytes. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Why a peer left or a connection ended. */
export interface CloseReason {
  /** A short stable word, e.g. `idle-timeout`, `shutting-down`, or the application's own. */
  readonly code: string;
  /** For people; may be empty. */
  readonly reason: string;
  /** Who ended it. */
  readonly by: "local" | "remote";
}

/** How a connection is to be closed. */
export interface CloseOptions {
  /** A short word that the other side is told; default `closed`. */
  readonly code?: string | undefined;
  /** For people; at most 96 characters. */
  readonly reason?: string | undefined;
  /** How long reliable messages may still take to be acknowledged; default 500. */
  readonly lingerMs?: number | undefined;
}
