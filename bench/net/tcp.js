/**
 * `node:net`: messages behind a length of four bytes, `noDelay` set. Messages of a turn are written as one buffer, so that a
 * write is a segment or more, not a message. Both ends read a stream, cut it and verify, as anyone who uses TCP must.
 */
import { createConnection, createServer } from "node:net";
import { isGood, put } from "./message.js";

const CHUNK_BYTES = 64 * 1024;
const WAITING_BYTES = 256 * 1024;
const HEAD_BYTES = 4;

/** Cuts a stream into messages; `take(sequence, atUs, good)` for each. A message that lies in one chunk is read there. */
export function cutter(size, take) {
  const parts = [];
  let heldBytes = 0;
  let wanted = HEAD_BYTES;
  return (chunk) => {
    let bytes = chunk;
    if (heldBytes > 0) {
      parts.push(chunk);
      heldBytes += chunk.length;
      if (heldBytes < wanted) return;
      bytes = Buffer.concat(parts, heldBytes);
      parts.length = 0;
      heldBytes = 0;
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let at = 0;
    for (;;) {
      const left = bytes.length - at;
      wanted = left < HEAD_BYTES ? HEAD_BYTES : HEAD_BYTES + view.getUint32(at, true);
      if (left < wanted) break;
      const good = wanted - HEAD_BYTES === size && isGood(view, at + HEAD_BYTES, size);
      take(view.getUint32(at + HEAD_BYTES, true), view.getUint32(at + HEAD_BYTES + 4, true), good);
      at += wanted;
    }
    heldBytes = bytes.length - at;
    if (heldBytes > 0) parts.push(bytes.subarray(at));
  };
}

/** Gathers messages of a turn into buffers for a stream. */
export class Gatherer {
  constructor(stream, size) {
    this.stream = stream;
    this.size = size;
    this.#next();
  }

  #next() {
    const bytes = Math.max(CHUNK_BYTES, this.size + HEAD_BYTES);
    this.bytes = Buffer.allocUnsafe(bytes);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, bytes);
    this.at = 0;
    this.from = 0;
  }

  add(sequence, atUs) {
    const { size } = this;
    if (this.at + HEAD_BYTES + size > this.bytes.length) {
      this.flush();
      this.#next();
    }
    this.view.setUint32(this.at, size, true);
    put(this.view, this.at + HEAD_BYTES, size, sequence, atUs);
    this.at += HEAD_BYTES + size;
  }

  flush() {
    if (this.at === this.from) return;
    this.stream.write(this.bytes.subarray(this.from, this.at));
    this.from = this.at;
  }
}

export async function serve(options, work) {
  const downBytes = options.downBytes ?? options.upBytes;
  const gatherers = new Set();
  const server = createServer({ noDelay: true }, (socket) => {
    const state = work.connected();
    const gatherer = new Gatherer(socket, downBytes);
    gatherers.add(gatherer);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => gatherers.delete(gatherer) && work.left());
    const cut = cutter(options.upBytes, (sequence, atUs, good) => {
      if (work.take(state, sequence, good, atUs)) gatherer.add(sequence, atUs);
    });
    socket.on("data", (chunk) => {
      cut(chunk);
      gatherer.flush();
    });
  });
  await new Promise((resolve) => {
    server.listen({ port: 0, host: options.host ?? "127.0.0.1", backlog: 4096 }, resolve);
  });
  return {
    port: server.address().port,
    broadcast(sequence, atUs) {
      for (const gatherer of gatherers) {
        gatherer.add(sequence, atUs);
        gatherer.flush();
      }
      return gatherers.size;
    },
    async close() {
      for (const { stream } of gatherers) stream.destroy();
      server.close();
    },
  };
}

export async function connect(options, port, take) {
  const socket = createConnection({ port, host: options.host ?? "127.0.0.1", noDelay: true });
  const downBytes = options.downBytes ?? options.upBytes;
  socket.on(
    "data",
    cutter(downBytes, (_sequence, atUs, good) => take(atUs, good)),
  );
  await new Promise((resolve, reject) => {
    socket.on("connect", resolve);
    socket.on("error", reject);
  });
  const gatherer = new Gatherer(socket, options.upBytes);
  return {
    send(sequence, atUs) {
      if (socket.writableLength >= WAITING_BYTES) return false;
      gatherer.add(sequence, atUs);
      return true;
    },
    flush: () => gatherer.flush(),
    drained: () =>
      socket.writableNeedDrain
        ? new Promise((resolve) => socket.once("drain", resolve))
        : new Promise((resolve) => setImmediate(resolve)),
    close: async () => socket.destroy(),
  };
}
