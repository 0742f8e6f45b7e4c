/**
 * The client as its user sees it: what the generated `connect` returns, and the options it takes. It runs on the
 * thread that made it.
 */
import type { ClientFace, ClientFaceTypes } from "./face.ts";
import type { Protocol } from "./protocol.ts";
import type { CloseOptions, CloseReason } from "./server.ts";
import type { DatagramSocket } from "./udp/socket.ts";

export interface ConnectOptions<F extends ClientFaceTypes = ClientFaceTypes> {
  /** Name or address of the server; default `127.0.0.1`. */
  readonly host?: string | undefined;
  /** Any port of the server's range. */
  readonly port: number;
  /** The body of join; may be left out where the spec asks for nothing. */
  readonly join?: F["join"] | undefined;
  /** Handlers by channel, in place before the first message. */
  readonly handlers?: Partial<F["handlers"]> | undefined;
  /** Ends the attempt (STARDUST_CONNECT_ABORTED) or, later, closes the client. */
  readonly signal?: AbortSignal | undefined;
  /** Wraps the socket: a lossy link, say (stardust-udp/testing). */
  readonly wrapSocket?: ((socket: DatagramSocket) => DatagramSocket) | undefined;
  readonly socketBufferBytes?: number | undefined;
}

/** Numbers of one connection, seen from this side. */
export interface ConnectionStats {
  /** Smoothed round-trip time; 0 before the first sample. */
  readonly rttMs: number;
  readonly counters: Readonly<Record<string, number>>;
}

export interface Client<F extends ClientFaceTypes = ClientFaceTypes> extends AsyncDisposable {
  /** This client's id at the server. */
  readonly id: number;
  /** The server's port that owns this connection. */
  readonly port: number;
  /** The validated body of accept. */
  readonly accept: F["accept"];
  readonly send: F["send"];
  readonly receive: F["receive"];
  readonly messages: F["messages"];
  readonly header: F["header"];
  /** Resolves with the code and reason when the connection has ended, whoever ended it. Never rejects. */
  readonly closed: Promise<CloseReason>;
  /** Resolves when a `send` that was refused can be tried again. Rejects with STARDUST_CLOSED. */
  drained(): Promise<void>;
  /** Sends what was queued in this turn now rather than at the turn's end. */
  flush(): void;
  stats(): ConnectionStats;
  /** Ends the connection; reliable messages sent before are delivered first. May be called twice. */
  close(options?: CloseOptions): Promise<void>;
}

/** Joins a server and resolves when the connection stands. Generated code gives it its types. */
export async function connect<F extends ClientFaceTypes>(
  _protocol: Protocol,
  _face: ClientFace<F>,
  _options: ConnectOptions<F>,
): Promise<Client<F>> {
  throw new Error("not there yet");
}
