/**
 * A peer as the systems of its port see it, and what sends to it for them. What is the same for all peers of a port stands
 * in one object, and what few peers are asked for is made when it is asked for.
 */
import { clockView, type RemoteClock } from "../clock.ts";
import type { CloseOptions } from "../connection-contract.ts";
import { addressText, checkClose, checkToken } from "../endpoint.ts";
import type { ExchangePeer } from "../exchange.ts";
import type { SendTarget } from "../face.ts";
import type { Groups } from "../groups.ts";
import { hasChannel, type NegotiatedVersion } from "../negotiated-version.ts";
import type { Protocol } from "../protocol.ts";
import type { PeerStats } from "../stats.ts";
import type { Systems, SystemsPeer, SystemsPort } from "../systems.ts";
import { nowMs } from "../udp/turn.ts";
import type { HostedExchanges } from "./hosted-exchanges.ts";

/** A peer of the worker that hosts the systems: what they do with it happens at once, on the same thread. */
export interface WorkerPeer {
  readonly id: number;
  /** What the systems have of it; undefined before they know it, and after. */
  hosted: HostedPeer | undefined;
  readonly negotiated: NegotiatedVersion;
  /** Where it is now. */
  readonly address: string;
  readonly port: number;
  readonly isAway: boolean;
  /** What it was let in with. */
  readonly admission: Admission | undefined;
  /** False: not taken, there is no room or the peer is leaving. Throws InvalidMessageError. */
  sendMessage(channel: number, message: unknown, token?: number): boolean;
  /** The same of one that is encoded. */
  sendBytes(channel: number, bytes: Uint8Array, view: DataView, token?: number): boolean;
  close(code: string, reason: string, lingerMs: number): void;
  stats(nowMs: number): PeerStats;
  /** What is known of its clock (../clock.ts); undefined where the layout has none. */
  readonly clockWords: Float64Array | undefined;
}

/** What the systems are told of a peer that was let in: structured clones of what the application has. */
export interface Admission {
  readonly join: unknown;
  readonly accept: unknown;
  readonly state: unknown;
  /** Of a peer that has come from another port. */
  readonly moved?: { readonly from: number; readonly nextRequest: number | undefined };
}

/** What the peers of a port share. */
export interface HostedPort {
  readonly protocol: Protocol;
  readonly face: Systems["face"];
  readonly owner: SystemsPort;
  readonly groups: Groups<SystemsPeer, object>;
  readonly exchanges: HostedExchanges;
}

const NOTHING: object = {};
const NO_ADMISSION: Admission = { join: undefined, accept: undefined, state: undefined };

export class HostedPeer implements SendTarget {
  readonly face: HostedFace;
  readonly port: HostedPort;
  readonly peer: WorkerPeer;

  constructor(port: HostedPort, peer: WorkerPeer) {
    this.port = port;
    this.peer = peer;
    this.face = new HostedFace(this);
  }

  /** Whom requests are made of, and whose are answered. */
  asked(): ExchangePeer {
    return {
      name: "peer",
      origin: [this.face],
      send: (channel, message) => this.send(channel, message),
    };
  }

  lacks(channel: number): boolean {
    return this.peer.negotiated.lacks.includes(channel);
  }

  send(channel: number, message: unknown, token?: number): boolean {
    const named = checkToken(this.port.protocol.channels[channel]!, token);
    return this.peer.sendMessage(channel, message, named);
  }

  /** Of one that is encoded. */
  sendBytes(channel: number, bytes: Uint8Array, view: DataView, token?: number): boolean {
    const named = checkToken(this.port.protocol.channels[channel]!, token);
    return this.peer.sendBytes(channel, bytes, view, named);
  }
}

class HostedFace implements SystemsPeer {
  readonly id: number;
  readonly join: object;
  readonly accept: object;
  state: unknown;
  readonly movedFrom: number | undefined;
  readonly #hosted: HostedPeer;
  #send: object | undefined;
  #request: object | undefined;
  #clock: RemoteClock | undefined;

  constructor(hosted: HostedPeer) {
    const { id, admission = NO_ADMISSION } = hosted.peer;
    this.#hosted = hosted;
    this.id = id;
    this.join = (admission.join ?? NOTHING) as object;
    this.accept = (admission.accept ?? NOTHING) as object;
    this.state = admission.state;
    this.movedFrom = admission.moved?.from;
  }

  get address(): string {
    const { address, port } = this.#hosted.peer;
    return addressText(address, port);
  }

  get isAway(): boolean {
    return this.#hosted.peer.isAway;
  }

  get owner(): SystemsPort {
    return this.#hosted.port.owner;
  }

  get groups(): ReadonlySet<string> {
    return this.#hosted.port.groups.of(this);
  }

  get send(): object {
    this.#send ??= this.#hosted.port.face.send(this.#hosted);
    return this.#send;
  }

  get request(): object {
    const { exchanges, face } = this.#hosted.port;
    const asked = (): ExchangePeer => this.#hosted.asked();
    this.#request ??= face.request?.(exchanges.target(this.id, asked)) ?? {};
    return this.#request;
  }

  get version(): number {
    return this.#hosted.peer.negotiated.version;
  }

  has(channel: string): boolean {
    const { port, peer } = this.#hosted;
    return hasChannel(port.protocol, peer.negotiated, channel);
  }

  stats(): PeerStats {
    return this.#hosted.peer.stats(nowMs());
  }

  get clock(): RemoteClock {
    const { port, peer } = this.#hosted;
    this.#clock ??= clockView(
      () => peer.clockWords,
      () => port.owner.time(),
    );
    return this.#clock;
  }

  close(options: CloseOptions = {}): void {
    const { code, reason, lingerMs } = checkClose(options);
    this.#hosted.peer.close(code, reason, lingerMs);
  }
}
