/** The socket of a client towards a server. Worst case: one bind. */
import { isIPv6 } from "node:net";
import type { ConnectOptions } from "./connect-options.ts";
import { openSocket } from "./udp/open-socket.ts";
import type { DatagramSocket } from "./udp/socket.ts";

/** A socket towards a server, as its user wraps it. */
export async function openClientSocket(
  {
    socketBufferBytes,
    sockets,
    wrapSocket,
  }: Pick<ConnectOptions, "socketBufferBytes" | "sockets" | "wrapSocket">,
  address: string,
): Promise<DatagramSocket> {
  const plain = await openSocket({
    host: localAddress(address),
    port: 0,
    bufferBytes: socketBufferBytes,
    warn: true,
    kind: sockets,
  });
  try {
    return wrapSocket?.(plain) ?? plain;
  } catch (error) {
    void plain.close();
    throw error;
  }
}

/**
 * The address to bind: loopback for a server on this machine, so that no other machine reaches the socket; else any.
 */
function localAddress(remote: string): string {
  if (remote === "::1" || remote.startsWith("127.")) return isIPv6(remote) ? remote : "127.0.0.1";
  return isIPv6(remote) ? "::" : "0.0.0.0";
}
