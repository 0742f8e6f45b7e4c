/** Whose datagrams come from where: peers by address and port, without making a key of the two for each datagram. */

/** What has an address: where it was put last. */
export interface Addressed {
  address: string;
  port: number;
}

export class Addresses<T extends Addressed> {
  readonly #hosts = new Map<string, Map<number, T>>();

  get(address: string, port: number): T | undefined {
    return this.#hosts.get(address)?.get(port);
  }

  /** Puts a holder there, and returns another that was there before and is now nowhere. */
  move(holder: T, address: string, port: number): T | undefined {
    this.remove(holder);
    holder.address = address;
    holder.port = port;
    let ports = this.#hosts.get(address);
    if (ports === undefined) {
      ports = new Map();
      this.#hosts.set(address, ports);
    }
    const before = ports.get(port);
    ports.set(port, holder);
    return before;
  }

  /** Takes a holder away from where it is, if it still is there. */
  remove(holder: T): void {
    const ports = this.#hosts.get(holder.address);
    if (ports?.get(holder.port) !== holder) return;
    ports.delete(holder.port);
    if (ports.size === 0) this.#hosts.delete(holder.address);
  }
}
