/**
 * Which port a new peer goes to: the first of those with the fewest peers, reservations counted. Only the application's
 * thread writes it. Peer ids are made here too: slot in the low bits, then the port, then a generation, so that an id
 * is not given again before its slot has been used 2^generation-bits times.
 */
import { slotSpan } from "../port/memory.ts";

/** The slots of one port. */
interface PortSlots {
  /** Takes new peers. */
  open: boolean;
  /** Slots in use, by peers and by reservations. */
  used: number;
  /** Free slots, the one freed longest ago first. */
  readonly free: number[];
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
      free: Array.from({ length: maxPeersPerPort }, (_, slot) => slot),
      generations: new Uint32Array(maxPeersPerPort),
    }));
  }

  /** Peers and reservations of a port. */
  used(port: number): number {
    return this.#ports[port]!.used;
  }

  /** Which port a peer id belongs to. */
  portOf(peer: number): number {
    return Math.floor(peer / this.#slotSpan) % this.#portSpan;
  }

  /** A port whose worker is gone takes no peers until it is open again. */
  setOpen(port: number, open: boolean): void {
    this.#ports[port]!.open = open;
  }

  /**
   * Reserves a slot on `wanted` if that is open and has room, else on the first open port with the fewest peers; undefined
   * when all are full.
   */
  reserve(wanted?: number): { readonly port: number; readonly peer: number } | undefined {
    const best = wanted !== undefined && this.#hasRoom(wanted) ? wanted : this.#emptiest();
    if (best < 0) return undefined;
    const slots = this.#ports[best]!;
    const slot = slots.free.shift()!;
    const generation = slots.generations[slot]!;
    slots.generations[slot] = (generation + 1) % this.#generations;
    slots.used++;
    return { port: best, peer: (generation * this.#portSpan + best) * this.#slotSpan + slot };
  }

  #hasRoom(port: number): boolean {
    const { open, used } = this.#ports[port]!;
    return open && used < this.#maxPeers;
  }

  /** -1 when all are full. */
  #emptiest(): number {
    let best = -1;
    let fewest = this.#maxPeers;
    // `<`, in rising order: the first of several with equally few peers, and none when all are full.
    for (let i = 0; i < this.#ports.length; i++) {
      const { open, used } = this.#ports[i]!;
      if (open && used < fewest) {
        best = i;
        fewest = used;
      }
    }
    return best;
  }

  /** The peer has left, or its reservation was not taken up. */
  release(peer: number): void {
    const slots = this.#ports[this.portOf(peer)]!;
    slots.used--;
    slots.free.push(peer % this.#slotSpan);
  }
}
