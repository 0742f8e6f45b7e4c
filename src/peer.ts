/**
 * The other side of one connection, once it stands: joins the regular protocol (session/) with what the connection
 * protocol (zero/) leaves to its user: keep-alive when idle, the idle timeout, and lingering before a close. Server and
 * client use the same. Sans-IO like both: it is given the time and asked for the next deadline.
 */
import type { Agreement } from "./agreement.ts";
import type { Protocol, Role } from "./protocol.ts";
import { Session, type SessionSink } from "./session/session.ts";

/** What `Peer.handleTimeout` found. */
export type PeerState = "alive" | "idle" | "lingered";

export class Peer {
  readonly session: Session;
  readonly #idleTimeoutMs: number;
  readonly #keepAliveMs: number;
  #pingedMs: number;
  #lingerUntilMs = Number.POSITIVE_INFINITY;
  #lingering = false;

  constructor(
    protocol: Protocol,
    agreed: Agreement,
    role: Role,
    nowMs: number,
    random: () => number,
    sink: SessionSink,
    resend = true,
  ) {
    this.session = new Session({ protocol, agreed, role, nowMs, random, sink, resend });
    this.#idleTimeoutMs = protocol.limits.idleTimeoutMs;
    this.#keepAliveMs = protocol.limits.keepAliveMs;
    this.#pingedMs = nowMs;
  }

  /** From now on only what was sent is delivered; `handleTimeout` says when that is done, or the time is up. */
  linger(untilMs: number): void {
    this.#lingering = true;
    this.#lingerUntilMs = Math.min(this.#lingerUntilMs, untilMs);
  }

  handleTimeout(nowMs: number): PeerState {
    const { session } = this;
    if (nowMs >= this.#idleAtMs()) return "idle";
    session.handleTimeout(nowMs);
    if (this.#lingering && (nowMs >= this.#lingerUntilMs || !session.unacknowledged))
      return "lingered";
    if (nowMs >= this.#pingAtMs()) {
      this.#pingedMs = nowMs;
      session.ping();
    }
    return "alive";
  }

  pollDeadline(): number {
    let deadline = Math.min(this.#idleAtMs(), this.#pingAtMs(), this.session.pollDeadline());
    if (this.#lingering) deadline = Math.min(deadline, this.#lingerUntilMs);
    return deadline;
  }

  #idleAtMs(): number {
    return this.session.lastReceivedMs + this.#idleTimeoutMs;
  }

  #pingAtMs(): number {
    return Math.max(this.session.lastSentMs, this.#pingedMs) + this.#keepAliveMs;
  }
}
