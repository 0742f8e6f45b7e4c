/**
 * A join whose body does not fit a datagram. Both joins say of how many bytes it is and in how many pieces it comes; when
 * the second has arrived, the pieces follow: joins too, numbered from 1 in a sequence of their own, which
 * reliable-sequence.ts carries. How long each piece is follows from the two numbers, so none can overlap another, leave a gap
 * or say another total. Not here: what the pieces are made of (join.ts) and what is made of them (join-bodies.ts).
 *
 * Worst case of one join at a server: MAX_JOIN_BODY_BYTES, ZERO_WINDOW pieces that came early, and
 * MAX_PIECE_TRANSMISSIONS datagrams looked into for each piece.
 */
import { MAX_JOIN_BODY_BYTES, MAX_JOIN_PIECES, MAX_PIECE_TRANSMISSIONS } from "../limits.ts";
import { decodeBase64url } from "./base64url.ts";
import type { ZeroDropReason } from "./counters.ts";
import type { JoinSys } from "./own-messages.ts";
import { type Pauses, ReliableSequence, type SequenceCounters } from "./reliable-sequence.ts";

const NOTHING = new Uint8Array(0);

/** What joins say of a body that follows them. */
export interface PieceLayout {
  readonly pieces: number;
  readonly bytes: number;
}

/** Of each piece but the last, which has what is left. */
function pieceBytes({ pieces, bytes }: PieceLayout): number {
  return Math.ceil(bytes / pieces);
}

/** The layout of a body whose pieces have at most so many bytes each; undefined where that is too many pieces. */
export function layoutOf(bytes: number, mostBytes: number): PieceLayout | undefined {
  if (mostBytes < 1 || bytes > MAX_JOIN_BODY_BYTES) return undefined;
  const pieces = Math.ceil(bytes / mostBytes);
  return pieces <= MAX_JOIN_PIECES ? { pieces, bytes } : undefined;
}

/** A body in pieces, in order. */
export function cutBody(body: Uint8Array, layout: PieceLayout): Uint8Array[] {
  const size = pieceBytes(layout);
  return Array.from({ length: layout.pieces }, (_, i) => body.subarray(i * size, (i + 1) * size));
}

/** What a join says of pieces; undefined where it says nothing, "wrong" where no body can be cut so. */
export function announcedLayout({ pieces, bytes }: JoinSys): PieceLayout | undefined | "wrong" {
  if (pieces === undefined && bytes === undefined) return undefined;
  if (pieces === undefined || bytes === undefined) return "wrong";
  const layout = { pieces, bytes };
  return (pieces - 1) * pieceBytes(layout) < bytes ? layout : "wrong";
}

/** A client's half: sends the pieces, a window at a time, and those again that are not acknowledged. */
export class PieceSender {
  readonly #datagrams: readonly Uint8Array[];
  readonly #send: (datagram: Uint8Array) => void;
  readonly #sequence: ReliableSequence<never>;

  constructor(
    datagrams: readonly Uint8Array[],
    pauses: Pauses,
    send: (datagram: Uint8Array) => void,
    counters?: SequenceCounters,
  ) {
    this.#datagrams = datagrams;
    this.#send = send;
    this.#sequence = new ReliableSequence({ sent: 0, received: 0, pauses, counters });
  }

  /** All of them are acknowledged. */
  get done(): boolean {
    return this.#sequence.idle && this.#sequence.nextSeq > this.#datagrams.length;
  }

  get deadlineMs(): number {
    return this.#sequence.deadlineMs;
  }

  /** So many have arrived, with none missing; sends what there is room for now. False: never so many were sent. */
  acknowledge(pieces: number, nowMs: number): boolean {
    if (!this.#sequence.acknowledge(pieces, nowMs)) return false;
    for (;;) {
      const next = this.#datagrams[this.#sequence.nextSeq - 1];
      if (next === undefined || !this.#sequence.transmit(next, nowMs)) return true;
      this.#send(next);
    }
  }

  /** Whether a piece was sent again. */
  handleTimeout(nowMs: number): boolean {
    const again = this.#sequence.handleTimeout(nowMs);
    if (again === undefined) return false;
    this.#send(again);
    return true;
  }
}

/** A server's half: the body of one join as it comes. */
export class PieceCollector {
  readonly #layout: PieceLayout;
  readonly #open: (piece: number, data: Uint8Array) => Uint8Array | undefined;
  readonly #overheadBytes: number;
  readonly #sequence: ReliableSequence<Uint8Array>;
  #body: Uint8Array | undefined;
  #datagramsLeft: number;

  /** `open` gives what a piece says, which has `overheadBytes` less than what travels; undefined where it is none. */
  constructor(
    layout: PieceLayout,
    open: (piece: number, data: Uint8Array) => Uint8Array | undefined,
    overheadBytes: number,
    counters?: SequenceCounters,
  ) {
    this.#sequence = new ReliableSequence({ sent: 0, received: 0, counters });
    this.#layout = layout;
    this.#open = open;
    this.#overheadBytes = overheadBytes;
    this.#body = new Uint8Array(layout.bytes);
    this.#datagramsLeft = layout.pieces * MAX_PIECE_TRANSMISSIONS;
  }

  /** Pieces that are there, with none missing before them. */
  get received(): number {
    return this.#sequence.ack;
  }

  get complete(): boolean {
    return this.received === this.#layout.pieces;
  }

  /** Whether one more datagram of this join may be looked into. */
  mayLook(): boolean {
    return this.#datagramsLeft-- > 0;
  }

  /** A piece that came; one that is there already is legal, and changes nothing. */
  receive(piece: number, text: string): ZeroDropReason {
    const { pieces, bytes } = this.#layout;
    const size = pieceBytes(this.#layout);
    if (piece > pieces) return "droppedSequence";
    if (piece <= this.received) {
      this.#sequence.receive(piece, NOTHING);
      return "accepted";
    }
    const at = (piece - 1) * size;
    const data = decodeBase64url(text, Math.min(size, bytes - at) + this.#overheadBytes);
    if (data === undefined) return "droppedSchema";
    const said = this.#open(piece, data);
    if (said === undefined) return "droppedSecret";
    if (this.#sequence.receive(piece, said) === "beyond") return "droppedSequence";
    for (let next = this.#sequence.take(); next !== undefined; next = this.#sequence.take()) {
      this.#body!.set(next, (this.received - 1) * size);
    }
    return "accepted";
  }

  /** The body, once all of it is there; it is not kept. */
  takeBody(): Uint8Array {
    const body = this.#body!;
    this.#body = undefined;
    return body;
  }
}
