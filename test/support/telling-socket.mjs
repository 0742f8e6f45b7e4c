/** Sockets of a server that tell each time that they rest, on the diagnostics channel `test:rest`. For `listen({ wrapSocket })`. */
import { channel } from "node:diagnostics_channel";

const rests = channel("test:rest");

export default function wrapSocket(socket) {
  return {
    port: socket.port,
    address: socket.address,
    get hasMore() {
      return socket.hasMore;
    },
    send: (bytes, port, address) => socket.send(bytes, port, address),
    listen: (listener) => socket.listen(listener),
    rest(ms) {
      rests.publish(ms);
      socket.rest(ms);
    },
    unref: () => socket.unref?.(),
    close: () => socket.close(),
  };
}
