/** The options of `listen` and what is checked of them before a port is bound. What they do is server.ts's business. */
import type {
  Authentication,
  FaultOrigin,
  JoinOrigin,
  JoinToken,
  Placing,
} from "./connection-contract.ts";
import type { ServerFaceTypes } from "./face.ts";
import { MAX_OPEN_REQUESTS, MAX_TIMER_MS } from "./limits.ts";
import {
  abortSignal,
  bufferBytes,
  callback,
  checkedElsewhere,
  checkOptions,
  cloneable,
  countOrNone,
  flag,
  identityText,
  listOf,
  milliseconds,
  moduleUrl,
  type OptionsOf,
  type OptionTable,
  type OptionType,
  object,
  oneOf,
  oneOrList,
  pathOrFunction,
  portNumber,
  text,
  whole,
} from "./options.ts";
import { defaultPortLimits, type PortLimits } from "./port-limits.ts";
import {
  type CongestionChoice,
  type CongestionModule,
  congestionChoice,
} from "./session/congestion/choose.ts";
import type { KeyLog } from "./udp/key-log.ts";
import type { SocketKind } from "./udp/socket.ts";

/** A client as it joins. */
export interface NewPeer<
  Join extends object,
  Send extends object,
  Request extends object = object,
> {
  /** An integer that fits a u32; not reused while it could be mistaken. */
  readonly id: number;
  /** The UDP port of the pool that owns this peer. */
  readonly port: number;
  /** `address:port` when it attached, wherever it has moved since; an IPv6 address stands in brackets. */
  readonly address: string;
  /** The validated body of its join. */
  readonly join: Join;
  /** Of the connect token that has let it in, where `listen` has `tokens`. */
  readonly token: JoinToken | undefined;
  readonly send: Send;
  /** Version of the spec that both sides use: the older one, where the client was generated from another. */
  readonly version: number;
  /**
   * Whether the client has this channel: one of an older version may not. A send on a channel that it lacks throws
   * STARDUST_CHANNEL_MISSING; a broadcast leaves it out.
   */
  has(channel: Extract<keyof Send | keyof Request, string>): boolean;
}

/** Whose connect tokens (stardust-udp/tokens) let somebody in. */
export interface TokenOptions {
  /** The public key of whoever issues them, or a list of at most 16: while it changes, or of several backends. */
  readonly issuers: string | readonly string[];
  /** The name of this server, or group of servers, in tokens; default: those that name none. At most 64 bytes. */
  readonly audience?: string | undefined;
  /** How far the clocks of issuer and server may be apart, milliseconds, at most a minute; default 5000. */
  readonly leewayMs?: number | undefined;
  /** Tokens that are remembered because they have let somebody in and have not ended; default 65,536. */
  readonly maxRemembered?: number | undefined;
}

/**
 * Makes the state of a new peer. A type of its own, so that a compiler that infers the state's type from it knows the peer's before, in
 * whatever order it comes to them.
 */
type StateMaker<Peer, State> = (peer: Peer, start: State | undefined) => State;

export interface ListenOptions<F extends ServerFaceTypes = ServerFaceTypes> {
  /**
   * The address to bind, or a list of at most 16; default `127.0.0.1`. Each port is bound on each address, and a client
   * is answered from the address that it asked. On a machine with several addresses give the list instead of `0.0.0.0` or
   * `::`: on those the system chooses the address that it answers from, and a client drops answers from another than it
   * asked. `::` alone covers IPv4 too; in a list with IPv4 addresses it covers IPv6 only.
   */
  readonly host?: string | readonly string[] | undefined;
  /** A range `"12341-12343"`, a list, or a number of free ones. */
  readonly ports: string | readonly number[] | { readonly count: number };
  /** What clients are told where a container or NAT shows other numbers: as long as `ports`, in the same order. */
  readonly publicPorts?: readonly number[] | undefined;
  /** Go on without ports that cannot be bound, as long as one can; default false. */
  readonly allowMissingPorts?: boolean | undefined;
  /**
   * Keep a client on the port that it dialled when it says that it cannot reach the one that it was sent to, as behind a
   * firewall; default true. A client can say so of any port that has room. False: it is sent to the emptiest one as any other.
   */
  readonly stayOnPort?: boolean | undefined;
  /**
   * False: the one port is served on the thread that calls `listen`, and there is no worker. Nothing is woken for another thread
   * then, which is most of what a server of up to some hundred peers costs; but handlers that take long hold up the
   * port, and what throws in it is an uncaught exception of the process. Default true.
   */
  readonly workers?: boolean | undefined;
  /** Peers a port takes; default 1024. */
  readonly maxPeersPerPort?: number | undefined;
  /**
   * Peers of one address, over all ports; more are rejected with `full`. An IPv6 address counts by its /64 prefix.
   * Default a quarter of the server's capacity, at least 16, and no bound for loopback addresses. What is given here
   * holds for those too; Infinity: no bound.
   */
  readonly maxPeersPerAddress?: number | undefined;
  /**
   * Joins of one address that may wait for `authenticate` at once, on each port; more are rejected with `full`. Default
   * 256, a quarter of what may wait in all, and no bound for loopback addresses. What is given here holds for those
   * too; Infinity: no bound.
   */
  readonly maxJoinsPerAddress?: number | undefined;
  /** Bounds of each port; what is left out has its default. */
  readonly limits?: { readonly [L in keyof PortLimits]?: PortLimits[L] | undefined } | undefined;
  /**
   * Milliseconds that a worker may leave pings unanswered, as one whose systems never return; then it is ended, its
   * peers leave with `worker-died` and its port comes back. Default 5000; Infinity: never (in a debugger), as without workers.
   */
  readonly workerTimeoutMs?: number | undefined;
  /**
   * Heap that a worker may use, for its systems and its peers; one that needs more ends as if it had died, and the process goes
   * on. Memory outside the heap (rings, sockets, buffers) does not count. Default 1 GiB; at least 16 MiB. Without workers it means nothing.
   */
  readonly workerHeapBytes?: number | undefined;
  /**
   * Decides on a join; default: everyone is let in. Has `authenticateTimeoutMs` of the spec. Where there is none, joins whose body
   * is too long for a datagram are refused before it is sent.
   */
  readonly authenticate?:
    | ((
        join: F["join"],
        origin: JoinOrigin,
        signal: AbortSignal,
      ) =>
        | Authentication<F["accept"], F["state"]>
        | Promise<Authentication<F["accept"], F["state"]>>)
    | undefined;
  /**
   * Chooses the port of a client that `authenticate` has let in: one of `ports`, so that those who belong together share
   * a worker. Undefined: the rule that holds where there is no `place`, which keeps who asks to stay and else takes
   * `emptiestPort(ports)`. It must answer at once. A port without room rejects the client with `full`; what throws, or is
   * not a port of the server, with `internal`. It is asked again where the worker of the port died meanwhile.
   */
  readonly place?:
    | ((placing: Placing<F["join"], F["accept"], F["state"]>) => number | undefined)
    | undefined;
  /** Makes the user's own state of a new peer; default: `start`, which is what `authenticate` has answered as `state`. */
  readonly state?: StateMaker<NewPeer<F["join"], F["send"]>, F["state"]> | undefined;
  /** Handlers by channel, in place before the first message. */
  readonly handlers?: Partial<F["handlers"]> | undefined;
  /** What answers requests, by channel, in place before the first. */
  readonly responders?: Partial<F["responders"]> | undefined;
  /**
   * Requests to one peer that may be open at once, and requests of one peer that are answered at once; default 256, from 1 to
   * 65,536. The application and the systems of each port have that many each. One more to a peer rejects with
   * STARDUST_REQUEST_BUSY and is not sent; one more of a peer's is refused, which it is told with the same code. What was given up
   * counts until its responder has ended, and what waits for room to leave counts with what is being answered. Clients have a
   * number of their own, which need not be the same: this one holds for whatever they ask.
   */
  readonly maxOpenRequests?: number | undefined;
  /** A module that runs inside every worker (stardust-udp/systems). */
  readonly systems?: URL | string | undefined;
  /** Handlers of the messages that the systems send to the application, in place before the first. */
  readonly systemHandlers?: Partial<F["systemHandlers"]> | undefined;
  /** A module that wraps each worker's sockets, one by one: a lossy link, say (stardust-udp/testing). */
  readonly wrapSocket?: URL | string | undefined;
  /** Handed to that module; must survive structured cloning. */
  readonly wrapSocketData?: unknown;
  /** Closes the server when it fires. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Told of what a handler throws, the systems' too, with the peer's id and the channel where there are such, and of workers
   * that die; default: printed to stderr. The server goes on.
   */
  readonly onFault?: ((error: unknown, where: string, origin: FaultOrigin) => void) | undefined;
  /**
   * What decides how much is sent to a peer: `"stardust"` (the default), `"newreno"`, `"fixed"`, or a module that runs in
   * each worker and exports by default a function that makes a controller of your own. It governs what the server sends;
   * clients choose for themselves.
   */
  readonly congestion?: CongestionChoice | CongestionModule | undefined;
  /**
   * Where the protocol is sealed: the private key that the server signs with, as `stardust keygen` prints it. Clients that
   * are given its public half as `serverKey` talk to nobody else. Default: a fresh one at each start.
   */
  readonly identity?: string | undefined;
  /** Only clients whose connect token is good may ask to join; default: all may. */
  readonly tokens?: TokenOptions | undefined;
  /**
   * To debug sealed connections: a file that the secrets of every one are added to, or a function that is given each line.
   * Whoever has them and a capture reads all: `stardust decode --keys`. Never in production.
   */
  readonly keyLog?: KeyLog | undefined;
  /**
   * What the server proves with, when it was started again, that it has lost its clients: they end with `server-restarted`
   * at once, instead of after their idle timeout. A secret text of at least 16 characters, the same at each start. Default:
   * it follows from `identity`; without that it is a fresh one at each start, and only a worker that was started again can
   * prove it. Servers that share an identity should each have a key of its own, or one can be asked about another's clients.
   */
  readonly resetKey?: string | undefined;
  /**
   * Milliseconds that a peer is kept when nothing was heard of it for `limits.idleTimeoutMs`: `away` is raised rather than
   * `leave`, and a client that comes back in time, from whichever address, is the same peer, with all that is reliable.
   * Up to half of a port's places at a time. Default 0: it leaves at once. At most some 24 days.
   */
  readonly resumeMs?: number | undefined;
  /** False only to prove that loss is noticed: nothing that is lost is sent again. */
  readonly resend?: boolean | undefined;
  /** Receive and send buffer asked of the system for each socket, bytes; default 4 MiB. */
  readonly socketBufferBytes?: number | undefined;
  /**
   * `"node"`, the default: sockets of `node:dgram`. `"native"`: compiled ones, on Linux, which read and write many datagrams with
   * one system call, and seal in C; STARDUST_UNSUPPORTED where they were not built, and `nativeSockets()` of stardust-udp/native says why.
   * `"auto"`: native ones where they are there.
   */
  readonly sockets?: SocketKind | undefined;
  /**
   * How long a native socket may rest behind what it has read, milliseconds, so that what comes meanwhile shares a turn of the event
   * loop; only while at least eight datagrams come in that time, and from many peers, each of them seldom. A datagram waits as long at
   * most. Default 1; 0: none ever waits; at most 20. Sockets of `node:dgram` cannot rest.
   */
  readonly coalesceMs?: number | undefined;
}

export const DEFAULT_COALESCE_MS = 1;
/** More would be taken for a thread that stood still. */
const MAX_COALESCE_MS = 20;
export const DEFAULT_MAX_PEERS_PER_PORT = 1024;
export const DEFAULT_WORKER_TIMEOUT_MS = 5000;
export const DEFAULT_WORKER_HEAP_BYTES: number = 2 ** 30;
/** Less does not hold a worker's own code. */
const MIN_WORKER_HEAP_BYTES = 2 ** 24;
/** With this many, ids of 32 bits still have 8 for generations beside slot and port. */
const MAX_PEERS_PER_PORT = 0x1_0000;

export const listenOptions: OptionsOf<ListenOptions> = {
  ports: checkedElsewhere,
  host: oneOrList(text),
  publicPorts: listOf(portNumber),
  allowMissingPorts: flag,
  stayOnPort: flag,
  workers: flag,
  maxPeersPerPort: whole(1, MAX_PEERS_PER_PORT),
  maxPeersPerAddress: countOrNone(1),
  maxJoinsPerAddress: countOrNone(1),
  limits: object,
  workerTimeoutMs: milliseconds(100),
  workerHeapBytes: whole(MIN_WORKER_HEAP_BYTES, Number.MAX_SAFE_INTEGER),
  authenticate: callback,
  place: callback,
  state: callback,
  handlers: object,
  responders: object,
  maxOpenRequests: whole(1, MAX_OPEN_REQUESTS),
  systems: moduleUrl,
  systemHandlers: object,
  wrapSocket: moduleUrl,
  signal: abortSignal,
  onFault: callback,
  congestion: {
    what: `${congestionChoice.what}, or { module: ${moduleUrl.what} }`,
    isGood: (value) =>
      congestionChoice.isGood(value) ||
      (object.isGood(value) && moduleUrl.isGood((value as CongestionModule).module)),
  },
  identity: identityText,
  tokens: object,
  keyLog: pathOrFunction,
  resetKey: {
    what: "a secret text of at least 16 characters",
    isGood: (value) => typeof value === "string" && value.length >= 16,
    secret: true,
  },
  resumeMs: whole(0, MAX_TIMER_MS),
  resend: flag,
  socketBufferBytes: bufferBytes,
  sockets: oneOf("node", "native", "auto"),
  coalesceMs: whole(0, MAX_COALESCE_MS),
  wrapSocketData: cloneable,
};

/** A rate of datagrams, or a number of joins: far above what a port can do, far below what its tables could hold. */
const count: OptionType = whole(1, 1_000_000);

const limitOptions: OptionTable = Object.fromEntries(
  Object.keys(defaultPortLimits).map((name) => [name, count]),
);

/** All of them. Throws STARDUST_INVALID_OPTION for one that is wrong, or that there is not. */
export function portLimits(given: ListenOptions["limits"] = {}): PortLimits {
  checkOptions("listen", given, limitOptions, "limits");
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...defaultPortLimits, ...Object.fromEntries(set) };
}

/** As it can be posted to a worker. */
export function workerCongestion(
  congestion: ListenOptions["congestion"],
): CongestionChoice | { readonly module: string } | undefined {
  if (typeof congestion !== "object" || !("module" in congestion)) return congestion;
  return { module: congestion.module.toString() };
}
