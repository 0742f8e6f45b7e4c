/**
 * What accept has given a client, from then on: its keys, its sequence, and the messages that have a MAC. When they are
 * sent, and again, is for the client's machine (client.ts).
 */
import type { OwnKeys } from "./accept-keys.ts";
import { encodeBase64url } from "./base64url.ts";
import type { ZeroCrypto } from "./crypto.ts";
import { buildDatagram, type Envelope, ID_BYTES } from "./envelope.ts";
import type { ClientAttachment } from "./events.ts";
import {
  ACCEPT_SEQ,
  ATTACH_SEQ,
  type ClientMessage,
  messages,
  type SysOf,
} from "./own-messages.ts";
import { type Pauses, ReliableSequence, type SequenceCounters } from "./reliable-sequence.ts";

/** `reset` is that of the proof that its port has lost us. */
export type OwnReservation = OwnKeys &
  Omit<ClientAttachment, keyof OwnKeys> & { readonly reset: string | undefined };

export class Reservation {
  readonly own: OwnReservation;
  readonly sequence: ReliableSequence<Envelope>;
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

  /** The server's port that it is for. */
  get port(): number {
    return this.own.port;
  }

  /** Of the newest attach or rebind. */
  get counter(): number {
    return this.#counter;
  }

  /** What is told of it. */
  get attachment(): ClientAttachment {
    const { keys: _, reset: _reset, tag = 0, ...told } = this.own;
    return { ...told, tag };
  }

  /** As long as its answer: the server answers with no more than it was sent. */
  attach(): Uint8Array {
    return this.#proof("attach", ATTACH_SEQ, {}, messages.attached.maxBytes);
  }

  rebind(): Uint8Array {
    const { reset } = this.own;
    return this.#proof("rebind", 0, reset === undefined ? {} : { reset }, 0);
  }

  /** What proves by its MAC alone who sends it. */
  #proof(
    msg: "attach" | "rebind",
    seq: number,
    lost: { readonly reset?: string },
    padBytes: number,
  ): Uint8Array {
    const { port, tag, keys } = this.own;
    const nonce = encodeBase64url(this.#crypto.randomBytes(ID_BYTES));
    const own = tag === undefined ? {} : { tag };
    const sys = { port, ...own, nonce, counter: ++this.#counter, ...lost };
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
