/**
 * A socket with no protocol on it, bound to a free port: one of `node:dgram`; a native one of this library (native/socket.c), of
 * which nothing else is used; or one of `node:dgram` on a thread of its own (raw-thread.js), which posts what it has read in a turn.
 * What a listener is given is valid during the call only.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { Worker } from "node:worker_threads";

const BUFFER_BYTES = 4 << 20;

/** Who is sent to is an address: with the look-up that `dgram` has by itself, each send would wait for the next tick. */
const lookup = (host, _options, callback) => callback(null, host, 4);

async function openNode(host) {
  const socket = createSocket({ type: "udp4", lookup });
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

async function openBehind(host) {
  const thread = new Worker(new URL("raw-thread.js", import.meta.url), { workerData: host });
  const [port] = await once(thread, "message");
  return {
    port,
    send: (bytes, port, address) => thread.postMessage({ bytes, port, address }),
    listen: (take) =>
      thread.on("message", (come) => {
        for (const { bytes, address, port } of come) take(bytes, address, port);
      }),
    close: () => thread.terminate(),
  };
}

export function openRaw({ native, behind }, host) {
  if (behind) return openBehind(host);
  return native ? openNative(host) : openNode(host);
}
