/**
 * `DatagramSocket` on `node:dgram`. One system call a datagram each way; nothing is retried and nothing throws after
 * the socket is bound: what the network refuses is lost, as on any link.
 */
import dgram from "node:dgram";
import { isIPv6 } from "node:net";
import { PortBindError } from "../errors.ts";
import type { BindOptions, DatagramListener, DatagramSocket, OpenedSocket } from "./socket.ts";

type LookupCallback = (error: null, address: string, family: number) => void;

/**
 * An address needs no look-up: without this, `dgram` defers every send to the next tick and keeps the buffer. Nor does its
 * family, which is that of the socket.
 */
function lookupNothing(isSocket6: boolean) {
  const family = isSocket6 ? 6 : 4;
  return (host: string, _options: unknown, callback: LookupCallback): void =>
    callback(null, host, family);
}

/**
 * Where datagrams lie while they are sent, one for all sockets of a thread, and its beginnings by their length: whatever
 * `dgram` is given besides, it makes an object of. The kernel has copied a datagram when `send` returns, unless Node has
 * queued it.
 */
class SendBuffer {
  readonly #bytes: Buffer;
  readonly #starts = new Map<number, Buffer>();

  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafeSlow(size);
  }

  get size(): number {
    return this.#bytes.byteLength;
  }

  /** A copy, until the next. */
  copy(datagram: Uint8Array): Buffer {
    const length = datagram.byteLength;
    this.#bytes.set(datagram);
    let start = this.#starts.get(length);
    if (start === undefined) {
      start = this.#bytes.subarray(0, length);
      this.#starts.set(length, start);
    }
    return start;
  }
}

let sendBuffer = new SendBuffer(2048);

/** Binds a socket; rejects with `PortBindError`. */
export async function openDgramSocket(options: BindOptions): Promise<OpenedSocket> {
  const isSocket6 = isIPv6(options.host);
  const socket = dgram.createSocket({
    type: isSocket6 ? "udp6" : "udp4",
    ipv6Only: options.ipv6Only,
    lookup: lookupNothing(isSocket6) as never,
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("error", (error) => reject(new PortBindError(options.port, options.host, error)));
    socket.bind({ address: options.host, port: options.port, exclusive: true }, resolve);
  });
  socket.removeAllListeners("error");
  // ICMP errors of earlier sends surface here; a peer that is gone is noticed by its silence, not by a forgeable packet.
  socket.on("error", () => {});
  return { socket: new NodeSocket(socket), grantedBytes: setBuffers(socket, options.bufferBytes) };
}

/** The receive buffer that was granted, bytes; infinity where the system does not tell. */
function setBuffers(socket: dgram.Socket, bytes: number): number {
  try {
    socket.setRecvBufferSize(bytes);
    socket.setSendBufferSize(bytes);
  } catch {
    // Some systems refuse what is above their maximum instead of cutting it.
  }
  try {
    return socket.getRecvBufferSize();
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

class NodeSocket implements DatagramSocket {
  readonly port: number;
  readonly address: string;
  readonly #socket: dgram.Socket;
  #closed: Promise<void> | undefined;

  constructor(socket: dgram.Socket) {
    const bound = socket.address();
    this.#socket = socket;
    this.port = bound.port;
    this.address = bound.address;
  }

  send(bytes: Uint8Array, port: number, address: string): void {
    if (this.#closed !== undefined) return;
    if (bytes.byteLength > sendBuffer.size) sendBuffer = new SendBuffer(2 * bytes.byteLength);
    try {
      this.#socket.send(sendBuffer.copy(bytes), port, address);
    } catch {
      return;
    }
    // The system's buffer was full and Node holds on to ours: leave it to it.
    if (this.#socket.getSendQueueCount() > 0) sendBuffer = new SendBuffer(sendBuffer.size);
  }

  listen(listener: DatagramListener): void {
    this.#socket.removeAllListeners("message");
    this.#socket.on("message", (bytes, remote) => listener(bytes, remote.address, remote.port));
  }

  unref(): void {
    this.#socket.unref();
  }

  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => this.#socket.close(() => resolve()));
    return this.#closed;
  }
}
