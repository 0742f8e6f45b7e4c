/**
 * udx-native: a stream of bytes, reliable and ordered, over UDP in C, with messages cut as those of TCP are (tcp.js). It has no
 * handshake, so the client says which stream it opens, again until the server answers on it. Its sockets get the same buffers.
 */
import { createRequire } from "node:module";
import { cutter, Gatherer } from "./tcp.js";

const require = createRequire(new URL("../peers/package.json", import.meta.url));
const UDX = require("udx-native");

const BUFFER_BYTES = 4 << 20;
const HELLO_AGAIN_MS = 50;

function open(udx, host) {
  const socket = udx.createSocket();
  socket.bind(0, host);
  socket.setRecvBufferSize(BUFFER_BYTES);
  socket.setSendBufferSize(BUFFER_BYTES);
  return socket;
}

export async function serve(options, work) {
  const udx = new UDX();
  const host = options.host ?? "127.0.0.1";
  const socket = open(udx, host);
  const gatherers = new Map();
  const downBytes = options.downBytes ?? options.upBytes;
  socket.on("message", (bytes, { host, port }) => {
    const id = bytes.readUInt32LE(0);
    const key = `${host}:${port}`;
    if (gatherers.has(key)) return;
    const stream = udx.createStream(gatherers.size + 1);
    stream.on("error", () => {});
    stream.connect(socket, id, port, host);
    const state = work.connected();
    const gatherer = new Gatherer(stream, downBytes);
    gatherers.set(key, gatherer);
    const cut = cutter(options.upBytes, (sequence, atUs, good) => {
      if (work.take(state, sequence, good, atUs)) gatherer.add(sequence, atUs);
    });
    stream.on("data", (chunk) => {
      cut(chunk);
      gatherer.flush();
    });
    const answer = Buffer.alloc(4);
    answer.writeUInt32LE(stream.id);
    socket.send(answer, port, host);
  });
  return {
    port: socket.address().port,
    broadcast(sequence, atUs) {
      for (const gatherer of gatherers.values()) {
        gatherer.add(sequence, atUs);
        gatherer.flush();
      }
      return gatherers.size;
    },
    async close() {},
  };
}

let shared;
let lastId = 0;

export async function connect(options, port, take) {
  shared ??= new UDX();
  const host = options.host ?? "127.0.0.1";
  const socket = open(shared, "0.0.0.0");
  const id = ++lastId;
  const hello = Buffer.alloc(4);
  hello.writeUInt32LE(id);
  const remote = await new Promise((resolve) => {
    const timer = setInterval(() => socket.send(hello, port, host), HELLO_AGAIN_MS);
    socket.once("message", (bytes) => {
      clearInterval(timer);
      resolve(bytes.readUInt32LE(0));
    });
    socket.send(hello, port, host);
  });
  const stream = shared.createStream(id);
  stream.on("error", () => {});
  stream.connect(socket, remote, port, host);
  const downBytes = options.downBytes ?? options.upBytes;
  stream.on(
    "data",
    cutter(downBytes, (_sequence, atUs, good) => take(atUs, good)),
  );
  const gatherer = new Gatherer(stream, options.upBytes);
  let waits = false;
  const write = stream.write.bind(stream);
  stream.write = (bytes) => {
    if (!write(bytes)) waits = true;
  };
  stream.on("drain", () => {
    waits = false;
  });
  return {
    send(sequence, atUs) {
      if (waits) return false;
      gatherer.add(sequence, atUs);
      return true;
    },
    flush: () => gatherer.flush(),
    drained: () => new Promise((resolve) => (waits ? stream.once("drain", resolve) : resolve())),
    async close() {
      stream.destroy();
    },
  };
}
