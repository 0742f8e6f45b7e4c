/**
 * KCP in C++ (node-kcp) over `node:dgram`, tuned as its authors do for games: `nodelay(1, 10, 2, 1)` (an update each 10 ms, resend
 * after two acks of later ones, no congestion window), windows of 1024. It numbers segments, not messages, but keeps their
 * boundaries (`stream` off). Each client has a conversation of its own.
 */
import { createSocket } from "node:dgram";
import { createRequire } from "node:module";
import { isGood, put } from "./message.js";

const require = createRequire(new URL("../peers/package.json", import.meta.url));
// Its own loader asks for the include path of nan instead of the addon.
const { KCP } = require("node-kcp/build/Release/kcp.node");

const UPDATE_MS = 10;
const HELLO_AGAIN_MS = 50;
const WINDOW = 1024;
/** Segments that may wait behind the window before a sender holds on. */
const WAITING = 2 * WINDOW;
const BUFFER_BYTES = 4 << 20;

/** Who is sent to is an address: with the look-up that `dgram` has by itself, each send would wait for the next tick. */
const lookup = (host, _options, callback) => callback(null, host, 4);

const bind = (socket, host) =>
  new Promise((resolve) => {
    socket.bind(0, host, () => {
      socket.setRecvBufferSize(BUFFER_BYTES);
      socket.setSendBufferSize(BUFFER_BYTES);
      resolve();
    });
  });

/** A conversation that hands its datagrams to `transmit`, and what it has read to `take`. */
class Conversation {
  constructor(size, transmit, take) {
    this.size = size;
    this.take = take;
    this.kcp = new KCP(1, {});
    this.kcp.nodelay(1, UPDATE_MS, 2, 1);
    this.kcp.wndsize(WINDOW, WINDOW);
    this.kcp.output((bytes, length) => transmit(bytes.subarray(0, length)));
    this.kcp.update(Date.now() >>> 0);
    this.timer = setInterval(() => this.kcp.update(Date.now() >>> 0), UPDATE_MS);
  }

  send(size, sequence, atUs) {
    if (this.kcp.waitsnd() >= WAITING) return false;
    const bytes = Buffer.allocUnsafe(size);
    put(new DataView(bytes.buffer, bytes.byteOffset, size), 0, size, sequence, atUs);
    this.kcp.send(bytes);
    return true;
  }

  read(datagram) {
    this.kcp.input(datagram);
    for (let bytes = this.kcp.recv(); bytes !== undefined; bytes = this.kcp.recv()) {
      if (typeof bytes === "number" || bytes === null || bytes.length === 0) break;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const good = bytes.length === this.size && isGood(view, 0, bytes.length);
      this.take(view.getUint32(0, true), view.getUint32(4, true), good);
    }
  }

  flush() {
    this.kcp.flush();
  }

  close() {
    clearInterval(this.timer);
  }
}

export async function serve(options, work) {
  const socket = createSocket({ type: "udp4", lookup });
  const peers = new Map();
  const downBytes = options.downBytes ?? options.upBytes;
  socket.on("message", (bytes, { address, port }) => {
    let peer = peers.get(port);
    if (peer === undefined) {
      const state = work.connected();
      const transmit = (datagram) => socket.send(datagram, port, address);
      peer = new Conversation(options.upBytes, transmit, (sequence, atUs, good) => {
        if (work.take(state, sequence, good, atUs)) peer.send(downBytes, sequence, atUs);
      });
      peers.set(port, peer);
    }
    if (bytes.length === 1) {
      socket.send(bytes, port, address);
      return;
    }
    peer.read(bytes);
    peer.flush();
  });
  await bind(socket, options.host ?? "127.0.0.1");
  return {
    port: socket.address().port,
    broadcast(sequence, atUs) {
      for (const peer of peers.values()) {
        peer.send(downBytes, sequence, atUs);
        peer.flush();
      }
      return peers.size;
    },
    async close() {
      for (const peer of peers.values()) peer.close();
      socket.close();
    },
  };
}

export async function connect(options, port, take) {
  const socket = createSocket("udp4");
  await bind(socket, undefined);
  await new Promise((resolve) => {
    socket.connect(port, options.host ?? "127.0.0.1", resolve);
  });
  const transmit = (datagram) => socket.send(datagram);
  const downBytes = options.downBytes ?? options.upBytes;
  const conversation = new Conversation(downBytes, transmit, (_sequence, atUs, good) =>
    take(atUs, good),
  );
  await new Promise((resolve) => {
    const timer = setInterval(() => socket.send(Buffer.alloc(1)), HELLO_AGAIN_MS);
    socket.once("message", () => {
      clearInterval(timer);
      resolve();
    });
    socket.send(Buffer.alloc(1));
  });
  socket.on("message", (bytes) => conversation.read(bytes));
  return {
    send: (sequence, atUs) => conversation.send(options.upBytes, sequence, atUs),
    flush: () => conversation.flush(),
    drained: () => new Promise((resolve) => setImmediate(resolve)),
    async close() {
      conversation.close();
      socket.close();
    },
  };
}
