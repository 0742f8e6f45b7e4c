/**
 * Sockets of a server that tell on the diagnostics channel `test:socket` of each datagram, of the turn of the event loop behind it, and, with
 * the time, each time that they rest. For `listen({ wrapSocket })`.
 */
import { channel } from "node:diagnostics_channel";

const told = channel("test:socket");

export default function wrapSocket(socket) {
  return {
    port: socket.port,
    address: socket.address,
    get hasMore() {
      return socket.hasMore;
    },
    send: (bytes, port, address) => socket.send(bytes, port, address),
    listen: (listener) =>
      socket.listen((...datagram) => {
        setImmediate(() => told.publish("turn"));
        told.publish("datagram");
        listener(...datagram);
      }),
    ...(socket.rest && {
      rest(ms) {
        told.publish(ms);
        socket.rest(ms);
      },
    }),
    unref: () => socket.unref?.(),
    close: () => socket.close(),
  };
}
