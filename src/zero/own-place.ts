/**
 * How the server comes to know where a client is, once it has attached: it confirms its address, asks to be looked for where that
 * may have changed (`rebind`), and shows itself at another port before it goes on there (`move`). One of these is under way at a time, and repeated
 * until the server's ack. Not here: what else a client does (client.ts).
 */
import {
  ZERO_CONFIRM_TRANSMISSIONS,
  ZERO_MAX_REBIND_PAUSE_MS,
  ZERO_REBIND_TRANSMISSIONS,
} from "../limits.ts";
import type { ZeroCounters } from "./counters.ts";
import type { ZeroClientEvent } from "./events.ts";
import type { MoveSys } from "./own-messages.ts";
import type { RepeatedRequest } from "./request.ts";
import type { LostPlace, Reservation } from "./reservation.ts";

export class OwnPlace {
  readonly #reservation: Reservation;
  readonly #request: RepeatedRequest;
  readonly #counters: ZeroCounters;
  /** The longest pause of who goes on behind event `unheard`. */
  readonly #calmPauseMs: number;
  readonly #emit: (event: ZeroClientEvent) => void;
  /** What the ack that is repeated says: the server's that repeats it says that it was heard. */
  #nonce: string | undefined;
  /** A rebind is under way: it waits for what is to be verified, or what confirms that for the server's ack. */
  #rebinding: "asking" | "confirming" | undefined;
  /** Where the server wants us; what was sent there. */
  #moving: { readonly port: number; readonly lost: LostPlace } | undefined;
  #tries = 0;
  /** How often nothing came in time since the owner asked for a rebind; and since what is confirmed is. */
  #vain = 0;
  #vainConfirms = 0;
  /** The owner has asked for a rebind while another port was on its way to have us. */
  #isWanted = false;

  constructor(
    reservation: Reservation,
    request: RepeatedRequest,
    counters: ZeroCounters,
    calmPauseMs: number,
    emit: (event: ZeroClientEvent) => void,
  ) {
    this.#reservation = reservation;
    this.#request = request;
    this.#counters = counters;
    this.#calmPauseMs = calmPauseMs;
    this.#emit = emit;
  }

  /** The port where we are to go; undefined: nowhere. */
  get movingTo(): number | undefined {
    return this.#moving?.port;
  }

  /** A rebind is under way. */
  get isSought(): boolean {
    return this.#rebinding !== undefined;
  }

  /** Whoever is looked for by the port that has it is to be found first. */
  get mayMove(): boolean {
    return this.#rebinding === undefined || this.#moving !== undefined;
  }

  isHeard(port: number): boolean {
    return port === this.#reservation.port || port === this.#moving?.port;
  }

  confirm(nonce: string, isFirst: boolean, nowMs: number): void {
    const bytes = this.#reservation.build("ack", 0, { nonce });
    const { port } = this.#moving ?? this.#reservation;
    this.#nonce = nonce;
    if (isFirst) this.#request.begin({ bytes, port }, nowMs, this.#vain > 0);
    // The newest, while one is confirmed: a nonce that nobody waits for may be of an attach that others have sent again.
    else this.#request.replace({ bytes, port });
  }

  /** Only what answers the newest rebind is confirmed: whoever repeats an old one from elsewhere gets no proof by us. */
  awaits(counter: number): boolean {
    return this.#rebinding !== undefined && counter === this.#reservation.counter;
  }

  verify(nonce: string, nowMs: number): void {
    const isFirst = this.#rebinding === "asking";
    if (isFirst) this.#vainConfirms = 0;
    this.confirm(nonce, isFirst, nowMs);
    this.#rebinding = "confirming";
  }

  confirms(nonce: string | undefined): boolean {
    return nonce !== undefined && nonce === this.#nonce;
  }

  /** The server's ack has come. */
  known(): void {
    if (this.#moving !== undefined) this.arrive();
    else if (this.#rebinding !== undefined) this.#emit({ type: "rebound" });
    this.#rebinding = undefined;
  }

  rebind(nowMs: number): void {
    this.#vain = 0;
    // Where we are to go has been heard, and may have us by now. If not, that is given up soon.
    this.#isWanted = this.#moving !== undefined && this.#rebinding === "confirming";
    if (this.#isWanted) return;
    this.#moving = undefined;
    this.#ask(nowMs);
  }

  /** Shows itself at another port, as message `move` says, and stays where it is until that has it. */
  move({ port, reset }: MoveSys, move: number, nowMs: number): void {
    this.#moving = { port, lost: reset === undefined ? {} : { reset, move } };
    this.#tries = 1;
    this.#vain = 0;
    this.#counters.moves++;
    this.#ask(nowMs);
  }

  /** The server has us where we were to go. */
  arrive(): void {
    const { port, lost } = this.#moving!;
    this.#reservation.port = port;
    this.#reservation.lost = lost;
    this.#isWanted = false;
    this.#rest();
    this.#emit({ type: "moved", port });
  }

  /** What is known of a port's proof that it has lost us. */
  resetAt(port: number): string | undefined {
    const { lost } = port === this.#reservation.port ? this.#reservation : this.#moving!;
    return lost.reset;
  }

  /** Nothing is sent any more to where we were to go. */
  stay(nowMs: number): void {
    this.#rest();
    if (this.#isWanted) this.rebind(nowMs);
  }

  #rest(): void {
    this.#moving = undefined;
    this.#rebinding = undefined;
    this.#request.end();
  }

  /** Whatever is under way has had no answer for too long. */
  repeat(nowMs: number): void {
    const isRebind = this.#rebinding !== undefined;
    const isMove = this.#moving !== undefined;
    const sent = isMove ? this.#tries++ : this.#request.transmissions;
    if ((isMove || !isRebind) && sent >= ZERO_CONFIRM_TRANSMISSIONS) {
      this.stay(nowMs);
      return;
    }
    let mostMs: number | undefined;
    // A rebind has no end but its connection's, which is its owner's to see to.
    if (isRebind && !isMove) {
      const isCalm = ++this.#vain >= ZERO_REBIND_TRANSMISSIONS;
      if (isCalm) this.#emit({ type: "unheard" });
      // Who goes on after that event hears the server: it may be what is too much for it, and is not to be made more.
      mostMs = isCalm ? this.#calmPauseMs : ZERO_MAX_REBIND_PAUSE_MS;
    }
    // The address may have changed again, and what was to be verified with it.
    if (this.#rebinding === "confirming" && ++this.#vainConfirms >= ZERO_REBIND_TRANSMISSIONS) {
      this.#ask(nowMs);
      return;
    }
    this.#counters.retransmissions++;
    this.#request.repeat(nowMs, mostMs);
  }

  /** Behind transmissions in vain at the pace of these, that the answer may take longer than three of the shortest pauses. */
  #ask(nowMs: number): void {
    const { port, lost } = this.#moving ?? this.#reservation;
    this.#rebinding = "asking";
    this.#nonce = undefined;
    this.#counters.rebinds++;
    const bytes = this.#reservation.rebind(port, lost);
    this.#request.begin({ bytes, port }, nowMs, this.#vain > 0);
  }
}
