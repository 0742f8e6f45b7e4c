/** A socket of which something stands between what comes and who listens. */
import type { DatagramSocket } from "stardust-udp";

type Listener = Parameters<DatagramSocket["listen"]>[0];

/** `between` is asked for each datagram; it may keep the bytes, and calls what hands them on when it likes. */
export function listeningBy(
  socket: DatagramSocket,
  between: (bytes: Uint8Array, pass: () => void) => void,
): DatagramSocket {
  return {
    port: socket.port,
    address: socket.address,
    send: (bytes, port, address) => socket.send(bytes, port, address),
    listen: (listener: Listener) =>
      socket.listen((bytes, address, port) => {
        const copy = Uint8Array.from(bytes);
        between(copy, () => listener(copy, address, port));
      }),
    close: () => socket.close(),
  };
}
