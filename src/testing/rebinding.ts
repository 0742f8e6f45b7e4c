/**
 * A NAT in front of a server that forgets its bindings now and then: from then on clients come from other ports, and what
 * is sent to the old ones goes nowhere. Bounded: MAX_BINDINGS clients since the last time, the oldest forgotten first.
 */

const MAX_BINDINGS = 65_536;
const FIRST_PORT = 1024;
const PORTS = 65_536 - FIRST_PORT;
/** How far a port moves each time; odd, so that no two ports come together. */
const STRIDE = 7919;

export class Rebinding {
  readonly #atMs: readonly number[];
  /** How often it has forgotten. */
  #times = 0;
  /** The port of a client by the address and port that the server sees, since it forgot last. */
  readonly #inside: Map<string, number> = new Map();

  /** `atMs`: when it forgets, ascending. */
  constructor(atMs: readonly number[]) {
    this.#atMs = atMs;
  }

  /** The port that a datagram of a client seems to come from. */
  outside(port: number, address: string, nowMs: number): number {
    this.#forget(nowMs);
    if (this.#times === 0) return port;
    const shown = FIRST_PORT + ((port + this.#times * STRIDE) % PORTS);
    const key = `${address} ${shown}`;
    if (!this.#inside.has(key) && this.#inside.size >= MAX_BINDINGS) {
      for (const oldest of this.#inside.keys()) {
        this.#inside.delete(oldest);
        break;
      }
    }
    this.#inside.set(key, port);
    return shown;
  }

  /** Whom a datagram to `port` reaches; undefined: nobody. */
  inside(port: number, address: string, nowMs: number): number | undefined {
    this.#forget(nowMs);
    return this.#times === 0 ? port : this.#inside.get(`${address} ${port}`);
  }

  #forget(nowMs: number): void {
    while (nowMs >= (this.#atMs[this.#times] ?? Number.POSITIVE_INFINITY)) {
      this.#times++;
      this.#inside.clear();
    }
  }
}
