/**
 * Everything of the connection protocol on one port of a server: joins that arrive here (whichever port they will be
 * sent to), the reservations of this port, attach, close. Sans-IO: it is given datagrams and the time, and asked for
 * datagrams, events and the next deadline.
 *
 * A join: cookieless ones get a challenge and leave nothing behind. One with a good cookie is remembered by its
 * connection id and the hash of its bytes, announced as an event, and answered with "processing" until `answer` or
 * `reject`; then with that. Worst case a datagram: one HMAC or hash, one parse, one answer no larger than it. All
 * tables are bounded, nothing throws for any bytes, and each datagram raises exactly one of the counters in
 * `zeroDropReasons`.
 */
import type { JoinToken } from "../connection-contract.ts";
import { StardustError } from "../errors.ts";
import { MAX_ZERO_OUTBOX } from "../limits.ts";
import { differences, negotiateJoin } from "../negotiated-version.ts";
import { defaultPortLimits } from "../port-limits.ts";
import type { Protocol } from "../protocol.ts";
import { AcceptMaker, type ReserveRequest } from "./accept.ts";
import { CookieJar, peekCookie, subjectOf } from "./cookie.ts";
import {
  createCounters,
  rejectCounters,
  type ZeroCounters,
  type ZeroDropReason,
} from "./counters.ts";
import type { SigningKey, ZeroCrypto } from "./crypto.ts";
import {
  buildDatagram,
  checkMac,
  type Envelope,
  type Frame,
  openFrame,
  parseFrame,
} from "./envelope.ts";
import type { JoinEvent, ZeroServerEvent } from "./events.ts";
import { JoinBodies, TOO_LONG } from "./join-bodies.ts";
import { decodeKey } from "./key-exchange.ts";
import {
  cutDetail,
  hasSecurityMembers,
  hasValidBody,
  hasValidSys,
  isOfClient,
  isPlain,
  nextState,
  outgoingBody,
  type RejectReason,
  type ValidMessage,
} from "./messages.ts";
import type { PeerMoves } from "./moves.ts";
import { isSamePath, type NetworkPath } from "./network-path.ts";
import { Outbox } from "./outbox.ts";
import {
  JOIN_SEQ,
  type JoinSys,
  type MessageName,
  REJECT_SEQ,
  type RejectSys,
  type ServerState,
  serverStates,
} from "./own-messages.ts";
import { type Origin, PeerTable } from "./peers.ts";
import { type JoinEntry, JoinTable } from "./pending.ts";
import { PieceCollector } from "./pieces.ts";
import { RateLimit } from "./rate.ts";
import type { PortJoinKey } from "./secrets.ts";
import type { ZeroServerOptions, ZeroServerTransmit } from "./server-options.ts";
import { TokenCheck, type TokenProblem, tokenProblems } from "./token.ts";

export class ZeroServer {
  readonly #protocol: Protocol;
  readonly #crypto: ZeroCrypto;
  readonly #identity: SigningKey | undefined;
  readonly #accepts: AcceptMaker;
  readonly #lifetimeMs: number;
  readonly #cookies: CookieJar<PortJoinKey>;
  readonly #unproven: RateLimit;
  readonly #proven: RateLimit;
  readonly #tokens: TokenCheck | undefined;
  readonly #publicKey: RateLimit;
  readonly #joins: JoinTable;
  readonly #bodies: JoinBodies;
  readonly #peers: PeerTable;
  readonly #outbox: Outbox<ZeroServerTransmit> = new Outbox();
  readonly #events: Outbox<ZeroServerEvent> = new Outbox();
  readonly #counters: ZeroCounters = createCounters();

  /** Throws STARDUST_INVALID_OPTION for a sealed protocol without an identity, and the other way round. */
  constructor(options: ZeroServerOptions) {
    const { protocol, crypto, identity, nowMs } = options;
    if ((protocol.security === "sealed") !== (identity !== undefined)) {
      const problem = `identity: ${protocol.security} security ${identity === undefined ? "needs one" : "has none"}`;
      throw new StardustError("STARDUST_INVALID_OPTION", problem);
    }
    this.#identity = identity;
    this.#protocol = protocol;
    this.#crypto = crypto;
    this.#accepts = new AcceptMaker(crypto, options);
    // A client gives up at its deadline: nothing it was given before is of use after.
    this.#lifetimeMs = protocol.limits.handshakeTimeoutMs;
    this.#cookies = new CookieJar(crypto, this.#lifetimeMs, nowMs);
    const limits = { ...defaultPortLimits, ...options.limits };
    this.#unproven = new RateLimit(crypto, limits.unprovenPerSecond, limits, nowMs);
    this.#proven = new RateLimit(crypto, limits.cookiesPerSecond, limits, nowMs);
    this.#publicKey = new RateLimit(crypto, limits.publicKeyPerSecond, limits, nowMs);
    if (options.tokens !== undefined) {
      this.#tokens = new TokenCheck(crypto, options.tokens, options.tokens.wallMs);
    }
    const { pendingJoins, rememberedJoins, joinsInPieces } = limits;
    const share = options.maxPendingPerAddress;
    this.#joins = new JoinTable(pendingJoins, rememberedJoins, share, joinsInPieces);
    const { takesPieces = true } = options;
    const cookies = this.#cookies;
    this.#bodies = new JoinBodies({
      protocol,
      crypto,
      identity,
      cookies,
      counters: this.#counters,
      takesPieces,
    });
    this.#peers = new PeerTable({
      protocol,
      crypto,
      port: options.port,
      maxPeers: options.maxPeers ?? 8192,
      counters: this.#counters,
      random: options.random,
      send: (bytes, to) => this.#send(bytes, to),
      resetOfMove: (cid, move) => this.#accepts.resetOfMove(cid, move),
      // Bounded by the peers: each has at most one event of each kind, but for the moves, which ask for room.
      emit: (event) => this.#events.push(event, Number.POSITIVE_INFINITY),
      hasRoom: () => this.#events.size < MAX_ZERO_OUTBOX,
    });
  }

  get counters(): Readonly<ZeroCounters> {
    return this.#counters;
  }

  /** How peers come to this port and leave it for another. */
  get moves(): PeerMoves {
    return this.#peers;
  }

  /** Sizes of the bounded tables. */
  get sizes(): { readonly entries: number; readonly pending: number; readonly peers: number } {
    return {
      entries: this.#joins.size,
      pending: this.#joins.pending,
      peers: this.#peers.size,
    };
  }

  /** Of the joins that are pending, those whose body comes in pieces. */
  get collected(): number {
    return this.#joins.collected;
  }

  /** The state of a connection id, by the names of the state table. */
  stateOf(cid: string): ServerState {
    const entry = this.#joins.get(cid);
    const known = this.#peers.stateOf(cid);
    if (known !== undefined) return known;
    if (entry === undefined) return "listening";
    return entry.answer === undefined ? "pending" : "answered";
  }

  /**
   * A datagram that begins with three zeros. `bytes` is read during the call only. `local` says to which of the server's
   * addresses it came; answers go out by that one.
   */
  handleDatagram(
    bytes: Uint8Array,
    length: number,
    address: string,
    port: number,
    nowMs: number,
    local = 0,
  ): void {
    this.#counters.datagramsReceived++;
    this.#counters.bytesReceived += length;
    this.#joins.expire(nowMs);
    const frame = openFrame(bytes, length);
    const reason =
      typeof frame === "string"
        ? frame
        : frame.macAt >= 0
          ? this.#handleSigned(frame, { address, port, local, bytes: length }, nowMs)
          : this.#handlePlain(frame, { address, port, local, bytes: length }, nowMs);
    this.#counters[reason]++;
  }

  #handleSigned(frame: Frame, from: Origin, nowMs: number): ZeroDropReason {
    const keys = this.#peers.keysOf(frame.cid);
    if (keys === undefined) return this.#handleStray(frame, from, nowMs);
    if (!checkMac(this.#crypto, frame, keys.client)) return "droppedMac";
    const envelope = parseFrame(frame);
    if (typeof envelope === "string") return envelope;
    if (isPlain(envelope)) return "droppedEnvelope";
    if (!isOfClient(envelope)) return "droppedMessage";
    if (nextState(serverStates, this.stateOf(frame.cid), envelope.msg) === undefined) {
      return "droppedState";
    }
    if (!this.#isValid(envelope)) return "droppedSchema";
    // Its bytes may be old ones that anybody sends from wherever an answer is to go.
    if (envelope.msg === "rebind" && !this.#unproven.take(from.address, nowMs)) {
      return "droppedRate";
    }
    return this.#peers.handle(frame.cid, envelope, from, nowMs);
  }

  /**
   * A message of a connection that this port does not know. Its MAC cannot be checked: an attach or a rebind is told, no
   * more.
   */
  #handleStray(frame: Frame, from: Origin, nowMs: number): ZeroDropReason {
    if (!this.#unproven.take(from.address, nowMs)) return "droppedRate";
    const envelope = parseFrame(frame);
    if (typeof envelope === "string") return envelope;
    if (isPlain(envelope)) return "droppedEnvelope";
    if (!isOfClient(envelope)) return "droppedMessage";
    const next = nextState(serverStates, this.stateOf(frame.cid), envelope.msg);
    if (next === undefined || (envelope.msg !== "attach" && envelope.msg !== "rebind")) {
      return "droppedState";
    }
    if (!this.#isValid(envelope)) return "droppedSchema";
    if (envelope.msg === "rebind")
      this.#gone(frame.cid, from, this.#accepts.proofFor(frame.cid, envelope.sys));
    else this.#gone(frame.cid, from);
    return "droppedCid";
  }

  /** Only a join comes without a MAC. What is cheap to recognise is recognised before it is parsed. */
  #handlePlain(frame: Frame, from: Origin, nowMs: number): ZeroDropReason {
    const entry = this.#joins.get(frame.cid);
    if (entry !== undefined) return this.#handleKnown(frame, entry, from, nowMs);
    const placed = this.#peers.pathOf(frame.cid);
    if (placed !== undefined) return this.#handlePlaced(frame, placed, from, nowMs);
    const peeked = peekCookie(frame.bytes);
    if (peeked === undefined) return this.#handleFirstJoin(frame, from, nowMs);
    const subject = subjectOf(from, frame.cid, peeked.hash);
    if (!this.#cookies.check(peeked.cookie, subject, nowMs)) {
      if (!this.#unproven.take(from.address, nowMs)) return "droppedRate";
      this.#gone(frame.cid, from);
      return "droppedCookie";
    }
    if (!this.#proven.take(from.address, nowMs)) return "droppedRate";
    return this.#handleSecondJoin(frame, peeked, from, nowMs);
  }

  /** A connection id that has asked before: the same bytes on the same path get the same answer. */
  #handleKnown(frame: Frame, entry: JoinEntry, from: Origin, nowMs: number): ZeroDropReason {
    if (!isSamePath(entry, from)) return this.#handleTaken(frame, from, nowMs);
    if (!this.#crypto.equal(this.#crypto.sha256(frame.bytes), entry.digest)) {
      return this.#handlePiece(frame, entry, from);
    }
    if (nextState(serverStates, this.stateOf(frame.cid), "join") === undefined)
      return "droppedState";
    this.#send(entry.answer ?? this.#processing(entry), entry);
    return "accepted";
  }

  /** A piece of the body of a join; the last one is as the whole join would be. */
  #handlePiece(frame: Frame, entry: JoinEntry, from: Origin): ZeroDropReason {
    const { collected, answer } = entry;
    if (collected === undefined) return "droppedBytes";
    const { collector } = collected;
    if (!collector.mayLook()) return "droppedRate";
    const envelope = this.#parseJoin(frame, from);
    if (typeof envelope === "string") return envelope;
    const { piece, data, cookie } = envelope.sys;
    if (piece === undefined || data === undefined || cookie !== undefined) return "droppedBytes";
    if (envelope.seq !== 0 || envelope.ack !== 0) return "droppedSequence";
    if (answer === undefined && !collector.complete) {
      if (!this.#events.hasRoom) return "droppedFull";
      const outcome = collector.receive(piece, data);
      if (outcome !== "accepted") return outcome;
      if (collector.complete && !this.#announce(entry)) return "accepted";
    }
    this.#send(answer ?? this.#processing(entry), entry);
    return "accepted";
  }

  /** All of a join is there: the application hears of it. False: it is not what it was to be, and is refused. */
  #announce({ cid, collected }: JoinEntry): boolean {
    const { collector, digest, event } = collected!;
    const body = this.#bodies.assemble(collector, digest);
    if (body !== undefined) return this.#events.push({ ...event, body });
    const sys: RejectSys = {
      reason: "denied",
      detail: "the body of join is not what it was to be",
    };
    const rejection = this.#rejection(cid, JOIN_SEQ, sys);
    this.#send(rejection, this.#joins.decide(cid, rejection)!);
    return false;
  }

  /** A connection id that has a place here, and whose join another port has had, or this one so long ago that it is forgotten. */
  #handlePlaced(frame: Frame, placed: NetworkPath, from: Origin, nowMs: number): ZeroDropReason {
    return isSamePath(placed, from) ? "droppedBytes" : this.#handleTaken(frame, from, nowMs);
  }

  /** From elsewhere it is this client, behind a NAT that has changed, or another one has taken its id: it takes a new one. */
  #handleTaken(frame: Frame, from: Origin, nowMs: number): ZeroDropReason {
    if (!this.#unproven.take(from.address, nowMs)) return "droppedRate";
    this.#gone(frame.cid, from);
    return "droppedAddress";
  }

  #handleFirstJoin(frame: Frame, from: Origin, nowMs: number): ZeroDropReason {
    if (!this.#unproven.take(from.address, nowMs)) return "droppedRate";
    const envelope = this.#parseJoin(frame, from);
    if (typeof envelope === "string") return envelope;
    const { hash, token, piece } = envelope.sys;
    if (piece !== undefined) {
      // Of a join that is not known here, or no more: its client is to ask again.
      this.#gone(frame.cid, from);
      return "droppedCid";
    }
    // A cookie that is not where ours stands is none of ours. A token comes with a cookie.
    if (envelope.seq !== 0 || envelope.ack !== 0) return "droppedSequence";
    if (envelope.sys.cookie !== undefined) return "droppedSequence";
    if (token !== undefined) return "droppedSequence";
    const cookie = this.#cookies.make(subjectOf(from, frame.cid, hash), nowMs);
    const joinKey = this.#bodies.offer(nowMs);
    const challenge = buildDatagram(this.#crypto, {
      cid: frame.cid,
      msg: "challenge",
      seq: 0,
      ack: 0,
      sys: joinKey === undefined ? { cookie } : { cookie, joinKey },
    });
    if (!this.#answerUnproven(challenge, from)) return "droppedSmall";
    this.#counters.challengesSent++;
    return "accepted";
  }

  #handleSecondJoin(
    frame: Frame,
    peeked: { cookie: string; hash: string },
    from: Origin,
    nowMs: number,
  ): ZeroDropReason {
    const envelope = this.#parseJoin(frame, from);
    if (typeof envelope === "string") return envelope;
    const { cookie, hash } = envelope.sys;
    // A key that stands twice has its last value: it must be the one that was checked.
    if (cookie !== peeked.cookie || hash !== peeked.hash) return "droppedEnvelope";
    if (envelope.seq !== JOIN_SEQ || envelope.ack !== 0) return "droppedSequence";
    if (envelope.sys.piece !== undefined) return "droppedSequence";
    const { cid } = frame;
    const negotiated = this.#negotiate(envelope.sys)!;
    const comes = envelope.sys.pieces !== undefined;
    if (this.#joins.full || (comes && this.#joins.fullOfPieces)) {
      this.#answerUnproven(this.#rejection(cid, JOIN_SEQ, { reason: "full" }), from);
      return "droppedFull";
    }
    const { address, port, local } = from;
    if (this.#joins.isFullFor(address) || (comes && this.#joins.isFullOfPiecesFor(address))) {
      const sys: RejectSys = { reason: "full", detail: "too many joins of one address" };
      this.#answerUnproven(this.#rejection(cid, JOIN_SEQ, sys), from);
      return "droppedAddressFull";
    }
    const token = this.#checkToken(frame, envelope.sys.token, address, nowMs);
    if (token === "rate") return "droppedRate";
    if (typeof token === "string") {
      // Not remembered: whoever has no token takes up no room. Asked again, the answer is made again.
      const sys: RejectSys = { reason: "denied", detail: tokenProblems[token] };
      this.#answerUnproven(this.#rejection(cid, JOIN_SEQ, sys), from);
      return "droppedToken";
    }
    const body = this.#bodies.read(frame, envelope);
    if (body === "droppedSecret") {
      const sys: RejectSys = { reason: "denied", detail: "secret members cannot be opened" };
      this.#answerUnproven(this.#rejection(cid, JOIN_SEQ, sys), from);
    }
    if (typeof body === "string") return body;
    const { hash: known, compat } = negotiated;
    const digest = this.#crypto.sha256(frame.bytes);
    const collector = body instanceof PieceCollector ? body : undefined;
    const event: JoinEvent = {
      type: "join",
      cid,
      address,
      port,
      local,
      hash: known,
      compat,
      stay: envelope.sys.stay === true,
      key: this.#identity && { digest, key: decodeKey(envelope.sys.key!)! },
      token,
      body: collector === undefined ? body : undefined,
    };
    if (collector === undefined && !this.#events.push(event)) return "droppedFull";
    const entry: JoinEntry = {
      cid,
      digest,
      address,
      port,
      local,
      expiresAtMs: nowMs + this.#lifetimeMs,
      collected: collector && { collector, digest: envelope.sys.digest, event },
      answer: undefined,
    };
    this.#joins.add(entry);
    this.#send(this.#processing(entry), from);
    return "accepted";
  }

  /**
   * What the token of a join says, where one is asked for. Public-key cryptography comes last, and at a rate: for the token, and for
   * what of the join is secret.
   */
  #checkToken(
    frame: Frame,
    text: string | undefined,
    address: string,
    nowMs: number,
  ): JoinToken | undefined | TokenProblem | "rate" {
    const token = this.#tokens?.read(text);
    if (typeof token === "string") return token;
    const isDear = token !== undefined || this.#bodies.hasSecrets;
    if (isDear && !this.#publicKey.take(address, nowMs)) return "rate";
    return token && this.#tokens!.verify(token, frame);
  }

  #negotiate({ hash, compatible = [] }: JoinSys): ReturnType<typeof negotiateJoin> {
    return negotiateJoin(this.#protocol, hash, compatible);
  }

  /** A join that we can talk with, or why not; another protocol is told so before its body is looked at. */
  #parseJoin(frame: Frame, from: Origin): ValidMessage<"join"> | ZeroDropReason {
    const envelope = parseFrame(frame);
    if (typeof envelope === "string") return envelope;
    if (!isOfClient(envelope)) return "droppedMessage";
    if (!isPlain(envelope)) return "droppedEnvelope";
    if (nextState(serverStates, this.stateOf(frame.cid), envelope.msg) === undefined) {
      return "droppedState";
    }
    if (!hasValidSys(envelope)) return "droppedSchema";
    const { hash, version } = envelope.sys;
    if (this.#negotiate(envelope.sys) === undefined) {
      const detail = cutDetail(differences(this.#protocol, hash).join(", "));
      const rejection = this.#rejection(frame.cid, envelope.seq, {
        reason: "protocol",
        ...(detail === "" ? {} : { detail }),
        protocol: this.#protocol.name,
        version: this.#protocol.version,
        hash: this.#protocol.hash,
        clientVersion: version,
        clientHash: hash,
      });
      this.#answerUnproven(rejection, from);
      return "droppedProtocol";
    }
    if (!hasSecurityMembers(this.#protocol, envelope)) return "droppedSchema";
    const { key, token } = envelope.sys;
    if ((token !== undefined) !== frame.sigAt >= 0) return "droppedEnvelope";
    if (key !== undefined && decodeKey(key) === undefined) return "droppedSchema";
    if (envelope.sys.piece !== undefined) return envelope;
    if (!this.#bodies.isSound(envelope)) return "droppedSchema";
    if (this.#bodies.takes(envelope.sys)) return envelope;
    const sys: RejectSys = { reason: "denied", detail: TOO_LONG };
    this.#answerUnproven(this.#rejection(frame.cid, envelope.seq, sys), from);
    return "droppedPieces";
  }

  #isValid<M extends MessageName>(envelope: Envelope<M>): envelope is ValidMessage<M> {
    return (
      hasValidSys(envelope) &&
      hasSecurityMembers(this.#protocol, envelope) &&
      hasValidBody(this.#protocol, envelope)
    );
  }

  /**
   * The port where a join arrived: the application has decided. Sends `datagram` (what `reserve` of the chosen port
   * made) now and whenever the join is repeated. Too late: counted, nothing is sent, the reservation will expire.
   */
  answer(cid: string, datagram: Uint8Array, nowMs: number): void {
    this.#joins.expire(nowMs);
    const entry = this.#joins.decide(cid, datagram.slice());
    if (entry === undefined) this.#counters.answersLate++;
    else this.#send(entry.answer!, entry);
  }

  /** The port where a join arrived: it is refused. */
  reject(cid: string, reason: RejectReason, detail: string, nowMs: number): void {
    const sys: RejectSys = detail === "" ? { reason } : { reason, detail: cutDetail(detail) };
    this.answer(cid, this.#rejection(cid, JOIN_SEQ, sys), nowMs);
  }

  /** The port where a join arrived: its connection id is somebody's already, so its client is to take another. */
  turnAway(cid: string, nowMs: number): void {
    this.#counters.goneSent++;
    this.answer(cid, this.#goneDatagram(cid), nowMs);
  }

  /** Whether a connection id has a place on this port, so that `reserve` would throw. */
  hasPlaced(cid: string, nowMs: number): boolean {
    this.#peers.handleTimeout(nowMs);
    return this.#peers.stateOf(cid) !== undefined;
  }

  /**
   * The chosen port: reserves a slot for this connection id until the handshake's deadline, and makes the accept that
   * the port where the join arrived will send. The path is the client's as that port saw it, and `key` is what its join
   * brought. Undefined where that key gives no shared secret: nothing is reserved. Throws `InvalidMessageError` for a
   * wrong body, STARDUST_INVALID_OPTION for a cid or peer that is here already and where there is no room.
   */
  reserve(o: ReserveRequest): Uint8Array | undefined {
    const body = outgoingBody(this.#protocol, "accept", o.accept);
    const made = this.#accepts.make(o, body);
    if (made === undefined) return undefined;
    this.#peers.handleTimeout(o.nowMs);
    const { peer: id, cid, address, port, local } = o;
    const { keys, tag, secrets } = made;
    this.#peers.reserve({ id, cid, address, port, local, keys, tag, secrets }, o.nowMs);
    return made.datagram;
  }

  /**
   * Ends a reservation or a peer. A peer is told, again and again for at most ZERO_CLOSE_TIMEOUT_MS; event `closed`
   * follows. Unknown or ended: nothing happens.
   */
  close(peer: number, code: string, reason: string, nowMs: number): void {
    this.#peers.close(peer, code, reason, nowMs);
  }

  /** Forgets a peer at once, without a word or an event. Its join is remembered until its cookie has expired. */
  forget(peer: number): void {
    this.#peers.forget(peer);
  }

  handleTimeout(nowMs: number): void {
    this.#joins.expire(nowMs);
    this.#cookies.expire(nowMs);
    this.#peers.handleTimeout(nowMs);
  }

  /** When to call `handleTimeout`; infinity: not before something else happens. */
  pollDeadline(): number {
    const { deadlineMs } = this.#cookies;
    return Math.min(deadlineMs, this.#joins.deadlineMs(), this.#peers.deadlineMs());
  }

  /** The next datagram to be sent, until undefined. */
  pollTransmit(_nowMs: number): ZeroServerTransmit | undefined {
    return this.#outbox.poll();
  }

  pollEvent(): ZeroServerEvent | undefined {
    return this.#events.poll();
  }

  #processing({ cid, collected }: JoinEntry): Uint8Array {
    const sys = collected === undefined ? {} : { pieces: collected.collector.received };
    return buildDatagram(this.#crypto, { cid, msg: "processing", seq: 0, ack: JOIN_SEQ, sys });
  }

  #rejection(cid: string, ack: number, sys: RejectSys): Uint8Array {
    this.#counters.rejectsSent++;
    this.#counters[rejectCounters[sys.reason]]++;
    return buildDatagram(this.#crypto, { cid, msg: "reject", seq: REJECT_SEQ, ack, sys });
  }

  #gone(cid: string, from: Origin, proof?: string): void {
    if (!this.#answerUnproven(this.#goneDatagram(cid, proof), from)) return;
    this.#counters.goneSent++;
    if (proof !== undefined) this.#counters.proofsSent++;
  }

  #goneDatagram(cid: string, proof?: string): Uint8Array {
    const sys = proof === undefined ? {} : { proof };
    return buildDatagram(this.#crypto, { cid, msg: "gone", seq: 0, ack: 0, sys });
  }

  /** To an address that has proven nothing: never more bytes than it sent. */
  #answerUnproven(bytes: Uint8Array, from: Origin): boolean {
    if (bytes.length > from.bytes) {
      this.#counters.sendsWithheld++;
      return false;
    }
    this.#send(bytes, from);
    return true;
  }

  #send(bytes: Uint8Array, { address, port, local }: NetworkPath): void {
    if (!this.#outbox.push({ bytes, address, port, local })) {
      this.#counters.outboxFull++;
      return;
    }
    this.#counters.datagramsSent++;
    this.#counters.bytesSent += bytes.length;
  }
}
