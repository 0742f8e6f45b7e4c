/**
 * ws: one binary message each. Without compression, which is its default off for servers, and without masks left out, which
 * the standard forbids to clients. Messages of a turn are corked into one write, the cheapest way that it has.
 */
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { isGood, put } from "./message.js";

const require = createRequire(new URL("../peers/package.json", import.meta.url));
const { WebSocket, WebSocketServer } = require("ws");

/** So much may wait in a socket before a sender holds on. */
const WAITING_BYTES = 256 * 1024;

const viewOf = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

export async function serve(options, work) {
  const downBytes = options.downBytes ?? options.upBytes;
  const message = () => Buffer.allocUnsafe(downBytes);
  const http = createServer();
  const server = new WebSocketServer({
    server: http,
    perMessageDeflate: false,
    maxPayload: 2 << 20,
  });
  server.on("connection", (socket) => {
    const state = work.connected();
    socket.on("close", () => work.left());
    socket.on("message", (bytes) => {
      const view = viewOf(bytes);
      const good = bytes.length === options.upBytes && isGood(view, 0, bytes.length);
      const sequence = view.getUint32(0, true);
      const atUs = view.getUint32(4, true);
      if (!work.take(state, sequence, good, atUs)) return;
      const answer = message();
      put(viewOf(answer), 0, downBytes, sequence, atUs);
      socket.send(answer);
    });
  });
  await new Promise((resolve) => {
    http.listen({ port: 0, host: options.host ?? "127.0.0.1", backlog: 4096 }, resolve);
  });
  return {
    port: http.address().port,
    broadcast(sequence, atUs) {
      const bytes = message();
      put(viewOf(bytes), 0, downBytes, sequence, atUs);
      for (const socket of server.clients) socket.send(bytes);
      return server.clients.size;
    },
    async close() {
      for (const socket of server.clients) socket.terminate();
      http.close();
    },
  };
}

export async function connect(options, port, take) {
  const socket = new WebSocket(`ws://${options.host ?? "127.0.0.1"}:${port}`, {
    perMessageDeflate: false,
    maxPayload: 2 << 20,
  });
  const downBytes = options.downBytes ?? options.upBytes;
  socket.on("message", (bytes) => {
    const view = viewOf(bytes);
    take(view.getUint32(4, true), bytes.length === downBytes && isGood(view, 0, bytes.length));
  });
  await new Promise((resolve, reject) => {
    socket.on("open", resolve);
    socket.on("error", reject);
  });
  const stream = socket._socket;
  let isCorked = false;
  return {
    send(sequence, atUs) {
      if (stream.writableLength >= WAITING_BYTES) return false;
      if (!isCorked) stream.cork();
      isCorked = true;
      const bytes = Buffer.allocUnsafe(options.upBytes);
      put(viewOf(bytes), 0, bytes.length, sequence, atUs);
      socket.send(bytes);
      return true;
    },
    flush() {
      if (isCorked) stream.uncork();
      isCorked = false;
    },
    drained: () =>
      stream.writableNeedDrain
        ? new Promise((resolve) => stream.once("drain", resolve))
        : new Promise((resolve) => setImmediate(resolve)),
    close: async () => socket.terminate(),
  };
}
