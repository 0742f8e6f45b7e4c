/**
 * The reliability of zero messages: a small TCP whose unit is the message. Sequence numbers from 1, a cumulative
 * acknowledgement in every message, retransmission of the oldest after a measured timeout that doubles (RFC 6298,
 * Karn's rule) and is a little longer by chance, duplicates suppressed, delivery in order from a bounded buffer. It shares nothing with the
 * reliability of the regular protocol.
 *
 * A number of 0 is outside the sequence (pure acks). Worst case: four datagrams and four messages are held, a
 * datagram is sent again every 0.4 to 0.45 s until its owner gives up.
 */
import {
  ZERO_INITIAL_RTO_MS,
  ZERO_MAX_RTO_MS,
  ZERO_MIN_RTO_MS,
  ZERO_RTO_JITTER,
  ZERO_WINDOW,
} from "../limits.ts";

/** Numbers in [0, 1) for pauses. Handed in: the machines have no source of their own, and a test's is a seed's. */
export type RandomSource = () => number;

/** A pause, longer by chance, never shorter. */
export function withJitter(pauseMs: number, random: RandomSource): number {
  return pauseMs * (1 + ZERO_RTO_JITTER * random());
}

/** The round-trip time of one path and the retransmission timeout that follows from it, RFC 6298 section 2. */
export class RtoEstimator {
  #smoothedMs = 0;
  #variationMs = 0;
  #rtoMs: number = ZERO_INITIAL_RTO_MS;

  /** Smoothed round-trip time; 0 before the first sample. */
  get smoothedMs(): number {
    return this.#smoothedMs;
  }

  /** The timeout before any doubling or jitter. */
  get rtoMs(): number {
    return this.#rtoMs;
  }

  sample(rttMs: number): void {
    if (this.#smoothedMs === 0) {
      this.#smoothedMs = rttMs;
      this.#variationMs = rttMs / 2;
    } else {
      this.#variationMs += (Math.abs(this.#smoothedMs - rttMs) - this.#variationMs) / 4;
      this.#smoothedMs += (rttMs - this.#smoothedMs) / 8;
    }
    const rtoMs = this.#smoothedMs + Math.max(1, 4 * this.#variationMs);
    this.#rtoMs = Math.min(ZERO_MAX_RTO_MS, Math.max(ZERO_MIN_RTO_MS, rtoMs));
  }
}

/** What the pauses of one path are made of; its timers share it. */
export interface Pauses {
  readonly random: RandomSource;
  readonly estimator?: RtoEstimator;
}

/**
 * The one timer of RFC 6298 section 5. The doubling ends with the next progress, measured or not (as TCP
 * implementations do): a handshake has few round trips and a deadline. Jitter is of the pause, not of the timeout: it is
 * not doubled with it.
 */
export class RetransmissionTimer {
  readonly pauses: Required<Pauses>;
  #rtoMs: number;
  #deadlineMs: number = Number.POSITIVE_INFINITY;

  constructor({ random, estimator = new RtoEstimator() }: Pauses) {
    this.pauses = { random, estimator };
    this.#rtoMs = estimator.rtoMs;
  }

  get estimator(): RtoEstimator {
    return this.pauses.estimator;
  }

  /** When to retransmit; infinity while it does not run. */
  get deadlineMs(): number {
    return this.#deadlineMs;
  }

  /** Begins anew without doubling (5.1, 5.3). */
  start(nowMs: number): void {
    this.#rtoMs = this.estimator.rtoMs;
    this.goOn(nowMs);
  }

  /** Begins anew with the pause that it has. */
  goOn(nowMs: number): void {
    this.#deadlineMs = nowMs + withJitter(this.#rtoMs, this.pauses.random);
  }

  /** It ran out and the oldest message was sent again (5.5, 5.6). Doubles up to `mostMs`. */
  backOff(nowMs: number, mostMs: number = ZERO_MAX_RTO_MS): void {
    this.#rtoMs = Math.min(mostMs, this.#rtoMs * 2);
    this.goOn(nowMs);
  }

  stop(): void {
    this.#deadlineMs = Number.POSITIVE_INFINITY;
  }
}

interface Outstanding {
  readonly seq: number;
  /** Frozen: a repetition is the same bytes. Undefined for what the other side asks for again itself. */
  readonly bytes: Uint8Array | undefined;
  readonly sentAtMs: number;
  transmissions: number;
}

/** What became of a message that arrived. */
export type Arrival = "next" | "held" | "duplicate" | "beyond";

const countedAs = {
  next: "sequenceReceived",
  held: "sequenceHeld",
  duplicate: "sequenceDuplicates",
  beyond: "sequenceBeyond",
} as const;

export interface SequenceOptions {
  /** The highest sequence number sent and received before the sequence began. */
  readonly sent: number;
  readonly received: number;
  /** What its pauses come from; missing: exact ones, and an estimator of its own. */
  readonly pauses?: Pauses | undefined;
  /** Missing: nobody asks. */
  readonly counters?: SequenceCounters | undefined;
}

/** What sequences count, all of a machine together; rows of `zeroTotals`. */
export interface SequenceCounters {
  sequenceSent: number;
  sequenceResent: number;
  sequenceAcknowledged: number;
  sequenceReceived: number;
  sequenceDuplicates: number;
  sequenceHeld: number;
  sequenceBeyond: number;
}

function noCounters(): SequenceCounters {
  return {
    sequenceSent: 0,
    sequenceResent: 0,
    sequenceAcknowledged: 0,
    sequenceReceived: 0,
    sequenceDuplicates: 0,
    sequenceHeld: 0,
    sequenceBeyond: 0,
  };
}

/** One connection's sequence, both ways. `M` is what is delivered in order. */
export class ReliableSequence<M> {
  readonly #timer: RetransmissionTimer;
  readonly #outstanding: Outstanding[] = [];
  /** Made when the first message comes: most connections have few. */
  #held: Map<number, M> | undefined;
  readonly #counters: SequenceCounters;
  #sent: number;
  #received: number;

  constructor(options: SequenceOptions) {
    this.#sent = options.sent;
    this.#received = options.received;
    this.#counters = options.counters ?? noCounters();
    this.#timer = new RetransmissionTimer(options.pauses ?? { random: () => 0 });
  }

  /** The number that the next message to be sent has. */
  get nextSeq(): number {
    return this.#sent + 1;
  }

  /** The cumulative acknowledgement to be sent: the highest number received with none missing below it. */
  get ack(): number {
    return this.#received;
  }

  /** Everything sent has been acknowledged. */
  get idle(): boolean {
    return this.#outstanding.length === 0;
  }

  /** Nothing more can be sent before something is acknowledged. */
  get isFull(): boolean {
    return this.#outstanding.length >= ZERO_WINDOW;
  }

  get rttMs(): number {
    return this.#timer.estimator.smoothedMs;
  }

  /** When `handleTimeout` is due. */
  get deadlineMs(): number {
    return this.#timer.deadlineMs;
  }

  /** Takes over a message with number `nextSeq` that is being sent now. False: the window is full, nothing is taken. */
  transmit(bytes: Uint8Array, nowMs: number): boolean {
    if (this.isFull) return false;
    this.#sent++;
    this.#counters.sequenceSent++;
    this.#outstanding.push({ seq: this.#sent, bytes, sentAtMs: nowMs, transmissions: 1 });
    if (this.#timer.deadlineMs === Number.POSITIVE_INFINITY) this.#timer.start(nowMs);
    return true;
  }

  /**
   * Message `seq` was sent in answer to one that the other side repeats until it has the answer (attached): measured,
   * but not repeated from here.
   */
  answered(seq: number, nowMs: number): void {
    const known = this.#outstanding.find((message) => message.seq === seq);
    if (known !== undefined) known.transmissions++;
    else if (seq === this.nextSeq) {
      this.#sent = seq;
      this.#counters.sequenceSent++;
      this.#outstanding.push({ seq, bytes: undefined, sentAtMs: nowMs, transmissions: 1 });
    }
  }

  /** A cumulative acknowledgement. False: it is for what was never sent, and nothing changes. */
  acknowledge(ack: number, nowMs: number): boolean {
    if (ack > this.#sent) return false;
    let newest: Outstanding | undefined;
    while (this.#outstanding.length > 0 && this.#outstanding[0]!.seq <= ack) {
      newest = this.#outstanding.shift();
      this.#counters.sequenceAcknowledged++;
    }
    if (newest === undefined) return true;
    // Karn: what was sent twice says nothing about the time it took.
    if (newest.transmissions === 1) this.#timer.estimator.sample(nowMs - newest.sentAtMs);
    if (this.#outstanding.some((message) => message.bytes !== undefined)) this.#timer.start(nowMs);
    else this.#timer.stop();
    return true;
  }

  /** A message in the sequence arrived. When it is the next, `take` gives it and those that waited for it. */
  receive(seq: number, message: M): Arrival {
    const arrival = this.#arrivalOf(seq);
    this.#counters[countedAs[arrival]]++;
    if (arrival === "next" || arrival === "held") {
      this.#held ??= new Map();
      this.#held.set(seq, message);
    }
    return arrival;
  }

  /** Message `seq` is further ahead than is held: it is counted, and nothing of it is to be used, its acknowledgement neither. */
  refuses(seq: number): boolean {
    if (!this.#isBeyond(seq)) return false;
    this.#counters.sequenceBeyond++;
    return true;
  }

  #isBeyond(seq: number): boolean {
    return seq > this.#received + ZERO_WINDOW;
  }

  #arrivalOf(seq: number): Arrival {
    if (seq <= this.#received || this.#held?.has(seq) === true) return "duplicate";
    if (this.#isBeyond(seq)) return "beyond";
    return seq === this.#received + 1 ? "next" : "held";
  }

  /** Gives up on what is missing below `seq`: for an ending that makes it meaningless. */
  skipTo(seq: number): void {
    if (this.#isBeyond(seq)) return;
    while (this.#received < seq - 1) {
      this.#received++;
      this.#held?.delete(this.#received);
    }
  }

  /** The next message in order, or undefined. */
  take(): M | undefined {
    const message = this.#held?.get(this.#received + 1);
    if (message === undefined) return undefined;
    this.#held!.delete(++this.#received);
    if (this.#held!.size === 0) this.#held = undefined;
    return message;
  }

  /** The oldest message, to be sent again, if its time has come. */
  handleTimeout(nowMs: number): Uint8Array | undefined {
    if (nowMs < this.#timer.deadlineMs) return undefined;
    const oldest = this.#outstanding.find((message) => message.bytes !== undefined);
    if (oldest === undefined) {
      this.#timer.stop();
      return undefined;
    }
    oldest.transmissions++;
    this.#counters.sequenceResent++;
    this.#timer.backOff(nowMs);
    return oldest.bytes;
  }
}
