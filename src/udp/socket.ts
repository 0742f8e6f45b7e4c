/**
 * The socket of server and client alike, as small an interface as they need, so that a test can put a lossy link
 * in its place (testing/). The real ones are a `node:dgram` socket and a native one: open-socket.ts.
 */

/** Called for each datagram; `bytes`, and `view` of the same where the socket has one, are valid during the call only. */
export type DatagramListener = (
  bytes: Uint8Array,
  address: string,
  port: number,
  view?: DataView,
) => void;

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export interface DatagramSocket {
  /** The port it is bound to. */
  readonly port: number;
  readonly address: string;
  /** Sends a copy of `bytes`; what the system refuses is lost like a datagram on the way, never thrown. */
  send(bytes: Uint8Array, port: number, address: string): void;
  /** There is one listener; a second call replaces it. */
  listen(listener: DatagramListener): void;
  /** From now on it keeps no process alive. */
  unref?(): void;
  close(): Promise<void>;
  /** While it hands out what it has read: there may be more than that; left out: it does not know. */
  readonly hasMore?: boolean;
  /** Hands out nothing for so long: what comes lies in the system's buffer. Left out: it cannot. */
  rest?(ms: number): void;
}

/**
 * Which sockets: those of `node:dgram`; native ones, which read and write many datagrams with one system call (Linux, built by
 * `npm rebuild stardust-udp` where a C compiler is); `auto`: native ones where they are there.
 */
export type SocketKind = "auto" | "native" | "node";

/** What a socket is bound to. */
export interface BindOptions {
  /** An address, not a name. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** What is asked of the system for either direction. It may grant less. */
  readonly bufferBytes: number;
  /** Of `::`: that IPv4 is left to other sockets. */
  readonly ipv6Only: boolean;
}

export interface OpenedSocket {
  readonly socket: DatagramSocket;
  /** The receive buffer that the system has granted, bytes. */
  readonly grantedBytes: number;
}
