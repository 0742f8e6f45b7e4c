/**
 * Who goes where: the first port with the shortest list of peers, places that are promised but not taken counted.
 * Only the application's thread writes it. Peer ids are made here too: slot in the low bits, then the port, then a
 * generation, so that an id is not given again before its slot has been used 2^generation-bits times.
 */
import { slotSpan } from "../port/memory.ts";

/** One port's list, as placing sees it. */
interface PortList {
  open: boolean;
  /** Peers and promises. */
  taken: number;
  /** Free slots, the one freed longest ago first. */
  readonly free: number[];
  /** Next generation of each slot. */
  readonly generations: Uint32Array;
}

export class Placement {
  readonly #lists: PortList[];
  readonly #slotSpan: number;
  readonly #portSpan: number;
  readonly #generations: number;
  readonly #maxPeers: number;

  constructor(ports: number, maxPeersPerPort: number) {
    this.#maxPeers = maxPeersPerPort;
    this.#slotSpan = slotSpan(maxPeersPerPort);
    this.#portSpan = 2 ** Math.ceil(Math.log2(Math.max(2, ports)));
    this.#generations = 2 ** 32 / this.#slotSpan / this.#portSpan;
    this.#lists = Array.from({ length: ports }, () => ({
      open: true,
      taken: 0,
      free: Array.from({ length: maxPeersPerPort }, (_, slot) => slot),
      generations: new Uint32Array(maxPeersPerPort),
    }));
  }

  /** Peers and promises of a port. */
  taken(port: number): number {
    return this.#lists[port]!.taken;
  }

  /** Which port a peer id belongs to. */
  portOf(peer: number): number {
    return Math.floor(peer / this.#slotSpan) % this.#portSpan;
  }

  /** A port whose worker is gone takes no peers until it is open again. */
  setOpen(port: number, open: boolean): void {
    this.#lists[port]!.open = open;
  }

  /** Promises a place on the first open port with the shortest list; undefined when all are full. */
  reserve(): { readonly port: number; readonly peer: number } | undefined {
    let best = -1;
    let fewest = this.#maxPeers;
    // `<`, in rising order: the first of several that are equally short (and none when all are full).
    for (let i = 0; i < this.#lists.length; i++) {
      const list = this.#lists[i]!;
      if (list.open && list.taken < fewest) {
        best = i;
        fewest = list.taken;
      }
    }
    if (best < 0) return undefined;
    const list = this.#lists[best]!;
    const slot = list.free.shift()!;
    const generation = list.generations[slot]!;
    list.generations[slot] = (generation + 1) % this.#generations;
    list.taken++;
    return { port: best, peer: (generation * this.#portSpan + best) * this.#slotSpan + slot };
  }

  /** The peer has left, or its promise was not taken up. */
  release(peer: number): void {
    const list = this.#lists[this.portOf(peer)]!;
    list.taken--;
    list.free.push(peer % this.#slotSpan);
  }
}
