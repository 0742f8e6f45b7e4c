/**
 * The client as its user sees it: what the generated `connect` returns, and the options it takes. It runs on the
 * thread that made it.
 */
import { isIPv6 } from "node:net";
import { type Agreement, differences, hasChannel, sameVersion } from "./agreement.ts";
import type { CloseOptions, CloseReason } from "./connection-contract.ts";
import { Counters } from "./counters.ts";
import {
  checkLinger,
  checkProtocol,
  checkUserField,
  closedError,
  DrainSignal,
  faultListener,
  receivedHeader,
  registerHandlers,
  resolveServer,
} from "./endpoint.ts";
import { ConnectProtocolError, ConnectRejectedError, StardustError } from "./errors.ts";
import type { ClientFace, ClientFaceTypes, HeaderValues, MessageContext } from "./face.ts";
import { Hub } from "./hub.ts";
import { MESSAGE_OVERHEAD_BYTES } from "./limits.ts";
import { Peer } from "./peer.ts";
import type { ChannelDefinition, Protocol } from "./protocol.ts";
import type { SessionSink } from "./session/session.ts";
import { openSocket } from "./udp/dgram-socket.ts";
import { nodeCrypto, secureRandom } from "./udp/node-crypto.ts";
import "./udp/node-text.ts";
import type { DatagramSocket } from "./udp/socket.ts";
import { nowMs, Turn } from "./udp/turn.ts";
import { Reader } from "./wire/reader.ts";
import { Writer } from "./wire/writer.ts";
import { ZeroClient } from "./zero/client.ts";
import type { ZeroClientEvent } from "./zero/events.ts";

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
  /** Told of what a handler throws; default: printed to stderr. The client goes on. */
  readonly onFault?: ((error: unknown, where: string) => void) | undefined;
  /** False only to prove that loss is noticed: nothing that is lost is sent again. */
  readonly resend?: boolean | undefined;
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
  /** Version of the spec that both sides use: the older one, where the server was generated from another. */
  readonly version: number;
  /** Whether the server has this channel; a send on one that it lacks throws STARDUST_CHANNEL_MISSING. */
  has(channel: Extract<keyof F["send"], string>): boolean;
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
  protocol: Protocol,
  face: ClientFace<F>,
  options: ConnectOptions<F>,
): Promise<Client<F>> {
  checkProtocol(protocol);
  const { port, signal } = options;
  if (!(Number.isInteger(port) && port >= 1 && port <= 65535)) {
    throw new StardustError("STARDUST_INVALID_OPTION", `port: ${port} is not a UDP port`);
  }
  if (signal?.aborted) throw aborted(signal);
  const address = await resolveServer(options.host ?? "127.0.0.1");
  const plain = await openSocket({
    host: localAddress(address),
    port: 0,
    bufferBytes: options.socketBufferBytes,
    maxDatagramBytes: protocol.limits.maxDatagramBytes,
    warn: true,
  });
  let client: RunningClient<F>;
  try {
    if (signal?.aborted) throw aborted(signal);
    const socket = options.wrapSocket?.(plain) ?? plain;
    client = new RunningClient<F>(protocol, face, options, socket, address);
  } catch (error) {
    void plain.close();
    throw error;
  }
  await client.attached;
  return client;
}

class RunningClient<F extends ClientFaceTypes> implements Client<F>, HeaderValues {
  id = 0;
  port = 0;
  accept!: F["accept"];
  readonly send: F["send"];
  readonly receive: F["receive"];
  readonly messages: F["messages"];
  readonly header: F["header"];
  readonly closed: Promise<CloseReason>;
  /** Resolves when the handshake is done; rejects with what went wrong. */
  readonly attached: Promise<void>;
  readonly #protocol: Protocol;
  readonly #options: ConnectOptions<F>;
  readonly #socket: DatagramSocket;
  readonly #address: string;
  readonly #zero: ZeroClient;
  readonly #turn: Turn;
  readonly #hub: Hub<undefined>;
  readonly #drain = new DrainSignal();
  readonly #user: Float64Array;
  #received: Float64Array;
  readonly #context: MessageContext<object>;
  readonly #reader = new Reader();
  readonly #out: Writer;
  readonly #counters = {
    datagramsReceived: 0,
    datagramsSent: 0,
    datagramsRefused: 0,
    messagesMalformed: 0,
  };
  /** A reader has taken something since the session was last asked for more. */
  #roomMade = false;
  #agreed: Agreement;
  /** Undefined before attached. */
  #peer: Peer | undefined;
  #state: "joining" | "open" | "closing" | "closed" = "joining";
  #closing: { readonly code: string; readonly reason: string } | undefined;
  /** The goodbye is under way; the session is silent. */
  #goodbye = false;
  #resolveClosed!: (reason: CloseReason) => void;
  #resolveAttached!: () => void;
  #rejectAttached!: (error: Error) => void;

  constructor(
    protocol: Protocol,
    face: ClientFace<F>,
    options: ConnectOptions<F>,
    socket: DatagramSocket,
    address: string,
  ) {
    this.#protocol = protocol;
    this.#agreed = sameVersion(protocol);
    this.#options = options;
    this.#socket = socket;
    this.#address = address;
    this.#user = new Float64Array(protocol.header.userFields.length);
    this.#received = this.#user;
    this.#out = new Writer(new Uint8Array(protocol.limits.maxDatagramBytes));
    this.#context = { header: face.header(receivedHeader(() => this.#received)) };
    this.#hub = this.#makeHub();
    this.send = face.send({ send: (channel, message) => this.#send(channel, message) });
    this.receive = face.receive(this.#hub);
    this.messages = face.messages(this.#hub);
    this.header = face.header(this);
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.attached = new Promise((resolve, reject) => {
      this.#resolveAttached = resolve;
      this.#rejectAttached = reject;
    });
    this.#turn = new Turn((now) => this.#run(now));
    registerHandlers(this.#hub, protocol, "client", options.handlers);
    const join = options.join ?? {};
    const { port } = options;
    this.#zero = new ZeroClient({ protocol, crypto: nodeCrypto, port, join, nowMs: nowMs() });
    socket.listen((bytes, from, fromPort) => this.#handleDatagram(bytes, from, fromPort));
    options.signal?.addEventListener("abort", this.#onAbort, { once: true });
    this.#turn.wake();
  }

  get(field: number): number {
    return this.#user[field] ?? 0;
  }

  set(field: number, value: number): void {
    this.#user[field] = checkUserField(this.#protocol, field, value);
    this.#peer?.session.setUserField(field, this.#user[field]!);
  }

  get version(): number {
    return this.#agreed.version;
  }

  has(channel: string): boolean {
    return hasChannel(this.#protocol, this.#agreed, channel);
  }

  drained(): Promise<void> {
    return this.#drain.wait("client");
  }

  flush(): void {
    this.#turn.flush();
  }

  stats(): ConnectionStats {
    const counters = new Counters(Object.entries(this.#counters));
    counters.addAll("zero", this.#zero.counters);
    if (this.#peer !== undefined) counters.addAll("session", this.#peer.session.counters);
    return { rttMs: this.#peer?.session.rttMs ?? 0, counters: counters.toObject() };
  }

  async close(options: CloseOptions = {}): Promise<void> {
    const lingerMs = checkLinger(options.lingerMs);
    if (this.#state === "joining") {
      this.#fail(closedError("client"));
    } else if (this.#state === "open") {
      this.#state = "closing";
      this.#closing = { code: options.code ?? "closed", reason: options.reason ?? "" };
      this.#peer!.linger(nowMs() + lingerMs);
      this.#turn.wake();
    }
    await this.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What the session hands its messages to. */
  readonly #sink: SessionSink = {
    deliver: (channel, bytes, view, start, end, user) => {
      // At the end of the connection all that has arrived goes to its readers, room or not.
      if (this.#state !== "closed" && !this.#hub.hasRoom(channel.index)) {
        if (this.#hub.isStuck(channel.index)) this.#closeUnread(channel);
        return false;
      }
      let message: unknown;
      try {
        message = channel.codec.decode(this.#reader.reset(bytes, view, start, end));
      } catch {
        this.#counters.messagesMalformed++;
        return true;
      }
      this.#hub.offer(
        channel.index,
        undefined,
        message,
        user,
        end - start + MESSAGE_OVERHEAD_BYTES,
      );
      return true;
    },
    drained: () => this.#drain.open(),
  };

  /** A channel that nobody has ever asked for would hold up all others for good. */
  #closeUnread(channel: ChannelDefinition): void {
    if (this.#state !== "open") return;
    void this.close({
      code: "unread-channel",
      reason: `nobody reads ${channel.name}`,
      lingerMs: 0,
    });
  }

  #makeHub(): Hub<undefined> {
    const onFault = faultListener(this.#options.onFault);
    const hub = new Hub<undefined>({
      channels: this.#protocol.channels,
      invoke: (handler, _origin, message, user) => {
        this.#received = user;
        return handler(message, this.#context);
      },
      yields: (_origin, message) => message,
      release: () => {},
      onHandlerError: (error, channel) => onFault(error, `receive.${channel.name}`),
    });
    // At the turn's end: a reader that makes room is often in the middle of a delivery.
    hub.onRoom = () => {
      this.#roomMade = true;
      this.#turn.wake();
    };
    return hub;
  }

  #send(channel: number, message: unknown): boolean {
    if (this.#state !== "open") throw closedError("client");
    const taken = this.#peer!.session.sendMessage(channel, message);
    this.#turn.wake();
    return this.#drain.note(taken);
  }

  #handleDatagram(bytes: Uint8Array, from: string, fromPort: number): void {
    this.#counters.datagramsReceived++;
    const length = bytes.byteLength;
    // Whoever else sends here is not our server.
    if (from !== this.#address || length < 4) {
      this.#counters.datagramsRefused++;
      return;
    }
    const now = nowMs();
    if (bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 0) {
      this.#zero.handleDatagram(bytes, length, fromPort, now);
      this.#takeZeroEvents();
    } else if (
      this.#peer !== undefined &&
      fromPort === this.port &&
      !this.#goodbye &&
      this.#state !== "closed"
    ) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, length);
      this.#peer.session.handleDatagram(bytes, view, length, now);
    } else {
      this.#counters.datagramsRefused++;
    }
    this.#turn.wake();
  }

  #takeZeroEvents(): void {
    for (let event = this.#zero.pollEvent(); event !== undefined; event = this.#zero.pollEvent()) {
      switch (event.type) {
        case "attached":
          this.#attach(event);
          break;
        case "rejected":
          this.#fail(rejection(this.#protocol, event));
          break;
        case "timeout":
          this.#fail(
            new StardustError(
              "STARDUST_CONNECT_TIMEOUT",
              `no answer from ${this.#address}:${this.#options.port} within ${this.#protocol.limits.handshakeTimeoutMs} ms`,
            ),
          );
          break;
        case "closed":
          this.#end({ code: event.code, reason: event.reason, by: event.by });
          break;
      }
    }
  }

  #attach({ peer, port, accept, agreed }: Extract<ZeroClientEvent, { type: "attached" }>): void {
    this.id = peer;
    this.port = port;
    this.accept = accept as F["accept"];
    this.#agreed = agreed;
    this.#reader.compat = agreed.compat;
    this.#state = "open";
    const resend = this.#options.resend ?? true;
    const protocol = this.#protocol;
    this.#peer = new Peer(protocol, agreed, "client", nowMs(), secureRandom, this.#sink, resend);
    for (let i = 0; i < this.#user.length; i++) this.#peer.session.setUserField(i, this.#user[i]!);
    this.#resolveAttached();
  }

  #run(now: number): number {
    const zero = this.#zero;
    zero.handleTimeout(now);
    this.#takeZeroEvents();
    if (this.#peer !== undefined) this.#service(this.#peer, now);
    for (let out = zero.pollTransmit(now); out !== undefined; out = zero.pollTransmit(now)) {
      this.#counters.datagramsSent++;
      this.#socket.send(out.bytes, out.port, this.#address);
    }
    if (this.#state === "closed") {
      const deadline = zero.pollDeadline();
      if (deadline === Number.POSITIVE_INFINITY) {
        this.#turn.stop();
        void this.#socket.close();
      }
      return deadline;
    }
    const peerDeadline = this.#goodbye ? undefined : this.#peer?.pollDeadline();
    return Math.min(zero.pollDeadline(), peerDeadline ?? Number.POSITIVE_INFINITY);
  }

  #service(peer: Peer, now: number): void {
    if (this.#goodbye || this.#state === "closed") return;
    if (this.#roomMade) {
      this.#roomMade = false;
      peer.session.pump();
    }
    const state = peer.handleTimeout(now);
    if (state === "idle") {
      this.#end({ code: "idle-timeout", reason: "nothing was heard for too long", by: "local" });
      return;
    }
    const out = this.#out;
    for (;;) {
      out.at = 0;
      const bytes = peer.session.pollTransmit(out, now);
      if (bytes === 0) break;
      this.#counters.datagramsSent++;
      this.#socket.send(out.bytes.subarray(0, bytes), this.port, this.#address);
    }
    if (state === "lingered") {
      this.#goodbye = true;
      const { code, reason } = this.#closing!;
      this.#zero.close(code, reason, now);
    }
  }

  /** The handshake has failed: connect rejects. */
  #fail(error: Error): void {
    if (this.#state !== "joining") return;
    this.#rejectAttached(error);
    this.#end({ code: "not-connected", reason: error.message, by: "local" });
  }

  #end(reason: CloseReason): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    // What has arrived whole and in order is delivered, whether its readers have room or not.
    this.#peer?.session.pump();
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#hub.close();
    this.#drain.close("client");
    if (reason.by === "remote") {
      // The other side repeats its close until it has our acknowledgement: the socket stays for that, quietly.
      this.#turn.unref();
      this.#socket.unref?.();
      this.#turn.wake();
      this.#resolveClosed(reason);
      return;
    }
    this.#turn.stop();
    void this.#socket.close().then(() => this.#resolveClosed(reason));
  }

  readonly #onAbort = (): void => {
    if (this.#state === "joining") this.#fail(aborted(this.#options.signal!));
    else void this.close();
  };
}

function aborted(signal: AbortSignal): StardustError {
  return new StardustError("STARDUST_CONNECT_ABORTED", "connect was aborted", {
    cause: signal.reason,
  });
}

/** Where only this machine is to be reached, only this machine reaches us; else whatever address routing picks. */
function localAddress(remote: string): string {
  if (remote === "::1" || remote.startsWith("127.")) return isIPv6(remote) ? remote : "127.0.0.1";
  return isIPv6(remote) ? "::" : "0.0.0.0";
}

function rejection(
  protocol: Protocol,
  event: Extract<ZeroClientEvent, { type: "rejected" }>,
): StardustError {
  if (event.reason !== "protocol") return new ConnectRejectedError(event.reason, event.detail);
  const { version, hash } = event;
  // Only the newer of the two can have the other in its record.
  const own = hash === undefined ? [] : differences(protocol, hash);
  const told = event.detail === "" ? [] : event.detail.split(", ");
  const differs = own.length > 0 ? own : told;
  const what =
    differs.length === 0
      ? "generate both from the same spec, or publish versions with `stardust breaking --record` so that neighbouring ones can talk"
      : `they cannot talk because of: ${differs.join(", ")}`;
  const message =
    `the server speaks ${protocol.name} version ${version ?? "unknown"} (hash ${hash ?? "unknown"}), ` +
    `this client version ${protocol.version} (hash ${protocol.hash}); ${what}`;
  return new ConnectProtocolError(message, version, hash, differs);
}
