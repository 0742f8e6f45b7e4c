/**
 * Whose datagrams come from where: peers by address, port and the server's own address that they come to, without making
 * a text of them for each datagram. This file alone decides who has an address. Only who has shown that it receives there has one: a source address by itself
 * is a claim that anybody can make.
 */
import type { NetworkPath } from "../zero/network-path.ts";

/** An entry of the address table, with its current address. */
export interface Addressed extends NetworkPath {
  address: string;
  port: number;
  local: number;
  /** It has shown that it receives there. No regular datagram goes either way before. */
  proven: boolean;
}

/** One number of the two. */
function portAndLocal(port: number, local: number): number {
  return local * 0x1_0000 + port;
}

export class Addresses<T extends Addressed> {
  readonly #hosts = new Map<string, Map<number, T>>();

  get(address: string, port: number, local: number): T | undefined {
    return this.#hosts.get(address)?.get(portAndLocal(port, local));
  }

  /**
   * Puts a holder where it has proven to be, now: what was sent there has come back from there. So it takes an address
   * from the entry that had it before: that one is heard no more, is sent nothing, and idles out.
   */
  take(holder: T, { address, port, local }: NetworkPath): void {
    this.remove(holder);
    holder.address = address;
    holder.port = port;
    holder.local = local;
    holder.proven = true;
    let ports = this.#hosts.get(address);
    if (ports === undefined) {
      ports = new Map();
      this.#hosts.set(address, ports);
    }
    const key = portAndLocal(port, local);
    const before = ports.get(key);
    if (before !== undefined) before.proven = false;
    ports.set(key, holder);
  }

  /** As `take`, for a proof that is as old as a cookie: it counts where no entry has the address. */
  takeFree(holder: T, path: NetworkPath): void {
    if (this.get(path.address, path.port, path.local) === undefined) this.take(holder, path);
  }

  /** Takes a holder away from where it is, if it still is there. */
  remove(holder: T): void {
    const ports = this.#hosts.get(holder.address);
    const key = portAndLocal(holder.port, holder.local);
    if (ports?.get(key) !== holder) return;
    ports.delete(key);
    if (ports.size === 0) this.#hosts.delete(holder.address);
  }
}
