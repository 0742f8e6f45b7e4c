/**
 * The client's side of the connection protocol: asks to join, proves its address with the server's cookie, waits for
 * the decision, attaches to the port it is given, confirms its address, again where that has changed (`rebind`), and at another port
 * before it goes on there (`move`), closes.
 * Sans-IO: it is given datagrams and the time, and asked for datagrams, events and the next deadline.
 *
 * In the handshake it has the only timers: one request at a time (join 1, join 2, attach) is repeated until its reply
 * is there, with a timeout that doubles up to 0.4 s, and begins anew when the server has said that it is deciding.
 * Worst case: the deadline passes, with some thirty datagrams sent; `gone` starts again inside it, later each time.
 */
import { closeCodes } from "../connection-contract.ts";
import {
  maxSilenceMs,
  ZERO_CLOSE_TIMEOUT_MS,
  ZERO_MAX_CALM_REBIND_PAUSE_MS,
  ZERO_STAY_SHARE,
} from "../limits.ts";
import { negotiatedVersion } from "../negotiated-version.ts";
import type { Protocol } from "../protocol.ts";
import { plainOwnKeys, sealedOwnKeys } from "./accept-keys.ts";
import type { ZeroClientOptions, ZeroClientTransmit } from "./client-options.ts";
import { createCounters, type ZeroCounters, type ZeroDropReason } from "./counters.ts";
import type { ZeroCrypto } from "./crypto.ts";
import { checkMac, type Frame, openFrame, parseFrame } from "./envelope.ts";
import type { ZeroClientEvent } from "./events.ts";
import { JoinAttempt, type OwnToken } from "./join.ts";
import type { SignedAccept } from "./key-exchange.ts";
import {
  cutCode,
  cutReason,
  hasSecurityMembers,
  hasValidBody,
  hasValidSys,
  isOfServer,
  isPlain,
  nextState,
  outgoingBody,
  type ValidMessage,
} from "./messages.ts";
import { Outbox } from "./outbox.ts";
import {
  ACCEPT_SEQ,
  ATTACH_SEQ,
  ATTACHED_SEQ,
  type ClientState,
  clientStates,
  JOIN_SEQ,
  type ServerMessage,
} from "./own-messages.ts";
import { OwnPlace } from "./own-place.ts";
import type { RandomSource } from "./reliable-sequence.ts";
import { RepeatedRequest, restartPauseMs } from "./request.ts";
import { isAnnounced, type OrderedMessage, Reservation } from "./reservation.ts";
import { isResetProof } from "./reset.ts";

const NEVER: number = Number.POSITIVE_INFINITY;

export class ZeroClient {
  readonly #protocol: Protocol;
  readonly #crypto: ZeroCrypto;
  readonly #dialledPort: number;
  readonly #join: object;
  readonly #serverKeys: readonly string[] | undefined;
  readonly #token: OwnToken | undefined;
  readonly #random: RandomSource;
  readonly #request: RepeatedRequest;
  readonly #outbox: Outbox<ZeroClientTransmit> = new Outbox();
  readonly #events: Outbox<ZeroClientEvent> = new Outbox();
  readonly #counters: ZeroCounters = createCounters();
  /** Infinite once attached. */
  #handshakeDeadlineMs: number;
  #state: ClientState = "joining";
  /** Under the connection id in use. */
  #attempt: JoinAttempt | undefined;
  /** Join 1 of a new connection id waits until then. */
  #restartAtMs: number = NEVER;
  /** Attach has had no answer by then: what is asked for next is to stay on the dialled port. */
  #stayAtMs: number = NEVER;
  /** The port that did not answer, once that is asked for. Never again: further places taken up win nothing. */
  #unreached: number | undefined;
  /** From accept on. */
  #reservation: Reservation | undefined;
  /** How the server comes to know where we are; from accept on. */
  #place: OwnPlace | undefined;
  /** Why we close, and when the waiting ends: for the other side's ack, or for repeated closes of the other side. */
  #ending: { code: string; reason: string } | undefined;
  #endAtMs: number = NEVER;

  /**
   * Throws `InvalidMessageError` for a body that the spec does not allow, STARDUST_INVALID_OPTION for a token that is too
   * long beside it.
   */
  constructor(options: ZeroClientOptions) {
    const { protocol, crypto, port, join, random, nowMs } = options;
    this.#protocol = protocol;
    this.#crypto = crypto;
    this.#dialledPort = port;
    this.#serverKeys = options.serverKeys;
    this.#token = options.token;
    this.#join = outgoingBody(protocol, "join", join);
    this.#random = random;
    this.#request = new RepeatedRequest(random, ({ bytes, port }) => this.#send(bytes, port));
    this.#handshakeDeadlineMs = nowMs + protocol.limits.handshakeTimeoutMs;
    this.#begin(nowMs);
    this.#attempt!.checkRoom();
  }

  /** By the names of the state table. */
  get state(): ClientState {
    return this.#state;
  }

  get counters(): Readonly<ZeroCounters> {
    return this.#counters;
  }

  /** The connection id in use; another one after `gone`, empty until that begins. */
  get cid(): string {
    return this.#attempt?.cid ?? "";
  }

  /** Smoothed round-trip time, 0 before the first sample: a first guess for the regular protocol. */
  get rttMs(): number {
    return this.#request.rttMs;
  }

  /**
   * A datagram that begins with three zeros. `bytes` is read during the call only. The address is not looked at: its
   * owner takes datagrams of the dialled one alone.
   */
  handleDatagram(
    bytes: Uint8Array,
    length: number,
    _address: string,
    fromPort: number,
    nowMs: number,
  ): void {
    this.#counters.datagramsReceived++;
    this.#counters.bytesReceived += length;
    const frame = openFrame(bytes, length);
    const reason = typeof frame === "string" ? frame : this.#handleFrame(frame, fromPort, nowMs);
    this.#counters[reason]++;
  }

  #handleFrame(frame: Frame, fromPort: number, nowMs: number): ZeroDropReason {
    if (frame.cid !== this.#attempt?.cid) return "droppedCid";
    const signed = frame.macAt >= 0;
    if (signed) {
      if (this.#reservation === undefined) return "droppedMac";
      if (!this.#place!.isHeard(fromPort)) return "droppedPort";
      if (!checkMac(this.#crypto, frame, this.#reservation.own.keys.server)) return "droppedMac";
    } else if (fromPort !== this.#dialledPort && this.#place?.isHeard(fromPort) !== true) {
      return "droppedPort";
    }
    const accept = frame.sigAt < 0 ? undefined : this.#checkSignature(frame);
    if (typeof accept === "string") return accept;
    const envelope = parseFrame(frame);
    if (typeof envelope === "string") return envelope;
    if (!isOfServer(envelope)) return "droppedMessage";
    if (isPlain(envelope) === signed) return "droppedEnvelope";
    const { msg } = envelope;
    if ((accept !== undefined) !== (msg === "accept" && this.#attempt.exchange !== undefined)) {
      return "droppedEnvelope";
    }
    // Only an attach that found nobody is answered in plain from the port that accept named.
    if (!signed && msg !== "gone" && fromPort !== this.#dialledPort) return "droppedPort";
    const next = nextState(clientStates, this.#state, msg);
    if (next === undefined) return "droppedState";
    if (!hasValidSys(envelope)) return "droppedSchema";
    if (!hasSecurityMembers(this.#protocol, envelope)) return "droppedSchema";
    if (!hasValidBody(this.#protocol, envelope)) return "droppedSchema";
    return this.#handleMessage(envelope, accept, next, fromPort, nowMs);
  }

  /** Before anything of an accept is parsed. */
  #checkSignature(frame: Frame): SignedAccept | ZeroDropReason {
    const exchange = this.#attempt?.exchange;
    if (exchange === undefined) return "droppedEnvelope";
    if (nextState(clientStates, this.#state, "accept") === undefined) return "droppedState";
    return exchange.check(frame);
  }

  #handleMessage(
    envelope: ValidMessage<ServerMessage>,
    signed: SignedAccept | undefined,
    next: ClientState,
    fromPort: number,
    nowMs: number,
  ): ZeroDropReason {
    switch (envelope.msg) {
      case "challenge":
        return this.#challenge(envelope, next, nowMs);
      case "processing":
        return this.#processing(envelope, next, nowMs);
      case "accept":
        return this.#accept(envelope, signed, next, nowMs);
      case "reject":
        return this.#reject(envelope, next);
      case "gone":
        return this.#gone(envelope, next, fromPort, nowMs);
      case "attached":
        return this.#attached(envelope, next, nowMs);
      case "verify":
        return this.#verify(envelope, nowMs);
      case "ack":
        return this.#ack(envelope, next, nowMs);
      case "move":
      case "close":
        return this.#ordered(envelope, next, fromPort, nowMs);
    }
  }

  #challenge(
    envelope: ValidMessage<"challenge">,
    next: ClientState,
    nowMs: number,
  ): ZeroDropReason {
    if (envelope.seq !== 0 || envelope.ack !== 0) return "droppedSequence";
    const key = this.#attempt!.keyOf(envelope.sys);
    if (typeof key === "string") return key;
    // Nothing is said to who cannot show that it is the server.
    if (key !== undefined && this.#serverKeys?.includes(key.identity) === false)
      return this.#distrust(key.identity);
    const bytes = this.#attempt!.second(envelope.sys.cookie, key);
    if (bytes === undefined) return "droppedKey";
    this.#answered(nowMs);
    this.#state = next;
    this.#request.begin({ bytes, port: this.#dialledPort }, nowMs);
    return "accepted";
  }

  #processing(
    envelope: ValidMessage<"processing">,
    next: ClientState,
    nowMs: number,
  ): ZeroDropReason {
    if (envelope.seq !== 0 || envelope.ack !== JOIN_SEQ) return "droppedSequence";
    if (this.#state !== next) {
      const arrived = this.#attempt!.hearPieces(envelope.sys.pieces ?? 0, this.#request, nowMs);
      if (arrived === undefined) return "droppedSequence";
      if (!arrived) return "accepted";
      this.#request.measure(nowMs);
      this.#state = next;
      // The join has arrived: what may be lost from here on is the reply, and repeating asks for it again.
      this.#request.restartTimer(nowMs);
    }
    return "accepted";
  }

  #accept(
    envelope: ValidMessage<"accept">,
    signed: SignedAccept | undefined,
    next: ClientState,
    nowMs: number,
  ): ZeroDropReason {
    if (envelope.seq !== ACCEPT_SEQ || envelope.ack !== JOIN_SEQ) return "droppedSequence";
    // A key that stands twice has its last value: it must be the one that is signed for.
    const { key, identity } = envelope.sys;
    if (key !== signed?.key || identity !== signed?.identity) return "droppedEnvelope";
    // Who has read what was secret is who answers.
    const reader = this.#attempt!.identity;
    if (reader !== undefined && reader !== identity) return "droppedSignature";
    if (this.#state === next) return "accepted";
    const { port, ports, hash, compat = false, peer, reset, resumeMs } = envelope.sys;
    const negotiated = negotiatedVersion(this.#protocol, hash, compat);
    if (negotiated === undefined) return "droppedProtocol";
    // Never to another address either.
    if (!isAnnounced(ports, port)) return "droppedPort";
    const own =
      signed === undefined
        ? plainOwnKeys(this.#crypto, envelope.sys)
        : sealedOwnKeys(this.#attempt!.exchange!, signed, this.#serverKeys);
    if (typeof own === "string") return own;
    if (own === undefined) return this.#distrust(signed!.identity);
    this.#answered(nowMs);
    this.#attempt!.end();
    this.#state = next;
    const given = { port, ports, peer, accept: envelope.body, negotiated, reset, resumeMs, ...own };
    const { pauses } = this.#request;
    const { maxDatagramBytes } = this.#protocol.limits;
    const options = { pauses, maxDatagramBytes, counters: this.#counters };
    this.#reservation = new Reservation(this.#crypto, this.cid, given, options);
    const calmMs = Math.min(maxSilenceMs(this.#protocol.limits), ZERO_MAX_CALM_REBIND_PAUSE_MS);
    const emit = (event: ZeroClientEvent) => void this.#events.push(event);
    this.#place = new OwnPlace(this.#reservation, this.#request, this.#counters, calmMs, emit);
    this.#request.begin({ bytes: this.#reservation.attach(), port }, nowMs);
    if (port !== this.#dialledPort && this.#unreached === undefined) {
      this.#stayAtMs = nowMs + this.#protocol.limits.handshakeTimeoutMs * ZERO_STAY_SHARE;
    }
    this.#events.push({ type: "accepted", ...this.#reservation.attachment });
    return "accepted";
  }

  /** Whoever answers is none of those that it may be. */
  #distrust(serverKey: string): "accepted" {
    this.#end("closed");
    this.#events.push({ type: "untrusted", serverKey });
    return "accepted";
  }

  #reject(envelope: ValidMessage<"reject">, next: ClientState): ZeroDropReason {
    const { reason, detail = "", protocol, version, hash } = envelope.sys;
    this.#end(next);
    this.#events.push({
      type: "rejected",
      reason,
      detail,
      ...(protocol === undefined ? {} : { protocol }),
      ...(version === undefined ? {} : { version }),
      ...(hash === undefined ? {} : { hash }),
    });
    return "accepted";
  }

  /** The server does not know us (any more): a new connection id, inside the same deadline, later each time. */
  #gone(
    envelope: ValidMessage<"gone">,
    next: ClientState,
    fromPort: number,
    nowMs: number,
  ): ZeroDropReason {
    if (next === "closed") {
      // Our port has lost us, and proves it. Without the proof anybody may have said so.
      const reset = this.#place!.isHeard(fromPort) ? this.#place!.resetAt(fromPort) : undefined;
      if (!isResetProof(this.#crypto, reset, envelope.sys.proof)) return "droppedProof";
      // Or we are not expected any more where we were to go.
      if (fromPort === this.#reservation!.port) this.#finish(next, closeCodes.serverRestarted);
      else if (this.#state === "open") this.#place!.stay(nowMs);
      return "accepted";
    }
    this.#abandonAttempt(next);
    const { restarts } = this.#counters;
    this.#counters.restarts++;
    this.#restartAtMs = nowMs + restartPauseMs(restarts, this.#random);
    if (restarts === 0) this.#begin(nowMs);
    return "accepted";
  }

  /** Nothing that was sent to the old connection id is heeded from here on. */
  #abandonAttempt(next: ClientState): void {
    this.#state = next;
    this.#attempt = undefined;
    this.#reservation = undefined;
    this.#place = undefined;
    this.#request.end();
    this.#stayAtMs = NEVER;
    this.#events.push({ type: "restarted" });
  }

  /**
   * The port that accept named does not answer: a new connection id, inside the same deadline, that asks to stay where it dials.
   * The old port is told once, in case that it is only deaf for a while, or we are: it need not keep a peer that nobody is.
   */
  #askToStay(nowMs: number): void {
    const reservation = this.#reservation!;
    const { port, sequence } = reservation;
    this.#send(
      reservation.build("close", sequence.nextSeq, { code: closeCodes.notConnected }),
      port,
    );
    this.#abandonAttempt("joining");
    this.#unreached = port;
    this.#counters.staysAsked++;
    this.#begin(nowMs);
  }

  #attached(envelope: ValidMessage<"attached">, next: ClientState, nowMs: number): ZeroDropReason {
    if (envelope.seq !== ATTACHED_SEQ || envelope.ack !== ATTACH_SEQ) return "droppedSequence";
    if (this.#state === "closing" || this.#place!.isSought) return "accepted";
    const first = this.#state !== next;
    if (first) {
      this.#answered(nowMs);
      this.#open(next);
    }
    this.#place!.confirm(envelope.sys.nonce, first, nowMs);
    return "accepted";
  }

  /**
   * A regular datagram has opened with this connection's keys: the server has taken up attach, and knows the address.
   * Nothing happens but in `attaching`.
   */
  assumeAttached(): void {
    if (this.#state !== "attaching") return;
    this.#request.end();
    this.#open("open");
  }

  #open(next: ClientState): void {
    const reservation = this.#reservation!;
    reservation.sequence.skipTo(ATTACHED_SEQ + 1);
    this.#state = next;
    this.#handshakeDeadlineMs = NEVER;
    this.#stayAtMs = NEVER;
    this.#events.push({ type: "attached", ...reservation.attachment });
  }

  /** Only what answers the newest rebind is confirmed: whoever repeats an old one from elsewhere gets no proof by us. */
  #verify(envelope: ValidMessage<"verify">, nowMs: number): ZeroDropReason {
    const { nonce, counter } = envelope.sys;
    if (envelope.seq !== 0) return "droppedSequence";
    if (!this.#place!.awaits(counter)) return "droppedCounter";
    if (!this.#reservation!.sequence.acknowledge(envelope.ack, nowMs)) return "droppedSequence";
    this.#place!.verify(nonce, nowMs);
    return "accepted";
  }

  #ack(envelope: ValidMessage<"ack">, next: ClientState, nowMs: number): ZeroDropReason {
    const { nonce } = envelope.sys;
    if (envelope.seq !== 0) return "droppedSequence";
    // An older one says that another address was found, or that this one was at another time.
    if (this.#state !== "closing" && !this.#place!.confirms(nonce)) return "droppedNonce";
    if (!this.#reservation!.sequence.acknowledge(envelope.ack, nowMs)) return "droppedSequence";
    if (this.#state === "closing") {
      if (this.#reservation!.sequence.idle) this.#finish(next);
    } else {
      this.#answered(nowMs);
      this.#place!.known();
    }
    return "accepted";
  }

  /**
   * The server may not know where we are: asks it to look, from wherever we are now, until event `rebound`. Event `unheard`
   * comes after ZERO_REBIND_TRANSMISSIONS without an answer, and after each further one. False: the connection is not open, and
   * nothing happens.
   */
  rebind(nowMs: number): boolean {
    if (this.#state !== "open") return false;
    this.#place!.rebind(nowMs);
    return true;
  }

  /** A rebind is under way, and is not that of a move to another port, which is given up where nobody answers. */
  get isSought(): boolean {
    const place = this.#place;
    return place?.isSought === true && place.movingTo === undefined;
  }

  #ordered(
    envelope: OrderedMessage,
    next: ClientState,
    fromPort: number,
    nowMs: number,
  ): ZeroDropReason {
    const { sequence, own } = this.#reservation!;
    if (envelope.seq <= ATTACHED_SEQ || sequence.refuses(envelope.seq)) return "droppedSequence";
    if (envelope.msg === "move") {
      if (fromPort !== this.#reservation!.port || !isAnnounced(own.ports, envelope.sys.port))
        return "droppedPort";
      // The server is to find us first; it says so again.
      if (!this.#place!.mayMove) return "droppedState";
    }
    if (!sequence.acknowledge(envelope.ack, nowMs)) return "droppedSequence";
    // It comes from where we were to go: we are there.
    if (fromPort !== this.#reservation!.port) this.#place!.arrive();
    // What can be missing before an end is of no use any more.
    if (envelope.msg === "close") sequence.skipTo(envelope.seq);
    sequence.receive(envelope.seq, envelope);
    for (let one = sequence.take(); one !== undefined; one = sequence.take()) {
      if (one.msg === "move") this.#place!.move(one.sys, one.seq, nowMs);
      else {
        const { code, reason = "" } = one.sys;
        this.#finish(next, code, reason);
        this.#endAtMs = nowMs + ZERO_CLOSE_TIMEOUT_MS;
      }
    }
    this.#send(this.#reservation!.build("ack", 0, {}), this.#reservation!.port);
    return "accepted";
  }

  /**
   * Ends the connection; event `closed` follows when the server has heard it or is given up on
   * (ZERO_CLOSE_TIMEOUT_MS). Before accept there is nothing to tell the server: it follows at once. `code` is cut to 32
   * characters, `reason` to 96. Ended or ending: nothing happens.
   */
  close(code: string, reason: string, nowMs: number): void {
    const ending = { code: cutCode(code), reason: cutReason(reason) };
    if (this.#state === "attaching" || this.#state === "open") {
      this.#end("closing");
      this.#ending = ending;
      this.#endAtMs = nowMs + ZERO_CLOSE_TIMEOUT_MS;
      const { sequence, port } = this.#reservation!;
      const bytes = this.#reservation!.build("close", sequence.nextSeq, ending);
      sequence.transmit(bytes, nowMs);
      this.#sendClose(bytes, port);
    } else if (this.#handshakeDeadlineMs !== NEVER) {
      this.#ending = ending;
      this.#finish("closed");
    }
  }

  /** Ends the connection at once, without a word or an event. */
  forget(): void {
    this.#end("closed");
  }

  handleTimeout(nowMs: number): void {
    if (nowMs >= this.#handshakeDeadlineMs) {
      this.#end("closed");
      this.#events.push({ type: "timeout", unreached: this.#unreached });
      return;
    }
    if (nowMs >= this.#endAtMs) {
      if (this.#state === "closing") this.#finish("closed");
      else this.#end("closed");
      return;
    }
    if (nowMs >= this.#restartAtMs) this.#begin(nowMs);
    if (nowMs >= this.#stayAtMs) this.#askToStay(nowMs);
    if (this.#request.isDue(nowMs)) {
      if (this.#state === "open") this.#place!.repeat(nowMs);
      else {
        this.#counters.retransmissions++;
        this.#request.repeat(nowMs);
      }
    }
    if (this.#attempt?.handleTimeout(nowMs) === true) this.#counters.retransmissions++;
    const again =
      this.#state === "closing" ? this.#reservation!.sequence.handleTimeout(nowMs) : undefined;
    if (again === undefined) return;
    this.#counters.retransmissions++;
    this.#sendClose(again, this.#reservation!.port);
  }

  /** To where we were to go, too: the server may have us there by now. */
  #sendClose(bytes: Uint8Array, port: number): void {
    this.#send(bytes, port);
    const moving = this.#place!.movingTo;
    if (moving !== undefined) this.#send(bytes, moving);
  }

  /** When to call `handleTimeout`; infinity: not before something else happens. */
  pollDeadline(): number {
    return Math.min(
      this.#handshakeDeadlineMs,
      this.#restartAtMs,
      this.#stayAtMs,
      this.#request.deadlineMs,
      this.#attempt?.deadlineMs ?? NEVER,
      this.#endAtMs,
      this.#state === "closing" ? this.#reservation!.sequence.deadlineMs : NEVER,
    );
  }

  /** The next datagram to be sent, until undefined. */
  pollTransmit(_nowMs: number): ZeroClientTransmit | undefined {
    return this.#outbox.poll();
  }

  pollEvent(): ZeroClientEvent | undefined {
    return this.#events.poll();
  }

  /** Join 1, with a connection id of its own. */
  #begin(nowMs: number): void {
    this.#restartAtMs = NEVER;
    const own = { token: this.#token, stay: this.#unreached !== undefined, body: this.#join };
    const send = (bytes: Uint8Array): void => this.#send(bytes, this.#dialledPort);
    this.#attempt = new JoinAttempt(this.#crypto, this.#protocol, own, send, this.#counters);
    this.#request.begin({ bytes: this.#attempt.first(), port: this.#dialledPort }, nowMs);
  }

  /** The request has its reply. After `processing` the time says how long the server decided, not how far it is. */
  #answered(nowMs: number): void {
    if (this.#state !== "waiting") this.#request.measure(nowMs);
    this.#request.end();
  }

  /** Stops every timer. */
  #end(state: ClientState): void {
    this.#state = state;
    this.#attempt?.end();
    this.#request.end();
    this.#handshakeDeadlineMs = NEVER;
    this.#restartAtMs = NEVER;
    this.#stayAtMs = NEVER;
    this.#endAtMs = NEVER;
  }

  /** The connection has ended, as the server says; if we were closing it, for our own reason. */
  #finish(state: ClientState, code = "", reason = ""): void {
    const ending = this.#ending;
    this.#end(state);
    this.#events.push(
      ending === undefined
        ? { type: "closed", code, reason, by: "remote" }
        : { type: "closed", ...ending, by: "local" },
    );
  }

  #send(bytes: Uint8Array, port: number): void {
    if (!this.#outbox.push({ bytes, port })) {
      this.#counters.outboxFull++;
      return;
    }
    this.#counters.datagramsSent++;
    this.#counters.bytesSent += bytes.length;
  }
}
