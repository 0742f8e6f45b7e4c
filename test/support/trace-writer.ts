/**
 * Writes a trace of a receiver: datagrams that are forged field by field or recorded, what the receiver does with each, and
 * what it does by itself in between. A step's outcome is whatever our session does; whether that is right is not known here.
 */
import type { Protocol, Role } from "#src/protocol.js";
import { rebuildNumber } from "#src/session/packet-numbers.js";
import { TAG_BYTES } from "#src/session/seal-crypto.js";
import { KeyedPhase } from "#src/session/seal-keys.js";
import { Session } from "#src/session/session.js";
import { nodeSealCrypto } from "#src/udp/node-seal.js";
import { DatagramHeader, FrameHeader } from "#src/wire/header.js";
import { Reader } from "#src/wire/reader.js";
import { Writer } from "#src/wire/writer.js";
import { channelIndex } from "./hand-protocol.ts";
import { sealing, secrets } from "./sealing.ts";

/** What every datagram of a trace carries, but those that are forged with another. */
export const TAG = 0x1f83d9ab;

export interface Handed {
  readonly channel: string;
  readonly hex: string;
}

/** What a receiver wrote: which numbers it acknowledges, as pairs of first and last from the newest down, and its limit. */
export interface Written {
  readonly acks?: readonly (readonly [number, number])[];
  readonly delay?: number;
  readonly limit?: number;
}

/** A datagram that comes, or time that passes; then what the receiver does before the next step. */
export interface Step {
  readonly atMs: number;
  readonly what?: string;
  readonly datagram?: string;
  /** From here on the application takes no messages, or takes them again. */
  readonly application?: "full" | "reads";
  /** The reason for which the datagram is dropped. */
  readonly refused?: string;
  /** The code with which the session is to be closed, for what was found behind a good tag. */
  readonly closes?: string;
  readonly handsOn?: readonly Handed[];
  readonly writes?: readonly Written[];
}

export interface Trace {
  readonly name: string;
  /** Where it is of another spec than the others. */
  readonly spec?: string;
  readonly model?: object;
  /** Where that is sealed: the traffic secrets of what the client sends, and the server. */
  readonly secrets?: { readonly client: string; readonly server: string };
  /** The side that receives. */
  readonly role: Role;
  readonly steps: readonly Step[];
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** The first keys of a direction. */
function phaseOf({ cipher }: Protocol, secret: Uint8Array): KeyedPhase {
  return new KeyedPhase(nodeSealCrypto, cipher!, secret);
}

/** A receiver that is stepped; what it does is asked for after each step. */
export class Receiver {
  readonly session: Session;
  readonly #protocol: Protocol;
  readonly #header = new DatagramHeader(0);
  #handed: Handed[] = [];
  #full = false;

  constructor(protocol: Protocol, role: Role) {
    this.#protocol = protocol;
    this.session = new Session({
      protocol,
      role,
      tag: TAG,
      nowMs: 0,
      // No number is left out: what it writes is the same each time.
      random: () => 1000,
      ...(protocol.security === "sealed" && { sealing: sealing() }),
      sink: {
        deliver: ({ channel, bytes, start, end }) => {
          if (this.#full) return false;
          this.#handed.push({ channel: channel.name, hex: hexOf(bytes.subarray(start, end)) });
          return true;
        },
      },
    });
  }

  /** When it has something to do by itself. */
  get deadlineMs(): number {
    return this.session.pollDeadline();
  }

  step(input: Pick<Step, "atMs" | "datagram" | "application">): Omit<Step, "atMs"> {
    const { session } = this;
    const { atMs, datagram, application } = input;
    this.#handed = [];
    let refused: string | undefined;
    if (application !== undefined) this.#full = application === "full";
    if (datagram !== undefined) {
      const bytes = new Uint8Array(Buffer.from(datagram, "hex"));
      refused = session.handleDatagram(bytes, new DataView(bytes.buffer), bytes.length, atMs);
    } else session.handleTimeout(atMs);
    if (application === "reads") session.pump();
    const writes: Written[] = [];
    for (;;) {
      const w = new Writer(new Uint8Array(1200));
      const length = session.pollTransmit(w, atMs);
      if (length === 0) break;
      writes.push(this.#read(w.bytes.subarray(0, length)));
    }
    const closes = session.failure?.code;
    return {
      ...(refused === undefined ? {} : { refused }),
      ...(closes === undefined ? {} : { closes }),
      ...(this.#handed.length === 0 ? {} : { handsOn: this.#handed }),
      ...(writes.length === 0 ? {} : { writes }),
    };
  }

  #read(bytes: Uint8Array): Written {
    const { header: codec } = this.#protocol;
    const h = this.#header;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const r = new Reader().reset(bytes, view, 0, bytes.length);
    codec.readClear(h, new FrameHeader(), r);
    if (this.#protocol.security === "sealed") {
      phaseOf(this.#protocol, secrets.serverSecret).open(h.packetNumber, bytes, 0, r.at, r.end);
      r.end -= TAG_BYTES;
    }
    codec.readSealed(h, r);
    if (!h.ack) return {};
    const largest = rebuildNumber(h.acks.largest, codec.ackBits, this.#largest + 1);
    const acks: [number, number][] = [];
    let high = largest;
    for (let i = -1; i < h.acks.pairs; i++) {
      if (i >= 0) high -= h.acks.gaps[i]!;
      const low = high - (i < 0 ? h.acks.firstRun : h.acks.runs[i]!) + 1;
      acks.push([low, high]);
      high = low - 1;
    }
    return { acks, delay: h.acks.delay, ...(h.limit ? { limit: h.receiveLimit } : {}) };
  }

  get #largest(): number {
    return (this.session as unknown as { duplicates: { largest: number } }).duplicates.largest;
  }
}

/** Field by field what a datagram says; the rest is as an honest sender has it. */
interface Forged {
  readonly number: number;
  readonly ackNow?: boolean;
  readonly wide?: boolean;
  readonly tag?: number;
  readonly channel?: string;
  readonly message?: number;
  readonly slice?: readonly [index: number, count: number];
  readonly payload?: string;
  readonly ack?: { readonly largest: number; readonly firstRun: number };
  /** Without frames: the channel whose limit is asked for. */
  readonly asks?: string;
  /** Beside an ack. */
  readonly limit?: number;
}

/** Writes a trace step by step. */
export class TraceWriter {
  readonly steps: Step[] = [];
  readonly #protocol: Protocol;
  readonly #receiver: Receiver;
  readonly #role: Role;
  #nowMs = 0;

  constructor(protocol: Protocol, role: Role = "server") {
    this.#protocol = protocol;
    this.#role = role;
    this.#receiver = new Receiver(protocol, role);
  }

  /** All that the receiver does by itself until `atMs`, each at its time. */
  until(atMs: number): this {
    while (this.#receiver.deadlineMs <= atMs) {
      this.#nowMs = Math.max(this.#nowMs, this.#receiver.deadlineMs);
      this.#add({ atMs: this.#nowMs });
    }
    this.#nowMs = atMs;
    return this;
  }

  after(ms: number): this {
    return this.until(this.#nowMs + ms);
  }

  application(application: "full" | "reads"): this {
    this.#add({ atMs: this.#nowMs, application });
    return this;
  }

  give(what: string, parts: Forged): this {
    return this.hex(what, hexOf(this.#forge(parts)));
  }

  /** The datagram of `parts`, changed by hand. */
  edit(what: string, parts: Forged, change: (hex: string) => string): this {
    return this.hex(what, change(hexOf(this.#forge(parts))));
  }

  hex(what: string, datagram: string): this {
    this.#add({ atMs: this.#nowMs, what, datagram });
    return this;
  }

  trace(name: string): Trace {
    return { name, role: this.#role, steps: this.steps };
  }

  #add(input: Step): void {
    const done = this.#receiver.step(input);
    const nothing = input.datagram === undefined && input.application === undefined;
    if (nothing && Object.keys(done).length === 0) return;
    this.steps.push({ ...input, ...done });
  }

  #forge(parts: Forged): Uint8Array {
    const { header: codec } = this.#protocol;
    const h = new DatagramHeader(0);
    h.sessionTag = parts.tag ?? TAG;
    h.packetNumber = parts.number;
    h.wide = parts.wide ?? false;
    h.ackNow = parts.ackNow ?? (parts.channel === undefined && parts.ack === undefined);
    if (parts.ack !== undefined) {
      h.ack = true;
      h.acks.largest = parts.ack.largest;
      h.acks.firstRun = parts.ack.firstRun;
    }
    if (parts.limit !== undefined) {
      h.limit = true;
      h.receiveLimit = parts.limit;
    }
    const payload = Buffer.from(parts.payload ?? "", "hex");
    let frame: FrameHeader | undefined;
    if (parts.channel !== undefined) {
      h.frames = true;
      frame = new FrameHeader();
      frame.channel = channelIndex(this.#protocol, parts.channel);
      frame.number = (parts.message ?? 0) % 2 ** 16;
      frame.payloadBytes = payload.length;
      if (parts.slice !== undefined) {
        frame.slice = true;
        [frame.sliceIndex, frame.sliceCount] = parts.slice;
      }
    }
    const w = new Writer(new Uint8Array(1500));
    const { asks } = parts;
    const asked =
      asks === undefined
        ? undefined
        : Object.assign(new FrameHeader(), { channel: channelIndex(this.#protocol, asks) });
    codec.writeClear(h, frame ?? asked, w);
    const clearEnd = w.at;
    codec.writeSealed(h, w);
    if (frame !== undefined) codec.writeFrame(frame, undefined, w);
    w.raw(payload);
    if (this.#protocol.security === "sealed") {
      phaseOf(this.#protocol, secrets.clientSecret).seal(parts.number, w.bytes, 0, clearEnd, w.at);
      w.at += TAG_BYTES;
    }
    return w.bytes.slice(0, w.at);
  }
}
