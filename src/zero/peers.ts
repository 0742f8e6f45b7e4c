/**
 * The peers of one port as the connection protocol sees them: each begins as a reservation, attaches, proves its
 * address by an ack with the nonce, may move to another address by a rebind and such an ack, or to another port, where it proves itself in
 * the same way before it goes (moves.ts), and closes. Every message
 * here has passed its MAC; the state table decides what is legal. All but close is sent only in answer to a request, and close only to an address that is proven or has sent a
 * third as many bytes (RFC 9000 section 8.1). Worst case: `maxPeers` entries, ended ones that still answer included.
 */
import { StardustError } from "../errors.ts";
import { UNPROVEN_FACTOR, ZERO_CLOSE_TIMEOUT_MS } from "../limits.ts";
import type { Protocol } from "../protocol.ts";
import type { TrafficSecrets } from "../traffic-secrets.ts";
import { encodeBase64url } from "./base64url.ts";
import type { ZeroCounters, ZeroDropReason } from "./counters.ts";
import type { ZeroCrypto } from "./crypto.ts";
import { buildDatagram, type Envelope, ID_BYTES } from "./envelope.ts";
import type { ZeroServerEvent } from "./events.ts";
import type { ZeroKeys } from "./keys.ts";
import { cutCode, cutReason, nextState, type ValidMessage } from "./messages.ts";
import type { ExpectedPeer, PeerMoves } from "./moves.ts";
import { isSamePath, type NetworkPath, pathText } from "./network-path.ts";
import {
  ACCEPT_SEQ,
  type AckSys,
  ATTACH_SEQ,
  ATTACHED_SEQ,
  type ClientMessage,
  JOIN_SEQ,
  type PlainMessage,
  type ServerState,
  serverStates,
} from "./own-messages.ts";
import { type RandomSource, ReliableSequence } from "./reliable-sequence.ts";

const encoder = new TextEncoder();

/** What a client may send once there are keys. */
export type PeerMessage = Exclude<ClientMessage, PlainMessage>;

interface Ending {
  readonly code: string;
  readonly reason: string;
  /** Closing: when to give up. Draining: when to forget. */
  readonly untilMs: number;
}

/** Its path is the cookie's, until attach names its own. */
interface PeerEntry extends NetworkPath {
  readonly id: number;
  readonly cid: string;
  readonly keys: ZeroKeys;
  readonly tag: number | undefined;
  /** Until it has attached. */
  secrets: TrafficSecrets | undefined;
  readonly sequence: ReliableSequence<Envelope>;
  readonly expiresAtMs: number;
  state: ServerState;
  address: string;
  port: number;
  local: number;
  /** The highest of attach and of all rebinds: nonces are bound to it. */
  counter: number;
  /** That of the nonce which proved the address last: an address is proven once by each. */
  provenCounter: number;
  /** The address has answered a cookie or a nonce. */
  proven: boolean;
  receivedBytes: number;
  sentBytes: number;
  ending: Ending | undefined;
  /** Expected: the ack by which its client has shown that it hears this port. It is answered when the peer is here. */
  shown: { readonly nonce: string; readonly from: Origin } | undefined;
}

function moveTo(entry: PeerEntry, { address, port, local }: NetworkPath): void {
  entry.address = address;
  entry.port = port;
  entry.local = local;
}

/**
 * It is where it is known to be. Who has taken a regular datagram for `attached` confirms no nonce, and stays `attached`: its
 * cookie has proven the address.
 */
function isHere(entry: PeerEntry | undefined): entry is PeerEntry {
  return entry?.state === "open" || (entry?.state === "attached" && entry.proven);
}

/** An accepted client that has not attached yet. */
export interface NewReservation extends NetworkPath {
  readonly id: number;
  readonly cid: string;
  readonly keys: ZeroKeys;
  /** What attach has to repeat, and every regular datagram; none where it is sealed. */
  readonly tag?: number | undefined;
  /** Where it is sealed. */
  readonly secrets?: TrafficSecrets | undefined;
}

/** A datagram's origin, and how much it brought. */
export interface Origin extends NetworkPath {
  readonly bytes: number;
}

export interface PeerTableOptions {
  readonly protocol: Protocol;
  readonly crypto: ZeroCrypto;
  readonly port: number;
  readonly maxPeers: number;
  readonly counters: ZeroCounters;
  readonly random: RandomSource;
  readonly send: (bytes: Uint8Array, to: NetworkPath) => void;
  /** What `move` says of the proof that this port has lost a peer. */
  readonly resetOfMove: (cid: string, move: number) => string | undefined;
  readonly emit: (event: ZeroServerEvent) => void;
  /** Whether events wait that nobody has fetched, as many as there may be. */
  readonly hasRoom: () => boolean;
}

export class PeerTable implements PeerMoves {
  readonly #o: PeerTableOptions;
  readonly #byCid: Map<string, PeerEntry> = new Map();
  readonly #byId: Map<number, PeerEntry> = new Map();
  /** In order of expiry, each: their lives are equally long. */
  readonly #reserved: Set<PeerEntry> = new Set();
  readonly #draining: Set<PeerEntry> = new Set();
  readonly #closing: Set<PeerEntry> = new Set();
  /** Those that are told to go on at another port, until they have heard it. */
  readonly #told: Set<PeerEntry> = new Set();
  /** No peer that is told something is due before; may be too early. */
  #repeatDeadlineMs: number = Number.POSITIVE_INFINITY;
  readonly #nonceSecret: Uint8Array;

  constructor(options: PeerTableOptions) {
    this.#o = options;
    this.#nonceSecret = options.crypto.randomBytes(32);
  }

  get size(): number {
    return this.#byCid.size;
  }

  /** The state of a connection id on this port; undefined where it is unknown. */
  stateOf(cid: string): ServerState | undefined {
    return this.#byCid.get(cid)?.state;
  }

  /** Where the client of a connection id was last. */
  pathOf(cid: string): NetworkPath | undefined {
    return this.#byCid.get(cid);
  }

  keysOf(cid: string): ZeroKeys | undefined {
    return this.#byCid.get(cid)?.keys;
  }

  /**
   * Adds a reservation. Throws STARDUST_INVALID_OPTION for a peer or cid that is there already, and when there is no
   * room.
   */
  reserve(peer: NewReservation, nowMs: number): void {
    const { id, cid, keys, tag, secrets, address, port, local } = peer;
    this.#checkRoom(id, cid);
    const entry: PeerEntry = {
      id,
      cid,
      keys,
      tag,
      secrets,
      sequence: new ReliableSequence({
        sent: ACCEPT_SEQ,
        received: JOIN_SEQ,
        pauses: { random: this.#o.random },
        counters: this.#o.counters,
      }),
      expiresAtMs: nowMs + this.#o.protocol.limits.handshakeTimeoutMs,
      state: "reserved",
      address,
      port,
      local,
      counter: -1,
      provenCounter: -1,
      proven: false,
      receivedBytes: 0,
      sentBytes: 0,
      ending: undefined,
      shown: undefined,
    };
    this.#byCid.set(cid, entry);
    this.#byId.set(id, entry);
    this.#reserved.add(entry);
  }

  #checkRoom(id: number, cid: string): void {
    if (this.#byCid.has(cid) || this.#byId.has(id)) {
      throw new StardustError("STARDUST_INVALID_OPTION", `peer ${id} is here already`);
    }
    if (this.#byCid.size >= this.#o.maxPeers) {
      // An ended peer is remembered only to answer repetitions.
      for (const oldest of this.#draining) {
        this.#remove(oldest);
        break;
      }
      if (this.#byCid.size >= this.#o.maxPeers) {
        throw new StardustError("STARDUST_INVALID_OPTION", `no room for peer ${id}`);
      }
    }
  }

  // Moves between ports (moves.ts) ---------------------------------------------------------------------------------

  offer(peer: number): ExpectedPeer | undefined {
    const entry = this.#byId.get(peer);
    if (!isHere(entry) || entry.sequence.isFull) return undefined;
    const { id, cid, keys, tag, counter, sequence, address, port, local } = entry;
    const path = { address, port, local };
    return { id, cid, keys, tag, counter, sent: sequence.nextSeq, received: sequence.ack, ...path };
  }

  expect(peer: ExpectedPeer): string | undefined {
    const { sent, received, ...own } = peer;
    this.#checkRoom(peer.id, peer.cid);
    const { counters, random } = this.#o;
    const entry: PeerEntry = {
      ...own,
      secrets: undefined,
      sequence: new ReliableSequence({ sent, received, pauses: { random }, counters }),
      expiresAtMs: Number.POSITIVE_INFINITY,
      state: "expected",
      provenCounter: own.counter,
      proven: false,
      receivedBytes: 0,
      sentBytes: 0,
      ending: undefined,
      shown: undefined,
    };
    this.#byCid.set(entry.cid, entry);
    this.#byId.set(entry.id, entry);
    return this.#o.resetOfMove(entry.cid, sent);
  }

  tell(peer: number, port: number, reset: string | undefined, nowMs: number): boolean {
    const entry = this.#byId.get(peer);
    if (!isHere(entry)) return false;
    const { cid, sequence, keys } = entry;
    const sys = reset === undefined ? { port } : { port, reset };
    const message = { cid, msg: "move", seq: sequence.nextSeq, ack: sequence.ack, sys } as const;
    const bytes = buildDatagram(this.#o.crypto, message, { key: keys.server });
    if (!sequence.transmit(bytes, nowMs)) return false;
    this.#told.add(entry);
    this.#repeatDeadlineMs = Math.min(this.#repeatDeadlineMs, sequence.deadlineMs);
    this.#sendUnprompted(entry, bytes);
    return true;
  }

  adopt(peer: number): NetworkPath | undefined {
    const entry = this.#byId.get(peer);
    if (entry?.state !== "expected" || entry.shown === undefined) return undefined;
    const { nonce, from } = entry.shown;
    entry.shown = undefined;
    this.#enter(entry, "open");
    this.#acknowledge(entry, from, { nonce });
    return { address: entry.address, port: entry.port, local: entry.local };
  }

  /** A message with a good MAC from a known connection id, its sys and body valid. */
  handle(
    cid: string,
    envelope: ValidMessage<PeerMessage>,
    from: Origin,
    nowMs: number,
  ): ZeroDropReason {
    const entry = this.#byCid.get(cid)!;
    const next = nextState(serverStates, entry.state, envelope.msg);
    if (next === undefined) return "droppedState";
    switch (envelope.msg) {
      case "attach":
        return this.#attach(entry, envelope, from, next, nowMs);
      case "rebind":
        return this.#rebind(entry, envelope, from);
      case "ack":
        return this.#ack(entry, envelope, from, next, nowMs);
      case "close":
        return this.#close(entry, envelope, from, next, nowMs);
    }
  }

  #attach(
    entry: PeerEntry,
    envelope: ValidMessage<"attach">,
    from: Origin,
    next: ServerState,
    nowMs: number,
  ): ZeroDropReason {
    const { sequence } = entry;
    if (envelope.seq !== ATTACH_SEQ || envelope.ack !== ACCEPT_SEQ) return "droppedSequence";
    if (envelope.sys.port !== this.#o.port) return "droppedPort";
    if (envelope.sys.tag !== entry.tag) return "droppedTag";
    const { counter } = envelope.sys;
    const answer = buildDatagram(
      this.#o.crypto,
      {
        cid: entry.cid,
        msg: "attached",
        seq: ATTACHED_SEQ,
        ack: ATTACH_SEQ,
        sys: { nonce: this.#nonce(entry.cid, from, counter) },
      },
      { key: entry.keys.server },
    );
    if (answer.length > from.bytes) return "droppedSmall";
    if (sequence.receive(ATTACH_SEQ, envelope) === "next") {
      sequence.take();
      this.#enter(entry, next);
      entry.proven = isSamePath(entry, from);
      moveTo(entry, from);
      const { id: peer, cid, address, port, local, proven, tag = 0, secrets } = entry;
      const event = { type: "attached", peer, address, port, local, proven, tag } as const;
      this.#o.emit(secrets === undefined ? event : { ...event, secrets, cid });
      entry.secrets = undefined;
    }
    if (entry.state === "attached") entry.counter = Math.max(entry.counter, counter);
    this.#heard(entry, from);
    sequence.answered(ATTACHED_SEQ, nowMs);
    this.#answer(entry, answer, from);
    return "accepted";
  }

  /** Asks whoever is there for the proof that it is the client. Nothing else changes before that comes. */
  #rebind(entry: PeerEntry, envelope: ValidMessage<"rebind">, from: Origin): ZeroDropReason {
    const { port, tag, counter } = envelope.sys;
    if (envelope.seq !== 0) return "droppedSequence";
    if (port !== this.#o.port) return "droppedPort";
    if (tag !== entry.tag) return "droppedTag";
    if (counter < entry.counter || counter <= entry.provenCounter) return "droppedCounter";
    const answer = buildDatagram(
      this.#o.crypto,
      {
        cid: entry.cid,
        msg: "verify",
        seq: 0,
        ack: entry.sequence.ack,
        sys: { nonce: this.#nonce(entry.cid, from, counter), counter },
      },
      { key: entry.keys.server },
    );
    entry.counter = counter;
    this.#heard(entry, from);
    this.#answer(entry, answer, from);
    return "accepted";
  }

  #ack(
    entry: PeerEntry,
    envelope: ValidMessage<"ack">,
    from: Origin,
    next: ServerState,
    nowMs: number,
  ): ZeroDropReason {
    const { nonce } = envelope.sys;
    const { counter, provenCounter } = entry;
    if (envelope.seq !== 0) return "droppedSequence";
    if (nonce === undefined) {
      if (entry.state === "attached" && !this.#told.has(entry)) return "droppedNonce";
    } else {
      if (nonce !== this.#nonce(entry.cid, from, counter)) return "droppedNonce";
      // What has proved an address proves no other.
      if (counter === provenCounter && !isSamePath(entry, from)) return "droppedNonce";
      if (counter > provenCounter && !this.#o.hasRoom()) return "droppedFull";
    }
    if (entry.state === "expected" && nonce === undefined) return "droppedNonce";
    if (!entry.sequence.acknowledge(envelope.ack, nowMs)) return "droppedSequence";
    this.#heard(entry, from);
    if (entry.state === "expected") {
      this.#show(entry, nonce!, from);
      return "accepted";
    }
    if (nonce !== undefined && counter > provenCounter) this.#prove(entry, from);
    if (entry.state === "closing") {
      if (entry.sequence.idle) {
        this.#finish(entry);
        return "accepted";
      }
    } else this.#enter(entry, next);
    if (nonce !== undefined) this.#acknowledge(entry, from, { nonce });
    return "accepted";
  }

  /** The newest nonce has come back from there: that is the peer's address from here on. */
  #prove(entry: PeerEntry, from: Origin): void {
    const moved = entry.proven && !isSamePath(entry, from);
    entry.provenCounter = entry.counter;
    moveTo(entry, from);
    entry.proven = true;
    const { id: peer, address, port, local } = entry;
    this.#o.emit({ type: "confirmed", peer, address, port, local, moved });
  }

  /** The client of an expected peer hears this port, at this path. */
  #show(entry: PeerEntry, nonce: string, from: Origin): void {
    const isFirst = entry.shown === undefined;
    entry.provenCounter = entry.counter;
    entry.shown = { nonce, from };
    moveTo(entry, from);
    entry.proven = true;
    if (isFirst) this.#o.emit({ type: "shown", peer: entry.id });
  }

  #close(
    entry: PeerEntry,
    envelope: ValidMessage<"close">,
    from: Origin,
    next: ServerState,
    nowMs: number,
  ): ZeroDropReason {
    const { sequence } = entry;
    if (envelope.seq <= ATTACH_SEQ || sequence.refuses(envelope.seq)) return "droppedSequence";
    if (!sequence.acknowledge(envelope.ack, nowMs)) return "droppedSequence";
    // Only attach can be missing before it, and whoever leaves needs no reservation.
    if (entry.state === "reserved") sequence.skipTo(envelope.seq);
    sequence.receive(envelope.seq, envelope);
    this.#heard(entry, from);
    if (sequence.take() !== undefined) {
      const ended = entry.ending;
      const { code, reason = "" } = envelope.sys;
      this.#drain(entry, next, nowMs);
      this.#o.emit(
        ended === undefined
          ? { type: "closed", peer: entry.id, code, reason, by: "remote" }
          : { type: "closed", peer: entry.id, code: ended.code, reason: ended.reason, by: "local" },
      );
    }
    this.#acknowledge(entry, from);
    return "accepted";
  }

  /** Ends a peer; `closed` follows when the other side has heard it or is given up on. */
  close(peer: number, code: string, reason: string, nowMs: number): void {
    const entry = this.#byId.get(peer);
    if (entry === undefined) return;
    code = cutCode(code);
    reason = cutReason(reason);
    if (entry.state === "reserved") {
      // Nobody has attached: a later attach is answered with gone.
      this.#remove(entry);
      this.#o.emit({ type: "closed", peer, code, reason, by: "local" });
    } else if (entry.state === "attached" || entry.state === "open") {
      const bytes = buildDatagram(
        this.#o.crypto,
        {
          cid: entry.cid,
          msg: "close",
          seq: entry.sequence.nextSeq,
          ack: entry.sequence.ack,
          sys: { code, reason },
        },
        { key: entry.keys.server },
      );
      entry.sequence.transmit(bytes, nowMs);
      entry.ending = { code, reason, untilMs: nowMs + ZERO_CLOSE_TIMEOUT_MS };
      this.#enter(entry, "closing");
      this.#closing.add(entry);
      this.#repeatDeadlineMs = Math.min(this.#repeatDeadlineMs, entry.sequence.deadlineMs);
      this.#sendUnprompted(entry, bytes);
    }
  }

  /** Drops a peer without a word. */
  forget(peer: number): void {
    const entry = this.#byId.get(peer);
    if (entry !== undefined) this.#remove(entry);
  }

  deadlineMs(): number {
    let deadlineMs = this.#repeatDeadlineMs;
    for (const entry of this.#reserved) {
      deadlineMs = Math.min(deadlineMs, entry.expiresAtMs);
      break;
    }
    for (const entry of this.#draining) {
      deadlineMs = Math.min(deadlineMs, entry.ending!.untilMs);
      break;
    }
    return deadlineMs;
  }

  handleTimeout(nowMs: number): void {
    for (const entry of this.#reserved) {
      if (entry.expiresAtMs > nowMs) break;
      this.#remove(entry);
      this.#o.emit({ type: "expired", peer: entry.id });
    }
    for (const entry of this.#draining) {
      if (entry.ending!.untilMs > nowMs) break;
      this.#remove(entry);
    }
    if (nowMs < this.#repeatDeadlineMs) return;
    this.#repeatDeadlineMs = Number.POSITIVE_INFINITY;
    for (const entry of this.#closing) {
      const { untilMs } = entry.ending!;
      if (nowMs >= untilMs) this.#finish(entry);
      else this.#repeat(entry, untilMs, nowMs);
    }
    for (const entry of this.#told) {
      if (!isHere(entry) || entry.sequence.idle) this.#told.delete(entry);
      else this.#repeat(entry, Number.POSITIVE_INFINITY, nowMs);
    }
  }

  /** Says again what has not been acknowledged for too long. */
  #repeat(entry: PeerEntry, untilMs: number, nowMs: number): void {
    const again = entry.sequence.handleTimeout(nowMs);
    if (again !== undefined) {
      this.#o.counters.retransmissions++;
      this.#sendUnprompted(entry, again);
    }
    const dueMs = Math.min(entry.sequence.deadlineMs, untilMs);
    this.#repeatDeadlineMs = Math.min(this.#repeatDeadlineMs, dueMs);
  }

  /** Our close is acknowledged or given up on. */
  #finish(entry: PeerEntry): void {
    const { code, reason } = entry.ending!;
    this.#remove(entry);
    this.#o.emit({ type: "closed", peer: entry.id, code, reason, by: "local" });
  }

  #drain(entry: PeerEntry, next: ServerState, nowMs: number): void {
    this.#enter(entry, next);
    this.#closing.delete(entry);
    // The application may give the id to someone else from here on.
    this.#byId.delete(entry.id);
    entry.ending = { code: "", reason: "", untilMs: nowMs + ZERO_CLOSE_TIMEOUT_MS };
    this.#draining.add(entry);
  }

  #enter(entry: PeerEntry, state: ServerState): void {
    this.#reserved.delete(entry);
    entry.state = state;
  }

  #remove(entry: PeerEntry): void {
    this.#enter(entry, "closed");
    this.#byCid.delete(entry.cid);
    if (this.#byId.get(entry.id) === entry) this.#byId.delete(entry.id);
    this.#closing.delete(entry);
    this.#draining.delete(entry);
    this.#told.delete(entry);
  }

  /** What an address sent with a good MAC counts for what it may be sent. */
  #heard(entry: PeerEntry, from: Origin): void {
    if (isSamePath(entry, from)) entry.receivedBytes += from.bytes;
  }

  /** With the nonce of what it answers, if that had one. */
  #acknowledge(entry: PeerEntry, to: Origin, sys: AckSys = {}): void {
    const bytes = buildDatagram(
      this.#o.crypto,
      { cid: entry.cid, msg: "ack", seq: 0, ack: entry.sequence.ack, sys },
      { key: entry.keys.server },
    );
    this.#answer(entry, bytes, to);
  }

  /** Answers a request at its source, with no more bytes than it had. */
  #answer(entry: PeerEntry, bytes: Uint8Array, to: Origin): void {
    if (bytes.length > to.bytes) {
      this.#o.counters.sendsWithheld++;
      return;
    }
    if (isSamePath(entry, to)) entry.sentBytes += bytes.length;
    this.#o.send(bytes, to);
  }

  #sendUnprompted(entry: PeerEntry, bytes: Uint8Array): void {
    const afterBytes = entry.sentBytes + bytes.length;
    if (!entry.proven && afterBytes > UNPROVEN_FACTOR * entry.receivedBytes) {
      this.#o.counters.sendsWithheld++;
      return;
    }
    entry.sentBytes = afterBytes;
    this.#o.send(bytes, entry);
  }

  /**
   * Bound to the path it is sent on, so that a nonce seen at one address proves no other, and to what it answers. Nothing
   * is stored.
   */
  #nonce(cid: string, to: Origin, counter: number): string {
    const mac = this.#o.crypto.hmacSha256(
      this.#nonceSecret,
      encoder.encode(`nonce\n${cid}\n${counter}\n${pathText(to)}`),
    );
    return encodeBase64url(mac.subarray(0, ID_BYTES));
  }
}
