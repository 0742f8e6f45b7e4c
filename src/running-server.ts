/**
 * The server that its user holds: peers, handlers, broadcasts, groups. The moving parts are in pool/ (the range of ports) and
 * port/ (one port and its thread).
 */

import { onAbort } from "./abort.ts";
import { type CloseReason, closeCodes } from "./connection-contract.ts";
import { countersOf, serverCounters } from "./counters.ts";
import { isLoss, type PeerEvent, publish } from "./diagnostics.ts";
import { Dispatcher } from "./dispatcher.ts";
import {
  type CheckedClose,
  checkToken,
  checkUserField,
  closedError,
  decodeReceived,
  type FaultReport,
  faultListener,
  keptHeader,
  receivedHeader,
  registerHandlers,
  resolveHosts,
  runGuarded,
} from "./endpoint.ts";
import { rethrowFrom, StardustError } from "./errors.ts";
import type { Exchange, ExchangeMessage } from "./exchange.ts";
import { Exchanges } from "./exchanges.ts";
import type {
  BroadcastResult,
  HeaderValues,
  MessageContext,
  NoticedBroadcastOptions,
  ServerFace,
  ServerFaceTypes,
  Unsubscribe,
} from "./face.ts";
import { excepted, type Group, Groups } from "./groups.ts";
import { DEFAULT_LINGER_MS } from "./limits.ts";
import {
  DEFAULT_COALESCE_MS,
  DEFAULT_MAX_PEERS_PER_PORT,
  DEFAULT_WORKER_HEAP_BYTES,
  DEFAULT_WORKER_TIMEOUT_MS,
  type ListenOptions,
  portLimits,
  workerCongestion,
} from "./listen-options.ts";
import { checkTokens } from "./listen-tokens.ts";
import { Listeners } from "./listeners.ts";
import { missingChannel } from "./negotiated-version.ts";
import { NoticeListeners } from "./notices.ts";
import { checkOptions, flag, milliseconds, type OptionsOf, text } from "./options.ts";
import type { PoolPlacing } from "./pool/choose-port.ts";
import { Pool } from "./pool/pool.ts";
import { parsePorts } from "./pool/ports.ts";
import type { BroadcastMessage } from "./port/broadcast-message.ts";
import type { PortHandle } from "./port/handle.ts";
import { receiveCost } from "./port/memory.ts";
import type { ServerProtocol } from "./protocol.ts";
import type { ReceivedMessage } from "./received-message.ts";
import type { Server, ServerCloseOptions } from "./server-api.ts";
import { resetKey, type ServerIdentity, serverIdentity } from "./server-identity.ts";
import { type PeerServer, RunningPeer, type ServerPeer } from "./server-peer.ts";
import { serverStats } from "./server-stats.ts";
import { SystemsLink } from "./server-systems.ts";
import type { ServerStats, StatsOptions } from "./stats.ts";
import { decodeSystem } from "./system-messages.ts";
import { checkKeyLog, writeKeyLog } from "./udp/key-log.ts";
import { LoopDelay } from "./udp/loop-delay.ts";
import { processAheadMs, processMs } from "./udp/process-clock.ts";
import { nowMs } from "./udp/turn.ts";
import { encodeOnce } from "./wire/encode-once.ts";
import { Reader } from "./wire/reader.ts";

const closeTable: OptionsOf<ServerCloseOptions> = {
  reason: text,
  lingerMs: milliseconds(0),
  drainMs: milliseconds(0),
};

function peerEvent({ id, port, address }: ServerPeer): PeerEvent {
  return { id, port, address };
}

const statsTable: OptionsOf<StatsOptions> = { peers: flag };

const createServerCounters = countersOf(serverCounters);

export class RunningServer<F extends ServerFaceTypes>
  implements Server<F>, HeaderValues, PeerServer<F>
{
  readonly peers: Map<number, RunningPeer<F>> = new Map();
  readonly receive: F["receive"];
  readonly messages: F["messages"];
  readonly notices: F["notices"];
  readonly broadcast: F["broadcast"];
  readonly respond: F["respond"];
  readonly header: F["header"];
  readonly systems: SystemsLink<F>;
  readonly closed: Promise<CloseReason>;
  readonly protocol: ServerProtocol;
  readonly face: ServerFace<F>;
  readonly #options: ListenOptions<F>;
  readonly #identity: ServerIdentity | undefined;
  #forgetSignal = (): void => {};
  readonly #onFault: FaultReport;
  readonly #dispatcher: Dispatcher<RunningPeer<F>>;
  readonly #notices: NoticeListeners;
  readonly #groups: Groups<ServerPeer<F>, F["broadcast"]>;
  readonly #exchanges: Exchanges;
  /** By channel, ids of the peers that lack it; undefined before the first. */
  readonly #lacking: (Set<number> | undefined)[];
  readonly #user: Float64Array;
  readonly #context: MessageContext<object>;
  readonly #reader = new Reader();
  readonly #listeners: Listeners<"join" | "away" | "back" | "moved" | "leave">;
  #received: Float64Array;
  #pool!: Pool;
  readonly #startedMs = nowMs();
  readonly #clockBeganMs = processMs();
  readonly #clockAheadMs = processAheadMs() - this.#clockBeganMs;
  readonly #loopDelay = new LoopDelay();
  #joined = 0;
  #left = 0;
  readonly #counters = createServerCounters();
  #closing: Promise<void> | undefined;
  #resolveClosed!: (reason: CloseReason) => void;

  constructor(protocol: ServerProtocol, face: ServerFace<F>, options: ListenOptions<F>) {
    this.protocol = protocol;
    this.face = face;
    this.#options = options;
    this.#identity = serverIdentity(protocol, options.identity);
    checkKeyLog(protocol, options.keyLog);
    this.#onFault = faultListener(options.onFault);
    this.#listeners = new Listeners(
      ["join", "away", "back", "moved", "leave"],
      this.#onFault,
      ([peer]) => ({ peer: (peer as RunningPeer<F>).id }),
    );
    this.#user = new Float64Array(protocol.header.userFields.length);
    this.#lacking = protocol.channels.map(() => undefined);
    this.#received = this.#user;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.#context = { header: face.header(receivedHeader(() => this.#received)) };
    this.#dispatcher = new Dispatcher({
      channels: protocol.channels,
      userFields: protocol.header.userFields.length,
      cost: (payloadBytes) => receiveCost(protocol, payloadBytes),
      decode: (peer, received) => {
        const message = decodeReceived(this.#reader, peer.negotiated.compat, received);
        // Its port counts it, though the peer may have left by now.
        if (message === undefined) peer.owner.malformed(peer.id);
        return message;
      },
      invoke: (handler, peer, message, user) => {
        this.#received = user;
        return handler(peer, message, this.#context);
      },
      yields: (peer, message) => ({ peer, message }),
      // The credit of a peer that has left is gone with it.
      release: (peer, channel, cost) => peer.handle?.release(peer.id, channel, cost),
      onHandlerError: (error, { name }, { id }) =>
        this.#onFault(error, `receive.${name}`, { peer: id, channel: name }),
    });
    this.receive = face.receive(this.#dispatcher);
    this.messages = face.messages(this.#dispatcher);
    this.#notices = new NoticeListeners(protocol.channels, this.#onFault);
    this.notices = face.notices?.(this.#notices) ?? {};
    this.broadcast = face.broadcast({
      broadcast: (channel, message, broadcastOptions = {}) =>
        this.#broadcast(channel, message, broadcastOptions),
    });
    this.#groups = new Groups({
      check: ({ id }) => {
        if (!this.peers.has(id)) throw closedError("peer");
      },
      dress: face.broadcast,
      broadcast: (members, channel, message, broadcastOptions) =>
        this.#broadcast(channel, message, broadcastOptions, members),
    });
    this.systems = new SystemsLink(
      protocol.system,
      face,
      options.systems !== undefined,
      () => this.#pool,
      this.#onFault,
      options.systemHandlers,
    );
    this.header = face.header(this);
    registerHandlers(this.#dispatcher, protocol, "server", options.handlers);
    this.#exchanges = new Exchanges({
      protocol,
      role: "server",
      onFault: this.#onFault,
      responders: options.responders,
      option: "responders",
      maxOpen: options.maxOpenRequests,
      // The odd numbers are the systems'.
      idStep: 2,
    });
    this.respond = face.respond?.(this.#exchanges.responders) ?? {};
    this.#exchanges.readFrom(
      this.#dispatcher,
      (channel, peer: RunningPeer<F>, message: ExchangeMessage) => {
        const header = keptHeader(this.#received, (values) => face.header(values));
        if (!peer.closed) peer.exchange.handle(channel, message, header);
      },
    );
  }

  async open(): Promise<void> {
    const { protocol } = this;
    const options = this.#options;
    const ports = parsePorts(options.ports);
    const { publicPorts, workers } = options;
    if (workers === false && ports.length > 1) {
      throw new StardustError(
        "STARDUST_INVALID_OPTION",
        `workers: false is for one port, which is served on this thread; there are ${ports.length}`,
      );
    }
    if (publicPorts !== undefined && publicPorts.length !== ports.length) {
      throw new StardustError(
        "STARDUST_INVALID_OPTION",
        `publicPorts: ${publicPorts.length} numbers for ${ports.length} ports`,
      );
    }
    const tokens = checkTokens(options.tokens);
    options.signal?.throwIfAborted();
    this.#pool = await Pool.open({
      protocol,
      hosts: await resolveHosts(options.host ?? "127.0.0.1"),
      ports,
      publicPorts: options.publicPorts,
      allowMissingPorts: options.allowMissingPorts ?? false,
      stayOnPort: options.stayOnPort ?? true,
      maxPeersPerAddress: options.maxPeersPerAddress,
      maxTokens: tokens?.maxRemembered ?? 0,
      workerTimeoutMs: options.workerTimeoutMs ?? DEFAULT_WORKER_TIMEOUT_MS,
      worker: {
        ownThread: options.workers === false,
        clockBeganMs: this.#clockBeganMs,
        identity: this.#identity?.seed,
        tokens: tokens?.rules,
        resetKey: resetKey(this.#identity, options.resetKey),
        resumeMs: options.resumeMs ?? 0,
        maxPeers: options.maxPeersPerPort ?? DEFAULT_MAX_PEERS_PER_PORT,
        limits: portLimits(options.limits),
        takesPieces: options.authenticate !== undefined,
        maxJoinsPerAddress: options.maxJoinsPerAddress,
        systems: options.systems?.toString(),
        systemHash: protocol.systemHash,
        maxOpenRequests: options.maxOpenRequests,
        wrapSocket: options.wrapSocket?.toString(),
        wrapSocketData: options.wrapSocketData,
        socketBufferBytes: options.socketBufferBytes,
        sockets: options.sockets,
        coalesceMs: options.coalesceMs ?? DEFAULT_COALESCE_MS,
        heapBytes: options.workerHeapBytes ?? DEFAULT_WORKER_HEAP_BYTES,
        resend: options.resend ?? true,
        logsKeys: options.keyLog !== undefined,
        congestion: workerCongestion(options.congestion),
      },
      listener: {
        // Everybody is let in only where nobody was asked to decide: a function that answers nothing has not accepted.
        authenticate:
          options.authenticate === undefined
            ? undefined
            : (body, origin, signal) => options.authenticate!(body as F["join"], origin, signal),
        place: options.place as ((placing: PoolPlacing) => number | undefined) | undefined,
        onJoin: (id, handle, address, joined) =>
          this.#onJoin(new RunningPeer<F>(this, id, handle, address, joined)),
        onMessage: (id, message) => this.#onMessage(id, message),
        onLeave: (id, reason) => this.#onLeave(id, reason),
        onDrained: (id) => this.peers.get(id)?.onDrained(),
        onSwitched: (id, handle) => this.peers.get(id)?.onSwitched(handle),
        onMoved: (id, from) => this.#onMoved(id, from),
        onAway: (id, isAway) => this.#onAway(id, isAway),
        onNotice: (id, channel, token, delivered) =>
          this.#onNotice(this.peers.get(id), channel, token, delivered),
        onFault: (where, error, origin) => this.#onFault(error, where, origin),
        onSystem: (port, message, bytes, view, start, end) =>
          this.#onSystem(port, message, bytes, view, start, end),
        onRoom: () => this.systems.onRoom(),
        onKeys: (lines) => this.#onKeys(lines),
      },
    });
    this.#loopDelay.start();
    publish("stardust:server:opened", () => ({ ports: this.ports }));
    const { signal } = options;
    if (signal?.aborted) {
      await this.close();
      signal.throwIfAborted();
    }
    this.#forgetSignal = onAbort(signal, () => void this.close());
  }

  get ports(): readonly number[] {
    return this.#pool.ports;
  }

  get hosts(): readonly string[] {
    return this.#pool.hosts;
  }

  get publicKey(): string | undefined {
    return this.#identity?.publicKey;
  }

  get(field: number): number {
    return this.#user[field] ?? 0;
  }

  set(field: number, value: number): void {
    this.#user[field] = checkUserField(this.protocol, field, value);
    this.#pool.setHeader(field, this.#user[field]!);
  }

  on(event: "join", listener: (peer: ServerPeer<F>) => void): Unsubscribe;
  on(event: "away" | "back", listener: (peer: ServerPeer<F>) => void): Unsubscribe;
  on(event: "moved", listener: (peer: ServerPeer<F>, from: number) => void): Unsubscribe;
  on(event: "leave", listener: (peer: ServerPeer<F>, reason: CloseReason) => void): Unsubscribe;
  on(event: string, listener: (...args: never[]) => void): Unsubscribe {
    return this.#listeners.on(event, listener);
  }

  flush(): void {
    for (const { handle } of this.#pool.portSlots()) handle.flush();
  }

  time(): number {
    return nowMs() + this.#clockAheadMs;
  }

  async stats(options: StatsOptions = {}): Promise<ServerStats> {
    checkOptions("stats", options, statsTable);
    const ports = await this.#pool.stats(options.peers ?? false);
    const now = nowMs();
    return serverStats(ports, {
      atMs: now,
      uptimeMs: now - this.#startedMs,
      joined: this.#joined,
      left: this.#left,
      eventLoopDelay: this.#loopDelay.histogram.snapshot(),
      authenticate: this.#pool.decided.snapshot(),
      counters: { ...this.#counters, ...this.#exchanges.counts() },
    });
  }

  async close(options: ServerCloseOptions = {}): Promise<void> {
    checkOptions("close", options, closeTable);
    const { reason = closeCodes.shuttingDown, lingerMs = DEFAULT_LINGER_MS, drainMs = 0 } = options;
    if (drainMs > 0 && this.#closing === undefined) await this.#pool.drain(drainMs);
    this.#closing ??= this.#close(reason, lingerMs);
    await this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(code: string, lingerMs: number): Promise<void> {
    this.#forgetSignal();
    this.systems.close();
    this.#loopDelay.stop();
    await this.#pool.close(code, lingerMs);
    this.#dispatcher.close();
    const { ports } = this;
    publish("stardust:server:closed", () => {
      return { ports, reason: { code, reason: "", by: "local" } };
    });
    this.#resolveClosed({ code, reason: "", by: "local" });
  }

  sendTo(peer: RunningPeer<F>, channel: number, message: unknown, named: unknown): boolean {
    const { handle } = peer;
    if (handle === undefined || peer.closed || this.#closing !== undefined) {
      throw closedError("peer");
    }
    const definition = this.protocol.channels[channel]!;
    if (this.#lacking[channel]?.has(peer.id)) throw missingChannel(definition, peer.negotiated);
    const token = checkToken(definition, named);
    if (token !== undefined && peer.tokens.isFull) return false;
    let taken: boolean;
    try {
      taken = handle.send(peer.id, definition, message, token);
    } catch (error) {
      rethrowFrom(error, definition.name);
    }
    if (taken && token !== undefined) peer.tokens.add(channel, token);
    return taken;
  }

  exchangeWith(peer: RunningPeer<F>): Exchange {
    return this.#exchanges.open({
      name: "peer",
      origin: [peer],
      send: (channel, message) => this.sendTo(peer, channel, message, undefined),
    });
  }

  closePeer(peer: RunningPeer<F>, { code, reason, lingerMs }: CheckedClose): void {
    this.#pool.closePeer(peer.id, code, reason, lingerMs);
  }

  movePeer(peer: RunningPeer<F>, port: number): Promise<void> {
    return this.#pool.movePeer(peer.id, port);
  }

  group(name: string): Group<ServerPeer<F>, F["broadcast"]> {
    return this.#groups.group(name);
  }

  groupsOf(peer: RunningPeer<F>): ReadonlySet<string> {
    return this.#groups.of(peer);
  }

  /** To everybody, or to members of a group. */
  #broadcast(
    channelIndex: number,
    message: unknown,
    options: NoticedBroadcastOptions,
    members?: ReadonlySet<ServerPeer<F>>,
  ): BroadcastResult {
    if (this.#closing !== undefined) throw closedError("server");
    const channel = this.protocol.channels[channelIndex]!;
    const token = checkToken(channel, options.token);
    let bytes: Uint8Array;
    try {
      bytes = encodeOnce(channel.encoder!, message);
    } catch (error) {
      rethrowFrom(error, channel.name);
    }
    const encoded: BroadcastMessage = {
      channel,
      bytes,
      except: excepted(options),
      lacking: this.#lacking[channelIndex],
      token,
      takesToken: (id) => this.peers.get(id)?.tokens.isFull === false,
    };
    const skipped: number[] = [];
    let sent = 0;
    const isAll = members === undefined;
    for (const { handle, peers } of isAll ? this.#pool.portSlots() : this.#byPort(members)) {
      const takers = handle.broadcast(peers, isAll, encoded, skipped);
      sent += takers.length;
      if (token === undefined) continue;
      for (const id of takers) this.peers.get(id)?.tokens.add(channelIndex, token);
    }
    for (const id of skipped) this.peers.get(id)?.onSkipped();
    return { sent, skipped };
  }

  /** Those that are not being closed. */
  #byPort(
    members: ReadonlySet<ServerPeer<F>>,
  ): Iterable<{ readonly handle: PortHandle; readonly peers: readonly number[] }> {
    const ports = new Map<PortHandle, { handle: PortHandle; peers: number[] }>();
    for (const { id } of members) {
      const { handle, closed } = this.peers.get(id) ?? {};
      if (handle === undefined || closed) continue;
      const port = ports.get(handle);
      if (port === undefined) ports.set(handle, { handle, peers: [id] });
      else port.peers.push(id);
    }
    return ports.values();
  }

  #onJoin(peer: RunningPeer<F>): void {
    this.peers.set(peer.id, peer);
    for (const channel of peer.negotiated.lacks) {
      this.#lacking[channel] ??= new Set();
      this.#lacking[channel].add(peer.id);
    }
    this.#joined++;
    const { state } = this.#options;
    if (state !== undefined) {
      try {
        peer.state = state(peer, peer.state);
      } catch (error) {
        this.#onFault(error, "state", { peer: peer.id });
      }
    }
    publish("stardust:peer:opened", () => peerEvent(peer));
    this.#listeners.emit("join", peer);
  }

  #onMessage(id: number, received: ReceivedMessage): void {
    const peer = this.peers.get(id);
    // A stale record: it is dropped with its peer's credit.
    if (peer === undefined) return;
    const { channel } = received;
    this.#dispatcher.offer(channel.index, peer, received);
  }

  #onNotice(
    peer: RunningPeer<F> | undefined,
    channel: number,
    token: number,
    delivered: boolean,
  ): void {
    if (peer === undefined || !peer.settled(channel, token)) return;
    this.#notices.tell(channel, [peer], token, delivered);
  }

  #onSystem(
    port: number,
    index: number,
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
  ): void {
    const message = this.protocol.system![index]!;
    this.systems.deliver(port, index, decodeSystem(message, this.#reader, bytes, view, start, end));
  }

  #onKeys(lines: readonly string[]): void {
    runGuarded(
      () => writeKeyLog(this.#options.keyLog!, lines),
      (error) => this.#onFault(error, "keyLog"),
    );
  }

  #onAway(id: number, isAway: boolean): void {
    const peer = this.peers.get(id);
    if (peer === undefined || peer.closed) return;
    peer.isAway = isAway;
    this.#listeners.emit(isAway ? "away" : "back", peer);
  }

  #onMoved(id: number, from: number): void {
    const peer = this.peers.get(id);
    if (peer === undefined || peer.closed) return;
    peer.onDrained();
    this.#listeners.emit("moved", peer, from);
  }

  #onLeave(id: number, reason: CloseReason): void {
    const peer = this.peers.get(id)!;
    this.peers.delete(id);
    for (const channel of peer.negotiated.lacks) this.#lacking[channel]?.delete(id);
    this.#left++;
    const { creditBytes } = this.protocol.limits;
    this.#counters.messagesLeftBehind += this.#dispatcher.forget(peer, creditBytes);
    peer.onLeave();
    for (const [channel, token] of peer.tokens.take()) {
      this.#notices.tell(channel, [peer], token, false);
    }
    if (isLoss(reason)) publish("stardust:peer:lost", () => ({ ...peerEvent(peer), reason }));
    publish("stardust:peer:closed", () => ({ ...peerEvent(peer), reason }));
    this.#listeners.emit("leave", peer, reason);
    // Its listeners have seen where it was.
    this.#groups.forget(peer);
  }
}
