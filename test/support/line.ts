/** A network between a client and its server, which can be down, and can lose a part: for `connect({ wrapSocket })`. */
import type { DatagramSocket } from "stardust-udp";
import { SeededRandom } from "#src/testing/random.js";

export class Line {
  isUp = true;
  /** The part of the datagrams that it loses each way. */
  loss = 0;
  /** Sockets that the client has had. */
  sockets = 0;
  readonly #random = new SeededRandom(7);

  get #passes(): boolean {
    return this.isUp && (this.loss === 0 || this.#random.next() >= this.loss);
  }

  readonly wrapSocket = (socket: DatagramSocket): DatagramSocket => {
    this.sockets++;
    return {
      port: socket.port,
      address: socket.address,
      send: (bytes, port, address) => {
        if (this.#passes) socket.send(bytes, port, address);
      },
      listen: (listener) =>
        socket.listen((bytes, address, port) => {
          if (this.#passes) listener(bytes, address, port);
        }),
      close: () => socket.close(),
    };
  };
}
