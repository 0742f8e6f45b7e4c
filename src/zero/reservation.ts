/**
 * What accept has given a client, from then on: its keys, its sequence, and the messages that have a MAC. When they are
 * sent, and again, is for the client's machine (client.ts).
 */
import type { OwnKeys } from "./accept-keys.ts";
import { encodeBase64url } from "./base64url.ts";
import type { ZeroCrypto } from "./crypto.ts";
import { buildDatagram, ID_BYTES } from "./envelope.ts";
import type { ClientAttachment } from "./events.ts";
import type { PortRanges, ValidMessage } from "./messages.ts";
import {
  ACCEPT_SEQ,
  ATTACH_SEQ,
  type ClientMessage,
  messages,
  type SysOf,
} from "./own-messages.ts";
import { type Pauses, ReliableSequence, type SequenceCounters } from "./reliable-sequence.ts";

/** `reset` is that of the proof that its port has lost us, `ports` are those of the server. */
export type OwnReservation = OwnKeys &
  Omit<ClientAttachment, keyof OwnKeys> & {
    readonly reset: string | undefined;
    readonly ports: PortRanges;
  };

/** Whether a server has announced a port: a client goes to no other (RFC 9000 section 21.5). */
export function isAnnounced(ports: PortRanges, port: number): boolean {
  return ports.some(([first, last]) => first <= port && port <= last);
}

/** What a client says of the proof that a port has lost it: its hash, and the number of the move to that port, if it has come by one. */
export interface LostPlace {
  readonly reset?: string;
  readonly move?: number;
}

/** What a server may number once a client has attached. */
export type OrderedMessage = ValidMessage<"close"> | ValidMessage<"move">;

export class Reservation {
  readonly own: OwnReservation;
  /** Of what the server says in order: a close, or where to go on. */
  readonly sequence: ReliableSequence<OrderedMessage>;
  /** The server's port that it is for: that of accept, or where it has moved to; and what is known there (reset.ts). */
  port: number;
  lost: LostPlace;
  readonly #crypto: ZeroCrypto;
  readonly #cid: string;
  readonly #maxBytes: number;
  #counter = 0;

  constructor(
    crypto: ZeroCrypto,
    cid: string,
    own: OwnReservation,
    options: {
      readonly pauses: Pauses;
      readonly maxDatagramBytes: number;
      readonly counters: SequenceCounters;
    },
  ) {
    this.own = own;
    this.port = own.port;
    this.lost = own.reset === undefined ? {} : { reset: own.reset };
    this.#crypto = crypto;
    this.#cid = cid;
    this.#maxBytes = options.maxDatagramBytes;
    this.sequence = new ReliableSequence({
      sent: ATTACH_SEQ,
      received: ACCEPT_SEQ,
      pauses: options.pauses,
      counters: options.counters,
    });
  }

  /** Of the newest attach or rebind. */
  get counter(): number {
    return this.#counter;
  }

  /** What is told of it. */
  get attachment(): ClientAttachment {
    const { port, peer, accept, negotiated, tag = 0, secrets, serverKey, resumeMs } = this.own;
    return { port, peer, accept, negotiated, resumeMs, secrets, serverKey, tag };
  }

  /** As long as its answer: the server answers with no more than it was sent. */
  attach(): Uint8Array {
    return this.#proof("attach", this.port, ATTACH_SEQ, {}, messages.attached.maxBytes);
  }

  /** `port`: the server's that it is sent to. */
  rebind(port: number, lost: LostPlace): Uint8Array {
    return this.#proof("rebind", port, 0, lost, 0);
  }

  /** What proves by its MAC alone who sends it. */
  #proof(
    msg: "attach" | "rebind",
    port: number,
    seq: number,
    lost: LostPlace,
    padBytes: number,
  ): Uint8Array {
    const { tag, keys } = this.own;
    const nonce = encodeBase64url(this.#crypto.randomBytes(ID_BYTES));
    const { reset, move } = lost;
    const sys = { port, tag, nonce, counter: ++this.#counter, reset, move };
    const message = { cid: this.#cid, msg, seq, ack: this.sequence.ack, sys };
    return buildDatagram(this.#crypto, message, {
      padBytes,
      maxBytes: this.#maxBytes,
      key: keys.client,
    });
  }

  build<M extends ClientMessage>(msg: M, seq: number, sys: SysOf[M]): Uint8Array {
    const message = { cid: this.#cid, msg, seq, ack: this.sequence.ack, sys };
    return buildDatagram(this.#crypto, message, { key: this.own.keys.client });
  }
}
