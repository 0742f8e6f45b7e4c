/**
 * The range of ports: binds them, decides on joins, chooses the port of each peer, watches the workers. It runs on the
 * application's thread and is the only writer of the placement. A worker that dies takes down its own peers only; its
 * port is bound again with new rings. Worst case: one pass over the ports for each join.
 */
import { type CloseReason, closeCodes } from "../connection-contract.ts";
import { publish } from "../diagnostics.ts";
import { StardustError } from "../errors.ts";
import type { LatencyHistogram } from "../histogram.ts";
import { MAX_TIMER_MS } from "../limits.ts";
import { negotiatedVersion } from "../negotiated-version.ts";
import { PortHandle } from "../port/handle.ts";
import type { PortListener } from "../port/port-listener.ts";
import { ID_TAKEN, KEY_REFUSED, type WorkerOptions, type WorkerPost } from "../port/posts.ts";
import { WORKER_GONE } from "../port/start-error.ts";
import type { ServerProtocol } from "../protocol.ts";
import type { ReceivedMessage } from "../received-message.ts";
import type { PortStats } from "../stats.ts";
import { TO_APPLICATION, TO_OTHER_PORTS } from "../system-messages.ts";
import { AddressCounts } from "../zero/address-counts.ts";
import { tokenProblems } from "../zero/token.ts";
import { choosePort, type PoolPlacing, portLoads } from "./choose-port.ts";
import { type Decider, JoinDecisions } from "./join-decisions.ts";
import { Moves } from "./moves.ts";
import { Placement } from "./placement.ts";
import type { JoinedPeer, PoolPeer } from "./pool-peer.ts";
import { PortSlot, tellSystems } from "./port-slot.ts";
import { portRanges } from "./ports.ts";
import { type TokenClaim, TokenLedger } from "./token-ledger.ts";
import { Watchdog } from "./watchdog.ts";

export interface PoolListener extends Decider {
  /** The number of a port; undefined: the pool chooses. May throw; missing: the pool always chooses. */
  readonly place: ((placing: PoolPlacing) => number | undefined) | undefined;
  onJoin(peer: number, handle: PortHandle, address: string, joined: JoinedPeer): void;
  /** A message of a peer whose join has been reported; its leave may have been too. */
  onMessage(peer: number, message: ReceivedMessage): void;
  onLeave(peer: number, reason: CloseReason): void;
  onAway(peer: number, isAway: boolean): void;
  onDrained(peer: number): void;
  /** It is another port's from here on; `onMoved` follows when it is there. */
  onSwitched(peer: number, handle: PortHandle): void;
  onMoved(peer: number, from: number): void;
  onNotice(peer: number, channel: number, token: number, delivered: boolean): void;
  /** A message of the systems of a port for the application, valid during the call only. */
  onSystem(
    port: number,
    message: number,
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
  ): void;
  /** What `sendSystem` refused may be tried again. */
  onRoom(): void;
  /** Lines for the key log, where there is one. */
  onKeys(lines: readonly string[]): void;
}

export interface PoolOptions {
  readonly protocol: ServerProtocol;
  /** The server's addresses: each port is bound on all of them. */
  readonly hosts: readonly string[];
  /** 0: any free port. */
  readonly ports: readonly number[];
  readonly publicPorts: readonly number[] | undefined;
  readonly allowMissingPorts: boolean;
  /**
   * Peers of one address, over all ports; undefined: a quarter of the capacity, at least 16, and no bound for loopback.
   */
  readonly maxPeersPerAddress: number | undefined;
  /** Whether a client that could not reach another port is kept on the one that it asks. */
  readonly stayOnPort: boolean;
  /** Connect tokens that are remembered. */
  readonly maxTokens: number;
  /** How long a worker may leave pings unanswered before it is ended; Infinity: for ever. */
  readonly workerTimeoutMs: number;
  readonly worker: Omit<
    WorkerOptions,
    "memory" | "port" | "hosts" | "protocolUrl" | "protocolHash" | "protocolVersions" | "warn"
  >;
  readonly listener: PoolListener;
}

type JoinRequest = Extract<WorkerPost, { type: "join" }>;

/** Waits before a port is bound again after its worker died, doubling while it keeps dying. */
const RESTART_MS = 100;
const MAX_RESTART_MS = 10_000;
/** Time beyond the linger that a worker has to close; then its thread is ended. */
const CLOSE_GRACE_MS = 3000;
/** By default an address may have this part of the capacity, and never fewer peers than a household may need. */
const ADDRESS_SHARE = 1 / 4;
const MIN_ADDRESS_SHARE = 16;

export class Pool {
  readonly #o: PoolOptions;
  /** All that were asked for, and those of them that are bound. */
  readonly #opening: PortSlot[] = [];
  readonly #portSlots: PortSlot[] = [];
  readonly #peers = new Map<number, PoolPeer>();
  /** How many of them each address has. */
  #peersOf = new AddressCounts(0, true);
  #placement: Placement = new Placement(1, 1);
  readonly #tokens: TokenLedger;
  #ranges: (readonly [number, number])[] = [];
  /** What clients dial, port by port. */
  #publicPorts: readonly number[] = [];
  #closing = false;
  /** Ends the waiting for the last peer; there is one while nobody new is let in. */
  #onDrained: (() => void) | undefined;
  #watchdog: Watchdog<PortSlot> | undefined;
  #exits = 0;
  #onAllExited: (() => void) | undefined;
  readonly #restartTimers = new Set<NodeJS.Timeout>();
  readonly #decisions: JoinDecisions;
  readonly #moves: Moves;
  /** Ports whose systems have said something to others that found no room. */
  readonly #stopped = new Set<PortSlot>();
  /** Values of the user's header fields, for workers that start later. */
  readonly #header = new Map<number, number>();

  private constructor(options: PoolOptions) {
    this.#o = options;
    this.#tokens = new TokenLedger(options.maxTokens);
    const { listener, protocol } = options;
    this.#decisions = new JoinDecisions(listener, protocol.limits.authenticateTimeoutMs);
    this.#moves = new Moves({
      timeoutMs: protocol.limits.handshakeTimeoutMs,
      peers: this.#peers,
      placement: () => this.#placement,
      publicPort: ({ index }) => this.#publicPorts[index]!,
      onSwitched: (peer, handle) => listener.onSwitched(peer, handle),
      onMoved: (peer, from) => listener.onMoved(peer, from),
      onLost: (portSlot, peer, reason) =>
        this.#left(portSlot, peer, { code: closeCodes.workerDied, reason, by: "local" }),
    });
  }

  /** Binds the ports and starts their workers; if one fails, all are ended again. */
  static async open(options: PoolOptions): Promise<Pool> {
    const pool = new Pool(options);
    try {
      await pool.#open();
    } catch (error) {
      await pool.#abandon();
      throw error;
    }
    return pool;
  }

  /** The bound ports, in order. */
  get ports(): number[] {
    return this.#portSlots.map((portSlot) => portSlot.port);
  }

  /** Where each of them is bound, in the order of the option. */
  get hosts(): readonly string[] {
    return this.#o.hosts;
  }

  *#watched(): Iterable<PortSlot> {
    for (const portSlot of this.#portSlots) if (portSlot.ready) yield portSlot;
  }

  /**
   * A worker answers no pings: its thread is ended, then its peers leave. No peer joins there until it is open again.
   */
  #onSilent(portSlot: PortSlot): void {
    portSlot.ready = false;
    this.#placement.setOpen(portSlot.index, false);
    const message = `the worker of port ${portSlot.port} has answered nothing for ${this.#o.workerTimeoutMs} ms and was ended: something in it does not return`;
    portSlot.handle.fail(new StardustError("STARDUST_WORKER_DIED", message));
  }

  /** Every live port with the peers that broadcasts are for. */
  *portSlots(): Iterable<{ readonly handle: PortHandle; readonly peers: ReadonlySet<number> }> {
    for (const portSlot of this.#portSlots) if (portSlot.up) yield portSlot;
  }

  /** Ends one peer; broadcasts are not for it from here on. */
  closePeer(peer: number, code: string, reason: string, lingerMs: number): void {
    const entry = this.#peers.get(peer);
    if (entry === undefined) return;
    entry.portSlot.peers.delete(peer);
    const close = () => entry.portSlot.handle.close(peer, code, reason, lingerMs);
    if (entry.move?.isBetween) entry.move.onArrived = close;
    else close();
  }

  /** Has a peer go on at another port; resolves when it is there. Rejects where it stays, or leaves meanwhile. */
  async movePeer(peer: number, port: number): Promise<void> {
    const target = this.#portSlots.find((one) => one.port === port);
    if (target === undefined) throw this.#noPort(port);
    await this.#moves.move(peer, target);
  }

  setHeader(field: number, value: number): void {
    this.#header.set(field, value);
    for (const { handle } of this.portSlots()) handle.setHeader(field, value);
  }

  /**
   * A message for the systems of a port, or of all that have a worker. False: a ring is full, or that port has no worker
   * just now; nobody got it, and `onRoom` follows.
   */
  sendSystem(message: number, payload: Uint8Array, port: number | undefined): boolean {
    const asked = this.#portSlots.filter((one) => port === undefined || one.port === port);
    if (asked.length === 0) throw this.#noPort(port);
    const receivers = asked.filter(({ ready }) => ready);
    if (port !== undefined && receivers.length === 0) return false;
    return tellSystems(receivers, TO_APPLICATION, message, payload);
  }

  #noPort(port: number | undefined): StardustError {
    const there = this.ports.join(", ");
    return new StardustError("STARDUST_INVALID_OPTION", `port ${port}: there are ${there}`);
  }

  /** A ring has room again, or its worker is gone or back. */
  #onRoom(): void {
    const stopped = [...this.#stopped];
    this.#stopped.clear();
    for (const { handle } of stopped) handle.drainAgain();
    this.#o.listener.onRoom();
  }

  /** What each port has done so far; of a dead worker what it said last. */
  stats(withPeers: boolean): Promise<PortStats[]> {
    return Promise.all(this.#portSlots.map(({ handle }) => handle.stats(withPeers)));
  }

  /** How long the application has taken to decide on joins. */
  get decided(): LatencyHistogram {
    return this.#decisions.took;
  }

  /** Lets nobody in any more; resolves when the last peer has left, the time is up, or the pool closes. */
  async drain(ms: number): Promise<void> {
    this.#decisions.giveUp();
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      const before = this.#onDrained;
      this.#onDrained = () => {
        before?.();
        resolve();
      };
      if (ms <= MAX_TIMER_MS) timer = setTimeout(resolve, ms);
      if (this.#peers.size === 0) resolve();
    });
    clearTimeout(timer);
  }

  /** Whether joins are refused. */
  get #isShuttingDown(): boolean {
    return this.#closing || this.#onDrained !== undefined;
  }

  /** Stops taking joins, closes all peers and ends the workers; resolves when they have ended. */
  async close(code: string, lingerMs: number): Promise<void> {
    this.#closing = true;
    this.#onDrained?.();
    this.#watchdog?.stop();
    for (const timer of this.#restartTimers) clearTimeout(timer);
    this.#decisions.giveUp();
    const alive = this.#portSlots.filter((portSlot) => portSlot.up);
    if (alive.length === 0) return;
    const done = new Promise<void>((resolve) => {
      this.#exits = alive.length;
      this.#onAllExited = resolve;
    });
    for (const portSlot of alive) portSlot.handle.closeAll(code, lingerMs);
    // For a worker that cannot close, such as one whose systems never return.
    const timer = setTimeout(
      () => {
        for (const portSlot of alive) void portSlot.handle.terminate();
      },
      Math.min(lingerMs + CLOSE_GRACE_MS, MAX_TIMER_MS),
    );
    await done;
    clearTimeout(timer);
  }

  /** The pool could not be opened: leaves no thread, socket or timer behind. */
  async #abandon(): Promise<void> {
    this.#closing = true;
    this.#watchdog?.stop();
    for (const timer of this.#restartTimers) clearTimeout(timer);
    await Promise.all(this.#opening.map((portSlot) => portSlot.handle.terminate()));
  }

  async #open(): Promise<void> {
    const { ports, publicPorts, allowMissingPorts } = this.#o;
    for (const [index, port] of ports.entries()) {
      const portSlot = new PortSlot(index, port);
      portSlot.handle = this.#spawn(portSlot, port);
      this.#opening.push(portSlot);
    }
    const results = await Promise.allSettled(this.#opening.map(({ handle }) => handle.bound()));
    const failed = results.find((result) => result.status === "rejected");
    const bound = this.#opening.filter((_, i) => results[i]!.status === "fulfilled");
    const bindFailuresOnly = results.every(
      (result) => result.status === "fulfilled" || result.reason?.code === "STARDUST_PORT_BIND",
    );
    if (failed !== undefined && !(allowMissingPorts && bindFailuresOnly && bound.length > 0)) {
      throw failed.reason;
    }
    const announced =
      publicPorts === undefined
        ? bound.map(({ handle }) => handle.port)
        : bound.map(({ index }) => publicPorts[index]!);
    this.#ranges = portRanges(announced);
    for (const portSlot of bound) {
      portSlot.index = this.#portSlots.length;
      portSlot.port = portSlot.handle.port;
      this.#portSlots.push(portSlot);
    }
    this.#publicPorts = announced;
    const { maxPeersPerAddress, worker } = this.#o;
    this.#placement = new Placement(bound.length, worker.maxPeers);
    const share = Math.ceil(bound.length * worker.maxPeers * ADDRESS_SHARE);
    this.#peersOf = new AddressCounts(
      maxPeersPerAddress ?? Math.max(MIN_ADDRESS_SHARE, share),
      maxPeersPerAddress !== undefined,
    );
    await Promise.all(
      this.#portSlots.map(async (portSlot) => {
        await portSlot.handle.start(announced[portSlot.index]!, this.#ranges);
        portSlot.ready = true;
      }),
    );
    this.#watchdog = new Watchdog(
      this.#o.workerTimeoutMs,
      () => this.#watched(),
      (portSlot) => this.#onSilent(portSlot),
    );
  }

  #spawn(portSlot: PortSlot, port: number): PortHandle {
    const { protocol, hosts, worker } = this.#o;
    portSlot.startedMs = performance.now();
    const handle = new PortHandle({
      protocol,
      worker: {
        ...worker,
        hosts,
        port,
        protocolUrl: protocol.url,
        protocolHash: protocol.hash,
        protocolVersions: JSON.stringify(protocol.versions),
        warn: portSlot.index === 0,
      },
      listener: this.#listenerFor(portSlot),
    });
    for (const [field, value] of this.#header) handle.setHeader(field, value);
    return handle;
  }

  #listenerFor(portSlot: PortSlot): PortListener {
    const { listener } = this.#o;
    return {
      onJoinRequest: (request) => void this.#decide(portSlot.handle, request),
      onExpired: (peer) => this.#forget(peer),
      onShown: (peer) => this.#peers.get(peer)?.move?.onShown(portSlot),
      onJoin: (peer, address) => {
        const entry = this.#peers.get(peer);
        if (entry === undefined) return;
        if (entry.claim !== undefined) this.#tokens.use(entry.claim);
        entry.onSettled?.();
        entry.joined = true;
        portSlot.attached++;
        portSlot.peers.add(peer);
        // Before the application hears of it: what it broadcasts from its listener is for this peer too.
        portSlot.handle.joined(peer);
        listener.onJoin(peer, portSlot.handle, address, entry);
      },
      onMessage: listener.onMessage,
      onLeave: (peer, reason) => this.#left(portSlot, peer, reason),
      onDrained: (peer) => listener.onDrained(peer),
      onAway: listener.onAway,
      onNotice: listener.onNotice,
      onRingDrained: () => {
        for (const peer of portSlot.peers) listener.onDrained(peer);
        this.#onRoom();
      },
      onSystem: (to, message, bytes, view, start, end) => {
        if (to === TO_APPLICATION) {
          listener.onSystem(portSlot.port, message, bytes, view, start, end);
          return true;
        }
        const isAll = to === TO_OTHER_PORTS;
        const receivers = this.#portSlots.filter(
          (one) => one.ready && (isAll ? one !== portSlot : one.port === to),
        );
        const payload = bytes.subarray(start, end);
        const taken = tellSystems(receivers, portSlot.port, message, payload);
        if (!taken) this.#stopped.add(portSlot);
        return taken;
      },
      onFault: (where, error, origin) => listener.onFault(where, error, origin),
      onKeys: (lines) => listener.onKeys(lines),
      onExit: (error) => this.#exited(portSlot, error),
    };
  }

  /** Never rejects: whatever goes wrong, the client is told and the application hears of it. */
  async #decide(asked: PortHandle, request: JoinRequest): Promise<void> {
    const { token } = request;
    if (token === undefined) return this.#place(asked, request, undefined);
    const claimed = this.#tokens.claim(token, Date.now());
    if (claimed === "used")
      return asked.reject(request, "denied", tokenProblems.used, "joinsOfUsedToken");
    if (claimed === "full") {
      return asked.reject(request, "full", "too many tokens are remembered", "joinsOverTokens");
    }
    const { claim, older } = claimed;
    // What is kept for the join before it is free, or a peer's, before another place is taken: one token never has two.
    claim.ready = Promise.all([older?.ready, this.#withdraw(older?.peer)]);
    await claim.ready;
    await this.#place(asked, request, claim);
    this.#tokens.placed(claim);
  }

  /** Ends a reservation; resolves when it is gone, or when the peer that has come of it is known. */
  async #withdraw(peer: number | undefined): Promise<void> {
    const entry = peer === undefined ? undefined : this.#peers.get(peer);
    if (peer === undefined || entry === undefined) return;
    await new Promise<void>((resolve) => {
      entry.onSettled = resolve;
      entry.portSlot.handle.withdraw(peer);
    });
  }

  async #place(
    asked: PortHandle,
    request: JoinRequest,
    claim: TokenClaim | undefined,
  ): Promise<void> {
    const { cid, address, port, local, body, token } = request;
    const isUsed = (): boolean => claim?.isLost === true;
    const refuseUsed = (): void =>
      asked.reject(request, "denied", tokenProblems.used, "joinsOfUsedToken");
    if (isUsed()) return refuseUsed();
    const host = this.#o.hosts[local]!;
    const negotiated = negotiatedVersion(this.#o.protocol, request.hash, request.compat)!;
    const origin = { address, port, host, token };
    const decision = this.#isShuttingDown ? "failed" : await this.#decisions.ask(body, origin);
    if (this.#isShuttingDown) return asked.reject(request, "shutting-down", "");
    if (decision === "timeout") return asked.reject(request, "timeout", "");
    if (decision === "failed") return asked.reject(request, "internal", "");
    if (!decision.accept) return asked.reject(request, "denied", decision.detail ?? "");
    const { state } = decision;
    for (;;) {
      if (isUsed()) return refuseUsed();
      if (!this.#peersOf.hasRoom(address)) {
        return asked.reject(request, "full", "too many peers of one address", "joinsOverAddress");
      }
      // A worker that has died meanwhile has no port to keep anybody on.
      const stays = request.stay && this.#o.stayOnPort;
      const kept = stays ? this.#portSlots.find(({ handle }) => handle === asked) : undefined;
      const ports = portLoads(this.#portSlots, this.#placement);
      const accept = decision.body ?? {};
      const placing = { join: body as object, origin, accept, state, ports, stay: kept?.port };
      const portSlot = this.#choose(placing);
      if (portSlot === "failed") return asked.reject(request, "internal", "");
      const peer = portSlot === undefined ? undefined : this.#reserve(portSlot);
      if (portSlot === undefined || peer === undefined) return asked.reject(request, "full", "");
      this.#peers.set(peer, {
        portSlot,
        place: peer,
        address,
        body,
        negotiated,
        token,
        state,
        claim,
        joined: false,
      });
      if (claim !== undefined) claim.peer = peer;
      this.#peersOf.add(address);
      const counter = portSlot === kept ? ("joinsStayed" as const) : undefined;
      // With a token it is this thread that has the last word.
      const own = portSlot.handle === asked && claim === undefined ? { counter } : undefined;
      const answer = await portSlot.handle.reserve(peer, request, decision.body, state, own);
      if (answer === undefined) return;
      if (typeof answer !== "string") {
        if (isUsed()) return refuseUsed();
        return asked.answer(cid, answer, counter);
      }
      this.#forget(peer);
      if (this.#closing) return asked.reject(request, "shutting-down", "");
      if (answer === KEY_REFUSED) {
        return asked.reject(request, "denied", KEY_REFUSED, "joinsOfRefusedKey");
      }
      // Whoever was first with it: the client that is left takes another one.
      if (answer === ID_TAKEN) return asked.turnAway(cid);
      // That port takes no peers now: another one is chosen.
      if (answer === WORKER_GONE) continue;
      const problem = new Error(`the join cannot be accepted: ${answer}`);
      this.#o.listener.onFault("authenticate", problem);
      return asked.reject(request, "internal", "");
    }
  }

  #reserve({ index }: PortSlot): number | undefined {
    return this.#placement.reserve(index, (id) => this.#peers.has(id));
  }

  /** Where a peer is to go, whether or not there is room; undefined: all ports are full. */
  #choose(placing: PoolPlacing): PortSlot | "failed" | undefined {
    const { listener } = this.#o;
    try {
      return choosePort(placing, this.#portSlots, listener.place);
    } catch (error) {
      listener.onFault("place", error);
      return "failed";
    }
  }

  #left(portSlot: PortSlot, peer: number, reason: CloseReason): void {
    const entry = this.#peers.get(peer);
    if (entry === undefined) return;
    portSlot.peers.delete(peer);
    if (entry.joined) this.#o.listener.onLeave(peer, reason);
    this.#forget(peer);
  }

  #forget(peer: number): void {
    const entry = this.#peers.get(peer);
    if (entry === undefined) return;
    this.#peers.delete(peer);
    if (entry.joined) entry.portSlot.attached--;
    this.#peersOf.remove(entry.address);
    this.#placement.release(entry.place);
    entry.portSlot.handle.forget(peer);
    entry.move?.onLeft();
    const { claim } = entry;
    if (claim !== undefined) {
      claim.peer = undefined;
      this.#tokens.release(claim);
    }
    entry.onSettled?.();
    if (this.#peers.size === 0) this.#onDrained?.();
  }

  #exited(portSlot: PortSlot, error: Error | undefined): void {
    portSlot.up = false;
    portSlot.ready = false;
    this.#moves.exited(portSlot);
    // A worker that could not even start is reported by `open`.
    if (this.#portSlots[portSlot.index] !== portSlot) return;
    for (const [peer, entry] of [...this.#peers]) {
      if (entry.portSlot === portSlot) {
        this.#left(portSlot, peer, {
          code: closeCodes.workerDied,
          reason: error?.message ?? "",
          by: "local",
        });
      }
    }
    if (this.#closing || error === undefined) {
      this.#exits--;
      if (this.#exits === 0) this.#onAllExited?.();
      return;
    }
    this.#placement.setOpen(portSlot.index, false);
    this.#onRoom();
    this.#o.listener.onFault(`port ${portSlot.port}`, error);
    publish("stardust:worker:down", () => ({ port: portSlot.port, error }));
    this.#restart(portSlot);
  }

  #restart(portSlot: PortSlot): void {
    // A worker that has lived for longer than the longest pause is not dying in a row.
    if (performance.now() - portSlot.startedMs > 2 * MAX_RESTART_MS) portSlot.restarts = 0;
    const delayMs = Math.min(RESTART_MS * 2 ** portSlot.restarts, MAX_RESTART_MS);
    portSlot.restarts++;
    const timer = setTimeout(() => {
      this.#restartTimers.delete(timer);
      void this.#revive(portSlot);
    }, delayMs);
    this.#restartTimers.add(timer);
  }

  async #revive(portSlot: PortSlot): Promise<void> {
    portSlot.handle = this.#spawn(portSlot, portSlot.port);
    portSlot.up = true;
    try {
      await portSlot.handle.bound();
      await portSlot.handle.start(this.#publicPorts[portSlot.index]!, this.#ranges);
      portSlot.ready = true;
      this.#placement.setOpen(portSlot.index, true);
      publish("stardust:worker:up", () => ({ port: portSlot.port }));
      this.#onRoom();
    } catch {
      // Its exit is handled like any other: reported and tried again.
    }
  }
}
