/**
 * A session on an event loop: each timer fires later than it was set for, as much as `latenessMs` says. What arrives
 * is taken at once.
 */
import type { Session } from "#src/session/session.js";
import type { Endpoint } from "#src/testing/index.js";
import type { Writer } from "#src/wire/writer.js";

export class LateTimers implements Endpoint {
  readonly session: Session;
  readonly #latenessMs: () => number;
  #nowMs = 0;
  /** The deadline of the session, and when this one fires for it. */
  #deadlineMs = Number.POSITIVE_INFINITY;
  #firesMs = Number.POSITIVE_INFINITY;

  constructor(session: Session, latenessMs: () => number) {
    this.session = session;
    this.#latenessMs = latenessMs;
  }

  handleDatagram(bytes: Uint8Array, view: DataView, length: number, nowMs: number): unknown {
    this.#nowMs = nowMs;
    return this.session.handleDatagram(bytes, view, length, nowMs);
  }

  handleTimeout(nowMs: number): void {
    this.#nowMs = nowMs;
    this.session.handleTimeout(nowMs);
  }

  pollTransmit(w: Writer, nowMs: number): number {
    this.#nowMs = nowMs;
    return this.session.pollTransmit(w, nowMs);
  }

  pollDeadline(): number {
    const deadlineMs = this.session.pollDeadline();
    if (deadlineMs !== this.#deadlineMs) {
      this.#deadlineMs = deadlineMs;
      // What is due already is no timer: it is done at the end of this turn.
      this.#firesMs = deadlineMs <= this.#nowMs ? deadlineMs : deadlineMs + this.#latenessMs();
    }
    return this.#firesMs;
  }
}
