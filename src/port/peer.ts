/**
 * One peer of a port: its connection, where it is, and the messages that its session has no room for. What it shares
 * with the other peers of its port (sockets, rings, deadlines) is the owner's. Worst case of `sendWaiting`: as many
 * messages as the session has room for.
 */
import {
  Connection,
  type ConnectionHost,
  type ConnectionOptions,
  type HandedOver,
} from "../connection/connection.ts";
import type { Counters } from "../counters.ts";
import { addressText } from "../endpoint.ts";
import type { LatencyHistogram } from "../histogram.ts";
import type { NegotiatedVersion } from "../negotiated-version.ts";
import type { ChannelDefinition, Protocol } from "../protocol.ts";
import type { ReceivedMessage } from "../received-message.ts";
import type { SessionSums } from "../session/session-stats.ts";
import { type PeerStats, sumQueues } from "../stats.ts";
import type { NetworkPath } from "../zero/network-path.ts";
import type { Addressed } from "./addresses.ts";
import type { AwayPeers } from "./away-peers.ts";
import type { Admission, HostedPeer, WorkerPeer } from "./hosted-peer.ts";
import { creditCost, fullBit } from "./memory.ts";
import type { PeerOptions } from "./peer-options.ts";
import type { TurnTaker } from "./peer-turns.ts";
import { WaitingMessages, type WaitingState } from "./waiting.ts";

/** What a peer asks of its port. */
export interface PeerPort {
  readonly protocol: Protocol;
  readonly options: PeerOptions;
  readonly userFields: Float64Array;
  readonly counters: Counters;
  /** The number of the port, and what counts the round trips of all its peers. */
  readonly port: number;
  readonly roundTrips: LatencyHistogram;
  /** More is known of its clock. */
  tellClock(peer: PortPeer, words: Float64Array): void;
  /** A message is complete. False: not now; the session keeps it and offers it again. */
  deliver(peer: PortPeer, message: ReceivedMessage): boolean;
  /** What became of a message of the application's. False: not now; it is to be told again when there is room. */
  tellApplication(peer: PortPeer, channel: number, token: number, delivered: boolean): boolean;
  /** Whether a peer is away. False: not now; it is to be told again when there is room. */
  tellAway(peer: PortPeer, isAway: boolean): boolean;
  readonly away: AwayPeers<PortPeer>;
  /** What became of a message of the systems'. */
  tellSystems(peer: PortPeer, channel: number, token: number, delivered: boolean): void;
  sendClose(peer: PortPeer, code: string, reason: string, nowMs: number): void;
  forget(peer: PortPeer): void;
  closePeer(peer: PortPeer, code: string, reason: string, lingerMs: number): void;
  /** Serves the peer at the end of the turn. */
  wake(peer: PortPeer): void;
  /** Gives credit back that the application spent on messages to this peer. */
  refund(peer: PortPeer, channel: number, cost: number): void;
  /** Tells the application of which unreliable channels (`fullBit`) this peer has messages that wait for its session. */
  setFull(peer: PortPeer, bits: number): void;
}

/** The reservation of an accepted client. */
export interface Reservation {
  readonly id: number;
  readonly slot: number;
  readonly negotiated: NegotiatedVersion;
  /** Where it answered the cookie. */
  readonly path: NetworkPath;
  /** For the systems, where there are any. */
  readonly admission?: Admission | undefined;
}

interface UntoldNotice {
  readonly channel: number;
  readonly token: number;
  readonly delivered: boolean;
}

/** A peer as data, for another port; survives structured cloning. */
export interface HandedOverPeer {
  /** Where it was towards the port that it leaves. */
  readonly address: string;
  readonly local: number;
  readonly negotiated: NegotiatedVersion;
  readonly joinedMs: number;
  readonly toldAway: boolean;
  readonly untold: readonly UntoldNotice[];
  readonly waiting: WaitingState;
  readonly connection: HandedOver;
}

/** Tokens of the systems are negative in the session, so that they are told from the application's; and back. */
function ofSystems(token: number): number {
  return -1 - token;
}

const options: WeakMap<PeerPort, ConnectionOptions> = new WeakMap();

/** Those of all connections of a port. */
function connectionOptions(port: PeerPort): ConnectionOptions {
  let known = options.get(port);
  if (known === undefined) {
    const { protocol, userFields, counters, roundTrips } = port;
    const { random, resend, congestion, clockAheadMs = 0, sealCrypto } = port.options;
    known = {
      protocol,
      role: "server",
      random,
      userFields,
      resend,
      congestion,
      sealCrypto,
      roundTrips,
      clockAheadMs,
      counters,
    };
    options.set(port, known);
  }
  return known;
}

export class PortPeer implements ConnectionHost, WorkerPeer, Addressed, TurnTaker {
  readonly id: number;
  readonly slot: number;
  readonly negotiated: NegotiatedVersion;
  readonly admission: Admission | undefined;
  readonly connection: Connection;
  hosted: HostedPeer | undefined = undefined;
  /** Where it answered the cookie, until `Addresses`, which alone changes it, takes another path. */
  address: string;
  port: number;
  local: number;
  proven = false;
  /** The application has processed the join, so broadcasts are for this peer too. */
  joined = false;
  /** When it was there. */
  joinedMs = 0;
  dirty = false;
  deadlineMs: number = Number.POSITIVE_INFINITY;
  heapIndex = -1;
  readonly #waiting = new WaitingMessages();
  /** Whether it is away, as the application was told. */
  #toldAway = false;
  /** Of unreliable channels that wait, as the application was told. */
  #full = 0;
  /** Notices that found no room in the ring, oldest first: no more than the application has open tokens. */
  readonly #untold: UntoldNotice[] = [];
  readonly #port: PeerPort;

  constructor(port: PeerPort, reservation: Reservation) {
    this.#port = port;
    this.id = reservation.id;
    this.slot = reservation.slot;
    this.negotiated = reservation.negotiated;
    this.admission = reservation.admission;
    this.address = reservation.path.address;
    this.port = reservation.path.port;
    this.local = reservation.path.local;
    this.connection = new Connection(connectionOptions(port), this, this);
  }

  /** Messages of the application wait for room in the session. */
  get isWaiting(): boolean {
    return !this.#waiting.isEmpty;
  }

  /** Into the session, or behind what already waits for it. True: the session has a copy, so its credit can go back. */
  queue(
    channel: number,
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
    nowMs: number,
    token: number | undefined,
  ): boolean {
    this.#port.wake(this);
    const definition = this.#port.protocol.channels[channel]!;
    if (this.connection.isAway && !definition.reliable) {
      // Whoever comes back is told what is, not what was.
      this.#port.counters.add("messagesAway");
      if (token !== undefined) this.notice(definition, token, false);
      return true;
    }
    if (!this.#waiting.has(channel)) {
      if (this.connection.session!.send(channel, bytes, start, end, token, view)) return true;
    }
    // What was taken on the way here waits; the application is told to send no more of an unreliable channel.
    if (definition.delivery === "unreliable-sequenced")
      this.#shed(channel, Number.POSITIVE_INFINITY);
    this.#waiting.add(channel, bytes.slice(start, end), nowMs, token);
    this.#tellFull();
    return false;
  }

  /** What waited for the session, as far as it has room now; order on each channel is kept. True: it took some. */
  sendWaiting(nowMs: number): boolean {
    if (this.#waiting.isEmpty) return false;
    const session = this.connection.session!;
    for (const channel of this.#waiting.channels) {
      const { maxAgeMs } = this.#port.protocol.channels[channel]!;
      if (maxAgeMs !== undefined) this.#shed(channel, nowMs - maxAgeMs);
    }
    let hasTaken = false;
    this.#waiting.take((channel, payload, token) => {
      if (!session.send(channel, payload, 0, payload.byteLength, token)) return false;
      this.#port.refund(this, channel, creditCost(payload.byteLength));
      hasTaken = true;
      return true;
    });
    this.#tellFull();
    return hasTaken;
  }

  /** Lets go of what has waited since before a time. */
  #shed(channel: number, beforeMs: number): void {
    this.#waiting.dropBefore(channel, beforeMs, (payloadBytes, token) => {
      this.#port.counters.add("messagesShed");
      if (token !== undefined) this.notice(this.#port.protocol.channels[channel]!, token, false);
      this.#port.refund(this, channel, creditCost(payloadBytes));
    });
  }

  #tellFull(): void {
    let bits = 0;
    for (const channel of this.#waiting.channels) {
      if (!this.#port.protocol.channels[channel]!.reliable) bits |= fullBit(channel);
    }
    if (bits === this.#full) return;
    this.#full = bits;
    this.#port.setFull(this, bits);
  }

  /** Tells the application what there was no room for in the ring, as far as there is now. */
  tellWaiting(): void {
    this.#tellAway();
    const untold = this.#untold;
    let told = 0;
    while (told < untold.length) {
      const { channel, token, delivered } = untold[told]!;
      if (!this.#port.tellApplication(this, channel, token, delivered)) break;
      told++;
    }
    untold.splice(0, told);
  }

  /** What is known of its clock (../clock.ts); undefined where the layout has none. */
  get clockWords(): Float64Array | undefined {
    return this.connection.session!.clock?.words;
  }

  /** Adds its numbers to those of others. */
  addTo(sums: SessionSums, nowMs: number): void {
    this.connection.session!.addTo(sums, nowMs);
    for (const index of this.#waiting.channels) {
      const { bytes, ageMs } = this.#waiting.queueOf(index, nowMs);
      sums.addQueue(index, bytes, ageMs);
    }
  }

  /** What the application knows last is what is; what was in between it need not hear of. */
  #tellAway(): void {
    const { isAway } = this.connection;
    if (isAway === this.#toldAway || !this.#port.tellAway(this, isAway)) return;
    this.#toldAway = isAway;
  }

  /** Its numbers as they are now, while it is there. */
  stats(nowMs: number): PeerStats {
    const stats = this.connection.session!.stats(nowMs);
    const channels = Object.fromEntries(
      this.#port.protocol.channels.map(({ name, index }) => {
        const channel = stats.channels[name]!;
        const queue = sumQueues([channel.queue, this.#waiting.queueOf(index, nowMs)]);
        return [name, { ...channel, queue }];
      }),
    );
    return {
      ...stats,
      queue: sumQueues(Object.values(channels).map(({ queue }) => queue)),
      channels,
      id: this.id,
      port: this.#port.port,
      address: addressText(this.address, this.port),
      connectedMs: nowMs - this.joinedMs,
    };
  }

  get isAway(): boolean {
    return this.connection.isAway;
  }

  // Another port ---------------------------------------------------------------------------------------------------

  /** All that is known of it but what the systems keep, for another port; undefined: it is ending, and stays. */
  handOver(nowMs: number): HandedOverPeer | undefined {
    const connection = this.connection.handOver(nowMs);
    if (connection === undefined) return undefined;
    const { address, local, negotiated, joinedMs } = this;
    const untold = this.#untold.splice(0);
    const waiting = this.#waiting.handOver();
    return {
      address,
      local,
      negotiated,
      joinedMs,
      toldAway: this.#toldAway,
      untold,
      waiting,
      connection,
    };
  }

  /** Goes on where the peer of another port was handed over; it was heard at its path just now. */
  takeOver(state: HandedOverPeer, nowMs: number): void {
    this.joinedMs = state.joinedMs;
    this.#toldAway = state.toldAway;
    this.#untold.push(...state.untold);
    this.#waiting.takeOver(state.waiting);
    const isElsewhere = this.address !== state.address || this.local !== state.local;
    this.connection.takeOver(state.connection, this.negotiated, isElsewhere, nowMs);
    const { clockWords } = this;
    if (clockWords !== undefined) this.#port.tellClock(this, clockWords);
    this.#tellFull();
    this.tellWaiting();
    this.#port.wake(this);
  }

  // For the systems ------------------------------------------------------------------------------------------------

  sendMessage(channel: number, message: unknown, token?: number): boolean {
    if (!this.#mayQueue(channel)) return false;
    const named = token === undefined ? undefined : ofSystems(token);
    const taken = this.connection.session!.sendMessage(channel, message, named);
    if (taken) this.#port.wake(this);
    return taken;
  }

  sendBytes(channel: number, bytes: Uint8Array, view: DataView, token?: number): boolean {
    if (!this.#mayQueue(channel)) return false;
    const named = token === undefined ? undefined : ofSystems(token);
    const taken = this.connection.session!.send(channel, bytes, 0, bytes.length, named, view);
    if (taken) this.#port.wake(this);
    return taken;
  }

  #mayQueue(channel: number): boolean {
    if (!this.connection.takesMessages) return false;
    if (this.connection.isAway && !this.#port.protocol.channels[channel]!.reliable) return false;
    // Behind messages of the application's thread that wait for room, or order would break.
    return !this.#waiting.has(channel);
  }

  close(code: string, reason: string, lingerMs: number): void {
    this.#port.closePeer(this, code, reason, lingerMs);
  }

  // For its connection ---------------------------------------------------------------------------------------------

  deliver(message: ReceivedMessage): boolean {
    return this.#port.deliver(this, message);
  }

  notice({ index }: ChannelDefinition, token: number, delivered: boolean): void {
    if (token < 0) this.#port.tellSystems(this, index, ofSystems(token), delivered);
    else if (
      this.#untold.length > 0 ||
      !this.#port.tellApplication(this, index, token, delivered)
    ) {
      this.#untold.push({ channel: index, token, delivered });
    }
  }

  clock(words: Float64Array): void {
    this.#port.tellClock(this, words);
  }

  sendClose(code: string, reason: string, nowMs: number): void {
    this.#port.sendClose(this, code, reason, nowMs);
  }

  forget(): void {
    this.#port.forget(this);
  }

  away(): void {
    this.#port.counters.add("peersAway");
    this.#port.away.changed(this);
    this.#tellAway();
  }

  back(): void {
    this.#port.counters.add("peersBack");
    this.#port.away.changed(this);
    this.#tellAway();
  }
}
