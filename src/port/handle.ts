/**
 * The application's end of one port: starts its worker (port-thread.ts), writes messages for it and reads what it delivers. The other
 * end is link.ts. Placing peers is not known here (pool/), nor what messages mean (server.ts).
 */
import type { CounterName } from "../counters.ts";
import { addressText } from "../endpoint.ts";
import { StardustError } from "../errors.ts";
import type { ChannelDefinition, ServerProtocol } from "../protocol.ts";
import type { PeerStats, PortStats } from "../stats.ts";
import { encodeOnce } from "../wire/encode-once.ts";
import "../udp/node-text.ts";
import type { TraceCommand } from "../trace/recorder.ts";
import { processAheadMs } from "../udp/process-clock.ts";
import type { Writer } from "../wire/writer.ts";
import type { RejectReason } from "../zero/messages.ts";
import { ArrivingMessages } from "./arriving.ts";
import { type BroadcastMessage, broadcastKind } from "./broadcast-message.ts";
import { ClockTable } from "./clock-table.ts";
import { creditShares } from "./credit-shares.ts";
import { Credits } from "./credits.ts";
import { createPortMemory, creditCost, fullBit, type PortMemory, slotSpan } from "./memory.ts";
import type { PeerState } from "./peer-state.ts";
import type { PortListener } from "./port-listener.ts";
import { noStats, type WorkerStats, withApplication } from "./port-stats.ts";
import { type PortThread, startPortThread } from "./port-thread.ts";
import type { ApplicationPost, Question, WorkerOptions, WorkerPost } from "./posts.ts";
import { type PortReports, readForApplication } from "./records-to-application.ts";
import {
  CLOSE_BYTES,
  HEADER_BYTES,
  listBytes,
  PEER_BYTES,
  SEND_BYTES,
  SYSTEM_BYTES,
  TOKEN_BYTES,
  ToWorker,
  writeClose,
  writeHeader,
  writeList,
  writeSend,
  writeSystem,
  writeToken,
} from "./records-to-worker.ts";
import { tellRefused, tellRejected } from "./refusals.ts";
import { Requests } from "./requests.ts";
import type { OwnJoin, ReserveAnswer } from "./reserve-answer.ts";
import { reservePost } from "./reserve-post.ts";
import { ReturnedCredit } from "./returned-credit.ts";
import type { RecordCallback } from "./ring.ts";
import { RingEnd } from "./ring-end.ts";
import { notStarted, startError, WORKER_GONE, workerDied } from "./start-error.ts";
import { WorkerLoad } from "./worker-load.ts";

type JoinRequest = Extract<WorkerPost, { type: "join" }>;

export interface PortHandleOptions {
  readonly protocol: ServerProtocol;
  readonly worker: Omit<WorkerOptions, "memory">;
  readonly listener: PortListener;
}

/** `stats()` waits so long for a worker, then uses the worker's last answer. */
const STATS_WAIT_MS = 1000;

export class PortHandle {
  /** The port that is bound; 0 before `bound`. */
  port = 0;
  threadId = 0;
  /** Pings since it last answered one. */
  unanswered = 0;
  readonly #listener: PortListener;
  readonly #slotMask: number;
  readonly #hasSystems: boolean;
  readonly #thread: PortThread;
  readonly #end: RingEnd<"application">;
  readonly #sendCredits: Credits;
  readonly #returned: ReturnedCredit;
  readonly #clocks: ClockTable;
  readonly #arriving: ArrivingMessages;
  readonly #user: Float64Array;
  readonly #reserving = new Map<number, (answer: ReserveAnswer) => void>();
  readonly #questions = new Requests(STATS_WAIT_MS);
  /** Header fields that could not be written yet. */
  readonly #pendingHeaders = new Map<number, number>();
  #lastStats: WorkerStats;
  #step: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #error: Error | undefined;
  #orderly = false;
  #exited = false;
  readonly #load = new WorkerLoad();
  /** Of peers that have come from another port. */
  readonly #slots = new Map<number, number>();
  /** On their way from here or to here: nothing is sent to them meanwhile. */
  readonly #between = new Set<number>();
  /** Told when all that has come of a peer which was let go has been handed on. */
  readonly #lettingGo = new Map<number, () => void>();

  constructor(options: PortHandleOptions) {
    const { protocol, worker, listener } = options;
    const memory: PortMemory = createPortMemory(protocol, worker.maxPeers, worker.ownThread);
    this.#listener = listener;
    this.#hasSystems = worker.systems !== undefined;
    this.#slotMask = slotSpan(worker.maxPeers) - 1;
    this.#end = new RingEnd(memory, "application");
    this.#sendCredits = new Credits(memory.sendCredits, creditShares(protocol, "server"));
    this.#returned = new ReturnedCredit(
      new Credits(memory.receiveCredits, creditShares(protocol, "client")),
      (peer) => this.#slotOf(peer),
      (peer) => this.#end.hintCredit(peer),
    );
    this.#clocks = new ClockTable(memory.clocks);
    this.#user = new Float64Array(protocol.header.userFields.length);
    // What the clock of the port's thread, which a worker sets to the server's, is ahead of this one's.
    const aheadMs = worker.ownThread ? 0 : processAheadMs() - worker.clockBeganMs;
    this.#arriving = new ArrivingMessages(protocol, listener, this, this.#end, aheadMs);
    this.port = worker.port;
    this.#lastStats = noStats(worker.port, 0);
    this.#thread = startPortThread({ ...worker, memory }, protocol, {
      onPost: (message) => this.#handlePost(message),
      onError: (error) => {
        this.#error = error;
      },
      onExit: (code) => this.#handleExit(code),
    });
    this.#end.wait(() => this.#drain());
  }

  /** Resolves when the port is bound; rejects with PortBindError or STARDUST_WORKER_IMPORT. */
  bound(): Promise<void> {
    return this.#nextStep();
  }

  /** Lets joins in, announcing these ports. Resolves when the worker is ready. */
  start(publicPort: number, ports: readonly (readonly [number, number])[]): Promise<void> {
    this.#post({ type: "start", publicPort, ports });
    return this.#nextStep();
  }

  /** Makes a reservation for a peer; resolves with its accept datagram, nothing for an `own` join, or what went wrong. */
  reserve(
    peer: number,
    request: JoinRequest,
    accept: unknown,
    state: unknown,
    own?: OwnJoin,
  ): Promise<ReserveAnswer> {
    if (this.#exited) return Promise.resolve(WORKER_GONE);
    const slot = this.#slotOf(peer);
    this.#clocks.reset(slot);
    const { compat, body } = request;
    this.#sendCredits.reset(slot, compat);
    this.#returned.credits.reset(slot, compat);
    // Who has no systems may have a state that cannot be cloned.
    const admission = this.#hasSystems ? { join: body, accept, state } : undefined;
    return new Promise((resolve) => {
      try {
        this.#post(reservePost(peer, request, accept, admission, own));
      } catch (error) {
        // A body or state that cannot be cloned: a function in it, say.
        resolve((error as Error).message);
        return;
      }
      this.#reserving.set(peer, resolve);
    });
  }

  /** Ends a reservation: `onExpired` follows, or `onJoin` where a peer has come of it. */
  withdraw(peer: number): void {
    this.#post({ type: "withdraw", peer });
  }

  answer(cid: string, bytes: Uint8Array, counter?: CounterName): void {
    this.#post({ type: "answer", cid, bytes, counter });
  }

  reject(request: JoinRequest, reason: RejectReason, detail: string, counter?: CounterName): void {
    tellRejected(this.port, request, reason, detail);
    this.#post({ type: "reject", cid: request.cid, reason, detail, counter });
  }

  turnAway(cid: string): void {
    this.#post({ type: "turnAway", cid });
  }

  /**
   * A message for one peer; throws InvalidMessageError. False: no credit or no room, here or at its session. Then `onDrained(peer)` or
   * `onRingDrained` comes when it can be tried again. Where it is taken with a `token`, `onNotice` comes once, unless the
   * peer leaves first.
   */
  send(peer: number, channel: ChannelDefinition, message: unknown, token?: number): boolean {
    const encoder = channel.encoder!;
    // What may be large is encoded first, so that its record is as long as it is, and nothing is written behind that.
    const bytes = encoder.inPlace ? undefined : encodeOnce(encoder, message);
    if (this.#isFull(peer, channel)) {
      if (bytes === undefined) encodeOnce(encoder, message);
      return false;
    }
    const w = this.#reserveSent(
      token === undefined ? ToWorker.send : ToWorker.sendNoticed,
      SEND_BYTES + (bytes?.length ?? encoder.maxBytes),
      token,
    );
    if (w === undefined) {
      if (bytes === undefined) encodeOnce(encoder, message);
      return false;
    }
    writeSend(w, peer, channel.index);
    const start = w.at;
    try {
      if (bytes === undefined) w.at = encoder.write(message, w, start);
      else w.raw(bytes);
    } catch (error) {
      this.#end.abandon();
      throw error;
    }
    const cost = creditCost(w.at - start);
    if (!this.#sendCredits.spend(this.#slotOf(peer), channel.index, cost)) {
      this.#end.abandon();
      return false;
    }
    this.#end.publish();
    return true;
  }

  /**
   * One record for all of these peers but those that are excepted, those that lack the channel and those without credit or
   * room at their session, whose ids are appended to `skipped`, as are those that take no token where it has one. Returns
   * the ids of those that it was queued for. `isAll`: they are all peers of the port.
   */
  broadcast(
    peers: Iterable<number>,
    isAll: boolean,
    message: BroadcastMessage,
    skipped: number[],
  ): readonly number[] {
    const { channel, bytes, except, lacking, token } = message;
    const cost = creditCost(bytes.length);
    const out: number[] = [];
    const takers: number[] = [];
    for (const peer of peers) {
      // The worker leaves those out that lack the channel by itself.
      if (lacking?.has(peer)) continue;
      if (except?.has(peer)) {
        out.push(peer);
        continue;
      }
      const hasRoom =
        !this.#isFull(peer, channel) && (token === undefined || message.takesToken(peer));
      if (hasRoom && this.#sendCredits.spend(this.#slotOf(peer), channel.index, cost)) {
        takers.push(peer);
      } else {
        out.push(peer);
        skipped.push(peer);
      }
    }
    if (takers.length === 0) return takers;
    const listed = isAll ? out : takers;
    const w = this.#reserveSent(
      broadcastKind(isAll, token !== undefined),
      listBytes(listed.length) + bytes.length,
      token,
    );
    if (w === undefined) {
      for (const peer of takers) {
        this.#sendCredits.refund(this.#slotOf(peer), channel.index, cost);
        skipped.push(peer);
      }
      return [];
    }
    writeList(w, channel.index, listed);
    w.raw(bytes);
    this.#end.publish();
    return takers;
  }

  #slotOf(peer: number): number {
    return this.#slots.get(peer) ?? peer & this.#slotMask;
  }

  /** Reliable messages wait for their session while their channel has credit; unreliable ones had better be newer. */
  #isFull(peer: number, channel: ChannelDefinition): boolean {
    if (this.#between.size > 0 && this.#between.has(peer)) return true;
    if (channel.reliable) return false;
    return this.#sendCredits.isFull(this.#slotOf(peer), fullBit(channel.index));
  }

  /**
   * Room for a message to the systems, written and not published. False: there is none. `publishSystem` or `abandonSystem`
   * follows in the same turn, before anything else is written.
   */
  reserveSystem(from: number, message: number, payload: Uint8Array): boolean {
    const w = this.#reserve(ToWorker.system, SYSTEM_BYTES + payload.length);
    if (w === undefined) return false;
    writeSystem(w, from, message);
    w.raw(payload);
    return true;
  }

  publishSystem(): void {
    this.#end.publish();
  }

  abandonSystem(): void {
    this.#end.abandon();
  }

  /** Takes what was refused before: a message of the systems whose receiver had no room. */
  drainAgain(): void {
    if (!this.#exited) this.#end.lookAgain();
  }

  close(peer: number, code: string, reason: string, lingerMs: number): void {
    const w = this.#end.reserveUrgent(ToWorker.close, CLOSE_BYTES);
    writeClose(w, peer, code, reason, lingerMs);
    this.#end.publish();
  }

  setHeader(field: number, value: number): void {
    const w = this.#reserve(ToWorker.header, HEADER_BYTES);
    if (w === undefined) {
      this.#pendingHeaders.set(field, value);
      return;
    }
    writeHeader(w, field, value);
    this.#end.publish();
  }

  /** The application has seen the peer's join: broadcasts reach it from here on. */
  joined(peer: number): void {
    const w = this.#end.reserveUrgent(ToWorker.joined, PEER_BYTES);
    w.u32(peer);
    this.#end.publish();
  }

  /** The application has taken (or dropped) messages of a peer and channel that cost so much (`receiveCost`). */
  release(peer: number, channel: number, cost: number): void {
    this.#returned.release(peer, channel, cost);
  }

  malformed(peer: number): void {
    const w = this.#end.reserve(ToWorker.malformed, PEER_BYTES);
    // Only a count is lost where the ring is full.
    if (w === undefined) return;
    w.u32(peer);
    this.#end.publish();
  }

  /** Wakes the worker now rather than at the end of the turn. */
  flush(): void {
    this.#end.ringNow();
  }

  /** What the port says of itself; where its worker says nothing, what it said last. */
  async stats(withPeers: boolean): Promise<PortStats> {
    const said = (await this.#ask({ what: "stats", withPeers })) as WorkerStats | undefined;
    if (said !== undefined) this.#lastStats = said;
    const { out: toWorker, in: toApplication } = this.#end.fill();
    const known = { load: this.load, rings: { toWorker, toApplication } };
    return withApplication(this.#lastStats, known, this.#arriving.stale);
  }

  /** Of one peer; undefined: it is not there any more, or its worker does not answer. */
  async peerStats(peer: number): Promise<PeerStats | undefined> {
    return (await this.#ask({ what: "peerStats", peer })) as PeerStats | undefined;
  }

  /** Starts, reads or ends a trace of a peer; undefined: there is none. */
  async trace(peer: number, command: TraceCommand, maxEvents: number): Promise<string | undefined> {
    return (await this.#ask({ what: "trace", peer, command, maxEvents })) as string | undefined;
  }

  /** Undefined: its worker has nothing to say, is gone, or does not answer in time. */
  async #ask(question: Question): Promise<unknown> {
    if (this.#exited) return undefined;
    return this.#questions.ask((request) => this.#post({ type: "ask", request, question }));
  }

  /** A step of a move (posts.ts); undefined: the worker has nothing to say, or is gone. */
  moveStep(question: Question): Promise<unknown> {
    if (this.#exited) return Promise.resolve(undefined);
    return this.#questions.ask((request) => this.#post({ type: "ask", request, question }), true);
  }

  /** Has the worker let go of a peer: what `adopt` needs, once all that came of it is handed on. `send` is refused from now on. */
  async letGo(peer: number): Promise<PeerState | undefined> {
    this.#between.add(peer);
    const isLast = new Promise<void>((resolve) => {
      this.#lettingGo.set(peer, resolve);
    });
    const state = (await this.moveStep({ what: "letGo", peer })) as PeerState | undefined;
    if (state !== undefined) await isLast;
    this.#lettingGo.delete(peer);
    return state;
  }

  /** Has the worker go on with a peer that another has let go; it is sent to from `resume` on. Empty, or what went wrong. */
  adopt(peer: number, slot: number, from: PortHandle, state: PeerState): Promise<unknown> {
    this.#between.add(peer);
    this.#slots.set(peer, slot);
    this.#clocks.reset(slot);
    const before = from.#slotOf(peer);
    this.#sendCredits.copy(slot, from.#sendCredits, before);
    from.forget(peer);
    this.#returned.credits.copy(slot, from.#returned.credits, before);
    return this.moveStep({ what: "adopt", peer, slot, state });
  }

  /** A peer that `letGo` or `adopt` was called for may be sent to. */
  resume(peer: number): void {
    this.#between.delete(peer);
  }

  /** It is no peer of this port any more. */
  forget(peer: number): void {
    this.resume(peer);
    this.#slots.delete(peer);
  }

  /** What is known of a peer's clock just now (../clock.ts); valid until the next call. */
  clockOf(peer: number): Float64Array {
    return this.#clocks.read(this.#slotOf(peer));
  }

  /** Asks the worker to close its peers and end; `onExit` follows. */
  closeAll(code: string, lingerMs: number): void {
    this.#orderly = true;
    this.#post({ type: "close", code, lingerMs });
  }

  /** Part of the time that the worker has been busy, 0 to 1, between the last two looks. */
  get load(): number {
    return this.#load.look(this.#exited ? undefined : this.#thread.performance);
  }

  /** Asks the worker for a sign of life. */
  ping(): void {
    this.unanswered++;
    void this.load;
    this.#post({ type: "ping" });
  }

  /** Ends a worker that does not do its work; `onExit` follows with the error. */
  fail(error: Error): void {
    this.#error = error;
    void this.#thread.terminate();
  }

  /** Ends the thread at once. */
  async terminate(): Promise<void> {
    this.#orderly = true;
    await this.#thread.terminate();
  }

  /** As the ring's end; header fields that could not be sent yet go first. */
  #reserve(kind: ToWorker, bytes: number): Writer | undefined {
    if (this.#pendingHeaders.size > 0 && !this.#sendPendingHeaders()) return undefined;
    return this.#end.reserve(kind, bytes);
  }

  /** As `#reserve`, with the token of a message written where it has one. */
  #reserveSent(kind: ToWorker, bytes: number, token: number | undefined): Writer | undefined {
    if (token === undefined) return this.#reserve(kind, bytes);
    const w = this.#reserve(kind, TOKEN_BYTES + bytes);
    if (w !== undefined) writeToken(w, token);
    return w;
  }

  /** Writes the header fields that found no room. False: there is still none. */
  #sendPendingHeaders(): boolean {
    const headers = [...this.#pendingHeaders];
    this.#pendingHeaders.clear();
    for (const [field, value] of headers) this.setHeader(field, value);
    return this.#pendingHeaders.size === 0;
  }

  #drain(): boolean {
    const more = this.#returned.reading(() => this.#end.drain(this.#take));
    if (this.#pendingHeaders.size > 0) this.#sendPendingHeaders();
    return more;
  }

  readonly #take: RecordCallback = (kind, bytes, view, start, end) => {
    return readForApplication(kind, bytes, view, start, end, this.#user, this.#reports);
  };

  readonly #reports: PortReports = {
    message: (peer, channel, stamp, bytes, view, start, end) =>
      this.#arriving.take(peer, channel, stamp, bytes, view, start, end, this.#user),
    join: (peer, address, port) => {
      this.#listener.onJoin(peer, addressText(address, port));
    },
    leave: (peer, reason) => this.#listener.onLeave(peer, reason),
    away: (peer, isAway) => this.#listener.onAway(peer, isAway),
    letGo: (peer) => this.#lettingGo.get(peer)?.(),
    drained: (peer) => this.#listener.onDrained(peer),
    notice: (peer, channel, token, delivered) =>
      this.#listener.onNotice(peer, channel, token, delivered),
    // A worker that has ended must not keep back what stands behind it.
    system: (to, message, bytes, view, start, end) =>
      this.#listener.onSystem(to, message, bytes, view, start, end) || this.#exited,
    ringHasRoom: () => {
      this.#end.sendPendingHints();
      this.#sendPendingHeaders();
      this.#listener.onRingDrained();
    },
  };

  #post(message: ApplicationPost): void {
    if (!this.#exited) this.#thread.post(message);
  }

  #nextStep(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#exited)
        reject(this.#error ?? new StardustError("STARDUST_WORKER_DIED", "the worker has ended"));
      else this.#step = { resolve, reject };
    });
  }

  #handlePost(message: WorkerPost): void {
    switch (message.type) {
      case "bound":
        this.port = message.port;
        this.threadId = message.threadId;
        this.#lastStats = noStats(message.port, message.threadId);
        this.#step?.resolve();
        return;
      case "ready":
        this.#step?.resolve();
        return;
      case "failed":
        this.#error = startError(message);
        this.#step?.reject(this.#error);
        return;
      case "join":
        this.#listener.onJoinRequest(message);
        return;
      case "reserved":
        this.#reserving.get(message.peer)?.(message.answer);
        this.#reserving.delete(message.peer);
        return;
      case "shown":
        this.#listener.onShown(message.peer);
        return;
      case "expired":
        this.#listener.onExpired(message.peer);
        return;
      case "told":
        this.#questions.answer(message.request, message.answer);
        return;
      case "lastStats":
        this.#lastStats = message.stats;
        return;
      case "pong":
        this.unanswered = 0;
        tellRefused(this.port, message.refused);
        return;
      case "keys":
        this.#listener.onKeys(message.lines);
        return;
      case "fault":
        this.#listener.onFault(message.where, message.error, message.origin);
        return;
      case "closed":
        this.#orderly = true;
        return;
      default:
        message satisfies never;
    }
  }

  #handleExit(code: number): void {
    this.#exited = true;
    // What it wrote before it ended is still there.
    while (this.#drain());
    this.#end.close();
    for (const resolve of this.#reserving.values()) resolve(WORKER_GONE);
    this.#reserving.clear();
    this.#questions.end();
    const error = this.#orderly ? undefined : (this.#error ?? workerDied(this.port, code));
    this.#step?.reject(
      error === undefined
        ? new StardustError("STARDUST_WORKER_DIED", WORKER_GONE)
        : notStarted(this.port, error),
    );
    this.#listener.onExit(error);
  }
}
