/**
 * The server as its user sees it: what the generated `listen` returns, and the options it takes. The moving parts are
 * in pool/ (the range of ports) and port/ (one port, one worker thread).
 */
import type { ServerFace, ServerFaceTypes, Unsubscribe } from "./face.ts";
import type { Protocol } from "./protocol.ts";

/** Why a peer left or a connection ended. */
export interface CloseReason {
  /** A short stable word, e.g. `idle-timeout`, `shutting-down`, or the application's own. */
  readonly code: string;
  /** For people; may be empty. */
  readonly reason: string;
  /** Who ended it. */
  readonly by: "local" | "remote";
}

/** One connected client. Owned by one port for its whole life. */
export interface ServerPeer<F extends ServerFaceTypes = ServerFaceTypes> {
  /** An integer that fits a u32; not reused while it could be mistaken. */
  readonly id: number;
  /** The UDP port of the pool that owns this peer. */
  readonly port: number;
  /** As last seen, `address:port`. */
  readonly address: string;
  /** The validated body of its join. */
  readonly join: F["join"];
  /** The user's own. */
  state: F["state"];
  readonly send: F["send"];
  readonly closed: boolean;
  /** Resolves when a `send` that was refused can be tried again; at once if none was. Rejects with STARDUST_CLOSED. */
  drained(): Promise<void>;
  /** Ends this connection; reliable messages sent before are delivered first, for at most `lingerMs`. */
  close(options?: CloseOptions): void;
}

export interface CloseOptions {
  /** A short word that the other side is told; default `closed`. */
  readonly code?: string | undefined;
  /** For people; at most 96 characters. */
  readonly reason?: string | undefined;
  /** How long reliable messages may still take to be acknowledged; default 500. */
  readonly lingerMs?: number | undefined;
}

/** What `authenticate` may answer. */
export type Authentication<Accept extends object> =
  | (Partial<Record<keyof Accept, never>> extends Accept
      ? { readonly accept: true; readonly body?: Accept }
      : { readonly accept: true; readonly body: Accept })
  | { readonly accept: false; readonly detail?: string };

/** Where a join comes from. */
export interface JoinOrigin {
  readonly address: string;
  readonly port: number;
}

export interface ListenOptions<F extends ServerFaceTypes = ServerFaceTypes> {
  /** The address to bind; default `127.0.0.1`. */
  readonly host?: string | undefined;
  /** A range `"12341-12343"`, a list, or so many free ones. */
  readonly ports: string | readonly number[] | { readonly count: number };
  /** What clients are told where a container or NAT shows other numbers: as long as `ports`, in the same order. */
  readonly publicPorts?: readonly number[] | undefined;
  /** Go on without ports that cannot be bound, as long as one can; default false. */
  readonly allowMissingPorts?: boolean | undefined;
  /** Peers a port takes; default 1024. */
  readonly maxPeersPerPort?: number | undefined;
  /** Decides on a join; default: everyone is let in. Has `authenticateTimeoutMs` of the spec. */
  readonly authenticate?:
    | ((
        join: F["join"],
        origin: JoinOrigin,
        signal: AbortSignal,
      ) => Authentication<F["accept"]> | Promise<Authentication<F["accept"]>>)
    | undefined;
  /** Makes the user's own state of a new peer. */
  readonly state?: ((peer: ServerPeer<F>) => F["state"]) | undefined;
  /** Handlers by channel, in place before the first message. */
  readonly handlers?: Partial<F["handlers"]> | undefined;
  /** A module that runs inside every worker (stardust-udp/systems). */
  readonly systems?: URL | string | undefined;
  /** A module that wraps each worker's socket: a lossy link, say (stardust-udp/testing). */
  readonly wrapSocket?: URL | string | undefined;
  /** Handed to that module; must survive structured cloning. */
  readonly wrapSocketData?: unknown;
  /** Closes the server when it fires. */
  readonly signal?: AbortSignal | undefined;
  /** Receive and send buffer asked of the system for each socket, bytes; default 4 MiB. */
  readonly socketBufferBytes?: number | undefined;
}

export interface ServerCloseOptions {
  /** The reason all peers are told; default `shutting-down`. */
  readonly reason?: string | undefined;
  /** How long reliable messages may still take; default 500. */
  readonly lingerMs?: number | undefined;
}

/** What one port has done so far. */
export interface PortStats {
  readonly port: number;
  readonly peers: number;
  /** Id of the worker thread that owns the socket. */
  readonly threadId: number;
  /** Names and counts, see docs/counters.md. */
  readonly counters: Readonly<Record<string, number>>;
}

export interface ServerStats {
  readonly ports: readonly PortStats[];
  readonly joined: number;
  readonly left: number;
}

export interface Server<F extends ServerFaceTypes = ServerFaceTypes> extends AsyncDisposable {
  /** The ports that are bound, in order. */
  readonly ports: readonly number[];
  /** Peers by id: those whose join has been announced, and whose leave has not. */
  readonly peers: ReadonlyMap<number, ServerPeer<F>>;
  readonly receive: F["receive"];
  readonly messages: F["messages"];
  readonly broadcast: F["broadcast"];
  /** Fields of the user's own in the datagram header: set here, they stand in every datagram built from then on. */
  readonly header: F["header"];
  /** Fires when the server has closed. */
  readonly closed: Promise<CloseReason>;
  on(event: "join", listener: (peer: ServerPeer<F>) => void): Unsubscribe;
  on(event: "leave", listener: (peer: ServerPeer<F>, reason: CloseReason) => void): Unsubscribe;
  /** Hands what was sent in this turn to the workers now rather than at the turn's end. */
  flush(): void;
  stats(): Promise<ServerStats>;
  /** Closes all peers, then the ports. May be called twice. */
  close(options?: ServerCloseOptions): Promise<void>;
}

/** Binds the ports, starts a worker on each and resolves when all are ready. Generated code gives it its types. */
export async function listen<F extends ServerFaceTypes>(
  _protocol: Protocol,
  _face: ServerFace<F>,
  _options: ListenOptions<F>,
): Promise<Server<F>> {
  throw new Error("not there yet");
}
