/** A network between a client and its server, which can be down: for `connect({ wrapSocket })`. */
import type { DatagramSocket } from "stardust-udp";

export class Line {
  isUp = true;
  /** Sockets that the client has had. */
  sockets = 0;
  readonly wrapSocket = (socket: DatagramSocket): DatagramSocket => {
    this.sockets++;
    return {
      port: socket.port,
      address: socket.address,
      send: (bytes, port, address) => {
        if (this.isUp) socket.send(bytes, port, address);
      },
      listen: (listener) =>
        socket.listen((bytes, address, port) => {
          if (this.isUp) listener(bytes, address, port);
        }),
      close: () => socket.close(),
    };
  };
}
