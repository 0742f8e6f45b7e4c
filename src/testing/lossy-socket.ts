/**
 * A bad network in front of a real socket: drops and delays datagrams both ways, for demonstrations and for tests of
 * a whole game. Real time, so not repeatable to the datagram; in virtual time use `SimulatedLink`.
 *
 * The module can also be handed to workers: `listen({ wrapSocket: lossySocketUrl, wrapSocketData: { loss: 0.1 } })`.
 */
import type { DatagramListener, DatagramSocket } from "../udp/socket.ts";
import { SeededRandom } from "./random.ts";

export interface LossySocketOptions {
  /** Probability that a datagram is dropped, in each direction; default 0. */
  readonly loss?: number | undefined;
  /** Added in each direction, milliseconds; default 0. */
  readonly delayMs?: number | undefined;
  /** Up to this much more, evenly spread, milliseconds; default 0. Reorders. */
  readonly jitterMs?: number | undefined;
  /** Decides which are dropped; default 1. */
  readonly seed?: number | undefined;
}

/** Datagrams of one direction. */
export interface LossCount {
  dropped: number;
  passed: number;
}

export interface LossySocket extends DatagramSocket {
  readonly outgoing: Readonly<LossCount>;
  readonly incoming: Readonly<LossCount>;
}

/** Wraps `socket`. Closing drops what is still on its way. */
export function lossySocket(socket: DatagramSocket, options: LossySocketOptions = {}): LossySocket {
  const random = new SeededRandom(options.seed ?? 1);
  const outgoing: LossCount = { dropped: 0, passed: 0 };
  const incoming: LossCount = { dropped: 0, passed: 0 };
  const timers = new Set<ReturnType<typeof setTimeout>>();
  const delayMs = options.delayMs ?? 0;
  const jitterMs = options.jitterMs ?? 0;
  let closed = false;

  function pass(count: LossCount, bytes: Uint8Array, go: (bytes: Uint8Array) => void): void {
    if (closed) return;
    if (random.chance(options.loss ?? 0)) {
      count.dropped++;
      return;
    }
    count.passed++;
    if (delayMs <= 0 && jitterMs <= 0) {
      go(bytes);
      return;
    }
    // The caller's bytes are valid during this call only. A copy by value: `slice` of a Buffer would share them.
    const copy = new Uint8Array(bytes);
    const timer = setTimeout(
      () => {
        timers.delete(timer);
        go(copy);
      },
      delayMs + random.next() * jitterMs,
    );
    timers.add(timer);
  }

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
      pass(outgoing, bytes, (datagram) => socket.send(datagram, port, address));
    },
    unref(): void {
      socket.unref?.();
    },
    listen(listener: DatagramListener): void {
      socket.listen((bytes, address, port) => {
        pass(incoming, bytes, (datagram) => listener(datagram, address, port));
      });
    },
    close(): Promise<void> {
      closed = true;
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
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
