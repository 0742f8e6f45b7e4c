/** The options of `connect` and what is checked of them before a socket is opened. What they do is client.ts's business. */
import type { FaultOrigin } from "./connection-contract.ts";
import { StardustError } from "./errors.ts";
import type { ClientFaceTypes } from "./face.ts";
import { MAX_OPEN_REQUESTS } from "./limits.ts";
import {
  abortSignal,
  bufferBytes,
  callback,
  eitherOf,
  flag,
  identityText,
  type OptionsOf,
  object,
  oneOf,
  oneOrList,
  pathOrFunction,
  portNumber,
  serverKeyText,
  text,
  tokenText,
  whole,
} from "./options.ts";
import type { Protocol } from "./protocol.ts";
import { type ReconnectOptions, reconnectOption } from "./reconnect-options.ts";
import {
  type CongestionChoice,
  type CongestionFactory,
  congestionChoice,
} from "./session/congestion/choose.ts";
import type { KeyLog } from "./udp/key-log.ts";
import type { DatagramSocket, SocketKind } from "./udp/socket.ts";

export interface ConnectOptions<F extends ClientFaceTypes = ClientFaceTypes> {
  /** Name or address of the server; default `127.0.0.1`. */
  readonly host?: string | undefined;
  /** Any port of the server's range. */
  readonly port: number;
  /**
   * The body of join; may be left out where the spec asks for nothing. A function is asked before each attempt, 0 being
   * `connect`'s own and 1 the first after a loss; what it throws fails that attempt.
   */
  readonly join?: F["join"] | ForAttempt<F["join"]> | undefined;
  /** Handlers by channel, in place before the first message. */
  readonly handlers?: Partial<F["handlers"]> | undefined;
  /** What answers requests, by channel, in place before the first. */
  readonly responders?: Partial<F["responders"]> | undefined;
  /**
   * Requests to the server that may be open at once, and requests of the server that are answered at once; default 256, from 1
   * to 65,536. One more to the server rejects with STARDUST_REQUEST_BUSY and is not sent; one more of the server's is refused,
   * which it is told with the same code. What was given up counts until its responder has ended, and what waits for room to
   * leave counts with what is being answered. The server has a number of its own; the two need not agree.
   */
  readonly maxOpenRequests?: number | undefined;
  /** Ends the attempt (STARDUST_CONNECT_ABORTED) or, later, closes the client. */
  readonly signal?: AbortSignal | undefined;
  /** Wraps the socket: a lossy link, say (stardust-udp/testing). */
  readonly wrapSocket?: ((socket: DatagramSocket) => DatagramSocket) | undefined;
  readonly socketBufferBytes?: number | undefined;
  /**
   * `"node"`, the default: sockets of `node:dgram`. `"native"`: compiled ones, on Linux, which read and write many datagrams with
   * one system call, and seal in C; STARDUST_UNSUPPORTED where they were not built, and `nativeSockets()` of stardust-udp/native says why.
   * `"auto"`: native ones where they are there.
   */
  readonly sockets?: SocketKind | undefined;
  /** Told of what a handler throws, with its channel; default: printed to stderr. The client goes on. */
  readonly onFault?: ((error: unknown, where: string, origin: FaultOrigin) => void) | undefined;
  /**
   * What decides how much is sent: `"stardust"` (the default), `"newreno"`, `"fixed"`, or a function that makes a controller
   * of your own. It governs what this side sends; the other side chooses for itself.
   */
  readonly congestion?: CongestionChoice | CongestionFactory | undefined;
  /**
   * Where the protocol is sealed: the server's public key, or a list of keys of which it must have one (while it
   * changes). Without it the connection is sealed, and nothing says with whom.
   */
  readonly serverKey?: string | readonly string[] | undefined;
  /**
   * The connect token that a backend has issued for this player, where the server asks for one. It lets in once: to
   * `reconnect` give a function that fetches one for each attempt, as for `join`.
   */
  readonly token?: string | ForAttempt<string> | undefined;
  /** The private key that the token names, where that does not stand in the token itself: as `stardust keygen` prints it. */
  readonly identity?: string | undefined;
  /**
   * To debug a sealed connection: a file that its secrets are added to, or a function that is given each line. Whoever has
   * them and a capture reads the connection: `stardust decode --keys`.
   */
  readonly keyLog?: KeyLog | undefined;
  /**
   * Join again when the connection is lost: nothing is heard, or the server, or the worker of its port, has been started
   * again. Never after a close that somebody has meant. Default false: the client ends.
   */
  readonly reconnect?: boolean | ReconnectOptions | undefined;
  /** False only to prove that loss is noticed: nothing that is lost is sent again. */
  readonly resend?: boolean | undefined;
}

/** Makes something anew for each attempt to connect. */
export type ForAttempt<T> = (attempt: number) => T | Promise<T>;

/** What is said in one attempt, and how. */
export type AttemptOptions = Omit<ConnectOptions, "handlers" | "join" | "token"> & {
  readonly join: object | undefined;
};

export const connectOptions: OptionsOf<ConnectOptions> = {
  host: text,
  port: portNumber,
  join: eitherOf(object, callback),
  handlers: object,
  responders: object,
  maxOpenRequests: whole(1, MAX_OPEN_REQUESTS),
  signal: abortSignal,
  wrapSocket: callback,
  socketBufferBytes: bufferBytes,
  sockets: oneOf("node", "native", "auto"),
  onFault: callback,
  congestion: eitherOf(congestionChoice, callback),
  serverKey: oneOrList(serverKeyText),
  token: eitherOf(tokenText, callback),
  identity: identityText,
  keyLog: pathOrFunction,
  reconnect: reconnectOption,
  resend: flag,
};

/** The keys that are trusted; undefined: any. Throws STARDUST_INVALID_OPTION where none can be, rather than trust nobody. */
export function serverKeys(
  protocol: Protocol,
  given: string | readonly string[] | undefined,
): readonly string[] | undefined {
  if (given === undefined) return undefined;
  const wrong = (problem: string): StardustError =>
    new StardustError("STARDUST_INVALID_OPTION", `serverKey: ${problem}`);
  if (protocol.security === "plain") {
    throw wrong(
      `protocol ${protocol.name} is plain, and nothing shows there who the server is; write \`security: sealed\` in its spec, or leave serverKey out`,
    );
  }
  const keys = [given].flat().map((key) => key.trim());
  if (keys.length === 0) throw wrong("the list is empty; leave it out to trust any server");
  return keys;
}
