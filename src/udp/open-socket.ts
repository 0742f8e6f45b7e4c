/**
 * Opens a real socket: on `node:dgram`, or a native one where that is asked for. Not here: what either does (dgram-socket.ts,
 * native-socket.ts).
 */
import { StardustError } from "../errors.ts";
import { openDgramSocket } from "./dgram-socket.ts";
import { nativeProblem, nativeThread } from "./native-binding.ts";
import { openNativeSocket } from "./native-socket.ts";
import type { BindOptions, DatagramSocket, OpenedSocket, SocketKind } from "./socket.ts";

/** What sockets ask of the system for either direction. The system may grant less. */
export const SOCKET_BUFFER_BYTES: number = 4 * 1024 * 1024;

export interface OpenSocketOptions {
  /** An address, not a name. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly bufferBytes?: number | undefined;
  /** Of `::`: that IPv4 is left to other sockets. */
  readonly ipv6Only?: boolean | undefined;
  /** Whether to say so, once a thread, where the system grants smaller buffers than the default. */
  readonly warn: boolean;
  readonly kind?: SocketKind | undefined;
}

/** Where nobody says which: for a whole process, so that tests and benchmarks run over either. */
export function defaultKind(): SocketKind {
  const kind = process.env["STARDUST_SOCKETS"] ?? "node";
  if (kind === "node" || kind === "native" || kind === "auto") return kind;
  throw new StardustError(
    "STARDUST_INVALID_OPTION",
    `the environment's STARDUST_SOCKETS must be "node", "native" or "auto", not ${JSON.stringify(kind)}`,
  );
}

/** Binds a socket; rejects with `PortBindError`, or STARDUST_UNSUPPORTED where there are no native ones. */
export async function openSocket(options: OpenSocketOptions): Promise<DatagramSocket> {
  const { host, port, ipv6Only = false, bufferBytes = SOCKET_BUFFER_BYTES } = options;
  const bind = { host, port, ipv6Only, bufferBytes };
  const { socket, grantedBytes } = await open(bind, options.kind ?? defaultKind());
  if (options.warn && grantedBytes < bufferBytes && bufferBytes === SOCKET_BUFFER_BYTES) {
    warnOnce(grantedBytes);
  }
  return socket;
}

function open(options: BindOptions, kind: SocketKind): Promise<OpenedSocket> {
  if (kind === "node") return openDgramSocket(options);
  const thread = nativeThread();
  if (thread !== undefined) return openNativeSocket(thread, options);
  if (kind === "auto") return openDgramSocket(options);
  throw new StardustError(
    "STARDUST_UNSUPPORTED",
    `there are no native sockets here: ${nativeProblem()}; \`npm rebuild stardust-udp\` builds them on Linux with a C compiler, and with sockets: "auto" all goes on without them`,
  );
}

let warned = false;

function warnOnce(grantedBytes: number): void {
  if (warned) return;
  warned = true;
  process.emitWarning(
    `the system granted a UDP receive buffer of ${Math.round(grantedBytes / 1024)} KiB where 4096 were asked; ` +
      "bursts may be lost (on Linux: sysctl -w net.core.rmem_max=4194304)",
    { code: "STARDUST_SMALL_BUFFER" },
  );
}
