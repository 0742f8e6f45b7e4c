/**
 * `DatagramSocket` on `node:dgram`. One system call a datagram each way; nothing is retried and nothing throws after
 * the socket is bound: what the network refuses is lost, as on any link.
 */
import dgram from "node:dgram";
import { isIPv6 } from "node:net";
import { PortBindError } from "../errors.ts";
import type { DatagramListener, DatagramSocket } from "./socket.ts";

/** What sockets ask of the system for either direction. The system may grant less: see `setBuffers`. */
export const SOCKET_BUFFER_BYTES: number = 4 * 1024 * 1024;

export interface OpenSocketOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly bufferBytes?: number | undefined;
  /** Of `::`: that IPv4 is left to other sockets. */
  readonly ipv6Only?: boolean | undefined;
  /** Whether to say so, once a thread, where the system grants smaller buffers than the default. */
  readonly warn: boolean;
}

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

/** Binds a socket; rejects with `PortBindError`. `host` must be an address, not a name. */
export async function openSocket(options: OpenSocketOptions): Promise<DatagramSocket> {
  const isSocket6 = isIPv6(options.host);
  const socket = dgram.createSocket({
    type: isSocket6 ? "udp6" : "udp4",
    ipv6Only: options.ipv6Only ?? false,
    lookup: lookupNothing(isSocket6) as never,
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("error", (error) => reject(new PortBindError(options.port, options.host, error)));
    socket.bind({ address: options.host, port: options.port, exclusive: true }, resolve);
  });
  socket.removeAllListeners("error");
  // ICMP errors of earlier sends surface here; a peer that is gone is noticed by its silence, not by a forgeable packet.
  socket.on("error", () => {});
  setBuffers(socket, options.bufferBytes ?? SOCKET_BUFFER_BYTES, options.warn);
  return new NodeSocket(socket);
}

let warned = false;

function setBuffers(socket: dgram.Socket, bytes: number, warn: boolean): void {
  let granted = 0;
  try {
    socket.setRecvBufferSize(bytes);
    socket.setSendBufferSize(bytes);
  } catch {
    // Some systems refuse what is above their maximum instead of cutting it.
  }
  try {
    granted = socket.getRecvBufferSize();
  } catch {
    return;
  }
  if (warn && granted < bytes && bytes === SOCKET_BUFFER_BYTES && !warned) {
    warned = true;
    process.emitWarning(
      `the system granted a UDP receive buffer of ${Math.round(granted / 1024)} KiB where 4096 were asked; ` +
        "bursts may be lost (on Linux: sysctl -w net.core.rmem_max=4194304)",
      { code: "STARDUST_SMALL_BUFFER" },
    );
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
