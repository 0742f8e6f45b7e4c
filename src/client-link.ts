/**
 * One connection of a client to a server: its socket and turns, the join, the session, the way back when the network has
 * changed, the end. Not here: who reads its messages, which is the client's business (running-client.ts), for which there
 * may be several at once while the addresses of a name are tried. Worst case: one pass a turn, as any owner of a socket.
 */
import { onAbort } from "./abort.ts";
import { openClientSocket } from "./client-socket.ts";
import {
  ConnectClosedError,
  connectAborted,
  connectRejected,
  connectTimeout,
  connectUntrusted,
} from "./connect-errors.ts";
import type { AttemptOptions } from "./connect-options.ts";
import type { OwnCredentials } from "./connect-token.ts";
import { Connection, type ConnectionHost } from "./connection/connection.ts";
import { type CloseReason, closeCodes } from "./connection-contract.ts";
import { tracedAlready } from "./connection-trace.ts";
import { Counters } from "./counters.ts";
import { type ClientEvent, isLoss, publish } from "./diagnostics.ts";
import {
  type CheckedClose,
  checkClose,
  closedError,
  faultListener,
  runGuarded,
} from "./endpoint.ts";
import { type NegotiatedVersion, sameVersion } from "./negotiated-version.ts";
import { largestDatagramBytes, type Protocol } from "./protocol.ts";
import type { ReceivedMessage } from "./received-message.ts";
import { congestionFactory } from "./session/congestion/choose.ts";
import type { ConnectionStats } from "./stats.ts";
import { type TraceCommand, TraceRecorder } from "./trace/recorder.ts";
import type { TrafficSecrets } from "./traffic-secrets.ts";
import { sealCryptoFor } from "./udp/choose-seal.ts";
import { DatagramLoop, type LoopUser } from "./udp/datagram-loop.ts";
import { keyLines, writeKeyLog } from "./udp/key-log.ts";
import { nodeCrypto, secureRandom } from "./udp/node-crypto.ts";
import type { DatagramSocket } from "./udp/socket.ts";
import { nowMs } from "./udp/turn.ts";
import { ZeroClient } from "./zero/client.ts";
import type { ClientAttachment, ZeroClientEvent } from "./zero/events.ts";

/** What a link asks of its client. */
export interface ClientLinkUser {
  /** Takes a message: at the end of the connection room or not. False: there is no room now. */
  deliver(link: ClientLink, received: ReceivedMessage, isEnding: boolean): boolean;
  /** It is open, before anything that comes from it is delivered. */
  attached(link: ClientLink): void;
  /** The server is not heard any more, and may be again: it keeps the peer for so long. */
  away(link: ClientLink): void;
  /** It is heard again, and nothing that is reliable was lost. */
  back(link: ClientLink): void;
  /** It goes on at another port of the server. */
  moved(link: ClientLink, from: number): void;
  /** A `send` that was refused can be tried again. */
  drained(link: ClientLink): void;
  notice(channel: number, token: number, delivered: boolean): void;
  /** It has ended, and what came before is delivered. */
  ended(link: ClientLink): void;
}

export interface ClientLinkOptions {
  readonly protocol: Protocol;
  readonly connect: AttemptOptions;
  readonly socket: DatagramSocket;
  readonly address: string;
  readonly keys: OwnCredentials;
  /** What stands in the header of its datagrams, read when it opens. */
  readonly userFields: Float64Array;
  /** Whether it goes on being looked for when nothing is heard any more, as long as the server keeps its place. */
  readonly isKept: boolean;
  readonly user: ClientLinkUser;
}

/** A link with a socket of its own, whose join is under way. Throws what `connect` is to reject with. */
export async function openLink(options: Omit<ClientLinkOptions, "socket">): Promise<ClientLink> {
  const { connect, address } = options;
  const { signal } = connect;
  const socket = await openClientSocket(connect, address);
  try {
    if (signal?.aborted) throw connectAborted(signal);
    return new ClientLink({ ...options, socket });
  } catch (error) {
    void socket.close();
    throw error;
  }
}

export class ClientLink {
  /** What the handshake has led to; undefined before. */
  attachment: ClientAttachment | undefined = undefined;
  negotiated: NegotiatedVersion;
  /** Resolves when the handshake is done; rejects with what went wrong. */
  readonly attached: Promise<void>;
  /** Resolves when it has ended and, if nobody is to be answered any more, its socket is closed. Never rejects. */
  readonly closed: Promise<CloseReason>;
  readonly #o: ClientLinkOptions;
  readonly #path: {
    readonly address: string;
    port: number;
    readonly local: 0;
    readonly proven: true;
  };
  readonly #zero: ZeroClient;
  readonly #loop: DatagramLoop<ZeroClientEvent>;
  readonly #connection: Connection;
  readonly #counters = new Counters([["messagesMalformed", 0]]);
  #forgetSignal = (): void => {};
  /** A socket is being opened that will take the place of the one in use. */
  #opening = false;
  /** The socket has been replaced since the server last knew where this is. */
  #isElsewhere = false;
  /** Regular datagrams that had come when this was looked at last. */
  #heardBefore = 0;
  /** Of those who wait for the server to know it. */
  #found: (() => void)[] = [];
  /** A reader has taken a message since the session last offered what it holds. */
  #roomMade = false;
  #trace: TraceRecorder | undefined;
  /** Why it could not connect. */
  #failure: Error | undefined;
  /** Its user has been told that it has ended. */
  #finished = false;
  #resolveClosed!: (reason: CloseReason) => void;
  #resolveAttached!: () => void;
  #rejectAttached!: (error: Error) => void;

  constructor(options: ClientLinkOptions) {
    const { protocol, socket, address, keys } = options;
    const { port, join = {}, resend = true, congestion, signal } = options.connect;
    this.#o = options;
    this.negotiated = sameVersion(protocol);
    this.#path = { address, port, local: 0, proven: true };
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.attached = new Promise((resolve, reject) => {
      this.#resolveAttached = resolve;
      this.#rejectAttached = reject;
    });
    const zero = new ZeroClient({
      protocol,
      crypto: nodeCrypto,
      port,
      join,
      ...keys,
      random: secureRandom,
      nowMs: nowMs(),
    });
    this.#zero = zero;
    const shared = {
      protocol,
      role: "client",
      random: secureRandom,
      userFields: options.userFields,
      resend,
      congestion: congestion && congestionFactory(congestion),
      sealCrypto: sealCryptoFor(options.connect.sockets),
      counters: this.#counters,
    } as const;
    this.#connection = new Connection(shared, this.#host, this.#path);
    this.#loop = new DatagramLoop({
      sockets: [socket],
      zero,
      user: this.#user,
      maxDatagramBytes: largestDatagramBytes(protocol.limits),
      remote: address,
    });
    this.#forgetSignal = onAbort(signal, () => {
      if (this.#isJoining) this.#fail("abandoned", connectAborted(signal!));
      else void this.close();
    });
    this.#loop.start();
  }

  /** Takes messages to be sent. */
  get takesMessages(): boolean {
    return this.#connection.takesMessages;
  }

  /** Why it has ended; undefined before. */
  get reason(): CloseReason | undefined {
    return this.#connection.reason;
  }

  /** Whether anything has come from the server. */
  get hasHeard(): boolean {
    return this.#loop.received > 0;
  }

  get #isJoining(): boolean {
    const { state } = this.#connection;
    return state === "joining" || state === "attaching";
  }

  /** False: there is no room now. To be called where it `takesMessages`. Throws InvalidMessageError. */
  send(channel: number, message: unknown, token: number | undefined): boolean {
    const taken = this.#connection.session!.sendMessage(channel, message, token);
    this.#loop.wake();
    return taken;
  }

  /** Nothing is heard of the server: what is unreliable is of no use when it is heard again. */
  get isAway(): boolean {
    return this.#connection.isAway;
  }

  setUserField(field: number, value: number): void {
    this.#connection.setUserField(field, value);
  }

  /** A reader has taken something: what the session holds is offered again at the turn's end. */
  makeRoom(): void {
    // A reader that makes room is often in the middle of a delivery.
    this.#roomMade = true;
    this.#loop.wake();
  }

  flush(): void {
    this.#loop.flush();
  }

  /** A message cannot be decoded: in a sealed session the server has sent it so, and the connection is closed. */
  malformed(): void {
    this.#counters.add("messagesMalformed");
    if (this.#o.protocol.security === "plain") return;
    const code = closeCodes.protocolViolation;
    void this.close({ code, reason: "messagesMalformed", lingerMs: 0 });
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
    const socket = await openClientSocket(this.#o.connect, this.#o.address).catch(() => undefined);
    this.#opening = false;
    if (!this.#connection.isLive) {
      void socket?.close();
      return;
    }
    if (socket === undefined) this.#counters.add("socketsRefused");
    else {
      this.#loop.replaceSocket(socket);
      this.#isElsewhere = true;
    }
    this.#search(nowMs());
    this.#loop.wake();
  }

  /** The server may not know where this is, and is asked to look. */
  #search(now: number): void {
    // What comes from here on counts.
    this.#takeHeard();
    this.#zero.rebind(now);
  }

  /** Whether the server's datagrams have come since this was asked last. */
  #takeHeard(): boolean {
    const before = this.#heardBefore;
    this.#heardBefore = this.#connection.session!.counters.datagramsReceived;
    return this.#heardBefore > before;
  }

  /** The server knows where this is, or nothing is of interest any more. */
  #endSearch(): void {
    for (const resolve of this.#found.splice(0)) resolve();
  }

  /** What is known of the server's clock (clock.ts); undefined where the layout has none. */
  get clockWords(): Float64Array | undefined {
    return this.#connection.session!.clock?.words;
  }

  /** Starts, reads or ends a trace; to be called once it has been open. */
  trace(what: TraceCommand, maxEvents: number): string | undefined {
    const session = this.#connection.session!;
    if (what === "start") {
      if (this.#trace !== undefined) throw tracedAlready();
      const side = { name: "client", type: "client" } as const;
      const { protocol } = this.#o;
      this.#trace = new TraceRecorder(protocol, session, side, nowMs(), Date.now(), maxEvents);
    }
    const text = this.#trace?.read();
    if (what === "stop") this.#trace = undefined;
    session.trace(this.#trace);
    return text;
  }

  /** Of its session; to be called once it has been open. */
  stats(): ConnectionStats {
    return this.#connection.session!.stats(nowMs());
  }

  counters(): Counters {
    const { session } = this.#connection;
    const { received, sent, runts, strangers } = this.#loop;
    const counters = this.#counters.copy();
    counters.add("datagramsReceived", received);
    counters.add("datagramsSent", sent);
    counters.add("datagramsRefused", runts + strangers);
    counters.addAll("zero", this.#zero.counters);
    if (session !== undefined) counters.addAll("session", session.counters);
    return counters;
  }

  /** Ends it; resolves when it has ended. */
  async close({ code, reason, lingerMs }: CheckedClose = checkClose({})): Promise<void> {
    if (this.#isJoining) this.#fail("abandoned", closedError("client"));
    else {
      this.#connection.close({ code, reason }, lingerMs, nowMs());
      this.#loop.wake();
    }
    await this.closed;
  }

  /** What its connection asks of it. */
  readonly #host: ConnectionHost = {
    // What has opened it waits until its user knows that it is open.
    deliver: (received) =>
      this.attachment !== undefined &&
      this.#o.user.deliver(this, received, this.#connection.isEnding),
    away: () => this.#o.user.away(this),
    back: () => this.#o.user.back(this),
    drained: () => this.#o.user.drained(this),
    notice: ({ index }, token, delivered) => this.#o.user.notice(index, token, delivered),
    sendClose: (code, reason, now) => this.#zero.close(code, reason, now),
    forget: () => this.#zero.forget(),
    openedEarly: () => {
      this.#zero.assumeAttached();
      const event = this.#zero.pollEvent();
      if (event?.type === "attached") this.#attached(event);
      this.makeRoom();
    },
    // Where answers take longer than that, a rebind that begins anew would never have its own.
    unanswered: (now) => {
      if (!this.#zero.isSought) this.#search(now);
    },
  };

  /** What its socket brings, and its turns. */
  readonly #user: LoopUser<ZeroClientEvent> = {
    connections: 1,
    handleRegular: (bytes, view, _address, port, now, _local, waitedMs) => {
      if (port !== this.#path.port) return false;
      const connection = this.#connection;
      const taken = connection.handleDatagram(bytes, view, bytes.byteLength, now, waitedMs);
      // What leaves nothing to do but to wait costs no turn.
      this.#loop.wakeBy(connection.quietUntil(now), now);
      return taken;
    },
    handleEvent: (event, now) => this.#handleEvent(event, now),
    serve: (now) => {
      const connection = this.#connection;
      if (this.#roomMade) {
        this.#roomMade = false;
        connection.pump();
      }
      this.#loop.serveConnection(connection, now);
    },
    endTurn: () => {
      if (this.#connection.state === "closed") this.#finish();
      // Asked again: what the connection protocol has said since may have changed it.
      return this.#connection.pollDeadline();
    },
  };

  #handleEvent(event: ZeroClientEvent, now: number): void {
    switch (event.type) {
      case "accepted":
        this.#path.port = event.port;
        this.#connection.handleZero(event);
        this.#connection.expect(this.#kept(event));
        // Messages may come before `attached` does.
        this.negotiated = event.negotiated;
        if (event.secrets !== undefined) this.#logKeys(event.secrets);
        break;
      case "restarted":
        this.#path.port = this.#o.connect.port;
        this.#connection.handleZero(event);
        break;
      case "attached":
        this.#connection.attach(this.#kept(event), now);
        this.#attached(event);
        break;
      case "rejected":
        this.#fail("rejected", connectRejected(this.#o.protocol, event));
        break;
      case "untrusted":
        this.#fail("rejected", connectUntrusted(this.#path, event.serverKey));
        break;
      case "timeout":
        this.#fail(
          "expired",
          connectTimeout(this.#o.protocol, this.#path, this.#o.connect.port, event.unreached),
        );
        break;
      case "closed":
        this.#connection.handleZero(event);
        break;
      case "rebound":
        this.#connection.move(this.#isElsewhere, now);
        this.#isElsewhere = false;
        this.#loop.keepSocket();
        // With a socket on its way that will take the place of this one, it is yet to be found there.
        if (!this.#opening) this.#endSearch();
        break;
      case "moved": {
        const from = this.#path.port;
        this.#path.port = event.port;
        this.attachment = { ...this.attachment!, port: event.port };
        // The other port may have seen the socket that was replaced meanwhile, and is asked to look for this one.
        if (this.#isElsewhere) this.#search(now);
        else if (!this.#opening) this.#endSearch();
        this.#connection.move(false, now);
        this.#o.user.moved(this, from);
        break;
      }
      case "unheard":
        // What hears is well, and where the server sends to: with another it would not be heard either, and hear nothing.
        if (!this.#takeHeard()) void this.#replaceSocket();
        else if (this.#loop.restoreSocket()) this.#isElsewhere = false;
        break;
      default:
        event satisfies never;
    }
  }

  #kept(event: ClientAttachment): ClientAttachment {
    return this.#o.isKept ? event : { ...event, resumeMs: 0 };
  }

  #logKeys(secrets: TrafficSecrets): void {
    const { keyLog, onFault } = this.#o.connect;
    if (keyLog === undefined) return;
    runGuarded(
      () => writeKeyLog(keyLog, keyLines(this.#zero.cid, secrets)),
      (error) => faultListener(onFault)(error, "keyLog"),
    );
  }

  #attached(event: ClientAttachment): void {
    this.attachment = event;
    this.#o.user.attached(this);
    publish("stardust:client:opened", () => this.#told(event));
    this.#resolveAttached();
  }

  #told({ peer, port }: ClientAttachment): ClientEvent {
    return { id: peer, port, address: this.#o.address };
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
      this.#o.user.ended(this);
      const { attachment } = this;
      if (attachment !== undefined) {
        const ended = () => ({ ...this.#told(attachment), reason });
        if (isLoss(reason)) publish("stardust:client:lost", ended);
        publish("stardust:client:closed", ended);
      }
      this.#rejectAttached(this.#failure ?? new ConnectClosedError(reason));
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
