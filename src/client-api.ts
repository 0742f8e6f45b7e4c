/** The client as its user sees it: what the generated `connect` resolves with. What it does is running-client.ts's business. */
import type { CloseOptions, CloseReason } from "./connection-contract.ts";
import type { ClientFaceTypes } from "./face.ts";
import type { ConnectionStats } from "./stats.ts";

/** Numbers of a client's connection. */
export interface ClientStats extends ConnectionStats {
  /** Names and counts, see docs/counters.md. */
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

export interface Client<F extends ClientFaceTypes = ClientFaceTypes> extends AsyncDisposable {
  /** This client's id at the server. */
  readonly id: number;
  /** The server's port that owns this connection. */
  readonly port: number;
  /** The validated body of accept. */
  readonly accept: F["accept"];
  readonly security: ConnectionSecurity;
  /** The server's public key; undefined where the protocol is plain. */
  readonly serverKey: string | undefined;
  /** Version of the spec that both sides use: the older one, where the server was generated from another. */
  readonly version: number;
  /** Whether the server has this channel; a send on one that it lacks throws STARDUST_CHANNEL_MISSING. */
  has(channel: Extract<keyof F["send"], string>): boolean;
  readonly send: F["send"];
  readonly receive: F["receive"];
  readonly messages: F["messages"];
  /** What becomes of messages that were sent with a token; handlers by channel. */
  readonly notices: F["notices"];
  readonly header: F["header"];
  /** Resolves with the code and reason when the connection has ended, whoever ended it. Never rejects. */
  readonly closed: Promise<CloseReason>;
  /** Resolves when a `send` that was refused can be tried again. Rejects with STARDUST_CLOSED. */
  drained(): Promise<void>;
  /**
   * Takes a new socket at once and has the server find this client where it is now, for applications that are told that the
   * network has changed. The client does so by itself after some silence. Resolves when the server has found it, or the
   * connection has ended; never rejects. Messages may be sent meanwhile, and none that is reliable is lost.
   */
  rebind(): Promise<void>;
  /** Sends what was queued in this turn now rather than at the turn's end. */
  flush(): void;
  /** Its numbers as they are now. docs/counters.md. */
  stats(): ClientStats;
  /** Ends the connection; reliable messages sent before are delivered first. May be called twice. */
  close(options?: CloseOptions): Promise<void>;
}
