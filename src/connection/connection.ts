/**
 * One connection, whichever side holds it: the session of the regular protocol, and the life around it (lifecycle.ts):
 * keep-alive, idle timeout, silence that may mean another address, lingering before a close, handing on what came before the end. Sans-IO: it is given
 * datagrams, what the connection protocol says, and the time, and is asked for datagrams and the next deadline. The
 * connection protocol itself is not here: it stands behind `ConnectionHost`, and the connection's owner passes
 * its events on. Worst case of a call: that of the session.
 */
import { type CloseReason, closeCodes } from "../connection-contract.ts";
import type { Counters } from "../counters.ts";
import type { LatencyHistogram } from "../histogram.ts";
import {
  KEEP_ALIVE_STEP,
  KEEP_ALIVES_UNASKED,
  MAX_KEEP_ALIVE_STEP_MS,
  MIN_SILENCE_MS,
  maxSilenceMs,
  SILENT_PROBE_TIMEOUTS,
} from "../limits.ts";
import type { NegotiatedVersion } from "../negotiated-version.ts";
import type { Protocol, Role } from "../protocol.ts";
import type { CongestionFactory } from "../session/congestion/choose.ts";
import { exportSession, importSession, type SessionState } from "../session/hand-over.ts";
import { KEY_BYTES, type SealCrypto } from "../session/seal-crypto.ts";
import { Session, type SessionSink } from "../session/session.ts";
import type { TrafficSecrets } from "../traffic-secrets.ts";
import type { Writer } from "../wire/writer.ts";
import {
  type Allowed,
  allowed,
  type ConnectionEvent,
  type ConnectionState,
  firstStates,
  transitions,
} from "./lifecycle.ts";

/** Where the other side is. The holder of the connection keeps it true. */
export interface Path {
  readonly address: string;
  readonly port: number;
  /** Which of this side's own addresses it talks to, by its index in the list of sockets; a client has one. */
  readonly local: number;
  /** The other side has shown that it receives there. Nothing regular goes either way before. */
  readonly proven: boolean;
}

/** What a connection asks of its owner: a client, or a peer of a port. */
export interface ConnectionHost extends SessionSink {
  /** Has the connection protocol tell the other side; `end("acknowledged")` follows when that is done. */
  sendClose(code: string, reason: string, nowMs: number): void;
  /** Has the connection protocol forget this connection, without a word to the other side. */
  forget(): void;
  /** A datagram has opened it before `attached` came. Only where `expect` was called. */
  openedEarly?(): void;
  /** A client's: nothing that was sent is acknowledged any more. The other side may not know where this one is. */
  unanswered?(nowMs: number): void;
  /** The other side is not heard any more, and may come back. Only where the attachment has `resumeMs`. */
  away?(): void;
  /** It is back. */
  back?(): void;
}

/** The same for all connections of a port. */
export interface ConnectionOptions {
  readonly protocol: Protocol;
  readonly role: Role;
  /** At least 0, below 1; which packet numbers are skipped depends on it. */
  readonly random: () => number;
  /** The user's header fields, as they are when it opens. */
  readonly userFields: Float64Array;
  /** False: nothing that is lost is sent again. */
  readonly resend: boolean;
  /** Makes the session's congestion controller; default `stardust`. */
  readonly congestion?: CongestionFactory | undefined;
  readonly sealCrypto: SealCrypto;
  /** As of a session. */
  readonly clockAheadMs?: number | undefined;
  /** Counts its round trips, and perhaps those of others. */
  readonly roundTrips?: LatencyHistogram | undefined;
  /** Where events that its state does not expect are counted. */
  readonly counters: Counters;
}

/** What the handshake has agreed on. */
export interface Attachment {
  readonly negotiated: NegotiatedVersion;
  /** What every datagram of the session carries, where it is plain. */
  readonly tag: number;
  /** What its keys are derived from, where it is sealed. */
  readonly secrets?: TrafficSecrets | undefined;
  /** How long behind the idle timeout the connection is kept for the other side to come back; default 0. */
  readonly resumeMs?: number | undefined;
}

/** A connection as data, for another thread; survives structured cloning. */
export interface HandedOver {
  readonly session: SessionState;
  readonly resumeMs: number;
}

/** A session that takes over has its keys from the one before. */
const NO_SECRET: Uint8Array = new Uint8Array(KEY_BYTES);

/** Code and reason with which an application closes a connection. */
export interface CloseRequest {
  readonly code: string;
  readonly reason: string;
}

/**
 * Events of the connection protocol that need nothing but the state table. src/zero raises them, and is not known here.
 */
export type ZeroEvent =
  | { readonly type: "accepted" | "restarted" | "confirmed" | "expired" }
  | ({ readonly type: "closed" } & CloseReason);

/** The event of the transition table that this is. */
export function eventOf(event: ZeroEvent | { readonly type: "attached" }): ConnectionEvent {
  if (event.type !== "closed") return event.type;
  return event.by === "remote" ? "remoteClosed" : "acknowledged";
}

const EXPIRED: CloseReason = { code: closeCodes.notConnected, reason: "", by: "local" };
const IDLE: CloseReason = {
  code: closeCodes.idleTimeout,
  reason: "nothing was heard for too long",
  by: "local",
};

export class Connection {
  readonly path: Path;
  readonly #o: ConnectionOptions;
  readonly #host: ConnectionHost;
  #state: ConnectionState;
  /** What the state allows. */
  #allowed: Allowed;
  /** Undefined before it is open. */
  #session: Session | undefined;
  /** What `attached` will bring, where a datagram that opens says as much. */
  #expected: Attachment | undefined;
  /** Tries datagrams that come before `attached`; none has opened yet. */
  #early: Session | undefined;
  #pingedMs = 0;
  #resumeMs = 0;
  /** When the connection protocol has heard the other side last, where a datagram of the regular one is older. */
  #foundMs = Number.NEGATIVE_INFINITY;
  #closeRequest: CloseRequest | undefined;
  /** Its session has, and is being closed for it. */
  #failed = false;
  #lingerUntilMs = Number.POSITIVE_INFINITY;
  #reason: CloseReason | undefined;
  /** Its host has been told that nothing is acknowledged since then. */
  #toldSinceMs = Number.NaN;

  constructor(options: ConnectionOptions, host: ConnectionHost, path: Path) {
    this.#o = options;
    this.#host = host;
    this.path = path;
    this.#state = firstStates[options.role];
    this.#allowed = allowed[this.#state];
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Takes new messages of the application. */
  get takesMessages(): boolean {
    return this.#allowed.messages;
  }

  /** Regular datagrams come and go. */
  get isLive(): boolean {
    return this.#allowed.datagrams;
  }

  /** The other side is not heard any more, and may come back. */
  get isAway(): boolean {
    return this.#state === "away";
  }

  /** Nothing more comes: what has come is to be taken, whether there is room for it or not. */
  get isEnding(): boolean {
    return this.#state === "draining" || this.#state === "closed";
  }

  /** Why it ended; undefined before `draining`. */
  get reason(): CloseReason | undefined {
    return this.#reason;
  }

  /** The regular protocol; undefined before the connection was open. */
  get session(): Session | undefined {
    return this.#session;
  }

  // What the connection protocol says ------------------------------------------------------------------------------

  /** The handshake goes on, or the connection ends. */
  handleZero(event: ZeroEvent): void {
    // Of the connection id before nothing counts any more.
    if (event.type === "restarted") {
      this.#expected = undefined;
      this.#early = undefined;
    }
    if (event.type === "closed") {
      const { code, reason, by } = event;
      this.#on(eventOf(event), { code, reason, by });
    } else this.#on(eventOf(event), event.type === "expired" ? EXPIRED : undefined);
  }

  /** What `attached` will bring is known. Where it is sealed, a datagram that opens says as much, should that be lost. */
  expect(attachment: Attachment): void {
    if (attachment.secrets !== undefined) this.#expected = attachment;
  }

  /** The handshake is done: the connection is open, and has a session. */
  attach(attachment: Attachment, nowMs: number): void {
    if (this.#on("attached")) this.#open(this.#makeSession(attachment, nowMs), attachment, nowMs);
  }

  #open(session: Session, { resumeMs = 0 }: Attachment, nowMs: number): void {
    this.#resumeMs = resumeMs;
    this.#expected = undefined;
    this.#early = undefined;
    this.#session = session;
    this.#pingedMs = nowMs;
  }

  #makeSession({ negotiated, tag, secrets }: Attachment, nowMs: number): Session {
    const { protocol, role, random, resend, congestion, userFields } = this.#o;
    const { sealCrypto, roundTrips, clockAheadMs } = this.#o;
    const session = new Session({
      protocol,
      negotiated,
      tag,
      sealing: secrets && { crypto: sealCrypto, ...secrets },
      role,
      nowMs,
      random,
      sink: this.#host,
      resend,
      congestion,
      roundTrips,
      clockAheadMs,
    });
    for (let i = 0; i < userFields.length; i++) session.setUserField(i, userFields[i]!);
    return session;
  }

  /**
   * The path is another one, or both know again that it is the one it was. `isElsewhere`: more than a port is another
   * (Session).
   */
  move(isElsewhere: boolean, nowMs: number): void {
    if (!this.#allowed.datagrams) return;
    this.#foundMs = nowMs;
    this.#session!.move(isElsewhere, nowMs);
    if (this.isAway) this.#back();
  }

  #back(): void {
    this.#on("heard");
    this.#host.back?.();
  }

  /** It is away, and is not waited for any longer. */
  giveUp(): void {
    if (!this.isAway) return;
    this.#host.forget();
    this.#on("idle", IDLE);
  }

  /** Ends it for a reason that its owner gives. With `abandoned` the connection protocol is told to forget it too. */
  end(event: "rejected" | "expired" | "abandoned", reason: CloseReason): void {
    if (event === "abandoned") this.#host.forget();
    this.#on(event, reason);
  }

  // Another thread ---------------------------------------------------------------------------------------------------

  /**
   * All that is to go on in another thread, as data; nothing more happens here. Undefined: it is not open, and stays. Who was
   * away has shown itself by now.
   */
  handOver(nowMs: number): HandedOver | undefined {
    if (this.isAway) this.move(false, nowMs);
    if (this.#state !== "open") return undefined;
    const state = { session: exportSession(this.#session!), resumeMs: this.#resumeMs };
    this.#state = "closed";
    this.#allowed = allowed.closed;
    return state;
  }

  /** Goes on where another one was handed over; the other side was heard now. `isElsewhere`: as of `move`. */
  takeOver(
    { session: state, resumeMs }: HandedOver,
    negotiated: NegotiatedVersion,
    isElsewhere: boolean,
    nowMs: number,
  ): void {
    if (!this.#on("attached")) return;
    const isSealed = this.#o.protocol.security === "sealed";
    const secrets = isSealed ? { clientSecret: NO_SECRET, serverSecret: NO_SECRET } : undefined;
    const attachment = { negotiated, tag: 0, secrets, resumeMs };
    const session = this.#makeSession(attachment, nowMs);
    importSession(session, state);
    this.#open(session, attachment, nowMs);
    this.move(isElsewhere, nowMs);
  }

  // What the application wants -------------------------------------------------------------------------------------

  /**
   * Closes it: what was sent is delivered first, for `lingerMs` at most, then the other side is told. Has no effect on
   * a connection that is closing or closed.
   */
  close(request: CloseRequest, lingerMs: number, nowMs: number): void {
    if (this.takesMessages) {
      this.#closeRequest = request;
      this.#lingerUntilMs = nowMs + (this.isAway ? 0 : lingerMs);
      // Nothing can be delivered to who is away: close itself is sent, for as long as it is repeated.
      if (this.isAway) this.#foundMs = nowMs;
    }
    this.#on("closeRequested");
  }

  /** The value of a user's header field in all datagrams built from now on. */
  setUserField(field: number, value: number): void {
    this.#session?.setUserField(field, value);
  }

  /** Offers again what was refused: there is room. */
  pump(): void {
    const session = this.#session;
    if (session === undefined) return;
    session.pump();
    if (this.#state === "draining" && !session.undelivered) this.#on("delivered");
  }

  // Datagrams and time ---------------------------------------------------------------------------------------------

  /**
   * A regular datagram, which may have waited so long for this side's thread. False: neither the state nor an unproven
   * address allows one, and it was not looked at.
   */
  handleDatagram(
    bytes: Uint8Array,
    view: DataView,
    length: number,
    nowMs: number,
    waitedMs = 0,
  ): boolean {
    if (this.#state === "attaching" && this.#expected !== undefined)
      return this.#handleEarly(this.#expected, bytes, view, length, nowMs, waitedMs);
    if (!this.#allowed.datagrams || !this.path.proven) return false;
    const session = this.#session!;
    session.handleDatagram(bytes, view, length, nowMs, waitedMs);
    if (this.isAway && nowMs < this.#awayAtMs(session)) {
      session.move(false, nowMs);
      this.#back();
    }
    this.#endIfFailed(session, nowMs);
    return true;
  }

  /** A datagram before `attached`. One that opens has been made by the other side, which therefore has attached. */
  #handleEarly(
    expected: Attachment,
    bytes: Uint8Array,
    view: DataView,
    length: number,
    nowMs: number,
    waitedMs: number,
  ): boolean {
    this.#early ??= this.#makeSession(expected, nowMs);
    const session = this.#early;
    const problem = session.handleDatagram(bytes, view, length, nowMs, waitedMs);
    // A failure is what was found behind a good tag.
    if (problem !== undefined && session.failure === undefined) return false;
    this.#on("attached");
    this.#open(session, expected, nowMs);
    this.#host.openedEarly?.();
    this.#endIfFailed(session, nowMs);
    return true;
  }

  /** Does what is due; harmless when nothing is. */
  handleTimeout(nowMs: number): void {
    if (!this.#allowed.datagrams) {
      if (this.#state === "draining") this.pump();
      return;
    }
    const session = this.#session!;
    if (nowMs >= this.#idleAtMs(session)) {
      this.#host.forget();
      this.#on("idle", IDLE);
      return;
    }
    if (this.#state === "open" && nowMs >= this.#awayAtMs(session)) {
      this.#on("silent");
      this.#host.away?.();
    }
    if (this.isAway) return;
    session.handleTimeout(nowMs);
    if (nowMs >= this.#silentAtMs(session)) {
      this.#toldSinceMs = session.unansweredSinceMs;
      this.#host.unanswered!(nowMs);
    }
    if (nowMs >= this.#pingAtMs(session) || nowMs >= this.#askAtMs(session)) {
      this.#pingedMs = nowMs;
      session.ping();
    }
  }

  /**
   * Writes the next datagram into `w` and returns its bytes; 0: there is none now. To be called until 0 at the end of
   * each turn: a connection that has lingered for long enough then sends its close.
   */
  pollTransmit(w: Writer, nowMs: number): number {
    if (!this.#allowed.datagrams || this.isAway) return 0;
    const session = this.#session!;
    const bytes = this.path.proven ? session.pollTransmit(w, nowMs) : 0;
    this.#endIfFailed(session, nowMs);
    if (bytes === 0 && this.#state === "lingering") {
      if (nowMs >= this.#lingerUntilMs || !session.unacknowledged) this.#sendClose(nowMs);
    }
    return bytes;
  }

  /** When to call `handleTimeout` and `pollTransmit`; infinity: not before something else happens. */
  pollDeadline(): number {
    if (!this.#allowed.datagrams) return Number.POSITIVE_INFINITY;
    const session = this.#session!;
    if (this.isAway) return this.#idleAtMs(session);
    const ownMs = Math.min(
      this.#awayAtMs(session),
      this.#pingAtMs(session),
      this.#silentAtMs(session),
      this.#lingerUntilMs,
    );
    return this.path.proven ? Math.min(ownMs, session.pollDeadline()) : ownMs;
  }

  /** Until when nothing is to be done for it, where no other datagram comes and nobody sends; not after `nowMs`: there is something now. */
  quietUntil(nowMs: number): number {
    return this.#state === "open" ? this.pollDeadline() : nowMs;
  }

  /** A session that has failed is closed at once, with the reason; what was sent is not waited for. */
  #endIfFailed(session: Session, nowMs: number): void {
    const { failure } = session;
    if (failure === undefined || this.#failed) return;
    this.#failed = true;
    this.close(failure, 0, nowMs);
    this.#lingerUntilMs = Math.min(this.#lingerUntilMs, nowMs);
  }

  #sendClose(nowMs: number): void {
    this.#on("lingered");
    const { code, reason } = this.#closeRequest!;
    this.#host.sendClose(code, reason, nowMs);
  }

  /** False: the event is not expected in this state; it is counted, and nothing changes. */
  #on(event: ConnectionEvent, reason?: CloseReason): boolean {
    const before = this.#state;
    const next = transitions[before][event];
    if (next === undefined) {
      this.#o.counters.add(`unexpected.${before}.${event}`);
      return false;
    }
    if (next !== before) this.#enter(next, reason);
    return true;
  }

  #enter(state: ConnectionState, reason: CloseReason | undefined): void {
    this.#state = state;
    this.#allowed = allowed[state];
    if (this.isEnding) {
      this.#reason ??= reason;
      // No ack comes any more.
      this.#session?.end();
    }
    // What came before the end is handed on.
    if (state === "draining") this.pump();
  }

  /** When nothing was heard for too long: it is away then, or its end has come. */
  #awayAtMs(session: Session): number {
    const heardMs = Math.max(session.lastReceivedMs, this.#foundMs);
    return heardMs + this.#o.protocol.limits.idleTimeoutMs;
  }

  #idleAtMs(session: Session): number {
    const isKept = this.#state === "open" || this.#state === "away";
    return this.#awayAtMs(session) + (isKept ? this.#resumeMs : 0);
  }

  /** When nothing has been acknowledged for too long: once, until something is. */
  #silentAtMs(session: Session): number {
    const { unansweredSinceMs } = session;
    const { protocol } = this.#o;
    if (this.#host.unanswered === undefined || unansweredSinceMs === this.#toldSinceMs) {
      return Number.POSITIVE_INFINITY;
    }
    const silenceMs = Math.max(SILENT_PROBE_TIMEOUTS * session.probeTimeoutMs, MIN_SILENCE_MS);
    // Who is heard sends to where this is, and may have more to do than to acknowledge.
    const sinceMs = Math.max(unansweredSinceMs, session.lastReceivedMs);
    return Math.min(sinceMs + silenceMs, unansweredSinceMs + maxSilenceMs(protocol.limits));
  }

  /** By a server's pings both sides are kept: they come before a client would have to say something. */
  #pingAtMs(session: Session): number {
    const { keepAliveMs } = this.#o.protocol.limits;
    if (this.#o.role === "client")
      return Math.max(session.lastSentMs, this.#pingedMs) + keepAliveMs;
    // Its acks do not count: they would keep step with the pings of a client that is far away, and both would go on pinging.
    const latestMs = this.#askedMs(session) + keepAliveMs;
    // All connections of a thread have the grid in common, so that the pings of many leave in one turn.
    const stepMs = Math.min(keepAliveMs * KEEP_ALIVE_STEP, MAX_KEEP_ALIVE_STEP_MS);
    return (Math.floor(latestMs / stepMs) - 1) * stepMs;
  }

  /**
   * Who has only acknowledged learns neither the round trip nor the other's clock. Nothing wakes for it: the ack that
   * leaves next asks for one, too.
   */
  #askAtMs(session: Session): number {
    return this.#askedMs(session) + KEEP_ALIVES_UNASKED * this.#o.protocol.limits.keepAliveMs;
  }

  /** When it has asked for an ack last. */
  #askedMs(session: Session): number {
    return Math.max(session.lastElicitingMs, this.#pingedMs);
  }
}
