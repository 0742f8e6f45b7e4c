/**
 * The socket of server and client alike, as small an interface as they need, so that a test can put a lossy link
 * in its place (testing/). The real one is a `node:dgram` socket.
 */

/** Called for each datagram; `bytes` is valid during the call only. */
export type DatagramListener = (bytes: Uint8Array, address: string, port: number) => void;

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
}
