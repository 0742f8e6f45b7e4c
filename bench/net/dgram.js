/**
 * Sockets and nothing else, those of `node:dgram` or, with `native`, this library's: the floor under everything that runs on them.
 * Messages of a turn are packed, each behind its length, as any protocol could; nothing is sent again. So that a stream as fast as it
 * goes does not outrun its reader, the reader says how many datagrams it has had, every 32nd, and 256 may be on the way. With
 * `sealed`, datagrams with messages are (gcm.js); with `threads`, each port is a socket on a thread of its own, and clients take them
 * in turn; with `behind`, the server's socket is on one thread and what becomes of its messages on another.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { Opener, Sealer } from "./gcm.js";
import { isGood, put } from "./message.js";
import { openRaw } from "./raw-socket.js";

const DATAGRAM_BYTES = 1200;
const WINDOW = 256;
const SAY_EVERY = 32;
const COUNT_BYTES = 6;

/** Packs messages of one size into datagrams. */
class Packer {
  constructor(size, transmit) {
    this.size = size;
    this.transmit = transmit;
    this.#next();
  }

  #next() {
    this.bytes = Buffer.allocUnsafe(DATAGRAM_BYTES);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, DATAGRAM_BYTES);
    this.at = 0;
  }

  add(sequence, atUs) {
    const { size } = this;
    if (this.at + 2 + size > DATAGRAM_BYTES) this.flush();
    this.view.setUint16(this.at, size, true);
    put(this.view, this.at + 2, size, sequence, atUs);
    this.at += 2 + size;
  }

  flush() {
    if (this.at === 0) return;
    this.transmit(this.bytes.subarray(0, this.at));
    this.#next();
  }
}

/** Calls `take(sequence, atUs, good)` for each message of a datagram. */
function unpack(bytes, size, take) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length; ) {
    const length = view.getUint16(at, true);
    const good = length === size && isGood(view, at + 2, size);
    take(view.getUint32(at + 2, true), view.getUint32(at + 6, true), good);
    at += 2 + length;
  }
}

const asItIs = (bytes) => bytes;

/** What is done with each datagram that has messages, on its way out and in. */
function sealing({ sealed }) {
  if (!sealed) return { seal: asItIs, open: asItIs };
  const [sealer, opener] = [new Sealer(), new Opener()];
  return { seal: (bytes) => sealer.seal(bytes), open: (bytes) => opener.open(bytes) };
}

export async function serve(options, work) {
  if (!options.threads) return serveHere(options, work);
  const workerData = { options, memory: work.counts.memory };
  const threads = Array.from(
    { length: options.ports ?? 1 },
    () => new Worker(new URL("dgram-thread.js", import.meta.url), { workerData }),
  );
  const ports = await Promise.all(
    threads.map(async (thread) => (await once(thread, "message"))[0]),
  );
  return {
    port: ports.join(),
    ticks: true,
    close: () => Promise.all(threads.map((thread) => thread.terminate())),
  };
}

/** All of it on this thread, at one port. */
export async function serveHere(options, work) {
  const { seal, open } = sealing(options);
  const socket = await openRaw(options, options.host ?? "127.0.0.1");
  const peers = new Map();
  const downBytes = options.downBytes ?? options.upBytes;
  const message = Buffer.allocUnsafe(downBytes + 2);
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  view.setUint16(0, downBytes, true);
  const streams = options.work === "stream";
  socket.listen((bytes, address, port) => {
    let peer = peers.get(port);
    if (peer === undefined) {
      peer = { state: work.connected(), address, port, count: 0 };
      peers.set(port, peer);
      socket.send(Buffer.alloc(COUNT_BYTES), port, address);
    }
    if (bytes.length === COUNT_BYTES) return;
    unpack(open(bytes), options.upBytes, (sequence, atUs, good) => {
      if (!work.take(peer.state, sequence, good, atUs)) return;
      put(view, 2, downBytes, sequence, atUs);
      socket.send(seal(message), port, address);
    });
    if (streams && ++peer.count % SAY_EVERY === 0) {
      const count = Buffer.alloc(COUNT_BYTES);
      count.writeUInt32LE(peer.count);
      socket.send(count, port, address);
    }
  });
  return {
    port: socket.port,
    broadcast(sequence, atUs) {
      put(view, 2, downBytes, sequence, atUs);
      for (const { address, port } of peers.values()) socket.send(seal(message), port, address);
      return peers.size;
    },
    close: socket.close,
  };
}

let joined = 0;

export async function connect(options, port, take) {
  const ports = String(port).split(",");
  const { seal, open } = sealing(options);
  const socket = await openRaw({ native: options.native }, "0.0.0.0");
  const host = options.host ?? "127.0.0.1";
  let sent = 0;
  let seen = 0;
  let wake;
  let opened;
  const downBytes = options.downBytes ?? options.upBytes;
  socket.listen((bytes) => {
    if (bytes.length !== COUNT_BYTES) {
      unpack(open(bytes), downBytes, (_sequence, atUs, good) => take(atUs, good));
      return;
    }
    seen = Math.max(seen, new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true));
    opened?.();
    wake?.();
    wake = undefined;
  });
  const send = await socket.to(Number(ports[joined++ % ports.length]), host);
  await new Promise((resolve) => {
    opened = resolve;
    send(Buffer.alloc(COUNT_BYTES));
  });
  const streams = options.work === "stream";
  const packer = new Packer(options.upBytes, (bytes) => {
    sent++;
    send(seal(bytes));
  });
  return {
    send(sequence, atUs) {
      if (streams && sent - seen >= WINDOW) return false;
      packer.add(sequence, atUs);
      return true;
    },
    flush: () => packer.flush(),
    drained: () =>
      new Promise((resolve) => {
        wake = resolve;
      }),
    close: socket.close,
  };
}
