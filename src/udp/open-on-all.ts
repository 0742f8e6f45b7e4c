/**
 * One port on several addresses, a socket for each. Worst case: as many free ports are tried as MAX_FREE_PORTS says.
 * Not here: how a socket is bound (`open`).
 */
import { PortBindError } from "../errors.ts";
import type { DatagramSocket } from "./socket.ts";

/** How often another free port is tried, where one of the first address is taken on another. */
const MAX_FREE_PORTS = 16;

/**
 * Binds one port on each of `hosts`, in their order: on all of them, or on none. `port` 0: one that is free on all.
 * Rejects with what `open` rejects with, a `PortBindError`.
 */
export async function openOnAll(
  hosts: readonly string[],
  port: number,
  open: (host: string, port: number) => Promise<DatagramSocket>,
): Promise<DatagramSocket[]> {
  for (let tried = 1; ; tried++) {
    const sockets: DatagramSocket[] = [];
    try {
      for (const host of hosts) sockets.push(await open(host, sockets[0]?.port ?? port));
      return sockets;
    } catch (error) {
      await Promise.all(sockets.map((socket) => socket.close()));
      const isTaken =
        error instanceof PortBindError &&
        (error.cause as NodeJS.ErrnoException).code === "EADDRINUSE";
      if (port !== 0 || sockets.length === 0 || !isTaken || tried === MAX_FREE_PORTS) throw error;
    }
  }
}
