/**
 * What a client repeats until its reply is there: one request at a time, with the timer and the measured round trip of its
 * path. Not here: what the requests are, and when one has been repeated for long enough (client.ts).
 */
import { RetransmissionTimer, RtoEstimator } from "./reliable-sequence.ts";

/** A datagram and the server's port that it goes to. */
export interface Request {
  readonly bytes: Uint8Array;
  readonly port: number;
}

export class RepeatedRequest {
  readonly estimator: RtoEstimator = new RtoEstimator();
  readonly #timer: RetransmissionTimer = new RetransmissionTimer(this.estimator);
  #current: Request | undefined;
  #sentAtMs = 0;
  #transmissions = 0;

  /** The request; undefined where none is under way. */
  get current(): Request | undefined {
    return this.#current;
  }

  /** How often it was sent. */
  get transmissions(): number {
    return this.#transmissions;
  }

  /** When it is to be sent again; infinity: not at all. */
  get deadlineMs(): number {
    return this.#timer.deadlineMs;
  }

  /** It is sent now, for the first time. */
  begin(request: Request, nowMs: number): void {
    this.#current = request;
    this.#sentAtMs = nowMs;
    this.#transmissions = 1;
    this.#timer.start(nowMs);
  }

  /** Other bytes are sent in its place from now on. */
  replace(request: Request): void {
    this.#current = request;
    this.#transmissions++;
  }

  /** Its timeout begins anew. */
  restartTimer(nowMs: number): void {
    this.#timer.start(nowMs);
  }

  /** The request, if it is to be sent again now. */
  due(nowMs: number): Request | undefined {
    return nowMs >= this.#timer.deadlineMs ? this.#current : undefined;
  }

  /** It is sent again now; the pause to the next time is doubled up to `mostMs`. */
  repeated(nowMs: number, mostMs?: number): void {
    this.#transmissions++;
    this.#timer.backOff(nowMs, mostMs);
  }

  /** A reply has come. Karn: a request that was sent twice says nothing about the time its reply took. */
  measure(nowMs: number): void {
    if (this.#current !== undefined && this.#transmissions === 1) {
      this.estimator.sample(nowMs - this.#sentAtMs);
    }
  }

  end(): void {
    this.#current = undefined;
    this.#timer.stop();
  }
}
