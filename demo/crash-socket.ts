/**
 * For `npm start -- --crash S`: the sockets of a server, on one of whose ports the worker ends after a while, as by a fault in
 * code of its own. A worker that takes its place ends likewise.
 */
import type { DatagramSocket } from "stardust-udp";

export interface CrashData {
  readonly port: number;
  readonly afterMs: number;
}

/** Its exit code, which the server reports. */
const EXIT_CODE = 3;

export default function wrapSocket(socket: DatagramSocket, data: unknown): DatagramSocket {
  const { port, afterMs } = data as CrashData;
  // In a worker this ends its thread and nothing else.
  if (socket.port === port) setTimeout(() => process.exit(EXIT_CODE), afterMs).unref();
  return socket;
}
