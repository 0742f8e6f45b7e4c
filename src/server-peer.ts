/**
 * One connected client as the application sees it: `ServerPeer`, and what stands behind it on the application's thread.
 * Who takes its messages and ends it is its server (server.ts); the connection itself is in its port's worker.
 */
import { CLOCK_WORDS, clockView, type RemoteClock, unknownClock } from "./clock.ts";
import type { CloseOptions, JoinToken } from "./connection-contract.ts";
import {
  type ConnectionTrace,
  startTrace,
  type TraceRunOptions,
  tracedAlready,
} from "./connection-trace.ts";
import { type CheckedClose, checkClose, closedError, DrainSignal } from "./endpoint.ts";
import type { Exchange } from "./exchange.ts";
import type { RequestTarget, ServerFace, ServerFaceTypes } from "./face.ts";
import type { NewPeer } from "./listen-options.ts";
import { hasChannel, type NegotiatedVersion } from "./negotiated-version.ts";
import { OpenTokens } from "./notices.ts";
import type { JoinedPeer } from "./pool/pool-peer.ts";
import type { PortHandle } from "./port/handle.ts";
import type { ServerProtocol } from "./protocol.ts";
import type { PeerStats } from "./stats.ts";

/** One connected client. Owned by one port at a time. */
export interface ServerPeer<F extends ServerFaceTypes = ServerFaceTypes>
  extends NewPeer<F["join"], F["send"], F["request"]> {
  /** The user's own state of this peer. */
  state: F["state"];
  readonly closed: boolean;
  /** Asks this client, on channels with `response`. */
  readonly request: F["request"];
  /** It is not heard any more, and may come back (`resumeMs`): what is unreliable is not kept for it. */
  readonly isAway: boolean;
  /** Names of the groups that it is in; those it was in while `leave` is told. */
  readonly groups: ReadonlySet<string>;
  /** Resolves when a `send` that was refused can be tried again; at once if none was. Rejects with STARDUST_CLOSED. */
  drained(): Promise<void>;
  /**
   * The client's clock, which is `client.time()` there; own times are `server.time()`. Throws STARDUST_UNSUPPORTED where the
   * header has no clock.
   */
  readonly clock: RemoteClock;
  /**
   * Switches a trace of this connection on, as its worker sees it; there is one at a time. It can be read when the peer has left, too. Rejects with
   * STARDUST_CLOSED where it has.
   */
  trace(options?: TraceRunOptions): Promise<ConnectionTrace>;
  /** Its numbers, as its worker has them now. Rejects with STARDUST_CLOSED where it has left. */
  stats(): Promise<PeerStats>;
  /**
   * Has it go on at another port of this server, without a join, and resolves when it is there: its client has shown that it
   * hears that port, and nothing reliable was lost or came twice. Everything of it goes along, its id too; in the worker its `state`, if it can be cloned. For a
   * moment of the move `send` is refused, as where the queue is full. Rejects with STARDUST_MOVE_FAILED where it stays: the port is full or has no
   * worker, its client is not heard there within `limits.handshakeTimeoutMs`, or another move is under way; with
   * STARDUST_INVALID_OPTION for a port that is none of `server.ports`; with STARDUST_CLOSED where it leaves.
   */
  moveTo(port: number): Promise<void>;
  /** Ends this connection; reliable messages sent before are delivered first, for at most `lingerMs`. */
  close(options?: CloseOptions): void;
}

/** What a peer asks of its server. */
export interface PeerServer<F extends ServerFaceTypes> {
  readonly protocol: ServerProtocol;
  readonly face: ServerFace<F>;
  /** False: not taken. Throws InvalidMessageError, STARDUST_CLOSED. */
  sendTo(peer: RunningPeer<F>, channel: number, message: unknown, token: unknown): boolean;
  closePeer(peer: RunningPeer<F>, how: CheckedClose): void;
  movePeer(peer: RunningPeer<F>, port: number): Promise<void>;
  groupsOf(peer: RunningPeer<F>): ReadonlySet<string>;
  exchangeWith(peer: RunningPeer<F>): Exchange;
  /** Its clock, milliseconds. */
  time(): number;
}

const NO_CLOCK = new Float64Array(CLOCK_WORDS);
unknownClock(NO_CLOCK);

export class RunningPeer<F extends ServerFaceTypes> implements ServerPeer<F> {
  readonly id: number;
  readonly address: string;
  readonly join: F["join"];
  readonly token: JoinToken | undefined;
  readonly negotiated: NegotiatedVersion;
  state: F["state"];
  closed: boolean = false;
  isAway: boolean = false;
  /** The port that owns it, or did last. */
  owner: PortHandle;
  /** The same while it is there; undefined once it has left. */
  handle: PortHandle | undefined;
  /** Of messages to it whose fate is not known. */
  readonly tokens: OpenTokens = new OpenTokens();
  readonly #server: PeerServer<F>;
  readonly #drain = new DrainSignal();
  #exchange: Exchange | undefined;
  #asking: F["request"] | undefined;
  #clock: RemoteClock | undefined;
  #isTraced = false;
  #face: F["send"] | undefined;

  constructor(
    server: PeerServer<F>,
    id: number,
    handle: PortHandle,
    address: string,
    { body, negotiated, token, state }: JoinedPeer,
  ) {
    this.#server = server;
    this.id = id;
    this.owner = handle;
    this.handle = handle;
    this.address = address;
    this.join = body as F["join"];
    this.token = token;
    this.negotiated = negotiated;
    this.state = state as F["state"];
  }

  get send(): F["send"] {
    this.#face ??= this.#server.face.send({
      send: (channel, message, token) => this.#send(channel, message, token),
    });
    return this.#face;
  }

  get request(): F["request"] {
    const ask: RequestTarget = {
      request: (channel, message, options) => this.exchange.request(channel, message, options),
    };
    this.#asking ??= this.#server.face.request?.(ask) ?? {};
    return this.#asking;
  }

  /** Requests to it and from it. */
  get exchange(): Exchange {
    this.#exchange ??= this.#server.exchangeWith(this);
    return this.#exchange;
  }

  get groups(): ReadonlySet<string> {
    return this.#server.groupsOf(this);
  }

  get version(): number {
    return this.negotiated.version;
  }

  has(channel: string): boolean {
    return hasChannel(this.#server.protocol, this.negotiated, channel);
  }

  get clock(): RemoteClock {
    this.#clock ??= clockView(
      () => {
        // What was known when it left holds no longer than its slot is free: it is forgotten at once.
        const words = this.handle?.clockOf(this.id) ?? NO_CLOCK;
        return this.#server.protocol.header.hasClock ? words : undefined;
      },
      () => this.#server.time(),
    );
    return this.#clock;
  }

  async trace(options: TraceRunOptions = {}): Promise<ConnectionTrace> {
    if (this.handle === undefined) throw closedError("peer");
    if (this.#isTraced) throw tracedAlready();
    this.#isTraced = true;
    try {
      return await startTrace(options, async (what, maxEvents) => {
        if (what === "stop") this.#isTraced = false;
        return this.owner.trace(this.id, what, maxEvents);
      });
    } catch (error) {
      this.#isTraced = false;
      throw error;
    }
  }

  async stats(): Promise<PeerStats> {
    const stats = await this.handle?.peerStats(this.id);
    if (stats === undefined) throw closedError("peer");
    return stats;
  }

  get port(): number {
    return this.owner.port;
  }

  async moveTo(port: number): Promise<void> {
    if (this.closed) throw closedError("peer");
    await this.#server.movePeer(this, port);
  }

  /** It is another port's. */
  onSwitched(handle: PortHandle): void {
    this.owner = handle;
    this.handle = handle;
    // Its worker has ended it there.
    this.#isTraced = false;
  }

  drained(): Promise<void> {
    return this.#drain.wait("peer");
  }

  close(options: CloseOptions = {}): void {
    const how = checkClose(options);
    if (this.closed) return;
    this.closed = true;
    this.#server.closePeer(this, how);
  }

  /** A broadcast left this peer out: as a `send` that was refused. */
  onSkipped(): void {
    this.#drain.note(false);
  }

  onDrained(): void {
    this.#exchange?.drained();
    this.#drain.open();
  }

  /** The fate of a message is known. False: it was known before. */
  settled(channel: number, token: number): boolean {
    const wasFull = this.tokens.isFull;
    const isNews = this.tokens.settle(channel, token);
    if (wasFull && isNews) this.#drain.open();
    return isNews;
  }

  onLeave(): void {
    this.isAway = false;
    this.closed = true;
    this.handle = undefined;
    this.#exchange?.close();
    this.#drain.close("peer");
  }

  #send(channel: number, message: unknown, token: unknown): boolean {
    return this.#drain.note(this.#server.sendTo(this, channel, message, token));
  }
}
