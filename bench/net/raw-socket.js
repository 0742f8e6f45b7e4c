/**
 * A socket with no protocol on it, bound to a free port: one of `node:dgram`, or a native one of this library (native/socket.c), of
 * which nothing else is used. What a listener is given is valid during the call only.
 */
import { createSocket } from "node:dgram";

const BUFFER_BYTES = 4 << 20;

async function openNode(host) {
  const socket = createSocket("udp4");
  await new Promise((resolve) => socket.bind(0, host, resolve));
  socket.setRecvBufferSize(BUFFER_BYTES);
  socket.setSendBufferSize(BUFFER_BYTES);
  return {
    port: socket.address().port,
    send: (bytes, port, address) => socket.send(bytes, port, address),
    listen: (take) =>
      socket.on("message", (bytes, { address, port }) => take(bytes, address, port)),
    /** What sends to there and nowhere else. */
    async to(port, address) {
      await new Promise((resolve) => socket.connect(port, address, resolve));
      return (bytes) => socket.send(bytes);
    },
    close: async () => socket.close(),
  };
}

async function openNative(host) {
  const [{ openNativeSocket }, { nativeThread }] = await Promise.all(
    ["native-socket", "native-binding"].map((file) => import(`../../dist/src/udp/${file}.js`)),
  );
  const bind = { host, port: 0, bufferBytes: BUFFER_BYTES, ipv6Only: false };
  const { socket } = await openNativeSocket(nativeThread(), bind);
  return {
    port: socket.port,
    send: (bytes, port, address) => socket.send(bytes, port, address),
    listen: (take) => socket.listen(take),
    to: async (port, address) => (bytes) => socket.send(bytes, port, address),
    close: () => socket.close(),
  };
}

export const openRaw = ({ native }, host) => (native ? openNative(host) : openNode(host));
