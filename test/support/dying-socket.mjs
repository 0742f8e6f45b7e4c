/** Sockets of a worker that dies, as by a crash, when it is sent the three letters `die`. For `listen({ wrapSocket })`. */
export default function wrapSocket(socket) {
  return {
    port: socket.port,
    address: socket.address,
    send: (bytes, port, address) => socket.send(bytes, port, address),
    listen(listener) {
      socket.listen((bytes, address, port) => {
        if (bytes.byteLength === 3 && String.fromCharCode(...bytes) === "die") process.exit(3);
        listener(bytes, address, port);
      });
    },
    unref: () => socket.unref?.(),
    close: () => socket.close(),
  };
}
