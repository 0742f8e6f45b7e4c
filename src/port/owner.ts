/**
 * Everything one worker thread owns: the socket of its port, the peers on it, their timers. Nobody else touches them,
 * so there are no locks. A turn is: input as it comes, then for each peer that has something to do its deliveries,
 * timers and output, in `#run`. Worst case: one pass over the peers that were woken or are due, a turn.
 *
 * Backpressure: a message for a peer whose session is full waits here in the peer's own queue, which its credit
 * bounds; a message for the application that finds no credit or no room in the ring stays in the session.
 */
import { type Agreement, agreement } from "../agreement.ts";
import type { CloseReason } from "../connection-contract.ts";
import { Counters } from "../counters.ts";
import { Peer } from "../peer.ts";
import type { Protocol } from "../protocol.ts";
import type { ReceivedMessage } from "../received-message.ts";
import type { SessionSink } from "../session/session.ts";
import type { DatagramSocket } from "../udp/socket.ts";
import { nowMs, Turn } from "../udp/turn.ts";
import { Writer } from "../wire/writer.ts";
import type { ZeroCrypto } from "../zero/crypto.ts";
import type { ZeroServerEvent } from "../zero/events.ts";
import type { RejectReason } from "../zero/messages.ts";
import { ZeroServer } from "../zero/server.ts";
import { Addresses } from "./addresses.ts";
import { Deadlines } from "./deadlines.ts";
import type { PortCommands, PortLink } from "./link.ts";
import { creditCost, slotSpan } from "./memory.ts";
import type { ApplicationPost } from "./records.ts";
import type { SystemsHost, WorkerPeer } from "./systems-host.ts";
import { WaitingMessages } from "./waiting.ts";

type Reservation = Omit<Extract<ApplicationPost, { type: "reserve" }>, "type">;
type JoinEvent = Extract<ZeroServerEvent, { type: "join" }>;

/** One peer of this port. */
class Entry implements SessionSink, WorkerPeer {
  readonly id: number;
  readonly slot: number;
  readonly agreed: Agreement;
  readonly peer: Peer;
  address: string;
  port: number;
  /** Nothing is sent before the address is proved (by the cookie or by the ack of attached). */
  confirmed: boolean;
  /** The application has processed the join, so broadcasts are for this peer too. */
  joined = false;
  /** Messages the session had no room for. */
  readonly waiting: WaitingMessages = new WaitingMessages();
  /** Set while the local side closes: what the peer is told once it has everything. */
  closing: { readonly code: string; readonly reason: string } | undefined;
  /** Set when nothing more comes and what has come is still being delivered: why it leaves. */
  closed: CloseReason | undefined;
  /** It has left. */
  gone = false;
  /** The connection protocol is saying goodbye; the session is silent. */
  goodbye = false;
  dirty = false;
  deadlineMs: number = Number.POSITIVE_INFINITY;
  heapIndex = -1;
  readonly #owner: PortOwner;

  constructor(
    owner: PortOwner,
    id: number,
    slot: number,
    agreed: Agreement,
    address: string,
    port: number,
    confirmed: boolean,
  ) {
    this.#owner = owner;
    this.id = id;
    this.slot = slot;
    this.agreed = agreed;
    this.address = address;
    this.port = port;
    this.confirmed = confirmed;
    this.peer = owner.makePeer(this);
  }

  deliver(message: ReceivedMessage): boolean {
    return this.#owner.deliver(this, message);
  }

  sendMessage(channel: number, message: unknown): boolean {
    if (this.gone || this.closing !== undefined || this.closed !== undefined) return false;
    // Behind messages of the application's thread that wait for room, or order would break.
    if (this.waiting.has(channel)) return false;
    const taken = this.peer.session.sendMessage(channel, message);
    if (taken) this.#owner.wake(this);
    return taken;
  }

  close(code: string, reason: string, lingerMs: number): void {
    this.#owner.close(this.id, code, reason, lingerMs);
  }
}

export interface PortOwnerOptions {
  readonly protocol: Protocol;
  readonly crypto: ZeroCrypto;
  /** At least 0, below 1; which packet numbers are skipped depends on it. */
  readonly random: () => number;
  readonly socket: DatagramSocket;
  readonly link: PortLink;
  readonly maxPeers: number;
  /** This port's number and the announced ranges, as clients dial them. */
  readonly publicPort: number;
  readonly publicPorts: readonly (readonly [number, number])[];
  readonly systems: SystemsHost | undefined;
  readonly resend: boolean;
  /** A join whose cookie is good, to be decided by the application. */
  readonly onJoin: (event: JoinEvent) => void;
  /** A reservation was not taken up. */
  readonly onExpired: (peer: number) => void;
  /** All peers are gone after `closeAll`. */
  readonly onEmpty: () => void;
}

/** Joins that may wait for the application at once, on one port. */
const MAX_UNDECIDED = 1024;

export class PortOwner implements PortCommands {
  readonly #o: PortOwnerOptions;
  readonly #zero: ZeroServer;
  readonly #turn: Turn;
  readonly #entries = new Map<number, Entry>();
  readonly #addresses = new Addresses<Entry>();
  /** Places that are kept and not yet taken. */
  readonly #reservations = new Map<number, Agreement>();
  readonly #deadlines = new Deadlines<Entry>();
  #dirty: Entry[] = [];
  /** Peers whose deliveries wait for the ring, not for credit: the one that has waited longest first. */
  #starved = new Set<Entry>();
  /** Joins that the application has not answered, oldest first. */
  readonly #undecided = new Set<string>();
  readonly #out: Writer;
  readonly #user: Float64Array;
  readonly #counters: Counters;
  #received = 0;
  #sent = 0;
  #closing: { readonly code: string; readonly untilMs: number } | undefined;
  #tickAtMs = Number.POSITIVE_INFINITY;

  constructor(options: PortOwnerOptions) {
    this.#o = options;
    const { protocol } = options;
    this.#out = new Writer(new Uint8Array(protocol.limits.maxDatagramBytes));
    this.#user = new Float64Array(protocol.header.userFields.length);
    this.#counters = new Counters();
    this.#zero = new ZeroServer({
      protocol,
      crypto: options.crypto,
      port: options.publicPort,
      ports: options.publicPorts,
      maxPending: MAX_UNDECIDED,
      // Those that have ended are remembered for a while beside those that are there.
      maxPeers: 2 * options.maxPeers + 64,
      nowMs: nowMs(),
    });
    this.#turn = new Turn((now) => this.#run(now));
    this.#tickAtMs = options.systems?.firstTickMs(nowMs()) ?? Number.POSITIVE_INFINITY;
    options.socket.listen((bytes, address, port) => this.#handleDatagram(bytes, address, port));
    this.#turn.wake();
  }

  /** How many are attached. */
  get peers(): number {
    return this.#entries.size;
  }

  makePeer(entry: Entry): Peer {
    const { protocol, resend } = this.#o;
    const peer = new Peer(protocol, entry.agreed, "server", nowMs(), this.#o.random, entry, resend);
    for (let i = 0; i < this.#user.length; i++) peer.session.setUserField(i, this.#user[i]!);
    return peer;
  }

  // Commands of the application -----------------------------------------------------------------------------------

  /** Keeps a place and returns the accept datagram for the port that was asked. */
  reserve(reservation: Reservation): Uint8Array {
    const { peer, hash, compat } = reservation;
    const bytes = this.#zero.reserve({ ...reservation, nowMs: nowMs() });
    this.#reservations.set(peer, agreement(this.#o.protocol, hash, compat)!);
    this.#turn.wake();
    return bytes;
  }

  answer(cid: string, bytes: Uint8Array): void {
    this.#undecided.delete(cid);
    this.#zero.answer(cid, bytes, nowMs());
    this.#turn.wake();
  }

  reject(cid: string, reason: RejectReason, detail: string): void {
    this.#undecided.delete(cid);
    this.#zero.reject(cid, reason, detail, nowMs());
    this.#turn.wake();
  }

  /** A message from the application. What the session has no room for waits; its credit is still spent. */
  send(peer: number, channel: number, bytes: Uint8Array, start: number, end: number): void {
    const entry = this.#entries.get(peer);
    if (entry === undefined || entry.goodbye || entry.closed !== undefined) {
      this.#counters.add("messagesToNobody");
      if (entry !== undefined) this.#o.link.refund(entry.slot, creditCost(end - start));
      return;
    }
    if (this.queue(entry, channel, bytes, start, end)) {
      this.#refund(entry, creditCost(end - start));
    }
  }

  /** One message for every joined peer but those listed and those being closed; on reliable channels its credit was spent for each. */
  broadcast(
    channel: number,
    skipped: ReadonlySet<number>,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const { reliable } = this.#o.protocol.channels[channel]!;
    const cost = creditCost(end - start);
    for (const entry of this.#entries.values()) {
      // One that is being closed was none of them, or will never need its credit again.
      if (!entry.joined || entry.closing !== undefined || entry.closed !== undefined) continue;
      if (skipped.has(entry.id) || entry.agreed.lacks.includes(channel)) continue;
      if (this.queue(entry, channel, bytes, start, end) && reliable) this.#refund(entry, cost);
    }
  }

  /**
   * Into the session, or behind what already waits for it. True: the session has a copy (or the message was unreliable
   * and is dropped), so its credit can go back.
   */
  queue(entry: Entry, channel: number, bytes: Uint8Array, start: number, end: number): boolean {
    const { reliable } = this.#o.protocol.channels[channel]!;
    if (!entry.waiting.has(channel) && entry.peer.session.send(channel, bytes, start, end)) {
      this.wake(entry);
      return true;
    }
    if (!reliable) {
      this.#counters.add("messagesShed");
      return true;
    }
    entry.waiting.add(channel, bytes.slice(start, end));
    this.wake(entry);
    return false;
  }

  setHeader(field: number, value: number): void {
    this.#user[field] = value;
    for (const entry of this.#entries.values()) entry.peer.session.setUserField(field, value);
  }

  setJoined(peer: number): void {
    const entry = this.#entries.get(peer);
    if (entry !== undefined) entry.joined = true;
  }

  /** Credit for the application has come back. */
  pump(peer: number): void {
    const entry = this.#entries.get(peer);
    if (entry === undefined) return;
    entry.peer.session.pump();
    this.wake(entry);
  }

  /** The application could not decode a message that this peer sent. */
  malformed(_peer: number): void {
    this.#counters.add("messagesMalformed");
  }

  close(peer: number, code: string, reason: string, lingerMs: number): void {
    const entry = this.#entries.get(peer);
    if (entry === undefined || entry.closing !== undefined || entry.closed !== undefined) return;
    entry.closing = { code, reason };
    entry.peer.linger(nowMs() + lingerMs);
    this.wake(entry);
  }

  /** Closes every peer, then reports `onEmpty`; what is left when time is up is dropped without a word. */
  closeAll(code: string, lingerMs: number): void {
    if (this.#closing !== undefined) return;
    // Beside the linger there is time for the goodbye itself: a lost close is sent again a few times.
    this.#closing = { code, untilMs: nowMs() + lingerMs + 1000 };
    for (const entry of this.#entries.values()) this.close(entry.id, code, "", lingerMs);
    for (const cid of [...this.#undecided]) this.reject(cid, "shutting-down", "");
    this.#turn.wake();
  }

  /** Ends at once: no more turns, the socket closed. */
  async stop(): Promise<void> {
    this.#turn.stop();
    await this.#o.socket.close();
  }

  wake(entry: Entry): void {
    if (!entry.dirty) {
      entry.dirty = true;
      this.#dirty.push(entry);
    }
    this.#turn.wake();
  }

  /** The ring to the application has room again: for those who have waited, as far as it goes. */
  ringHasRoom(): void {
    const starved = this.#starved;
    this.#starved = new Set();
    const passedOver: Entry[] = [];
    for (const entry of starved) {
      if (entry.gone) continue;
      if (this.#starved.size > 0) {
        passedOver.push(entry);
        continue;
      }
      entry.peer.session.pump();
      this.wake(entry);
    }
    // Whoever got something queues up again behind those who got nothing.
    if (passedOver.length > 0) this.#starved = new Set([...passedOver, ...this.#starved]);
  }

  counters(): Record<string, number> {
    const all = this.#counters.copy();
    all.add("datagramsReceived", this.#received);
    all.add("datagramsSent", this.#sent);
    all.addAll("zero", this.#zero.counters);
    const { link, protocol } = this.#o;
    let sendSpent = 0;
    let receiveSpent = 0;
    for (const entry of this.#entries.values()) {
      all.addAll("session", entry.peer.session.counters);
      sendSpent += protocol.limits.creditBytes - link.sendCredit(entry.slot);
      receiveSpent += protocol.limits.creditBytes - link.receiveCredit(entry.slot);
    }
    // Of the peers that are there now: what lies between the application and their sessions.
    all.add("sendCreditSpent", sendSpent);
    all.add("receiveCreditSpent", receiveSpent);
    return all.toObject();
  }

  // Input ---------------------------------------------------------------------------------------------------------

  #handleDatagram(bytes: Uint8Array, address: string, port: number): void {
    const now = nowMs();
    const length = bytes.byteLength;
    this.#received++;
    if (length < 4) {
      this.#counters.add("datagramsRunt");
      return;
    }
    if (bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 0) {
      this.#zero.handleDatagram(bytes, length, address, port, now);
      this.#takeZeroEvents();
      this.#turn.wake();
      return;
    }
    const entry = this.#addresses.get(address, port);
    if (entry === undefined || entry.goodbye || entry.closed !== undefined) {
      this.#counters.add("datagramsFromStrangers");
      return;
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, length);
    entry.peer.session.handleDatagram(bytes, view, length, now);
    this.wake(entry);
  }

  /** A message is complete. False: not now; the session keeps it and offers it again. */
  deliver(entry: Entry, message: ReceivedMessage): boolean {
    const { systems, link } = this.#o;
    if (systems?.handles(message.channel.index)) {
      const good = systems.deliver(entry.id, entry.agreed.compat, message);
      if (!good) this.#counters.add("messagesMalformed");
      return true;
    }
    // Of a peer that leaves, all that has arrived goes to the application, which will not see more of it.
    const leaving = entry.closed !== undefined;
    const verdict = link.message(entry.id, entry.slot, message, leaving);
    if (verdict === "no-ring") this.#starved.add(entry);
    return verdict === "taken";
  }

  #takeZeroEvents(): void {
    for (let event = this.#zero.pollEvent(); event !== undefined; event = this.#zero.pollEvent()) {
      this.#handleZeroEvent(event);
    }
  }

  #handleZeroEvent(event: ZeroServerEvent): void {
    switch (event.type) {
      case "join":
        if (this.#closing !== undefined) this.reject(event.cid, "shutting-down", "");
        else this.#askApplication(event);
        return;
      case "attached":
        this.#attach(event.peer, event.address, event.port, event.proven);
        return;
      case "confirmed": {
        const entry = this.#entries.get(event.peer);
        if (entry === undefined) return;
        entry.confirmed = true;
        this.#setAddress(entry, event.address, event.port);
        this.wake(entry);
        return;
      }
      case "closed":
        this.#zeroClosed(event.peer, { code: event.code, reason: event.reason, by: event.by });
        return;
      case "expired":
        this.#reservations.delete(event.peer);
        this.#o.onExpired(event.peer);
        return;
    }
  }

  #askApplication(join: JoinEvent): void {
    // The oldest of so many has expired.
    const [oldest] = this.#undecided;
    if (this.#undecided.size >= MAX_UNDECIDED) this.#undecided.delete(oldest!);
    this.#undecided.add(join.cid);
    this.#o.onJoin(join);
  }

  #attach(peer: number, address: string, port: number, proven: boolean): void {
    const agreed = this.#reservations.get(peer);
    if (agreed === undefined) return;
    this.#reservations.delete(peer);
    const slot = peer & (slotSpan(this.#o.maxPeers) - 1);
    const entry = new Entry(this, peer, slot, agreed, address, port, proven);
    this.#entries.set(peer, entry);
    this.#setAddress(entry, address, port);
    this.#o.link.join(peer, address, port);
    this.#o.systems?.join(entry);
    this.wake(entry);
    if (this.#closing !== undefined) this.close(peer, this.#closing.code, "", 0);
  }

  #setAddress(entry: Entry, address: string, port: number): void {
    const before = this.#addresses.move(entry, address, port);
    // A new attach from the address of a live peer: a good proof takes it; the old peer is mute and idles out.
    if (before !== undefined) before.confirmed = false;
  }

  #zeroClosed(peer: number, reason: CloseReason): void {
    const entry = this.#entries.get(peer);
    if (entry === undefined) {
      // Closed before it attached: the place is free again.
      if (this.#reservations.delete(peer)) this.#o.onExpired(peer);
      return;
    }
    if (entry.goodbye) this.#leave(entry, reason);
    else this.#end(entry, reason);
  }

  /** Nothing more comes: what was acknowledged is delivered, however slow the application is, and then it leaves. */
  #end(entry: Entry, reason: CloseReason): void {
    entry.closed ??= reason;
    this.#deadlines.remove(entry);
    entry.peer.session.pump();
    if (!entry.peer.session.undelivered) this.#leave(entry, entry.closed);
  }

  // Turns ---------------------------------------------------------------------------------------------------------

  #run(now: number): number {
    const { systems, link } = this.#o;
    if (now >= this.#tickAtMs) {
      systems!.tick(now);
      this.#tickAtMs = systems!.nextTickMs(now);
    }
    let due = this.#deadlines.popDue(now);
    for (; due !== undefined; due = this.#deadlines.popDue(now)) this.wake(due);
    // First: a client refuses messages that are there before it is told that it has attached.
    this.#transmitZero(now);
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const entry of dirty) {
      entry.dirty = false;
      if (this.#entries.get(entry.id) === entry) this.#service(entry, now);
    }
    this.#zero.handleTimeout(now);
    this.#takeZeroEvents();
    this.#transmitZero(now);
    link.ring();
    if (this.#closing !== undefined) this.#finishClosing(now);
    let next = Math.min(this.#zero.pollDeadline(), this.#deadlines.nextMs, this.#tickAtMs);
    if (this.#closing !== undefined) next = Math.min(next, this.#closing.untilMs);
    if (this.#dirty.length > 0) next = now;
    return next;
  }

  #transmitZero(now: number): void {
    const zero = this.#zero;
    for (let out = zero.pollTransmit(now); out !== undefined; out = zero.pollTransmit(now)) {
      this.#sent++;
      this.#o.socket.send(out.bytes, out.port, out.address);
    }
  }

  /** Deliveries, timers and output of one peer. */
  #service(entry: Entry, now: number): void {
    const { peer } = entry;
    if (entry.goodbye) return;
    if (entry.closed !== undefined) {
      this.#end(entry, entry.closed);
      return;
    }
    this.#sendWaiting(entry);
    const state = peer.handleTimeout(now);
    if (state === "idle") {
      this.#zero.forget(entry.id);
      this.#end(entry, {
        code: "idle-timeout",
        reason: "nothing was heard for too long",
        by: "local",
      });
      return;
    }
    if (entry.confirmed) this.#transmit(entry, now);
    // Where something waits for the session, the session has something unacknowledged.
    if (state === "lingered") {
      entry.goodbye = true;
      const { code, reason } = entry.closing!;
      this.#zero.close(entry.id, code, reason, now);
      return;
    }
    this.#deadlines.set(entry, entry.confirmed ? peer.pollDeadline() : now + 1000);
  }

  #transmit(entry: Entry, now: number): void {
    const { session } = entry.peer;
    const out = this.#out;
    for (;;) {
      out.at = 0;
      const bytes = session.pollTransmit(out, now);
      if (bytes === 0) return;
      this.#sent++;
      this.#o.socket.send(out.bytes.subarray(0, bytes), entry.port, entry.address);
    }
  }

  /** What waited for the session, as far as it has room now; order on each channel is kept. */
  #sendWaiting(entry: Entry): void {
    if (entry.waiting.isEmpty) return;
    const { session } = entry.peer;
    entry.waiting.take((channel, payload) => {
      if (!session.send(channel, payload, 0, payload.byteLength)) return false;
      this.#refund(entry, creditCost(payload.byteLength));
      return true;
    });
  }

  #refund(entry: Entry, cost: number): void {
    if (this.#o.link.refund(entry.slot, cost)) this.#o.link.drained(entry.id);
  }

  #leave(entry: Entry, reason: CloseReason): void {
    entry.gone = true;
    this.#entries.delete(entry.id);
    this.#starved.delete(entry);
    this.#deadlines.remove(entry);
    this.#addresses.remove(entry);
    this.#counters.addAll("session", entry.peer.session.counters);
    this.#o.systems?.leave(entry.id, reason);
    this.#o.link.leave(entry.id, reason);
  }

  #finishClosing(now: number): void {
    if (now >= this.#closing!.untilMs) {
      for (const entry of [...this.#entries.values()]) {
        this.#zero.forget(entry.id);
        this.#leave(entry, { code: this.#closing!.code, reason: "", by: "local" });
      }
      this.#o.link.ring();
    }
    if (this.#entries.size === 0) this.#o.onEmpty();
  }
}
