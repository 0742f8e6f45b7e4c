/** The client as its user sees it: what the generated `connect` resolves with. What it does is running-client.ts's business. */
import type { RemoteClock } from "./clock.ts";
import type { CloseOptions, CloseReason } from "./connection-contract.ts";
import type { ConnectionTrace, TraceRunOptions } from "./connection-trace.ts";
import type { ClientFaceTypes, Unsubscribe } from "./face.ts";
import type { ConnectionStats } from "./stats.ts";

/** Numbers of a client's connection; while there is none, of the last. */
export interface ClientStats extends ConnectionStats {
  /** Names and counts of all its connections since `connect`, see docs/counters.md. */
  readonly counters: Readonly<Record<string, number>>;
}

/** What protects a connection from those who see its packets. */
export type ConnectionSecurity =
  /** Nothing. */
  | "plain"
  /** It is sealed, towards whoever has answered: who was in the way from the first packet on may have. */
  | "opportunistic"
  /** It is sealed, and the server has a key that `serverKey` names. */
  | "pinned";

/** A client that has lost its server is about to try again. */
export interface Reconnecting {
  /**
   * 1 is the first attempt to join again. 0: the server keeps this client's place (`listen({ resumeMs })`), and is asked for it
   * as long as it does; where that fails, the others follow.
   */
  readonly attempt: number;
  /** When it begins, milliseconds from now. */
  readonly pauseMs: number;
  /** Why the connection, or the attempt before, has ended. */
  readonly reason: CloseReason;
}

/** A client is connected again. */
export interface Reconnected {
  /** Which attempt it was. */
  readonly attempt: number;
  /** It is the same session and the same peer: nothing that is reliable was lost, either way, and nothing comes twice. */
  readonly isResumed: boolean;
}

export interface Client<F extends ClientFaceTypes = ClientFaceTypes> extends AsyncDisposable {
  /** This client's id at the server; another one when it has joined again. */
  readonly id: number;
  /** The server's port that owns this connection, another one when it was moved; while there is none, that of the last. */
  readonly port: number;
  /** The validated body of accept. */
  readonly accept: F["accept"];
  readonly security: ConnectionSecurity;
  /** The server's public key; undefined where the protocol is plain. */
  readonly serverKey: string | undefined;
  /** Version of the spec that both sides use: the older one, where the server was generated from another. */
  readonly version: number;
  /** Whether the server has this channel; a send on one that it lacks throws STARDUST_CHANNEL_MISSING. */
  has(channel: Extract<keyof F["send"] | keyof F["request"], string>): boolean;
  readonly send: F["send"];
  /** Asks the server, on channels with `response`. */
  readonly request: F["request"];
  /** Puts what answers the server's requests on a channel; those of `connect({ responders })` are there before the first. */
  readonly respond: F["respond"];
  readonly receive: F["receive"];
  readonly messages: F["messages"];
  /** What becomes of messages that were sent with a token; handlers by channel. */
  readonly notices: F["notices"];
  readonly header: F["header"];
  /**
   * The connection is lost, and the client tries to come back (`reconnect`). A `send` is refused meanwhile, but for
   * reliable messages while the server may keep its place: they wait as far as there is room.
   */
  readonly isAway: boolean;
  /**
   * Resolves with the code and reason when the connection has ended for good, whoever ended it: while the client
   * reconnects it has not. Never rejects.
   */
  readonly closed: Promise<CloseReason>;
  /** Before each attempt to come back. */
  on(event: "reconnecting", listener: (how: Reconnecting) => void): Unsubscribe;
  /** Connected again: what comes next is of the new connection, or of the old one that goes on. */
  on(event: "reconnected", listener: (how: Reconnected) => void): Unsubscribe;
  /** The server has had it go on at another port (`peer.moveTo`), which is `port` now; it was at `from`. Nothing reliable was lost. */
  on(event: "moved", listener: (from: number) => void): Unsubscribe;
  /** It has ended for good, and this side has not closed it. Before `closed` resolves. */
  on(event: "lost", listener: (reason: CloseReason) => void): Unsubscribe;
  /** Resolves when a `send` that was refused can be tried again, after a loss when there is a connection. Rejects with STARDUST_CLOSED. */
  drained(): Promise<void>;
  /**
   * Takes a new socket at once and has the server find this client where it is now, for applications that are told that the
   * network has changed. The client does so by itself after some silence. Resolves when the server has found it, or the
   * connection has ended; never rejects. Messages may be sent meanwhile, and none that is reliable is lost.
   */
  rebind(): Promise<void>;
  /** Sends what was queued in this turn now rather than at the turn's end. */
  flush(): void;
  /** The client's own clock: milliseconds on a clock that never goes back. */
  time(): number;
  /** The server's clock, `server.time()`, now: as `clock.now()`. Throws STARDUST_UNSUPPORTED where the header has no clock. */
  serverTime(): number;
  /** The server's clock, with the bound of its error. Throws STARDUST_UNSUPPORTED where the header has no clock. */
  readonly clock: RemoteClock;
  /** Switches a trace of this connection on; there is one at a time. */
  trace(options?: TraceRunOptions): Promise<ConnectionTrace>;
  /** Its numbers as they are now. docs/counters.md. */
  stats(): ClientStats;
  /**
   * Ends the connection; reliable messages sent before are delivered first. Ends the attempts to come back at once. May be
   * called twice.
   */
  close(options?: CloseOptions): Promise<void>;
}
