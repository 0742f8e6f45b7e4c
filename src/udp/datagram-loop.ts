/**
 * What everybody who owns sockets does alike, the client as well as the worker of a port: three bytes decide which of
 * the two protocols a datagram belongs to; what the connection protocol has to tell is passed on; once a turn its
 * datagrams and those of the connections go out. Not here: whose connections they are (`LoopUser`). Worst case: one
 * pass a turn of the event loop, however much has come in.
 */
import { Writer } from "../wire/writer.ts";
import { Coalescing } from "./coalescing.ts";
import { InputAge } from "./input-age.ts";
import { type DatagramSocket, viewOf } from "./socket.ts";
import { nowMs, Turn } from "./turn.ts";

/** The connection protocol: what the client's and the server's machine have in common. */
export interface ZeroMachine<Event> {
  handleDatagram(
    bytes: Uint8Array,
    length: number,
    address: string,
    port: number,
    nowMs: number,
    local: number,
  ): void;
  handleTimeout(nowMs: number): void;
  pollDeadline(): number;
  pollEvent(): Event | undefined;
  pollTransmit(nowMs: number): Transmit | undefined;
}

/** A datagram of the connection protocol. */
interface Transmit {
  readonly bytes: Uint8Array;
  readonly port: number;
  /** Left out: the one that the loop is for. */
  readonly address?: string;
  /** The socket; left out: the first. */
  readonly local?: number;
}

/** A connection, as far as its time and its datagrams go. */
export interface Served {
  readonly path: { readonly address: string; readonly port: number; readonly local: number };
  /** Does what is due; harmless when nothing is. */
  handleTimeout(nowMs: number): void;
  /** When it wants to be served again; infinity: not before something else happens. */
  pollDeadline(): number;
  /** Writes the next datagram into `w` and returns its bytes; 0: none now. */
  pollTransmit(w: Writer, nowMs: number): number;
}

/** What the loop asks of the owner of its sockets. */
export interface LoopUser<Event> {
  /** How many it has. */
  readonly connections: number;
  /**
   * A datagram of the regular protocol; `view` covers the same bytes, `local` is the index of the socket, `waitedMs` how
   * long it may have waited for this thread. False: no connection takes it.
   */
  handleRegular(
    bytes: Uint8Array,
    view: DataView,
    address: string,
    port: number,
    nowMs: number,
    local: number,
    waitedMs: number,
  ): boolean;
  handleEvent(event: Event, nowMs: number): void;
  /** The turn's work: `serveConnection` for each that may have something to do. */
  serve(nowMs: number): void;
  /** The turn is over: the time of the next, as far as the connections need one. */
  endTurn(nowMs: number): number;
}

export interface DatagramLoopOptions<Event> {
  /** What comes by one of them is answered by it. */
  readonly sockets: readonly DatagramSocket[];
  readonly zero: ZeroMachine<Event>;
  readonly user: LoopUser<Event>;
  readonly maxDatagramBytes: number;
  /** The only address that is listened to; default: any. */
  readonly remote?: string | undefined;
  /** How long sockets that can may rest where many datagrams come (coalescing.ts), milliseconds at most; default 0: not at all. */
  readonly coalesceMs?: number | undefined;
}

/** Views of what leaves that are kept; a client has them, too. */
const KEPT_VIEWS = 16;
/** No datagram of either protocol is shorter. */
const MIN_BYTES = 4;

export class DatagramLoop<Event> {
  /** Datagrams, of both protocols. */
  received = 0;
  sent = 0;
  /** Of those received: too short for anything. */
  runts = 0;
  /** Of those received: no connection takes them. */
  strangers = 0;
  readonly #o: DatagramLoopOptions<Event>;
  readonly #sockets: DatagramSocket[];
  readonly #out: Writer;
  /** Beginnings of `out`, by their size modulo KEPT_VIEWS. */
  readonly #views: Uint8Array[];
  readonly #turn: Turn;
  readonly #input: InputAge;
  readonly #coalescing: Coalescing | undefined;
  /** The first socket's predecessor, while there is one. */
  #former: DatagramSocket | undefined;
  /** Since it was replaced a connection has taken something of this one: of the one in use, if of both. */
  #heardBy: DatagramSocket | undefined;
  /** Not all that has come was read: what a timer misses may be there. */
  #behind = false;

  constructor(options: DatagramLoopOptions<Event>) {
    this.#o = options;
    this.#sockets = [...options.sockets];
    this.#out = new Writer(new Uint8Array(options.maxDatagramBytes));
    this.#views = new Array<Uint8Array>(KEPT_VIEWS).fill(this.#out.bytes);
    this.#input = new InputAge(options.sockets.length, nowMs());
    const { coalesceMs = 0 } = options;
    this.#coalescing = coalesceMs > 0 ? new Coalescing(coalesceMs, nowMs()) : undefined;
    this.#turn = new Turn((now) => this.#run(now));
  }

  /** Starts to hand what comes to the user. */
  start(): void {
    for (const [local, socket] of this.#sockets.entries()) this.#listen(local, socket);
    this.#turn.wake();
  }

  /**
   * Sends by another socket from now on. The one before it is listened to until `keepSocket` or `restoreSocket`: of several that
   * replace each other, the first.
   */
  replaceSocket(socket: DatagramSocket): void {
    if (this.#former === undefined) this.#former = this.#sockets[0]!;
    else void this.#sockets[0]!.close();
    this.#heardBy = undefined;
    this.#sockets[0] = socket;
    this.#listen(0, socket);
  }

  /** The other side sends to the socket that is in use. */
  keepSocket(): void {
    void this.#former?.close();
    this.#former = undefined;
  }

  /** Goes on with the socket that was replaced, if that was heard, and the one in use was not. False: it was not. */
  restoreSocket(): boolean {
    const former = this.#former;
    if (former === undefined || this.#heardBy !== former) return false;
    void this.#sockets[0]!.close();
    this.#sockets[0] = former;
    this.#former = undefined;
    return true;
  }

  /** Runs a pass at the end of this turn of the event loop. */
  wake(): void {
    this.#turn.wake();
  }

  /** Runs a pass at the end of this turn where `atMs` has come, else not later than that. */
  wakeBy(atMs: number, nowMs: number): void {
    this.#turn.wakeBy(atMs, nowMs);
  }

  /** Runs a pass now. */
  flush(): void {
    this.#turn.flush();
  }

  /** Goes on, but no longer keeps the process alive. */
  unref(): void {
    this.#turn.unref();
    for (const socket of this.#sockets) socket.unref?.();
    this.#former?.unref?.();
  }

  /** No more turns; the sockets are closed. */
  async stop(): Promise<void> {
    this.#turn.stop();
    const former = this.#former?.close();
    this.#former = undefined;
    await Promise.all([former, ...this.#sockets.map((socket) => socket.close())]);
  }

  /** A connection's part of the turn: does what is due, if all input is read, sends what there is to send, and returns when it is next. */
  serveConnection(connection: Served, nowMs: number): number {
    const out = this.#out;
    if (!this.#behind) connection.handleTimeout(nowMs);
    for (;;) {
      out.at = 0;
      const bytes = connection.pollTransmit(out, nowMs);
      if (bytes === 0) return connection.pollDeadline();
      this.sent++;
      const { address, port, local } = connection.path;
      this.#sockets[local]!.send(this.#written(bytes), port, address);
    }
  }

  /** The datagram that stands in `out`. Most have one of a few sizes, and the view that the last of the size had. */
  #written(bytes: number): Uint8Array {
    const at = bytes % KEPT_VIEWS;
    const kept = this.#views[at]!;
    if (kept.length === bytes) return kept;
    const made = this.#out.bytes.subarray(0, bytes);
    this.#views[at] = made;
    return made;
  }

  #listen(local: number, socket: DatagramSocket): void {
    socket.listen((bytes, address, port, view) =>
      this.#handleDatagram(bytes, address, port, local, view, socket),
    );
  }

  #handleDatagram(
    bytes: Uint8Array,
    address: string,
    port: number,
    local: number,
    known: DataView | undefined,
    socket: DatagramSocket,
  ): void {
    const now = nowMs();
    const waitedMs = this.#input.read(local, now, socket.hasMore, this.#turn.isAwake);
    const { remote, user, zero } = this.#o;
    this.received++;
    this.#coalesce(socket, address, port, now);
    if (bytes.byteLength < MIN_BYTES) {
      this.runts++;
      return;
    }
    if (remote !== undefined && address !== remote) {
      this.strangers++;
      return;
    }
    if (bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 0) {
      zero.handleDatagram(bytes, bytes.byteLength, address, port, now, local);
      this.#handleEvents(now);
      this.#turn.wake();
      return;
    }
    const view = known ?? viewOf(bytes);
    if (!user.handleRegular(bytes, view, address, port, now, local, waitedMs)) this.strangers++;
    else if (this.#former !== undefined && this.#heardBy !== this.#sockets[0])
      this.#heardBy = socket;
  }

  #coalesce(socket: DatagramSocket, address: string, port: number, now: number): void {
    const coalescing = this.#coalescing;
    if (coalescing === undefined || socket.rest === undefined) return;
    const ms = coalescing.arrived(now, address, port, this.#o.user.connections);
    if (ms > 0 && socket.hasMore !== true) socket.rest(ms);
  }

  #run(now: number): number {
    const { zero, user } = this.#o;
    this.#behind = this.#input.endTurn(now);
    // First: a client refuses messages that are there before it is told that it has attached.
    this.#transmitZero(now);
    user.serve(now);
    if (!this.#behind) zero.handleTimeout(now);
    this.#handleEvents(now);
    this.#transmitZero(now);
    const nextMs = user.endTurn(now);
    // What is due now, too, is done when all is read.
    if (this.#behind) this.#turn.wake();
    return Math.min(nextMs, zero.pollDeadline());
  }

  #handleEvents(now: number): void {
    const { zero, user } = this.#o;
    for (let event = zero.pollEvent(); event !== undefined; event = zero.pollEvent()) {
      user.handleEvent(event, now);
    }
  }

  #transmitZero(now: number): void {
    const { zero, remote } = this.#o;
    for (let out = zero.pollTransmit(now); out !== undefined; out = zero.pollTransmit(now)) {
      this.sent++;
      this.#sockets[out.local ?? 0]!.send(out.bytes, out.port, out.address ?? remote!);
    }
  }
}
