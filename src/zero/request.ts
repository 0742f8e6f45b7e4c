/**
 * What a client repeats until its reply is there: one request at a time, with the timer and the measured round trip of its
 * path. Not here: what the requests are, and when one has been repeated for long enough (client.ts).
 */
import { ZERO_MAX_RESTART_MS, ZERO_RESTART_MS } from "../limits.ts";
import {
  type Pauses,
  type RandomSource,
  RetransmissionTimer,
  withJitter,
} from "./reliable-sequence.ts";

/** A datagram and the server's port that it goes to. */
export interface Request {
  readonly bytes: Uint8Array;
  readonly port: number;
}

export class RepeatedRequest {
  readonly #send: (request: Request) => void;
  readonly #timer: RetransmissionTimer;
  #current: Request | undefined;
  #sentAtMs = 0;
  #transmissions = 0;

  /** `send` is called for each transmission. */
  constructor(random: RandomSource, send: (request: Request) => void) {
    this.#timer = new RetransmissionTimer({ random });
    this.#send = send;
  }

  /** For others on this path. */
  get pauses(): Required<Pauses> {
    return this.#timer.pauses;
  }

  get rttMs(): number {
    return this.#timer.pauses.estimator.smoothedMs;
  }

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

  /** Sends it for the first time; it is the one that is repeated from here on. `isSlow`: after the pause of the one before. */
  begin(request: Request, nowMs: number, isSlow = false): void {
    this.#current = request;
    this.#sentAtMs = nowMs;
    this.#transmissions = 1;
    if (isSlow) this.#timer.goOn(nowMs);
    else this.#timer.start(nowMs);
    this.#send(request);
  }

  /** Sends this, and repeats it, in the place of the one that is under way; nothing where none is. */
  replace(request: Request): void {
    if (this.#current === undefined) return;
    this.#current = request;
    this.#transmissions++;
    this.#send(request);
  }

  /** It is heard, and its reply is for later: it is not repeated before `restartTimer`, and measured no more. */
  hold(nowMs: number): void {
    this.measure(nowMs);
    this.#transmissions = 2;
    this.#timer.stop();
  }

  /** Its timeout begins anew. */
  restartTimer(nowMs: number): void {
    this.#timer.start(nowMs);
  }

  /** Whether it is to be sent again now. */
  isDue(nowMs: number): boolean {
    return nowMs >= this.#timer.deadlineMs;
  }

  /** Sends it again; the pause to the next time is doubled up to `mostMs`. */
  repeat(nowMs: number, mostMs?: number): void {
    if (this.#current === undefined) return;
    this.#transmissions++;
    this.#timer.backOff(nowMs, mostMs);
    this.#send(this.#current);
  }

  /** A reply has come. Karn: a request that was sent twice says nothing about the time its reply took. */
  measure(nowMs: number): void {
    if (this.#current !== undefined && this.#transmissions === 1) {
      this.#timer.pauses.estimator.sample(nowMs - this.#sentAtMs);
    }
  }

  end(): void {
    this.#current = undefined;
    this.#timer.stop();
  }
}

/** How long a client waits before it begins anew, when it has done so that often: at once the first time, then ever longer. */
export function restartPauseMs(restarts: number, random: RandomSource): number {
  if (restarts === 0) return 0;
  const pauseMs = Math.min(ZERO_MAX_RESTART_MS, ZERO_RESTART_MS * 2 ** (restarts - 1));
  return withJitter(pauseMs, random);
}
