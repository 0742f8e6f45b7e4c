/**
 * The client as its user sees it: what the generated `connect` returns, and the options it takes. It runs on the
 * thread that made it.
 */
import { isIPv6 } from "node:net";
import { onAbort } from "./abort.ts";
import {
  connectAborted,
  connectClosed,
  connectRejected,
  connectTimeout,
  connectUntrusted,
} from "./connect-errors.ts";
import { firstOf } from "./connect-first.ts";
import { type ConnectOptions, connectOptions } from "./connect-options.ts";
import { type OwnCredentials, ownCredentials } from "./connect-token.ts";
import { Connection, type ConnectionHost } from "./connection/connection.ts";
import {
  type CloseOptions,
  type CloseReason,
  closeCodes,
  unreadChannel,
} from "./connection-contract.ts";
import { Counters } from "./counters.ts";
import { Dispatcher } from "./dispatcher.ts";
import {
  checkClose,
  checkProtocol,
  checkToken,
  checkUserField,
  closedError,
  DrainSignal,
  decodeReceived,
  faultListener,
  receivedHeader,
  registerHandlers,
  resolveServer,
  runGuarded,
} from "./endpoint.ts";
import { StardustError } from "./errors.ts";
import type { ClientFace, ClientFaceTypes, HeaderValues, MessageContext } from "./face.ts";
import { MESSAGE_OVERHEAD_BYTES } from "./limits.ts";
import { hasChannel, type NegotiatedVersion, sameVersion } from "./negotiated-version.ts";
import { NoticeListeners } from "./notices.ts";
import { checkOptions } from "./options.ts";
import { largestDatagramBytes, type Protocol } from "./protocol.ts";
import { congestionFactory } from "./session/congestion/choose.ts";
import type { TrafficSecrets } from "./traffic-secrets.ts";
import { DatagramLoop, type LoopUser } from "./udp/datagram-loop.ts";
import { openSocket } from "./udp/dgram-socket.ts";
import { checkKeyLog, keyLines, writeKeyLog } from "./udp/key-log.ts";
import { nodeCrypto, secureRandom } from "./udp/node-crypto.ts";
import { nodeSealCrypto } from "./udp/node-seal.ts";
import "./udp/node-text.ts";
import type { DatagramSocket } from "./udp/socket.ts";
import { nowMs } from "./udp/turn.ts";
import { Reader } from "./wire/reader.ts";
import { ZeroClient } from "./zero/client.ts";
import type { ClientAttachment, ZeroClientEvent } from "./zero/events.ts";

export type { ConnectOptions } from "./connect-options.ts";
export type { KeyLog } from "./udp/key-log.ts";

/** Numbers of one connection, seen from this side. */
export interface ConnectionStats {
  /** Smoothed round-trip time; 0 before the first sample. */
  readonly rttMs: number;
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
  stats(): ConnectionStats;
  /** Ends the connection; reliable messages sent before are delivered first. May be called twice. */
  close(options?: CloseOptions): Promise<void>;
}

/** Joins a server and resolves when the connection is open. Generated code gives it its types. */
export async function connect<F extends ClientFaceTypes>(
  protocol: Protocol,
  face: ClientFace<F>,
  options: ConnectOptions<F>,
): Promise<Client<F>> {
  checkProtocol(protocol, "client");
  checkOptions("connect", options, connectOptions);
  const { port, signal } = options;
  if (port === undefined) {
    throw new StardustError("STARDUST_INVALID_OPTION", "port: any port of the server's range");
  }
  const keys = ownCredentials(protocol, options);
  checkKeyLog(protocol, options.keyLog);
  if (signal?.aborted) throw connectAborted(signal);
  const addresses = await resolveServer(options.host ?? "127.0.0.1");
  const isOnce = keys.token !== undefined;
  return firstOf(addresses, isOnce, (address) => open<F>(protocol, face, options, address, keys));
}

async function open<F extends ClientFaceTypes>(
  protocol: Protocol,
  face: ClientFace<F>,
  options: ConnectOptions<F>,
  address: string,
  keys: OwnCredentials,
): Promise<RunningClient<F>> {
  const { signal } = options;
  const openOne = () => openWrapped(options, address);
  const socket = await openOne();
  try {
    if (signal?.aborted) throw connectAborted(signal);
    return new RunningClient<F>(protocol, face, options, socket, openOne, address, keys);
  } catch (error) {
    void socket.close();
    throw error;
  }
}

/** A socket towards a server, as its user wraps it. */
async function openWrapped<F extends ClientFaceTypes>(
  { socketBufferBytes, wrapSocket }: ConnectOptions<F>,
  address: string,
): Promise<DatagramSocket> {
  const plain = await openSocket({
    host: localAddress(address),
    port: 0,
    bufferBytes: socketBufferBytes,
    warn: true,
  });
  try {
    return wrapSocket?.(plain) ?? plain;
  } catch (error) {
    void plain.close();
    throw error;
  }
}

class RunningClient<F extends ClientFaceTypes> implements Client<F>, HeaderValues {
  id = 0;
  port = 0;
  accept!: F["accept"];
  security: ConnectionSecurity = "plain";
  serverKey: string | undefined;
  readonly send: F["send"];
  readonly receive: F["receive"];
  readonly messages: F["messages"];
  readonly notices: F["notices"];
  readonly header: F["header"];
  readonly closed: Promise<CloseReason>;
  /** Resolves when the handshake is done; rejects with what went wrong. */
  readonly attached: Promise<void>;
  readonly #protocol: Protocol;
  readonly #options: ConnectOptions<F>;
  #forgetSignal = (): void => {};
  readonly #path: {
    readonly address: string;
    port: number;
    readonly local: 0;
    readonly proven: true;
  };
  readonly #zero: ZeroClient;
  readonly #loop: DatagramLoop<ZeroClientEvent>;
  readonly #connection: Connection;
  readonly #dispatcher: Dispatcher<undefined>;
  readonly #notices: NoticeListeners;
  readonly #drain = new DrainSignal();
  readonly #userFields: Float64Array;
  #received: Float64Array;
  readonly #context: MessageContext<object>;
  readonly #reader = new Reader();
  readonly #counters = new Counters([["messagesMalformed", 0]]);
  readonly #openSocket: () => Promise<DatagramSocket>;
  /** A socket is being opened that will take the place of the one in use. */
  #opening = false;
  /** The socket has been replaced since the server last knew where this is. */
  #isElsewhere = false;
  /** Of those who wait for the server to know it. */
  #found: (() => void)[] = [];
  /** A reader has taken a message since the session last offered what it holds. */
  #roomMade = false;
  #negotiated: NegotiatedVersion;
  /** Why it could not connect. */
  #failure: Error | undefined;
  /** Its user has been told that the connection has ended. */
  #finished = false;
  #resolveClosed!: (reason: CloseReason) => void;
  #resolveAttached!: () => void;
  #rejectAttached!: (error: Error) => void;

  constructor(
    protocol: Protocol,
    face: ClientFace<F>,
    options: ConnectOptions<F>,
    socket: DatagramSocket,
    openSocket: () => Promise<DatagramSocket>,
    address: string,
    keys: OwnCredentials,
  ) {
    const { port, join = {}, resend = true, congestion } = options;
    this.#protocol = protocol;
    this.#negotiated = sameVersion(protocol);
    this.#options = options;
    this.#openSocket = openSocket;
    this.#path = { address, port, local: 0, proven: true };
    this.#userFields = new Float64Array(protocol.header.userFields.length);
    this.#received = this.#userFields;
    this.#context = { header: face.header(receivedHeader(() => this.#received)) };
    this.#dispatcher = this.#makeDispatcher();
    this.#notices = new NoticeListeners(protocol.channels, faultListener(options.onFault));
    this.send = face.send({
      send: (channel, message, token) => this.#send(channel, message, token),
    });
    this.receive = face.receive(this.#dispatcher);
    this.messages = face.messages(this.#dispatcher);
    this.notices = face.notices?.(this.#notices) ?? {};
    this.header = face.header(this);
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.attached = new Promise((resolve, reject) => {
      this.#resolveAttached = resolve;
      this.#rejectAttached = reject;
    });
    registerHandlers(this.#dispatcher, protocol, "client", options.handlers);
    const zero = new ZeroClient({
      protocol,
      crypto: nodeCrypto,
      port,
      join,
      ...keys,
      nowMs: nowMs(),
    });
    if (protocol.security === "sealed")
      this.security = keys.serverKeys === undefined ? "opportunistic" : "pinned";
    this.#zero = zero;
    this.#connection = new Connection({
      protocol,
      role: "client",
      host: this.#host,
      path: this.#path,
      random: secureRandom,
      userFields: this.#userFields,
      resend,
      congestion: congestion && congestionFactory(congestion),
      sealCrypto: nodeSealCrypto,
      counters: this.#counters,
    });
    this.#loop = new DatagramLoop({
      sockets: [socket],
      zero,
      user: this.#user,
      maxDatagramBytes: largestDatagramBytes(protocol.limits),
      remote: address,
    });
    this.#forgetSignal = onAbort(options.signal, () => {
      if (this.#isJoining) this.#fail("abandoned", connectAborted(options.signal!));
      else void this.close();
    });
    this.#loop.start();
  }

  get(field: number): number {
    return this.#userFields[field] ?? 0;
  }

  set(field: number, value: number): void {
    this.#userFields[field] = checkUserField(this.#protocol, field, value);
    this.#connection.setUserField(field, this.#userFields[field]!);
  }

  get version(): number {
    return this.#negotiated.version;
  }

  has(channel: string): boolean {
    return hasChannel(this.#protocol, this.#negotiated, channel);
  }

  drained(): Promise<void> {
    return this.#drain.wait("client");
  }

  flush(): void {
    this.#loop.flush();
  }

  async rebind(): Promise<void> {
    if (!this.#connection.isLive) return;
    const found = new Promise<void>((resolve) => {
      this.#found.push(resolve);
    });
    await this.#replaceSocket();
    await found;
  }

  /** A new socket, and the server is asked to look for it. Where none can be had, the one that is there goes on. */
  async #replaceSocket(): Promise<void> {
    if (this.#opening) return;
    this.#opening = true;
    const socket = await this.#openSocket().catch(() => undefined);
    this.#opening = false;
    if (!this.#connection.isLive) {
      void socket?.close();
      return;
    }
    if (socket === undefined) this.#counters.add("socketsRefused");
    else {
      this.#loop.replaceSocket(0, socket);
      this.#isElsewhere = true;
    }
    this.#zero.rebind(nowMs());
    this.#loop.wake();
  }

  /** The server knows where this is, or nothing is of interest any more. */
  #endSearch(): void {
    for (const resolve of this.#found.splice(0)) resolve();
  }

  stats(): ConnectionStats {
    const { session } = this.#connection;
    const { received, sent, runts, strangers } = this.#loop;
    const counters = this.#counters.copy();
    counters.add("datagramsReceived", received);
    counters.add("datagramsSent", sent);
    counters.add("datagramsRefused", runts + strangers);
    counters.addAll("zero", this.#zero.counters);
    if (session !== undefined) counters.addAll("session", session.counters);
    return { rttMs: session?.rttMs ?? 0, counters: counters.toObject() };
  }

  async close(options: CloseOptions = {}): Promise<void> {
    const { code, reason, lingerMs } = checkClose(options);
    if (this.#isJoining) this.#fail("abandoned", closedError("client"));
    else {
      this.#connection.close({ code, reason }, lingerMs, nowMs());
      this.#loop.wake();
    }
    await this.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Whether anything has come from the server. */
  get hasHeard(): boolean {
    return this.#loop.received > 0;
  }

  get #isJoining(): boolean {
    const { state } = this.#connection;
    return state === "joining" || state === "attaching";
  }

  /** What its connection asks of it. */
  readonly #host: ConnectionHost = {
    deliver: (received) => {
      const { channel, start, end } = received;
      const payloadBytes = end - start;
      // At the end of the connection all that has arrived goes to its readers, room or not.
      if (!this.#connection.isEnding && !this.#dispatcher.hasRoom(channel.index, payloadBytes)) {
        if (this.#dispatcher.isStuck(channel.index, payloadBytes)) {
          this.#connection.setUnread(channel, true);
        }
        return false;
      }
      this.#connection.setUnread(channel, false);
      this.#dispatcher.offer(channel.index, undefined, received);
      return true;
    },
    drained: () => this.#drain.open(),
    notice: ({ index }, token, delivered) => this.#notices.tell(index, [], token, delivered),
    sendClose: (code, reason, now) => this.#zero.close(code, reason, now),
    forget: () => this.#zero.forget(),
    openedEarly: () => {
      this.#zero.assumeAttached();
      const event = this.#zero.pollEvent();
      if (event?.type === "attached") this.#attached(event);
    },
    unanswered: (now) => void this.#zero.rebind(now),
  };

  /** What its socket brings, and its turns. */
  readonly #user: LoopUser<ZeroClientEvent> = {
    handleRegular: (bytes, view, _address, port, now, _local, waitedMs) => {
      if (port !== this.#path.port) return false;
      const taken = this.#connection.handleDatagram(bytes, view, bytes.byteLength, now, waitedMs);
      this.#loop.wake();
      return taken;
    },
    handleEvent: (event, now) => this.#handleEvent(event, now),
    serve: (now) => {
      const connection = this.#connection;
      if (this.#roomMade) {
        this.#roomMade = false;
        connection.pump();
      }
      const unread = connection.unreadInTheWay;
      if (unread !== undefined && this.#options.unreadChannels !== "wait") {
        void this.close(unreadChannel(unread.name));
      }
      this.#loop.serveConnection(connection, now);
    },
    endTurn: () => {
      if (this.#connection.state === "closed") this.#finish();
      // Asked again: what the connection protocol has said since may have changed it.
      return this.#connection.pollDeadline();
    },
  };

  /** A message cannot be decoded: in a sealed session the server has sent it so, and the connection is closed. */
  #malformed(): void {
    this.#counters.add("messagesMalformed");
    if (this.#protocol.security === "plain") return;
    const code = closeCodes.protocolViolation;
    void this.close({ code, reason: "messagesMalformed", lingerMs: 0 });
  }

  #makeDispatcher(): Dispatcher<undefined> {
    const onFault = faultListener(this.#options.onFault);
    const dispatcher = new Dispatcher<undefined>({
      channels: this.#protocol.channels,
      userFields: this.#userFields.length,
      cost: (payloadBytes) => payloadBytes + MESSAGE_OVERHEAD_BYTES,
      decode: (_origin, received) => {
        const message = decodeReceived(this.#reader, this.#negotiated.compat, received);
        if (message === undefined) this.#malformed();
        return message;
      },
      invoke: (handler, _origin, message, user) => {
        this.#received = user;
        return handler(message, this.#context);
      },
      yields: (_origin, message) => message,
      onHandlerError: (error, channel) => onFault(error, `receive.${channel.name}`),
    });
    // At the turn's end: a reader that makes room is often in the middle of a delivery.
    dispatcher.onRoom = () => {
      this.#roomMade = true;
      this.#loop.wake();
    };
    return dispatcher;
  }

  #send(channel: number, message: unknown, token: unknown): boolean {
    if (!this.#connection.takesMessages) throw closedError("client");
    const named = checkToken(this.#protocol.channels[channel]!, token);
    const taken = this.#connection.session!.sendMessage(channel, message, named);
    this.#loop.wake();
    return this.#drain.note(taken);
  }

  #handleEvent(event: ZeroClientEvent, now: number): void {
    switch (event.type) {
      case "accepted":
        this.#path.port = event.port;
        this.#connection.handleZero(event);
        this.#connection.expect(event);
        // Messages may come before `attached` does.
        this.#negotiated = event.negotiated;
        if (event.secrets !== undefined) this.#logKeys(event.secrets);
        break;
      case "restarted":
        this.#path.port = this.#options.port;
        this.#connection.handleZero(event);
        break;
      case "attached":
        this.#connection.attach(event, now);
        this.#attached(event);
        break;
      case "rejected":
        this.#fail("rejected", connectRejected(this.#protocol, event));
        break;
      case "untrusted":
        this.#fail("rejected", connectUntrusted(this.#path, event.serverKey));
        break;
      case "timeout":
        this.#fail(
          "expired",
          connectTimeout(this.#protocol, this.#path, this.#options.port, event.unreached),
        );
        break;
      case "closed":
        this.#connection.handleZero(event);
        break;
      case "rebound":
        this.#connection.move(this.#isElsewhere, now);
        this.#isElsewhere = false;
        // With a socket on its way that will take the place of this one, it is yet to be found there.
        if (!this.#opening) this.#endSearch();
        break;
      case "unheard":
        void this.#replaceSocket();
        break;
      default:
        event satisfies never;
    }
  }

  #logKeys(secrets: TrafficSecrets): void {
    const { keyLog, onFault } = this.#options;
    if (keyLog === undefined) return;
    runGuarded(
      () => writeKeyLog(keyLog, keyLines(this.#zero.cid, secrets)),
      (error) => faultListener(onFault)(error, "keyLog"),
    );
  }

  #attached(event: ClientAttachment): void {
    this.id = event.peer;
    this.port = event.port;
    this.accept = event.accept as F["accept"];
    this.serverKey = event.serverKey;
    this.#resolveAttached();
  }

  /** The handshake has failed: connect rejects. */
  #fail(event: "rejected" | "expired" | "abandoned", error: Error): void {
    this.#failure = error;
    this.#connection.end(event, {
      code: closeCodes.notConnected,
      reason: error.message,
      by: "local",
    });
    this.#loop.wake();
  }

  /**
   * The connection is closed: its user is told, and the socket is closed once the server no longer repeats its close.
   */
  #finish(): void {
    const isQuiet = this.#zero.pollDeadline() === Number.POSITIVE_INFINITY;
    if (!this.#finished) {
      this.#finished = true;
      this.#endSearch();
      const reason = this.#connection.reason!;
      // What has arrived whole and in order is delivered, whether its readers have room or not.
      this.#connection.pump();
      this.#forgetSignal();
      this.#dispatcher.close();
      this.#drain.close("client");
      this.#rejectAttached(this.#failure ?? connectClosed(reason));
      if (isQuiet) {
        void this.#loop.stop().then(() => this.#resolveClosed(reason));
        return;
      }
      // The other side repeats its close until it has our acknowledgement.
      this.#loop.unref();
      this.#resolveClosed(reason);
    } else if (isQuiet) void this.#loop.stop();
  }
}

/**
 * The address to bind: loopback for a server on this machine, so that no other machine reaches the socket; else any.
 */
function localAddress(remote: string): string {
  if (remote === "::1" || remote.startsWith("127.")) return isIPv6(remote) ? remote : "127.0.0.1";
  return isIPv6(remote) ? "::" : "0.0.0.0";
}
