/** A wrapped socket that shows every datagram to somebody who listens in. */
import type { DatagramSocket } from "stardust-udp";

export interface Captured {
  /** Who sent it. */
  readonly from: "client" | "server";
  readonly serverPort: number;
  readonly bytes: Uint8Array;
}

/** For `wrapSocket`: passes everything on and records a copy. */
export function tap(captured: Captured[]): (socket: DatagramSocket) => DatagramSocket {
  return (socket) => ({
    port: socket.port,
    address: socket.address,
    send: (bytes, port, address) => {
      captured.push({ from: "client", serverPort: port, bytes: new Uint8Array(bytes) });
      socket.send(bytes, port, address);
    },
    listen: (listener) => {
      socket.listen((bytes, address, port) => {
        captured.push({ from: "server", serverPort: port, bytes: new Uint8Array(bytes) });
        listener(bytes, address, port);
      });
    },
    close: () => socket.close(),
  });
}
