/**
 * Everything the thread of a port owns: the sockets of its port, the peers on it, their timers. No other thread touches them,
 * so there are no locks. A turn is: input as it comes, then for each peer that has something to do its deliveries,
 * timers and output; `DatagramLoop` runs it. Worst case: one pass over the peers that were woken or are due, a turn.
 *
 * Backpressure: a message for a peer whose session is full waits in its `PortPeer`'s queue, which its credit
 * bounds; a message for the application that finds no credit or no room in the ring stays in the session.
 */
import { eventOf } from "../connection/connection.ts";
import { closeCodes } from "../connection-contract.ts";
import { type CounterName, Counters } from "../counters.ts";
import { type Histogram, LatencyHistogram } from "../histogram.ts";
import { negotiatedVersion } from "../negotiated-version.ts";
import { largestDatagramBytes, type Protocol } from "../protocol.ts";
import type { ReceivedMessage } from "../received-message.ts";
import type { SessionCounters } from "../session/counters.ts";
import { SessionSums } from "../session/session-stats.ts";
import type { PeerStats } from "../stats.ts";
import type { TraceCommand } from "../trace/recorder.ts";
import { DatagramLoop, type LoopUser } from "../udp/datagram-loop.ts";
import { keyLines } from "../udp/key-log.ts";
import { nowMs } from "../udp/turn.ts";
import type { JoinEvent, ZeroServerEvent } from "../zero/events.ts";
import type { RejectReason } from "../zero/messages.ts";
import { ZeroServer } from "../zero/server.ts";
import { Addresses } from "./addresses.ts";
import { AwayPeers } from "./away-peers.ts";
import { creditCost, slotSpan } from "./memory.ts";
import { PortMoves } from "./moves.ts";
import type { PortOwnerOptions } from "./owner-options.ts";
import { type PeerPort, PortPeer } from "./peer.ts";
import { PeerTurns } from "./peer-turns.ts";
import { portStats, type WorkerStats } from "./port-stats.ts";
import { type ApplicationPost, ID_TAKEN, KEY_REFUSED } from "./posts.ts";
import type { PortCommands } from "./records-to-worker.ts";
import { Refusals, type RefusedCounts } from "./refusals.ts";
import { Traces } from "./traces.ts";

type ReserveRequest = Omit<Extract<ApplicationPost, { type: "reserve" }>, "type">;
type ConfirmedEvent = Extract<ZeroServerEvent, { type: "confirmed" }>;

export class PortOwner implements PortCommands, PeerPort, LoopUser<ZeroServerEvent> {
  readonly protocol: Protocol;
  readonly options: PortOwnerOptions;
  readonly userFields: Float64Array;
  readonly counters: Counters = new Counters();
  readonly port: number;
  readonly roundTrips: LatencyHistogram = new LatencyHistogram();
  /** Numbers of the peers that have left. */
  readonly #left: SessionSums;
  readonly #traces: Traces;
  readonly #zero: ZeroServer;
  readonly #refusals = new Refusals();
  readonly #loop: DatagramLoop<ZeroServerEvent>;
  /** Attached, until they have left. */
  readonly #peers = new Map<number, PortPeer>();
  /** Accepted clients that have not attached yet. */
  readonly #reservations = new Map<number, PortPeer>();
  readonly #addresses = new Addresses<PortPeer>();
  readonly #turns = new PeerTurns<PortPeer>();
  /** Peers whose deliveries wait for the ring, not for credit: the one that has waited longest first. */
  #starved = new Set<PortPeer>();
  readonly away: AwayPeers<PortPeer>;
  /** How peers come from other ports and go there. */
  readonly moves: PortMoves;
  /** Joins that the application has not answered, oldest first. */
  readonly #undecided = new Set<string>();
  #closing: { readonly code: string; readonly untilMs: number } | undefined;
  #tickAtMs = Number.POSITIVE_INFINITY;

  constructor(options: PortOwnerOptions) {
    const { protocol, sockets, systems } = options;
    this.options = options;
    this.protocol = protocol;
    this.#left = new SessionSums(protocol.channels);
    this.#traces = new Traces(protocol);
    this.away = new AwayPeers(options.maxPeers, systems, (peer) => this.wake(peer));
    this.port = options.sockets[0]!.port;
    this.userFields = new Float64Array(protocol.header.userFields.length);
    const zero = new ZeroServer({
      protocol,
      crypto: options.crypto,
      identity: options.identity,
      tokens: options.tokens,
      resetKey: options.resetKey,
      resumeMs: options.resumeMs,
      port: options.publicPort,
      ports: options.publicPorts,
      limits: options.limits,
      takesPieces: options.takesPieces ?? true,
      maxPendingPerAddress: options.maxJoinsPerAddress,
      // Peers that have ended are remembered for a while beside those that are there.
      maxPeers: 2 * options.maxPeers + 64,
      random: options.random,
      nowMs: nowMs(),
    });
    this.#zero = zero;
    const maxDatagramBytes = largestDatagramBytes(protocol.limits);
    const { coalesceMs } = options;
    this.#loop = new DatagramLoop({ sockets, zero, user: this, maxDatagramBytes, coalesceMs });
    this.moves = new PortMoves({
      port: this.port,
      protocol,
      zero,
      link: options.link,
      systems,
      counters: this.counters,
      find: (id) => this.#peers.get(id),
      make: (reservation) => new PortPeer(this, reservation),
      remove: (peer) => this.#remove(peer),
      left: this.#left,
      add: (peer, path) => {
        this.#peers.set(peer.id, peer);
        this.#addresses.take(peer, path);
      },
      closingCode: () => this.#closing?.code,
      wake: () => this.#loop.wake(),
    });
    this.#tickAtMs = systems?.firstTickMs(nowMs()) ?? Number.POSITIVE_INFINITY;
    this.#loop.start();
  }

  get connections(): number {
    return this.#peers.size;
  }

  // Commands of the application -----------------------------------------------------------------------------------

  /** Makes a reservation and returns its accept, which the port that got the join sends; or why there is none. */
  reserve(request: ReserveRequest): Uint8Array | typeof KEY_REFUSED | typeof ID_TAKEN {
    const { peer: id, cid, address, port, local, hash, compat, key, accept } = request;
    const now = nowMs();
    if (this.#zero.hasPlaced(cid, now)) return ID_TAKEN;
    const join = { peer: id, cid, address, port, local, hash, compat, key, accept, nowMs: now };
    const bytes = this.#zero.reserve(join);
    if (bytes === undefined) return KEY_REFUSED;
    const negotiated = negotiatedVersion(this.protocol, hash, compat)!;
    const slot = id & (slotSpan(this.options.maxPeers) - 1);
    const { admission } = request;
    const reservation = { id, slot, negotiated, path: request, admission };
    this.#reservations.set(id, new PortPeer(this, reservation));
    this.#loop.wake();
    return bytes;
  }

  /** A reservation ends; a peer that has come of it stays. */
  withdraw(id: number): void {
    const reserved = this.#reservations.get(id);
    if (reserved === undefined) return;
    reserved.connection.end("abandoned", {
      code: closeCodes.notConnected,
      reason: "",
      by: "local",
    });
    this.wake(reserved);
  }

  answer(cid: string, bytes: Uint8Array, counter?: CounterName): void {
    this.#undecided.delete(cid);
    if (counter !== undefined) this.counters.add(counter);
    this.#zero.answer(cid, bytes, nowMs());
    this.#loop.wake();
  }

  reject(cid: string, reason: RejectReason, detail: string, counter?: CounterName): void {
    this.#undecided.delete(cid);
    if (counter !== undefined) this.counters.add(counter);
    this.#zero.reject(cid, reason, detail, nowMs());
    this.#loop.wake();
  }

  turnAway(cid: string): void {
    this.#undecided.delete(cid);
    this.counters.add("joinsOfTakenId");
    this.#zero.turnAway(cid, nowMs());
    this.#loop.wake();
  }

  /** A message from the application. What the session has no room for waits; its credit is still spent then. */
  send(
    id: number,
    channel: number,
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
    token?: number,
  ): void {
    const peer = this.#peers.get(id);
    if (peer?.connection.takesMessages !== true) {
      this.counters.add("messagesToNobody");
      if (peer !== undefined) this.refund(peer, channel, creditCost(end - start));
    } else if (peer.queue(channel, bytes, view, start, end, nowMs(), token)) {
      this.refund(peer, channel, creditCost(end - start));
    }
  }

  /** One message for every joined peer but those listed and those being closed; its credit was spent for each. */
  broadcast(
    channel: number,
    skipped: ReadonlySet<number>,
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
    token?: number,
  ): void {
    const now = nowMs();
    for (const peer of this.#peers.values()) {
      // One that is being closed was not charged for it, or no longer needs its credit.
      if (!peer.joined || !peer.connection.takesMessages) continue;
      if (skipped.has(peer.id) || peer.negotiated.lacks.includes(channel)) continue;
      if (peer.queue(channel, bytes, view, start, end, now, token)) {
        this.refund(peer, channel, creditCost(end - start));
      }
    }
  }

  /** One message for these peers, but those that are gone or being closed. */
  multicast(
    channel: number,
    peers: readonly number[],
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
    token?: number,
  ): void {
    const now = nowMs();
    for (const id of peers) {
      const peer = this.#peers.get(id);
      if (peer?.connection.takesMessages !== true) continue;
      if (peer.queue(channel, bytes, view, start, end, now, token)) {
        this.refund(peer, channel, creditCost(end - start));
      }
    }
  }

  system(
    from: number,
    message: number,
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
  ): void {
    this.options.systems?.system(from, message, bytes, view, start, end);
    this.#loop.wake();
  }

  setHeader(field: number, value: number): void {
    this.userFields[field] = value;
    for (const peer of this.#peers.values()) peer.connection.setUserField(field, value);
  }

  setJoined(id: number): void {
    const peer = this.#peers.get(id);
    if (peer !== undefined) peer.joined = true;
  }

  /** Credit for the application has come back. */
  pump(id: number): void {
    const peer = this.#peers.get(id);
    if (peer === undefined) return;
    peer.connection.pump();
    this.wake(peer);
  }

  /** The application could not decode a message that this peer sent. */
  malformed(id: number): void {
    this.#malformed(this.#peers.get(id));
  }

  close(id: number, code: string, reason: string, lingerMs: number): void {
    const peer = this.#peers.get(id);
    if (peer !== undefined) this.closePeer(peer, code, reason, lingerMs);
  }

  /** Closes every peer, then reports `onEmpty`; what is left when time is up is dropped, and is sent nothing. */
  closeAll(code: string, lingerMs: number): void {
    if (this.#closing !== undefined) return;
    // Beside the linger there is time for close itself: a lost one is sent again a few times.
    this.#closing = { code, untilMs: nowMs() + lingerMs + 1000 };
    for (const peer of this.#peers.values()) this.closePeer(peer, code, "", lingerMs);
    for (const cid of [...this.#undecided]) this.reject(cid, "shutting-down", "");
    this.#loop.wake();
  }

  /** Ends at once: no more turns, the sockets closed. */
  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /** The ring to the application has room again: peers whose messages waited for it are served, as far as it goes. */
  ringHasRoom(): void {
    const starved = this.#starved;
    this.#starved = new Set();
    const passedOver: PortPeer[] = [];
    for (const peer of starved) {
      if (this.#starved.size > 0) {
        passedOver.push(peer);
        continue;
      }
      peer.connection.pump();
      peer.tellWaiting();
      this.wake(peer);
    }
    // Peers that got something queue up again behind those that got nothing.
    if (passedOver.length > 0) this.#starved = new Set([...passedOver, ...this.#starved]);
  }

  /** What the port says of itself; with each peer's own where they are asked for. */
  stats(withPeers: boolean, threadId: number, eventLoopDelay: Histogram): WorkerStats {
    const now = nowMs();
    const sums = this.#left.copy();
    for (const peer of this.#peers.values()) peer.addTo(sums, now);
    return portStats({
      port: this.port,
      threadId,
      nowMs: now,
      peers: this.#peers.size,
      sums,
      zero: this.#zero.counters,
      counters: (sessions) => this.#allCounters(sessions),
      rtt: this.roundTrips.snapshot(),
      eventLoopDelay,
      peerStats: withPeers ? [...this.#peers.values()].map((peer) => peer.stats(now)) : undefined,
    });
  }

  /** Starts, reads or ends the trace of a peer. */
  trace(id: number, what: TraceCommand, maxEvents: number): string | undefined {
    return this.#traces.ask(id, this.#peers.get(id)?.connection.session, what, maxEvents, nowMs());
  }

  /** Of one peer; undefined: it is not there. */
  peerStats(id: number): PeerStats | undefined {
    return this.#peers.get(id)?.stats(nowMs());
  }

  /** What has been refused since this was asked; undefined: nothing. */
  refused(): RefusedCounts | undefined {
    return this.#refusals.news(this.#zero.counters);
  }

  /** By name, those of its sessions and its connection protocol too. */
  #allCounters(sessions: SessionCounters): Record<string, number> {
    const all = this.counters.copy();
    const { received, sent, runts, strangers } = this.#loop;
    all.add("datagramsReceived", received);
    all.add("datagramsSent", sent);
    all.add("datagramsRunt", runts);
    all.add("datagramsFromStrangers", strangers);
    all.addAll("zero", this.#zero.counters);
    all.addAll("session", sessions);
    const { link } = this.options;
    let sendSpent = 0;
    let receiveSpent = 0;
    for (const peer of this.#peers.values()) {
      sendSpent += link.sendSpent(peer.slot);
      receiveSpent += link.receiveSpent(peer.slot);
    }
    all.addAll("", this.options.systems?.requestCounts() ?? {});
    // Of the peers that are there now: what lies between the application and their sessions.
    all.add("sendCreditSpent", sendSpent);
    all.add("receiveCreditSpent", receiveSpent);
    return all.toObject();
  }

  // For its peers ---------------------------------------------------------------------------------------------------

  deliver(peer: PortPeer, message: ReceivedMessage): boolean {
    const { systems, link } = this.options;
    if (systems?.handles(message.channel.index)) {
      const verdict = systems.deliver(peer, message);
      if (verdict === "malformed") this.#malformed(peer);
      if (verdict !== "for-application") return true;
    }
    // Of a peer that leaves, all that has arrived goes to the application, which will not see more of it.
    const leaving = peer.connection.isEnding;
    const verdict = link.message(peer.id, peer.slot, message, leaving);
    if (verdict === "no-ring") this.#starved.add(peer);
    return verdict === "taken";
  }

  tellApplication(peer: PortPeer, channel: number, token: number, delivered: boolean): boolean {
    const told = this.options.link.notice(peer.id, channel, token, delivered);
    if (!told) this.#starved.add(peer);
    return told;
  }

  tellAway(peer: PortPeer, isAway: boolean): boolean {
    const told = this.options.link.away(peer.id, isAway);
    if (!told) this.#starved.add(peer);
    return told;
  }

  tellSystems(peer: PortPeer, channel: number, token: number, delivered: boolean): void {
    this.options.systems?.notice(peer.id, channel, token, delivered);
  }

  /** A peer that has left is counted all the same; a sealed one that is there has done it itself, and is closed. */
  #malformed(peer: PortPeer | undefined): void {
    this.counters.add("messagesMalformed");
    if (peer === undefined || this.options.protocol.security === "plain") return;
    this.closePeer(peer, closeCodes.protocolViolation, "messagesMalformed", 0);
  }

  sendClose(peer: PortPeer, code: string, reason: string, now: number): void {
    this.#zero.close(peer.id, code, reason, now);
  }

  forget(peer: PortPeer): void {
    this.#zero.forget(peer.id);
  }

  closePeer(peer: PortPeer, code: string, reason: string, lingerMs: number): void {
    peer.connection.close({ code, reason }, lingerMs, nowMs());
    this.wake(peer);
  }

  refund(peer: PortPeer, channel: number, cost: number): void {
    if (this.options.link.refund(peer.slot, channel, cost)) this.options.link.drained(peer.id);
  }

  setFull(peer: PortPeer, bits: number): void {
    if (this.options.link.setFull(peer.slot, bits)) this.options.link.drained(peer.id);
  }

  tellClock(peer: PortPeer, words: Float64Array): void {
    this.options.link.clock(peer.slot, words);
  }

  wake(peer: PortPeer): void {
    this.#turns.wake(peer);
    this.#loop.wake();
  }

  // For the loop of its socket --------------------------------------------------------------------------------------

  handleRegular(
    bytes: Uint8Array,
    view: DataView,
    address: string,
    port: number,
    now: number,
    local: number,
    waitedMs: number,
  ): boolean {
    const peer = this.#addresses.get(address, port, local);
    if (peer === undefined) return false;
    const { connection } = peer;
    if (!connection.handleDatagram(bytes, view, bytes.byteLength, now, waitedMs)) return false;
    const { link, systems } = this.options;
    const isWaiting = peer.isWaiting || systems?.isWaiting(peer.id) === true;
    const nextMs = isWaiting ? now : connection.quietUntil(now);
    // What leaves nothing to do but to wait, or to tell the application of, costs no turn.
    if (nextMs <= now || peer.dirty) this.wake(peer);
    else {
      this.#turns.set(peer, nextMs);
      this.#loop.wakeBy(nextMs, now);
      if (link.hasNews) link.ringSoon();
    }
    return true;
  }

  handleEvent(event: ZeroServerEvent, now: number): void {
    if (event.type === "join") {
      if (this.#closing !== undefined) this.reject(event.cid, "shutting-down", "");
      else this.#askApplication(event);
      return;
    }
    if (event.type === "shown") {
      this.options.onShown?.(event.peer);
      return;
    }
    const peer = this.#peers.get(event.peer) ?? this.#reservations.get(event.peer);
    if (peer === undefined) {
      // A peer that this port does not have is closed.
      this.counters.add(`unexpected.closed.${eventOf(event)}`);
      return;
    }
    const { connection } = peer;
    switch (event.type) {
      case "attached": {
        const { tag, secrets, cid } = event;
        if (secrets !== undefined) this.options.onKeys?.(keyLines(cid!, secrets));
        const { resumeMs } = this.options;
        connection.attach({ negotiated: peer.negotiated, tag, secrets, resumeMs }, now);
        if (event.proven) this.#addresses.takeFree(peer, event);
        this.#enter(peer);
        break;
      }
      case "confirmed":
        connection.handleZero(event);
        this.#confirm(peer, event, now);
        break;
      case "closed":
      case "expired":
        connection.handleZero(event);
        break;
      default:
        event satisfies never;
    }
    this.wake(peer);
  }

  /** A peer has proven where it is: for the first time, again, or at another address. */
  #confirm(peer: PortPeer, event: ConfirmedEvent, now: number): void {
    const isElsewhere = peer.address !== event.address || peer.local !== event.local;
    this.#addresses.take(peer, event);
    if (event.moved) this.counters.add("peersMoved");
    if (event.moved || peer.isAway) peer.connection.move(isElsewhere, now);
  }

  #askApplication(join: JoinEvent): void {
    // With that many, the oldest has expired.
    const [oldest] = this.#undecided;
    if (this.#undecided.size >= this.options.limits.pendingJoins) this.#undecided.delete(oldest!);
    this.#undecided.add(join.cid);
    this.options.onJoin(join);
  }

  /** A reservation is taken up: the peer is there. */
  #enter(peer: PortPeer): void {
    this.#reservations.delete(peer.id);
    this.#peers.set(peer.id, peer);
    this.counters.add("peersJoined");
    peer.joinedMs = nowMs();
    this.options.link.join(peer.id, peer.address, peer.port);
    this.options.systems?.join(peer);
    if (this.#closing !== undefined) this.closePeer(peer, this.#closing.code, "", 0);
  }

  serve(now: number): void {
    const { systems } = this.options;
    if (now >= this.#tickAtMs) {
      systems!.tick(now);
      this.#tickAtMs = systems!.nextTickMs(now);
    }
    this.#turns.serve(now, (peer) => this.#servePeer(peer, now));
  }

  /** Deliveries, timers and output of one peer, and its end. */
  #servePeer(peer: PortPeer, now: number): void {
    const { connection } = peer;
    if (connection.isLive) peer.sendWaiting(now);
    const deadlineMs = this.#loop.serveConnection(connection, now);
    // What has left has made room.
    if (connection.isLive && peer.sendWaiting(now)) this.wake(peer);
    if (connection.isLive) this.options.systems?.drained(peer.id);
    if (connection.state === "closed") this.#leave(peer);
    else this.#turns.set(peer, deadlineMs);
  }

  #leave(peer: PortPeer): void {
    const { id, connection } = peer;
    // Closed before it attached: the slot is free again.
    if (this.#reservations.get(id) === peer) {
      this.#reservations.delete(id);
      this.counters.add("joinsExpired");
      this.options.onExpired(id);
    }
    if (this.#peers.get(id) !== peer) return;
    this.#remove(peer);
    this.options.systems?.leave(id, connection.reason!);
    this.options.link.leave(id, connection.reason!);
  }

  /** It is no peer of this port any more; its numbers stay. */
  #remove(peer: PortPeer): void {
    this.#peers.delete(peer.id);
    this.#starved.delete(peer);
    this.away.remove(peer);
    this.#turns.remove(peer);
    this.#addresses.remove(peer);
    peer.connection.session!.addTo(this.#left, nowMs());
    this.#left.dropQueues();
    this.#traces.end(peer.id);
  }

  endTurn(now: number): number {
    const { link } = this.options;
    const closing = this.#closing;
    if (closing !== undefined && now >= closing.untilMs) {
      for (const peer of [...this.#peers.values()]) {
        peer.connection.end("abandoned", { code: closing.code, reason: "", by: "local" });
        this.#leave(peer);
      }
    }
    link.ring();
    if (closing !== undefined && this.#peers.size === 0) this.options.onEmpty();
    if (this.#turns.isBusy) return now;
    const nextMs = Math.min(this.#turns.nextMs, this.#tickAtMs);
    return closing === undefined ? nextMs : Math.min(nextMs, closing.untilMs);
  }
}
