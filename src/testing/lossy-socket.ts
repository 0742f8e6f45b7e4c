/**
 * A bad network in front of a real socket, both ways, for demonstrations and for tests of a whole game: the links of
 * link.ts in real time, so not repeatable to the datagram. In virtual time use `Pair`.
 *
 * The module can also be handed to workers: `listen({ wrapSocket: lossySocketUrl, wrapSocketData: { loss: 0.1 } })`.
 */
import type { DatagramListener, DatagramSocket } from "../udp/socket.ts";
import { type LinkClock, type LinkCounts, type LinkOptions, SimulatedLink } from "./link.ts";
import { SeededRandom } from "./random.ts";
import { Rebinding } from "./rebinding.ts";

/** The options of both directions, and what differs in one. */
export interface LossySocketOptions extends LinkOptions {
  readonly outgoing?: LinkOptions | undefined;
  readonly incoming?: LinkOptions | undefined;
  /**
   * Of a server's socket: when its clients' ports become others, as behind a NAT that has forgotten them; milliseconds from
   * when the socket was made, ascending.
   */
  readonly rebindsAtMs?: readonly number[] | undefined;
  /** Decides which are dropped; default 1. */
  readonly seed?: number | undefined;
}

export interface LossySocket extends DatagramSocket {
  readonly outgoing: LinkCounts;
  readonly incoming: LinkCounts;
}

/** Real time; what is due at once happens before `at` returns. */
class RealTime implements LinkClock {
  readonly #timers: Set<ReturnType<typeof setTimeout>> = new Set();
  #stopped = false;

  get nowMs(): number {
    return performance.now();
  }

  at(atMs: number, run: () => void): void {
    if (this.#stopped) return;
    const waitMs = atMs - this.nowMs;
    if (waitMs <= 0) {
      run();
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, waitMs);
    this.#timers.add(timer);
  }

  /** Nothing happens any more. */
  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}

function nobody(): void {}

/** Wraps `socket`. Closing drops what is still on its way. */
export function lossySocket(socket: DatagramSocket, options: LossySocketOptions = {}): LossySocket {
  const time = new RealTime();
  const random = new SeededRandom(options.seed ?? 1);
  const { outgoing: out, incoming: back, seed: _, rebindsAtMs = [], ...both } = options;
  const madeAtMs = time.nowMs;
  const nat = new Rebinding(rebindsAtMs);
  const elapsedMs = (): number => time.nowMs - madeAtMs;
  const outgoing = new SimulatedLink(time, random, { ...both, ...out }, nobody);
  const incoming = new SimulatedLink(time, random, { ...both, ...back }, nobody);
  let closed = false;

  return {
    outgoing,
    incoming,
    get port(): number {
      return socket.port;
    },
    get address(): string {
      return socket.address;
    },
    send(bytes: Uint8Array, port: number, address: string): void {
      if (closed) return;
      outgoing.send(bytes, 0, bytes.length, (datagram) => {
        const inside = nat.inside(port, address, elapsedMs());
        if (inside !== undefined) socket.send(datagram, inside, address);
      });
    },
    unref(): void {
      socket.unref?.();
    },
    listen(listener: DatagramListener): void {
      socket.listen((bytes, address, port) => {
        if (closed) return;
        incoming.send(bytes, 0, bytes.length, (datagram) =>
          listener(datagram, address, nat.outside(port, address, elapsedMs())),
        );
      });
    },
    close(): Promise<void> {
      closed = true;
      time.stop();
      return socket.close();
    },
  };
}

/** What a worker calls: `data` is the `wrapSocketData` of `listen`, LossySocketOptions. */
export default function wrapSocket(socket: DatagramSocket, data: unknown): LossySocket {
  return lossySocket(socket, (data ?? {}) as LossySocketOptions);
}

/** URL of this module, for the `wrapSocket` option of `listen`. */
export const lossySocketUrl: string = import.meta.url;
