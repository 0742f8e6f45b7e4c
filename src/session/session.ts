/**
 * The regular protocol of one peer, sans-IO: it is given datagrams, messages and the time, and is asked for datagrams
 * and the next time it wants to be asked. No clock, timer, socket or random source. What it promises is docs/wire.md;
 * acks and losses follow RFC 9000 section 13 and RFC 9002 sections 5 and 6.
 *
 * A received datagram is opened in open-datagram.ts, one to be sent is built in build-datagram.ts.
 *
 * Order of work in one turn of the caller: `handleDatagram` for all that has come, `handleTimeout`, then
 * `pollTransmit` until it returns 0, then sleep until `pollDeadline`. Worst case of a datagram: its frames (at most one
 * a byte) plus what its acks say is new (sent.ts). Keep-alives and idle timeouts are the caller's: `ping`,
 * `lastSentMs`, `lastElicitingMs` and `lastReceivedMs` are there for them.
 */

import { rethrowFrom } from "../errors.ts";
import { sameVersion } from "../negotiated-version.ts";
import { largestDatagramBytes, type Protocol } from "../protocol.ts";
import type { ConnectionStats } from "../stats.ts";
import type { DatagramHeader } from "../wire/header.ts";
import type { Writer } from "../wire/writer.ts";
import { DatagramBuilder } from "./build-datagram.ts";
import { ClockSync } from "./clock-sync.ts";
import { type CongestionFactory, defaultCongestion } from "./congestion/choose.ts";
import type { CongestionController } from "./congestion/controller.ts";
import { Pacer } from "./congestion/pacer.ts";
import { createSessionCounters, type SessionCounters } from "./counters.ts";
import type { DropReason } from "./drop-reason.ts";
import { flowOf } from "./flow-channels.ts";
import { NO_TOKEN } from "./notices.ts";
import { DatagramOpener } from "./open-datagram.ts";
import { Packer } from "./packer.ts";
import { DuplicateWindow } from "./packet-numbers.ts";
import { PathMtu } from "./path-mtu.ts";
import { ReceiveContext } from "./receive-context.ts";
import { ReceiveLimit } from "./receive-limit.ts";
import { ReceivedPackets } from "./received.ts";
import { Receivers } from "./receivers.ts";
import { RttEstimator } from "./rtt.ts";
import {
  type SessionFailure,
  type SessionKeys,
  sealKeys,
  spentKeys,
  violated,
} from "./seal-session.ts";
import { SendLimit } from "./send-limit.ts";
import { Senders } from "./senders.ts";
import { Sent, SentPackets } from "./sent.ts";
import type { SessionOptions } from "./session-options.ts";
import { type SessionParts, type SessionSums, sessionStats } from "./session-stats.ts";
import { Silence } from "./silence.ts";
import { Timer, Timers } from "./timers.ts";
import type { SessionTracer } from "./tracer.ts";
import { userValuesOf, Workspace, workspaceOf } from "./workspace.ts";

export type { SessionFailure } from "./seal-session.ts";
export type { SealingOptions, SessionOptions, SessionSink } from "./session-options.ts";

/** Acks in datagrams that arrive later than this many numbers behind the newest are not believed to be news. */
const STALE_ACK_PACKETS = 64;
/** What may have waited so long for this side's thread, or came so much later than a timer was due, says nothing of the path. */
const STALL_MS = 20;
/** How often idle memory is looked for. */
const MAINTAIN_MS = 1000;
/** How long an unfinished unreliable message is kept at least, without a further slice. */
const MIN_REASSEMBLY_MS = 500;

export class Session {
  readonly counters: SessionCounters = createSessionCounters();
  /** Time of the last datagram that was applied; the time of construction before the first. */
  lastReceivedMs: number;
  /** Time of the last datagram that was written; the time of construction before the first. */
  lastSentMs: number;
  /** Why it has to end, which is its holder's to see to: only where it is sealed, for no stranger can bring it about. */
  failure: SessionFailure | undefined = undefined;
  /** What is known of the other side's clock; undefined where the layout has none. */
  readonly clock: ClockSync | undefined;

  private readonly protocol: Protocol;
  private readonly resend: boolean;
  private readonly congestion: CongestionFactory;
  private controller: CongestionController;
  private readonly space: Workspace;
  private readonly timers: Timers = new Timers();
  private readonly rtt: RttEstimator;
  private readonly path: PathMtu;
  private readonly sent: SentPackets;
  private readonly silence: Silence;
  private readonly received: ReceivedPackets = new ReceivedPackets();
  private readonly duplicates: DuplicateWindow = new DuplicateWindow();
  private pacer: Pacer;
  private readonly packer: Packer;
  readonly sendLimit: SendLimit;
  readonly receiveLimit: ReceiveLimit;
  private readonly context: ReceiveContext;
  private readonly senders: Senders;
  private readonly receivers: Receivers;
  private readonly opener: DatagramOpener;
  private readonly builder: DatagramBuilder;
  /** Where it is sealed. */
  private readonly keys: SessionKeys | undefined;
  private readonly user: Float64Array;

  private nowMs: number;
  /** Something has happened since `pollTransmit` last returned 0. */
  private dirty = false;
  /** The datagram before this one had frames, in the same turn: a larger one would have had more. */
  private followsData = false;
  private pingWanted = false;
  private probesWanted = 0;
  lastElicitingMs: number = Number.NEGATIVE_INFINITY;
  private maintainedMs: number;
  private delivering = false;

  constructor(options: SessionOptions) {
    const { protocol, nowMs } = options;
    this.protocol = protocol;
    const negotiated = options.negotiated ?? sameVersion(protocol);
    this.resend = options.resend ?? true;
    const { maxDatagramBytes } = protocol.limits;
    this.congestion = options.congestion ?? defaultCongestion;
    this.controller = this.congestion({ maxDatagramBytes, nowMs });
    this.nowMs = nowMs;
    this.lastReceivedMs = nowMs;
    this.lastSentMs = nowMs;
    this.maintainedMs = nowMs;
    this.space = workspaceOf(protocol);
    this.rtt = new RttEstimator(protocol.limits.maxAckDelayMs, options.roundTrips);
    this.pacer = new Pacer(maxDatagramBytes, nowMs);
    this.packer = new Packer(protocol.header, maxDatagramBytes, negotiated.compat);
    const sending = flowOf(options, negotiated, false);
    this.senders = new Senders(options, negotiated, this.packer, this.counters, sending);
    this.path = new PathMtu(maxDatagramBytes, largestDatagramBytes(protocol.limits), this.counters);
    this.sent = new SentPackets(
      protocol.header,
      options.random,
      this.senders,
      this.path,
      this.counters,
    );
    this.silence = new Silence(this.timers, this.rtt, this.sent, this.senders);
    const { counters, rtt, space, timers } = this;
    this.sendLimit = new SendLimit(sending, timers, rtt);
    this.receiveLimit = new ReceiveLimit(flowOf(options, negotiated, true));
    const { receiveLimit } = this;
    this.context = new ReceiveContext(options, negotiated.compat, counters, receiveLimit, space);
    this.receivers = new Receivers(protocol.channels, this.context);
    this.user = userValuesOf(protocol);
    this.clock = protocol.header.hasClock ? new ClockSync(options.clockAheadMs ?? 0) : undefined;
    this.keys = sealKeys(options, this.rtt);
    const { duplicates, keys, packer, received, receivers, sent, context } = this;
    this.opener = new DatagramOpener(
      options,
      negotiated,
      duplicates,
      sent,
      this.sendLimit,
      receivers,
      context,
      keys?.receive,
    );
    this.builder = new DatagramBuilder(options, sent, received, packer, counters, keys?.send);
  }

  /**
   * Copies `payload[start..end)` into the channel's queue. False: not taken, the queue is full, and `drained` will say
   * when to try again. Throws InvalidMessageError for a size that the channel does not have. `view`: of the payload's memory.
   * `token`, on channels with `notices`: any number that names the message to the sink's `notice`, which is told once what
   * became of it. Nothing is told of a message that was not taken.
   */
  send(
    channel: number,
    payload: Uint8Array,
    start: number,
    end: number,
    token: number = NO_TOKEN,
    view?: DataView,
  ): boolean {
    return this.queued(this.senders.of(channel, token).push(payload, start, end, token, view));
  }

  /** As `send`, encoding straight into the queue. Throws InvalidMessageError before anything is queued. */
  sendMessage(channel: number, message: unknown, token: number = NO_TOKEN): boolean {
    try {
      return this.queued(this.senders.of(channel, token).pushMessage(message, token));
    } catch (error) {
      rethrowFrom(error, this.protocol.channels[channel]!.name);
    }
  }

  /** The connection is over: what was sent with a token and is not acknowledged is told lost. */
  end(): void {
    this.senders.end();
  }

  /** Payload bytes plus MESSAGE_OVERHEAD_BYTES for each message queued, or reliable and not yet acknowledged; the latter for each other one whose fate is to be told. */
  queuedBytes(channel: number): number {
    return this.senders.queuedBytes(channel);
  }

  /** The value of a user's header field in all datagrams built from now on. */
  setUserField(index: number, value: number): void {
    if (index >= 0 && index < this.user.length) this.user[index] = value;
  }

  /** Asks for a datagram that wants an immediate ack: a keep-alive, or a measurement of the round trip. */
  ping(): void {
    this.pingWanted = true;
    this.dirty = true;
    // Memory that only the ping needs is let go with its answer.
    this.maintainedMs = Number.NEGATIVE_INFINITY;
    this.duplicates.trim();
  }

  /**
   * The two have found each other again, after one of them has come to another address: what was not acknowledged is asked
   * for at once. `isElsewhere`: more than a port is another, so nothing that was known of the path holds any more, neither its
   * round trip nor its size nor how much may be in flight.
   */
  move(isElsewhere: boolean, nowMs: number): void {
    if (isElsewhere) {
      const { maxDatagramBytes } = this.protocol.limits;
      this.rtt.begin();
      this.controller = this.congestion({ maxDatagramBytes, nowMs });
      this.pacer = new Pacer(maxDatagramBytes, nowMs);
      this.sent.leavePath(nowMs);
      this.timers.set(Timer.loss, this.sent.lossTimeMs);
    }
    this.silence.ended();
    this.silence.armProbe();
    this.ping();
  }

  /** Has the next keys begin as soon as they may; nothing where it is plain. They also do so by themselves. */
  updateKeys(): void {
    this.keys?.send.update();
  }

  /** Reliable messages are queued or unacknowledged. */
  get unacknowledged(): boolean {
    return this.senders.unacknowledged;
  }

  /** Reliable messages have arrived that the sink has had no room for. */
  get undelivered(): boolean {
    return this.receivers.undelivered;
  }

  /** From now on `tracer` is told of each datagram; undefined: nobody is. */
  trace(tracer: SessionTracer | undefined): void {
    this.opener.tracer = tracer;
    this.builder.tracer = tracer;
  }

  stats(nowMs: number): ConnectionStats {
    return sessionStats(this.parts(), nowMs);
  }

  /** Adds its numbers to those of others, at a small part of what `stats` costs. */
  addTo(sums: SessionSums, nowMs: number): void {
    sums.add(this.parts(), nowMs);
  }

  private parts(): SessionParts {
    const { protocol, counters, rtt, sent, path, controller, senders } = this;
    const of = { received: this.context.received, largest: this.duplicates.largest };
    return { protocol, counters, rtt, sent, path, controller, senders, ...of };
  }

  /** Smoothed round-trip time; 0 before the first sample. */
  get rttMs(): number {
    return this.rtt.smoothedMs;
  }

  /** When the first datagram left that asked for an ack since one came that said anything new; Infinity: none is waited for. */
  get unansweredSinceMs(): number {
    return this.silence.unansweredSinceMs;
  }

  /** How long an ack is waited for before one is asked for. */
  get probeTimeoutMs(): number {
    return this.rtt.probeTimeoutMs();
  }

  /** Of datagrams that ask for an ack, and are neither acknowledged nor believed lost. */
  get bytesInFlight(): number {
    return this.sent.bytesInFlight;
  }

  /** Data is sent while less than this is in flight. */
  get windowBytes(): number {
    return this.controller.windowBytes;
  }

  /** What a datagram may have, as far as is known of the path; bytes. */
  get datagramBytes(): number {
    return this.path.datagramBytes;
  }

  /**
   * One datagram of the regular protocol, `bytes[0..length)`, which may have waited `waitedMs` for this side's thread. It is checked whole before any of it is applied; why
   * it was dropped is returned and counted. Throws for no bytes; an exception of the sink passes through once the
   * datagram has been applied, and the message counts as taken.
   */
  handleDatagram(
    bytes: Uint8Array,
    view: DataView,
    length: number,
    nowMs: number,
    waitedMs = 0,
  ): DropReason | undefined {
    this.nowMs = nowMs;
    const space = this.space.busy ? new Workspace(this.protocol) : this.space;
    space.busy = true;
    let reason: DropReason | undefined;
    try {
      space.reader.reset(bytes, view, 0, length);
      reason = this.opener.open(space, nowMs);
      const stalled = Math.max(waitedMs, nowMs - this.timers.next()) > STALL_MS;
      if (reason === undefined) this.apply(space, bytes, view, length, nowMs, stalled);
      else this.refuse(reason);
    } finally {
      space.busy = false;
    }
    this.afterTurn(nowMs);
    if (this.hasDue(nowMs)) this.dirty = true;
    else if (!this.dirty) this.timers.set(Timer.ack, this.received.deadlineMs);
    this.context.rethrow();
    return reason;
  }

  /** Offers what the sink had no room for again. */
  pump(): void {
    if (this.delivering) return;
    this.delivering = true;
    this.receivers.pump();
    this.delivering = false;
    this.timers.set(Timer.gap, this.receivers.gapDeadlineMs);
    if (this.receiveLimit.mustTell) this.dirty = true;
    this.context.rethrow();
  }

  /** Does what is due at `nowMs`; harmless when nothing is. */
  handleTimeout(nowMs: number): void {
    this.nowMs = nowMs;
    const { timers, sent, rtt, controller } = this;
    this.dirty = true;
    if (timers.due(Timer.loss, nowMs)) {
      sent.detectLosses(nowMs, rtt, controller);
      controller.onFeedback(-1, rtt, nowMs);
      this.timers.set(Timer.loss, this.sent.lossTimeMs);
    }
    if (timers.due(Timer.probe, nowMs)) {
      if (this.silence.probe(nowMs) > 1) controller.onSilence(nowMs);
      this.probesWanted = 1;
      if (this.resend) sent.probeOldest();
      sent.expireUnreliable(nowMs - 2 * this.rtt.backedOffProbeTimeoutMs(0), nowMs, controller);
      this.silence.armProbe();
    }
    if (timers.due(Timer.blocked, nowMs)) this.sendLimit.timeout(nowMs);
    if (timers.due(Timer.pacing, nowMs)) timers.clear(Timer.pacing);
    if (timers.due(Timer.gap, nowMs)) this.passGaps(nowMs);
    if (timers.due(Timer.notice, nowMs)) {
      this.silence.stillUntold();
      if (this.senders.notices.inFlight > 0) this.pingWanted = true;
    }
    this.afterTurn(nowMs);
    this.context.rethrow();
  }

  /**
   * Writes the next datagram that is due into `w` (room for `largestDatagramBytes` at `w.at`) and returns its bytes; 0:
   * nothing now. To be called until 0 at the end of each turn.
   */
  pollTransmit(w: Writer, nowMs: number): number {
    this.nowMs = nowMs;
    const bytes = this.transmit(w, nowMs);
    if (bytes > 0) return bytes;
    this.senders.tell();
    return this.dirty ? this.transmit(w, nowMs) : 0;
  }

  /** When handleTimeout or pollTransmit has something to do; Infinity: never, as things are. */
  pollDeadline(): number {
    return this.dirty || !this.senders.notices.isEmpty ? this.nowMs : this.timers.next();
  }

  private queued(taken: boolean): boolean {
    if (!taken) return false;
    this.packer.mayHaveWork = true;
    this.dirty = true;
    return true;
  }

  // ---- receiving ----

  private refuse(reason: DropReason): void {
    this.counters[reason]++;
    // What is late may be so by the network alone.
    if (this.opener.isAuthentic && reason !== "tooOld") this.failure ??= violated(reason);
    else if (this.keys?.receive.isSpent === true) this.failure ??= spentKeys;
  }

  private apply(
    space: Workspace,
    bytes: Uint8Array,
    view: DataView,
    length: number,
    nowMs: number,
    stalled: boolean,
  ): void {
    const { in: header, frames } = space;
    const { counters, context } = this;
    const number = header.packetNumber;
    counters.datagramsReceived++;
    counters.bytesReceived += length;
    counters.framesReceived += frames.count;
    this.lastReceivedMs = nowMs;
    const reliable = frames.hasReliable(this.protocol);
    const ackDelayMs = this.protocol.limits.maxAckDelayMs;
    context.age.arrived(number);
    this.duplicates.add(number);
    this.received.add(number, nowMs, header.frames, header.ackNow, reliable, ackDelayMs, stalled);
    if (header.ackNow && !header.frames) this.receiveLimit.askedFor(space.frame.channel);
    if (header.ack) this.applyAcks(header, nowMs, stalled);
    if (frames.count === 0) return;
    context.bytes = bytes;
    context.view = view;
    context.user = header.user;
    context.packetNumber = number;
    context.nowMs = nowMs;
    context.reassemblyTimeoutMs = Math.max(2 * this.rtt.smoothedMs, MIN_REASSEMBLY_MS);
    this.delivering = true;
    this.receivers.apply(frames);
    this.delivering = false;
    this.timers.set(Timer.gap, this.receivers.gapDeadlineMs);
  }

  /** Something may leave now, or is to be settled. */
  private hasDue(nowMs: number): boolean {
    if (this.received.isDue(nowMs) || this.receiveLimit.mustTell || this.pingWanted) return true;
    if (this.probesWanted > 0 || this.sendLimit.asks >= 0) return true;
    return this.senders.hasWork || this.timers.next() <= nowMs;
  }

  private passGaps(nowMs: number): void {
    this.context.nowMs = nowMs;
    this.delivering = true;
    this.receivers.passGaps(nowMs);
    this.delivering = false;
    this.timers.set(Timer.gap, this.receivers.gapDeadlineMs);
  }

  private applyAcks(header: DatagramHeader, nowMs: number, stalled: boolean): void {
    this.counters.acksReceived++;
    if (header.limit) this.sendLimit.raise(header.receiveLimit);
    if (header.packetNumber + STALE_ACK_PACKETS < this.duplicates.largest) return;
    const { clock, controller, rtt, sent } = this;
    this.senders.notices.ackBlock++;
    if (header.limit && clock?.heard(header, sent, nowMs)) this.context.sink.clock?.(clock.words);
    if (sent.acknowledge(header.acks, nowMs, rtt, controller, stalled)) {
      controller.onFeedback(rtt.takeNewestMs(), rtt, nowMs);
      this.silence.ended();
    }
    const prune = sent.takePrune();
    if (prune >= 0) this.received.prune(prune);
    this.timers.set(Timer.loss, this.sent.lossTimeMs);
    this.silence.armProbe();
  }

  // ---- sending ----

  private transmit(w: Writer, nowMs: number): number {
    const { builder, received, sendLimit, sent, timers } = this;
    const { asks } = sendLimit;
    const probe = this.probesWanted > 0 && asks < 0;
    this.senders.expire(nowMs);
    const work = this.packer.hasWork;
    // Who asks for a limit names its channel, which is where the first frame would have its own.
    const open = asks < 0 && (probe || (work && this.maySendData(nowMs)));
    const tell = this.receiveLimit.worthTelling;
    const ackDue = received.isDue(nowMs) || (this.receiveLimit.mustTell && received.count > 0);
    const due = (work && open) || ackDue || probe || this.pingWanted || asks >= 0;
    if (!due || sent.isExhausted) return this.settle(nowMs);
    if (this.keys?.send.isSpent === true) {
      this.failure ??= spentKeys;
      return this.settle(nowMs);
    }
    const { out: header, plan } = this.space;
    sent.giveUpOldest(nowMs, this.controller);
    header.ack = received.count > 0 && (received.pending || tell || ackDue);
    header.limit = header.ack && (tell || this.clock?.isDue(nowMs) === true);
    header.clock = this.clock?.reading(nowMs) ?? 0;
    if (header.limit) header.receiveLimit = this.receiveLimit.next();
    const asksAlone = probe || this.pingWanted || asks >= 0;
    header.ackNow = asksAlone || (work && open && this.silence.asksNow(nowMs, this.controller));
    const pathProbeBytes = open && this.followsData && !probe ? this.path.probeBytes(nowMs) : 0;
    if (pathProbeBytes > 0) return this.probePath(pathProbeBytes, w, nowMs);
    builder.begin(header, plan, this.user, nowMs);
    if (work && open) {
      // What asks for an ack after silence is not to be silenced by its size.
      const mostBytes = probe ? this.path.baseBytes : this.path.datagramBytes;
      builder.fill(header, plan, probe, sendLimit, mostBytes, nowMs);
    }
    if (!header.frames && !asksAlone) {
      if (!ackDue) return this.settle(nowMs);
      header.ackNow = received.asksForAck(sent.needsAck, nowMs - this.lastElicitingMs, this.rtt);
    }
    const bytes = builder.write(header, plan, w, nowMs, 0, asks);
    sendLimit.asks = -1;
    this.sentDatagram(header, probe, builder.trimmed, bytes, nowMs);
    timers.clear(Timer.pacing);
    return bytes;
  }

  /** A datagram without frames, as large as is tried on the path. */
  private probePath(bytes: number, w: Writer, nowMs: number): number {
    const { builder } = this;
    const { out: header, plan } = this.space;
    header.ack = false;
    header.limit = false;
    header.ackNow = true;
    builder.begin(header, plan, this.user, nowMs);
    builder.write(header, plan, w, nowMs, bytes);
    this.sentDatagram(header, false, false, bytes, nowMs, Sent.pathProbe);
    this.pacer.sent(bytes);
    this.path.probeSent();
    return bytes;
  }

  private sentDatagram(
    header: DatagramHeader,
    probe: boolean,
    trimmed: boolean,
    bytes: number,
    nowMs: number,
    flags = 0,
  ): void {
    const { counters, sent, space } = this;
    const eliciting = header.frames || header.ackNow;
    if (eliciting) {
      flags |= Sent.eliciting;
      if (space.plan.reliable) flags |= Sent.reliable;
      this.lastElicitingMs = nowMs;
      this.silence.left(nowMs, header.ackNow);
    } else counters.acksSent++;
    sent.commit(nowMs, bytes, flags, header.ack && !trimmed ? header.acks.largest : -1);
    if (header.ack) this.received.reported(nowMs);
    if (header.limit) {
      this.receiveLimit.left(header.receiveLimit);
      this.clock?.said(nowMs);
    }
    if (header.ackNow) this.pingWanted = false;
    if (probe) {
      this.probesWanted--;
      counters.probesSent++;
    } else if (header.frames) this.pacer.sent(bytes);
    this.followsData = header.frames;
    if (eliciting) this.controller.onSent(bytes, sent.bytesInFlight, nowMs);
    if (space.plan.reliable) this.silence.armProbe();
    this.lastSentMs = nowMs;
    counters.datagramsSent++;
    counters.bytesSent += bytes;
    this.senders.left(space.plan);
  }

  /** Nothing is sent now: sets the timers that will say when to try again. */
  private settle(nowMs: number): number {
    const { timers, sent, sendLimit, silence } = this;
    this.dirty = false;
    this.followsData = false;
    if (this.senders.notices.inFlight > 0) silence.untold(nowMs);
    timers.set(Timer.ack, sent.isExhausted ? Number.POSITIVE_INFINITY : this.received.deadlineMs);
    if (!this.packer.hasWork) return 0;
    this.packer.date(nowMs);
    const windowClosed = sent.bytesInFlight >= this.controller.windowBytes || sent.isFull;
    if (windowClosed) silence.windowClosed(nowMs);
    sendLimit.settle(nowMs);
    return 0;
  }

  /** Window, number space and pacing. */
  private maySendData(nowMs: number): boolean {
    if (this.sent.isFull || this.sent.bytesInFlight >= this.controller.windowBytes) return false;
    const atMs = this.pacer.readyAt(nowMs, this.controller.pacingBytesPerMs, this.rtt.smoothedMs);
    if (atMs <= nowMs) return true;
    this.timers.set(Timer.pacing, atMs);
    return false;
  }

  private afterTurn(nowMs: number): void {
    if (!this.delivering) this.senders.tell();
    if (nowMs - this.maintainedMs < MAINTAIN_MS) return;
    this.maintainedMs = nowMs;
    this.context.nowMs = nowMs;
    this.receivers.maintain();
    this.senders.trim();
    this.sent.trim();
    this.keys?.receive.maintain(nowMs);
  }
}
