/**
 * The slots of all ports, and the rule that chooses a port where the application has none of its own: the first of those
 * with the fewest peers, reservations counted. Only the application's thread writes it. Peer ids are made here too: slot
 * in the low bits, then the port, then a generation, so that an id is not given again before its slot has been used
 * 2^generation-bits times. For a peer that goes to another port a place there is reserved in the same way, and its id is not used.
 */
import type { PortLoad } from "../connection-contract.ts";
import { slotSpan } from "../port/memory.ts";

/** The slots of one port. */
interface PortSlots {
  /** Takes new peers. */
  open: boolean;
  /** Slots in use, by peers and by reservations. */
  used: number;
  /** Free slots, a ring: the one freed longest ago stands at `next`, and there are as many as are not used. */
  readonly free: Uint32Array;
  next: number;
  /** Next generation of each slot. */
  readonly generations: Uint32Array;
}

export class Placement {
  readonly #ports: PortSlots[];
  readonly #slotSpan: number;
  readonly #portSpan: number;
  readonly #generations: number;
  readonly #maxPeers: number;

  constructor(ports: number, maxPeersPerPort: number) {
    this.#maxPeers = maxPeersPerPort;
    this.#slotSpan = slotSpan(maxPeersPerPort);
    this.#portSpan = 2 ** Math.ceil(Math.log2(Math.max(2, ports)));
    this.#generations = 2 ** 32 / this.#slotSpan / this.#portSpan;
    this.#ports = Array.from({ length: ports }, () => ({
      open: true,
      used: 0,
      free: Uint32Array.from({ length: maxPeersPerPort }, (_, slot) => slot),
      next: 0,
      generations: new Uint32Array(maxPeersPerPort),
    }));
  }

  /** Peers and reservations of a port. */
  used(port: number): number {
    return this.#ports[port]!.used;
  }

  /** Which port an id was reserved for. */
  portOf(peer: number): number {
    return Math.floor(peer / this.#slotSpan) % this.#portSpan;
  }

  /** A port whose worker is gone takes no peers until it is open again. */
  setOpen(port: number, open: boolean): void {
    this.#ports[port]!.open = open;
  }

  /** How many more peers a port takes; none while it is not open. */
  room(port: number): number {
    const { open, used } = this.#ports[port]!;
    return open ? this.#maxPeers - used : 0;
  }

  /**
   * Reserves a slot and returns the id of its peer, which is none that `isTaken`: a peer that has gone to another port keeps the one
   * that it was given. Undefined when the port takes nobody.
   */
  reserve(port: number, isTaken: (id: number) => boolean): number | undefined {
    if (this.room(port) === 0) return undefined;
    const slots = this.#ports[port]!;
    const slot = slots.free[slots.next]!;
    slots.next = (slots.next + 1) % this.#maxPeers;
    slots.used++;
    for (;;) {
      const generation = slots.generations[slot]!;
      slots.generations[slot] = (generation + 1) % this.#generations;
      const id = (generation * this.#portSpan + port) * this.#slotSpan + slot;
      if (!isTaken(id)) return id;
    }
  }

  /** The slot of an id that `reserve` has returned. */
  slotOf(id: number): number {
    return id % this.#slotSpan;
  }

  /** Its peer has left or is at another port, or its reservation was not taken up. */
  release(id: number): void {
    const slots = this.#ports[this.portOf(id)]!;
    slots.free[(slots.next + this.#maxPeers - slots.used) % this.#maxPeers] = this.slotOf(id);
    slots.used--;
  }
}

/**
 * The first port with the fewest peers, promised places counted, of those that have room; undefined when all are full. It
 * places peers where `listen` has no `place`.
 */
export function emptiestPort(ports: readonly PortLoad[]): number | undefined {
  let best: PortLoad | undefined;
  // `<`, in rising order: the first of several with equally few peers.
  for (const load of ports) {
    if (load.room === 0) continue;
    if (best === undefined || taken(load) < taken(best)) best = load;
  }
  return best?.port;
}

/** How far `fullestPort` fills a port before it begins with another. */
export interface PortFill {
  /** Peers of a port at most, promised places counted: what a burst of joins is held to, which the load follows some time behind. */
  readonly peers: number;
  /** Part of its time, 0 to 1, from which on its worker is too busy (`PortLoad.load`); default 0.5. */
  readonly load?: number | undefined;
}

/**
 * The port with the most peers, promised places counted, of those that are to have more: that have room, and are filled less than
 * `fill` says. Of several the first; undefined when there is none. For a `place` that fills ports one after the other: a worker is
 * woken by each datagram that comes alone, so that few peers on few ports take less of the processor than as many on all of them. Not for
 * who asks to stay where he is: he could not reach the port that he was sent to (`Placing.stay`), and would be sent there again.
 */
export function fullestPort(ports: readonly PortLoad[], fill: PortFill): number | undefined {
  const { peers: most, load: busiest = 0.5 } = fill;
  let best: PortLoad | undefined;
  for (const port of ports) {
    if (port.room === 0 || !(taken(port) < most) || !(port.load < busiest)) continue;
    if (best === undefined || taken(port) > taken(best)) best = port;
  }
  return best?.port;
}

function taken({ peers, promised }: PortLoad): number {
  return peers + promised;
}
